/* check_network.c: groups, sizes, projections, and the order in which statements are checked. */
#include "lang/check.h"

#include <math.h>
#include <string.h>

enum { MOST_AXES = 4, MOST_INDEX = 1000000000, MOST_INDICES = 4 * MODEL_MOST_GROUPS };

static struct scope network_scope(struct checker *c)
{
    return scope_of(c, PLACE_CONSTANT, c->network.symbols);
}

/* ---- neurons ---- */

struct grid {
    uint32_t rank, extent[MOST_AXES], size;
};

/* The extents of a grid and their product; false after a message. */
static bool check_grid(const struct scope *s, const struct ast *list, struct grid *out)
{
    *out = (struct grid){.rank = 1, .extent = {1, 1, 1, 1}, .size = 1};
    if (!list) return true;
    if (list->n_children > MOST_AXES) {
        mistake(s, list->span, "bad-shape", "a grid of %u axes; at most %d are possible", list->n_children,
                MOST_AXES);
        return false;
    }
    uint64_t size = 1;
    out->rank = list->n_children;
    for (uint32_t i = 0; i < list->n_children; i++) {
        uint64_t extent;
        if (!constant_whole(s, list->child[i], "the number of neurons", 1, MODEL_MOST_NEURONS, &extent))
            return false;
        size *= extent;
        out->extent[i] = (uint32_t)extent;
        if (size > MODEL_MOST_NEURONS) {
            mistake(s, list->child[i]->span, "too-large", "a group of more than %d neurons", MODEL_MOST_NEURONS);
            return false;
        }
    }
    out->size = (uint32_t)size;
    return true;
}

static void add_group(struct checker *c, const struct ast *decl, const struct grid *grid, uint32_t element)
{
    struct model *m = c->m;
    uint32_t capacity = c->group_capacity;
    m->group = arena_grow(c->arena, m->group, m->n_groups, &c->group_capacity, sizeof *m->group);
    c->has_activation = arena_grow(c->arena, c->has_activation, m->n_groups, &capacity, sizeof *c->has_activation);
    struct group *g = &m->group[m->n_groups];
    c->has_activation[m->n_groups++] = false;
    *g = (struct group){.name = decl->text,
                        .shown = decl->text,
                        .size = grid->size,
                        .rank = grid->rank,
                        .bias = NNT_NONE,
                        .at = name_of(decl)};
    memcpy(g->extent, grid->extent, sizeof g->extent);
    if (!element) return;
    g->name = arena_printf(c->arena, "%s.%u", decl->text, element);
    g->shown = arena_printf(c->arena, "%s[%u]", decl->text, element);
}

/* false where a group has it already. */
static bool check_group_name(const struct scope *s, const struct ast *decl)
{
    const struct declaration *other = find_declaration(s->c, decl->text);
    const struct symbol *symbol = find_symbol(s, decl->text);
    if (!strcmp(decl->text, "target") || !strcmp(decl->text, "none")) {
        mistake(s, name_of(decl), "reserved-name", "'%s' has a meaning of its own; a group cannot have this name",
                decl->text);
    } else if (other) {
        mistake(s, name_of(decl), "duplicate-name", "the group '%s' is given a second time", decl->text);
        diag_note(s->c->diag, other->at, "given here first");
    } else if (symbol) {
        mistake(s, name_of(decl), "duplicate-name", "'%s' is a %s already; a group needs a name of its own",
                decl->text, symbol->is_param ? "param" : "let");
        diag_note(s->c->diag, symbol->at, "given here");
    }
    return !other;
}

/* How many groups a declaration makes: 1, or the depth of its array. False after a message. */
static bool check_depth(const struct scope *s, const struct ast *decl, bool array, uint64_t *out)
{
    *out = 1;
    if (!array) return true;
    const struct ast *list = decl->child[0];
    if (list->n_children == 1)
        return constant_whole(s, list->child[0], "the number of groups", 0, MODEL_MOST_GROUPS, out);
    mistake(s, list->span, "bad-shape", "an array of groups has one depth; %u numbers found", list->n_children);
    return false;
}

static void check_declaration(const struct scope *s, const struct ast *decl)
{
    struct checker *c = s->c;
    if (decl->kind != AST_DECL) {
        c->doubt_groups = true;
        return;
    }
    bool array = decl->n_children > 1 && decl->child[1], is_new = check_group_name(s, decl);
    struct grid grid;
    uint64_t depth = 1;
    const struct ast *extents = array ? decl->child[1] : decl->n_children ? decl->child[0] : NULL;
    bool sized = check_grid(s, extents, &grid);
    bool bad = !check_depth(s, decl, array, &depth) || !sized;
    if (!is_new) return;
    if (bad) depth = 0, c->doubt_groups = true;
    c->n_neurons += depth * grid.size;
    if (!bad && (c->n_neurons > MODEL_MOST_NEURONS || c->m->n_groups + depth > MODEL_MOST_GROUPS)) {
        mistake(s, name_of(decl), "too-large", "more than %d neurons or %d groups", MODEL_MOST_NEURONS,
                MODEL_MOST_GROUPS);
        bad = c->doubt_groups = true;
        depth = 0;
    }
    c->declaration =
        arena_grow(c->arena, c->declaration, c->n_declarations, &c->declaration_capacity, sizeof *c->declaration);
    c->declaration[c->n_declarations++] =
        (struct declaration){decl->text, name_of(decl), array, bad, c->m->n_groups, (uint32_t)depth};
    for (uint32_t i = 0; i < depth; i++) add_group(c, decl, &grid, array ? i + 1 : 0);
}

/* ---- refs ---- */

static void add_ref(struct checker *c, struct group_list *out, uint32_t group, const struct ast *ref)
{
    uint32_t capacity = out->capacity;
    out->group = arena_grow(c->arena, out->group, out->count, &out->capacity, sizeof *out->group);
    out->ref = arena_grow(c->arena, out->ref, out->count, &capacity, sizeof *out->ref);
    out->group[out->count] = group;
    out->ref[out->count++] = ref;
}

static void unknown_group(const struct scope *s, const struct ast *ref)
{
    struct checker *c = s->c;
    struct choice choice = {0};
    c->in_doubt = true;
    if ((c->doubt_groups && c->unread_groups) || !first_unknown(c, ref->text)) return;
    for (uint32_t i = 0; i < c->n_declarations; i++) choice_add(c, &choice, c->declaration[i].name);
    mistake(s, name_of(ref), "unknown-name", "unknown group '%s'", ref->text);
    suggest(c, ref->text, &choice);
}

bool is_declared_before(const struct scope *s, const struct declaration *d, const struct ast *ref)
{
    if (d->at.source != ref->span.source || d->at.begin < ref->span.begin) return true;
    mistake(s, ref->span, "used-before", "'%s' is used before its neurons are given", ref->text);
    return false;
}

static bool resolve_index(const struct scope *s, const struct ast *ref, const struct declaration *d,
                          struct group_list *out)
{
    double index;
    char found[32];
    if (!d->array) {
        mistake(s, ref->span, "no-such-group", "'%s' is one group; a part of a group cannot be named", ref->text);
        return false;
    }
    if (!constant_number(s, ref->child[0], "the index", &index)) return false;
    text_number(index, found);
    if (index != floor(index)) {
        mistake(s, ref->child[0]->span, "not-whole", "the index is %s; a whole number was expected", found);
        return false;
    }
    if (index < 1 || index > d->count) {
        if (d->count)
            mistake(s, ref->span, "no-such-group", "there is no '%s[%s]'; the groups are %s[1] to %s[%u]",
                    ref->text, found, ref->text, ref->text, d->count);
        else
            mistake(s, ref->span, "no-such-group", "there is no '%s[%s]'; the array has no groups", ref->text,
                    found);
        return false;
    }
    add_ref(s->c, out, d->first + (uint32_t)index - 1, ref);
    return true;
}

static bool resolve_ref(const struct scope *s, const struct ast *ref, struct group_list *out)
{
    if (ref->kind != AST_NAME && ref->kind != AST_INDEX) return false;
    const struct declaration *d = find_declaration(s->c, ref->text);
    if (!d) {
        unknown_group(s, ref);
        return false;
    }
    if (d->bad || !is_declared_before(s, d, ref)) return false;
    if (ref->kind == AST_INDEX) return resolve_index(s, ref, d, out);
    for (uint32_t i = 0; i < d->count; i++) add_ref(s->c, out, d->first + i, ref);
    return true;
}

bool resolve_refs(const struct scope *s, const struct ast *list, struct group_list *out)
{
    bool ok = true;
    for (uint32_t i = 0; list && i < list->n_children; i++) {
        if (resolve_ref(s, list->child[i], out)) continue;
        add_ref(s->c, out, NNT_NONE, list->child[i]);
        ok = false;
    }
    return ok;
}

/* ---- families ---- */

static void run_family(const struct scope *s, const struct ast *family, const struct ast *statement, double from,
                       double to, void (*run)(const struct scope *s, const struct ast *statement))
{
    uint32_t before = s->c->mistakes;
    for (double i = from; i <= to && s->c->mistakes == before; i++) {
        struct local index = {family->text, number_value(expr_number(s->c->m->pool, i)), s->locals};
        struct scope inner = *s;
        inner.locals = &index;
        run(&inner, statement);
    }
}

/* Bounded, so that one index after another is another number. */
static bool constant_end(const struct scope *s, const struct ast *e, const char *what, double *out)
{
    char found[32];
    if (!constant_number(s, e, what, out)) return false;
    text_number(*out, found);
    if (*out != floor(*out))
        mistake(s, e->span, "not-whole", "%s is %s; a whole number was expected", what, found);
    else if (fabs(*out) > MOST_INDEX)
        mistake(s, e->span, "too-large", "%s is %s; at most %d was expected", what, found, MOST_INDEX);
    else
        return true;
    return false;
}

void for_family(const struct scope *s, const struct ast *family, const struct ast *statement,
                void (*run)(const struct scope *s, const struct ast *statement))
{
    double from, to;
    if (!family) {
        run(s, statement);
        return;
    }
    s->c->in_doubt = false;
    bool ok = family->kind == AST_FAMILY;
    if (ok && is_reserved_name(family->text)) {
        mistake(s, name_of(family), "reserved-name",
                "'%s' has a meaning of its own; an index cannot have this name", family->text);
        ok = false;
    }
    ok = ok && constant_end(s, family->child[0], "the first index", &from) &&
         constant_end(s, family->child[1], "the last index", &to);
    if (ok && to - from >= MOST_INDICES) {
        mistake(s, family->child[1]->span, "too-large", "more than %d indices", MOST_INDICES);
        ok = false;
    }
    if (ok)
        run_family(s, family, statement, from, to, run);
    else
        s->c->in_doubt = true;
}

/* ---- input, output ---- */

static void mark_boundary(const struct scope *s, const struct ast *ref, uint32_t index, bool input)
{
    struct group *g = &s->c->m->group[index];
    if (input ? g->input : g->output)
        mistake(s, ref->span, "duplicate-name", "'%s' is named a second time", g->shown);
    else if (input ? g->output : g->input)
        mistake(s, ref->span, "both-projections", "'%s' is both input and output; a group is at most one of these",
                g->shown);
    else if (input)
        g->input = true;
    else
        g->output = true;
}

static void check_projection(const struct scope *s, const struct ast *statement, bool input)
{
    struct group_list list = {0};
    if (!resolve_refs(s, statement->child[0], &list)) s->c->doubt_boundary = true;
    for (uint32_t i = 0; i < list.count; i++)
        if (list.group[i] != NNT_NONE) mark_boundary(s, list.ref[i], list.group[i], input);
    if (statement->n_children > 1 && statement->child[1]) check_each_tick(s, statement, &list);
}

static void check_input(const struct scope *s, const struct ast *statement)
{
    check_projection(s, statement, true);
}

static void check_output(const struct scope *s, const struct ast *statement)
{
    check_projection(s, statement, false);
}

/* ---- the block ---- */

static void each_statement(struct checker *c, enum ast_kind kind,
                           void (*run)(const struct scope *s, const struct ast *statement), int family, bool *doubt)
{
    struct scope s = network_scope(c);
    for (uint32_t i = 0; i < c->network.node->n_children; i++) {
        const struct ast *statement = c->network.node->child[i];
        if (statement->kind != kind) continue;
        uint32_t before = c->mistakes;
        c->in_doubt = false;
        bool has_family = family >= 0 && (uint32_t)family < statement->n_children && statement->child[family];
        for_family(&s, has_family ? statement->child[family] : NULL, statement, run);
        if (doubt && (c->mistakes != before || c->in_doubt)) *doubt = true;
    }
}

static void check_neurons(const struct scope *s, const struct ast *statement)
{
    for (uint32_t i = 0; i < statement->n_children; i++) check_declaration(s, statement->child[i]);
}

/* A statement that did not parse may have been the one that is missed later: nothing of its kind is said to be
 * missing. */
static void doubt_unread(struct checker *c, const struct ast *error)
{
    static const char *const words[] = {"neurons",    "input",     "output", "weights", "biases",
                                        "activation", "potential", "loss",   "dynamics"};
    const char *nearest = error->text[0] ? text_nearest(error->text, words, LENGTH(words)) : NULL;
    bool all = !nearest;
    if (all || !strcmp(nearest, "neurons")) c->doubt_groups = c->unread_groups = true;
    if (all || !strcmp(nearest, "input") || !strcmp(nearest, "output")) c->doubt_boundary = true;
    if (all || !strcmp(nearest, "weights") || !strcmp(nearest, "biases")) c->doubt_blocks = true;
    if (all || !strcmp(nearest, "activation")) c->doubt_activations = true;
    if (all || !strcmp(nearest, "loss")) c->doubt_loss = true;
    if (all || !strcmp(nearest, "dynamics")) c->doubt_dynamics = true;
}

static void check_settings_of_network(struct checker *c)
{
    struct scope s = network_scope(c);
    for (uint32_t i = 0; i < c->network.node->n_children; i++) {
        const struct ast *statement = c->network.node->child[i];
        bool dynamics = statement->kind == AST_SETTING && !strcmp(statement->text, "dynamics");
        if (dynamics)
            check_dynamics(&s, statement->child[0]);
        else if (statement->kind == AST_ERROR || statement->kind == AST_SETTING)
            doubt_unread(c, statement);
    }
}

static void mark_predicted(struct checker *c)
{
    struct model *m = c->m;
    for (uint32_t i = 0; i < m->n_blocks; i++) m->group[m->block[i].to].driven = true;
    for (uint32_t g = 0; g < m->n_groups; g++)
        m->group[g].predicted = m->group[g].driven || m->group[g].bias != NNT_NONE;
}

void check_network(struct checker *c)
{
    c->m->name = c->network.node->text;
    check_settings_of_network(c);
    each_statement(c, AST_NEURONS, check_neurons, -1, NULL);
    if (!c->n_declarations && !c->doubt_groups) {
        struct scope s = network_scope(c);
        mistake(&s, name_of(c->network.node), "no-neurons", "the network has no neurons");
        c->doubt_groups = true;
    }
    c->last_into = arena_alloc(c->arena, (c->m->n_groups + 1) * sizeof *c->last_into);
    for (uint32_t g = 0; g < c->m->n_groups; g++) c->last_into[g] = NNT_NONE;
    c->sequence = arena_alloc(c->arena, (c->m->n_groups + 1) * sizeof *c->sequence);
    each_statement(c, AST_INPUT, check_input, -1, &c->doubt_boundary);
    each_statement(c, AST_OUTPUT, check_output, -1, &c->doubt_boundary);
    each_statement(c, AST_WEIGHTS, check_weights, 4, &c->doubt_blocks);
    each_statement(c, AST_BIASES, check_biases, 3, &c->doubt_blocks);
    mark_predicted(c);
    each_statement(c, AST_ACTIVATION, check_activation, 2, &c->doubt_activations);
    each_statement(c, AST_POTENTIAL, check_potential, 2, &c->doubt_H);
    each_statement(c, AST_LOSS_BOUNDARY, check_loss, -1, &c->doubt_loss);
    each_statement(c, AST_LOSS_BULK, check_loss, -1, NULL);
    check_graph(c);
}
