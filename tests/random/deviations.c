/* deviations.c: how far estimates are from what they estimate, in their own standard errors. */
#include "tests/random/deviations.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

void deviations_begin(struct deviations *d, uint64_t seed)
{
    d->networks++;
    d->hit++;
    d->seed = seed;
    d->missed = false;
}

static void miss(struct deviations *d, double value, double error, double exact)
{
    print_message("seed %llu: %.12g with an error of %.3g, exact is %.12g\n", (unsigned long long)d->seed, value,
                  error, exact);
    if (!d->missed) d->hit--;
    d->missed = true;
}

void deviations_add(struct deviations *d, double value, double error, double exact)
{
    const double rounding = 1e-10 * (1 + fabs(exact));
    d->estimates++;
    if (error <= rounding) {
        d->exact++;
        if (!(fabs(value - exact) <= 4 * rounding)) miss(d, value, error, exact);
        return;
    }
    double deviation = (value - exact) / error;
    d->sum += deviation;
    d->squares += deviation * deviation;
    d->worst = fmax(d->worst, fabs(deviation));
    if (!(fabs(deviation) <= 4)) miss(d, value, error, exact);
}

void deviations_require(const struct deviations *d, const char *what)
{
    double n = d->estimates - d->exact, mean = d->sum / n,
           spread = n > 1 ? sqrt((d->squares - n * mean * mean) / (n - 1)) : NAN;
    print_message(
        "%s: %u of %u networks within four errors; %u estimates, %u exact, the others' deviations have mean "
        "%.3f, standard deviation %.3f, the largest %.2f errors\n",
        what, d->hit, d->networks, d->estimates, d->exact, mean, spread, d->worst);
    assert_true(100 * d->hit >= 99 * d->networks);
    if (n < 50) return;
    assert_true(spread >= 0.8 && spread <= 1.25);
    assert_true(fabs(mean) <= 4 * spread / sqrt(n));
}
