/* test_init.c: every initialiser against its formula: bounds, moments, structure; the same numbers for the same
 * seed. */
#include "runtime/train/train.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

/* One parameter alone. */
struct one {
    struct nnt_field field;
    struct nnt_parameter parameter;
    struct nnt_module module;
    double *value;
    size_t count;
};

static void draw(struct one *one, enum nnt_initialiser initialiser, uint32_t rows, uint32_t columns, double a,
                 double b)
{
    *one = (struct one){
        .field = {"weight", NNT_PARAMETERS, 0, 2, {rows, columns}, 0, 0},
        .parameter = {.initialiser = initialiser, .fan_in = columns, .fan_out = rows, .argument = {a, b}},
        .count = (size_t)rows * columns};
    one->module = (struct nnt_module){
        .real_bytes = 8, .field = &one->field, .parameter = &one->parameter, .n_fields = 1, .n_parameters = 1};
    one->value = calloc(one->count, sizeof *one->value);
    init_parameters(&one->module, 1, one->value);
}

/* Whether mean and deviation are those expected, within five standard errors (uniform and normal numbers alike). */
static void assert_moments(const struct one *one, double mean, double deviation)
{
    double sum = 0, squares = 0, n = (double)one->count;
    for (size_t i = 0; i < one->count; i++) sum += one->value[i];
    for (size_t i = 0; i < one->count; i++) squares += (one->value[i] - mean) * (one->value[i] - mean);
    assert_true(fabs(sum / n - mean) < 5 * deviation / sqrt(n));
    assert_true(fabs(sqrt(squares / n) - deviation) < 5 * deviation / sqrt(2 * n));
}

static void assert_bounds(const struct one *one, double low, double high)
{
    double least = INFINITY, most = -INFINITY;
    for (size_t i = 0; i < one->count; i++) {
        least = fmin(least, one->value[i]);
        most = fmax(most, one->value[i]);
    }
    assert_true(least >= low && most <= high);
    assert_true(least < low + 0.01 * (high - low) && most > high - 0.01 * (high - low));
}

static void uniform_ones(void **state)
{
    struct one one;
    (void)state;
    draw(&one, NNT_INIT_glorot_uniform, 60, 90, 0, 0);
    assert_bounds(&one, -sqrt(6 / 150.0), sqrt(6 / 150.0));
    assert_moments(&one, 0, sqrt(2 / 150.0));
    free(one.value);
    draw(&one, NNT_INIT_he_uniform, 60, 90, 0, 0);
    assert_bounds(&one, -sqrt(6 / 90.0), sqrt(6 / 90.0));
    free(one.value);
    draw(&one, NNT_INIT_uniform, 60, 90, 2, 5);
    assert_bounds(&one, 2, 5);
    assert_moments(&one, 3.5, 3 / sqrt(12));
    free(one.value);
}

static void normal_ones(void **state)
{
    struct one one;
    (void)state;
    draw(&one, NNT_INIT_glorot_normal, 60, 90, 0, 0);
    assert_moments(&one, 0, sqrt(2 / 150.0));
    free(one.value);
    draw(&one, NNT_INIT_he_normal, 60, 90, 0, 0);
    assert_moments(&one, 0, sqrt(2 / 90.0));
    free(one.value);
    draw(&one, NNT_INIT_normal, 60, 90, -3, 0.25);
    assert_moments(&one, -3, 0.25);
    free(one.value);
}

/* Element (i, j) of the fewer ones' Gram matrix: rows of a wide matrix, columns of a tall one. */
static double gram(const struct one *one, uint32_t i, uint32_t j)
{
    uint32_t rows = one->field.extent[0], columns = one->field.extent[1];
    double sum = 0;
    if (rows <= columns)
        for (uint32_t k = 0; k < columns; k++) sum += one->value[i * columns + k] * one->value[j * columns + k];
    else
        for (uint32_t k = 0; k < rows; k++) sum += one->value[k * columns + i] * one->value[k * columns + j];
    return sum;
}

static void orthogonal_ones(void **state)
{
    static const uint32_t shapes[][2] = {{4, 4}, {3, 7}, {7, 3}, {1, 5}, {5, 1}, {1, 1}, {20, 33}};
    (void)state;
    for (uint32_t s = 0; s < LENGTH(shapes); s++) {
        struct one one;
        draw(&one, NNT_INIT_orthogonal, shapes[s][0], shapes[s][1], 0, 0);
        uint32_t fewer = shapes[s][0] < shapes[s][1] ? shapes[s][0] : shapes[s][1];
        for (uint32_t i = 0; i < fewer; i++)
            for (uint32_t j = 0; j < fewer; j++) assert_true(fabs(gram(&one, i, j) - (i == j)) < 1e-14);
        free(one.value);
    }
}

/* R's diagonal positive: Gram and Schmidt on the same normal numbers give the same matrix. */
static void orthogonal_is_gram_schmidt(void **state)
{
    enum { ROWS = 3, COLUMNS = 5 };
    struct one one, normal;
    (void)state;
    draw(&one, NNT_INIT_orthogonal, ROWS, COLUMNS, 0, 0);
    draw(&normal, NNT_INIT_normal, ROWS, COLUMNS, 0, 1);
    for (uint32_t i = 0; i < ROWS; i++) {
        double *row = normal.value + i * COLUMNS, length = 0;
        for (uint32_t j = 0; j < i; j++) {
            double along = gram(&normal, i, j);
            for (uint32_t k = 0; k < COLUMNS; k++) row[k] -= along * normal.value[j * COLUMNS + k];
        }
        for (uint32_t k = 0; k < COLUMNS; k++) length += row[k] * row[k];
        for (uint32_t k = 0; k < COLUMNS; k++) row[k] /= sqrt(length);
    }
    for (uint32_t k = 0; k < ROWS * COLUMNS; k++) assert_true(fabs(one.value[k] - normal.value[k]) < 1e-14);
    free(one.value);
    free(normal.value);
}

static void fixed_ones(void **state)
{
    const double given[] = {1, 2, 3, 4, 5, 6};
    struct one one;
    (void)state;
    draw(&one, NNT_INIT_constant, 2, 3, 0.3, 0);
    for (uint32_t i = 0; i < 6; i++) assert_true(one.value[i] == 0.3);
    one.parameter.initialiser = NNT_INIT_zeros;
    init_parameters(&one.module, 1, one.value);
    for (uint32_t i = 0; i < 6; i++) assert_true(one.value[i] == 0);
    one.parameter.initialiser = NNT_INIT_identity;
    one.parameter.argument[0] = 2;
    init_parameters(&one.module, 1, one.value);
    for (uint32_t i = 0; i < 6; i++) assert_true(one.value[i] == (i == 0 || i == 4 ? 2 : 0));
    one.parameter.initialiser = NNT_INIT_values;
    one.parameter.values = given;
    init_parameters(&one.module, 1, one.value);
    assert_memory_equal(one.value, given, sizeof given);
    free(one.value);
}

/* Parameter 1 does not depend on what parameter 0 is, float32 is float64 rounded, another seed gives other numbers.
 */
static void streams_are_apart(void **state)
{
    struct nnt_field field[] = {{"a", NNT_PARAMETERS, 0, 2, {2, 3}, 0, 0}, {"b", NNT_PARAMETERS, 0, 1, {4}, 6, 0}};
    struct nnt_parameter parameter[] = {{.field = 0, .initialiser = NNT_INIT_he_normal, .fan_in = 3, .fan_out = 2},
                                        {.field = 1, .initialiser = NNT_INIT_normal, .argument = {0, 1}}};
    struct nnt_module module = {.real_bytes = 8, .field = field, .parameter = parameter, .n_parameters = 2};
    double wide[10], again[10], other[10];
    float narrow[10];
    (void)state;
    init_parameters(&module, 3, wide);
    module.real_bytes = 4;
    init_parameters(&module, 3, narrow);
    for (uint32_t i = 0; i < 10; i++) assert_true(narrow[i] == (float)wide[i]);
    module.real_bytes = 8;
    parameter[0].initialiser = NNT_INIT_zeros;
    init_parameters(&module, 3, again);
    assert_memory_equal(again + 6, wide + 6, 4 * sizeof *wide);
    init_parameters(&module, 4, other);
    for (uint32_t i = 6; i < 10; i++) assert_true(other[i] != wide[i]);
}

/* Whatever draws it, a hollow parameter has a diagonal of zeros, and the rest as it would have been. */
static void hollow_ones(void **state)
{
    struct nnt_field field[] = {{"a", NNT_PARAMETERS, 0, 2, {4, 4}, 0, 0}};
    struct nnt_parameter parameter[] = {
        {.field = 0, .initialiser = NNT_INIT_orthogonal, .fan_in = 4, .fan_out = 4}};
    struct nnt_module module = {.real_bytes = 8, .field = field, .parameter = parameter, .n_parameters = 1};
    double full[16], hollow[16];
    (void)state;
    init_parameters(&module, 3, full);
    parameter[0].hollow = 1;
    init_parameters(&module, 3, hollow);
    for (uint32_t i = 0; i < 16; i++) assert_true(hollow[i] == (i % 5 == 0 ? 0 : full[i]));
}

/* Every row: finite, the same numbers for the same seed; another seed gives others where it is drawn, and where not the same. */
static void every_row(void **state)
{
    static const char *const names[] = {
#define INITIALISER(name, ...) #name,
#include "runtime/train/initialisers.def"
#undef INITIALISER
    };
    static const char *const fixed = "zeros constant identity values";
    static const double values[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    (void)state;
    for (uint32_t i = 0; i < LENGTH(names); i++) {
        struct one one;
        draw(&one, NNT_INIT_zeros, 3, 4, 0.25, 0.5);
        one.parameter.initialiser = (enum nnt_initialiser)i;
        double *kept = calloc(3 * one.count, sizeof *kept);
        one.parameter.values = values;
        for (uint32_t k = 0; k < 3; k++) init_parameters(&one.module, k < 2 ? 5 : 6, kept + k * one.count);
        for (size_t e = 0; e < 3 * one.count; e++) assert_true(isfinite(kept[e]));
        assert_memory_equal(kept, kept + one.count, one.count * sizeof *kept);
        bool same = !memcmp(kept, kept + 2 * one.count, one.count * sizeof *kept);
        if (same != (strstr(fixed, names[i]) != NULL))
            fail_msg("%s: %s", names[i], same ? "is not drawn" : "is drawn");
        free(kept), free(one.value);
    }
    print_message("%u rows, %u checks\n", (unsigned)LENGTH(names), (unsigned)LENGTH(names) * 3 * 12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(uniform_ones),    cmocka_unit_test(normal_ones),
        cmocka_unit_test(orthogonal_ones), cmocka_unit_test(orthogonal_is_gram_schmidt),
        cmocka_unit_test(fixed_ones),      cmocka_unit_test(streams_are_apart),
        cmocka_unit_test(hollow_ones),     cmocka_unit_test(every_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
