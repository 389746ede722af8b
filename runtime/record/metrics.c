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

/* "key": number, and of a list "key": [number for the first, number] for the last. */
static void add_reading(const struct reading *reading, struct text *out)
{
    char number[32];
    text_number(reading->value, number);
    if (reading->place <= 1) text_add(out, "\"%s\": %s", reading->key, reading->place ? "[" : "");
    text_add(out, "%s%s", number, reading->place && reading->place == reading->of ? "]" : "");
}

void metrics_readings(const struct moment *moment, struct text *out)
{
    for (uint32_t i = 0; i < moment->n; i++) {
        if (i) text_add(out, ", ");
        add_reading(&moment->reading[i], out);
    }
}

void metrics_line(const struct moment *moment, struct text *out)
{
    char number[32];
    text_number(moment->epoch, number);
    text_add(out, "{\"step\": %" PRIu64 ", \"epoch\": %s, \"split\": \"%s\"", moment->step, number,
             moment->test ? "test" : "train");
    if (moment->n) text_add(out, ", ");
    metrics_readings(moment, out);
    text_add(out, "}");
}

/* ---- reading our own lines ---- */

/* A part of a line. */
struct piece {
    const char *at;
    size_t length;
};

/* The next key and value (of a list, all of it) behind *at in a line of metrics_line's form; false at its end or where it has another
 * form. */
static bool next_pair(const char **at, const char *end, struct piece *out_key, struct piece *out_value)
{
    const char *open = memchr(*at, '"', (size_t)(end - *at));
    const char *close = open ? memchr(open + 1, '"', (size_t)(end - open - 1)) : NULL;
    if (!close || end - close < 3 || close[1] != ':') return false;
    const char *value = close + 2;
    while (value < end && *value == ' ') value++;
    const char *stop = value < end && *value == '[' ? memchr(value, ']', (size_t)(end - value)) : value;
    while (stop && stop < end && *stop != ',' && *stop != '}') stop++;
    if (!stop) return false;
    *out_key = (struct piece){open + 1, (size_t)(close - open - 1)};
    *out_value = (struct piece){value, (size_t)(stop - value)};
    *at = stop;
    return stop < end && stop > value;
}

/* The next number of a list [a, b, …], of which *at is a place behind the bracket, or of a value that is none. */
static bool next_number(const char **at, const char *end, struct piece *out)
{
    while (*at < end && (**at == '[' || **at == ',' || **at == ' ')) ++*at;
    const char *stop = *at;
    while (stop < end && *stop != ',' && *stop != ']') stop++;
    *out = (struct piece){*at, (size_t)(stop - *at)};
    *at = stop;
    return out->length > 0 && *out->at != ']';
}

static bool is_list(const struct piece *value)
{
    return value->length && value->at[0] == '[';
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

static bool has_column(const struct columns *columns, const char *name)
{
    for (uint32_t i = 0; i < columns->count; i++)
        if (strcmp(name, columns->key[i]) == 0) return true;
    return false;
}

/* Whether it is a new one. `place` of a list's numbers, from 1; 0 of a number by itself. */
static bool add_column(struct columns *columns, const struct piece *key, uint32_t place)
{
    struct text name = {0};
    text_add_bytes(&name, key->at, key->length);
    if (place) text_add(&name, ".%u", place);
    if (has_column(columns, name.data)) {
        text_fini(&name);
        return false;
    }
    if (columns->count == columns->capacity) {
        columns->capacity = columns->capacity ? 2 * columns->capacity : 32;
        columns->key = reallocarray(columns->key, columns->capacity, sizeof *columns->key);
        if (!columns->key) arena_exhausted();
    }
    columns->key[columns->count++] = name.data;
    return true;
}

/* A column for each number of a list. */
static bool add_columns(struct columns *columns, const struct piece *key, const struct piece *value)
{
    bool grown = false;
    struct piece number;
    const char *at = value->at;
    for (uint32_t place = 1; next_number(&at, value->at + value->length, &number); place++)
        grown |= add_column(columns, key, place);
    return grown;
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
    while (next_pair(&line, end, &key, &value))
        grown |= is_list(&value) ? add_columns(columns, &key, &value) : add_column(columns, &key, 0);
    return grown;
}

void metrics_heading(const struct columns *columns, struct text *out)
{
    for (uint32_t i = 0; i < columns->count; i++) text_add(out, "%s%s", i ? "," : "", columns->key[i]);
    text_add(out, "\n");
}

/* Whether the column is that of a list's number: its key and place. */
static bool is_place(const struct piece *key, const char *column, uint32_t *out_place)
{
    if (strncmp(column, key->at, key->length) != 0 || column[key->length] != '.') return false;
    char *end;
    *out_place = (uint32_t)strtoul(column + key->length + 1, &end, 10);
    return *end == '\0' && *out_place > 0;
}

static void add_number(const struct piece *list, uint32_t place, struct text *out)
{
    struct piece number;
    const char *at = list->at;
    while (next_number(&at, list->at + list->length, &number))
        if (--place == 0) text_add_bytes(out, number.at, number.length);
}

static void add_cell(const char *line, const char *end, const char *column, struct text *out)
{
    struct piece key, value;
    uint32_t place;
    while (next_pair(&line, end, &key, &value)) {
        if (is_list(&value) && is_place(&key, column, &place)) {
            add_number(&value, place, out);
            return;
        }
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

static uint32_t count_numbers(const struct piece *list)
{
    struct piece number;
    const char *at = list->at;
    uint32_t n = 0;
    while (next_number(&at, list->at + list->length, &number)) n++;
    return n;
}

/* The numbers of a value. A number's text ends at a comma or bracket, at which strtod stops; only the C locale is ever set. */
static void set_readings(struct moment *moment, const struct piece *key, const struct piece *value)
{
    struct reading reading = {.of = is_list(value) ? count_numbers(value) : 0};
    struct piece number;
    const char *at = value->at;
    snprintf(reading.key, sizeof reading.key, "%.*s", (int)key->length, key->at);
    while (next_number(&at, value->at + value->length, &number)) {
        reading.place += reading.of > 0;
        reading.value = strtod(number.at, NULL);
        moment_set(moment, &reading);
    }
}

static void take_pair(struct moment *moment, const struct piece *key, const struct piece *value)
{
    if (is_key(key, "step"))
        moment->step = strtoull(value->at, NULL, 10);
    else if (is_key(key, "epoch"))
        moment->epoch = strtod(value->at, NULL);
    else if (!is_key(key, "split"))
        set_readings(moment, key, value);
}

static void take_line(void *with, const char *line, size_t length)
{
    static const char test[] = "\"split\": \"test\"";
    struct moment *moment = with;
    struct piece key, value;
    uint64_t step;
    if (!line_step(line, length, &step)) return;
    moment += memmem(line, length, test, sizeof test - 1) != NULL;
    for (const char *at = line; next_pair(&at, line + length, &key, &value);) take_pair(moment, &key, &value);
}

void metrics_last(const char *lines, size_t length, struct moment out[2])
{
    for (uint32_t i = 0; i < 2; i++) out[i] = (struct moment){.test = i == 1};
    for_lines(lines, length, take_line, out);
}
