. "$HERE/csv.sh"
sed -i "s/^    x =/    test csv(\"other.csv\", separator: \";\")\n    x =/" net.nnt; sed "1s/height/breadth/" table.csv > other.csv; exec "$NNT" run net.nnt
