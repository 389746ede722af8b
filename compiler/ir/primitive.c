/* primitive.c: the derivatives of the scalar primitives: the columns of primitives.def as nodes. */
#include "compiler/ir/op.h"

/* A formula of a row: a number, an argument (3 is the result), or a primitive of formulas. NULL is 0. */
enum { FORMULA_NUMBER = PRIMITIVES, FORMULA_ARGUMENT };
struct formula {
    int op;
    double number;
    uint32_t argument;
    const struct formula *in[2];
};

#define NUM(x) (&(const struct formula){.op = FORMULA_NUMBER, .number = (x)})
#define ARGUMENT(k) (&(const struct formula){.op = FORMULA_ARGUMENT, .argument = (k)})
#define APPLY(p, ...) (&(const struct formula){.op = PRIMITIVE_##p, .in = {__VA_ARGS__}})
#define ZERO NULL
#define A ARGUMENT(0)
#define B ARGUMENT(1)
#define C ARGUMENT(2)
#define Y ARGUMENT(3)
#define ADD(x, y) APPLY(add, x, y)
#define SUB(x, y) APPLY(sub, x, y)
#define MUL(x, y) APPLY(mul, x, y)
#define DIV(x, y) APPLY(div, x, y)
#define POW(x, y) APPLY(pow, x, y)
#define LESS(x, y) APPLY(less, x, y)
#define LESS_EQUAL(x, y) APPLY(less_equal, x, y)
#define NEG(x) APPLY(neg, x)
#define EXP(x) APPLY(exp, x)
#define LOG(x) APPLY(log, x)
#define SIGN(x) APPLY(sign, x)
#define SIN(x) APPLY(sin, x)
#define COS(x) APPLY(cos, x)
#define SINH(x) APPLY(sinh, x)
#define COSH(x) APPLY(cosh, x)
#define TANH(x) APPLY(tanh, x)
#define LOGISTIC(x) APPLY(logistic, x)

static const struct formula *const partials[PRIMITIVES][2] = {
#define PRIMITIVE(name, arity, value, d_a, d_b, kink, help, range) {d_a, d_b},
#include "runtime/base/primitives.def"
#undef PRIMITIVE
};

static ir_id build(struct ir *g, const struct formula *f, const ir_id argument[4])
{
    ir_id in[2] = {IR_NONE, IR_NONE};

    if (f->op == FORMULA_NUMBER) return ir_number(g, f->number);
    if (f->op == FORMULA_ARGUMENT) return argument[f->argument];
    for (uint32_t k = 0; k < 2; k++) {
        if (f->in[k]) in[k] = build(g, f->in[k], argument);
    }
    return ir_map(g, (enum primitive)f->op, in[0], in[1], IR_NONE);
}

ir_id primitive_partial(struct ir *g, enum primitive op, uint32_t k, ir_id a, ir_id b, ir_id c, ir_id y)
{
    const ir_id argument[4] = {a, b, c, y};

    if (k >= 2 || !partials[op][k]) return IR_NONE;
    return build(g, partials[op][k], argument);
}
