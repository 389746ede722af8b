/* lanczos.h: ln det A by stochastic Lanczos quadrature and A⁻¹b by conjugate gradients, from products by A alone (THEORY 3a). */
#ifndef NNT_LANCZOS_H
#define NNT_LANCZOS_H

#include "runtime/base/base.h"

#include <stdint.h>

/* A symmetric matrix by its products: out = A x, both [n]. */
struct symmetric {
    void (*times)(void *self, const double x[], double out[]);
    void *self;
};
/* Memory for matrices of n rows, made once. */
struct lanczos {
    uint32_t n, probes, order; /* order: steps of Lanczos a probe, at most n */
    double *basis;             /* [order + 1][n] */
    double *overlap;           /* [order + 1] */
    double *diagonal, *beside; /* [order] of the tridiagonal matrix: beside[i] couples i and i + 1 */
    double *ritz, *rest;       /* [order] copies of them, that are destroyed */
    double *vectors, *work;    /* [order][order], [2 order] */
    double *quadrature;        /* [probes] */
    double *r, *p, *Ap;        /* [n] of conjugate gradients */
};
/* `probes` at least 1; false where memory is short; lanczos_fini in any case. */
MUST_USE bool lanczos_init(struct lanczos *lanczos, uint32_t n, uint32_t probes, uint32_t order);
void lanczos_fini(struct lanczos *lanczos);
/* Bytes that lanczos_init asks for, about. */
double lanczos_bytes(uint32_t n, uint32_t order);

struct stochastic {
    double value, error;
};
/* ln det A as the mean over the probes z, whose entries are -1 or 1 by counter (the same for the same `number`), of zᵀ ln(A) z
 * by Gauss quadrature; every vector is orthogonalised against all before it. Exact a probe where order = n, or fewer vectors
 * span what A makes of z. The error is the standard error over the probes and what the order leaves out, as it shrinks from order / 2
 * over 3/4 to the whole, in quadrature; of one probe it is infinite. false where a Ritz value is not above 100 n eps of the largest, or
 * not finite: direction[n] is then its vector, and *out_ratio its ratio to the largest. */
MUST_USE bool lanczos_logdet(struct lanczos *lanczos, const struct symmetric *A, uint64_t number,
                             struct stochastic *out, double direction[], double *out_ratio);
/* x = A⁻¹ b by conjugate gradients, preconditioned by the diagonal, until the residual is 1e-12 of b. false where a direction p has pᵀAp
 * not above 100 n eps of that of the diagonal, or 10 n + 100 steps did not do: direction and ratio as above. */
MUST_USE bool lanczos_solve(struct lanczos *lanczos, const struct symmetric *A, const double diagonal[],
                            const double b[], double x[], double direction[], double *out_ratio);

#endif
