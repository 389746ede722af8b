/* plan.c: nests built by hand. */
#include "tests/engine/plan.h"

#include <string.h>

struct plan plan_new(void)
{
    struct arena *arena = arena_new();
    return (struct plan){.arena = arena, .nests = nests_new(arena)};
}

void plan_nest(struct plan *p, uint32_t depth, const uint32_t extent[], uint32_t summed, enum how how)
{
    p->nest = nests_add(p->nests);
    p->nest->depth = depth, p->nest->summed = summed, p->nest->how = how;
    memcpy(p->nest->extent, extent, depth * sizeof *extent);
    p->in_finish = false;
}

uint32_t plan_add(struct plan *p, struct scalar scalar)
{
    return program_add(p->arena, p->in_finish ? &p->nest->finish : &p->nest->body, scalar);
}

uint32_t plan_apply(struct plan *p, uint8_t op, uint32_t a, uint32_t b, uint32_t c)
{
    return plan_add(p, (struct scalar){.op = op, .a = a, .b = b, .c = c});
}

uint32_t plan_number(struct plan *p, double value)
{
    return plan_add(p, (struct scalar){.op = SCALAR_NUMBER, .number = value});
}

uint32_t plan_operand(struct plan *p, uint32_t slab, uint64_t offset, uint64_t per_sample, const int64_t stride[])
{
    struct operand o = {.at = {.slab = slab, .offset = offset, .offset_per_sample = per_sample}};
    memcpy(o.stride, stride, p->nest->depth * sizeof *stride);
    return nest_operand(p->nest, o);
}

uint32_t plan_load(struct plan *p, uint32_t slab, uint64_t offset, const int64_t stride[])
{
    return plan_add(p, (struct scalar){.op = SCALAR_LOAD, .index = plan_operand(p, slab, offset, 0, stride)});
}

void plan_store(struct plan *p, uint32_t value, uint32_t slab, uint64_t offset, const int64_t stride[])
{
    plan_add(p, (struct scalar){.op = SCALAR_STORE, .a = value, .index = plan_operand(p, slab, offset, 0, stride)});
}

void plan_accumulate(struct plan *p, uint32_t value, enum reduction by)
{
    uint32_t index = p->nest->n_accumulators++;
    plan_add(p, (struct scalar){.op = SCALAR_ACCUMULATE, .reduction = (uint8_t)by, .a = value, .index = index});
}

uint32_t plan_accumulated(struct plan *p, uint32_t index)
{
    p->in_finish = true;
    return plan_add(p, (struct scalar){.op = SCALAR_ACCUMULATED, .index = index});
}
