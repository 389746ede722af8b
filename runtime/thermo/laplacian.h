/* laplacian.h: the Laplacian of F over the trainables, and its two parts (THEORY 5). */
#ifndef NNT_LAPLACIAN_H
#define NNT_LAPLACIAN_H

#include "runtime/thermo/ensemble.h"

/* Of the means over the samples: value = H_min - T C. probe_error is the standard error over the random directions on these samples
 * (0 where it is exact), sample_error the jackknife's over groups of samples (0 for one sample); error combines them. */
struct laplacian {
    double value, H_min, C;
    double probe_error, sample_error, error;
    bool exact;
};

/* Room for an ensemble's Laplacians of up to `count` samples. Exact, by a Hessian product a trainable, where there are no more
 * trainables than max(probes, LAPLACIAN_EXACT); else Hutchinson's vᵀ∇²F v of `probes` directions of ±1, the same at every call, drawn
 * by `seed`. Each product is taken on min(count, LAPLACIAN_GROUPS) groups of samples, one after another, whose sums are those of the whole
 * probe. NULL with a message where memory is short. */
enum { LAPLACIAN_EXACT = 64, LAPLACIAN_GROUPS = 16 };
struct laplacian_probes;
MUST_USE struct laplacian_probes *laplacian_new(struct diag *diag, struct span at, struct ensemble *ensemble,
                                                uint32_t count, uint32_t probes, uint64_t seed);
void laplacian_free(struct laplacian_probes *probes);
/* data and failures as of ensemble_evaluate. */
MUST_USE bool laplacian_take(struct laplacian_probes *probes, struct diag *diag, const double *parameters,
                             const double *const data[], double T, struct laplacian *out);

#endif
