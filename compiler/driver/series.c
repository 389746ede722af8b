/* series.c: the measurements of a run folder as columns of numbers. */
#include "compiler/driver/series.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/file.h"

static const size_t most_metrics = (size_t)1 << 31;

const struct column *series_find(const struct series *series, const char *key, bool test)
{
    for (uint32_t i = 0; i < series->n_columns; i++)
        if (series->column[i].test == test && !strcmp(series->column[i].key, key)) return &series->column[i];
    return NULL;
}

int64_t series_last(const struct series *series, const struct column *column)
{
    int64_t i = (int64_t)series->n - 1;
    while (i >= 0 && isnan(column->value[i])) i--;
    return i;
}

/* Rows that a file of so many lines can have. */
static uint32_t count_lines(const char *text, size_t length)
{
    uint32_t lines = 1;
    for (size_t i = 0; i < length; i++) lines += text[i] == '\n';
    return lines;
}

static struct column *add_column(struct series *series, const char *key, bool test, uint32_t rows)
{
    series->column =
        arena_grow(series->arena, series->column, series->n_columns, &series->room, sizeof *series->column);
    struct column *column = &series->column[series->n_columns++];
    *column = (struct column){.key = arena_text(series->arena, key, strlen(key)), .test = test};
    column->value = arena_alloc(series->arena, ((size_t)rows + 1) * sizeof *column->value);
    for (uint32_t i = 0; i < rows; i++) column->value[i] = NAN;
    return column;
}

double *series_add(struct series *series, const char *key, bool test)
{
    struct column *column = add_column(series, key, test, series->n);
    column->computed = true;
    return column->value;
}

/* ---- reading ---- */

struct reader {
    struct series *series;
    uint32_t rows; /* room of each column */
    uint32_t at;   /* the column that was set last: the keys of most lines come in one order */
};

/* Only the arena's handler ends a process that has no memory. */
static json_t *parse(const char *line, size_t length)
{
    json_error_t error;
    json_t *json = json_loadb(line, length, JSON_DECODE_INT_AS_REAL, &error);
    if (!json && json_error_code(&error) == json_error_out_of_memory) arena_exhausted();
    return json;
}

static struct column *column_of(struct reader *reader, const char *key, bool test)
{
    struct series *series = reader->series;
    for (uint32_t i = 0; i < series->n_columns; i++) {
        reader->at = reader->at + 1 < series->n_columns ? reader->at + 1 : 0;
        struct column *column = &series->column[reader->at];
        if (column->test == test && !strcmp(column->key, key)) return column;
    }
    return add_column(series, key, test, reader->rows);
}

static void take_value(struct reader *reader, const char *key, bool test, const json_t *value)
{
    if (json_is_real(value)) column_of(reader, key, test)->value[reader->series->n - 1] = json_real_value(value);
    for (size_t i = 0; json_is_array(value) && i < json_array_size(value); i++)
        take_value(reader, arena_printf(reader->series->arena, "%s.%zu", key, i + 1), test,
                   json_array_get(value, i));
}

static void begin_row(struct series *series, double step, double epoch)
{
    if (series->n && series->step[series->n - 1] == step) return;
    series->step[series->n] = step;
    series->epoch[series->n++] = epoch;
}

static void take_line(struct reader *reader, const char *line, size_t length)
{
    json_t *json = parse(line, length), *value;
    const json_t *step = json_object_get(json, "step");
    const char *split = json_string_value(json_object_get(json, "split")), *key;
    if (json_is_real(step)) {
        begin_row(reader->series, json_real_value(step), json_number_value(json_object_get(json, "epoch")));
        json_object_foreach(json, key, value) if (strcmp(key, "step") && strcmp(key, "epoch"))
            take_value(reader, key, split && !strcmp(split, "test"), value);
    }
    json_decref(json);
}

bool series_read(struct diag *diag, struct arena *arena, const char *folder, struct series *out)
{
    size_t length;
    char *path = file_join(folder, "metrics.jsonl");
    char *text = file_read(diag, (struct span){0}, path, most_metrics, &length);
    free(path);
    if (!text) return false;
    struct reader reader = {.series = out, .rows = count_lines(text, length)};
    *out = (struct series){.arena = arena};
    out->step = arena_alloc(arena, reader.rows * sizeof *out->step);
    out->epoch = arena_alloc(arena, reader.rows * sizeof *out->epoch);
    for (const char *line = text, *end = text + length, *stop; line < end; line = stop + 1) {
        stop = memchr(line, '\n', (size_t)(end - line));
        if (!stop) break;
        take_line(&reader, line, (size_t)(stop - line));
    }
    free(text);
    return true;
}
