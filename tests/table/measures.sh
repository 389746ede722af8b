#!/usr/bin/env bash
# measures.sh: every measure of the table that can be had is written under its key, a finite number, by a file that asks for it alone;
# and the page of the run says what it is.
cd "$(mktemp -d)" || exit 2
status=0 rows=0
fail() { echo "$1"; status=1; }

# Rows: their names and whether they can be had.
names=$(sed -n 's/^MEASURE(\([A-Za-z_0]*\), *[A-Z]*, *true,.*/\1/p' "$NNT_SOURCE/runtime/thermo/measures.def")
[ -n "$names" ] || fail "no rows found"
# A run of a file that measures NAME: each of the keys is written, and has a row in quantities.def.
check() { # name, what is minimised, keys
    local name=$1 minimised=$2
    shift 2
    rm -rf "$name"
    cat > "$name.nnt" <<N
network measured {
    neurons x[2], h[3], y
    input x
    output y
    weights x -> h -> y
    weights h -> h hollow
    biases h, y
    activation h = 0.5 * tanh(z)
    activation y = logistic(z)
    dynamics settle(tolerance: 1e-5, most: 200)
    potential h = 0.1 * s^2
    loss boundary = binary_cross_entropy(y, target)
}
data { train moons(count: 64) }
ensemble { reference relaxed }
train { minimize $minimised
        steps 3 }
measure 2 times on 16 samples { $name }
N
    "$NNT" run "$name.nnt" --quiet --out "$name" > said 2>&1 || { fail "$name: $(cat said)"; return; }
    for key in "$@"; do
        rows=$((rows + 1))
        grep -qE "\"$key\": \\[?-?[0-9][0-9.e+-]*[],}]" "$name/metrics.jsonl" || fail "$name: no $key in $(cat "$name/metrics.jsonl")"
    done
    grep -q '<td class="text"></td>' "$name/report.html" && fail "$name: the page has a key and does not say what it is"
}
for name in $names; do
    case $name in
    loss) keys=loss.boundary ;;
    dynamics) keys="dynamics.ticks dynamics.contraction dynamics.error dynamics.unconverged relaxation.steps relaxation.unconverged" ;;
    grad_F) keys="grad_F T_grad_C" ;;
    spectrum) keys="spectrum" ;;
    first_law) keys="first_law.dU first_law.heat first_law.complexity first_law.work first_law.residual first_law.dH_min" ;;
    second_law) keys="second_law.dS second_law.dC second_law.dC_error" ;;
    efficiency) keys="laplacian laplacian_H_min laplacian_C laplacian_error" ;;
    *) keys=$name ;;
    esac
    check "$name" boundary $keys
done
check loss free_energy loss.free_energy
echo "$(echo "$names" | wc -l) rows, $rows checks"
exit $status
