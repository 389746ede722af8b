/* interp.h: runs a graph at any stage, float64 or float32: the definition of what the machine code must compute. */
#ifndef NNT_INTERP_H
#define NNT_INTERP_H

#include "compiler/ir/ir.h"

/* A module like `description` whose entries interpret the graph, `gradient` nodes included (a differentiated copy
 * is made). Slabs hold float where description->real_bytes is 4, else double; where `single`, the result of every
 * node is rounded to float32. An entry allocates while it runs and returns 1 where there is no memory. All memory
 * of the module is the arena's; g and the description must outlive it. */
MUST_USE struct nnt_module *interp_module(struct arena *arena, const struct ir *g,
                                          const struct nnt_module *description, bool single);

#endif
