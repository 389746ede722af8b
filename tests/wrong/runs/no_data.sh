. "$HERE/net.sh"
sed -i '/^data/d' net.nnt
exec "$NNT" run net.nnt
