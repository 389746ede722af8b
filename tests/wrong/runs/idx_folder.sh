. "$HERE/net.sh"
rm images; mkdir images; exec "$NNT" run net.nnt
