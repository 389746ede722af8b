/* simplify_map.c: what may stand for a map: identities of the primitives, and small tensors before large ones.
 *
 * Rules hold for every finite value and keep NaN; x * 0 stays. A sign of zero or a last bit may differ where a rule
 * says so. */
#include "compiler/pass/plan.h"

#include <math.h>

/* ---- what nodes are ---- */

bool node_is_constant(const struct ir *g, ir_id id, double *out)
{
    if (g->node[id].op == IR_view) id = g->node[id].in[0];
    *out = g->node[id].number;
    return g->node[id].op == IR_number;
}

ir_id node_spread(const struct ir *g, ir_id id)
{
    if (g->node[id].op == IR_view) id = g->node[id].in[0];
    return g->node[id].shape.rank == 0 ? id : IR_NONE;
}

static bool is_map(const struct ir *g, ir_id id, enum primitive op)
{
    return g->node[id].op == IR_map && g->node[id].kind == op;
}

static ir_id map2(struct ir *g, enum primitive op, ir_id a, ir_id b)
{
    return ir_map(g, op, a, b, IR_NONE);
}

/* ---- products ---- */

/* s (t X) = (s t) X: numbers of the call go together, so that one of them can be gemm's alpha. */
static ir_id join_factors(struct ir *g, ir_id s, ir_id product)
{
    ir_id t = node_spread(g, g->node[product].in[0]), x = g->node[product].in[1];
    double u, v;
    if (t == IR_NONE || node_spread(g, x) != IR_NONE) return IR_NONE;
    bool constants = node_is_constant(g, s, &u) && node_is_constant(g, t, &v);
    if (constants && !isnormal(u * v)) return IR_NONE;
    return map2(g, PRIMITIVE_mul, map2(g, PRIMITIVE_mul, s, t), x);
}

static ir_id simplify_mul(struct ir *g, ir_id a, ir_id b)
{
    ir_id s = node_spread(g, a);
    double number;
    if (is_map(g, a, PRIMITIVE_neg) && is_map(g, b, PRIMITIVE_neg))
        return map2(g, PRIMITIVE_mul, g->node[a].in[0], g->node[b].in[0]);
    if (s == IR_NONE) return node_spread(g, b) != IR_NONE ? map2(g, PRIMITIVE_mul, b, a) : IR_NONE;
    if (is_map(g, b, PRIMITIVE_mul)) return join_factors(g, s, b);
    if (is_map(g, b, PRIMITIVE_neg) && node_is_constant(g, s, &number))
        return map2(g, PRIMITIVE_mul, ir_number(g, -number), g->node[b].in[0]);
    return IR_NONE;
}

static bool is_power_of_two(double x)
{
    int exponent;
    return isnormal(x) && isnormal(1 / x) && fabs(frexp(x, &exponent)) == 0.5;
}

/* By a power of two exactly; by a number of the call up to the last bit, and one division instead of many. */
static ir_id simplify_div(struct ir *g, ir_id a, ir_id b)
{
    ir_id s = node_spread(g, b);
    double number;
    if (node_is_constant(g, b, &number))
        return is_power_of_two(number) ? map2(g, PRIMITIVE_mul, ir_number(g, 1 / number), a) : IR_NONE;
    if (s == IR_NONE || node_spread(g, a) != IR_NONE) return IR_NONE;
    return map2(g, PRIMITIVE_mul, map2(g, PRIMITIVE_div, ir_number(g, 1), s), a);
}

static ir_id simplify_pow(struct ir *g, ir_id a, ir_id b)
{
    double power;
    if (!node_is_constant(g, b, &power)) return IR_NONE;
    ir_id square = power == 2 || power == 3 || power == 4 || power == -2 ? map2(g, PRIMITIVE_mul, a, a) : IR_NONE;
    if (power == 2) return square;
    if (power == 3) return map2(g, PRIMITIVE_mul, square, a);
    if (power == 4) return map2(g, PRIMITIVE_mul, square, square);
    if (power == 0.5) return ir_map(g, PRIMITIVE_sqrt, a, IR_NONE, IR_NONE); /* differs at -inf alone */
    if (power == -1) return map2(g, PRIMITIVE_div, ir_number(g, 1), a);
    if (power == -2) return map2(g, PRIMITIVE_div, ir_number(g, 1), square);
    return IR_NONE;
}

/* ---- the others ---- */

static ir_id simplify_neg(struct ir *g, ir_id a)
{
    double number;
    if (!is_map(g, a, PRIMITIVE_mul) || !node_is_constant(g, g->node[a].in[0], &number)) return IR_NONE;
    return map2(g, PRIMITIVE_mul, ir_number(g, -number), g->node[a].in[1]);
}

static ir_id simplify_add(struct ir *g, ir_id a, ir_id b)
{
    return is_map(g, a, PRIMITIVE_neg) ? map2(g, PRIMITIVE_sub, b, g->node[a].in[0]) : IR_NONE;
}

static ir_id simplify_select(struct ir *g, const ir_id in[3])
{
    if (!is_map(g, in[0], PRIMITIVE_not)) return IR_NONE;
    return ir_map(g, PRIMITIVE_select, g->node[in[0]].in[0], in[2], in[1]);
}

/* 0 < z is 0 < max(0, z): where the maximum is there anyway (relu), z itself need not be kept for its derivative.
 */
static ir_id simplify_less(struct ir *g, ir_id a, ir_id b)
{
    double number;
    if (!node_is_constant(g, a, &number) || number != 0 || is_map(g, b, PRIMITIVE_max)) return IR_NONE;
    for (uint32_t way = 0; way < 2; way++) {
        uint32_t count = g->count;
        ir_id largest = map2(g, PRIMITIVE_max, way ? b : a, way ? a : b);
        if (g->count == count) return map2(g, PRIMITIVE_less, a, largest);
    }
    return IR_NONE;
}

/* ---- small tensors before large ones ---- */

uint32_t node_spread_axes(const struct ir *g, ir_id id)
{
    const struct node *n = &g->node[id];
    uint32_t axes = 0;
    for (uint32_t k = 0; n->op == IR_view && k < n->shape.rank; k++)
        if (n->from[k] < 0) axes |= 1u << k;
    return axes;
}

ir_id node_without_axes(struct ir *g, ir_id id, uint32_t axes)
{
    const struct node view = g->node[id];
    struct shape rest = {0};
    int8_t from[IR_AXES] = {-1, -1, -1, -1};
    for (uint32_t k = 0; k < view.shape.rank; k++) {
        if (axes >> k & 1) continue;
        from[rest.rank] = view.from[k];
        rest.extent[rest.rank++] = view.shape.extent[k];
    }
    return ir_view(g, view.in[0], rest, from);
}

ir_id node_spread_along(struct ir *g, ir_id id, struct shape shape, uint32_t axes)
{
    int8_t from[IR_AXES] = {-1, -1, -1, -1}, next = 0;
    for (uint32_t k = 0; k < shape.rank; k++)
        if (!(axes >> k & 1)) from[k] = next++;
    return ir_view(g, id, shape, from);
}

/* A map of tensors that are all spread along some axes is made before they are. */
static ir_id map_before_spread(struct ir *g, const struct node *n)
{
    uint32_t axes = ~0u;
    ir_id in[IR_INPUTS] = {IR_NONE, IR_NONE, IR_NONE};
    for (uint32_t k = 0; k < n->n_in; k++) axes &= node_spread_axes(g, n->in[k]);
    if (!axes) return IR_NONE;
    for (uint32_t k = 0; k < n->n_in; k++) in[k] = node_without_axes(g, n->in[k], axes);
    return node_spread_along(g, ir_map(g, n->kind, in[0], in[1], in[2]), n->shape, axes);
}

/* ---- all of them ---- */

static ir_id simplify_kind(struct ir *g, const struct node *n)
{
    switch (n->kind) {
    case PRIMITIVE_hold:
        return n->in[0];
    case PRIMITIVE_mul:
        return simplify_mul(g, n->in[0], n->in[1]);
    case PRIMITIVE_div:
        return simplify_div(g, n->in[0], n->in[1]);
    case PRIMITIVE_pow:
        return simplify_pow(g, n->in[0], n->in[1]);
    case PRIMITIVE_neg:
        return simplify_neg(g, n->in[0]);
    case PRIMITIVE_add:
        return simplify_add(g, n->in[0], n->in[1]);
    case PRIMITIVE_select:
        return simplify_select(g, n->in);
    case PRIMITIVE_less:
        return simplify_less(g, n->in[0], n->in[1]);
    case PRIMITIVE_min:
    case PRIMITIVE_max:
        return n->in[0] == n->in[1] ? n->in[0] : IR_NONE;
    default:
        return IR_NONE;
    }
}

ir_id simplify_map(struct ir *g, const struct node *n)
{
    ir_id as_it_is = ir_make(g, *n), folded = ir_map(g, n->kind, n->in[0], n->in[1], n->in[2]);
    if (folded != as_it_is) return folded;
    ir_id spread = map_before_spread(g, n);
    return spread != IR_NONE ? spread : simplify_kind(g, n);
}
