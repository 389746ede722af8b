/* test_diag.c: messages sorted, shown with carets, as JSON, once each. */
#include "runtime/base/diag.h"

#include <stdlib.h>
#include <string.h>

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static const struct span nowhere = {0};

static void check_print(struct diag *diag, enum diag_format format, const char *expected)
{
    char *text;
    size_t length;
    FILE *to = open_memstream(&text, &length);
    diag_print(diag, to, format);
    fclose(to);
    assert_string_equal(text, expected);
    free(text);
}

static struct span place(uint32_t source, const char *text, const char *word)
{
    uint32_t begin = (uint32_t)(strstr(text, word) - text);
    return (struct span){source, begin, begin + (uint32_t)strlen(word)};
}

static void test_caret(void **state)
{
    (void)state;
    static const char text[] = "# \xC3\xA4\xC3\xB6\nnetwork x {\n\tactivation h = tahn(z)\r\n}";
    static const char *const words[] = {"sin", "tanh"};
    struct diag *diag = diag_new();
    uint32_t source = diag_source(diag, "a.nnt", text, sizeof text - 1, nowhere);
    diag_input(diag, place(source, text, "}"), "late", "later in the file");
    diag_input(diag, place(source, text, "tahn"), "unknown-name", "no function '%s'", "tahn");
    assert_true(diag_did_you_mean(diag, "tahn", words, 2));
    assert_false(diag_did_you_mean(diag, "xyz", words, 2));
    diag_note(diag, place(source, text, "x {"), "in this network");
    diag_warn(diag, place(source, text, "\xC3\xB6"), "umlaut", "a vowel");
    check_print(diag, DIAG_PLAIN,
                "a.nnt:1:4: warning: a vowel [umlaut]\n"
                "    1 | # \xC3\xA4\xC3\xB6\n"
                "      |    ^\n"
                "a.nnt:3:17: error: no function 'tahn' [unknown-name]\n"
                "    3 | \tactivation h = tahn(z)\n"
                "      | \t               ^~~~\n"
                "      = did you mean 'tanh'?\n"
                "a.nnt:2:9: note: in this network\n"
                "    2 | network x {\n"
                "      |         ^~~\n"
                "a.nnt:4:1: error: later in the file [late]\n"
                "    4 | }\n"
                "      | ^\n");
    check_print(diag, DIAG_PLAIN, "");
    diag_free(diag);
}

static void test_one_mistake_one_message(void **state)
{
    (void)state;
    struct diag *diag = diag_new();
    uint32_t source = diag_source(diag, "a.nnt", "abc", 3, nowhere);
    assert_int_equal(diag_status(diag), 0);
    diag_warn(diag, (struct span){source, 0, 1}, "w", "warned");
    assert_false(diag_failed(diag));
    diag_input(diag, (struct span){source, 0, 1}, "first", "first");
    diag_input(diag, (struct span){source, 0, 3}, "second", "second");
    diag_hint(diag, "of the second");
    assert_int_equal(diag_errors(diag), 1);
    assert_int_equal(diag_status(diag), 1);
    diag_machine(diag, nowhere, "machine", "disk");
    assert_int_equal(diag_status(diag), 2);
    check_print(diag, DIAG_PLAIN,
                "a.nnt:1:1: warning: warned [w]\n    1 | abc\n      | ^\n"
                "a.nnt:1:1: error: first [first]\n    1 | abc\n      | ^\n"
                "error: disk [machine]\n");
    diag_free(diag);
}

static void test_include_and_end(void **state)
{
    (void)state;
    struct diag *diag = diag_new();
    uint32_t outer = diag_source(diag, "main.nnt", "\ninclude \"b\"", 12, nowhere);
    uint32_t inner = diag_source(diag, "b.nnt", "x", 1, (struct span){outer, 1, 12});
    diag_input(diag, (struct span){inner, 1, 1}, "end", "the file ends");
    check_print(diag, DIAG_PLAIN,
                "b.nnt:1:2: error: the file ends [end]\n    1 | x\n      |  ^\n"
                "      = included from main.nnt:2:1\n");
    diag_free(diag);
}

static void test_hostile_text(void **state)
{
    (void)state;
    enum { LONG = 100000 };
    static char text[LONG];
    memset(text, 'a', LONG);
    text[LONG / 2 - 1] = '\033';
    struct diag *diag = diag_new();
    uint32_t source = diag_source(diag, "long", text, LONG, nowhere);
    diag_input(diag, (struct span){source, LONG / 2, LONG}, "long", "\xFF");
    char *printed;
    size_t length;
    FILE *to = open_memstream(&printed, &length);
    diag_print(diag, to, DIAG_PLAIN);
    fclose(to);
    assert_true(length < 400);
    assert_null(strchr(printed, '\033'));
    assert_non_null(strstr(printed, "long:1:50001: error: ? [long]"));
    free(printed);
    diag_free(diag);
}

static void test_json(void **state)
{
    (void)state;
    struct diag *diag = diag_new();
    check_print(diag, DIAG_JSON, "[]\n");
    uint32_t source = diag_source(diag, "a\"b", "ab\ncd", 5, nowhere);
    diag_input(diag, (struct span){source, 1, 5}, "n", "a \\ \t \xFF");
    diag_hint(diag, "mend it");
    diag_machine(diag, nowhere, "m", "t");
    check_print(
        diag, DIAG_JSON,
        "[{\"file\":\"a\\\"b\",\"line\":1,\"column\":2,\"end_line\":2,\"end_column\":3,\"severity\":\"error\","
        "\"name\":\"n\",\"message\":\"a \\\\ \\u0009 \\ufffd\",\"hints\":[\"mend it\"],\"notes\":[]},\n"
        " {\"file\":null,\"line\":null,\"column\":null,\"end_line\":null,\"end_column\":null,"
        "\"severity\":\"error\",\"name\":\"m\",\"message\":\"t\",\"hints\":[],\"notes\":[]}]\n");
    diag_free(diag);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_caret),
        cmocka_unit_test(test_one_mistake_one_message),
        cmocka_unit_test(test_include_and_end),
        cmocka_unit_test(test_hostile_text),
        cmocka_unit_test(test_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
