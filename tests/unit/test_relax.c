/* test_relax.c: the free neurons at the minimum of H: found, for each sample by itself, told honestly; and learning there. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/driver/exercise.h"
#include "compiler/irgen/irgen.h"
#include "tests/engine/engine.h"
#include "tests/unit/checked.h"

enum { BATCH = 3 };
static const char *const engines[] = {"interp", "jit"};

struct compiled {
    struct checked checked;
    struct nnt_module *module;
};

static struct compiled compile_model(struct checked checked, const char *engine, uint32_t real_bytes)
{
    struct compiled c = {.checked = checked};

    c.module = engine_module(c.checked.diag, c.checked.arena, c.checked.model, engine, real_bytes, IRGEN_ALL);
    assert_non_null(c.module);
    return c;
}

static struct checked checked_model(const char *text)
{
    struct checked c = check_text(text);

    if (!c.model) fail_msg("%s\n%s", text, c.printed);
    return c;
}

static struct compiled compile(const char *text, const char *engine)
{
    return compile_model(checked_model(text), engine, 8);
}

static void dispose(struct compiled *c)
{
    engine_release(c->module);
    release(&c->checked);
}

static const struct nnt_field *field_of(const struct exercise *x, enum nnt_slab slab, const char *name)
{
    const struct nnt_field *field = exercise_field(x->module, slab, name);

    if (!field) fail_msg("no field %s", name);
    return field;
}

static double get(const struct exercise *x, enum nnt_slab slab, const char *name, uint64_t e)
{
    return exercise_get(x, field_of(x, slab, name), e);
}

static double result(const struct exercise *x, uint32_t field, uint64_t sample)
{
    assert_true(field != NNT_NONE);
    return exercise_get(x, &x->module->field[field], sample);
}

static void near(double found, double expected, double tolerance)
{
    if (!(fabs(found - expected) <= tolerance * (1 + fabs(expected))))
        fail_msg("%.17g, not %.17g", found, expected);
}

static void expect_relaxed(const struct exercise *x)
{
    for (uint32_t b = 0; b < x->call.batch; b++)
        if (result(x, x->module->relax_failed, b) != 0)
            fail_msg("sample %u did not relax in %g steps", b, result(x, x->module->relax_steps, b));
}

/* ---- networks: every way in which H depends on what is free ---- */

#define LAYERS                                                                                                     \
    "network n {\n neurons x[3], h[5], k[4], y[2]\n input x\n output y\n weights x -> h -> k -> y\n biases h, y\n" \
    " activation h, k = tanh(z)\n"
#define LOSS " loss boundary = squared_error(y, target)\n"
#define BULK "train { minimize bulk\n optimizer sgd(rate: 0.1) }\n"
#define CLAMP(groups) "ensemble { clamp " groups "\n relaxation descent(tolerance: 1e-11, most: 3000) }\n" BULK

static const char *const networks[] = {
    /* supervised: predictive coding */
    LAYERS " activation y = z\n" LOSS "}\n" CLAMP("x, y"),
    /* a clamped group map, a potential that rewards saturation, one that is quartic, a skip */
    LAYERS " weights h -> y\n activation y = softmax(z)\n potential h = -0.1 * s^2\n potential k = 0.3 * s^4\n"
           " loss boundary = cross_entropy(y, target)\n}\n" CLAMP("x, y"),
    /* unsupervised, with a potential; the outputs are free too */
    LAYERS " activation y = z\n potential h = 0.2 * (s - 0.5)^2\n" LOSS "}\n" CLAMP("x"),
    /* a free group map, tied and frozen blocks, an input that is predicted as well */
    "network n {\n neurons x[3], h[4], k[3], y[2]\n input x\n output y\n weights x -> h -> k -> y\n"
    " weights x -> k\n weights k -> x = transpose(x -> k)\n biases h frozen\n activation h = softmax(2 * z)\n "
    "activation k = tanh(z)\n"
    " activation x, y = z\n loss bulk over x, h, k, y\n" LOSS "}\n" CLAMP("x, y"),
    /* recurrent, with a cycle between groups, hollow */
    "network n {\n neurons x[3], h[4], k[2], y[2]\n input x\n output y\n weights x -> h -> k -> y\n weights k -> "
    "h\n"
    " weights h -> h init normal(0, 0.3) hollow\n biases h, k\n activation h, k = tanh(z)\n activation y = z\n"
    " dynamics ticks(6)\n potential k = 0.1 * s^2\n" LOSS "}\n" CLAMP("x, y"),
    /* sequences: the ensemble is that of the last update */
    "network n {\n neurons x[2], u, h[4], y\n input x each tick\n input u\n output y\n weights x -> h -> y\n"
    " weights u -> h\n weights h -> h init normal(0, 0.3)\n activation h = tanh(z)\n activation y = z\n"
    " dynamics ticks(5)\n" LOSS "}\ndata { train adding(count: 20, length: 5, seed: 1)\n x = pairs\n"
    " u = total\n y = total }\n" CLAMP("x, u, y"),
    /* nothing free: the local rule alone */
    "network n {\n neurons cue[4], s[4]\n input cue\n output s\n weights cue -> s init identity(0.3) frozen\n"
    " weights s -> s hollow\n biases s\n activation s = tanh(2 * z)\n dynamics settle(tolerance: 1e-9, most: 500)\n"
    " loss boundary = squared_error(s, target)\n}\n" CLAMP("cue, s"),
};

enum { NETWORKS = sizeof networks / sizeof *networks };

/* ---- what is found is the minimum ---- */

static bool is_free(const struct exercise *x, uint32_t group)
{
    return !(x->module->group[group].flags & NNT_CLAMPED);
}

/* The independent way down: short steps along -dH/dx as the entry `bulk` tells it. */
static void descend_slowly(struct exercise *x)
{
    for (int step = 0; step < 3000; step++) {
        double most = 0;

        exercise_run(x, NNT_ENTRY_bulk);
        for (uint32_t g = 0; g < x->module->n_groups; g++) {
            const struct nnt_group *group = &x->module->group[g];

            for (uint32_t e = 0; is_free(x, g) && e < x->call.batch * group->size; e++) {
                double slope = exercise_get(x, &x->module->field[group->gradient_x], e),
                       at = exercise_get(x, &x->module->field[group->state], e);

                exercise_set(x, &x->module->field[group->state], e, at - 0.15 * slope);
                most = fmax(most, fabs(slope));
            }
        }
        if (most < 1e-11) return;
    }
    fail_msg("the slow descent did not arrive");
}

static void the_minimum_is_found(void **state)
{
    (void)state;
    for (unsigned i = 0; i < NETWORKS; i++) {
        struct compiled slow = compile(networks[i], "interp");
        struct exercise by_hand = exercise_open(slow.module, BATCH);

        exercise_draw(&by_hand, i);
        exercise_run(&by_hand, NNT_ENTRY_ensemble_forward);
        for (unsigned k = 0; k < 2; k++) {
            struct compiled c = compile(networks[i], engines[k]);
            struct exercise x = exercise_open(c.module, BATCH);
            char where[128];

            exercise_copy(&x, &by_hand);
            exercise_run(&x, NNT_ENTRY_relax);
            expect_relaxed(&x);
            if (k == 0) descend_slowly(&by_hand);
            double apart = exercise_distance(&x, &by_hand, NNT_STATE, where);
            if (!(apart < 1e-9)) fail_msg("network %u, %s: %s is %g away", i, engines[k], where, apart);
            for (uint32_t b = 0; b < BATCH; b++)
                near(result(&x, c.module->H, b), result(&by_hand, slow.module->H, b), 1e-13);
            exercise_close(&x);
            dispose(&c);
        }
        exercise_close(&by_hand);
        dispose(&slow);
    }
}

/* ---- learning there ---- */

/* The local gradient at the relaxed state is that of min H: the envelope theorem. */
static void the_gradient_is_that_of_the_least_H(void **state)
{
    (void)state;
    for (unsigned i = 0; i < NETWORKS; i++) {
        for (unsigned k = 0; k < 2; k++) {
            uint32_t apart = k == 0 ? 7 : 1; /* the interpreter is slow */
            struct compiled c = compile(networks[i], engines[k]);
            struct exercise x = exercise_open(c.module, BATCH), moved = exercise_open(c.module, BATCH);
            struct differentiated of = {.exercise = &moved,
                                        .entry = NNT_ENTRY_gradient,
                                        .value = &c.module->field[c.module->H],
                                        .weight = 1.0 / BATCH};
            uint32_t compared = 0;

            exercise_draw(&x, i);
            exercise_draw(&moved, i);
            exercise_run(&x, NNT_ENTRY_gradient);
            expect_relaxed(&x);
            for (uint32_t p = 0; p < c.module->n_parameters; p++) {
                const struct nnt_parameter *it = &c.module->parameter[p];

                if (it->gradient == NNT_NONE) continue;
                for (uint64_t e = p % apart; e < exercise_size(&x, &c.module->field[it->gradient]); e += apart) {
                    double difference;

                    if (!exercise_difference(&of, &c.module->field[it->field], e, &difference)) continue;
                    compared++;
                    near(exercise_get(&x, &c.module->field[it->gradient], e), difference, 1e-7);
                }
            }
            assert_true(compared >= 20 / apart);
            exercise_close(&x);
            exercise_close(&moved);
            dispose(&c);
        }
    }
}

/* A model of the first network with other objectives. */
static struct compiled with_objectives(const char *text, const char *objective, const char *engine)
{
    struct text changed = {0};
    const char *at = strstr(text, "minimize bulk");

    assert_non_null(at);
    text_add(&changed, "%.*sminimize %s%s", (int)(at - text), text, objective, at + strlen("minimize bulk"));
    struct compiled c = compile(changed.data, engine);
    text_fini(&changed);
    return c;
}

/* gradient[2] = 0.5 gradient[0] + 3 gradient[1], and both parts are there. */
static void expect_sum(const struct exercise x[3])
{
    double size[2] = {0};

    for (uint32_t p = 0; p < x[2].module->n_parameters; p++) {
        const struct nnt_field *q = &x[2].module->field[x[2].module->parameter[p].field];

        for (uint64_t e = 0; e < exercise_size(&x[2], q); e++) {
            double boundary = get(&x[0], NNT_GRADIENT, q->name, e), bulk = get(&x[1], NNT_GRADIENT, q->name, e);

            near(get(&x[2], NNT_GRADIENT, q->name, e), 0.5 * boundary + 3 * bulk, 1e-12);
            size[0] += fabs(boundary);
            size[1] += fabs(bulk);
        }
    }
    assert_true(size[0] > 1e-3 && size[1] > 1e-3);
}

/* A step of sgd goes against the gradient. */
static void expect_sgd(struct exercise *x)
{
    struct exercise before = exercise_open(x->module, BATCH);

    exercise_copy(&before, x);
    x->call.number[NNT_RATE] = 0.1;
    before.call.number[NNT_BOUNDARY] = 0.5;
    before.call.number[NNT_BULK] = 3;
    exercise_run(&before, NNT_ENTRY_gradient);
    exercise_run(x, NNT_ENTRY_step);
    for (uint32_t p = 0; p < x->module->n_parameters; p++) {
        const struct nnt_field *q = &x->module->field[x->module->parameter[p].field];

        for (uint64_t e = 0; e < exercise_size(x, q); e++)
            near(exercise_get(x, q, e), exercise_get(&before, q, e) - 0.1 * get(&before, NNT_GRADIENT, q->name, e),
                 1e-13);
    }
    exercise_close(&before);
}

/* The gradient and the step (sgd) of a sum are those of its parts, each with its coefficient. */
static void objectives_add_up(void **state)
{
    static const char *const objective[] = {"boundary", "bulk", "0.5 * boundary + 3 * bulk"};
    static const unsigned network[] = {0, 4, 5};

    (void)state;
    for (unsigned i = 0; i < 3 * 2; i++) {
        struct compiled c[3];
        struct exercise x[3];

        for (unsigned o = 0; o < 3; o++) {
            c[o] = with_objectives(networks[network[i / 2]], objective[o], engines[i % 2]);
            x[o] = exercise_open(c[o].module, BATCH);
            exercise_draw(&x[o], 5);
            x[o].call.number[NNT_BOUNDARY] = 0.5;
            x[o].call.number[NNT_BULK] = 3;
            exercise_run(&x[o], NNT_ENTRY_gradient);
            exercise_run(&x[o], NNT_ENTRY_loss);
        }
        expect_sum(x);
        expect_sgd(&x[2]);
        /* beside the minimised, a step tells the losses and shows the outputs as the boundary's forward has them */
        for (unsigned o = 1; o < 3; o++) {
            struct exercise step = exercise_open(c[o].module, BATCH);

            exercise_draw(&step, 5);
            exercise_run(&step, NNT_ENTRY_step);
            assert_true(exercise_compare(&step, &x[0], NNT_RESULT, "loss").most < 1e-13);
            assert_true(exercise_compare(&step, &x[0], NNT_STATE, "state.y").most < 1e-13);
            exercise_run(&x[1], NNT_ENTRY_gradient);
            assert_true(exercise_compare(&step, &x[1], NNT_RESULT, "H").most < 1e-13);
            assert_true(exercise_compare(&step, &x[1], NNT_RESULT, "relax").most < 1e-13);
            exercise_close(&step);
        }
        for (unsigned o = 0; o < 3; o++) {
            exercise_close(&x[o]);
            dispose(&c[o]);
        }
    }
}

/* ---- every sample by itself ---- */

static void copy_sample(struct exercise *to, const struct exercise *from, enum nnt_slab slab, uint32_t sample)
{
    for (uint32_t f = 0; f < from->module->n_fields; f++) {
        const struct nnt_field *field = &from->module->field[f];
        uint64_t size = exercise_size(to, field);

        if (field->slab != slab) continue;
        for (uint64_t e = 0; e < size; e++)
            exercise_set(to, field, e, exercise_get(from, field, (field->per_sample ? sample * size : 0) + e));
    }
}

static void expect_sample(const struct exercise *all, uint32_t sample, const struct exercise *one)
{
    const struct nnt_module *m = all->module;

    assert_true(result(all, m->H, sample) == result(one, m->H, 0));
    assert_true(result(all, m->relax_steps, sample) == result(one, m->relax_steps, 0));
    for (uint32_t g = 0; g < m->n_groups; g++) {
        const struct nnt_field *x = &m->field[m->group[g].state];

        for (uint64_t e = 0; e < x->extent[0]; e++)
            assert_true(exercise_get(all, x, sample * x->extent[0] + e) == exercise_get(one, x, e));
    }
}

static void a_sample_does_not_see_the_others(void **state)
{
    (void)state;
    for (unsigned i = 0; i < NETWORKS; i++) {
        struct compiled c = compile(networks[i], "interp");
        struct exercise all = exercise_open(c.module, BATCH), one = exercise_open(c.module, 1);
        bool differ = false;

        exercise_draw(&all, 7);
        exercise_set(&all, &c.module->field[c.module->group[0].data], 0, 3);
        exercise_run(&all, NNT_ENTRY_ensemble_forward);
        exercise_run(&all, NNT_ENTRY_relax);
        copy_sample(&one, &all, NNT_PARAMETERS, 0);
        for (uint32_t b = 0; b < BATCH; b++) {
            copy_sample(&one, &all, NNT_DATA, b);
            exercise_run(&one, NNT_ENTRY_ensemble_forward);
            exercise_run(&one, NNT_ENTRY_relax);
            expect_sample(&all, b, &one);
            differ |= result(&all, c.module->relax_steps, b) != result(&all, c.module->relax_steps, 0);
        }
        assert_true(differ == (i + 1 < NETWORKS)); /* the last has nothing to do */
        exercise_close(&all);
        exercise_close(&one);
        dispose(&c);
    }
}

/* ---- steps, failures ---- */

/* The first network with an ensemble block of its own. */
static struct compiled with_relaxation(const char *how, const char *engine, uint32_t real_bytes)
{
    struct text text = {0};

    text_add(&text, LAYERS " activation y = z\n" LOSS "}\nensemble { reference relaxed\n relaxation %s }\n", how);
    struct compiled c = compile_model(checked_model(text.data), engine, real_bytes);
    text_fini(&text);
    return c;
}

/* After one step more H is never higher; the steps are those that were made, and all that was left is told as failed. */
static void H_never_rises_and_steps_are_counted(void **state)
{
    double before[BATCH] = {INFINITY, INFINITY, INFINITY}, taken[BATCH] = {0};

    (void)state;
    for (int most = 1; most < 60; most++) {
        struct text how = {0};

        text_add(&how, "descent(tolerance: 1e-9, most: %d)", most);
        struct compiled c = with_relaxation(how.data, engines[most % 2], 8);
        struct exercise x = exercise_open(c.module, BATCH);

        exercise_draw(&x, 3);
        exercise_run(&x, NNT_ENTRY_ensemble_forward);
        exercise_run(&x, NNT_ENTRY_relax);
        for (uint32_t b = 0; b < BATCH; b++) {
            double H = result(&x, c.module->H, b), steps = result(&x, c.module->relax_steps, b);
            bool failed = result(&x, c.module->relax_failed, b) != 0;

            assert_true(H <= before[b] + 1e-15);
            before[b] = H;
            assert_true(failed ? steps == most && taken[b] == 0 : steps <= most);
            if (!failed && taken[b] == 0) taken[b] = steps;
            if (!failed) assert_true(taken[b] == steps && steps > 5);
        }
        exercise_run(&x, NNT_ENTRY_bulk);
        for (uint32_t e = 0; e < 5 * BATCH; e++)
            if (taken[e / 5] != 0) assert_true(fabs(get(&x, NNT_LINEAR, "gradient_x.h", e)) <= 1.01e-9);
        text_fini(&how);
        exercise_close(&x);
        dispose(&c);
    }
    for (uint32_t b = 0; b < BATCH; b++) assert_true(taken[b] > 0);
}

/* From the minimum there is no step; nor from a saddle, which has no slope either. */
static void no_slope_no_step(void **state)
{
    struct compiled c =
        compile("network n {\n neurons x, h[2]\n input x\n weights x -> h\n activation h = tanh(z)\n"
                " potential h = -0.8 * s^2\n}\nensemble { clamp x\n reference relaxed }\n",
                "interp");
    struct exercise x = exercise_open(c.module, 1);

    (void)state;
    exercise_run(&x, NNT_ENTRY_ensemble_forward); /* all is 0: the top of H */
    exercise_run(&x, NNT_ENTRY_relax);
    assert_true(result(&x, c.module->relax_steps, 0) == 0);
    assert_true(result(&x, c.module->relax_failed, 0) == 0);
    assert_true(get(&x, NNT_STATE, "state.h", 0) == 0);
    exercise_close(&x);
    dispose(&c);
}

/* A sample that is no number fails and leaves the others alone; where H has no minimum, all fail. */
static void failures_are_told(void **state)
{
    (void)state;
    for (unsigned k = 0; k < 2; k++) {
        struct compiled c = with_relaxation("descent(tolerance: 1e-9, most: 500)", engines[k], 8);
        struct exercise good = exercise_open(c.module, BATCH), bad = exercise_open(c.module, BATCH);

        exercise_draw(&good, 3);
        exercise_run(&good, NNT_ENTRY_ensemble_forward);
        exercise_copy(&bad, &good);
        exercise_set(&bad, field_of(&bad, NNT_STATE, "state.h"), 5, NAN);
        exercise_run(&good, NNT_ENTRY_relax);
        exercise_run(&bad, NNT_ENTRY_relax);
        for (uint32_t b = 0; b < BATCH; b++) {
            assert_true(result(&bad, c.module->relax_failed, b) == (b == 1));
            if (b != 1) near(result(&bad, c.module->H, b), result(&good, c.module->H, b), 1e-14);
        }
        assert_true(isnan(result(&bad, c.module->H, 1)));
        assert_true(result(&bad, c.module->relax_steps, 1) == 0);
        exercise_close(&good);
        exercise_close(&bad);
        dispose(&c);
        c = compile("network n {\n neurons x, h[2]\n input x\n weights x -> h\n activation h = tanh(z)\n"
                    " potential h = -0.8 * s^2\n}\nensemble { clamp x\n reference relaxed }\n",
                    engines[k]);
        good = exercise_open(c.module, BATCH);
        exercise_draw(&good, 4);
        exercise_run(&good, NNT_ENTRY_ensemble_forward);
        exercise_run(&good, NNT_ENTRY_relax);
        for (uint32_t b = 0; b < BATCH; b++) assert_true(result(&good, c.module->relax_failed, b) == 1);
        exercise_close(&good);
        dispose(&c);
    }
}

/* ---- how far ---- */

/* y_i = c_i h_i with c from 0.1 to 100: curvatures of H from 1 to 1e4, where steepest descent would take 1e5 steps. */
static void long_valleys_are_walked(void **state)
{
    enum { N = 24, SAMPLES = 16 };
    struct compiled c =
        compile("network n {\n neurons x[3], h[24], y[24]\n input x\n output y\n weights x -> h\n"
                " weights h -> y init zeros\n activation h, y = z\n" LOSS "}\n"
                "ensemble { reference relaxed\n relaxation descent(tolerance: 1e-9, most: 2500) }\n",
                "jit");
    struct exercise x = exercise_open(c.module, SAMPLES);

    (void)state;
    exercise_draw(&x, 11);
    for (uint32_t i = 0; i < N; i++)
        exercise_set(&x, field_of(&x, NNT_PARAMETERS, "weight.h.y"), i * N + i, pow(10, -1 + 3.0 * i / (N - 1)));
    exercise_run(&x, NNT_ENTRY_ensemble_forward);
    exercise_run(&x, NNT_ENTRY_relax);
    expect_relaxed(&x);
    exercise_close(&x);
    dispose(&c);
}

/* The default of 1e-6 and 200 steps is within float32's reach. */
static void float32_reaches_the_default(void **state)
{
    (void)state;
    for (unsigned k = 0; k < 2; k++) {
        struct compiled c =
            compile_model(checked_model("network n {\n neurons x[64], h[48], k[32], y[10]\n input x\n output y\n"
                                        " weights x -> h -> k -> y\n biases h, k, y\n activation h, k = tanh(z)\n"
                                        " activation y = z\n" LOSS "}\nensemble { reference relaxed }\n"),
                          engines[k], 4);
        struct exercise x = exercise_open(c.module, 32);

        for (uint64_t seed = 0; seed < 4; seed++) {
            exercise_draw(&x, seed);
            exercise_run(&x, NNT_ENTRY_ensemble_forward);
            exercise_run(&x, NNT_ENTRY_relax);
            expect_relaxed(&x);
        }
        exercise_close(&x);
        dispose(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_minimum_is_found),
        cmocka_unit_test(the_gradient_is_that_of_the_least_H),
        cmocka_unit_test(objectives_add_up),
        cmocka_unit_test(a_sample_does_not_see_the_others),
        cmocka_unit_test(H_never_rises_and_steps_are_counted),
        cmocka_unit_test(no_slope_no_step),
        cmocka_unit_test(failures_are_told),
        cmocka_unit_test(long_valleys_are_walked),
        cmocka_unit_test(float32_reaches_the_default),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
