/* slabs.h: the memory of a module's calls, and where fields stand in it. */
#ifndef NNT_SLABS_H
#define NNT_SLABS_H

#include "runtime/abi.h"
#include "runtime/base/diag.h"

/* A call with room for `batch` samples in the slabs of `which` (bit s: slab s), zeroed, aligned to 64 bytes, and
 * its products set. The caller gives it to slabs_fini. false with a message where memory is short or a size does
 * not fit. */
MUST_USE bool slabs_init(struct diag *diag, struct span at, const struct nnt_module *module, uint32_t which,
                         uint32_t batch, struct nnt_call *out);
/* Frees the slabs that slabs_init made; others the caller has put into the call are left alone. A zeroed call is
 * allowed. */
void slabs_fini(struct nnt_call *call, uint32_t which);

/* Elements of a slab for a batch, in bytes; false where they do not fit a size_t. */
MUST_USE bool slab_bytes(const struct nnt_module *module, enum nnt_slab slab, uint32_t batch, size_t *out_bytes);

/* A group by its name, or NNT_NONE. */
uint32_t module_group(const struct nnt_module *module, const char *name);

/* Neurons of the largest group. */
uint32_t module_largest(const struct nnt_module *module);

/* The groups that `among` names in an order in which each stands behind all of them that feed it, of alike ones the first first; those
 * behind a cycle are left out. Returns how many. order and placed have room for all groups; placed is false to begin, true of those in
 * the order to end. */
uint32_t module_order(const struct nnt_module *module, const bool among[], bool placed[], uint32_t order[]);

/* The parameters of a module, as a module of the same network in float64 has them: it has fields of its own. out is its slab. */
void widen_parameters(const struct nnt_module *from, const void *parameters, const struct nnt_module *to,
                      double *out);

/* Numbers of a field, for one sample where it has samples. */
static inline uint64_t field_length(const struct nnt_field *field)
{
    uint64_t length = 1;
    for (uint32_t axis = 0; axis < field->rank; axis++) length *= field->extent[axis];
    return length;
}
/* Its first element in the slab of a call with that batch. */
static inline uint64_t field_offset(const struct nnt_field *field, uint32_t batch)
{
    return field->offset + (field->per_sample ? field->offset_per_sample * batch : 0);
}
/* Where the numbers of one sample begin, of a field that has samples. */
static inline uint64_t sample_offset(const struct nnt_field *field, uint32_t batch, uint32_t sample)
{
    return field_offset(field, batch) + sample * field_length(field);
}
/* Whether number i of a parameter is a trainable: the diagonal of a hollow one is not. `field` is its. */
static inline bool is_trainable(const struct nnt_parameter *parameter, const struct nnt_field *field, uint64_t i)
{
    return !parameter->hollow || i / field->extent[1] != i % field->extent[1];
}
/* Element `e` of a slab of real_bytes numbers. */
static inline double real_at(const void *slab, uint32_t real_bytes, uint64_t e)
{
    return real_bytes == 4 ? (double)((const float *)slab)[e] : ((const double *)slab)[e];
}
/* Sets it. */
static inline void real_set(void *slab, uint32_t real_bytes, uint64_t e, double value)
{
    if (real_bytes == 4)
        ((float *)slab)[e] = (float)value;
    else
        ((double *)slab)[e] = value;
}

#endif
