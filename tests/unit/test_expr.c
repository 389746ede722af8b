/* test_expr.c: expressions are shared, folded, replaced, evaluated and printed. */
#include "runtime/base/expr.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static struct expr_pool pool;

static int set_up(void **state)
{
    (void)state;
    expr_pool_init(&pool, arena_new());
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(pool.arena);
    return 0;
}

#define NUM(x) expr_number(&pool, x)
#define Z expr_variable(&pool, VAR_Z, 0, 3)
#define P expr_variable(&pool, VAR_PROGRESS, 0, 0)
#define ONE(op, a) expr_apply(&pool, PRIMITIVE_##op, a, NULL, NULL)
#define TWO(op, a, b) expr_apply(&pool, PRIMITIVE_##op, a, b, NULL)
#define SELECT(a, b, c) expr_apply(&pool, PRIMITIVE_select, a, b, c)

static void test_sharing_and_folding(void **state)
{
    (void)state;
    assert_ptr_equal(TWO(add, Z, NUM(1)), TWO(add, Z, NUM(1)));
    assert_ptr_not_equal(NUM(0.0), NUM(-0.0));
    assert_ptr_equal(NUM(NAN), NUM(NAN));
    const struct expr *seven = TWO(add, NUM(1), TWO(mul, NUM(2), NUM(3)));
    assert_true(expr_is_number(seven) && seven->number == 7);
    assert_ptr_equal(SELECT(NUM(0), Z, ONE(neg, Z)), ONE(neg, Z));
    assert_int_equal(TWO(mul, NUM(2), Z)->width, 3);
    assert_int_equal(expr_reduce(&pool, REDUCE_SUM, Z)->width, 0);
    for (uint32_t i = 0; i < 5000; i++) NUM(i);
    for (uint32_t i = 0; i < pool.count; i++) assert_int_equal(pool.node[i]->id, i);
    uint32_t before = pool.count;
    for (uint32_t i = 0; i < 5000; i++) NUM(i);
    assert_int_equal(pool.count, before);
}

static void test_full_pool(void **state)
{
    (void)state;
    pool.most = 3;
    const struct expr *e = Z;
    for (int i = 0; i < 100; i++) e = TWO(add, TWO(mul, e, NUM(i + 2)), Z);
    assert_true(pool.full);
    assert_true(pool.count <= 3);
}

static const double *three(void *with, const struct expr *variable)
{
    (void)variable;
    return with;
}

static void test_values(void **state)
{
    (void)state;
    double z[] = {-2, 0.5, 3}, out[3];
    struct expr_scratch scratch = {0};
    const struct expr *e = TWO(div, Z, TWO(add, NUM(1), ONE(abs, Z)));
    expr_value(e, three, z, &scratch, out);
    for (int i = 0; i < 3; i++) assert_true(out[i] == z[i] / (1 + fabs(z[i])));
    static const double expected[] = {1.5, 0.5, 3, -2};
    for (int op = REDUCE_SUM; op <= REDUCE_MIN; op++) {
        expr_value(expr_reduce(&pool, (enum reduction)op, Z), three, z, &scratch, out);
        assert_true(out[0] == expected[op]);
    }
    /* the branch not taken may be no number */
    expr_value(SELECT(TWO(less, Z, NUM(0)), NUM(0), ONE(sqrt, Z)), three, z, &scratch, out);
    assert_true(out[0] == 0 && out[2] == sqrt(3));
    free(scratch.data);
}

/* x -> x + x doubles the tree at each level; as shared nodes it is 60 steps. */
static void test_shared_formula(void **state)
{
    (void)state;
    const struct expr *e = P;
    for (int i = 0; i < 60; i++) e = TWO(add, e, e);
    assert_true(expr_at_progress(e, 0.5) == 0x1p59);
    assert_true(expr_mentions(e, VAR_PROGRESS));
    assert_false(expr_mentions(e, VAR_Z));
    assert_false(expr_kinked(e));
    assert_true(expr_kinked(TWO(mul, e, ONE(abs, e))));
    struct text text = {0};
    expr_print(e, NULL, NULL, &text);
    assert_true(text.length < 200000);
    text_fini(&text);
    for (int i = 0; i < 200000; i++) e = ONE(sin, e);
    assert_true(fabs(expr_at_progress(e, 0.5)) < 0.01);
    expr_print(e, NULL, NULL, &text);
    text_fini(&text);
}

static const struct expr *put_two(void *with, const struct expr *variable)
{
    (void)with;
    return variable->op == VAR_PROGRESS ? NUM(2) : variable;
}

static void test_replace(void **state)
{
    (void)state;
    assert_ptr_equal(expr_replace(&pool, TWO(pow, P, TWO(add, P, NUM(1))), put_two, NULL), NUM(8));
    const struct expr *e = expr_reduce(&pool, REDUCE_MEAN, TWO(mul, Z, P));
    assert_ptr_equal(expr_replace(&pool, e, put_two, NULL), expr_reduce(&pool, REDUCE_MEAN, TWO(mul, Z, NUM(2))));
}

static void check_print(const struct expr *e, const char *expected)
{
    struct text text = {0};
    expr_print(e, NULL, NULL, &text);
    assert_string_equal(text.data, expected);
    text_fini(&text);
}

static void test_print(void **state)
{
    (void)state;
    const struct expr *one = NUM(1), *both = TWO(add, Z, one);
    check_print(TWO(div, Z, TWO(add, one, ONE(abs, Z))), "z / (1 + abs(z))");
    check_print(TWO(sub, both, both), "z + 1 - (z + 1)");
    check_print(TWO(mul, TWO(div, Z, P), TWO(mul, Z, P)), "z / progress * (z * progress)");
    check_print(ONE(neg, TWO(pow, Z, NUM(2))), "-z^2");
    check_print(TWO(pow, ONE(neg, Z), NUM(-2)), "(-z)^(-2)");
    check_print(TWO(pow, Z, TWO(pow, Z, P)), "z^z^progress");
    check_print(TWO(pow, TWO(pow, Z, P), P), "(z^progress)^progress");
    check_print(TWO(and, TWO(or, Z, P), ONE(not, TWO(less, Z, P))), "(z or progress) and not z < progress");
    check_print(ONE(not, TWO(equal, Z, P)), "z != progress");
    check_print(TWO(mul, SELECT(P, Z, one), one), "(if progress then z else 1) * 1");
    check_print(SELECT(TWO(less_equal, P, one), Z, SELECT(P, one, Z)),
                "if progress <= 1 then z else if progress then 1 else z");
    check_print(TWO(max, expr_reduce(&pool, REDUCE_MAX, Z), NUM(0.1)), "max(max(z), 0.1)");
    check_print(expr_variable(&pool, VAR_TARGET, 3, 2), "target[3]");
}

/* Stable forms against values from 50-digit arithmetic. */
static void test_stable_primitives(void **state)
{
    (void)state;
    static const struct {
        enum primitive op;
        double at, value;
    } cases[] = {
        {PRIMITIVE_log_cosh, 1e-8, 5e-17},
        {PRIMITIVE_log_cosh, -2, 1.3250027473578644},
        {PRIMITIVE_log_cosh, 0.5, 0.12011450695827752},
        {PRIMITIVE_log_cosh, 1000, 999.30685281944005},
        {PRIMITIVE_logistic, -745, 5e-324},
        {PRIMITIVE_logistic, 2, 0.88079707797788244},
        {PRIMITIVE_softplus, -40, 4.2483542552915889e-18},
        {PRIMITIVE_softplus, 800, 800},
        {PRIMITIVE_softplus, 1, 1.3132616875182228},
        {PRIMITIVE_mul_or_zero, 0, 0},
        {PRIMITIVE_round, 2.5, 2},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        double value = primitive_value(cases[i].op, cases[i].at, INFINITY, 0);
        assert_true(fabs(value - cases[i].value) <= 4e-16 * fabs(cases[i].value));
    }
    assert_true(isnan(primitive_value(PRIMITIVE_softplus, NAN, 0, 0)));
    assert_true(primitive_value(PRIMITIVE_softplus, -INFINITY, 0, 0) == 0);
    assert_string_equal(primitive_rows[PRIMITIVE_log1p].name, "log1p");
    assert_true(primitive_rows[PRIMITIVE_abs].kinked && primitive_rows[PRIMITIVE_floor].flat);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, set_up, tear_down)
    const struct CMUnitTest tests[] = {TEST(sharing_and_folding), TEST(full_pool), TEST(values),
                                       TEST(shared_formula),      TEST(replace),   TEST(print),
                                       TEST(stable_primitives)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
