/* ensemble.h: the canonical ensemble of neuron states, Gaussian evaluation (THEORY 3, 3a). */
#ifndef NNT_ENSEMBLE_H
#define NNT_ENSEMBLE_H

#include "runtime/abi.h"
#include "runtime/base/diag.h"
#include "runtime/thermo/convergence.h"

/* One sample's totals, letters of THEORY.md 3a. C_0 is NaN where it is undefined. */
struct gaussian {
    double H, H_min, logdet_A, C, C_0, U, S, F, lnZ;
    double H_forward;    /* H at the ensemble-forward state */
    double logdet_error; /* standard error of ln det A; 0 where it is exact */
};
/* What is differentiated: of_H_min H_min + of_C C, means over the samples. F at temperature T is {1, -T}. */
struct combination {
    double of_H_min, of_C;
};
struct ensemble;

/* For a module with ensemble_forward and linearise in float64, and with relax where `spec` says that the reference is
 * the relaxed state; with the full Hessian every group that a free one feeds has its bend. spec NULL: the forward
 * state. `batch` is how many samples a kernel call takes at most. All memory is allocated here. Where A in blocks would
 * take more than half of the machine's, and few rows do not serve (thin.h), ln det A is by Lanczos as if spec said so, with a
 * warning; the spectrum is then refused, and here a module with `pull`, which is to be differentiated. NULL with a message
 * where nothing is free, the ensemble is statically improper (every free neuron must be in R or have a potential: the groups
 * are named), or memory is short. `at` is the place of the ensemble statement. The module must outlive it. */
MUST_USE struct ensemble *ensemble_new(struct diag *diag, struct span at, const struct nnt_module *module,
                                       const struct ensemble_spec *spec, uint32_t batch);
void ensemble_free(struct ensemble *ensemble);
const struct nnt_module *ensemble_module(const struct ensemble *ensemble);
uint32_t ensemble_free_neurons(const struct ensemble *ensemble); /* n */
/* S_T(beta) = n/2 (1 + ln(2 pi / beta)). */
double ensemble_S_T(const struct ensemble *ensemble, double beta);
/* Evaluates `count` samples at the reference state: data[g] is [count][size] float64, of a sequence [count][rows][size],
 * for each group with a data field (in the order of module->group; others NULL); parameters as module->field says.
 * out[count]. false with a message naming the groups of the failing direction and the cure, where some sample's A is
 * not positive definite (pivot > 100 n eps |A_ii|). Samples that did not settle or relax, that rest at a saddle point
 * or have a negative H_min although V >= 0 are evaluated all the same, and counted. */
MUST_USE bool ensemble_evaluate(struct ensemble *ensemble, struct diag *diag, const double *parameters,
                                const double *const data[], uint32_t count, double beta, struct gaussian out[]);
/* Length of the vectors of trainables below: module->size[NNT_GRADIENT], laid out as that slab, 0 in its padding. */
size_t ensemble_trainables(const struct ensemble *ensemble);
/* The total derivatives by the trainables (through the reference state) of `n` combinations, one or two, means over the samples,
 * THEORY 3a; of a module that has `pull`, and for products `push` and `pull_push`:
 * out_gradient[k][ensemble_trainables]. out[count] are the totals, as ensemble_evaluate tells them; NULL: not wanted. Samples
 * and failures as there. */
MUST_USE bool ensemble_gradient(struct ensemble *ensemble, struct diag *diag, const double *parameters,
                                const double *const data[], uint32_t count, double beta, uint32_t n,
                                const struct combination of[], double *const out_gradient[], struct gaussian out[]);
/* The products of their second derivatives with a direction [ensemble_trainables]: out_product[k], means over the samples. */
MUST_USE bool ensemble_hessian(struct ensemble *ensemble, struct diag *diag, const double *parameters,
                               const double *const data[], uint32_t count, uint32_t n,
                               const struct combination of[], const double *direction, double *const out_product[]);
/* The eigenvalues of A of each sample, ascending: out[count][n]; `room` is of ensemble_spectrum_room numbers: false where so many do not
 * fit. Samples and failures as of ensemble_evaluate; its doubts are not counted again. */
MUST_USE bool ensemble_spectrum(struct ensemble *ensemble, struct diag *diag, const double *parameters,
                                const double *const data[], uint32_t count, double *room, double *out);
MUST_USE bool ensemble_spectrum_room(const struct ensemble *ensemble, size_t *out_numbers);
/* How the samples that were looked at last settled and relaxed. */
const struct convergence *ensemble_convergence(const struct ensemble *ensemble);
/* Warns of what all evaluations so far left in doubt, each kind once, and forgets it. */
void ensemble_warn(struct ensemble *ensemble, struct diag *diag);
struct estimate {
    double mean, error; /* standard deviation (count - 1) over sqrt(count); 0 for one sample */
};
struct estimate ensemble_mean(const double *values, size_t stride, uint32_t count);

#endif
