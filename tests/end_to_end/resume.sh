#!/usr/bin/env bash
# resume.sh: runs interrupted at random moments by SIGINT, SIGTERM and SIGKILL, and resumed, end with the bytes of an uninterrupted run.
cd "$(mktemp -d)" || exit 2
sed '/^    test digits/a\    x = mask(noisy(image, 0.1), 0.1)\n    y = one_hot(label)
s/epochs 10/epochs 6/; s/count: 20000/count: 6000/; s/count: 4000/count: 500/' "$NNT_SOURCE/examples/digits.nnt" > digits.nnt
sed '/^measure/,$d' digits.nnt > silent.nnt
echo 'measure at end { loss }' >> silent.nnt
# The same training, with laws, derivatives, spectrum and Laplacian measured: ledgers that go on from the measurement before.
sed '/^measure/,$d; s/^    holdout/#&/' digits.nnt > laws.nnt
cat >> laws.nnt <<'N'
measure 30 times on 24 samples of train { loss, U, H_min, C, defect, grad_F, first_law, second_law }
measure 6 times on 8 samples of test { F, spectrum, efficiency(probes: 2), second_law }
N
# F minimised beside the boundary loss.
cat > free.nnt <<'N'
network free {
    neurons x[3], h[8], k[6], y[2]
    input x
    output y
    weights x -> h -> k -> y
    biases h, k, y
    activation h, k = tanh(z)
    activation y = z
    loss boundary = squared_error(y, target)
}
data { train teacher(count: 400, inputs: 3, hidden: 4, outputs: 2) }
ensemble { temperature exponential(0.05, 0.002) }
train { minimize boundary + linear(0.1, 1) * free_energy
        optimizer adam(rate: 0.003)
        steps 6000 }
measure 20 times on 50 samples { loss, F, C, grad_F, first_law, second_law }
N
status=0
# All that is measured, but for how fast it went.
measured() { sed 's/, "samples_per_second": [^,}]*//' "$1/metrics.jsonl"; }
# Runs a file whole, to `whole`, and sets `spent` to the milliseconds that took.
whole() {
    local start
    start=$(date +%s%N)
    rm -rf whole
    "$NNT" run "$1" --quiet --out whole > /dev/null || exit 1
    spent=$(( ($(date +%s%N) - start) / 1000000 ))
}
cut_short=0 cuts=0
# The same file cut short by each signal at a random moment, and resumed.
interrupt() { # file, signal...
    local file=$1 signal pid code
    shift
    for signal in "$@"; do
        rm -rf cut
        "$NNT" run "$file" --quiet --out cut > /dev/null 2>&1 &
        pid=$!
        sleep "$(awk -v r=$RANDOM -v s=$spent 'BEGIN { printf "%.3f", (0.1 + 0.75 * r / 32768) * s / 1000 }')"
        kill -$signal $pid 2>/dev/null
        wait $pid
        code=$?
        cuts=$((cuts + 1))
        [ $code = 0 ] || cut_short=$((cut_short + 1))
        case "$signal:$code" in INT:130 | TERM:143 | KILL:137 | *:0) ;; *) echo "SIG$signal: exit status $code"; status=1 ;; esac
        if [ ! -e cut/run.json ]; then rm -rf cut; "$NNT" run "$file" --quiet --out cut > /dev/null || status=1
        else "$NNT" run --resume cut --quiet > /dev/null || { echo "SIG$signal: cannot be resumed"; status=1; }
        fi
        cmp whole/weights.safetensors cut/weights.safetensors || { echo "$file, SIG$signal: other weights"; status=1; }
        cmp <(measured whole) <(measured cut) ||
            { echo "$file, SIG$signal: other metrics"; status=1; }
        echo "$file, SIG$signal: exit $code"
    done
}
whole digits.nnt
"$NNT" run silent.nnt --quiet --out silent > /dev/null || exit 1
cmp whole/weights.safetensors silent/weights.safetensors || { echo "measuring changes the weights"; status=1; }
"$NNT" run laws.nnt --quiet --out laws > /dev/null || exit 1
cmp laws/weights.safetensors silent/weights.safetensors || { echo "measuring the laws changes the weights"; status=1; }
interrupt digits.nnt INT TERM KILL INT TERM KILL
whole laws.nnt
interrupt laws.nnt INT TERM KILL
whole free.nnt
interrupt free.nnt INT TERM KILL
# Through ticks, with a bulk that relaxes.
sed 's/param count = 400/param count = 20000/' "$NNT_SOURCE/tests/end_to_end/echo.nnt" > echo.nnt
whole echo.nnt
interrupt echo.nnt INT TERM KILL
[ $((2 * cut_short)) -ge $cuts ] || { echo "only $cut_short of $cuts runs were cut short: this shows nothing"; status=1; }
exit $status
