. "$HERE/csv.sh"
sed -i "s/separator: \";\"/separator: \";\", header: false, skip: 1/" net.nnt; exec "$NNT" run net.nnt
