/* pass.c: runs the passes in order on every entry: verifies, prints, times, stops. */
#include "compiler/pass/pass.h"

#include <string.h>
#include <time.h>

#include "compiler/pass/plan.h"

enum stage { GRAPH, PLAN };
struct pass {
    const char *name;
    void (*run)(struct plan *plan);
    enum stage gives;
};
static const struct pass passes[] = {
#define PASS(name, takes, gives, help) {#name, pass_##name, gives},
#include "compiler/pass/passes.def"
#undef PASS
};
const char *const pass_names[] = {
#define PASS(name, ...) #name,
#include "compiler/pass/passes.def"
#undef PASS
    NULL};
static const char *const entry_names[NNT_ENTRIES] = {
#define ENTRY(name, ...) #name,
#include "runtime/entries.def"
#undef ENTRY
};

static bool is_pass(const char *name)
{
    for (uint32_t i = 0; pass_names[i]; i++)
        if (strcmp(pass_names[i], name) == 0) return true;
    return false;
}

static bool names_known(struct diag *diag, const struct pass_watch *watch)
{
    const char *name[] = {watch->stop_after, watch->dump_after};
    for (uint32_t k = 0; k < LENGTH(name); k++) {
        if (!name[k] || is_pass(name[k]) || (k == 1 && strcmp(name[k], "all") == 0)) continue;
        diag_input(diag, (struct span){0}, "unknown-pass", "there is no pass '%s'", name[k]);
        diag_did_you_mean(diag, name[k], pass_names, LENGTH(passes));
        return false;
    }
    return true;
}

/* Fusion reads the graph, and nobody changes it afterwards: it is printed with what was decided. */
static void print_plan(const struct plan *plan, enum stage stage, struct text *out)
{
    if (stage == GRAPH) ir_print(plan->g, out);
    for (uint32_t e = 0; e < NNT_ENTRIES; e++) {
        bool nests = stage == PLAN && plan->nests[e], fusion = stage == GRAPH && plan->fused[e].n_phases;
        if (nests || fusion) text_add(out, "%s:\n", entry_names[e]);
        if (nests) nests_print(plan->nests[e], out);
        for (uint32_t p = 0; fusion && p < plan->fused[e].n_phases; p++) {
            if (plan->fused[e].n_phases > 1) text_add(out, " phase %u\n", p);
            fusion_print(plan->fused[e].phase[p], out);
        }
    }
}

static void dump(const struct plan *plan, const struct pass *pass, const struct pass_watch *watch)
{
    struct text text = {0};
    if (!watch->dump_after) return;
    if (strcmp(watch->dump_after, "all") == 0)
        text_add(&text, "; after %s\n", pass->name);
    else if (strcmp(watch->dump_after, pass->name) != 0)
        return;
    print_plan(plan, pass->gives, &text);
    fwrite(text.data, 1, text.length, watch->to);
    text_fini(&text);
}

static void verify(const struct plan *plan, const struct pass *pass)
{
    const char *wrong = pass->gives == GRAPH ? ir_verify(plan->g, plan->arena) : NULL;
    for (uint32_t e = 0; pass->gives == PLAN && e < NNT_ENTRIES && !wrong; e++)
        if (plan->nests[e]) wrong = nests_verify(plan->nests[e], plan->arena);
    if (wrong) BUG("after pass %s: %s", pass->name, wrong);
}

static double milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec * 1e-6;
}

bool run_passes(struct diag *diag, struct arena *arena, const struct ir *g, struct nnt_module *description,
                const struct target *target, const struct pass_watch *watch, const struct ir **out_graph,
                struct kernels *out)
{
    struct plan plan = {.arena = arena, .g = g, .target = target, .description = description};
    *out = (struct kernels){0};
    if (!names_known(diag, watch)) return false;
    enum stage stage = GRAPH;
    for (uint32_t i = 0; i < LENGTH(passes); i++) {
        double start = milliseconds();
        passes[i].run(&plan);
        stage = passes[i].gives;
        if (watch->times) fprintf(stderr, "%-14s %8.3f ms\n", passes[i].name, milliseconds() - start);
        if (watch->verify) verify(&plan, &passes[i]);
        dump(&plan, &passes[i], watch);
        if (watch->stop_after && strcmp(watch->stop_after, passes[i].name) == 0) break;
    }
    if (out_graph) *out_graph = plan.g;
    if (stage == GRAPH) return true;
    *out = (struct kernels){.description = description, .real_bytes = target->real_bytes};
    memcpy(out->entry, plan.nests, sizeof out->entry);
    return true;
}
