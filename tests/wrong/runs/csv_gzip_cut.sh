. "$HERE/csv.sh"
gzip -n table.csv; head -c 30 table.csv.gz > table.csv; exec "$NNT" run net.nnt
