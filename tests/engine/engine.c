/* engine.c: a model as a module by an engine's name. */
#include "tests/engine/engine.h"

#include <string.h>

#include "compiler/interp/interp.h"
#include "compiler/irgen/irgen.h"

static struct nnt_module *by_interpreter(struct arena *arena, const struct model *model, uint32_t real_bytes,
                                         uint32_t entries)
{
    const struct ir *g = irgen(arena, model, real_bytes, entries);

    return interp_module(arena, g, describe(arena, model, g), real_bytes == 4);
}

struct nnt_module *engine_module(struct diag *diag, struct arena *arena, const struct model *model,
                                 const char *engine, uint32_t real_bytes, uint32_t entries)
{
    if (strcmp(engine, "interp") == 0) return by_interpreter(arena, model, real_bytes, entries);
    diag_input(diag, (struct span){0}, "unknown-engine", "no engine '%s'; one of: interp", engine);
    return NULL;
}
