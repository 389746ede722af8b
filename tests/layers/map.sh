#!/usr/bin/env bash
# map.sh: the first line of each file says what it is for, in one sentence.
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
exit $status
