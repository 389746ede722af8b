/* test_text.c: nearest words, numbers that read back the same, UTF-8. */
#include "runtime/base/text.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#define UNUSED (void)state

static const char *const words[] = {"tanh", "sin", "softplus", "logistic", "t"};

static const char *nearest(const char *found)
{
    const char *word = text_nearest(found, words, LENGTH(words));
    return word == NULL ? "none" : word;
}

static void test_nearest(void **state)
{
    UNUSED;
    assert_string_equal(nearest("tahn"), "tanh"); /* a swap is one edit */
    assert_string_equal(nearest("TANH"), "tanh");
    assert_string_equal(nearest("sine"), "sin");
    assert_string_equal(nearest("softpuls"), "softplus");
    assert_string_equal(nearest("sftpls"), "softplus"); /* two edits of six letters */
    assert_string_equal(nearest("cosh"), "none");
    assert_string_equal(nearest("logarithmically"), "none");
    char endless[300];
    memset(endless, 'a', sizeof endless - 1);
    endless[sizeof endless - 1] = '\0';
    assert_string_equal(nearest(endless), "none");
}

static void check_number(double value, const char *expected)
{
    char text[32];
    text_number(value, text);
    assert_string_equal(text, expected);
}

static void test_numbers(void **state)
{
    UNUSED;
    char text[32];
    check_number(0.1, "0.1");
    check_number(0.1 + 0.2, "0.30000000000000004");
    check_number(-0.0, "-0");
    check_number(5e-324, "5e-324");
    check_number(DBL_MAX, "1.7976931348623157e+308");
    check_number(NAN, "nan");
    check_number(-INFINITY, "-inf");
    text_number_float(0.1f, text);
    assert_string_equal(text, "0.1");
    text_number_float(16777216.0f, text);
    assert_string_equal(text, "16777216");
}

static void test_numbers_read_back(void **state)
{
    UNUSED;
    uint64_t bits = 1;
    for (int i = 0; i < 20000; i++) {
        bits = bits * 6364136223846793005u + 1442695040888963407u;
        double value, back;
        char text[32];
        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value)) continue;
        text_number(value, text);
        assert_true(text_to_number(text, &back));
        assert_memory_equal(&value, &back, sizeof value);
    }
}

static void test_number_texts(void **state)
{
    UNUSED;
    static const char *const wrong[] = {"", " 1", "1 ", "1x", "0x10", "inf", "nan", "1e999", "--1", "1,5", "."};
    double value;
    for (size_t i = 0; i < LENGTH(wrong); i++) assert_false(text_to_number(wrong[i], &value));
    assert_true(text_to_number("-1.5e3", &value));
    assert_true(value == -1500);
}

/* A program may have set a locale with a decimal comma; where the machine has none, nothing is shown. */
static void test_locale(void **state)
{
    UNUSED;
    if (setlocale(LC_NUMERIC, "de_DE.UTF-8") == NULL) skip();
    double value;
    check_number(0.5, "0.5");
    assert_true(text_to_number("0.5", &value));
    setlocale(LC_NUMERIC, "C");
}

static void test_utf8(void **state)
{
    UNUSED;
    assert_int_equal(text_invalid_utf8("a\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80", 10), 10);
    assert_int_equal(text_invalid_utf8("ab\xC3", 3), 2);           /* cut short */
    assert_int_equal(text_invalid_utf8("a\xC0\xAF", 3), 1);        /* overlong */
    assert_int_equal(text_invalid_utf8("\xED\xA0\x80", 3), 0);     /* surrogate */
    assert_int_equal(text_invalid_utf8("\xF4\x90\x80\x80", 4), 0); /* above U+10FFFF */
    assert_int_equal(text_invalid_utf8("\xE0\x9F\xBF", 3), 0);
    assert_int_equal(text_invalid_utf8("x\x80", 2), 1);
}

static void test_growing(void **state)
{
    UNUSED;
    struct text text = {0};
    for (int i = 0; i < 1000; i++) text_add(&text, "%d,", i % 10);
    text_add_bytes(&text, "a\0b", 3);
    assert_int_equal(text.length, 2003);
    assert_memory_equal(text.data, "0,1,2,3", 7);
    assert_int_equal(text.data[2003], 0);
    text_fini(&text);
    assert_null(text.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nearest),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_numbers_read_back),
        cmocka_unit_test(test_number_texts),
        cmocka_unit_test(test_locale),
        cmocka_unit_test(test_utf8),
        cmocka_unit_test(test_growing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
