/* test_first_law.c: on smooth networks drawn by seed, the residual of the first law falls with the fifth power of the step, at fixed and
 * at moving T, down to rounding. NNT_NETWORKS=N counts N networks, NNT_SEED=S begins at seed S. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>

#include "runtime/base/random.h"
#include "runtime/thermo/ledger.h"
#include "tests/random/subject.h"

/* Steps of length `longest`, and half of the one before. Those count from the last one whose residual is above `large` on: larger ones
 * may leave the series behind. And until it is below `rounding`. */
enum { SAMPLES = 3, STEPS = 24, LEAST_POINTS = 3, MOST_FITS = 512 };
static const double longest = 4, T_begins = 0.6, large = 1e-6, rounding = 1e-12;

/* ---- the residual of a step ---- */

struct chord {
    struct subject *of;
    double *start, *direction; /* [parameters] */
    double dT;                 /* by length 1 */
    struct random random;
    double length;
    uint64_t P;
};

/* A point of the chord, and the memory it is in. */
struct point {
    struct gaussian sample[SAMPLES];
    double *q, *gradient_F;
    struct instant instant;
};

static void draw_component(void *with, uint32_t field, uint64_t in_q, uint64_t in_vector)
{
    struct chord *c = with;
    (void)field;
    (void)in_vector;
    c->direction[in_q] = random_normal(&c->random);
    c->length = hypot(c->length, c->direction[in_q]);
}

static struct chord chord_new(struct subject *s)
{
    size_t n = s->module->size[NNT_PARAMETERS];
    struct chord c = {.of = s,
                      .start = subject_numbers(s, n),
                      .direction = subject_numbers(s, n),
                      .random = random_stream(s->seed, RANDOM_PROBE, 12, 0)};
    subject_trainables(s, draw_component, &c);
    for (size_t i = 0; i < n; i++) {
        c.start[i] = s->q[i];
        c.direction[i] /= c.length;
    }
    return c;
}

static bool point_at(const struct chord *c, double h, struct point *out)
{
    struct subject *s = c->of;
    size_t n = s->module->size[NNT_PARAMETERS], P = ensemble_trainables(s->ensemble);
    double T = T_begins + h * c->dT;
    const struct combination F = {1, -T};
    out->q = subject_numbers(s, n);
    out->gradient_F = subject_numbers(s, P);
    for (size_t i = 0; i < n; i++) out->q[i] = c->start[i] + h * c->direction[i];
    out->instant = (struct instant){T, out->q, out->sample, out->gradient_F};
    return T > 0 &&
           ensemble_gradient(s->ensemble, s->diag, out->q, s->data, s->count, 1 / T, 1, &F, &out->gradient_F,
                             out->sample) &&
           subject_rests(s);
}

/* Relative to 1 + |U|, of which it is the small difference; NaN where the ensemble ends on the way. */
static double residual_of(const struct chord *c, double h)
{
    struct point before, middle, now;
    struct interval interval;
    double room[SAMPLES], U = 0;
    if (!point_at(c, 0, &before) || !point_at(c, h / 2, &middle) || !point_at(c, h, &now)) return NAN;
    ledger_first_law(c->of->ensemble, SAMPLES, &before.instant, &middle.instant, &now.instant, room, &interval);
    for (int i = 0; i < SAMPLES; i++) U += fabs(before.sample[i].U) / SAMPLES;
    return fabs(interval.residual) / (1 + U);
}

/* ---- its order ---- */

/* Sums of a straight line through (ln h, ln residual). */
struct fit {
    uint32_t n;
    double x, y, xx, xy;
};

static void fit_add(struct fit *f, double x, double y)
{
    f->n++;
    f->x += x;
    f->y += y;
    f->xx += x * x;
    f->xy += x * y;
}

static double fit_slope(const struct fit *f)
{
    return (f->n * f->xy - f->x * f->y) / (f->n * f->xx - f->x * f->x);
}

/* What rounding alone makes of the residual: how much U and C move over steps in which they have no room to. Where J has large entries
 * that cancel in det A, assembling JᵀJ costs as many digits (THEORY 3a, Precision). */
static double floor_of(const struct chord *c)
{
    struct point start, moved;
    double most = 0, U = 0;
    if (!point_at(c, 0, &start)) return INFINITY;
    for (int i = 0; i < SAMPLES; i++) U += fabs(start.sample[i].U) / SAMPLES;
    for (int k = 1; k <= 4; k++) {
        double moves = 0;
        if (!point_at(c, k * 1e-14, &moved)) return INFINITY;
        for (int i = 0; i < SAMPLES; i++)
            moves += (fabs(moved.sample[i].H_min - start.sample[i].H_min) +
                      T_begins * fabs(moved.sample[i].C - start.sample[i].C)) /
                     SAMPLES;
        most = fmax(most, moves);
    }
    return fmax(rounding, 4 * most / (1 + U));
}

/* The exponent by which the residual falls, NaN where there is too little of it; *out_least is the least residual that was seen. */
static double order_of(const struct chord *c, double floor, double *out_least)
{
    struct fit fit = {0};
    *out_least = INFINITY;
    for (int k = 0; k < STEPS && *out_least >= floor; k++) {
        double h = ldexp(longest, -k), residual = residual_of(c, h);
        if (isnan(residual) || residual > large) fit = (struct fit){0};
        if (isnan(residual)) continue;
        *out_least = residual;
        if (residual >= floor) fit_add(&fit, log(h), log(residual));
    }
    return fit.n >= LEAST_POINTS ? fit_slope(&fit) : NAN;
}

/* ---- networks ---- */

struct counts {
    struct tally tally;
    uint32_t n, stuck;
    double order[2][MOST_FITS];
};

static bool is_stuck(const struct subject *s, const char *how, double order, double floor, double least)
{
    if (least < floor && !(order < 3.5)) return false;
    print_error("seed %llu, %s T: the residual falls by the power %.2f, down to %.2g\n",
                (unsigned long long)s->seed, how, order, least);
    return true;
}

/* A network whose residual is rounding from the first step on says nothing. */
static enum fate check_law(struct subject *s, struct counts *counts)
{
    static const char *const how[] = {"fixed", "moving"};
    struct chord c = chord_new(s);
    double order[2], floor[2], least[2];
    bool stuck = false;
    for (int moving = 0; moving < 2; moving++) {
        c.dT = moving ? 0.1 : 0;
        floor[moving] = floor_of(&c);
        order[moving] = order_of(&c, floor[moving], &least[moving]);
    }
    for (int moving = 0; moving < 2; moving++)
        stuck |= is_stuck(s, how[moving], order[moving], floor[moving], least[moving]);
    counts->stuck += stuck;
    if (stuck) subject_show(s);
    if (isnan(order[0]) || isnan(order[1])) return FATE_UNFIT;
    assert_true(counts->n < MOST_FITS);
    for (int moving = 0; moving < 2; moving++) counts->order[moving][counts->n] = order[moving];
    counts->n++;
    return FATE_COUNTS;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, uint32_t n)
{
    qsort(values, n, sizeof *values, ascending);
    return 0.5 * (values[(n - 1) / 2] + values[n / 2]);
}

static void the_residual_falls_with_the_fifth_power(void **state)
{
    struct counts c = {0};
    uint64_t n = networks_asked(NNT_SANITIZED ? 3 : 6), first = first_seed(43);
    (void)state;
    for (uint64_t seed = first; c.tally.counted < n && seed < first + 2 * n; seed++) {
        struct subject s;
        enum fate fate = subject_open(&s, seed, true, SAMPLES);
        if (fate == FATE_COUNTS) fate = check_law(&s, &c);
        tally_add(&c.tally, fate, s.kinds);
        subject_close(&s);
    }
    tally_print(&c.tally, "first law");
    tally_require(&c.tally, n);
    double fixed = median(c.order[0], c.n), moving = median(c.order[1], c.n);
    print_message("fixed T: median order %.2f, from %.2f to %.2f; moving T: %.2f, from %.2f to %.2f\n", fixed,
                  c.order[0][0], c.order[0][c.n - 1], moving, c.order[1][0], c.order[1][c.n - 1]);
    assert_int_equal(c.stuck, 0);
    assert_true(fixed >= 4.5 && moving >= 4.5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_residual_falls_with_the_fifth_power)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
