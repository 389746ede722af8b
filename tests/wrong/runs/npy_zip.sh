. "$HERE/npy.sh"
printf "PK\3\4zip" > x.npy; exec "$NNT" run net.nnt
