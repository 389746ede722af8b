/* nnt.h: the public interface of the runtime library: train a module, measure its ensemble. C99, no other header but abi.h.
 *
 * A module comes from a compiler of yours, or is written by hand as tests/module/linear.c is. Functions that can fail return NULL, or a
 * text that says what was wrong, to be freed by free(). Nothing here is global: calls on different memory may run at the same time.
 */
#ifndef NNT_H
#define NNT_H

#include "runtime/abi.h"

#if defined(__GNUC__)
#define NNT_PUBLIC __attribute__((visibility("default")))
#else
#define NNT_PUBLIC
#endif

/* Samples in memory: value[k] is [count][size] of the module's real type, k counting the groups that have a `data` field (inputs and
 * outputs), in the module's order. The caller owns them. */
struct nnt_samples {
    uint32_t count;
    const void *const *value;
};
struct nnt_training {
    double rate;
    uint32_t batch; /* 0: all samples */
    uint64_t epochs;
    uint64_t seed; /* order of the samples */
};
/* Means over the samples of totals (THEORY.md 3, 3a), with the standard errors of U, S, C and F. */
struct nnt_thermodynamics {
    double U, F, S, S_T, C, lnZ, H_min;
    double U_error, F_error, S_error, C_error;
};

/* Initial weights by the module's initialisers: module->size[NNT_PARAMETERS] numbers of its real type. */
NNT_PUBLIC void nnt_initialise(const struct nnt_module *module, uint64_t seed, void *parameters);
/* Trains `parameters` in place by the module's `step`; *out_loss (may be NULL) is the mean loss of the last epoch. */
NNT_PUBLIC char *nnt_train(const struct nnt_module *module, const struct nnt_samples *samples,
                           const struct nnt_training *training, void *parameters, double *out_loss);
/* The Gaussian ensemble at the forward state of each sample, at inverse temperature beta > 0; a float64 module with
 * ensemble_forward and linearise. An improper ensemble is an error that names its groups. */
NNT_PUBLIC char *nnt_measure(const struct nnt_module *module, const struct nnt_samples *samples, double beta,
                             const double *parameters, struct nnt_thermodynamics *out);

#endif
