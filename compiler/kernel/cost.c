/* cost.c: how many operations and bytes a nest needs. */
#include "compiler/kernel/expand.h"
#include "compiler/kernel/nest.h"

/* What an expanded primitive costs, about: a polynomial, a range reduction and a few selects. */
enum { EXPANDED_COST = 25 };

static double iterations(const struct nest *nest, uint32_t loops, uint32_t batch)
{
    double n = 1;
    for (uint32_t i = nest->outer; i < nest->depth; i++)
        if (loops >> i & 1) n *= nest->extent[i] == NEST_BATCH ? batch : nest->extent[i];
    return n;
}

static double operations(const struct program *program)
{
    double n = 0;
    for (uint32_t i = 0; i < program->count; i++) {
        uint8_t op = program->code[i].op;
        if (op == SCALAR_FMA)
            n += 2;
        else if (op == SCALAR_ACCUMULATE || op > SCALAR_FMA)
            n += 1;
        else if (op < PRIMITIVES && op != PRIMITIVE_hold)
            n += primitive_is_machine(op) ? 1 : EXPANDED_COST;
    }
    return n;
}

/* An operand read and written in the same nest moves twice; one that does not move with a loop is touched once
 * there. */
static double traffic(const struct nest *nest, const struct program *program, uint32_t batch)
{
    double elements = 0;
    for (uint32_t i = 0; i < program->count; i++) {
        const struct scalar *s = &program->code[i];
        if (s->op != SCALAR_LOAD && s->op != SCALAR_STORE) continue;
        uint32_t moves = 0;
        for (uint32_t l = nest->outer; l < nest->depth; l++)
            if (nest->operand[s->index].stride[l]) moves |= 1u << l;
        elements += iterations(nest, moves, batch);
    }
    return elements;
}

void nest_cost(const struct nest *nest, uint32_t real_bytes, uint32_t batch, double *out_flops, double *out_bytes)
{
    *out_flops = operations(&nest->body) * iterations(nest, ~0u, batch) +
                 operations(&nest->finish) * iterations(nest, ~nest->summed, batch);
    *out_bytes = real_bytes * (traffic(nest, &nest->body, batch) + traffic(nest, &nest->finish, batch));
}
