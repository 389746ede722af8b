/* loss.c: the boundary loss of each sample, and H in the bulk. */
#include "compiler/irgen/gen.h"

#include <stdlib.h>

static ir_id target_of(struct gen *gen, const struct sweep *sweep, uint32_t group)
{
    uint32_t data = gen->at.module->group[group].data;

    if (!gen->model->group[group].rows) return ir_source(gen->g, data);
    if (!sweep->target.is) BUG("%s is compared at many ticks", gen->model->group[group].shown);
    return ir_source_row(gen->g, data, sweep->target.first, sweep->target.step);
}

static ir_id loss_variable(struct gen *gen, void *with, const struct expr *variable)
{
    struct sweep *sweep = with;

    switch ((enum variable)variable->op) {
    case VAR_STATE:
        return sweep_state(gen, sweep, variable->index);
    case VAR_TARGET:
        return target_of(gen, sweep, variable->index);
    case VAR_PREDICTION:
        return sweep_prediction(gen, sweep, variable->index);
    case VAR_STATE_Z:
        return sweep_made_from(gen, sweep, variable->index);
    case VAR_PREDICTION_Z:
        return sweep_z(gen, sweep, variable->index);
    default:
        BUG("variable %u in a loss", variable->op);
    }
}

static ir_id per_sample(struct gen *gen, struct sweep *sweep, const struct expr *e)
{
    return gen_spread(gen, gen_expr(gen, e, SAMPLES, loss_variable, sweep), SAMPLES, 0);
}

ir_id gen_term(struct gen *gen, struct sweep *sweep, uint32_t term)
{
    return per_sample(gen, sweep, gen->model->term[term].value);
}

uint32_t term_sequence(const struct gen *gen, uint32_t term)
{
    const struct expr *e = gen->model->term[term].value, **nodes = expr_nodes(e);
    uint32_t found = NNT_NONE;

    for (uint32_t id = 0; id <= e->id; id++) {
        const struct expr *n = nodes[id];

        if (!n || n->kind != EXPR_VARIABLE || n->op < VAR_STATE || n->op > VAR_PREDICTION_Z) continue;
        if (gen->model->group[n->index].output && gen->model->group[n->index].rows) found = n->index;
    }
    free(nodes);
    return found;
}

bool term_reads(const struct gen *gen, uint32_t term, enum variable variable, uint32_t group)
{
    const struct expr *e = gen->model->term[term].value, **nodes = expr_nodes(e);
    bool found = false;

    for (uint32_t id = 0; id <= e->id && !found; id++)
        found =
            nodes[id] && nodes[id]->kind == EXPR_VARIABLE && nodes[id]->op == variable && nodes[id]->index == group;
    free(nodes);
    return found;
}

ir_id gen_loss(struct gen *gen, struct sweep *sweep)
{
    if (sweep->ticks) return ticks_loss(gen, sweep, NNT_NONE);
    return per_sample(gen, sweep, gen->model->loss);
}

/* The terms that read one output alone. */
static ir_id group_loss(struct gen *gen, struct sweep *sweep, uint32_t group)
{
    ir_id sum = ir_number(gen->g, 0);

    if (sweep->ticks) return ticks_loss(gen, sweep, group);
    for (uint32_t k = 0; k < gen->model->n_terms; k++)
        if (gen->model->term[k].group == group)
            sum = ir_map(gen->g, PRIMITIVE_add, sum, gen_term(gen, sweep, k), IR_NONE);
    return sum;
}

void define_losses(struct gen *gen, enum nnt_entry_name entry, struct sweep *sweep)
{
    ir_define(gen->g, entry, gen_loss(gen, sweep), gen->at.module->loss);
    for (uint32_t group = 0; group < gen->model->n_groups; group++)
        if (gen->at.module->group[group].loss != NNT_NONE)
            ir_define(gen->g, entry, group_loss(gen, sweep, group), gen->at.module->group[group].loss);
}

ir_id gen_mean_gradient(struct gen *gen, ir_id value, uint32_t parameter)
{
    ir_id mean = ir_reduce(gen->g, REDUCE_MEAN, value, 1);

    return ir_gradient(gen->g, mean, ir_source(gen->g, gen->at.module->parameter[parameter].field));
}

/* ---- H = 1/2 sum over R of r^2 + sum over Phi of V ---- */

bool group_counts(const struct group *group)
{
    return group->in_R && group->predicted;
}

bool group_is_linear(const struct group *group)
{
    return group->predicted && (group->in_R || !group->clamped);
}

bool group_has_energy(const struct group *group)
{
    return group->potential && !group->clamped;
}

ir_id gen_potential(struct gen *gen, struct sweep *sweep, uint32_t group)
{
    return gen_neurons(gen, gen->model->group[group].potential, sweep_state(gen, sweep, group));
}

static ir_id half_square(struct gen *gen, struct sweep *sweep, uint32_t group)
{
    ir_id x = sweep_state(gen, sweep, group);
    ir_id r = ir_map(gen->g, PRIMITIVE_sub, x, sweep_prediction(gen, sweep, group), IR_NONE);
    ir_id sum = ir_reduce(gen->g, REDUCE_SUM, ir_map(gen->g, PRIMITIVE_mul, r, r, IR_NONE), 1 << 1);

    return ir_map(gen->g, PRIMITIVE_mul, ir_number(gen->g, 0.5), sum, IR_NONE);
}

ir_id gen_H(struct gen *gen, struct sweep *sweep)
{
    ir_id H = ir_number(gen->g, 0);

    for (uint32_t group = 0; group < gen->model->n_groups; group++) {
        const struct group *it = &gen->model->group[group];

        if (group_counts(it)) H = ir_map(gen->g, PRIMITIVE_add, H, half_square(gen, sweep, group), IR_NONE);
        if (group_has_energy(it)) {
            ir_id V = ir_reduce(gen->g, REDUCE_SUM, gen_potential(gen, sweep, group), 1 << 1);

            H = ir_map(gen->g, PRIMITIVE_add, H, V, IR_NONE);
        }
    }
    return gen_spread(gen, H, SAMPLES, 0);
}
