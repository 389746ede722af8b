/* engine.c: a model as a module by an engine's name. */
#include "tests/engine/engine.h"

#include <string.h>

#include "compiler/driver/compile.h"
#include "compiler/interp/interp.h"
#include "compiler/irgen/irgen.h"

static struct nnt_module *by_interpreter(struct arena *arena, const struct model *model, uint32_t real_bytes,
                                         uint32_t entries)
{
    const struct ir *g = irgen(arena, model, real_bytes, entries);

    return interp_module(arena, g, describe(arena, model, g), real_bytes == 4);
}

static struct nnt_module *by_jit(struct diag *diag, struct arena *arena, const struct model *model,
                                 uint32_t real_bytes, uint32_t entries)
{
    struct session session = {.diag = diag, .arena = arena};
    struct times times = {0};
    struct job job = {.entries = entries, .real_bytes = real_bytes, .batch = model->train.batch};

    return compile(&session, model, &job, &times);
}

struct nnt_module *engine_module(struct diag *diag, struct arena *arena, const struct model *model,
                                 const char *engine, uint32_t real_bytes, uint32_t entries)
{
    if (strcmp(engine, "interp") == 0) return by_interpreter(arena, model, real_bytes, entries);
    if (strcmp(engine, "jit") == 0) return by_jit(diag, arena, model, real_bytes, entries);
    diag_input(diag, (struct span){0}, "unknown-engine", "no engine '%s'; interp or jit was expected", engine);
    return NULL;
}

void engine_release(struct nnt_module *module)
{
    release_module(module);
}
