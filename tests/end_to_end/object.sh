#!/usr/bin/env bash
# object.sh: objects stand alone: no undefined symbol, headers clean in C99, C17 and C++17, two networks in one program.
cd "$(mktemp -d)" || exit 2
status=0
for file in "$NNT_SOURCE"/examples/*.nnt; do
    example=$(basename "$file" .nnt)
    "$NNT" build "$file" -o "$example" > /dev/null || { status=1; continue; }
    [ -z "$(nm -u $example.o)" ] || { echo "$example.o needs: $(nm -u $example.o)"; status=1; }
    for standard in c99 c17; do
        gcc -std=$standard -Wall -Wextra -Wpedantic -Werror -fsyntax-only -x c "$example.h" || { echo "$example.h: not $standard"; status=1; }
    done
    g++ -std=c++17 -Wall -Wextra -Wpedantic -Werror -fsyntax-only -x c++ "$example.h" || { echo "$example.h: not C++17"; status=1; }
done
cat > both.c <<'C'
#include "xor.h"
#include "spirals.h"
#include <stdlib.h>
int main(void)
{
    float x[2] = {0, 1}, y[1], z[1];
    void *work = malloc(xor_work_size(1) + spirals_work_size(1));
    if (!work || xor_forward(xor_weights, 1, x, y, work) || spirals_forward(spirals_weights, 1, x, z, work)) return 1;
    free(work);
    return !(y[0] > 0 && y[0] < 1 && z[0] > 0 && z[0] < 1);
}
C
gcc -std=c17 -Wall -Wextra -Wpedantic -Werror both.c xor.o spirals.o -o both && ./both || { echo "two networks do not link into one program"; status=1; }
make -s -C "$NNT_SOURCE/examples/embed" NNT="$NNT" OUT="$PWD/embed" run || { echo "examples/embed fails"; status=1; }
exit $status
