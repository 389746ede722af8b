/* print.c: the graph as text: a line a node, then a line a result. */
#include "compiler/ir/op.h"

static void print_shape(struct text *out, struct shape shape)
{
    text_add(out, "[");
    for (uint32_t k = 0; k < shape.rank; k++) {
        if (k) text_add(out, ",");
        if (shape.extent[k] == IR_BATCH)
            text_add(out, "batch");
        else
            text_add(out, "%u", shape.extent[k]);
    }
    text_add(out, "]");
}

static void print_labels(struct text *out, const struct node *n)
{
    text_add(out, " ");
    for (uint32_t p = 0; p < 3; p++) {
        if (p) text_add(out, p == 2 ? "->" : ",");
        for (uint32_t k = 0; k < IR_AXES && n->label[p][k] >= 0; k++) text_add(out, "%c", 'a' + n->label[p][k]);
    }
}

static void print_axes(struct text *out, const struct node *n)
{
    text_add(out, " axes");
    for (uint32_t k = 0; k < IR_AXES; k++) {
        if (n->axes >> k & 1) text_add(out, " %u", k);
    }
}

static void print_from(struct text *out, const struct node *n)
{
    text_add(out, " from");
    for (uint32_t k = 0; k < n->shape.rank; k++) {
        if (n->from[k] < 0)
            text_add(out, " *");
        else
            text_add(out, " %d", n->from[k]);
    }
}

static void print_field(struct text *out, const struct ir *g, uint32_t field, struct ir_row row)
{
    text_add(out, " %s", g->field[field].name);
    if (row.is) text_add(out, "[%d", row.first);
    if (row.is && row.step) text_add(out, "%+d t", row.step);
    if (row.is) text_add(out, "]");
}

/* What a node has beside its operands, in front of them. */
static void print_kind(struct text *out, const struct ir *g, const struct node *n)
{
    static const char *const reductions[] = {"sum", "mean", "max", "min"};
    static const char *const arguments[NNT_NUMBERS] = {"rate", "step", "boundary", "bulk"};
    char number[32];

    switch (n->op) {
    case IR_source:
        print_field(out, g, n->field, n->row);
        break;
    case IR_number:
        text_number(n->number, number);
        text_add(out, " %s", number);
        break;
    case IR_argument:
        text_add(out, " %s", arguments[n->kind]);
        break;
    case IR_map:
        text_add(out, " %s", primitive_rows[n->kind].name);
        break;
    case IR_reduce:
        text_add(out, " %s", reductions[n->kind]);
        break;
    default:
        break;
    }
}

static void print_node(struct text *out, const struct ir *g, ir_id id)
{
    const struct node *n = &g->node[id];

    text_add(out, "%%%u = %s", id, operator_names[n->op]);
    print_kind(out, g, n);
    for (uint32_t k = 0; k < n->n_in; k++) text_add(out, " %%%u", n->in[k]);
    if (n->op == IR_contract) print_labels(out, n);
    if (n->op == IR_reduce) print_axes(out, n);
    if (n->op == IR_view) print_from(out, n);
    text_add(out, " : ");
    print_shape(out, n->shape);
    text_add(out, "\n");
}

static void print_phase(struct text *out, const struct ir *g, const char *entry, const struct ir_entry *e,
                        uint32_t p)
{
    const struct ir_phase *phase = &e->phase[p];

    if (e->n_phases > 1) {
        text_add(out, "%s: %u time%s", entry, phase->times, phase->times == 1 ? "" : "s");
        if (phase->goes_on != NNT_NONE) text_add(out, " at most, while %s", g->field[phase->goes_on].name);
        text_add(out, "\n");
    }
    for (uint32_t r = 0; r < phase->n_results; r++) {
        text_add(out, "%s: %%%u ->", entry, phase->result[r].value);
        print_field(out, g, phase->result[r].field, phase->result[r].row);
        text_add(out, "\n");
    }
}

void ir_print(const struct ir *g, struct text *out)
{
    static const char *const entries[NNT_ENTRIES] = {
#define ENTRY(name, ...) #name,
#include "runtime/entries.def"
#undef ENTRY
    };

    text_add(out, "graph f%u\n", g->real_bytes * 8);
    for (ir_id id = 0; id < g->count; id++) print_node(out, g, id);
    for (uint32_t e = 0; e < NNT_ENTRIES; e++)
        for (uint32_t p = 0; p < g->entry[e].n_phases; p++) print_phase(out, g, entries[e], &g->entry[e], p);
}
