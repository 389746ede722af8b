/* test_stages.c: every row of the pipeline, found by itself: behind each pass of the graph the interpreter computes what it did
 * before, behind each pass of the plan the plan verifies; each entry needs the slabs of its row alone and changes those it writes. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/driver/exercise.h"
#include "compiler/interp/interp.h"
#include "compiler/irgen/irgen.h"
#include "compiler/kernel/nest.h"
#include "compiler/pass/pass.h"
#include "lang/ast.h"
#include "tests/engine/engine.h"

enum { BATCH = 5 };
static uint32_t rows, checks; /* of the whole program, printed at its end */

/* One network of each dynamics. */
static const char *const networks[] = {
    "", "    weights h -> h hollow\n    dynamics ticks(4)\n",
    "    weights h -> h hollow\n    dynamics settle(tolerance: 1e-13, most: 500)\n"};

struct network {
    struct diag *diag;
    struct arena *arena;
    struct model *model;
};

static struct network network_open(const char *dynamics)
{
    struct network n = {.diag = diag_new(), .arena = arena_new()};
    struct text text = {0};
    text_add(&text,
             "network staged {\n    neurons x[3], h[6], y[4]\n    input x\n    output y\n    weights x -> h -> y\n"
             "    biases h, y\n    activation h = 0.5 * tanh(z)\n    activation y = softmax(z)\n"
             "    potential h = 0.1 * s^2\n    loss boundary = cross_entropy(y, target)\n%s}\n"
             "ensemble { reference relaxed }\ntrain { optimizer adam(rate: 0.01, clip: 1) }\n",
             dynamics);
    struct ast_source *source = parse(n.diag, n.arena, "staged", text.data, text.length);
    n.model = source ? check(n.diag, n.arena, source, NULL, 0) : NULL;
    if (!n.model) diag_print(n.diag, stderr, DIAG_PLAIN);
    assert_non_null(n.model);
    text_fini(&text);
    return n;
}

static void network_close(struct network *n)
{
    diag_free(n->diag);
    arena_free(n->arena);
}

/* ---- passes ---- */

static const struct {
    const char *name, *gives, *help;
} passes[] = {
#define PASS(name, takes, gives, help) {#name, #gives, help},
#include "compiler/pass/passes.def"
#undef PASS
};

static const char *const entry_names[NNT_ENTRIES] = {
#define ENTRY(name, ...) #name,
#include "runtime/entries.def"
#undef ENTRY
};

static void assert_same_results(struct nnt_module *got, struct nnt_module *expected, const char *pass)
{
    static const enum nnt_slab slabs[] = {NNT_STATE,   NNT_RESULT,     NNT_GRADIENT, NNT_LINEAR,
                                          NNT_MOMENTS, NNT_PARAMETERS, NNT_D_LINEAR, NNT_D_GRADIENT};
    struct exercise a = exercise_open(got, BATCH), b = exercise_open(expected, BATCH);
    exercise_draw(&a, 6), exercise_draw(&b, 6);
    exercise_draw_direction(&a, 6), exercise_draw_direction(&b, 6);
    for (uint32_t e = 0; e < NNT_ENTRIES; e++) {
        if (!expected->entry[e]) continue;
        exercise_run(&a, (enum nnt_entry_name)e), exercise_run(&b, (enum nnt_entry_name)e);
        for (size_t s = 0; s < LENGTH(slabs); s++) {
            struct distance d = exercise_compare(&a, &b, slabs[s], "");
            checks++;
            if (d.most > 1e-12 && strncmp(d.field->name, "settle.", 7))
                fail_msg("after %s, entry %s: %s[%d] is %.17g, expected %.17g", pass, entry_names[e], d.field->name,
                         (int)d.element, d.a, d.b);
        }
    }
    exercise_close(&a), exercise_close(&b);
}

static void check_pass(struct network *n, const struct ir *g, uint32_t pass)
{
    char *printed = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&printed, &size);
    struct pass_watch watch = {
        .stop_after = passes[pass].name, .dump_after = passes[pass].name, .to = to, .verify = true};
    struct target target = {.real_bytes = 8, .vector_bytes = 32, .batch = 8};
    struct nnt_module *description = describe(n->arena, n->model, g);
    const struct ir *graph = NULL;
    struct kernels kernels;
    assert_true(run_passes(n->diag, n->arena, g, description, &target, &watch, &graph, &kernels));
    fclose(to);
    assert_true(size > 0 && passes[pass].help[0]);
    free(printed);
    checks += 2;
    if (strcmp(passes[pass].gives, "GRAPH")) {
        for (uint32_t e = 0; e < NNT_ENTRIES; e++, checks++)
            assert_int_equal(kernels.entry[e] != NULL, g->entry[e].n_phases > 0);
        return;
    }
    assert_non_null(graph);
    assert_null(ir_verify(graph, n->arena));
    assert_same_results(interp_module(n->arena, graph, describe(n->arena, n->model, g), false),
                        interp_module(n->arena, g, describe(n->arena, n->model, g), false), passes[pass].name);
}

static void passes_keep_the_meaning(void **state)
{
    (void)state;
    for (size_t p = 0; p < LENGTH(passes); p++, rows++) {
        assert_string_equal(pass_names[p], passes[p].name);
        for (size_t k = 0; k < LENGTH(networks); k++) {
            struct network n = network_open(networks[k]);
            check_pass(&n, irgen(n.arena, n.model, 8, IRGEN_ALL), (uint32_t)p);
            network_close(&n);
        }
    }
    assert_null(pass_names[LENGTH(passes)]);
}

/* ---- entries ---- */

static const struct {
    const char *reads, *writes, *help;
} entries[NNT_ENTRIES] = {
#define ENTRY(name, reads, writes, help) {reads, writes, help},
#include "runtime/entries.def"
#undef ENTRY
};

static bool lists(const char *list, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = list; (at = strstr(at, name)); at += length)
        if ((at == list || at[-1] == ' ') && (at[length] == ' ' || !at[length])) return true;
    return false;
}

/* Slabs that the row does not name are not there; those that it only reads are as they were; one that it writes is not. */
static void check_entry(const struct nnt_module *m, uint32_t e, const char *engine)
{
    struct exercise x = exercise_open(m, BATCH), before = exercise_open(m, BATCH);
    struct nnt_call call;
    bool changed = false;
    exercise_draw(&x, 8), exercise_draw(&before, 8);
    exercise_draw_direction(&x, 8), exercise_draw_direction(&before, 8);
    call = x.call;
    for (uint32_t s = 0; s < NNT_SLABS; s++)
        if (s != NNT_WORK && !lists(entries[e].reads, slab_names[s]) && !lists(entries[e].writes, slab_names[s]))
            call.slab[s] = NULL;
    assert_int_equal(m->entry[e](m->self, &call), 0);
    for (uint32_t s = 0; s < NNT_SLABS; s++, checks++) {
        if (s == NNT_WORK) continue;
        size_t bytes = (m->size[s] + m->size_per_sample[s] * BATCH) * m->real_bytes;
        bool same = !memcmp(x.call.slab[s], before.call.slab[s], bytes);
        if (!same && !lists(entries[e].writes, slab_names[s]))
            fail_msg("%s, %s: %s is written", engine, entry_names[e], slab_names[s]);
        changed |= !same;
    }
    if (!changed) fail_msg("%s, %s: nothing is written", engine, entry_names[e]);
    exercise_close(&x), exercise_close(&before);
}

static void entries_keep_to_their_slabs(void **state)
{
    static const char *const engines[] = {"interp", "jit"};
    bool seen[NNT_ENTRIES] = {false};
    (void)state;
    for (size_t k = 0; k < LENGTH(networks); k++)
        for (size_t i = 0; i < LENGTH(engines); i++) {
            struct network n = network_open(networks[k]);
            struct nnt_module *m = engine_module(n.diag, n.arena, n.model, engines[i], 8, IRGEN_ALL);
            assert_non_null(m);
            for (uint32_t e = 0; e < NNT_ENTRIES; e++) {
                if (!m->entry[e]) continue;
                seen[e] = true;
                check_entry(m, e, engines[i]);
            }
            engine_release(m);
            network_close(&n);
        }
    for (uint32_t e = 0; e < NNT_ENTRIES; e++, rows++) {
        assert_true(entries[e].help[0]);
        if (!seen[e]) fail_msg("entry %s: no network here has it", entry_names[e]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(passes_keep_the_meaning),
                                       cmocka_unit_test(entries_keep_to_their_slabs)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    print_message("%u rows, %u checks\n", rows, checks);
    return failed;
}
