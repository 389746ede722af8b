. "$HERE/npy.sh"
head -c 60 x.npy > cut; mv cut x.npy; exec "$NNT" run net.nnt
