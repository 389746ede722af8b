. "$HERE/csv.sh"
sed 's/standardize(/columns(/' net.nnt > raw.nnt; "$NNT" run raw.nnt --out run --quiet
exec "$NNT" eval net.nnt --weights run/weights.safetensors > /dev/null
