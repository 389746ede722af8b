/* gaussian.h: the quadratic model of H at one state, and its Cholesky factor (THEORY 3a). */
#ifndef NNT_GAUSSIAN_H
#define NNT_GAUSSIAN_H

#include "runtime/thermo/blocks.h"
#include "runtime/thermo/ensemble.h"
#include "runtime/thermo/lanczos.h"

/* A block of J_RΦ = I - f' w: [size of to][size of from], row by row. The identity is in it only where from = to;
 * else the identity of a free group in R is understood. */
struct coupling {
    uint32_t from, to; /* groups: from is free, to is in R */
    uint32_t block;    /* of the module */
    size_t at;         /* of its first number in `J` */
};

struct thin;
/* One network's Gaussian: memory made once, filled in for each sample. */
struct gaussian_model {
    const struct nnt_module *module;
    struct thin *thin;  /* where A need not be made; NULL elsewhere. Nothing but time is lost without it */
    bool full;          /* A is the exact Hessian of H over x_Φ */
    bool bent;          /* the module tells f'' of every coupled group, so that the exact Hessian can be had */
    uint32_t n;         /* |Φ| */
    uint32_t *column;   /* a group: its first column in A, or NNT_NONE where it is clamped … */
    uint32_t *block_of; /* … and its block in the pattern; the group of a block is group_of[block] */
    uint32_t *group_of;
    uint32_t n_couplings;
    struct coupling *coupling; /* sorted by `to` */
    uint32_t *first_coupling;  /* couplings into group t: first_coupling[t] … first_coupling[t + 1] - 1 */
    uint32_t *out_of; /* couplings out of group g, by number: out_of[first_out[g]] … out_of[first_out[g + 1] - 1] */
    uint32_t *first_out;
    bool *loops;            /* a free group in R feeds itself */
    bool *made;             /* while A is assembled: the groups of which the couplings that lead to them are made */
    bool R_covers_free;     /* R ⊇ Φ */
    struct pattern pattern; /* of A: a block a free group, coupled where one feeds the other or both feed a third */
    double *A;              /* of the pattern; its Cholesky factor L after factoring */
    bool *begun;            /* [n_blocks]: of the column that is assembled, the blocks that hold something */
    double *diagonal;       /* [n] of A */
    size_t n_J;             /* numbers of … */
    double *J;              /* … the couplings' blocks */
    double *K;              /* -bend w of the couplings, where `bent` */
    double *g;              /* [n] */
    double *row;            /* [the largest group]: scratch */
    double *solution;       /* [n], where `by_lanczos`: A⁻¹ g */
    double *shape, *shape_before; /* all slopes, bends and curvatures that J and A are made of */
    size_t n_shape;
    bool factored; /* A and J belong to shape_before */
    double logdet_A, logdet_error;
    bool by_lanczos;        /* neither pattern nor A is there, nor `thin`, beside which they may be missing too … */
    bool outgrown;          /* … as the program chose, since the blocks would take more than half of the memory */
    double bytes_of_blocks; /* what A takes or would take */
    struct lanczos lanczos;
    uint64_t number; /* of the sample: names its probes; the caller sets it */
};

/* One sample of a linearised batch: the slabs of the call, and which. */
struct linear_sample {
    const double *parameters, *linear, *result;
    uint32_t batch, sample;
};

/* Where A is not positive definite: the first column whose pivot fails, and the pivot over A's diagonal entry (NaN
 * where A is not finite). model->g then holds the direction that failed, its largest entry 1. */
struct failure {
    uint32_t column;
    double ratio;
};

/* false where memory is short; gaussian_fini in any case. The module must outlive the model. Of `spec`, `full` counts with
 * `relaxed`, and needs a module with the bend of every coupled group; `lanczos` is chosen where it is not asked for when the blocks of
 * A would take more than half of the machine's memory, or are refused. */
MUST_USE bool gaussian_init(struct gaussian_model *model, const struct nnt_module *module,
                            const struct ensemble_spec *spec);
void gaussian_fini(struct gaussian_model *model);
/* The totals of one sample at inverse temperature beta; false where A is not positive definite (each pivot > 100 n
 * eps A_ii). A = J_RΦᵀ J_RΦ + diag V''; of a full model the exact Hessian, A - Σ_to w_toᵀ bend_to w_to over the free
 * columns, for r = x - f(w x + b) has the second derivative -wᵀ f'' w. g is ∂H/∂x_Φ either way. */
MUST_USE bool gaussian_evaluate(struct gaussian_model *model, const struct linear_sample *at, double beta,
                                struct gaussian *out, struct failure *out_failure);
/* Whether the exact Hessian of H over x_Φ is positive definite in a sample, so that a state without force is a
 * minimum; by the pivots of gaussian_evaluate, with *out_failure as there. For a model that is `bent`. */
MUST_USE bool gaussian_is_minimum(struct gaussian_model *model, const struct linear_sample *at,
                                  struct failure *out_failure);
/* Multiplications and additions of A and its factor, as far as they grow with the cube of the groups' sizes. */
double gaussian_flops(const struct gaussian_model *model);
/* 1/2 |r_R|^2 of a sample: what the local errors are of H. */
double gaussian_error(const struct gaussian_model *model, const struct linear_sample *at);
/* V'' of a free group in a sample, [size]; NULL where it has no potential. */
const double *gaussian_curvature(const struct gaussian_model *model, const struct linear_sample *at,
                                 uint32_t group);

#endif
