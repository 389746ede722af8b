/* test_adjoint.c: pull, push and pull_push against differences of linearise and of pull, in both engines; descend against step. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "compiler/driver/exercise.h"
#include "compiler/irgen/irgen.h"
#include "tests/unit/compiled.h"

enum { BATCH = 3 };
static const char *const engines[] = {"interp", "jit"};

/* In `branches` those that are not taken are NaN, or at 0 have infinite derivatives. */
static const struct network {
    const char *name, *text;
} networks[] = {
    {"tanh chain", "network n {\nneurons x[3], h[4], k[2], y[3]\ninput x\noutput y\nweights x -> h -> k -> y\n"
                   "biases h, k, y\nactivation h, k = tanh(z)\nactivation y = z\n}\nensemble { clamp x, y }\n"},
    {"softmax map", "network n {\nneurons x[3], h[4], y[3]\ninput x\noutput y\nweights x -> h -> y\nbiases h, y\n"
                    "activation h = softmax(z)\nactivation y = softmax(2 * z)\n}\nensemble { clamp x, y }\n"},
    {"recurrent", "network n {\nneurons x[2], h[3], k[3], y[2]\ninput x\noutput y\nweights x -> h -> k -> y\n"
                  "weights k -> h\nweights h -> h hollow\nbiases h, k, y\nactivation h, k, y = tanh(z)\n"
                  "dynamics ticks(3)\n}\nensemble { clamp x, y }\n"},
    {"tied", "network n {\nneurons x[3], h[2], y[3]\ninput x\noutput y\nweights x -> h\nweights h -> y = "
             "transpose(x -> h)\n"
             "biases h, y\nactivation h = tanh(z)\nactivation y = logistic(z)\n}\nensemble { clamp x }\n"},
    {"potential", "network n {\nneurons x[2], h[3], y[2]\ninput x\noutput y\nweights x -> h -> y\nbiases h\n"
                  "activation h = tanh(z)\nactivation y = z\npotential h = 0.3 * s^4 - 0.1 * s^2\n"
                  "potential y = exp(0.5 * s)\n}\nensemble { clamp x }\n"},
    {"outside R", "network n {\nneurons x[2], h[3], y[2]\ninput x\noutput y\nweights x -> h -> y\nbiases h, y\n"
                  "activation h = tanh(z)\nactivation y = z\npotential h = 0.5 * s^2\nloss bulk over y\n}\n"
                  "ensemble { clamp x, y }\n"},
    {"bend", "network n {\nneurons x[2], h[3], k[3], y[2]\ninput x\noutput y\nweights x -> h -> k -> y\n"
             "weights k -> h\nbiases h, k, y\nactivation h = tanh(z)\nactivation k = softmax(z)\n"
             "activation y = logistic(z)\npotential h = 0.2 * s^4\ndynamics ticks(2)\n}\n"
             "ensemble { clamp x, y\n reference relaxed\n hessian full }\n"},
    {"branches", "network n {\nneurons x[3], h[4], y[2]\ninput x\noutput y\nweights x -> h -> y\nbiases h, y\n"
                 "activation h = if z < -3 then sqrt(-z) * log(-z - 1) else sin(z)\nactivation y = tanh(z)\n"
                 "potential h = if s < -3 then (-s)^2.5 else s^3\n}\n"
                 "ensemble { clamp x, y\n reference relaxed\n hessian full }\n"},
};

static const uint32_t entries =
    1u << NNT_ENTRY_linearise | 1u << NNT_ENTRY_pull | 1u << NNT_ENTRY_push | 1u << NNT_ENTRY_pull_push;

/* The network at drawn numbers, everything run there; and what is moved off them. */
struct bench {
    const char *name;
    struct compiled c;
    struct exercise at, moved;
};

static void run_all(struct exercise *x)
{
    exercise_run(x, NNT_ENTRY_linearise);
    exercise_run(x, NNT_ENTRY_pull);
    exercise_run(x, NNT_ENTRY_push);
    exercise_run(x, NNT_ENTRY_pull_push);
}

static struct bench bench_open(const struct network *network, const char *engine, uint32_t real_bytes)
{
    struct bench b = {.name = network->name, .c = compile(network->text, engine, real_bytes, entries)};

    b.at = exercise_open(b.c.module, BATCH);
    b.moved = exercise_open(b.c.module, BATCH);
    exercise_draw(&b.at, 3);
    exercise_draw_direction(&b.at, 3);
    run_all(&b.at);
    return b;
}

static void bench_close(struct bench *b)
{
    exercise_close(&b->at);
    exercise_close(&b->moved);
    dispose(&b->c);
}

static size_t slab_size(const struct bench *b, enum nnt_slab slab)
{
    return b->c.module->size[slab] + b->c.module->size_per_sample[slab] * BATCH;
}

static double *slab(struct exercise *x, enum nnt_slab which)
{
    return x->call.slab[which];
}

static void copy_slab(struct bench *b, enum nnt_slab which)
{
    memcpy(slab(&b->moved, which), slab(&b->at, which), slab_size(b, which) * sizeof(double));
}

/* Fourth-order central differences: off by some 1e-10 where all is of order 1. */
static const double steps[] = {-2, -1, 1, 2}, weights[] = {1.0 / 12, -8.0 / 12, 8.0 / 12, -1.0 / 12};
enum { STEPS = LENGTH(steps) };
static const double STEP = 5e-4, NEAR = 2e-9;

static void near(const struct bench *b, const char *what, const struct nnt_field *field, uint64_t e, double found,
                 double expected)
{
    if (!(fabs(found - expected) <= NEAR * (1 + fabs(expected))))
        fail_msg("%s: %s %s[%d] is %.15g, not %.15g", b->name, what, field->name, (int)e, found, expected);
}

/* ---- pull against differences of the sum of seed times what linearise tells ---- */

static double seeded(struct bench *b)
{
    double sum = 0;

    exercise_run(&b->moved, NNT_ENTRY_linearise);
    for (uint32_t f = 0; f < b->c.module->n_fields; f++) {
        const struct nnt_field *field = &b->c.module->field[f];
        struct nnt_field seed = exercise_twin(field, NNT_SEED);

        if (field->slab != NNT_LINEAR || !strncmp(field->name, "gradient_x", 10)) continue;
        for (uint64_t e = 0; e < exercise_size(&b->at, field); e++)
            sum += exercise_get(&b->moved, field, e) * exercise_get(&b->at, &seed, e);
    }
    return sum;
}

static double difference(struct bench *b, const struct nnt_field *by, uint64_t e)
{
    double x = exercise_get(&b->moved, by, e), sum = 0;

    for (uint32_t k = 0; k < STEPS; k++) {
        exercise_set(&b->moved, by, e, x + steps[k] * STEP);
        sum += weights[k] * seeded(b) / STEP;
    }
    exercise_set(&b->moved, by, e, x);
    return sum;
}

static uint32_t check_pulled(struct bench *b, uint32_t result, uint32_t by, double share)
{
    const struct nnt_field *field = &b->c.module->field[result], *moved = &b->c.module->field[by];
    uint32_t n = (uint32_t)exercise_size(&b->at, field);

    for (uint32_t e = 0; e < n; e++)
        near(b, "pulled", field, e, exercise_get(&b->at, field, e), share * difference(b, moved, e));
    return n;
}

static void pull_is_the_adjoint_of_linearise(void **state)
{
    uint32_t checked = 0;

    (void)state;
    for (size_t k = 0; k < LENGTH(networks); k++) {
        struct bench b = bench_open(&networks[k], engines[k % 2], 8);
        const struct nnt_module *m = b.c.module;

        copy_slab(&b, NNT_PARAMETERS), copy_slab(&b, NNT_STATE);
        for (uint32_t g = 0; g < m->n_groups; g++)
            if (m->group[g].gradient_x != NNT_NONE)
                checked += check_pulled(&b, m->group[g].gradient_x, m->group[g].state, 1);
        for (uint32_t p = 0; p < m->n_parameters; p++)
            if (!m->parameter[p].hollow)
                checked += check_pulled(&b, m->parameter[p].gradient, m->parameter[p].field, 1.0 / BATCH);
        bench_close(&b);
    }
    assert_true(checked > 300);
}

/* h is free and predicted, but its local error counts nowhere. */
static void residuals_are_told_outside_R(void **state)
{
    (void)state;
    for (size_t k = 0; k < LENGTH(networks); k++) {
        if (strcmp(networks[k].name, "outside R")) continue;
        struct bench b = bench_open(&networks[k], "interp", 8);
        const struct nnt_field *field = b.c.module->field;
        const struct nnt_group *h = &b.c.module->group[1];

        assert_true(!(h->flags & (NNT_ERROR | NNT_CLAMPED)) && h->bend == NNT_NONE);
        assert_true(h->residual != NNT_NONE && h->slope != NNT_NONE);
        for (uint32_t e = 0; e < BATCH * h->size; e++) {
            double f = exercise_get(&b.at, &field[h->state], e) - exercise_get(&b.at, &field[h->residual], e);

            assert_true(fabs(exercise_get(&b.at, &field[h->slope], e) - (1 - f * f)) < 1e-14);
        }
        bench_close(&b);
    }
}

/* ---- push and pull_push against differences along the direction ---- */

/* Everything that is read, so far along the direction; then linearise and pull there. */
static void move(struct bench *b, double by)
{
    static const enum nnt_slab slabs[][2] = {
        {NNT_PARAMETERS, NNT_D_PARAMETERS}, {NNT_STATE, NNT_D_STATE}, {NNT_SEED, NNT_D_SEED}};

    for (size_t s = 0; s < LENGTH(slabs); s++)
        for (size_t e = 0; e < slab_size(b, slabs[s][0]); e++)
            slab(&b->moved, slabs[s][0])[e] = slab(&b->at, slabs[s][0])[e] + by * slab(&b->at, slabs[s][1])[e];
    exercise_run(&b->moved, NNT_ENTRY_linearise);
    exercise_run(&b->moved, NNT_ENTRY_pull);
}

static uint32_t check_pushed(struct bench *b, enum nnt_slab results, enum nnt_slab tangents)
{
    size_t size = slab_size(b, results);
    double *sum = arena_alloc(b->c.arena, (size + 1) * sizeof *sum);
    uint32_t checked = 0;

    for (uint32_t k = 0; k < STEPS; k++) {
        move(b, steps[k] * STEP);
        for (size_t e = 0; e < size; e++) sum[e] += weights[k] * slab(&b->moved, results)[e] / STEP;
    }
    for (uint32_t f = 0; f < b->c.module->n_fields; f++) {
        const struct nnt_field *field = &b->c.module->field[f];
        struct nnt_field tangent = exercise_twin(field, tangents);

        if (field->slab != results) continue;
        for (uint64_t e = 0; e < exercise_size(&b->at, field); e++, checked++)
            near(b, "pushed", field, e, exercise_get(&b->at, &tangent, e),
                 sum[field->offset + field->offset_per_sample * BATCH + e]);
    }
    return checked;
}

static void tangents_are_differences(void **state)
{
    uint32_t checked = 0;

    (void)state;
    for (size_t k = 0; k < LENGTH(networks); k++) {
        struct bench b = bench_open(&networks[k], engines[(k + 1) % 2], 8);

        checked += check_pushed(&b, NNT_LINEAR, NNT_D_LINEAR);
        checked += check_pushed(&b, NNT_GRADIENT, NNT_D_GRADIENT);
        bench_close(&b);
    }
    assert_true(checked > 500);
}

/* ---- engines ---- */

static void engines_agree(void **state)
{
    static const enum nnt_slab slabs[] = {NNT_LINEAR, NNT_GRADIENT, NNT_D_LINEAR, NNT_D_GRADIENT};
    static const struct {
        const char *engine;
        uint32_t real_bytes;
        double tolerance;
    } others[] = {{"jit", 8, 1e-12}, {"interp", 4, 1e-4}, {"jit", 4, 1e-4}};

    (void)state;
    for (size_t k = 0; k < LENGTH(networks); k++) {
        struct bench a = bench_open(&networks[k], "interp", 8);

        for (size_t i = 0; i < LENGTH(others); i++) {
            struct bench b = bench_open(&networks[k], others[i].engine, others[i].real_bytes);

            for (size_t s = 0; s < LENGTH(slabs); s++) {
                struct distance d = exercise_compare(&b.at, &a.at, slabs[s], "");

                if (!(d.most <= others[i].tolerance))
                    fail_msg("%s, %s f%u: slab %d, %s[%d] is %.15g, not %.15g", a.name, others[i].engine,
                             8 * others[i].real_bytes, (int)slabs[s], d.field->name, (int)d.element, d.a, d.b);
            }
            bench_close(&b);
        }
        bench_close(&a);
    }
}

/* ---- where a branch is not taken ---- */

/* At z = s = 0, where derivatives of the branch that is not taken are infinite and others NaN: nothing of them comes through. */
static void branches_not_taken_add_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(engines); i++) {
        struct bench b = bench_open(&networks[LENGTH(networks) - 1], engines[i], 8);
        const struct nnt_module *m = b.c.module;

        memset(b.at.call.slab[NNT_PARAMETERS], 0, slab_size(&b, NNT_PARAMETERS) * sizeof(double));
        memset(b.at.call.slab[NNT_STATE], 0, slab_size(&b, NNT_STATE) * sizeof(double));
        run_all(&b.at);
        for (uint32_t f = 0; f < m->n_fields; f++) {
            struct nnt_field tangent = exercise_twin(&m->field[f], NNT_D_LINEAR);

            if (m->field[f].slab != NNT_LINEAR) continue;
            for (uint64_t e = 0; e < exercise_size(&b.at, &tangent); e++) {
                assert_true(isfinite(exercise_get(&b.at, &m->field[f], e)));
                assert_true(isfinite(exercise_get(&b.at, &tangent, e)));
            }
        }
        for (size_t e = 0; e < slab_size(&b, NNT_GRADIENT); e++) {
            assert_true(isfinite(slab(&b.at, NNT_GRADIENT)[e]));
            assert_true(isfinite(slab(&b.at, NNT_D_GRADIENT)[e]));
        }
        bench_close(&b);
    }
}

/* ---- descend ---- */

/* Twice the same three steps: by `step`, and by `descend` along what `gradient` tells. */
static void descend_steps_along_the_gradient(void **state)
{
    static const char *const optimizers[] = {"sgd(rate: 0.1, momentum: 0.9, nesterov: true)",
                                             "adam(rate: 0.05, clip: 0.01)", "adamw(rate: 0.05, decay: 0.1)",
                                             "rmsprop(rate: 0.02)"};

    (void)state;
    for (size_t o = 0; o < LENGTH(optimizers); o++) {
        for (size_t i = 0; i < LENGTH(engines); i++) {
            char text[512];
            struct compiled c;
            struct exercise a, b;

            snprintf(text, sizeof text,
                     "network n {\nneurons x[3], h[4], y[2]\ninput x\noutput y\nweights x -> h frozen\n"
                     "weights h -> y\nbiases h, y\nactivation h, y = tanh(z)\n"
                     "loss boundary = squared_error(y, target)\n}\ntrain { optimizer %s }\n",
                     optimizers[o]);
            c = compile(text, engines[i], 8,
                        1u << NNT_ENTRY_gradient | 1u << NNT_ENTRY_step | 1u << NNT_ENTRY_descend);
            a = exercise_open(c.module, BATCH), b = exercise_open(c.module, BATCH);
            exercise_draw(&a, 5), exercise_draw(&b, 5);
            for (int step = 1; step <= 3; step++) {
                a.call.number[NNT_STEP] = b.call.number[NNT_STEP] = step;
                exercise_run(&a, NNT_ENTRY_step);
                exercise_run(&b, NNT_ENTRY_gradient), exercise_run(&b, NNT_ENTRY_descend);
            }
            assert_true(exercise_compare(&a, &b, NNT_PARAMETERS, "").most <= 1e-13);
            assert_true(exercise_compare(&a, &b, NNT_MOMENTS, "").most <= 1e-13);
            exercise_close(&a), exercise_close(&b);
            dispose(&c);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(residuals_are_told_outside_R),   cmocka_unit_test(pull_is_the_adjoint_of_linearise),
        cmocka_unit_test(tangents_are_differences),       cmocka_unit_test(engines_agree),
        cmocka_unit_test(branches_not_taken_add_nothing), cmocka_unit_test(descend_steps_along_the_gradient),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
