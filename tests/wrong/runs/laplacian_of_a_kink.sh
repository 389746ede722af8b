# laplacian_of_a_kink.sh: elu and softsign have a continuous slope, and no second derivative at 0.
. "$HERE/laws.sh"
law_net 'h = elu(z)
    activation k = softsign(z)' 'temperature 0.1' 20 '30 samples { first_law, efficiency(probes: 4) }'
"$NNT" run net.nnt --quiet --out run
