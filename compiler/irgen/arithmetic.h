/* arithmetic.h: primitives under short names, for files of irgen that write long formulas. */
#ifndef NNT_IRGEN_ARITHMETIC_H
#define NNT_IRGEN_ARITHMETIC_H

#include "compiler/irgen/gen.h"

/* An operand that makes more than one node is made in a statement of its own: C does not say which argument is made first,
 * and the numbering of the graph should not depend on the compiler. */
static inline ir_id add(struct gen *gen, ir_id a, ir_id b)
{
    return ir_map(gen->g, PRIMITIVE_add, a, b, IR_NONE);
}
static inline ir_id sub(struct gen *gen, ir_id a, ir_id b)
{
    return ir_map(gen->g, PRIMITIVE_sub, a, b, IR_NONE);
}
static inline ir_id mul(struct gen *gen, ir_id a, ir_id b)
{
    return ir_map(gen->g, PRIMITIVE_mul, a, b, IR_NONE);
}
static inline ir_id divide(struct gen *gen, ir_id a, ir_id b)
{
    return ir_map(gen->g, PRIMITIVE_div, a, b, IR_NONE);
}
static inline ir_id times(struct gen *gen, double factor, ir_id a)
{
    return mul(gen, ir_number(gen->g, factor), a);
}
static inline ir_id root(struct gen *gen, ir_id a)
{
    return ir_map(gen->g, PRIMITIVE_sqrt, a, IR_NONE, IR_NONE);
}
static inline ir_id size_of(struct gen *gen, ir_id a)
{
    return ir_map(gen->g, PRIMITIVE_abs, a, IR_NONE, IR_NONE);
}
static inline ir_id larger(struct gen *gen, ir_id a, ir_id b)
{
    return ir_map(gen->g, PRIMITIVE_max, a, b, IR_NONE);
}
static inline ir_id less(struct gen *gen, ir_id a, ir_id b)
{
    return ir_map(gen->g, PRIMITIVE_less, a, b, IR_NONE);
}
static inline ir_id at_most(struct gen *gen, ir_id a, ir_id b)
{
    return ir_map(gen->g, PRIMITIVE_less_equal, a, b, IR_NONE);
}
static inline ir_id both(struct gen *gen, ir_id a, ir_id b)
{
    return ir_map(gen->g, PRIMITIVE_and, a, b, IR_NONE);
}
static inline ir_id either(struct gen *gen, ir_id a, ir_id b)
{
    return ir_map(gen->g, PRIMITIVE_or, a, b, IR_NONE);
}
static inline ir_id negated(struct gen *gen, ir_id a)
{
    return ir_map(gen->g, PRIMITIVE_not, a, IR_NONE, IR_NONE);
}
static inline ir_id choose(struct gen *gen, ir_id condition, ir_id yes, ir_id no)
{
    return ir_map(gen->g, PRIMITIVE_select, condition, yes, no);
}

#endif
