/* data.c: opens the sources, splits them, binds the groups, and deals out batches. */
#include "runtime/data/data.h"
#include "runtime/base/random.h"
#include "runtime/data/bind.h"
#include "runtime/data/noise.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* The tables as read, and which rows of them are trained on and tested with. */
struct opened {
    struct table train, test;
    uint32_t *row[SPLITS];
    struct view view[SPLITS];
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- splits ---- */

/* Selection sampling (Knuth 3.4.2, algorithm S): each of `count` is taken with the chance that fills what is left.
 */
static uint32_t select_ascending(struct random *random, uint32_t count, uint32_t want, uint32_t *taken,
                                 uint32_t *others)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (n < want && random_below(random, count - i) < want - n)
            taken[n++] = i;
        else if (others != NULL)
            others[i - n] = i;
    }
    return n;
}

static bool new_rows(struct diag *diag, const struct data_spec *spec, struct opened *o)
{
    for (int split = 0; split < SPLITS; split++) {
        size_t bytes;
        uint32_t count = o->view[split].count;
        o->row[split] = size_product(count + (size_t)1, sizeof(uint32_t), &bytes) ? malloc(bytes) : NULL;
        if (o->row[split] == NULL) {
            diag_machine(diag, spec->train.at, "out-of-memory", "no memory for the order of %u samples", count);
            return false;
        }
        for (uint32_t i = 0; i < count; i++) o->row[split][i] = i;
        o->view[split].row = o->row[split];
    }
    return true;
}

static bool split_tables(struct diag *diag, const struct data_spec *spec, struct opened *o)
{
    uint32_t count = o->train.count;
    uint32_t held_out = spec->has_test ? 0 : (uint32_t)round(spec->holdout * count);
    if (spec->holdout > 0 && !spec->has_test && (held_out == 0 || held_out >= count)) {
        diag_input(diag, spec->train.at, "holdout",
                   "holdout %g of %u samples leaves %u to train and %u to test with", spec->holdout, count,
                   count - held_out, held_out);
        return false;
    }
    o->view[TRAIN] = (struct view){.table = &o->train, .count = count - held_out};
    o->view[TEST] = (struct view){.table = &o->train, .count = held_out};
    if (spec->has_test) o->view[TEST] = (struct view){.table = &o->test, .count = o->test.count};
    if (!new_rows(diag, spec, o)) return false;
    struct random random = random_stream(spec->seed, RANDOM_SPLIT, 0, 0);
    if (held_out > 0) select_ascending(&random, count, held_out, o->row[TEST], o->row[TRAIN]);
    return true;
}

/* The test source's labels are renumbered to the training source's classes. */
static bool match_labels(struct diag *diag, struct span at, const struct field *train, struct field *test,
                         uint32_t count)
{
    uint8_t number[256];
    for (uint32_t k = 0; k < test->classes; k++) {
        const uint8_t *found = memchr(train->code, test->code[k], train->classes);
        if (found == NULL) {
            diag_input(diag, at, "unseen-class",
                       "'%s' of the test data has the label %u; the training data's %u classes lack it", test->name,
                       test->code[k], train->classes);
            return false;
        }
        number[k] = (uint8_t)(found - train->code);
    }
    for (uint32_t i = 0; i < count; i++) test->bytes[i] = number[test->bytes[i]];
    test->classes = train->classes;
    memcpy(test->code, train->code, sizeof test->code);
    return true;
}

static bool match_tables(struct diag *diag, struct span at, const struct table *train, struct table *test)
{
    if (train->csv != NULL) return true; /* pick.c matches the columns that are used */
    for (uint32_t i = 0; i < train->n_fields; i++) {
        const struct field *a = &train->field[i];
        struct field *b = NULL;
        for (uint32_t k = 0; k < test->n_fields; k++)
            if (strcmp(test->field[k].name, a->name) == 0) b = &test->field[k];
        if (b == NULL) continue; /* column.c says so where the field is used */
        if (a->width != b->width || (a->classes > 0) != (b->classes > 0)) {
            diag_input(diag, at, "test-mismatch",
                       "'%s' has %u numbers a sample in the test data, %u in the training data", a->name, b->width,
                       a->width);
            return false;
        }
        if (a->classes > 0 && !match_labels(diag, at, a, b, test->count)) return false;
    }
    return true;
}

static bool open_tables(struct diag *diag, const struct data_spec *spec, size_t most_bytes, struct opened *o)
{
    if (!table_open(diag, &spec->train, spec->folder, most_bytes, &o->train)) return false;
    if (spec->has_test && (!table_open(diag, &spec->test, spec->folder, most_bytes, &o->test) ||
                           !match_tables(diag, spec->test.at, &o->train, &o->test)))
        return false;
    return split_tables(diag, spec, o);
}

/* ---- the whole ---- */

/* One place more than groups: no array is empty. */
static bool new_arrays(struct data *data)
{
    size_t n = (size_t)data->n_groups + 1;
    data->train.value = calloc(n, sizeof(void *));
    data->test.value = calloc(n, sizeof(void *));
    data->target = calloc(n, sizeof *data->target);
    data->low = calloc(n, sizeof *data->low);
    data->high = calloc(n, sizeof *data->high);
    data->classes = calloc(n, sizeof *data->classes);
    data->noise = calloc(n, sizeof *data->noise);
    data->scale = calloc(n, sizeof *data->scale);
    data->offset = calloc(n, sizeof *data->offset);
    data->filled = calloc(n, sizeof *data->filled);
    return data->train.value && data->test.value && data->target && data->low && data->high && data->classes &&
           data->noise && data->scale && data->offset && data->filled;
}

static bool check_bytes(struct diag *diag, const struct data_spec *spec, const struct data *data, size_t most_bytes)
{
    double bytes = 0;
    for (uint32_t g = 0; g < spec->n_groups; g++)
        bytes += ((double)data->train.count + data->test.count) * (double)data_numbers(&spec->group[g]) *
                 data->real_bytes;
    if (bytes <= (double)most_bytes) return true;
    diag_input(diag, spec->train.at, "too-large", "%u samples take %.0f bytes; at most %zu are allowed",
               data->train.count + data->test.count, bytes, most_bytes);
    return false;
}

static bool fill_data(struct diag *diag, const struct data_spec *spec, size_t most_bytes, struct opened *o,
                      struct data *data)
{
    if (!open_tables(diag, spec, most_bytes, o)) return false;
    data->train.count = o->view[TRAIN].count;
    data->test.count = o->view[TEST].count;
    if (!check_bytes(diag, spec, data, most_bytes)) return false;
    struct columns *columns = columns_new(diag, spec, o->view);
    if (columns == NULL) return false;
    bool good = true;
    for (uint32_t g = 0; g < spec->n_groups; g++) good = bind_group(data, spec, columns, g) && good;
    columns_free(columns);
    return good;
}

struct data *data_open(struct diag *diag, const struct data_spec *spec, uint32_t real_bytes, size_t most_bytes)
{
    double begin = now();
    struct opened opened = {0};
    struct data *data = calloc(1, sizeof *data);
    if (data != NULL) {
        *data = (struct data){.real_bytes = real_bytes, .train.count = 1};
        if (spec->present) {
            data->n_groups = spec->n_groups;
            data->group = spec->group;
            data->noise_seed = spec->noise_seed;
        }
    }
    bool good = data != NULL && new_arrays(data);
    if (!good) diag_machine(diag, spec->train.at, "out-of-memory", "no memory for the data");
    if (good && spec->present) good = fill_data(diag, spec, most_bytes, &opened, data);
    table_free(&opened.train);
    table_free(&opened.test);
    for (int split = 0; split < SPLITS; split++) free(opened.row[split]);
    if (!good) {
        data_free(data);
        return NULL;
    }
    data->seconds = now() - begin;
    return data;
}

void data_free(struct data *data)
{
    if (data == NULL) return;
    for (uint32_t g = 0; g < data->n_groups; g++) {
        if (data->train.value != NULL) free(data->train.value[g]);
        if (data->test.value != NULL) free(data->test.value[g]);
        if (data->scale != NULL) free(data->scale[g]);
        if (data->offset != NULL) free(data->offset[g]);
    }
    free(data->train.value);
    free(data->test.value);
    free(data->target);
    free(data->low);
    free(data->high);
    free(data->classes);
    free(data->noise);
    free(data->scale);
    free(data->offset);
    free(data->filled);
    free(data);
}

void data_gather_epoch(const struct data *data, const struct split *split, uint32_t group, const uint32_t *which,
                       uint32_t n, uint64_t epoch, void *out)
{
    size_t bytes = data_numbers(&data->group[group]) * data->real_bytes;
    const char *values = split->value[group];
    bool noise = data->noise != NULL && data->noise[group].n > 0 && split == &data->train;
    for (uint32_t i = 0; i < n; i++) {
        char *row = (char *)out + i * bytes;
        memcpy(row, values + which[i] * bytes, bytes);
        if (!noise) continue;
        struct random random = noise_of_epoch(data, group, epoch, which[i]);
        noise_apply(data, group, &random, row);
    }
}

void data_gather(const struct data *data, const struct split *split, uint32_t group, const uint32_t *which,
                 uint32_t n, void *out)
{
    data_gather_epoch(data, split, group, which, n, 0, out);
}

void data_order(uint32_t count, bool shuffle, uint64_t seed, uint64_t epoch, uint32_t *out)
{
    struct random random = random_stream(seed, RANDOM_SHUFFLE, epoch, 0);
    if (shuffle) random_permutation(&random, count, out);
    for (uint32_t i = 0; i < count && !shuffle; i++) out[i] = i;
}

uint32_t data_probe(uint32_t count, uint32_t want, uint64_t seed, uint32_t *out)
{
    struct random random = random_stream(seed, RANDOM_PROBE, 0, 0);
    return select_ascending(&random, count, want < count ? want : count, out, NULL);
}
