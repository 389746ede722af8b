# net.sh: files that the runs share: a network on IDX files, and good IDX files of 8 images of 2 by 2.
cat > net.nnt <<'N'
network net {
    neurons x[2, 2], h[3], y[2]
    input  x
    output y
    weights x -> h -> y
    biases h, y
    activation h = tanh(z)
    activation y = softmax(z)
    loss boundary = cross_entropy(y, target)
}
data  { train idx(image: "images", label: "labels") }
train { epochs 2 }
measure at end { loss }
N
printf '\0\0\10\3\0\0\0\10\0\0\0\2\0\0\0\2' > images
printf '%032d' 0 | tr 0 '\7' >> images
printf '\0\0\10\1\0\0\0\10\0\1\0\1\0\1\0\1' > labels
