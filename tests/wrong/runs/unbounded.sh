# unbounded.sh: F of a linear self-loop has no lower bound: training stops near det A = 0 and keeps the weights before.
cat > loop.nnt <<'N'
network loop {
    neurons s[2]
    weights s -> s init constant(0.3)
    activation s = z
    dynamics settle(tolerance: 1e-9, most: 500)
}
ensemble { clamp none }
train { minimize free_energy
        optimizer sgd(rate: 0.01)
        steps 500 }
measure at end { C, F }
N
"$NNT" run loop.nnt --quiet --precision f64 --out run
echo "exit $?"
"$NNT" measure loop.nnt --weights run/weights.safetensors > measured && wc -l < measured
