. "$HERE/net.sh"
"$NNT" run --quiet net.nnt --out r; head -c 300 r/weights.safetensors > w; exec "$NNT" eval net.nnt --weights w
