. "$HERE/csv.sh"
sed -i 's/^    x =/    test csv("other.csv", separator: ";")\n    x =/' net.nnt; sed '6s/cat/Cat/' table.csv > other.csv; exec "$NNT" run net.nnt
