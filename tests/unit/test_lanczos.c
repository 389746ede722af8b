/* test_lanczos.c: ln det A by probes and A⁻¹b by conjugate gradients, against dense LAPACK; ensembles by Lanczos against blocks. */
#include "runtime/thermo/lanczos.h"

#include <float.h>
#include <lapacke.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/random.h"
#include "runtime/thermo/ensemble.h"
#include "tests/module/network.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static void assert_near(double found, double expected, double tolerance)
{
    if (fabs(found - expected) <= tolerance * (1 + fabs(expected))) return;
    print_error("found %.17g, expected %.17g\n", found, expected);
    fail();
}

/* ---- matrices with eigenvalues that are known ---- */

enum { MOST = 90 };
struct dense {
    uint32_t n;
    double A[MOST * MOST], V[MOST * MOST], value[MOST];
};

static void times_dense(void *self, const double x[], double out[])
{
    const struct dense *d = self;
    for (uint32_t i = 0; i < d->n; i++) {
        out[i] = 0;
        for (uint32_t j = 0; j < d->n; j++) out[i] += d->A[i * d->n + j] * x[j];
    }
}

/* Random vectors, made orthonormal. */
static void draw_vectors(struct random *random, struct dense *d)
{
    for (uint32_t k = 0; k < d->n; k++) {
        double *v = d->V + k * d->n, length = 0;
        for (uint32_t i = 0; i < d->n; i++) v[i] = random_normal(random);
        for (uint32_t twice = 0; twice < 2; twice++)
            for (uint32_t l = 0; l < k; l++) {
                const double *u = d->V + l * d->n;
                double overlap = 0;
                for (uint32_t i = 0; i < d->n; i++) overlap += u[i] * v[i];
                for (uint32_t i = 0; i < d->n; i++) v[i] -= overlap * u[i];
            }
        for (uint32_t i = 0; i < d->n; i++) length += v[i] * v[i];
        for (uint32_t i = 0; i < d->n; i++) v[i] /= sqrt(length);
    }
}

static void fill_matrix(struct dense *d)
{
    uint32_t n = d->n;
    memset(d->A, 0, (size_t)n * n * sizeof *d->A);
    for (uint32_t k = 0; k < n; k++)
        for (uint32_t i = 0; i < n; i++)
            for (uint32_t j = 0; j < n; j++) d->A[i * n + j] += d->value[k] * d->V[k * n + i] * d->V[k * n + j];
}

/* Eigenvalues from 1 to `condition`, evenly in their logarithm but for some noise. */
static void draw_matrix(struct random *random, uint32_t n, double condition, struct dense *d)
{
    d->n = n;
    draw_vectors(random, d);
    for (uint32_t k = 0; k < n; k++)
        d->value[k] = pow(condition, (k + random_uniform(random)) / n) * (0.5 + random_uniform(random));
    fill_matrix(d);
}

static double logdet(const struct dense *d)
{
    double sum = 0;
    for (uint32_t k = 0; k < d->n; k++) sum += log(d->value[k]);
    return sum;
}

/* zᵀ ln(A) z of the first probe. */
static double by_hand(const struct dense *d, uint64_t number)
{
    struct random random = random_stream(1, RANDOM_LANCZOS, number, 0);
    double z[MOST], sum = 0;
    uint32_t bits = 0;
    for (uint32_t i = 0; i < d->n; i++, bits >>= 1) {
        if (i % 32 == 0) bits = random_bits(&random);
        z[i] = bits & 1 ? 1 : -1;
    }
    for (uint32_t k = 0; k < d->n; k++) {
        double overlap = 0;
        for (uint32_t i = 0; i < d->n; i++) overlap += d->V[k * d->n + i] * z[i];
        sum += overlap * overlap * log(d->value[k]);
    }
    return sum;
}

static struct stochastic estimate(struct dense *d, uint32_t probes, uint32_t order, uint64_t number)
{
    struct lanczos l;
    struct stochastic out = {0};
    double direction[MOST], ratio;
    assert_true(lanczos_init(&l, d->n, probes, order));
    assert_true(lanczos_logdet(&l, &(struct symmetric){times_dense, d}, number, &out, direction, &ratio));
    lanczos_fini(&l);
    return out;
}

/* ---- matrices ---- */

/* With as many steps as rows each probe is exact. */
static void exact_at_full_order(void **state)
{
    static struct dense d;
    (void)state;
    for (uint32_t t = 0; t < 60; t++) {
        struct random random = random_stream(21, RANDOM_PROBE, t, 0);
        draw_matrix(&random, 1 + t, t % 2 ? 1e6 : 10, &d);
        struct stochastic found = estimate(&d, 1, d.n + t % 3, t);
        assert_near(found.value, by_hand(&d, t), 1e-10);
        assert_true(isinf(found.error));
    }
}

/* A matrix that is diagonal has its trace whatever the probe, and few different entries span little. */
static void diagonal_is_exact(void **state)
{
    static struct dense d = {.n = 90};
    double sum = 0;
    (void)state;
    for (uint32_t i = 0; i < d.n; i++) {
        d.A[i * d.n + i] = 1 + i % 5;
        sum += log(1 + i % 5);
    }
    struct stochastic found = estimate(&d, 8, 64, 0);
    assert_near(found.value, sum, 1e-13);
    assert_true(found.error < 1e-11);
}

/* Deviations in units of the error: their standard deviation, and how many are beyond four. */
struct deviations {
    uint32_t n, beyond;
    double squares;
};

static void deviate(struct deviations *all, double found, double error, double exact)
{
    double deviation = (found - exact) / error;
    all->n++;
    all->beyond += fabs(deviation) > 4;
    all->squares += deviation * deviation;
}

static void assert_honest(const struct deviations *all)
{
    double deviation = sqrt(all->squares / all->n);
    print_message("%u cases: deviations over their error %.3f, %u beyond 4\n", all->n, deviation, all->beyond);
    assert_true(deviation >= 0.8 && deviation <= 1.25);
    assert_true(all->beyond * 100 <= all->n);
}

static void errors_are_honest(void **state)
{
    static struct dense d;
    struct deviations all = {0};
    (void)state;
    for (uint32_t t = 0; t < 240; t++) {
        struct random random = random_stream(22, RANDOM_PROBE, t, 0);
        draw_matrix(&random, 20 + random_below(&random, MOST - 20), pow(10, 4 * random_uniform(&random)), &d);
        struct stochastic found = estimate(&d, 32, 64, t);
        deviate(&all, found.value, found.error, logdet(&d));
    }
    assert_honest(&all);
}

/* Where the order is too small by far, the error says so. */
static void low_orders_are_told(void **state)
{
    static struct dense d;
    uint32_t beyond = 0;
    (void)state;
    for (uint32_t t = 0; t < 100; t++) {
        struct random random = random_stream(23, RANDOM_PROBE, t, 0);
        draw_matrix(&random, MOST, 1e8, &d);
        struct stochastic found = estimate(&d, 64, 12, t);
        beyond += fabs(found.value - logdet(&d)) > 4 * found.error;
    }
    assert_true(beyond <= 1);
}

static void solves(void **state)
{
    static struct dense d;
    (void)state;
    for (uint32_t t = 0; t < 60; t++) {
        struct random random = random_stream(24, RANDOM_PROBE, t, 0);
        double b[MOST], x[MOST], expected[MOST] = {0}, diagonal[MOST], direction[MOST], ratio;
        struct lanczos l;
        draw_matrix(&random, 1 + t, t % 2 ? 1e4 : 10, &d);
        for (uint32_t i = 0; i < d.n; i++) {
            b[i] = random_normal(&random);
            diagonal[i] = d.A[i * d.n + i];
        }
        for (uint32_t k = 0; k < d.n; k++) {
            double overlap = 0;
            for (uint32_t i = 0; i < d.n; i++) overlap += d.V[k * d.n + i] * b[i];
            for (uint32_t i = 0; i < d.n; i++) expected[i] += overlap / d.value[k] * d.V[k * d.n + i];
        }
        assert_true(lanczos_init(&l, d.n, 1, 4));
        assert_true(lanczos_solve(&l, &(struct symmetric){times_dense, &d}, diagonal, b, x, direction, &ratio));
        for (uint32_t i = 0; i < d.n; i++) assert_near(x[i], expected[i], 1e-8);
        lanczos_fini(&l);
    }
}

/* A direction along which A does not rise is found, by the probes and, where their order is too small, by the solution. */
static void refuses(void **state)
{
    static struct dense d;
    (void)state;
    for (uint32_t t = 0; t < 40; t++) {
        struct random random = random_stream(25, RANDOM_PROBE, t, 0);
        struct lanczos l;
        struct stochastic out;
        double direction[MOST], ratio, form = 0;
        draw_matrix(&random, 2 + t, 100, &d);
        d.value[t % d.n] = t % 2 ? 0 : -3;
        fill_matrix(&d);
        assert_true(lanczos_init(&l, d.n, 4, 64));
        assert_false(lanczos_logdet(&l, &(struct symmetric){times_dense, &d}, 0, &out, direction, &ratio));
        for (uint32_t i = 0; i < d.n; i++)
            for (uint32_t j = 0; j < d.n; j++) form += direction[i] * d.A[i * d.n + j] * direction[j];
        assert_true(form < 1e-9);
        assert_true(ratio < 1e-9 && fabs(ratio) < 10);
        lanczos_fini(&l);
    }
}

static void solution_refuses(void **state)
{
    static struct dense d = {.n = 3, .A = {1, 2, 0, 2, 1, 0, 0, 0, 1}};
    const double diagonal[] = {1, 1, 1}, b[] = {1, -1, 0.5}, lacking[] = {1, 0, 1};
    double x[3], direction[3], ratio;
    struct lanczos l;
    (void)state;
    assert_true(lanczos_init(&l, 3, 1, 1));
    assert_false(lanczos_solve(&l, &(struct symmetric){times_dense, &d}, diagonal, b, x, direction, &ratio));
    assert_near(direction[0], -direction[1], 0.5);
    assert_true(ratio < 0);
    assert_false(lanczos_solve(&l, &(struct symmetric){times_dense, &d}, lacking, b, x, direction, &ratio));
    assert_true(direction[1] == 1 && direction[0] == 0 && ratio == 0);
    d.A[0] = NAN;
    assert_false(lanczos_solve(&l, &(struct symmetric){times_dense, &d}, diagonal, b, x, direction, &ratio));
    struct stochastic out;
    assert_false(lanczos_logdet(&l, &(struct symmetric){times_dense, &d}, 0, &out, direction, &ratio));
    assert_true(isnan(ratio));
    lanczos_fini(&l);
}

/* ---- networks ---- */

enum { GROUPS = 5, BLOCKS = 2 * GROUPS, SAMPLES = 2 };
struct drawn {
    struct network_group group[GROUPS];
    struct network_block block[BLOCKS];
    uint32_t n_blocks;
    struct nnt_module *module;
    double *parameters, *data[GROUPS];
};

/* Parameters and data. */
static void draw_numbers(struct random *random, struct drawn *n, uint32_t groups, double deviation)
{
    n->parameters = calloc(n->module->size[NNT_PARAMETERS], sizeof *n->parameters);
    for (uint64_t i = 0; i < n->module->size[NNT_PARAMETERS]; i++)
        n->parameters[i] = deviation * random_normal(random);
    for (uint32_t g = 0; g < groups; g++) {
        if (n->module->group[g].data == NNT_NONE) continue;
        n->data[g] = calloc((size_t)SAMPLES * n->group[g].size, sizeof *n->data[g]);
        for (uint32_t i = 0; i < SAMPLES * n->group[g].size; i++) n->data[g][i] = random_normal(random);
    }
}

/* Inputs, three groups that are free, an output that is clamped or free; loops, skips, group maps, potentials. */
static struct drawn draw_network(struct random *random)
{
    static const char *const names[GROUPS] = {"x", "h", "k", "l", "y"};
    struct drawn n = {0};
    bool bare = random_below(random, 3) == 0; /* no potentials */
    for (uint32_t g = 0; g < GROUPS; g++) {
        bool clamped = g == 0 || (g == GROUPS - 1 && random_below(random, 3));
        n.group[g] =
            (struct network_group){.name = names[g],
                                   .size = 1 + random_below(random, 14),
                                   .flags = (clamped ? NNT_CLAMPED : 0) | (g ? NNT_ERROR : 0),
                                   .activation = g ? NETWORK_IDENTITY + random_below(random, 3) : NETWORK_NONE,
                                   .potential = clamped || bare ? NETWORK_FLAT : NETWORK_QUADRATIC,
                                   .k = 0.1};
        if (g) n.block[n.n_blocks++] = (struct network_block){g - 1, g, random_below(random, 2)};
    }
    if (random_below(random, 2)) n.block[n.n_blocks++] = (struct network_block){1, 3, 0};
    if (random_below(random, 2)) n.block[n.n_blocks++] = (struct network_block){2, 4, 1};
    if (random_below(random, 3) == 0) n.block[n.n_blocks++] = (struct network_block){2, 2, 0};
    if (random_below(random, 3) == 0) n.block[n.n_blocks++] = (struct network_block){3, 1, 0};
    n.module = new_network(n.group, GROUPS, n.block, n.n_blocks);
    draw_numbers(random, &n, GROUPS, 0.18);
    return n;
}

static void free_drawn(struct drawn *n)
{
    free_network(n->module);
    free(n->parameters);
    for (uint32_t g = 0; g < GROUPS; g++) free(n->data[g]);
}

static bool evaluate(const struct drawn *n, const struct ensemble_spec *spec, struct diag *diag,
                     struct gaussian out[SAMPLES])
{
    struct ensemble *ensemble = ensemble_new(diag, (struct span){0}, n->module, spec, SAMPLES);
    assert_non_null(ensemble);
    bool good = ensemble_evaluate(ensemble, diag, n->parameters, (const double *const *)n->data, SAMPLES, 2, out);
    ensemble_free(ensemble);
    return good;
}

/* ln det A of the eigenvalues that dense LAPACK finds. */
static void eigenvalues_agree(const struct drawn *n, const struct ensemble_spec *spec, struct diag *diag,
                              const struct gaussian exact[SAMPLES])
{
    struct ensemble *ensemble = ensemble_new(diag, (struct span){0}, n->module, spec, SAMPLES);
    uint32_t rows = ensemble_free_neurons(ensemble);
    size_t numbers;
    assert_true(ensemble_spectrum_room(ensemble, &numbers));
    double *value = numbers_new((size_t)SAMPLES * rows), *room = numbers_new(numbers);
    assert_true(
        ensemble_spectrum(ensemble, diag, n->parameters, (const double *const *)n->data, SAMPLES, room, value));
    for (uint32_t s = 0; s < SAMPLES; s++) {
        double sum = 0;
        for (uint32_t i = 0; i < rows; i++) sum += log(value[s * rows + i]);
        assert_near(exact[s].logdet_A, sum, 1e-10);
    }
    free(value);
    free(room);
    ensemble_free(ensemble);
}

/* By Lanczos, by blocks and dense; `order` may be too small for some. */
static void networks_agree(void **state)
{
    struct deviations all = {0};
    (void)state;
    for (uint32_t t = 0; t < 300; t++) {
        struct random random = random_stream(26, RANDOM_PROBE, t, 0);
        struct drawn n = draw_network(&random);
        struct ensemble_spec blocks = {.relaxed = t % 4 == 0, .full = t % 8 == 0}, lanczos = blocks;
        lanczos.lanczos = true;
        lanczos.probes = 32;
        lanczos.order = 16 + 16 * (t % 3);
        struct gaussian exact[SAMPLES], found[SAMPLES];
        struct diag *diag = diag_new();
        bool proper = evaluate(&n, &blocks, diag, exact);
        if (!proper) lanczos.order = 64; /* n: what is not positive definite shows for certain */
        assert_true(evaluate(&n, &lanczos, diag, found) == proper);
        if (proper) eigenvalues_agree(&n, &blocks, diag, exact);
        for (uint32_t s = 0; proper && s < SAMPLES; s++) {
            assert_true(exact[s].logdet_error == 0);
            assert_near(found[s].H_min, exact[s].H_min, 1e-10);
            assert_near(found[s].lnZ, exact[s].lnZ - 0.5 * (found[s].logdet_A - exact[s].logdet_A), 1e-10);
            if (s == 0 && exact[s].logdet_A > 1e-9)
                deviate(&all, found[s].logdet_A, found[s].logdet_error, exact[s].logdet_A);
        }
        diag_free(diag);
        free_drawn(&n);
    }
    assert_true(all.n >= 200);
    assert_honest(&all);
}

/* Of one neuron every probe is exact: so are the bends of the exact Hessian, and what Gauss and Newton leave out is seen. */
static void one_neuron_is_exact(void **state)
{
    (void)state;
    for (uint32_t t = 0; t < 20; t++) {
        struct random random = random_stream(28, RANDOM_PROBE, t, 0);
        struct drawn n = {.group = {{"x", 3, NNT_CLAMPED, NETWORK_NONE, NETWORK_FLAT, 0},
                                    {"h", 1, NNT_ERROR, NETWORK_TANH, NETWORK_QUADRATIC, 0.2},
                                    {"y", 4, NNT_ERROR | NNT_CLAMPED, NETWORK_TANH, NETWORK_FLAT, 0}}};
        const struct ensemble_spec blocks = {.relaxed = true, .full = true}, gauss_newton = {.relaxed = true},
                                   lanczos = {.relaxed = true, .full = true, .lanczos = true, .probes = 2};
        struct gaussian exact[SAMPLES], found[SAMPLES], other[SAMPLES];
        struct diag *diag = diag_new();
        n.module = new_network(n.group, 3, (struct network_block[]){{0, 1, 0}, {1, 2, t % 2}}, 2);
        draw_numbers(&random, &n, 3, 0.7);
        if (evaluate(&n, &blocks, diag, exact)) {
            assert_true(evaluate(&n, &lanczos, diag, found) && evaluate(&n, &gauss_newton, diag, other));
            for (uint32_t s = 0; s < SAMPLES; s++) {
                assert_near(found[s].logdet_A, exact[s].logdet_A, 1e-12);
                assert_true(fabs(other[s].logdet_A - exact[s].logdet_A) > 1e-4);
            }
        }
        diag_free(diag);
        free_drawn(&n);
    }
}

/* The same bits for the same sample, whatever stands beside it in a batch, and other probes for another. */
static void samples_have_their_probes(void **state)
{
    struct random random = random_stream(27, RANDOM_PROBE, 3, 0);
    struct drawn n = draw_network(&random);
    const struct ensemble_spec spec = {.lanczos = true, .probes = 8, .order = 20};
    struct diag *diag = diag_new();
    struct gaussian alone[SAMPLES], together[SAMPLES];
    (void)state;
    struct ensemble *single = ensemble_new(diag, (struct span){0}, n.module, &spec, 1);
    assert_true(ensemble_evaluate(single, diag, n.parameters, (const double *const *)n.data, SAMPLES, 2, alone));
    ensemble_free(single);
    assert_true(evaluate(&n, &spec, diag, together));
    assert_memory_equal(alone, together, sizeof alone);
    diag_free(diag);
    free_drawn(&n);
}

/* A loop of weight 1 is refused, and named, as by Cholesky. */
static void critical_loop(void **state)
{
    struct network_group group[] = {{"h", 3, NNT_ERROR, NETWORK_IDENTITY, NETWORK_FLAT, 0},
                                    {"s", 2, NNT_ERROR, NETWORK_IDENTITY, NETWORK_FLAT, 0}};
    const struct ensemble_spec spec = {.lanczos = true, .probes = 2, .order = 8};
    double parameters[4 + 5] = {1, 0, 0, 0.5}, *data[2] = {0};
    struct diag *diag = diag_new();
    struct gaussian g;
    char *text = NULL;
    size_t size;
    (void)state;
    struct nnt_module *module = new_network(group, 2, (struct network_block[]){{1, 1, 0}}, 1);
    struct ensemble *ensemble = ensemble_new(diag, (struct span){0}, module, &spec, 1);
    assert_false(ensemble_evaluate(ensemble, diag, parameters, (const double *const *)data, 1, 1, &g));
    FILE *to = open_memstream(&text, &size);
    diag_print(diag, to, DIAG_PLAIN);
    fclose(to);
    if (!strstr(text, "H does not rise along a direction of 's' (") || !strstr(text, "improper-ensemble")) {
        print_error("%s\n", text);
        fail();
    }
    free(text);
    ensemble_free(ensemble);
    free_network(module);
    diag_free(diag);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exact_at_full_order),
        cmocka_unit_test(diagonal_is_exact),
        cmocka_unit_test(errors_are_honest),
        cmocka_unit_test(low_orders_are_told),
        cmocka_unit_test(solves),
        cmocka_unit_test(refuses),
        cmocka_unit_test(solution_refuses),
        cmocka_unit_test(networks_agree),
        cmocka_unit_test(one_neuron_is_exact),
        cmocka_unit_test(samples_have_their_probes),
        cmocka_unit_test(critical_loop),
    };
    return cmocka_run_group_tests_name("lanczos", tests, NULL, NULL);
}
