/* check.c: tree to model: the only place that refuses a file; calls the parts one after another. */
#include "lang/check.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

extern const char prelude_text[];
enum { MOST_OPERATIONS = 200000 };

/* ---- messages ---- */

struct span outermost_use(const struct scope *s, struct span at)
{
    for (; s->caller; s = s->caller)
        if (s->call.source) at = s->call;
    return at;
}

void mistake(const struct scope *s, struct span at, const char *name, const char *format, ...)
{
    char text[512];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    s->c->mistakes++;
    struct diag *diag = s->c->diag;
    if (s->at.source) {
        diag_input(diag, s->at, name, "%s", text);
        return;
    }
    diag_input(diag, at, name, "%s", text);
    struct span use = outermost_use(s, (struct span){0});
    if (use.source) diag_note(diag, use, "used here");
}

static const char *const refusals[] = {
#define REFUSED(name, what) what,
#include "lang/refused.def"
#undef REFUSED
};

void refuse_named(struct checker *c, const char *what, struct span at)
{
    c->refused = true;
    diag_input(c->diag, at, "not-yet-supported", "%s: not yet supported", what);
}

void refuse(struct checker *c, enum refused what, struct span at)
{
    refuse_named(c, refusals[what], at);
}

bool mistaken(const struct checker *c)
{
    return c->source->mistaken || diag_errors(c->diag) > c->errors_before;
}

void left_out(struct checker *c, struct span at, const char *format, ...)
{
    char text[512];
    va_list list;
    if (mistaken(c)) return;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    diag_warn(c->diag, at, "left-out", "%s", text);
}

void choice_add(struct checker *c, struct choice *choice, const char *word)
{
    choice->word = arena_grow(c->arena, choice->word, choice->count, &choice->capacity, sizeof *choice->word);
    choice->word[choice->count++] = word;
}

bool first_unknown(struct checker *c, const char *name)
{
    for (uint32_t i = 0; i < c->unknown.count; i++)
        if (!strcmp(c->unknown.word[i], name)) return false;
    choice_add(c, &c->unknown, name);
    return true;
}

void suggest(struct checker *c, const char *found, const struct choice *choice)
{
    (void)diag_did_you_mean(c->diag, found, choice->word, choice->count);
}

struct scope scope_of(struct checker *c, enum place place, uint32_t symbols)
{
    return (struct scope){.c = c, .place = place, .symbols = symbols};
}

bool named(const struct ast *node, enum ast_kind kind, const char *text)
{
    return node && node->kind == kind && !strcmp(node->text, text);
}

/* The word behind the statement's own, in the text of the file itself. */
static const char *second_word(struct checker *c, const struct ast *error)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    if (error->span.source != c->source->source || error->span.end > c->source->length) return NULL;
    const char *text =
        arena_text(c->arena, c->source->text + error->span.begin, error->span.end - error->span.begin);
    text += strspn(text, letters);
    text += strspn(text, " \t");
    size_t length = strspn(text, letters);
    return length ? arena_text(c->arena, text, length) : NULL;
}

struct span name_of(const struct ast *node)
{
    return node->name.source ? node->name : node->span;
}

/* ---- params and lets ---- */

static struct symbol *new_symbol(struct checker *c, const struct ast *node)
{
    c->symbol = arena_grow(c->arena, c->symbol, c->n_symbols, &c->symbol_capacity, sizeof *c->symbol);
    struct symbol *symbol = &c->symbol[c->n_symbols++];
    *symbol = (struct symbol){.name = node->text, .at = name_of(node)};
    return symbol;
}

/* Whether a param or let may have this name; a message otherwise. */
static bool name_is_free(struct checker *c, const struct ast *node)
{
    struct scope s = scope_of(c, PLACE_CONSTANT, c->n_symbols);
    const struct symbol *other = find_symbol(&s, node->text);
    if (is_reserved_name(node->text)) {
        mistake(&s, name_of(node), "reserved-name",
                "'%s' has a meaning of its own; a param or let cannot have this name", node->text);
        return false;
    }
    if (other) {
        mistake(&s, name_of(node), "duplicate-name", "'%s' is given a second time", node->text);
        diag_note(c->diag, other->at, "given here first");
        return false;
    }
    if (function_arguments(&s, node->text))
        diag_warn(c->diag, name_of(node), "shadows-built-in",
                  "'%s' takes the place of the built-in function from here on", node->text);
    return true;
}

/* ---- --set ---- */

static struct span setting_span(struct checker *c, const struct setting *setting, bool of_value)
{
    const char *text = arena_printf(c->arena, "--set %s=%s", setting->name, setting->value);
    uint32_t source = diag_source(c->diag, "command line", text, strlen(text), (struct span){0});
    uint32_t name = 6, value = name + (uint32_t)strlen(setting->name) + 1;
    if (!of_value) return (struct span){source, name, value - 1};
    return (struct span){source, value, (uint32_t)strlen(text)};
}

static void wrong_setting(struct checker *c, const struct setting *setting, const char *expected)
{
    diag_input(c->diag, setting_span(c, setting, true), "wrong-kind", "'%s' for the param '%s'; %s was expected",
               setting->value, setting->name, expected);
}

static void set_function(struct checker *c, const struct setting *setting, struct value *value)
{
    struct scope s = scope_of(c, PLACE_CONSTANT, value->symbols);
    if (is_function_of_one(&s, setting->value)) {
        value->text = setting->value;
        return;
    }
    struct choice all = {0}, choice = {0};
    functions_here(&s, &all);
    for (uint32_t i = 0; i < all.count; i++)
        if (is_function_of_one(&s, all.word[i])) choice_add(c, &choice, all.word[i]);
    wrong_setting(c, setting, "the name of a function of one argument");
    suggest(c, setting->value, &choice);
}

/* Replaces a param's value by the text of a setting, which must be of the default's kind. */
static void set_param(struct checker *c, const struct setting *setting, struct value *value)
{
    double number;
    bool yes = !strcmp(setting->value, "true");
    switch (value->kind) {
    case VALUE_TEXT:
        value->text = setting->value;
        break;
    case VALUE_FUNCTION:
        set_function(c, setting, value);
        break;
    case VALUE_TRUTH:
        if (yes || !strcmp(setting->value, "false"))
            value->e = expr_number(c->m->pool, yes);
        else
            wrong_setting(c, setting, "true or false");
        break;
    case VALUE_NUMBER:
        if (text_to_number(setting->value, &number))
            value->e = expr_number(c->m->pool, number);
        else
            wrong_setting(c, setting, "a number");
        break;
    case VALUE_POISON:
        break;
    }
}

static void apply_settings(struct checker *c, struct symbol *symbol)
{
    bool set = false;
    for (uint32_t i = 0; i < c->n_settings; i++) {
        if (strcmp(c->setting[i].name, symbol->name)) continue;
        if (set)
            diag_input(c->diag, setting_span(c, &c->setting[i], false), "duplicate-name",
                       "'%s' is set a second time", symbol->name);
        else
            set_param(c, &c->setting[i], &symbol->value);
        set = c->used[i] = true;
    }
}

static void check_settings(struct checker *c)
{
    struct choice choice = {0};
    for (uint32_t i = c->n_prelude; i < c->n_symbols; i++)
        if (c->symbol[i].is_param) choice_add(c, &choice, c->symbol[i].name);
    for (uint32_t i = 0; i < c->n_settings; i++) {
        if (c->used[i]) continue;
        diag_input(c->diag, setting_span(c, &c->setting[i], false), "unknown-param", "the file has no param '%s'",
                   c->setting[i].name);
        suggest(c, c->setting[i].name, &choice);
    }
}

/* ---- tops ---- */

static bool is_constant(struct value v)
{
    return v.kind == VALUE_TEXT || v.kind == VALUE_FUNCTION ||
           ((v.kind == VALUE_NUMBER || v.kind == VALUE_TRUTH) && expr_is_number(v.e));
}

static void add_param(struct checker *c, const struct ast *node)
{
    struct scope s = scope_of(c, PLACE_CONSTANT, c->n_symbols);
    const struct ast *e = node->child[0];
    bool free = name_is_free(c, node);
    const struct symbol *same = e->kind == AST_NAME ? find_symbol(&s, e->text) : NULL;
    struct value value;
    if (e->kind == AST_NAME && !(same && !same->let) && is_function_of_one(&s, e->text))
        value = (struct value){.kind = VALUE_FUNCTION, .text = e->text, .symbols = s.symbols};
    else
        value = value_of(&s, e);
    if (value.kind != VALUE_POISON && !is_constant(value)) BUG("a param that is no constant");
    if (value.kind == VALUE_NUMBER && !isfinite(value.e->number)) {
        mistake(&s, e->span, "out-of-range", "'%s' is not a finite number", node->text);
        value = poison();
    }
    struct symbol *symbol = new_symbol(c, node);
    symbol->is_param = true;
    symbol->value = value;
    symbol->bad = value.kind == VALUE_POISON;
    if (free) apply_settings(c, symbol);
}

static bool arguments_are_right(struct checker *c, const struct ast *list)
{
    struct scope s = scope_of(c, PLACE_CONSTANT, c->n_symbols);
    if (list->n_children > MOST_ARGUMENTS) {
        mistake(&s, list->span, "wrong-arguments", "%u arguments; at most %d are possible", list->n_children,
                MOST_ARGUMENTS);
        return false;
    }
    for (uint32_t i = 0; i < list->n_children; i++) {
        if (list->child[i]->kind != AST_NAME) return false;
        for (uint32_t j = 0; j < i; j++) {
            if (strcmp(list->child[i]->text, list->child[j]->text)) continue;
            mistake(&s, list->child[i]->span, "duplicate-name", "the argument '%s' is given twice",
                    list->child[i]->text);
            return false;
        }
    }
    return true;
}

/* The names in a let's body are checked where it stands: its arguments are unknown yet, and so silent. */
static bool body_is_right(struct checker *c, const struct ast *let)
{
    struct scope outside = scope_of(c, PLACE_CONSTANT, c->n_symbols), s = outside;
    struct local local[MOST_ARGUMENTS];
    const struct ast *list = let->child[0];
    for (uint32_t i = 0; i < list->n_children; i++)
        local[i] = (struct local){list->child[i]->text, poison(), i ? &local[i - 1] : NULL};
    s.locals = list->n_children ? &local[list->n_children - 1] : NULL;
    s.caller = &outside;
    uint32_t before = c->mistakes;
    (void)value_of(&s, let->child[1]);
    return c->mistakes == before;
}

static void add_let(struct checker *c, const struct ast *node)
{
    struct scope s = scope_of(c, PLACE_CONSTANT, c->n_symbols);
    const struct ast *list = node->child[0];
    (void)name_is_free(c, node);
    struct value value = poison();
    bool bad = false;
    if (list && list->n_children) {
        bad = !arguments_are_right(c, list) || !body_is_right(c, node);
    } else {
        value = value_of(&s, node->child[1]);
        bad = value.kind == VALUE_POISON;
    }
    struct symbol *symbol = new_symbol(c, node);
    symbol->bad = bad;
    symbol->value = value;
    symbol->let = list && list->n_children ? node : NULL;
    symbol->n_arguments = list ? list->n_children : 0;
}

static void add_part(struct checker *c, const struct ast *node, struct part *part)
{
    if (part->node) {
        struct scope s = scope_of(c, PLACE_CONSTANT, c->n_symbols);
        struct span at = {node->span.source, node->span.begin, node->span.begin + 1};
        mistake(&s, at, "duplicate-block", "a second block of this kind; a file has at most one");
        diag_note(c->diag, part->node->name.source ? part->node->name : part->node->span, "the first one");
        return;
    }
    *part = (struct part){node, c->n_symbols};
}

static void add_measure(struct checker *c, const struct ast *node)
{
    c->measure = arena_grow(c->arena, c->measure, c->n_measures, &c->measure_capacity, sizeof *c->measure);
    c->measure[c->n_measures++] = (struct part){node, c->n_symbols};
}

/* A param or let that did not parse: its uses are silent. */
static void add_unread(struct checker *c, const struct ast *error)
{
    bool names = !strcmp(error->text, "param") || !strcmp(error->text, "let");
    const char *name = names ? second_word(c, error) : NULL;
    c->unread = true;
    if (!name) return;
    struct symbol *symbol = new_symbol(c, error);
    symbol->name = name;
    symbol->bad = symbol->is_param = true;
}

static void add_tops(struct checker *c, const struct ast *file, bool included)
{
    struct scope s = scope_of(c, PLACE_CONSTANT, 0);
    for (uint32_t i = 0; i < file->n_children; i++) {
        const struct ast *node = file->child[i];
        bool own = node->kind == AST_DATA || node->kind == AST_ENSEMBLE || node->kind == AST_TRAIN ||
                   node->kind == AST_MEASURE;
        if (included && own) {
            mistake(&s, name_of(node), "not-in-include",
                    "an included file holds params, lets and a network, nothing else");
            continue;
        }
        switch ((enum ast_kind)node->kind) {
        case AST_INCLUDE:
            if (node->n_children > 1 && node->child[1]) add_tops(c, node->child[1], true);
            break;
        case AST_PARAM:
            add_param(c, node);
            break;
        case AST_LET:
            add_let(c, node);
            break;
        case AST_NETWORK:
            add_part(c, node, &c->network);
            break;
        case AST_DATA:
            add_part(c, node, &c->data);
            break;
        case AST_ENSEMBLE:
            add_part(c, node, &c->ensemble);
            break;
        case AST_TRAIN:
            add_part(c, node, &c->train);
            break;
        case AST_MEASURE:
            add_measure(c, node);
            break;
        default:
            add_unread(c, node);
            break;
        }
    }
}

/* ---- the prelude ---- */

/* Whether a comment stands behind the let on its line: that is its help, and what has none is not for files. */
static bool has_help(const struct ast_source *source, const struct ast *let)
{
    for (uint32_t i = 0; i < source->n_comments; i++) {
        struct span at = source->comment[i].span;
        if (at.begin >= let->span.end && !memchr(source->text + let->span.end, '\n', at.begin - let->span.end))
            return true;
    }
    return false;
}

static void add_prelude(struct checker *c)
{
    const struct ast_source *source = parse(c->diag, c->arena, "prelude.nnt", prelude_text, strlen(prelude_text));
    if (!source) BUG("the prelude cannot be read");
    for (uint32_t i = 0; i < source->file->n_children; i++) {
        const struct ast *node = source->file->child[i];
        if (node->kind != AST_LET || !node->child[0]->n_children)
            BUG("the prelude holds more than lets with arguments");
        struct symbol *symbol = new_symbol(c, node);
        symbol->let = node;
        symbol->n_arguments = node->child[0]->n_children;
        symbol->hidden = !has_help(source, node);
    }
    c->n_prelude = c->n_symbols;
}

/* ---- the whole ---- */

static void start(struct checker *c)
{
    struct model *m = c->m = arena_alloc(c->arena, sizeof *m);
    m->arena = c->arena;
    m->pool = arena_alloc(c->arena, sizeof *m->pool);
    expr_pool_init(m->pool, c->arena);
    m->pool->most = MOST_OPERATIONS;
    m->name = "network";
    m->data.folder = ".";
    c->used = arena_alloc(c->arena, (c->n_settings + 1) * sizeof *c->used);
}

struct model *check(struct diag *diag, struct arena *arena, const struct ast_source *source,
                    const struct setting *settings, uint32_t n_settings)
{
    struct checker *c = arena_alloc(arena, sizeof *c);
    *c = (struct checker){.diag = diag,
                          .arena = arena,
                          .source = source,
                          .setting = settings,
                          .n_settings = n_settings,
                          .errors_before = diag_errors(diag)};
    start(c);
    add_prelude(c);
    add_tops(c, source->file, false);
    if (!c->unread) check_settings(c);
    if (c->network.node) {
        check_network(c);
        check_data(c);
        check_loss_rows(c);
        check_ensemble(c);
        check_free_order(c);
        check_train(c);
        check_measures(c);
        note_no_effect(c);
    } else if (!c->unread) {
        diag_input(diag, (struct span){source->source, 0, 0}, "no-network",
                   "the file has no network; one block 'network NAME { … }' was expected");
    }
    if (c->m->pool->full && !mistaken(c))
        diag_input(diag, (struct span){source->source, 0, 0}, "too-large",
                   "the expressions of this file come to more than %d operations", MOST_OPERATIONS);
    if (mistaken(c)) return NULL;
    c->m->pool->most = 0;
    return c->m;
}
