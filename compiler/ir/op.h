/* op.h: what an operator is: its shape rule, its value (the definition), and its reverse rule. */
#ifndef NNT_OP_H
#define NNT_OP_H

#include "compiler/ir/ir.h"

/* value: in and out are whole tensors, row-major, float64, with IR_BATCH replaced by `batch`; where `single`, every result is
 * rounded to float32 (sums keep a float32 accumulator's order only in exactness 1e-4; they may be summed in float64 and rounded).
 * reverse: given n's adjoint, adds to out_in[k] the adjoint of input k (IR_NONE: none): nodes of the same graph. */
struct op {
    bool (*shape)(const struct ir *g, const struct node *n, struct shape *out);
    void (*value)(const struct ir *g, const struct node *n, uint32_t batch, bool single, const double *const in[],
                  double *out);
    void (*reverse)(struct ir *g, ir_id n, ir_id adjoint, ir_id out_in[IR_INPUTS]);
};
#define OPERATOR(name, ...) extern const struct op op_##name;
#include "compiler/ir/operators.def"
#undef OPERATOR
extern const struct op *const operators[IR_OPS];
extern const char *const operator_names[IR_OPS];
/* How many elements, with that batch. */
uint64_t shape_size(struct shape shape, uint32_t batch);
/* Partial derivative of a primitive by its argument k (0, 1), as nodes: primitives.def's columns. IR_NONE where it is 0. */
ir_id primitive_partial(struct ir *g, enum primitive op, uint32_t k, ir_id a, ir_id b, ir_id c, ir_id y);

#endif
