/* probe.h: what the files of the ensemble share: the samples of a batch at their reference state. Private to runtime/thermo. */
#ifndef NNT_PROBE_H
#define NNT_PROBE_H

#include "runtime/base/text.h"
#include "runtime/thermo/gaussian.h"

struct derivative;
/* What evaluations left in doubt. */
struct doubts {
    uint64_t samples, saddles, below; /* at no minimum although relaxed; H_min < 0 although V >= 0 */
    struct text saddle;               /* the groups of the first saddle's direction */
    struct convergence convergence;
};
struct ensemble {
    const struct nnt_module *module;
    struct ensemble_spec spec;
    struct span at;
    uint32_t batch;
    struct gaussian_model model;
    struct nnt_call call;
    double *H_forward;              /* [batch] */
    struct derivative *derivative;  /* NULL where the module has no `pull` */
    struct convergence convergence; /* of the last evaluation */
    struct doubts doubts;
};

/* Begins and ends an evaluation of `count` samples. */
void probe_begin(struct ensemble *ensemble, const double *parameters);
void probe_end(struct ensemble *ensemble, uint32_t count);
/* Samples first … of `data` into the call, as many as a call takes. false behind the last. */
MUST_USE bool probe_load(struct ensemble *ensemble, const double *const data[], uint32_t first, uint32_t count);
/* Runs an entry on the samples of the call; `what` it computes is told where it fails. */
MUST_USE bool probe_run(struct ensemble *ensemble, struct diag *diag, enum nnt_entry_name entry, const char *what);
/* The samples to their reference state, and H around it. */
MUST_USE bool probe_reference(struct ensemble *ensemble, struct diag *diag);
/* Whether A is made and factored; else a message that `what` needs it. */
MUST_USE bool probe_has_factor(const struct ensemble *ensemble, struct diag *diag, const char *what);
struct linear_sample probe_sample(const struct ensemble *ensemble, uint32_t sample);
/* The totals of one sample, the b-th of a batch that begins at `first`: false with a message where it has no Gaussian. */
MUST_USE bool probe_evaluate(struct ensemble *ensemble, struct diag *diag, uint32_t first, uint32_t b, double beta,
                             struct gaussian *out);

/* ---- gradient.c ---- */
/* Memory for the derivatives that the module's entries allow; false with a message where it is short. */
MUST_USE bool derivative_new(struct ensemble *ensemble, struct diag *diag);
void derivative_free(struct ensemble *ensemble);

#endif
