. "$HERE/net.sh"
head -c 40 images > cut; mv cut images; exec "$NNT" run net.nnt
