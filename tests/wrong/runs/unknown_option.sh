. "$HERE/net.sh"
exec "$NNT" run net.nnt --sed 3
