# law_of_heat.sh: where T falls a lot its heat makes almost all of dU.
. "$HERE/laws.sh"
law_net 'h, k = tanh(z)' 'temperature linear(10, 0.1)' 20 '30 samples { first_law }'
"$NNT" run net.nnt --quiet --out run
