/* series.h: the measurements of a run folder as columns of numbers. */
#ifndef NNT_SERIES_H
#define NNT_SERIES_H

#include "runtime/base/arena.h"
#include "runtime/base/diag.h"

/* One key of one split, [n] numbers, NaN where a measurement lacks it. The numbers of a list are KEY.1, KEY.2, …, as in
 * metrics.csv. */
struct column {
    const char *key;
    double *value;
    bool test;
    bool computed; /* not of the file: made of its columns */
};
/* A row for each step that was measured, in the order of the file. Memory is the arena's. */
struct series {
    struct arena *arena;
    uint32_t n, n_columns, room;
    double *step, *epoch;
    struct column *column; /* in the order in which they first came */
};

/* Reads `folder`/metrics.jsonl; a line that is cut short is skipped. false with a message where the file cannot be read. */
MUST_USE bool series_read(struct diag *diag, struct arena *arena, const char *folder, struct series *out);
/* The column of a key, or NULL. */
const struct column *series_find(const struct series *series, const char *key, bool test);
/* Adds a computed column, all NaN; the caller fills it. */
double *series_add(struct series *series, const char *key, bool test);
/* The index of the last row that has a number, or -1. */
int64_t series_last(const struct series *series, const struct column *column);

#endif
