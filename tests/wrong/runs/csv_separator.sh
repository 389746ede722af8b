. "$HERE/csv.sh"
sed -i "s/, separator: \";\"//" net.nnt; exec "$NNT" run net.nnt
