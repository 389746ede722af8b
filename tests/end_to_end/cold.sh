#!/usr/bin/env bash
# cold.sh: process start to the end of the first training step of mnist.nnt, data reading included: median of ten under 0.3 s.
data=${NNT_MNIST:-$NNT_SOURCE/../shared/data/mnist}
[ -e "$data/t10k-images-idx3-ubyte.gz" ] || { echo "no MNIST files in $data"; exit 77; }
cd "$(mktemp -d)" || exit 2
sed 's/epochs 20/steps 1/' "$NNT_SOURCE/examples/mnist.nnt" > one.nnt
for i in 1 2 3 4 5 6 7 8 9 10; do
    "$NNT" run one.nnt --data "$data" --json --quiet --out "run$i" 2> /dev/null | tail -1 | tee last | sed -n 's/.*"first_step": \([0-9.e-]*\).*/\1/p'
done | sort -g > seconds
grep -o '"seconds": {[^}]*}' last
median=$(sed -n 5p seconds)
echo "first step after $median s (median of ten; $(head -1 seconds) to $(tail -1 seconds))"
awk -v m="$median" 'BEGIN { exit !(m < 0.3) }'
