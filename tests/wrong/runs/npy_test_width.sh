# The test data has more numbers a sample than the training data.
. "$HERE/npy.sh"
sed -i 's/^data .*/data {\n    train npy(x: "x.npy", y: "y.npy")\n    test npy(x: "wide.npy", y: "y.npy")\n}/' net.nnt
npy wide.npy "{'descr': '|i1', 'fortran_order': False, 'shape': (4, 3), }"
printf '\1\2\3\4\5\6\7\1\2\3\4\5' >> wide.npy
"$NNT" run net.nnt --quiet
