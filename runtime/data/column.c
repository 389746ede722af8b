/* column.c: widths, constants and values of fields and of what is derived from them. */
#include "runtime/data/column.h"
#include "runtime/base/random.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_CLASSES 10000

static const char *const derived_names[] = {
    [DERIVED_ONE_HOT] = "one_hot", [DERIVED_NUMBER] = "number", [DERIVED_STANDARDIZE] = "standardize",
    [DERIVED_MINMAX] = "minmax",   [DERIVED_SLICE] = "slice",   [DERIVED_SHUFFLED] = "shuffled",
    [DERIVED_COLUMNS] = "columns"};

/* ---- values ---- */

static const double *column_value(struct columns *c, struct column *column);

static const double *read_variable(void *with, const struct expr *variable)
{
    struct columns *c = with;
    return column_value(c, &c->column[variable->index]);
}

/* The arguments side by side, for the sample that is being read. */
static void fill_raw(struct columns *c, struct column *column)
{
    double *out = column->raw;
    if (column->picked[TRAIN] != NULL) pick_value(c, column, out);
    for (uint32_t k = 0; k < column->derived->n_arguments; k++) {
        const struct expr *e = column->argument[k];
        expr_value(e, read_variable, c, &column->scratch, out);
        out += e->width == 0 ? 1 : e->width;
    }
}

static void fill_raw_of(struct columns *c, struct column *column, uint32_t sample)
{
    uint32_t before = c->sample;
    c->sample = sample;
    fill_raw(c, column);
    c->sample = before;
}

static uint32_t find_code(const struct column *column, double value)
{
    uint32_t low = 0, high = column->n_codes;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (column->code[middle] < value)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static uint32_t class_of(struct columns *c, const struct column *column, double value)
{
    uint32_t k = find_code(column, value);
    if (k < column->n_codes && column->code[k] == value) return k;
    char shown[32];
    struct span at = column->derived->at;
    text_number(value, shown);
    if (!c->failed) {
        bool in_file = pick_place(c, columns_bare(c, column->argument[0]), &at);
        diag_input(c->diag, at, "unseen-class",
                   "test sample %u has the value %s; one of the %u values of the training data expected",
                   c->sample + 1, shown, column->n_codes);
        if (in_file) diag_note(c->diag, column->derived->at, "read here");
    }
    c->failed = true;
    return 0;
}

static void derive(struct columns *c, struct column *column)
{
    double *out = column->value;
    size_t bytes = column->width * sizeof *out;
    switch (column->derived->which) {
    case DERIVED_ONE_HOT:
        memset(out, 0, bytes);
        out[class_of(c, column, column->raw[0])] = 1;
        break;
    case DERIVED_NUMBER:
        out[0] = class_of(c, column, column->raw[0]);
        break;
    case DERIVED_STANDARDIZE:
    case DERIVED_MINMAX:
        for (uint32_t k = 0; k < column->width; k++)
            out[k] = (column->raw[k] - column->offset[k]) / column->scale[k];
        break;
    case DERIVED_SLICE:
        memcpy(out, column->raw + column->derived->from - 1, bytes);
        break;
    case DERIVED_SHUFFLED:
    case DERIVED_COLUMNS:
        memcpy(out, column->raw, bytes);
        break;
    }
}

static const double *column_value(struct columns *c, struct column *column)
{
    uint64_t wanted = (uint64_t)(c->split + 1) << 32 | c->sample;
    if (column->held == wanted) return column->value;
    if (column->derived == NULL) {
        const struct view *view = &c->view[c->split];
        field_row(&view->table->field[column->field[c->split]], view->row[c->sample], column->value);
    } else {
        const uint32_t *dealt = column->dealt[c->split];
        fill_raw_of(c, column, dealt == NULL ? c->sample : dealt[c->sample]);
        derive(c, column);
    }
    column->held = wanted;
    return column->value;
}

void columns_value(struct columns *c, const struct expr *e, int split, uint32_t sample,
                   struct expr_scratch *scratch, double *out)
{
    c->split = split;
    c->sample = sample;
    expr_value(e, read_variable, c, scratch, out);
}

const struct column *columns_bare(const struct columns *c, const struct expr *e)
{
    return e->kind == EXPR_VARIABLE ? &c->column[e->index] : NULL;
}

/* ---- widths ---- */

static const struct expr *resolve_field(struct columns *c, const struct expr *e, uint32_t n_before)
{
    if (e->op != VAR_FIELD || e->index >= n_before) BUG("a binding reads variable %u, index %u", e->op, e->index);
    uint32_t width = c->column[e->index].width;
    return expr_variable(&c->pool, VAR_FIELD, e->index, width == 1 ? 0 : width);
}

/* `made` holds the resolved arguments. */
static const struct expr *resolve_use(struct columns *c, const struct expr *e, const struct expr *const *made,
                                      struct span at)
{
    const struct expr *arg[3] = {0};
    uint32_t width = 0;
    for (int i = 0; i < 3 && e->arg[i] != NULL; i++) {
        arg[i] = made[e->arg[i]->id];
        const struct column *label = columns_bare(c, arg[i]);
        if (label != NULL && label->classes > 0) {
            diag_input(c->diag, at, "label-as-number",
                       "'%s' is a label; one_hot(%s) or number(%s) expected in a formula", label->name,
                       label->written, label->written);
            pick_note(c, label);
            return NULL;
        }
        if (arg[i]->width > 0 && width > 0 && arg[i]->width != width) {
            diag_input(c->diag, at, "width-mismatch", "%u numbers meet %u; fields of one width expected", width,
                       arg[i]->width);
            return NULL;
        }
        if (arg[i]->width > 0) width = arg[i]->width;
    }
    if (e->kind == EXPR_REDUCE) return expr_reduce(&c->pool, e->op, arg[0]);
    return expr_apply(&c->pool, e->op, arg[0], arg[1], arg[2]);
}

const struct expr *columns_resolve(struct columns *c, const struct expr *e, struct span at, uint32_t n_before)
{
    const struct expr **made = expr_nodes(e);
    bool good = true;
    for (uint32_t id = 0; id <= e->id && good; id++) {
        const struct expr *node = made[id];
        if (node == NULL) continue;
        if (node->kind == EXPR_NUMBER)
            made[id] = expr_number(&c->pool, node->number);
        else if (node->kind == EXPR_VARIABLE)
            made[id] = resolve_field(c, node, n_before);
        else
            made[id] = resolve_use(c, node, made, at);
        good = made[id] != NULL;
    }
    const struct expr *result = good ? made[e->id] : NULL;
    free(made);
    return result;
}

/* ---- constants of the training data ---- */

static bool add_code(struct columns *c, struct column *column, uint32_t *capacity, double value)
{
    uint32_t k = find_code(column, value);
    if (k < column->n_codes && column->code[k] == value) return true;
    if (value != floor(value) || column->n_codes == MOST_CLASSES) {
        char shown[32];
        struct span at = column->derived->at;
        text_number(value, shown);
        pick_place(c, columns_bare(c, column->argument[0]), &at);
        diag_input(c->diag, at, "not-a-class",
                   "training sample %u has the value %s; at most %u whole numbers expected as classes",
                   c->sample + 1, shown, MOST_CLASSES);
        return false;
    }
    column->code = arena_grow(c->arena, column->code, column->n_codes, capacity, sizeof *column->code);
    memmove(column->code + k + 1, column->code + k, (column->n_codes - k) * sizeof *column->code);
    column->code[k] = value;
    column->n_codes++;
    return true;
}

/* A label has its classes, whether or not each occurs; of numbers those that occur are the classes. */
static bool collect_codes(struct columns *c, struct column *column)
{
    const struct column *label = columns_bare(c, column->argument[0]);
    uint32_t capacity = 0;
    bool good = true;
    if (column->raw_width != 1) {
        diag_input(c->diag, column->derived->at, "not-a-class", "%s of %u numbers; one number or a label expected",
                   column->name, column->raw_width);
        return false;
    }
    for (uint32_t k = 0; label != NULL && k < label->classes; k++) good = good && add_code(c, column, &capacity, k);
    if (label != NULL && label->classes > 0) return good;
    for (c->sample = 0; good && c->sample < c->view[TRAIN].count; c->sample++) {
        fill_raw(c, column);
        good = add_code(c, column, &capacity, column->raw[0]);
    }
    return good;
}

/* Mean and deviation by Welford's update, or least and greatest less least. A constant component is divided by 1.
 */
static void collect_scale(struct columns *c, struct column *column)
{
    bool standardize = column->derived->which == DERIVED_STANDARDIZE;
    double *offset = column->offset, *scale = column->scale;
    uint32_t count = c->view[TRAIN].count;
    for (c->sample = 0; c->sample < count; c->sample++) {
        fill_raw(c, column);
        for (uint32_t k = 0; k < column->width; k++) {
            double v = column->raw[k], before = v - offset[k];
            if (standardize) {
                offset[k] += before / (c->sample + 1);
                scale[k] += before * (v - offset[k]);
            } else {
                offset[k] = c->sample == 0 ? v : fmin(offset[k], v);
                scale[k] = c->sample == 0 ? v : fmax(scale[k], v);
            }
        }
    }
    for (uint32_t k = 0; k < column->width; k++) {
        scale[k] = standardize ? sqrt(scale[k] / count) : scale[k] - offset[k];
        if (scale[k] == 0) scale[k] = 1;
    }
}

static bool check_slice(struct columns *c, const struct column *column)
{
    const struct derived_spec *s = column->derived;
    if (s->from >= 1 && s->from <= s->to && s->to <= column->raw_width) return true;
    diag_input(c->diag, s->at, "out-of-range", "slice %u .. %u of %u numbers; from 1 to %u expected", s->from,
               s->to, column->raw_width, column->raw_width);
    return false;
}

static void deal(struct columns *c, struct column *column, uint64_t seed, uint32_t number)
{
    for (uint32_t split = 0; split < SPLITS; split++) {
        struct random random = random_stream(seed, RANDOM_SHUFFLED, number, split);
        column->dealt[split] = arena_alloc(c->arena, c->view[split].count * sizeof(uint32_t));
        random_permutation(&random, c->view[split].count, column->dealt[split]);
    }
}

/* ---- making them ---- */

static bool resolve_arguments(struct columns *c, struct column *column, uint32_t n_before)
{
    const struct derived_spec *s = column->derived;
    bool takes_label = s->which == DERIVED_ONE_HOT || s->which == DERIVED_NUMBER || s->which == DERIVED_SHUFFLED;
    uint64_t total = 0;
    column->argument = arena_alloc(c->arena, s->n_arguments * sizeof *column->argument);
    for (uint32_t k = 0; k < s->n_arguments; k++) {
        const struct expr *e = columns_resolve(c, s->argument[k], s->at, n_before);
        if (e == NULL) return false;
        const struct column *bare = columns_bare(c, e);
        if (bare != NULL && bare->classes > 0 && !(takes_label && s->n_arguments == 1)) {
            diag_input(c->diag, s->at, "label-as-number", "'%s' is a label; numbers expected in %s", bare->name,
                       column->name);
            pick_note(c, bare);
            return false;
        }
        if (bare != NULL && s->which == DERIVED_SHUFFLED) column->classes = bare->classes;
        column->argument[k] = e;
        total += e->width == 0 ? 1 : e->width;
    }
    if (total == 0 || total > INT32_MAX) BUG("%s of %u arguments", column->name, s->n_arguments);
    column->raw_width = (uint32_t)total;
    return true;
}

static bool prepare(struct columns *c, struct column *column, uint64_t seed, uint32_t number)
{
    const struct derived_spec *s = column->derived;
    bool picks = s->which == DERIVED_COLUMNS;
    if (picks ? !pick_columns(c, column) : !resolve_arguments(c, column, c->n_named + number)) return false;
    column->raw = arena_alloc(c->arena, column->raw_width * sizeof(double));
    column->width = column->raw_width;
    c->split = TRAIN;
    if (s->which == DERIVED_ONE_HOT || s->which == DERIVED_NUMBER) {
        if (!collect_codes(c, column)) return false;
        column->width = s->which == DERIVED_ONE_HOT ? column->n_codes : 1;
    } else if (s->which == DERIVED_STANDARDIZE || s->which == DERIVED_MINMAX) {
        column->offset = arena_alloc(c->arena, column->width * sizeof(double));
        column->scale = arena_alloc(c->arena, column->width * sizeof(double));
        collect_scale(c, column);
    } else if (s->which == DERIVED_SLICE) {
        if (!check_slice(c, column)) return false;
        column->width = s->to - s->from + 1;
    } else if (s->which == DERIVED_SHUFFLED) {
        deal(c, column, seed, number);
    }
    column->value = arena_alloc(c->arena, column->width * sizeof(double));
    return true;
}

static bool find_field(struct columns *c, struct column *column, const struct data_spec *spec)
{
    for (int split = 0; split < SPLITS; split++) {
        const struct table *table = c->view[split].table;
        uint32_t k = 0;
        while (k < table->n_fields && strcmp(table->field[k].name, column->name) != 0) k++;
        if (k == table->n_fields) {
            diag_input(c->diag, split == TRAIN ? spec->train.at : spec->test.at, "unknown-field",
                       "the source has no field '%s'", column->name);
            return false;
        }
        column->field[split] = k;
    }
    const struct field *field = &c->view[TRAIN].table->field[column->field[TRAIN]];
    column->width = field->width;
    column->classes = field->classes;
    column->value = arena_alloc(c->arena, column->width * sizeof(double));
    return true;
}

static bool fill_columns(struct columns *c, const struct data_spec *spec)
{
    for (uint32_t i = 0; i < c->n_named; i++) {
        c->column[i].name = spec->n_fields > 0 ? spec->field[i] : c->view[TRAIN].table->field[i].name;
        c->column[i].written = c->column[i].name;
        if (!find_field(c, &c->column[i], spec)) return false;
    }
    for (uint32_t i = 0; i < spec->n_derived; i++) {
        struct column *column = &c->column[c->n_named + i];
        column->derived = &spec->derived[i];
        column->name = column->written = derived_names[column->derived->which];
        if (!prepare(c, column, spec->seed, i)) return false;
    }
    return true;
}

struct columns *columns_new(struct diag *diag, const struct data_spec *spec, const struct view view[SPLITS])
{
    struct arena *arena = arena_new();
    struct columns *c = arena_alloc(arena, sizeof *c);
    *c = (struct columns){.diag = diag, .arena = arena, .view = {view[TRAIN], view[TEST]}};
    expr_pool_init(&c->pool, arena);
    c->n_named = spec->n_fields > 0 ? spec->n_fields : view[TRAIN].table->n_fields;
    if (view[TRAIN].table->csv != NULL) c->n_named = 0; /* its columns are picked */
    c->n_columns = c->n_named + spec->n_derived;
    c->column = arena_alloc(arena, c->n_columns * sizeof *c->column);
    if (fill_columns(c, spec)) return c;
    columns_free(c);
    return NULL;
}

void columns_free(struct columns *c)
{
    if (c == NULL) return;
    for (uint32_t i = 0; i < c->n_columns; i++) free(c->column[i].scratch.data);
    arena_free(c->arena);
}
