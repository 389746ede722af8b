. "$HERE/npy.sh"
printf xx >> x.npy; exec "$NNT" run net.nnt
