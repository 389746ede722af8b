#!/usr/bin/env bash
# includes.sh: every #include goes along an allowed arrow, every header compiles alone, llvm-c stays in its box.
cd "$NNT_SOURCE" || exit 2
status=0
arrows() { awk -v box="$1" '$1 == box { for (i = 2; i <= NF; i++) print $i }' tests/layers/allowed.txt; }
while read -r box _; do
    case "$box" in '#'* | '') continue ;; esac
    files=$(find "$box" -maxdepth 1 -type f \( -name '*.[chly]' -o -name '*.def' \) 2>/dev/null)
    for file in $files; do
        while IFS=: read -r line include; do
            good=no
            for arrow in runtime/base $(arrows "$box"); do case "$include" in "$arrow" | "$arrow"/*) good=yes ;; esac; done
            [ $good = yes ] || { echo "$file:$line: $box may not include $include"; status=1; }
        done < <(grep -noE '^#include "[^"]+"' "$file" | sed -E 's/^([0-9]+):#include "([^"]+)"/\1:\2/' )
        if [ "$box" != compiler/llvm ] && grep -n '<llvm-c/' "$file"; then echo "$file: only compiler/llvm knows LLVM"; status=1; fi
    done
done < tests/layers/allowed.txt
for header in $(git ls-files '*.h' 2>/dev/null | grep -v '^tests/' || find runtime lang compiler -name '*.h'); do
    ${NNT_CC:-cc} -std=c17 -D_GNU_SOURCE=1 -Wall -Wextra -Wpedantic -Werror -I. -I"$NNT_BUILD" -isystem "$(llvm-config-19 --includedir)" \
        -fsyntax-only -x c - <<< "#include \"$header\"" || { echo "$header does not compile alone"; status=1; }
done
exit $status
