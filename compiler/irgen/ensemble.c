/* ensemble.c: H at a given state with its derivatives there: the linearisation of every group, its adjoint and the tangents of both,
 * dH/dx and dH/dq (THEORY 2, 3a). */
#include "compiler/irgen/dynamics.h"

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

/* The sum over i of r_i d^2 f_i / dz dz, by an r that does not depend on z: its diagonal is all there is where f acts element by element;
 * for a group map copy i gives row i, as above. */
static ir_id bend(struct gen *gen, const struct group *group, ir_id r, ir_id z)
{
    struct shape shape = {.rank = 3, .extent = {IR_BATCH, group->size, group->size}};
    ir_id by = z, slope;

    if (group->group_map) {
        by = ir_view(gen->g, z, shape, (const int8_t[IR_AXES]){0, -1, 1, -1});
        r = ir_view(gen->g, r, shape, (const int8_t[IR_AXES]){0, -1, 1, -1});
    }
    slope = ir_map(gen->g, PRIMITIVE_mul, gen_neurons(gen, group->activation, by), r, IR_NONE);
    slope = ir_gradient(gen->g, total(gen, slope), by);
    if (group->group_map) slope = ir_map(gen->g, PRIMITIVE_mul, slope, identity(gen, shape), IR_NONE);
    return ir_gradient(gen->g, total(gen, slope), by);
}

static ir_id residual(struct gen *gen, struct sweep *sweep, uint32_t group)
{
    ir_id x = sweep_state(gen, sweep, group);

    return ir_map(gen->g, PRIMITIVE_sub, x, sweep_prediction(gen, sweep, group), IR_NONE);
}

static ir_id force(struct gen *gen, struct sweep *sweep, uint32_t group)
{
    ir_id V = gen_potential(gen, sweep, group);

    return ir_gradient(gen->g, total(gen, V), sweep_state(gen, sweep, group));
}

static ir_id curvature(struct gen *gen, struct sweep *sweep, uint32_t group)
{
    ir_id sum = total(gen, force(gen, sweep, group));

    return ir_gradient(gen->g, sum, sweep_state(gen, sweep, group));
}

/* ---- an entry, and the entry of its tangents ---- */

/* The entry that results go to; `moved`: not themselves but how they change along the direction, to the places of the tangents. */
struct results {
    struct gen *gen;
    enum nnt_entry_name entry;
    bool moved;
};

static void tell(const struct results *to, ir_id value, uint32_t field)
{
    struct ir *g = to->gen->g;

    if (to->moved)
        ir_define(g, to->entry, ir_tangent(g, value), ir_tangent_field(g, field));
    else
        ir_define(g, to->entry, value, field);
}

static void tell_group(const struct results *to, struct sweep *sweep, uint32_t group)
{
    struct gen *gen = to->gen;
    const struct group *it = &gen->model->group[group];
    const struct nnt_group *at = &gen->at.module->group[group];

    if (at->residual != NNT_NONE) {
        tell(to, residual(gen, sweep, group), at->residual);
        tell(to, slope(gen, it, sweep_z(gen, sweep, group)), at->slope);
    }
    if (at->bend != NNT_NONE) {
        ir_id r = ir_map(gen->g, PRIMITIVE_hold, residual(gen, sweep, group), IR_NONE, IR_NONE);

        tell(to, bend(gen, it, r, sweep_z(gen, sweep, group)), at->bend);
    }
    if (at->force != NNT_NONE) {
        tell(to, force(gen, sweep, group), at->force);
        tell(to, curvature(gen, sweep, group), at->curvature);
    }
}

static void tell_groups(const struct results *to, struct sweep *sweep)
{
    for (uint32_t group = 0; group < to->gen->model->n_groups; group++) tell_group(to, sweep, group);
}

void gen_linearise(struct gen *gen)
{
    struct results to = {gen, NNT_ENTRY_linearise, false};
    struct sweep sweep = sweep_at_state(gen);

    ir_define(gen->g, NNT_ENTRY_linearise, gen_H(gen, &sweep), gen->at.module->H);
    tell_groups(&to, &sweep);
}

void gen_push(struct gen *gen)
{
    struct results to = {gen, NNT_ENTRY_push, true};
    struct sweep sweep = sweep_at_state(gen);

    tell_groups(&to, &sweep);
}

/* ---- the adjoint of linearise ---- */

/* <seed, value>, over the samples too; `field` is the value's in NNT_LINEAR. */
static ir_id seeded(struct gen *gen, ir_id value, uint32_t field)
{
    return gen_dot(gen, value, ir_source(gen->g, ir_twin(gen->g, field, NNT_SEED, "seed")));
}

/* <seed, bend>: of z with r as it stands in NNT_LINEAR, so that r is a variable of its own, and of r by what the first is per r. */
static ir_id seeded_bend(struct gen *gen, struct sweep *sweep, uint32_t group)
{
    const struct nnt_group *at = &gen->at.module->group[group];
    ir_id r = ir_source(gen->g, at->residual), z = sweep_z(gen, sweep, group);
    ir_id by_z = seeded(gen, bend(gen, &gen->model->group[group], r, z), at->bend);
    ir_id by_r = ir_gradient(gen->g, by_z, r);

    by_r = gen_dot(gen, residual(gen, sweep, group), by_r);
    return ir_map(gen->g, PRIMITIVE_add, by_z, by_r, IR_NONE);
}

static ir_id seeded_group(struct gen *gen, struct sweep *sweep, uint32_t group)
{
    const struct nnt_group *at = &gen->at.module->group[group];
    ir_id sum = IR_NONE;

    if (at->residual != NNT_NONE) {
        ir_id f = slope(gen, &gen->model->group[group], sweep_z(gen, sweep, group));

        sum = seeded(gen, residual(gen, sweep, group), at->residual);
        sum = gen_add(gen, sum, seeded(gen, f, at->slope));
    }
    if (at->bend != NNT_NONE) sum = gen_add(gen, sum, seeded_bend(gen, sweep, group));
    if (at->force != NNT_NONE) {
        sum = gen_add(gen, sum, seeded(gen, force(gen, sweep, group), at->force));
        sum = gen_add(gen, sum, seeded(gen, curvature(gen, sweep, group), at->curvature));
    }
    return sum;
}

/* Gradients of the sum over the samples of what is seeded; those by parameters are divided by how many there are. */
static void tell_adjoint(const struct results *to)
{
    struct gen *gen = to->gen;
    const struct nnt_module *m = gen->at.module;
    struct sweep sweep = sweep_at_state(gen);
    ir_id sum = ir_number(gen->g, 0);

    for (uint32_t k = 0; k < m->n_groups; k++) {
        ir_id more = seeded_group(gen, &sweep, k);

        if (more != IR_NONE) sum = ir_map(gen->g, PRIMITIVE_add, sum, more, IR_NONE);
    }
    for (uint32_t k = 0; k < m->n_groups; k++)
        if (m->group[k].gradient_x != NNT_NONE)
            tell(to, ir_gradient(gen->g, sum, sweep_state(gen, &sweep, k)), m->group[k].gradient_x);
    for (uint32_t p = 0; p < m->n_parameters; p++) {
        if (m->parameter[p].gradient == NNT_NONE) continue;
        ir_id by = ir_gradient(gen->g, sum, ir_source(gen->g, m->parameter[p].field));
        tell(to, ir_map(gen->g, PRIMITIVE_div, by, ir_batch(gen->g), IR_NONE), m->parameter[p].gradient);
    }
}

void gen_pull(struct gen *gen)
{
    tell_adjoint(&(struct results){gen, NNT_ENTRY_pull, false});
}

void gen_pull_push(struct gen *gen)
{
    tell_adjoint(&(struct results){gen, NNT_ENTRY_pull_push, true});
}

/* ---- H and its gradients ---- */

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
