/* jacobian.h: J = 1 - f' w of one sample in blocks, g = Jᵀ r + V', and products by A that never make A (THEORY 3a). Private to
 * runtime/thermo. */
#ifndef NNT_JACOBIAN_H
#define NNT_JACOBIAN_H

#include "runtime/thermo/gaussian.h"

static inline bool is_free_group(const struct nnt_module *module, uint32_t group)
{
    return !(module->group[group].flags & NNT_CLAMPED);
}
static inline bool is_in_R(const struct nnt_module *module, uint32_t group)
{
    return module->group[group].flags & NNT_ERROR;
}
/* A free group has a potential with a force; one that curves; some free group feeds it, a group of R; J has an identity in its rows
 * that no coupling holds. */
bool jacobian_has_force(const struct nnt_module *module, uint32_t group);
bool jacobian_has_curvature(const struct nnt_module *module, uint32_t group);
bool jacobian_leads_to(const struct gaussian_model *model, uint32_t group);
bool jacobian_has_identity(const struct gaussian_model *model, uint32_t group);
/* A field of NNT_LINEAR in a sample; the weights of a coupling, as its parameter is kept. */
const double *jacobian_field(const struct gaussian_model *model, const struct linear_sample *at, uint32_t field);
const double *jacobian_weights(const struct gaussian_model *model, const struct linear_sample *at,
                               const struct coupling *e);

/* J, and with the exact Hessian K, of the couplings into a group. */
void jacobian_make(struct gaussian_model *model, const struct linear_sample *at, uint32_t to, bool full);
/* The part of g in a free group; the couplings out of it are made. */
void jacobian_gradient(struct gaussian_model *model, const struct linear_sample *at, uint32_t group);
/* out = A x, [n], and the diagonal of A; all couplings are made. */
void jacobian_product(struct gaussian_model *model, const struct linear_sample *at, bool full, const double *x,
                      double *out);
void jacobian_diagonal(struct gaussian_model *model, const struct linear_sample *at, bool full, double *out);

#endif
