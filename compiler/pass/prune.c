/* prune.c: only what an entry needs. */
#include "compiler/pass/plan.h"

void pass_prune(struct plan *plan)
{
    plan->g = ir_rewrite(plan->arena, plan->g, NULL, NULL);
}
