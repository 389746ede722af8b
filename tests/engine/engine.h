/* engine.h: a model as a module by an engine's name, for tests that run in every engine. */
#ifndef TESTS_ENGINE_H
#define TESTS_ENGINE_H

#include "lang/model.h"
#include "runtime/base/diag.h"

/* The module of `model` with the entries of the bit mask (1 << NNT_ENTRY_x) in reals of real_bytes (4 or 8), by
 * engine "interp" (the graph as built) or "jit" (after all passes). NULL with a message where there is no such
 * engine or it cannot. The model must outlive it; give it back by engine_release. */
MUST_USE struct nnt_module *engine_module(struct diag *diag, struct arena *arena, const struct model *model,
                                          const char *engine, uint32_t real_bytes, uint32_t entries);
/* Gives back what the engine keeps outside the arena (machine code); NULL is allowed. */
void engine_release(struct nnt_module *module);

#endif
