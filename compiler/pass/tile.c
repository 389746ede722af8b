/* tile.c: how each nest is run: plain loops, a product in register tiles, or a product by the call's gemm. */
#include "compiler/pass/plan.h"

#include <math.h>

/* Below this many multiply-adds, or with a shorter extent, a call of gemm or packing for tiles costs more than it
 * saves. */
enum { LEAST_FOR_BLAS = 8192, LEAST_FOR_TILES = 512, LEAST_EXTENT = 4 };

/* m, n, k loops with a product of two loads as the body, whatever the finish. */
static bool is_product(const struct nest *nest)
{
    const struct scalar *code = nest->body.code;
    return nest->depth == 3 && nest->outer == 0 && nest->summed == 4 && nest->body.count == 4 &&
           code[0].op == SCALAR_LOAD && code[1].op == SCALAR_LOAD && code[2].op == PRIMITIVE_mul &&
           code[3].op == SCALAR_ACCUMULATE && code[3].reduction == REDUCE_SUM;
}

static double likely_work(const struct target *target, const uint32_t extent[3], double *out_least)
{
    double work = 1;
    *out_least = INFINITY;
    for (uint32_t k = 0; k < 3; k++) {
        double likely = extent[k] != NEST_BATCH ? extent[k] : target->batch ? target->batch : 1;
        work *= likely;
        if (likely < *out_least) *out_least = likely;
    }
    return work;
}

bool product_is_for_blas(const struct target *target, const uint32_t extent[3])
{
    double least, work = likely_work(target, extent, &least);
    return target->blas && work >= LEAST_FOR_BLAS && least >= LEAST_EXTENT;
}

static enum how how_to_run(const struct nest *nest, const struct target *target)
{
    struct product product;
    bool negative;
    double least;
    if (!is_product(nest)) return HOW_LOOPS;
    if (product_is_for_blas(target, nest->extent) && nest_product(nest, &product, &negative)) return HOW_BLAS;
    return likely_work(target, nest->extent, &least) >= LEAST_FOR_TILES ? HOW_TILES : HOW_LOOPS;
}

void pass_tile(struct plan *plan)
{
    for (uint32_t e = 0; e < NNT_ENTRIES; e++) {
        for (uint32_t i = 0; plan->nests[e] && i < plan->nests[e]->count; i++) {
            struct item *item = &plan->nests[e]->item[i];
            if (item->kind == ITEM_NEST) item->nest->how = how_to_run(item->nest, plan->target);
        }
    }
}
