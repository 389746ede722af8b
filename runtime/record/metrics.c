/* metrics.c: metrics.jsonl and metrics.csv as texts: a line a moment, a row a line. */
#include "runtime/record/metrics.h"

#include "runtime/base/arena.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- writing a line ---- */

const struct reading *metrics_not_finite(const struct moment *moment)
{
    for (uint32_t i = 0; i < moment->n; i++)
        if (!isfinite(moment->reading[i].value)) return &moment->reading[i];
    return NULL;
}

void metrics_line(const struct moment *moment, struct text *out)
{
    char number[32];
    text_number(moment->epoch, number);
    text_add(out, "{\"step\": %" PRIu64 ", \"epoch\": %s, \"split\": \"%s\"", moment->step, number,
             moment->test ? "test" : "train");
    for (uint32_t i = 0; i < moment->n; i++) {
        text_number(moment->reading[i].value, number);
        text_add(out, ", \"%s\": %s", moment->reading[i].key, number);
    }
    text_add(out, "}");
}

/* ---- reading our own lines ---- */

/* A part of a line. */
struct piece {
    const char *at;
    size_t length;
};

/* The next key and value behind *at in a line of metrics_line's form; false at its end or where it has another
 * form. */
static bool next_pair(const char **at, const char *end, struct piece *out_key, struct piece *out_value)
{
    const char *open = memchr(*at, '"', (size_t)(end - *at));
    const char *close = open ? memchr(open + 1, '"', (size_t)(end - open - 1)) : NULL;
    if (!close || end - close < 3 || close[1] != ':') return false;
    const char *value = close + 2;
    while (value < end && *value == ' ') value++;
    const char *stop = value;
    while (stop < end && *stop != ',' && *stop != '}') stop++;
    *out_key = (struct piece){open + 1, (size_t)(close - open - 1)};
    *out_value = (struct piece){value, (size_t)(stop - value)};
    *at = stop;
    return stop < end && stop > value;
}

static bool is_key(const struct piece *piece, const char *key)
{
    return strlen(key) == piece->length && memcmp(piece->at, key, piece->length) == 0;
}

/* A line ends with its bracket, and begins with its step. */
static bool line_step(const char *line, size_t length, uint64_t *out_step)
{
    struct piece key, value;
    char *end;
    if (length < 2 || line[0] != '{' || line[length - 1] != '}') return false;
    if (!next_pair(&line, line + length, &key, &value) || !is_key(&key, "step")) return false;
    *out_step = strtoull(value.at, &end, 10);
    return end == value.at + value.length;
}

/* ---- the table ---- */

static bool has_column(const struct columns *columns, const struct piece *key)
{
    for (uint32_t i = 0; i < columns->count; i++)
        if (is_key(key, columns->key[i])) return true;
    return false;
}

static void add_column(struct columns *columns, const struct piece *key)
{
    struct text name = {0};
    if (columns->count == columns->capacity) {
        columns->capacity = columns->capacity ? 2 * columns->capacity : 32;
        columns->key = reallocarray(columns->key, columns->capacity, sizeof *columns->key);
        if (!columns->key) arena_exhausted();
    }
    text_add_bytes(&name, key->at, key->length);
    columns->key[columns->count++] = name.data;
}

void columns_fini(struct columns *columns)
{
    for (uint32_t i = 0; i < columns->count; i++) free(columns->key[i]);
    free(columns->key);
    *columns = (struct columns){0};
}

bool metrics_columns(const char *line, size_t length, struct columns *columns)
{
    const char *end = line + length;
    struct piece key, value;
    bool grown = false;
    while (next_pair(&line, end, &key, &value)) {
        if (has_column(columns, &key)) continue;
        add_column(columns, &key);
        grown = true;
    }
    return grown;
}

void metrics_heading(const struct columns *columns, struct text *out)
{
    for (uint32_t i = 0; i < columns->count; i++) text_add(out, "%s%s", i ? "," : "", columns->key[i]);
    text_add(out, "\n");
}

static void add_cell(const char *line, const char *end, const char *column, struct text *out)
{
    struct piece key, value;
    while (next_pair(&line, end, &key, &value)) {
        if (!is_key(&key, column)) continue;
        bool quoted = value.at[0] == '"' && value.length >= 2;
        text_add_bytes(out, value.at + quoted, value.length - 2 * quoted);
        return;
    }
}

void metrics_row(const char *line, size_t length, const struct columns *columns, struct text *out)
{
    for (uint32_t i = 0; i < columns->count; i++) {
        if (i) text_add(out, ",");
        add_cell(line, line + length, columns->key[i], out);
    }
    text_add(out, "\n");
}

/* Calls `each` for every line that ended with a newline. */
static void for_lines(const char *lines, size_t length, void (*each)(void *with, const char *line, size_t length),
                      void *with)
{
    const char *end = lines + length;
    for (const char *line = lines, *stop; line < end && (stop = memchr(line, '\n', (size_t)(end - line)));
         line = stop + 1)
        each(with, line, (size_t)(stop - line));
}

struct table {
    struct columns *columns;
    struct text *out;
};

static void collect_columns(void *with, const char *line, size_t length)
{
    metrics_columns(line, length, ((struct table *)with)->columns);
}

static void collect_row(void *with, const char *line, size_t length)
{
    metrics_row(line, length, ((struct table *)with)->columns, ((struct table *)with)->out);
}

void metrics_table(const char *lines, size_t length, struct columns *columns, struct text *out)
{
    struct table table = {columns, out};
    for_lines(lines, length, collect_columns, &table);
    if (columns->count) metrics_heading(columns, out);
    for_lines(lines, length, collect_row, &table);
}

/* ---- going on ---- */

struct until {
    uint64_t step;
    struct text *out;
};

static void keep_line(void *with, const char *line, size_t length)
{
    const struct until *until = with;
    uint64_t step;
    if (!line_step(line, length, &step) || step > until->step) return;
    text_add_bytes(until->out, line, length);
    text_add(until->out, "\n");
}

void metrics_until(const char *lines, size_t length, uint64_t step, struct text *out)
{
    struct until until = {step, out};
    for_lines(lines, length, keep_line, &until);
}

/* ---- the last values ---- */

/* A number of a line: its text ends at a comma or bracket, at which strtod stops; only the C locale is ever set. */
static void set_reading(struct moment *moment, const struct piece *key, const struct piece *value)
{
    char name[READING_KEY];
    snprintf(name, sizeof name, "%.*s", (int)key->length, key->at);
    if (is_key(key, "step"))
        moment->step = strtoull(value->at, NULL, 10);
    else if (is_key(key, "epoch"))
        moment->epoch = strtod(value->at, NULL);
    else if (!is_key(key, "split"))
        moment_set(moment, name, strtod(value->at, NULL));
}

static void take_line(void *with, const char *line, size_t length)
{
    static const char test[] = "\"split\": \"test\"";
    struct moment *moment = with;
    struct piece key, value;
    uint64_t step;
    if (!line_step(line, length, &step)) return;
    moment += memmem(line, length, test, sizeof test - 1) != NULL;
    for (const char *at = line; next_pair(&at, line + length, &key, &value);) set_reading(moment, &key, &value);
}

void metrics_last(const char *lines, size_t length, struct moment out[2])
{
    for (uint32_t i = 0; i < 2; i++) out[i] = (struct moment){.test = i == 1};
    for_lines(lines, length, take_line, out);
}
