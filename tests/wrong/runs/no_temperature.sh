# no_temperature.sh: with the inputs alone clamped the forward state has no error, and so no temperature.
. "$HERE/laws.sh"
law_net 'h, k = tanh(z)' 'clamp x
           temperature inferred' 20 '30 samples { U, C }'
"$NNT" run net.nnt --quiet --out run
