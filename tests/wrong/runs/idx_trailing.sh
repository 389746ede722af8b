. "$HERE/net.sh"
printf xx >> images; exec "$NNT" run net.nnt
