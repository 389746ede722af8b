. "$HERE/net.sh"
echo hello > plain; exec "$NNT" run net.nnt --out plain/run
