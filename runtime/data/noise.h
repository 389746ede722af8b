/* noise.h: noise on the numbers of one sample, by counter; private to runtime/data. */
#ifndef NNT_NOISE_H
#define NNT_NOISE_H

#include "runtime/base/random.h"
#include "runtime/data/data.h"

/* The stream of a sample's group: the training data's of an epoch, or the test data's, drawn once. */
struct random noise_of_epoch(const struct data *data, uint32_t group, uint64_t epoch, uint32_t sample);
struct random noise_of_test(const struct data_spec *spec, uint32_t group, uint32_t sample);
/* Applies a group's noise to a datum, of the data's real type, as far as the source filled it. Never allocates. */
void noise_apply(const struct data *data, uint32_t group, struct random *random, void *numbers);

#endif
