/* evaluate.c: losses, accuracy and rmse of a split under given weights. */
#include "runtime/train/train.h"

#include "runtime/thermo/slabs.h"
#include "runtime/train/score.h"

#include <stdlib.h>

static const uint32_t slabs_of_loss = 1u << NNT_DATA | 1u << NNT_STATE | 1u << NNT_RESULT | 1u << NNT_WORK;

static bool has_boundary(const struct nnt_module *module)
{
    return module->entry[NNT_ENTRY_loss] && module->loss != NNT_NONE;
}

static bool has_bulk(const struct nnt_module *module)
{
    bool minimised = module->objective == NNT_ON_BULK || module->objective == NNT_ON_BOTH;
    return minimised && module->entry[NNT_ENTRY_ensemble_forward] &&
           (module->entry[NNT_ENTRY_relax] || module->entry[NNT_ENTRY_linearise]);
}

/* Without a boundary loss the outputs' states still tell accuracy and rmse. */
static bool has_states(const struct nnt_module *module)
{
    return !has_boundary(module) && module->entry[NNT_ENTRY_forward];
}

/* Only linearise writes the linear slab. */
static uint32_t slabs_of(const struct nnt_module *module)
{
    return slabs_of_loss | (has_bulk(module) && !module->entry[NNT_ENTRY_relax] ? 1u << NNT_LINEAR : 0);
}

struct evaluator {
    struct diag *diag;
    const struct nnt_module *module;
    const struct data *data;
    uint32_t batch;
    struct nnt_call call;
    struct score score;
    uint32_t *which;                /* [batch] */
    struct convergence convergence; /* of all samples so far */
};

struct evaluator *evaluator_new(struct diag *diag, const struct nnt_module *module, const struct data *data,
                                uint32_t batch)
{
    if (!has_boundary(module) && !has_bulk(module) && !has_states(module))
        BUG("evaluation needs a module with a loss");
    if (module->real_bytes != data->real_bytes)
        BUG("data of %u bytes for a module of %u", data->real_bytes, module->real_bytes);
    struct evaluator *e = calloc(1, sizeof *e);
    if (e) *e = (struct evaluator){.diag = diag, .module = module, .data = data, .batch = batch > 0 ? batch : 1};
    if (e) e->which = calloc(e->batch, sizeof *e->which);
    if (!e || !e->which) {
        diag_machine(diag, (struct span){0}, "memory", "memory is short");
        evaluator_free(e);
        return NULL;
    }
    if (!slabs_init(diag, (struct span){0}, module, slabs_of(module), e->batch, &e->call) ||
        !score_init(diag, module, data, &e->score)) {
        evaluator_free(e);
        return NULL;
    }
    return e;
}

void evaluator_free(struct evaluator *e)
{
    if (!e) return;
    slabs_fini(&e->call, slabs_of(e->module));
    score_fini(&e->score);
    free(e->which);
    free(e);
}

static void load_samples(struct evaluator *e, const struct split *split, const uint32_t *only, uint32_t first,
                         uint32_t n)
{
    e->call.batch = n;
    for (uint32_t i = 0; i < n; i++) e->which[i] = only ? only[first + i] : first + i;
    for (uint32_t d = 0; d < e->data->n_groups; d++) {
        uint32_t group = module_group(e->module, e->data->group[d].name);
        if (group == NNT_NONE || e->module->group[group].data == NNT_NONE) continue;
        uint64_t at = field_offset(&e->module->field[e->module->group[group].data], n);
        data_gather(e->data, split, d, e->which, n, (char *)e->call.slab[NNT_DATA] + at * e->module->real_bytes);
    }
}

static bool can_be_right(const struct evaluator *e)
{
    if (e->score.n_outputs == 0 || score_has_accuracy(&e->score)) return true;
    const struct data_group *group = &e->data->group[e->score.output[0].data];
    diag_input(e->diag, group->at, "no-accuracy",
               "accuracy of '%s', whose target is a number; expected a label, or a target of two values",
               group->shown);
    diag_hint(e->diag, "measure rmse instead");
    return false;
}

static bool run_entry(struct evaluator *e, enum nnt_entry_name entry)
{
    if (e->module->entry[entry](e->module->self, &e->call) == 0) return true;
    diag_machine(e->diag, (struct span){0}, "entry-failed", "a loss could not be computed");
    return false;
}

/* H at the minimum over the free neurons; at the data where none is free. */
static bool run_bulk(struct evaluator *e)
{
    bool relaxes = e->module->entry[NNT_ENTRY_relax] != NULL;
    return run_entry(e, NNT_ENTRY_ensemble_forward) &&
           run_entry(e, relaxes ? NNT_ENTRY_relax : NNT_ENTRY_linearise);
}

static bool tell(struct evaluator *e, const struct not_finite *found)
{
    uint32_t sample = e->which[found->sample];
    diag_input(e->diag, (struct span){0}, "not-finite", "the %s is %g at sample %u", found->what, found->value,
               sample + 1);
    diag_hint(e->diag, "the weights may have grown without bound: try a smaller rate, or clip: 1 in the optimizer");
    return false;
}

/* The samples in the call. */
static bool add_samples(struct evaluator *e)
{
    struct not_finite found;
    bool boundary = has_boundary(e->module), states = has_states(e->module);
    if (boundary && !run_entry(e, NNT_ENTRY_loss)) return false;
    if (boundary && !score_add_boundary(&e->score, &e->call, &found)) return tell(e, &found);
    if (states && !run_entry(e, NNT_ENTRY_forward)) return false;
    if (states) score_add_outputs(&e->score, &e->call);
    if (!has_bulk(e->module)) return true;
    return run_bulk(e) && (score_add_bulk(&e->score, &e->call, !boundary, &found) || tell(e, &found));
}

bool evaluate(struct evaluator *e, const struct split *split, const uint32_t *only, uint32_t n_only,
              const void *parameters, uint32_t asked, struct moment *moment)
{
    uint32_t count = only ? n_only : split->count;
    if (asked >> MEASURE_accuracy & 1 && !can_be_right(e)) return false;
    /* The entries called here only read the parameters. */
    e->call.slab[NNT_PARAMETERS] = (void *)parameters;
    score_clear(&e->score);
    for (uint32_t first = 0, n; first < count; first += n) {
        n = count - first < e->batch ? count - first : e->batch;
        load_samples(e, split, only, first, n);
        if (!add_samples(e)) return false;
    }
    score_report(&e->score, asked, moment);
    convergence_merge(&e->convergence, &e->score.convergence);
    return true;
}

struct convergence evaluator_convergence(const struct evaluator *e)
{
    return e->convergence;
}
