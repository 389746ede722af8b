# laws.sh: a network that several runs share, and what each has of its own.
law_net() { # activations, ensemble, steps, measured
    cat > net.nnt <<N
network net {
    neurons x[2], h[3], k[3], y[2]
    input x
    output y
    weights x -> h -> k -> y init normal(0, 0.5)
    biases y
    activation $1
    activation y = z
    loss boundary = squared_error(y, target)
}
data { train teacher(count: 40, inputs: 2, hidden: 3, outputs: 2) }
ensemble { $2 }
train { optimizer sgd(rate: 0.05)
        steps $3 }
measure 3 times on $4
N
}
