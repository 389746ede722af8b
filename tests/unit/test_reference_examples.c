/* test_reference_examples.c: every example of lang/README.md is a whole file that parses and checks. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lang/ast.h"
#include "lang/model.h"
#include "runtime/base/file.h"

static char *read_reference(void)
{
    char path[4096];
    size_t length;
    const char *root = getenv("NNT_SOURCE");
    struct diag *diag = diag_new();
    snprintf(path, sizeof path, "%s/lang/README.md", root ? root : ".");
    char *text = file_read(diag, (struct span){0}, path, 1 << 20, &length);
    diag_free(diag);
    return text;
}

/* Whether each message says that something is not yet supported. */
static bool only_refusals(const char *printed)
{
    for (const char *line = printed; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        size_t length = strcspn(line, "\n");
        char text[1024];
        snprintf(text, sizeof text, "%.*s", (int)length, line);
        bool message = strstr(text, ": error: ") || strstr(text, ": warning: ");
        if (message && !strstr(text, "[not-yet-supported]")) return false;
    }
    return true;
}

static bool check_example(const char *text, size_t length, unsigned line)
{
    char *printed, name[64];
    size_t size;
    struct diag *diag = diag_new();
    struct arena *arena = arena_new();
    snprintf(name, sizeof name, "example at line %u", line);
    const struct ast_source *source = parse(diag, arena, name, text, length);
    const struct model *model = source ? check(diag, arena, source, NULL, 0) : NULL;
    FILE *to = open_memstream(&printed, &size);
    diag_print(diag, to, DIAG_PLAIN);
    fclose(to);
    bool right = only_refusals(printed) && (model || printed[0]);
    if (!right) print_error("%s\n", printed);
    free(printed);
    diag_free(diag);
    arena_free(arena);
    return right;
}

static void test_examples(void **state)
{
    (void)state;
    static const char fence[] = "\n```nnt\n";
    char *text = read_reference();
    assert_non_null(text);
    unsigned count = 0, line = 1;
    bool right = true;
    const char *from = text;
    for (const char *at = strstr(text, fence); at; at = strstr(at, fence)) {
        const char *begin = at + sizeof fence - 1, *end = strstr(begin, "\n```");
        assert_non_null(end);
        for (; from < begin; from++) line += *from == '\n';
        right = check_example(begin, (size_t)(end - begin), line) && right;
        at = end;
        count++;
    }
    free(text);
    assert_true(right);
    assert_true(count >= 13);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_examples)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
