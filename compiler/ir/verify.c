/* verify.c: what must hold of a graph between passes. */
#include "compiler/ir/op.h"

static const char *verify_node(const struct ir *g, ir_id id, struct arena *arena)
{
    const struct node *n = &g->node[id];
    struct shape shape = {0};

    if (n->op >= IR_OPS) return arena_printf(arena, "node %u: no operator %u", id, n->op);
    if (n->n_in > IR_INPUTS) return arena_printf(arena, "node %u: %u operands", id, n->n_in);
    for (uint32_t k = 0; k < n->n_in; k++) {
        if (n->in[k] >= id) return arena_printf(arena, "node %u: operand %u does not come before it", id, n->in[k]);
    }
    if (!operators[n->op]->shape(g, n, &shape)) return arena_printf(arena, "node %u: the operands do not fit", id);
    if (!shape_equal(shape, n->shape)) return arena_printf(arena, "node %u: not the shape of its rule", id);
    return NULL;
}

/* Two results of an entry may not go to one field. */
static const char *verify_entry(const struct ir *g, const struct ir_entry *e, struct arena *arena)
{
    bool *taken = arena_alloc(arena, g->n_fields + 1);

    for (uint32_t r = 0; r < e->n_results; r++) {
        const struct ir_result *result = &e->result[r];

        if (result->value >= g->count) return arena_printf(arena, "a result is no node: %u", result->value);
        if (result->field >= g->n_fields)
            return arena_printf(arena, "a result goes to no field: %u", result->field);
        if (taken[result->field]) return arena_printf(arena, "%s is written twice", g->field[result->field].name);
        taken[result->field] = true;
        if (!shape_equal(g->node[result->value].shape, field_shape(&g->field[result->field]))) {
            return arena_printf(arena, "%s gets another shape", g->field[result->field].name);
        }
    }
    return NULL;
}

const char *ir_verify(const struct ir *g, struct arena *arena)
{
    const char *wrong = NULL;

    if (g->real_bytes != 4 && g->real_bytes != 8) return arena_printf(arena, "reals of %u bytes", g->real_bytes);
    for (ir_id id = 0; id < g->count && !wrong; id++) wrong = verify_node(g, id, arena);
    for (uint32_t e = 0; e < NNT_ENTRIES && !wrong; e++) wrong = verify_entry(g, &g->entry[e], arena);
    return wrong;
}
