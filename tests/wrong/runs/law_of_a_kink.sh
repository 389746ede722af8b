# law_of_a_kink.sh: the first law of a network whose slopes jump is measured with a warning.
. "$HERE/laws.sh"
law_net 'h, k = relu(z)' 'temperature 0.1' 20 '30 samples { first_law }'
"$NNT" run net.nnt --quiet --out run
