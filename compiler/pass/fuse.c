/* fuse.c: for each entry, what becomes of each node and at which stage it is computed; then clusters and their
 * schedule.
 *
 * Stages: an even one holds maps and the sums within a sample, an odd one the products and sums that need the stage
 * before it as a whole. A transcendental map stands as early as its inputs do, so that all later users find it
 * stored; a cheap map stands as late as its users, so that it is not stored at all, where its inputs are kept for
 * other reasons anyway. */
#include "compiler/pass/plan.h"

enum { MOST_LEAVES = 24 };

static bool is_transcendental(uint8_t primitive)
{
    switch (primitive) {
    case PRIMITIVE_pow:
    case PRIMITIVE_exp:
    case PRIMITIVE_log:
    case PRIMITIVE_log1p:
    case PRIMITIVE_expm1:
    case PRIMITIVE_sin:
    case PRIMITIVE_cos:
    case PRIMITIVE_tan:
    case PRIMITIVE_atan:
    case PRIMITIVE_sinh:
    case PRIMITIVE_cosh:
    case PRIMITIVE_tanh:
    case PRIMITIVE_log_cosh:
    case PRIMITIVE_erf:
    case PRIMITIVE_logistic:
    case PRIMITIVE_softplus:
        return true;
    default:
        return false;
    }
}

/* ---- roles ---- */

static void mark_live(struct fusion *f)
{
    for (uint32_t r = 0; r < f->phase->n_results; r++) {
        f->node[f->phase->result[r].value].uses++;
        f->node[f->phase->result[r].value].results++;
    }
    for (ir_id id = f->g->count; id-- > 0;) {
        const ir_id *in = f->g->node[id].in;
        for (uint32_t k = 0; f->node[id].uses && k < f->g->node[id].n_in; k++) {
            bool again = (k > 0 && in[k] == in[0]) || (k > 1 && in[k] == in[1]);
            if (!again) f->node[in[k]].uses++;
        }
    }
}

/* Rank-0 arithmetic on numbers of the call costs nothing inside any nest: compilers take it out of the loops. */
static bool is_free_map(const struct fusion *f, const struct node *n)
{
    if (n->shape.rank || is_transcendental(n->kind) || n->kind == PRIMITIVE_hold) return false;
    for (uint32_t k = 0; k < n->n_in; k++)
        if (f->node[n->in[k]].role != ROLE_FREE) return false;
    return true;
}

static enum role first_role(const struct fusion *f, const struct node *n)
{
    switch (n->op) {
    case IR_source:
        return ROLE_SOURCE;
    case IR_view:
        return f->node[n->in[0]].role == ROLE_FREE && !f->g->node[n->in[0]].shape.rank ? ROLE_FREE : ROLE_VIEW;
    case IR_map:
        return is_free_map(f, n) ? ROLE_FREE : ROLE_COMPUTED;
    case IR_reduce:
    case IR_contract:
        return ROLE_COMPUTED;
    default:
        return ROLE_FREE;
    }
}

static void set_roles(struct fusion *f)
{
    for (ir_id id = 0; id < f->g->count; id++) {
        const struct node *n = &f->g->node[id];
        if (!f->node[id].uses) continue;
        f->node[id].role = (uint8_t)first_role(f, n);
        f->node[id].cheap =
            (n->op == IR_map && !is_transcendental(n->kind)) || (n->op == IR_reduce && !node_is_barrier(f->g, id));
    }
}

static bool is_broadcast(const struct node *n)
{
    for (uint32_t k = 0; n->op == IR_view && k < n->shape.rank; k++)
        if (n->from[k] < 0) return true;
    return false;
}

/* Maps that are larger than all they are made of: rather made twice than stored. */
static bool *wide_maps(const struct fusion *f)
{
    bool *wide = arena_alloc(f->arena, f->g->count + 1);
    for (ir_id id = 0; id < f->g->count; id++) {
        const struct node *n = &f->g->node[id];
        wide[id] = n->op == IR_map && f->node[id].cheap;
        for (uint32_t k = 0; wide[id] && k < n->n_in; k++)
            wide[id] = wide[n->in[k]] || is_broadcast(&f->g->node[n->in[k]]);
    }
    return wide;
}

/* Maps that only sums, and maps inside their bodies, use. */
static void mark_inline(struct fusion *f)
{
    const bool *wide = wide_maps(f);
    bool *wanted = arena_alloc(f->arena, f->g->count + 1); /* by somebody else */
    for (ir_id id = f->g->count; id-- > 0;) {
        const struct node *n = &f->g->node[id];
        struct planned *p = &f->node[id];
        if (p->role == ROLE_DEAD) continue;
        bool can = p->role == ROLE_COMPUTED && n->op == IR_map && n->shape.rank && !p->results && !wanted[id];
        if (can && (p->uses == 1 || wide[id])) p->role = ROLE_INLINE;
        for (uint32_t k = 0; k < n->n_in; k++)
            if (n->op != IR_reduce && p->role != ROLE_INLINE) wanted[n->in[k]] = true;
    }
}

/* A body has room for so many operands only: of maps that would need more the rest is stored. */
static void limit_inline(struct fusion *f)
{
    uint32_t *leaves = arena_alloc(f->arena, (f->g->count + 1) * sizeof *leaves);
    for (ir_id id = 0; id < f->g->count; id++) {
        const struct node *n = &f->g->node[id];
        leaves[id] = 1;
        if (f->node[id].role == ROLE_VIEW) leaves[id] = leaves[n->in[0]];
        if (f->node[id].role != ROLE_INLINE) continue;
        for (uint32_t k = 0; k < n->n_in; k++) leaves[id] += leaves[n->in[k]];
        if (leaves[id] <= MOST_LEAVES) continue;
        f->node[id].role = ROLE_COMPUTED;
        leaves[id] = 1;
    }
}

/* ---- stages ---- */

/* The first stage at which each node could be computed; out_ready: at which a map could read it. */
static void set_earliest(struct fusion *f, uint32_t *out_ready)
{
    for (ir_id id = 0; id < f->g->count; id++) {
        const struct node *n = &f->g->node[id];
        uint32_t ready = 0;
        for (uint32_t k = 0; k < n->n_in; k++)
            if (f->node[id].role != ROLE_DEAD && out_ready[n->in[k]] > ready) ready = out_ready[n->in[k]];
        bool barrier = f->node[id].role == ROLE_COMPUTED && node_is_barrier(f->g, id);
        f->node[id].stage = barrier ? ready + 1 : ready;
        out_ready[id] = barrier ? ready + 2 : ready;
    }
}

/* Whether a value is in memory for later stages whatever becomes of its users, or made of such at no cost. */
static bool *kept_nodes(struct fusion *f)
{
    bool *kept = arena_alloc(f->arena, f->g->count + 1);
    for (ir_id id = f->g->count; id-- > 0;) { /* what a product reads, through views */
        const struct node *n = &f->g->node[id];
        if (f->node[id].role == ROLE_DEAD) continue;
        for (uint32_t k = 0; k < n->n_in; k++)
            if (n->op == IR_contract || (n->op == IR_view && kept[id])) kept[n->in[k]] = true;
        if (f->node[id].results) kept[id] = true;
    }
    for (ir_id id = 0; id < f->g->count; id++) {
        const struct node *n = &f->g->node[id];
        const struct planned *p = &f->node[id];
        if (p->role == ROLE_FREE || p->role == ROLE_SOURCE) kept[id] = true;
        if (p->role != ROLE_VIEW && !p->cheap) continue;
        bool all = true;
        for (uint32_t k = 0; k < n->n_in; k++) all = all && kept[n->in[k]];
        kept[id] = kept[id] || all;
    }
    return kept;
}

static bool inputs_kept(const struct node *n, const bool *kept)
{
    for (uint32_t k = 0; k < n->n_in; k++)
        if (!kept[n->in[k]]) return false;
    return true;
}

/* Moves cheap maps to the stage of the first that uses them. */
static void set_stages(struct fusion *f)
{
    uint32_t *late = arena_alloc(f->arena, (f->g->count + 1) * sizeof *late);
    set_earliest(f, late);
    const bool *kept = kept_nodes(f);
    for (ir_id id = 0; id < f->g->count; id++) late[id] = PLAN_NONE;
    for (ir_id id = f->g->count; id-- > 0;) {
        const struct node *n = &f->g->node[id];
        struct planned *p = &f->node[id];
        if (p->role == ROLE_DEAD) continue;
        bool moves = p->role == ROLE_COMPUTED && p->cheap && late[id] != PLAN_NONE && inputs_kept(n, kept);
        if (moves) p->stage = late[id];
        uint32_t mine = p->role != ROLE_COMPUTED ? late[id] : p->stage - (node_is_barrier(f->g, id) ? 1 : 0);
        for (uint32_t k = 0; k < n->n_in; k++)
            if (mine < late[n->in[k]]) late[n->in[k]] = mine;
    }
}

/* ---- what a node reads ---- */

static void visit_input(const struct fusion *f, ir_id id, bool direct, fusion_visit *visit, void *with)
{
    switch (f->node[id].role) {
    case ROLE_VIEW:
        visit_input(f, f->g->node[id].in[0], false, visit, with);
        break;
    case ROLE_INLINE:
        for (uint32_t k = 0; k < f->g->node[id].n_in; k++)
            visit_input(f, f->g->node[id].in[k], direct, visit, with);
        break;
    case ROLE_SOURCE:
    case ROLE_COMPUTED:
        visit(with, id, direct);
        break;
    default:
        break;
    }
}

void fusion_inputs(const struct fusion *f, ir_id id, fusion_visit *visit, void *with)
{
    for (uint32_t k = 0; k < f->g->node[id].n_in; k++) visit_input(f, f->g->node[id].in[k], true, visit, with);
}

/* ---- the pass ---- */

static struct fusion *fuse_phase(struct plan *plan, struct temporaries *temporaries, const struct ir_phase *phase)
{
    struct fusion *f = arena_alloc(plan->arena, sizeof *f);
    *f = (struct fusion){
        .arena = plan->arena, .g = plan->g, .target = plan->target, .phase = phase, .temporaries = temporaries};
    f->node = arena_alloc(f->arena, (f->g->count + 1) * sizeof *f->node);
    for (ir_id id = 0; id < f->g->count; id++) f->node[id].cluster = f->node[id].place = PLAN_NONE;
    mark_live(f);
    set_roles(f);
    mark_inline(f);
    limit_inline(f);
    set_stages(f);
    fuse_clusters(f);
    fuse_schedule(f);
    return f;
}

void pass_fuse(struct plan *plan)
{
    for (uint32_t e = 0; e < NNT_ENTRIES; e++) {
        const struct ir_entry *entry = &plan->g->entry[e];
        struct fused *fused = &plan->fused[e];
        fused->n_phases = entry->n_phases;
        fused->phase = arena_alloc(plan->arena, (entry->n_phases + 1) * sizeof *fused->phase);
        for (uint32_t p = 0; p < entry->n_phases; p++)
            fused->phase[p] = fuse_phase(plan, &fused->temporaries, &entry->phase[p]);
    }
}
