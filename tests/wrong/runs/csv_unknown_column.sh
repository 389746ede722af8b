. "$HERE/csv.sh"
sed -i "s/\"height\"/\"hieght\"/" net.nnt; exec "$NNT" run net.nnt
