. "$HERE/csv.sh"
sed -i "s/\"kind\"/one_hot(\"height\")/" net.nnt; exec "$NNT" run net.nnt
