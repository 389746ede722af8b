/* test_derivatives.c: on networks drawn by seed, the gradients of F, H_min and C are their central differences, and Hessian products
 * those of the gradients, away from kinks. NNT_NETWORKS=N counts N networks, NNT_SEED=S begins at seed S. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <string.h>

#include "runtime/base/random.h"
#include "tests/random/subject.h"

enum { SAMPLES = 3, KEPT = 2, F = 0, H_MIN = 1, C = 2, PARTS = 3 };
static const double T = 0.6, step = 1e-3;
static const char *const part_names[PARTS] = {"F", "H_min", "C"};
static const struct combination part_of[PARTS] = {{1, -0.6}, {1, 0}, {0, 1}};

struct counts {
    uint64_t compared, skipped, compared_products, skipped_products, wrong;
    double worst, worst_product;
    struct tally tally;
};

/* ---- a line through q ---- */

/* A direction [parameters] and what it is as a vector of trainables. */
struct line {
    struct subject *of;
    double *start, *in_q, *in_vector;
    struct random random;
    double scale;
    uint64_t P;
};

static void add_component(void *with, uint32_t field, uint64_t in_q, uint64_t in_vector)
{
    struct line *line = with;
    (void)field;
    line->in_q[in_q] = line->in_vector[in_vector] = line->scale * random_normal(&line->random);
    line->P++;
}

static void scale_component(void *with, uint32_t field, uint64_t in_q, uint64_t in_vector)
{
    struct line *line = with;
    (void)field;
    line->in_q[in_q] = line->in_vector[in_vector] *= line->scale;
}

static struct line line_new(struct subject *s)
{
    size_t n = s->module->size[NNT_PARAMETERS];
    struct line line = {.of = s,
                        .start = subject_numbers(s, n),
                        .in_q = subject_numbers(s, n),
                        .in_vector = subject_numbers(s, ensemble_trainables(s->ensemble)),
                        .random = random_stream(s->seed, RANDOM_PROBE, 11, 0),
                        .scale = 1};
    memcpy(line.start, s->q, n * sizeof *line.start);
    return line;
}

/* Anywhere, of length `length`. */
static void line_draw(struct line *line, double length)
{
    line->P = 0;
    line->scale = 1;
    subject_trainables(line->of, add_component, line);
    line->scale = length / sqrt((double)line->P);
    subject_trainables(line->of, scale_component, line);
}

static void line_go(struct line *line, double h)
{
    for (size_t i = 0; i < line->of->module->size[NNT_PARAMETERS]; i++)
        line->of->q[i] = line->start[i] + h * line->in_q[i];
}

/* ---- differences ---- */

/* What is differentiated: `n` numbers at the weights; false where they cannot be had. */
struct function {
    bool (*at)(struct subject *subject, double out[]);
    size_t n;
};

/* The slopes, and how far rounding of the values may move them. */
static bool slope_at(struct line *line, const struct function *f, double h, double out[], double rounding[])
{
    double *minus = subject_numbers(line->of, f->n);
    line_go(line, h);
    bool good = f->at(line->of, out);
    line_go(line, -h);
    good = good && f->at(line->of, minus);
    line_go(line, 0);
    for (size_t i = 0; i < f->n; i++) {
        rounding[i] = DBL_EPSILON * fmax(fabs(out[i]), fabs(minus[i])) / h;
        out[i] = (out[i] - minus[i]) / (2 * h);
    }
    return good;
}

/* Fourth-order central differences, and by how much they are in doubt: by how far those of twice the steps are from them, and by
 * rounding. */
struct differences {
    double *fine, *doubt;
};

/* false where the function cannot be had somewhere. */
static bool differences_along(struct line *line, const struct function *f, struct differences *out)
{
    double *slope[3];
    *out = (struct differences){subject_numbers(line->of, f->n), subject_numbers(line->of, f->n)};
    for (int k = 0; k < 3; k++) {
        slope[k] = subject_numbers(line->of, f->n);
        if (!slope_at(line, f, ldexp(step, -k), slope[k], out->doubt)) return false;
    }
    for (size_t i = 0; i < f->n; i++) {
        double coarse = (4 * slope[1][i] - slope[0][i]) / 3;
        out->fine[i] = (4 * slope[2][i] - slope[1][i]) / 3;
        out->doubt[i] = fmax(out->doubt[i], fabs(coarse - out->fine[i]));
    }
    return true;
}

/* Distance of value from the i-th difference, relative to 1 + its size; negative where that is in doubt by a fifth of `tolerance`: at kinks,
 * and where F is as good as singular, or so large that its rounding shows. */
static double distance(double value, const struct differences *differences, size_t i, double tolerance)
{
    double fine = differences->fine[i], size = 1 + fabs(fine);
    if (!(differences->doubt[i] <= tolerance / 5 * size)) return -1;
    return fabs(value - fine) / size;
}

/* ---- gradients ---- */

static bool totals_at(struct subject *s, double out[])
{
    struct gaussian sample[SAMPLES];
    if (!subject_evaluate(s, 1 / T, sample)) return false;
    for (int p = 0; p < PARTS; p++) out[p] = 0;
    for (int i = 0; i < SAMPLES; i++) {
        out[F] += sample[i].F / SAMPLES;
        out[H_MIN] += sample[i].H_min / SAMPLES;
        out[C] += sample[i].C / SAMPLES;
    }
    return true;
}

static void compare_slope(struct line *line, double *const gradient[PARTS], const char *along,
                          struct counts *counts)
{
    const double tolerance = 1e-6;
    struct differences differences;
    bool had = differences_along(line, &(struct function){totals_at, PARTS}, &differences);
    for (int p = 0; p < PARTS; p++) {
        double value = 0, apart = -1;
        for (size_t i = 0; i < ensemble_trainables(line->of->ensemble); i++)
            value += gradient[p][i] * line->in_vector[i];
        if (had) apart = distance(value, &differences, (size_t)p, tolerance);
        counts->skipped += apart < 0;
        if (apart < 0) continue;
        counts->compared++;
        counts->worst = fmax(counts->worst, apart);
        if (apart <= tolerance) continue;
        counts->wrong++;
        print_error("seed %llu: the slope of %s along %s is %.12g, by differences %.12g\n",
                    (unsigned long long)line->of->seed, part_names[p], along, value, differences.fine[p]);
    }
}

/* Some of each field's trainables, by reservoir. */
struct reservoir {
    struct line *line;
    uint32_t field, seen, kept;
    uint64_t in_q[KEPT], in_vector[KEPT];
    double *const *gradient;
    struct counts *counts;
};

static void compare_kept(struct reservoir *r)
{
    struct line *line = r->line;
    for (uint32_t k = 0; k < r->kept; k++) {
        memset(line->in_q, 0, line->of->module->size[NNT_PARAMETERS] * sizeof(double));
        memset(line->in_vector, 0, ensemble_trainables(line->of->ensemble) * sizeof(double));
        line->in_q[r->in_q[k]] = line->in_vector[r->in_vector[k]] = 1;
        compare_slope(line, r->gradient, line->of->module->field[r->field].name, r->counts);
    }
    r->kept = r->seen = 0;
}

static void keep_some(void *with, uint32_t field, uint64_t in_q, uint64_t in_vector)
{
    struct reservoir *r = with;
    if (field != r->field) compare_kept(r);
    r->field = field;
    uint32_t place = r->seen < KEPT ? r->seen : random_below(&r->line->random, r->seen + 1);
    r->seen++;
    if (place >= KEPT) return;
    if (r->kept <= place) r->kept = place + 1;
    r->in_q[place] = in_q;
    r->in_vector[place] = in_vector;
}

static bool gradients_at(struct subject *s, double *const out[PARTS])
{
    return ensemble_gradient(s->ensemble, s->diag, s->q, s->data, s->count, 1 / T, 2, part_of, out, NULL) &&
           ensemble_gradient(s->ensemble, s->diag, s->q, s->data, s->count, 1 / T, 1, part_of + C, out + C, NULL) &&
           subject_rests(s);
}

static bool compare_gradients(struct subject *s, struct line *line, struct counts *counts)
{
    size_t P = ensemble_trainables(s->ensemble);
    double *gradient[PARTS] = {subject_numbers(s, P), subject_numbers(s, P), subject_numbers(s, P)};
    struct reservoir r = {.line = line, .field = NNT_NONE, .gradient = gradient, .counts = counts};
    if (!gradients_at(s, gradient)) return false;
    line_draw(line, 1);
    compare_slope(line, gradient, "a direction", counts);
    subject_trainables(s, keep_some, &r);
    compare_kept(&r);
    return true;
}

/* ---- products ---- */

static bool all_gradients_at(struct subject *s, double out[])
{
    size_t P = ensemble_trainables(s->ensemble);
    double *const part[PARTS] = {out, out + P, out + 2 * P};
    return gradients_at(s, part);
}

static void compare_products(struct subject *s, struct line *line, struct counts *counts)
{
    const double tolerance = 1e-5;
    size_t P = ensemble_trainables(s->ensemble);
    double *product[PARTS] = {subject_numbers(s, P), subject_numbers(s, P), subject_numbers(s, P)};
    struct differences differences;
    line_draw(line, 3);
    assert_true(
        ensemble_hessian(s->ensemble, s->diag, s->q, s->data, s->count, 2, part_of, line->in_vector, product));
    assert_true(ensemble_hessian(s->ensemble, s->diag, s->q, s->data, s->count, 1, part_of + C, line->in_vector,
                                 product + C));
    if (!differences_along(line, &(struct function){all_gradients_at, PARTS * P}, &differences)) return;
    for (size_t i = 0; i < PARTS * P; i++) {
        double value = product[i / P][i % P], apart = distance(value, &differences, i, tolerance);
        counts->skipped_products += apart < 0;
        if (apart < 0) continue;
        counts->compared_products++;
        counts->worst_product = fmax(counts->worst_product, apart);
        if (apart <= tolerance) continue;
        if (counts->wrong++ < 20)
            print_error("seed %llu: a product with the Hessian of %s is %.12g at %zu, by differences %.12g\n",
                        (unsigned long long)s->seed, part_names[i / P], value, i % P, differences.fine[i]);
    }
}

/* ---- networks ---- */

/* A network counts where differences told most of its derivatives. */
static void check_drawn(uint64_t seed, struct counts *counts)
{
    struct subject s;
    enum fate fate = subject_open(&s, seed, false, SAMPLES);
    struct counts own = {0};
    if (fate == FATE_COUNTS) {
        struct line line = line_new(&s);
        if (!compare_gradients(&s, &line, &own))
            fate = FATE_UNRELAXED;
        else
            compare_products(&s, &line, &own);
        if (own.wrong) subject_show(&s);
    }
    if (fate == FATE_COUNTS && !own.wrong &&
        (own.compared < own.skipped || own.compared_products < own.skipped_products))
        fate = FATE_UNFIT;
    tally_add(&counts->tally, fate, s.kinds);
    counts->compared += own.compared;
    counts->skipped += own.skipped;
    counts->compared_products += own.compared_products;
    counts->skipped_products += own.skipped_products;
    counts->wrong += own.wrong;
    counts->worst = fmax(counts->worst, own.worst);
    counts->worst_product = fmax(counts->worst_product, own.worst_product);
    subject_close(&s);
}

static void derivatives_are_differences(void **state)
{
    struct counts c = {0};
    uint64_t n = networks_asked(NNT_SANITIZED ? 4 : 8), first = first_seed(26);
    (void)state;
    for (uint64_t seed = first; c.tally.counted < n && seed < first + 2 * n; seed++) check_drawn(seed, &c);
    tally_print(&c.tally, "derivatives");
    print_message(
        "%llu slopes, the worst %.2g off, %llu at kinks; %llu numbers of products, the worst %.2g off, %llu at "
        "kinks; %llu wrong\n",
        (unsigned long long)c.compared, c.worst, (unsigned long long)c.skipped,
        (unsigned long long)c.compared_products, c.worst_product, (unsigned long long)c.skipped_products,
        (unsigned long long)c.wrong);
    assert_int_equal(c.wrong, 0);
    tally_require(&c.tally, n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(derivatives_are_differences)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
