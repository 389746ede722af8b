# A column of 300 different texts as a label.
. "$HERE/csv.sh"
{ echo 'width;height;kind'; for i in $(seq 300); do echo "$i;1;kind$i"; done; } > table.csv
"$NNT" run net.nnt --quiet
