/* expr_print.c: an expression as the formula a user would write. */
#include "runtime/base/expr.h"

#include <math.h>

#define DEEPEST 400
#define LONGEST ((size_t)64 << 10)

/* Binding strength as in the language's grammar, weakest first. */
enum strength { IF, OR, AND, NOT, COMPARISON, SUM, PRODUCT, MINUS, POWER, ATOM };

struct printer {
    const char *(*name)(void *with, const struct expr *variable);
    void *with;
    struct text *out;
    size_t begin;
    int depth;
};
struct infix {
    const char *sign;
    enum strength own, left, right; /* an operand weaker than left, right is bracketed */
};
static const struct infix infixes[PRIMITIVES] = {
    [PRIMITIVE_add] = {" + ", SUM, SUM, PRODUCT},
    [PRIMITIVE_sub] = {" - ", SUM, SUM, PRODUCT},
    [PRIMITIVE_mul] = {" * ", PRODUCT, PRODUCT, MINUS},
    [PRIMITIVE_div] = {" / ", PRODUCT, PRODUCT, MINUS},
    [PRIMITIVE_pow] = {"^", POWER, ATOM, POWER},
    [PRIMITIVE_less] = {" < ", COMPARISON, SUM, SUM},
    [PRIMITIVE_less_equal] = {" <= ", COMPARISON, SUM, SUM},
    [PRIMITIVE_equal] = {" == ", COMPARISON, SUM, SUM},
    [PRIMITIVE_and] = {" and ", AND, AND, NOT},
    [PRIMITIVE_or] = {" or ", OR, OR, AND},
};
static const char *const reductions[] = {
    [REDUCE_SUM] = "sum", [REDUCE_MEAN] = "mean", [REDUCE_MAX] = "max", [REDUCE_MIN] = "min"};
static const char *const variables[VARIABLES] = {[VAR_Z] = "z",
                                                 [VAR_S] = "s",
                                                 [VAR_STATE] = "state",
                                                 [VAR_TARGET] = "target",
                                                 [VAR_PREDICTION] = "prediction",
                                                 [VAR_STATE_Z] = "state_z",
                                                 [VAR_PREDICTION_Z] = "prediction_z",
                                                 [VAR_PROGRESS] = "progress",
                                                 [VAR_FIELD] = "field"};

static bool is_apply(const struct expr *e, enum primitive op)
{
    return e->kind == EXPR_APPLY && e->op == op;
}
static bool is_unequal(const struct expr *e)
{
    return is_apply(e, PRIMITIVE_not) && is_apply(e->arg[0], PRIMITIVE_equal);
}

static enum strength strength_of(const struct expr *e)
{
    if (e->kind == EXPR_NUMBER) return signbit(e->number) ? MINUS : ATOM;
    if (e->kind != EXPR_APPLY) return ATOM;
    if (infixes[e->op].sign != NULL) return infixes[e->op].own;
    if (e->op == PRIMITIVE_select) return IF;
    if (e->op == PRIMITIVE_neg) return MINUS;
    if (e->op == PRIMITIVE_not) return is_unequal(e) ? COMPARISON : NOT;
    return ATOM;
}

static void print(struct printer *p, const struct expr *e, enum strength least);

static void print_call(struct printer *p, const char *function, const struct expr *e)
{
    text_add(p->out, "%s(", function);
    for (int i = 0; i < 3 && e->arg[i] != NULL; i++) {
        if (i > 0) text_add(p->out, ", ");
        print(p, e->arg[i], IF);
    }
    text_add(p->out, ")");
}

static void print_infix(struct printer *p, const struct infix *infix, const char *sign, const struct expr *e)
{
    print(p, e->arg[0], infix->left);
    text_add(p->out, "%s", sign);
    print(p, e->arg[1], infix->right);
}

static void print_select(struct printer *p, const struct expr *e)
{
    static const char *const words[] = {"if ", " then ", " else "};
    for (int i = 0; i < 3; i++) {
        text_add(p->out, "%s", words[i]);
        print(p, e->arg[i], IF);
    }
}

static void print_apply(struct printer *p, const struct expr *e)
{
    if (is_unequal(e)) {
        print_infix(p, &infixes[PRIMITIVE_equal], " != ", e->arg[0]);
    } else if (infixes[e->op].sign != NULL) {
        print_infix(p, &infixes[e->op], infixes[e->op].sign, e);
    } else if (e->op == PRIMITIVE_select) {
        print_select(p, e);
    } else if (e->op == PRIMITIVE_neg || e->op == PRIMITIVE_not) {
        text_add(p->out, "%s", e->op == PRIMITIVE_neg ? "-" : "not ");
        print(p, e->arg[0], e->op == PRIMITIVE_neg ? POWER : NOT);
    } else {
        print_call(p, primitive_rows[e->op].name, e);
    }
}

static void print_variable(struct printer *p, const struct expr *e)
{
    const char *name = p->name == NULL ? NULL : p->name(p->with, e);
    bool indexed = (e->op >= VAR_STATE && e->op <= VAR_PREDICTION_Z) || e->op == VAR_FIELD;
    if (name != NULL)
        text_add(p->out, "%s", name);
    else if (indexed)
        text_add(p->out, "%s[%u]", variables[e->op], e->index);
    else
        text_add(p->out, "%s", variables[e->op]);
}

static void print_bare(struct printer *p, const struct expr *e)
{
    char number[32];
    switch ((enum expr_kind)e->kind) {
    case EXPR_NUMBER:
        text_number(e->number, number);
        text_add(p->out, "%s", number);
        break;
    case EXPR_VARIABLE:
        print_variable(p, e);
        break;
    case EXPR_APPLY:
        print_apply(p, e);
        break;
    case EXPR_REDUCE:
        print_call(p, reductions[e->op], e);
        break;
    }
}

/* Shared nodes print once for each use, which doubles with every level: long and deep formulas end in dots. */
static void print(struct printer *p, const struct expr *e, enum strength least)
{
    if (p->depth > DEEPEST || p->out->length - p->begin > LONGEST) {
        text_add(p->out, "...");
        return;
    }
    p->depth++;
    bool bracket = strength_of(e) < least;
    if (bracket) text_add(p->out, "(");
    print_bare(p, e);
    if (bracket) text_add(p->out, ")");
    p->depth--;
}

void expr_print(const struct expr *e, const char *(*name)(void *with, const struct expr *variable), void *with,
                struct text *out)
{
    struct printer p = {.name = name, .with = with, .out = out, .begin = out->length};
    print(&p, e, IF);
}
