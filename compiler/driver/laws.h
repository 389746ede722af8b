/* laws.h: what the ledgers of a whole run come to, for a person and for a machine. */
#ifndef NNT_LAWS_H
#define NNT_LAWS_H

#include "compiler/driver/observe.h"

/* A line or two for each measure block that keeps a ledger of one interval or more; which block, where there are several. */
void laws_print(const struct observer *observer, const struct model *model, FILE *to);
/* The same for the summary of --json: "laws": [{…}, …], or nothing where there are none. */
void laws_json(const struct observer *observer, const struct model *model, struct text *out);

#endif
