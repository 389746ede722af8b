/* op_reduce.c: sum, mean, max and min over some axes, which vanish. */
#include <math.h>
#include <string.h>

#include "compiler/ir/op.h"

ir_id ir_count(struct ir *g, struct shape shape, uint8_t axes)
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
    return batch ? ir_map(g, PRIMITIVE_mul, ir_batch(g), ir_number(g, fixed), IR_NONE) : ir_number(g, fixed);
}

ir_id ir_reduce(struct ir *g, enum reduction op, ir_id a, uint8_t axes)
{
    struct node node = {.op = IR_reduce, .kind = (uint8_t)op, .n_in = 1, .in = {a}, .axes = axes};

    if (axes == 0) return a;
    if (op != REDUCE_MEAN) return ir_make(g, node);
    node.kind = REDUCE_SUM;
    a = ir_make(g, node);
    return ir_map(g, PRIMITIVE_div, a, ir_count(g, g->node[node.in[0]].shape, axes), IR_NONE);
}

static bool shape_of_reduce(const struct ir *g, const struct node *n, struct shape *out)
{
    struct shape input = g->node[n->in[0]].shape;

    *out = (struct shape){0};
    for (uint32_t k = 0; k < input.rank; k++) {
        if (!(n->axes >> k & 1)) out->extent[out->rank++] = input.extent[k];
    }
    return n->axes >> input.rank == 0 && n->kind != REDUCE_MEAN;
}

static double fold(enum reduction op, double sum, double element)
{
    if (op == REDUCE_SUM) return sum + element;
    if (isnan(sum) || isnan(element)) return NAN;
    if (op == REDUCE_MAX) return sum >= element ? sum : element;
    return sum <= element ? sum : element;
}

static void value_of_reduce(const struct ir *g, const struct node *n, uint32_t batch, bool single,
                            const double *const in[], double *out)
{
    struct shape input = g->node[n->in[0]].shape;
    uint64_t size = shape_size(input, batch), results = shape_size(n->shape, batch), stride[IR_AXES],
             result_stride = 1;
    double start = n->kind == REDUCE_SUM ? 0 : n->kind == REDUCE_MAX ? -INFINITY : INFINITY;

    for (uint32_t k = input.rank; k-- > 0;) {
        stride[k] = n->axes >> k & 1 ? 0 : result_stride;
        if (stride[k]) result_stride *= input.extent[k] == IR_BATCH ? batch : input.extent[k];
    }
    for (uint64_t r = 0; r < results; r++) out[r] = start;
    for (uint64_t e = 0; e < size; e++) {
        uint64_t rest = e, at = 0;

        for (uint32_t k = input.rank; k-- > 0;) {
            uint64_t extent = input.extent[k] == IR_BATCH ? batch : input.extent[k];

            at += rest % extent * stride[k];
            rest /= extent;
        }
        out[at] = fold((enum reduction)n->kind, out[at], in[0][e]);
    }
    for (uint64_t r = 0; single && r < results; r++) out[r] = (float)out[r];
}

/* A reduced tensor spread over the shape it was reduced from. */
static ir_id spread(struct ir *g, ir_id a, struct shape to, uint8_t axes)
{
    int8_t from[IR_AXES];
    int8_t next = 0;

    for (uint32_t k = 0; k < IR_AXES; k++) from[k] = k < to.rank && !(axes >> k & 1) ? next++ : -1;
    return ir_view(g, a, to, from);
}

/* The position of an element among the reduced ones, counted row-major, in every element. */
static ir_id position_of(struct ir *g, struct shape shape, uint8_t axes, double *out_count)
{
    ir_id position = ir_number(g, 0);

    *out_count = 1;
    for (uint32_t k = shape.rank; k-- > 0;) {
        int8_t from[IR_AXES];
        ir_id index;

        if (!(axes >> k & 1)) continue;
        if (shape.extent[k] == IR_BATCH) BUG("the largest over the samples has no derivative");
        memset(from, -1, sizeof from);
        from[k] = 0;
        index = ir_view(g, ir_index(g, shape.extent[k]), shape, from);
        index = ir_map(g, PRIMITIVE_mul, index, ir_number(g, *out_count), IR_NONE);
        position = ir_map(g, PRIMITIVE_add, position, index, IR_NONE);
        *out_count *= shape.extent[k];
    }
    return position;
}

/* 1 at the first of the extreme elements, which has the derivative. */
static ir_id first_extreme(struct ir *g, ir_id id)
{
    const struct node n = g->node[id];
    struct shape shape = g->node[n.in[0]].shape;
    double count;
    ir_id position = position_of(g, shape, n.axes, &count);
    ir_id extreme = ir_map(g, PRIMITIVE_equal, n.in[0], spread(g, id, shape, n.axes), IR_NONE);
    ir_id candidate = ir_map(g, PRIMITIVE_select, extreme, position, ir_number(g, count));
    ir_id first = ir_reduce(g, REDUCE_MIN, candidate, n.axes);

    return ir_map(g, PRIMITIVE_equal, position, spread(g, first, shape, n.axes), IR_NONE);
}

static void reverse_of_reduce(struct ir *g, ir_id id, ir_id adjoint, ir_id out_in[IR_INPUTS])
{
    const struct node n = g->node[id];
    ir_id first = n.kind == REDUCE_SUM ? IR_NONE : first_extreme(g, id);

    out_in[0] = spread(g, adjoint, g->node[n.in[0]].shape, n.axes);
    if (first != IR_NONE) out_in[0] = ir_map(g, PRIMITIVE_select, first, out_in[0], ir_number(g, 0));
}

static ir_id forward_of_reduce(struct ir *g, ir_id id, const ir_id tangent[IR_INPUTS])
{
    const struct node n = g->node[id];
    ir_id moved = tangent[0], first = n.kind == REDUCE_SUM ? IR_NONE : first_extreme(g, id);

    if (first != IR_NONE) moved = ir_map(g, PRIMITIVE_select, first, moved, ir_number(g, 0));
    return ir_reduce(g, REDUCE_SUM, moved, n.axes);
}

const struct op op_reduce = {shape_of_reduce, value_of_reduce, reverse_of_reduce, forward_of_reduce};
