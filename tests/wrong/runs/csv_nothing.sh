. "$HERE/csv.sh"
: > table.csv; exec "$NNT" run net.nnt
