/* simplify.c: constants, identities, views into labels, small tensors before large; until nothing changes.
 *
 * It runs behind differentiate: `hold`, which stops gradients, has done its work and goes. */
#include "compiler/pass/plan.h"

#include <string.h>

/* ---- sums over axes -------------------------------------------------------------------------------------------------- */

/* How many elements these axes have, as a node. */
static ir_id count_of(struct ir *g, struct shape shape, uint32_t axes)
{
    double fixed = 1;
    bool batch = false;
    for (uint32_t k = 0; k < shape.rank; k++) {
        if (!(axes >> k & 1)) continue;
        if (shape.extent[k] == IR_BATCH)
            batch = true;
        else
            fixed *= shape.extent[k];
    }
    return batch ? ir_map(g, PRIMITIVE_mul, ir_number(g, fixed), ir_batch(g), IR_NONE) : ir_number(g, fixed);
}

/* Over axes along which the input is spread: counted, not summed; the largest of equals is each of them. */
static ir_id reduce_spread(struct ir *g, const struct node *n)
{
    const struct node view = g->node[n->in[0]];
    if (view.op != IR_view) return IR_NONE;
    struct shape rest = {0};
    uint32_t counted = 0, summed = 0;
    int8_t from[IR_AXES] = {-1, -1, -1, -1};
    for (uint32_t k = 0; k < view.shape.rank; k++) {
        bool reduced = n->axes >> k & 1;
        if (reduced && view.from[k] < 0) {
            counted |= 1u << k;
            continue;
        }
        if (reduced) summed |= 1u << rest.rank;
        from[rest.rank] = view.from[k];
        rest.extent[rest.rank++] = view.shape.extent[k];
    }
    if (!counted) return IR_NONE;
    ir_id sum = ir_reduce(g, n->kind, ir_view(g, view.in[0], rest, from), (uint8_t)summed);
    return n->kind == REDUCE_SUM ? ir_map(g, PRIMITIVE_mul, count_of(g, view.shape, counted), sum, IR_NONE) : sum;
}

static ir_id reduce_of_reduce(struct ir *g, const struct node *n)
{
    const struct node inner = g->node[n->in[0]];
    if (inner.op != IR_reduce || inner.kind != n->kind) return IR_NONE;
    uint32_t axes = inner.axes, outer = 0;
    for (uint32_t k = 0; k < g->node[inner.in[0]].shape.rank; k++) {
        if (inner.axes >> k & 1) continue;
        if (n->axes >> outer & 1) axes |= 1u << k;
        outer++;
    }
    return ir_reduce(g, n->kind, inner.in[0], (uint8_t)axes);
}

/* Over axes of one element: nothing is summed. */
static ir_id reduce_single(struct ir *g, const struct node *n)
{
    struct shape shape = g->node[n->in[0]].shape, rest = {0};
    int8_t from[IR_AXES] = {-1, -1, -1, -1};
    uint32_t summed = 0;
    for (uint32_t k = 0; k < shape.rank; k++) {
        bool reduced = n->axes >> k & 1;
        if (reduced && shape.extent[k] == 1) continue;
        if (reduced) summed |= 1u << rest.rank;
        from[rest.rank] = (int8_t)k;
        rest.extent[rest.rank++] = shape.extent[k];
    }
    return rest.rank == shape.rank ? IR_NONE
                                   : ir_reduce(g, n->kind, ir_view(g, n->in[0], rest, from), (uint8_t)summed);
}

static ir_id simplify_reduce(struct ir *g, const struct node *n)
{
    ir_id simple = reduce_spread(g, n);
    if (simple == IR_NONE) simple = reduce_of_reduce(g, n);
    return simple != IR_NONE ? simple : reduce_single(g, n);
}

/* ---- contractions ---------------------------------------------------------------------------------------------------- */

static int32_t axis_of(const struct node *n, uint32_t part, int8_t label)
{
    for (int32_t k = 0; k < IR_AXES; k++)
        if (n->label[part][k] == label) return k;
    return -1;
}

/* An input with its axes permuted is the tensor itself with its labels permuted. */
static ir_id contract_permuted(struct ir *g, const struct node *n)
{
    struct node folded = *n;
    for (uint32_t part = 0; part < 2; part++) {
        const struct node *view = &g->node[n->in[part]];
        bool permutation = view->op == IR_view && g->node[view->in[0]].shape.rank == view->shape.rank;
        for (uint32_t k = 0; permutation && k < view->shape.rank; k++) permutation = view->from[k] >= 0;
        if (!permutation) continue;
        for (uint32_t k = 0; k < view->shape.rank; k++) folded.label[part][view->from[k]] = n->label[part][k];
        folded.in[part] = view->in[0];
    }
    bool changed = folded.in[0] != n->in[0] || folded.in[1] != n->in[1];
    return changed ? ir_make(g, folded) : IR_NONE;
}

/* A number for one input: the sum of the other, times the number, times how often it is taken. */
static ir_id contract_number(struct ir *g, const struct node *n, uint32_t part)
{
    ir_id number = node_spread(g, n->in[part]), sum = n->in[1 - part];
    struct shape own = g->node[n->in[part]].shape, other = g->node[sum].shape;
    uint32_t counted = 0, summed = 0;
    int8_t from[IR_AXES] = {-1, -1, -1, -1}, next = 0;
    if (number == IR_NONE) return IR_NONE;
    for (uint32_t k = 0; k < own.rank; k++) {
        int8_t label = n->label[part][k];
        if (axis_of(n, 2, label) < 0 && axis_of(n, 1 - part, label) < 0) counted |= 1u << k;
    }
    for (uint32_t k = 0; k < other.rank; k++) {
        int32_t to = axis_of(n, 2, n->label[1 - part][k]);
        if (to < 0)
            summed |= 1u << k;
        else
            from[to] = next++;
    }
    sum = ir_reduce(g, REDUCE_SUM, sum, (uint8_t)summed);
    number = ir_map(g, PRIMITIVE_mul, number, count_of(g, own, counted), IR_NONE);
    return ir_view(g, ir_map(g, PRIMITIVE_mul, number, sum, IR_NONE), n->shape, from);
}

static ir_id simplify_contract(struct ir *g, const struct node *n)
{
    ir_id simple = contract_number(g, n, 0);
    if (simple == IR_NONE) simple = contract_number(g, n, 1);
    return simple != IR_NONE ? simple : contract_permuted(g, n);
}

/* ---- the pass -------------------------------------------------------------------------------------------------------- */

static ir_id simplify_node(void *with, struct ir *g, struct node n)
{
    bool *changed = with;
    ir_id simple = IR_NONE;
    if (n.op == IR_map) simple = simplify_map(g, &n);
    if (n.op == IR_reduce) simple = simplify_reduce(g, &n);
    if (n.op == IR_contract) simple = simplify_contract(g, &n);
    if (n.op == IR_view) simple = ir_view(g, n.in[0], n.shape, n.from);
    if (simple == IR_NONE) return ir_make(g, n);
    *changed = *changed || n.op != IR_view;
    return simple;
}

void pass_simplify(struct plan *plan)
{
    enum { MOST_ROUNDS = 16 };
    bool changed = true;
    for (uint32_t round = 0; changed && round < MOST_ROUNDS; round++) {
        changed = false;
        plan->g = ir_rewrite(plan->arena, plan->g, simplify_node, &changed);
    }
}
