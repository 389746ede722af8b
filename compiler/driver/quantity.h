/* quantity.h: the keys of metrics.jsonl as a reader meets them. */
#ifndef NNT_QUANTITY_H
#define NNT_QUANTITY_H

#include "runtime/base/base.h"

/* Symbol and name, the symbol with _{} for subscripts (label.h), and the unit. */
struct quantity {
    const char *key, *symbol, *name, *unit;
};
/* Whether a key is `of` itself, or of one group or number of it: KEY.GROUP, KEY.1. */
bool quantity_has(const char *of, const char *key);
/* The quantity of a key; of KEY.GROUP, KEY.1 (of a list) and KEY_error that of KEY. NULL where it is none that is known. */
const struct quantity *quantity_find(const char *key);

#endif
