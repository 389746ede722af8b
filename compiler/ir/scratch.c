/* scratch.c: fields of the graph's own: scratch in NNT_WORK, what nobody reads of it, how the entries share it; and twins. */
#include <string.h>

#include "compiler/ir/ir.h"

/* Every field begins at a multiple of so many elements: 64 bytes in float32. */
enum { ALIGNMENT = 16 };

/* Of one sample where there is a block for each. */
static uint64_t room_of(const struct nnt_field *field)
{
    uint64_t size = 1;

    for (uint32_t k = 0; k < field->rank; k++) size *= field->extent[k];
    return (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static uint32_t add_field(struct ir *g, struct nnt_field field)
{
    g->field = arena_grow(g->arena, g->field, g->n_fields, &g->field_capacity, sizeof *g->field);
    g->field[g->n_fields] = field;
    return g->n_fields++;
}

uint32_t ir_scratch(struct ir *g, const char *name, bool per_sample, struct shape shape)
{
    struct nnt_field field = {.name = name,
                              .slab = NNT_WORK,
                              .per_sample = per_sample,
                              .rank = shape.rank,
                              .offset = g->work,
                              .offset_per_sample = g->work_per_sample};

    for (uint32_t k = 0; k < shape.rank; k++) field.extent[k] = shape.extent[k];
    *(per_sample ? &g->work_per_sample : &g->work) += room_of(&field);
    return add_field(g, field);
}

/* ---- the same place in another slab ---- */

static bool same_place(const struct nnt_field *a, const struct nnt_field *b)
{
    return a->slab == b->slab && a->per_sample == b->per_sample && a->offset == b->offset &&
           a->offset_per_sample == b->offset_per_sample && shape_equal(field_shape(a), field_shape(b));
}

uint32_t ir_twin(struct ir *g, uint32_t field, enum nnt_slab slab, const char *prefix)
{
    struct nnt_field twin = g->field[field];

    twin.slab = slab;
    for (uint32_t f = 0; f < g->n_fields; f++)
        if (same_place(&g->field[f], &twin)) return f;
    twin.name = arena_printf(g->arena, "%s.%s", prefix, twin.name);
    return add_field(g, twin);
}

/* ---- what nobody reads ---- */

static bool *read_fields(const struct ir *g)
{
    bool *read = arena_alloc(g->arena, g->n_fields + (size_t)1);

    for (ir_id id = 0; id < g->count; id++)
        if (g->node[id].op == IR_source) read[g->node[id].field] = true;
    for (uint32_t e = 0; e < NNT_ENTRIES; e++)
        for (uint32_t p = 0; p < g->entry[e].n_phases; p++)
            if (g->entry[e].phase[p].goes_on != NNT_NONE) read[g->entry[e].phase[p].goes_on] = true;
    return read;
}

static bool drop_unread(const struct ir *g, const bool read[], struct ir_phase *phase)
{
    uint32_t kept = 0, before = phase->n_results;

    for (uint32_t r = 0; r < before; r++) {
        uint32_t field = phase->result[r].field;

        if (g->field[field].slab == NNT_WORK && !read[field]) continue;
        phase->result[kept++] = phase->result[r];
    }
    phase->n_results = kept;
    return kept < before;
}

bool ir_drop_unread(struct ir *g)
{
    const bool *read = read_fields(g);
    bool dropped = false;

    for (uint32_t e = 0; e < NNT_ENTRIES; e++)
        for (uint32_t p = 0; p < g->entry[e].n_phases; p++)
            dropped = drop_unread(g, read, &g->entry[e].phase[p]) || dropped;
    return dropped;
}

/* ---- where the others stand ---- */

enum { NOBODY = NNT_ENTRIES, SEVERAL };

/* The entry that writes a field. */
static void note_owner(uint8_t owner[], uint32_t field, uint32_t entry)
{
    if (owner[field] == NOBODY)
        owner[field] = (uint8_t)entry;
    else if (owner[field] != entry)
        owner[field] = SEVERAL;
}

static uint8_t *owners(const struct ir *g)
{
    uint8_t *owner = arena_alloc(g->arena, g->n_fields + (size_t)1);

    memset(owner, NOBODY, g->n_fields);
    for (uint32_t e = 0; e < NNT_ENTRIES; e++) {
        for (uint32_t p = 0; p < g->entry[e].n_phases; p++) {
            const struct ir_phase *phase = &g->entry[e].phase[p];

            for (uint32_t r = 0; r < phase->n_results; r++) note_owner(owner, phase->result[r].field, e);
            if (phase->goes_on != NNT_NONE) note_owner(owner, phase->goes_on, e);
        }
    }
    return owner;
}

struct room {
    uint64_t size, per_sample;
};

/* The owner's fields one behind the other, from `begin` on; what is used then. */
static struct room lay_out(struct nnt_field field[], uint32_t count, const uint8_t owner[], uint32_t whose,
                           struct room begin)
{
    for (uint32_t f = 0; f < count; f++) {
        if (field[f].slab != NNT_WORK || owner[f] != whose) continue;
        field[f].offset = begin.size;
        field[f].offset_per_sample = begin.per_sample;
        *(field[f].per_sample ? &begin.per_sample : &begin.size) += room_of(&field[f]);
    }
    return begin;
}

void ir_pack(struct ir *g)
{
    const uint8_t *owner = owners(g);
    struct nnt_field *field = arena_alloc(g->arena, (g->n_fields + (size_t)1) * sizeof *field);
    struct room begin = {0}, most;

    memcpy(field, g->field, g->n_fields * sizeof *field);
    begin = most = lay_out(field, g->n_fields, owner, SEVERAL, begin);
    for (uint32_t e = 0; e < NNT_ENTRIES; e++) {
        struct room end = lay_out(field, g->n_fields, owner, e, begin);

        if (end.size > most.size) most.size = end.size;
        if (end.per_sample > most.per_sample) most.per_sample = end.per_sample;
    }
    g->field = field;
    g->field_capacity = 0;
    g->work = most.size;
    g->work_per_sample = most.per_sample;
}
