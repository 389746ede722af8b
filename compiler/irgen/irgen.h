/* irgen.h: from the checked model to the graph of its entries, and to the description of its module. */
#ifndef NNT_IRGEN_H
#define NNT_IRGEN_H

#include "compiler/ir/ir.h"
#include "lang/model.h"

/* The graph of the entries in `entries` (bit 1 << NNT_ENTRY_x) that this model has: `loss` where there is a boundary
 * loss, `gradient` where something is minimised, `step` and `descend` where it trains, `relax` where something relaxes.
 * Derivatives stand in it as `gradient` and `tangent` nodes. ir.field is the description's list of fields, the same whatever the entries, and
 * behind it what phases carry. real_bytes is 4 or 8. All memory is the arena's; the model must outlive the graph. */
MUST_USE struct ir *irgen(struct arena *arena, const struct model *model, uint32_t real_bytes, uint32_t entries);

/* The module without its kernels: fields, parameters, groups, blocks and the sizes of all slabs but NNT_WORK;
 * entries are NULL. Every field begins at a multiple of 16 elements (64 bytes or more), whatever the batch. */
MUST_USE struct nnt_module *describe(struct arena *arena, const struct model *model, const struct ir *g);

/* All entries. */
enum { IRGEN_ALL = (1 << NNT_ENTRIES) - 1 };

#endif
