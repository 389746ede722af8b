/* ir.c: the graph: nodes made once, shapes by the operators' rules, entries, copies, hash. */
#include "compiler/ir/ir.h"

#include <string.h>

#include "compiler/ir/op.h"

const struct op *const operators[IR_OPS] = {
#define OPERATOR(name, ...) &op_##name,
#include "compiler/ir/operators.def"
#undef OPERATOR
};
const char *const operator_names[IR_OPS] = {
#define OPERATOR(name, ...) #name,
#include "compiler/ir/operators.def"
#undef OPERATOR
};

struct ir *ir_new(struct arena *arena, uint32_t real_bytes)
{
    struct ir *g = arena_alloc(arena, sizeof *g);

    g->arena = arena;
    g->real_bytes = real_bytes;
    return g;
}

/* ---- shapes ---- */

bool shape_equal(struct shape a, struct shape b)
{
    if (a.rank != b.rank) return false;
    for (uint32_t k = 0; k < a.rank; k++) {
        if (a.extent[k] != b.extent[k]) return false;
    }
    return true;
}

uint64_t shape_size(struct shape shape, uint32_t batch)
{
    uint64_t size = 1;

    for (uint32_t k = 0; k < shape.rank; k++) size *= shape.extent[k] == IR_BATCH ? batch : shape.extent[k];
    return size;
}

struct shape field_shape(const struct nnt_field *field)
{
    struct shape shape = {0};

    if (field->per_sample) shape.extent[shape.rank++] = IR_BATCH;
    for (uint32_t k = 0; k < field->rank; k++) shape.extent[shape.rank++] = field->extent[k];
    return shape;
}

/* ---- equal nodes are one node ---- */

static uint32_t mix(uint32_t hash, uint64_t value)
{
    for (uint32_t half = 0; half < 2; half++, value >>= 32) {
        hash = (hash ^ (uint32_t)value) * 0x9E3779B1u;
        hash ^= hash >> 15;
    }
    return hash;
}

static uint64_t number_bits(double number)
{
    uint64_t bits;

    memcpy(&bits, &number, sizeof bits);
    return bits;
}

/* Whatever tells nodes apart; the shape does where no rule makes it from the rest, `conditional` does not. */
static uint32_t node_hash(const struct node *n)
{
    uint32_t hash = mix(0, (uint64_t)n->op << 16 | (uint64_t)n->kind << 8 | n->axes);

    for (uint32_t k = 0; k < n->n_in; k++) hash = mix(hash, n->in[k]);
    for (uint32_t k = 0; k < n->shape.rank; k++) hash = mix(hash, n->shape.extent[k]);
    for (uint32_t k = 0; k < IR_AXES; k++)
        hash = mix(hash, (uint64_t)(n->from[k] + 1) << 8 | (uint64_t)(n->label[2][k] + 1));
    return mix(mix(hash, number_bits(n->number)), n->field);
}

static bool node_equal(const struct node *a, const struct node *b)
{
    return a->op == b->op && a->kind == b->kind && a->n_in == b->n_in && a->field == b->field &&
           a->axes == b->axes && number_bits(a->number) == number_bits(b->number) &&
           shape_equal(a->shape, b->shape) && memcmp(a->in, b->in, sizeof a->in) == 0 &&
           memcmp(a->from, b->from, sizeof a->from) == 0 && memcmp(a->label, b->label, sizeof a->label) == 0;
}

static void table_insert(struct ir *g, ir_id id)
{
    uint32_t at = node_hash(&g->node[id]) & (g->table_size - 1);

    while (g->table[at]) at = (at + 1) & (g->table_size - 1);
    g->table[at] = id + 1;
}

static void table_grow(struct ir *g)
{
    g->table_size = g->table_size ? g->table_size * 2 : 256;
    g->table = arena_alloc(g->arena, g->table_size * sizeof *g->table);
    for (ir_id id = 0; id < g->count; id++) table_insert(g, id);
}

static ir_id table_find(const struct ir *g, const struct node *n)
{
    uint32_t at = node_hash(n) & (g->table_size - 1);

    for (; g->table[at]; at = (at + 1) & (g->table_size - 1)) {
        if (node_equal(&g->node[g->table[at] - 1], n)) return g->table[at] - 1;
    }
    return IR_NONE;
}

ir_id ir_make(struct ir *g, struct node node)
{
    struct shape shape = {0};
    ir_id known;

    for (uint32_t k = node.n_in; k < IR_INPUTS; k++) node.in[k] = IR_NONE;
    for (uint32_t k = 0; k < node.n_in; k++) {
        if (node.in[k] >= g->count) BUG("%s: operand %u is no node", operator_names[node.op], k);
    }
    if (!operators[node.op]->shape(g, &node, &shape)) BUG("%s: the shapes do not fit", operator_names[node.op]);
    node.shape = shape;
    if (2 * (g->count + 1) > g->table_size) table_grow(g);
    if ((known = table_find(g, &node)) != IR_NONE) return known;
    g->node = arena_grow(g->arena, g->node, g->count, &g->capacity, sizeof *g->node);
    g->node[g->count] = node;
    table_insert(g, g->count);
    return g->count++;
}

/* ---- entries ---- */

void ir_define(struct ir *g, enum nnt_entry_name entry, ir_id value, uint32_t field)
{
    struct ir_entry *e = &g->entry[entry];

    if (field >= g->n_fields) BUG("result of entry %d goes to no field", (int)entry);
    if (!shape_equal(g->node[value].shape, field_shape(&g->field[field])))
        BUG("%s: another shape", g->field[field].name);
    e->result = arena_grow(g->arena, e->result, e->n_results, &e->capacity, sizeof *e->result);
    e->result[e->n_results++] = (struct ir_result){.value = value, .field = field};
}

/* ---- copies ---- */

/* Which nodes the results need. */
static bool *mark_live(struct arena *arena, const struct ir *g)
{
    bool *live = arena_alloc(arena, g->count + 1);

    for (uint32_t e = 0; e < NNT_ENTRIES; e++) {
        for (uint32_t r = 0; r < g->entry[e].n_results; r++) live[g->entry[e].result[r].value] = true;
    }
    for (ir_id id = g->count; id-- > 0;) {
        for (uint32_t k = 0; live[id] && k < g->node[id].n_in; k++) live[g->node[id].in[k]] = true;
    }
    return live;
}

struct ir *ir_rewrite(struct arena *arena, const struct ir *g,
                      ir_id (*rewrite)(void *with, struct ir *to, struct node node), void *with)
{
    struct ir *to = ir_new(arena, g->real_bytes);
    bool *live = mark_live(arena, g);
    ir_id *new_id = arena_alloc(arena, (g->count + 1) * sizeof *new_id);

    to->field = g->field;
    to->n_fields = g->n_fields;
    for (ir_id id = 0; id < g->count; id++) {
        struct node node = g->node[id];

        if (!live[id]) continue;
        for (uint32_t k = 0; k < node.n_in; k++) node.in[k] = new_id[node.in[k]];
        new_id[id] = rewrite ? rewrite(with, to, node) : ir_make(to, node);
    }
    for (uint32_t e = 0; e < NNT_ENTRIES; e++) {
        for (uint32_t r = 0; r < g->entry[e].n_results; r++) {
            ir_define(to, (enum nnt_entry_name)e, new_id[g->entry[e].result[r].value], g->entry[e].result[r].field);
        }
    }
    return to;
}

/* ---- hash ---- */

uint64_t ir_hash(const struct ir *g)
{
    struct text text = {0};
    uint64_t hash =
        0xCBF29CE484222325u; /* FNV-1a of the printed graph: whatever print shows counts, nothing else */

    ir_print(g, &text);
    for (size_t i = 0; i < text.length; i++) hash = (hash ^ (unsigned char)text.data[i]) * 0x100000001B3u;
    text_fini(&text);
    return hash;
}
