# unbounded_improper.sh: a potential that bends down too much leaves no Gaussian to train on; the message says why.
cat > bowl.nnt <<'N'
network bowl {
    neurons x, h, y
    input x
    output y
    weights x -> h -> y init constant(1)
    activation h = z
    activation y = z
    potential h = -2 * s^2
}
data { train teacher(count: 20, inputs: 1, hidden: 2, outputs: 1) }
train { minimize free_energy
        optimizer sgd(rate: 0.05)
        steps 500 }
measure at end { C, F }
N
"$NNT" run bowl.nnt --quiet --precision f64 --out run
