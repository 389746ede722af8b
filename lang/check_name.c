/* check_name.c: what a name means where it stands: locals, groups, params and lets. */
#include "lang/check.h"

#include <string.h>

static const char *const reserved[] = {"z",       "s",        "target",   "none", "prediction", "fan_in",
                                       "fan_out", "progress", "boundary", "bulk", "free_energy"};

bool is_reserved_name(const char *name)
{
    for (size_t i = 0; i < LENGTH(reserved); i++)
        if (!strcmp(reserved[i], name)) return true;
    return false;
}

static const struct local *find_local(const struct scope *s, const char *name)
{
    for (const struct local *l = s->locals; l; l = l->outer)
        if (!strcmp(l->name, name)) return l;
    return NULL;
}

const struct symbol *find_symbol(const struct scope *s, const char *name)
{
    for (uint32_t i = s->symbols; i-- > s->c->n_prelude;)
        if (!strcmp(s->c->symbol[i].name, name)) return &s->c->symbol[i];
    return NULL;
}

/* Declared so far, where the use stands in the same file. */
const struct declaration *find_declaration(const struct checker *c, const char *name)
{
    for (uint32_t i = 0; i < c->n_declarations; i++)
        if (!strcmp(c->declaration[i].name, name)) return &c->declaration[i];
    return NULL;
}

/* ---- suggestions ---- */

static void place_names(const struct scope *s, struct choice *choice)
{
    struct checker *c = s->c;
    if (s->caller) return;
    if (s->place == PLACE_ACTIVATION) choice_add(c, choice, "z");
    if (s->place == PLACE_POTENTIAL) choice_add(c, choice, "s");
    if (s->place == PLACE_SCHEDULE) choice_add(c, choice, "progress");
    if (s->place == PLACE_INIT) choice_add(c, choice, "fan_in"), choice_add(c, choice, "fan_out");
    if (s->place == PLACE_LOSS) {
        choice_add(c, choice, "target");
        for (uint32_t i = 0; i < c->n_declarations; i++) {
            const struct declaration *d = &c->declaration[i];
            for (uint32_t g = d->first; g < d->first + d->count; g++)
                if (c->m->group[g].input || c->m->group[g].output) choice_add(c, choice, d->name);
        }
    }
    if (s->place == PLACE_BINDING)
        for (uint32_t i = 0; i < c->m->data.n_fields; i++) choice_add(c, choice, c->m->data.field[i]);
}

static void names_here(const struct scope *s, struct choice *choice)
{
    for (const struct local *l = s->locals; l; l = l->outer) choice_add(s->c, choice, l->name);
    place_names(s, choice);
    for (uint32_t i = s->c->n_prelude; i < s->symbols; i++)
        if (!s->c->symbol[i].let) choice_add(s->c, choice, s->c->symbol[i].name);
}

/* ---- messages ---- */

static const char *const place_words[] = {
    [PLACE_CONSTANT] = "a constant",
    [PLACE_ACTIVATION] = "an activation, which is an expression of z",
    [PLACE_POTENTIAL] = "a potential, which is an expression of s",
    [PLACE_LOSS] = "the boundary loss",
    [PLACE_INIT] = "init, where fan_in and fan_out can be named",
    [PLACE_SCHEDULE] = "a schedule, which is an expression of progress",
    [PLACE_BINDING] = "a binding",
};

static bool gives_name(const struct ast *file, const char *name)
{
    for (uint32_t i = 0; i < file->n_children; i++) {
        const struct ast *top = file->child[i];
        if ((top->kind == AST_PARAM || top->kind == AST_LET) && !strcmp(top->text, name)) return true;
        if (top->kind == AST_INCLUDE && top->n_children > 1 && top->child[1] && gives_name(top->child[1], name))
            return true;
    }
    return false;
}

bool is_later(const struct checker *c, const char *name)
{
    return gives_name(c->source->file, name);
}

/* The name exists elsewhere: say why not here. */
static bool explain_name(const struct scope *s, const struct ast *e)
{
    const char *name = e->text, *arguments = function_arguments(s, name);
    if (arguments) {
        mistake(s, e->span, "not-a-value", "'%s' is a function and needs its arguments here", name);
        diag_hint(s->c->diag, "write '%s%s'", name, arguments);
        return true;
    }
    if (is_later(s->c, name)) {
        mistake(s, e->span, "used-before",
                "'%s' is used before it is given; params and lets come before their uses", name);
        return true;
    }
    if (is_reserved_name(name)) {
        if (s->caller)
            mistake(s, e->span, "unknown-name", "'%s' is not known in a let; make it an argument of the let", name);
        else
            mistake(s, e->span, "unknown-name", "'%s' means nothing in %s", name, place_words[s->place]);
        return true;
    }
    const struct declaration *d = find_declaration(s->c, name);
    if (d && !s->caller) {
        mistake(s, e->span, "unknown-name", "the group '%s' cannot be named in %s", name, place_words[s->place]);
        return true;
    }
    return false;
}

static struct value unknown_name(const struct scope *s, const struct ast *e)
{
    if (explain_name(s, e)) return poison();
    if (!first_unknown(s->c, e->text)) return poison();
    struct choice choice = {0};
    names_here(s, &choice);
    functions_here(s, &choice);
    mistake(s, e->span, "unknown-name", "unknown name '%s'", e->text);
    suggest(s->c, e->text, &choice);
    return poison();
}

/* ---- names of a place ---- */

static const struct expr *variable(const struct scope *s, enum variable which, uint32_t index, uint32_t width)
{
    return expr_variable(s->c->m->pool, which, index, width);
}

/* The one group that a name or index in the loss stands for; NNT_NONE after a message. */
static uint32_t loss_group(const struct scope *s, const struct ast *e, const struct declaration *d)
{
    struct checker *c = s->c;
    if (d->bad || !is_declared_before(s, d, e)) return NNT_NONE;
    uint32_t g = d->first;
    if (e->kind == AST_INDEX) {
        uint64_t index;
        struct scope constant = scope_of(c, PLACE_CONSTANT, s->symbols);
        constant.locals = s->locals;
        if (!d->array) {
            mistake(s, e->span, "no-such-group", "'%s' is one group and has no elements to choose from", e->text);
            return NNT_NONE;
        }
        if (!constant_whole(&constant, e->child[0], "the index", 1, d->count, &index)) return NNT_NONE;
        g += (uint32_t)index - 1;
    } else if (d->array) {
        mistake(s, e->span, "wrong-kind", "'%s' is an array of groups; one of them was expected", e->text);
        diag_hint(c->diag, "write '%s[1]'", e->text);
        return NNT_NONE;
    }
    const struct group *group = &c->m->group[g];
    if (group->input || group->output) return group->size ? g : NNT_NONE;
    if (!c->doubt_boundary)
        mistake(s, e->span, "not-boundary",
                "'%s' is neither input nor output; the boundary loss is a function of these", group->shown);
    return NNT_NONE;
}

static struct value group_variable(const struct scope *s, enum variable which, uint32_t g)
{
    if (g == NNT_NONE) return poison();
    return number_value(variable(s, which, g, s->c->m->group[g].size));
}

static uint32_t only_output(const struct scope *s, const struct ast *e)
{
    const struct model *m = s->c->m;
    uint32_t found = NNT_NONE, count = 0;
    for (uint32_t g = 0; g < m->n_groups; g++) {
        if (!m->group[g].output) continue;
        if (!count++) found = g;
    }
    if (count == 1) return m->group[found].size ? found : NNT_NONE;
    if (s->c->doubt_boundary || s->c->doubt_groups) return NNT_NONE;
    if (!count)
        mistake(s, e->span, "no-output", "target is the data of an output, and there is no output");
    else {
        mistake(s, e->span, "which-target", "there are %u outputs; say whose target is meant", count);
        diag_hint(s->c->diag, "write 'target(%s)'", m->group[found].shown);
    }
    return NNT_NONE;
}

static bool place_name(const struct scope *s, const struct ast *e, struct value *out)
{
    const char *name = e->text;
    if (s->place == PLACE_ACTIVATION && !strcmp(name, "z"))
        *out = number_value(variable(s, VAR_Z, 0, s->width));
    else if (s->place == PLACE_POTENTIAL && !strcmp(name, "s"))
        *out = number_value(variable(s, VAR_S, 0, s->width));
    else if (s->place == PLACE_SCHEDULE && !strcmp(name, "progress"))
        *out = number_value(variable(s, VAR_PROGRESS, 0, 0));
    else if (s->place == PLACE_INIT && !strcmp(name, "fan_in"))
        *out = number_value(expr_number(s->c->m->pool, s->fan_in));
    else if (s->place == PLACE_INIT && !strcmp(name, "fan_out"))
        *out = number_value(expr_number(s->c->m->pool, s->fan_out));
    else if (s->place == PLACE_LOSS && !strcmp(name, "target"))
        *out = group_variable(s, VAR_TARGET, only_output(s, e));
    else
        return false;
    return true;
}

static bool field_name(const struct scope *s, const struct ast *e, struct value *out)
{
    const struct data_spec *data = &s->c->m->data;
    for (uint32_t i = 0; i < data->n_fields; i++) {
        if (strcmp(data->field[i], e->text)) continue;
        *out = number_value(variable(s, VAR_FIELD, i, 1));
        if (find_symbol(s, e->text)) {
            mistake(s, e->span, "name-taken",
                    "'%s' is a field of the data and a param or let; it cannot be told which is meant", e->text);
            *out = poison();
        }
        return true;
    }
    /* What the fields are is not known: any name may be one. */
    if (s->c->has_data_source || find_symbol(s, e->text)) return false;
    *out = poison();
    return true;
}

struct value evaluate_name(const struct scope *s, const struct ast *e)
{
    struct value value;
    const struct local *local = find_local(s, e->text);
    if (local) return local->value;
    if (!s->caller && place_name(s, e, &value)) return value;
    if (s->inside && !strcmp(e->text, "progress")) return number_value(variable(s, VAR_PROGRESS, 0, 0));
    if (!s->caller && s->place == PLACE_LOSS) {
        const struct declaration *d = find_declaration(s->c, e->text);
        if (d) return group_variable(s, VAR_STATE, loss_group(s, e, d));
    }
    if (!s->caller && s->place == PLACE_BINDING && field_name(s, e, &value)) return value;
    const struct symbol *symbol = find_symbol(s, e->text);
    if (!symbol || symbol->let) return symbol && symbol->bad ? poison() : unknown_name(s, e);
    return symbol->bad ? poison() : symbol->value;
}

struct value evaluate_index(const struct scope *s, const struct ast *e)
{
    const struct declaration *d = find_declaration(s->c, e->text);
    if (s->place == PLACE_LOSS && !s->caller && d) return group_variable(s, VAR_STATE, loss_group(s, e, d));
    if (d)
        mistake(s, e->span, "unknown-name", "the group '%s' cannot be named in %s", e->text, place_words[s->place]);
    else
        mistake(s, name_of(e), "unknown-name", "unknown group '%s'", e->text);
    return poison();
}

/* ---- target(y), prediction(g) ---- */

static uint32_t named_group(const struct scope *s, const struct ast *call)
{
    const struct ast *a = call->n_children ? call->child[0] : NULL;
    if (call->n_children != 1 || (a->kind != AST_NAME && a->kind != AST_INDEX && a->kind != AST_ERROR)) {
        mistake(s, call->span, "wrong-arguments", "'%s' takes the name of one group", call->text);
        return NNT_NONE;
    }
    if (a->kind == AST_ERROR) return NNT_NONE;
    const struct declaration *d = find_declaration(s->c, a->text);
    if (d) return loss_group(s, a, d);
    struct choice choice = {0};
    if (!first_unknown(s->c, a->text)) return NNT_NONE;
    place_names(s, &choice);
    mistake(s, name_of(a), "unknown-name", "unknown group '%s'", a->text);
    suggest(s->c, a->text, &choice);
    return NNT_NONE;
}

struct value loss_call(const struct scope *s, const struct ast *call)
{
    bool target = !strcmp(call->text, "target");
    uint32_t g = named_group(s, call);
    if (g == NNT_NONE) return poison();
    const struct group *group = &s->c->m->group[g];
    if (target && !group->output) {
        mistake(s, call->child[0]->span, "not-output", "'%s' is an input; target is the data of an output",
                group->shown);
        return poison();
    }
    if (!target && !group->predicted) {
        if (!s->c->doubt_blocks)
            mistake(s, call->child[0]->span, "not-predicted",
                    "'%s' has neither incoming block nor bias, so nothing predicts it", group->shown);
        return poison();
    }
    return group_variable(s, target ? VAR_TARGET : VAR_PREDICTION, g);
}
