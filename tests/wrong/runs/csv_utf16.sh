. "$HERE/csv.sh"
iconv -t UTF-16LE table.csv > t; mv t table.csv; exec "$NNT" run net.nnt
