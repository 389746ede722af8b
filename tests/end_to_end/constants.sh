#!/usr/bin/env bash
# constants.sh: standardize and minmax in eval and measure are those of the run that gave the weights, whatever the training data are
# by then; errors are in the data's own units.
cd "$(mktemp -d)" || exit 2
status=0
fail() { echo "$1"; status=1; }

# y = x in units of the deviations: 1 for width (mean 1), 10 for height (mean 20). Nothing is trained.
cat > net.nnt <<'N'
network net {
    neurons x, y
    input x
    output y
    weights x -> y init constant(1)
    activation y = z
    loss boundary = squared_error(y, target)
}
data {
    train csv("train.csv")
    test csv("test.csv")
    x = standardize("width")
    y = standardize("height")
}
train {
    optimizer sgd(rate: 0)
    steps 1
}
measure at end on 2 samples of test { rmse }
N
printf 'width,height\n0,6\n0,18\n2,22\n2,34\n' > train.csv
# To be 20 + 10 (width - 1) = 40 and 20: the errors are 2 and 0.
printf 'width,height\n3,42\n1,20\n' > test.csv
rmse() { sed -n 's/.*"split": "test".*"rmse": \([0-9.]*\).*/\1/p' "$1"; }
is_root() { awk -v r="$(rmse "$1")" -v square="$2" 'BEGIN { d = r * r / square - 1; exit !(r != "" && d < 1e-5 && d > -1e-5) }'; }

"$NNT" run net.nnt --out run --json > ran || fail "the run fails"
is_root ran 2 || fail "run: rmse $(rmse ran), expected the root of 2"
printf 'width,height\n0,-1.4\n0,2.8\n200,4.2\n200,8.4\n' > train.csv
for command in eval measure; do
    "$NNT" $command net.nnt --weights run/weights.safetensors --json > said 2> err || fail "$command fails"
    is_root said 2 || fail "$command: rmse $(rmse said) with other training data, expected the root of 2"
    "$NNT" $command net.nnt --weights - --json < run/weights.safetensors > piped 2>> err || fail "$command fails on a pipe"
    cmp -s said piped || fail "$command: a pipe of weights gives other numbers"
    [ -s err ] && fail "$command says $(cat err)"
done
# Of the new data: 3.5 + 3.5 (width - 100) / 100, so 0.105 and 0.035.
sed 's/"width"/"width" + 0/; s/standardize(\("[a-z]*"[ +0]*\))/(\1)/' net.nnt > plain.nnt
"$NNT" run net.nnt --out again --json > ran || fail "the second run fails"
is_root ran "$(awk 'BEGIN { printf "%.9f", ((42 - 0.105) ^ 2 + (20 - 0.035) ^ 2) / 2 }')" || fail "run: constants are not the data's"

# A run that begins with the weights keeps their constants.
"$NNT" run net.nnt --weights run/weights.safetensors --out kept --json > ran 2> /dev/null || fail "a run on weights fails"
is_root ran 2 || fail "a run that begins with weights has other constants"
cmp -s run/weights.safetensors kept/weights.safetensors || fail "the constants are not handed on"

# What the file and the weights say differently is told.
"$NNT" eval plain.nnt --weights run/weights.safetensors 2>&1 | grep -q unused-constants || fail "scaled before is not told"
"$NNT" run plain.nnt --out plain --quiet && "$NNT" eval net.nnt --weights plain/weights.safetensors 2>&1 |
    grep -q no-constants || fail "weights without constants are not told"
sed 's/neurons x, y/neurons x[2], y/; s/x = .*/x = standardize("width", "height")/' net.nnt > wide.nnt
"$NNT" eval wide.nnt --weights run/weights.safetensors 2>&1 | grep -q 'scale.x of 1 numbers.*x has 2 neurons' ||
    fail "constants of another size are not told"
exit $status
