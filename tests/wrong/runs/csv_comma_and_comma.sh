. "$HERE/csv.sh"
sed -i 's/, separator: ";"//' net.nnt; sed -i 's/;/,/g; 3s/3.5/3,5/' table.csv; exec "$NNT" run net.nnt
