/* check_loss.c: activations, potentials, the boundary loss and its terms, and R. */
#include "lang/check.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_TERMS = 1024 };

/* ---- activations and potentials ---- */

/* A number for each neuron: a number alone is chosen by a condition on the vector that is the same on both sides.
 */
static const struct expr *spread(struct checker *c, const struct expr *e, const struct expr *over)
{
    if (e->width) return e;
    const struct expr *condition = expr_apply(c->m->pool, PRIMITIVE_less, over, over, NULL);
    return expr_apply(c->m->pool, PRIMITIVE_select, condition, e, e);
}

/* The expression of a group's activation or potential; NULL after a message. */
static const struct expr *group_expression(const struct scope *s, const struct ast *e, uint32_t g, enum place place)
{
    struct scope inner = *s;
    inner.place = place;
    inner.width = s->c->m->group[g].size;
    const struct expr *value =
        evaluate_number(&inner, e, place == PLACE_ACTIVATION ? "the activation" : "the potential");
    if (!value) return NULL;
    return spread(s->c, value,
                  expr_variable(s->c->m->pool, place == PLACE_ACTIVATION ? VAR_Z : VAR_S, 0, inner.width));
}

static void set_activation(const struct scope *s, const struct ast *e, uint32_t g, const struct ast *ref)
{
    struct checker *c = s->c;
    struct group *group = &c->m->group[g];
    if (c->has_activation[g]) {
        mistake(s, ref->span, "duplicate-name", "'%s' has an activation already", group->shown);
        return;
    }
    c->has_activation[g] = true;
    if (!group->predicted && !c->doubt_blocks) {
        mistake(s, ref->span, "not-predicted", "'%s' has neither incoming block nor bias, and so no activation",
                group->shown);
        return;
    }
    const struct expr *value = group_expression(s, e, g, PLACE_ACTIVATION);
    if (!value || !group->predicted) return;
    group->activation = value;
    group->group_map = has_reduction(c, value);
}

void check_activation(const struct scope *s, const struct ast *statement)
{
    struct group_list list = {0};
    if (!resolve_refs(s, statement->child[0], &list)) s->c->in_doubt = true;
    for (uint32_t i = 0; i < list.count; i++)
        if (list.group[i] != NNT_NONE) set_activation(s, statement->child[1], list.group[i], list.ref[i]);
    if (list.count) return;
    struct scope inner = *s; /* an array without groups: the expression is checked all the same */
    inner.place = PLACE_ACTIVATION;
    inner.width = 1;
    (void)evaluate_number(&inner, statement->child[1], "the activation");
}

static void set_potential(const struct scope *s, const struct ast *e, uint32_t g, const struct ast *ref)
{
    struct group *group = &s->c->m->group[g];
    if (group->potential) {
        mistake(s, ref->span, "duplicate-name", "'%s' has a potential already", group->shown);
        return;
    }
    const struct expr *value = group_expression(s, e, g, PLACE_POTENTIAL);
    if (!value) return;
    if (has_reduction(s->c, value))
        mistake(s, e->span, "bad-potential",
                "the potential of a neuron depends on the others; V is per neuron, without sum, mean, max or min");
    group->potential = value;
}

void check_potential(const struct scope *s, const struct ast *statement)
{
    struct group_list list = {0};
    (void)resolve_refs(s, statement->child[0], &list);
    for (uint32_t i = 0; i < list.count; i++)
        if (list.group[i] != NNT_NONE) set_potential(s, statement->child[1], list.group[i], list.ref[i]);
}

/* ---- the boundary loss ---- */

static bool reads_group(const struct expr *e)
{
    return e->kind == EXPR_VARIABLE && e->op >= VAR_STATE && e->op <= VAR_PREDICTION_Z;
}

/* The one output that an expression reads, NNT_NONE for none or several; whether it depends on what the network
 * computes. */
static uint32_t output_read(const struct checker *c, const struct expr *e, bool *out_computed)
{
    bool *needed = calloc(e->id + (size_t)1, sizeof *needed);
    if (!needed) arena_exhausted();
    uint32_t found = NNT_NONE, count = 0;
    *out_computed = false;
    needed[e->id] = true;
    for (uint32_t id = e->id + 1; id-- > 0;) {
        const struct expr *n = c->m->pool->node[id];
        if (!needed[id]) continue;
        for (int i = 0; i < 3; i++)
            if (n->arg[i]) needed[n->arg[i]->id] = true;
        if (!reads_group(n)) continue;
        *out_computed = *out_computed || n->op != VAR_TARGET;
        if (!c->m->group[n->index].output || n->index == found) continue;
        found = n->index;
        count++;
    }
    free(needed);
    return count == 1 ? found : NNT_NONE;
}

/* Terms added at the top, from left to right; 0 where there are too many to tell apart. */
static uint32_t split_terms(const struct expr *e, const struct expr *out[MOST_TERMS])
{
    const struct expr *stack[MOST_TERMS] = {e};
    uint32_t n = 0, height = 1;
    while (height) {
        const struct expr *top = stack[--height];
        if (top->kind == EXPR_APPLY && top->op == PRIMITIVE_add) {
            if (height + 2 > MOST_TERMS) return 0;
            stack[height++] = top->arg[1];
            stack[height++] = top->arg[0];
        } else {
            if (n == MOST_TERMS) return 0;
            out[n++] = top;
        }
    }
    return n;
}

static void set_terms(struct checker *c, const struct expr *loss)
{
    const struct expr *term[MOST_TERMS] = {loss};
    bool computed;
    uint32_t n = split_terms(loss, term);
    if (!n) term[0] = loss, n = 1;
    c->m->n_terms = n;
    c->m->term = arena_alloc(c->arena, n * sizeof *c->m->term);
    for (uint32_t i = 0; i < n; i++)
        c->m->term[i] = (struct loss_term){term[i], output_read(c, term[i], &computed)};
}

static void check_boundary(const struct scope *s, const struct ast *e)
{
    struct checker *c = s->c;
    bool computed;
    if (c->has_loss) {
        mistake(s, e->span, "duplicate-name", "the boundary loss is given a second time");
        return;
    }
    c->has_loss = true;
    c->loss_at = e->span;
    struct scope inner = *s;
    inner.place = PLACE_LOSS;
    const struct expr *loss = evaluate_number(&inner, e, "the boundary loss");
    if (!loss) return;
    if (loss->width) {
        mistake(s, e->span, "bad-shape", "the boundary loss is a vector of %u; a number a sample was expected",
                loss->width);
        diag_hint(c->diag, "write 'sum(…)' around it");
        return;
    }
    (void)output_read(c, loss, &computed);
    if (!computed) {
        mistake(s, e->span, "constant-loss", "the boundary loss depends on no neuron");
        return;
    }
    c->m->loss = loss;
    set_terms(c, loss);
}

/* An output whose rows are not those of another that the expression reads; NNT_NONE where all are compared alike. */
static uint32_t other_rows(const struct checker *c, const struct expr *e, uint32_t *out_first)
{
    const struct group *group = c->m->group;
    bool *needed = calloc(e->id + (size_t)1, sizeof *needed);
    if (!needed) arena_exhausted();
    uint32_t other = NNT_NONE;
    *out_first = NNT_NONE;
    needed[e->id] = true;
    for (uint32_t id = e->id + 1; id-- > 0 && other == NNT_NONE;) {
        const struct expr *n = c->m->pool->node[id];
        if (!needed[id]) continue;
        for (int i = 0; i < 3; i++)
            if (n->arg[i]) needed[n->arg[i]->id] = true;
        if (!reads_group(n) || !group[n->index].output) continue;
        if (*out_first == NNT_NONE) *out_first = n->index;
        const struct group *first = &group[*out_first], *g = &group[n->index];
        if (g->rows != first->rows || g->first_tick != first->first_tick) other = n->index;
    }
    free(needed);
    return other;
}

static const char *rows_words(const struct checker *c, const struct group *g)
{
    if (!g->rows) return arena_printf(c->arena, "'%s' at the end", g->shown);
    return arena_printf(c->arena, "%u row%s of '%s' from update %u on", g->rows, g->rows == 1 ? "" : "s", g->shown,
                        g->first_tick);
}

void check_loss_rows(struct checker *c)
{
    struct scope s = scope_of(c, PLACE_CONSTANT, 0);
    const struct model *m = c->m;
    if (c->doubt_boundary || c->doubt_dynamics) return;
    for (uint32_t i = 0; i < m->n_terms; i++) {
        uint32_t first, other = other_rows(c, m->term[i].value, &first);
        if (other == NNT_NONE) continue;
        mistake(&s, c->loss_at, "mixed-rows", "a term of the boundary loss reads %s and %s",
                rows_words(c, &m->group[first < other ? first : other]),
                rows_words(c, &m->group[first < other ? other : first]));
        diag_hint(c->diag, "each term that is added reads outputs of the same updates, as in loss(y, target(y)) + "
                           "loss(v, target(v))");
        return;
    }
}

/* ---- R ---- */

static void check_bulk(const struct scope *s, const struct ast *statement)
{
    struct checker *c = s->c;
    struct group_list list = {0};
    if (c->R_given) {
        mistake(s, statement->span, "duplicate-name", "loss bulk is given a second time");
        return;
    }
    c->R_given = true;
    if (!resolve_refs(s, statement->child[0], &list)) c->doubt_H = true;
    for (uint32_t i = 0; i < list.count; i++) {
        if (list.group[i] == NNT_NONE) continue;
        struct group *g = &c->m->group[list.group[i]];
        if (g->in_R)
            mistake(s, list.ref[i]->span, "duplicate-name", "'%s' is named a second time", g->shown);
        else if (!g->predicted && !c->doubt_blocks)
            mistake(s, list.ref[i]->span, "not-predicted",
                    "'%s' has neither incoming block nor bias, and so no error of its own", g->shown);
        g->in_R = true;
    }
}

void check_loss(const struct scope *s, const struct ast *statement)
{
    if (statement->kind == AST_LOSS_BULK)
        check_bulk(s, statement);
    else
        check_boundary(s, statement->child[0]);
}
