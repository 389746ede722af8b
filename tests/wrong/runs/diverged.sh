. "$HERE/net.sh"
sed -i 's/softmax(z)/z/; s/tanh(z)/z/; s/cross_entropy/squared_error/; s/epochs 2/epochs 40\n optimizer sgd(rate: 1e9)/' net.nnt
"$NNT" run --quiet net.nnt --out r; s=$?; ls r; exit $s
