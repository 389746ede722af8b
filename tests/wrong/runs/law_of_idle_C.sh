# law_of_idle_C.sh: with one hidden layer and affine outputs neither data nor activation enters C.
cat > net.nnt <<'N'
network net {
    neurons x[2], h[3], y[2]
    input x
    output y
    weights x -> h -> y init normal(0, 0.5)
    biases y
    activation h = tanh(z)
    activation y = z
    loss boundary = squared_error(y, target)
}
data { train teacher(count: 40, inputs: 2, hidden: 3, outputs: 2) }
ensemble { temperature 0.1 }
train { optimizer sgd(rate: 0.05)
        steps 20 }
measure 3 times on 30 samples { second_law }
N
"$NNT" run net.nnt --quiet --out run
