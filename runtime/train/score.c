/* score.c: sums over samples from which losses, accuracy and rmse are told. */
#include "runtime/train/score.h"

#include "runtime/thermo/slabs.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Room that other quantities take in a moment. */
enum { OTHER_READINGS = 40 };

static bool is_output(const struct score *score, uint32_t data, uint32_t group)
{
    return !score->data->group[data].input && group != NNT_NONE && score->module->group[group].data != NNT_NONE;
}

bool score_init(struct diag *diag, const struct nnt_module *module, const struct data *data, struct score *out)
{
    *out =
        (struct score){.module = module, .data = data, .output = calloc(data->n_groups + 1, sizeof *out->output)};
    if (!out->output) {
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
    score->output = NULL;
}

void score_clear(struct score *score)
{
    for (uint32_t k = 0; k < score->n_outputs; k++) score->output[k].sums = (struct output_sums){0};
    score->loss = 0;
    score->samples = 0;
}

/* ---- one call's samples
 * --------------------------------------------------------------------------------------------- */

/* The same vector of each sample of a call: element i of sample b. */
struct rows {
    const void *slab;
    uint64_t at;
    uint32_t size, real_bytes;
};

static struct rows rows_of(const struct nnt_module *module, const struct nnt_call *call, uint32_t field)
{
    const struct nnt_field *f = &module->field[field];
    return (struct rows){call->slab[f->slab], field_offset(f, call->batch), (uint32_t)field_length(f),
                         module->real_bytes};
}

static double row_at(const struct rows *rows, uint32_t sample, uint32_t i)
{
    return real_at(rows->slab, rows->real_bytes, rows->at + (uint64_t)sample * rows->size + i);
}

static double sum_of(const struct nnt_module *module, const struct nnt_call *call, uint32_t field)
{
    struct rows rows = rows_of(module, call, field);
    double sum = 0;
    for (uint32_t b = 0; b < call->batch; b++) sum += row_at(&rows, b, 0);
    return sum;
}

static uint32_t largest(const struct rows *rows, uint32_t sample)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < rows->size; i++)
        if (row_at(rows, sample, i) > row_at(rows, sample, best)) best = i;
    return best;
}

/* Share of neurons on the target's side of the middle between the two values. */
static double share_on_side(const struct rows *y, const struct rows *target, uint32_t sample, double middle)
{
    uint32_t right = 0;
    for (uint32_t i = 0; i < y->size; i++)
        right += (row_at(y, sample, i) >= middle) == (row_at(target, sample, i) >= middle);
    return (double)right / y->size;
}

static double rightness(const struct data *data, uint32_t d, const struct rows *y, const struct rows *target,
                        uint32_t sample)
{
    bool label = data->target[d] == TARGET_LABEL;
    /* The codes of a label in one neuron are 0, 1, …; where it is scaled, the lowest and the highest value say how.
     */
    double low = data->low[d], high = data->high[d], steps = data->classes[d] > 2 ? data->classes[d] - 1 : 1;
    if (label && y->size > 1) return largest(y, sample) == largest(target, sample);
    if (label && !(high > low)) {
        low = 0;
        high = steps;
    }
    if (!label || steps == 1) return share_on_side(y, target, sample, (low + high) / 2);
    double step = (high - low) / steps, code = (row_at(y, sample, 0) - low) / step;
    return round(fmin(fmax(code, 0), steps)) == round((row_at(target, sample, 0) - low) / step);
}

static bool has_accuracy(const struct score *score, const struct score_output *output)
{
    uint8_t target = score->data->target[output->data];
    return target == TARGET_LABEL || target == TARGET_TWO_VALUES;
}

static void add_output(const struct score *score, const struct nnt_call *call, struct score_output *output)
{
    const struct nnt_group *group = &score->module->group[output->group];
    const double *scale = score->data->scale[output->data];
    struct rows y = rows_of(score->module, call, group->state), target = rows_of(score->module, call, group->data);
    if (group->loss != NNT_NONE) output->sums.loss += sum_of(score->module, call, group->loss);
    for (uint32_t b = 0; b < call->batch; b++) {
        if (has_accuracy(score, output)) output->sums.right += rightness(score->data, output->data, &y, &target, b);
        for (uint32_t i = 0; i < y.size; i++) {
            double error = (row_at(&y, b, i) - row_at(&target, b, i)) * (scale ? scale[i] : 1);
            output->sums.squares += error * error;
        }
    }
}

bool score_add(struct score *score, const struct nnt_call *call)
{
    double loss = sum_of(score->module, call, score->module->loss);
    if (!isfinite(loss)) return false;
    score->loss += loss;
    score->samples += call->batch;
    for (uint32_t k = 0; k < score->n_outputs; k++) add_output(score, call, &score->output[k]);
    return true;
}

/* ---- the means
 * ------------------------------------------------------------------------------------------------------ */

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
        numbers += samples * score->module->group[score->output[k].group].size;
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
    if (score->samples == 0) return;
    if (asked >> MEASURE_loss & 1) report_losses(score, samples, moment);
    if (asked >> MEASURE_rmse & 1) report_rmse(score, samples, moment);
    if (asked >> MEASURE_accuracy & 1) report_accuracy(score, samples, moment);
}
