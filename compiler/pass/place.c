/* place.c: every temporary to its offset in WORK; where one is dead its place is used again.
 *
 * WORK has two parts: tensors of fixed size, then those with a block a sample. Offsets are multiples of 16 elements
 * (64 bytes or more), a sample's block counts such multiples, so every tensor is aligned and none overlaps another
 * whatever the batch. */
#include "compiler/pass/plan.h"

#include <stdlib.h>

enum { ALIGNMENT = 16 };

/* One temporary in time (items of the plan) and space. */
struct life {
    uint32_t temporary;
    uint32_t first, last; /* items that touch it */
    uint32_t begin, end;  /* the same, to the ends of an enclosing loop where other iterations need it */
    uint64_t exact, size; /* elements; and with the gap behind */
    uint64_t offset;
    bool per_sample, used, handed_on;
};

struct placing {
    struct nests *nests;
    struct life *life; /* for each temporary */
    uint32_t n_lives;
    uint32_t *unit_begin, *unit_end; /* for each item: its enclosing loop, or itself */
    struct life **placed;            /* by offset */
    uint32_t n_placed;
};

/* ---- time ---- */

static void find_units(struct placing *p)
{
    uint32_t begin = PLAN_NONE;
    for (uint32_t i = 0; i < p->nests->count; i++) {
        if (p->nests->item[i].kind == ITEM_BEGIN) begin = i;
        p->unit_begin[i] = begin != PLAN_NONE ? begin : i;
        if (p->nests->item[i].kind == ITEM_END) begin = PLAN_NONE;
    }
    for (uint32_t i = p->nests->count; i-- > 0;) {
        bool last = i + 1 == p->nests->count || p->unit_begin[i + 1] != p->unit_begin[i];
        p->unit_end[i] = last ? i : p->unit_end[i + 1];
    }
}

static void find_lives(struct placing *p)
{
    for (uint32_t i = 0; i < p->nests->count; i++) {
        const struct nest *nest = p->nests->item[i].nest;
        for (uint32_t k = 0; nest && k < nest->n_operands; k++) {
            if (!nest->operand[k].at.temporary) continue;
            struct life *life = &p->life[nest->operand[k].at.id];
            if (!life->used) life->first = i;
            life->used = true;
            life->last = i;
        }
    }
    for (uint32_t t = 0; t < p->n_lives; t++) {
        struct life *life = &p->life[t];
        bool one_iteration = !life->per_sample && p->unit_begin[life->first] == p->unit_begin[life->last];
        life->begin = one_iteration ? life->first : p->unit_begin[life->first];
        life->end = one_iteration ? life->last : p->unit_end[life->last];
    }
}

static int compare_lives(const void *left, const void *right)
{
    const struct life *a = *(struct life *const *)left, *b = *(struct life *const *)right;
    if (a->first != b->first) return a->first < b->first ? -1 : 1;
    return a->temporary < b->temporary ? -1 : a->temporary > b->temporary;
}

/* ---- space ---- */

static bool same_strides(const struct operand *a, const struct operand *b)
{
    for (uint32_t k = 0; k < NEST_DEPTH; k++)
        if (a->stride[k] != b->stride[k]) return false;
    return true;
}

/* Whether the nest touches both only at the same element of each iteration. */
static bool move_alike(const struct nest *nest, uint32_t a, uint32_t b)
{
    const struct operand *seen = NULL;
    for (uint32_t k = 0; k < nest->n_operands; k++) {
        const struct operand *operand = &nest->operand[k];
        if (!operand->at.temporary || (operand->at.id != a && operand->at.id != b)) continue;
        if (seen && !same_strides(seen, operand)) return false;
        seen = operand;
    }
    return true;
}

/* One that dies where this one begins, element by element: z becomes y in place. */
static struct life *predecessor(const struct placing *p, const struct life *life)
{
    for (uint32_t k = 0; k < p->n_placed; k++) {
        struct life *old = p->placed[k];
        if (old->handed_on || old->per_sample != life->per_sample || old->exact != life->exact) continue;
        if (old->last > life->first || p->unit_begin[old->last] != p->unit_begin[life->first]) continue;
        if (old->last < life->first && old->end < life->begin) continue;
        bool rows_apart = life->per_sample || (old->end == old->last && life->begin == life->first);
        if (!rows_apart) continue; /* the next iteration needs it again */
        if (old->last < life->first ||
            move_alike(p->nests->item[life->first].nest, old->temporary, life->temporary))
            return old;
    }
    return NULL;
}

/* The lowest gap between those alive at the same time. */
static uint64_t find_gap(const struct placing *p, const struct life *life)
{
    uint64_t offset = 0;
    for (uint32_t k = 0; k < p->n_placed; k++) {
        const struct life *other = p->placed[k];
        bool together =
            other->per_sample == life->per_sample && other->begin <= life->end && life->begin <= other->end;
        if (!together || other->offset + other->size <= offset) continue;
        if (offset + life->size <= other->offset) break;
        offset = other->offset + other->size;
    }
    return offset;
}

static void place_life(struct placing *p, struct life *life)
{
    struct life *old = predecessor(p, life);
    if (old) old->handed_on = true;
    life->offset = old ? old->offset : find_gap(p, life);
    uint32_t at = p->n_placed++;
    for (; at > 0 && p->placed[at - 1]->offset > life->offset; at--) p->placed[at] = p->placed[at - 1];
    p->placed[at] = life;
    uint64_t *total = life->per_sample ? &p->nests->work_per_sample : &p->nests->work;
    if (life->offset + life->size > *total) *total = life->offset + life->size;
}

/* Behind the fields of WORK. */
static void set_offsets(struct placing *p, uint64_t fields, uint64_t fields_per_sample)
{
    for (uint32_t i = 0; i < p->nests->count; i++) {
        struct nest *nest = p->nests->item[i].nest;
        for (uint32_t k = 0; nest && k < nest->n_operands; k++) {
            struct buffer *at = &nest->operand[k].at;
            if (!at->temporary) continue;
            const struct life *life = &p->life[at->id];
            at->offset = fields + (life->per_sample ? p->nests->work : life->offset);
            at->offset_per_sample = fields_per_sample + (life->per_sample ? life->offset : 0);
        }
    }
}

/* ---- the pass ---- */

static void place_entry(struct arena *arena, const struct ir *g, const struct temporaries *temporaries,
                        struct nests *nests)
{
    struct placing p = {.nests = nests, .n_lives = temporaries->count};
    p.life = arena_alloc(arena, (p.n_lives + 1) * sizeof *p.life);
    p.placed = arena_alloc(arena, (p.n_lives + 1) * sizeof *p.placed);
    p.unit_begin = arena_alloc(arena, (nests->count + 1) * sizeof *p.unit_begin);
    p.unit_end = arena_alloc(arena, (nests->count + 1) * sizeof *p.unit_end);
    struct life **order = arena_alloc(arena, (p.n_lives + 1) * sizeof *order);
    for (uint32_t t = 0; t < p.n_lives; t++) {
        const struct temporary *at = &temporaries->at[t];
        uint64_t size = (at->size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
        p.life[t] = (struct life){.temporary = t, .exact = at->size, .size = size, .per_sample = at->per_sample};
        order[t] = &p.life[t];
    }
    find_units(&p);
    find_lives(&p);
    qsort(order, p.n_lives, sizeof *order, compare_lives);
    for (uint32_t t = 0; t < p.n_lives; t++)
        if (order[t]->used) place_life(&p, order[t]);
    set_offsets(&p, g->work, g->work_per_sample);
}

void pass_place(struct plan *plan)
{
    uint64_t size = 0, per_sample = 0;
    for (uint32_t e = 0; e < NNT_ENTRIES; e++) {
        struct nests *nests = plan->nests[e];
        if (!nests) continue;
        place_entry(plan->arena, plan->g, &plan->fused[e].temporaries, nests);
        if (nests->work > size) size = nests->work;
        if (nests->work_per_sample > per_sample) per_sample = nests->work_per_sample;
    }
    plan->description->size[NNT_WORK] = plan->g->work + size;
    plan->description->size_per_sample[NNT_WORK] = plan->g->work_per_sample + per_sample;
}
