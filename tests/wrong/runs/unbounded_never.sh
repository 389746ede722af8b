# unbounded_never.sh: without cycles and potentials F has a lower bound, and however long the steps are they do not leap over its end.
cat > chain.nnt <<'N'
network chain {
    neurons x[2], h[3], k[3], y[2]
    input x
    output y
    weights x -> h -> k -> y
    activation h, k = tanh(z)
    activation y = z
    loss boundary = squared_error(y, target)
}
data { train teacher(count: 60, inputs: 2, hidden: 3, outputs: 2) }
ensemble { temperature 0.5 }
train { minimize free_energy
        optimizer sgd(rate: 10)
        steps 100 }
measure at end { C, F }
N
"$NNT" run chain.nnt --quiet --out run
