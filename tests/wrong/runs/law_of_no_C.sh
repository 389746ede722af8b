# law_of_no_C.sh: with the inputs alone clamped C is 0 whatever the weights.
cat > net.nnt <<'N'
network net {
    neurons x[2], h[3], k[3], y[2]
    input x
    output y
    weights x -> h -> k -> y init normal(0, 0.5)
    biases y
    activation h, k = tanh(z)
    activation y = z
    loss boundary = squared_error(y, target)
}
data { train teacher(count: 40, inputs: 2, hidden: 3, outputs: 2) }
ensemble { clamp x
           temperature 0.1 }
train { optimizer sgd(rate: 0.05)
        steps 20 }
measure 3 times on 30 samples { first_law, second_law }
N
"$NNT" run net.nnt --quiet --out run
