/* bind.h: the values of one group over both splits, from columns. */
#ifndef NNT_BIND_H
#define NNT_BIND_H

#include "runtime/data/column.h"

/* Fills value[g], target, low, high, classes, scale and offset of group g of `data`; false with a message. What was
 * allocated is data's, to be freed by data_free in either case. */
MUST_USE bool bind_group(struct data *data, const struct data_spec *spec, struct columns *columns, uint32_t g);

#endif
