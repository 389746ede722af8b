. "$HERE/npy.sh"
head -c 133 x.npy > cut; mv cut x.npy; exec "$NNT" run net.nnt
