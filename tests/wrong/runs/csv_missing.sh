. "$HERE/csv.sh"
rm table.csv; exec "$NNT" run net.nnt
