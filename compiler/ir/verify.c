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

/* Whether the row of each iteration is one of the field's. */
static bool row_exists(const struct nnt_field *field, struct ir_row row, uint32_t times)
{
    int64_t last = row.first + (int64_t)row.step * ((int64_t)times - 1);

    if (!row.is) return true;
    return field->rank > 0 && row.first >= 0 && row.first < (int64_t)field->extent[0] && last >= 0 &&
           last < field->extent[0];
}

static const char *verify_result(const struct ir *g, const struct ir_phase *phase, uint32_t r, struct arena *arena)
{
    const struct ir_result *result = &phase->result[r];

    if (result->value >= g->count) return arena_printf(arena, "a result is no node: %u", result->value);
    if (result->field >= g->n_fields) return arena_printf(arena, "a result goes to no field: %u", result->field);
    const struct nnt_field *field = &g->field[result->field];
    if (!row_exists(field, result->row, phase->times))
        return arena_printf(arena, "%s has no such row", field->name);
    for (uint32_t k = 0; k < r; k++)
        if (phase->result[k].field == result->field && !rows_apart(phase->result[k].row, result->row))
            return arena_printf(arena, "%s is written twice", field->name);
    if (!shape_equal(g->node[result->value].shape, row_shape(field, result->row)))
        return arena_printf(arena, "%s gets another shape", field->name);
    return NULL;
}

/* What the phase reads, as far as rows go. */
static const char *verify_reads(const struct ir *g, const struct ir_phase *phase, struct arena *arena)
{
    bool *live = arena_alloc(arena, g->count + 1);

    for (uint32_t r = 0; r < phase->n_results; r++) live[phase->result[r].value] = true;
    for (ir_id id = g->count; id-- > 0;) {
        const struct node *n = &g->node[id];

        if (!live[id]) continue;
        for (uint32_t k = 0; k < n->n_in; k++) live[n->in[k]] = true;
        if (n->op == IR_source && !row_exists(&g->field[n->field], n->row, phase->times))
            return arena_printf(arena, "node %u: %s has no such row", id, g->field[n->field].name);
    }
    return NULL;
}

static const char *verify_phase(const struct ir *g, const struct ir_phase *phase, struct arena *arena)
{
    const char *wrong = NULL;

    for (uint32_t r = 0; r < phase->n_results && !wrong; r++) wrong = verify_result(g, phase, r, arena);
    if (wrong) return wrong;
    if (phase->times == 0) return "a phase of no iterations";
    if (phase->goes_on != NNT_NONE &&
        (phase->goes_on >= g->n_fields || field_shape(&g->field[phase->goes_on]).rank))
        return "a phase goes on by what is no number";
    return verify_reads(g, phase, arena);
}

const char *ir_verify(const struct ir *g, struct arena *arena)
{
    const char *wrong = NULL;

    if (g->real_bytes != 4 && g->real_bytes != 8) return arena_printf(arena, "reals of %u bytes", g->real_bytes);
    for (ir_id id = 0; id < g->count && !wrong; id++) wrong = verify_node(g, id, arena);
    for (uint32_t e = 0; e < NNT_ENTRIES; e++)
        for (uint32_t p = 0; p < g->entry[e].n_phases && !wrong; p++)
            wrong = verify_phase(g, &g->entry[e].phase[p], arena);
    return wrong;
}
