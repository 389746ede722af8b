/* linear.c: a module written by hand: the smallest example of the contract of runtime/abi.h.
 *
 *     neurons x[3], y[2]     input x     output y
 *     weights x -> y         biases y    activation y = identity(z)
 *     loss boundary = squared_error(y, target)
 *     ensemble { clamp x }   train { optimizer sgd(rate: ..., momentum: 0.5) }
 *
 * The description below says where everything stands in the slabs; the entries in linear_entries.inc, which are the
 * same for both precisions, read and write there and nowhere else. A runtime that can train and measure this module
 * needs no compiler.
 */
#include "tests/module/linear.h"

enum field {
    WEIGHT,
    BIAS,
    WEIGHT_GRADIENT,
    BIAS_GRADIENT,
    WEIGHT_VELOCITY,
    BIAS_VELOCITY,
    DATA_X,
    DATA_Y,
    STATE_X,
    STATE_Y,
    LOSS,
    H,
    RESIDUAL_Y,
    SLOPE_Y,
    FIELDS
};

/* Of a field with samples, offset_per_sample is what stands before it in its slab, per sample of the call. */
static const struct nnt_field fields[FIELDS] = {
    [WEIGHT] = {"weight.x.y", NNT_PARAMETERS, 0, 2, {LINEAR_Y, LINEAR_X}, 0, 0},
    [BIAS] = {"bias.y", NNT_PARAMETERS, 0, 1, {LINEAR_Y}, LINEAR_Y *LINEAR_X, 0},
    [WEIGHT_GRADIENT] = {"weight.x.y", NNT_GRADIENT, 0, 2, {LINEAR_Y, LINEAR_X}, 0, 0},
    [BIAS_GRADIENT] = {"bias.y", NNT_GRADIENT, 0, 1, {LINEAR_Y}, LINEAR_Y *LINEAR_X, 0},
    [WEIGHT_VELOCITY] = {"weight.x.y", NNT_MOMENTS, 0, 2, {LINEAR_Y, LINEAR_X}, 0, 0},
    [BIAS_VELOCITY] = {"bias.y", NNT_MOMENTS, 0, 1, {LINEAR_Y}, LINEAR_Y *LINEAR_X, 0},
    [DATA_X] = {"data.x", NNT_DATA, 1, 1, {LINEAR_X}, 0, 0},
    [DATA_Y] = {"data.y", NNT_DATA, 1, 1, {LINEAR_Y}, 0, LINEAR_X},
    [STATE_X] = {"state.x", NNT_STATE, 1, 1, {LINEAR_X}, 0, 0},
    [STATE_Y] = {"state.y", NNT_STATE, 1, 1, {LINEAR_Y}, 0, LINEAR_X},
    [LOSS] = {"loss", NNT_RESULT, 1, 0, {0}, 0, 0},
    [H] = {"H", NNT_RESULT, 1, 0, {0}, 0, 1},
    [RESIDUAL_Y] = {"residual.y", NNT_LINEAR, 1, 1, {LINEAR_Y}, 0, 0},
    [SLOPE_Y] = {"slope.y", NNT_LINEAR, 1, 1, {LINEAR_Y}, 0, LINEAR_Y},
};
static const struct nnt_parameter parameters[] = {
    {.field = WEIGHT,
     .gradient = WEIGHT_GRADIENT,
     .is_weight = 1,
     .initialiser = NNT_INIT_glorot_uniform,
     .fan_in = LINEAR_X,
     .fan_out = LINEAR_Y},
    {.field = BIAS,
     .gradient = BIAS_GRADIENT,
     .initialiser = NNT_INIT_zeros,
     .fan_in = LINEAR_X,
     .fan_out = LINEAR_Y},
};
static const struct nnt_group groups[] = {
    {.name = "x",
     .shown = "x",
     .size = LINEAR_X,
     .flags = NNT_INPUT | NNT_CLAMPED,
     .data = DATA_X,
     .state = STATE_X,
     .residual = NNT_NONE,
     .slope = NNT_NONE,
     .force = NNT_NONE,
     .curvature = NNT_NONE,
     .gradient_x = NNT_NONE,
     .seen = NNT_NONE,
     .bend = NNT_NONE,
     .loss = NNT_NONE},
    {.name = "y",
     .shown = "y",
     .size = LINEAR_Y,
     .flags = NNT_OUTPUT | NNT_ERROR | NNT_PREDICTED,
     .data = DATA_Y,
     .state = STATE_Y,
     .residual = RESIDUAL_Y,
     .slope = SLOPE_Y,
     .force = NNT_NONE,
     .curvature = NNT_NONE,
     .gradient_x = NNT_NONE,
     .seen = NNT_NONE,
     .bend = NNT_NONE,
     .loss = NNT_NONE},
};
static const struct nnt_block blocks[] = {{.from = 0, .to = 1, .parameter = 0}};

/* Where a field begins in the slab of this call. */
static uint64_t begin(enum field field, const struct nnt_call *call)
{
    return fields[field].offset + fields[field].offset_per_sample * call->batch;
}

#define REAL double
#define NAME(name) name##_f64
#include "tests/module/linear_entries.inc"
#undef REAL
#undef NAME
#define REAL float
#define NAME(name) name##_f32
#include "tests/module/linear_entries.inc"
