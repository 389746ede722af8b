/* op_tangent.c: the placeholder of a directional derivative, and its expansion by the operators' forward rules. */
#include <string.h>

#include "compiler/ir/op.h"

ir_id ir_tangent(struct ir *g, ir_id of)
{
    return ir_make(g, (struct node){.op = IR_tangent, .n_in = 1, .in = {of}});
}

/* The slab of the directional derivatives of each that moves, itself where it does not. */
static enum nnt_slab tangent_slab(uint32_t slab)
{
    switch (slab) {
    case NNT_PARAMETERS:
        return NNT_D_PARAMETERS;
    case NNT_STATE:
        return NNT_D_STATE;
    case NNT_LINEAR:
        return NNT_D_LINEAR;
    case NNT_SEED:
        return NNT_D_SEED;
    case NNT_GRADIENT:
        return NNT_D_GRADIENT;
    default:
        return (enum nnt_slab)slab;
    }
}

uint32_t ir_tangent_field(struct ir *g, uint32_t field)
{
    enum nnt_slab slab = tangent_slab(g->field[field].slab);

    return slab == g->field[field].slab ? NNT_NONE : ir_twin(g, field, slab, "d");
}

static bool shape_of_tangent(const struct ir *g, const struct node *n, struct shape *out)
{
    *out = g->node[n->in[0]].shape;
    return true;
}

static void reverse_of_tangent(struct ir *g, ir_id n, ir_id adjoint, ir_id out_in[IR_INPUTS])
{
    (void)g;
    (void)adjoint;
    (void)out_in;
    BUG("node %u: a tangent is expanded before its gradient", n);
}

static ir_id forward_of_tangent(struct ir *g, ir_id n, const ir_id tangent[IR_INPUTS])
{
    (void)g;
    (void)tangent;
    BUG("node %u: the inner tangent is expanded before the outer", n);
}

const struct op op_tangent = {shape_of_tangent, value_of_placeholder, reverse_of_tangent, forward_of_tangent};

/* ---- forward mode ---- */

ir_id tangent_sum(struct ir *g, ir_id a, ir_id b)
{
    if (a == IR_NONE || b == IR_NONE) return a == IR_NONE ? b : a;
    return ir_map(g, PRIMITIVE_add, a, b, IR_NONE);
}

static void make_room(struct forward *f, uint32_t count)
{
    uint32_t room = f->room ? f->room : 256;
    bool *known;
    ir_id *tangent;

    if (count <= f->room) return;
    while (room < count) room *= 2;
    known = arena_alloc(f->arena, room);
    tangent = arena_alloc(f->arena, room * sizeof *tangent);
    if (f->room) memcpy(known, f->known, f->room);
    if (f->room) memcpy(tangent, f->tangent, f->room * sizeof *tangent);
    f->known = known;
    f->tangent = tangent;
    f->room = room;
}

/* The depth of the stack with the inputs on it that have no tangent yet. */
static uint32_t push_missing(struct forward *f, const struct ir *g, uint32_t depth, ir_id id)
{
    for (uint32_t k = 0; k < g->node[id].n_in; k++)
        if (!f->known[g->node[id].in[k]]) depth = ir_push(f->arena, &f->stack, depth, g->node[id].in[k]);
    return depth;
}

static ir_id apply_rule(const struct forward *f, struct ir *g, ir_id id)
{
    ir_id tangent[IR_INPUTS] = {IR_NONE, IR_NONE, IR_NONE};
    bool moves = g->node[id].n_in == 0;

    for (uint32_t k = 0; k < g->node[id].n_in; k++) {
        tangent[k] = f->tangent[g->node[id].in[k]];
        moves = moves || tangent[k] != IR_NONE;
    }
    return moves ? operators[g->node[id].op]->forward(g, id, tangent) : IR_NONE;
}

/* Depth first without recursion; what one result needed, the next finds. */
ir_id forward_expand(struct forward *f, struct ir *g, ir_id of)
{
    uint32_t depth = ir_push(f->arena, &f->stack, 0, of);

    make_room(f, g->count);
    while (depth > 0) {
        ir_id id = f->stack.node[depth - 1];
        uint32_t deeper = f->known[id] ? depth : push_missing(f, g, depth, id);

        if (deeper > depth) {
            depth = deeper;
            continue;
        }
        depth--;
        if (f->known[id]) continue; /* it stood on the stack twice */
        f->tangent[id] = apply_rule(f, g, id);
        f->known[id] = true;
    }
    if (f->tangent[of] != IR_NONE) return f->tangent[of];
    return ir_broadcast(g, ir_number(g, 0), g->node[of].shape);
}
