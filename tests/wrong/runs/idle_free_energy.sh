# idle_free_energy.sh: with inputs alone clamped, no cycle and no potential F does not depend on the weights, and that is told.
cat > idle.nnt <<'N'
network idle {
    neurons x[2], h[3], y
    input x
    output y
    weights x -> h -> y
    activation h = tanh(z)
    activation y = z
    loss boundary = squared_error(y, target)
}
data { train xor() }
ensemble { clamp x }
train { minimize free_energy
        steps 2 }
measure at end { F, grad_F }
N
"$NNT" run idle.nnt --out run 2>&1 | grep -v 'done after'
sed 's/clamp x/clamp x, y/; s/network idle/network held/' idle.nnt > held.nnt
"$NNT" run held.nnt --out held 2>&1 | grep idle
