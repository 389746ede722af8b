/* differentiate.c: gradients by the operators' reverse rules, innermost first. */
#include "compiler/pass/plan.h"

void pass_differentiate(struct plan *plan)
{
    plan->g = ir_differentiate(plan->arena, plan->g);
}
