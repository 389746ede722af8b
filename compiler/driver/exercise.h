/* exercise.h: the same data and weights for two modules of one network, how far their results are apart, and central differences. */
#ifndef NNT_EXERCISE_H
#define NNT_EXERCISE_H

#include "runtime/abi.h"
#include "runtime/base/base.h"

/* The slabs of one module for calls of `batch` samples; call.slab is filled in. Short memory ends the process like the arena's. */
struct exercise {
    const struct nnt_module *module;
    struct nnt_call call;
};
struct exercise exercise_open(const struct nnt_module *module, uint32_t batch);
void exercise_close(struct exercise *exercise);
/* Weights of their initialisers' size, 0 where they are hollow, biases a little off zero, inputs normal, targets in 0 … 1 that sum to
 * 1 in a group: by seed and field name, so that modules of different precision and entries get the same numbers. */
void exercise_draw(struct exercise *exercise, uint64_t seed);
/* Any numbers, by seed and field name, for what entries read beside those: a gradient, a linearisation, seeds, and a direction. */
void exercise_draw_direction(struct exercise *exercise, uint64_t seed);
/* Copies parameters, moments, data and states, field by field, to a module of the same network in either precision. */
void exercise_copy(struct exercise *to, const struct exercise *from);
/* Runs an entry that the module has; BUG where it fails. */
void exercise_run(struct exercise *exercise, enum nnt_entry_name entry);

/* The largest |a - b| / (1 + |b|) over the elements of some fields, and where it is. */
struct distance {
    double most; /* NaN against NaN is 0, against a number inf */
    uint64_t compared;
    const struct nnt_field *field; /* of a; NULL: nothing differs */
    uint64_t element;
    double a, b;
};
/* Over the fields of a slab, or of the one whose layout it has, that both have and whose names begin with `prefix`. */
struct distance exercise_compare(const struct exercise *a, const struct exercise *b, enum nnt_slab slab,
                                 const char *prefix);
/* The same over all fields of the slab, the place as text. */
double exercise_distance(const struct exercise *a, const struct exercise *b, enum nnt_slab slab,
                         char out_where[128]);
/* Takes one more pair of numbers in. */
void distance_add(struct distance *distance, const struct nnt_field *field, uint64_t element, double a, double b);

/* What is differentiated: the sum over the samples of `loss` or `H`, as an entry computes it, times `weight`; and of both, each with
 * its own, where `also` is one. */
struct differentiated {
    struct exercise *exercise;
    enum nnt_entry_name entry;
    const struct nnt_field *value;
    double weight;
    const struct nnt_field *also; /* NULL: nothing */
    double also_weight;
};
/* Its derivative by element e of a field that the entry reads: fourth-order central differences at two steps. false where they do not
 * agree: there is a kink nearby, and the element does not count. */
MUST_USE bool exercise_difference(const struct differentiated *of, const struct nnt_field *field, uint64_t e,
                                  double *out);

/* The element e of a field, read and written as double. */
double exercise_get(const struct exercise *exercise, const struct nnt_field *field, uint64_t e);
void exercise_set(struct exercise *exercise, const struct nnt_field *field, uint64_t e, double value);
uint64_t exercise_size(const struct exercise *exercise, const struct nnt_field *field);
/* The slab whose fields lay out a slab of seeds or tangents, itself for others; and a field's place in a slab of its layout. */
enum nnt_slab exercise_layout(enum nnt_slab slab);
struct nnt_field exercise_twin(const struct nnt_field *field, enum nnt_slab slab);
const struct nnt_field *exercise_field(const struct nnt_module *module, enum nnt_slab slab, const char *name);

#endif
