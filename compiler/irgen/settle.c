/* settle.c: the map iterated until it moves no more, each sample by itself, and the adjoint of the fixed point (THEORY 1). */
#include "compiler/irgen/gen.h"

void settle_run(struct gen *gen, struct sweep *sweep, bool kept)
{
    (void)gen, (void)sweep, (void)kept;
    BUG("settling");
}

void settle_gradients(struct gen *gen, struct sweep *sweep, ir_id coefficient, ir_id out[])
{
    (void)gen, (void)sweep, (void)coefficient, (void)out;
    BUG("settling");
}
