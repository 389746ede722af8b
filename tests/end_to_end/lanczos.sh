#!/usr/bin/env bash
# lanczos.sh: ln det A by probes: asked for, it agrees with Cholesky within its error; where A does not fit it is chosen, and says so.
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 2
status=0
network() { # neurons of the hidden layer, the ensemble's evaluation, a potential: without one few rows do
    cat << NNT
network wide {
    neurons x[2], h[$1], k[5], y
    input x
    output y
    weights x -> h -> k -> y
    activation h, k = tanh(z)
    activation y = z
    loss boundary = squared_error(y, target)
    ${3:-potential k = 0.1 * s^2}
}
ensemble { $2 }
data { train xor() }
train { epochs 1 }
measure at end on 4 samples of train { C, H_min }
NNT
}
value() { sed -E "s/.*\"$1\": ([^,}]*).*/\1/" "runs/$2-1/metrics.jsonl" | tail -1; }
network 40 '' > blocks.nnt
network 40 'evaluation gaussian(determinant: lanczos, probes: 64)' > probes.nnt
network 300000 '' > outgrown.nnt
for name in blocks probes outgrown; do
    sed -i "s/network wide/network $name/" $name.nnt
    "$NNT" run --quiet $name.nnt > $name.out 2> $name.err || { cat $name.err; exit 1; }
done
awk -v exact="$(value C blocks)" -v found="$(value C probes)" -v error="$(value C_error probes)" \
    'BEGIN { d = found - exact; exit !(error > 0 && d * d < 16 * error * error) }' ||
    { echo "C is $(value C blocks) by Cholesky, $(value C probes) ± $(value C_error probes) by Lanczos"; status=1; }
awk -v exact="$(value H_min blocks)" -v found="$(value H_min probes)" \
    'BEGIN { d = found - exact; exit !(d * d < 1e-20) }' || { echo "H_min is not that of Cholesky"; status=1; }
[ -s probes.err ] && { echo "who asks for Lanczos is not warned:"; cat probes.err; status=1; }
grep -q 'the blocks of A over 300005 free neurons would take .*\[lanczos\]' outgrown.err ||
    { echo "no warning that A does not fit:"; cat outgrown.err; status=1; }
awk -v found="$(value C outgrown)" 'BEGIN { exit !(found < 0 && found > -5) }' ||
    { echo "C of the wide network is $(value C outgrown)"; status=1; }
# Where ln det A is a determinant of few rows nothing is needed but those: exact, without a word, derivatives and all; no spectrum.
network 300000 '' '# V = 0' | sed 's/network wide/network rows/; s/H_min }/H_min, grad_F }/' > rows.nnt
network 40 '' '# V = 0' | sed 's/network wide/network spread/; s/H_min }/spectrum }/' > spread.nnt
network 300000 '' '# V = 0' | sed 's/network wide/network spectral/; s/H_min }/spectrum }/' > spectral.nnt
"$NNT" run --quiet rows.nnt > rows.out 2> rows.err && [ ! -s rows.err ] || { echo "few rows do not serve:"; cat rows.err; status=1; }
awk -v C="$(value C rows)" -v error="$(value C_error rows)" -v slope="$(value T_grad_C rows)" \
    'BEGIN { exit !(C < 0 && C > -5 && error < 1 && slope > 0) }' || { echo "C of few rows is $(value C rows)"; status=1; }
"$NNT" run --quiet spread.nnt > spread.out 2>&1 || { echo "no spectrum beside few rows"; status=1; }
"$NNT" run --quiet spectral.nnt > spectral.out 2>&1
[ $? = 1 ] && grep -q 'A is needed in blocks for the spectrum of A.*\[needs-cholesky\]' spectral.out || { echo "a spectrum that does not fit:"; cat spectral.out; status=1; }
# Where F is to be differentiated A has to fit: told before anything runs.
network 300000 '' | sed 's/network wide/network descent/; s/epochs 1/epochs 1\n minimize free_energy/' > descent.nnt
network 300000 '' | sed 's/network wide/network slope/; s/H_min }/grad_F }/' > slope.nnt
for name in descent slope; do
    "$NNT" run --quiet $name.nnt > $name.out 2> $name.err
    [ $? = 1 ] && grep -q 'the derivatives of F need A in blocks, .*\[needs-cholesky\]' $name.err && ! grep -q unbounded $name.err && [ ! -e runs/$name-1 ] ||
        { echo "$name is not refused as it should be:"; cat $name.err; status=1; }
done
exit $status
