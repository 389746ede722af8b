/* bind.c: groups to the fields they read: default bindings, labels as neurons, what a target is. */
#include "runtime/data/bind.h"
#include "runtime/data/noise.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* How the value becomes neurons: as it is, or a label's class number as its neuron or by a 1 in its place. */
enum form { PLAIN, CODE, ONE_HOT };

struct bound {
    const struct data_group *group;
    struct span at;
    const struct expr *value;
    const struct column *bare; /* the column the value is, where it is no formula */
    uint32_t rows;             /* of the value; 0: no sequence */
    struct noise_list noise;
    uint8_t scaled;
    enum form form;
};

static uint32_t count_groups(const struct data_spec *spec, bool input)
{
    uint32_t n = 0;
    for (uint32_t g = 0; g < spec->n_groups; g++) n += spec->group[g].input == input;
    return n;
}

/* The first field to the input, the second to the output. */
static const struct expr *default_value(struct diag *diag, const struct data_spec *spec, struct columns *c,
                                        uint32_t g)
{
    uint32_t inputs = count_groups(spec, true), outputs = count_groups(spec, false);
    uint32_t field = spec->group[g].input ? 0 : 1;
    if (inputs != 1 || outputs > 1) {
        diag_input(diag, spec->train.at, "no-bindings",
                   "%u inputs and %u outputs without bindings; one input and at most one output expected, or GROUP "
                   "= FIELD",
                   inputs, outputs);
        return NULL;
    }
    if (field >= c->n_named) {
        diag_input(diag, spec->train.at, "no-field", "%s gives %u field; a second expected for output %s",
                   source_rows[spec->train.which].name, c->n_named, spec->group[g].shown);
        return NULL;
    }
    return expr_variable(&c->pool, VAR_FIELD, field, 1);
}

static bool find_binding(struct diag *diag, const struct data_spec *spec, struct columns *c, uint32_t g,
                         struct bound *out)
{
    *out = (struct bound){.group = &spec->group[g], .at = spec->train.at};
    if (spec->n_bindings == 0) out->value = default_value(diag, spec, c, g);
    for (uint32_t i = 0; i < spec->n_bindings; i++) {
        if (strcmp(spec->binding[i].group, spec->group[g].name) != 0) continue;
        out->value = spec->binding[i].value;
        out->at = spec->binding[i].at;
        out->scaled = spec->binding[i].scaled;
        out->noise = spec->binding[i].noise;
    }
    if (out->value == NULL && spec->n_bindings > 0)
        diag_input(diag, spec->group[g].at, "unbound-group", "%s has no data; %s = FIELD expected in data",
                   out->group->shown, out->group->shown);
    if (out->value != NULL) out->value = columns_resolve(c, out->value, out->at, c->n_columns, &out->rows);
    if (out->value != NULL) out->bare = columns_bare(c, out->value);
    return out->value != NULL;
}

static const char *plural(uint32_t n)
{
    return n == 1 ? "" : "s";
}

/* Begins a message: 'bits', or the value. */
static const char *shown_value(const struct columns *c, const struct bound *b)
{
    return b->bare != NULL ? arena_printf(c->arena, "'%s'", b->bare->name) : "the value";
}

static bool check_label(struct columns *c, struct bound *b)
{
    uint32_t classes = b->bare->classes, size = b->group->size;
    if (b->group->rows > 0) {
        diag_input(c->diag, b->at, "rows-mismatch", "label '%s' is one a sample; %s takes %s", b->bare->name,
                   b->group->shown, columns_shape(c, b->group->rows * size, b->group->rows));
        return false;
    }
    if (size == classes)
        b->form = ONE_HOT;
    else if (size == 1 && classes == 2)
        b->form = CODE;
    if (b->form != PLAIN) return true;
    diag_input(c->diag, b->at, "size-mismatch", "label '%s' has %u classes; %s has %u neuron%s", b->bare->name,
               classes, b->group->shown, size, plural(size));
    return false;
}

/* An input may take more rows than there are, an output just as many. */
static bool check_rows(struct columns *c, const struct bound *b, uint32_t width)
{
    const struct data_group *group = b->group;
    uint32_t rows = b->rows;
    if (rows == group->rows || (group->input && rows > 0 && rows < group->rows)) return true;
    const char *value = shown_value(c, b), *shape = columns_shape(c, width, rows);
    if (group->rows == 0) {
        diag_input(c->diag, b->at, "rows-mismatch", "%s has %s a sample; %s has %u neuron%s and no rows", value,
                   shape, group->shown, group->size, plural(group->size));
        diag_hint(c->diag,
                  group->input ? "a row is read at each tick by: input %s each tick"
                               : "a row is compared at each tick by: output %s each tick",
                  group->shown);
    } else if (rows == 0) {
        diag_input(c->diag, b->at, "rows-mismatch",
                   "%s has %s a sample and no rows; %s has %u row%s of %u neuron%s", value, shape, group->shown,
                   group->rows, plural(group->rows), group->size, plural(group->size));
    } else {
        diag_input(c->diag, b->at, "rows-mismatch", "%s has %u row%s a sample; %s has %s%u", value, rows,
                   plural(rows), group->shown, group->input ? "at most " : "", group->rows);
    }
    return false;
}

static bool check_size(struct columns *c, struct bound *b)
{
    if (b->bare != NULL && b->bare->classes > 0) return check_label(c, b);
    uint32_t width = b->value->width == 0 ? 1 : b->value->width, size = b->group->size;
    if (!check_rows(c, b, width)) return false;
    if (width / (b->rows > 0 ? b->rows : 1) == size) return true;
    diag_input(c->diag, b->at, "size-mismatch", "%s has %s a sample; %s has %u neuron%s", shown_value(c, b),
               columns_shape(c, width, b->rows), b->group->shown, size, plural(size));
    return false;
}

/* What was seen among the training values of a group. */
struct seen {
    double low, high;
    bool any, third;
};

static void see(struct seen *s, double value)
{
    if (!s->any) *s = (struct seen){.low = value, .high = value, .any = true};
    if (value == s->low || value == s->high) return;
    if (s->low != s->high) s->third = true;
    if (value < s->low) s->low = value;
    if (value > s->high) s->high = value;
}

enum { BYTES = 256 };
struct fill {
    struct columns *columns;
    const struct bound *bound;
    uint32_t real_bytes;
    uint32_t filled; /* numbers of a sample; behind them zeros up to `stride` */
    size_t stride;
    struct expr_scratch scratch;
    double *number; /* one sample's */
    bool watched;   /* what is seen matters */
    struct seen seen;
    float narrow[BYTES]; /* a picture's bytes as numbers */
    double wide[BYTES];
};

/* Who asks for the two values: the accuracy of an output, and noise that mirrors. */
static bool is_watched(const struct bound *b)
{
    bool flips = false;
    for (uint32_t i = 0; i < b->noise.n; i++) flips = flips || b->noise.noise[i].which == NOISE_FLIP;
    return flips || !b->group->input;
}

/* The field of bytes that a value is, as it stands; NULL where it is something else. */
static const struct field *picture_of(const struct fill *f, int split)
{
    const struct column *column = f->bound->bare;
    if (f->watched || column == NULL || column->derived != NULL) return NULL;
    const struct field *field = &f->columns->view[split].table->field[column->field[split]];
    return field->bytes != NULL && field->classes == 0 ? field : NULL;
}

static void fill_picture(const struct fill *f, const uint8_t *bytes, void *out)
{
    float *narrow = out;
    double *wide = out;
    for (uint32_t k = 0; k < f->filled && f->real_bytes == sizeof(float); k++) narrow[k] = f->narrow[bytes[k]];
    for (uint32_t k = 0; k < f->filled && f->real_bytes == sizeof(double); k++) wide[k] = f->wide[bytes[k]];
}

/* Writes one sample's numbers; false where the real type cannot hold one. */
static bool store_row(const struct fill *f, void *out)
{
    bool good = true;
    if (f->real_bytes == sizeof(double)) {
        for (uint32_t k = 0; k < f->filled; k++) good &= isfinite(f->number[k]);
        memcpy(out, f->number, f->filled * sizeof(double));
        return good;
    }
    float *narrow = out;
    for (uint32_t k = 0; k < f->filled; k++) {
        narrow[k] = (float)f->number[k];
        good &= isfinite(narrow[k]);
    }
    return good;
}

static bool refuse_number(const struct fill *f, int split, uint32_t sample)
{
    char shown[32];
    uint32_t k = 0;
    while (f->real_bytes == sizeof(double) ? isfinite(f->number[k]) : isfinite((float)f->number[k])) k++;
    text_number(f->number[k], shown);
    diag_input(f->columns->diag, f->bound->at, "not-finite",
               "number %u of %s is %s in %s sample %u; a finite number expected", k + 1, f->bound->group->shown,
               shown, split == TRAIN ? "training" : "test", sample + 1);
    return false;
}

static bool fill_sample(struct fill *f, int split, uint32_t sample, void *out)
{
    columns_value(f->columns, f->bound->value, split, sample, &f->scratch, f->number);
    if (f->bound->form == ONE_HOT) {
        uint32_t class = (uint32_t)f->number[0];
        for (uint32_t k = 0; k < f->filled; k++) f->number[k] = k == class;
    }
    if (f->watched && split == TRAIN)
        for (uint32_t k = 0; k < f->filled; k++) see(&f->seen, f->number[k]);
    if (!store_row(f, out)) return refuse_number(f, split, sample);
    return !f->columns->failed;
}

static bool fill_split(struct fill *f, int split, uint32_t count, void **out_values)
{
    size_t bytes, row = f->stride * f->real_bytes, filled = (size_t)f->filled * f->real_bytes;
    if (count == 0) return true;
    *out_values = size_product(count, row, &bytes) ? malloc(bytes) : NULL;
    if (*out_values == NULL) {
        diag_machine(f->columns->diag, f->bound->at, "out-of-memory", "no memory for the data of %s",
                     f->bound->group->shown);
        return false;
    }
    const struct field *picture = picture_of(f, split);
    const struct view *view = &f->columns->view[split];
    for (uint32_t sample = 0; sample < count; sample++) {
        char *out = (char *)*out_values + sample * row;
        memset(out + filled, 0, row - filled);
        if (picture != NULL)
            fill_picture(f, picture->bytes + (size_t)view->row[sample] * picture->width, out);
        else if (!fill_sample(f, split, sample, out))
            return false;
    }
    return true;
}

static void prepare_fill(struct fill *f)
{
    const struct bound *b = f->bound;
    f->stride = data_numbers(b->group);
    f->filled = b->group->size * (b->rows > 0 ? b->rows : 1);
    f->number = arena_alloc(f->columns->arena, f->filled * sizeof(double));
    f->watched = is_watched(b);
    for (uint32_t k = 0; k < BYTES; k++) {
        f->wide[k] = k / FIELD_WHITE;
        f->narrow[k] = (float)f->wide[k];
    }
}

/* The column whose one_hot or number a value is, scaled or not; NULL where it is something else. */
static const struct column *label_of(const struct columns *c, const struct column *column)
{
    while (column != NULL && column->derived != NULL && column->n_codes == 0 && column->classes == 0) {
        bool passes = column->offset != NULL && column->derived->n_arguments == 1;
        column = passes ? columns_bare(c, column->argument[0]) : NULL;
    }
    return column != NULL && (column->n_codes > 0 || column->classes > 0) ? column : NULL;
}

static void judge_target(struct data *data, const struct columns *c, const struct bound *b, const struct seen *seen,
                         uint32_t g)
{
    const struct column *label = label_of(c, b->bare);
    data->low[g] = seen->low;
    data->high[g] = seen->high;
    if (b->form != PLAIN) {
        label = b->bare;
        data->low[g] = 0;
        data->high[g] = b->form == CODE ? b->bare->classes - 1 : 1;
    }
    if (label != NULL) data->classes[g] = label->n_codes > 0 ? label->n_codes : label->classes;
    if (b->group->input)
        data->target[g] = TARGET_NONE;
    else if (label != NULL)
        data->target[g] = TARGET_LABEL;
    else if (!seen->third && seen->low < seen->high)
        data->target[g] = TARGET_TWO_VALUES;
    else
        data->target[g] = TARGET_NUMBER;
}

static bool keep_scale(struct data *data, const struct columns *c, const struct bound *b, uint32_t g)
{
    if (!b->scaled) return true;
    if (b->bare == NULL || b->bare->offset == NULL) BUG("%s is said to be scaled", b->group->shown);
    size_t bytes = b->group->size * sizeof(double);
    data->offset[g] = malloc(bytes);
    data->scale[g] = malloc(bytes);
    if (data->offset[g] == NULL || data->scale[g] == NULL) {
        diag_machine(c->diag, b->at, "out-of-memory", "no memory for the scale of %s", b->group->shown);
        return false;
    }
    memcpy(data->offset[g], b->bare->offset, bytes);
    memcpy(data->scale[g], b->bare->scale, bytes);
    return true;
}

/* The test data's noise is drawn here, the training data's when its samples are gathered. */
static void add_noise(struct data *data, const struct data_spec *spec, const struct bound *b, uint32_t g)
{
    size_t bytes = data_numbers(b->group) * data->real_bytes;
    data->noise[g] = b->noise;
    for (uint32_t sample = 0; b->noise.n > 0 && sample < data->test.count; sample++) {
        struct random random = noise_of_test(spec, g, sample);
        noise_apply(data, g, &random, (char *)data->test.value[g] + sample * bytes);
    }
}

bool bind_group(struct data *data, const struct data_spec *spec, struct columns *c, uint32_t g)
{
    struct bound bound;
    if (!find_binding(c->diag, spec, c, g, &bound) || !check_size(c, &bound) || !keep_scale(data, c, &bound, g))
        return false;
    struct fill fill = {.columns = c, .bound = &bound, .real_bytes = data->real_bytes};
    prepare_fill(&fill);
    data->filled[g] = fill.filled;
    bool good = fill_split(&fill, TRAIN, data->train.count, &data->train.value[g]) &&
                fill_split(&fill, TEST, data->test.count, &data->test.value[g]);
    free(fill.scratch.data);
    if (good) {
        judge_target(data, c, &bound, &fill.seen, g);
        add_noise(data, spec, &bound, g);
    }
    return good;
}
