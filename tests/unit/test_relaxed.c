/* test_relaxed.c: the Gaussian ensemble at relaxed states: closed forms, the exact Hessian against differences of H, and what
 * is left in doubt. */
#include "runtime/thermo/ensemble.h"

#include "runtime/base/random.h"
#include "tests/module/network.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

enum { R = NNT_ERROR, CLAMPED = NNT_CLAMPED };
static const struct span nowhere = {0};
static const struct ensemble_spec relaxed = {.relaxed = true, .relax_tolerance = 1e-11, .relax_most = 100000};
static const struct ensemble_spec full = {
    .relaxed = true, .full = true, .relax_tolerance = 1e-11, .relax_most = 100000};

static void assert_close(double found, double expected, double tolerance)
{
    if (fabs(found - expected) <= tolerance * (1 + fabs(expected))) return;
    print_error("found %.17g, expected %.17g\n", found, expected);
    fail();
}

/* One evaluation; messages and warnings go to `says`, where it is not NULL. */
static bool evaluate(const struct nnt_module *module, const struct ensemble_spec *spec, const double *parameters,
                     const double *const data[], uint32_t count, struct gaussian out[], char says[4096])
{
    struct diag *diag = diag_new();
    struct ensemble *ensemble = ensemble_new(diag, nowhere, module, spec, 2);
    bool good = ensemble && ensemble_evaluate(ensemble, diag, parameters, data, count, 1, out);
    if (ensemble) ensemble_warn(ensemble, diag);
    if (says) {
        memset(says, 0, 4096);
        FILE *file = fmemopen(says, 4096, "w");
        diag_print(diag, file, DIAG_PLAIN);
        fclose(file);
    }
    ensemble_free(ensemble);
    diag_free(diag);
    return good;
}

static void assert_says(const char *text, const char *words)
{
    if (strstr(text, words)) return;
    print_error("expected '%s' in: %s\n", words, text);
    fail();
}

/* ---- closed forms ---- */

/* b free, y1 = tanh(w h + b) and y2 = tanh(-w h + b) both held at `target`: by symmetry H is stationary at h = 0, where it is
 * curved by 1 + 2 w² (f'² - r f'') with r = target - tanh b, f' = 1 - tanh² b, f'' = -2 tanh b f'. */
struct fork {
    struct nnt_module *module;
    double parameters[2 + 3], slope, second;
};

static struct fork new_fork(double w, double b)
{
    struct network_group group[] = {{"h", 1, R, NETWORK_IDENTITY, NETWORK_FLAT, 0},
                                    {"up", 1, CLAMPED | R, NETWORK_TANH, NETWORK_FLAT, 0},
                                    {"down", 1, CLAMPED | R, NETWORK_TANH, NETWORK_FLAT, 0}};
    struct fork fork = {.module = new_network(group, 3, (struct network_block[]){{0, 1, 0}, {0, 2, 0}}, 2),
                        .parameters = {w, -w, 0, b, b},
                        .slope = 1 - tanh(b) * tanh(b)};
    fork.second = -2 * tanh(b) * fork.slope;
    return fork;
}

/* Two samples of one slope and two bends. */
static void fork_has_closed_forms(void **state)
{
    const double w = 2, b = 0.6, target[] = {0.9, 0.7};
    struct fork fork = new_fork(w, b);
    const double *data[] = {NULL, target, target};
    struct gaussian newton[2], exact[2];
    char says[4096];
    (void)state;
    assert_true(evaluate(fork.module, &relaxed, fork.parameters, data, 2, newton, says));
    assert_string_equal(says, "");
    assert_true(evaluate(fork.module, &full, fork.parameters, data, 2, exact, says));
    assert_string_equal(says, "");
    for (uint32_t s = 0; s < 2; s++) {
        double r = target[s] - tanh(b), squared = fork.slope * fork.slope;
        assert_close(newton[s].C, -0.5 * log(1 + 2 * w * w * squared), 1e-12);
        assert_close(exact[s].C, -0.5 * log(1 + 2 * w * w * (squared - r * fork.second)), 1e-12);
        assert_close(newton[s].H, r * r, 1e-12);
        assert_close(newton[s].H_min, r * r, 1e-12);
        assert_close(exact[s].H_min, r * r, 1e-12);
    }
    free_network(fork.module);
}

/* With a target on the other side h = 0 is a saddle: the full Hessian is refused, Gauss-Newton's warns. */
static void saddles_are_told(void **state)
{
    double target[] = {-1.5, 0.9};
    struct fork fork = new_fork(2, 0.6);
    const double *data[] = {NULL, target, target};
    struct gaussian g[2];
    char says[4096];
    (void)state;
    assert_true(evaluate(fork.module, &relaxed, fork.parameters, data, 2, g, says));
    assert_says(says, "1 of 2 samples relaxed to a state that is no minimum");
    assert_says(says, "along a direction of 'h'");
    assert_says(says, "[no-minimum]");
    assert_false(evaluate(fork.module, &full, fork.parameters, data, 2, g, says));
    assert_says(says, "at sample 1: the full Hessian of H is not positive definite along a direction of 'h'");
    assert_says(says, "[improper-ensemble]");
    free_network(fork.module);
}

/* A chain of linear neurons relaxes to what its Gaussian says everywhere. */
static void affine_networks_know_their_minimum(void **state)
{
    const double m = 0.3, parameters[] = {0.7, 0.4, -0.2};
    struct network_group group[] = {{"one", 1, R, NETWORK_IDENTITY, NETWORK_QUADRATIC, m},
                                    {"two", 1, R, NETWORK_IDENTITY, NETWORK_QUADRATIC, m}};
    struct nnt_module *module = new_network(group, 2, (struct network_block[]){{0, 1, 0}}, 1);
    struct gaussian there, here, exact;
    (void)state;
    assert_true(evaluate(module, NULL, parameters, NULL, 1, &there, NULL));
    assert_true(evaluate(module, &relaxed, parameters, NULL, 1, &here, NULL));
    assert_true(evaluate(module, &full, parameters, NULL, 1, &exact, NULL));
    assert_true(there.H > here.H + 1e-3);
    assert_close(here.H, there.H_min, 1e-13);
    assert_close(here.H_min, there.H_min, 1e-13);
    assert_close(here.F, there.F, 1e-13);
    assert_close(exact.F, there.F, 1e-13);
    free_network(module);
}

/* ---- the exact Hessian against differences ---- */

enum { MOST = 24, MOST_FIELDS = 2048 };
struct dense {
    struct nnt_module *module;
    const double *parameters;
    double state[MOST], data[MOST], result[8], linear[MOST_FIELDS];
    uint32_t free[MOST], n;
};

static struct nnt_call call_of(struct dense *d)
{
    struct nnt_call call = {.batch = 1};
    call.slab[NNT_PARAMETERS] = (void *)d->parameters;
    call.slab[NNT_DATA] = d->data;
    call.slab[NNT_STATE] = d->state;
    call.slab[NNT_RESULT] = d->result;
    call.slab[NNT_LINEAR] = d->linear;
    return call;
}

/* H with two free neurons moved. */
static double H_at(struct dense *d, uint32_t i, double by_i, uint32_t j, double by_j)
{
    double kept[MOST];
    struct nnt_call call = call_of(d);
    memcpy(kept, d->state, sizeof kept);
    d->state[d->free[i]] += by_i;
    d->state[d->free[j]] += by_j;
    d->module->entry[NNT_ENTRY_linearise](d->module->self, &call);
    memcpy(d->state, kept, sizeof kept);
    return d->result[d->module->field[d->module->H].offset_per_sample];
}

static double mixed_difference(struct dense *d, uint32_t i, uint32_t j, double h)
{
    return (H_at(d, i, h, j, h) - H_at(d, i, h, j, -h) - H_at(d, i, -h, j, h) + H_at(d, i, -h, j, -h)) /
           (4 * h * h);
}

/* ln det of the Hessian of H by central differences, by elimination. */
static double logdet_by_differences(struct dense *d)
{
    double A[MOST][MOST], sum = 0;
    for (uint32_t i = 0; i < d->n; i++)
        for (uint32_t j = 0; j < d->n; j++)
            A[i][j] = (4 * mixed_difference(d, i, j, 1e-3) - mixed_difference(d, i, j, 2e-3)) / 3;
    for (uint32_t k = 0; k < d->n; k++) {
        sum += log(A[k][k]);
        for (uint32_t i = k + 1; i < d->n; i++)
            for (uint32_t j = d->n; j-- > k;) A[i][j] -= A[i][k] / A[k][k] * A[k][j];
    }
    return sum;
}

/* Two blocks into one group, transposed ones, a loop, a group map, potentials, a clamped group that feeds back. */
static void full_hessian_is_that_of_H(void **state)
{
    struct network_group group[] = {{"x", 3, CLAMPED, NETWORK_NONE, NETWORK_FLAT, 0},
                                    {"h", 4, R, NETWORK_TANH, NETWORK_QUADRATIC, 0.3},
                                    {"k", 3, R, NETWORK_SOFTMAX, NETWORK_FLAT, 0},
                                    {"y", 2, CLAMPED | R, NETWORK_TANH, NETWORK_FLAT, 0},
                                    {"m", 3, R, NETWORK_TANH, NETWORK_QUARTIC, 0.5}};
    struct network_block block[] = {{0, 1, 0}, {1, 2, 1}, {1, 3, 0}, {2, 3, 1},
                                    {2, 4, 0}, {3, 4, 0}, {4, 4, 1}, {4, 1, 0}};
    struct dense *d = calloc(1, sizeof *d);
    struct random random = random_stream(3, RANDOM_INIT, 0, 0);
    const double *data[5] = {NULL};
    struct gaussian g, newton;
    (void)state;
    d->module = new_network(group, LENGTH(group), block, LENGTH(block));
    double *parameters = calloc(d->module->size[NNT_PARAMETERS], sizeof *parameters);
    for (uint64_t i = 0; i < d->module->size[NNT_PARAMETERS]; i++) parameters[i] = 0.8 * random_normal(&random);
    for (uint32_t i = 0; i < MOST; i++) d->data[i] = 1.5 * random_normal(&random);
    for (uint32_t k = 0; k < LENGTH(group); k++) {
        uint32_t field = d->module->group[k].data;
        if (field != NNT_NONE) data[k] = d->data + d->module->field[field].offset_per_sample;
        for (uint32_t i = 0; i < group[k].size && !(group[k].flags & CLAMPED); i++)
            d->free[d->n++] = (uint32_t)d->module->field[d->module->group[k].state].offset_per_sample + i;
    }
    d->parameters = parameters;
    assert_true(d->module->size_per_sample[NNT_LINEAR] <= MOST_FIELDS);
    assert_true(evaluate(d->module, &full, parameters, data, 1, &g, NULL));
    assert_true(evaluate(d->module, &relaxed, parameters, data, 1, &newton, NULL));
    struct nnt_call call = call_of(d);
    d->module->entry[NNT_ENTRY_ensemble_forward](d->module->self, &call);
    d->module->entry[NNT_ENTRY_relax](d->module->self, &call);
    assert_close(g.logdet_A, logdet_by_differences(d), 1e-7);
    assert_true(fabs(g.logdet_A - newton.logdet_A) > 1e-2);
    assert_close(g.H, newton.H, 1e-14);
    assert_close(g.H_min, g.H, 1e-13);
    free(parameters);
    free_network(d->module);
    free(d);
}

/* ---- what is left in doubt ---- */

static void unrelaxed_samples_are_counted(void **state)
{
    struct network_group group[] = {{"x", 1, CLAMPED, NETWORK_NONE, NETWORK_FLAT, 0},
                                    {"h", 2, R, NETWORK_TANH, NETWORK_QUADRATIC, 0.5},
                                    {"y", 1, CLAMPED | R, NETWORK_TANH, NETWORK_FLAT, 0}};
    struct nnt_module *module = new_network(group, 3, (struct network_block[]){{0, 1, 0}, {1, 2, 0}}, 2);
    /* With neither input nor bias the forward state of the first sample, at target 0, is its minimum already. */
    const double parameters[] = {1, -1, 0.5, 0.8, 0, 0, 0}, x[] = {0, 1, 2}, y[] = {0, 0.5, -0.5};
    const double *data[] = {x, NULL, y};
    const struct ensemble_spec short_of = {.relaxed = true, .relax_tolerance = 1e-11, .relax_most = 3};
    struct gaussian g[3];
    char says[4096];
    (void)state;
    network_relax_most(module, 3);
    assert_true(evaluate(module, &short_of, parameters, data, 3, g, says));
    assert_says(says,
                "2 of 3 samples of the ensemble did not relax to max |dH/dx| <= 1e-11 in 3 steps (2 in the mean)");
    assert_says(says, "relaxation descent(tolerance: 1e-10, most: 30)");
    assert_says(says, "[not-relaxed]");
    network_relax_most(module, NETWORK_RELAX_MOST);
    assert_true(evaluate(module, &relaxed, parameters, data, 3, g, says));
    assert_string_equal(says, "");
    free_network(module);
}

/* A double well 2/4 (s² - 1)² at s = 0.6: H = 0.2048, V' = -0.768, V'' = 0.16, so that H_min = 0.2048 - 0.768² / 2.32. */
static void a_model_below_H_is_told(void **state)
{
    struct network_group group[] = {{"s", 1, R, NETWORK_IDENTITY, NETWORK_DOUBLE_WELL, 2}};
    struct nnt_module *module = new_network(group, 1, NULL, 0);
    const double parameters[] = {0.6};
    struct gaussian g;
    char says[4096];
    (void)state;
    assert_true(evaluate(module, NULL, parameters, NULL, 1, &g, says));
    assert_close(g.H_min, 0.2048 - 0.768 * 0.768 / 2.32, 1e-14);
    assert_says(says, "H_min is negative at 1 of 1 samples although V >= 0 there");
    assert_says(says, "[below-zero]");
    assert_true(evaluate(module, &relaxed, parameters, NULL, 1, &g, says));
    assert_true(g.H_min > 0);
    assert_string_equal(says, "");
    free_network(module);
    /* A potential that rewards goes below zero by right. */
    group[0].potential = NETWORK_QUADRATIC;
    group[0].k = -0.5;
    module = new_network(group, 1, NULL, 0);
    assert_true(evaluate(module, NULL, parameters, NULL, 1, &g, says));
    assert_true(g.H_min < -0.1);
    assert_string_equal(says, "");
    free_network(module);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fork_has_closed_forms),
        cmocka_unit_test(saddles_are_told),
        cmocka_unit_test(affine_networks_know_their_minimum),
        cmocka_unit_test(full_hessian_is_that_of_H),
        cmocka_unit_test(unrelaxed_samples_are_counted),
        cmocka_unit_test(a_model_below_H_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
