# law_unresolved.sh: a probe of two samples does not tell how C changed.
. "$HERE/laws.sh"
law_net 'h, k = tanh(z)' 'temperature 0.1' 4 '2 samples { second_law }'
"$NNT" run net.nnt --seed 4 --quiet --out run
