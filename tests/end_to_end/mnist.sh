#!/usr/bin/env bash
# mnist.sh: MNIST's ten thousand digits: at least 93.5 % on the held-out fifth on three seeds, and C as vanchurin.nnt says. Skipped where the files are not.
data=${NNT_MNIST:-$NNT_SOURCE/../shared/data/mnist}
[ -e "$data/t10k-images-idx3-ubyte.gz" ] || { echo "no MNIST files in $data"; exit 77; }
cd "$(mktemp -d)" || exit 2
status=0
for seed in ${1:-1 2 3}; do
    "$NNT" run "$NNT_SOURCE/examples/mnist.nnt" --data "$data" --seed "$seed" --json --quiet > out || exit 1
    got=$(tail -1 out | sed -n 's/.*"test": {[^}]*"accuracy": \([0-9.]*\).*/\1/p')
    echo "seed $seed: test accuracy $got"
    awk -v got="$got" 'BEGIN { exit !(got >= 0.935) }' || status=1
done
# C falls to a value of the task from small weights, and rises to it from large ones.
for run in '0.09 -3.5 -2.2' '1 1 2.5'; do
    set -- $run
    "$NNT" run "$NNT_SOURCE/examples/vanchurin.nnt" --set mnist=true --data "$data" --set "variance=$1" --json --quiet > out || exit 1
    accuracy=$(tail -1 out | sed -n 's/.*"test": {[^}]*"accuracy": \([0-9.]*\).*/\1/p')
    change=$(tail -1 out | sed -n 's/.*"second_law": {[^}]*"dC": \([-0-9.e]*\).*/\1/p')
    echo "variance $1: test accuracy $accuracy, C changes by $change"
    awk -v accuracy="$accuracy" -v change="$change" "BEGIN { exit !(accuracy >= 0.92 && change > $2 && change < $3) }" || status=1
done
exit $status
