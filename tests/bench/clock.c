/* clock.c: what the benches measure time by. */
#include <time.h>

#include "tests/bench/harness.h"

double bench_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}
