/* check_data.c: the data block: splits, bindings of groups to fields, fields made from others. */
#include "lang/check.h"

#include <string.h>

/* ---- derived fields ---- */

static struct value derived_value(const struct scope *s, struct derived_spec spec)
{
    struct checker *c = s->c;
    struct data_spec *data = &c->m->data;
    data->derived =
        arena_grow(c->arena, data->derived, data->n_derived, &c->derived_capacity, sizeof *data->derived);
    data->derived[data->n_derived] = spec;
    return number_value(expr_variable(c->m->pool, VAR_FIELD, data->n_fields + data->n_derived++, 1));
}

/* A value of an argument, a field or what is made of fields; NULL after a message. */
static const struct expr *argument_value(const struct scope *s, const struct ast *call, uint32_t i)
{
    const struct ast *a = call->child[i];
    if (a->kind != AST_PAIR && a->kind != AST_RANGE) return evaluate_number(s, a, "the argument");
    mistake(s, a->span, "wrong-arguments", "'%s' takes values here, not a %s", call->text,
            a->kind == AST_PAIR ? "named argument" : "range");
    return NULL;
}

static bool has_count(const struct scope *s, const struct ast *e, uint32_t low, uint32_t high, const char *usage)
{
    if (e->n_children >= low && e->n_children <= high) return true;
    mistake(s, name_of(e), "wrong-arguments", "'%s' with %u argument%s; %s was expected", e->text, e->n_children,
            e->n_children == 1 ? "" : "s", usage);
    return false;
}

static struct value side_by_side(const struct scope *s, const struct ast *e, enum derived which, uint32_t most)
{
    struct derived_spec spec = {.which = which, .at = e->span, .n_arguments = e->n_children};
    const char *usage = most == 1 ? "one field" : "one field or more";
    if (!has_count(s, e, 1, most, usage)) return poison();
    spec.argument = arena_alloc(s->c->arena, e->n_children * sizeof *spec.argument);
    bool ok = true;
    for (uint32_t i = 0; i < e->n_children; i++)
        if (!(spec.argument[i] = argument_value(s, e, i))) ok = false;
    return ok ? derived_value(s, spec) : poison();
}

static struct value slice(const struct scope *s, const struct ast *e)
{
    uint64_t from, to;
    if (!has_count(s, e, 2, 2, "slice(field, a..b)")) return poison();
    const struct expr *field = argument_value(s, e, 0);
    const struct ast *range = e->child[1];
    if (range->kind != AST_RANGE) {
        if (range->kind != AST_ERROR)
            mistake(s, range->span, "wrong-arguments", "slice takes a range, as in slice(image, 1..16)");
        return poison();
    }
    struct scope constant = scope_of(s->c, PLACE_CONSTANT, s->symbols);
    if (!constant_whole(&constant, range->child[0], "the first component", 1, MODEL_MOST_NEURONS, &from))
        return poison();
    if (!constant_whole(&constant, range->child[1], "the last component", (double)from, MODEL_MOST_NEURONS, &to))
        return poison();
    if (!field) return poison();
    struct derived_spec spec = {
        .which = DERIVED_SLICE, .at = e->span, .n_arguments = 1, .from = (uint32_t)from, .to = (uint32_t)to};
    spec.argument = arena_alloc(s->c->arena, sizeof *spec.argument);
    spec.argument[0] = field;
    return derived_value(s, spec);
}

/* ---- noise: around a whole binding ---- */

static const struct {
    const char *name, *usage, *amount;
    enum noise which;
    double most;
} noises[] = {
    {"noisy", "a value and a deviation", "deviation", NOISE_NORMAL, 1e9},
    {"flip", "a value and a probability", "probability", NOISE_FLIP, 1},
    {"mask", "a value and a probability", "probability", NOISE_MASK, 1},
};

static int find_noise(const struct scope *s, const struct ast *e)
{
    if (e->kind != AST_CALL || find_symbol(s, e->text)) return -1;
    for (size_t i = 0; i < LENGTH(noises); i++)
        if (!strcmp(noises[i].name, e->text)) return (int)i;
    return -1;
}

/* Takes noise off the outside of a binding, the innermost first in `out`; NULL after a message. */
static const struct ast *peel_noise(const struct scope *s, const struct ast *e, struct noise_list *out)
{
    enum { MOST_NOISE = 8 };
    struct noise_spec *noise = arena_alloc(s->c->arena, MOST_NOISE * sizeof *noise);
    struct scope constant = scope_of(s->c, PLACE_CONSTANT, s->symbols);
    bool ok = true;
    *out = (struct noise_list){0};
    for (int row; (row = find_noise(s, e)) >= 0; e = e->child[0]) {
        struct argument a = {.given = NULL};
        if (!has_count(s, e, 2, 2, noises[row].usage)) return NULL;
        if (out->n == MOST_NOISE) {
            mistake(s, name_of(e), "too-deep", "more than %d kinds of noise", MOST_NOISE);
            return NULL;
        }
        strcpy(a.name, noises[row].amount);
        a.given = e->child[1];
        double amount = argument_number(&constant, &a, 0, noises[row].most, &ok);
        memmove(noise + 1, noise, out->n++ * sizeof *noise);
        noise[0] = (struct noise_spec){noises[row].which, amount};
    }
    out->noise = noise;
    return ok ? e : NULL;
}

static struct value noise_inside(const struct scope *s, const struct ast *e)
{
    mistake(s, e->span, "noise-inside",
            "'%s' inside a formula; noise stands around a whole binding, as in noisy(2 * image - 1, 0.4)", e->text);
    return poison();
}

/* ---- columns of a csv ---- */

static bool is_csv(const struct checker *c)
{
    return c->m->data.train.which == SOURCE_csv && c->has_data_source;
}

bool names_columns(const struct scope *s)
{
    return s->place == PLACE_BINDING && !s->caller && is_csv(s->c);
}

static struct value picked(const struct scope *s, const struct ast *e, const struct column_pick *pick, uint32_t n)
{
    return derived_value(
        s, (struct derived_spec){.which = DERIVED_COLUMNS, .at = e->span, .n_picks = n, .pick = pick});
}

struct value column_value(const struct scope *s, const struct ast *e)
{
    struct column_pick *pick = arena_alloc(s->c->arena, sizeof *pick);
    *pick = (struct column_pick){.name = e->text, .at = e->span};
    return picked(s, e, pick, 1);
}

static bool check_column(const struct scope *s, const struct ast *a, struct column_pick *out)
{
    uint64_t from, to;
    struct scope constant = scope_of(s->c, PLACE_CONSTANT, s->symbols);
    *out = (struct column_pick){.at = a->span};
    if (a->kind == AST_ERROR) return false;
    if (a->kind == AST_TEXT) {
        out->name = a->text;
        return true;
    }
    if (a->kind == AST_PAIR) {
        mistake(s, a->span, "wrong-arguments",
                "columns takes names, numbers and ranges, as in columns(\"age\", 5..8)");
        return false;
    }
    if (a->kind != AST_RANGE) {
        if (!constant_whole(&constant, a, "the column", 1, 1e6, &from)) return false;
        to = from;
    } else if (!constant_whole(&constant, a->child[0], "the first column", 1, 1e6, &from) ||
               !constant_whole(&constant, a->child[1], "the last column", (double)from, 1e6, &to))
        return false;
    out->from = (uint32_t)from;
    out->to = (uint32_t)to;
    return true;
}

static struct value columns(const struct scope *s, const struct ast *e)
{
    bool ok = true;
    if (!s->c->has_data_source) return poison();
    if (!is_csv(s->c)) {
        mistake(s, name_of(e), "wrong-kind", "columns are for a csv; this source has fields");
        return poison();
    }
    if (!has_count(s, e, 1, UINT32_MAX, "columns(\"age\", 5..8)")) return poison();
    struct column_pick *pick = arena_alloc(s->c->arena, e->n_children * sizeof *pick);
    for (uint32_t i = 0; i < e->n_children; i++)
        if (!check_column(s, e->child[i], &pick[i])) ok = false;
    return ok ? picked(s, e, pick, e->n_children) : poison();
}

struct value binding_call(const struct scope *s, const struct ast *e, bool *out_known)
{
    const char *f = e->text;
    *out_known = true;
    if (!strcmp(f, "one_hot")) return side_by_side(s, e, DERIVED_ONE_HOT, 1);
    if (!strcmp(f, "number")) return side_by_side(s, e, DERIVED_NUMBER, 1);
    if (!strcmp(f, "standardize")) return side_by_side(s, e, DERIVED_STANDARDIZE, UINT32_MAX);
    if (!strcmp(f, "minmax")) return side_by_side(s, e, DERIVED_MINMAX, UINT32_MAX);
    if (!strcmp(f, "shuffled")) return side_by_side(s, e, DERIVED_SHUFFLED, 1);
    if (!strcmp(f, "columns")) return columns(s, e);
    if (!strcmp(f, "slice")) return slice(s, e);
    if (!strcmp(f, "noisy") || !strcmp(f, "flip") || !strcmp(f, "mask")) return noise_inside(s, e);
    *out_known = false;
    return poison();
}

/* ---- rows ---- */

static uint32_t field_rows(const struct checker *c, uint32_t field)
{
    const struct data_spec *data = &c->m->data;
    if (field < data->n_fields) return c->field[field].rows;
    const struct derived_spec *d = &data->derived[field - data->n_fields];
    bool keeps = d->which == DERIVED_STANDARDIZE || d->which == DERIVED_MINMAX || d->which == DERIVED_SHUFFLED;
    return keeps && d->n_arguments == 1 ? c->rows[d->argument[0]->id] : 0;
}

/* What is made of sequences element by element is one; a reduction is a number. The pool's nodes are taken in order,
 * arguments first. */
static uint32_t rows_of(struct checker *c, const struct expr *e)
{
    const struct expr_pool *pool = c->m->pool;
    for (; c->n_rows < pool->count; c->n_rows++) {
        const struct expr *node = pool->node[c->n_rows];
        uint32_t rows = 0;
        c->rows = arena_grow(c->arena, c->rows, c->n_rows, &c->rows_capacity, sizeof *c->rows);
        if (node->kind == EXPR_VARIABLE && node->op == VAR_FIELD) rows = field_rows(c, node->index);
        for (int i = 0; i < 3 && node->kind != EXPR_REDUCE; i++) {
            uint32_t of = node->arg[i] ? c->rows[node->arg[i]->id] : 0;
            if (of && (!rows || rows == ROWS_LATER)) rows = of;
        }
        c->rows[c->n_rows] = rows;
    }
    return c->rows[e->id];
}

/* The field that is bound, or what stands for others. */
static const char *name_value(const struct checker *c, const struct expr *value)
{
    bool field = value->kind == EXPR_VARIABLE && value->index < c->m->data.n_fields;
    return field ? arena_printf(c->arena, "'%s'", c->field[value->index].name) : "what it is bound to";
}

/* ---- bindings ---- */

static void wrong_size(const struct scope *s, struct span at, const struct group *g, const struct field_facts *f)
{
    if (f->classes)
        mistake(s, at, "bad-shape", "the group '%s' has %u neurons and the label '%s' %u classes", g->shown,
                g->size, f->name, f->classes);
    else
        mistake(s, at, "bad-shape", "the group '%s' has %u neurons and the field '%s' %u numbers%s", g->shown,
                g->size, f->name, f->size, f->rows ? " a row" : "");
}

/* Whether a group can take a field as it is, as far as its size is known here: a label becomes one_hot or a number.
 */
static bool fits(const struct group *g, const struct field_facts *f)
{
    if (f->classes) return g->size == f->classes || (g->size == 1 && f->classes == 2);
    return !f->size || g->size == f->size;
}

static void check_size(const struct scope *s, const struct ast *e, const struct group *g, const struct expr *value)
{
    const struct data_spec *data = &s->c->m->data;
    if (value->kind != EXPR_VARIABLE) return;
    if (value->index < data->n_fields) {
        const struct field_facts *f = &s->c->field[value->index];
        if (!f->classes && !fits(g, f)) wrong_size(s, e->span, g, f);
        return;
    }
    const struct derived_spec *d = &data->derived[value->index - data->n_fields];
    const struct expr *of = d->n_arguments ? d->argument[0] : NULL;
    if (d->which != DERIVED_ONE_HOT || of->kind != EXPR_VARIABLE || of->index >= data->n_fields) return;
    const struct field_facts *f = &s->c->field[of->index];
    if (f->classes && g->size != f->classes) wrong_size(s, e->span, g, f);
}

static void add_binding(const struct scope *s, const struct ast *statement, uint32_t index,
                        const struct expr *value, const struct noise_list *noise)
{
    struct checker *c = s->c;
    struct data_spec *data = &c->m->data;
    const struct group *g = &c->m->group[index];
    for (uint32_t i = 0; i < data->n_bindings; i++) {
        if (strcmp(data->binding[i].group, g->name)) continue;
        mistake(s, statement->child[0]->span, "duplicate-name", "'%s' has a binding already", g->shown);
        return;
    }
    if (!g->input && !g->output) {
        if (!c->doubt_boundary)
            mistake(s, statement->child[0]->span, "not-boundary",
                    "'%s' is neither input nor output and takes no data", g->shown);
        return;
    }
    data->binding =
        arena_grow(c->arena, data->binding, data->n_bindings, &c->binding_capacity, sizeof *data->binding);
    struct binding_spec *b = &data->binding[data->n_bindings++];
    *b = (struct binding_spec){g->name, g->shown, g->size, statement->span, value, *noise, 0};
    if (!value) return;
    uint32_t before = c->mistakes;
    check_rows(s, statement->child[1]->span, index, rows_of(c, value), name_value(c, value));
    if (c->mistakes == before) check_size(s, statement->child[1], g, value);
    if (value->kind == EXPR_VARIABLE && value->index >= data->n_fields) {
        enum derived which = data->derived[value->index - data->n_fields].which;
        b->scaled = which == DERIVED_STANDARDIZE || which == DERIVED_MINMAX;
    }
}

static void check_binding(const struct scope *s, const struct ast *statement)
{
    struct checker *c = s->c;
    struct scope inner = *s;
    struct ast *one[] = {statement->child[0]};
    struct ast list = {.kind = AST_LIST, .span = one[0]->span, .text = "", .n_children = 1, .child = one};
    struct group_list groups = {0};
    inner.place = PLACE_BINDING;
    struct noise_list noise;
    const struct ast *inside = peel_noise(s, statement->child[1], &noise);
    const struct expr *value = inside ? evaluate_number(&inner, inside, "the binding") : NULL;
    if (!resolve_refs(s, &list, &groups)) c->doubt_bindings = true;
    for (uint32_t i = 0; i < groups.count; i++)
        if (groups.group[i] != NNT_NONE) add_binding(s, statement, groups.group[i], value, &noise);
}

/* ---- what is not bound ---- */

static void list_groups(struct checker *c)
{
    struct data_spec *data = &c->m->data;
    data->group = arena_alloc(c->arena, (c->m->n_groups + 1) * sizeof *data->group);
    for (uint32_t i = 0; i < c->m->n_groups; i++) {
        const struct group *g = &c->m->group[i];
        if (g->input || g->output)
            data->group[data->n_groups++] = (struct data_group){
                .name = g->name, .shown = g->shown, .size = g->size, .input = g->input, .at = g->at};
    }
}

static void copy_rows(struct checker *c)
{
    struct data_group *to = c->m->data.group;
    for (uint32_t i = 0; i < c->m->n_groups; i++)
        if (c->m->group[i].input || c->m->group[i].output) to++->rows = c->m->group[i].rows;
}

/* Where something is bound, everything on the boundary must be. */
static void check_bound(const struct scope *s)
{
    const struct data_spec *data = &s->c->m->data;
    struct text names = {0};
    const char *first = NULL;
    for (uint32_t i = 0; i < data->n_groups; i++) {
        bool bound = false;
        for (uint32_t j = 0; j < data->n_bindings; j++)
            bound = bound || !strcmp(data->binding[j].group, data->group[i].name);
        if (bound) continue;
        text_add(&names, "%s'%s'", first ? ", " : "", data->group[i].shown);
        if (!first) first = data->group[i].shown;
    }
    if (first) {
        mistake(s, name_of(s->c->data.node), "missing-binding",
                "no binding for %.200s; where one group is bound, each input and output is", names.data);
        diag_hint(s->c->diag, "write '%s = …' in the data block", first);
    }
    text_fini(&names);
}

static void bind_field(const struct scope *s, uint32_t index, const struct field_facts *f)
{
    struct checker *c = s->c;
    const struct group *g = &c->m->group[index];
    uint32_t before = c->mistakes;
    check_rows(s, c->m->data.train.at, index, f->rows, arena_printf(c->arena, "'%s'", f->name));
    if (c->mistakes == before && !fits(g, f)) wrong_size(s, c->m->data.train.at, g, f);
}

/* Without bindings: the first field to the input, the second to the output. */
static void check_default_bindings(const struct scope *s)
{
    struct checker *c = s->c;
    const struct data_spec *data = &c->m->data;
    uint32_t inputs = 0, next = 0;
    for (uint32_t i = 0; i < data->n_groups; i++) inputs += data->group[i].input;
    if (is_csv(c) || inputs != 1 || data->n_groups - inputs > 1) {
        mistake(s, name_of(c->data.node), "missing-binding", "nothing says which field goes to which group; %s",
                is_csv(c) ? "a csv needs bindings" : "only one input and at most one output need no bindings");
        diag_hint(c->diag, "write '%s = …' in the data block", data->n_groups ? data->group[0].shown : "x");
        return;
    }
    for (int output = 0; output <= 1; output++)
        for (uint32_t i = 0; i < c->m->n_groups; i++) {
            const struct group *g = &c->m->group[i];
            if (output ? !g->output : !g->input) continue;
            if (next >= data->n_fields)
                mistake(s, data->train.at, "missing-binding",
                        "the source has %u field%s, and none is left for '%s'", data->n_fields,
                        data->n_fields == 1 ? "" : "s", g->shown);
            else
                bind_field(s, i, &c->field[next]);
            next++;
        }
}

static void check_bindings(const struct scope *s)
{
    struct checker *c = s->c;
    if (c->doubt_groups || c->doubt_boundary || c->doubt_bindings || !c->has_data_source) return;
    if (c->m->data.n_bindings)
        check_bound(s);
    else
        check_default_bindings(s);
}

/* ---- splits ---- */

static void take_fields(struct checker *c)
{
    struct data_spec *data = &c->m->data;
    data->n_fields = source_fields(c, &data->train, &c->field);
    data->field = arena_alloc(c->arena, (data->n_fields + 1) * sizeof *data->field);
    for (uint32_t i = 0; i < data->n_fields; i++) data->field[i] = c->field[i].name;
}

/* The test data must have the training data's fields. */
static void check_test_fields(const struct scope *s)
{
    struct data_spec *data = &s->c->m->data;
    struct field_facts *field;
    uint32_t n = source_fields(s->c, &data->test, &field);
    bool same = n == data->n_fields && (data->test.which == SOURCE_csv) == (data->train.which == SOURCE_csv);
    for (uint32_t i = 0; same && i < n; i++)
        same = !strcmp(field[i].name, data->field[i]) && field[i].size == s->c->field[i].size &&
               field[i].classes == s->c->field[i].classes && field[i].rows == s->c->field[i].rows;
    if (!same) mistake(s, data->test.at, "bad-shape", "the test data has other fields than the training data");
    if (same && data->test.which == SOURCE_teacher && data->train.which == SOURCE_teacher &&
        data->test.number[5] != data->train.number[5])
        diag_warn(s->c->diag, data->test.at, "other-teacher",
                  "another seed is another network: what is learnt of one is not true of the other; holdout keeps "
                  "samples of one");
}

static const char *const setting_words[] = {"train", "test", "holdout", "seed"};

/* The statement of that word, or the one that was meant for it: parse has said so. */
static const struct ast *find_setting(const struct scope *s, const char *word)
{
    const struct ast *found = NULL, *meant = NULL;
    for (uint32_t i = 0; i < s->c->data.node->n_children; i++) {
        const struct ast *statement = s->c->data.node->child[i];
        if (statement->kind != AST_SETTING) continue;
        const char *nearest = text_nearest(statement->text, setting_words, LENGTH(setting_words));
        if (nearest && !strcmp(nearest, word)) meant = statement;
        if (strcmp(statement->text, word)) continue;
        if (found)
            mistake(s, name_of(statement), "duplicate-name", "'%s' is given a second time", word);
        else
            found = statement;
    }
    return found ? found : meant;
}

static void check_holdout(const struct scope *s, const struct ast *statement)
{
    struct data_spec *data = &s->c->m->data;
    if (!constant_number(s, statement->child[0], "holdout", &data->holdout)) return;
    if (!(data->holdout > 0 && data->holdout < 1))
        mistake(s, statement->child[0]->span, "out-of-range",
                "holdout is the share of the training data that is kept for testing, between 0 and 1");
}

static void check_splits(const struct scope *s)
{
    struct checker *c = s->c;
    struct data_spec *data = &c->m->data;
    const struct ast *train = find_setting(s, "train"), *test = find_setting(s, "test"),
                     *holdout = find_setting(s, "holdout"), *seed = find_setting(s, "seed");
    if (train)
        c->has_data_source = check_source(s, train->child[0], &data->train);
    else if (!c->doubt_bindings)
        mistake(s, name_of(c->data.node), "missing-statement",
                "a data block without training data; 'train SOURCE' was expected");
    if (c->has_data_source) take_fields(c);
    if (test) data->has_test = check_source(s, test->child[0], &data->test);
    if (data->has_test && c->has_data_source) check_test_fields(s);
    if (holdout) check_holdout(s, holdout);
    if (test && holdout)
        mistake(s, name_of(holdout), "duplicate-name", "test and holdout; at most one of these was expected");
    if (seed) (void)constant_whole(s, seed->child[0], "the seed", 0, 9007199254740992.0, &data->seed);
    c->test_available = test || holdout;
}

static void check_block(struct checker *c)
{
    struct scope s = scope_of(c, PLACE_CONSTANT, c->data.symbols);
    c->m->data.present = true;
    for (uint32_t i = 0; i < c->data.node->n_children; i++) {
        const struct ast *statement = c->data.node->child[i];
        bool meant =
            statement->kind != AST_SETTING || text_nearest(statement->text, setting_words, LENGTH(setting_words));
        if (statement->kind == AST_ERROR || !meant) c->doubt_bindings = c->test_unknown = true;
    }
    check_splits(&s);
    for (uint32_t i = 0; i < c->data.node->n_children; i++)
        if (c->data.node->child[i]->kind == AST_BINDING) check_binding(&s, c->data.node->child[i]);
    check_bindings(&s);
}

void check_data(struct checker *c)
{
    list_groups(c);
    if (c->data.node) check_block(c);
    copy_rows(c);
}
