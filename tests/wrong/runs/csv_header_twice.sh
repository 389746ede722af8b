. "$HERE/csv.sh"
sed -i "1s/height/width/" table.csv; exec "$NNT" run net.nnt
