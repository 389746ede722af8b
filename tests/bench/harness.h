/* harness.h: what is timed: whole training steps of one network, by several subjects in turn. Includes nothing of nnt. */
#ifndef BENCH_HARNESS_H
#define BENCH_HARNESS_H

#include <stdint.h>

enum { BENCH_LAYERS = 4 };
/* A layered classifier: widths[0] inputs … widths[layers] outputs, softmax and cross-entropy, plain sgd, float32. */
struct task {
    const char *name;
    uint32_t layers, width[BENCH_LAYERS + 1];
    int relu; /* else tanh */
    uint32_t batch, samples;
    const float *x; /* [samples][width[0]] */
    const uint8_t *label;
    float rate;
};
/* open allocates and returns the subject's state; step does one training step on the next batch (gathering it from the samples in a
 * shuffled order); loss is the last step's mean loss; share the part of the last timed run spent in matrix products, or 0. */
struct subject {
    const char *name;
    void *(*open)(const struct task *task);
    void (*step)(void *state);
    double (*loss)(void *state);
    double (*share)(void *state, int steps);
    void (*close)(void *state);
};
extern const struct subject subject_peer, subject_nnt;
double bench_seconds(void);
/* Flops a second of fused multiply-adds in registers, float32, this core. */
double bench_fma_peak(void);

#endif
