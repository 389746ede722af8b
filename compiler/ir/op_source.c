/* op_source.c: what has no operands: fields, numbers, the call's numbers, the batch, indices. */
#include "compiler/ir/op.h"

ir_id ir_source(struct ir *g, uint32_t field)
{
    return ir_make(g, (struct node){.op = IR_source, .field = field});
}

ir_id ir_source_row(struct ir *g, uint32_t field, int32_t first, int32_t step)
{
    return ir_make(g, (struct node){.op = IR_source, .field = field, .row = {true, first, step}});
}

ir_id ir_number(struct ir *g, double value)
{
    return ir_make(g, (struct node){.op = IR_number, .number = value});
}

ir_id ir_argument(struct ir *g, enum nnt_number which)
{
    return ir_make(g, (struct node){.op = IR_argument, .kind = (uint8_t)which});
}

ir_id ir_batch(struct ir *g)
{
    return ir_make(g, (struct node){.op = IR_batch});
}

ir_id ir_index(struct ir *g, uint32_t extent)
{
    return ir_make(g, (struct node){.op = IR_index, .shape = {.rank = 1, .extent = {extent}}});
}

static bool shape_of_field(const struct ir *g, const struct node *n, struct shape *out)
{
    if (n->field >= g->n_fields) return false;
    *out = row_shape(&g->field[n->field], n->row);
    return !n->row.is || g->field[n->field].rank > 0;
}

static bool shape_of_number(const struct ir *g, const struct node *n, struct shape *out)
{
    (void)g;
    (void)n;
    *out = (struct shape){0};
    return true;
}

static bool shape_of_index(const struct ir *g, const struct node *n, struct shape *out)
{
    (void)g;
    *out = n->shape;
    return n->shape.rank == 1 && n->shape.extent[0] != IR_BATCH;
}

/* Who runs the graph gives in[0]: the field's elements, the call's number. */
static void value_of_outside(const struct ir *g, const struct node *n, uint32_t batch, bool single,
                             const double *const in[], double *out)
{
    (void)g;
    for (uint64_t i = 0, size = shape_size(n->shape, batch); i < size; i++)
        out[i] = single ? (float)in[0][i] : in[0][i];
}

static void value_of_number(const struct ir *g, const struct node *n, uint32_t batch, bool single,
                            const double *const in[], double *out)
{
    (void)g;
    (void)batch;
    (void)in;
    *out = single ? (float)n->number : n->number;
}

static void value_of_batch(const struct ir *g, const struct node *n, uint32_t batch, bool single,
                           const double *const in[], double *out)
{
    (void)g;
    (void)n;
    (void)in;
    *out = single ? (float)batch : batch;
}

static void value_of_index(const struct ir *g, const struct node *n, uint32_t batch, bool single,
                           const double *const in[], double *out)
{
    (void)g;
    (void)batch;
    (void)in;
    for (uint32_t i = 0; i < n->shape.extent[0]; i++) out[i] = single ? (float)i : i;
}

/* Nothing stands before a source. */
static void reverse_of_nothing(struct ir *g, ir_id n, ir_id adjoint, ir_id out_in[IR_INPUTS])
{
    (void)g;
    (void)n;
    (void)adjoint;
    (void)out_in;
}

/* The same place of the direction; what carries time from phase to phase has none. */
static ir_id forward_of_source(struct ir *g, ir_id id, const ir_id tangent[IR_INPUTS])
{
    struct node n = g->node[id];

    (void)tangent;
    if (g->field[n.field].slab == NNT_WORK) BUG("%s: no tangent goes through phases", g->field[n.field].name);
    n.field = ir_tangent_field(g, n.field);
    return n.field == NNT_NONE ? IR_NONE : ir_make(g, n);
}

static ir_id forward_of_constant(struct ir *g, ir_id id, const ir_id tangent[IR_INPUTS])
{
    (void)g;
    (void)id;
    (void)tangent;
    return IR_NONE;
}

const struct op op_source = {shape_of_field, value_of_outside, reverse_of_nothing, forward_of_source};
const struct op op_argument = {shape_of_number, value_of_outside, reverse_of_nothing, forward_of_constant};
const struct op op_number = {shape_of_number, value_of_number, reverse_of_nothing, forward_of_constant};
const struct op op_batch = {shape_of_number, value_of_batch, reverse_of_nothing, forward_of_constant};
const struct op op_index = {shape_of_index, value_of_index, reverse_of_nothing, forward_of_constant};
