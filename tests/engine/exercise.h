/* exercise.h: the same data and weights for two modules of one network, and how far their results are apart. */
#ifndef TESTS_EXERCISE_H
#define TESTS_EXERCISE_H

#include "runtime/abi.h"
#include "runtime/base/base.h"

/* The slabs of one module for calls of `batch` samples; call.slab is filled in. Ends the test where memory is short. */
struct exercise {
    const struct nnt_module *module;
    struct nnt_call call;
};
struct exercise exercise_open(const struct nnt_module *module, uint32_t batch);
void exercise_close(struct exercise *exercise);
/* Weights by their initialisers, biases a little off zero, inputs normal, targets in 0 … 1 that sum to 1 in a group: by seed and
 * field name, so that modules of different precision and entries get the same numbers. */
void exercise_draw(struct exercise *exercise, uint64_t seed);
/* Runs an entry; ends the test where it fails. */
void exercise_run(struct exercise *exercise, enum nnt_entry_name entry);
/* The largest |a - b| / (1 + |b|) over the fields of a slab that both have, and where it is. NaN against NaN is 0, against a number inf. */
double exercise_distance(const struct exercise *a, const struct exercise *b, enum nnt_slab slab, char out_where[128]);
/* The element e of a field, read and written as double. */
double exercise_get(const struct exercise *exercise, const struct nnt_field *field, uint64_t e);
void exercise_set(struct exercise *exercise, const struct nnt_field *field, uint64_t e, double value);
uint64_t exercise_size(const struct exercise *exercise, const struct nnt_field *field);
const struct nnt_field *exercise_field(const struct nnt_module *module, enum nnt_slab slab, const char *name);

#endif
