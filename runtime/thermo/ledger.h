/* ledger.h: the two laws between measurements of one probe, as ledgers (THEORY 4). */
#ifndef NNT_LEDGER_H
#define NNT_LEDGER_H

#include "runtime/base/text.h"
#include "runtime/thermo/ensemble.h"

/* Where a measurement stands: T, parameters as module->field says, totals of the samples, and the gradient of the mean of F at
 * T [ensemble_trainables] (NULL where no first law is kept). */
struct instant {
    double T;
    const double *parameters;
    const struct gaussian *sample;
    const double *gradient_F;
};
/* Means over the samples of what an interval, or all of them, changed. Errors are paired: the standard deviation (count - 1)
 * of the samples' own differences over √count; 0 for one sample. */
struct interval {
    double dU, heat, complexity, work, residual; /* dU = ∫T dS_T + ∫T dC + W + residual */
    double dH_min, dH_min_error, complexity_error;
    double dS, dC, dC_error;
};
/* ΔH_min over ∫T dC and over ΔC; NaN where they are withheld. */
struct reduced {
    double ratio, T_law;
};
/* Of all intervals since the first measurement. Of the first law (all but dS, dC, dC_error, which go from the first measurement to the
 * last) those that have a middle. */
struct ledger_totals {
    uint64_t intervals, middles; /* middles: those with a first law */
    uint64_t S_falls, C_falls;   /* intervals with ΔS <= 0, with ΔC <= 0 */
    struct interval sum;
};

/* The interval from `before` to `now` by Simpson's rule with `middle`, the middle of the chord in parameters and T. `room` holds
 * count numbers. */
void ledger_first_law(const struct ensemble *ensemble, uint32_t count, const struct instant *before,
                      const struct instant *middle, const struct instant *now, double *room, struct interval *out);
/* dS, dC and dC_error alone. */
void ledger_second_law(const struct ensemble *ensemble, uint32_t count, const struct instant *before,
                       const struct instant *now, double *room, struct interval *out);
/* Both, or neither: |ΔH_min| and |∫T dC| must each be at least two of their standard errors; where the probe is one sample, and so has
 * none, 1e-9. Rounding, 1e-12 of `size` (what the differences were taken of), is never enough. */
struct reduced ledger_reduced(const struct interval *interval, uint32_t count, double size);

/* The ledger of a probe of `count` samples: what it needs of the measurement before, and the sums since the first. With `first_law` the
 * middle is evaluated. All memory is allocated here; NULL with a message at `at`. The ensemble must outlive it. */
struct ledger;
MUST_USE struct ledger *ledger_new(struct diag *diag, struct span at, struct ensemble *ensemble, uint32_t count,
                                   bool first_law);
void ledger_free(struct ledger *ledger);
/* Takes a measurement; data are those of ensemble_evaluate. Returns false with a message where something failed. *out_interval is
 * what happened since the one before (*out_has), of which work and residual, with all of the first law, are NaN where the middle
 * has no Gaussian: counted, and warned of by ledger_warn. */
MUST_USE bool ledger_take(struct ledger *ledger, struct diag *diag, const double *const data[],
                          const struct instant *now, struct interval *out_interval, bool *out_has);
/* The interval's ratio and temperature, and those of all intervals. */
struct reduced ledger_last_reduced(const struct ledger *ledger, const struct interval *interval);
struct reduced ledger_total_reduced(const struct ledger *ledger);
struct ledger_totals ledger_totals(const struct ledger *ledger);
/* Warns of what all measurements left in doubt: middles without a Gaussian; heat that outweighs all else; a change of C that the probe
 * does not resolve. */
void ledger_warn(const struct ledger *ledger, struct diag *diag);
/* Everything a resumed run needs to go on bit for bit, appended; and taken back from the beginning of `bytes`: *out_used. false where
 * these are not a ledger of this probe and network. */
void ledger_write(const struct ledger *ledger, struct text *out);
MUST_USE bool ledger_read(struct ledger *ledger, const char *bytes, size_t length, size_t *out_used);

#endif
