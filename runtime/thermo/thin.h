/* thin.h: the Gaussian where it is a determinant of few rows: no cycles, V = 0, every free neuron counts. */
#ifndef NNT_THIN_H
#define NNT_THIN_H

#include "runtime/thermo/dual.h"

/* K = J_ΦΦ is unit triangular then, so that det K = 1. With G the m rows of J of the clamped groups that free ones feed, B = G K⁻¹ and
 * M = 1 + B Bᵀ, the matrix determinant lemma gives
 *     ln det A = ln det (KᵀK + GᵀG) = ln det M        H_min = ½ cᵀ M⁻¹ c + rest,   c = r_G - B r_Φ,
 * rest: the errors that no free neuron moves. B costs as much as m passes of reverse mode, and no block of A is ever made. */
struct thin {
    const struct gaussian_model *gaussian;
    uint32_t m;
    uint32_t *row;             /* a clamped group: its first row of G, or NNT_NONE */
    uint32_t *order, n_moving; /* the free groups, those that feed others first */
    struct dual B;             /* [m][size] of each free group, one behind the other */
    struct dual B_bar;
    struct dual M, M_inverse, M_bar; /* [m][m] */
    struct dual c, t;                /* [m]; t = M⁻¹ c */
    double logdet, rest;
};

/* NULL where a Gaussian cannot be had so, or not for less than `most_flops`, or where memory is short. With tangents where asked. */
struct thin *thin_new(const struct gaussian_model *gaussian, double most_flops, bool tangents);
void thin_free(struct thin *thin);
/* Multiplications and additions of a sample's B, of M and of its inverse. */
double thin_flops(const struct thin *thin);
/* Of a sample whose J is made: values, and where J has them the tangents. false where M is not finite. */
MUST_USE bool thin_begin(struct thin *thin, struct dual J, const struct dual_sample *sample);
double thin_H_min(const struct thin *thin);
/* dE/dB for E = a H_min + c C, and from it group by group dE/dJ: thin_seed_begin, then for each of `order` in turn thin_coupling_bar for
 * each coupling e out of it, which sets J_bar [size of to][size of from]. */
void thin_seed_begin(struct thin *thin, const struct dual_sample *sample, struct combination of);
void thin_coupling_bar(struct thin *thin, struct dual J, const struct coupling *e, struct dual J_bar);
/* Adds dE/dr of a group in R. */
void thin_add_residual_bar(const struct thin *thin, const struct dual_sample *sample, uint32_t group,
                           struct combination of, struct dual out);

#endif
