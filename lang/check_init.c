/* check_init.c: initialisers: names and arguments against runtime/train/initialisers.def. */
#include "lang/check.h"

#include <math.h>
#include <string.h>

static const struct {
    const char *name, *arguments;
    double fallback[2];
} rows[] = {
#define INITIALISER(name, arguments, first, second, formula) {#name, arguments, {first, second}},
#include "runtime/train/initialisers.def"
#undef INITIALISER
};

static int find_initialiser(const struct scope *s, const struct ast *init)
{
    struct choice choice = {0};
    for (size_t i = 0; i < LENGTH(rows); i++) {
        if ((init->kind == AST_NAME || init->kind == AST_CALL) && !strcmp(rows[i].name, init->text)) return (int)i;
        choice_add(s->c, &choice, rows[i].name);
    }
    if (init->kind == AST_ERROR) return -1;
    mistake(s, name_of(init), "unknown-word", "unknown initialiser '%s'", init->text);
    suggest(s->c, init->text, &choice);
    return -1;
}

/* values(…): row by row, as many as the block has. */
static void check_values(const struct scope *s, const struct ast *init, struct parameter *p)
{
    uint64_t wanted = (uint64_t)p->rows * p->columns;
    uint32_t given = init->kind == AST_CALL ? init->n_children : 0;
    if (given != wanted) {
        mistake(s, init->span, "bad-shape", "%u values for a parameter of %u by %u; %llu were expected, row by row",
                given, p->rows, p->columns, (unsigned long long)wanted);
        return;
    }
    double *values = arena_alloc(s->c->arena, given * sizeof *values);
    for (uint32_t i = 0; i < given; i++)
        if (!constant_number(s, init->child[i], "a value", &values[i])) return;
    p->values = values;
}

/* "mean deviation" with the row's defaults, as the other tables write it. */
static const char *arguments_text(struct checker *c, int row)
{
    struct argument a[MOST_SETTINGS];
    uint32_t n = split_arguments(rows[row].arguments, a);
    const char *text = "";
    for (uint32_t i = 0; i < n; i++) {
        char number[32];
        text_number(rows[row].fallback[i], number);
        bool must = isnan(rows[row].fallback[i]);
        text = arena_printf(c->arena, "%s%s%s%s%s", text, i ? " " : "", a[i].name, must ? "" : "=",
                            must ? "" : number);
    }
    return text;
}

static bool order_is_right(const struct scope *s, const struct ast *init, const struct parameter *p)
{
    if (p->initialiser == NNT_INIT_uniform && p->argument[0] > p->argument[1]) {
        mistake(s, init->span, "out-of-range", "uniform(a, b) with a above b");
        return false;
    }
    if (p->initialiser == NNT_INIT_normal && p->argument[1] < 0) {
        mistake(s, init->span, "out-of-range", "a negative deviation");
        return false;
    }
    return true;
}

static bool has_fan(const struct scope *s, const struct ast *init, const struct parameter *p)
{
    bool by_fan = p->initialiser == NNT_INIT_he_uniform || p->initialiser == NNT_INIT_he_normal;
    bool by_both = p->initialiser == NNT_INIT_glorot_uniform || p->initialiser == NNT_INIT_glorot_normal;
    if (!(by_fan && !p->fan_in) && !(by_both && !p->fan_in && !p->fan_out)) return true;
    mistake(s, init->span, "out-of-range", "'%s' divides by fan_in, and nothing comes in here", init->text);
    return false;
}

void check_initialiser(const struct scope *s, const struct ast *init, struct parameter *p)
{
    struct argument a[MOST_SETTINGS];
    uint32_t n;
    int row = find_initialiser(s, init);
    if (row < 0) return;
    p->initialiser = (enum nnt_initialiser)row;
    if (p->initialiser == NNT_INIT_values) {
        check_values(s, init, p);
        return;
    }
    if (!match_arguments(s, init, arguments_text(s->c, row), a, &n)) return;
    bool ok = true;
    for (uint32_t i = 0; i < n && ok; i++) p->argument[i] = argument_number(s, &a[i], -HUGE_VAL, HUGE_VAL, &ok);
    if (ok && order_is_right(s, init, p)) (void)has_fan(s, init, p);
}
