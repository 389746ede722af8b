/* check_graph.c: the network as a whole: what drives each group, the order, cycles, what inputs reach. */
#include "lang/check.h"

#include <string.h>

static struct scope graph_scope(struct checker *c)
{
    return scope_of(c, PLACE_CONSTANT, c->network.symbols);
}

/* ---- what is missing ---- */

static void check_driven(struct checker *c)
{
    struct scope s = graph_scope(c);
    if (c->doubt_blocks || c->doubt_boundary || c->doubt_groups) return;
    for (uint32_t g = 0; g < c->m->n_groups; g++) {
        const struct group *group = &c->m->group[g];
        if (group->input || group->predicted) continue;
        mistake(&s, group->at, "not-driven", "'%s' is no input, and neither a block nor a bias drives it",
                group->shown);
        diag_hint(c->diag, "write 'input %s', or 'weights … -> %s'", group->shown, group->shown);
    }
}

static void check_missing_activations(struct checker *c)
{
    struct scope s = graph_scope(c);
    if (c->doubt_activations) return;
    for (uint32_t g = 0; g < c->m->n_groups; g++) {
        const struct group *group = &c->m->group[g];
        if (!group->predicted || c->has_activation[g]) continue;
        mistake(&s, group->at, "missing-activation",
                "'%s' has no activation; each group with an incoming block or a bias needs one", group->shown);
        diag_hint(c->diag, "write 'activation %s = tanh(z)'", group->shown);
    }
}

/* ---- the order ---- */

/* Blocks that a forward sweep follows: those into groups that it holds are not; the boundary's holds the inputs, the
 * ensemble's what it clamps. */
static bool is_followed(const struct model *m, const struct block *b, bool ensemble)
{
    return ensemble ? !m->group[b->to].clamped : !m->group[b->to].input;
}

/* Groups by the blocks that leave them: blocks of group g are leaving[first[g]] … leaving[first[g + 1]]. */
struct leaving {
    uint32_t *first, *block;
};

static struct leaving sort_leaving(struct checker *c)
{
    const struct model *m = c->m;
    struct leaving l = {arena_alloc(c->arena, (m->n_groups + 2) * sizeof *l.first),
                        arena_alloc(c->arena, (m->n_blocks + 1) * sizeof *l.block)};
    for (uint32_t i = 0; i < m->n_blocks; i++) l.first[m->block[i].from + 2]++;
    for (uint32_t g = 2; g < m->n_groups + 2; g++) l.first[g] += l.first[g - 1];
    for (uint32_t i = 0; i < m->n_blocks; i++) l.block[l.first[m->block[i].from + 1]++] = i;
    return l;
}

/* Each group behind those that feed it, otherwise as in the file as far as a queue keeps it; returns how many could
 * be placed. */
static uint32_t sort_groups(const struct model *m, struct leaving l, bool ensemble, uint32_t *waiting,
                            uint32_t *order)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < m->n_blocks; i++)
        if (is_followed(m, &m->block[i], ensemble)) waiting[m->block[i].to]++;
    for (uint32_t g = 0; g < m->n_groups; g++)
        if (!waiting[g]) order[n++] = g;
    for (uint32_t done = 0; done < n; done++) {
        uint32_t g = order[done];
        for (uint32_t i = l.first[g]; i < l.first[g + 1]; i++) {
            const struct block *b = &m->block[l.block[i]];
            if (is_followed(m, b, ensemble) && --waiting[b->to] == 0) order[n++] = b->to;
        }
    }
    return n;
}

/* A group on a cycle: go back along unplaced groups until one comes again. */
static void report_cycle(struct checker *c, bool ensemble, const uint32_t *waiting)
{
    const struct model *m = c->m;
    uint32_t *seen = arena_alloc(c->arena, m->n_groups * sizeof *seen),
             *path = arena_alloc(c->arena, (m->n_groups + 1) * sizeof *path);
    uint32_t g = 0, n = 0;
    while (!waiting[g]) g++;
    while (!seen[g]) {
        seen[g] = ++n;
        path[n - 1] = g;
        uint32_t i = c->last_into[g];
        while (!waiting[m->block[i].from]) i = c->previous_into[i];
        g = m->block[i].from;
    }
    struct text names = {0};
    struct span at = {0};
    for (uint32_t i = n; i-- > seen[g] - 1;) text_add(&names, "%s -> ", m->group[path[i]].shown);
    text_add(&names, "%s", m->group[path[n - 1]].shown);
    for (uint32_t i = 0; i < m->n_blocks; i++) {
        bool on = seen[m->block[i].from] >= seen[g] && seen[m->block[i].to] >= seen[g] &&
                  is_followed(m, &m->block[i], ensemble);
        if (on) at = m->block[i].at;
    }
    struct scope s = graph_scope(c);
    if (names.length > 200) strcpy(names.data + 190, " …");
    mistake(&s, at, "cycle", "w has a cycle%s: %s; feed-forward dynamics has none",
            ensemble ? " that the ensemble leaves free" : "", names.data);
    if (ensemble) diag_hint(c->diag, "clamp one of its groups in 'ensemble { clamp … }'");
    if (!ensemble) diag_hint(c->diag, "write 'dynamics settle(tolerance: 1e-6, most: 200)' or 'dynamics ticks(n)'");
    text_fini(&names);
}

static void check_order(struct checker *c, struct leaving l)
{
    struct model *m = c->m;
    uint32_t *waiting = arena_alloc(c->arena, (m->n_groups + 1) * sizeof *waiting);
    m->order = arena_alloc(c->arena, (m->n_groups + 1) * sizeof *m->order);
    if (sort_groups(m, l, false, waiting, m->order) == m->n_groups) return;
    if (m->dynamics.which == DYNAMICS_FEEDFORWARD && !c->doubt_dynamics)
        report_cycle(c, false, waiting);
    else
        for (uint32_t g = 0; g < m->n_groups; g++) m->order[g] = g;
}

void check_free_order(struct checker *c)
{
    const struct model *m = c->m;
    uint32_t *waiting = arena_alloc(c->arena, (m->n_groups + 1) * sizeof *waiting),
             *order = arena_alloc(c->arena, (m->n_groups + 1) * sizeof *order);
    struct leaving l = sort_leaving(c);
    if (m->dynamics.which != DYNAMICS_FEEDFORWARD || c->doubt_dynamics) return;
    if (c->doubt_ensemble || c->doubt_boundary) return;
    if (sort_groups(m, l, false, waiting, order) < m->n_groups) return; /* said already */
    memset(waiting, 0, (m->n_groups + 1) * sizeof *waiting);
    if (sort_groups(m, l, true, waiting, order) < m->n_groups) report_cycle(c, true, waiting);
}

/* ---- what the inputs reach ---- */

/* Blocks on the shortest way from an input to each group; NNT_NONE where there is none. NULL without inputs. */
static const uint32_t *distances(struct checker *c, struct leaving l)
{
    const struct model *m = c->m;
    uint32_t *queue = arena_alloc(c->arena, (m->n_groups + 1) * sizeof *queue), n = 0,
             *distance = arena_alloc(c->arena, (m->n_groups + 1) * sizeof *distance);
    for (uint32_t g = 0; g < m->n_groups; g++) {
        distance[g] = m->group[g].input ? 0 : NNT_NONE;
        if (m->group[g].input) queue[n++] = g;
    }
    if (!n) return NULL;
    for (uint32_t done = 0; done < n; done++)
        for (uint32_t i = l.first[queue[done]]; i < l.first[queue[done] + 1]; i++) {
            uint32_t to = m->block[l.block[i]].to;
            if (distance[to] != NNT_NONE) continue;
            distance[to] = distance[queue[done]] + 1;
            queue[n++] = to;
        }
    return distance;
}

/* A block is a delay of one tick: what is further away than there are ticks is not reached. */
static void warn_unreached(struct checker *c, struct leaving l)
{
    const struct model *m = c->m;
    const uint32_t *distance = distances(c, l);
    for (uint32_t g = 0; distance && g < m->n_groups && !mistaken(c); g++) {
        const struct group *group = &m->group[g];
        if (!group->output) continue;
        if (distance[g] == NNT_NONE)
            diag_warn(c->diag, group->at, "not-reached", "no input reaches the output '%s'", group->shown);
        else if (m->dynamics.which != DYNAMICS_FEEDFORWARD && distance[g] > m->dynamics.ticks)
            diag_warn(c->diag, group->at, "not-reached",
                      "no input reaches the output '%s' in %u tick%s: the shortest way has %u blocks, a tick each",
                      group->shown, m->dynamics.ticks, m->dynamics.ticks == 1 ? "" : "s", distance[g]);
    }
}

void check_graph(struct checker *c)
{
    struct leaving l = sort_leaving(c);
    check_driven(c);
    check_missing_activations(c);
    check_order(c, l);
    warn_unreached(c, l);
}
