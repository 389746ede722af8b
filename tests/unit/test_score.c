/* test_score.c: losses, accuracy and rmse of several outputs, summed over calls, against numbers by hand. */
#include "runtime/train/score.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

enum { DATA_A, DATA_B, DATA_C, STATE_A, STATE_B, STATE_C, LOSS, LOSS_A, LOSS_B, FIELDS };
static const struct nnt_field fields[FIELDS] = {
    [DATA_A] = {"data.a", NNT_DATA, 1, 1, {1}, 0, 0},    [DATA_B] = {"data.b", NNT_DATA, 1, 1, {3}, 0, 1},
    [DATA_C] = {"data.c", NNT_DATA, 1, 1, {1}, 0, 4},    [STATE_A] = {"state.a", NNT_STATE, 1, 1, {1}, 0, 0},
    [STATE_B] = {"state.b", NNT_STATE, 1, 1, {3}, 0, 1}, [STATE_C] = {"state.c", NNT_STATE, 1, 1, {1}, 0, 4},
    [LOSS] = {"loss", NNT_RESULT, 1, 0, {0}, 0, 0},      [LOSS_A] = {"loss.a", NNT_RESULT, 1, 0, {0}, 0, 1},
    [LOSS_B] = {"loss.b", NNT_RESULT, 1, 0, {0}, 0, 2},
};
/* Codes 0 … 4 in one neuron, one of three, a number. */
static const struct nnt_group groups[] = {
    {.name = "a", .size = 1, .flags = NNT_OUTPUT, .data = DATA_A, .state = STATE_A, .loss = LOSS_A},
    {.name = "b", .size = 3, .flags = NNT_OUTPUT, .data = DATA_B, .state = STATE_B, .loss = LOSS_B},
    {.name = "c", .size = 1, .flags = NNT_OUTPUT, .data = DATA_C, .state = STATE_C, .loss = NNT_NONE},
};
static const struct nnt_module module = {.real_bytes = 4,
                                         .field = fields,
                                         .group = groups,
                                         .n_fields = FIELDS,
                                         .n_groups = 3,
                                         .loss = LOSS,
                                         .settle_failed = NNT_NONE,
                                         .relax_failed = NNT_NONE};

static struct data_group data_groups[] = {
    {.name = "a", .size = 1}, {.name = "b", .size = 3}, {.name = "c", .size = 1}};
static uint8_t kinds[] = {TARGET_LABEL, TARGET_LABEL, TARGET_NUMBER};
static double low[3], high[] = {4, 1, 0}, c_scale[] = {10};
static double *scale[] = {NULL, NULL, c_scale};
static uint32_t classes[] = {5, 3, 0};

static double reading(const struct moment *moment, const char *key)
{
    for (uint32_t i = 0; i < moment->n; i++)
        if (strcmp(moment->reading[i].key, key) == 0) return moment->reading[i].value;
    return NAN;
}

static void several_outputs(void **state)
{
    const struct data data = {.real_bytes = 4,
                              .n_groups = 3,
                              .group = data_groups,
                              .target = kinds,
                              .low = low,
                              .high = high,
                              .classes = classes,
                              .scale = scale};
    /* Two samples: a, then b, then c, as the fields stand for a batch of 2. */
    float target[] = {4, 2, 0, 0, 1, 1, 0, 0, 0.5f, 0}, y[] = {5.7f, 2.6f, 0.1f, 0.2f, 0.3f, 3, 2, 1, 0.5f, 0.1f};
    float result[] = {3, 5, 1, 2, 0.5f, 0.25f};
    struct nnt_call call = {.batch = 2};
    struct diag *diag = diag_new();
    struct moment moment = {0};
    struct score score;
    struct not_finite found;
    (void)state;
    call.slab[NNT_DATA] = target;
    call.slab[NNT_STATE] = y;
    call.slab[NNT_RESULT] = result;
    assert_true(score_init(diag, &module, &data, &score));
    assert_true(score_add_boundary(&score, &call, &found));
    assert_true(score_add_boundary(&score, &call, &found));
    assert_int_equal(score.samples, 4);
    score_report(&score, 1u << MEASURE_loss | 1u << MEASURE_accuracy | 1u << MEASURE_rmse, &moment);
    assert_true(reading(&moment, "loss.boundary") == 4);
    assert_true(reading(&moment, "loss.boundary.a") == 1.5);
    assert_true(reading(&moment, "loss.boundary.b") == 0.375);
    assert_true(isnan(reading(&moment, "loss.boundary.c")));
    /* a: 5.7 is nearest to 4, right; 2.6 is nearest to 3, wrong. b: both right. c: a number. */
    assert_true(reading(&moment, "accuracy.a") == 0.5);
    assert_true(reading(&moment, "accuracy.b") == 1);
    assert_true(isnan(reading(&moment, "accuracy.c")));
    assert_true(reading(&moment, "accuracy") == 0.75);
    double squares = 1.7 * 1.7 + 0.6 * 0.6 + (0.01 + 0.04 + 0.49) + (4 + 4 + 1) + 1;
    assert_true(fabs(reading(&moment, "rmse") - sqrt(squares / 10)) < 1e-6);
    score_clear(&score);
    moment.n = 0;
    score_report(&score, 1u << MEASURE_loss, &moment);
    assert_int_equal(moment.n, 0);
    result[1] = NAN;
    assert_false(score_add_boundary(&score, &call, &found));
    assert_int_equal(score.samples, 0);
    assert_string_equal(found.what, "boundary loss");
    assert_int_equal(found.sample, 1);
    assert_true(isnan(found.value));
    score_fini(&score);
    diag_free(diag);
}

/* An output of two neurons at three updates, and H beside it. */
enum { DATA_Y, STATE_Y, SEEN_Y, LOSS_OF_ALL, H, TICKS, CONTRACTION, ERROR, UNSETTLED, STEPS, UNRELAXED, FIELDS_Y };
static const struct nnt_field sequence_fields[FIELDS_Y] = {
    [DATA_Y] = {"data.y", NNT_DATA, 1, 2, {3, 2}, 0, 0},
    [STATE_Y] = {"state.y", NNT_STATE, 1, 1, {2}, 0, 0},
    [SEEN_Y] = {"seen.y", NNT_STATE, 1, 2, {3, 2}, 0, 2},
    [LOSS_OF_ALL] = {"loss", NNT_RESULT, 1, 0, {0}, 0, 0},
    [H] = {"H", NNT_RESULT, 1, 0, {0}, 0, 1},
    [TICKS] = {"settle.ticks", NNT_RESULT, 1, 0, {0}, 0, 2},
    [CONTRACTION] = {"settle.contraction", NNT_RESULT, 1, 0, {0}, 0, 3},
    [ERROR] = {"settle.error", NNT_RESULT, 1, 0, {0}, 0, 4},
    [UNSETTLED] = {"settle.failed", NNT_RESULT, 1, 0, {0}, 0, 5},
    [STEPS] = {"relax.steps", NNT_RESULT, 1, 0, {0}, 0, 6},
    [UNRELAXED] = {"relax.failed", NNT_RESULT, 1, 0, {0}, 0, 7},
};
static const struct nnt_group sequence_groups[] = {{.name = "y",
                                                    .size = 2,
                                                    .rows = 3,
                                                    .first_tick = 1,
                                                    .flags = NNT_OUTPUT,
                                                    .data = DATA_Y,
                                                    .state = STATE_Y,
                                                    .seen = SEEN_Y,
                                                    .loss = NNT_NONE}};
static const struct nnt_module sequence_module = {.real_bytes = 8,
                                                  .field = sequence_fields,
                                                  .group = sequence_groups,
                                                  .n_fields = FIELDS_Y,
                                                  .n_groups = 1,
                                                  .loss = LOSS_OF_ALL,
                                                  .H = H,
                                                  .settle_ticks = TICKS,
                                                  .settle_contraction = CONTRACTION,
                                                  .settle_error = ERROR,
                                                  .settle_failed = UNSETTLED,
                                                  .relax_steps = STEPS,
                                                  .relax_failed = UNRELAXED};
static struct data_group sequence_data[] = {{.name = "y", .size = 2, .rows = 3}};

/* Every row of a sequence is an answer; what the last state says beside them does not count. */
static void a_sequence_and_the_bulk(void **state)
{
    const struct data data = {.real_bytes = 8,
                              .n_groups = 1,
                              .group = sequence_data,
                              .target = kinds,
                              .low = low,
                              .high = high,
                              .classes = (uint32_t[]){2},
                              .scale = (double *[]){NULL}};
    /* Two samples of three rows of two neurons. */
    double target[] = {1, 0, 1, 0, 0, 1, 0, 1, 0, 1, 0, 1};
    double states[] = {9, 9, 9, 9, /* seen: */ 3, 1, 0, 1, 0, 1, 0, 1, 0, 2, 1, 0};
    double result[] = {1, 2, 0.5, 0.25, 10, 30, 0.5, NAN, 1e-6, INFINITY, 0, 1, 4, 6, 1, 0};
    struct nnt_call call = {.batch = 2};
    struct diag *diag = diag_new();
    struct moment moment = {0}, unasked = {0};
    struct score score;
    struct not_finite found;
    (void)state;
    call.slab[NNT_DATA] = target;
    call.slab[NNT_STATE] = states;
    call.slab[NNT_RESULT] = result;
    assert_true(score_init(diag, &sequence_module, &data, &score));
    assert_true(score_add_boundary(&score, &call, &found));
    assert_true(score_add_bulk(&score, &call, false, &found));
    score_report(&score, 1u << MEASURE_loss | 1u << MEASURE_accuracy | 1u << MEASURE_rmse | 1u << MEASURE_dynamics,
                 &moment);
    assert_true(reading(&moment, "loss.boundary") == 1.5);
    assert_true(reading(&moment, "loss.bulk") == 0.375);
    /* Right: rows 1 and 3 of the first sample, 1 and 2 of the second. */
    assert_true(fabs(reading(&moment, "accuracy") - 4 / 6.0) < 1e-15);
    assert_true(fabs(reading(&moment, "rmse") - sqrt((4 + 1 + 1 + 1 + 1 + 1 + 1) / 12.0)) < 1e-15);
    assert_true(reading(&moment, "dynamics.ticks") == 20);
    assert_true(reading(&moment, "dynamics.contraction") == 0.5);
    assert_true(reading(&moment, "dynamics.error") == 1e-6);
    assert_true(reading(&moment, "dynamics.unconverged") == 1);
    assert_true(reading(&moment, "relaxation.steps") == 5);
    assert_true(reading(&moment, "relaxation.unconverged") == 1);
    /* Failures are told unasked, the rest is not. */
    score_report(&score, 0, &unasked);
    assert_int_equal(unasked.n, 2);
    assert_true(reading(&unasked, "dynamics.unconverged") == 1);
    assert_true(reading(&unasked, "relaxation.unconverged") == 1);
    result[3] = -INFINITY;
    assert_false(score_add_bulk(&score, &call, false, &found));
    assert_string_equal(found.what, "bulk loss");
    assert_int_equal(found.sample, 1);
    score_fini(&score);
    diag_free(diag);
}

/* Without a boundary loss the outputs' states are all there is; where every group is held, nothing settles or relaxes. */
static void the_bulk_alone_at_the_data(void **state)
{
    struct nnt_group held = sequence_groups[0];
    struct nnt_module module = sequence_module;
    const struct data data = {.real_bytes = 8,
                              .n_groups = 1,
                              .group = sequence_data,
                              .target = kinds,
                              .low = low,
                              .high = high,
                              .classes = (uint32_t[]){2},
                              .scale = (double *[]){NULL}};
    struct nnt_call call = {.batch = 1};
    struct diag *diag = diag_new();
    struct moment moment = {0};
    struct score score;
    struct not_finite found;
    (void)state;
    held.flags |= NNT_CLAMPED;
    module.group = &held;
    module.loss = NNT_NONE;
    call.slab[NNT_DATA] = (double[]){1, 0, 1, 0, 0, 1};
    call.slab[NNT_STATE] = (double[]){9, 9, 3, 1, 0, 1, 0, 1};
    call.slab[NNT_RESULT] = (double[]){NAN, 0.5, 0, 0, 0, 1, 0, 1};
    assert_true(score_init(diag, &module, &data, &score));
    score_add_outputs(&score, &call);
    assert_true(score_add_bulk(&score, &call, true, &found));
    score_report(&score, 1u << MEASURE_loss | 1u << MEASURE_accuracy | 1u << MEASURE_dynamics, &moment);
    assert_int_equal(moment.n, 2);
    assert_true(reading(&moment, "loss.bulk") == 0.5);
    assert_true(fabs(reading(&moment, "accuracy") - 2 / 3.0) < 1e-15);
    score_fini(&score);
    diag_free(diag);
}

/* Compared each tick: two rows of a one-hot label and of a number in other units, from `seen`; the last state is of no
 * account, and smaller. */
static void rows_of_outputs(void **state)
{
    enum { DATA_L, DATA_N, STATE_L, STATE_N, SEEN_L, SEEN_N, SUM };
    static const struct nnt_field of[] = {
        [DATA_L] = {"data.l", NNT_DATA, 1, 2, {2, 3}, 0, 0},  [DATA_N] = {"data.n", NNT_DATA, 1, 2, {2, 2}, 0, 6},
        [STATE_L] = {"state.l", NNT_STATE, 1, 1, {3}, 0, 0},  [STATE_N] = {"state.n", NNT_STATE, 1, 1, {2}, 0, 3},
        [SEEN_L] = {"seen.l", NNT_STATE, 1, 2, {2, 3}, 0, 5}, [SEEN_N] = {"seen.n", NNT_STATE, 1, 2, {2, 2}, 0, 11},
        [SUM] = {"loss", NNT_RESULT, 1, 0, {0}, 0, 0},
    };
    static const struct nnt_group group[] = {
        {.name = "l", .size = 3, .rows = 2, .data = DATA_L, .state = STATE_L, .seen = SEEN_L, .loss = NNT_NONE},
        {.name = "n", .size = 2, .rows = 2, .data = DATA_N, .state = STATE_N, .seen = SEEN_N, .loss = NNT_NONE},
    };
    static const struct nnt_module two = {.real_bytes = 8,
                                          .field = of,
                                          .group = group,
                                          .n_fields = SUM + 1,
                                          .n_groups = 2,
                                          .loss = SUM,
                                          .H = NNT_NONE,
                                          .settle_ticks = NNT_NONE,
                                          .settle_contraction = NNT_NONE,
                                          .settle_error = NNT_NONE,
                                          .settle_failed = NNT_NONE,
                                          .relax_steps = NNT_NONE,
                                          .relax_failed = NNT_NONE};
    static struct data_group data_group[] = {{.name = "l", .size = 3, .rows = 2},
                                             {.name = "n", .size = 2, .rows = 2}};
    double units[] = {1, 10}, *of_group[] = {NULL, units}, low_of[] = {0, 0}, high_of[] = {1, 3};
    const struct data data = {.real_bytes = 8,
                              .n_groups = 2,
                              .group = data_group,
                              .target = (uint8_t[]){TARGET_LABEL, TARGET_NUMBER},
                              .low = low_of,
                              .high = high_of,
                              .classes = (uint32_t[]){3, 0},
                              .scale = of_group};
    /* Two samples of l, then of n: three of four rows of l are right. */
    double target[] = {1, 0, 0, 0, 1, 0, /**/ 0, 0, 1, 0, 1, 0, /**/ 1, 1, 2, 2, /**/ 3, 3, 0, 0};
    double y[] = {9,   9,   9,   9,   9,   9, 9, 9, 9, 9, /* last states */
                  0.5, 0.4, 0.1, 0.6, 0.3, 0, 0, 0, 1, 0, 1, 0, 1, 1.1, 4, 2, 3, 3.2, 0, 0};
    struct nnt_call call = {.batch = 2};
    struct diag *diag = diag_new();
    struct moment moment = {0};
    struct score score;
    (void)state;
    call.slab[NNT_DATA] = target;
    call.slab[NNT_STATE] = y;
    call.slab[NNT_RESULT] = (double[]){1, 2};
    assert_true(score_init(diag, &two, &data, &score));
    struct not_finite found;
    assert_true(score_add_boundary(&score, &call, &found));
    score_report(&score, 1u << MEASURE_accuracy | 1u << MEASURE_rmse, &moment);
    assert_true(reading(&moment, "accuracy") == 0.75);
    /* l: (0.25 + 0.16 + 0.01) + (0.36 + 0.49); n: (0.1 * 10)^2, 2^2, (0.2 * 10)^2; of 20 numbers. */
    assert_true(fabs(reading(&moment, "rmse") - sqrt((0.42 + 0.85 + 1 + 4 + 4) / 20)) < 1e-12);
    score_fini(&score);
    diag_free(diag);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(several_outputs), cmocka_unit_test(rows_of_outputs),
                                       cmocka_unit_test(a_sequence_and_the_bulk),
                                       cmocka_unit_test(the_bulk_alone_at_the_data)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
