/* observe.c: measurements of a run: probes, losses of both splits, the ensemble. */
#include "compiler/driver/observe.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/driver/given.h"
#include "runtime/record/record.h"
#include "runtime/thermo/measurer.h"
#include "runtime/thermo/slabs.h"

enum { ENSEMBLE_BATCH = 64, LOSS_BATCH = 256 };

/* The samples on which one `measure` block looks, in float64. */
struct probe {
    uint32_t count;
    uint32_t *which;
    uint32_t train_count; /* the same of the training split … */
    uint32_t *train;      /* … or, where the probe is of test, as many of that */
    const double **value; /* by group of the module: [count][size], of a sequence [count][rows][size], or NULL */
};
struct observer {
    struct session *session;
    struct observed of;
    struct probe *probe; /* by measure block */
    struct nnt_module *gaussian_module;
    struct ensemble *ensemble;
    struct diag *apart; /* messages about an ensemble that the file did not ask for; NULL where it did */
    struct evaluator *evaluator;
    struct measurer **measurer; /* by measure block; NULL where it asks nothing of the ensemble */
    double *parameters;         /* in float64 */
    double seconds;
};

static uint32_t ensemble_measures(void)
{
    uint32_t mask = 0;
    for (uint32_t m = 0; m < MEASURES; m++)
        if (measure_rows[m].need == NEED_ENSEMBLE) mask |= 1u << m;
    return mask;
}

uint32_t observed_entries(const struct model *model)
{
    bool free = false, output = false;
    for (uint32_t g = 0; g < model->n_groups; g++) {
        free |= !model->group[g].clamped;
        output |= model->group[g].output;
    }
    uint32_t entries = model->loss ? 1u << NNT_ENTRY_loss : output ? 1u << NNT_ENTRY_forward : 0;
    if (model->minimizes_bulk)
        entries |= 1u << NNT_ENTRY_ensemble_forward | 1u << (free ? NNT_ENTRY_relax : NNT_ENTRY_linearise);
    return entries;
}

/* The loss of a file that trains on none is the bulk's, at the ensemble's states; there it settles, and there alone it relaxes. */
static bool needs_ensemble(const struct model *model, uint32_t asked)
{
    bool losses = model->loss || model->minimizes_bulk;
    if (asked & ensemble_measures() || (!losses && asked >> MEASURE_loss & 1)) return true;
    return asked >> MEASURE_dynamics & 1 && model->ensemble_proper && (model->ensemble.relaxed || !losses);
}

static bool any_needs_ensemble(const struct model *model)
{
    bool any = false;
    for (uint32_t b = 0; b < model->n_measures; b++) any |= needs_ensemble(model, model->measure[b].asked);
    return any;
}

/* ---- probes ---- */

static const struct split *split_of(const struct observer *o, const struct measure_spec *spec)
{
    return spec->of_test ? &o->of.data->test : &o->of.data->train;
}

static double *widened(struct observer *o, const struct split *split, uint32_t group, const struct probe *probe)
{
    size_t n = probe->count * data_numbers(&o->of.data->group[group]);
    double *wide = arena_alloc(o->session->arena, n * sizeof *wide);
    data_gather(o->of.data, split, group, probe->which, probe->count, wide);
    if (o->of.data->real_bytes == 8) return wide;
    const float *narrow = (const float *)wide;
    for (size_t i = n; i-- > 0;) {
        float value;
        memcpy(&value, narrow + i, sizeof value);
        wide[i] = value;
    }
    return wide;
}

static void draw_train(struct observer *o, const struct measure_spec *spec, struct probe *out)
{
    uint32_t count = o->of.data->train.count, most = spec->probe < count ? spec->probe : count;
    out->train = arena_alloc(o->session->arena, (most + 1) * sizeof *out->train);
    out->train_count = data_probe(count, spec->probe, o->of.model->data.seed, out->train);
}

static void draw_probe(struct observer *o, const struct measure_spec *spec, struct probe *out)
{
    const struct model *model = o->of.model;
    const struct split *split = split_of(o, spec);
    uint32_t most = spec->probe < split->count ? spec->probe : split->count;
    out->which = arena_alloc(o->session->arena, (most + 1) * sizeof *out->which);
    out->count = out->train_count = data_probe(split->count, spec->probe, model->data.seed, out->which);
    out->train = out->which;
    if (spec->of_test) draw_train(o, spec, out);
    out->value = arena_alloc(o->session->arena, model->n_groups * sizeof *out->value);
    for (uint32_t d = 0; d < o->of.data->n_groups; d++) {
        uint32_t g = model_group(model, o->of.data->group[d].name);
        out->value[g] = widened(o, split, d, out);
    }
}

static bool check_splits(struct observer *o)
{
    const struct model *model = o->of.model;
    for (uint32_t b = 0; b < model->n_measures; b++)
        if (model->measure[b].of_test && !o->of.data->test.count) {
            diag_input(o->session->diag, model->measure[b].at, "no-test-data",
                       "the probe is of test, and there is no test data");
            diag_hint(o->session->diag, "add `holdout 0.2` or `test SOURCE` to the data block");
            return false;
        }
    return true;
}

/* ---- the ensemble ---- */

/* First derivatives for the gradients and the work, second ones for the Laplacian. */
static uint32_t derivative_entries(const struct model *model)
{
    uint32_t first = 1u << NNT_ENTRY_pull, second = 1u << NNT_ENTRY_push | 1u << NNT_ENTRY_pull_push, entries = 0;
    uint32_t once = 1u << MEASURE_defect | 1u << MEASURE_grad_F | 1u << MEASURE_first_law;
    for (uint32_t b = 0; b < model->n_measures; b++) {
        if (model->measure[b].asked & once) entries |= first;
        if (model->measure[b].asked >> MEASURE_efficiency & 1) entries |= first | second;
    }
    return entries;
}

static bool open_ensemble(struct observer *o, struct times *times)
{
    const struct model *model = o->of.model;
    if (!any_needs_ensemble(model)) return true;
    if (!model->asks_ensemble) o->apart = diag_new();
    struct job job = {.entries =
                          1u << NNT_ENTRY_ensemble_forward | 1u << NNT_ENTRY_linearise | derivative_entries(model),
                      .real_bytes = 8,
                      .batch = ENSEMBLE_BATCH,
                      .interpreter = o->of.interpreter};
    if (model->ensemble.relaxed) job.entries |= 1u << NNT_ENTRY_relax;
    o->gaussian_module = compile(o->session, model, &job, times);
    if (!o->gaussian_module) return false;
    o->ensemble =
        ensemble_new(o->session->diag, model->ensemble_at, o->gaussian_module, &model->ensemble, ENSEMBLE_BATCH);
    return o->ensemble != NULL;
}

static const char *const idle_C =
    "neither data nor activations enter C in this ensemble: it is 0, or follows from the weights alone";

/* The laws of a C that learning cannot shape. */
static void warn_of_idle_C(const struct observer *o, const struct measure_spec *spec)
{
    uint32_t laws = 1u << MEASURE_first_law | 1u << MEASURE_second_law;
    if (!(spec->asked & laws) || !o->gaussian_module->linear_C) return;
    diag_warn(o->session->diag, spec->at, "idle-complexity", "%s", idle_C);
    diag_hint(o->session->diag, "clamp inputs and outputs and have two hidden layers, or a potential: what the "
                                "laws say is then of the states");
}

/* Beside a C that is asked for without them. */
static void tell_idle_C(const struct observer *o)
{
    const struct model *model = o->of.model;
    uint32_t asked = 0, laws = 1u << MEASURE_first_law | 1u << MEASURE_second_law;
    const struct options *options = &o->session->options;
    for (uint32_t b = 0; b < model->n_measures; b++) asked |= model->measure[b].asked;
    if (!o->gaussian_module || !o->gaussian_module->linear_C || !model->asks_ensemble) return;
    if (!(asked >> MEASURE_C & 1) || asked & laws) return;
    if (!options->given[OPTION_quiet] && !options->given[OPTION_json]) fprintf(stderr, "C: %s\n", idle_C);
}

static bool open_measurers(struct observer *o)
{
    const struct model *model = o->of.model;
    for (uint32_t b = 0; b < model->n_measures; b++) {
        const struct measure_spec *spec = &model->measure[b];
        struct measurer_options options = {spec->asked, o->probe[b].count, spec->probes, model->data.seed};
        if (!needs_ensemble(model, spec->asked)) continue;
        warn_of_idle_C(o, spec);
        o->measurer[b] = measurer_new(o->session->diag, spec->at, o->ensemble, &model->ensemble, &options);
        if (!o->measurer[b]) return false;
    }
    return true;
}

/* A network that minimises F alone may have neither a boundary loss nor outputs. */
static bool has_evaluation(const struct nnt_module *module)
{
    return module->entry[NNT_ENTRY_loss] || module->entry[NNT_ENTRY_forward] || module->objective != NNT_ON_NEITHER;
}

struct observer *observer_new(struct session *session, const struct observed *observed, struct times *times)
{
    struct observer *o = arena_alloc(session->arena, sizeof *o);
    const struct model *model = observed->model;
    double start = seconds();
    *o = (struct observer){.session = session, .of = *observed};
    o->probe = arena_alloc(session->arena, (model->n_measures + 1) * sizeof *o->probe);
    o->measurer = arena_alloc(session->arena, (model->n_measures + 1) * sizeof *o->measurer);
    for (uint32_t b = 0; b < model->n_measures; b++) o->measurer[b] = NULL;
    if (!check_splits(o)) return NULL;
    for (uint32_t b = 0; b < model->n_measures; b++) draw_probe(o, &model->measure[b], &o->probe[b]);
    double compiled = times->passes + times->codegen;
    bool opened = open_ensemble(o, times) && (!o->ensemble || open_measurers(o));
    if (o->ensemble)
        o->parameters =
            arena_alloc(session->arena, o->gaussian_module->size[NNT_PARAMETERS] * sizeof *o->parameters);
    if (opened && o->of.module && has_evaluation(o->of.module))
        o->evaluator = evaluator_new(session->diag, o->of.module, o->of.data, LOSS_BATCH);
    o->seconds = seconds() - start - (times->passes + times->codegen - compiled);
    if (opened && (o->evaluator || !o->of.module || !has_evaluation(o->of.module))) return o;
    observer_free(o);
    return NULL;
}

void observer_free(struct observer *o)
{
    if (!o) return;
    for (uint32_t b = 0; b < o->of.model->n_measures; b++) measurer_free(o->measurer[b]);
    ensemble_free(o->ensemble);
    if (o->apart) diag_free(o->apart);
    evaluator_free(o->evaluator);
    release_module(o->gaussian_module);
}

void observer_warn(struct observer *o)
{
    tell_idle_C(o);
    struct convergence evaluated = o->evaluator ? evaluator_convergence(o->evaluator) : (struct convergence){0};
    convergence_warn(&evaluated, o->session->diag, (struct span){0}, &o->of.model->ensemble, "evaluated");
    if (!o->ensemble) return;
    ensemble_warn(o->ensemble, o->session->diag);
    for (uint32_t b = 0; b < o->of.model->n_measures; b++)
        if (o->measurer[b]) measurer_warn(o->measurer[b], o->session->diag);
}

void observer_looks_once(const struct observer *o)
{
    for (uint32_t b = 0; b < o->of.model->n_measures; b++) {
        if (!observer_ledger(o, b)) continue;
        diag_warn(o->session->diag, o->of.model->measure[b].at, "left-out",
                  "the laws compare two measurements, and this is one: they are left out");
        return;
    }
}

const struct ledger *observer_ledger(const struct observer *o, uint32_t block)
{
    return o->measurer[block] ? measurer_ledger(o->measurer[block]) : NULL;
}

void observer_write(const struct observer *o, struct text *out)
{
    for (uint32_t b = 0; b < o->of.model->n_measures; b++)
        if (o->measurer[b]) measurer_write(o->measurer[b], out);
}

bool observer_read(struct observer *o, const char *bytes, size_t length)
{
    bool good = true;
    for (uint32_t b = 0; good && b < o->of.model->n_measures; b++) {
        size_t used = 0;
        good = !o->measurer[b] || measurer_read(o->measurer[b], bytes, length, &used);
        bytes += used;
        length -= used;
    }
    if (good && length == 0) return true;
    diag_input(o->session->diag, (struct span){0}, "bad-checkpoint",
               "the checkpoint's ledgers are not those of this file's measurements");
    diag_hint(o->session->diag, "--resume without a file goes on with the run's own");
    return false;
}

double observer_seconds(const struct observer *o)
{
    return o->seconds;
}

const double *observer_start(struct observer *o, uint64_t seed)
{
    const struct options *options = &o->session->options;
    const struct nnt_module *module = o->gaussian_module;
    if (!module) {
        diag_input(o->session->diag, (struct span){0}, "nothing-to-do",
                   "the file trains nothing and measures nothing");
        diag_hint(o->session->diag, "give it a `loss boundary`, or a `measure` block of ensemble quantities");
        return NULL;
    }
    double *start = arena_alloc(o->session->arena, module->size[NNT_PARAMETERS] * sizeof *start);
    init_parameters(module, seed, start);
    if (!options->given[OPTION_weights]) return start;
    return given_weights(o->session, o->of.model, module, start) ? start : NULL;
}

/* ---- one moment ---- */

/* That of the parameters that are observed. */
static const struct nnt_module *module_of(const struct observer *o)
{
    return o->of.module ? o->of.module : o->gaussian_module;
}

/* What was not asked for and cannot be had is left out from here on, training goes on. */
static bool leave_out(struct observer *o, uint64_t step)
{
    if (!o->apart || diag_status(o->apart) != 1) {
        if (o->apart)
            diag_machine(o->session->diag, (struct span){0}, "entry-failed", "the ensemble could not be computed");
        return false;
    }
    diag_warn(o->session->diag, (struct span){0}, "left-out",
              "the ensemble has no Gaussian at step %" PRIu64 ", so that its measures are left out from there on",
              step);
    diag_hint(o->session->diag, "ask for one in a `measure` block to be told which groups are at fault");
    ensemble_warn(o->ensemble, o->session->diag);
    ensemble_free(o->ensemble);
    o->ensemble = NULL;
    return true;
}

/* At a moment's progress; NaN where it is inferred. */
static bool temperature_at(struct observer *o, double progress, double *out_T)
{
    *out_T = NAN;
    if (o->of.model->ensemble.inferred) return true;
    *out_T = expr_at_progress(o->of.model->ensemble.temperature, progress);
    if (*out_T > 0 && isfinite(*out_T)) return true;
    diag_input(o->session->diag, o->of.model->ensemble_at, "bad-temperature",
               "the temperature is %g at progress %g; expected a number above 0", *out_T, progress);
    return false;
}

/* What a block asks of the ensemble, but for the measures of `given`; its ledger takes the moment in any case. */
static bool observe_ensemble(struct observer *o, uint32_t block, uint32_t given, double progress,
                             const void *parameters, struct moment *moment)
{
    struct measurer *measurer = o->measurer[block];
    double T;
    if (!o->ensemble || !measurer) return true;
    if (!needs_ensemble(o->of.model, o->of.model->measure[block].asked & ~given) && !measurer_ledger(measurer))
        return true;
    if (!temperature_at(o, progress, &T)) return false;
    widen_parameters(module_of(o), parameters, o->gaussian_module, o->parameters);
    return measurer_take(measurer, o->apart ? o->apart : o->session->diag, o->parameters, o->probe[block].value, T,
                         given, moment) ||
           leave_out(o, moment->step);
}

static double weight_norm(const struct observer *o, const void *parameters)
{
    const struct nnt_module *module = module_of(o);
    double sum = 0;
    for (uint32_t p = 0; module && p < module->n_parameters; p++) {
        const struct nnt_field *f = &module->field[module->parameter[p].field];
        if (!module->parameter[p].is_weight) continue;
        for (uint64_t i = 0, n = (uint64_t)f->extent[0] * f->extent[1]; i < n; i++) {
            double w = real_at(parameters, module->real_bytes, f->offset + i);
            sum += w * w;
        }
    }
    return sqrt(sum);
}

/* Of the probe, what the running means do not tell: training on the bulk or F alone leaves no boundary forward. */
static bool observe_rest(struct observer *o, uint32_t asked, const struct probe *probe, const void *parameters,
                         struct moment *train)
{
    struct moment rest = {0};
    if (!evaluate(o->evaluator, &o->of.data->train, probe->train, probe->train_count, parameters, asked, &rest))
        return false;
    for (uint32_t i = 0; i < rest.n; i++)
        if (!moment_find(train, rest.reading[i].key)) moment_add(train, rest.reading[i].key, rest.reading[i].value);
    return true;
}

/* Losses and accuracy: the training split's running means (before the first step those of the probe), and all of the test
 * split. Given weights are looked at on the probe's split and on the test split alone. */
static bool observe_losses(struct observer *o, uint32_t asked, const struct probe *probe, bool probe_is_test,
                           const void *parameters, const struct trainer *trainer, struct moment *train,
                           struct moment *test)
{
    const struct data *data = o->of.data;
    const struct nnt_module *module = o->of.module;
    bool running = trainer && trainer_state(trainer).samples;
    if (running) trainer_running(trainer, asked, train);
    if (!o->evaluator) return true;
    bool outputs = module->entry[NNT_ENTRY_loss] || module->entry[NNT_ENTRY_forward];
    bool alone = module->objective == NNT_ON_BULK || module->objective == NNT_ON_NEITHER;
    bool rest = !running || (alone && outputs);
    if (rest && (trainer || !probe_is_test) && !observe_rest(o, asked, probe, parameters, train)) return false;
    return !data->test.count || evaluate(o->evaluator, &data->test, NULL, 0, parameters, asked, test);
}

/* The laws that an earlier block on the same split asks for: the keys of a split are one block's, so that they add up. */
static uint32_t laws_of_others(const struct model *model, uint32_t block)
{
    uint32_t laws = 1u << MEASURE_first_law | 1u << MEASURE_second_law, others = 0;
    for (uint32_t b = 0; b < block; b++)
        if (model->measure[b].of_test == model->measure[block].of_test) others |= model->measure[b].asked & laws;
    return others;
}

static bool is_due(const struct observer *o, uint32_t block, const struct train_state *at)
{
    return measure_due(&o->of.model->measure[block], at->step, at->steps, at->steps_per_epoch);
}

bool observer_due(const struct observer *o, const struct train_state *at)
{
    for (uint32_t b = 0; b < o->of.model->n_measures; b++)
        if (is_due(o, b, at)) return true;
    return false;
}

bool observer_shown(const struct observer *o, const struct train_state *at, uint64_t most)
{
    for (uint32_t b = 0; b < o->of.model->n_measures; b++)
        if (is_due(o, b, at) &&
            measure_shown(&o->of.model->measure[b], at->step, at->steps, at->steps_per_epoch, most))
            return true;
    return false;
}

bool observe(struct observer *o, const struct train_state *at, double progress, bool all, const void *parameters,
             const struct trainer *trainer, struct moment out_moment[2], uint32_t *out_n)
{
    const struct model *model = o->of.model;
    double start = seconds(), epoch = at->steps_per_epoch ? (double)at->step / (double)at->steps_per_epoch : 0;
    uint32_t losses = 0, first = NNT_NONE, given[2] = {0},
             mask = 1u << MEASURE_loss | 1u << MEASURE_rmse | 1u << MEASURE_accuracy | 1u << MEASURE_dynamics;
    bool good = true, norm = false;
    for (uint32_t i = 0; i < 2; i++)
        out_moment[i] = (struct moment){.step = at->step, .epoch = epoch, .test = i == 1};
    for (uint32_t b = 0; b < model->n_measures; b++) {
        if (!all && !is_due(o, b, at)) continue;
        losses |= model->measure[b].asked & mask;
        norm |= model->measure[b].asked >> MEASURE_weight_norm & 1;
        if (first == NNT_NONE && model->measure[b].asked & mask) first = b;
    }
    if (losses)
        good = observe_losses(o, losses, &o->probe[first], model->measure[first].of_test, parameters, trainer,
                              &out_moment[0], &out_moment[1]);
    for (uint32_t b = 0; good && b < model->n_measures; b++) {
        const struct measure_spec *spec = &model->measure[b];
        uint32_t *done = &given[spec->of_test];
        if (!all && !is_due(o, b, at)) continue;
        good = observe_ensemble(o, b, *done | laws_of_others(model, b), progress, parameters,
                                &out_moment[spec->of_test]);
        *done |= spec->asked & (ensemble_measures() | 1u << MEASURE_dynamics);
    }
    if (norm) moment_add(&out_moment[0], "weight_norm", weight_norm(o, parameters));
    *out_n = out_moment[1].n ? 2 : 1;
    o->seconds += seconds() - start;
    return good;
}
