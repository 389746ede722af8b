/* descent.h: steps that minimise F: its gradient by the ensemble in float64, beside that of the losses; private to runtime/train. */
#ifndef NNT_DESCENT_H
#define NNT_DESCENT_H

#include "runtime/abi.h"
#include "runtime/thermo/ensemble.h"

/* What a step found. */
struct descended {
    double F;            /* the mean over its samples, before the step */
    double expected;     /* how C should have changed with the step, to first order … */
    double change;       /* … and how it did; only where `lost` */
    uint32_t towards;    /* the parameter that took part most in the expected change */
    bool lost;           /* C does not follow: unless `confined`, F has no lower bound on this way */
    bool confined;       /* every free neuron has a potential */
    bool bounded;        /* F has a lower bound, whatever the weights: `lost` never is */
    const char *because; /* where F cannot be computed: why, or NULL where it can; the descent's */
};

struct descent;
/* For steps of up to `batch` samples of `module`, which trains and has `descend`; `ensemble` is the same network in float64, with what
 * ensemble_new asks for and `pull`. Both must outlive it. NULL with messages, those of ensemble_new. */
MUST_USE struct descent *descent_new(struct diag *diag, struct span at, const struct nnt_module *module,
                                     const struct nnt_module *ensemble, const struct ensemble_spec *spec,
                                     uint32_t batch);
void descent_free(struct descent *descent);
/* One step from the call's PARAMETERS on its DATA: `scale` times the gradient that stands in NNT_GRADIENT (means over the samples) and
 * `coefficient` times that of F at T, along which `descend` goes with the call's numbers. Returns false where F cannot be computed or has
 * no lower bound, and false without either where an entry failed. Never allocates but for messages. */
MUST_USE bool descent_step(struct descent *descent, struct nnt_call *call, double scale, double coefficient,
                           double T, struct descended *out);
/* How the samples of the last step settled and relaxed. */
const struct convergence *descent_convergence(const struct descent *descent);
/* Warns of what the ensemble of all steps left in doubt. */
void descent_warn(const struct descent *descent, struct diag *diag);

#endif
