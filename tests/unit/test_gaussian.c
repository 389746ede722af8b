/* test_gaussian.c: the Gaussian ensemble against closed forms and against a dense evaluation that shares nothing
 * with it. */
#include "runtime/thermo/ensemble.h"

#include "runtime/base/random.h"
#include "tests/module/linear.h"
#include "tests/module/network.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

enum { R = NNT_ERROR, CLAMPED = NNT_CLAMPED };
static const struct span nowhere = {0};

static void assert_close(double found, double expected, double tolerance)
{
    if (fabs(found - expected) <= tolerance * (1 + fabs(expected))) return;
    print_error("found %.17g, expected %.17g\n", found, expected);
    fail();
}

/* ---- evaluating ---- */

static void draw(struct random *random, double deviation, size_t count, double out[])
{
    for (size_t i = 0; i < count; i++) out[i] = deviation * random_normal(random);
}

/* Samples of data for every clamped group. */
struct samples {
    double *value[16];
};

static struct samples new_samples(const struct nnt_module *module, uint32_t count, struct random *random)
{
    struct samples samples = {0};
    for (uint32_t k = 0; k < module->n_groups; k++) {
        if (module->group[k].data == NNT_NONE) continue;
        samples.value[k] = malloc((size_t)count * module->group[k].size * sizeof(double));
        draw(random, 1, (size_t)count * module->group[k].size, samples.value[k]);
    }
    return samples;
}

static void free_samples(struct samples *samples)
{
    for (uint32_t k = 0; k < 16; k++) free(samples->value[k]);
}

/* One evaluation of random data under given parameters. */
static bool evaluate_random(struct diag *diag, const struct nnt_module *module, const double *parameters,
                            uint32_t count, double beta, struct gaussian out[])
{
    struct random random = random_stream(5, RANDOM_PROBE, 0, 0);
    struct ensemble *ensemble = ensemble_new(diag, nowhere, module, NULL, 3);
    struct samples samples = new_samples(module, count, &random);
    bool good = ensemble && ensemble_evaluate(ensemble, diag, parameters, (const double *const *)samples.value,
                                              count, beta, out);
    free_samples(&samples);
    ensemble_free(ensemble);
    return good;
}

/* ---- closed forms ---- */

/* Two free neurons 1 -> 2 with weight a, V = m/2 s^2: C = -1/2 ln((1 + m)^2 + m a^2), C_0 = -ln(1 + m). */
static void linear_chain(void **state)
{
    const double a = 0.7, m = 0.3, beta = 2.5, parameters[] = {a, 0.4, -0.2};
    struct network_group group[] = {{"one", 1, R, NETWORK_IDENTITY, NETWORK_QUADRATIC, m},
                                    {"two", 1, R, NETWORK_IDENTITY, NETWORK_QUADRATIC, m}};
    struct nnt_module *module = new_network(group, 2, (struct network_block[]){{0, 1, 0}}, 1);
    struct diag *diag = diag_new();
    struct gaussian g;
    (void)state;
    assert_true(evaluate_random(diag, module, parameters, 1, beta, &g));
    assert_close(g.C, -0.5 * log((1 + m) * (1 + m) + m * a * a), 1e-14);
    assert_close(g.C_0, -log(1 + m), 1e-14);
    /* H = (x1 - b1)^2/2 + (x2 - a x1 - b2)^2/2 + m (x1^2 + x2^2)/2 is least where its two derivatives vanish. */
    double p = 1 + a * a + m, q = -a, r = 1 + m, u = 0.4 - a * -0.2, v = -0.2;
    double x = (u * r - q * v) / (p * r - q * q), y = (p * v - q * u) / (p * r - q * q);
    double H_min = pow(x - 0.4, 2) / 2 + pow(y - a * x + 0.2, 2) / 2 + m * (x * x + y * y) / 2;
    assert_close(g.H_min, H_min, 1e-14);
    assert_close(g.U, H_min + 2 / (2 * beta), 1e-14);
    assert_close(g.lnZ, -beta * H_min + log(2 * M_PI / beta) - 0.5 * g.logdet_A, 1e-14);
    assert_close(g.F, -g.lnZ / beta, 1e-14);
    assert_close(g.S, g.lnZ + beta * g.U, 1e-14);
    assert_close(g.S, 1 + log(2 * M_PI / beta) + g.C, 1e-14);
    free_network(module);
    diag_free(diag);
}

/* A recurrent linear neuron with weight a has C = -ln|1 - a|. */
static void self_loop(void **state)
{
    const double parameters[] = {0.6, 0.1};
    struct network_group group[] = {{"s", 1, R, NETWORK_IDENTITY, NETWORK_FLAT, 0}};
    struct nnt_module *module = new_network(group, 1, (struct network_block[]){{0, 0, 0}}, 1);
    struct diag *diag = diag_new();
    struct gaussian g;
    (void)state;
    assert_true(evaluate_random(diag, module, parameters, 1, 1, &g));
    assert_close(g.C, -log(0.4), 1e-14);
    assert_close(g.C_0, 0, 1e-15);
    free_network(module);
    diag_free(diag);
}

/* A directed ring of N linear neurons with coupling a has C = -ln|1 - a^N|. */
static void ring(void **state)
{
    enum { N = 5 };
    const double a = 0.5;
    struct network_group group[N];
    struct network_block block[N];
    double parameters[2 * N] = {0};
    const char *names[N] = {"a", "b", "c", "d", "e"};
    struct diag *diag = diag_new();
    struct gaussian g;
    (void)state;
    for (uint32_t i = 0; i < N; i++) {
        group[i] = (struct network_group){names[i], 1, R, NETWORK_IDENTITY, NETWORK_FLAT, 0};
        block[i] = (struct network_block){i, (i + 1) % N, 0};
        parameters[i] = a;
    }
    struct nnt_module *module = new_network(group, N, block, N);
    assert_true(evaluate_random(diag, module, parameters, 1, 1, &g));
    assert_close(g.C, -log(1 - pow(a, N)), 1e-14);
    free_network(module);
    diag_free(diag);
}

/* ln det of a symmetric matrix, by elimination without pivots. */
static double logdet(uint32_t n, double *A)
{
    double sum = 0;
    for (uint32_t k = 0; k < n; k++) {
        sum += log(A[k * n + k]);
        for (uint32_t i = k + 1; i < n; i++)
            for (uint32_t j = n; j-- > k;) A[i * n + j] -= A[i * n + k] / A[k * n + k] * A[k * n + j];
    }
    return sum;
}

/* One hidden layer, clamped affine output: C = -1/2 ln det(I + W Wᵀ), for every sample, whatever the activation. */
static void one_hidden_layer(void **state)
{
    enum { X = 3, HIDDEN = 5, Y = 2, SAMPLES = 7 };
    struct network_group group[] = {{"x", X, CLAMPED, NETWORK_NONE, NETWORK_FLAT, 0},
                                    {"h", HIDDEN, R, NETWORK_TANH, NETWORK_FLAT, 0},
                                    {"y", Y, CLAMPED | R, NETWORK_IDENTITY, NETWORK_FLAT, 0}};
    struct nnt_module *module = new_network(group, 3, (struct network_block[]){{0, 1, 0}, {1, 2, 0}}, 2);
    struct random random = random_stream(1, RANDOM_INIT, 0, 0);
    double parameters[X * HIDDEN + HIDDEN * Y + HIDDEN + Y], B[Y * Y];
    const double *W = parameters + X * HIDDEN;
    struct diag *diag = diag_new();
    struct gaussian g[SAMPLES];
    (void)state;
    draw(&random, 0.8, LENGTH(parameters), parameters);
    assert_true(evaluate_random(diag, module, parameters, SAMPLES, 3, g));
    for (uint32_t i = 0; i < Y; i++)
        for (uint32_t j = 0; j < Y; j++) {
            B[i * Y + j] = i == j;
            for (uint32_t k = 0; k < HIDDEN; k++) B[i * Y + j] += W[i * HIDDEN + k] * W[j * HIDDEN + k];
        }
    double C = -0.5 * logdet(Y, B);
    for (uint32_t s = 0; s < SAMPLES; s++) assert_close(g[s].C, C, 1e-13);
    assert_true(g[0].H_min != g[1].H_min);
    free_network(module);
    diag_free(diag);
}

/* Feed-forward with only inputs clamped, R = Φ, V = 0: C = 0 and H_min = 0, whatever the weights. */
static void inputs_alone_clamped(void **state)
{
    struct network_group group[] = {{"x", 4, CLAMPED, NETWORK_NONE, NETWORK_FLAT, 0},
                                    {"h", 6, R, NETWORK_TANH, NETWORK_FLAT, 0},
                                    {"k", 3, R, NETWORK_SOFTMAX, NETWORK_FLAT, 0},
                                    {"y", 2, R, NETWORK_IDENTITY, NETWORK_FLAT, 0}};
    struct network_block block[] = {{0, 1, 0}, {1, 2, 1}, {1, 3, 0}, {2, 3, 0}};
    struct nnt_module *module = new_network(group, 4, block, 4);
    struct random random = random_stream(2, RANDOM_INIT, 0, 0);
    double parameters[4 * 6 + 6 * 3 + 6 * 2 + 3 * 2 + 6 + 3 + 2];
    struct diag *diag = diag_new();
    struct gaussian g[4];
    (void)state;
    draw(&random, 1, LENGTH(parameters), parameters);
    assert_true(evaluate_random(diag, module, parameters, 4, 0.7, g));
    for (uint32_t s = 0; s < 4; s++) {
        assert_true(fabs(g[s].C) < 1e-12);
        assert_true(fabs(g[s].H_min) < 1e-20);
        assert_close(g[s].U, 11 / (2 * 0.7), 1e-12);
    }
    free_network(module);
    diag_free(diag);
}

/* ---- against the dense evaluation ---- */

enum { MOST_NEURONS = 32 };

/* H and its gradient in the free neurons by definition, and A by central differences of the residuals, for one
 * sample. */
struct dense {
    struct nnt_module *module;
    const double *parameters;
    double state[MOST_NEURONS], result, linear[8 * MOST_NEURONS * MOST_NEURONS];
    uint32_t free[MOST_NEURONS], n;
};

static void relinearise(struct dense *d)
{
    struct nnt_call call = {.batch = 1};
    call.slab[NNT_PARAMETERS] = (void *)d->parameters;
    call.slab[NNT_STATE] = d->state;
    call.slab[NNT_RESULT] = &d->result;
    call.slab[NNT_LINEAR] = d->linear;
    d->module->entry[NNT_ENTRY_linearise](d->module->self, &call);
}

/* The residuals of R at the present state, one after another. */
static uint32_t residuals(struct dense *d, double out[])
{
    uint32_t count = 0;
    relinearise(d);
    for (uint32_t k = 0; k < d->module->n_groups; k++) {
        const struct nnt_group *group = &d->module->group[k];
        if (!(group->flags & R)) continue;
        memcpy(out + count, d->linear + d->module->field[group->residual].offset_per_sample,
               group->size * sizeof *out);
        count += group->size;
    }
    return count;
}

static void differences(struct dense *d, uint32_t rows, double J[])
{
    double up[MOST_NEURONS], down[MOST_NEURONS];
    const double h = 1e-5;
    for (uint32_t j = 0; j < d->n; j++) {
        double kept = d->state[d->free[j]];
        d->state[d->free[j]] = kept + h;
        residuals(d, up);
        d->state[d->free[j]] = kept - h;
        residuals(d, down);
        d->state[d->free[j]] = kept;
        for (uint32_t i = 0; i < rows; i++) J[i * d->n + j] = (up[i] - down[i]) / (2 * h);
    }
    relinearise(d);
}

/* C of the sample whose data stand in `data`, from A = JᵀJ + diag V'' with J by differences. */
static double dense_C(struct dense *d, const struct samples *data)
{
    struct nnt_call call = {.batch = 1};
    double packed[MOST_NEURONS], r[MOST_NEURONS], J[MOST_NEURONS * MOST_NEURONS],
        A[MOST_NEURONS * MOST_NEURONS] = {0};
    call.slab[NNT_PARAMETERS] = (void *)d->parameters;
    call.slab[NNT_DATA] = packed;
    call.slab[NNT_STATE] = d->state;
    for (uint32_t k = 0; k < d->module->n_groups; k++)
        if (data->value[k])
            memcpy(packed + d->module->field[d->module->group[k].data].offset_per_sample, data->value[k],
                   d->module->group[k].size * sizeof *packed);
    d->module->entry[NNT_ENTRY_ensemble_forward](d->module->self, &call);
    uint32_t rows = residuals(d, r);
    differences(d, rows, J);
    for (uint32_t i = 0; i < d->n; i++)
        for (uint32_t j = 0; j < d->n; j++)
            for (uint32_t k = 0; k < rows; k++) A[i * d->n + j] += J[k * d->n + i] * J[k * d->n + j];
    for (uint32_t k = 0, at = 0; k < d->module->n_groups; k++) {
        const struct nnt_group *group = &d->module->group[k];
        if (group->flags & CLAMPED) continue;
        for (uint32_t i = 0; i < group->size; i++, at++)
            if (group->curvature != NNT_NONE)
                A[at * d->n + at] += d->linear[d->module->field[group->curvature].offset_per_sample + i];
    }
    return -0.5 * logdet(d->n, A);
}

/* Skips, a group map, a cycle through a loop, transposed blocks, potentials, a clamped group that feeds back. */
static void dense_agrees(void **state)
{
    struct network_group group[] = {{"x", 3, CLAMPED, NETWORK_NONE, NETWORK_FLAT, 0},
                                    {"h", 4, R, NETWORK_TANH, NETWORK_QUADRATIC, 0.2},
                                    {"k", 3, R, NETWORK_SOFTMAX, NETWORK_FLAT, 0},
                                    {"y", 2, CLAMPED | R, NETWORK_TANH, NETWORK_QUARTIC, 1},
                                    {"m", 3, R, NETWORK_TANH, NETWORK_QUARTIC, 0.5}};
    struct network_block block[] = {{0, 1, 0}, {1, 2, 1}, {1, 3, 0}, {2, 3, 1},
                                    {2, 4, 0}, {3, 4, 0}, {4, 4, 1}, {4, 1, 0}};
    struct dense *d = calloc(1, sizeof *d);
    struct random random = random_stream(3, RANDOM_INIT, 0, 0), again = random_stream(5, RANDOM_PROBE, 0, 0);
    double parameters[12 + 12 + 8 + 6 + 9 + 6 + 9 + 12 + 4 + 3 + 2 + 3];
    struct diag *diag = diag_new();
    struct gaussian g;
    (void)state;
    d->module = new_network(group, LENGTH(group), block, LENGTH(block));
    assert_int_equal(d->module->size[NNT_PARAMETERS], LENGTH(parameters));
    draw(&random, 0.4, LENGTH(parameters), parameters);
    for (uint32_t k = 0; k < LENGTH(group); k++)
        for (uint32_t i = 0; i < group[k].size && !(group[k].flags & CLAMPED); i++)
            d->free[d->n++] = (uint32_t)d->module->field[d->module->group[k].state].offset_per_sample + i;
    d->parameters = parameters;
    assert_true(evaluate_random(diag, d->module, parameters, 1, 1, &g));
    struct samples samples = new_samples(d->module, 1, &again);
    assert_close(g.C, dense_C(d, &samples), 1e-8);
    assert_close(g.H, d->result, 1e-14);
    free_samples(&samples);
    free_network(d->module);
    free(d);
    diag_free(diag);
}

/* Samples give the same bits whatever is in their batch, and in whatever order shapes are met. */
static void samples_do_not_meet(void **state)
{
    struct network_group group[] = {{"x", 3, CLAMPED, NETWORK_NONE, NETWORK_FLAT, 0},
                                    {"h", 9, R, NETWORK_TANH, NETWORK_FLAT, 0},
                                    {"k", 7, R, NETWORK_TANH, NETWORK_FLAT, 0},
                                    {"y", 2, CLAMPED | R, NETWORK_IDENTITY, NETWORK_FLAT, 0}};
    struct nnt_module *module = new_network(group, 4, (struct network_block[]){{0, 1, 0}, {1, 2, 0}, {2, 3, 0}}, 3);
    struct random random = random_stream(7, RANDOM_INIT, 0, 0);
    double *parameters = calloc(module->size[NNT_PARAMETERS], sizeof *parameters);
    struct samples samples = new_samples(module, 10, &random);
    struct diag *diag = diag_new();
    struct gaussian together[10], alone;
    struct ensemble *ensemble = ensemble_new(diag, nowhere, module, NULL, 4),
                    *single = ensemble_new(diag, nowhere, module, NULL, 1);
    (void)state;
    draw(&random, 0.6, module->size[NNT_PARAMETERS], parameters);
    assert_int_equal(ensemble_free_neurons(ensemble), 16);
    assert_close(ensemble_S_T(ensemble, 2), 8 * (1 + log(M_PI)), 1e-15);
    assert_true(
        ensemble_evaluate(ensemble, diag, parameters, (const double *const *)samples.value, 10, 1.5, together));
    for (uint32_t s = 0; s < 10; s++) {
        const double *one[4] = {samples.value[0] + 3 * s, NULL, NULL, samples.value[3] + 2 * s};
        assert_true(ensemble_evaluate(single, diag, parameters, one, 1, 1.5, &alone));
        assert_memory_equal(&alone, &together[s], sizeof alone);
    }
    ensemble_free(ensemble);
    ensemble_free(single);
    free_samples(&samples);
    free(parameters);
    free_network(module);
    diag_free(diag);
}

static void linear_module_has_no_complexity(void **state)
{
    const double parameters[LINEAR_P] = {1, 2, 3, 4, 5, 6, 7, 8};
    struct diag *diag = diag_new();
    struct gaussian g[5];
    (void)state;
    assert_true(evaluate_random(diag, &linear_f64, parameters, 5, 1, g));
    for (uint32_t s = 0; s < 5; s++) {
        assert_true(g[s].C == 0 && g[s].H_min == 0 && g[s].C_0 == 0);
        assert_close(g[s].F, -log(2 * M_PI), 1e-15);
    }
    diag_free(diag);
}

/* ---- improper ensembles ---- */

static void messages(struct diag *diag, char out[4096])
{
    FILE *file = fmemopen(out, 4096, "w");
    diag_print(diag, file, DIAG_PLAIN);
    fclose(file);
}

static void assert_says(struct diag *diag, const char *const words[], uint32_t n)
{
    char text[4096] = "";
    messages(diag, text);
    for (uint32_t i = 0; i < n; i++) {
        if (strstr(text, words[i])) continue;
        print_error("expected '%s' in: %s\n", words[i], text);
        fail();
    }
}
#define ASSERT_SAYS(diag, ...)                                                                                     \
    assert_says(diag, (const char *const[]){__VA_ARGS__}, LENGTH(((const char *const[]){__VA_ARGS__})))

static void nothing_is_free(void **state)
{
    struct network_group group[] = {{"x", 2, CLAMPED, NETWORK_NONE, NETWORK_FLAT, 0},
                                    {"y", 2, CLAMPED | R, NETWORK_TANH, NETWORK_FLAT, 0}};
    struct nnt_module *module = new_network(group, 2, (struct network_block[]){{0, 1, 0}}, 1);
    struct diag *diag = diag_new();
    (void)state;
    assert_null(ensemble_new(diag, nowhere, module, NULL, 1));
    ASSERT_SAYS(diag, "clamps every neuron", "[nothing-free]");
    free_network(module);
    diag_free(diag);
}

static void statically_improper(void **state)
{
    struct network_group group[] = {{"x", 2, CLAMPED, NETWORK_NONE, NETWORK_FLAT, 0},
                                    {"first", 2, 0, NETWORK_TANH, NETWORK_FLAT, 0},
                                    {"second", 2, 0, NETWORK_TANH, NETWORK_QUADRATIC, 1},
                                    {"third", 2, 0, NETWORK_TANH, NETWORK_FLAT, 0}};
    struct nnt_module *module = new_network(group, 4, (struct network_block[]){{0, 1, 0}, {1, 2, 0}, {2, 3, 0}}, 3);
    struct diag *diag = diag_new();
    (void)state;
    assert_null(ensemble_new(diag, nowhere, module, NULL, 1));
    ASSERT_SAYS(diag, "'first', 'third'", "neither a local error nor a potential", "[improper-ensemble]");
    free_network(module);
    diag_free(diag);
}

/* A loop with weight 1 is flat along its own group: J vanishes there. */
static void critical_loop(void **state)
{
    struct network_group group[] = {{"x", 1, CLAMPED, NETWORK_NONE, NETWORK_FLAT, 0},
                                    {"calm", 1, R, NETWORK_IDENTITY, NETWORK_FLAT, 0},
                                    {"wild", 1, R, NETWORK_IDENTITY, NETWORK_FLAT, 0}};
    struct nnt_module *module = new_network(group, 3, (struct network_block[]){{0, 1, 0}, {2, 2, 0}}, 2);
    const double parameters[] = {1, 1, 0, 0};
    struct diag *diag = diag_new();
    struct gaussian g;
    (void)state;
    assert_false(evaluate_random(diag, module, parameters, 1, 1, &g));
    ASSERT_SAYS(diag, "along a direction of 'wild'", "a potential on 'wild', or clamping it",
                "[improper-ensemble]");
    free_network(module);
    diag_free(diag);
}

/* Twice the same column of J: rank deficient only by rounding, which a plain Cholesky would pass. */
static void rank_deficient(void **state)
{
    enum { HIDDEN = 6 };
    struct network_group group[] = {{"h", HIDDEN, 0, NETWORK_IDENTITY, NETWORK_QUADRATIC, 0},
                                    {"y", HIDDEN, CLAMPED | R, NETWORK_IDENTITY, NETWORK_FLAT, 0}};
    struct nnt_module *module = new_network(group, 2, (struct network_block[]){{0, 1, 0}}, 1);
    struct random random = random_stream(4, RANDOM_INIT, 0, 0);
    double parameters[HIDDEN * HIDDEN + 2 * HIDDEN] = {0};
    struct diag *diag = diag_new();
    struct gaussian g;
    (void)state;
    draw(&random, 1, HIDDEN * HIDDEN, parameters);
    assert_true(evaluate_random(diag, module, parameters, 1, 1, &g));
    assert_true(isnan(g.C_0));
    for (uint32_t i = 0; i < HIDDEN; i++) parameters[i * HIDDEN + 4] = parameters[i * HIDDEN + 1] / 3;
    assert_false(evaluate_random(diag, module, parameters, 1, 1, &g));
    ASSERT_SAYS(diag, "'h'", "[improper-ensemble]");
    free_network(module);
    diag_free(diag);
}

/* A quartic at s = 0 has no curvature, and holds all the same. */
static void quartic_at_zero(void **state)
{
    struct network_group group[] = {{"x", 2, CLAMPED, NETWORK_NONE, NETWORK_FLAT, 0},
                                    {"h", 2, 0, NETWORK_TANH, NETWORK_QUARTIC, 1}};
    struct nnt_module *module = new_network(group, 2, (struct network_block[]){{0, 1, 0}}, 1);
    const double parameters[6] = {0};
    struct diag *diag = diag_new();
    struct gaussian g;
    (void)state;
    assert_false(evaluate_random(diag, module, parameters, 1, 1, &g));
    ASSERT_SAYS(diag, "'h'", "only the Gaussian is singular there", "sampling");
    free_network(module);
    diag_free(diag);
}

static void potential_that_rewards(void **state)
{
    struct network_group group[] = {{"x", 2, CLAMPED, NETWORK_NONE, NETWORK_FLAT, 0},
                                    {"h", 2, R, NETWORK_TANH, NETWORK_QUADRATIC, -0.5}};
    struct nnt_module *module = new_network(group, 2, (struct network_block[]){{0, 1, 0}}, 1);
    const double parameters[6] = {0.1, 0.2, 0.3, 0.4, 0, 0};
    struct diag *diag = diag_new();
    struct gaussian g;
    (void)state;
    assert_true(evaluate_random(diag, module, parameters, 1, 1, &g));
    assert_close(g.C, -log(0.5), 1e-14);
    assert_close(g.C, g.C_0, 1e-14);
    free_network(module);
    group[1].k = -1.5;
    module = new_network(group, 2, (struct network_block[]){{0, 1, 0}}, 1);
    assert_false(evaluate_random(diag, module, parameters, 1, 1, &g));
    ASSERT_SAYS(diag, "'h'", "V'' is negative there (down to -1.5)");
    free_network(module);
    diag_free(diag);
}

static void state_not_finite(void **state)
{
    const double parameters[LINEAR_P] = {NAN};
    struct diag *diag = diag_new();
    struct gaussian g;
    (void)state;
    assert_false(evaluate_random(diag, &linear_f64, parameters, 1, 1, &g));
    ASSERT_SAYS(diag, "not finite", "[not-finite]");
    diag_free(diag);
}

/* ---- estimates, time ---- */

static void means_have_errors(void **state)
{
    const double values[] = {1, 9, 3, 9, 8, 9};
    (void)state;
    struct estimate e = ensemble_mean(values, 2, 3);
    assert_close(e.mean, 4, 1e-15);
    assert_close(e.error, sqrt((9 + 1 + 16) / 2.0 / 3), 1e-15);
    e = ensemble_mean(values, 1, 1);
    assert_true(e.mean == 1 && e.error == 0);
}

/* 784-128-64-10 with inputs and outputs clamped: the probe of a measurement should not be felt. */
static void a_probe_is_quick(void **state)
{
    enum { SAMPLES = 512 };
    struct network_group group[] = {{"x", 784, CLAMPED, NETWORK_NONE, NETWORK_FLAT, 0},
                                    {"h", 128, R, NETWORK_TANH, NETWORK_FLAT, 0},
                                    {"k", 64, R, NETWORK_TANH, NETWORK_FLAT, 0},
                                    {"y", 10, CLAMPED | R, NETWORK_IDENTITY, NETWORK_FLAT, 0}};
    struct nnt_module *module = new_network(group, 4, (struct network_block[]){{0, 1, 0}, {1, 2, 0}, {2, 3, 0}}, 3);
    struct random random = random_stream(8, RANDOM_INIT, 0, 0);
    double *parameters = calloc(module->size[NNT_PARAMETERS], sizeof *parameters);
    struct samples samples = new_samples(module, SAMPLES, &random);
    struct gaussian *g = calloc(SAMPLES, sizeof *g);
    struct diag *diag = diag_new();
    struct ensemble *ensemble = ensemble_new(diag, nowhere, module, NULL, 64);
    struct timespec begin, end;
    (void)state;
    draw(&random, 0.05, module->size[NNT_PARAMETERS], parameters);
    clock_gettime(CLOCK_MONOTONIC, &begin);
    assert_true(ensemble_evaluate(ensemble, diag, parameters, (const double *const *)samples.value, SAMPLES, 1, g));
    clock_gettime(CLOCK_MONOTONIC, &end);
    double seconds = (double)(end.tv_sec - begin.tv_sec) + 1e-9 * (double)(end.tv_nsec - begin.tv_nsec);
    print_message("%d samples of n = 192 in %.3f s, the interpreted network included\n", SAMPLES, seconds);
    assert_true(seconds < (NNT_SANITIZED ? 60 : 5));
    ensemble_free(ensemble);
    free(g);
    free_samples(&samples);
    free(parameters);
    free_network(module);
    diag_free(diag);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(linear_chain),
        cmocka_unit_test(self_loop),
        cmocka_unit_test(ring),
        cmocka_unit_test(one_hidden_layer),
        cmocka_unit_test(inputs_alone_clamped),
        cmocka_unit_test(dense_agrees),
        cmocka_unit_test(samples_do_not_meet),
        cmocka_unit_test(linear_module_has_no_complexity),
        cmocka_unit_test(nothing_is_free),
        cmocka_unit_test(statically_improper),
        cmocka_unit_test(critical_loop),
        cmocka_unit_test(rank_deficient),
        cmocka_unit_test(quartic_at_zero),
        cmocka_unit_test(potential_that_rewards),
        cmocka_unit_test(state_not_finite),
        cmocka_unit_test(means_have_errors),
        cmocka_unit_test(a_probe_is_quick),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
