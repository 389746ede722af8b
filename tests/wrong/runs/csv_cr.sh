. "$HERE/csv.sh"
tr '\n' '\r' < table.csv > t; mv t table.csv; exec "$NNT" run net.nnt
