. "$HERE/csv.sh"
sed -i 's/^    x =/    test csv("other.csv", separator: ";")\n    x =/' net.nnt; sed '1s/kind/width/' table.csv > other.csv; exec "$NNT" run net.nnt
