. "$HERE/net.sh"
gzip -n images; head -c 20 images.gz > images; exec "$NNT" run net.nnt
