# Three columns for a group of two neurons.
. "$HERE/csv.sh"
sed -i 's/    x = .*/    x = standardize(columns(1, 2, 1))/' net.nnt
"$NNT" run net.nnt --quiet
