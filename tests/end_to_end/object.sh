#!/usr/bin/env bash
# object.sh: objects stand alone: no undefined symbol, headers clean in C99, C17 and C++17, two networks in one program.
cd "$(mktemp -d)" || exit 2
status=0
built=0
for file in "$NNT_SOURCE"/examples/*.nnt "$NNT_SOURCE"/tests/language/*.nnt "$NNT_SOURCE"/tests/end_to_end/*.nnt; do
    "$NNT" check "$file" > /dev/null 2>&1 || continue # asks for what is not there yet, or is included by others
    example=$(basename "$file" .nnt)
    example=${example#[0-9][0-9]_}
    "$NNT" build "$file" -o "$example" > /dev/null 2> said || { echo "$file: not built"; cat said; status=1; continue; }
    built=$((built + 1))
    [ -z "$(nm -u $example.o)" ] || { echo "$example.o needs: $(nm -u $example.o)"; status=1; }
    for standard in c99 c17; do
        gcc -std=$standard -Wall -Wextra -Wpedantic -Werror -fsyntax-only -x c "$example.h" || { echo "$example.h: not $standard"; status=1; }
    done
    g++ -std=c++17 -Wall -Wextra -Wpedantic -Werror -fsyntax-only -x c++ "$example.h" || { echo "$example.h: not C++17"; status=1; }
done
[ $built -ge 16 ] || { echo "only $built files were built"; status=1; }
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
# What settles says so; three updates are too few for anybody, and who asks for nothing is told nothing.
cat > ring.nnt <<'NNT'
network ring {
    neurons x, s
    input x
    output s
    weights x -> s init constant(1)
    weights s -> s init constant(0.5)
    activation s = identity(z)
    dynamics settle(tolerance: 1e-6, most: 200)
    loss boundary = squared_error(s, target)
}
NNT
sed 's/ring/short/; s/most: 200/most: 3/' ring.nnt > short.nnt
for network in ring short; do "$NNT" build $network.nnt --precision f64 -o $network > /dev/null 2>&1 || status=1; done
cat > settle.c <<'C'
#include "ring.h"
#include "short.h"
#include <math.h>
#include <stdlib.h>
int main(void)
{
    double x[2] = {1, 0}, s[2], t[2] = {2, 0}, ticks[2], failed[2], loss[2];
    void *work = malloc(ring_work_size(2) + short_work_size(2));
    if (!work || ring_forward(ring_weights, 2, x, s, ticks, failed, work)) return 1;
    if (fabs(s[0] - 2) > 4e-6 || s[1] != 0 || ticks[0] < 18 || ticks[0] > 22 || ticks[1] != 1 || failed[0] || failed[1]) return 2;
    if (short_forward(short_weights, 2, x, s, ticks, failed, work) || s[0] != 1.75 || ticks[0] != 3 || !failed[0] || failed[1]) return 3;
    if (short_loss(short_weights, 2, x, t, loss, NULL, failed, work) || loss[0] != 0.03125 || !failed[0] || failed[1]) return 4;
    free(work);
    return 0;
}
C
gcc -std=c17 -Wall -Wextra -Wpedantic -Werror settle.c ring.o short.o -lm -o settle && ./settle || { echo "settling is not told: $?"; status=1; }
# An echo by an object: rows in, rows out. Trained by its own steps, it says what it read two updates earlier.
cat > say.c <<'C'
#include "echo.h"
#include <stdlib.h>
#include <string.h>
enum { N = 64, ROWS = ECHO_X_ROWS };
int main(void)
{
    static float p[ECHO_PARAMETERS], m[ECHO_MOMENTS], x[N][ROWS], y[N][ECHO_Y_ROWS], note[N], loss[N], H[N];
    void *work = malloc(echo_work_size(N));
    int step, b, t;
    if (!work) return 1;
    memcpy(p, echo_weights, sizeof p);
    for (step = 1; step <= 300; step++) {
        for (b = 0; b < N; b++)
            for (t = 0; t < ROWS; t++) x[b][t] = rand() % 2 ? 1 : -1;
        if (echo_train_step(p, m, N, &x[0][0], note, &x[0][0], 0.01, 1, 0.1, (uint64_t)step, loss, H, NULL, NULL, work)) return 2;
    }
    if (echo_forward(p, N, &x[0][0], note, &y[0][0], work)) return 3;
    for (b = 0; b < N; b++)
        for (t = 0; t < ROWS; t++)
            if (y[b][t] * x[b][t] <= 0.5f) return 4;
    free(work);
    return 0;
}
C
gcc -std=c17 -Wall -Wextra -Wpedantic -Werror say.c echo.o -o say && ./say || { echo "the echo does not echo: $?"; status=1; }
make -s -C "$NNT_SOURCE/examples/embed" NNT="$NNT" OUT="$PWD/embed" run || { echo "examples/embed fails"; status=1; }
exit $status
