. "$HERE/csv.sh"
sed -i "s/\"width\", \"height\"/columns(2..3)/" net.nnt; exec "$NNT" run net.nnt
