/* check_call.c: what a call means: lets, primitives, reductions, cross entropies from z. */
#include "lang/check.h"

#include <string.h>

/* Heights of the trees of the lets that call each other, so that the checker may recurse over them. */
enum { DEEPEST_CALL = 1200 };

static const char *const reductions[] = {
    [REDUCE_SUM] = "sum", [REDUCE_MEAN] = "mean", [REDUCE_MAX] = "max", [REDUCE_MIN] = "min"};
static const char *const binding_functions[] = {"one_hot", "number", "columns", "standardize", "minmax",
                                                "slice",   "noisy",  "flip",    "mask",        "shuffled"};

static bool is_schedule(const struct symbol *let)
{
    return strcmp(let->let->child[0]->child[0]->text, "z") && strcmp(let->let->child[0]->child[0]->text, "y") &&
           strcmp(let->let->child[0]->child[0]->text, "s") && !let->hidden;
}

static bool is_binding_function(const char *name)
{
    for (size_t i = 0; i < LENGTH(binding_functions); i++)
        if (!strcmp(binding_functions[i], name)) return true;
    return false;
}

/* ---- finding ---- */

static const uint32_t ANY_COUNT = UINT32_MAX;

/* The prelude's function of that name and number of arguments, visible here; NULL where there is none. */
static const struct symbol *find_prelude(const struct scope *s, const char *name, uint32_t n)
{
    uint32_t end = s->inside ? s->symbols : s->c->n_prelude;
    for (uint32_t i = 0; i < end; i++) {
        const struct symbol *symbol = &s->c->symbol[i];
        if (strcmp(symbol->name, name) || (n != ANY_COUNT && symbol->n_arguments != n)) continue;
        if (!symbol->hidden || s->inside) return symbol;
    }
    return NULL;
}

static int find_primitive(const struct scope *s, const char *name)
{
    for (int i = 0; i < PRIMITIVES; i++)
        if (!strcmp(primitive_rows[i].name, name) && (primitive_rows[i].help[0] || s->inside)) return i;
    return -1;
}

static int find_reduction(const char *name)
{
    for (size_t i = 0; i < LENGTH(reductions); i++)
        if (!strcmp(reductions[i], name)) return (int)i;
    return -1;
}

static const char *argument_word(const struct scope *s)
{
    return s->place == PLACE_POTENTIAL ? "s" : "z";
}

static const char *list_arguments(const struct scope *s, const struct symbol *symbol)
{
    const struct ast *list = symbol->let->child[0];
    if (symbol->n_arguments == 1) return arena_printf(s->c->arena, "(%s)", argument_word(s));
    const char *text = "";
    for (uint32_t i = 0; i < list->n_children; i++)
        text = arena_printf(s->c->arena, "%s%s%s", text, i ? ", " : "", list->child[i]->text);
    return arena_printf(s->c->arena, "(%s)", text);
}

const char *function_arguments(const struct scope *s, const char *name)
{
    const struct symbol *symbol = find_symbol(s, name);
    if (symbol && symbol->let) return list_arguments(s, symbol);
    if (symbol)
        return symbol->value.kind == VALUE_FUNCTION ? arena_printf(s->c->arena, "(%s)", argument_word(s)) : NULL;
    symbol = find_prelude(s, name, 1);
    if (!symbol) symbol = find_prelude(s, name, ANY_COUNT);
    if (symbol) return list_arguments(s, symbol);
    int primitive = find_primitive(s, name);
    if (primitive >= 0 && primitive_rows[primitive].arity == 2) return "(a, b)";
    if (primitive >= 0 || find_reduction(name) >= 0) return arena_printf(s->c->arena, "(%s)", argument_word(s));
    return NULL;
}

bool is_function_of_one(const struct scope *s, const char *name)
{
    const struct symbol *symbol = find_symbol(s, name);
    if (symbol) return symbol->let ? symbol->n_arguments == 1 : symbol->value.kind == VALUE_FUNCTION;
    symbol = find_prelude(s, name, 1);
    if (symbol) return !is_schedule(symbol);
    int primitive = find_primitive(s, name);
    return (primitive >= 0 && primitive_rows[primitive].arity == 1) || find_reduction(name) >= 0;
}

void functions_here(const struct scope *s, struct choice *choice)
{
    struct checker *c = s->c;
    for (uint32_t i = 0; i < s->symbols; i++) {
        const struct symbol *symbol = &c->symbol[i];
        bool schedule = i < c->n_prelude && is_schedule(symbol);
        if (!symbol->hidden && (symbol->let || symbol->value.kind == VALUE_FUNCTION) &&
            (!schedule || s->place == PLACE_SCHEDULE))
            choice_add(c, choice, symbol->name);
    }
    for (int i = 0; i < PRIMITIVES; i++)
        if (primitive_rows[i].help[0]) choice_add(c, choice, primitive_rows[i].name);
    choice_add(c, choice, "sum");
    choice_add(c, choice, "mean");
    if (s->caller) return;
    if (s->place == PLACE_LOSS) choice_add(c, choice, "target"), choice_add(c, choice, "prediction");
    if (s->place == PLACE_SCHEDULE) choice_add(c, choice, "warmup"), choice_add(c, choice, "piecewise");
    for (size_t i = 0; s->place == PLACE_BINDING && i < LENGTH(binding_functions); i++)
        choice_add(c, choice, binding_functions[i]);
}

/* ---- lets: evaluated once for each combination of arguments ---- */

static bool same_value(const struct value *a, const struct value *b)
{
    if (a->kind != b->kind) return false;
    if (a->kind == VALUE_NUMBER || a->kind == VALUE_TRUTH) return a->e == b->e;
    return !strcmp(a->text, b->text) && a->symbols == b->symbols;
}

static uint32_t memo_bucket(uint32_t symbol, const struct value *argument, uint32_t n)
{
    uint32_t hash = symbol * 2654435761u;
    for (uint32_t i = 0; i < n; i++) hash = (hash ^ (argument[i].e ? argument[i].e->id + 1 : 0)) * 2246822519u;
    return hash % MEMO_BUCKETS;
}

static struct memo *find_memo(struct checker *c, uint32_t symbol, const struct value *argument, uint32_t n)
{
    for (struct memo *memo = c->memo[memo_bucket(symbol, argument, n)]; memo; memo = memo->next) {
        bool same = memo->symbol == symbol;
        for (uint32_t i = 0; same && i < n; i++) same = same_value(&memo->argument[i], &argument[i]);
        if (same) return memo;
    }
    return NULL;
}

static void keep_memo(struct checker *c, uint32_t symbol, const struct value *argument, uint32_t n,
                      struct value result)
{
    struct memo *memo = arena_alloc(c->arena, sizeof *memo);
    struct memo **bucket = &c->memo[memo_bucket(symbol, argument, n)];
    memo->next = *bucket;
    memo->symbol = symbol;
    for (uint32_t i = 0; i < n; i++) memo->argument[i] = argument[i];
    memo->result = result;
    *bucket = memo;
}

static struct value call_let(const struct scope *s, const struct ast *e, const struct symbol *symbol,
                             const struct value *argument)
{
    struct checker *c = s->c;
    uint32_t index = (uint32_t)(symbol - c->symbol), n = symbol->n_arguments;
    if (symbol->bad) return poison();
    for (uint32_t i = 0; i < n; i++)
        if (argument[i].kind == VALUE_POISON) return poison();
    const struct memo *memo = find_memo(c, index, argument, n);
    if (memo) return memo->result;
    uint32_t depth = s->depth + symbol->let->height + 1u;
    if (depth > DEEPEST_CALL) {
        struct scope top = scope_of(c, s->place, s->symbols);
        mistake(&top, outermost_use(s, e->span), "too-deep",
                "lets call each other too deep here: their expressions are nested %u deep in all, the most is %d",
                depth, DEEPEST_CALL);
        return poison();
    }
    bool prelude = index < c->n_prelude;
    struct local local[MOST_ARGUMENTS];
    for (uint32_t i = 0; i < n; i++)
        local[i] = (struct local){symbol->let->child[0]->child[i]->text, argument[i], i ? &local[i - 1] : NULL};
    struct scope inner = {.c = c,
                          .place = s->place,
                          .symbols = index,
                          .locals = n ? &local[n - 1] : NULL,
                          .caller = s,
                          .call = e->span,
                          .depth = depth,
                          .inside = prelude,
                          .at = s->at.source || !prelude ? s->at : e->span};
    struct value result = value_of(&inner, symbol->let->child[1]);
    if ((result.kind == VALUE_NUMBER || result.kind == VALUE_TRUTH) && !within_bounds(s, e->span, result.e))
        result = poison();
    /* A prelude function's mistake belongs to each call of it. */
    if (result.kind != VALUE_POISON || !prelude) keep_memo(c, index, argument, n, result);
    return result;
}

/* ---- cross entropies from z ---- */

const struct expr *built_in(struct checker *c, const char *name, const struct expr *argument)
{
    struct scope s = scope_of(c, PLACE_CONSTANT, c->n_prelude);
    s.inside = true;
    struct value value = number_value(argument);
    static const struct ast nowhere = {.kind = AST_CALL, .text = ""};
    int primitive = find_primitive(&s, name);
    if (primitive >= 0) return apply(&s, nowhere.span, (enum primitive)primitive, value, value, value).e;
    const struct symbol *symbol = find_prelude(&s, name, 1);
    if (!symbol) BUG("the prelude has no '%s'", name);
    return call_let(&s, &nowhere, symbol, &value).e;
}

static const struct {
    const char *loss, *activation, *from_z;
} from_z[] = {
    {"cross_entropy", "softmax", "cross_entropy_of_softmax"},
    {"binary_cross_entropy", "logistic", "binary_cross_entropy_of_logistic"},
};

/* Where y's activation is exactly the one that the loss undoes, the same loss as a function of z, which cannot
 * overflow. */
static bool from_preactivation(const struct scope *s, const char *name, struct value argument[2],
                               const struct symbol **symbol)
{
    const struct expr *y = argument[0].e, *t = argument[1].e;
    if (argument[0].kind != VALUE_NUMBER || argument[1].kind != VALUE_NUMBER || y->kind != EXPR_VARIABLE)
        return false;
    if (y->op != VAR_STATE && y->op != VAR_PREDICTION) return false;
    if (t->width && t->width != y->width) return false;
    const struct group *group = &s->c->m->group[y->index];
    if (!group->activation || (y->op == VAR_STATE && group->input)) return false;
    struct expr_pool *pool = s->c->m->pool;
    for (size_t i = 0; i < LENGTH(from_z); i++) {
        if (strcmp(name, from_z[i].loss)) continue;
        if (group->activation != built_in(s->c, from_z[i].activation, expr_variable(pool, VAR_Z, 0, group->size)))
            return false;
        struct scope inside = *s;
        inside.symbols = s->c->n_prelude;
        inside.inside = true;
        *symbol = find_prelude(&inside, from_z[i].from_z, 2);
        enum variable z = y->op == VAR_STATE ? VAR_STATE_Z : VAR_PREDICTION_Z;
        argument[0] = number_value(expr_variable(pool, z, y->index, y->width));
        return true;
    }
    return false;
}

/* ---- calls ---- */

static void wrong_count(const struct scope *s, const struct ast *e, const char *name, uint32_t n)
{
    mistake(s, name_of(e), "wrong-arguments", "'%s' with %u argument%s; %s%s was expected", name, n,
            n == 1 ? "" : "s", name, function_arguments(s, name));
}

static bool numbers(const struct scope *s, const struct ast *e, const char *name, const struct value *argument,
                    uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (argument[i].kind == VALUE_POISON) return false;
        if (argument[i].kind == VALUE_NUMBER) continue;
        const struct ast *at = e->kind == AST_CALL && i < e->n_children ? e->child[i] : e;
        mistake(s, at->span, "wrong-kind", "'%s' takes numbers; this is %s", name,
                argument[i].kind == VALUE_TRUTH  ? "a truth value"
                : argument[i].kind == VALUE_TEXT ? "a text"
                                                 : "a function");
        return false;
    }
    return true;
}

static struct value call_built_in(const struct scope *s, const struct ast *e, const char *name,
                                  struct value *argument, uint32_t n)
{
    int reduction = find_reduction(name), primitive = find_primitive(s, name);
    if (reduction >= 0 && n == 1) {
        if (!numbers(s, e, name, argument, 1)) return poison();
        return number_value(expr_reduce(s->c->m->pool, (enum reduction)reduction, argument[0].e));
    }
    const struct symbol *symbol = find_prelude(s, name, n);
    if (symbol && is_schedule(symbol) && !s->inside && (s->place != PLACE_SCHEDULE || s->caller)) {
        mistake(s, name_of(e), "unknown-name",
                "'%s' is a schedule, for temperature, rates and coefficients; it means nothing here", name);
        return poison();
    }
    if (symbol) {
        if (n == 2) from_preactivation(s, name, argument, &symbol);
        return call_let(s, e, symbol, argument);
    }
    if (primitive >= 0 && n == primitive_rows[primitive].arity) {
        if (!numbers(s, e, name, argument, n)) return poison();
        struct value none = {0};
        return apply(s, e->span, (enum primitive)primitive, argument[0], n > 1 ? argument[1] : none,
                     n > 2 ? argument[2] : none);
    }
    wrong_count(s, e, name, n);
    return poison();
}

struct value call_function(const struct scope *s, const struct ast *e, const char *name,
                           const struct value *argument, uint32_t n)
{
    const struct symbol *symbol = find_symbol(s, name);
    struct value copy[MOST_ARGUMENTS];
    for (uint32_t i = 0; i < n; i++) copy[i] = argument[i];
    if (!symbol) return call_built_in(s, e, name, copy, n);
    if (symbol->bad) return poison();
    if (symbol->let) {
        if (n == symbol->n_arguments) return call_let(s, e, symbol, copy);
        wrong_count(s, e, name, n);
        return poison();
    }
    if (symbol->value.kind != VALUE_FUNCTION) {
        mistake(s, name_of(e), "not-a-function", "'%s' is a %s, not a function", name,
                symbol->is_param ? "param" : "constant");
        return poison();
    }
    if (n != 1) {
        wrong_count(s, e, name, n);
        return poison();
    }
    /* The function that the param stands for, as it was visible there; from here on in this place. */
    struct scope there = *s;
    there.symbols = symbol->value.symbols;
    return call_function(&there, e, symbol->value.text, copy, n);
}

static bool is_known_function(const struct scope *s, const char *name)
{
    return find_symbol(s, name) || find_prelude(s, name, ANY_COUNT) || find_primitive(s, name) >= 0 ||
           find_reduction(name) >= 0;
}

static struct value unknown_function(const struct scope *s, const struct ast *e)
{
    struct choice choice = {0};
    functions_here(s, &choice);
    if (is_later(s->c, e->text)) {
        mistake(s, name_of(e), "used-before",
                "'%s' is used before it is given; params and lets come before their uses", e->text);
        return poison();
    }
    uint32_t before = s->c->mistakes;
    bool place_word = is_binding_function(e->text) || !strcmp(e->text, "target") ||
                      !strcmp(e->text, "prediction") || !strcmp(e->text, "warmup") || !strcmp(e->text, "piecewise");
    if (place_word || first_unknown(s->c, e->text))
        mistake(s, name_of(e), "unknown-name", place_word ? "'%s' means nothing here" : "unknown function '%s'",
                e->text);
    if (!place_word && before != s->c->mistakes) suggest(s->c, e->text, &choice);
    for (uint32_t i = 0; i < e->n_children; i++)
        if (e->child[i]->kind != AST_PAIR && e->child[i]->kind != AST_RANGE) (void)value_of(s, e->child[i]);
    return poison();
}

/* The position of a named argument; NNT_NONE after a message. */
static uint32_t named_position(const struct scope *s, const struct ast *e, const struct ast *pair)
{
    const struct symbol *symbol = find_symbol(s, e->text);
    if (!symbol) symbol = find_prelude(s, e->text, e->n_children);
    const struct ast *key = pair->child[0];
    struct choice choice = {0};
    if (key->kind == AST_ERROR || (symbol && symbol->bad)) return NNT_NONE;
    for (uint32_t i = 0; symbol && symbol->let && i < symbol->n_arguments; i++) {
        const char *name = symbol->let->child[0]->child[i]->text;
        if (key->kind == AST_NAME && !strcmp(name, key->text)) return i;
        choice_add(s->c, &choice, name);
    }
    mistake(s, key->span, "unknown-argument", "'%s' has no argument '%s'", e->text, key->text);
    suggest(s->c, key->text, &choice);
    return NNT_NONE;
}

/* Arguments by position, then by name; false after a message. */
static bool gather(const struct scope *s, const struct ast *e, struct value out[MOST_ARGUMENTS])
{
    const struct ast *given[MOST_ARGUMENTS] = {0};
    bool by_name = false, ok = true;
    for (uint32_t i = 0; i < e->n_children; i++) {
        const struct ast *a = e->child[i];
        uint32_t position = i;
        if (a->kind == AST_PAIR) {
            by_name = true;
            position = named_position(s, e, a);
            a = a->child[1];
        } else if (by_name) {
            mistake(s, a->span, "wrong-arguments", "an argument without a name stands behind a named one");
            position = NNT_NONE;
        }
        struct value v = value_of(s, a);
        if (position < e->n_children && given[position]) {
            mistake(s, e->child[i]->span, "wrong-arguments", "this argument is given twice");
            position = NNT_NONE;
        }
        if (position >= e->n_children) {
            ok = false;
            continue;
        }
        given[position] = a;
        out[position] = v;
    }
    return ok;
}

struct value evaluate_call(const struct scope *s, const struct ast *e)
{
    struct value argument[MOST_ARGUMENTS], value;
    bool known = false;
    if (!s->caller && s->place == PLACE_LOSS && (!strcmp(e->text, "target") || !strcmp(e->text, "prediction")))
        return loss_call(s, e);
    const struct symbol *symbol = find_symbol(s, e->text);
    if (!s->caller && !symbol && s->place == PLACE_SCHEDULE) value = schedule_call(s, e, &known);
    if (!s->caller && !symbol && s->place == PLACE_BINDING) value = binding_call(s, e, &known);
    if (known) return value;
    if (!is_known_function(s, e->text)) return unknown_function(s, e);
    if (e->n_children > MOST_ARGUMENTS) {
        mistake(s, e->span, "wrong-arguments", "%u arguments; at most %d are possible", e->n_children,
                MOST_ARGUMENTS);
        return poison();
    }
    if (!gather(s, e, argument)) return poison();
    return call_function(s, e, e->text, argument, e->n_children);
}
