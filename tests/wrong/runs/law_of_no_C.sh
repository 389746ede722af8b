# law_of_no_C.sh: with the inputs alone clamped C is 0 whatever the weights.
. "$HERE/laws.sh"
law_net 'h, k = tanh(z)' 'clamp x
           temperature 0.1' 20 '30 samples { first_law, second_law }'
"$NNT" run net.nnt --quiet --out run
