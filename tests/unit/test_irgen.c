/* test_irgen.c: the graph of a model: optimizers by hand, layout, frozen blocks, slopes, losses by output, where C
 * is linear. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/irgen/irgen.h"
#include "compiler/driver/exercise.h"
#include "tests/unit/compiled.h"

static struct compiled as_built(const char *text)
{
    return compile(text, "interp", 8, IRGEN_ALL);
}

static void set(struct exercise *x, enum nnt_slab slab, const char *name, uint32_t count, const double values[])
{
    const struct nnt_field *field = exercise_field(x->module, slab, name);

    assert_non_null(field);
    for (uint32_t e = 0; e < count; e++) exercise_set(x, field, e, values[e]);
}

static double get(const struct exercise *x, enum nnt_slab slab, const char *name, uint32_t e)
{
    const struct nnt_field *field = exercise_field(x->module, slab, name);

    assert_non_null(field);
    return exercise_get(x, field, e);
}

static void near(double found, double expected)
{
    if (!(fabs(found - expected) <= 1e-13 * (1 + fabs(expected)))) fail_msg("%.17g, not %.17g", found, expected);
}

/* ---- optimizers, on y = w x + b with half the squared error: g_w = mean (w x + b - t) x, g_b = mean (w x + b - t) ---- */

enum { STEPS = 4, SAMPLES = 2 };
static const double xs[SAMPLES] = {0.7, -1.2}, ts[SAMPLES] = {0.25, 0.9};

struct line {
    double q[2], g[2], m[2], v[2]; /* w, b */
};

static void line_gradient(struct line *l)
{
    l->g[0] = l->g[1] = 0;
    for (uint32_t b = 0; b < SAMPLES; b++) {
        double r = l->q[0] * xs[b] + l->q[1] - ts[b];

        l->g[0] += r * xs[b] / SAMPLES;
        l->g[1] += r / SAMPLES;
    }
}

typedef void line_step(struct line *l, double rate, int step);

static void check_optimizer(const char *optimizer, line_step *by_hand)
{
    char text[1024];
    struct compiled c;
    struct exercise x;
    struct line l = {.q = {0.6, -0.3}};

    snprintf(
        text, sizeof text,
        "network line {\nneurons x, y\ninput x\noutput y\nweights x -> y\nbiases y\nactivation y = identity(z)\n"
        "loss boundary = squared_error(y, target)\n}\ndata { train xor()\n x = slice(point, 1..1)\n y = "
        "number(label) }\n"
        "train { optimizer %s }\n",
        optimizer);
    c = as_built(text);
    x = exercise_open(c.module, SAMPLES);
    set(&x, NNT_PARAMETERS, "weight.x.y", 1, &l.q[0]);
    set(&x, NNT_PARAMETERS, "bias.y", 1, &l.q[1]);
    set(&x, NNT_DATA, "data.x", SAMPLES, xs);
    set(&x, NNT_DATA, "data.y", SAMPLES, ts);
    for (int step = 1; step <= STEPS; step++) {
        double rate = 0.1 / step;

        x.call.number[NNT_RATE] = rate;
        x.call.number[NNT_STEP] = step;
        exercise_run(&x, NNT_ENTRY_gradient);
        line_gradient(&l);
        near(get(&x, NNT_GRADIENT, "weight.x.y", 0), l.g[0]);
        near(get(&x, NNT_GRADIENT, "bias.y", 0), l.g[1]);
        exercise_run(&x, NNT_ENTRY_step);
        by_hand(&l, rate, step);
        near(get(&x, NNT_PARAMETERS, "weight.x.y", 0), l.q[0]);
        near(get(&x, NNT_PARAMETERS, "bias.y", 0), l.q[1]);
    }
    exercise_close(&x);
    dispose(&c);
}

static void by_sgd(struct line *l, double rate, int step)
{
    (void)step;
    for (int k = 0; k < 2; k++) l->q[k] -= rate * l->g[k];
}

static void by_momentum(struct line *l, double rate, int step)
{
    (void)step;
    for (int k = 0; k < 2; k++) {
        l->v[k] = 0.9 * l->v[k] + l->g[k];
        l->q[k] -= rate * l->v[k];
    }
}

static void by_nesterov(struct line *l, double rate, int step)
{
    (void)step;
    for (int k = 0; k < 2; k++) {
        l->v[k] = 0.9 * l->v[k] + l->g[k];
        l->q[k] -= rate * (l->g[k] + 0.9 * l->v[k]);
    }
}

static void by_adam(struct line *l, double rate, int step)
{
    for (int k = 0; k < 2; k++) {
        l->m[k] = 0.8 * l->m[k] + 0.2 * l->g[k];
        l->v[k] = 0.95 * l->v[k] + 0.05 * l->g[k] * l->g[k];
        l->q[k] -= rate * (l->m[k] / (1 - pow(0.8, step))) / (sqrt(l->v[k] / (1 - pow(0.95, step))) + 1e-3);
    }
}

/* Clipped to norm 0.05, then 0.3 w added to the weight's gradient. */
static void by_clip_and_decay(struct line *l, double rate, int step)
{
    double factor = fmin(1, 0.05 / hypot(l->g[0], l->g[1]));

    (void)step;
    l->q[0] -= rate * (factor * l->g[0] + 0.3 * l->q[0]);
    l->q[1] -= rate * factor * l->g[1];
}

/* The decay of the weight is its own, not the gradient's. */
static void by_adamw(struct line *l, double rate, int step)
{
    double w = l->q[0];

    by_adam(l, rate, step);
    l->q[0] -= rate * 0.3 * w;
}

static void by_rmsprop(struct line *l, double rate, int step)
{
    (void)step;
    for (int k = 0; k < 2; k++) {
        l->v[k] = 0.7 * l->v[k] + 0.3 * l->g[k] * l->g[k];
        l->q[k] -= rate * l->g[k] / (sqrt(l->v[k]) + 1e-3);
    }
}

static void optimizers_step_as_stated(void **state)
{
    (void)state;
    check_optimizer("sgd(rate: 0.1)", by_sgd);
    check_optimizer("sgd(rate: 0.1, momentum: 0.9)", by_momentum);
    check_optimizer("sgd(rate: 0.1, momentum: 0.9, nesterov: true)", by_nesterov);
    check_optimizer("adam(rate: 0.1, beta1: 0.8, beta2: 0.95, epsilon: 1e-3)", by_adam);
    check_optimizer("adamw(rate: 0.1, beta1: 0.8, beta2: 0.95, epsilon: 1e-3, decay: 0.3)", by_adamw);
    check_optimizer("rmsprop(rate: 0.1, rho: 0.7, epsilon: 1e-3)", by_rmsprop);
    check_optimizer("sgd(rate: 0.1, clip: 0.05, decay: 0.3)", by_clip_and_decay);
}

/* ---- layout ---- */

static const char deep[] =
    "network deep {\nneurons x[3], h[5], k[2], y[3], s\ninput x\noutput y, s\nweights x -> h -> k -> y\n"
    "weights h -> s\nweights x -> y frozen\nbiases h, y, s\nactivation h, k = tanh(z)\n"
    "activation y = softmax(z)\nactivation s = identity(z)\npotential h = 0.1 * s^4\n"
    "loss boundary = cross_entropy(y, target(y)) + 0.5 * squared_error(s, target(s))\n}\n";

static void fields_are_aligned_and_apart(void **state)
{
    struct compiled c = as_built(deep);
    const struct nnt_module *m = c.module;

    (void)state;
    for (uint32_t batch = 1; batch < 8; batch += 3) {
        uint64_t end[NNT_SLABS] = {0};

        for (uint32_t f = 0; f < m->n_fields; f++) {
            const struct nnt_field *field = &m->field[f];
            uint64_t begin = field->offset + field->offset_per_sample * batch, size = field->per_sample ? batch : 1;

            for (uint32_t k = 0; k < field->rank; k++) size *= field->extent[k];
            assert_true(begin % 16 == 0);
            assert_true(begin >= end[field->slab]);
            end[field->slab] = begin + size;
            assert_true(end[field->slab] <= m->size[field->slab] + m->size_per_sample[field->slab] * batch);
        }
    }
    dispose(&c);
}

/* y = w' tanh(w x): the gradient of the tied block is the sum of those of two blocks of their own, one transposed.
 */
static void tied_gradients_add(void **state)
{
    static const char text[] = "network %s {\nneurons x[2], h[2], y[2]\ninput x\noutput y\nweights x -> h\n"
                               "weights h -> y%s\nactivation h = tanh(z)\nactivation y = z\n"
                               "loss boundary = squared_error(y, target)\n}\n";
    static const double w[4] = {0.3, -0.4, 0.8, 0.1}, transposed[4] = {0.3, 0.8, -0.4, 0.1}, x[4] = {1, -2, 0.5, 3},
                        t[4] = {0, 1, 2, -1};
    char tied_text[512], free_text[512];

    (void)state;
    snprintf(tied_text, sizeof tied_text, text, "tied", " = transpose(x -> h)");
    snprintf(free_text, sizeof free_text, text, "loose", "");
    struct compiled a = as_built(tied_text), b = as_built(free_text);
    struct exercise tied = exercise_open(a.module, 2), loose = exercise_open(b.module, 2);

    assert_int_equal(a.module->n_parameters, 1);
    assert_int_equal(a.module->trainables, 4);
    set(&tied, NNT_PARAMETERS, "weight.x.h", 4, w);
    set(&loose, NNT_PARAMETERS, "weight.x.h", 4, w);
    set(&loose, NNT_PARAMETERS, "weight.h.y", 4, transposed);
    for (int k = 0; k < 2; k++) {
        struct exercise *e = k == 0 ? &tied : &loose;

        set(e, NNT_DATA, "data.x", 4, x);
        set(e, NNT_DATA, "data.y", 4, t);
        exercise_run(e, NNT_ENTRY_gradient);
    }
    for (uint32_t i = 0; i < 2; i++)
        for (uint32_t j = 0; j < 2; j++)
            near(get(&tied, NNT_GRADIENT, "weight.x.h", 2 * i + j),
                 get(&loose, NNT_GRADIENT, "weight.x.h", 2 * i + j) +
                     get(&loose, NNT_GRADIENT, "weight.h.y", 2 * j + i));
    exercise_close(&tied);
    exercise_close(&loose);
    dispose(&a);
    dispose(&b);
}

/* The prediction of x by the other neurons of x: what stands on the diagonal moves nothing and is moved by nothing.
 */
static void a_hollow_block_has_no_diagonal(void **state)
{
    struct compiled c =
        as_built("network hollow {\nneurons x[3]\ninput x\nweights x -> x hollow\nactivation x = z\n"
                 "loss boundary = squared_error(prediction(x), x)\n}\n"
                 "train { optimizer adamw(rate: 0.1, decay: 0.1) }\n");
    static const double w[9] = {0, 0.5, -1, 0.2, 0, 0.3, 0.7, -0.6, 0},
                        filled[9] = {9, 0.5, -1, 0.2, 9, 0.3, 0.7, -0.6, 9}, x[3] = {1, 2, -3};
    struct exercise e = exercise_open(c.module, 1);

    (void)state;
    assert_int_equal(c.module->trainables, 6);
    set(&e, NNT_PARAMETERS, "weight.x.x", 9, filled);
    set(&e, NNT_DATA, "data.x", 3, x);
    exercise_run(&e, NNT_ENTRY_gradient);
    for (uint32_t i = 0; i < 3; i++) {
        double r = -x[i];

        for (uint32_t j = 0; j < 3; j++) r += w[3 * i + j] * x[j];
        for (uint32_t j = 0; j < 3; j++)
            near(get(&e, NNT_GRADIENT, "weight.x.x", 3 * i + j), i == j ? 0 : r * x[j]);
    }
    set(&e, NNT_PARAMETERS, "weight.x.x", 9, w);
    e.call.number[NNT_RATE] = 0.1;
    e.call.number[NNT_STEP] = 1;
    e.call.number[NNT_BOUNDARY] = 1;
    exercise_run(&e, NNT_ENTRY_step);
    for (uint32_t i = 0; i < 3; i++) assert_true(get(&e, NNT_PARAMETERS, "weight.x.x", 4 * i) == 0);
    assert_true(get(&e, NNT_PARAMETERS, "weight.x.x", 1) != 0.5);
    exercise_close(&e);
    dispose(&c);
}

static void a_frozen_block_has_no_gradient(void **state)
{
    struct compiled c = as_built(deep);

    (void)state;
    assert_int_equal(c.module->trainables, 15 + 10 + 6 + 5 + 5 + 3 + 1);
    assert_non_null(exercise_field(c.module, NNT_PARAMETERS, "weight.x.y"));
    assert_null(exercise_field(c.module, NNT_GRADIENT, "weight.x.y"));
    assert_non_null(exercise_field(c.module, NNT_GRADIENT, "weight.h.s"));
    dispose(&c);
}

/* The losses of the outputs add up to the whole. */
static void losses_are_told_by_output(void **state)
{
    struct compiled c = as_built(deep);
    struct exercise x = exercise_open(c.module, 3);

    (void)state;
    exercise_draw(&x, 1);
    exercise_run(&x, NNT_ENTRY_loss);
    for (uint32_t b = 0; b < 3; b++) {
        double r = get(&x, NNT_STATE, "state.s", b) - get(&x, NNT_DATA, "data.s", b), entropy = 0;

        for (uint32_t k = 0; k < 3; k++) {
            entropy -= get(&x, NNT_DATA, "data.y", 3 * b + k) * log(get(&x, NNT_STATE, "state.y", 3 * b + k));
        }
        near(get(&x, NNT_RESULT, "loss.s", b), r * r / 4);
        near(get(&x, NNT_RESULT, "loss.y", b), entropy);
        near(get(&x, NNT_RESULT, "loss", b), entropy + r * r / 4);
    }
    exercise_close(&x);
    dispose(&c);
}

/* ---- linearisation ---- */

/* softmax: df_i/dz_j = y_i (delta_ij - y_j), y = x - r; tanh: 1 - f^2; V = 0.1 s^4. */
static void slopes_are_derivatives(void **state)
{
    struct compiled c = as_built(deep);
    struct exercise x = exercise_open(c.module, 2);

    (void)state;
    exercise_draw(&x, 2);
    exercise_run(&x, NNT_ENTRY_forward);
    exercise_run(&x, NNT_ENTRY_linearise);
    for (uint32_t b = 0; b < 2; b++) {
        for (uint32_t i = 0; i < 3; i++) {
            double y = get(&x, NNT_STATE, "state.y", 3 * b + i) - get(&x, NNT_LINEAR, "residual.y", 3 * b + i);

            for (uint32_t j = 0; j < 3; j++) {
                double other = get(&x, NNT_STATE, "state.y", 3 * b + j);

                near(get(&x, NNT_LINEAR, "slope.y", 9 * b + 3 * i + j), y * ((i == j) - other));
            }
        }
        for (uint32_t i = 0; i < 5; i++) {
            double s = get(&x, NNT_STATE, "state.h", 5 * b + i);

            near(get(&x, NNT_LINEAR, "slope.h", 5 * b + i), 1 - s * s);
            near(get(&x, NNT_LINEAR, "force.h", 5 * b + i), 0.4 * s * s * s);
            near(get(&x, NNT_LINEAR, "curvature.h", 5 * b + i), 1.2 * s * s);
        }
    }
    exercise_close(&x);
    dispose(&c);
}

/* r still: tanh'' = -2 f (1 - f^2); of softmax d^2 f_i / dz_j dz_k = f_i ((d_ij - f_j)(d_ik - f_k) - f_j (d_jk - f_k)). */
static void bends_are_second_derivatives(void **state)
{
    char text[1024];

    (void)state;
    snprintf(text, sizeof text, "%sensemble { reference relaxed\n hessian full }\n", deep);
    struct compiled c = as_built(text);
    struct exercise x = exercise_open(c.module, 2);

    exercise_draw(&x, 2);
    exercise_run(&x, NNT_ENTRY_forward);
    for (uint32_t e = 0; e < 2 * 5; e++)
        exercise_set(&x, exercise_field(c.module, NNT_STATE, "state.h"), e, 0.3 - 0.1 * e);
    for (uint32_t e = 0; e < 2 * 3; e++)
        exercise_set(&x, exercise_field(c.module, NNT_STATE, "state.y"), e, 0.2 * e);
    exercise_run(&x, NNT_ENTRY_linearise);
    for (uint32_t e = 0; e < 2 * 5; e++) {
        double r = get(&x, NNT_LINEAR, "residual.h", e), f = get(&x, NNT_STATE, "state.h", e) - r;

        assert_true(fabs(r) > 1e-3);
        near(get(&x, NNT_LINEAR, "bend.h", e), -2 * r * f * (1 - f * f));
    }
    for (uint32_t b = 0; b < 2; b++) {
        double r[3], f[3];

        for (uint32_t i = 0; i < 3; i++) {
            r[i] = get(&x, NNT_LINEAR, "residual.y", 3 * b + i);
            f[i] = get(&x, NNT_STATE, "state.y", 3 * b + i) - r[i];
        }
        for (uint32_t j = 0; j < 3; j++)
            for (uint32_t k = 0; k < 3; k++) {
                double sum = 0;

                for (uint32_t i = 0; i < 3; i++)
                    sum += r[i] * f[i] * (((i == j) - f[j]) * ((i == k) - f[k]) - f[j] * ((j == k) - f[k]));
                near(get(&x, NNT_LINEAR, "bend.y", 9 * b + 3 * j + k), sum);
            }
    }
    near(get(&x, NNT_LINEAR, "bend.s", 0), 0);
    exercise_close(&x);
    dispose(&c);
}

static void expect_linear_C(bool expected, const char *hidden, const char *rest)
{
    char text[1024];
    struct compiled c;

    snprintf(text, sizeof text,
             "network n {\nneurons x[2], h[3], k[3], y[2]\ninput x\noutput y\n%s\nactivation y = identity(z)\n"
             "loss boundary = squared_error(y, target)\n%s\n",
             hidden, rest);
    c = as_built(text);
    assert_int_equal(c.module->linear_C, expected);
    dispose(&c);
}

static void complexity_is_linear_where_theory_says(void **state)
{
    const char *one = "weights x -> h -> y\nweights x -> k\nactivation h, k = tanh(z)";
    const char *two = "weights x -> h -> k -> y\nactivation h, k = tanh(z)";
    const char *affine = "weights x -> h -> k -> y\nactivation h, k = 2 * z - 1";

    (void)state;
    expect_linear_C(true, one, "}");
    expect_linear_C(true, one, "potential h = 0.5 * s^2\n}");
    expect_linear_C(false, one, "potential h = 0.5 * s^4\n}");
    expect_linear_C(false, two, "}");
    expect_linear_C(true, affine, "}");
    expect_linear_C(true, two, "}\nensemble { clamp x }");
    expect_linear_C(false, two, "potential h = 0.5 * s^2\n}\nensemble { clamp x }");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(optimizers_step_as_stated),
        cmocka_unit_test(fields_are_aligned_and_apart),
        cmocka_unit_test(tied_gradients_add),
        cmocka_unit_test(a_hollow_block_has_no_diagonal),
        cmocka_unit_test(a_frozen_block_has_no_gradient),
        cmocka_unit_test(losses_are_told_by_output),
        cmocka_unit_test(slopes_are_derivatives),
        cmocka_unit_test(bends_are_second_derivatives),
        cmocka_unit_test(complexity_is_linear_where_theory_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
