# law_of_idle_C.sh: with one hidden layer and affine outputs neither data nor activation enters C.
. "$HERE/laws.sh"
law_net 'h, k = tanh(z)' 'temperature 0.1' 20 '30 samples { second_law }'
sed -i 's/, k\[3\]//; s/ -> k//; s/h, k/h/' net.nnt
"$NNT" run net.nnt --quiet --out run
