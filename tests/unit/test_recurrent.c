/* test_recurrent.c: recurrent networks: gradients of predictions at many ticks by hand, branches that are not taken, and the same bits
 * for the same sample. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "compiler/driver/compile.h"
#include "compiler/driver/exercise.h"
#include "compiler/irgen/irgen.h"
#include "lang/ast.h"
#include "tests/engine/engine.h"

static const char *const engines[] = {"interp", "jit"};

/* ---- a network and its numbers ---- */

struct network {
    struct diag *diag;
    struct arena *arena;
    struct model *model;
    struct nnt_module *module;
    struct exercise x;
};

static struct network network_checked(const char *text)
{
    struct network n = {.diag = diag_new(), .arena = arena_new()};
    struct ast_source *source = parse(n.diag, n.arena, "test.nnt", text, strlen(text));
    n.model = source ? check(n.diag, n.arena, source, NULL, 0) : NULL;
    if (!n.model) {
        diag_print(n.diag, stderr, DIAG_PLAIN);
        fail_msg("does not check:\n%s", text);
    }
    return n;
}

static struct network network_open(const char *text, const char *engine, uint32_t real_bytes, uint32_t batch)
{
    struct network n = network_checked(text);
    n.module = engine_module(n.diag, n.arena, n.model, engine, real_bytes, IRGEN_ALL);
    assert_non_null(n.module);
    n.x = exercise_open(n.module, batch);
    return n;
}

static void network_close(struct network *n)
{
    exercise_close(&n->x);
    engine_release(n->module);
    diag_free(n->diag);
    arena_free(n->arena);
}

static const struct nnt_field *field(const struct network *n, enum nnt_slab slab, const char *name)
{
    const struct nnt_field *f = exercise_field(n->module, slab, name);
    if (!f) fail_msg("no field %s", name);
    return f;
}

static double get(const struct network *n, enum nnt_slab slab, const char *name)
{
    return exercise_get(&n->x, field(n, slab, name), 0);
}

static void set(struct network *n, enum nnt_slab slab, const char *name, uint32_t count, const double values[])
{
    const struct nnt_field *f = field(n, slab, name);
    for (uint32_t e = 0; e < count; e++) exercise_set(&n->x, f, e, values[e]);
}

static void near(double got, double expected, const char *what)
{
    if (!(fabs(got - expected) <= 1e-14 * (1 + fabs(expected))))
        fail_msg("%s is %.17g, expected %.17g", what, got, expected);
}

/* ---- predictions at many ticks read the weights once more ---- */

enum { ROWS = 4 };
static const char predicting[] = "network predicting {\n"
                                 "    neurons x, y\n"
                                 "    input x each tick\n"
                                 "    output y each tick\n"
                                 "    weights x -> y\n"
                                 "    weights y -> y\n"
                                 "    biases y\n"
                                 "    activation y = z\n"
                                 "    dynamics ticks(4)\n"
                                 "    loss boundary = squared_error(prediction(y), target)\n"
                                 "}\n";

/* y(t) = w x(t) + v y(t - 1) + b, p(t) = w x(t) + v y(t) + b, the loss the mean of (p - target)^2 / 2: its slopes by w, v, b. */
static void predictions_by_hand(const double q[3], const double x[ROWS], const double target[ROWS],
                                double *out_loss, double out_slope[3])
{
    double y = 0, dy[3] = {0, 0, 0};
    *out_loss = out_slope[0] = out_slope[1] = out_slope[2] = 0;
    for (int t = 0; t < ROWS; t++) {
        double before[3] = {x[t], y, 1};
        for (int k = 0; k < 3; k++) dy[k] = before[k] + q[1] * dy[k];
        y = q[0] * x[t] + q[1] * y + q[2];
        double r = q[0] * x[t] + q[1] * y + q[2] - target[t], read[3] = {x[t], y, 1};
        *out_loss += r * r / 2 / ROWS;
        for (int k = 0; k < 3; k++) out_slope[k] += r * (read[k] + q[1] * dy[k]) / ROWS;
    }
}

static void rows_of_predictions_have_gradients(void **state)
{
    static const double q[3] = {0.7, -0.4, 0.2}, x[ROWS] = {1, -0.5, 0.25, 2}, target[ROWS] = {0.1, 0.9, -0.3, 0.4};
    static const char *const names[3] = {"weight.x.y", "weight.y.y", "bias.y"};
    double loss, slope[3];
    (void)state;
    predictions_by_hand(q, x, target, &loss, slope);
    for (size_t e = 0; e < LENGTH(engines); e++) {
        struct network n = network_open(predicting, engines[e], 8, 1);
        for (int k = 0; k < 3; k++) set(&n, NNT_PARAMETERS, names[k], 1, &q[k]);
        set(&n, NNT_DATA, "data.x", ROWS, x);
        set(&n, NNT_DATA, "data.y", ROWS, target);
        exercise_run(&n.x, NNT_ENTRY_gradient);
        near(get(&n, NNT_RESULT, "loss"), loss, "the loss");
        for (int k = 0; k < 3; k++)
            near(exercise_get(&n.x, &n.module->field[n.module->parameter[k].gradient], 0), slope[k], names[k]);
        network_close(&n);
    }
}

/* ---- a branch that is not taken adds nothing ---- */

/* Fed by an input below 0 through weights above it, every z of h is at most 0. */
static void write_branching(char out[1024], const char *activation, const char *dynamics, const char *potential)
{
    snprintf(out, 1024,
             "network branching {\n"
             "    neurons x[2], h[5], y[3]\n"
             "    input x\n"
             "    output y\n"
             "    weights x -> h -> y\n"
             "    weights h -> h\n"
             "    weights y -> y hollow\n"
             "    activation h = %s\n"
             "    activation y = tanh(z)\n"
             "    potential h = %s\n"
             "    dynamics %s\n"
             "    loss boundary = squared_error(y, target)\n"
             "}\n",
             activation, potential, dynamics);
}

static void draw_branching(struct network *n)
{
    const struct nnt_module *m = n->module;
    exercise_draw(&n->x, 5);
    for (uint32_t f = 0; f < m->n_fields; f++) {
        const struct nnt_field *it = &m->field[f];
        double sign = !strcmp(it->name, "data.x") || it->slab == NNT_STATE ? -1
                      : it->slab == NNT_PARAMETERS                         ? 0.2
                                                                           : 0;
        for (uint64_t e = 0; sign != 0 && e < exercise_size(&n->x, it); e++)
            exercise_set(&n->x, it, e, sign * fabs(exercise_get(&n->x, it, e)));
    }
}

/* But what is told of the settling, which hangs by the last bit. */
static void assert_same_fields(struct network *got, struct network *expected, const char *engine)
{
    double tolerance = got->module->real_bytes == 8 ? 1e-12 : 1e-5;
    for (uint32_t f = 0; f < got->module->n_fields; f++) {
        const struct nnt_field *a = &got->module->field[f], *b = field(expected, (enum nnt_slab)a->slab, a->name);
        if (a->slab == NNT_WORK || !strcmp(a->name, "settle.contraction") || !strcmp(a->name, "settle.error"))
            continue;
        for (uint64_t e = 0; e < exercise_size(&got->x, a); e++) {
            double x = exercise_get(&got->x, a, e), y = exercise_get(&expected->x, b, e);
            if (!(fabs(x - y) <= tolerance * (1 + fabs(y))))
                fail_msg("%s: %s[%d] is %g, expected %g", engine, a->name, (int)e, x, y);
        }
    }
}

static void untaken_branches_add_nothing(void **state)
{
    static const char *const dynamics[] = {"ticks(5)", "settle(tolerance: 1e-7, most: 300)"};
    static const enum nnt_entry_name order[] = {
        NNT_ENTRY_linearise,        NNT_ENTRY_bulk, NNT_ENTRY_loss, NNT_ENTRY_gradient,
        NNT_ENTRY_ensemble_forward, NNT_ENTRY_step};
    (void)state;
    for (size_t d = 0; d < LENGTH(dynamics); d++)
        for (size_t e = 0; e < 2 * LENGTH(engines); e++) {
            char branching[1024], plain[1024];
            write_branching(branching, "if z > 0 then sqrt(z) * log(z) + 1 / z else 0.5 * z", dynamics[d],
                            "if s > 0 then log(s) / s else s^2");
            write_branching(plain, "0.5 * z", dynamics[d], "s^2");
            uint32_t real_bytes = e < LENGTH(engines) ? 8 : 4;
            struct network a = network_open(branching, engines[e % 2], real_bytes, 3),
                           b = network_open(plain, engines[e % 2], real_bytes, 3);
            draw_branching(&a), draw_branching(&b);
            for (size_t i = 0; i < LENGTH(order); i++) {
                exercise_run(&a.x, order[i]), exercise_run(&b.x, order[i]);
                assert_same_fields(&a, &b, engines[e % 2]);
            }
            network_close(&a), network_close(&b);
        }
}

/* ---- the same bits ---- */

static void write_settling(char out[1024])
{
    snprintf(out, 1024, "%s",
             "network settling {\n"
             "    neurons x[3], h[9], y[6]\n"
             "    input x\n"
             "    output y\n"
             "    weights x -> h -> y\n"
             "    weights h -> h hollow\n"
             "    weights y -> h\n"
             "    biases h, y\n"
             "    activation h = 0.4 * tanh(z)\n"
             "    activation y = softmax(z)\n"
             "    dynamics settle(tolerance: 1e-9, most: 400)\n"
             "    loss boundary = cross_entropy(y, target)\n"
             "}\n"
             "train { optimizer adam(rate: 0.01) }\n");
}

static void training_gives_the_same_bytes(void **state)
{
    char text[1024];
    (void)state;
    write_settling(text);
    for (uint32_t real_bytes = 4; real_bytes <= 8; real_bytes += 4) {
        struct network run[2];
        for (int r = 0; r < 2; r++) {
            run[r] = network_open(text, "jit", real_bytes, 11);
            exercise_draw(&run[r].x, 9);
            for (int step = 1; step <= 30; step++) {
                run[r].x.call.number[NNT_STEP] = step;
                exercise_run(&run[r].x, NNT_ENTRY_step);
            }
        }
        const struct nnt_module *m = run[0].module;
        for (int s = 0; s < NNT_WORK; s++)
            assert_memory_equal(run[0].x.call.slab[s], run[1].x.call.slab[s],
                                (m->size[s] + m->size_per_sample[s] * 11) * real_bytes);
        network_close(&run[0]), network_close(&run[1]);
    }
}

/* By machine code, with the products of BLAS or with our own. */
static struct network settling_open(bool standalone, uint32_t batch)
{
    char text[1024];
    write_settling(text);
    struct network n = network_checked(text);
    struct session session = {.diag = n.diag, .arena = n.arena};
    struct times times = {0};
    struct job job = {.entries = 1u << NNT_ENTRY_loss, .real_bytes = 8, .batch = 32, .standalone = standalone};
    n.module = compile(&session, n.model, &job, &times);
    assert_non_null(n.module);
    n.x = exercise_open(n.module, batch);
    return n;
}

/* Sample `from` of one network as sample `to` of another. */
static void copy_sample(struct network *to, uint32_t b, const struct network *from, uint32_t a)
{
    for (uint32_t f = 0; f < to->module->n_fields; f++) {
        const struct nnt_field *y = &to->module->field[f], *x = &from->module->field[f];
        uint64_t n = exercise_size(&to->x, y);
        if (y->slab == NNT_PARAMETERS)
            for (uint64_t e = 0; e < n; e++) exercise_set(&to->x, y, e, exercise_get(&from->x, x, e));
        if (y->slab != NNT_DATA) continue;
        n /= to->x.call.batch;
        for (uint64_t e = 0; e < n; e++) exercise_set(&to->x, y, b * n + e, exercise_get(&from->x, x, a * n + e));
    }
}

static void assert_same_sample(const struct network *to, uint32_t b, const struct network *from, uint32_t a)
{
    for (uint32_t f = 0; f < to->module->n_fields; f++) {
        const struct nnt_field *y = &to->module->field[f], *x = &from->module->field[f];
        if (!y->per_sample || (y->slab != NNT_STATE && y->slab != NNT_RESULT)) continue;
        uint64_t n = exercise_size(&to->x, y) / to->x.call.batch;
        for (uint64_t e = 0; e < n; e++) {
            double got = exercise_get(&to->x, y, b * n + e), expected = exercise_get(&from->x, x, a * n + e);
            if (memcmp(&got, &expected, sizeof got))
                fail_msg("%s[%d] of sample %u of %u is %a, of %u of %u %a", y->name, (int)e, b, to->x.call.batch,
                         got, a, from->x.call.batch, expected);
        }
    }
}

/* Among others; and where the batch has another size, but for the products of BLAS, which may then round another way. */
static void a_sample_does_not_see_the_others(void **state)
{
    (void)state;
    for (int standalone = 0; standalone < 2; standalone++) {
        struct network all = settling_open(standalone, 13);
        exercise_draw(&all.x, 3);
        exercise_run(&all.x, NNT_ENTRY_loss);
        for (uint32_t batch = standalone ? 1 : 13; batch <= 13; batch += 4) {
            struct network other = settling_open(standalone, batch);
            exercise_draw(&other.x, 4);
            uint32_t at = batch / 2;
            copy_sample(&other, at, &all, standalone ? 7 : at);
            exercise_run(&other.x, NNT_ENTRY_loss);
            assert_same_sample(&other, at, &all, standalone ? 7 : at);
            network_close(&other);
        }
        double ticks[2] = {INFINITY, 0};
        for (uint32_t b = 0; b < 13; b++) {
            double used = exercise_get(&all.x, &all.module->field[all.module->settle_ticks], b);
            ticks[0] = fmin(ticks[0], used), ticks[1] = fmax(ticks[1], used);
        }
        assert_true(ticks[0] < ticks[1]); /* each stops on its own */
        network_close(&all);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_of_predictions_have_gradients), cmocka_unit_test(untaken_branches_add_nothing),
        cmocka_unit_test(training_gives_the_same_bytes), cmocka_unit_test(a_sample_does_not_see_the_others)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
