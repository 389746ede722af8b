/* septuple.h: a checked experiment read back in formulas. */
#ifndef NNT_SEPTUPLE_H
#define NNT_SEPTUPLE_H

#include "compiler/driver/compile.h"

/* The septuple (x, P_in, P_out, w, b, f, H), the losses, the ensemble with the blocks of A, and what a step and a measurement cost, as
 * UTF-8 text. The plan behind the cost is the one of a machine with BLAS and vectors of 32 bytes, so that the text is the same
 * everywhere. */
void septuple_print(struct session *session, const struct model *model, struct text *out);
/* Its first part alone: septuple, losses and training; nothing is compiled for it. */
void septuple_network(const struct model *model, struct text *out);

#endif
