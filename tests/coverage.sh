#!/usr/bin/env bash
# coverage.sh: lines of lang/ and of the readers that tests and fuzzing corpora reach: at least NNT_COVERAGE (90) % of each.
#
# Builds with clang's coverage into build/coverage; of what flex and bison made, the lines of lexer.l and grammar.y count.
for tool in clang-19 llvm-profdata-19 llvm-cov-19; do
    command -v $tool > /dev/null || { echo "needs $tool (Debian: clang-19, llvm-19)"; exit 77; }
done
build=$NNT_BUILD/coverage
least=${NNT_COVERAGE:-90}
readers="csv npy idx column bind pick source data"
files=$(cd "$NNT_SOURCE" && ls lang/*.c && for name in $readers; do echo "runtime/data/$name.c"; done && echo runtime/record/weights.c)
cmake -S "$NNT_SOURCE" -B "$build" -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_COMPILER=clang-19 -DNNT_FUZZ=ON -DNNT_COVERAGE=ON \
    > "$build.log" 2>&1 &&
    cmake --build "$build" -j2 >> "$build.log" 2>&1 || { tail -30 "$build.log"; exit 1; }
rm -rf "$build/profile"
export LLVM_PROFILE_FILE=$build/profile/%m.profraw

# Left out: what is slow and reads no file of a kind of its own.
ctest --test-dir "$build" -E '^(layers|reference|resume|verify|mnist|test_llvm|test_object|test_networks|test_symmetries|test_passes)' \
    > "$build.log" 2>&1 || { tail -60 "$build.log"; exit 1; }
for target in fuzz_file fuzz_idx fuzz_csv fuzz_npy fuzz_weights; do
    NNT_BUILD=$build NNT_FUZZ_RUNS=0 bash "$NNT_SOURCE/tests/fuzz/run.sh" $target > "$build.log" 2>&1 || { cat "$build.log"; exit 1; }
done

llvm-profdata-19 merge -o "$build/all.profdata" "$build"/profile/*.profraw || exit 1
objects=()
for program in "$build"/tests/test_* "$build"/tests/fuzz_*; do [ -f "$program" ] && [ -x "$program" ] && objects+=(-object "$program"); done
sources=("$build/lang/grammar.c" "$build/lang/lexer.c")
for file in $files; do sources+=("$NNT_SOURCE/$file"); done
llvm-cov-19 export -format=lcov -instr-profile "$build/all.profdata" "$build/nnt" "${objects[@]}" "${sources[@]}" > "$build/lines" 2> "$build.log" ||
    { cat "$build.log"; exit 1; }
awk -v root="$NNT_SOURCE/" -v build="$build/" -v least="$least" -v missed="${NNT_COVERAGE_MISSED:-}" '
# Of a generated file, the lines that stand under a #line of the file it was made of.
function read_origins(path,   line, at, written) {
    while ((getline line < path) > 0) {
        at++
        if (line ~ /^#line [0-9]+ "/) { split(line, word, /[ "]+/); written = word[3] ~ /\.[ly]$/; next_line = word[2] }
        else if (written) origin[path, at] = next_line++
    }
}
/^SF:/ {
    path = substr($0, 4); generated = index(path, build) == 1
    if (generated) read_origins(path)
    name = generated ? (path ~ /grammar/ ? "lang/grammar.y" : "lang/lexer.l") : substr(path, length(root) + 1)
    group = name ~ /^lang\// ? "lang" : "readers"
}
/^DA:/ {
    split(substr($0, 4), part, ",")
    if (generated && !((path, part[1]) in origin)) next
    lines[name]++; of[group]++
    if (part[2] > 0) { reached[name]++; got[group]++ }
    else if (missed) print name ":" (generated ? origin[path, part[1]] : part[1]) > missed
}
END {
    for (name in lines) printf "%-32s %5d of %5d lines  %5.1f %%\n", name, reached[name], lines[name], 100 * reached[name] / lines[name] | "sort"
    close("sort")
    for (group in of) {
        share = 100 * got[group] / of[group]
        printf "%-32s %5d of %5d lines  %5.1f %%\n", group " in all", got[group], of[group], share
        if (share < least) { low = 1; printf "%s: below %s %%\n", group, least }
    }
    exit low || !of["lang"] || !of["readers"]
}' "$build/lines"
