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

struct shape row_shape(const struct nnt_field *field, struct ir_row row)
{
    struct shape shape = field_shape(field);
    uint32_t rows = field->per_sample ? 1 : 0;

    if (!row.is) return shape;
    for (uint32_t k = rows; k + 1 < shape.rank; k++) shape.extent[k] = shape.extent[k + 1];
    shape.extent[--shape.rank] = 0;
    return shape;
}

bool row_equal(struct ir_row a, struct ir_row b)
{
    return a.is == b.is && a.first == b.first && a.step == b.step;
}

bool rows_apart(struct ir_row a, struct ir_row b)
{
    return a.is && b.is && a.step == b.step && a.first != b.first;
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
    hash = mix(hash, (uint64_t)(uint32_t)n->row.first << 32 | (uint32_t)n->row.step);
    return mix(mix(hash, number_bits(n->number)), (uint64_t)n->row.is << 32 | n->field);
}

static bool node_equal(const struct node *a, const struct node *b)
{
    return a->op == b->op && a->kind == b->kind && a->n_in == b->n_in && a->field == b->field &&
           row_equal(a->row, b->row) && a->axes == b->axes && number_bits(a->number) == number_bits(b->number) &&
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

void ir_begin_phase(struct ir *g, enum nnt_entry_name entry, uint32_t times)
{
    struct ir_entry *e = &g->entry[entry];

    e->phase = arena_grow(g->arena, e->phase, e->n_phases, &e->capacity, sizeof *e->phase);
    e->phase[e->n_phases++] = (struct ir_phase){.times = times, .goes_on = NNT_NONE};
}

static struct ir_phase *last_phase(struct ir *g, enum nnt_entry_name entry)
{
    if (!g->entry[entry].n_phases) ir_begin_phase(g, entry, 1);
    return &g->entry[entry].phase[g->entry[entry].n_phases - 1];
}

void ir_goes_on(struct ir *g, enum nnt_entry_name entry, uint32_t field)
{
    last_phase(g, entry)->goes_on = field;
}

static void define(struct ir *g, enum nnt_entry_name entry, struct ir_result result)
{
    struct ir_phase *phase = last_phase(g, entry);

    if (result.field >= g->n_fields) BUG("result of entry %d goes to no field", (int)entry);
    if (!shape_equal(g->node[result.value].shape, row_shape(&g->field[result.field], result.row)))
        BUG("%s: another shape", g->field[result.field].name);
    phase->result = arena_grow(g->arena, phase->result, phase->n_results, &phase->capacity, sizeof *phase->result);
    phase->result[phase->n_results++] = result;
}

void ir_define(struct ir *g, enum nnt_entry_name entry, ir_id value, uint32_t field)
{
    define(g, entry, (struct ir_result){.value = value, .field = field});
}

void ir_define_row(struct ir *g, enum nnt_entry_name entry, ir_id value, uint32_t field, int32_t first,
                   int32_t step)
{
    define(g, entry, (struct ir_result){.value = value, .field = field, .row = {true, first, step}});
}

void ir_keeps(struct ir *g, ir_id made, ir_id kept)
{
    if (kept >= made) return; /* its users could not read it */
    g->same = arena_grow(g->arena, g->same, g->n_same, &g->same_capacity, sizeof *g->same);
    g->same[g->n_same++] = (struct ir_same){made, kept};
}

/* ---- copies ---- */

/* Which nodes the results need. */
static bool *mark_live(struct arena *arena, const struct ir *g)
{
    bool *live = arena_alloc(arena, g->count + 1);

    for (uint32_t e = 0; e < NNT_ENTRIES; e++) {
        for (uint32_t p = 0; p < g->entry[e].n_phases; p++) {
            const struct ir_phase *phase = &g->entry[e].phase[p];

            for (uint32_t r = 0; r < phase->n_results; r++) live[phase->result[r].value] = true;
        }
    }
    for (ir_id id = g->count; id-- > 0;) {
        for (uint32_t k = 0; live[id] && k < g->node[id].n_in; k++) live[g->node[id].in[k]] = true;
    }
    for (uint32_t k = 0; k < g->n_same; k++)
        if (live[g->same[k].made]) live[g->same[k].kept] = true;
    return live;
}

static void copy_entry(struct ir *to, enum nnt_entry_name entry, const struct ir_entry *from, const ir_id new_id[])
{
    for (uint32_t p = 0; p < from->n_phases; p++) {
        const struct ir_phase *phase = &from->phase[p];

        ir_begin_phase(to, entry, phase->times);
        ir_goes_on(to, entry, phase->goes_on);
        for (uint32_t r = 0; r < phase->n_results; r++) {
            struct ir_result result = phase->result[r];

            result.value = new_id[result.value];
            define(to, entry, result);
        }
    }
}

struct ir *ir_rewrite(struct arena *arena, const struct ir *g,
                      ir_id (*rewrite)(void *with, struct ir *to, struct node node), void *with)
{
    struct ir *to = ir_new(arena, g->real_bytes);
    bool *live = mark_live(arena, g);
    ir_id *new_id = arena_alloc(arena, (g->count + 1) * sizeof *new_id);

    to->field = g->field;
    to->n_fields = g->n_fields;
    to->work = g->work;
    to->work_per_sample = g->work_per_sample;
    for (ir_id id = 0; id < g->count; id++) {
        struct node node = g->node[id];

        if (!live[id]) continue;
        for (uint32_t k = 0; k < node.n_in; k++) node.in[k] = new_id[node.in[k]];
        new_id[id] = rewrite ? rewrite(with, to, node) : ir_make(to, node);
    }
    for (uint32_t e = 0; e < NNT_ENTRIES; e++) copy_entry(to, (enum nnt_entry_name)e, &g->entry[e], new_id);
    for (uint32_t k = 0; k < g->n_same; k++)
        if (live[g->same[k].made]) ir_keeps(to, new_id[g->same[k].made], new_id[g->same[k].kept]);
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
