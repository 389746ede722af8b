/* op.h: what an operator is: its shape rule, its value (the definition), its reverse and its forward rule. */
#ifndef NNT_OP_H
#define NNT_OP_H

#include "compiler/ir/ir.h"

/* value: in and out are whole tensors, row-major, float64, with IR_BATCH replaced by `batch`; where `single`, every result is
 * rounded to float32 (sums keep a float32 accumulator's order only in exactness 1e-4; they may be summed in float64 and rounded).
 * reverse: given n's adjoint, adds to out_in[k] the adjoint of input k (IR_NONE: none): nodes of the same graph.
 * forward: n's tangent, given those of its inputs; IR_NONE is 0, and at least one input's is not, but for what has no inputs. */
struct op {
    bool (*shape)(const struct ir *g, const struct node *n, struct shape *out);
    void (*value)(const struct ir *g, const struct node *n, uint32_t batch, bool single, const double *const in[],
                  double *out);
    void (*reverse)(struct ir *g, ir_id n, ir_id adjoint, ir_id out_in[IR_INPUTS]);
    ir_id (*forward)(struct ir *g, ir_id n, const ir_id tangent[IR_INPUTS]);
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
/* Either of which may be 0, as IR_NONE. */
ir_id tangent_sum(struct ir *g, ir_id a, ir_id b);

/* The value of an operator that ir_differentiate expands: there is none. */
void value_of_placeholder(const struct ir *g, const struct node *n, uint32_t batch, bool single,
                          const double *const in[], double *out);
/* Nodes of a walk; zero at first. Puts one behind `depth` of them; returns how many there are now. */
struct ir_stack {
    ir_id *node;
    uint32_t capacity;
};
uint32_t ir_push(struct arena *arena, struct ir_stack *stack, uint32_t depth, ir_id id);

/* The tangents that a graph has so far; all zero but the arena at first. */
struct forward {
    struct arena *arena;
    uint32_t room; /* elements of the two below */
    bool *known;
    ir_id *tangent; /* IR_NONE: 0 */
    struct ir_stack stack;
};
/* What stands for `tangent of`: nodes of g, by the operators' forward rules; of has no gradients or tangents in it. */
ir_id forward_expand(struct forward *forward, struct ir *g, ir_id of);

#endif
