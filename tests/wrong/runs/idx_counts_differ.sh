. "$HERE/net.sh"
printf "\0\0\10\1\0\0\0\7\0\1\0\1\0\1\0" > labels; exec "$NNT" run net.nnt
