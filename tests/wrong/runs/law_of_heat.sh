# law_of_heat.sh: where T falls a lot its heat makes almost all of dU.
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
ensemble { temperature linear(10, 0.1) }
train { optimizer sgd(rate: 0.05)
        steps 20 }
measure 3 times on 30 samples { first_law }
N
"$NNT" run net.nnt --quiet --out run
