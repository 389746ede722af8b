/* adjoint.h: what holds of pull, push and pull_push on any network, kinks or not: identities without differences. */
#ifndef TESTS_ADJOINT_H
#define TESTS_ADJOINT_H

#include "compiler/driver/exercise.h"

/* <seed, push d> - <pull seed, d>, and for directions d and e: <d, pull_push e> - <e, pull_push d>, each by the sum of the sizes of
 * its terms; the larger. Of a float64 module that has the entries and linearise, at the numbers of `start`; seeds and directions
 * are drawn by `seed`. */
double adjoint_defect(const struct nnt_module *module, const struct exercise *start, uint64_t seed);

#endif
