/* test_random.c: Philox against its published answers, and the distributions drawn from it. */
#include "runtime/base/random.h"

#include <math.h>

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#define DRAWS 200000

/* The known answers of Salmon et al.'s Random123 (kat_vectors, philox4x32, 10 rounds). */
static void test_published(void **state)
{
    (void)state;
    static const uint32_t zeros[] = {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8};
    static const uint32_t pi[] = {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1};
    struct random r = random_stream(0, RANDOM_INIT, 0, 0);
    for (int i = 0; i < 4; i++) assert_int_equal(random_bits(&r), zeros[i]);
    /* counter 243f6a88 85a308d3 13198a2e 03707344, key a4093822 299f31d0, taken apart into a name */
    r = random_stream(0x299f31d0a4093822u, (enum random_purpose)0x0370, 0x7385a308d3u, 0x4413198a2eu);
    r.index = 4 * (uint64_t)0x243f6a88;
    for (int i = 0; i < 4; i++) assert_int_equal(random_bits(&r), pi[i]);
}

static void test_any_place(void **state)
{
    (void)state;
    struct random r = random_stream(7, RANDOM_NOISE, 3, 5), at = r;
    for (uint64_t i = 0; i < 50; i++) {
        uint32_t bits = random_bits(&r);
        at.index = i;
        assert_int_equal(random_bits(&at), bits);
    }
}

static void test_names_differ(void **state)
{
    (void)state;
    struct random streams[] = {random_stream(1, RANDOM_INIT, 0, 0),
                               random_stream(2, RANDOM_INIT, 0, 0),
                               random_stream((uint64_t)1 << 32 | 1, 0, 0, 0),
                               random_stream(1, RANDOM_SPLIT, 0, 0),
                               random_stream(1, RANDOM_INIT, 1, 0),
                               random_stream(1, RANDOM_INIT, 0, 1),
                               random_stream(1, RANDOM_INIT, (uint64_t)1 << 32, 0),
                               random_stream(1, RANDOM_INIT, 0, (uint64_t)1 << 32)};
    uint32_t first[LENGTH(streams)];
    for (size_t i = 0; i < LENGTH(streams); i++) {
        first[i] = random_bits(&streams[i]);
        for (size_t j = 0; j < i; j++) assert_int_not_equal(first[i], first[j]);
    }
}

/* Means and variances within five standard errors. */
static void test_moments(void **state)
{
    (void)state;
    struct random r = random_stream(1, RANDOM_SOURCE, 0, 0);
    double uniform = 0, mean = 0, square = 0, fourth = 0, product = 0, before = 0;
    for (int i = 0; i < DRAWS; i++) {
        double u = random_uniform(&r), n = random_normal(&r);
        assert_true(u >= 0 && u < 1);
        uniform += u / DRAWS;
        mean += n / DRAWS;
        square += n * n / DRAWS;
        fourth += n * n * n * n / DRAWS;
        product += n * before / DRAWS;
        before = n;
    }
    double error = 5 / sqrt(DRAWS);
    assert_true(fabs(uniform - 0.5) < error * sqrt(1 / 12.0));
    assert_true(fabs(mean) < error);
    assert_true(fabs(square - 1) < error * sqrt(2));
    assert_true(fabs(fourth - 3) < error * sqrt(96));
    assert_true(fabs(product) < error);
}

static void test_below(void **state)
{
    (void)state;
    struct random r = random_stream(1, RANDOM_PROBE, 0, 0);
    uint32_t seen[7] = {0};
    for (int i = 0; i < 70000; i++) seen[random_below(&r, 7)]++;
    for (int i = 0; i < 7; i++) assert_in_range(seen[i], 9500, 10500);
    assert_int_equal(random_below(&r, 1), 0);
}

static void test_permutation(void **state)
{
    (void)state;
    enum { N = 1000 };
    struct random r = random_stream(1, RANDOM_SHUFFLE, 0, 0);
    uint32_t order[N], fixed = 0;
    bool seen[N] = {false};
    random_permutation(&r, N, order);
    for (uint32_t i = 0; i < N; i++) {
        assert_true(order[i] < N && !seen[order[i]]);
        seen[order[i]] = true;
        fixed += order[i] == i;
    }
    assert_true(fixed < 8); /* one is expected */
    random_permutation(&r, 0, order);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published), cmocka_unit_test(test_any_place), cmocka_unit_test(test_names_differ),
        cmocka_unit_test(test_moments),   cmocka_unit_test(test_below),     cmocka_unit_test(test_permutation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
