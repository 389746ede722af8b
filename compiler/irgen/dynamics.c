/* dynamics.c: what ticks and settling share: the groups that move, and the two parts of their z. */
#include "compiler/irgen/dynamics.h"

ir_id gen_add(struct gen *gen, ir_id a, ir_id b)
{
    if (a == IR_NONE || b == IR_NONE) return a == IR_NONE ? b : a;
    return ir_map(gen->g, PRIMITIVE_add, a, b, IR_NONE);
}

ir_id gen_dot(struct gen *gen, ir_id value, ir_id factor)
{
    ir_id held = ir_map(gen->g, PRIMITIVE_hold, factor, IR_NONE, IR_NONE);
    ir_id product = ir_map(gen->g, PRIMITIVE_mul, value, held, IR_NONE);

    return ir_reduce(gen->g, REDUCE_SUM, product, (uint8_t)((1u << gen->g->node[product].shape.rank) - 1));
}

struct moving moving_new(struct gen *gen, const struct sweep *sweep)
{
    const struct model *model = gen->model;
    struct moving m = {.moves = arena_alloc(gen->arena, model->n_groups + 1),
                       .x = gen_no_fields(gen, model->n_groups),
                       .z = gen_no_fields(gen, model->n_groups),
                       .fixed = gen_no_fields(gen, model->n_groups)};

    for (uint32_t g = 0; g < model->n_groups; g++) {
        bool held = group_is_held(&model->group[g], sweep->held);

        m.moves[g] = held ? model->group[g].rows > 0 : model->group[g].predicted;
    }
    return m;
}

static bool has_fixed_block(const struct gen *gen, const struct moving *m, uint32_t group)
{
    for (uint32_t k = 0; k < gen->model->n_blocks; k++)
        if (gen->model->block[k].to == group && !m->moves[gen->model->block[k].from]) return true;
    return false;
}

void moving_add_fixed(struct gen *gen, struct moving *m)
{
    for (uint32_t g = 0; g < gen->model->n_groups; g++) {
        const struct group *it = &gen->model->group[g];

        if (m->x[g] != NNT_NONE && has_fixed_block(gen, m, g))
            m->fixed[g] = gen_scratch(gen, "fixed", it->name, it->size);
    }
}

ir_id moving_fixed_part(struct gen *gen, const struct moving *m, struct sweep *at, uint32_t group)
{
    bool *fixed = arena_alloc(gen->arena, gen->model->n_groups + 1);

    for (uint32_t k = 0; k < gen->model->n_groups; k++) fixed[k] = !m->moves[k];
    return sweep_sum(gen, at, group, fixed, true);
}

ir_id moving_part(struct gen *gen, const struct moving *m, struct sweep *at, uint32_t group)
{
    return sweep_sum(gen, at, group, m->moves, m->fixed[group] == NNT_NONE);
}

ir_id moving_z(struct gen *gen, const struct moving *m, struct sweep *at, uint32_t group)
{
    ir_id moving = moving_part(gen, m, at, group);

    return m->fixed[group] == NNT_NONE ? moving : gen_add(gen, moving, ir_source(gen->g, m->fixed[group]));
}
