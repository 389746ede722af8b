. "$HERE/npy.sh"
exec "$NNT" run net.nnt --quiet
