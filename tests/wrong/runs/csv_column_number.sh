. "$HERE/csv.sh"
sed -i "s/\"height\"/columns(4)/" net.nnt; exec "$NNT" run net.nnt
