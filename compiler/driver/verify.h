/* verify.h: the checks of the instrument on one network: engines against the interpreter, derivatives against differences. */
#ifndef NNT_VERIFY_H
#define NNT_VERIFY_H

#include "compiler/driver/exercise.h"
#include "runtime/base/arena.h"
#include "runtime/thermo/ensemble.h"

enum { VERIFY_MOST_FREE = 160 }; /* neurons of an ensemble that is evaluated anew from differences */

/* One row of the table: how far `by` is from what defines the quantity, at most. */
struct finding {
    const char *by, *quantity, *where;
    double deviation, tolerance;
    uint64_t compared, skipped; /* numbers; those that a kink nearby keeps from being compared */
};
struct findings {
    struct arena *arena;
    struct finding *finding;
    uint32_t count, capacity;
};
bool finding_holds(const struct finding *finding);

/* Every quantity of every entry that both modules have, computed from the numbers in `start` (parameters, data, states, rate), which stays
 * as it is. `by` names the first module. */
void verify_engine(struct findings *findings, const char *by, double tolerance, const struct nnt_module *module,
                   const struct nnt_module *reference, const struct exercise *start);
/* Gradient of the loss, dH/dx and dH/dq of a float64 module against central differences, a few elements a field, drawn by seed. */
void verify_derivatives(struct findings *findings, const struct nnt_module *module, const struct exercise *start,
                        uint64_t seed);
/* The samples' Gaussians of one module against those of another. */
void verify_gaussians(struct findings *findings, const char *by, double tolerance, const struct gaussian *got,
                      const struct gaussian *expected, uint32_t count);
/* The Gaussians against their definition (THEORY 3a): ln det A with J and V'' by central differences at the ensemble forward, where
 * there are no more than VERIFY_MOST_FREE free neurons; U = -d lnZ / d beta, with the Gaussians at beta (1 - step) and beta (1 + step). */
void verify_complexity(struct findings *findings, const struct nnt_module *module, const struct exercise *start,
                       const struct gaussian *gaussian);
void verify_energy(struct findings *findings, const struct gaussian *at, const struct gaussian *less,
                   const struct gaussian *more, double beta, double step, uint32_t count);
/* The gradient of F at temperature T, and a product with its second derivatives, against central differences of F and of the gradient: a
 * few elements a parameter, drawn by seed. The ensemble's module has pull, push and pull_push; `parameters` are moved and put back;
 * data, count as ensemble_evaluate has them. Where an evaluation is refused, with a message in `diag`, there are no rows. */
void verify_free_energy(struct findings *findings, struct ensemble *ensemble, struct diag *diag, double *parameters,
                        const double *const data[], uint32_t count, double T, uint64_t seed);

#endif
