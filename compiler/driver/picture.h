/* picture.h: the pictures of a run: which columns of its measurements make one. */
#ifndef NNT_PICTURE_H
#define NNT_PICTURE_H

#include "compiler/driver/series.h"
#include "runtime/base/text.h"

/* A key of metrics.jsonl as a reader meets it (quantities.def). */
struct quantity {
    const char *key, *symbol, *name, *unit;
};
/* The quantity of a key; of KEY.GROUP, KEY[i] and KEY_error that of KEY. NULL where it is none that is known. */
const struct quantity *quantity_find(const char *key);

/* Adds to the measurements what is drawn but not measured: C − C_0, −T ∇²C, the ledgers' sums. Once, before the others. */
void pictures_prepare(struct series *series);
/* Adds a <figure> for each picture that these measurements can make: an SVG, what it shows, its numbers as a table; returns how many. */
uint32_t pictures_add(const struct series *series, struct text *out);

#endif
