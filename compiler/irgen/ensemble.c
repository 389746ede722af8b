/* ensemble.c: H at a given state with its derivatives there: the linearisation of every group, dH/dx and dH/dq
 * (THEORY 2, 3a). */
#include "compiler/irgen/gen.h"

/* The sum of all elements. */
static ir_id total(struct gen *gen, ir_id a)
{
    return ir_reduce(gen->g, REDUCE_SUM, a, (uint8_t)((1u << gen->g->node[a].shape.rank) - 1));
}

/* 1 where the last two axes of [batch][n][n] agree. */
static ir_id identity(struct gen *gen, struct shape shape)
{
    ir_id index = ir_index(gen->g, shape.extent[1]);
    ir_id row = ir_view(gen->g, index, shape, (const int8_t[IR_AXES]){-1, 0, -1, -1});
    ir_id column = ir_view(gen->g, index, shape, (const int8_t[IR_AXES]){-1, -1, 0, -1});

    return ir_map(gen->g, PRIMITIVE_equal, row, column, IR_NONE);
}

/* f' at z. Element by element, the gradient of the sum of f is its diagonal. For a group map, copy i of z is a
 * variable of its own and only f_i of it is kept, so that the gradient by the copies has df_i/dz in row i. */
static ir_id slope(struct gen *gen, const struct group *group, ir_id z)
{
    struct shape shape = {.rank = 3, .extent = {IR_BATCH, group->size, group->size}};
    ir_id copies, f;

    if (!group->group_map) return ir_gradient(gen->g, total(gen, gen_neurons(gen, group->activation, z)), z);
    copies = ir_view(gen->g, z, shape, (const int8_t[IR_AXES]){0, -1, 1, -1});
    f = gen_neurons(gen, group->activation, copies);
    f = ir_map(gen->g, PRIMITIVE_mul, f, identity(gen, shape), IR_NONE);
    return ir_gradient(gen->g, total(gen, f), copies);
}

/* The sum over i of r_i d^2 f_i / dz dz with r held still: its diagonal is all there is where f acts element by element; for a group map
 * copy i gives row i, as above. */
static ir_id bend(struct gen *gen, const struct group *group, ir_id r, ir_id z)
{
    struct shape shape = {.rank = 3, .extent = {IR_BATCH, group->size, group->size}};
    ir_id by = z, slope;

    r = ir_map(gen->g, PRIMITIVE_hold, r, IR_NONE, IR_NONE);
    if (group->group_map) {
        by = ir_view(gen->g, z, shape, (const int8_t[IR_AXES]){0, -1, 1, -1});
        r = ir_view(gen->g, r, shape, (const int8_t[IR_AXES]){0, -1, 1, -1});
    }
    slope = ir_map(gen->g, PRIMITIVE_mul, gen_neurons(gen, group->activation, by), r, IR_NONE);
    slope = ir_gradient(gen->g, total(gen, slope), by);
    if (group->group_map) slope = ir_map(gen->g, PRIMITIVE_mul, slope, identity(gen, shape), IR_NONE);
    return ir_gradient(gen->g, total(gen, slope), by);
}

static void linearise_group(struct gen *gen, struct sweep *sweep, uint32_t group)
{
    const struct group *it = &gen->model->group[group];
    const struct nnt_group *at = &gen->at.module->group[group];
    ir_id x = sweep_state(gen, sweep, group);

    if (group_counts(it)) {
        ir_id r = ir_map(gen->g, PRIMITIVE_sub, x, sweep_prediction(gen, sweep, group), IR_NONE);
        ir_id z = sweep_z(gen, sweep, group);

        ir_define(gen->g, NNT_ENTRY_linearise, r, at->residual);
        ir_define(gen->g, NNT_ENTRY_linearise, slope(gen, it, z), at->slope);
        if (at->bend != NNT_NONE) ir_define(gen->g, NNT_ENTRY_linearise, bend(gen, it, r, z), at->bend);
    }
    if (group_has_energy(it)) {
        ir_id force = ir_gradient(gen->g, total(gen, gen_potential(gen, sweep, group)), x);

        ir_define(gen->g, NNT_ENTRY_linearise, force, at->force);
        ir_define(gen->g, NNT_ENTRY_linearise, ir_gradient(gen->g, total(gen, force), x), at->curvature);
    }
}

void gen_linearise(struct gen *gen)
{
    struct sweep sweep = sweep_at_state(gen);

    ir_define(gen->g, NNT_ENTRY_linearise, gen_H(gen, &sweep), gen->at.module->H);
    for (uint32_t group = 0; group < gen->model->n_groups; group++) linearise_group(gen, &sweep, group);
}

void gen_bulk(struct gen *gen)
{
    struct sweep sweep = sweep_at_state(gen);
    ir_id H = gen_H(gen, &sweep);
    ir_id sum = total(gen, H);

    ir_define(gen->g, NNT_ENTRY_bulk, H, gen->at.module->H);
    for (uint32_t group = 0; group < gen->model->n_groups; group++) {
        const struct nnt_group *at = &gen->at.module->group[group];

        if (at->gradient_x == NNT_NONE) continue;
        ir_define(gen->g, NNT_ENTRY_bulk, ir_gradient(gen->g, sum, sweep_state(gen, &sweep, group)),
                  at->gradient_x);
    }
    for (uint32_t p = 0; p < gen->model->n_parameters; p++) {
        uint32_t field = gen->at.module->parameter[p].gradient;

        if (field != NNT_NONE) ir_define(gen->g, NNT_ENTRY_bulk, gen_mean_gradient(gen, H, p), field);
    }
}
