/* temperature.h: the temperature that the data have in the ensemble (THEORY 3c). */
#ifndef NNT_TEMPERATURE_H
#define NNT_TEMPERATURE_H

#include "runtime/thermo/ensemble.h"

/* The T at which U is the mean of H at the ensemble-forward state: 2 (<H> - H_min) / n, of the samples' means. NaN where there is none,
 * <H> <= H_min (up to rounding, 1e-12 of the larger). */
double temperature_inferred(const struct gaussian sample[], uint32_t count, uint32_t n);
/* Sets what depends on T in the totals of samples whose H_min and C are known: U, S, F, ln Z. */
void temperature_set(struct gaussian sample[], uint32_t count, uint32_t n, double T);

/* How often no temperature was found; zeroed to begin. */
struct no_temperature {
    uint64_t moments, missing;
    uint64_t step; /* of the first */
    double H, H_min;
};
/* Counts a moment, where it had no temperature with the means of its samples. */
void temperature_count(struct no_temperature *count, uint64_t step, const struct gaussian sample[],
                       uint32_t samples, double T);
/* A warning where there were any: at how many moments, and why. */
void temperature_warn(const struct no_temperature *count, struct diag *diag, struct span at);

#endif
