/* test_determinants.c: on networks drawn by seed, ln det A and H_min by blocks are those of a dense A, assembled here from the linear
 * model, and Lanczos' ln det A is as far from it as its error says. NNT_NETWORKS=N counts N networks, NNT_SEED=S begins at seed S. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <float.h>
#include <lapacke.h>
#include <math.h>
#include <string.h>

#include "tests/random/deviations.h"
#include "tests/random/subject.h"

enum { SAMPLES = 3 };

/* ---- a dense A ---- */

/* One sample's linear model in full: N neurons of all groups, in the order of the groups; matrices [N][N], row by row. */
struct dense {
    struct subject *of;
    uint32_t sample, N, first[SUBJECT_GROUPS];
    double *w, *slope, *J, *A, *g;
    double H;
};

static const struct nnt_group *group_of(const struct dense *d, uint32_t g)
{
    return &d->of->module->group[g];
}

static bool is_free(const struct dense *d, uint32_t g)
{
    return !(group_of(d, g)->flags & NNT_CLAMPED);
}

static bool counts_error(const struct dense *d, uint32_t g)
{
    return group_of(d, g)->flags & NNT_ERROR;
}

/* Element e of a field in this sample; 0 where there is no field. */
static double linear(const struct dense *d, uint32_t field, uint64_t e)
{
    if (field == NNT_NONE) return 0;
    const struct nnt_field *f = &d->of->module->field[field];
    return exercise_get(&d->of->x, f, d->sample * (exercise_size(&d->of->x, f) / d->of->count) + e);
}

/* f' or the bend of a group, between its neurons i and j. */
static double of_map(const struct dense *d, uint32_t g, uint32_t field, uint32_t i, uint32_t j)
{
    uint32_t n = group_of(d, g)->size;
    if (field == NNT_NONE) return 0;
    if (d->of->module->field[field].rank == 2) return linear(d, field, (uint64_t)i * n + j);
    return i == j ? linear(d, field, i) : 0;
}

static void fill_w(struct dense *d)
{
    const struct nnt_module *m = d->of->module;
    for (uint32_t k = 0; k < m->n_blocks; k++) {
        const struct nnt_block *b = &m->block[k];
        const struct nnt_field *f = &m->field[m->parameter[b->parameter].field];
        uint32_t rows = m->group[b->to].size, columns = m->group[b->from].size;
        for (uint32_t i = 0; i < rows; i++)
            for (uint32_t j = 0; j < columns; j++)
                d->w[(size_t)(d->first[b->to] + i) * d->N + d->first[b->from] + j] =
                    exercise_get(&d->of->x, f, b->transposed ? (uint64_t)j * rows + i : (uint64_t)i * columns + j);
    }
}

static void fill_map(struct dense *d, bool bend, double *out)
{
    for (uint32_t g = 0; g < d->of->module->n_groups; g++)
        for (uint32_t i = 0; counts_error(d, g) && i < group_of(d, g)->size; i++)
            for (uint32_t j = 0; j < group_of(d, g)->size; j++)
                out[(size_t)(d->first[g] + i) * d->N + d->first[g] + j] =
                    of_map(d, g, bend ? group_of(d, g)->bend : group_of(d, g)->slope, i, j);
}

/* out += factor op(X) Y. */
static void add_product(uint32_t N, double factor, bool transposed, const double *X, const double *Y, double *out)
{
    for (uint32_t i = 0; i < N; i++)
        for (uint32_t k = 0; k < N; k++) {
            double x = factor * (transposed ? X[(size_t)k * N + i] : X[(size_t)i * N + k]);
            for (uint32_t j = 0; x != 0 && j < N; j++) out[(size_t)i * N + j] += x * Y[(size_t)k * N + j];
        }
}

/* J = (1 - f' w) in the rows of R; A = JᵀJ, less wᵀ bend w of the exact Hessian, and V''; g = Jᵀr + V'. All columns, free or not. */
static void fill_A(struct dense *d, bool full)
{
    uint32_t N = d->N;
    double *bend = subject_numbers(d->of, (size_t)N * N), *bend_w = subject_numbers(d->of, (size_t)N * N);
    fill_w(d);
    fill_map(d, false, d->slope);
    add_product(N, -1, false, d->slope, d->w, d->J);
    for (uint32_t g = 0; g < d->of->module->n_groups; g++)
        for (uint32_t i = 0; i < group_of(d, g)->size; i++)
            if (counts_error(d, g)) d->J[(size_t)(d->first[g] + i) * (N + 1)] += 1;
    add_product(N, 1, true, d->J, d->J, d->A);
    if (full) fill_map(d, true, bend);
    if (full) add_product(N, 1, false, bend, d->w, bend_w);
    if (full) add_product(N, -1, true, d->w, bend_w, d->A);
    for (uint32_t g = 0; g < d->of->module->n_groups; g++)
        for (uint32_t i = 0; i < group_of(d, g)->size; i++) {
            uint32_t row = d->first[g] + i;
            d->A[(size_t)row * (N + 1)] += linear(d, group_of(d, g)->curvature, i);
            d->g[row] += linear(d, group_of(d, g)->force, i);
            double r = counts_error(d, g) ? linear(d, group_of(d, g)->residual, i) : 0;
            for (uint32_t j = 0; j < N; j++) d->g[j] += d->J[(size_t)row * N + j] * r;
        }
}

/* The free rows and columns, moved together: how many. */
static uint32_t keep_free(struct dense *d)
{
    uint32_t n = 0, *kept = arena_alloc(d->of->arena, (d->N + 1) * sizeof *kept);
    for (uint32_t g = 0; g < d->of->module->n_groups; g++)
        for (uint32_t i = 0; is_free(d, g) && i < group_of(d, g)->size; i++) kept[n++] = d->first[g] + i;
    for (uint32_t i = 0; i < n; i++) {
        d->g[i] = d->g[kept[i]];
        for (uint32_t j = 0; j < n; j++) d->A[(size_t)i * n + j] = d->A[(size_t)kept[i] * d->N + kept[j]];
    }
    return n;
}

/* What a dense A says. */
struct answer {
    double logdet, H_min;
    /* How far rounding of A itself, eps of its largest eigenvalue, moves ln det A and H_min at most. */
    double moved;
};

/* ln |det A| and gᵀA⁻¹g by LU; what rounding does by the eigenvalues. */
static struct answer solve(struct dense *d, uint32_t n)
{
    struct answer a = {0};
    double *LU = subject_numbers(d->of, (size_t)n * n), *x = subject_numbers(d->of, n),
           *value = subject_numbers(d->of, n), product = 0, size = 0;
    int *pivot = arena_alloc(d->of->arena, (n + 1) * sizeof *pivot);
    memcpy(LU, d->A, (size_t)n * n * sizeof *LU);
    memcpy(x, d->g, n * sizeof *x);
    assert_int_equal(LAPACKE_dgesv(LAPACK_ROW_MAJOR, (int)n, 1, LU, (int)n, pivot, x, 1), 0);
    assert_int_equal(LAPACKE_dsyev(LAPACK_ROW_MAJOR, 'N', 'U', (int)n, d->A, (int)n, value), 0);
    for (uint32_t i = 0; i < n; i++) {
        a.logdet += log(fabs(LU[(size_t)i * (n + 1)]));
        a.moved += DBL_EPSILON * value[n - 1] / value[i];
        product += d->g[i] * x[i];
        size += x[i] * x[i];
    }
    a.H_min = d->H - 0.5 * product;
    a.moved += DBL_EPSILON * value[n - 1] * size;
    return a;
}

/* At the state where the slabs of x are. */
static struct answer dense_answer(struct subject *s, uint32_t sample)
{
    struct dense d = {.of = s, .sample = sample};
    for (uint32_t g = 0; g < s->module->n_groups; d.N += s->module->group[g++].size) d.first[g] = d.N;
    size_t square = (size_t)d.N * d.N;
    d.w = subject_numbers(s, square);
    d.slope = subject_numbers(s, square);
    d.J = subject_numbers(s, square);
    d.A = subject_numbers(s, square);
    d.g = subject_numbers(s, d.N);
    d.H = exercise_get(&s->x, &s->module->field[s->module->H], sample);
    fill_A(&d, s->model->ensemble.full);
    return solve(&d, keep_free(&d));
}

/* ---- blocks ---- */

struct counts {
    struct tally tally;
    uint32_t stiff, wrong; /* samples */
    double worst;
};

static bool is_near(double value, double expected, struct counts *counts)
{
    double apart = fabs(value - expected) / (1 + fabs(expected));
    counts->worst = fmax(counts->worst, apart);
    return apart <= 1e-10;
}

/* A sample in which rounding A alone may move the result by a tenth of what is allowed says nothing. */
static bool check_sample(struct subject *s, uint32_t sample, const struct gaussian *blocks, struct counts *counts)
{
    struct answer a = dense_answer(s, sample);
    if (!(a.moved <= 1e-11)) return counts->stiff++, false;
    bool good = is_near(blocks->logdet_A, a.logdet, counts);
    if (is_near(blocks->H_min, a.H_min, counts) && good) return true;
    counts->wrong++;
    print_error("seed %llu, sample %u: ln det A %.17g, H_min %.17g; dense %.17g, %.17g\n",
                (unsigned long long)s->seed, sample + 1, blocks->logdet_A, blocks->H_min, a.logdet, a.H_min);
    subject_show(s);
    return true;
}

static enum fate check_blocks(struct subject *s, struct counts *counts)
{
    struct gaussian blocks[SAMPLES];
    uint32_t told = 0;
    assert_true(subject_evaluate(s, 1, blocks));
    exercise_run(&s->x, NNT_ENTRY_ensemble_forward);
    if (s->model->ensemble.relaxed) exercise_run(&s->x, NNT_ENTRY_relax);
    exercise_run(&s->x, NNT_ENTRY_linearise);
    for (uint32_t i = 0; i < SAMPLES; i++) told += check_sample(s, i, &blocks[i], counts);
    return told ? FATE_COUNTS : FATE_UNFIT;
}

/* ---- Lanczos ---- */

static bool by_lanczos(struct subject *s, struct gaussian out[])
{
    struct ensemble_spec spec = s->model->ensemble;
    struct ensemble *own = s->ensemble;
    spec.lanczos = true;
    spec.probes = 64;
    spec.order = 64;
    s->ensemble = ensemble_new(s->diag, (struct span){0}, s->module, &spec, s->count);
    assert_non_null(s->ensemble);
    bool good = subject_evaluate(s, 1, out);
    ensemble_free(s->ensemble);
    s->ensemble = own;
    return good;
}

/* Each sample has probes of its own. */
static void check_lanczos(struct subject *s, struct deviations *deviations)
{
    struct gaussian exact[SAMPLES], probed[SAMPLES];
    assert_true(subject_evaluate(s, 1, exact));
    assert_true(by_lanczos(s, probed));
    deviations_begin(deviations, s->seed);
    for (uint32_t i = 0; i < SAMPLES; i++)
        deviations_add(deviations, probed[i].logdet_A, probed[i].logdet_error, exact[i].logdet_A);
}

/* ---- networks ---- */

static void determinants_of_drawn_networks(void **state)
{
    struct counts c = {0};
    struct deviations deviations = {0};
    uint64_t n = networks_asked(NNT_SANITIZED ? 4 : 10), first = first_seed(26);
    (void)state;
    for (uint64_t seed = first; c.tally.counted < n && seed < first + 2 * n; seed++) {
        struct subject s;
        enum fate fate = subject_open(&s, seed, false, SAMPLES);
        if (fate == FATE_COUNTS) fate = check_blocks(&s, &c);
        if (fate == FATE_COUNTS) check_lanczos(&s, &deviations);
        tally_add(&c.tally, fate, s.kinds);
        subject_close(&s);
    }
    tally_print(&c.tally, "determinants");
    print_message("blocks: the worst %.2g off; %u samples so stiff that rounding of A shows; %u wrong\n", c.worst,
                  c.stiff, c.wrong);
    assert_int_equal(c.wrong, 0);
    tally_require(&c.tally, n);
    deviations_require(&deviations, "Lanczos");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(determinants_of_drawn_networks)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
