. "$HERE/csv.sh"
sed -i "4s/cat/cow/" table.csv; exec "$NNT" run net.nnt
