/* evaluate.c: losses, accuracy and rmse of a split under given weights. */
#include "runtime/train/train.h"

#include "runtime/thermo/slabs.h"
#include "runtime/train/score.h"

#include <stdlib.h>

static const uint32_t slabs_of_loss = 1u << NNT_DATA | 1u << NNT_STATE | 1u << NNT_RESULT | 1u << NNT_WORK;

struct evaluator {
    struct diag *diag;
    const struct nnt_module *module;
    const struct data *data;
    uint32_t batch;
    struct nnt_call call;
    struct score score;
    uint32_t *which; /* [batch] */
};

struct evaluator *evaluator_new(struct diag *diag, const struct nnt_module *module, const struct data *data,
                                uint32_t batch)
{
    if (!module->entry[NNT_ENTRY_loss] || module->loss == NNT_NONE) BUG("evaluation needs a module with a loss");
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
    if (!slabs_init(diag, (struct span){0}, module, slabs_of_loss, e->batch, &e->call) ||
        !score_init(diag, module, data, &e->score)) {
        evaluator_free(e);
        return NULL;
    }
    return e;
}

void evaluator_free(struct evaluator *e)
{
    if (!e) return;
    slabs_fini(&e->call, slabs_of_loss);
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

bool evaluate(struct evaluator *e, const struct split *split, const uint32_t *only, uint32_t n_only,
              const void *parameters, uint32_t asked, struct moment *moment)
{
    uint32_t count = only ? n_only : split->count;
    if (asked >> MEASURE_accuracy & 1 && !can_be_right(e)) return false;
    /* The entry called here only reads the parameters. */
    e->call.slab[NNT_PARAMETERS] = (void *)parameters;
    score_clear(&e->score);
    for (uint32_t first = 0, n; first < count; first += n) {
        n = count - first < e->batch ? count - first : e->batch;
        load_samples(e, split, only, first, n);
        bool good =
            e->module->entry[NNT_ENTRY_loss](e->module->self, &e->call) == 0 && score_add(&e->score, &e->call);
        if (good) continue;
        diag_input(e->diag, (struct span){0}, "not-finite", "the boundary loss is not finite at samples %u to %u",
                   first + 1, first + n);
        return false;
    }
    score_report(&e->score, asked, moment);
    return true;
}
