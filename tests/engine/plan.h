/* plan.h: nests built by hand, for tests of what carries them out. */
#ifndef TESTS_PLAN_H
#define TESTS_PLAN_H

#include "compiler/kernel/nest.h"

/* One plan; parts are added to the nest begun last: to its body, and behind plan_accumulated to its finish. */
struct plan {
    struct arena *arena; /* the plan's own: arena_free it at the end */
    struct nests *nests;
    struct nest *nest;
    bool in_finish;
};
struct plan plan_new(void);
/* Begins a nest of `depth` loops; `summed` has a bit for each that is. */
void plan_nest(struct plan *p, uint32_t depth, const uint32_t extent[], uint32_t summed, enum how how);
/* Adds to its program; each returns the position. */
uint32_t plan_add(struct plan *p, struct scalar scalar);
uint32_t plan_apply(struct plan *p, uint8_t op, uint32_t a, uint32_t b, uint32_t c);
uint32_t plan_number(struct plan *p, double value);
/* An operand that begins at offset + per_sample * batch of the slab; load and store make their own. */
uint32_t plan_operand(struct plan *p, uint32_t slab, uint64_t offset, uint64_t per_sample, const int64_t stride[]);
uint32_t plan_load(struct plan *p, uint32_t slab, uint64_t offset, const int64_t stride[]);
void plan_store(struct plan *p, uint32_t value, uint32_t slab, uint64_t offset, const int64_t stride[]);
/* A further accumulator; its value after the sum, where the finish begins. */
void plan_accumulate(struct plan *p, uint32_t value, enum reduction by);
uint32_t plan_accumulated(struct plan *p, uint32_t index);

#endif
