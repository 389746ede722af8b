/* test_weights.c: weights come back as they were written; a broken file is refused with the tensor and the reason.
 */
#include "runtime/record/record.h"

#include "runtime/base/arena.h"
#include "runtime/base/file.h"
#include "runtime/base/text.h"
#include "tests/module/linear.h"

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

static const struct span nowhere = {0};
static const double values[LINEAR_P] = {0.1, -2, 3e-40, 4, 5.5, -6, 1.0 / 3, 8};

struct setup {
    struct diag *diag;
    char path[64];
};

static int set_up(void **state)
{
    struct setup *s = calloc(1, sizeof *s);
    s->diag = diag_new();
    strcpy(s->path, "/tmp/nnt-weights-XXXXXX");
    int file = mkstemp(s->path);
    *state = s;
    return file < 0 ? -1 : close(file);
}

static int tear_down(void **state)
{
    struct setup *s = *state;
    unlink(s->path);
    diag_free(s->diag);
    free(s);
    return 0;
}

static void narrow_values(float out[LINEAR_P])
{
    for (uint32_t i = 0; i < LINEAR_P; i++) out[i] = (float)values[i];
}

/* ---- round trips ---- */

static void come_back(void **state)
{
    struct setup *s = *state;
    const double scale[] = {2, 3, 4};
    struct extra_tensor extra[] = {{"scale.x", scale, 3}, {"offset.x", scale, 3}};
    double wide[LINEAR_P];
    float narrow[LINEAR_P], expected[LINEAR_P];
    narrow_values(expected);
    /* float64 as float64 and as float32 */
    assert_true(weights_write(s->diag, s->path, &linear_f64, values, extra, 2));
    assert_true(weights_read(s->diag, nowhere, s->path, &linear_f64, wide));
    assert_memory_equal(wide, values, sizeof wide);
    assert_true(weights_read(s->diag, nowhere, s->path, &linear_f32, narrow));
    assert_memory_equal(narrow, expected, sizeof narrow);
    /* float32 as float32 and as float64 */
    assert_true(weights_write(s->diag, s->path, &linear_f32, expected, NULL, 0));
    memset(narrow, 0, sizeof narrow);
    assert_true(weights_read(s->diag, nowhere, s->path, &linear_f32, narrow));
    assert_memory_equal(narrow, expected, sizeof narrow);
    assert_true(weights_read(s->diag, nowhere, s->path, &linear_f64, wide));
    for (uint32_t i = 0; i < LINEAR_P; i++) assert_true(wide[i] == (double)expected[i]);
    assert_int_equal(diag_errors(s->diag), 0);
}

/* The file by the letter of the format, with the data aligned. */
static void format(void **state)
{
    struct setup *s = *state;
    const double scale[] = {2, 3, 4};
    struct extra_tensor extra = {"scale.x", scale, 3};
    const char *header = "{\"__metadata__\":{\"format\":\"nnt\"},\"scale.x\":{\"dtype\":\"F64\",\"shape\":[3],"
                         "\"data_offsets\":[0,24]},"
                         "\"weight.x.y\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[24,48]},"
                         "\"bias.y\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[48,56]}}";
    float narrow[LINEAR_P];
    size_t length, padded = (strlen(header) + 7) / 8 * 8;
    narrow_values(narrow);
    assert_true(weights_write(s->diag, s->path, &linear_f32, narrow, &extra, 1));
    char *bytes = file_read(s->diag, nowhere, s->path, 1 << 20, &length);
    assert_int_equal(length, 8 + padded + 56);
    assert_int_equal((unsigned char)bytes[0] | (unsigned char)bytes[1] << 8, padded);
    assert_memory_equal(bytes + 8, header, strlen(header));
    assert_memory_equal(bytes + 8 + padded, scale, sizeof scale);
    assert_memory_equal(bytes + 8 + padded + 24, narrow, sizeof narrow);
    free(bytes);
}

/* Constants of the data come back bit for bit; there may be none, of one axis, and no scale is 0. */
static void extras(void **state)
{
    struct setup *s = *state;
    double wide[LINEAR_P] = {0}, numbers[] = {0.1, 3, 1e-300}, zero[] = {2, 0};
    const struct extra_tensor written[] = {
        {"offset.x", numbers, 3}, {"scale.x", numbers + 1, 2}, {"scale.y", zero, 2}, {"offset.y", zero, 2}};
    struct arena *arena = arena_new();
    struct extra_tensor read;
    assert_true(weights_write(s->diag, s->path, &linear_f64, wide, written, 4));
    struct weights *weights = weights_open(s->diag, nowhere, s->path, LINEAR_P);
    assert_non_null(weights);
    assert_true(weights_extra(weights, arena, "offset.x", &read) && read.count == 3);
    assert_memory_equal(read.values, numbers, sizeof numbers);
    assert_true(weights_extra(weights, arena, "scale.x", &read) && read.count == 2);
    assert_memory_equal(read.values, numbers + 1, 2 * sizeof *numbers);
    assert_true(weights_extra(weights, arena, "offset.y", &read));
    assert_true(weights_extra(weights, arena, "scale.z", &read) && !read.values);
    assert_false(diag_failed(s->diag));
    assert_false(weights_extra(weights, arena, "scale.y", &read));
    assert_string_equal(
        diag_first_error(s->diag),
        arena_printf(arena, "weights '%s': number 2 of 'scale.y' is 0; data are divided by it", s->path));
    weights_close(weights);
    arena_free(arena);
}

/* ---- broken files ---- */

/* Writes a file of that header (with its right length, or `claimed`) and `n` numbers 1, 2, … of float32. */
static void write_file(struct setup *s, const char *header, uint64_t claimed, uint32_t n)
{
    struct text bytes = {0};
    unsigned char prefix[8];
    for (uint32_t i = 0; i < 8; i++) prefix[i] = (unsigned char)((claimed ? claimed : strlen(header)) >> 8 * i);
    text_add_bytes(&bytes, prefix, 8);
    text_add_bytes(&bytes, header, strlen(header));
    for (uint32_t i = 0; i < n; i++) {
        float number = (float)(i + 1);
        text_add_bytes(&bytes, &number, sizeof number);
    }
    assert_true(file_write(s->diag, nowhere, s->path, bytes.data, bytes.length));
    text_fini(&bytes);
}

static void assert_refused(struct setup *s, const char *word)
{
    float narrow[LINEAR_P];
    char text[4096] = "";
    assert_false(weights_read(s->diag, nowhere, s->path, &linear_f32, narrow));
    assert_int_equal(diag_errors(s->diag), 1);
    FILE *file = fmemopen(text, sizeof text, "w");
    diag_print(s->diag, file, DIAG_PLAIN);
    fclose(file);
    if (!strstr(text, word)) {
        print_error("expected '%s' in: %s\n", word, text);
        fail();
    }
    diag_free(s->diag);
    s->diag = diag_new();
}

#define WEIGHT(shape, from, to)                                                                                    \
    "\"weight.x.y\":{\"dtype\":\"F32\",\"shape\":" shape ",\"data_offsets\":[" #from "," #to "]}"
#define BIAS(shape, from, to)                                                                                      \
    "\"bias.y\":{\"dtype\":\"F32\",\"shape\":" shape ",\"data_offsets\":[" #from "," #to "]}"

static void broken_headers(void **state)
{
    static const struct {
        const char *header;
        uint64_t claimed;
        uint32_t numbers;
        const char *word;
    } rows[] = {
        {"", 100, 0, "cut short"},
        {"{}", UINT64_MAX, 0, "expected at most"},
        {"{}", (16u << 20) + 1, 0, "expected at most"},
        {"{\"weight.x.y\":", 0, 8, "no JSON"},
        {"[1, 2]", 0, 0, "no JSON object"},
        {"{" WEIGHT("[2,3]", 0, 24) "," WEIGHT("[2,3]", 0, 24) "," BIAS("[2]", 24, 32) "}", 0, 8, "duplicate"},
        {"{" WEIGHT("[2,3]", 0, 24) "}", 0, 6, "'bias.y' is missing"},
        {"{" WEIGHT("[3,2]", 0, 24) "," BIAS("[2]", 24, 32) "}", 0, 8,
         "'weight.x.y' has shape [3, 2]; expected [2, 3]"},
        {"{" WEIGHT("[6]", 0, 24) "," BIAS("[2]", 24, 32) "}", 0, 8, "has shape [6]; expected [2, 3]"},
        {"{" WEIGHT("[2,3]", 0, 20) "," BIAS("[2]", 20, 28) "}", 0, 7, "not what its shape needs"},
        {"{" WEIGHT("[2,3]", 0, 24) "," BIAS("[2]", 20, 28) "}", 0, 7, "overlap"},
        {"{" WEIGHT("[2,3]", 0, 24) "," BIAS("[2]", 28, 36) "}", 0, 9, "no tensor's"},
        {"{" WEIGHT("[2,3]", 0, 24) "," BIAS("[2]", 24, 32) "}", 0, 9, "at the end are no tensor's"},
        {"{" WEIGHT("[2,3]", 0, 24) "," BIAS("[2]", 24, 32) "}", 0, 7, "is the file cut short?"},
        {"{" WEIGHT("[2,3]", 24, 0) "," BIAS("[2]", 24, 32) "}", 0, 8, "no data_offsets that could be"},
        {"{" WEIGHT("[2,3]", -8, 16) "," BIAS("[2]", 16, 24) "}", 0, 6, "no data_offsets that could be"},
        {"{" WEIGHT("[2,3]", 0, 99999999999999999999) "}", 0, 6, "no JSON"},
        {"{" WEIGHT("[-2,-3]", 0, 24) "," BIAS("[2]", 24, 32) "}", 0, 8, "no shape that could be"},
        {"{" WEIGHT("[4294967296,4294967296,4294967296]", 0, 24) "," BIAS("[2]", 24, 32) "}", 0, 8,
         "no shape that could be"},
        {"{" WEIGHT("[4611686018427387904,4]", 0, 0) "," BIAS("[2]", 0, 8) "}", 0, 2, "no shape that could be"},
        {"{" WEIGHT("\"2x3\"", 0, 24) "," BIAS("[2]", 24, 32) "}", 0, 8, "no shape that could be"},
        {"{\"weight.x.y\":{\"dtype\":\"BF16\",\"shape\":[2,3],\"data_offsets\":[0,12]}," BIAS("[2]", 12, 20) "}", 0,
         5, "has dtype BF16; expected F32 or F64"},
        {"{\"weight.x.y\":{\"shape\":[2,3],\"data_offsets\":[0,24]}," BIAS("[2]", 24, 32) "}", 0, 8,
         "has dtype none"},
        {"{\"weight.x.y\":3," BIAS("[2]", 24, 32) "}", 0, 8, "'weight.x.y' is no tensor"},
        {"{\"weight.x.z\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]}," BIAS("[2]", 24, 32) "}", 0,
         8, "did you mean 'weight.x.y'?"},
        {"{\"__metadata__\":7," WEIGHT("[2,3]", 0, 24) "," BIAS("[2]", 24, 32) "}", 0, 8, "__metadata__"},
    };
    struct setup *s = *state;
    for (uint32_t i = 0; i < LENGTH(rows); i++) {
        write_file(s, rows[i].header, rows[i].claimed, rows[i].numbers);
        assert_refused(s, rows[i].word);
    }
    /* The same text without a mistake is read. */
    float narrow[LINEAR_P];
    write_file(s, "{" BIAS("[2]", 24, 32) "," WEIGHT("[2,3]", 0, 24) "}", 0, 8);
    assert_true(weights_read(s->diag, nowhere, s->path, &linear_f32, narrow));
    for (uint32_t i = 0; i < LINEAR_P; i++) assert_true(narrow[i] == (float)(i + 1));
}

static void too_short_or_missing(void **state)
{
    struct setup *s = *state;
    assert_true(file_write(s->diag, nowhere, s->path, "1234567", 7));
    assert_refused(s, "no safetensors file");
    unlink(s->path);
    assert_refused(s, s->path);
}

/* Every cut of a good file is refused. */
static void cuts(void **state)
{
    struct setup *s = *state;
    size_t length;
    assert_true(weights_write(s->diag, s->path, &linear_f64, values, NULL, 0));
    char *bytes = file_read(s->diag, nowhere, s->path, 1 << 20, &length);
    for (size_t cut = 0; cut < length; cut++) {
        assert_true(file_write(s->diag, nowhere, s->path, bytes, cut));
        assert_refused(s, s->path);
    }
    free(bytes);
}

static void numbers_must_be_finite(void **state)
{
    struct setup *s = *state;
    double wide[LINEAR_P];
    size_t length;
    memcpy(wide, values, sizeof wide);
    wide[7] = 1e300;
    assert_true(weights_write(s->diag, s->path, &linear_f64, wide, NULL, 0));
    assert_refused(s, "number 2 of 'bias.y' is not finite as float32");
    char *bytes = file_read(s->diag, nowhere, s->path, 1 << 20, &length);
    wide[7] = NAN;
    memcpy(bytes + length - sizeof *wide, &wide[7], sizeof *wide);
    assert_true(file_write(s->diag, nowhere, s->path, bytes, length));
    assert_refused(s, "number 2 of 'bias.y' is not finite");
    free(bytes);
    assert_false(weights_write(s->diag, s->path, &linear_f64, wide, NULL, 0));
    assert_int_equal(diag_errors(s->diag), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(come_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(format, set_up, tear_down),
        cmocka_unit_test_setup_teardown(extras, set_up, tear_down),
        cmocka_unit_test_setup_teardown(broken_headers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(too_short_or_missing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(cuts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(numbers_must_be_finite, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
