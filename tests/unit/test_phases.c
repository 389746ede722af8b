/* test_phases.c: time inside an entry: graphs of several phases by hand in interpreter, plan and machine code, against loops in C,
 * and what no graph and no plan may say of them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "compiler/driver/compile.h"
#include "compiler/interp/interp.h"
#include "runtime/thermo/products.h"
#include "tests/engine/plan.h"
#include "tests/unit/fixture.h"

static const enum nnt_entry_name entry = NNT_ENTRY_forward;

/* ---- three ways to run it ---- */

/* What must be in the slabs behind a call, given what was there before it. */
typedef void expectation(const struct fixture *f, const struct nnt_call *before, const struct nnt_call *after,
                         const char *engine);

static void check_call(struct fixture *f, const char *engine, const struct nnt_module *module,
                       const struct nests *nests, uint32_t batch, expectation *expect)
{
    struct nnt_call before, call;
    fill_call(f, &before, batch);
    fill_call(f, &call, batch);
    call_products(&call);
    if (module)
        assert_int_equal(module->entry[entry](module->self, &call), 0);
    else
        nests_run(nests, 8, &call);
    expect(f, &before, &call, engine);
    free_call(&before);
    free_call(&call);
}

static void check_engines(struct fixture *f, expectation *expect)
{
    static const uint32_t batches[] = {1, 3, 16};
    const struct llvm_box *box = llvm_box(f->diag);
    assert_non_null(box);
    assert_null(ir_verify(f->g, f->arena));
    for (uint32_t blas = 0; blas < 2; blas++) {
        struct target target = {.blas = blas, .batch = 16, .real_bytes = 8};
        target.vector_bytes = box->vector_bytes(&target);
        struct kernels kernels = fixture_plan(f, target);
        struct nnt_module *machine, *graph = interp_module(f->arena, f->g, &f->description, false);
        assert_null(nests_verify(kernels.entry[entry], f->arena));
        assert_true(box->jit(f->diag, &kernels, &target, &machine));
        for (uint32_t k = 0; k < LENGTH(batches); k++) {
            check_call(f, "interpreter", graph, NULL, batches[k], expect);
            check_call(f, "plan", NULL, kernels.entry[entry], batches[k], expect);
            check_call(f, "machine code", machine, NULL, batches[k], expect);
        }
        box->release(machine);
    }
}

/* Element e of sample b of a field, or of its row. */
static double *at(const struct fixture *f, const struct nnt_call *call, uint32_t field, uint32_t b, uint32_t e)
{
    const struct nnt_field *x = &f->field[field];
    uint64_t n = 1;
    for (uint32_t k = 0; k < x->rank; k++) n *= x->extent[k];
    return (double *)call->slab[x->slab] + x->offset + (x->per_sample ? x->offset_per_sample * call->batch : 0) +
           b * n + e;
}

static void expect_near(double got, double expected, const char *engine, const char *what, uint32_t row)
{
    if (!(fabs(got - expected) <= 1e-13 * (1 + fabs(expected))))
        fail_msg("%s: %s %u is %.17g, expected %.17g", engine, what, row, got, expected);
}

/* ---- a state goes forward and comes back ---- */

enum { N = 5, TICKS = 6, FIRST = 2, ROWS = TICKS + FIRST + 1 };
enum { X, W, STATE, HISTORY, ADJOINT, BACK, SUM, ITERATED_FIELDS };

static void iterated_fields(struct fixture *f)
{
    begin(f);
    add_field(f, "x", NNT_DATA, true, 1, N, 0);
    add_field(f, "w", NNT_PARAMETERS, false, 2, N, N);
    add_field(f, "state", NNT_STATE, true, 1, N, 0);
    add_field(f, "history", NNT_STATE, true, 2, ROWS, N);
    add_field(f, "adjoint", NNT_STATE, true, 1, N, 0);
    add_field(f, "back", NNT_RESULT, true, 2, ROWS, N);
    add_field(f, "sum", NNT_RESULT, false, 0, 0, 0);
    finish_fields(f);
}

/* s <- w s + x, its history kept from row FIRST on; then a <- 1/2 a + history, from the last row to the first; then a sum. */
static void iterated_graph(struct fixture *f)
{
    struct ir *g = f->g;
    ir_id x = ir_source(g, X), state = ir_source(g, STATE), adjoint = ir_source(g, ADJOINT), next, past;
    ir_begin_phase(g, entry, 1);
    ir_define(g, entry, x, STATE);
    ir_define_row(g, entry, x, HISTORY, FIRST, 0);
    ir_define(g, entry, map2(g, PRIMITIVE_mul, x, ir_number(g, 2)), ADJOINT);
    ir_begin_phase(g, entry, TICKS);
    next = map2(g, PRIMITIVE_add, ir_contract(g, state, ir_source(g, W), "bj,ij->bi"), x);
    ir_define(g, entry, next, STATE);
    ir_define_row(g, entry, next, HISTORY, FIRST + 1, 1);
    ir_begin_phase(g, entry, TICKS);
    past = ir_source_row(g, HISTORY, FIRST + TICKS, -1);
    next = map2(g, PRIMITIVE_add, map2(g, PRIMITIVE_mul, adjoint, ir_number(g, 0.5)), past);
    ir_define(g, entry, next, ADJOINT);
    ir_define_row(g, entry, next, BACK, TICKS - 1, -1);
    ir_begin_phase(g, entry, 1);
    ir_define(g, entry, ir_reduce(g, REDUCE_SUM, map2(g, PRIMITIVE_mul, adjoint, state), 3), SUM);
}

static void expect_iterated(const struct fixture *f, const struct nnt_call *before, const struct nnt_call *after,
                            const char *engine)
{
    double sum = 0;
    for (uint32_t b = 0; b < after->batch; b++) {
        double s[TICKS + 1][N], a[N];
        for (uint32_t i = 0; i < N; i++) s[0][i] = *at(f, before, X, b, i), a[i] = 2 * s[0][i];
        for (uint32_t t = 0; t < TICKS; t++)
            for (uint32_t i = 0; i < N; i++) {
                s[t + 1][i] = s[0][i];
                for (uint32_t j = 0; j < N; j++) s[t + 1][i] += *at(f, before, W, 0, i * N + j) * s[t][j];
            }
        for (uint32_t t = 0; t <= TICKS; t++)
            for (uint32_t i = 0; i < N; i++)
                expect_near(*at(f, after, HISTORY, b, (FIRST + t) * N + i), s[t][i], engine, "row of the history",
                            t);
        for (uint32_t t = TICKS; t-- > 0;)
            for (uint32_t i = 0; i < N; i++) {
                a[i] = a[i] / 2 + s[t + 1][i];
                expect_near(*at(f, after, BACK, b, t * N + i), a[i], engine, "row on the way back", t);
            }
        for (uint32_t i = 0; i < N; i++) {
            expect_near(*at(f, after, STATE, b, i), s[TICKS][i], engine, "the state", b);
            sum += a[i] * s[TICKS][i];
            for (uint32_t row = 0; row < FIRST; row++) /* nobody wrote these */
                assert_true(*at(f, after, HISTORY, b, row * N + i) == *at(f, before, HISTORY, b, row * N + i));
        }
    }
    expect_near(*at(f, after, SUM, 0, 0), sum, engine, "the sum", 0);
}

static void a_state_goes_forward_and_back(void **state)
{
    struct fixture f;
    (void)state;
    iterated_fields(&f);
    iterated_graph(&f);
    check_engines(&f, expect_iterated);
    end(&f);
}

/* ---- a phase that ends early ---- */

enum { START, LEFT, COUNT, MOST = 9 };

static void expect_count(const struct fixture *f, const struct nnt_call *before, const struct nnt_call *after,
                         const char *engine)
{
    double start = *at(f, after, START, 0, 0), count = *at(f, after, COUNT, 0, 0);
    double expected = start >= 1 && start <= MOST && start == floor(start) ? start : MOST;
    (void)before;
    if (count != expected) fail_msg("%s: %g iterations from %g, not %g", engine, count, start, expected);
}

/* left <- left - 1 until it is 0, at most MOST times. */
static void count_down(struct fixture *f, double start)
{
    begin(f);
    add_field(f, "start", NNT_RESULT, false, 0, 0, 0);
    add_field(f, "left", NNT_STATE, false, 0, 0, 0);
    add_field(f, "count", NNT_RESULT, false, 0, 0, 0);
    finish_fields(f);
    struct ir *g = f->g;
    ir_begin_phase(g, entry, 1);
    ir_define(g, entry, ir_number(g, start), START);
    ir_define(g, entry, ir_number(g, start), LEFT);
    ir_define(g, entry, ir_number(g, 0), COUNT);
    ir_begin_phase(g, entry, MOST);
    ir_goes_on(g, entry, LEFT);
    ir_define(g, entry, map2(g, PRIMITIVE_sub, ir_source(g, LEFT), ir_number(g, 1)), LEFT);
    ir_define(g, entry, map2(g, PRIMITIVE_add, ir_source(g, COUNT), ir_number(g, 1)), COUNT);
}

/* One that is 0 behind the first iteration, in the middle, behind the last, never; what is not a number goes on. */
static void a_number_ends_a_phase(void **state)
{
    static const double starts[] = {1, 4, MOST, MOST + 1, -1, 0, 2.5, NAN, INFINITY};
    (void)state;
    for (size_t k = 0; k < LENGTH(starts); k++) {
        struct fixture f;
        count_down(&f, starts[k]);
        check_engines(&f, expect_count);
        end(&f);
    }
}

/* ---- what no graph may say ---- */

static void refused(struct fixture *f, const char *says)
{
    const char *wrong = ir_verify(f->g, f->arena);
    if (!wrong || !strstr(wrong, says)) fail_msg("'%s', where '%s' was expected", wrong ? wrong : "good", says);
    end(f);
}

static void begin_small(struct fixture *f)
{
    iterated_fields(f);
    ir_begin_phase(f->g, entry, TICKS);
}

static void rows_must_exist(void **state)
{
    static const struct {
        int32_t first, step;
        bool good;
    } rows[] = {{0, 1, true},        {ROWS - TICKS, 1, true}, {ROWS - TICKS + 1, 1, false},
                {-1, 1, false},      {TICKS - 1, -1, true},   {TICKS - 2, -1, false},
                {ROWS - 1, 0, true}, {ROWS, 0, false},        {ROWS, -1, false},
                {0, 2, false}};
    (void)state;
    for (size_t k = 0; k < LENGTH(rows); k++) {
        struct fixture f;
        begin_small(&f);
        ir_define_row(f.g, entry, ir_source(f.g, X), HISTORY, rows[k].first, rows[k].step);
        if (rows[k].good)
            assert_null(ir_verify(f.g, f.arena)), end(&f);
        else
            refused(&f, "history has no such row");
        begin_small(&f);
        ir_define(f.g, entry, ir_source_row(f.g, HISTORY, rows[k].first, rows[k].step), STATE);
        if (rows[k].good)
            assert_null(ir_verify(f.g, f.arena)), end(&f);
        else
            refused(&f, "history has no such row");
    }
    struct fixture f;
    begin_small(&f);
    ir_define(f.g, entry, ir_reduce(f.g, REDUCE_SUM, ir_source(f.g, X), 3), SUM);
    f.g->entry[entry].phase[0].result[0].row.is = true; /* of a field without any */
    refused(&f, "sum has no such row");
}

static void a_field_is_written_once(void **state)
{
    struct fixture f;
    (void)state;
    begin_small(&f);
    ir_id x = ir_source(f.g, X);
    ir_define_row(f.g, entry, x, HISTORY, 0, 1);
    ir_define_row(f.g, entry, x, HISTORY, 1, 1);
    assert_null(ir_verify(f.g, f.arena)); /* never in one iteration */
    ir_define_row(f.g, entry, x, HISTORY, ROWS - 1, -1);
    refused(&f, "history is written twice");
    begin_small(&f);
    ir_define(f.g, entry, ir_source(f.g, X), STATE);
    ir_define(f.g, entry, ir_source(f.g, ADJOINT), STATE);
    refused(&f, "state is written twice");
    begin_small(&f);
    ir_define_row(f.g, entry, ir_source(f.g, X), HISTORY, 0, 1);
    ir_define(f.g, entry, ir_source(f.g, BACK), HISTORY);
    refused(&f, "history is written twice");
}

static void phases_are_well_formed(void **state)
{
    struct fixture f;
    (void)state;
    begin_small(&f);
    ir_goes_on(f.g, entry, STATE);
    refused(&f, "goes on by what is no number");
    begin_small(&f);
    ir_goes_on(f.g, entry, ITERATED_FIELDS);
    refused(&f, "goes on by what is no number");
    begin_small(&f);
    ir_goes_on(f.g, entry, SUM);
    assert_null(ir_verify(f.g, f.arena));
    f.g->entry[entry].phase[0].times = 0;
    refused(&f, "a phase of no iterations");
    begin_small(&f);
    ir_define(f.g, entry, ir_source(f.g, X), STATE);
    f.g->entry[entry].phase[0].result[0].field = SUM;
    refused(&f, "sum gets another shape");
}

/* ---- what no plan may say ---- */

/* Items as letters: ( phase, ) its end, [ loop, ] its end, 0 a phase of no iterations, ! an end by what moves, ? by no slab. */
static const char *plan_says(struct plan *p, const char *items)
{
    static const struct buffer moves = {.slab = NNT_WORK, .step = 1}, nowhere = {.slab = NNT_SLABS},
                               good = {.slab = NNT_WORK};
    *p = plan_new();
    for (const char *c = items; *c; c++) {
        if (*c == '(' || *c == '0') nests_begin_phase(p->nests, *c == '(' ? 3 : 0);
        if (*c == ')') nests_end_phase(p->nests, &good);
        if (*c == '!') nests_end_phase(p->nests, &moves);
        if (*c == '?') nests_end_phase(p->nests, &nowhere);
        if (*c == '[') nests_begin_loop(p->nests, 4);
        if (*c == ']') nests_end_loop(p->nests);
    }
    return nests_verify(p->nests, p->arena);
}

static void plans_hold_phases(void **state)
{
    static const struct {
        const char *items, *says;
    } cases[] = {{"()", NULL},
                 {"()([])[]", NULL},
                 {"(())", "a phase inside a phase"},
                 {"[()]", "a phase inside a phase or a loop"},
                 {"(", "a phase does not end"},
                 {")", "a phase ends that did not begin"},
                 {"([)]", "a phase ends that did not begin, or inside a loop"},
                 {"0)", "a phase of no iterations"},
                 {"(!", "goes on by what is no number"},
                 {"(?", "goes on by what is no number"}};
    (void)state;
    for (size_t k = 0; k < LENGTH(cases); k++) {
        struct plan p;
        const char *wrong = plan_says(&p, cases[k].items);
        if (!wrong != !cases[k].says || (wrong && !strstr(wrong, cases[k].says)))
            fail_msg("%s: '%s'", cases[k].items, wrong ? wrong : "good");
        arena_free(p.arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_state_goes_forward_and_back),
        cmocka_unit_test(a_number_ends_a_phase),
        cmocka_unit_test(rows_must_exist),
        cmocka_unit_test(a_field_is_written_once),
        cmocka_unit_test(phases_are_well_formed),
        cmocka_unit_test(plans_hold_phases),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
