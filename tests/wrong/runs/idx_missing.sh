. "$HERE/net.sh"
rm images; exec "$NNT" run net.nnt
