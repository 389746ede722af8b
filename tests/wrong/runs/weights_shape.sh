. "$HERE/net.sh"
"$NNT" run --quiet net.nnt --out r; sed "s/h\[3\]/h[4]/" net.nnt > other.nnt; exec "$NNT" eval other.nnt --weights r/weights.safetensors
