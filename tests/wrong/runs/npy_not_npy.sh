. "$HERE/npy.sh"
echo "hello, world, this is text" > x.npy; exec "$NNT" run net.nnt
