/* metrics.h: metrics.jsonl and metrics.csv as texts; private to runtime/record. */
#ifndef NNT_METRICS_H
#define NNT_METRICS_H

#include "runtime/base/text.h"
#include "runtime/thermo/measure.h"

/* The columns of the table, in the order in which their keys first came: KEY, and of a list KEY.1, KEY.2 … */
struct columns {
    char **key;
    uint32_t count, capacity;
};
void columns_fini(struct columns *columns);

/* The first reading that is not finite, or NULL. */
const struct reading *metrics_not_finite(const struct moment *moment);
/* "key": value, … as they stand in a line. */
void metrics_readings(const struct moment *moment, struct text *out);
/* The moment as a line of metrics.jsonl, without newline. */
void metrics_line(const struct moment *moment, struct text *out);
/* Adds a line's keys to the columns; whether there was a new one. */
bool metrics_columns(const char *line, size_t length, struct columns *columns);
/* Adds the names of the columns / a line's values as a row of the table, newline included. */
void metrics_heading(const struct columns *columns, struct text *out);
void metrics_row(const char *line, size_t length, const struct columns *columns, struct text *out);
/* The whole table of a metrics.jsonl; columns are added to. */
void metrics_table(const char *lines, size_t length, struct columns *columns, struct text *out);
/* Sets the values of each line in the moment of its split, train before test, so that the last one of each key stays. */
void metrics_last(const char *lines, size_t length, struct moment out[2]);
/* The lines of a metrics.jsonl that are whole and not behind `step`. */
void metrics_until(const char *lines, size_t length, uint64_t step, struct text *out);

#endif
