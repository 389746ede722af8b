. "$HERE/net.sh"
echo "hello, world, this is text" > images; exec "$NNT" run net.nnt
