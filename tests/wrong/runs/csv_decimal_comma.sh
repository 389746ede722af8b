. "$HERE/csv.sh"
sed -i "3s/3.5/3,5/" table.csv; exec "$NNT" run net.nnt
