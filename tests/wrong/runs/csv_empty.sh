. "$HERE/csv.sh"
printf "width;height;kind\n" > table.csv; exec "$NNT" run net.nnt
