/* check_schedule.c: schedules of progress, and what training minimises. */
#include "lang/check.h"

#include <math.h>
#include <string.h>

enum { GRID = 1000 };

/* ---- warmup and piecewise: the schedules whose arguments are schedules ---- */

static struct value progress(const struct scope *s)
{
    return number_value(expr_variable(s->c->m->pool, VAR_PROGRESS, 0, 0));
}
static struct value number(const struct scope *s, double value)
{
    return number_value(expr_number(s->c->m->pool, value));
}

static const struct expr *replace_progress(void *with, const struct expr *variable)
{
    return variable->op == VAR_PROGRESS ? with : variable;
}

/* The schedule at another progress. */
static struct value schedule_at(const struct scope *s, struct value schedule, struct value at)
{
    if (schedule.kind == VALUE_POISON || at.kind == VALUE_POISON) return poison();
    return number_value(expr_replace(s->c->m->pool, schedule.e, replace_progress, (void *)(uintptr_t)at.e));
}

/* warmup(f, S): up from 0 to S's start over the first f, then S over the rest. */
static struct value warmup(const struct scope *s, const struct ast *e)
{
    struct argument a[MOST_SETTINGS];
    uint32_t n;
    double f;
    if (!match_arguments(s, e, "share schedule", a, &n)) return poison();
    bool first = constant_number(s, a[0].given, "the share of warmup", &f);
    const struct expr *schedule = evaluate_number(s, a[1].given, "the schedule");
    if (!first || !schedule) return poison();
    if (!(f > 0 && f < 1)) {
        mistake(s, a[0].given->span, "out-of-range", "the share of warmup must lie between 0 and 1");
        return poison();
    }
    struct value none = {0}, p = progress(s), S = number_value(schedule), share = number(s, f);
    struct value rest =
        apply(s, e->span, PRIMITIVE_div, apply(s, e->span, PRIMITIVE_sub, p, share, none), number(s, 1 - f), none);
    struct value up = apply(s, e->span, PRIMITIVE_mul, schedule_at(s, S, number(s, 0)),
                            apply(s, e->span, PRIMITIVE_div, p, share, none), none);
    struct value below = apply(s, e->span, PRIMITIVE_less, p, share, none);
    return apply(s, e->span, PRIMITIVE_select, below, up, schedule_at(s, S, rest));
}

/* The point from which a value of piecewise holds; false after a message. */
static bool piece(const struct scope *s, const struct ast *a, double before, bool first, double *out)
{
    if (a->kind == AST_ERROR) return false;
    if (a->kind != AST_PAIR) {
        mistake(s, a->span, "wrong-arguments",
                "piecewise takes points and values, as in piecewise(0: 1, 0.5: 0.1)");
        return false;
    }
    if (!constant_number(s, a->child[0], "the point", out)) return false;
    if (first ? *out != 0 : !(*out > before && *out <= 1)) {
        mistake(s, a->child[0]->span, "out-of-range", "the points of piecewise begin at 0 and rise, up to 1");
        return false;
    }
    return true;
}

/* piecewise(0: a, 0.5: b): each value from its point on. */
static struct value piecewise(const struct scope *s, const struct ast *e)
{
    struct value result = poison(), none = {0};
    double before = 0, at;
    if (!e->n_children)
        mistake(s, e->span, "missing-argument", "piecewise without values, as in piecewise(0: 1, 0.5: 0.1)");
    for (uint32_t i = 0; i < e->n_children; i++) {
        if (!piece(s, e->child[i], before, !i, &at)) return poison();
        const struct expr *value = evaluate_number(s, e->child[i]->child[1], "the value");
        if (!value) return poison();
        before = at;
        struct value earlier = apply(s, e->span, PRIMITIVE_less, progress(s), number(s, at), none);
        result =
            i ? apply(s, e->span, PRIMITIVE_select, earlier, result, number_value(value)) : number_value(value);
    }
    return result;
}

struct value schedule_call(const struct scope *s, const struct ast *e, bool *out_known)
{
    *out_known = true;
    if (!strcmp(e->text, "warmup")) return warmup(s, e);
    if (!strcmp(e->text, "piecewise")) return piecewise(s, e);
    *out_known = false;
    return poison();
}

/* ---- schedules ---- */

const struct expr *check_schedule(const struct scope *s, const struct ast *e, const char *what, double low,
                                  bool closed)
{
    struct scope inner = *s;
    inner.place = PLACE_SCHEDULE;
    char found[32], place[32], least[32];
    const struct expr *value = evaluate_number(&inner, e, what);
    if (!value) return NULL;
    text_number(low, least);
    for (int i = 0; i <= GRID; i++) {
        double p = (double)i / GRID, x = expr_at_progress(value, p);
        if (isfinite(x) && (closed ? x >= low : x > low)) {
            if (expr_is_number(value)) break;
            continue;
        }
        text_number(x, found);
        text_number(p, place);
        const char *at = expr_is_number(value) ? "" : arena_printf(s->c->arena, " at progress %s", place);
        mistake(s, e->span, "out-of-range", "%s is %s%s; a finite number %s %s was expected", what, found, at,
                closed ? "from" : "above", least);
        return NULL;
    }
    return value;
}

/* ---- what is minimised ---- */

static const char *const objectives[OBJECTIVES] = {"boundary", "bulk", "free_energy"};

static int find_objective(const struct ast *e)
{
    for (int i = 0; e->kind == AST_NAME && i < OBJECTIVES; i++)
        if (!strcmp(objectives[i], e->text)) return i;
    return -1;
}

static bool names_objective(const struct ast *e)
{
    if (find_objective(e) >= 0) return true;
    for (uint32_t i = 0; i < e->n_children; i++)
        if (e->child[i] && names_objective(e->child[i])) return true;
    return false;
}

/* Whether anything adds to H: an error that counts, or the potential of a free neuron. */
static bool has_bulk(const struct model *m)
{
    for (uint32_t g = 0; g < m->n_groups; g++)
        if (m->group[g].in_R || (m->group[g].potential && !m->group[g].clamped)) return true;
    return false;
}

static void check_minimized(const struct scope *s, const struct ast *e, int which)
{
    struct checker *c = s->c;
    bool in_doubt = c->doubt_groups || c->doubt_boundary || c->doubt_blocks || c->doubt_H || c->doubt_ensemble;
    if (which == OBJECTIVE_BOUNDARY && !c->has_loss && !c->doubt_loss)
        mistake(s, e->span, "no-loss", "minimize boundary, and the network has no loss boundary");
    if (which == OBJECTIVE_BULK && !in_doubt && !has_bulk(c->m))
        mistake(s, e->span, "no-loss",
                "minimize bulk, and H is 0: no neuron has an error that counts, and no free one a potential");
    if (which != OBJECTIVE_FREE_ENERGY) return;
    c->m->free_energy_at = c->ensemble_asked = e->span;
    c->m->asks_ensemble = true;
    if (c->m->ensemble.lanczos)
        mistake(s, e->span, "needs-cholesky", "minimize free_energy needs A in blocks, and ln det A is by Lanczos");
    if (c->inferred_at.source)
        mistake(s, e->span, "needs-schedule",
                "F is minimised at a temperature that is given: temperature inferred is for measurements alone");
}

/* One that is named twice is minimised with the sum of its coefficients. */
static void add_objective(const struct scope *s, const struct ast *e, int which, const struct expr *coefficient)
{
    struct checker *c = s->c;
    const struct expr *before = c->coefficient[which];
    if (!c->minimizes[which]) check_minimized(s, e, which);
    c->minimizes[which] = true;
    c->coefficient[which] = before ? expr_apply(c->m->pool, PRIMITIVE_add, before, coefficient, NULL) : coefficient;
}

static void walk_objective(const struct scope *s, const struct ast *e, const struct expr *coefficient);

/* One side of a product or quotient is the objective, the other its coefficient. */
static void walk_product(const struct scope *s, const struct ast *e, const struct expr *coefficient)
{
    bool left = names_objective(e->child[0]), divides = !strcmp(e->text, "/");
    const struct ast *factor = e->child[left ? 1 : 0];
    if ((divides && !left) || names_objective(factor)) {
        mistake(s, e->span, "bad-objective",
                "not a sum; a sum of boundary, bulk and free_energy with coefficients was expected");
        return;
    }
    const struct expr *value = check_schedule(s, factor, "the coefficient", 0, false);
    enum primitive op = divides ? PRIMITIVE_div : PRIMITIVE_mul;
    bool first = expr_is_number(coefficient) && coefficient->number == 1;
    if (value && (divides || !first)) value = expr_apply(s->c->m->pool, op, coefficient, value, NULL);
    walk_objective(s, e->child[left ? 0 : 1], value ? value : coefficient);
}

static void walk_objective(const struct scope *s, const struct ast *e, const struct expr *coefficient)
{
    int which = find_objective(e);
    if (e->kind == AST_ERROR) return;
    if (which >= 0) {
        add_objective(s, e, which, coefficient);
    } else if (e->kind == AST_BINARY && !strcmp(e->text, "+")) {
        walk_objective(s, e->child[0], coefficient);
        walk_objective(s, e->child[1], coefficient);
    } else if (e->kind == AST_BINARY && (!strcmp(e->text, "*") || !strcmp(e->text, "/")) && names_objective(e)) {
        walk_product(s, e, coefficient);
    } else if (e->kind == AST_NAME) {
        mistake(s, e->span, "unknown-word", "unknown objective '%s'; boundary, bulk or free_energy was expected",
                e->text);
        (void)diag_did_you_mean(s->c->diag, e->text, objectives, LENGTH(objectives));
    } else {
        mistake(s, e->span, "bad-objective",
                "not a sum; a sum of boundary, bulk and free_energy with coefficients was expected");
    }
}

void check_objective(const struct scope *s, const struct ast *e)
{
    uint32_t before = s->c->mistakes;
    s->c->minimizes_given = true;
    walk_objective(s, e, expr_number(s->c->m->pool, 1));
    if (s->c->mistakes != before) s->c->train_unknown = true;
}
