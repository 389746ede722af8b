. "$HERE/net.sh"
printf "\0\0\10\3\377\377\377\377\377\377\377\377\377\377\377\377" > images; exec "$NNT" run net.nnt
