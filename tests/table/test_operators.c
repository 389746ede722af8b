/* test_operators.c: every scalar primitive and every tensor operator: value and derivatives, by both
 * rules, against differences. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "compiler/interp/interp.h"
#include "compiler/ir/op.h"

enum { BATCH = 3, MOST = 4096, FIELDS = 16 };

static uint32_t rows, checks; /* of the whole program, printed at its end */

/* A graph with fields of its own in one slab, that of the parameters; the slab, and the direction of its change. */
struct bench {
    struct arena *arena;
    struct ir *g;
    struct nnt_field field[FIELDS];
    struct nnt_module description;
    double slab[MOST], direction[MOST];
};

static void bench_init(struct bench *b)
{
    memset(b, 0, sizeof *b);
    b->arena = arena_new();
    b->g = ir_new(b->arena, 8);
    b->g->field = b->field;
}

static uint32_t bench_field(struct bench *b, struct shape shape)
{
    uint32_t id = b->g->n_fields++;
    struct nnt_field *field = &b->field[id];

    assert_true(id < FIELDS);
    field->name = "tensor";
    field->per_sample = shape.rank > 0 && shape.extent[0] == IR_BATCH;
    for (uint32_t k = field->per_sample; k < shape.rank; k++) field->extent[field->rank++] = shape.extent[k];
    field->offset = b->description.size[0];
    b->description.size[0] += shape_size(shape, BATCH);
    assert_true(b->description.size[0] < MOST);
    return id;
}

static double *bench_direction(struct bench *b, uint32_t field)
{
    return b->direction + b->field[field].offset;
}

static double *bench_data(struct bench *b, uint32_t field)
{
    return b->slab + b->field[field].offset;
}

/* Sends a node to a new field. */
static uint32_t bench_result(struct bench *b, ir_id value)
{
    uint32_t field = bench_field(b, b->g->node[value].shape);

    ir_define(b->g, NNT_ENTRY_forward, value, field);
    return field;
}

static void bench_run(struct bench *b)
{
    struct nnt_call call = {.batch = BATCH,
                            .slab = {[NNT_PARAMETERS] = b->slab, [NNT_D_PARAMETERS] = b->direction},
                            .number = {0.25, 7}};
    struct nnt_module *module;

    b->description.real_bytes = 8;
    assert_null(ir_verify(b->g, b->arena));
    module = interp_module(b->arena, b->g, &b->description, false);
    assert_int_equal(module->entry[NNT_ENTRY_forward](module->self, &call), 0);
}

static void bench_fini(struct bench *b)
{
    arena_free(b->arena);
}

static bool near(double a, double b, double tolerance)
{
    return fabs(a - b) <= tolerance * (1 + fabs(b));
}

/* ---- primitives ---- */

static const double points[] = {-2.3, -1.37, -0.6, -0.35, 0.41, 0.58, 0.83, 1.41, 2.6};

static double at(enum primitive op, const double x[3], uint32_t k, double step)
{
    double moved[3] = {x[0], x[1], x[2]};

    moved[k] += step;
    return primitive_value(op, moved[0], moved[1], moved[2]);
}

static double first_difference(enum primitive op, const double x[3], uint32_t k)
{
    double h = 1e-3; /* fourth order: an error of 1e-12 or so */

    return (8 * (at(op, x, k, h) - at(op, x, k, -h)) - (at(op, x, k, 2 * h) - at(op, x, k, -2 * h))) / (12 * h);
}

static double second_difference(enum primitive op, const double x[3], uint32_t k)
{
    double h = 1e-2, sum = -30 * at(op, x, k, 0);

    sum += 16 * (at(op, x, k, h) + at(op, x, k, -h)) - at(op, x, k, 2 * h) - at(op, x, k, -2 * h);
    return sum / (12 * h * h);
}

/* forward, along a direction that moves argument k by k + 1: of the value, and of its gradient by the first. */
struct derivatives {
    double value, first[3], second[3], forward, gradient_forward;
};

static struct derivatives by_gradient(enum primitive op, const double x[3])
{
    struct bench b;
    struct derivatives out = {0};
    uint32_t value, first[3], second[3], forward[2], arity = primitive_rows[op].arity;
    ir_id in[3] = {IR_NONE, IR_NONE, IR_NONE}, y;

    bench_init(&b);
    for (uint32_t k = 0; k < arity; k++) {
        uint32_t field = bench_field(&b, (struct shape){0});

        in[k] = ir_source(b.g, field);
        *bench_data(&b, field) = x[k];
        *bench_direction(&b, field) = k + 1;
    }
    y = ir_map(b.g, op, in[0], in[1], in[2]);
    value = bench_result(&b, y);
    for (uint32_t k = 0; k < arity; k++) {
        first[k] = bench_result(&b, ir_gradient(b.g, y, in[k]));
        second[k] = bench_result(&b, ir_gradient(b.g, ir_gradient(b.g, y, in[k]), in[k]));
    }
    forward[0] = bench_result(&b, ir_tangent(b.g, y));
    forward[1] = bench_result(&b, ir_tangent(b.g, ir_gradient(b.g, y, in[0])));
    bench_run(&b);
    out.value = *bench_data(&b, value);
    out.forward = *bench_data(&b, forward[0]);
    out.gradient_forward = *bench_data(&b, forward[1]);
    for (uint32_t k = 0; k < arity; k++) {
        out.first[k] = *bench_data(&b, first[k]);
        out.second[k] = *bench_data(&b, second[k]);
    }
    bench_fini(&b);
    return out;
}

/* The first gradient along that direction, by differences. */
static double gradient_along(enum primitive op, const double x[3])
{
    double h = 1e-5, up[3], down[3];

    for (uint32_t k = 0; k < 3; k++) up[k] = x[k] + h * (k + 1), down[k] = x[k] - h * (k + 1);
    return (by_gradient(op, up).first[0] - by_gradient(op, down).first[0]) / (2 * h);
}

static void check_forward(enum primitive op, const double x[3], const struct derivatives *d)
{
    const char *name = primitive_rows[op].name;
    double along = 0, gradient = gradient_along(op, x);

    for (uint32_t k = 0; k < primitive_rows[op].arity; k++) along += (k + 1) * first_difference(op, x, k);
    if (!near(d->forward, along, 1e-7))
        fail_msg("%s: tangent at %g %g: %.12g, not %.12g", name, x[0], x[1], d->forward, along);
    if (!near(d->gradient_forward, gradient, 1e-6))
        fail_msg("%s: tangent of the gradient at %g %g: %.12g, not %.12g", name, x[0], x[1], d->gradient_forward,
                 gradient);
}

/* Checks one point; false where the primitive is not defined around it. */
static bool check_point(enum primitive op, const double x[3])
{
    const struct primitive_row *row = &primitive_rows[op];
    struct derivatives d;

    for (uint32_t k = 0; k < row->arity; k++) {
        if (!isfinite(first_difference(op, x, k)) || !isfinite(second_difference(op, x, k))) return false;
    }
    d = by_gradient(op, x);
    assert_true(d.value == primitive_value(op, x[0], x[1], x[2]));
    for (uint32_t k = 0; k < row->arity; k++) {
        double first = op == PRIMITIVE_hold ? 0 : first_difference(op, x, k);
        double second = op == PRIMITIVE_hold || row->kinked || row->flat ? 0 : second_difference(op, x, k);

        if (!near(d.first[k], first, 1e-7))
            fail_msg("%s: first derivative %u at %g %g: %.12g, not %.12g", row->name, k, x[0], x[1], d.first[k],
                     first);
        if (!near(d.second[k], second, 1e-4))
            fail_msg("%s: second derivative %u at %g %g: %.12g, not %.12g", row->name, k, x[0], x[1], d.second[k],
                     second);
    }
    check_forward(op, x, &d);
    return true;
}

static void primitives_have_their_derivatives(void **state)
{
    (void)state;
    for (uint32_t op = 0; op < PRIMITIVES; op++) {
        uint32_t checked = 0, n = LENGTH(points);

        for (uint32_t i = 0; i < n; i++) {
            for (uint32_t j = 0; j < n; j++) {
                double x[3] = {points[i], points[j] - 0.04, points[(i + j) % n] + 0.02};

                if (primitive_rows[op].arity == 1 && j > 0) continue;
                checked += check_point((enum primitive)op, x);
            }
        }
        rows++;
        checks += checked;
        if (checked < 3) fail_msg("%s: checked at %u points only", primitive_rows[op].name, checked);
    }
}

/* At a tie, at a kink, and where a branch is not taken. */
static void kinks_are_as_stated(void **state)
{
    (void)state;
    assert_true(by_gradient(PRIMITIVE_max, (double[]){1, 1, 0}).first[0] == 1);
    assert_true(by_gradient(PRIMITIVE_max, (double[]){1, 1, 0}).first[1] == 0);
    assert_true(by_gradient(PRIMITIVE_min, (double[]){1, 1, 0}).first[0] == 1);
    assert_true(by_gradient(PRIMITIVE_abs, (double[]){0, 0, 0}).first[0] == 0);
    assert_true(by_gradient(PRIMITIVE_pow, (double[]){0, 1, 0}).first[0] == 1);
    assert_true(by_gradient(PRIMITIVE_select, (double[]){0, NAN, 3}).value == 3);
    assert_true(by_gradient(PRIMITIVE_select, (double[]){0, NAN, 3}).first[1] == 0);
    assert_true(by_gradient(PRIMITIVE_mul_or_zero, (double[]){0, INFINITY, 0}).value == 0);
    assert_true(by_gradient(PRIMITIVE_max, (double[]){1, 1, 0}).forward == 1);
    assert_true(by_gradient(PRIMITIVE_min, (double[]){1, 1, 0}).forward == 1);
    assert_true(by_gradient(PRIMITIVE_abs, (double[]){0, 0, 0}).forward == 0);
    assert_true(by_gradient(PRIMITIVE_select, (double[]){0, NAN, 3}).forward == 3);
}

/* if z > 0 then sqrt(z) log(z) else z^2: at z <= 0 the first branch is NaN, infinite, or has infinite derivatives.
 */
static void a_branch_not_taken_adds_nothing(void **state)
{
    static const double z[] = {0, -1, 2};
    struct bench b;
    ir_id x, taken, other, y, condition, first;
    uint32_t in, out[3], forward[3];

    (void)state;
    bench_init(&b);
    in = bench_field(&b, (struct shape){.rank = 1, .extent = {3}});
    memcpy(bench_data(&b, in), z, sizeof z);
    for (uint32_t i = 0; i < 3; i++) bench_direction(&b, in)[i] = 2;
    x = ir_source(b.g, in);
    condition = ir_map(b.g, PRIMITIVE_less, ir_number(b.g, 0), x, IR_NONE);
    taken = ir_map(b.g, PRIMITIVE_log, x, IR_NONE, IR_NONE);
    taken = ir_map(b.g, PRIMITIVE_mul, ir_map(b.g, PRIMITIVE_sqrt, x, IR_NONE, IR_NONE), taken, IR_NONE);
    other = ir_map(b.g, PRIMITIVE_pow, x, ir_number(b.g, 2), IR_NONE);
    y = ir_map(b.g, PRIMITIVE_select, condition, taken, other);
    out[0] = bench_result(&b, y);
    first = ir_gradient(b.g, y, x);
    out[1] = bench_result(&b, first);
    out[2] = bench_result(&b, ir_gradient(b.g, first, x));
    forward[1] = bench_result(&b, ir_tangent(b.g, y));
    forward[2] = bench_result(&b, ir_tangent(b.g, first));
    bench_run(&b);
    for (uint32_t k = 1; k < 3; k++)
        for (uint32_t i = 0; i < 3; i++)
            assert_true(near(bench_data(&b, forward[k])[i], 2 * bench_data(&b, out[k])[i], 1e-14));
    assert_true(bench_data(&b, out[0])[0] == 0 && bench_data(&b, out[0])[1] == 1);
    assert_true(bench_data(&b, out[1])[0] == 0 && bench_data(&b, out[1])[1] == -2);
    assert_true(bench_data(&b, out[2])[0] == 2 && bench_data(&b, out[2])[1] == 2);
    assert_true(near(bench_data(&b, out[0])[2], sqrt(2) * log(2), 1e-15));
    assert_true(near(bench_data(&b, out[1])[2], log(2) / (2 * sqrt(2)) + 1 / sqrt(2), 1e-14));
    assert_true(near(bench_data(&b, out[2])[2], -log(2) / (4 * pow(2, 1.5)), 1e-14));
    bench_fini(&b);
}

/* ---- operators ---- */

/* Numbers in (-1, 1) without ties. */
static double wave(uint32_t i)
{
    return sin(1.7 * i + 0.3 * i * i + 0.4);
}

static ir_id new_source(struct bench *b, struct shape shape, uint32_t *out_field)
{
    *out_field = bench_field(b, shape);
    for (uint64_t i = 0; i < shape_size(shape, BATCH); i++)
        bench_data(b, *out_field)[i] = wave((uint32_t)i + 31 * *out_field);
    for (uint64_t i = 0; i < shape_size(shape, BATCH); i++) bench_direction(b, *out_field)[i] = 1;
    return ir_source(b->g, *out_field);
}

/* One use of an operator: `make` builds it on one or two sources; `expect` gives element e of the result by hand.
 */
struct use {
    enum ir_op op;
    struct shape a, b;
    ir_id (*make)(struct ir *g, ir_id a, ir_id b);
    double (*expect)(const double *a, const double *b, uint32_t e);
};

static ir_id make_product(struct ir *g, ir_id a, ir_id b)
{
    return ir_contract(g, a, b, "bj,ij->bi");
}
static double expect_product(const double *a, const double *b, uint32_t e)
{
    double sum = 0;

    for (uint32_t j = 0; j < 4; j++) sum += a[e / 2 * 4 + j] * b[e % 2 * 4 + j];
    return sum;
}
static ir_id make_outer(struct ir *g, ir_id a, ir_id b)
{
    return ir_contract(g, a, b, "bi,bj->ij");
}
static double expect_outer(const double *a, const double *b, uint32_t e)
{
    double sum = 0;

    for (uint32_t s = 0; s < BATCH; s++) sum += a[s * 4 + e / 2] * b[s * 2 + e % 2];
    return sum;
}
static ir_id make_summed_alone(struct ir *g, ir_id a, ir_id b)
{
    return ir_contract(g, a, b, "bij,bi->b");
}
static double expect_summed_alone(const double *a, const double *b, uint32_t e)
{
    double sum = 0;

    for (uint32_t i = 0; i < 2; i++) {
        for (uint32_t j = 0; j < 3; j++) sum += a[e * 6 + i * 3 + j] * b[e * 2 + i];
    }
    return sum;
}
static ir_id make_sum(struct ir *g, ir_id a, ir_id b)
{
    return (void)b, ir_reduce(g, REDUCE_SUM, a, 1 << 1);
}
static double expect_sum(const double *a, const double *b, uint32_t e)
{
    double sum = 0;

    (void)b;
    for (uint32_t i = 0; i < 2; i++) sum += a[e / 3 * 6 + i * 3 + e % 3];
    return sum;
}
static ir_id make_mean(struct ir *g, ir_id a, ir_id b)
{
    return (void)b, ir_reduce(g, REDUCE_MEAN, a, 1 << 0 | 1 << 1);
}
static double expect_mean(const double *a, const double *b, uint32_t e)
{
    double sum = 0;

    (void)b;
    for (uint32_t i = 0; i < 2 * BATCH; i++) sum += a[i * 3 + e] / (2 * BATCH);
    return sum;
}
static ir_id make_max(struct ir *g, ir_id a, ir_id b)
{
    return (void)b, ir_reduce(g, REDUCE_MAX, a, 1 << 1 | 1 << 2);
}
static double expect_max(const double *a, const double *b, uint32_t e)
{
    double most = a[e * 6];

    (void)b;
    for (uint32_t i = 1; i < 6; i++) most = fmax(most, a[e * 6 + i]);
    return most;
}
static ir_id make_min(struct ir *g, ir_id a, ir_id b)
{
    return (void)b, ir_reduce(g, REDUCE_MIN, a, 1 << 2);
}
static double expect_min(const double *a, const double *b, uint32_t e)
{
    (void)b;
    return fmin(fmin(a[e * 3], a[e * 3 + 1]), a[e * 3 + 2]);
}
static ir_id make_permuted(struct ir *g, ir_id a, ir_id b)
{
    (void)b;
    return ir_view(g, a, (struct shape){.rank = 3, .extent = {3, IR_BATCH, 2}}, (const int8_t[]){2, 0, 1, -1});
}
static double expect_permuted(const double *a, const double *b, uint32_t e)
{
    (void)b;
    return a[e / 2 % BATCH * 6 + e % 2 * 3 + e / (2 * BATCH)];
}
static ir_id make_copies(struct ir *g, ir_id a, ir_id b)
{
    (void)b;
    return ir_view(g, a, (struct shape){.rank = 3, .extent = {IR_BATCH, 5, 4}}, (const int8_t[]){0, -1, 1, -1});
}
static double expect_copies(const double *a, const double *b, uint32_t e)
{
    return (void)b, a[e / 20 * 4 + e % 4];
}
static ir_id make_dropped(struct ir *g, ir_id a, ir_id b)
{
    (void)b;
    return ir_view(g, a, (struct shape){.rank = 1, .extent = {4}}, (const int8_t[]){1, -1, -1, -1});
}
static double expect_dropped(const double *a, const double *b, uint32_t e)
{
    return (void)b, a[e];
}
static ir_id make_source(struct ir *g, ir_id a, ir_id b)
{
    return (void)g, (void)b, a;
}
static ir_id make_index(struct ir *g, ir_id a, ir_id b)
{
    (void)b;
    return ir_map(g, PRIMITIVE_mul, a, ir_index(g, 4), IR_NONE);
}
static double expect_index(const double *a, const double *b, uint32_t e)
{
    return (void)b, a[e] * e;
}
static ir_id make_number(struct ir *g, ir_id a, ir_id b)
{
    return (void)b, ir_map(g, PRIMITIVE_mul, ir_number(g, 2.5), a, IR_NONE);
}
static double expect_number(const double *a, const double *b, uint32_t e)
{
    return (void)b, 2.5 * a[e];
}
static ir_id make_argument(struct ir *g, ir_id a, ir_id b)
{
    (void)b;
    return ir_map(g, PRIMITIVE_mul, a,
                  ir_map(g, PRIMITIVE_sub, ir_argument(g, NNT_STEP), ir_argument(g, NNT_RATE), IR_NONE), IR_NONE);
}
static double expect_argument(const double *a, const double *b, uint32_t e)
{
    return (void)b, a[e] * 6.75;
}
static ir_id make_batch(struct ir *g, ir_id a, ir_id b)
{
    return (void)b, ir_map(g, PRIMITIVE_div, a, ir_batch(g), IR_NONE);
}
static double expect_batch(const double *a, const double *b, uint32_t e)
{
    return (void)b, a[e] / BATCH;
}
static ir_id make_map(struct ir *g, ir_id a, ir_id b)
{
    ir_id y = ir_map(g, PRIMITIVE_mul, ir_map(g, PRIMITIVE_tanh, a, IR_NONE, IR_NONE), b, IR_NONE);

    return ir_map(g, PRIMITIVE_mul, y, a, IR_NONE);
}
static double expect_map(const double *a, const double *b, uint32_t e)
{
    return tanh(a[e]) * b[e] * a[e];
}
static ir_id make_gradient(struct ir *g, ir_id a, ir_id b)
{
    return ir_gradient(g, ir_map(g, PRIMITIVE_mul, ir_map(g, PRIMITIVE_sin, a, IR_NONE, IR_NONE), b, IR_NONE), a);
}
static double expect_gradient(const double *a, const double *b, uint32_t e)
{
    return cos(a[e]) * b[e];
}

/* Of one that has itself a tangent, along a direction of ones. */
static ir_id make_tangent(struct ir *g, ir_id a, ir_id b)
{
    return ir_tangent(g, ir_map(g, PRIMITIVE_mul, ir_map(g, PRIMITIVE_sin, a, IR_NONE, IR_NONE), b, IR_NONE));
}
static double expect_tangent(const double *a, const double *b, uint32_t e)
{
    return cos(a[e]) * b[e] + sin(a[e]);
}

#define VECTOR {.rank = 1, .extent = {4}}
#define ROWS(n)                                                                                                    \
    {                                                                                                              \
        .rank = 2, .extent = { IR_BATCH, n }                                                                       \
    }
#define MATRIX {.rank = 2, .extent = {2, 4}}
#define CUBE {.rank = 3, .extent = {IR_BATCH, 2, 3}}
static const struct use uses[] = {
    {IR_source, VECTOR, VECTOR, make_source, expect_dropped},
    {IR_number, VECTOR, VECTOR, make_number, expect_number},
    {IR_argument, VECTOR, VECTOR, make_argument, expect_argument},
    {IR_batch, VECTOR, VECTOR, make_batch, expect_batch},
    {IR_index, VECTOR, VECTOR, make_index, expect_index},
    {IR_map, ROWS(4), ROWS(4), make_map, expect_map},
    {IR_contract, ROWS(4), MATRIX, make_product, expect_product},
    {IR_contract, ROWS(4), ROWS(2), make_outer, expect_outer},
    {IR_contract, CUBE, ROWS(2), make_summed_alone, expect_summed_alone},
    {IR_reduce, CUBE, VECTOR, make_sum, expect_sum},
    {IR_reduce, CUBE, VECTOR, make_mean, expect_mean},
    {IR_reduce, CUBE, VECTOR, make_max, expect_max},
    {IR_reduce, CUBE, VECTOR, make_min, expect_min},
    {IR_view, CUBE, VECTOR, make_permuted, expect_permuted},
    {IR_view, ROWS(4), VECTOR, make_copies, expect_copies},
    {IR_view, {.rank = 2, .extent = {1, 4}}, VECTOR, make_dropped, expect_dropped},
    {IR_gradient, ROWS(4), ROWS(4), make_gradient, expect_gradient},
    {IR_tangent, ROWS(4), ROWS(4), make_tangent, expect_tangent},
};

/* The sum of the result's elements, each times a number of its own, by hand. */
static double weighted(const struct use *use, const double *a, const double *b, uint64_t size)
{
    double sum = 0;

    for (uint32_t e = 0; e < size; e++) sum += wave(e + 500) * use->expect(a, b, e);
    return sum;
}

static void check_adjoint(const struct use *use, struct bench *b, const uint32_t in[2], uint32_t k,
                          const double *gradient, uint64_t size)
{
    double *x = bench_data(b, in[k]), h = 1e-5;
    uint64_t n = shape_size(k == 0 ? use->a : use->b, BATCH);

    for (uint64_t i = 0; i < n; i++) {
        double old = x[i], up, down;

        x[i] = old + h;
        up = weighted(use, bench_data(b, in[0]), bench_data(b, in[1]), size);
        x[i] = old - h;
        down = weighted(use, bench_data(b, in[0]), bench_data(b, in[1]), size);
        x[i] = old;
        checks++;
        if (!near(gradient[i], (up - down) / (2 * h), 1e-9)) {
            fail_msg("%s %d: adjoint %u of element %d: %.12g, not %.12g", operator_names[use->op],
                     (int)(use - uses), k, (int)i, gradient[i], (up - down) / (2 * h));
        }
    }
}

/* The result along the direction, which moves every input element by 1, against differences of the result by hand. */
static void check_tangent(const struct use *use, struct bench *b, const uint32_t in[2], const double *tangent,
                          uint64_t size)
{
    double h = 1e-5, *x = b->slab, moved[2][MOST];
    uint64_t n = b->description.size[0];

    for (uint32_t way = 0; way < 2; way++)
        for (uint64_t i = 0; i < n; i++) moved[way][i] = x[i] + (way ? -h : h);
    for (uint32_t e = 0; e < size; e++) {
        double up = use->expect(moved[0] + b->field[in[0]].offset, moved[0] + b->field[in[1]].offset, e);
        double down = use->expect(moved[1] + b->field[in[0]].offset, moved[1] + b->field[in[1]].offset, e);

        checks++;
        if (!near(tangent[e], (up - down) / (2 * h), 1e-9))
            fail_msg("%s %d: tangent of element %d: %.12g, not %.12g", operator_names[use->op], (int)(use - uses),
                     (int)e, tangent[e], (up - down) / (2 * h));
    }
}

static void check_use(const struct use *use)
{
    struct bench b;
    uint32_t in[2], weights, out, gradient[2], tangent;
    uint64_t size;
    ir_id a, c, y, sum;

    bench_init(&b);
    a = new_source(&b, use->a, &in[0]);
    c = new_source(&b, use->b, &in[1]);
    y = use->make(b.g, a, c);
    assert_true(use->op == IR_source || use->op == b.g->node[y].op || b.g->node[y].op == IR_map ||
                use->op == IR_reduce);
    size = shape_size(b.g->node[y].shape, BATCH);
    weights = bench_field(&b, b.g->node[y].shape);
    for (uint32_t e = 0; e < size; e++) bench_data(&b, weights)[e] = wave(e + 500);
    sum = ir_map(b.g, PRIMITIVE_mul, y, ir_source(b.g, weights), IR_NONE);
    out = bench_result(&b, y);
    gradient[0] = bench_result(&b, ir_gradient(b.g, sum, a));
    gradient[1] = bench_result(&b, ir_gradient(b.g, sum, c));
    tangent = bench_result(&b, ir_tangent(b.g, y));
    bench_run(&b);
    for (uint32_t e = 0; e < size; e++) {
        double expected = use->expect(bench_data(&b, in[0]), bench_data(&b, in[1]), e);

        checks++;
        if (!near(bench_data(&b, out)[e], expected, 1e-14)) fail_msg("%s: element %u", operator_names[use->op], e);
    }
    for (uint32_t k = 0; k < 2; k++) check_adjoint(use, &b, in, k, bench_data(&b, gradient[k]), size);
    check_tangent(use, &b, in, bench_data(&b, tangent), size);
    bench_fini(&b);
}

static void operators_have_their_adjoints(void **state)
{
    (void)state;
    for (uint32_t op = 0; op < IR_OPS; op++) {
        uint32_t checked = 0;

        for (uint32_t k = 0; k < LENGTH(uses); k++) {
            if (uses[k].op != op) continue;
            check_use(&uses[k]);
            checked++;
        }
        rows++;
        if (!checked) fail_msg("operator %s has no use here", operator_names[op]);
    }
}

/* The derivative of max goes to the first of equal elements, of min likewise, in reverse and forward. */
static void the_first_extreme_takes_the_derivative(void **state)
{
    static const double x[] = {1, 5, 5, 2, -3, -3};

    (void)state;
    for (uint32_t k = 0; k < 2; k++) {
        struct bench b;
        uint32_t in, out, forward, first = k == 0 ? 1 : 4;
        ir_id a, extreme;

        bench_init(&b);
        in = bench_field(&b, (struct shape){.rank = 2, .extent = {2, 3}});
        memcpy(bench_data(&b, in), x, sizeof x);
        for (uint32_t i = 0; i < 6; i++) bench_direction(&b, in)[i] = i + 10;
        a = ir_source(b.g, in);
        extreme = ir_reduce(b.g, k == 0 ? REDUCE_MAX : REDUCE_MIN, a, 3);
        out = bench_result(&b, ir_gradient(b.g, extreme, a));
        forward = bench_result(&b, ir_tangent(b.g, extreme));
        bench_run(&b);
        assert_true(*bench_data(&b, forward) == first + 10);
        for (uint32_t i = 0; i < 6; i++) assert_true(bench_data(&b, out)[i] == (i == first));
        bench_fini(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(primitives_have_their_derivatives),      cmocka_unit_test(kinks_are_as_stated),
        cmocka_unit_test(a_branch_not_taken_adds_nothing),        cmocka_unit_test(operators_have_their_adjoints),
        cmocka_unit_test(the_first_extreme_takes_the_derivative),
    };

    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    print_message("%u rows, %u checks\n", rows, checks);
    return failed;
}
