# A label in the test data that the training data lacks.
. "$HERE/net.sh"
sed -i 's/^data .*/data {\n    train idx(image: "images", label: "labels")\n    test idx(image: "images", label: "others")\n}/' net.nnt
printf '\0\0\10\1\0\0\0\10\0\1\0\1\0\1\0\7' > others
"$NNT" run net.nnt --quiet
