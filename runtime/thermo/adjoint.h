/* adjoint.h: E = a H_min + c C of one sample, differentiated by what its linear model is made of, and the tangents of that. */
#ifndef NNT_ADJOINT_H
#define NNT_ADJOINT_H

#include "runtime/thermo/dual.h"

/* Where the adjoints of a sample go. `seed` are slabs of the batch, NNT_SEED and NNT_D_SEED. What passes by the seeds, directly through
 * the weights in J = I - f' w, is added, times `weight`, to `gradient`, laid out as NNT_GRADIENT. */
struct adjoints {
    struct dual seed, gradient;
    double weight;
};

/* Memory for one sample after another. Letters of THEORY 3a; a bar is the derivative of E by it. */
struct adjoint_model {
    struct gaussian_model *gaussian;
    struct dual J;           /* the couplings' blocks; J.v is the Gaussian's */
    double *dA;              /* of the pattern, as the two below: the tangent of A, or of the exact Hessian */
    struct dual Z, A_bar;    /* Z = A⁻¹; empty where A is a determinant of few rows */
    struct dual g, s;        /* [n]: g, A⁻¹ g */
    struct dual lambda;      /* [n] scratch */
    struct dual wide, wider; /* scratch for a coupling's block */
    double *work;            /* for blocks.h, likewise */
};

/* All memory is allocated here, for tangents too where asked; false where it is short, adjoint_fini in any case. */
MUST_USE bool adjoint_init(struct adjoint_model *model, struct gaussian_model *gaussian, bool tangents);
void adjoint_fini(struct adjoint_model *model);
/* The same memory for values alone; not to be freed. */
struct adjoint_model adjoint_of_values(const struct adjoint_model *model);

/* Readies the model for a sample that gaussian_evaluate has just evaluated. */
void adjoint_begin(struct adjoint_model *model, const struct dual_sample *sample);
/* Sets the sample's seeds of residual, slope, bend, force and curvature to dE by them at a fixed state, and adds to the gradient. */
void adjoint_seed(struct adjoint_model *model, const struct dual_sample *sample, struct combination of,
                  struct adjoints *to);
/* dE/dx of the free neurons, [n]: what `pull` made of the seeds (gradient_x, in slabs laid out as NNT_LINEAR), and what V itself says. */
void adjoint_by_state(const struct adjoint_model *model, const struct dual_sample *sample, struct combination of,
                      struct dual pulled, struct dual out);

/* ---- where the reference state is the minimum of H over the free neurons: it moves by -H_xx⁻¹ (∂/∂q)(∂H/∂x) ---- */

/* Factors the exact Hessian in the Gaussian's place; false, with what fails as gaussian_is_minimum has it, where the state is no
 * minimum. */
MUST_USE bool adjoint_at_minimum(struct adjoint_model *model, const struct dual_sample *sample,
                                 struct failure *out_failure);
/* How the state moves along the direction, [n]: sample->d_linear is `push` with the state held still. */
void adjoint_move_minimum(struct adjoint_model *model, const struct dual_sample *sample, double out[]);
/* Adds to seeds and gradient what dE/dx gives through the state. */
void adjoint_through_minimum(struct adjoint_model *model, const struct dual_sample *sample, struct dual by_state,
                             struct adjoints *to);

#endif
