#!/usr/bin/env bash
# map.sh: the first line of each file says what it is for, in one sentence; a folder's README names the folders in it, and no others.
cd "$NNT_SOURCE" || exit 2
status=0
for file in $(git ls-files 'runtime/*' 'lang/*' 'compiler/*' 'tests/*' 2>/dev/null | grep -E '\.(c|h|def|l|y)$'); do
    name=$(basename "$file")
    head -1 "$file" | grep -qF "$name: " || { echo "$file: the first line does not say '$name: what it is for'"; status=1; }
done
for file in $(git ls-files 2>/dev/null | grep -E '\.(c|h|l|y|def)$'); do
    lines=$(wc -l < "$file")
    [ "$lines" -le 700 ] || { echo "$file: $lines lines ask for a second file"; status=1; }
done
folders() { find "$1" -mindepth 1 -maxdepth 1 -type d -printf '%f\n' | sort; }
for readme in compiler/README.md runtime/README.md tests/README.md; do
    difference=$(diff <(folders "${readme%/*}") <(sed -nE 's/^\| ([a-z_]+)\/ \|.*/\1/p' "$readme" | sort)) ||
        { echo "$readme: its table is not the folders beside it:"; echo "$difference"; status=1; }
done
exit $status
