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

struct family {
    void (*gen)(struct gen *gen);
    bool needs_loss, needs_training;
};
static const struct family families[NNT_ENTRIES] = {
    [NNT_ENTRY_forward] = {.gen = gen_forward},
    [NNT_ENTRY_loss] = {.gen = gen_loss_entry, .needs_loss = true},
    [NNT_ENTRY_gradient] = {.gen = gen_gradient, .needs_loss = true},
    [NNT_ENTRY_step] = {.gen = gen_step, .needs_loss = true, .needs_training = true},
    [NNT_ENTRY_ensemble_forward] = {.gen = gen_ensemble_forward},
    [NNT_ENTRY_linearise] = {.gen = gen_linearise},
    [NNT_ENTRY_bulk] = {.gen = gen_bulk},
};

struct ir *irgen(struct arena *arena, const struct model *model, uint32_t real_bytes, uint32_t entries)
{
    struct gen gen = {.arena = arena, .model = model, .g = ir_new(arena, real_bytes)};

    gen.at = layout_make(arena, model, real_bytes);
    gen.g->field = (struct nnt_field *)gen.at.module->field;
    gen.g->n_fields = gen.at.module->n_fields;
    gen.memo = arena_alloc(arena, (model->pool->count + 1) * sizeof *gen.memo);
    gen.stamp = arena_alloc(arena, (model->pool->count + 1) * sizeof *gen.stamp);
    for (uint32_t e = 0; e < NNT_ENTRIES; e++) {
        const struct family *family = &families[e];

        if (!family->gen || !(entries >> e & 1) || (family->needs_loss && !model->loss) ||
            (family->needs_training && !model->trains))
            continue;
        family->gen(&gen);
    }
    return gen.g;
}
