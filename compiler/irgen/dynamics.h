/* dynamics.h: what ticks and settling share: the groups that move, and the two parts of their z. */
#ifndef NNT_IRGEN_DYNAMICS_H
#define NNT_IRGEN_DYNAMICS_H

#include "compiler/irgen/gen.h"

/* Of each group; fields NNT_NONE where there is none. */
struct moving {
    bool *moves;     /* its state changes from tick to tick: free, or a sequence */
    uint32_t *x;     /* the field that carries its state; of free groups */
    uint32_t *z;     /* what the state was made from, where somebody needs it */
    uint32_t *fixed; /* the part of z that does not move: blocks from groups that stay as they are, and the bias */
};
struct moving moving_new(struct gen *gen, const struct sweep *sweep);
/* A field for the fixed part of each free group that a block from a group that stays feeds. */
void moving_add_fixed(struct gen *gen, struct moving *m);
/* Parts of z at given states. The moving one is IR_NONE where nothing that moves feeds the group. */
ir_id moving_fixed_part(struct gen *gen, const struct moving *m, struct sweep *at, uint32_t group);
ir_id moving_part(struct gen *gen, const struct moving *m, struct sweep *at, uint32_t group);
ir_id moving_z(struct gen *gen, const struct moving *m, struct sweep *at, uint32_t group);

/* a + b, either of which may be IR_NONE. */
ir_id gen_add(struct gen *gen, ir_id a, ir_id b);
/* The sum of all elements of value * factor, the factor held still. */
ir_id gen_dot(struct gen *gen, ir_id value, ir_id factor);

#endif
