/* op_gradient.c: the placeholder of a derivative, and its expansion by the operators' reverse rules. */
#include <string.h>

#include "compiler/ir/op.h"

ir_id ir_gradient(struct ir *g, ir_id of, ir_id by)
{
    return ir_make(g, (struct node){.op = IR_gradient, .n_in = 2, .in = {of, by}});
}

static bool shape_of_gradient(const struct ir *g, const struct node *n, struct shape *out)
{
    *out = g->node[n->in[1]].shape;
    return true;
}

void value_of_placeholder(const struct ir *g, const struct node *n, uint32_t batch, bool single,
                          const double *const in[], double *out)
{
    (void)g;
    (void)n;
    (void)batch;
    (void)single;
    (void)in;
    (void)out;
    BUG("a gradient or tangent has no value before ir_differentiate");
}

static void reverse_of_gradient(struct ir *g, ir_id n, ir_id adjoint, ir_id out_in[IR_INPUTS])
{
    (void)g;
    (void)adjoint;
    (void)out_in;
    BUG("node %u: the inner gradient is expanded before the outer", n);
}

static ir_id forward_of_gradient(struct ir *g, ir_id n, const ir_id tangent[IR_INPUTS])
{
    (void)g;
    (void)tangent;
    BUG("node %u: a gradient is expanded before its tangent", n);
}

const struct op op_gradient = {shape_of_gradient, value_of_placeholder, reverse_of_gradient, forward_of_gradient};

/* ---- reverse mode ---- */

/* The adjoints of the nodes behind one `of`, kept for the other gradients of the same: parameters are many, losses
 * few. */
struct reverse {
    struct arena *arena;
    ir_id of;      /* IR_NONE: none yet */
    uint32_t pass; /* counts the values of `of`; an adjoint belongs to the pass in `seen` */
    uint32_t room; /* elements of the two below */
    uint32_t *seen;
    ir_id *adjoint;
    ir_id *order;          /* the nodes behind `of`, operands first */
    struct ir_stack stack; /* of the walk */
    uint32_t n_order, order_capacity;
};

static void make_room(struct reverse *r, uint32_t count)
{
    uint32_t room = r->room ? r->room : 256;
    uint32_t *seen;
    ir_id *adjoint;

    if (count <= r->room) return;
    while (room < count) room *= 2;
    seen = arena_alloc(r->arena, room * sizeof *seen);
    adjoint = arena_alloc(r->arena, room * sizeof *adjoint);
    if (r->room) memcpy(seen, r->seen, r->room * sizeof *seen);
    if (r->room) memcpy(adjoint, r->adjoint, r->room * sizeof *adjoint);
    r->seen = seen;
    r->adjoint = adjoint;
    r->room = room;
}

uint32_t ir_push(struct arena *arena, struct ir_stack *stack, uint32_t depth, ir_id id)
{
    stack->node = arena_grow(arena, stack->node, depth, &stack->capacity, sizeof *stack->node);
    stack->node[depth] = id;
    return depth + 1;
}

/* Depth first without recursion: a node is entered when it first tops the stack, and ordered when it tops it again.
 */
static void walk(struct reverse *r, const struct ir *g, ir_id of)
{
    uint32_t depth = ir_push(r->arena, &r->stack, 0, of);

    r->n_order = 0;
    while (depth > 0) {
        ir_id id = r->stack.node[depth - 1];
        bool entered = r->seen[id] == r->pass;

        if (!entered) {
            r->seen[id] = r->pass;
            r->adjoint[id] = IR_NONE;
            for (uint32_t k = 0; k < g->node[id].n_in; k++) {
                ir_id in = g->node[id].in[k];

                if (r->seen[in] != r->pass) depth = ir_push(r->arena, &r->stack, depth, in);
            }
            continue;
        }
        depth--;
        if (r->adjoint[id] == of) continue; /* ordered already: it stood on the stack twice */
        r->order = arena_grow(r->arena, r->order, r->n_order, &r->order_capacity, sizeof *r->order);
        r->order[r->n_order++] = id;
        r->adjoint[id] = of; /* a mark: cleared below */
    }
    for (uint32_t i = 0; i < r->n_order; i++) r->adjoint[r->order[i]] = IR_NONE;
}

/* Marks a node and what it is made from, element by element, as values that only a taken branch may use. A product
 * of matrices or a field stands outside all branches: expressions do not hold them. */
static void mark_conditional(struct reverse *r, struct ir *g, ir_id id)
{
    uint32_t depth = ir_push(r->arena, &r->stack, 0, id);

    while (depth > 0) {
        struct node *n = &g->node[r->stack.node[--depth]];

        if (n->conditional || n->n_in == 0 || n->op == IR_contract) continue;
        n->conditional = true;
        for (uint32_t k = 0; k < n->n_in; k++) depth = ir_push(r->arena, &r->stack, depth, n->in[k]);
    }
}

static void mark_branches(struct reverse *r, struct ir *g)
{
    for (uint32_t i = 0; i < r->n_order; i++) {
        struct node n = g->node[r->order[i]];

        if (n.op != IR_map) continue;
        if (n.kind == PRIMITIVE_select || n.kind == PRIMITIVE_mul_or_zero) mark_conditional(r, g, n.in[1]);
        if (n.kind == PRIMITIVE_select) mark_conditional(r, g, n.in[2]);
    }
}

/* Whether a node depends on anything from outside but the call's numbers: others have no adjoint. */
static bool varies(const struct ir *g, ir_id id)
{
    return g->node[id].n_in > 0 || g->node[id].op == IR_source;
}

static void add_adjoint(struct reverse *r, struct ir *g, ir_id id, ir_id adjoint)
{
    if (adjoint == IR_NONE || !varies(g, id)) return;
    r->adjoint[id] =
        r->adjoint[id] == IR_NONE ? adjoint : ir_map(g, PRIMITIVE_add, r->adjoint[id], adjoint, IR_NONE);
}

static void run_reverse(struct reverse *r, struct ir *g, ir_id of)
{
    make_room(r, g->count);
    r->of = of;
    r->pass++;
    walk(r, g, of);
    mark_branches(r, g);
    r->adjoint[of] = ir_broadcast(g, ir_number(g, 1), g->node[of].shape);
    for (uint32_t i = r->n_order; i-- > 0;) {
        ir_id id = r->order[i], in[IR_INPUTS] = {IR_NONE, IR_NONE, IR_NONE};

        if (r->adjoint[id] == IR_NONE) continue;
        operators[g->node[id].op]->reverse(g, id, r->adjoint[id], in);
        for (uint32_t k = 0; k < g->node[id].n_in; k++) add_adjoint(r, g, g->node[id].in[k], in[k]);
    }
}

static ir_id reverse_expand(struct reverse *r, struct ir *to, struct node node)
{
    ir_id by = node.in[1];

    if (r->of != node.in[0]) run_reverse(r, to, node.in[0]);
    if (by >= r->room || r->seen[by] != r->pass || r->adjoint[by] == IR_NONE) {
        return ir_broadcast(to, ir_number(to, 0), to->node[by].shape);
    }
    return r->adjoint[by];
}

struct expansion {
    struct reverse reverse;
    struct forward forward;
};

static ir_id expand(void *with, struct ir *to, struct node node)
{
    struct expansion *e = with;

    if (node.op == IR_gradient) return reverse_expand(&e->reverse, to, node);
    if (node.op == IR_tangent) return forward_expand(&e->forward, to, node.in[0]);
    return ir_make(to, node);
}

/* Whoever uses what is kept in memory reads it there. */
static void read_kept(struct ir *g)
{
    ir_id *kept = arena_alloc(g->arena, (g->count + (size_t)1) * sizeof *kept);

    for (ir_id id = 0; id < g->count; id++) kept[id] = id;
    for (uint32_t k = 0; k < g->n_same; k++) kept[g->same[k].made] = g->same[k].kept;
    for (ir_id id = 0; id < g->count; id++)
        for (uint32_t k = 0; k < g->node[id].n_in; k++) {
            ir_id *in = &g->node[id].in[k];

            if (kept[*in] < id) *in = kept[*in];
        }
    g->n_same = 0;
}

struct ir *ir_differentiate(struct arena *arena, const struct ir *g)
{
    struct expansion e = {.reverse = {.arena = arena, .of = IR_NONE}, .forward = {.arena = arena}};
    struct ir *expanded = ir_rewrite(arena, g, expand, &e);

    read_kept(expanded);
    return ir_rewrite(arena, expanded, NULL, NULL);
}
