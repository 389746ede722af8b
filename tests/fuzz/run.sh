#!/usr/bin/env bash
# run.sh: one fuzz target, from a corpus of the examples and of the tests' files, for NNT_FUZZ_SECONDS (120); or, where NNT_FUZZ_RUNS is
# given, for as many inputs from a fixed seed: what a change did not break does not fail it. With NNT_FUZZ_RUNS=0 the files of the
# corpus are run as they are.
target=$1
corpus=$(mktemp -d)
trap 'rm -rf "$corpus"' EXIT
case $target in
fuzz_file) cp "$NNT_SOURCE"/examples/*.nnt "$NNT_SOURCE"/tests/language/*.nnt "$NNT_SOURCE"/tests/wrong/files/*.nnt "$corpus" ;;
fuzz_idx) (cd "$corpus" && . "$NNT_SOURCE/tests/wrong/net.sh" && rm net.nnt) ;;
fuzz_csv)
    for how in '\0' '\1' '\2' '\7' '\15' '\17'; do
        { printf "$how"; printf 'a,b\n1,cat\n2,dog\n3,"c""at"\n4,dog\n'; } > "$corpus/label$how"
        { printf "$how"; printf '\357\273\277"a";b\r\n1.5,2e3\r\n"2, 5",-7\r\n\r\n'; } > "$corpus/number$how"
        { printf "$how"; head -40 "$NNT_SOURCE/examples/houses.csv" | tr ';' ','; } > "$corpus/houses$how"
    done ;;
fuzz_npy) (cd "$corpus" && . "$NNT_SOURCE/tests/wrong/npy.sh" && rm net.nnt) ;;
fuzz_weights) cp "$NNT_SOURCE"/tests/fuzz/corpus/*.safetensors "$corpus" ;;
esac
cd "$corpus/.." || exit 2
[ "${NNT_FUZZ_RUNS:-}" = 0 ] && { "$NNT_BUILD/tests/$target" -close_fd_mask=1 "$corpus"/* 2>&1 | tail -25; exit "${PIPESTATUS[0]}"; }
length=(-max_total_time="${NNT_FUZZ_SECONDS:-120}")
[ -n "${NNT_FUZZ_RUNS:-}" ] && length=(-runs="$NNT_FUZZ_RUNS" -seed=1)
"$NNT_BUILD/tests/$target" "${length[@]}" -timeout=10 -rss_limit_mb=2048 -max_len=8192 -print_final_stats=1 \
    -close_fd_mask=1 -artifact_prefix="$NNT_BUILD/" "$corpus" 2>&1 | tail -25
exit "${PIPESTATUS[0]}"
