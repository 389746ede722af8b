/* test_laplacians.c: on networks drawn by seed, Hutchinson's Laplacian of F is as far from the exact one, by a Hessian product a
 * trainable, as its error says. NNT_NETWORKS=N counts N networks, NNT_SEED=S begins at seed S. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "runtime/thermo/laplacian.h"
#include "tests/random/deviations.h"
#include "tests/random/subject.h"

/* So many probes that their mean is near a normal one although each is a quadratic form; and at most so many trainables, which the exact
 * Laplacian takes one by one. */
enum { SAMPLES = 2, PROBES = 96, MOST = 400, ESTIMATES = 8 };
static const double T = 0.6;

struct trace {
    struct subject *of;
    double *direction, *product, sum;
    bool good;
};

static void add_diagonal(void *with, uint32_t field, uint64_t in_q, uint64_t in_vector)
{
    static const struct combination of_F = {1, -0.6};
    struct trace *t = with;
    struct subject *s = t->of;
    (void)field;
    (void)in_q;
    t->direction[in_vector] = 1;
    t->good = t->good && ensemble_hessian(s->ensemble, s->diag, s->q, s->data, s->count, 1, &of_F, t->direction,
                                          (double *const[]){t->product});
    t->direction[in_vector] = 0;
    t->sum += t->product[in_vector];
}

static bool exact_laplacian(struct subject *s, double *out)
{
    size_t P = ensemble_trainables(s->ensemble);
    struct trace t = {.of = s, .direction = subject_numbers(s, P), .product = subject_numbers(s, P), .good = true};
    subject_trainables(s, add_diagonal, &t);
    *out = t.sum;
    return t.good;
}

static void estimate(struct subject *s, uint64_t seed, struct laplacian *out)
{
    struct laplacian_probes *l = laplacian_new(s->diag, (struct span){0}, s->ensemble, s->count, PROBES, seed);
    assert_non_null(l);
    assert_true(laplacian_take(l, s->diag, s->q, s->data, T, out));
    assert_false(out->exact);
    laplacian_free(l);
}

static enum fate check_laplacian(struct subject *s, struct deviations *deviations)
{
    double exact;
    struct laplacian probed;
    if (s->module->trainables <= PROBES || s->module->trainables > MOST) return FATE_UNFIT;
    if (!exact_laplacian(s, &exact)) return FATE_UNRELAXED;
    deviations_begin(deviations, s->seed);
    for (uint64_t k = 0; k < ESTIMATES; k++) {
        estimate(s, s->seed * ESTIMATES + k, &probed);
        deviations_add(deviations, probed.value, probed.probe_error, exact);
    }
    return FATE_COUNTS;
}

static void hutchinson_errs_as_it_says(void **state)
{
    struct tally tally = {0};
    struct deviations deviations = {0};
    uint64_t n = networks_asked(NNT_SANITIZED ? 3 : 8), first = first_seed(1);
    (void)state;
    for (uint64_t seed = first; tally.counted < n && seed < first + 8 * n; seed++) {
        struct subject s;
        enum fate fate = subject_open(&s, seed, false, SAMPLES);
        if (fate == FATE_COUNTS) fate = check_laplacian(&s, &deviations);
        tally_add(&tally, fate, s.kinds);
        subject_close(&s);
    }
    tally_print(&tally, "Laplacians");
    tally_require(&tally, n);
    deviations_require(&deviations, "Hutchinson");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(hutchinson_errs_as_it_says)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
