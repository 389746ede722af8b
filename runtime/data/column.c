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

static uint32_t rows_of(const struct column *column)
{
    return column->rows > 0 ? column->rows : 1;
}

static uint32_t width_of(const struct expr *e)
{
    return e->width == 0 ? 1 : e->width;
}

/* The arguments side by side, row by row, for the sample that is being read. */
static void fill_raw(struct columns *c, struct column *column)
{
    uint32_t rows = rows_of(column), wide = column->raw_width / rows, at = 0;
    if (column->picked[TRAIN] != NULL) pick_value(c, column, column->raw);
    for (uint32_t k = 0; k < column->derived->n_arguments; k++) {
        const struct expr *e = column->argument[k];
        uint32_t n = width_of(e) / rows;
        double *out = column->part != NULL ? column->part : column->raw + at;
        expr_value(e, read_variable, c, &column->scratch, out);
        for (uint32_t row = 0; column->part != NULL && row < rows; row++)
            memcpy(column->raw + (size_t)row * wide + at, out + (size_t)row * n, n * sizeof *out);
        at += n;
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

/* One row, from the arguments' row. */
static void derive_row(struct columns *c, const struct column *column, const double *raw, double *out)
{
    uint32_t width = column->width / rows_of(column);
    size_t bytes = width * sizeof *out;
    switch (column->derived->which) {
    case DERIVED_ONE_HOT:
        memset(out, 0, bytes);
        out[class_of(c, column, raw[0])] = 1;
        break;
    case DERIVED_NUMBER:
        out[0] = class_of(c, column, raw[0]);
        break;
    case DERIVED_STANDARDIZE:
    case DERIVED_MINMAX:
        for (uint32_t k = 0; k < width; k++) out[k] = (raw[k] - column->offset[k]) / column->scale[k];
        break;
    case DERIVED_SLICE:
        memcpy(out, raw + column->derived->from - 1, bytes);
        break;
    case DERIVED_SHUFFLED:
    case DERIVED_COLUMNS:
        memcpy(out, raw, bytes);
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
        uint32_t rows = rows_of(column), from = column->raw_width / rows, to = column->width / rows;
        for (uint32_t row = 0; row < rows; row++)
            derive_row(c, column, column->raw + (size_t)row * from, column->value + (size_t)row * to);
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

/* Numbers of a value as in struct expr, in so many rows; rows 0: none. */
struct shape {
    uint32_t width, rows;
};

const char *columns_shape(const struct columns *c, uint32_t width, uint32_t rows)
{
    uint32_t each = (width == 0 ? 1 : width) / (rows > 0 ? rows : 1);
    if (rows == 0) return arena_printf(c->arena, "%u number%s", each, each == 1 ? "" : "s");
    return arena_printf(c->arena, "%u row%s of %u number%s", rows, rows == 1 ? "" : "s", each,
                        each == 1 ? "" : "s");
}

static const struct expr *resolve_field(struct columns *c, const struct expr *e, uint32_t n_before)
{
    if (e->op != VAR_FIELD || e->index >= n_before) BUG("a binding reads variable %u, index %u", e->op, e->index);
    uint32_t width = c->column[e->index].width;
    return expr_variable(&c->pool, VAR_FIELD, e->index, width == 1 ? 0 : width);
}

/* Takes an argument's shape into what the others have; a number is spread over any. */
static bool join_shape(struct columns *c, struct span at, const struct shape *one, struct shape *all)
{
    if (one->width == 0 && one->rows == 0) return true;
    if (all->width == 0 && all->rows == 0) *all = *one;
    if (one->width == all->width && one->rows == all->rows) return true;
    if (one->rows == 0 && all->rows == 0)
        diag_input(c->diag, at, "width-mismatch", "%u numbers meet %u; fields of one width expected", all->width,
                   one->width);
    else
        diag_input(c->diag, at, "width-mismatch", "%s meet %s; fields of one shape expected",
                   columns_shape(c, all->width, all->rows), columns_shape(c, one->width, one->rows));
    return false;
}

/* `made` holds the resolved arguments, `shape` their shapes. */
static const struct expr *resolve_use(struct columns *c, const struct expr *e, const struct expr *const *made,
                                      struct shape *shape, struct span at)
{
    const struct expr *arg[3] = {0};
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
        if (e->kind != EXPR_REDUCE && !join_shape(c, at, &shape[e->arg[i]->id], &shape[e->id])) return NULL;
    }
    if (e->kind == EXPR_REDUCE) return expr_reduce(&c->pool, e->op, arg[0]);
    return expr_apply(&c->pool, e->op, arg[0], arg[1], arg[2]);
}

const struct expr *columns_resolve(struct columns *c, const struct expr *e, struct span at, uint32_t n_before,
                                   uint32_t *out_rows)
{
    const struct expr **made = expr_nodes(e);
    struct shape *shape = arena_alloc(c->arena, (e->id + (size_t)1) * sizeof *shape);
    bool good = true;
    for (uint32_t id = 0; id <= e->id && good; id++) {
        const struct expr *node = made[id];
        if (node == NULL) continue;
        if (node->kind == EXPR_NUMBER)
            made[id] = expr_number(&c->pool, node->number);
        else if (node->kind == EXPR_VARIABLE)
            made[id] = resolve_field(c, node, n_before);
        else
            made[id] = resolve_use(c, node, made, shape, at);
        good = made[id] != NULL;
        if (node->kind == EXPR_VARIABLE && good)
            shape[id] = (struct shape){made[id]->width, c->column[node->index].rows};
    }
    *out_rows = shape[e->id].rows;
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
    if (column->raw_width != rows_of(column)) {
        diag_input(c->diag, column->derived->at, "not-a-class", "%s of %s; one number or a label expected",
                   column->name, columns_shape(c, column->raw_width, column->rows));
        return false;
    }
    for (uint32_t k = 0; label != NULL && k < label->classes; k++) good = good && add_code(c, column, &capacity, k);
    if (label != NULL && label->classes > 0) return good;
    for (c->sample = 0; good && c->sample < c->view[TRAIN].count; c->sample++) {
        fill_raw(c, column);
        for (uint32_t row = 0; good && row < column->raw_width; row++)
            good = add_code(c, column, &capacity, column->raw[row]);
    }
    return good;
}

/* One row more, the `n`-th: mean and squares by Welford's update, or least and greatest. */
static void add_row(struct column *column, uint32_t width, const double *row, double n)
{
    double *offset = column->offset, *scale = column->scale;
    for (uint32_t k = 0; k < width; k++) {
        double v = row[k], before = v - offset[k];
        if (column->derived->which == DERIVED_STANDARDIZE) {
            offset[k] += before / n;
            scale[k] += before * (v - offset[k]);
        } else {
            offset[k] = n == 1 ? v : fmin(offset[k], v);
            scale[k] = n == 1 ? v : fmax(scale[k], v);
        }
    }
}

/* Mean and deviation, or least and greatest less least, of each component over all rows and samples. A constant
 * component is divided by 1. */
static void collect_scale(struct columns *c, struct column *column)
{
    double *offset = column->offset, *scale = column->scale, n = 0;
    uint32_t rows = rows_of(column), width = column->raw_width / rows;
    for (c->sample = 0; c->sample < c->view[TRAIN].count; c->sample++) {
        fill_raw(c, column);
        for (uint32_t row = 0; row < rows; row++) add_row(column, width, column->raw + (size_t)row * width, ++n);
    }
    for (uint32_t k = 0; k < width; k++) {
        scale[k] = column->derived->which == DERIVED_STANDARDIZE ? sqrt(scale[k] / n) : scale[k] - offset[k];
        if (scale[k] == 0) scale[k] = 1;
    }
}

/* What the weights bring for the group that is bound to exactly this column. */
static bool take_given(const struct data_spec *spec, struct column *column, uint32_t number)
{
    for (uint32_t i = 0; i < spec->n_bindings; i++) {
        const struct binding_spec *b = &spec->binding[i];
        if (!b->scaled || b->value->index != spec->n_fields + number) continue;
        for (uint32_t k = 0; k < spec->n_given; k++) {
            const struct scale_spec *given = &spec->given[k];
            if (strcmp(given->group, b->group) != 0 || given->count != column->width / rows_of(column)) continue;
            memcpy(column->offset, given->offset, given->count * sizeof(double));
            memcpy(column->scale, given->scale, given->count * sizeof(double));
            return true;
        }
    }
    return false;
}

static bool check_slice(struct columns *c, const struct column *column)
{
    const struct derived_spec *s = column->derived;
    uint32_t width = column->raw_width / rows_of(column);
    if (s->from >= 1 && s->from <= s->to && s->to <= width) return true;
    diag_input(c->diag, s->at, "out-of-range", "slice %u .. %u of %u numbers; from 1 to %u expected", s->from,
               s->to, width, width);
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
        uint32_t rows;
        const struct expr *e = columns_resolve(c, s->argument[k], s->at, n_before, &rows);
        if (e == NULL) return false;
        if (k > 0 && rows != column->rows) {
            diag_input(c->diag, s->at, "width-mismatch", "%s beside %s; arguments of as many rows expected",
                       columns_shape(c, width_of(e), rows),
                       columns_shape(c, width_of(column->argument[0]), column->rows));
            return false;
        }
        column->rows = rows;
        const struct column *bare = columns_bare(c, e);
        if (bare != NULL && bare->classes > 0 && !(takes_label && s->n_arguments == 1)) {
            diag_input(c->diag, s->at, "label-as-number", "'%s' is a label; numbers expected in %s", bare->name,
                       column->name);
            pick_note(c, bare);
            return false;
        }
        if (bare != NULL && s->which == DERIVED_SHUFFLED) column->classes = bare->classes;
        column->argument[k] = e;
        total += width_of(e);
    }
    if (total == 0 || total > INT32_MAX) BUG("%s of %u arguments", column->name, s->n_arguments);
    column->raw_width = (uint32_t)total;
    return true;
}

static bool prepare(struct columns *c, struct column *column, const struct data_spec *spec, uint32_t number)
{
    const struct derived_spec *s = column->derived;
    bool picks = s->which == DERIVED_COLUMNS;
    if (picks ? !pick_columns(c, column) : !resolve_arguments(c, column, c->n_named + number)) return false;
    column->raw = arena_alloc(c->arena, column->raw_width * sizeof(double));
    if (column->rows > 0 && s->n_arguments > 1)
        column->part = arena_alloc(c->arena, column->raw_width * sizeof(double));
    column->width = column->raw_width;
    c->split = TRAIN;
    if (s->which == DERIVED_ONE_HOT || s->which == DERIVED_NUMBER) {
        if (!collect_codes(c, column)) return false;
        column->width = rows_of(column) * (s->which == DERIVED_ONE_HOT ? column->n_codes : 1);
    } else if (s->which == DERIVED_STANDARDIZE || s->which == DERIVED_MINMAX) {
        column->offset = arena_alloc(c->arena, column->width * sizeof(double));
        column->scale = arena_alloc(c->arena, column->width * sizeof(double));
        if (!take_given(spec, column, number)) collect_scale(c, column);
    } else if (s->which == DERIVED_SLICE) {
        if (!check_slice(c, column)) return false;
        column->width = rows_of(column) * (s->to - s->from + 1);
    } else if (s->which == DERIVED_SHUFFLED) {
        deal(c, column, spec->seed, number);
    }
    column->value = arena_alloc(c->arena, column->width * sizeof(double));
    return true;
}

static bool find_field(struct columns *c, struct column *column, const struct data_spec *spec, bool in_rows)
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
    const struct field *field = &c->view[TRAIN].table->field[column->field[TRAIN]],
                       *test = &c->view[TEST].table->field[column->field[TEST]];
    column->width = field->width;
    column->rows = field->sequence || in_rows ? field->rows : 0;
    if (column->rows > 0 && test->rows != column->rows) {
        diag_input(c->diag, spec->test.at, "test-mismatch",
                   "'%s' has %s a sample in the test data, %s in the training data", column->name,
                   columns_shape(c, test->width, test->rows), columns_shape(c, column->width, column->rows));
        return false;
    }
    column->classes = field->classes;
    column->value = arena_alloc(c->arena, column->width * sizeof(double));
    return true;
}

static bool fill_columns(struct columns *c, const struct data_spec *spec)
{
    const bool *in_rows = rows_wanted(c, spec);
    for (uint32_t i = 0; i < c->n_named; i++) {
        c->column[i].name = spec->n_fields > 0 ? spec->field[i] : c->view[TRAIN].table->field[i].name;
        c->column[i].written = c->column[i].name;
        if (!find_field(c, &c->column[i], spec, in_rows[i])) return false;
    }
    for (uint32_t i = 0; i < spec->n_derived; i++) {
        struct column *column = &c->column[c->n_named + i];
        column->derived = &spec->derived[i];
        column->name = column->written = derived_names[column->derived->which];
        if (!prepare(c, column, spec, i)) return false;
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
