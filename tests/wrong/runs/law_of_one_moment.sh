# law_of_one_moment.sh: nnt measure looks once, and says that a law needs two measurements.
cat > net.nnt <<'N'
network net {
    neurons x[2], h[3], k[3], y[2]
    input x
    output y
    weights x -> h -> k -> y init normal(0, 0.5)
    activation h, k = tanh(z)
    activation y = z
    loss boundary = squared_error(y, target)
}
data { train teacher(count: 40, inputs: 2, hidden: 3, outputs: 2) }
train { steps 20 }
measure 3 times on 30 samples { first_law, second_law }
N
"$NNT" run net.nnt --quiet --out run && "$NNT" measure net.nnt --weights run/weights.safetensors --json
