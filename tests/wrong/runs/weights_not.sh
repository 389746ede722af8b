. "$HERE/net.sh"
echo "this is no weights file, is it" > w; exec "$NNT" eval net.nnt --weights w
