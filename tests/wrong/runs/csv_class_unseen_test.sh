. "$HERE/csv.sh"
sed -i "s/^    x =/    test csv(\"other.csv\", separator: \";\")\n    x =/; s/\"kind\"/one_hot(\"kind\")/" net.nnt; sed -i "s/cat/1/; s/dog/2/" table.csv; sed "6s/1$/7/" table.csv > other.csv; exec "$NNT" run net.nnt
