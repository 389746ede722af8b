/* fuzz_file.c: any bytes as a .nnt file: parse, print, check, build the graph of all entries, interpret
 * them, run the passes and their nests, under a size cap. */
#include <stdlib.h>
#include <string.h>

#include "compiler/interp/interp.h"
#include "compiler/irgen/irgen.h"
#include "compiler/pass/pass.h"
#include "lang/ast.h"
#include "lang/model.h"

enum { MOST_TURNS = 16, MOST_NEURONS = 200, MOST_PARAMETERS = 4000, BATCH = 2 };

static uint64_t slab_size(const struct nnt_module *module, uint32_t s)
{
    return module->size[s] + module->size_per_sample[s] * BATCH;
}

static void fill(const struct nnt_module *module, struct nnt_call *call)
{
    *call = (struct nnt_call){.batch = BATCH, .number = {0.1, 1}};
    for (uint32_t s = 0; s < NNT_SLABS; s++) {
        double *slab = calloc(slab_size(module, s) + 2, sizeof *slab);
        if (!slab) abort();
        for (uint64_t i = 0; (s == NNT_PARAMETERS || s == NNT_STATE) && i < slab_size(module, s); i++)
            slab[i] = 0.01 * (double)(i % 7);
        call->slab[s] = slab;
    }
}

static void empty(struct nnt_call *call)
{
    for (uint32_t s = 0; s < NNT_SLABS; s++) free(call->slab[s]);
}

/* The graph as built, by its definition. */
static void interpret(struct arena *arena, const struct model *model, const struct ir *graph, uint32_t entries)
{
    struct nnt_module *module = interp_module(arena, graph, describe(arena, model, graph), false);
    struct nnt_call call;
    fill(module, &call);
    for (uint32_t e = 0; e < NNT_ENTRIES; e++)
        if (entries >> e & 1 && module->entry[e] && module->entry[e](module->self, &call)) abort();
    empty(&call);
}

/* All passes, each verified, and their nests in plain C. */
static void run_nests(struct diag *diag, struct arena *arena, const struct model *model, const struct ir *graph)
{
    struct nnt_module *description = describe(arena, model, graph);
    struct target target = {.real_bytes = 8, .vector_bytes = 32, .batch = BATCH};
    struct pass_watch watch = {.verify = true};
    struct kernels kernels;
    struct nnt_call call;
    if (!run_passes(diag, arena, graph, description, &target, &watch, NULL, &kernels)) abort();
    fill(description, &call);
    for (uint32_t e = 0; e < NNT_ENTRIES; e++)
        if (kernels.entry[e]) nests_run(kernels.entry[e], 8, &call);
    empty(&call);
}

static void execute(struct diag *diag, struct arena *arena, const struct model *model)
{
    uint32_t entries = (1u << NNT_ENTRIES) - 1;
    const struct ir *graph = irgen(arena, model, 8, entries);
    interpret(arena, model, graph, entries);
    run_nests(diag, arena, model, graph);
}

/* Time is cut short where nothing but patience depends on it. */
static void hurry(struct model *model)
{
    if (model->dynamics.which == DYNAMICS_SETTLE && model->dynamics.ticks > MOST_TURNS)
        model->dynamics.ticks = MOST_TURNS;
    if (model->ensemble.relax_most > MOST_TURNS) model->ensemble.relax_most = MOST_TURNS;
}

static bool is_small(const struct model *model)
{
    uint64_t neurons = 0, parameters = 0;
    for (uint32_t g = 0; g < model->n_groups; g++) neurons += model->group[g].size;
    for (uint32_t p = 0; p < model->n_parameters; p++)
        parameters += (uint64_t)model->parameter[p].rows * model->parameter[p].columns;
    return model->dynamics.ticks <= MOST_TURNS && neurons <= MOST_NEURONS && parameters <= MOST_PARAMETERS &&
           model->pool->count < 4000;
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
        struct ast_source *again =
            parse(diag, arena, "printed.nnt", printed.data ? printed.data : "", printed.length);
        if (!again || !ast_equal(source->file, again->file)) abort();
        struct model *model = check(diag, arena, source, NULL, 0);
        if (!model && !diag_failed(diag)) abort();
        if (model) hurry(model);
        if (model && is_small(model)) execute(diag, arena, model);
    }
    text_fini(&printed);
    free(text);
    diag_free(diag);
    arena_free(arena);
    return 0;
}
