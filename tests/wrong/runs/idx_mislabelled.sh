. "$HERE/net.sh"
printf "\0\0\10\1\0\0\0\10\0\1\0\1\0\1\0\3" > labels; exec "$NNT" run net.nnt
