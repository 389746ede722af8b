/* op_map.c: a scalar primitive, element by element. */
#include <math.h>

#include "compiler/ir/op.h"

/* Whether every element of a node is one known number. */
static bool constant(const struct ir *g, ir_id id, double *out)
{
    if (id == IR_NONE) return false;
    if (g->node[id].op == IR_view) id = g->node[id].in[0];
    *out = g->node[id].number;
    return g->node[id].op == IR_number;
}

static bool is_constant(const struct ir *g, ir_id id, double value)
{
    double number;

    return constant(g, id, &number) && number == value;
}

static bool is_map(const struct ir *g, ir_id id, enum primitive op)
{
    return g->node[id].op == IR_map && g->node[id].kind == op;
}

/* Sums and products with what changes nothing; IR_NONE: nothing to simplify. x * 0 stays: x may be NaN. */
static ir_id simplify_sum(struct ir *g, enum primitive op, ir_id a, ir_id b)
{
    if (op == PRIMITIVE_add && is_constant(g, a, 0)) return b;
    if (is_constant(g, b, 0)) return a;
    if (op == PRIMITIVE_sub && is_constant(g, a, 0)) return ir_map(g, PRIMITIVE_neg, b, IR_NONE, IR_NONE);
    if (!is_map(g, b, PRIMITIVE_neg)) return IR_NONE;
    return ir_map(g, op == PRIMITIVE_add ? PRIMITIVE_sub : PRIMITIVE_add, a, g->node[b].in[0], IR_NONE);
}

static ir_id simplify_product(struct ir *g, ir_id a, ir_id b)
{
    if (is_constant(g, a, 1)) return b;
    if (is_constant(g, b, 1)) return a;
    if (is_constant(g, a, -1)) return ir_map(g, PRIMITIVE_neg, b, IR_NONE, IR_NONE);
    if (is_constant(g, b, -1)) return ir_map(g, PRIMITIVE_neg, a, IR_NONE, IR_NONE);
    return IR_NONE;
}

static ir_id simplify_product_or_zero(struct ir *g, ir_id a, ir_id b)
{
    double number;

    if (is_constant(g, a, 0)) return a;
    if (constant(g, a, &number)) return ir_map(g, PRIMITIVE_mul, a, b, IR_NONE);
    if (constant(g, b, &number) && isfinite(number)) return ir_map(g, PRIMITIVE_mul, a, b, IR_NONE);
    return IR_NONE;
}

static ir_id simplify(struct ir *g, enum primitive op, ir_id a, ir_id b, ir_id c)
{
    double number;

    switch (op) {
    case PRIMITIVE_add:
    case PRIMITIVE_sub:
        return simplify_sum(g, op, a, b);
    case PRIMITIVE_mul:
        return simplify_product(g, a, b);
    case PRIMITIVE_mul_or_zero:
        return simplify_product_or_zero(g, a, b);
    case PRIMITIVE_div:
        return is_constant(g, b, 1) ? a : IR_NONE;
    case PRIMITIVE_pow:
        if (is_constant(g, b, 0)) return ir_broadcast(g, ir_number(g, 1), g->node[a].shape);
        return is_constant(g, b, 1) ? a : IR_NONE;
    case PRIMITIVE_neg:
        return is_map(g, a, PRIMITIVE_neg) ? g->node[a].in[0] : IR_NONE;
    case PRIMITIVE_select:
        if (b == c) return b;
        return constant(g, a, &number) ? (number != 0 ? b : c) : IR_NONE;
    default:
        return IR_NONE;
    }
}

static bool fold(const struct ir *g, enum primitive op, const ir_id in[3], uint32_t arity, double *out)
{
    double value[3] = {0};

    for (uint32_t k = 0; k < arity; k++) {
        if (!constant(g, in[k], &value[k])) return false;
    }
    *out = primitive_value(op, value[0], value[1], value[2]);
    return true;
}

ir_id ir_map(struct ir *g, enum primitive op, ir_id a, ir_id b, ir_id c)
{
    struct node node = {.op = IR_map, .kind = (uint8_t)op, .n_in = primitive_rows[op].arity, .in = {a, b, c}};
    struct shape shape = {0};
    double number;
    ir_id simple;

    for (uint32_t k = 0; k < node.n_in; k++) {
        if (node.in[k] >= g->count) BUG("%s: operand %u is missing", primitive_rows[op].name, k);
        if (g->node[node.in[k]].shape.rank > 0) shape = g->node[node.in[k]].shape;
    }
    if (fold(g, op, node.in, node.n_in, &number)) return ir_broadcast(g, ir_number(g, number), shape);
    for (uint32_t k = 0; k < node.n_in; k++) {
        if (g->node[node.in[k]].shape.rank == 0) node.in[k] = ir_broadcast(g, node.in[k], shape);
    }
    simple = simplify(g, op, node.in[0], node.in[1], node.in[2]);
    return simple != IR_NONE ? simple : ir_make(g, node);
}

static bool shape_of_map(const struct ir *g, const struct node *n, struct shape *out)
{
    if (n->kind >= PRIMITIVES || n->n_in != primitive_rows[n->kind].arity) return false;
    *out = g->node[n->in[0]].shape;
    for (uint32_t k = 1; k < n->n_in; k++) {
        if (!shape_equal(g->node[n->in[k]].shape, *out)) return false;
    }
    return true;
}

static void value_of_map(const struct ir *g, const struct node *n, uint32_t batch, bool single,
                         const double *const in[], double *out)
{
    uint64_t size = shape_size(n->shape, batch);

    (void)g;
    for (uint64_t i = 0; i < size; i++) {
        double value = primitive_value((enum primitive)n->kind, in[0][i], n->n_in > 1 ? in[1][i] : 0,
                                       n->n_in > 2 ? in[2][i] : 0);

        out[i] = single ? (float)value : value;
    }
}

/* adjoint, or tangent, times partial derivative. Where only a taken branch may use the value, an adjoint of 0 gives 0 whatever
 * the derivative. */
static ir_id chain(struct ir *g, ir_id id, ir_id adjoint, ir_id partial)
{
    if (partial == IR_NONE) return IR_NONE;
    return ir_map(g, g->node[id].conditional ? PRIMITIVE_mul_or_zero : PRIMITIVE_mul, adjoint, partial, IR_NONE);
}

static void reverse_of_select(struct ir *g, const struct node *n, ir_id adjoint, ir_id out_in[IR_INPUTS])
{
    ir_id zero = ir_number(g, 0), condition = n->in[0];

    out_in[1] = ir_map(g, PRIMITIVE_select, condition, adjoint, zero);
    out_in[2] = ir_map(g, PRIMITIVE_select, condition, zero, adjoint);
}

/* n = a b, a the adjoint in a branch and 0 where that is not taken, b a derivative that may be infinite there. The
 * second derivative by a is then infinite too, until the select that made a 0 stops it; b must get 0 all the same.
 */
static void reverse_of_mul_or_zero(struct ir *g, ir_id id, ir_id adjoint, ir_id out_in[IR_INPUTS])
{
    ir_id a = g->node[id].in[0], b = g->node[id].in[1];

    out_in[0] = chain(g, id, adjoint, b);
    out_in[1] = ir_map(g, PRIMITIVE_mul_or_zero, a, adjoint, IR_NONE);
}

static void reverse_of_map(struct ir *g, ir_id id, ir_id adjoint, ir_id out_in[IR_INPUTS])
{
    const struct node n = g->node[id];

    if (n.kind == PRIMITIVE_select) {
        reverse_of_select(g, &n, adjoint, out_in);
        return;
    }
    if (n.kind == PRIMITIVE_mul_or_zero) {
        reverse_of_mul_or_zero(g, id, adjoint, out_in);
        return;
    }
    for (uint32_t k = 0; k < n.n_in; k++) {
        ir_id partial = primitive_partial(g, (enum primitive)n.kind, k, n.in[0], n.in[1], n.in[2], id);

        out_in[k] = chain(g, id, adjoint, partial);
    }
}

/* The tangent of the branch that is taken: whatever that of the other is, it goes no further. */
static ir_id forward_of_select(struct ir *g, const struct node *n, const ir_id tangent[IR_INPUTS])
{
    ir_id zero = ir_number(g, 0), yes = tangent[1] == IR_NONE ? zero : tangent[1],
          no = tangent[2] == IR_NONE ? zero : tangent[2];

    if (yes == zero && no == zero) return IR_NONE;
    return ir_map(g, PRIMITIVE_select, n->in[0], yes, no);
}

/* Where its branch is not taken, a and a's tangent are 0, whatever b and b's are. */
static ir_id forward_of_mul_or_zero(struct ir *g, const struct node *n, const ir_id tangent[IR_INPUTS])
{
    ir_id sum = IR_NONE;

    if (tangent[0] != IR_NONE) sum = ir_map(g, PRIMITIVE_mul_or_zero, tangent[0], n->in[1], IR_NONE);
    if (tangent[1] == IR_NONE) return sum;
    return tangent_sum(g, sum, ir_map(g, PRIMITIVE_mul_or_zero, n->in[0], tangent[1], IR_NONE));
}

/* What is held still in reverse mode moves with the direction all the same. */
static ir_id forward_of_map(struct ir *g, ir_id id, const ir_id tangent[IR_INPUTS])
{
    const struct node n = g->node[id];
    ir_id sum = IR_NONE;

    if (n.kind == PRIMITIVE_hold) return tangent[0];
    if (n.kind == PRIMITIVE_select) return forward_of_select(g, &n, tangent);
    if (n.kind == PRIMITIVE_mul_or_zero) return forward_of_mul_or_zero(g, &n, tangent);
    for (uint32_t k = 0; k < n.n_in; k++) {
        ir_id partial;

        if (tangent[k] == IR_NONE) continue;
        partial = primitive_partial(g, (enum primitive)n.kind, k, n.in[0], n.in[1], n.in[2], id);
        sum = tangent_sum(g, sum, chain(g, id, tangent[k], partial));
    }
    return sum;
}

const struct op op_map = {shape_of_map, value_of_map, reverse_of_map, forward_of_map};
