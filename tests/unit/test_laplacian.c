/* test_laplacian.c: the Laplacian of F against closed forms and differences, and the random one against the exact one. */
#include "runtime/thermo/laplacian.h"

#include "tests/unit/drawn.h"

#include <math.h>

enum { SAMPLES = 20 };
static struct drawn open_bench(const char *text, uint32_t count, uint64_t seed)
{
    return drawn_open(text, 1u << NNT_ENTRY_pull | 1u << NNT_ENTRY_push | 1u << NNT_ENTRY_pull_push, 8, count,
                      seed);
}

static struct laplacian laplacian_of(struct drawn *b, uint32_t probes, uint64_t seed, double T)
{
    struct laplacian out;
    struct laplacian_probes *l = laplacian_new(b->checked.diag, nowhere, b->ensemble, b->count, probes, seed);
    assert_non_null(l);
    assert_true(laplacian_take(l, b->checked.diag, b->q, b->data, T, &out));
    laplacian_free(l);
    return out;
}

static void assert_close(double found, double expected, double tolerance)
{
    if (fabs(found - expected) <= tolerance * (1 + fabs(expected))) return;
    print_error("found %.17g, expected %.17g\n", found, expected);
    fail();
}

/* ∂²F/∂a² = T m ((1+m)² - m a²) / ((1+m)² + m a²)² of the chain with b = 0 at its minimum; the bias adds ∂²H_min/∂b². */
static void chain_has_a_closed_form(void **state)
{
    static const char chain[] =
        "network net {\n neurons u, v\n weights u -> v\n biases u frozen\n activation u, v = z\n"
        " potential u, v = 0.25 * s^2\n}\n"
        "ensemble { clamp none\n reference relaxed\n relaxation descent(tolerance: 1e-13, most: 500) }\n"
        "measure at end { C }\n";
    const double m = 0.5, T = 0.7;
    struct drawn b;
    (void)state;
    b = open_bench(chain, 1, 3);
    for (uint32_t p = 0; p < b.module->n_parameters; p++)
        if (!b.module->parameter[p].is_weight) b.q[b.module->field[b.module->parameter[p].field].offset] = 0;
    double a = b.q[b.module->field[b.module->parameter[0].field].offset], whole = (1 + m) * (1 + m);
    struct laplacian l = laplacian_of(&b, 32, 1, T);
    assert_true(l.exact);
    assert_close(l.value, T * m * (whole - m * a * a) / pow(whole + m * a * a, 2), 1e-12);
    assert_close(l.H_min, 0, 1e-12);
    assert_true(l.error == 0 && l.probe_error == 0 && l.sample_error == 0);
    drawn_close(&b);
}

static const char layers[] = "network net {\n neurons x[3], h[5], k[4], y[2]\n input x\n output y\n weights x -> h "
                             "-> k -> y\n biases h, k, y\n"
                             " weights h -> h init zeros hollow\n dynamics ticks(4)\n"
                             " activation h, k = tanh(z)\n activation y = z\n}\n"
                             "data { train teacher(count: 5, inputs: 3, hidden: 2, outputs: 2) }\nmeasure { F }\n";

/* Σ_i of (∇F(q + h e_i) - ∇F(q - h e_i))_i / 2h over a hollow weight too, whose diagonal is no trainable. */
static double by_differences(struct drawn *b, double T)
{
    const struct combination of = {1, -T};
    const struct nnt_module *m = b->module;
    const double h = 1e-4;
    double *gradient = arena_alloc(b->checked.arena, (ensemble_trainables(b->ensemble) + 1) * sizeof *gradient),
           sum = 0;
    for (uint32_t p = 0; p < m->n_parameters; p++) {
        const struct nnt_field *f = &m->field[m->parameter[p].field];
        uint64_t n = (uint64_t)f->extent[0] * (f->rank > 1 ? f->extent[1] : 1);
        for (uint64_t i = 0; i < n; i++) {
            double *q = &b->q[f->offset + i], here = *q;
            if (m->parameter[p].hollow && i / f->extent[1] == i % f->extent[1]) continue;
            for (int side = -1; side <= 1; side += 2) {
                *q = here + side * h;
                assert_true(ensemble_gradient(b->ensemble, b->checked.diag, b->q, b->data, b->count, 1, 1, &of,
                                              &gradient, NULL));
                sum += side * gradient[m->field[m->parameter[p].gradient].offset + i] / (2 * h);
            }
            *q = here;
        }
    }
    return sum;
}

static void exact_is_the_trace(void **state)
{
    struct drawn b;
    (void)state;
    b = open_bench(layers, 5, 3);
    struct laplacian l = laplacian_of(&b, 1000, 1, 0.3), hot = laplacian_of(&b, 1000, 1, 3);
    assert_true(l.exact);
    assert_close(l.value, by_differences(&b, 0.3), 1e-6);
    assert_close(hot.value, l.H_min - 3 * l.C, 1e-12);
    drawn_close(&b);
}

/* Deviations from the exact value on the same samples, in units of the error over the probes, scatter by 1. */
static void random_one_is_near_the_exact(void **state)
{
    double squares = 0;
    const int networks = 4, seeds = 12;
    (void)state;
    for (int i = 0; i < networks; i++) {
        struct drawn b;
        b = open_bench(layers, 4, 100 + (uint64_t)i);
        struct laplacian exact = laplacian_of(&b, 1000, 1, 0.5);
        for (int k = 0; k < seeds; k++) {
            struct laplacian l = laplacian_of(&b, 16, (uint64_t)k, 0.5);
            double z = (l.value - exact.value) / l.probe_error;
            assert_false(l.exact);
            assert_true(fabs(z) < 5);
            assert_true(l.error == hypot(l.probe_error, l.sample_error));
            squares += z * z / (networks * seeds);
        }
        drawn_close(&b);
    }
    if (sqrt(squares) < 0.75 || sqrt(squares) > 1.3) fail_msg("deviations scatter by %.3f", sqrt(squares));
}

/* Of one sample alone. */
static double value_of(const struct drawn *b, uint32_t sample)
{
    struct drawn one = *b;
    one.count = 1;
    for (uint32_t g = 0; g < b->module->n_groups; g++)
        if (b->data[g]) one.data[g] = b->data[g] + (size_t)sample * b->module->group[g].size;
    return laplacian_of(&one, 1000, 1, 0.5).value;
}

/* The jackknife over samples: as the values of the samples themselves scatter, where there are no more than groups; else as those of
 * the groups do, each by its share. */
static void samples_scatter(void **state)
{
    struct drawn b;
    double value[SAMPLES], squares = 0;
    (void)state;
    b = open_bench(layers, SAMPLES, 5);
    for (uint32_t i = 0; i < SAMPLES; i++) value[i] = value_of(&b, i);
    struct laplacian all = laplacian_of(&b, 1000, 1, 0.5);
    assert_close(all.value, ensemble_mean(value, 1, SAMPLES).mean, 1e-11);
    for (uint32_t group = 0; group < LAPLACIAN_GROUPS; group++) {
        uint32_t first = SAMPLES * group / LAPLACIAN_GROUPS, end = SAMPLES * (group + 1) / LAPLACIAN_GROUPS;
        double mean = ensemble_mean(value + first, 1, end - first).mean;
        squares += pow((mean - all.value) * (end - first) / SAMPLES, 2);
    }
    assert_close(all.sample_error, sqrt(squares * LAPLACIAN_GROUPS / (LAPLACIAN_GROUPS - 1.0)), 1e-10);
    b.count = 9;
    assert_close(laplacian_of(&b, 1000, 1, 0.5).sample_error, ensemble_mean(value, 1, 9).error, 1e-10);
    drawn_close(&b);
}

/* The same directions at each call. */
static void repeats(void **state)
{
    struct drawn b;
    (void)state;
    b = open_bench(layers, 3, 5);
    struct laplacian_probes *l = laplacian_new(b.checked.diag, nowhere, b.ensemble, 3, 4, 7);
    struct laplacian first, second, other = laplacian_of(&b, 4, 8, 0.5);
    assert_true(laplacian_take(l, b.checked.diag, b.q, b.data, 0.5, &first));
    assert_true(laplacian_take(l, b.checked.diag, b.q, b.data, 0.5, &second));
    assert_memory_equal(&first, &second,
                        offsetof(struct laplacian, exact)); /* its numbers: padding stands behind them */
    assert_true(other.value != first.value);
    laplacian_free(l);
    drawn_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chain_has_a_closed_form),
        cmocka_unit_test(exact_is_the_trace),
        cmocka_unit_test(random_one_is_near_the_exact),
        cmocka_unit_test(samples_scatter),
        cmocka_unit_test(repeats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
