. "$HERE/csv.sh"
sed -i "s/^    x =/    holdout 0.5\n    x =/" net.nnt; sed -i "2s/cat/cow/; 3s/dog/pig/; 4s/cat/hen/; s/y\[2\]/y[5]/" table.csv net.nnt; exec "$NNT" run net.nnt
