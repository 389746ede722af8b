/* check_source.c: data sources against runtime/data/sources.def, and the fields that they give. */
#include "lang/check.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name, *arguments, *fields;
    bool supported;
} rows[] = {
#define SOURCE(name, arguments, fields, supported, help) {#name, arguments, fields, supported},
#include "runtime/data/sources.def"
#undef SOURCE
};

/* Numbers a sample of a field, as the generators make them: so many, or so many times an argument; of a sequence, numbers a
 * row, and the argument is how many rows there are. */
static const struct {
    const char *field;
    enum source source; /* SOURCES: any */
    uint32_t size;
    int argument; /* its number, or -1 */
    bool sequence;
} sizes[] = {
    {"image", SOURCES, 256, -1, false},        {"point", SOURCES, 2, -1, false},
    {"x", SOURCE_teacher, 1, 1, false},        {"y", SOURCE_teacher, 1, 3, false},
    {"pattern", SOURCE_patterns, 1, 1, false}, {"total", SOURCE_adding, 1, -1, false},
    {"bits", SOURCE_parity, 1, 1, true},       {"pairs", SOURCE_adding, 2, 1, true},
};

static int find_source(const struct scope *s, const struct ast *e)
{
    struct choice choice = {0};
    for (size_t i = 0; i < LENGTH(rows); i++) {
        if ((e->kind == AST_NAME || e->kind == AST_CALL) && !strcmp(rows[i].name, e->text)) return (int)i;
        choice_add(s->c, &choice, rows[i].name);
    }
    if (e->kind == AST_ERROR) return -1;
    mistake(s, name_of(e), "unknown-word", "unknown source%s%s%s", e->text[0] ? " '" : "", e->text,
            e->text[0] ? "'" : "");
    if (e->text[0]) suggest(s->c, e->text, &choice);
    return -1;
}

/* ---- files ---- */

static bool check_file(const struct scope *s, const struct ast *call, const struct ast *a, struct source_spec *out)
{
    if (a->kind == AST_ERROR) return false;
    if (a->kind != AST_PAIR || a->child[0]->kind != AST_NAME) {
        mistake(s, a->span, "wrong-arguments", "'%s' takes files by field, as in %s(image: \"images.gz\")",
                call->text, call->text);
        return false;
    }
    const char *field = a->child[0]->text, *path = constant_text(s, a->child[1], field);
    for (uint32_t i = 0; i < out->n_files; i++) {
        if (strcmp(out->field[i], field)) continue;
        mistake(s, a->child[0]->span, "duplicate-name", "the field '%s' is given twice", field);
        return false;
    }
    out->field[out->n_files] = field;
    out->path[out->n_files++] = path ? path : "";
    return path != NULL;
}

/* idx and npy: a file a field. */
static bool check_files(const struct scope *s, const struct ast *e, struct source_spec *out)
{
    uint32_t n = e->kind == AST_CALL ? e->n_children : 0;
    bool ok = true;
    if (!n) {
        mistake(s, name_of(e), "missing-argument", "'%s' without files, as in %s(image: \"images.gz\")", e->text,
                e->text);
        return false;
    }
    out->field = arena_alloc(s->c->arena, n * sizeof *out->field);
    out->path = arena_alloc(s->c->arena, n * sizeof *out->path);
    for (uint32_t i = 0; i < n; i++)
        if (!check_file(s, e, e->child[i], out)) ok = false;
    return ok;
}

static bool check_csv(const struct scope *s, const struct ast *e, struct source_spec *out)
{
    struct argument a[MOST_SETTINGS];
    uint32_t n;
    bool header = true, ok = match_arguments(s, e, "file separator=, header=true skip=0", a, &n);
    if (!ok) return false;
    const char *file = constant_text(s, a[0].given, "the file"),
               *separator = a[1].given ? constant_text(s, a[1].given, "the separator") : ",";
    if (separator && (strlen(separator) != 1 || strchr("\"\n\r", separator[0]))) {
        mistake(s, a[1].given->span, "out-of-range",
                "the separator is a text of %zu bytes; one character, no quote and no line end, was expected",
                strlen(separator));
        ok = false;
    }
    if (a[2].given && !constant_truth(s, a[2].given, "header", &header)) ok = false;
    uint64_t skip = argument_whole(s, &a[3], 0, 1e9, &ok);
    if (!ok || !file || !separator) return false;
    out->path = arena_alloc(s->c->arena, sizeof *out->path);
    out->path[0] = file;
    out->n_files = 1;
    out->number[0] = (unsigned char)separator[0];
    out->number[1] = header;
    out->number[2] = (double)skip;
    return true;
}

/* ---- generators ---- */

static bool check_numbers(const struct scope *s, const struct ast *e, int row, struct source_spec *out)
{
    struct argument a[MOST_SETTINGS];
    uint32_t n;
    bool ok = match_arguments(s, e, rows[row].arguments, a, &n);
    if (ok && n > LENGTH(out->number)) BUG("a source of %u arguments", n);
    for (uint32_t i = 0; ok && i < n; i++) {
        if (!strcmp(a[i].name, "noise"))
            out->number[i] = argument_number(s, &a[i], 0, 1e9, &ok);
        else if (!strcmp(a[i].name, "seed"))
            out->number[i] = (double)argument_whole(s, &a[i], 0, 9007199254740992.0, &ok);
        else
            out->number[i] =
                (double)argument_whole(s, &a[i], 1, strcmp(a[i].name, "count") ? MODEL_MOST_NEURONS : 1e9, &ok);
    }
    return ok;
}

/* ---- the whole ---- */

static bool check_row(const struct scope *s, const struct ast *e, int row, struct source_spec *out)
{
    if (row == SOURCE_csv) return check_csv(s, e, out);
    if (!strcmp(rows[row].arguments, "*")) return check_files(s, e, out);
    return check_numbers(s, e, row, out);
}

/* `if CONDITION then SOURCE else SOURCE`: both are checked, the one that a constant chooses is taken. */
static bool check_choice(const struct scope *s, const struct ast *e, struct source_spec *out)
{
    struct source_spec source[2];
    bool condition = false, chosen = constant_truth(s, e->child[0], "the condition", &condition);
    bool first = check_source(s, e->child[1], &source[0]), second = check_source(s, e->child[2], &source[1]);
    if (!chosen || !first || !second) return false;
    *out = source[condition ? 0 : 1];
    return true;
}

bool check_source(const struct scope *s, const struct ast *e, struct source_spec *out)
{
    if (e->kind == AST_IF) return check_choice(s, e, out);
    int row = find_source(s, e);
    if (row < 0) return false;
    *out = (struct source_spec){.which = (enum source)row, .at = e->span};
    bool ok = check_row(s, e, row, out);
    if (ok && !rows[row].supported)
        refuse_named(s->c, arena_printf(s->c->arena, "source %s", rows[row].name), name_of(e));
    return ok;
}

static struct field_facts facts_of(struct checker *c, const struct source_spec *source, const char *text)
{
    size_t length = strcspn(text, " "), name = strcspn(text, " :");
    struct field_facts f = {.name = arena_text(c->arena, text, name)};
    if (name < length) f.classes = (uint32_t)strtoul(text + name + 1, NULL, 10);
    for (size_t i = 0; i < LENGTH(sizes); i++) {
        if (strcmp(f.name, sizes[i].field) || (sizes[i].source != SOURCES && sizes[i].source != source->which))
            continue;
        uint32_t times = sizes[i].argument < 0 ? 1 : (uint32_t)source->number[sizes[i].argument];
        f.size = sizes[i].size * (sizes[i].sequence ? 1 : times);
        f.rows = sizes[i].sequence ? times : 0;
    }
    return f;
}

uint32_t source_fields(struct checker *c, const struct source_spec *source, struct field_facts **out)
{
    const char *text = rows[source->which].fields;
    uint32_t n = 0, capacity = 0;
    *out = NULL;
    if (source->which == SOURCE_csv) return 0; /* its columns are picked in the bindings */
    if (!strcmp(text, "*")) {
        *out = arena_alloc(c->arena, (source->n_files + 1) * sizeof **out);
        for (; n < source->n_files; n++)
            (*out)[n] = (struct field_facts){.name = source->field[n],
                                             .rows = source->which == SOURCE_npy ? ROWS_LATER : 0};
        return n;
    }
    for (; *text; text += strcspn(text, " "), text += strspn(text, " ")) {
        *out = arena_grow(c->arena, *out, n, &capacity, sizeof **out);
        (*out)[n++] = facts_of(c, source, text);
    }
    return n;
}
