#!/usr/bin/env bash
# examples.sh: every example runs and reaches what its first lines say; its metrics are whole and finite.
cd "$(mktemp -d)" || exit 2
status=0
field() { sed -n "s/.*\"$1\": {[^}]*\"$2\": \([-0-9.e+]*\).*/\1/p" last; } # split, key: of the summary line
expect() { # example, split, least accuracy, options...
    local name=$1 split=$2 least=$3 got
    shift 3
    if ! "$NNT" run "$NNT_SOURCE/examples/$name.nnt" --json --out "$name" "$@" > out 2> err; then
        echo "$name: failed"; cat err; status=1; return
    fi
    tail -1 out > last
    got=$(field "$split" accuracy)
    awk -v got="$got" -v least="$least" 'BEGIN { exit !(got >= least) }' || { echo "$name: accuracy ${got:-missing}, expected $least"; status=1; }
    for file in metrics.jsonl metrics.csv weights.safetensors run.json checkpoint; do
        [ -e "$name/$file" ] || { echo "$name: no $file in the run folder"; status=1; }
    done
    grep -Eiq 'nan|inf[^o]' "$name/metrics.jsonl" && { echo "$name: a number is not finite"; status=1; }
    echo "$name: accuracy $got"
}
expect xor train 1
expect spirals test 0.97
expect digits test 0.97
if "$NNT" run "$NNT_SOURCE/examples/autoencoder.nnt" --json --quiet --out autoencoder > out; then
    tail -1 out > last
    rmse=$(field test rmse)
    awk -v got="$rmse" 'BEGIN { exit !(got > 0 && got < 0.17) }' || { echo "autoencoder: test rmse ${rmse:-missing}, expected below 0.17"; status=1; }
    tensors=$(head -c 2000 autoencoder/weights.safetensors | grep -ao '"weight[^"]*"' | tr '\n' ' ')
    [ "$tensors" = '"weight.x.h" "weight.h.code" ' ] || { echo "autoencoder: tied blocks are stored as $tensors"; status=1; }
    echo "autoencoder: test rmse $rmse"
else status=1
fi
awk -f "$NNT_SOURCE/examples/houses.awk" | cmp - "$NNT_SOURCE/examples/houses.csv" || status=1
if "$NNT" run "$NNT_SOURCE/examples/houses.nnt" --json --quiet --out houses > out; then
    tail -1 out > last
    rmse=$(field test rmse)
    awk -v got="$rmse" 'BEGIN { exit !(got > 1.5 && got < 8) }' || { echo "houses: test rmse ${rmse:-missing}, expected below 8"; status=1; }
    for name in scale.x offset.x scale.y offset.y; do grep -aq "\"$name\"" houses/weights.safetensors || { echo "houses: no $name"; status=1; }; done
    "$NNT" eval "$NNT_SOURCE/examples/houses.nnt" --weights houses/weights.safetensors --json | grep -q "\"rmse\": ${rmse:-missing}" || { echo "houses: eval differs"; status=1; }
    echo "houses: test rmse $rmse"
else status=1
fi
"$NNT" check "$NNT_SOURCE"/examples/*.nnt || status=1
for file in "$NNT_SOURCE"/examples/*.nnt; do
    for stage in ast model math ir llvm asm; do
        "$NNT" emit "$file" --$stage > stage 2> said && [ -s stage ] || { echo "$file: emit --$stage fails"; cat said; status=1; }
    done
done
"$NNT" fmt --check "$NNT_SOURCE"/examples/*.nnt || status=1
"$NNT" eval "$NNT_SOURCE/examples/digits.nnt" --weights digits/weights.safetensors --json | grep -qE '"accuracy": ?0.9[789]' || { echo "eval differs"; status=1; }
"$NNT" measure "$NNT_SOURCE/examples/spirals.nnt" --weights spirals/weights.safetensors --json | grep -qE '"C": ?-' || { echo "measure says no C"; status=1; }
"$NNT" run "$NNT_SOURCE/examples/xor.nnt" --engine interp --json --out interp | tail -1 | grep -q '"accuracy": 1' || { echo "xor does not learn when interpreted"; status=1; }
exit $status
