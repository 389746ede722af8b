#!/usr/bin/env bash
# run.sh: whichever write, rename, fsync or allocation of a run fails, the run ends with a message, leaves whole files, and can be had again.
# run.sh EVERY: of the allocations each EVERY-th fails; all of them take minutes.
every=${1:-1}
cd "$(mktemp -d)" || exit 2
trap 'rm -rf "$PWD"' EXIT
status=0 faults=0
cp "$NNT_SOURCE"/tests/faults/{tiny,laws}.nnt .
# Through ticks, with a bulk that relaxes.
sed 's/param count = 400/param count = 40/; s/epochs 4/epochs 2/' "$NNT_SOURCE/tests/end_to_end/echo.nnt" > echo.nnt
preload=$NNT_BUILD/tests/failing.so
# The sanitizer's library wants to be the first; here it may come second.
asan=${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0
complain() { echo "$file, $fault $n: $1"; cat said; status=1; }
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
    else rm -rf cut; "$NNT" run $file --quiet --out cut > /dev/null 2> said || complain "cannot be run again"
    fi
    cmp -s whole/weights.safetensors cut/weights.safetensors || complain "other weights after going on"
}
# What a run that met a fault must have done.
check_end() { # exit status
    faults=$((faults + 1))
    [ $1 = 2 ] || [ $1 = 1 ] || complain "exit status $1"
    grep -q 'error: ' said || complain "no message"
    grep -q 'internal\|Sanitizer' said && complain "a mistake of nnt's own"
    check_folder
}
# Lets the n-th of a kind fail until a run meets none any more.
try() { # kind, most, each so many-th, variables...
    fault=$1
    local most=$2
    for ((n = 1; n <= most; n += $3)); do
        rm -rf cut struck
        env "${@:4}" NNT_FAULT_AT=$n NNT_STARVE_AT=$n NNT_STARVE_MARK=struck "$NNT" run $file --quiet --out cut > /dev/null 2> said
        code=$?
        if [ $code = 0 ]; then
            [ -e struck ] || break
            complain "a fault that nothing was said of"
            continue
        fi
        check_end $code
        # What fails before there is a run leaves nothing to go on with.
        if [ $fault != allocation ] || [ -e cut/run.json ]; then goes_on; fi
    done
    [ $n -gt 1 ] || { echo "$file: no $fault has failed"; status=1; }
    [ $n -le $most ] || { echo "$file: more than $most of $fault"; status=1; }
    echo "$file, $fault: up to $((n - 1))"
}
for file in tiny.nnt echo.nnt; do
    rm -rf whole
    "$NNT" run $file --quiet --out whole > /dev/null || exit 1
    for kind in write rename fsync; do try $kind 60 1 LD_PRELOAD="$preload" ASAN_OPTIONS="$asan" NNT_FAULT=$kind; done
done
# A sanitizer's own malloc cannot be stood before.
nm "$NNT" | grep -q __asan_init && exit $status
for file in echo.nnt laws.nnt; do
    rm -rf whole
    "$NNT" run $file --quiet --out whole > /dev/null || exit 1
    try allocation 1000 $every LD_PRELOAD="$NNT_BUILD/tests/starving.so"
done
exit $status
