. "$HERE/net.sh"
sed -i "s/x\[2, 2\]/x[3, 3]/" net.nnt; exec "$NNT" run net.nnt
