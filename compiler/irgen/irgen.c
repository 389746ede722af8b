/* irgen.c: the graph of the entries that are wanted: runs over entries.def. */
#include "compiler/irgen/irgen.h"

#include "compiler/irgen/gen.h"

static void gen_forward(struct gen *gen)
{
    struct sweep sweep = sweep_new(gen, NNT_ENTRY_forward, HELD_INPUTS, false);

    define_states(gen, NNT_ENTRY_forward, &sweep);
}

static void gen_ensemble_forward(struct gen *gen)
{
    struct sweep sweep = sweep_new(gen, NNT_ENTRY_ensemble_forward, HELD_ENSEMBLE, false);

    define_states(gen, NNT_ENTRY_ensemble_forward, &sweep);
}

static void gen_loss_entry(struct gen *gen)
{
    struct sweep sweep = sweep_new(gen, NNT_ENTRY_loss, HELD_INPUTS, false);

    define_states(gen, NNT_ENTRY_loss, &sweep);
    define_losses(gen, NNT_ENTRY_loss, &sweep);
}

/* Whether the model has what an entry is made for. */
static bool always(const struct model *model)
{
    (void)model;
    return true;
}

static bool has_loss(const struct model *model)
{
    return model->loss != NULL;
}

static bool minimizes(const struct model *model)
{
    return (model->minimizes_boundary && model->loss) || model->minimizes_bulk;
}

static bool trains(const struct model *model)
{
    return model->trains && minimizes(model) && !model->minimizes_free_energy;
}

static bool takes_steps(const struct model *model)
{
    return model->trains;
}

static bool relaxes(const struct model *model)
{
    return model->ensemble.relaxed || model->minimizes_bulk;
}

struct family {
    void (*gen)(struct gen *gen);
    bool (*exists)(const struct model *model);
};
static const struct family families[NNT_ENTRIES] = {
    [NNT_ENTRY_forward] = {gen_forward, always},
    [NNT_ENTRY_loss] = {gen_loss_entry, has_loss},
    [NNT_ENTRY_gradient] = {gen_gradient, minimizes},
    [NNT_ENTRY_step] = {gen_step, trains},
    [NNT_ENTRY_ensemble_forward] = {gen_ensemble_forward, always},
    [NNT_ENTRY_linearise] = {gen_linearise, always},
    [NNT_ENTRY_bulk] = {gen_bulk, always},
    [NNT_ENTRY_relax] = {gen_relax, relaxes},
    [NNT_ENTRY_pull] = {gen_pull, always},
    [NNT_ENTRY_push] = {gen_push, always},
    [NNT_ENTRY_pull_push] = {gen_pull_push, always},
    [NNT_ENTRY_descend] = {gen_descend, takes_steps},
};

struct ir *irgen(struct arena *arena, const struct model *model, uint32_t real_bytes, uint32_t entries)
{
    struct gen gen = {.arena = arena, .model = model, .g = ir_new(arena, real_bytes)};

    gen.at = layout_make(arena, model, real_bytes);
    gen.g->field = (struct nnt_field *)gen.at.module->field;
    gen.g->n_fields = gen.at.module->n_fields;
    gen.memo = arena_alloc(arena, (model->pool->count + 1) * sizeof *gen.memo);
    gen.stamp = arena_alloc(arena, (model->pool->count + 1) * sizeof *gen.stamp);
    for (uint32_t e = 0; e < NNT_ENTRIES; e++)
        if (entries >> e & 1 && families[e].exists(model)) families[e].gen(&gen);
    return gen.g;
}
