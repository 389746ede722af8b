# One array, and an input and an output to be bound to arrays in order.
. "$HERE/npy.sh"
sed -i 's/npy(.*)/npy(x: "x.npy")/' net.nnt
"$NNT" run net.nnt --quiet
