/* expand.h: what the files of the expansion share: small functions that append one operation, and the expansions
 * themselves. */
#ifndef NNT_KERNEL_EXPAND_H
#define NNT_KERNEL_EXPAND_H

#include "compiler/kernel/nest.h"

/* Whether every engine has the primitive itself: then it is not expanded. */
bool primitive_is_machine(enum primitive op);

#endif
