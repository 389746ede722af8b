/* assembly.h: A of one sample in the blocks of its moral graph, column by column while it is factored (THEORY 3a). Private to
 * runtime/thermo. */
#ifndef NNT_ASSEMBLY_H
#define NNT_ASSEMBLY_H

#include "runtime/thermo/gaussian.h"

/* J, A, and the factor and ln det of it, and g as L⁻¹ g. Where A has no factor, g is the direction that failed. */
MUST_USE bool assembly_factor(struct gaussian_model *model, const struct linear_sample *at, bool full,
                              struct failure *out_failure);

#endif
