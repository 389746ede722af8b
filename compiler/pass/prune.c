/* prune.c: only what an entry needs, and scratch only for what is read. */
#include "compiler/pass/plan.h"

void pass_prune(struct plan *plan)
{
    struct ir *g;
    bool again = true;

    while (again) {
        g = ir_rewrite(plan->arena, plan->g, NULL, NULL);
        plan->g = g;
        again = ir_drop_unread(g);
    }
    ir_pack(g);
}
