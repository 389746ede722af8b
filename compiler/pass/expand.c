/* expand.c: functions that no machine has become arithmetic, in every nest of the plan. */
#include "compiler/pass/plan.h"

static void expand_nests(struct plan *plan, struct nests *nests)
{
    for (uint32_t i = 0; i < nests->count; i++) {
        struct nest *nest = nests->item[i].nest;
        if (nests->item[i].kind != ITEM_NEST) continue;
        program_expand(plan->arena, &nest->body, plan->target->real_bytes);
        program_expand(plan->arena, &nest->finish, plan->target->real_bytes);
    }
}

void pass_expand(struct plan *plan)
{
    for (uint32_t e = 0; e < NNT_ENTRIES; e++)
        if (plan->nests[e]) expand_nests(plan, plan->nests[e]);
}
