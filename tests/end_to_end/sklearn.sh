#!/usr/bin/env bash
# sklearn.sh: three tables of Debian's python3-sklearn are learnt: a hold-out accuracy of at least 93 %, the mean of five hold-outs.
# Skipped where the package is not; NNT_SKLEARN is another folder with the tables.
data=${NNT_SKLEARN:-/usr/lib/python3/dist-packages/sklearn/datasets/data}
[ -e "$data/iris.csv" ] || { echo "no iris.csv in $data"; exit 77; }
cd "$(mktemp -d)" || exit 2
status=0
for name in iris wine cancer; do
    file=$NNT_SOURCE/tests/end_to_end/sklearn/$name.nnt
    [ "$(wc -l < "$file")" -le 25 ] || { echo "$name.nnt has more than 25 lines"; status=1; }
    for split in 1 2 3 4 5; do
        "$NNT" run "$file" --data "$data" --set split=$split --json --quiet --out "$name$split" > out || exit 1
        tail -1 out | sed -n 's/.*"test": {[^}]*"accuracy": \([0-9.]*\).*/\1/p'
    done > "$name"
    awk -v name=$name '{ sum += $1 } END { printf "%s: hold-out accuracy %.4f, mean of %d\n", name, sum / NR, NR; exit !(NR == 5 && sum / NR >= 0.93) }' "$name" ||
        { echo "$name: expected 0.93"; tr '\n' ' ' < "$name"; status=1; }
done
exit $status
