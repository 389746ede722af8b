#!/usr/bin/env bash
# command.sh: the command in careless hands: closed streams, links and devices, two processes on one run, settings of a resumed run,
# blocks on one step, a narrow terminal.
cd "$(mktemp -d)" || exit 2
status=0
fail() { echo "$1"; status=1; }
await() { for _ in $(seq 400); do [ -s "$1" ] && return; sleep 0.05; done; }
pure() { [ -s "$1" ] && ! grep -qv '^{.*}$' "$1"; }

cat > net.nnt <<'N'
param lr = 0.01
param wide = 4
network net {
    neurons x[2], h[wide], y
    input x
    output y
    weights x -> h -> y
    biases h, y
    activation h = tanh(z)
    activation y = logistic(z)
    loss boundary = binary_cross_entropy(y, target)
}
data {
    train moons(count: 4000)
    holdout 0.25
}
train {
    optimizer adam(rate: lr)
    epochs 3
}
N

# A closed stream is nobody's file.
"$NNT" run net.nnt --out closed >&- 2> said
[ $? = 2 ] && grep -q write-failed said || fail "a closed standard output is not told"
pure closed/metrics.jsonl || fail "closed standard output: metrics.jsonl holds something else"
"$NNT" run net.nnt --out silent > /dev/null 2>&- && pure silent/metrics.jsonl || fail "a closed standard error spoils the run"

# --json: nothing but JSON on stdout; the last line of metrics.jsonl is what measure says at those weights.
"$NNT" run net.nnt --out json --json > lines 2> said || fail "run --json fails"
pure lines && [ ! -s said ] && tail -n 1 lines | grep -q '^{"summary": ' || fail "run --json is not JSON lines"
summary() { grep -o '"summary": .*"seconds"' "$1"; }
"$NNT" run --resume json --json > again 2> said && grep -q '"loss.boundary"' again && [ "$(summary again)" = "$(summary lines)" ] ||
    fail "a finished run that is resumed has other metrics in its summary"
"$NNT" measure net.nnt --weights json/weights.safetensors --json > measured || fail "measure fails"
for key in F S C U_error; do
    [ "$(grep '"U"' measured | grep -o "\"$key\": [^,}]*")" = "$(grep '"U"' json/metrics.jsonl | tail -n 1 | grep -o "\"$key\": [^,}]*")" ] ||
        fail "measure and run differ in $key"
done
[ "$(grep '"test"' measured | grep -o '"loss.boundary": [^,}]*')" = "$(tail -n 1 json/metrics.jsonl | grep -o '"loss.boundary": [^,}]*')" ] ||
    fail "measure and run differ in the test loss"

# Blocks that fall on one step write each quantity once, and losses of the block that asks for them.
(cat net.nnt; printf '%s\n' 'measure at end on 2 samples { U }' 'measure at end on 4 samples { U, S, loss }' 'measure at end { loss, U }') > blocks.nnt
"$NNT" run blocks.nnt --quiet --out blocks || fail "several blocks fail"
[ "$(wc -l < blocks/metrics.jsonl)" = 2 ] || fail "several blocks write several lines"
head -n 1 blocks/metrics.jsonl | grep -o '"[A-Za-z_.]*":' | sort | uniq -d | grep . && fail "several blocks write a key twice"

# A table is for people: of a long row of measurements the first, the last and some between; the file has all, and so has --json.
(sed 's/epochs 3$/steps 2000/; s/count: 4000/count: 40/' net.nnt; echo 'measure every 1 step { loss }') > long.nnt
"$NNT" run long.nnt --out long > table 2> said || fail "a run of 2001 measurements fails"
[ "$(wc -l < long/metrics.jsonl)" = 4002 ] || fail "metrics.jsonl holds $(wc -l < long/metrics.jsonl) lines of 4002"
[ "$(wc -l < table)" -le 45 ] && grep -q 'all are in metrics.jsonl' table || fail "a table of $(wc -l < table) lines"
[ "$(sed -n 's/^ *\([0-9][0-9]*\) .*/\1/p' table | sed -n '1p;$p' | tr '\n' ' ')" = '0 2000 ' ] || fail "the first or the last row is not shown"
"$NNT" run long.nnt --json > lines 2> said && [ "$(wc -l < lines)" = 4003 ] || fail "--json leaves lines out"
"$NNT" run net.nnt > table 2> said && ! grep -q 'left out' table && [ "$(wc -l < table)" = 5 ] || fail "a short table is not shown whole"

# Losses of the training split are told before the first step too where the probe is of test: no column comes late.
(cat net.nnt; echo 'measure every 1 epoch on 64 samples of test { loss, accuracy, C }') > tested.nnt
"$NNT" run tested.nnt > table 2> said && [ "$(grep -c step table)" = 1 ] && ! grep -q ' - ' table || fail "columns come late: $(cat table)"

# A run from standard input, stopped, changed by others, resumed elsewhere.
(sed 's/epochs 3$/epochs 3000/' net.nnt; echo 'measure every 100 epochs on 64 samples { loss, accuracy, U, F, S, S_T, C }') > some.nnt
"$NNT" run some.nnt --quiet --out whole --set lr=0.02 --set wide=8 || fail "a run fails"
losses() { grep '"test"' "$1" | tail -n 1 | grep -o '"loss.boundary": [^,}]*'; }
"$NNT" eval some.nnt --json --set lr=0.02 --set wide=8 --weights whole/weights.safetensors > evaluated || fail "eval fails"
[ "$(losses evaluated)" = "$(losses whole/metrics.jsonl)" ] || fail "eval and run differ in the test loss"
"$NNT" eval some.nnt --set lr=0.02 --set wide=8 --weights whole/weights.safetensors > table && grep -q 'test loss' table &&
    tail -n 1 table | grep -q '%' || fail "eval shows no table"
"$NNT" run - --quiet --out cut --set lr=0.02 --set wide=8 < some.nnt 2> said &
pid=$!
await cut/metrics.jsonl
"$NNT" run --resume cut --quiet 2> busy && fail "two processes write one run"
grep -q folder-busy busy || fail "a run that is being written is not told: $(cat busy)"
kill -TERM $pid
wait $pid
(cd / && "$NNT" run --resume "$OLDPWD/cut" --quiet --set wide=8) || fail "a run from standard input cannot be resumed"
cmp whole/weights.safetensors cut/weights.safetensors || fail "a resumed run forgets its settings"
fastest() { grep -o '"samples_per_second": [0-9.]*' "$1" | awk '{ if ($2 > most) most = $2 } END { printf "%d", most }'; }
[ "$(fastest cut/metrics.jsonl)" -lt $((20 * $(fastest whole/metrics.jsonl))) ] || fail "a resumed run counts samples of the one before"
"$NNT" run some.nnt --quiet --out changed --set lr=0.02 --set wide=8 & pid=$!
await changed/metrics.jsonl
kill -KILL $pid
wait $pid 2> /dev/null
sed -i 's/tanh/sin/' some.nnt
"$NNT" run --resume changed --quiet && cmp whole/weights.safetensors changed/weights.safetensors ||
    fail "a resumed run is not that of the file as it was"

# fmt goes through links and keeps permissions; nothing is renamed over a device.
sed 's/^    input x/  input   x/' net.nnt > loose.nnt
chmod 640 loose.nnt
ln -s loose.nnt link.nnt
"$NNT" fmt link.nnt
[ -L link.nnt ] && cmp loose.nnt net.nnt && [ "$(stat -c %a loose.nnt)" = 640 ] || fail "fmt replaces a link, or changes permissions"
mkfifo pipe
sed 's/^    input x/  input   x/' net.nnt > pipe &
timeout 5 "$NNT" check --quiet pipe && [ -p pipe ] || fail "a pipe cannot be checked"
printf '%s\n' 'network n {' > bad.nnt
"$NNT" check bad.nnt net.nnt 2> said | grep -q '^net.nnt: fine' || fail "a file behind one with mistakes is not told fine"

# On a terminal of 80 characters no line is longer; where none can be had, as in a bare chroot, there is nothing to look at.
if script -qec true probe > /dev/null 2>&1 < /dev/null; then
    script -qec "stty cols 80; '$NNT' run some.nnt --out narrow" typescript > /dev/null 2>&1 < /dev/null
    tr '\r' '\n' < typescript | sed 's/\x1b\[K//g' | grep -v '^long\|^net\|^done\|^interrupted\|^go on\|^Script\|^run folder' > rows
    awk 'length > 80 { long = 1 } END { exit long }' rows || fail "a line is longer than the terminal"
    grep -q '%  epoch' rows && grep -q 'test loss' rows || fail "a terminal shows no progress or no table"
    # Many columns: accuracy and C stay, and the lines that tell what does not are no longer either.
    (cat net.nnt; printf '%s\n' 'ensemble { reference relaxed }' 'measure every 1 epoch on 64 samples { loss, accuracy, dynamics, U, F, S, S_T, C, C_0, lnZ, H_min }') > wide.nnt
    script -qec "stty cols 80; '$NNT' run wide.nnt --out wide" typescript > /dev/null 2>&1 < /dev/null
    tr '\r' '\n' < typescript | sed 's/\x1b\[K//g' | grep . | grep -A3 'step *epoch' > rows
    awk 'length > 80 { long = 1 } END { exit long }' rows && head -1 rows | grep -q ' test accuracy .* C$' && grep -q ' relaxation.steps' rows && grep -q ' lnZ' rows ||
        fail "many columns in 80 characters: $(cat rows)"
fi
exit $status
