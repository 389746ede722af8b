. "$HERE/csv.sh"
rm table.csv; mkdir table.csv; exec "$NNT" run net.nnt
