/* test_networks.c: on networks drawn by seed, interpreter (graph as built) and JIT (after all passes) agree, and gradients agree with
 * central differences away from kinks. NNT_NETWORKS=N draws N networks, NNT_SEED=S begins at seed S. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lang/ast.h"
#include "lang/model.h"
#include "runtime/base/random.h"
#include "tests/engine/engine.h"
#include "compiler/driver/exercise.h"
#include "tests/random/draw.h"

enum { BATCH = 7 };
static const uint32_t entries = 1u << NNT_ENTRY_forward | 1u << NNT_ENTRY_loss | 1u << NNT_ENTRY_gradient |
                                1u << NNT_ENTRY_step | 1u << NNT_ENTRY_ensemble_forward |
                                1u << NNT_ENTRY_linearise | 1u << NNT_ENTRY_bulk;

struct drawn {
    struct diag *diag;
    struct arena *arena;
    struct text text;
    struct model *model;
    uint64_t seed;
};

static struct drawn drawn_open(uint64_t seed)
{
    struct drawn d = {.diag = diag_new(), .arena = arena_new(), .seed = seed};
    draw_network(seed, &d.text);
    struct ast_source *source = parse(d.diag, d.arena, "drawn", d.text.data, d.text.length);
    d.model = source ? check(d.diag, d.arena, source, NULL, 0) : NULL;
    if (!d.model) {
        diag_print(d.diag, stderr, DIAG_PLAIN);
        fail_msg("seed %llu does not check:\n%s", (unsigned long long)seed, d.text.data);
    }
    return d;
}

static void drawn_close(struct drawn *d)
{
    diag_free(d->diag);
    arena_free(d->arena);
    text_fini(&d->text);
}

static const char *compare_entry(struct exercise *a, struct exercise *b, enum nnt_entry_name entry,
                                 double tolerance)
{
    static const enum nnt_slab slabs[] = {NNT_STATE,  NNT_RESULT,  NNT_GRADIENT,
                                          NNT_LINEAR, NNT_MOMENTS, NNT_PARAMETERS};
    static char where[192];
    exercise_run(a, entry);
    exercise_run(b, entry);
    for (size_t s = 0; s < LENGTH(slabs); s++) {
        char at[128];
        double d = exercise_distance(a, b, slabs[s], at);
        if (d <= tolerance) continue;
        snprintf(where, sizeof where, "entry %d slab %d: %.3g at %s", (int)entry, (int)slabs[s], d, at);
        return where;
    }
    return NULL;
}

/* Steps last: they change the weights. */
static const char *compare_modules(struct exercise *a, struct exercise *b, double tolerance)
{
    static const enum nnt_entry_name order[] = {NNT_ENTRY_linearise, NNT_ENTRY_bulk,     NNT_ENTRY_forward,
                                                NNT_ENTRY_loss,      NNT_ENTRY_gradient, NNT_ENTRY_ensemble_forward,
                                                NNT_ENTRY_step,      NNT_ENTRY_step};
    for (size_t i = 0; i < LENGTH(order); i++) {
        const char *where = compare_entry(a, b, order[i], tolerance);
        if (where) return where;
        a->call.number[NNT_STEP] = b->call.number[NNT_STEP] = (double)i;
    }
    return NULL;
}

static int check_gradient(struct exercise *x, uint64_t seed, int *out_counted)
{
    const struct nnt_module *m = x->module;
    struct random random = random_stream(seed, RANDOM_PROBE, 0, 0);
    struct differentiated loss = {x, NNT_ENTRY_loss, &m->field[m->loss], 1.0 / x->call.batch, NULL};
    int wrong = 0;
    exercise_run(x, NNT_ENTRY_gradient);
    for (uint32_t p = 0; p < m->n_parameters; p++) {
        if (m->parameter[p].gradient == NNT_NONE) continue;
        const struct nnt_field *f = &m->field[m->parameter[p].field], *g = &m->field[m->parameter[p].gradient];
        for (int i = 0; i < 3; i++) {
            uint64_t e = random_below(&random, (uint32_t)exercise_size(x, f));
            double fine, got = exercise_get(x, g, e);
            if (!exercise_difference(&loss, f, e, &fine)) continue;
            ++*out_counted;
            if (fabs(got - fine) <= 1e-6 * (1 + fabs(fine))) continue;
            print_error("seed %llu: %s[%llu]: gradient %.12g, differences %.12g\n", (unsigned long long)seed,
                        f->name, (unsigned long long)e, got, fine);
            wrong++;
        }
    }
    return wrong;
}

/* Whether float32 holds the states and losses of the definition, and their squares, after a step too: squares of squares may
 * outgrow it, and then the first step throws the weights far away. */
static bool fits_float(struct nnt_module *reference, uint64_t seed)
{
    struct exercise x = exercise_open(reference, BATCH);
    bool fits = true;
    exercise_draw(&x, seed);
    for (int step = 0; step < 3; step++) {
        exercise_run(&x, step == 0 ? NNT_ENTRY_loss : NNT_ENTRY_step);
        for (uint32_t f = 0; f < reference->n_fields; f++) {
            const struct nnt_field *field = &reference->field[f];
            if (field->slab != NNT_STATE && field->slab != NNT_RESULT) continue;
            for (uint64_t e = 0, n = exercise_size(&x, field); e < n; e++)
                fits = fits && fabs(exercise_get(&x, field, e)) < 1e18;
        }
    }
    exercise_close(&x);
    return fits;
}

/* The definition in float64 on one side; `engine` in one precision on the other. */
static int compare_engine(struct drawn *d, const char *engine, uint32_t real_bytes, double tolerance)
{
    struct nnt_module *reference = engine_module(d->diag, d->arena, d->model, "interp", 8, entries);
    struct nnt_module *module = engine_module(d->diag, d->arena, d->model, engine, real_bytes, entries);
    assert_non_null(reference);
    assert_non_null(module);
    if (real_bytes == 4 && !fits_float(reference, d->seed)) {
        engine_release(module);
        return 0;
    }
    struct exercise a = exercise_open(module, BATCH), b = exercise_open(reference, BATCH);
    exercise_draw(&a, d->seed);
    exercise_draw(&b, d->seed);
    const char *where = compare_modules(&a, &b, tolerance);
    if (where)
        print_error("seed %llu, %s, %u bytes: %s\n%s\n", (unsigned long long)d->seed, engine, real_bytes, where,
                    d->text.data);
    exercise_close(&a);
    exercise_close(&b);
    engine_release(module);
    return where != NULL;
}

static int check_drawn(uint64_t seed, int *out_counted)
{
    struct drawn d = drawn_open(seed);
    int wrong = compare_engine(&d, "jit", 8, 1e-10) + compare_engine(&d, "jit", 4, 1e-4) +
                compare_engine(&d, "interp", 4, 1e-4);
    struct nnt_module *module = engine_module(d.diag, d.arena, d.model, "interp", 8, entries);
    struct exercise x = exercise_open(module, BATCH);
    exercise_draw(&x, seed);
    wrong += check_gradient(&x, seed, out_counted);
    exercise_close(&x);
    drawn_close(&d);
    return wrong;
}

static void engines_and_gradients_agree(void **state)
{
    const char *count = getenv("NNT_NETWORKS"), *seed = getenv("NNT_SEED");
    uint64_t n = count           ? strtoull(count, NULL, 10)
                 : NNT_SANITIZED ? 20
                                 : 50,
             first = seed ? strtoull(seed, NULL, 10) : 1;
    int wrong = 0, counted = 0;
    (void)state;
    for (uint64_t s = first; s < first + n; s++) wrong += check_drawn(s, &counted);
    print_message("%llu networks, %d gradient elements away from kinks, %d disagreements\n", (unsigned long long)n,
                  counted, wrong);
    assert_int_equal(wrong, 0);
    assert_true(counted > (int)n * 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(engines_and_gradients_agree)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
