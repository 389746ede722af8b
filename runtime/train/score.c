/* score.c: sums over samples from which losses, accuracy and rmse are told. */
#include "runtime/train/score.h"

#include "runtime/thermo/slabs.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room that other quantities take in a moment. */
enum { OTHER_READINGS = 40 };

static bool is_output(const struct score *score, uint32_t data, uint32_t group)
{
    return !score->data->group[data].input && group != NNT_NONE && score->module->group[group].data != NNT_NONE;
}

bool score_init(struct diag *diag, const struct nnt_module *module, const struct data *data, struct score *out)
{
    uint64_t widest = 0;
    for (uint32_t k = 0; k < module->n_groups; k++) {
        const struct nnt_group *group = &module->group[k];
        uint64_t rows = group->rows ? group->rows : 1;
        if (rows * group->size > widest) widest = rows * group->size;
    }
    *out = (struct score){.module = module, .data = data};
    out->output = calloc(data->n_groups + 1, sizeof *out->output);
    out->row = calloc(widest + 1, 2 * sizeof *out->row);
    if (!out->output || !out->row) {
        diag_machine(diag, (struct span){0}, "memory", "memory is short");
        return false;
    }
    for (uint32_t d = 0; d < data->n_groups; d++) {
        uint32_t group = module_group(module, data->group[d].name);
        if (is_output(out, d, group))
            out->output[out->n_outputs++] = (struct score_output){.data = d, .group = group};
    }
    if (2 * out->n_outputs + OTHER_READINGS <= MOMENT_READINGS) return true;
    diag_input(diag, data->group[out->output[0].data].at, "too-many-outputs",
               "%u outputs; at most %d can be measured", out->n_outputs, (MOMENT_READINGS - OTHER_READINGS) / 2);
    return false;
}

void score_fini(struct score *score)
{
    free(score->output);
    free(score->row);
    score->output = NULL;
    score->row = NULL;
}

void score_clear(struct score *score)
{
    for (uint32_t k = 0; k < score->n_outputs; k++) score->output[k].sums = (struct output_sums){0};
    score->loss = score->H = score->F = 0;
    score->samples = score->relaxed = score->descended = 0;
    score->convergence = (struct convergence){0};
}

/* ---- one call's samples ---- */

/* The numbers of one sample of a field, as float64. */
static void widen(const struct nnt_module *module, const struct nnt_call *call, uint32_t field, uint32_t sample,
                  double out[])
{
    const struct nnt_field *f = &module->field[field];
    uint64_t length = field_length(f), at = field_offset(f, call->batch) + sample * length;
    const float *narrow = call->slab[f->slab];
    const double *wide = call->slab[f->slab];
    if (module->real_bytes == 4)
        for (uint64_t i = 0; i < length; i++) out[i] = narrow[at + i];
    else
        memcpy(out, wide + at, length * sizeof *out);
}

static double sum_of(const struct nnt_module *module, const struct nnt_call *call, uint32_t field)
{
    double sum = 0, one;
    for (uint32_t b = 0; b < call->batch; b++) {
        widen(module, call, field, b, &one);
        sum += one;
    }
    return sum;
}

/* The sum of a loss over a call, false where some sample's is not finite. */
static bool finite_sum(const struct nnt_module *module, const struct nnt_call *call, uint32_t field,
                       const char *what, double *out_sum, struct not_finite *out)
{
    *out_sum = sum_of(module, call, field);
    if (isfinite(*out_sum)) return true;
    *out = (struct not_finite){.what = what, .value = *out_sum};
    for (uint32_t b = call->batch; b-- > 0;) {
        double one;
        widen(module, call, field, b, &one);
        if (!isfinite(one)) *out = (struct not_finite){what, b, one};
    }
    return false;
}

static uint32_t largest(const double v[], uint32_t n)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < n; i++)
        if (v[i] > v[best]) best = i;
    return best;
}

/* Share of neurons on the target's side of the middle between the two values. */
static double share_on_side(const double y[], const double target[], uint32_t n, double middle)
{
    uint32_t right = 0;
    for (uint32_t i = 0; i < n; i++) right += (y[i] >= middle) == (target[i] >= middle);
    return (double)right / n;
}

/* Whether the code nearest to y is the target's; codes stand evenly from low to high. */
static bool nearest_code(double y, double target, double low, double high, double codes)
{
    double step = (high - low) / (codes - 1);
    return round(fmin(fmax((y - low) / step, 0), codes - 1)) == round((target - low) / step);
}

static double rightness(const struct data *data, uint32_t d, const double y[], const double target[], uint32_t n)
{
    bool label = data->target[d] == TARGET_LABEL;
    if (label && n > 1) return largest(y, n) == largest(target, n);
    if (label && data->classes[d] > 2)
        return nearest_code(*y, *target, data->low[d], data->high[d], data->classes[d]);
    return share_on_side(y, target, n, (data->low[d] + data->high[d]) / 2);
}

/* Of the error in the data's own units. Four sums: each alone would wait for its last addition. */
static double squared_error(const double y[], const double target[], const double *scale, uint32_t n)
{
    double sum[4] = {0};
    for (uint32_t i = 0; i < n; i++) {
        double error = (y[i] - target[i]) * (scale ? scale[i] : 1);
        sum[i % 4] += error * error;
    }
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

static bool has_accuracy(const struct score *score, const struct score_output *output)
{
    uint8_t target = score->data->target[output->data];
    return target == TARGET_LABEL || target == TARGET_TWO_VALUES;
}

static uint32_t rows_of(const struct nnt_group *group)
{
    return group->rows ? group->rows : 1;
}

/* Of a sequence every row is an answer, and the states at its updates stand in `seen`. */
static void add_output(const struct score *score, const struct nnt_call *call, struct score_output *output)
{
    const struct nnt_group *group = &score->module->group[output->group];
    const double *scale = score->data->scale[output->data];
    uint32_t rows = rows_of(group), n = group->size;
    double *y = score->row, *target = score->row + (size_t)rows * n;
    bool right = has_accuracy(score, output);
    if (group->loss != NNT_NONE) output->sums.loss += sum_of(score->module, call, group->loss);
    for (uint32_t b = 0; b < call->batch; b++) {
        widen(score->module, call, group->rows ? group->seen : group->state, b, y);
        widen(score->module, call, group->data, b, target);
        double right_rows = 0; /* divided once: all of them are exactly 1 */
        for (uint32_t t = 0; t < rows; t++) {
            const double *y_t = y + (size_t)t * n, *target_t = target + (size_t)t * n;
            if (right) right_rows += rightness(score->data, output->data, y_t, target_t, n);
            output->sums.squares += squared_error(y_t, target_t, scale, n);
        }
        output->sums.right += right_rows / rows;
    }
}

bool score_add_boundary(struct score *score, const struct nnt_call *call, struct not_finite *out)
{
    double loss;
    if (!finite_sum(score->module, call, score->module->loss, "boundary loss", &loss, out)) return false;
    score->loss += loss;
    score_add_outputs(score, call);
    convergence_add(&score->convergence, score->module, call, true, false);
    return true;
}

void score_add_outputs(struct score *score, const struct nnt_call *call)
{
    score->samples += call->batch;
    for (uint32_t k = 0; k < score->n_outputs; k++) add_output(score, call, &score->output[k]);
}

/* Where everything is held at data, nothing settles or relaxes. */
static bool anything_free(const struct nnt_module *module)
{
    for (uint32_t g = 0; g < module->n_groups; g++)
        if (!(module->group[g].flags & NNT_CLAMPED)) return true;
    return false;
}

bool score_add_bulk(struct score *score, const struct nnt_call *call, bool settled, struct not_finite *out)
{
    double H;
    if (!finite_sum(score->module, call, score->module->H, "bulk loss", &H, out)) return false;
    score->H += H;
    score->relaxed += call->batch;
    if (anything_free(score->module)) convergence_add(&score->convergence, score->module, call, settled, true);
    return true;
}

/* ---- the means ---- */

bool score_has_accuracy(const struct score *score)
{
    for (uint32_t k = 0; k < score->n_outputs; k++)
        if (has_accuracy(score, &score->output[k])) return true;
    return false;
}

static void add_reading(struct moment *moment, const char *key, const char *group, double value)
{
    char name[READING_KEY];
    snprintf(name, sizeof name, "%s.%s", key, group);
    moment_add(moment, name, value);
}

static void report_losses(const struct score *score, double samples, struct moment *moment)
{
    moment_add(moment, "loss.boundary", score->loss / samples);
    for (uint32_t k = 0; score->n_outputs > 1 && k < score->n_outputs; k++) {
        const struct nnt_group *group = &score->module->group[score->output[k].group];
        if (group->loss != NNT_NONE)
            add_reading(moment, "loss.boundary", group->name, score->output[k].sums.loss / samples);
    }
}

static void report_rmse(const struct score *score, double samples, struct moment *moment)
{
    double squares = 0, numbers = 0;
    for (uint32_t k = 0; k < score->n_outputs; k++) {
        squares += score->output[k].sums.squares;
        const struct nnt_group *group = &score->module->group[score->output[k].group];
        numbers += samples * rows_of(group) * group->size;
    }
    if (numbers > 0) moment_add(moment, "rmse", sqrt(squares / numbers));
}

static void report_accuracy(const struct score *score, double samples, struct moment *moment)
{
    double sum = 0, outputs = 0;
    for (uint32_t k = 0; k < score->n_outputs; k++) {
        if (!has_accuracy(score, &score->output[k])) continue;
        sum += score->output[k].sums.right / samples;
        outputs++;
    }
    if (outputs > 0) moment_add(moment, "accuracy", sum / outputs);
    for (uint32_t k = 0; score->n_outputs > 1 && k < score->n_outputs; k++)
        if (has_accuracy(score, &score->output[k]))
            add_reading(moment, "accuracy", score->module->group[score->output[k].group].name,
                        score->output[k].sums.right / samples);
}

void score_report(const struct score *score, uint32_t asked, struct moment *moment)
{
    double samples = (double)score->samples;
    if (score->samples > 0) {
        if (asked >> MEASURE_loss & 1 && score->module->loss != NNT_NONE) report_losses(score, samples, moment);
        if (asked >> MEASURE_rmse & 1) report_rmse(score, samples, moment);
        if (asked >> MEASURE_accuracy & 1) report_accuracy(score, samples, moment);
    }
    if (score->relaxed > 0 && asked >> MEASURE_loss & 1)
        moment_add(moment, "loss.bulk", score->H / (double)score->relaxed);
    if (score->descended > 0 && asked >> MEASURE_loss & 1)
        moment_add(moment, "loss.free_energy", score->F / (double)score->descended);
    convergence_report(&score->convergence, asked >> MEASURE_dynamics & 1, moment);
}
