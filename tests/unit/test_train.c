/* test_train.c: the loop against a plain computation of the same steps; evaluation; when measurements are due. */
#include "runtime/train/train.h"

#include "runtime/base/arena.h"
#include "tests/module/linear.h"
#include "tests/module/linear_data.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static void assert_close(double found, double expected, double tolerance)
{
    if (fabs(found - expected) <= tolerance * (1 + fabs(expected))) return;
    print_error("found %.17g, expected %.17g\n", found, expected);
    fail();
}

static double reading(const struct moment *moment, const char *key)
{
    for (uint32_t i = 0; i < moment->n; i++)
        if (strcmp(moment->reading[i].key, key) == 0) return moment->reading[i].value;
    return NAN;
}

/* What a test needs; rate = 0.2 - 0.1 progress. */
struct setup {
    struct arena *arena;
    struct expr_pool pool;
    struct diag *diag;
    struct data *data;
    struct train_options options;
};

static struct setup set_up(uint32_t real_bytes)
{
    struct setup s = {.arena = arena_new(), .diag = diag_new(), .data = new_linear_data(real_bytes)};
    expr_pool_init(&s.pool, s.arena);
    const struct expr *progress = expr_variable(&s.pool, VAR_PROGRESS, 0, 0);
    const struct expr *slope = expr_apply(&s.pool, PRIMITIVE_mul, expr_number(&s.pool, -0.1), progress, NULL);
    s.options =
        (struct train_options){.rate = expr_apply(&s.pool, PRIMITIVE_add, expr_number(&s.pool, 0.2), slope, NULL),
                               .batch = 5,
                               .epochs = 3,
                               .shuffle = true,
                               .seed = 11};
    return s;
}

static void tear_down(struct setup *s)
{
    free_linear_data(s->data);
    diag_free(s->diag);
    arena_free(s->arena);
}

/* One step of sgd with momentum 0.5 on the mean of 1/2 |W x + b - y|^2 over the samples; returns their summed loss.
 */
static double plain_step(const struct split *split, const uint32_t *which, uint32_t n, double rate, double q[],
                         double v[])
{
    const double *x = split->value[0], *y = split->value[1];
    double gradient[LINEAR_P] = {0}, loss = 0;
    for (uint32_t s = 0; s < n; s++)
        for (uint32_t i = 0; i < LINEAR_Y; i++) {
            double error = q[LINEAR_X * LINEAR_Y + i] - y[which[s] * LINEAR_Y + i];
            for (uint32_t j = 0; j < LINEAR_X; j++) error += q[i * LINEAR_X + j] * x[which[s] * LINEAR_X + j];
            for (uint32_t j = 0; j < LINEAR_X; j++)
                gradient[i * LINEAR_X + j] += error * x[which[s] * LINEAR_X + j] / n;
            gradient[LINEAR_X * LINEAR_Y + i] += error / n;
            loss += error * error / 2;
        }
    for (uint32_t k = 0; k < LINEAR_P; k++) {
        v[k] = 0.5 * v[k] + gradient[k];
        q[k] -= rate * v[k];
    }
    return loss;
}

/* 23 samples in batches of 5: five steps an epoch, the last of 3 samples. */
static void steps_are_the_plain_ones(void **state)
{
    struct setup s = set_up(8);
    struct trainer *trainer = trainer_new(s.diag, &linear_f64, s.data, &s.options);
    double q[LINEAR_P], v[LINEAR_P] = {0}, loss = 0;
    uint32_t order[LINEAR_SAMPLES];
    (void)state;
    assert_non_null(trainer);
    assert_int_equal(trainer_state(trainer).steps_per_epoch, 5);
    assert_int_equal(trainer_state(trainer).steps, 15);
    memcpy(q, trainer_parameters(trainer), sizeof q);
    for (uint32_t k = 0; k < 15; k++) {
        uint32_t first = k % 5 * 5, n = LINEAR_SAMPLES - first < 5 ? LINEAR_SAMPLES - first : 5;
        data_order(LINEAR_SAMPLES, true, 11, k / 5, order);
        loss += plain_step(&s.data->train, order + first, n, 0.2 - 0.1 * (k / 15.0), q, v);
        assert_true(trainer_step(trainer));
        const double *found = trainer_parameters(trainer);
        for (uint32_t p = 0; p < LINEAR_P; p++) assert_close(found[p], q[p], 1e-14);
    }
    struct train_state at = trainer_state(trainer);
    assert_int_equal(at.step, 15);
    assert_int_equal(at.epoch, 3);
    assert_int_equal(at.samples, 3 * LINEAR_SAMPLES);
    assert_close(at.loss, loss / (3 * LINEAR_SAMPLES), 1e-14);
    struct moment moment = {0};
    trainer_running(trainer, 1u << MEASURE_loss | 1u << MEASURE_rmse, &moment);
    assert_close(reading(&moment, "loss.boundary"), at.loss, 1e-15);
    assert_close(reading(&moment, "rmse"), sqrt(2 * at.loss / LINEAR_Y), 1e-14);
    trainer_clear_loss(trainer);
    assert_int_equal(trainer_state(trainer).samples, 0);
    trainer_free(trainer);
    tear_down(&s);
}

static void float32_steps_follow(void **state)
{
    struct setup s = set_up(4), wide = set_up(8);
    struct trainer *narrow = trainer_new(s.diag, &linear_f32, s.data, &s.options);
    struct trainer *exact = trainer_new(wide.diag, &linear_f64, wide.data, &wide.options);
    (void)state;
    for (uint32_t k = 0; k < 15; k++) assert_true(trainer_step(narrow) && trainer_step(exact));
    for (uint32_t p = 0; p < LINEAR_P; p++)
        assert_close(((float *)trainer_parameters(narrow))[p], ((double *)trainer_parameters(exact))[p], 1e-5);
    trainer_free(narrow);
    trainer_free(exact);
    tear_down(&s);
    tear_down(&wide);
}

static void options_decide_the_steps(void **state)
{
    struct setup s = set_up(8);
    (void)state;
    s.options.batch = 0;
    struct trainer *trainer = trainer_new(s.diag, &linear_f64, s.data, &s.options);
    assert_int_equal(trainer_state(trainer).steps, 3);
    trainer_free(trainer);
    s.options.batch = 1000;
    s.options.steps = 7;
    trainer = trainer_new(s.diag, &linear_f64, s.data, &s.options);
    assert_int_equal(trainer_state(trainer).steps_per_epoch, 1);
    assert_int_equal(trainer_state(trainer).steps, 7);
    trainer_free(trainer);
    s.options.steps = 0;
    s.options.batch = 1;
    s.options.epochs = UINT64_MAX / 2;
    assert_null(trainer_new(s.diag, &linear_f64, s.data, &s.options));
    assert_int_equal(diag_status(s.diag), 1);
    tear_down(&s);
}

/* A rate that makes the weights grow until the loss overflows: the trainer keeps those of the step before. */
static void divergence_keeps_the_weights(void **state)
{
    struct setup s = set_up(8);
    s.options.rate = expr_number(&s.pool, 1e3);
    s.options.epochs = 1000;
    struct trainer *trainer = trainer_new(s.diag, &linear_f64, s.data, &s.options);
    double before[LINEAR_P];
    uint64_t step = 0;
    (void)state;
    do {
        memcpy(before, trainer_parameters(trainer), sizeof before);
        step = trainer_state(trainer).step;
    } while (trainer_step(trainer));
    assert_true(step > 10);
    assert_int_equal(trainer_state(trainer).step, step);
    assert_memory_equal(trainer_parameters(trainer), before, sizeof before);
    trainer_free(trainer);
    tear_down(&s);
}

static void assert_says(struct diag *diag, const char *words)
{
    char text[4096] = "";
    FILE *file = fmemopen(text, sizeof text, "w");
    diag_print(diag, file, DIAG_PLAIN);
    fclose(file);
    if (strstr(text, words)) return;
    print_error("expected '%s' in: %s\n", words, text);
    fail();
}

/* In float32 one step can make weights that are not finite out of a finite loss: the trainer goes back before it. */
static void the_last_finite_weights_are_kept(void **state)
{
    struct setup s = set_up(4);
    s.options.rate = expr_number(&s.pool, 1e20);
    s.options.epochs = 1000;
    struct trainer *trainer = trainer_new(s.diag, &linear_f32, s.data, &s.options);
    (void)state;
    while (trainer_step(trainer));
    const float *q = trainer_parameters(trainer);
    for (uint32_t k = 0; k < LINEAR_P; k++) assert_true(isfinite(q[k]));
    assert_true(trainer_check(trainer));
    trainer_tell(trainer, s.diag);
    assert_says(s.diag,
                "of the training data [diverged]\n      = the weights grew without bound: try a rate smaller than "
                "1e+20, or clip");
    ((float *)trainer_parameters(trainer))[2] = NAN;
    assert_false(trainer_check(trainer));
    for (uint32_t k = 0; k < LINEAR_P; k++) assert_true(isfinite(q[k]));
    trainer_tell(trainer, s.diag);
    assert_says(s.diag, "the weights are no longer finite at step");
    trainer_free(trainer);
    tear_down(&s);
}

static void a_rate_that_explodes_is_told(void **state)
{
    struct setup s = set_up(4);
    s.options.rate = expr_number(&s.pool, 1e39);
    struct trainer *trainer = trainer_new(s.diag, &linear_f32, s.data, &s.options);
    (void)state;
    assert_false(trainer_step(trainer));
    assert_int_equal(trainer_state(trainer).step, 0);
    trainer_tell(trainer, s.diag);
    assert_says(s.diag, "the rate is 1e+39, beyond float32, at step 1, in epoch 1 [diverged]");
    trainer_free(trainer);
    tear_down(&s);
}

/* ---- on the bulk ---- */

/* The linear module with y held at its data: nothing is free, and H is what the boundary loss was. Its coefficient scales
 * the rate; the first sample of each step is said not to have relaxed, in the field that H had. */
static int32_t bulk_step(const void *self, const struct nnt_call *call)
{
    const struct nnt_field *failed = &linear_f64.field[linear_f64.H];
    struct nnt_call inner = *call;
    inner.number[NNT_RATE] *= call->number[NNT_BULK];
    for (uint32_t b = 0; b < call->batch; b++)
        ((double *)call->slab[NNT_RESULT])[failed->offset_per_sample * call->batch + b] = b == 0;
    return linear_f64.entry[NNT_ENTRY_step](self, &inner);
}

static struct nnt_module bulk_module(uint32_t objective)
{
    struct nnt_module module = linear_f64;
    module.objective = objective;
    module.H = linear_f64.loss;
    module.loss = objective == NNT_ON_BULK ? NNT_NONE : linear_f64.loss;
    module.relax_failed = linear_f64.H;
    module.entry[NNT_ENTRY_step] = bulk_step;
    return module;
}

static void bulk_training_follows_H(void **state)
{
    struct setup s = set_up(8), plain = set_up(8);
    const struct nnt_module module = bulk_module(NNT_ON_BULK);
    s.options.bulk = expr_number(&s.pool, 0.5);
    plain.options.rate =
        expr_apply(&plain.pool, PRIMITIVE_mul, expr_number(&plain.pool, 0.5), plain.options.rate, NULL);
    struct trainer *trainer = trainer_new(s.diag, &module, s.data, &s.options);
    struct trainer *boundary = trainer_new(plain.diag, &linear_f64, plain.data, &plain.options);
    struct moment moment = {0}, later = {0};
    (void)state;
    for (uint32_t k = 0; k < 10; k++) assert_true(trainer_step(trainer) && trainer_step(boundary));
    const double *found = trainer_parameters(trainer), *expected = trainer_parameters(boundary);
    for (uint32_t p = 0; p < LINEAR_P; p++) assert_close(found[p], expected[p], 1e-14);
    assert_close(trainer_state(trainer).loss, trainer_state(boundary).loss, 1e-14);
    assert_int_equal(trainer_state(trainer).samples, 2 * LINEAR_SAMPLES);
    trainer_running(trainer, 1u << MEASURE_loss | 1u << MEASURE_rmse, &moment);
    assert_int_equal(moment.n, 2);
    assert_close(reading(&moment, "loss.bulk"), trainer_state(boundary).loss, 1e-14);
    assert_true(reading(&moment, "relaxation.unconverged") == 10);
    trainer_clear_loss(trainer);
    for (uint32_t k = 0; k < 5; k++) assert_true(trainer_step(trainer));
    trainer_running(trainer, 0, &later);
    assert_true(reading(&later, "relaxation.unconverged") == 5);
    struct convergence all = trainer_convergence(trainer);
    assert_int_equal(all.unrelaxed, 15);
    assert_int_equal(all.relaxing, 3 * LINEAR_SAMPLES);
    convergence_warn(&all, s.diag, (struct span){0}, &(struct ensemble_spec){0}, "in training");
    assert_says(s.diag, "15 of 69 samples in training did not relax");
    trainer_free(trainer);
    trainer_free(boundary);
    tear_down(&s);
    tear_down(&plain);
}

static void both_losses_are_told(void **state)
{
    struct setup s = set_up(8);
    const struct nnt_module module = bulk_module(NNT_ON_BOTH);
    struct trainer *trainer = trainer_new(s.diag, &module, s.data, &s.options);
    struct moment moment = {0};
    (void)state;
    for (uint32_t k = 0; k < 5; k++) assert_true(trainer_step(trainer));
    trainer_running(trainer, 1u << MEASURE_loss, &moment);
    assert_int_equal(moment.n, 3);
    assert_true(reading(&moment, "loss.boundary") == reading(&moment, "loss.bulk"));
    trainer_free(trainer);
    s.options.rate = expr_number(&s.pool, 1e200);
    trainer = trainer_new(s.diag, &module, s.data, &s.options);
    while (trainer_step(trainer));
    trainer_tell(trainer, s.diag);
    assert_says(s.diag, "the boundary loss is ");
    trainer_free(trainer);
    const struct nnt_module alone = bulk_module(NNT_ON_BULK);
    trainer = trainer_new(s.diag, &alone, s.data, &s.options);
    while (trainer_step(trainer));
    trainer_tell(trainer, s.diag);
    assert_says(s.diag, "the bulk loss is ");
    trainer_free(trainer);
    tear_down(&s);
}

/* H of a split: at the forward state the local error is 0 where y is free, so that data in its place must be seen. */
static int32_t forward_to_data(const void *self, const struct nnt_call *call)
{
    (void)self;
    memcpy(call->slab[NNT_STATE], call->slab[NNT_DATA], sizeof(double) * (LINEAR_X + LINEAR_Y) * call->batch);
    return 0;
}

static void bulk_loss_of_a_split(void **state)
{
    struct setup s = set_up(8);
    const double q[LINEAR_P] = {1, 0, 0, 0, 1, 0, 0.5, -0.5};
    struct nnt_module module = linear_f64;
    struct moment moment = {0};
    (void)state;
    module.objective = NNT_ON_BOTH;
    module.entry[NNT_ENTRY_ensemble_forward] = forward_to_data;
    struct evaluator *evaluator = evaluator_new(s.diag, &module, s.data, 4);
    assert_true(evaluate(evaluator, &s.data->test, NULL, 0, q, 1u << MEASURE_loss, &moment));
    assert_int_equal(moment.n, 2);
    assert_true(reading(&moment, "loss.bulk") > 0.1);
    assert_close(reading(&moment, "loss.bulk"), reading(&moment, "loss.boundary"), 1e-14);
    evaluator_free(evaluator);
    tear_down(&s);
}

/* ---- evaluation ---- */

static void losses_of_a_split(void **state)
{
    struct setup s = set_up(8);
    double q[LINEAR_P] = {1, 0, 0, 0, 1, 0, 0.5, -0.5}, scale[] = {3, 0.5}, loss = 0, squares = 0;
    const uint32_t only[] = {8, 2, 2, 0};
    const double *x = s.data->test.value[0], *y = s.data->test.value[1];
    struct evaluator *evaluator = evaluator_new(s.diag, &linear_f64, s.data, 2);
    struct moment all = {0}, some = {0};
    (void)state;
    s.data->scale[1] = scale;
    for (uint32_t k = 0; k < 4; k++)
        for (uint32_t i = 0; i < LINEAR_Y; i++) {
            double error = x[only[k] * LINEAR_X + i] + q[6 + i] - y[only[k] * LINEAR_Y + i];
            loss += error * error / 2 / 4;
            squares += error * error * scale[i] * scale[i];
        }
    assert_true(evaluate(evaluator, &s.data->test, only, 4, q, 1u << MEASURE_loss | 1u << MEASURE_rmse, &some));
    assert_int_equal(some.n, 2);
    assert_close(reading(&some, "loss.boundary"), loss, 1e-14);
    assert_close(reading(&some, "rmse"), sqrt(squares / 8), 1e-14);
    assert_true(evaluate(evaluator, &s.data->test, NULL, 0, q, 1u << MEASURE_loss, &all));
    assert_int_equal(all.n, 1);
    s.data->scale[1] = NULL;
    q[0] = INFINITY;
    assert_false(evaluate(evaluator, &s.data->test, NULL, 0, q, 1u << MEASURE_loss, &all));
    assert_int_equal(diag_status(s.diag), 1);
    evaluator_free(evaluator);
    tear_down(&s);
}

/* Weights 0, so that y = b for every sample. */
static double accuracy_of(struct setup *s, double b0, double b1)
{
    const double q[LINEAR_P] = {0, 0, 0, 0, 0, 0, b0, b1};
    struct evaluator *evaluator = evaluator_new(s->diag, &linear_f64, s->data, 4);
    struct moment moment = {0};
    assert_true(evaluate(evaluator, &s->data->test, NULL, 0, q, 1u << MEASURE_accuracy, &moment));
    evaluator_free(evaluator);
    return reading(&moment, "accuracy");
}

static void accuracy_by_kind_of_target(void **state)
{
    struct setup s = set_up(8);
    double *y = s.data->test.value[1], q[LINEAR_P] = {0};
    struct moment moment = {0};
    struct evaluator *evaluator = evaluator_new(s.diag, &linear_f64, s.data, 4);
    (void)state;
    assert_false(evaluate(evaluator, &s.data->test, NULL, 0, q, 1u << MEASURE_accuracy, &moment));
    assert_int_equal(diag_status(s.diag), 1);
    evaluator_free(evaluator);
    /* One-hot labels: class 1 in samples 0, 3, 6. */
    s.data->target[1] = TARGET_LABEL;
    s.data->classes[1] = 2;
    for (uint32_t k = 0; k < LINEAR_TEST; k++) {
        y[2 * k] = k % 3 != 0;
        y[2 * k + 1] = k % 3 == 0;
    }
    assert_close(accuracy_of(&s, -1, -2), 6 / 9.0, 1e-15);
    assert_close(accuracy_of(&s, -2, -1), 3 / 9.0, 1e-15);
    /* Two values, -1 and 3: neurons on the right side of 1. */
    s.data->target[1] = TARGET_TWO_VALUES;
    s.data->low[1] = -1;
    s.data->high[1] = 3;
    for (uint32_t k = 0; k < 2 * LINEAR_TEST; k++) y[k] = k % 2 ? 3 : -1;
    assert_close(accuracy_of(&s, 0.9, 1.1), 1, 1e-15);
    assert_close(accuracy_of(&s, 1.1, 1.1), 0.5, 1e-15);
    tear_down(&s);
}

/* ---- when ---- */

static void due_steps_from(double from, enum when when, uint64_t every, uint64_t steps, uint64_t steps_per_epoch,
                           const char *expected)
{
    struct measure_spec spec = {.when = when, .every = every, .from = from};
    char found[512] = "";
    for (uint64_t step = 0; step <= steps; step++)
        if (measure_due(&spec, step, steps, steps_per_epoch))
            snprintf(found + strlen(found), sizeof found - strlen(found), "%s%llu", *found ? " " : "",
                     (unsigned long long)step);
    assert_string_equal(found, expected);
}

static void due_steps(enum when when, uint64_t every, uint64_t steps, uint64_t steps_per_epoch,
                      const char *expected)
{
    due_steps_from(0, when, every, steps, steps_per_epoch, expected);
}

static void measurements_are_due(void **state)
{
    (void)state;
    due_steps(WHEN_EPOCHS, 2, 25, 5, "0 10 20 25");
    due_steps(WHEN_STEPS, 4, 10, 5, "0 4 8 10");
    due_steps(WHEN_TIMES, 5, 20, 5, "0 5 10 15 20");
    due_steps(WHEN_TIMES, 4, 10, 5, "0 3 7 10");
    due_steps(WHEN_TIMES, 1, 10, 5, "0 10");
    due_steps(WHEN_TIMES, 50, 4, 5, "0 1 2 3 4");
    due_steps(WHEN_LOGARITHMIC, 6, 10000, 5, "0 1 10 100 1000 10000");
    due_steps(WHEN_LOGARITHMIC, 8, 64, 5, "0 1 2 4 8 16 32 64");
    due_steps(WHEN_LOGARITHMIC, 40, 8, 5, "0 1 2 3 4 5 6 7 8");
    due_steps(WHEN_LOGARITHMIC, 2, 8, 5, "0 8");
    due_steps(WHEN_END, 0, 8, 5, "8");
    due_steps(WHEN_STEPS, 1, 0, 5, "0");
}

static void measurements_begin_later(void **state)
{
    (void)state;
    due_steps_from(0.3, WHEN_STEPS, 4, 10, 5, "3 4 8 10");
    due_steps_from(0.5, WHEN_EPOCHS, 1, 25, 5, "13 15 20 25");
    due_steps_from(0.5, WHEN_TIMES, 3, 20, 5, "10 15 20");
    due_steps_from(0.99, WHEN_TIMES, 4, 10, 5, "10");
    due_steps_from(0.5, WHEN_LOGARITHMIC, 5, 2000, 5, "1000 1001 1010 1100 2000");
    due_steps_from(0.1, WHEN_TIMES, 2, 30, 5, "3 30");
    due_steps_from(0.5, WHEN_STEPS, 1, 0, 5, "0");
}

/* The due steps that a table of `most` rows shows. */
static void shown_steps(enum when when, uint64_t every, uint64_t steps, uint64_t steps_per_epoch, uint64_t most,
                        const char *expected)
{
    struct measure_spec spec = {.when = when, .every = every};
    char found[512] = "";
    for (uint64_t step = 0; step <= steps; step++)
        if (measure_due(&spec, step, steps, steps_per_epoch) &&
            measure_shown(&spec, step, steps, steps_per_epoch, most))
            snprintf(found + strlen(found), sizeof found - strlen(found), "%s%llu", *found ? " " : "",
                     (unsigned long long)step);
    assert_string_equal(found, expected);
}

/* At most so many, more than a fifth as many, and all where there are no more. */
static void shown_share(enum when when, uint64_t every, uint64_t steps, uint64_t most)
{
    struct measure_spec spec = {.when = when, .every = every};
    uint64_t due = 0, shown = 0;
    for (uint64_t step = 0; step <= steps; step++) {
        if (!measure_due(&spec, step, steps, 3)) continue;
        due++;
        shown += measure_shown(&spec, step, steps, 3, most);
    }
    assert_true(shown <= most);
    assert_true(due <= most ? shown == due : 5 * shown >= most);
    assert_true(measure_shown(&spec, 0, steps, 3, most) && measure_shown(&spec, steps, steps, 3, most));
}

static void long_tables_are_thinned(void **state)
{
    (void)state;
    shown_steps(WHEN_EPOCHS, 2, 100, 5, 6, "0 50 100");
    shown_steps(WHEN_EPOCHS, 2, 105, 5, 6, "0 50 100 105");
    shown_steps(WHEN_STEPS, 1, 2000, 1, 6, "0 500 1000 1500 2000");
    shown_steps(WHEN_STEPS, 4, 10, 5, 4, "0 4 8 10");
    shown_steps(WHEN_STEPS, 4, 10, 5, 3, "0 8 10");
    shown_steps(WHEN_TIMES, 9, 80, 5, 5, "0 50 80");
    shown_steps(WHEN_LOGARITHMIC, 8, 64, 5, 5, "0 2 8 32 64");
    shown_steps(WHEN_END, 0, 8, 5, 2, "8");
    for (uint64_t steps = 1; steps < 300; steps += 7)
        for (uint64_t most = 3; most < 50; most += 6)
            for (uint64_t every = 1; every < 120; every += 3) {
                shown_share(WHEN_EPOCHS, every, steps, most);
                shown_share(WHEN_STEPS, every, steps, most);
                shown_share(WHEN_TIMES, every, steps, most);
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_are_the_plain_ones),
        cmocka_unit_test(float32_steps_follow),
        cmocka_unit_test(options_decide_the_steps),
        cmocka_unit_test(divergence_keeps_the_weights),
        cmocka_unit_test(losses_of_a_split),
        cmocka_unit_test(accuracy_by_kind_of_target),
        cmocka_unit_test(measurements_are_due),
        cmocka_unit_test(measurements_begin_later),
        cmocka_unit_test(long_tables_are_thinned),
        cmocka_unit_test(the_last_finite_weights_are_kept),
        cmocka_unit_test(a_rate_that_explodes_is_told),
        cmocka_unit_test(bulk_training_follows_H),
        cmocka_unit_test(both_losses_are_told),
        cmocka_unit_test(bulk_loss_of_a_split),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
