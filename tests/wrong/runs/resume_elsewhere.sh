. "$HERE/net.sh"
"$NNT" run --quiet net.nnt --out r; "$NNT" run --resume r --out elsewhere; exec "$NNT" run --resume r --weights r/weights.safetensors
