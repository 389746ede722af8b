/* response.h: how the forward state answers to the trainables: by its dynamics, a fixed point or ticks (THEORY 1, 3a). */
#ifndef NNT_RESPONSE_H
#define NNT_RESPONSE_H

#include "runtime/thermo/dual.h"

/* The neurons that move in the ensemble forward: free groups with an activation. At a fixed point r = x - f(w x + b) = 0 of them, with
 * K = ∂r/∂x, so that dx = -K⁻¹ dr, and what is asked of x enters as the seed -K⁻ᵀ (dE/dx) of r. Without cycles K is solved group by
 * group; with them by LU factors. */
struct response {
    const struct nnt_module *module;
    const uint32_t *column; /* a group: its first place in vectors over the free neurons, or NNT_NONE */
    uint32_t n;
    bool *moves;
    /* The groups that move, those that feed others first, as far as there is such an order. */
    uint32_t *order, n_moving;
    bool cyclic;
    double *K; /* [n][n], the LU factors of Kᵀ, where cyclic: by columns, so that LAPACKE copies nothing */
    int *pivot;
    struct dual u, x; /* scratch for a group's neurons, and for all */
};

/* false where memory is short; response_fini in any case. `column` and the module must outlive it. */
MUST_USE bool response_init(struct response *response, const struct nnt_module *module, const uint32_t *column,
                            uint32_t n, bool tangents);
void response_fini(struct response *response);
/* Readies K for a sample at its fixed point; false where K is singular: the state is no function of the trainables there. */
MUST_USE bool response_begin(struct response *response, const struct dual_sample *sample);
/* K⁻ᵀ x, and its tangent, in place; neurons that do not move become 0. x [n]. */
void response_back(struct response *response, const struct dual_sample *sample, struct dual x);
/* How the state moves along the direction, K⁻¹ (-dr), [n]: sample->d_linear is `push` with the state held still. */
void response_move(struct response *response, const struct dual_sample *sample, double out[]);

#endif
