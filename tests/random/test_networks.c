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

#include "compiler/driver/exercise.h"
#include "lang/ast.h"
#include "lang/model.h"
#include "runtime/base/random.h"
#include "tests/engine/engine.h"
#include "tests/random/adjoint.h"
#include "tests/random/contract.h"
#include "tests/random/draw.h"

enum { BATCH = 7, ELEMENTS = 3 };
static const uint32_t entries = 1u << NNT_ENTRY_forward | 1u << NNT_ENTRY_loss | 1u << NNT_ENTRY_gradient |
                                1u << NNT_ENTRY_step | 1u << NNT_ENTRY_ensemble_forward |
                                1u << NNT_ENTRY_linearise | 1u << NNT_ENTRY_bulk,
                      adjoints = 1u << NNT_ENTRY_pull | 1u << NNT_ENTRY_push |
                                 1u << NNT_ENTRY_pull_push; /* what the ensemble asks of float64 alone */

struct counts {
    uint32_t networks, kind[3];
    uint32_t restless; /* whatever the weights, they do not settle */
    uint32_t
        loose; /* the last bit of the weights, or of what jumps, moves the results by more than they may differ */
    uint32_t elements, wrong;
};

/* The network, and the numbers that every engine begins with: in the interpreter's float64, which is the definition. */
struct drawn {
    struct diag *diag;
    struct arena *arena;
    struct text text;
    struct model *model;
    struct model *coarse; /* as float32 can settle it */
    struct nnt_module *reference;
    struct exercise start;
    uint64_t seed;
};

static struct model *checked(struct drawn *d, const struct setting *setting, uint32_t n)
{
    struct ast_source *source = parse(d->diag, d->arena, "drawn", d->text.data, d->text.length);
    struct model *model = source ? check(d->diag, d->arena, source, setting, n) : NULL;
    if (!model) {
        diag_print(d->diag, stderr, DIAG_PLAIN);
        fail_msg("seed %llu does not check:\n%s", (unsigned long long)d->seed, d->text.data);
    }
    return model;
}

static struct drawn drawn_open(uint64_t seed)
{
    static const struct setting coarse = {"accuracy", "1e-5"};
    struct drawn d = {.diag = diag_new(), .arena = arena_new(), .seed = seed};
    draw_network(seed, &d.text);
    d.model = checked(&d, NULL, 0);
    d.coarse = d.model->dynamics.which == DYNAMICS_SETTLE ? checked(&d, &coarse, 1) : d.model;
    d.reference = engine_module(d.diag, d.arena, d.model, "interp", 8, entries | adjoints);
    assert_non_null(d.reference);
    d.start = exercise_open(d.reference, BATCH);
    exercise_draw(&d.start, seed);
    return d;
}

static void drawn_close(struct drawn *d)
{
    exercise_close(&d->start);
    engine_release(d->reference);
    diag_free(d->diag);
    arena_free(d->arena);
    text_fini(&d->text);
}

static struct exercise begin(const struct drawn *d, const struct nnt_module *module)
{
    struct exercise x = exercise_open(module, BATCH);
    exercise_copy(&x, &d->start);
    exercise_draw_direction(&x, d->seed);
    return x;
}

/* ---- engines ---- */

/* What two engines must agree on. The ticks until a sample settled, and what is told by them, hang by the last bit. */
static const struct {
    enum nnt_slab slab;
    const char *prefix;
} results[] = {{NNT_STATE, ""},    {NNT_RESULT, "loss"}, {NNT_RESULT, "H"}, {NNT_RESULT, "settle.failed"},
               {NNT_GRADIENT, ""}, {NNT_LINEAR, ""},     {NNT_MOMENTS, ""}, {NNT_PARAMETERS, ""},
               {NNT_D_LINEAR, ""}, {NNT_D_GRADIENT, ""}};

static const char *compare_entry(struct exercise *a, struct exercise *b, enum nnt_entry_name entry,
                                 double tolerance)
{
    static char where[192];
    exercise_run(a, entry);
    exercise_run(b, entry);
    for (size_t s = 0; s < LENGTH(results); s++) {
        struct distance d = exercise_compare(a, b, results[s].slab, results[s].prefix);
        if (d.most <= tolerance) continue;
        snprintf(where, sizeof where, "entry %d: %s[%llu] is %.17g, expected %.17g", (int)entry, d.field->name,
                 (unsigned long long)d.element, d.a, d.b);
        return where;
    }
    return NULL;
}

/* Steps last: they change the weights, and a step too far is no longer one that settles. */
static const char *compare_modules(struct exercise *a, struct exercise *b, double tolerance)
{
    static const enum nnt_entry_name order[] = {NNT_ENTRY_linearise, NNT_ENTRY_push,     NNT_ENTRY_pull,
                                                NNT_ENTRY_pull_push, NNT_ENTRY_bulk,     NNT_ENTRY_forward,
                                                NNT_ENTRY_loss,      NNT_ENTRY_gradient, NNT_ENTRY_ensemble_forward,
                                                NNT_ENTRY_step,      NNT_ENTRY_step};
    for (size_t i = 0; i < LENGTH(order); i++) {
        if (!a->module->entry[order[i]] || !b->module->entry[order[i]]) continue;
        const char *where = compare_entry(a, b, order[i], tolerance);
        if (where) return where;
        a->call.number[NNT_STEP] = b->call.number[NNT_STEP] = (double)i;
        if (order[i] == NNT_ENTRY_step && !still_contracts(b)) break;
    }
    return NULL;
}

/* Whether float32 holds the states and losses of the definition, and their squares, after a step too: squares of squares may
 * outgrow it, and then the first step throws the weights far away. */
static bool fits_float(const struct drawn *d)
{
    struct exercise x = begin(d, d->reference);
    bool fits = true;
    for (int step = 0; step < 3; step++) {
        exercise_run(&x, step == 0 ? NNT_ENTRY_loss : NNT_ENTRY_step);
        for (uint32_t f = 0; f < d->reference->n_fields; f++) {
            const struct nnt_field *field = &d->reference->field[f];
            if (field->slab != NNT_STATE && field->slab != NNT_RESULT) continue;
            for (uint64_t e = 0, n = exercise_size(&x, field); e < n; e++)
                fits = fits && fabs(exercise_get(&x, field, e)) < 1e18;
        }
    }
    exercise_close(&x);
    return fits;
}

static void move_weights(struct exercise *x, uint64_t seed, double by)
{
    struct random random = random_stream(seed, RANDOM_PROBE, 1, 0);
    for (uint32_t p = 0; p < x->module->n_parameters; p++) {
        const struct nnt_field *f = &x->module->field[x->module->parameter[p].field];
        for (uint64_t e = 0, n = exercise_size(x, f); e < n; e++)
            exercise_set(x, f, e, exercise_get(x, f, e) * (random_below(&random, 2) ? 1 + by : 1 - by));
    }
}

/* Whether the weights' last bit, or to settle as far as float32 can, moves what the definition itself gives by more than a tenth of
 * what an engine is allowed: then it cannot be held to that. */
static bool is_sensitive(const struct drawn *d, uint32_t real_bytes, double tolerance)
{
    struct model *model = real_bytes == 4 ? d->coarse : d->model;
    struct nnt_module *module = engine_module(d->diag, d->arena, model, "interp", 8, entries | adjoints);
    struct exercise moved = begin(d, module), exact = begin(d, d->reference);
    move_weights(&moved, d->seed, real_bytes == 4 ? 0x1p-24 : 0x1p-52);
    bool sensitive = compare_modules(&moved, &exact, tolerance / 10) != NULL;
    exercise_close(&moved);
    exercise_close(&exact);
    engine_release(module);
    return sensitive;
}

/* Whether something stands so near a jump that the last bits of its argument decide what it is: differently in each engine. */
static bool is_at_jump(struct drawn *d, uint32_t real_bytes, double tolerance)
{
    static const struct setting nudges[2][2] = {{{"nudge", "0.999999"}, {"nudge", "1.000001"}},
                                                {{"nudge", "0.999999999999998"}, {"nudge", "1.000000000000002"}}};
    bool jumps = false;
    for (int i = 0; i < 2 && strstr(d->text.data, "param nudge"); i++) {
        struct model *model = checked(d, &nudges[real_bytes == 8][i], 1);
        struct nnt_module *module = engine_module(d->diag, d->arena, model, "interp", 8, entries | adjoints);
        struct exercise moved = begin(d, module), exact = begin(d, d->reference);
        jumps = jumps || compare_modules(&moved, &exact, tolerance / 10) != NULL;
        exercise_close(&moved);
        exercise_close(&exact);
        engine_release(module);
    }
    return jumps;
}

/* The definition on one side, a module on the other. */
static void compare_engine(struct drawn *d, const struct nnt_module *module, const char *engine, double tolerance,
                           struct counts *counts)
{
    struct exercise a = begin(d, module), b = begin(d, d->reference);
    const char *where = compare_modules(&a, &b, tolerance);
    exercise_close(&a);
    exercise_close(&b);
    if (!where) return;
    char kept[192];
    snprintf(kept, sizeof kept, "%s", where);
    if (is_sensitive(d, module->real_bytes, tolerance) || is_at_jump(d, module->real_bytes, tolerance)) {
        counts->loose++;
        return;
    }
    counts->wrong++;
    print_error("seed %llu, %s, %u bytes: %s\n%s\n", (unsigned long long)d->seed, engine, module->real_bytes, kept,
                d->text.data);
}

static void compare_float(struct drawn *d, const char *engine, struct counts *counts)
{
    struct nnt_module *module = engine_module(d->diag, d->arena, d->coarse, engine, 4, entries);
    assert_non_null(module);
    compare_engine(d, module, engine, 1e-4, counts);
    engine_release(module);
}

/* ---- differences ---- */

/* Some elements of `got`, the derivatives of `of` by the field `by`, taken before the differences are: those run the entry anew. */
static void check_derivatives(const struct differentiated *of, const struct nnt_field *by,
                              const struct nnt_field *got, struct random *random, uint64_t seed,
                              struct counts *counts)
{
    for (int i = 0; i < ELEMENTS; i++) {
        uint64_t e = random_below(random, (uint32_t)exercise_size(of->exercise, by));
        double fine, value = exercise_get(of->exercise, got, e);
        if (!exercise_difference(of, by, e, &fine)) continue;
        counts->elements++;
        if (fabs(value - fine) <= 1e-6 * (1 + fabs(fine))) continue;
        print_error("seed %llu: %s[%llu]: %.12g, by differences %.12g\n", (unsigned long long)seed, got->name,
                    (unsigned long long)e, value, fine);
        counts->wrong++;
    }
}

static void check_parameters(const struct differentiated *of, struct random *random, uint64_t seed,
                             struct counts *counts)
{
    const struct nnt_module *m = of->exercise->module;
    for (uint32_t p = 0; p < m->n_parameters; p++)
        if (m->parameter[p].gradient != NNT_NONE)
            check_derivatives(of, &m->field[m->parameter[p].field], &m->field[m->parameter[p].gradient], random,
                              seed, counts);
}

/* The gradient of the loss; dH/dx and dH/dq at the drawn states. */
static void check_gradients(const struct drawn *d, const struct nnt_module *m, struct counts *counts)
{
    struct exercise x = begin(d, m), y = begin(d, m);
    struct random random = random_stream(d->seed, RANDOM_PROBE, 0, 0);
    struct differentiated loss = {&x, NNT_ENTRY_loss, &m->field[m->loss], 1.0 / BATCH, NULL, 0},
                          H = {&y, NNT_ENTRY_linearise, &m->field[m->H], 1, NULL, 0}, mean = H;
    mean.weight = 1.0 / BATCH;
    exercise_run(&x, NNT_ENTRY_gradient);
    check_parameters(&loss, &random, d->seed, counts);
    exercise_run(&y, NNT_ENTRY_bulk);
    check_parameters(&mean, &random, d->seed, counts);
    for (uint32_t g = 0; g < m->n_groups; g++)
        if (m->group[g].gradient_x != NNT_NONE)
            check_derivatives(&H, &m->field[m->group[g].state], &m->field[m->group[g].gradient_x], &random, d->seed,
                              counts);
    exercise_close(&x);
    exercise_close(&y);
}

static void check_adjoints(const struct drawn *d, const struct nnt_module *m, struct counts *counts)
{
    double defect = adjoint_defect(m, &d->start, d->seed);
    if (defect <= 1e-12) return;
    print_error("seed %llu: pull, push and pull_push are %.2g apart\n%s\n", (unsigned long long)d->seed, defect,
                d->text.data);
    counts->wrong++;
}

/* ---- networks ---- */

static void check_drawn(uint64_t seed, struct counts *counts)
{
    struct drawn d = drawn_open(seed);
    struct nnt_module *module = engine_module(d.diag, d.arena, d.model, "jit", 8, entries | adjoints);
    assert_non_null(module);
    counts->networks++;
    counts->kind[d.model->dynamics.which]++;
    if (contract(&d.start, d.model->dynamics.which == DYNAMICS_TICKS)) {
        compare_engine(&d, module, "jit", 1e-10, counts);
        if (fits_float(&d)) {
            compare_float(&d, "jit", counts);
            compare_float(&d, "interp", counts);
        }
        check_gradients(&d, module, counts);
        check_adjoints(&d, module, counts);
    } else {
        counts->restless++;
    }
    engine_release(module);
    drawn_close(&d);
}

static void engines_and_gradients_agree(void **state)
{
    const char *count = getenv("NNT_NETWORKS"), *seed = getenv("NNT_SEED");
    uint64_t n = count           ? strtoull(count, NULL, 10)
                 : NNT_SANITIZED ? 5
                                 : 10,
             first = seed ? strtoull(seed, NULL, 10) : 1;
    struct counts c = {0};
    (void)state;
    for (uint64_t s = first; s < first + n; s++) check_drawn(s, &c);
    print_message("%u networks (%u feed-forward, %u with ticks, %u that settle), %u of them never settle, %u "
                  "comparisons beyond the last bit, %u derivatives away from kinks, %u disagreements\n",
                  c.networks, c.kind[DYNAMICS_FEEDFORWARD], c.kind[DYNAMICS_TICKS], c.kind[DYNAMICS_SETTLE],
                  c.restless, c.loose, c.elements, c.wrong);
    assert_int_equal(c.wrong, 0);
    assert_true(c.elements > 10 * n);
    assert_true(c.restless * 20 <= n && c.loose * 20 <= n); /* the exceptions stay ones */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(engines_and_gradients_agree)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
