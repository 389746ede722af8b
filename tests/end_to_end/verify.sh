#!/usr/bin/env bash
# verify.sh: every example and every file of tests/language that runs already verifies; what cannot be verified says so.
cd "$(mktemp -d)" || exit 2
status=0 verified=0
for file in "$NNT_SOURCE"/examples/*.nnt "$NNT_SOURCE"/tests/language/[0-9]*.nnt; do
    name=$(basename "$file")
    if ! "$NNT" check --quiet "$file" > checked 2>&1; then
        grep -q 'not-yet-supported' checked || { echo "$name: does not check"; status=1; }
        continue
    fi
    if ! "$NNT" verify "$file" > table 2> err; then
        echo "$name: does not verify"; grep -h 'NOT OK' table; cat err; status=1; continue
    fi
    verified=$((verified + 1))
    for by in 'jit plain f64' 'jit f64' 'object f64' 'interpreter f32' 'jit f32' 'object f32' 'differences'; do
        grep -q "^$by .* ok " table || { echo "$name: no row of $by"; status=1; }
    done
done
# The derivatives of F are looked at wherever the ensemble is proper.
for name in vanchurin first_law recurrent ring; do
    "$NNT" verify "$NNT_SOURCE/examples/$name.nnt" | grep -c '^differences .* of F .* ok ' | grep -qx 2 || { echo "$name: no derivatives of F"; status=1; }
done
[ "$verified" -ge 7 ] || { echo "only $verified files were verified"; status=1; }

# Given weights, in the table's other form.
"$NNT" run "$NNT_SOURCE/examples/xor.nnt" --quiet --out xor > out 2>&1 || { cat out; status=1; }
"$NNT" verify "$NNT_SOURCE/examples/xor.nnt" --weights xor/weights.safetensors --json > json || { echo "trained xor does not verify"; status=1; }
grep -q '"weights": "xor/weights.safetensors".*"ok": true' json || { echo "the JSON does not say ok"; status=1; }
"$NNT" verify "$NNT_SOURCE/examples/xor.nnt" --weights nowhere > out 2>&1
[ $? = 1 ] && grep -q nowhere out || { echo "missing weights are no input error"; status=1; }
# Data that is not there: random samples, and the table says so.
"$NNT" verify "$NNT_SOURCE/tests/language/02_mnist.nnt" --data /nowhere > table && head -1 table | grep -q 'random samples (cannot read' || { echo "random samples are not said"; status=1; }
echo "$verified files verified"
exit $status
