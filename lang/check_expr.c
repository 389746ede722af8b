/* check_expr.c: expressions of the file to values: kinds, lengths and bounds. */
#include "lang/check.h"

#include <math.h>
#include <string.h>

enum { DEEPEST_EXPRESSION = 1000 };

struct value poison(void)
{
    return (struct value){.kind = VALUE_POISON};
}
struct value number_value(const struct expr *e)
{
    return (struct value){.kind = VALUE_NUMBER, .e = e};
}
static struct value truth_value(const struct expr *e)
{
    return (struct value){.kind = VALUE_TRUTH, .e = e};
}

static const char *kind_words(struct value v)
{
    switch (v.kind) {
    case VALUE_NUMBER:
        return v.e->width ? "a vector" : "a number";
    case VALUE_TRUTH:
        return "a truth value";
    case VALUE_TEXT:
        return "a text";
    case VALUE_FUNCTION:
        return "a function";
    case VALUE_POISON:
        break;
    }
    return "nothing";
}

/* ---- bounds ---- */

/* Depths of the pool's nodes, and whether they reduce, arguments first; a formula too deep would exhaust what
 * recurses over it. */
static void measure_depths(struct checker *c)
{
    const struct expr_pool *pool = c->m->pool;
    for (; c->n_depths < pool->count; c->n_depths++) {
        c->depth = arena_grow(c->arena, c->depth, c->n_depths, &c->depth_capacity, sizeof *c->depth);
        c->reduces = arena_grow(c->arena, c->reduces, c->n_depths, &c->reduces_capacity, sizeof *c->reduces);
        uint32_t deepest = 0;
        c->reduces[c->n_depths] = pool->node[c->n_depths]->kind == EXPR_REDUCE;
        for (int i = 0; i < 3; i++) {
            const struct expr *arg = pool->node[c->n_depths]->arg[i];
            if (!arg) continue;
            if (c->depth[arg->id] > deepest) deepest = c->depth[arg->id];
            if (c->reduces[arg->id]) c->reduces[c->n_depths] = true;
        }
        c->depth[c->n_depths] = deepest + 1;
    }
}

bool has_reduction(struct checker *c, const struct expr *e)
{
    measure_depths(c);
    return c->reduces[e->id];
}

/* The pool has a bound, and so has the depth: both are reported once, where the file uses what grew. */
bool within_bounds(const struct scope *s, struct span at, const struct expr *e)
{
    struct checker *c = s->c;
    measure_depths(c);
    bool deep = c->depth[e->id] > DEEPEST_EXPRESSION;
    if (!c->m->pool->full && !deep) return true;
    struct scope top = scope_of(c, s->place, s->symbols);
    at = outermost_use(s, at);
    if (!c->m->pool->full)
        mistake(&top, at, "too-deep", "this comes to an expression nested %u deep; the most is %d", c->depth[e->id],
                DEEPEST_EXPRESSION);
    else if (!c->full_reported)
        mistake(&top, at, "too-large", "the expressions of this file come to more than %u operations here",
                c->m->pool->most);
    c->full_reported = c->m->pool->full;
    return false;
}

/* ---- operators ---- */

struct value apply(const struct scope *s, struct span at, enum primitive op, struct value a, struct value b,
                   struct value d)
{
    const struct value *v[3] = {&a, &b, &d};
    uint32_t width = 0;
    for (int i = 0; i < primitive_rows[op].arity; i++) {
        if (v[i]->kind == VALUE_POISON) return poison();
        if (width && v[i]->e->width && v[i]->e->width != width) {
            mistake(s, at, "bad-shape", "vectors of %u and %u neurons; two vectors must have one length", width,
                    v[i]->e->width);
            return poison();
        }
        if (v[i]->e->width) width = v[i]->e->width;
    }
    const struct expr *e = expr_apply(s->c->m->pool, op, a.e, b.e, d.e);
    if (!within_bounds(s, at, e)) return poison();
    return number_value(e);
}

static bool demand(const struct scope *s, const struct ast *e, struct value v, enum value_kind kind,
                   const char *who)
{
    if (v.kind == VALUE_POISON || v.kind == kind) return v.kind == kind;
    mistake(s, e->span, "wrong-kind", "%s is %s; %s was expected", who, kind_words(v),
            kind == VALUE_TRUTH ? "a truth value" : "a number");
    return false;
}

struct operator_row {
    const char *sign;
    enum primitive op;
    bool swapped, negated; /* a > b is b < a; a != b is not (a == b) */
    bool truths, gives_truth;
};
static const struct operator_row operators[] = {
    {"+", PRIMITIVE_add, false, false, false, false},       {"-", PRIMITIVE_sub, false, false, false, false},
    {"*", PRIMITIVE_mul, false, false, false, false},       {"/", PRIMITIVE_div, false, false, false, false},
    {"^", PRIMITIVE_pow, false, false, false, false},       {"<", PRIMITIVE_less, false, false, false, true},
    {">", PRIMITIVE_less, true, false, false, true},        {"<=", PRIMITIVE_less_equal, false, false, false, true},
    {">=", PRIMITIVE_less_equal, true, false, false, true}, {"==", PRIMITIVE_equal, false, false, false, true},
    {"!=", PRIMITIVE_equal, false, true, false, true},      {"and", PRIMITIVE_and, false, false, true, true},
    {"or", PRIMITIVE_or, false, false, true, true},
};

static struct value compare_texts(const struct scope *s, const struct operator_row *row, struct value a,
                                  struct value b)
{
    bool equal = !strcmp(a.text, b.text);
    return truth_value(expr_number(s->c->m->pool, equal != row->negated));
}

static struct value evaluate_binary(const struct scope *s, const struct ast *e)
{
    const struct operator_row *row = operators;
    while (row < operators + LENGTH(operators) && strcmp(row->sign, e->text)) row++;
    if (row == operators + LENGTH(operators)) BUG("no operator '%s'", e->text);
    struct value a = value_of(s, e->child[0]), b = value_of(s, e->child[1]);
    if (a.kind == VALUE_POISON || b.kind == VALUE_POISON) return poison();
    bool equality = row->op == PRIMITIVE_equal;
    if (equality && a.kind == VALUE_TEXT && b.kind == VALUE_TEXT) return compare_texts(s, row, a, b);
    enum value_kind wanted = row->truths || (equality && a.kind == VALUE_TRUTH) ? VALUE_TRUTH : VALUE_NUMBER;
    const char *who = row->swapped || row->truths || row->gives_truth ? "one side of the comparison" : "an operand";
    if (row->truths) who = "an operand";
    if (!demand(s, e->child[0], a, wanted, who) || !demand(s, e->child[1], b, wanted, who)) return poison();
    struct value none = {0};
    struct value result =
        row->swapped ? apply(s, e->span, row->op, b, a, none) : apply(s, e->span, row->op, a, b, none);
    if (row->negated) result = apply(s, e->span, PRIMITIVE_not, result, none, none);
    if (row->gives_truth && result.kind == VALUE_NUMBER) result.kind = VALUE_TRUTH;
    return result;
}

static struct value evaluate_unary(const struct scope *s, const struct ast *e)
{
    bool negation = !strcmp(e->text, "-");
    struct value a = value_of(s, e->child[0]), none = {0};
    if (!demand(s, e->child[0], a, negation ? VALUE_NUMBER : VALUE_TRUTH, "the operand")) return poison();
    struct value result = apply(s, e->span, negation ? PRIMITIVE_neg : PRIMITIVE_not, a, none, none);
    if (!negation && result.kind == VALUE_NUMBER) result.kind = VALUE_TRUTH;
    return result;
}

/* A condition that is a constant chooses a branch now; both are checked. */
static struct value evaluate_if(const struct scope *s, const struct ast *e)
{
    struct value condition = value_of(s, e->child[0]);
    struct value then = value_of(s, e->child[1]), otherwise = value_of(s, e->child[2]);
    if (!demand(s, e->child[0], condition, VALUE_TRUTH, "the condition")) return poison();
    if (then.kind == VALUE_POISON || otherwise.kind == VALUE_POISON) return poison();
    if (then.kind != otherwise.kind) {
        mistake(s, e->child[2]->span, "wrong-kind", "this branch is %s and the other %s; both must be of one kind",
                kind_words(otherwise), kind_words(then));
        return poison();
    }
    bool constant = expr_is_number(condition.e);
    if (then.kind == VALUE_TEXT || then.kind == VALUE_FUNCTION) {
        if (constant) return condition.e->number != 0 ? then : otherwise;
        mistake(s, e->child[0]->span, "not-constant", "a choice between texts needs a constant condition");
        return poison();
    }
    struct value result = apply(s, e->span, PRIMITIVE_select, condition, then, otherwise);
    if (result.kind == VALUE_NUMBER) result.kind = then.kind;
    return result;
}

static struct value evaluate_literal(const struct scope *s, const struct ast *e)
{
    if (isfinite(e->number)) return number_value(expr_number(s->c->m->pool, e->number));
    mistake(s, e->span, "out-of-range", "%s is too large for a number", e->text);
    return poison();
}

struct value value_of(const struct scope *s, const struct ast *e)
{
    if (!e) return poison();
    switch ((enum ast_kind)e->kind) {
    case AST_NUMBER:
        return evaluate_literal(s, e);
    case AST_TEXT:
        if (names_columns(s)) return column_value(s, e);
        if (s->place == PLACE_BINDING && !s->c->has_data_source)
            return poison(); /* the source may have been a csv */
        return (struct value){.kind = VALUE_TEXT, .text = e->text};
    case AST_TRUE:
    case AST_FALSE:
        return truth_value(expr_number(s->c->m->pool, e->kind == AST_TRUE));
    case AST_NAME:
        return evaluate_name(s, e);
    case AST_INDEX:
        return evaluate_index(s, e);
    case AST_CALL:
        return evaluate_call(s, e);
    case AST_IF:
        return evaluate_if(s, e);
    case AST_BINARY:
        return evaluate_binary(s, e);
    case AST_UNARY:
        return evaluate_unary(s, e);
    case AST_PAIR:
    case AST_RANGE:
        mistake(s, e->span, "wrong-arguments", "a named value or range means nothing here");
        return poison();
    default:
        return poison();
    }
}

/* ---- what a statement wants ---- */

const struct expr *evaluate_number(const struct scope *s, const struct ast *e, const char *what)
{
    struct value v = value_of(s, e);
    if (v.kind == VALUE_POISON) return NULL;
    if (v.kind == VALUE_NUMBER) return within_bounds(s, e->span, v.e) ? v.e : NULL;
    mistake(s, e->span, "wrong-kind", "%s is %s; a number was expected", what, kind_words(v));
    return NULL;
}

bool constant_number(const struct scope *s, const struct ast *e, const char *what, double *out)
{
    const struct expr *value = evaluate_number(s, e, what);
    if (!value) return false;
    if (!expr_is_number(value)) {
        mistake(s, e->span, "not-constant", "%s is not a constant; a constant number was expected", what);
        return false;
    }
    if (!isfinite(value->number)) {
        mistake(s, e->span, "out-of-range", "%s is not a finite number", what);
        return false;
    }
    *out = value->number;
    return true;
}

bool constant_whole(const struct scope *s, const struct ast *e, const char *what, double low, double high,
                    uint64_t *out)
{
    double value;
    char found[32], least[32], most[32];
    if (!constant_number(s, e, what, &value)) return false;
    text_number(value, found);
    text_number(low, least);
    text_number(high, most);
    if (value != floor(value)) {
        mistake(s, e->span, "not-whole", "%s is %s; a whole number was expected", what, found);
        return false;
    }
    if (value < low || value > high) {
        mistake(s, e->span, "out-of-range", "%s is %s; a whole number from %s to %s was expected", what, found,
                least, most);
        return false;
    }
    *out = (uint64_t)value;
    return true;
}

bool constant_truth(const struct scope *s, const struct ast *e, const char *what, bool *out)
{
    struct value v = value_of(s, e);
    if (v.kind == VALUE_POISON) return false;
    if (v.kind == VALUE_TRUTH && expr_is_number(v.e)) {
        *out = v.e->number != 0;
        return true;
    }
    mistake(s, e->span, "wrong-kind", "%s is %s; true or false was expected", what, kind_words(v));
    return false;
}

const char *constant_text(const struct scope *s, const struct ast *e, const char *what)
{
    struct value v = value_of(s, e);
    if (v.kind == VALUE_TEXT) return v.text;
    if (v.kind != VALUE_POISON)
        mistake(s, e->span, "wrong-kind", "%s is %s; a text was expected", what, kind_words(v));
    return NULL;
}
