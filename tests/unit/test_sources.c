/* test_sources.c: NumPy arrays in every type and order, and what the generators draw. */
#include "runtime/data/source.h"

#include "runtime/base/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static const char path[] = "/tmp/nnt-test-sources.npy";

/* A file of that version; `bytes` behind the header. */
static void write_npy(unsigned version, const char *words, const void *bytes, size_t n)
{
    FILE *file = fopen(path, "wb");
    size_t length = strlen(words);
    assert_non_null(file);
    fprintf(file, "%cNUMPY%c%c%c%c", 0x93, version, 0, (int)(length & 255), (int)(length >> 8));
    if (version > 1) fprintf(file, "%c%c", 0, 0);
    fputs(words, file);
    assert_int_equal(fwrite(bytes, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
}

static bool open_npy(struct diag *diag, struct table *out)
{
    const char *field[] = {"x"}, *paths[] = {path};
    struct source_spec spec = {.which = SOURCE_npy, .n_files = 1, .field = field, .path = paths};
    return table_open(diag, &spec, ".", 1 << 20, out);
}

static void check_npy(unsigned version, const char *words, const void *bytes, size_t n, uint32_t count,
                      uint32_t width, const double expected[])
{
    struct diag *diag = diag_new();
    struct table table;
    double row[8];
    write_npy(version, words, bytes, n);
    if (!open_npy(diag, &table)) diag_print(diag, stderr, DIAG_PLAIN);
    assert_false(diag_failed(diag));
    assert_int_equal(table.count, count);
    assert_int_equal(table.field[0].width, width);
    for (uint32_t i = 0; i < count; i++) {
        field_row(&table.field[0], i, row);
        for (uint32_t k = 0; k < width; k++)
            if (row[k] != expected[i * width + k]) fail_msg("%s: row %u, %u: %g", words, i, k, row[k]);
    }
    table_free(&table);
    diag_free(diag);
}

#define CHECK(version, words, type, count, width, ...)                                                             \
    check_npy(version, words, (const type[]){__VA_ARGS__}, sizeof((const type[]){__VA_ARGS__}), count, width,      \
              (const double[]){__VA_ARGS__})

static void test_types(void **state)
{
    (void)state;
    CHECK(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }  \n", float, 2, 2, 1.5f, -2, 3, 1e-20f);
    CHECK(2, "{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }\n", double, 3, 1, 0.1, -1e300, 7);
    CHECK(3, "{\"shape\":(1,3),\"fortran_order\":False,\"descr\":\"<i8\"}", int64_t, 1, 3, -5, 1LL << 40, 3);
    CHECK(1, "{'descr': '<i4', 'fortran_order': False, 'shape': (2, 1)}", int32_t, 2, 1, -2147483647, 5);
    CHECK(1, "{'descr': '=i2', 'fortran_order': False, 'shape': (2L, 1L)}", int16_t, 2, 1, -300, 301);
    CHECK(1, "{'descr': '|i1', 'fortran_order': False, 'shape': (2, 1)}", int8_t, 2, 1, -128, 127);
    CHECK(1, "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 1)}", uint8_t, 2, 1, 0, 255);
    CHECK(1, "{'descr': '<u2', 'fortran_order': False, 'shape': (2, 1)}", uint16_t, 2, 1, 0, 65535);
    CHECK(1, "{'descr': '<u4', 'fortran_order': False, 'shape': (2, 1)}", uint32_t, 2, 1, 0, 4294967295u);
    CHECK(1, "{'descr': '|b1', 'fortran_order': False, 'shape': (2, 1)}", uint8_t, 2, 1, 1, 0);
}

/* Column by column: a[i][j][k] of shape (2, 3, 2) stands at i + 2 j + 6 k. */
static void test_fortran(void **state)
{
    (void)state;
    uint8_t bytes[12];
    double expected[12];
    for (uint8_t i = 0; i < 12; i++) bytes[i] = i;
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 3; j++)
            for (int k = 0; k < 2; k++) expected[6 * i + 2 * j + k] = i + 2 * j + 6 * k;
    check_npy(1, "{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3, 2), }", bytes, 12, 2, 6, expected);
}

/* Every cut of a good file is refused, and so is every byte of its header made another where it matters or not: no
 * crash. */
static void test_cuts(void **state)
{
    static const char words[] = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }\n";
    (void)state;
    write_npy(1, words, (float[]){1, 2, 3, 4}, 16);
    size_t length = 10 + strlen(words) + 16;
    for (size_t n = length; n-- > 0;) {
        struct diag *diag = diag_new();
        struct table table;
        assert_int_equal(truncate(path, (off_t)n), 0);
        assert_false(open_npy(diag, &table));
        assert_int_equal(diag_status(diag), 1);
        table_free(&table);
        diag_free(diag);
    }
    unlink(path);
}

static struct table generate(enum source which, const double number[8])
{
    struct diag *diag = diag_new();
    struct source_spec spec = {.which = which};
    struct table table;
    memcpy(spec.number, number, sizeof spec.number);
    assert_true(table_open(diag, &spec, ".", 1 << 24, &table));
    diag_free(diag);
    return table;
}

static void test_patterns(void **state)
{
    (void)state;
    struct table t = generate(SOURCE_patterns, (double[8]){100, 64, 3}),
                 more = generate(SOURCE_patterns, (double[8]){101, 64, 3});
    double sum = 0;
    for (uint32_t i = 0; i < 6400; i++) {
        assert_true(fabsf(t.field[0].numbers[i]) == 1);
        sum += t.field[0].numbers[i];
    }
    assert_true(fabs(sum) < 4 * 80); /* four deviations */
    assert_memory_equal(t.field[0].numbers, more.field[0].numbers, 6400 * sizeof(float));
    table_free(&t);
    table_free(&more);
}

static void test_parity(void **state)
{
    (void)state;
    struct table t = generate(SOURCE_parity, (double[8]){1000, 7, 1});
    uint32_t odd = 0;
    for (uint32_t i = 0; i < 1000; i++) {
        float product = -1; /* of seven factors: -1 where an even number is 1 */
        for (uint32_t k = 0; k < 7; k++) product *= -t.field[0].numbers[7 * i + k];
        assert_int_equal(t.field[1].bytes[i], product == 1);
        odd += t.field[1].bytes[i];
    }
    assert_true(odd > 430 && odd < 570);
    table_free(&t);
}

static void test_adding(void **state)
{
    (void)state;
    struct table t = generate(SOURCE_adding, (double[8]){200, 9, 1});
    assert_int_equal(t.field[0].width, 18);
    for (uint32_t i = 0; i < 200; i++) {
        double marks = 0, total = 0;
        for (uint32_t k = 0; k < 9; k++) {
            const float *pair = &t.field[0].numbers[18 * i + 2 * k];
            assert_true(pair[0] >= 0 && pair[0] <= 1 && (pair[1] == 0 || pair[1] == 1));
            marks += pair[1];
            total += (double)pair[0] * pair[1];
        }
        assert_true(marks == 2);
        assert_true(fabs(total - (double)t.field[1].numbers[i]) < 1e-6);
    }
    table_free(&t);
}

/* Without noise equal inputs have equal answers, which are bounded and vary; the noise is as large as it is said to
 * be. */
static void test_teacher(void **state)
{
    (void)state;
    struct table a = generate(SOURCE_teacher, (double[8]){2000, 3, 10, 2, 0, 4}),
                 b = generate(SOURCE_teacher, (double[8]){2000, 3, 10, 2, 0.5, 4});
    double squares = 0, noise = 0;
    assert_memory_equal(a.field[0].numbers, b.field[0].numbers, 6000 * sizeof(float));
    for (uint32_t i = 0; i < 4000; i++) {
        double y = a.field[1].numbers[i], d = (double)b.field[1].numbers[i] - y;
        squares += y * y;
        noise += d * d;
    }
    assert_true(squares / 4000 > 0.05 && squares / 4000 < 5);
    assert_true(fabs(noise / 4000 - 0.25) < 0.03);
    table_free(&a);
    table_free(&b);
}

/* ---- every generator of the table ---- */

/* The arguments of a row: 6 where one must be given, its default else, and the seed (-1: there is none). */
static int row_arguments(const struct source_row *row, double out[8])
{
    char list[128], *rest = NULL;
    int n = 0, seed = -1;
    snprintf(list, sizeof list, "%s", row->arguments);
    for (char *at = strtok_r(list, " ", &rest); at; at = strtok_r(NULL, " ", &rest), n++) {
        const char *value = strchr(at, '=');
        out[n] = value ? strtod(value + 1, NULL) : 6;
        if (!strncmp(at, "seed", 4)) seed = n;
    }
    return seed;
}

/* Whether all numbers are finite, labels classes, and the numbers are those of the other table. */
static bool same_samples(const struct table *a, const struct table *b, uint32_t *checks)
{
    bool same = a->count == b->count && a->n_fields == b->n_fields;
    for (uint32_t f = 0; same && f < a->n_fields; f++)
        for (uint32_t s = 0; s < a->count; s++) {
            double x[512], y[512];
            assert_true(a->field[f].width <= LENGTH(x));
            field_row(&a->field[f], s, x), field_row(&b->field[f], s, y);
            for (uint32_t k = 0; k < a->field[f].width; k++, ++*checks) {
                assert_true(isfinite(x[k]));
                same = same && x[k] == y[k];
            }
        }
    return same;
}

static uint32_t words_in(const char *list)
{
    uint32_t n = 1;
    for (const char *c = list; *c; c++) n += *c == ' ';
    return n;
}

/* The same seed gives the same samples, another one others; fields as the row says. Files have tests of their own. */
static void test_every_generator(void **state)
{
    uint32_t rows = 0, checks = 0;
    (void)state;
    for (uint32_t s = 0; s < SOURCES; s++) {
        const struct source_row *row = &source_rows[s];
        double number[8] = {0};
        assert_true(row->help[0]);
        if (!strcmp(row->fields, "*")) continue;
        int seed = row_arguments(row, number);
        struct table a = generate((enum source)s, number), b = generate((enum source)s, number);
        if (seed >= 0) number[seed] = 77;
        struct table c = generate((enum source)s, number);
        assert_int_equal(a.n_fields, words_in(row->fields));
        assert_true(same_samples(&a, &b, &checks));
        if (same_samples(&a, &c, &checks) != (seed < 0)) fail_msg("%s: the seed does not draw it", row->name);
        table_free(&a), table_free(&b), table_free(&c);
        rows++;
    }
    print_message("%u rows, %u checks\n", rows, checks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_types),   cmocka_unit_test(test_fortran),
                                       cmocka_unit_test(test_cuts),    cmocka_unit_test(test_patterns),
                                       cmocka_unit_test(test_parity),  cmocka_unit_test(test_adding),
                                       cmocka_unit_test(test_teacher), cmocka_unit_test(test_every_generator)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
