. "$HERE/npy.sh"
rm y.npy; exec "$NNT" run net.nnt
