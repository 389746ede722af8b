/* test_digits.c: the generators: balanced, of seed and number alone, and as hard as they should be. */
#include "runtime/data/source.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

enum { TRAINED = 3000, TESTED = 1000, N = TRAINED + TESTED };

static float (*pictures)[DIGITS_PIXELS];
static uint8_t labels[N];

static int draw_all(void **state)
{
    (void)state;
    pictures = malloc(N * sizeof *pictures);
    for (uint32_t i = 0; pictures != NULL && i < N; i++) digits_draw(5, i, pictures[i], &labels[i]);
    return pictures == NULL;
}

static int release(void **state)
{
    (void)state;
    free(pictures);
    return 0;
}

static void test_balanced(void **state)
{
    (void)state;
    uint32_t seen[10] = {0}, in_order = 0;
    for (uint32_t i = 0; i < N; i++) {
        seen[labels[i]]++;
        in_order += labels[i] == i % 10;
    }
    for (int k = 0; k < 10; k++) assert_int_equal(seen[k], N / 10);
    assert_true(in_order < N / 5);
    for (uint32_t i = 0; i < N; i++)
        for (int k = 0; k < DIGITS_PIXELS; k++) assert_true(pictures[i][k] >= 0 && pictures[i][k] <= 1);
}

static void test_by_seed_and_number(void **state)
{
    (void)state;
    float again[DIGITS_PIXELS], other[DIGITS_PIXELS];
    uint8_t label;
    digits_draw(5, 1234, again, &label);
    assert_memory_equal(again, pictures[1234], sizeof again);
    assert_int_equal(label, labels[1234]);
    digits_draw(6, 1234, other, &label);
    assert_memory_not_equal(again, other, sizeof again);
}

/* The rows of digits.def: how many strokes and points each says it has, and how many it has. */
struct point {
    float x, y;
};
struct line {
    uint32_t said, points;
    struct point point[16];
};
static const struct way {
    uint32_t digit, said, strokes;
    struct line line[8];
} ways[] = {
#define POINTS(...) sizeof((const struct point[]){__VA_ARGS__}) / sizeof(struct point)
#define CURVE(n, ...)                                                                                              \
    {                                                                                                              \
        n, POINTS(__VA_ARGS__),                                                                                    \
        {                                                                                                          \
            __VA_ARGS__                                                                                            \
        }                                                                                                          \
    }
#define LINES CURVE
#define GLYPH(digit, n, ...)                                                                                       \
    {digit, n, sizeof((const struct line[]){__VA_ARGS__}) / sizeof(struct line), {__VA_ARGS__}},
#include "runtime/data/digits.def"
#undef GLYPH
#undef LINES
#undef CURVE
};

static void expect_line(const struct line *line)
{
    assert_int_equal(line->said, line->points);
    assert_true(line->points >= 2);
    for (uint32_t p = 0; p < line->points; p++) {
        assert_true(line->point[p].x >= 0 && line->point[p].x <= 1);
        assert_true(line->point[p].y >= 0 && line->point[p].y <= 1);
    }
}

/* All that is written lies in its box, and every digit is written somehow. */
static void test_ways(void **state)
{
    (void)state;
    uint32_t seen[10] = {0};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        assert_in_range(ways[i].digit, 0, 9);
        seen[ways[i].digit]++;
        assert_int_equal(ways[i].said, ways[i].strokes);
        for (uint32_t k = 0; k < ways[i].strokes; k++) expect_line(&ways[i].line[k]);
    }
    for (int digit = 0; digit < 10; digit++) assert_true(seen[digit] > 0);
}

/* Scores of softmax regression; the last weight of a class is its bias. */
static void scores(float weight[10][DIGITS_PIXELS + 1], const float *picture, float out[10])
{
    for (int c = 0; c < 10; c++) {
        out[c] = weight[c][DIGITS_PIXELS];
        for (int k = 0; k < DIGITS_PIXELS; k++) out[c] += weight[c][k] * picture[k];
    }
}

static void descend(float weight[10][DIGITS_PIXELS + 1], const float *picture, int label, float rate)
{
    float y[10], most = -INFINITY, sum = 0;
    scores(weight, picture, y);
    for (int c = 0; c < 10; c++) most = fmaxf(most, y[c]);
    for (int c = 0; c < 10; c++) sum += y[c] = expf(y[c] - most);
    for (int c = 0; c < 10; c++) {
        float step = rate * ((c == label) - y[c] / sum);
        for (int k = 0; k < DIGITS_PIXELS; k++) weight[c][k] += step * picture[k];
        weight[c][DIGITS_PIXELS] += step;
    }
}

/* What a linear classifier leaves undone is what hidden neurons are for. */
static void test_not_linear(void **state)
{
    (void)state;
    static float weight[10][DIGITS_PIXELS + 1];
    for (int epoch = 0; epoch < 8; epoch++)
        for (int i = 0; i < TRAINED; i++) descend(weight, pictures[i], labels[i], 0.02f / (float)(1 + epoch));
    int right = 0;
    for (int i = TRAINED; i < N; i++) {
        float y[10];
        int best = 0;
        scores(weight, pictures[i], y);
        for (int c = 1; c < 10; c++)
            if (y[c] > y[best]) best = c;
        right += best == labels[i];
    }
    assert_in_range(right, TESTED * 70 / 100, TESTED * 90 / 100);
}

/* Without noise the points lie on their curves; with it they are spread by as much. */
static void test_moons(void **state)
{
    (void)state;
    uint32_t ones = 0;
    double square = 0;
    for (uint32_t i = 0; i < 2000; i++) {
        float point[2], noisy[2];
        uint8_t label;
        moons_draw(1, i, 0, point, &label);
        double side = label == 1 ? -1 : 1, x = side * point[0] + 0.5, y = side * point[1] + 0.25;
        assert_true(fabs(x * x + y * y - 1) < 1e-5 && y >= -1e-6);
        ones += label;
        moons_draw(1, i, 0.2, noisy, &label);
        square += pow(noisy[0] - point[0], 2) + pow(noisy[1] - point[1], 2);
    }
    assert_int_equal(ones, 1000);
    assert_true(fabs(sqrt(square / 4000) - 0.2) < 0.01);
}

/* The arms are turned into each other by half a turn, and radius grows with angle. */
static void test_spirals(void **state)
{
    (void)state;
    uint32_t ones = 0;
    for (uint32_t i = 0; i < 2000; i++) {
        float point[2];
        uint8_t label;
        spirals_draw(1, i, 0, point, &label);
        double radius = hypot(point[0], point[1]), side = label == 1 ? -1 : 1;
        double angle = 6.283185307179586 * 1.5 * radius / 2;
        assert_true(radius > 0.29 && radius < 2.01);
        assert_true(fabs(side * point[0] - radius * cos(angle)) < 1e-5);
        assert_true(fabs(side * point[1] - radius * sin(angle)) < 1e-5);
        ones += label;
    }
    assert_int_equal(ones, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_balanced), cmocka_unit_test(test_by_seed_and_number),
        cmocka_unit_test(test_ways),     cmocka_unit_test(test_not_linear),
        cmocka_unit_test(test_moons),    cmocka_unit_test(test_spirals),
    };
    return cmocka_run_group_tests(tests, draw_all, release);
}
