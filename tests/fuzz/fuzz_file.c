/* fuzz_file.c: any bytes as a .nnt file: parse, print, check, build the graph and interpret one step, under a size cap. */
#include <stdlib.h>
#include <string.h>

#include "compiler/interp/interp.h"
#include "compiler/irgen/irgen.h"
#include "lang/ast.h"
#include "lang/model.h"

enum { MOST_NEURONS = 200, MOST_PARAMETERS = 4000, BATCH = 2 };

static void *slab(const struct nnt_module *module, uint32_t s)
{
    size_t bytes = (module->size[s] + module->size_per_sample[s] * BATCH + 16) * module->real_bytes;
    void *memory = calloc(1, bytes);
    if (!memory) abort();
    return memory;
}

static void interpret(struct arena *arena, const struct model *model)
{
    uint32_t entries = 1u << NNT_ENTRY_forward | (model->loss ? 1u << NNT_ENTRY_step : 0);
    const struct ir *graph = irgen(arena, model, 4, entries);
    struct nnt_module *module = interp_module(arena, graph, describe(arena, model, graph), true);
    struct nnt_call call = {.batch = BATCH, .number = {0.1, 1}};
    for (uint32_t s = 0; s < NNT_SLABS; s++) call.slab[s] = slab(module, s);
    for (uint32_t e = 0; e < NNT_ENTRIES; e++)
        if (entries >> e & 1 && module->entry[e] && module->entry[e](module->self, &call)) abort();
    for (uint32_t s = 0; s < NNT_SLABS; s++) free(call.slab[s]);
}

static bool is_small(const struct model *model)
{
    uint64_t neurons = 0, parameters = 0;
    for (uint32_t g = 0; g < model->n_groups; g++) neurons += model->group[g].size;
    for (uint32_t p = 0; p < model->n_parameters; p++)
        parameters += (uint64_t)model->parameter[p].rows * model->parameter[p].columns;
    return neurons <= MOST_NEURONS && parameters <= MOST_PARAMETERS && model->pool->count < 4000;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct diag *diag = diag_new();
    struct arena *arena = arena_new();
    struct text printed = {0};
    char *text = malloc(size + 1);
    if (!text) abort();
    memcpy(text, data, size);
    text[size] = 0;
    struct ast_source *source = parse(diag, arena, "fuzz.nnt", text, size);
    if (source && !diag_failed(diag)) {
        ast_print(source, &printed);
        struct ast_source *again = parse(diag, arena, "printed.nnt", printed.data ? printed.data : "", printed.length);
        if (!again || !ast_equal(source->file, again->file)) abort();
        const struct model *model = check(diag, arena, source, NULL, 0);
        if (!model && !diag_failed(diag)) abort();
        if (model && is_small(model)) interpret(arena, model);
    }
    text_fini(&printed);
    free(text);
    diag_free(diag);
    arena_free(arena);
    return 0;
}
