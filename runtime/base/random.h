/* random.h: Philox by counter: the same key, purpose and place give the same number on every machine. */
#ifndef NNT_RANDOM_H
#define NNT_RANDOM_H

#include "runtime/base/base.h"

/* What the numbers are for: part of the key, so that no two uses share a stream. New purposes go to the end. */
enum random_purpose {
    RANDOM_INIT,      /* initial weights: step = parameter, sample = 0 */
    RANDOM_SHUFFLE,   /* order of an epoch: step = epoch */
    RANDOM_SPLIT,     /* hold-out */
    RANDOM_PROBE,     /* probe samples */
    RANDOM_SOURCE,    /* generators: sample = the sample's number */
    RANDOM_NOISE,     /* noisy, flip, mask: step = epoch */
    RANDOM_SHUFFLED,  /* shuffled(f) */
    RANDOM_LAPLACIAN, /* directions of Hutchinson's estimator: step = probe, sample = parameter */
    RANDOM_LANCZOS    /* signs of the probes of ln det A: step = the sample's number, sample = the probe */
};

/* A stream: (seed, purpose, step, sample) is its name, `index` how far it was read. Any place can be reached directly. */
struct random {
    uint64_t seed;
    uint32_t purpose;
    uint64_t step, sample;
    uint64_t index;
    uint32_t block[4];
    uint64_t loaded; /* number of the block in `block`, plus 1 */
    double spare;    /* second normal of a pair */
    bool has_spare;
};
/* The stream of that name, from its beginning. Philox4x32-10 (Salmon et al. 2011), key = seed; counter = purpose, step,
 * sample, block number, packed so that distinct names never collide for step < 2^40, sample < 2^40, index < 2^32. */
struct random random_stream(uint64_t seed, enum random_purpose purpose, uint64_t step, uint64_t sample);
uint32_t random_bits(struct random *random);
/* Uniform in [0, 1) with 53 bits. */
double random_uniform(struct random *random);
/* Standard normal (Box and Muller; both numbers of a pair are used in order). */
double random_normal(struct random *random);
/* Uniform whole number in [0, n), n >= 1, without bias. */
uint32_t random_below(struct random *random, uint32_t n);
/* A permutation of 0 … n-1 (Fisher and Yates) into `out`. */
void random_permutation(struct random *random, uint32_t n, uint32_t out[]);

#endif
