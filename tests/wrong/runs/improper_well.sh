# improper_well.sh: between the wells of a potential there is no Gaussian: at the forward state, and not at a relaxed one either if that is there.
cat > well.nnt <<'N'
network well {
    neurons u
    biases u
    activation u = tanh(z)
    potential u = 2 * (s^2 - 1)^2
}
ensemble { clamp none
           reference forward }
measure at end { U, C }
N
"$NNT" run well.nnt --quiet --out forward
echo "exit $?"
sed 's/reference forward/reference relaxed/' well.nnt > relaxed.nnt
"$NNT" run relaxed.nnt --quiet --out relaxed
echo "exit $?"
sed 's/reference forward/reference relaxed\n           hessian full/' well.nnt > full.nnt
"$NNT" run full.nnt --quiet --out full
