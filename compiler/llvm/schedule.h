/* schedule.h: how a nest is carried out: its loops joined and ordered, which one lies in the lanes, what stays in
 * registers. */
#ifndef NNT_LLVM_SCHEDULE_H
#define NNT_LLVM_SCHEDULE_H

#include "compiler/kernel/nest.h"

#define AXIS_NONE UINT32_MAX

/* One loop, or several that touch memory like one. */
struct axis {
    uint64_t times; /* its extent: times, or times * the call's batch */
    bool batch, summed;
    uint32_t loop;                 /* the nest's loop it is; NEST_NONE where it is several */
    int64_t stride[NEST_OPERANDS]; /* by operand */
};
/* Free axes come before summed ones. tile[1] is the axis of the lanes where that is a free one. */
struct schedule {
    uint32_t n_axes, n_free;
    struct axis axis[NEST_DEPTH];
    uint32_t lanes_axis, lanes; /* AXIS_NONE and 1 where nothing lies in lanes */
    uint32_t tile[2];           /* axes of which several iterations are in registers at once; AXIS_NONE */
    uint32_t count[2];          /* how many iterations, or vectors on the axis of the lanes */
};
/* What is known of the machine: lanes of its vectors, their number, and the batch to expect. */
struct schedule_machine {
    uint32_t lanes, registers, batch;
};
void schedule_nest(struct schedule *s, const struct nest *nest, const struct schedule_machine *machine);

#endif
