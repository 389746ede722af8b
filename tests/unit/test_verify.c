/* test_verify.c: an engine that is a little wrong is found, with the place; one that is right passes; wrong derivatives are found. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "compiler/driver/verify.h"
#include "lang/ast.h"
#include "lang/model.h"
#include "tests/engine/engine.h"

static const char *const text =
    "network n {\n"
    "neurons x[3], h[4], y[2]\n input x\n output y\n weights x -> h -> y\n biases h, y\n"
    "activation h = relu(z)\n activation y = tanh(z)\n potential h = 0.2 * s^2 + 0.1 * s^4\n"
    "loss boundary = squared_error(y, target)\n}\n";
enum { BATCH = 3, QUANTITIES = 13 };

struct tested {
    struct diag *diag;
    struct arena *arena;
    struct nnt_module *module;
    struct exercise start;
    struct findings findings;
};

static struct tested tested_open(void)
{
    struct tested t = {.diag = diag_new(), .arena = arena_new()};
    struct ast_source *source = parse(t.diag, t.arena, "test", text, strlen(text));
    struct model *model = source ? check(t.diag, t.arena, source, NULL, 0) : NULL;
    assert_non_null(model);
    t.module = engine_module(t.diag, t.arena, model, "interp", 8, (1u << NNT_ENTRIES) - 1);
    t.start = exercise_open(t.module, BATCH);
    exercise_draw(&t.start, 5);
    t.findings.arena = t.arena;
    return t;
}

static void tested_close(struct tested *t)
{
    exercise_close(&t->start);
    arena_free(t->arena);
    diag_free(t->diag);
}

/* An entry that adds `by` to one element of what the right one leaves. */
struct spoiled {
    const struct nnt_module *inner;
    enum nnt_entry_name entry;
    const struct nnt_field *field;
    uint64_t element;
    double by;
};

static int32_t spoil(const void *self, const struct nnt_call *call)
{
    const struct spoiled *s = self;
    struct exercise x = {.module = s->inner, .call = *call};
    int32_t failed = s->inner->entry[s->entry](s->inner->self, call);
    exercise_set(&x, s->field, s->element, exercise_get(&x, s->field, s->element) + s->by);
    return failed;
}

/* The entries but the spoiled one are left out: they would need the other self. */
static struct nnt_module spoiled_module(const struct spoiled *s)
{
    struct nnt_module m = *s->inner;
    memset(m.entry, 0, sizeof m.entry);
    m.entry[s->entry] = spoil;
    m.self = s;
    return m;
}

static const struct finding *find(const struct findings *f, const char *by, const char *quantity)
{
    for (uint32_t i = 0; i < f->count; i++)
        if (!strcmp(f->finding[i].by, by) && !strcmp(f->finding[i].quantity, quantity)) return &f->finding[i];
    fail_msg("no row %s, %s", by, quantity);
    return NULL;
}

static void right_engine_passes(void **state)
{
    struct tested t = tested_open();
    (void)state;
    verify_engine(&t.findings, "itself", 0, t.module, t.module, &t.start);
    assert_int_equal(t.findings.count,
                     QUANTITIES); /* every quantity that there is: adam has moments, h a potential */
    for (uint32_t i = 0; i < t.findings.count; i++) assert_true(finding_holds(&t.findings.finding[i]));
    assert_int_equal(find(&t.findings, "itself", "states")->compared, BATCH * 9);
    assert_int_equal(find(&t.findings, "itself", "gradient")->compared, 12 + 8 + 6);
    tested_close(&t);
}

static void wrong_engine_is_found(void **state)
{
    static const struct {
        enum nnt_entry_name entry;
        enum nnt_slab slab;
        const char *field, *quantity, *where;
        uint64_t element;
    } cases[] = {
        {NNT_ENTRY_forward, NNT_STATE, "state.h", "states", "state.h[2] of sample 3", 9},
        {NNT_ENTRY_loss, NNT_RESULT, "loss", "loss", "loss of sample 2", 1},
        {NNT_ENTRY_gradient, NNT_GRADIENT, "weight.x.h", "gradient", "weight.x.h[2, 3]", 5},
        {NNT_ENTRY_linearise, NNT_RESULT, "H", "H", "H of sample 1", 0},
        {NNT_ENTRY_linearise, NNT_LINEAR, "slope.y", "slope f'", "slope.y[1] of sample 2", 2},
        {NNT_ENTRY_linearise, NNT_LINEAR, "curvature.h", "curvature V''", "curvature.h[4] of sample 1", 3},
        {NNT_ENTRY_bulk, NNT_LINEAR, "gradient_x.h", "dH/dx", "gradient_x.h[1] of sample 2", 4},
        {NNT_ENTRY_bulk, NNT_GRADIENT, "bias.y", "dH/dq", "bias.y[2]", 1},
        {NNT_ENTRY_step, NNT_PARAMETERS, "weight.h.y", "weights after a step", "weight.h.y[2, 4]", 7},
    };
    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct tested t = tested_open();
        const struct nnt_field *field = exercise_field(t.module, cases[i].slab, cases[i].field);
        assert_non_null(field);
        struct spoiled s = {t.module, cases[i].entry, field, cases[i].element, 1e-7};
        struct nnt_module wrong = spoiled_module(&s);
        verify_engine(&t.findings, "wrong", 1e-10, &wrong, t.module, &t.start);
        const struct finding *f = find(&t.findings, "wrong", cases[i].quantity);
        assert_false(finding_holds(f));
        assert_true(f->deviation > 1e-8 && f->deviation <= 1.01e-7);
        if (strncmp(f->where, cases[i].where, strlen(cases[i].where)))
            fail_msg("%s: expected %s", f->where, cases[i].where);
        tested_close(&t);
    }
}

/* By differences of the right H, a gradient that is off by 1e-4 is wrong. */
static int32_t spoil_bulk(const void *self, const struct nnt_call *call)
{
    const struct spoiled *s = self;
    struct exercise x = {.module = s->inner, .call = *call};
    int32_t failed = s->inner->entry[NNT_ENTRY_bulk](s->inner->self, call);
    for (uint64_t e = 0; e < exercise_size(&x, s->field); e++)
        exercise_set(&x, s->field, e, exercise_get(&x, s->field, e) + s->by);
    return failed;
}

static int32_t unspoiled_linearise(const void *self, const struct nnt_call *call)
{
    const struct spoiled *s = self;
    return s->inner->entry[NNT_ENTRY_linearise](s->inner->self, call);
}

static void wrong_derivatives_are_found(void **state)
{
    struct tested t = tested_open();
    (void)state;
    verify_derivatives(&t.findings, t.module, &t.start, 1);
    assert_int_equal(t.findings.count, 3);
    for (uint32_t i = 0; i < 3; i++)
        assert_true(finding_holds(&t.findings.finding[i]) && t.findings.finding[i].compared > 0);
    struct spoiled s = {t.module, NNT_ENTRY_bulk, exercise_field(t.module, NNT_LINEAR, "gradient_x.h"), 0, 1e-4};
    struct nnt_module wrong = spoiled_module(&s);
    wrong.entry[NNT_ENTRY_bulk] = spoil_bulk;
    wrong.entry[NNT_ENTRY_linearise] = unspoiled_linearise;
    t.findings.count = 0;
    verify_derivatives(&t.findings, &wrong, &t.start, 1);
    assert_false(finding_holds(find(&t.findings, "differences", "dH/dx")));
    assert_true(finding_holds(find(&t.findings, "differences", "dH/dq")));
    tested_close(&t);
}

static void wrong_thermodynamics_is_found(void **state)
{
    struct tested t = tested_open();
    struct gaussian right[BATCH], less[BATCH], more[BATCH], wrong[BATCH];
    const double *data[3] = {0};
    double beta = 2;
    (void)state;
    for (uint32_t g = 0; g < 3; g++)
        if (t.module->group[g].data != NNT_NONE)
            data[g] = (const double *)t.start.call.slab[NNT_DATA] +
                      t.module->field[t.module->group[g].data].offset +
                      t.module->field[t.module->group[g].data].offset_per_sample * BATCH;
    struct ensemble *ensemble = ensemble_new(t.diag, (struct span){0}, t.module, NULL, BATCH);
    assert_non_null(ensemble);
    const double *q = t.start.call.slab[NNT_PARAMETERS];
    assert_true(ensemble_evaluate(ensemble, t.diag, q, data, BATCH, beta, right));
    assert_true(ensemble_evaluate(ensemble, t.diag, q, data, BATCH, beta * 0.999, less));
    assert_true(ensemble_evaluate(ensemble, t.diag, q, data, BATCH, beta * 1.001, more));
    verify_complexity(&t.findings, t.module, &t.start, right);
    verify_energy(&t.findings, right, less, more, beta, 1e-3, BATCH);
    verify_gaussians(&t.findings, "itself", 0, right, right, BATCH);
    for (uint32_t i = 0; i < t.findings.count; i++) assert_true(finding_holds(&t.findings.finding[i]));
    memcpy(wrong, right, sizeof wrong);
    for (uint32_t b = 0; b < BATCH; b++) {
        wrong[b].C += 1e-5;
        wrong[b].U += 1e-3;
    }
    t.findings.count = 0;
    verify_complexity(&t.findings, t.module, &t.start, wrong);
    verify_energy(&t.findings, wrong, less, more, beta, 1e-3, BATCH);
    verify_gaussians(&t.findings, "wrong", 1e-10, wrong, right, BATCH);
    assert_false(finding_holds(find(&t.findings, "differences", "C as -1/2 ln det A")));
    assert_false(finding_holds(find(&t.findings, "differences", "U as -d ln Z/d beta")));
    assert_false(finding_holds(find(&t.findings, "definition", "S as ln Z + beta U")));
    assert_false(finding_holds(find(&t.findings, "wrong", "C")));
    assert_true(finding_holds(find(&t.findings, "wrong", "F")));
    ensemble_free(ensemble);
    tested_close(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(right_engine_passes), cmocka_unit_test(wrong_engine_is_found),
        cmocka_unit_test(wrong_derivatives_are_found), cmocka_unit_test(wrong_thermodynamics_is_found)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
