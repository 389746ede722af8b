. "$HERE/csv.sh"
"$NNT" run net.nnt --out run --quiet
sed -i 's/standardize(/columns(/' net.nnt; exec "$NNT" eval net.nnt --weights run/weights.safetensors > /dev/null
