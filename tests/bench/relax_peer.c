/* relax_peer.c: H and dH/dx of a layered network with ends held, by hand: C on OpenBLAS, what a step of relaxation cannot do without.
 *
 * States h and k are free, x and y held; what x gives to h does not change and is given. One sgemm a product, forward and back; bias,
 * activation, error and its part of H in one pass. */
#include <cblas.h>
#include <math.h>
#include <stdlib.h>

#include "tests/bench/fast_tanh.h"
#include "tests/bench/relax.h"

extern void openblas_set_num_threads(int);

static float *floats(size_t n)
{
    float *block = aligned_alloc(64, (n * sizeof(float) + 63) / 64 * 64);
    if (!block) abort();
    for (size_t i = 0; i < n; i++) block[i] = (float)(rand() % 2001 - 1000) / 4000;
    return block;
}

struct slope slope_open(uint32_t batch, const uint32_t width[3])
{
    struct slope s = {.batch = batch, .width = {width[0], width[1], width[2]}};
    openblas_set_num_threads(1);
    for (int l = 0; l < 2; l++) s.weight[l] = floats((size_t)width[l] * width[l + 1]);
    for (int l = 0; l < 3; l++) {
        s.bias[l] = floats(width[l]);
        s.state[l] = floats((size_t)batch * width[l]);
        s.error[l] = floats((size_t)batch * width[l]);
        s.slope[l] = floats((size_t)batch * width[l]);
    }
    s.given = floats((size_t)batch * width[0]);
    s.H = floats(batch);
    return s;
}

void slope_close(struct slope *s)
{
    for (int l = 0; l < 2; l++) free(s->weight[l]);
    for (int l = 0; l < 3; l++) {
        free(s->bias[l]);
        free(s->state[l]);
        free(s->error[l]);
        free(s->slope[l]);
    }
    free(s->given);
    free(s->H);
}

/* error: z on the way in; f'(z) r on the way out; slope: r. The first layer's prediction is given, the last is affine. */
static void layer(const struct slope *s, int l)
{
    uint32_t n = s->width[l];
    for (uint32_t b = 0; b < s->batch; b++) {
        size_t at = (size_t)b * n;
        const float *restrict x = s->state[l] + at, *restrict given = s->given + at, *restrict bias = s->bias[l];
        float *restrict e = s->error[l] + at, *restrict r = s->slope[l] + at;
        float sum = 0;
        for (uint32_t i = 0; i < n; i++) {
            float f = l == 0 ? given[i] : l == 1 ? fast_tanh(e[i] + bias[i]) : e[i] + bias[i];
            float error = x[i] - f;
            sum += error * error;
            r[i] = error;
            e[i] = l == 1 ? (1 - f * f) * error : error;
        }
        s->H[b] = (l ? s->H[b] : 0) + 0.5f * sum;
    }
}

void slope_run(struct slope *s)
{
    int batch = (int)s->batch, n[3] = {(int)s->width[0], (int)s->width[1], (int)s->width[2]};
    layer(s, 0);
    for (int l = 0; l < 2; l++) {
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, batch, n[l + 1], n[l], 1, s->state[l], n[l],
                    s->weight[l], n[l], 0, s->error[l + 1], n[l + 1]);
        layer(s, l + 1);
    }
    for (int l = 0; l < 2; l++)
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, batch, n[l], n[l + 1], -1, s->error[l + 1], n[l + 1],
                    s->weight[l], n[l], 1, s->slope[l], n[l]);
}
