/* forward.c: states of all groups, each when it is asked for, what feeds it first; expressions as nodes. */
#include "compiler/irgen/gen.h"

/* ---- expressions ---- */

ir_id gen_spread(struct gen *gen, ir_id id, struct shape lead, uint32_t n)
{
    struct shape to = lead;
    int8_t from[IR_AXES] = {-1, -1, -1, -1};
    uint32_t rank = gen->g->node[id].shape.rank;

    if (n > 0) to.extent[to.rank++] = n;
    for (uint32_t k = 0; k < rank; k++) from[k] = (int8_t)k;
    return ir_view(gen->g, id, to, from);
}

static ir_id apply(struct gen *gen, const struct expr *e, struct shape lead)
{
    ir_id in[3] = {IR_NONE, IR_NONE, IR_NONE};

    for (uint32_t k = 0; k < 3 && e->arg[k]; k++) {
        in[k] = gen->memo[e->arg[k]->id];
        if (e->width > 0 && gen->g->node[in[k]].shape.rank > 0) in[k] = gen_spread(gen, in[k], lead, e->width);
    }
    return ir_map(gen->g, (enum primitive)e->op, in[0], in[1], in[2]);
}

static ir_id reduce(struct gen *gen, const struct expr *e, struct shape lead)
{
    ir_id in = gen->memo[e->arg[0]->id];

    if (e->arg[0]->width == 0) return in;
    in = gen_spread(gen, in, lead, e->arg[0]->width);
    return ir_reduce(gen->g, (enum reduction)e->op, in, (uint8_t)(1u << lead.rank));
}

/* A walk over one expression. Its own number `run` tells its memos from those of others: a variable's node may need
 * the walk of another expression (a group's prediction, its activation) in the middle of this one. */
struct walk {
    struct gen *gen;
    struct shape lead;
    gen_variable *variable;
    void *with;
    uint32_t run;
    const struct expr **stack;
    uint32_t depth, capacity;
};

static ir_id make(struct walk *w, const struct expr *e)
{
    switch ((enum expr_kind)e->kind) {
    case EXPR_NUMBER:
        return ir_number(w->gen->g, e->number);
    case EXPR_VARIABLE:
        return w->variable(w->gen, w->with, e);
    case EXPR_APPLY:
        return apply(w->gen, e, w->lead);
    case EXPR_REDUCE:
        return reduce(w->gen, e, w->lead);
    }
    BUG("no kind of expression: %u", e->kind);
}

static void push(struct walk *w, const struct expr *e)
{
    w->stack = arena_grow(w->gen->arena, w->stack, w->depth, &w->capacity, sizeof *w->stack);
    w->stack[w->depth++] = e;
}

static bool is_made(const struct walk *w, const struct expr *e)
{
    return w->gen->stamp[e->id] == w->run;
}

static bool push_missing_arguments(struct walk *w, const struct expr *e)
{
    uint32_t depth = w->depth;

    for (uint32_t k = 0; k < 3 && e->arg[k]; k++) {
        if (!is_made(w, e->arg[k])) push(w, e->arg[k]);
    }
    return w->depth > depth;
}

ir_id gen_expr(struct gen *gen, const struct expr *e, struct shape lead, gen_variable *variable, void *with)
{
    struct walk w = {.gen = gen, .lead = lead, .variable = variable, .with = with, .run = ++gen->runs};

    push(&w, e);
    while (w.depth > 0) {
        const struct expr *top = w.stack[w.depth - 1];

        if (!is_made(&w, top)) {
            ir_id id;

            if (push_missing_arguments(&w, top)) continue;
            id = make(&w, top);
            gen->memo[top->id] = id;
            gen->stamp[top->id] = w.run;
        }
        w.depth--;
    }
    return gen->memo[e->id];
}

static ir_id the_neurons(struct gen *gen, void *with, const struct expr *variable)
{
    (void)gen;
    (void)variable;
    return *(ir_id *)with;
}

ir_id gen_neurons(struct gen *gen, const struct expr *e, ir_id x)
{
    struct shape shape = gen->g->node[x].shape, lead = shape;

    lead.rank--;
    return gen_spread(gen, gen_expr(gen, e, lead, the_neurons, &x), lead, shape.extent[lead.rank]);
}

/* ---- states ---- */

#define UNDER_WAY (IR_NONE - 1)

uint32_t *gen_no_fields(struct gen *gen, uint32_t count)
{
    uint32_t *fields = arena_alloc(gen->arena, (count + (size_t)1) * sizeof *fields);

    for (uint32_t k = 0; k < count; k++) fields[k] = NNT_NONE;
    return fields;
}

ir_id *gen_no_nodes(struct gen *gen)
{
    ir_id *nodes = arena_alloc(gen->arena, (gen->model->n_groups + 1) * sizeof *nodes);

    for (uint32_t g = 0; g < gen->model->n_groups; g++) nodes[g] = IR_NONE;
    return nodes;
}

/* A hollow block's diagonal is cut out here, and so of every gradient: what it holds is 0 and stays 0. */
static ir_id without_diagonal(struct gen *gen, ir_id w)
{
    struct shape shape = gen->g->node[w].shape;
    ir_id index = ir_index(gen->g, shape.extent[0]), one = ir_number(gen->g, 1);
    ir_id row = ir_view(gen->g, index, shape, (const int8_t[IR_AXES]){0, -1, -1, -1});
    ir_id column = ir_view(gen->g, index, shape, (const int8_t[IR_AXES]){-1, 0, -1, -1});
    ir_id diagonal = ir_map(gen->g, PRIMITIVE_equal, row, column, IR_NONE);

    return ir_map(gen->g, PRIMITIVE_mul, w, ir_map(gen->g, PRIMITIVE_sub, one, diagonal, IR_NONE), IR_NONE);
}

static ir_id weights_of(struct gen *gen, const struct block *block)
{
    ir_id w = ir_source(gen->g, gen->at.module->parameter[block->parameter].field);

    return gen->model->parameter[block->parameter].hollow ? without_diagonal(gen, w) : w;
}

static ir_id block_product(struct gen *gen, struct sweep *sweep, const struct block *block)
{
    ir_id w = weights_of(gen, block);
    ir_id x = sweep_state(gen, sweep, block->from);

    return ir_contract(gen->g, x, w, block->transposed ? "bj,ji->bi" : "bj,ij->bi");
}

static ir_id bias_of(struct gen *gen, const struct group *group)
{
    struct shape shape = {.rank = 2, .extent = {IR_BATCH, group->size}};

    return ir_broadcast(gen->g, ir_source(gen->g, gen->at.module->parameter[group->bias].field), shape);
}

ir_id sweep_sum(struct gen *gen, struct sweep *sweep, uint32_t group, const bool from[], bool bias)
{
    const struct group *it = &gen->model->group[group];
    ir_id z = IR_NONE;

    for (uint32_t k = 0; k < gen->model->n_blocks; k++) {
        const struct block *block = &gen->model->block[k];

        if (block->to != group || (from && !from[block->from])) continue;
        ir_id product = block_product(gen, sweep, block);
        z = z == IR_NONE ? product : ir_map(gen->g, PRIMITIVE_add, z, product, IR_NONE);
    }
    if (bias && it->bias != NNT_NONE) {
        ir_id b = bias_of(gen, it);

        z = z == IR_NONE ? b : ir_map(gen->g, PRIMITIVE_add, z, b, IR_NONE);
    }
    return z;
}

ir_id sweep_z(struct gen *gen, struct sweep *sweep, uint32_t group)
{
    if (sweep->z[group] != IR_NONE) return sweep->z[group];
    sweep->z[group] = sweep_sum(gen, sweep, group, NULL, true);
    if (sweep->z[group] == IR_NONE) BUG("%s has neither block nor bias", gen->model->group[group].shown);
    return sweep->z[group];
}

ir_id sweep_made_from(struct gen *gen, struct sweep *sweep, uint32_t group)
{
    if (sweep->made_from && sweep->made_from[group] != IR_NONE) return sweep->made_from[group];
    return sweep_z(gen, sweep, group);
}

ir_id sweep_prediction(struct gen *gen, struct sweep *sweep, uint32_t group)
{
    if (sweep->prediction[group] == IR_NONE) {
        ir_id z = sweep_z(gen, sweep, group);

        sweep->prediction[group] = gen_neurons(gen, gen->model->group[group].activation, z);
    }
    return sweep->prediction[group];
}

bool group_is_held(const struct group *group, enum held held)
{
    return held == HELD_INPUTS ? group->input : group->clamped;
}

ir_id gen_zeros(struct gen *gen, uint32_t group)
{
    return gen_spread(gen, ir_number(gen->g, 0), SAMPLES, gen->model->group[group].size);
}

static ir_id new_state(struct gen *gen, struct sweep *sweep, uint32_t group)
{
    const struct group *it = &gen->model->group[group];

    if (group_is_held(it, sweep->held)) return ir_source(gen->g, gen->at.module->group[group].data);
    if (it->predicted) return sweep_prediction(gen, sweep, group);
    return gen_zeros(gen, group); /* x(0) = 0, and nothing moves it */
}

ir_id sweep_state(struct gen *gen, struct sweep *sweep, uint32_t group)
{
    if (sweep->state[group] == UNDER_WAY) BUG("%s feeds itself", gen->model->group[group].shown);
    if (sweep->state[group] != IR_NONE) return sweep->state[group];
    sweep->state[group] = UNDER_WAY;
    return sweep->state[group] = new_state(gen, sweep, group);
}

static struct sweep empty_sweep(struct gen *gen)
{
    return (struct sweep){.state = gen_no_nodes(gen), .z = gen_no_nodes(gen), .prediction = gen_no_nodes(gen)};
}

struct sweep sweep_new(struct gen *gen, enum nnt_entry_name entry, enum held held, bool kept)
{
    struct sweep sweep = empty_sweep(gen);

    sweep.entry = entry;
    sweep.held = held;
    switch (gen->model->dynamics.which) {
    case DYNAMICS_TICKS:
        ticks_run(gen, &sweep, kept);
        break;
    case DYNAMICS_SETTLE:
        settle_run(gen, &sweep, kept);
        break;
    case DYNAMICS_FEEDFORWARD:
        /* in order, so that nothing recurses deeply; what no entry needs is dropped later */
        for (uint32_t k = 0; k < gen->model->n_groups; k++) sweep_state(gen, &sweep, gen->model->order[k]);
        break;
    }
    return sweep;
}

struct sweep sweep_at(struct gen *gen, const ir_id state[])
{
    struct sweep sweep = empty_sweep(gen);

    for (uint32_t g = 0; g < gen->model->n_groups; g++) sweep.state[g] = state[g];
    return sweep;
}

struct sweep sweep_at_state(struct gen *gen)
{
    struct sweep sweep = empty_sweep(gen);

    for (uint32_t g = 0; g < gen->model->n_groups; g++)
        sweep.state[g] = ir_source(gen->g, gen->at.module->group[g].state);
    return sweep;
}

void sweep_gradients(struct gen *gen, struct sweep *sweep, ir_id coefficient, ir_id out[])
{
    if (sweep->ticks) {
        ticks_gradients(gen, sweep, coefficient, out);
    } else if (sweep->settling) {
        settle_gradients(gen, sweep, coefficient, out);
    } else {
        ir_id loss = gen_loss(gen, sweep);

        if (coefficient != IR_NONE) loss = ir_map(gen->g, PRIMITIVE_mul, coefficient, loss, IR_NONE);
        for (uint32_t p = 0; p < gen->model->n_parameters; p++)
            out[p] = gen->model->parameter[p].frozen ? IR_NONE : gen_mean_gradient(gen, loss, p);
    }
}

uint32_t gen_scratch(struct gen *gen, const char *prefix, const char *name, uint32_t n)
{
    struct shape shape = {.rank = n ? 1 : 0, .extent = {n}};

    return ir_scratch(gen->g, arena_printf(gen->arena, "%s.%s", prefix, name), true, shape);
}

void define_states(struct gen *gen, enum nnt_entry_name entry, struct sweep *sweep)
{
    for (uint32_t group = 0; group < gen->model->n_groups; group++)
        ir_define(gen->g, entry, sweep_state(gen, sweep, group), gen->at.module->group[group].state);
}

void define_outputs(struct gen *gen, enum nnt_entry_name entry, struct sweep *sweep)
{
    for (uint32_t g = 0; g < gen->model->n_groups; g++)
        if (gen->model->group[g].output)
            ir_define(gen->g, entry, sweep_state(gen, sweep, g), gen->at.module->group[g].state);
}
