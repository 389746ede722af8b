/* convergence.h: how the samples of calls settled and relaxed: counted, and told. */
#ifndef NNT_CONVERGENCE_H
#define NNT_CONVERGENCE_H

#include "runtime/abi.h"
#include "runtime/base/diag.h"
#include "runtime/thermo/measure.h"

/* Sums over samples; zeroed to begin. Samples of which the module has no field are not counted. */
struct convergence {
    uint64_t settling, unsettled;            /* samples that had to settle; of these, those that did not */
    uint64_t relaxing, unrelaxed;            /* the same of the descent to the minimum over the free neurons */
    uint64_t contracting;                    /* samples whose contraction was observed */
    double ticks, contraction, error, steps; /* sums; error is the largest estimate */
};
/* Adds a call's samples from its NNT_RESULT, after an entry that settled, relaxed, or both. */
void convergence_add(struct convergence *convergence, const struct nnt_module *module, const struct nnt_call *call,
                     bool settled, bool relaxed);
void convergence_merge(struct convergence *convergence, const struct convergence *more);
/* Adds dynamics.ticks, .contraction, .error, .unconverged (where something had to settle), relaxation.steps and
 * .unconverged (where something had to relax) to a moment, but for keys that it has: means over the samples, the
 * largest error, and counts. Unless `asked`, only what counts failures, and only where there are any. */
void convergence_report(const struct convergence *convergence, bool asked, struct moment *moment);
/* A warning each for what did not settle and what did not relax: how many of how many samples, and what to try.
 * `where` is said behind the numbers, as in "of the probe". */
void convergence_warn(const struct convergence *convergence, struct diag *diag, struct span at,
                      const struct ensemble_spec *spec, const char *where);

#endif
