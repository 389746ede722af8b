/* op_view.c: axes permuted, dropped or broadcast: moves nothing. */
#include <string.h>

#include "compiler/ir/op.h"

ir_id ir_view(struct ir *g, ir_id a, struct shape to, const int8_t from[IR_AXES])
{
    struct node node = {.op = IR_view, .n_in = 1, .in = {a}, .shape = to};
    const struct node *inner = &g->node[a];
    bool identity;

    for (uint32_t k = 0; k < IR_AXES; k++) node.from[k] = k < to.rank ? from[k] : -1;
    if (inner->op == IR_view) { /* a view of a view is one view */
        for (uint32_t k = 0; k < to.rank; k++) node.from[k] = node.from[k] < 0 ? -1 : inner->from[node.from[k]];
        node.in[0] = inner->in[0];
    }
    identity = to.rank == g->node[node.in[0]].shape.rank;
    for (uint32_t k = 0; k < to.rank; k++) identity = identity && node.from[k] == (int8_t)k;
    return identity ? node.in[0] : ir_make(g, node);
}

ir_id ir_broadcast(struct ir *g, ir_id a, struct shape to)
{
    int8_t from[IR_AXES];
    uint32_t rank = g->node[a].shape.rank;

    if (rank > to.rank) BUG("a broadcast from rank %u to rank %d", rank, to.rank);
    for (uint32_t k = 0; k < IR_AXES; k++) from[k] = k < to.rank ? (int8_t)((int)k - (int)(to.rank - rank)) : -1;
    for (uint32_t k = 0; k < IR_AXES; k++) from[k] = from[k] < 0 ? -1 : from[k];
    return ir_view(g, a, to, from);
}

/* Each axis of the input stands once in the result, or has extent 1. */
static bool shape_of_view(const struct ir *g, const struct node *n, struct shape *out)
{
    struct shape input = g->node[n->in[0]].shape;
    bool used[IR_AXES] = {false};

    *out = n->shape;
    if (n->shape.rank > IR_AXES) return false;
    for (uint32_t k = 0; k < n->shape.rank; k++) {
        int from = n->from[k];

        if (from < 0) continue;
        if (from >= input.rank || used[from] || input.extent[from] != n->shape.extent[k]) return false;
        used[from] = true;
    }
    for (uint32_t k = 0; k < input.rank; k++) {
        if (!used[k] && input.extent[k] != 1) return false;
    }
    return true;
}

static void value_of_view(const struct ir *g, const struct node *n, uint32_t batch, bool single,
                          const double *const in[], double *out)
{
    struct shape input = g->node[n->in[0]].shape;
    uint64_t stride[IR_AXES] = {0}, extent[IR_AXES], size = shape_size(n->shape, batch);

    (void)single;
    for (uint32_t k = 0; k < n->shape.rank; k++) {
        extent[k] = n->shape.extent[k] == IR_BATCH ? batch : n->shape.extent[k];
        stride[k] = n->from[k] < 0 ? 0 : 1;
        for (int j = n->from[k] + 1; n->from[k] >= 0 && j < input.rank; j++) {
            stride[k] *= input.extent[j] == IR_BATCH ? batch : input.extent[j];
        }
    }
    for (uint64_t e = 0; e < size; e++) {
        uint64_t rest = e, at = 0;

        for (uint32_t k = n->shape.rank; k-- > 0; rest /= extent[k]) at += rest % extent[k] * stride[k];
        out[e] = in[0][at];
    }
}

/* Sum over the broadcast axes, then the axes back where they came from. */
static void reverse_of_view(struct ir *g, ir_id id, ir_id adjoint, ir_id out_in[IR_INPUTS])
{
    const struct node n = g->node[id];
    int8_t from[IR_AXES];
    uint8_t broadcast = 0;
    uint32_t rank = 0;

    memset(from, -1, sizeof from);
    for (uint32_t k = 0; k < n.shape.rank; k++) {
        if (n.from[k] < 0) {
            broadcast |= (uint8_t)(1u << k);
        } else {
            from[n.from[k]] = (int8_t)rank++;
        }
    }
    adjoint = ir_reduce(g, REDUCE_SUM, adjoint, broadcast);
    out_in[0] = ir_view(g, adjoint, g->node[n.in[0]].shape, from);
}

static ir_id forward_of_view(struct ir *g, ir_id id, const ir_id tangent[IR_INPUTS])
{
    const struct node n = g->node[id];

    return ir_view(g, tangent[0], n.shape, n.from);
}

const struct op op_view = {shape_of_view, value_of_view, reverse_of_view, forward_of_view};
