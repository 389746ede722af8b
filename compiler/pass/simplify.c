/* simplify.c: constants, identities, views into labels, small tensors before large; until nothing changes.
 *
 * It runs behind differentiate: `hold`, which stops gradients, has done its work and goes. */
#include "compiler/pass/plan.h"

#include <string.h>

/* ---- sums over axes ---- */

/* Of a tensor that is spread: reduced before it is. Over axes along which it is the same its elements are counted,
 * not summed. */
static ir_id reduce_spread(struct ir *g, const struct node *n)
{
    struct shape shape = g->node[n->in[0]].shape;
    uint32_t spread = node_spread_axes(g, n->in[0]), summed = 0, kept = 0, rank = 0, result_rank = 0;
    if (!spread) return IR_NONE;
    for (uint32_t k = 0; k < shape.rank; k++) {
        bool reduced = n->axes >> k & 1, same = spread >> k & 1;
        if (reduced && !same) summed |= 1u << rank;
        if (!reduced && same) kept |= 1u << result_rank;
        if (!same) rank++;
        if (!reduced) result_rank++;
    }
    ir_id sum = ir_reduce(g, n->kind, node_without_axes(g, n->in[0], spread), (uint8_t)summed);
    uint32_t counted = spread & n->axes;
    if (n->kind == REDUCE_SUM && counted) sum = ir_map(g, PRIMITIVE_mul, ir_count(g, shape, counted), sum, IR_NONE);
    return node_spread_along(g, sum, n->shape, kept);
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

/* ---- contractions ---- */

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

static void drop_labels(int8_t label[IR_AXES], uint32_t axes)
{
    uint32_t kept = 0;
    for (uint32_t k = 0; k < IR_AXES; k++)
        if (!(axes >> k & 1)) label[kept++] = label[k];
    for (; kept < IR_AXES; kept++) label[kept] = -1;
}

/* A contraction with a number is a sum of the other input, times the number. */
static ir_id contract_number(struct ir *g, const struct node *n, uint32_t part, struct shape shape)
{
    const int8_t *label = n->label[1 - part];
    uint32_t summed = 0;
    int8_t from[IR_AXES] = {-1, -1, -1, -1}, next = 0;
    for (uint32_t k = 0; k < g->node[n->in[1 - part]].shape.rank; k++) {
        int32_t to = axis_of(n, 2, label[k]);
        if (to < 0)
            summed |= 1u << k;
        else
            from[to] = next++;
    }
    ir_id sum = ir_view(g, ir_reduce(g, REDUCE_SUM, n->in[1 - part], (uint8_t)summed), shape, from);
    return ir_map(g, PRIMITIVE_mul, n->in[part], sum, IR_NONE);
}

/* An input that is spread along some labels does without them: what the other input has there is summed before,
 * what the result has there is spread afterwards, what nobody has is counted. */
static ir_id contract_spread(struct ir *g, const struct node *n, uint32_t part)
{
    struct node rest = *n;
    struct shape own = g->node[n->in[part]].shape, shape = {0};
    uint32_t spread = node_spread_axes(g, n->in[part]), counted = 0, summed = 0, afterwards = 0;
    if (!spread) return IR_NONE;
    for (uint32_t k = 0; k < own.rank; k++) {
        if (!(spread >> k & 1)) continue;
        int32_t in_other = axis_of(n, 1 - part, n->label[part][k]), in_result = axis_of(n, 2, n->label[part][k]);
        if (in_other < 0 && in_result < 0) counted |= 1u << k;
        if (in_other >= 0 && in_result < 0) summed |= 1u << in_other;
        if (in_other < 0 && in_result >= 0) afterwards |= 1u << in_result;
    }
    rest.in[part] = node_without_axes(g, n->in[part], spread);
    rest.in[1 - part] = ir_reduce(g, REDUCE_SUM, n->in[1 - part], (uint8_t)summed);
    drop_labels(rest.label[part], spread);
    drop_labels(rest.label[1 - part], summed);
    drop_labels(rest.label[2], afterwards);
    for (uint32_t k = 0; k < n->shape.rank; k++)
        if (!(afterwards >> k & 1)) shape.extent[shape.rank++] = n->shape.extent[k];
    bool number = g->node[rest.in[part]].shape.rank == 0;
    ir_id product = number ? contract_number(g, &rest, part, shape) : ir_make(g, rest);
    product = ir_map(g, PRIMITIVE_mul, ir_count(g, own, counted), product, IR_NONE);
    return node_spread_along(g, product, n->shape, afterwards);
}

static ir_id simplify_contract(struct ir *g, const struct node *n)
{
    ir_id simple = contract_spread(g, n, 0);
    if (simple == IR_NONE) simple = contract_spread(g, n, 1);
    return simple != IR_NONE ? simple : contract_permuted(g, n);
}

/* ---- the pass ---- */

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
