/* relax.h: the hand-written forward and backward that a step of relaxation is compared with. Includes nothing of nnt. */
#ifndef BENCH_RELAX_H
#define BENCH_RELAX_H

#include <stdint.h>

/* Two free layers of tanh neurons and a held affine output: slope_run makes H [batch] and slope[0 … 1] = dH/dx from states, weights
 * and biases, float32, one thread. open allocates and draws all of them; close frees. */
struct slope {
    uint32_t batch, width[3];
    float *weight[2], *bias[3], *state[3], *given;
    float *error[3], *slope[3], *H;
};
struct slope slope_open(uint32_t batch, const uint32_t width[3]);
void slope_run(struct slope *slope);
void slope_close(struct slope *slope);

#endif
