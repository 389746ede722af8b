# law_unresolved.sh: a probe of two samples does not tell how C changed.
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
ensemble { temperature 0.1 }
train { optimizer sgd(rate: 0.05)
        steps 4 }
measure 3 times on 2 samples { second_law }
N
"$NNT" run net.nnt --seed 4 --quiet --out run
