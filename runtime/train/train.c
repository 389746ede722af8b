/* train.c: the training loop and its slabs; nothing is allocated between the first and the last step. */
#include "runtime/train/train.h"

#include "runtime/thermo/slabs.h"
#include "runtime/train/trainer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const uint32_t slabs_of_step =
    1u << NNT_PARAMETERS | 1u << NNT_MOMENTS | 1u << NNT_DATA | 1u << NNT_STATE | 1u << NNT_RESULT | 1u << NNT_WORK;
/* Copying the weights costs a good part of a step of a small batch, so that it is done once in as many steps. */
enum { KEEP_EVERY = 64 };

size_t trainer_bytes(const struct trainer *trainer, enum nnt_slab slab)
{
    return (size_t)trainer->module->size[slab] * trainer->module->real_bytes;
}

/* ---- making ---- */

static bool plan_steps(struct diag *diag, struct trainer *t)
{
    uint32_t count = t->data->train.count;
    if (count == 0) {
        diag_input(diag, (struct span){0}, "no-samples", "there are no samples to train on");
        return false;
    }
    t->batch = t->options.batch == 0 || t->options.batch > count ? count : t->options.batch;
    t->steps_per_epoch = (count + (uint64_t)t->batch - 1) / t->batch;
    t->steps = t->options.steps;
    if (t->steps == 0 && __builtin_mul_overflow(t->options.epochs, t->steps_per_epoch, &t->steps)) {
        diag_input(diag, (struct span){0}, "too-many-steps",
                   "%.3g epochs of %.0f steps; expected fewer than 2^64 steps", (double)t->options.epochs,
                   (double)t->steps_per_epoch);
        return false;
    }
    return true;
}

static bool allocate(struct diag *diag, struct trainer *t)
{
    size_t order;
    t->slabs = slabs_of_step | (t->module->entry[NNT_ENTRY_step] ? 0 : 1u << NNT_GRADIENT);
    if (!slabs_init(diag, (struct span){0}, t->module, t->slabs, t->batch, &t->call)) return false;
    if (!score_init(diag, t->module, t->data, &t->score)) return false;
    t->order = size_product(t->data->train.count, sizeof *t->order, &order) ? malloc(order) : NULL;
    t->field = calloc(t->data->n_groups + 1, sizeof *t->field);
    t->kept_parameters = malloc(trainer_bytes(t, NNT_PARAMETERS) + 1);
    t->kept_moments = malloc(trainer_bytes(t, NNT_MOMENTS) + 1);
    if (t->order && t->field && t->kept_parameters && t->kept_moments) return true;
    diag_machine(diag, (struct span){0}, "memory", "memory is short: no room for training");
    return false;
}

static const double *progress_of(void *with, const struct expr *variable)
{
    (void)variable;
    return with;
}

/* A schedule's value at a step, without allocating. */
static double value_at(struct trainer *t, const struct expr *schedule, uint64_t step)
{
    double progress = (double)step / (double)t->steps, value;
    if (expr_is_number(schedule)) return schedule->number;
    expr_value(schedule, progress_of, &progress, &t->scratch, &value);
    return value;
}

struct trainer *trainer_new(struct diag *diag, const struct nnt_module *module, const struct data *data,
                            const struct train_options *options)
{
    bool boundary = module->objective == NNT_ON_BOUNDARY || module->objective == NNT_ON_BOTH;
    if ((!module->entry[NNT_ENTRY_step] && !module->entry[NNT_ENTRY_descend]) ||
        (boundary && module->loss == NNT_NONE))
        BUG("training needs a module with a step and what it minimises");
    if (module->real_bytes != data->real_bytes)
        BUG("data of %u bytes for a module of %u", data->real_bytes, module->real_bytes);
    struct trainer *t = calloc(1, sizeof *t);
    if (!t) {
        diag_machine(diag, (struct span){0}, "memory", "memory is short");
        return NULL;
    }
    *t = (struct trainer){
        .module = module, .data = data, .options = *options, .order_epoch = UINT64_MAX, .kept_step = UINT64_MAX};
    if (!plan_steps(diag, t) || !allocate(diag, t)) {
        trainer_free(t);
        return NULL;
    }
    for (uint32_t d = 0; d < data->n_groups; d++) {
        uint32_t group = module_group(module, data->group[d].name);
        t->field[d] = group == NNT_NONE ? NNT_NONE : module->group[group].data;
    }
    init_parameters(module, options->seed, t->call.slab[NNT_PARAMETERS]);
    /* Once, so that the scratch has its size. */
    if (t->steps > 0) (void)value_at(t, t->options.rate, 0);
    if (t->steps > 0 && t->options.boundary) (void)value_at(t, t->options.boundary, 0);
    if (t->steps > 0 && t->options.bulk) (void)value_at(t, t->options.bulk, 0);
    return t;
}

bool trainer_minimise_F(struct trainer *t, struct diag *diag, struct span at, const struct nnt_module *ensemble,
                        const struct ensemble_spec *spec)
{
    t->F_at = at;
    t->descent = descent_new(diag, at, t->module, ensemble, spec, t->batch);
    if (t->steps > 0) (void)value_at(t, t->options.temperature, 0);
    if (t->steps > 0 && t->options.free_energy) (void)value_at(t, t->options.free_energy, 0);
    return t->descent != NULL;
}

void trainer_warn(const struct trainer *t, struct diag *diag)
{
    if (t->descent) descent_warn(t->descent, diag);
}

void trainer_free(struct trainer *t)
{
    if (!t) return;
    descent_free(t->descent);
    slabs_fini(&t->call, t->slabs);
    score_fini(&t->score);
    free(t->order);
    free(t->field);
    free(t->kept_parameters);
    free(t->kept_moments);
    free(t->scratch.data);
    free(t);
}

/* ---- stepping ---- */

/* Puts the samples of a step into the call. */
static void load_batch(struct trainer *t, uint64_t step)
{
    uint32_t count = t->data->train.count;
    uint64_t epoch = step / t->steps_per_epoch, first = step % t->steps_per_epoch * t->batch;
    if (epoch != t->order_epoch) data_order(count, t->options.shuffle, t->options.seed, epoch, t->order);
    t->order_epoch = epoch;
    t->call.batch = count - first < t->batch ? (uint32_t)(count - first) : t->batch;
    for (uint32_t d = 0; d < t->data->n_groups; d++) {
        if (t->field[d] == NNT_NONE) continue;
        uint64_t at = field_offset(&t->module->field[t->field[d]], t->call.batch);
        data_gather_epoch(t->data, &t->data->train, d, t->order + first, t->call.batch, epoch,
                          (char *)t->call.slab[NNT_DATA] + at * t->module->real_bytes);
    }
}

static void fail(struct trainer *t, uint64_t step, const char *what, double value, uint32_t sample)
{
    t->failure = (struct train_failure){.what = what,
                                        .value = value,
                                        .rate = t->call.number[NNT_RATE],
                                        .step = step + 1,
                                        .epoch = step / t->steps_per_epoch + 1,
                                        .sample = sample};
}

/* A number of the call, as the kernels read it. */
static bool set_number(struct trainer *t, uint64_t step, enum nnt_number which, const struct expr *schedule,
                       const char *what)
{
    double value = schedule ? value_at(t, schedule, step) : 1;
    t->call.number[which] = value;
    if (isfinite(t->module->real_bytes == 4 ? (float)value : value)) return true;
    fail(t, step, what, value, NNT_NONE);
    return false;
}

static bool run_entry(struct trainer *t, uint64_t step, enum nnt_entry_name entry)
{
    if (t->module->entry[entry](t->module->self, &t->call) == 0) return true;
    fail(t, step, NULL, 0, NNT_NONE);
    return false;
}

/* What the module's own gradient is to be multiplied with; of two objectives each has its coefficient in it already. */
static double scale_of(const struct trainer *t)
{
    if (t->module->objective == NNT_ON_NEITHER) return 0;
    return t->module->objective == NNT_ON_BOUNDARY ? t->call.number[NNT_BOUNDARY] : 1;
}

/* F at a step's temperature, and the losses beside it, by their gradients. The outputs' states are those before the step. */
static bool run_descent(struct trainer *t, uint64_t step)
{
    double T = value_at(t, t->options.temperature, step);
    double coefficient = t->options.free_energy ? value_at(t, t->options.free_energy, step) : 1;
    bool boundary = t->module->objective == NNT_ON_BOUNDARY || t->module->objective == NNT_ON_BOTH;
    if (!isfinite(coefficient) || !isfinite(T) || !(T > 0)) {
        bool cold = isfinite(coefficient);
        fail(t, step, cold ? "temperature of F" : "coefficient of F", cold ? T : coefficient, NNT_NONE);
        return false;
    }
    if (boundary && !run_entry(t, step, NNT_ENTRY_loss)) return false;
    if (t->module->objective != NNT_ON_NEITHER && !run_entry(t, step, NNT_ENTRY_gradient)) return false;
    if (descent_step(t->descent, &t->call, scale_of(t), coefficient, T, &t->descended)) return true;
    bool unbounded = t->descended.because || t->descended.lost;
    fail(t, step, unbounded ? "F" : NULL, t->descended.F, NNT_NONE);
    t->failure.descended = t->descended;
    return false;
}

bool trainer_run(struct trainer *t, uint64_t step)
{
    load_batch(t, step);
    t->call.number[NNT_STEP] = (double)(step + 1);
    if (!set_number(t, step, NNT_RATE, t->options.rate, "rate") ||
        !set_number(t, step, NNT_BOUNDARY, t->options.boundary, "coefficient of the boundary loss") ||
        !set_number(t, step, NNT_BULK, t->options.bulk, "coefficient of the bulk loss"))
        return false;
    return t->descent ? run_descent(t, step) : run_entry(t, step, NNT_ENTRY_step);
}

static void add_F(struct trainer *t)
{
    t->score.F += t->descended.F * t->call.batch;
    t->score.descended += t->call.batch;
    if (t->module->objective == NNT_ON_NEITHER)
        convergence_merge(&t->score.convergence, descent_convergence(t->descent));
}

static bool add_scores(struct trainer *t)
{
    struct not_finite found;
    uint32_t on = t->module->objective;
    uint64_t first = t->step % t->steps_per_epoch * t->batch;
    bool boundary = on == NNT_ON_BOUNDARY || on == NNT_ON_BOTH, bulk = on == NNT_ON_BULK || on == NNT_ON_BOTH;
    if ((!boundary || score_add_boundary(&t->score, &t->call, &found)) &&
        (!bulk || score_add_bulk(&t->score, &t->call, on == NNT_ON_BULK, &found))) {
        if (t->descent) add_F(t);
        return true;
    }
    fail(t, t->step, found.what, found.value, t->order[first + found.sample]);
    return false;
}

/* Weights that are not finite would be no help later. */
static void keep(struct trainer *t)
{
    size_t bytes = trainer_bytes(t, NNT_PARAMETERS);
    if (t->kept_step != UINT64_MAX && t->step - t->kept_step < KEEP_EVERY) return;
    if (!numbers_are_finite(t->call.slab[NNT_PARAMETERS], bytes, t->module->real_bytes)) return;
    memcpy(t->kept_parameters, t->call.slab[NNT_PARAMETERS], bytes);
    memcpy(t->kept_moments, t->call.slab[NNT_MOMENTS], trainer_bytes(t, NNT_MOMENTS));
    t->kept_step = t->step;
}

bool trainer_step(struct trainer *t)
{
    if (t->step >= t->steps) BUG("a step behind the last");
    keep(t);
    if (!trainer_run(t, t->step) || !add_scores(t)) {
        trainer_go_back(t);
        return false;
    }
    t->step++;
    return true;
}

bool trainer_check(struct trainer *t)
{
    if (numbers_are_finite(t->call.slab[NNT_PARAMETERS], trainer_bytes(t, NNT_PARAMETERS), t->module->real_bytes))
        return true;
    fail(t, t->step ? t->step - 1 : 0, "weights", NAN, NNT_NONE);
    trainer_go_back(t);
    return false;
}

/* ---- looking ---- */

struct train_state trainer_state(const struct trainer *t)
{
    const struct score *score = &t->score;
    bool bulk = t->module->objective == NNT_ON_BULK, neither = t->module->objective == NNT_ON_NEITHER;
    uint64_t samples = bulk ? score->relaxed : neither ? score->descended : score->samples;
    double sum = bulk ? score->H : neither ? score->F : score->loss;
    return (struct train_state){.step = t->step,
                                .steps = t->steps,
                                .steps_per_epoch = t->steps_per_epoch,
                                .epoch = t->step / t->steps_per_epoch,
                                .loss = samples ? sum / (double)samples : 0,
                                .samples = samples};
}

void trainer_running(const struct trainer *t, uint32_t asked, struct moment *moment)
{
    score_report(&t->score, asked, moment);
}

struct convergence trainer_convergence(const struct trainer *t)
{
    struct convergence all = t->before;
    convergence_merge(&all, &t->score.convergence);
    return all;
}

void trainer_clear_loss(struct trainer *t)
{
    t->before = trainer_convergence(t);
    score_clear(&t->score);
}

void *trainer_parameters(struct trainer *t)
{
    return t->call.slab[NNT_PARAMETERS];
}
