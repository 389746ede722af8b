/* assembly.h: A of one sample in the blocks of its moral graph, column by column while it is factored (THEORY 3a). Private to
 * runtime/thermo. */
#ifndef NNT_ASSEMBLY_H
#define NNT_ASSEMBLY_H

#include "runtime/thermo/gaussian.h"

/* J, A, and the factor and ln det of it, and g as L⁻¹ g. Where A has no factor, g is the direction that failed. */
MUST_USE bool assembly_factor(struct gaussian_model *model, const struct linear_sample *at, bool full,
                              struct failure *out_failure);
/* The eigenvalues of A of a sample, ascending, [n]; false where they cannot be had. `room` is of assembly_room numbers (none where A is
 * never made): false where so many do not fit. */
MUST_USE bool assembly_eigenvalues(struct gaussian_model *model, const struct linear_sample *at, double *room,
                                   double *out);
MUST_USE bool assembly_room(const struct gaussian_model *model, size_t *out_numbers);

#endif
