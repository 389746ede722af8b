. "$HERE/net.sh"
"$NNT" check net.nnt > /dev/full
