. "$HERE/net.sh"
exec "$NNT" run net.nnt --seed minus
