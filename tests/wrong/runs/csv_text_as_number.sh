. "$HERE/csv.sh"
sed -i "5s/;2;/;n\/a;/" table.csv; exec "$NNT" run net.nnt
