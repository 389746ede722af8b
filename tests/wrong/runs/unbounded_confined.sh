# unbounded_confined.sh: where every free neuron has a potential, a step that C does not follow is too long: F does have a lower bound.
cat > loop.nnt <<'N'
network loop {
    neurons s[2]
    weights s -> s init constant(0.3)
    activation s = z
    potential s = 0.05 * s^2
    dynamics settle(tolerance: 1e-9, most: 500)
}
ensemble { clamp none }
train { minimize free_energy
        optimizer sgd(rate: 1)
        steps 500 }
measure at end { C, F }
N
"$NNT" run loop.nnt --quiet --precision f64 --out run
