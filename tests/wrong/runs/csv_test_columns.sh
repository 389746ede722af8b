# The test file has fewer columns than the training file; columns are given by number.
. "$HERE/csv.sh"
sed -i 's/    x = .*/    test csv("few.csv", separator: ";")\n    x = standardize(columns(1, 2))/; s/y = "kind"/y = one_hot(columns(3))/' net.nnt
printf 'width;height\n1;2\n' > few.csv
"$NNT" run net.nnt --quiet
