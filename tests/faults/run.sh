#!/usr/bin/env bash
# run.sh: whichever write, rename or fsync of a run fails, the run ends with a message, leaves whole files, and can be had again.
cd "$(mktemp -d)" || exit 2
trap 'rm -rf "$PWD"' EXIT
status=0 faults=0
cp "$NNT_SOURCE/tests/faults/tiny.nnt" .
preload=$NNT_BUILD/tests/failing.so
# The sanitizer's library wants to be the first; here it may come second.
asan=${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0
"$NNT" run tiny.nnt --quiet --out whole > /dev/null || exit 1
complain() { echo "$fault $n: $1"; cat said; status=1; }
check_folder() {
    if [ -e cut/weights.safetensors ]; then
        cmp -s whole/weights.safetensors cut/weights.safetensors || complain "half a weights file"
    fi
    if [ -e cut/run.json ]; then
        [ "$(head -c 1 cut/run.json)$(tail -n 1 cut/run.json)" = "{}" ] || complain "half a run.json"
    fi
    [ -z "$(find cut -name '*.new*' 2>/dev/null)" ] || complain "a temporary file is left"
}
goes_on() {
    if [ -e cut/run.json ]; then "$NNT" run --resume cut --quiet > /dev/null 2> said || complain "cannot be resumed"
    else rm -rf cut; "$NNT" run tiny.nnt --quiet --out cut > /dev/null 2> said || complain "cannot be run again"
    fi
    cmp -s whole/weights.safetensors cut/weights.safetensors || complain "other weights after going on"
}
for fault in write rename fsync; do
    for ((n = 1; n <= 60; n++)); do
        rm -rf cut
        env LD_PRELOAD="$preload" ASAN_OPTIONS="$asan" NNT_FAULT=$fault NNT_FAULT_AT=$n "$NNT" run tiny.nnt --quiet --out cut \
            > /dev/null 2> said
        code=$?
        [ $code = 0 ] && break
        faults=$((faults + 1))
        [ $code = 2 ] || [ $code = 1 ] || complain "exit status $code"
        grep -q 'error: ' said || complain "no message"
        grep -q 'internal\|Sanitizer' said && complain "a mistake of nnt's own"
        check_folder
        goes_on
    done
    [ $n -gt 1 ] || { echo "no $fault has failed"; status=1; }
    [ $n -le 60 ] || { echo "more than 60 of $fault"; status=1; }
    echo "$fault: $((n - 1)) faults"
done
exit $status
