/* test_fmt_random.c: random well-formed files, oddly spaced and full of comments, are printed without a change of
 * meaning. */
#include "lang/ast.h"
#include "runtime/base/random.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILES = NNT_SANITIZED ? 800 : 4000 }; /* NNT_FILES=N makes N: the long suite has more */

/* A file in the making. */
struct writer {
    struct random random;
    struct text text;
    uint32_t n_open; /* round and square brackets: lines may end anywhere inside */
    uint32_t n_comments;
};

static uint32_t below(struct writer *w, uint32_t n)
{
    return random_below(&w->random, n);
}
static bool chance(struct writer *w, uint32_t percent)
{
    return below(w, 100) < percent;
}

static void end_line(struct writer *w)
{
    static const char *const comments[] = {"# a", "#", "# \xC3\xA9 ( [ { \"", "#b  \t"};
    static const char *const blanks[] = {"", " ", "\t", "   "};
    if (chance(w, 20)) text_add(&w->text, "%s%s", blanks[below(w, 4)], comments[below(w, 4)]), w->n_comments++;
    text_add(&w->text, chance(w, 5) ? "\r\n" : "\n");
    if (chance(w, 10)) text_add(&w->text, "\n");
    if (chance(w, 10)) text_add(&w->text, "  %s\n", comments[below(w, 4)]), w->n_comments++;
}

/* Space between two words: a line may end where the language lets the statement go on. */
static void gap(struct writer *w, bool may_end_line)
{
    if ((may_end_line || w->n_open > 0) && chance(w, 8)) end_line(w);
    text_add(&w->text, "%s", chance(w, 80) ? " " : "  \t");
}

static void word(struct writer *w, const char *text)
{
    gap(w, false);
    text_add(&w->text, "%s", text);
}
/* An operator, comma or reserved word: lines may end on both sides. */
static void sign(struct writer *w, const char *text)
{
    gap(w, true);
    text_add(&w->text, "%s", text);
    gap(w, true);
}
static void open(struct writer *w, const char *bracket)
{
    text_add(&w->text, "%s%s", chance(w, 20) ? " " : "", bracket);
    w->n_open++;
}
static void close(struct writer *w, const char *bracket)
{
    gap(w, true);
    text_add(&w->text, "%s", bracket);
    w->n_open--;
}

/* Names that no line inside brackets ends with by LANGUAGE.md 2; statement words are names in places of their own
 * below. */
static void name(struct writer *w)
{
    static const char *const names[] = {"x", "y", "h", "z", "alpha_2", "T0", "none", "tick", "boundary", "_"};
    word(w, names[below(w, LENGTH(names))]);
}

static void expression(struct writer *w, uint32_t depth);

static void argument(struct writer *w, uint32_t depth)
{
    expression(w, depth);
    if (chance(w, 20)) sign(w, chance(w, 60) ? ":" : ".."), expression(w, depth);
}

static void list(struct writer *w, uint32_t depth, void (*item)(struct writer *w, uint32_t depth), uint32_t most)
{
    item(w, depth);
    for (uint32_t n = below(w, most); n > 0; n--) sign(w, ","), item(w, depth);
}

static void call(struct writer *w, uint32_t depth)
{
    name(w);
    open(w, "(");
    if (chance(w, 90))
        list(w, depth, argument, 3);
    else
        goto closed;
    if (chance(w, 10)) text_add(&w->text, ",");
closed:
    close(w, ")");
}

static void atom(struct writer *w, uint32_t depth)
{
    static const char *const values[] = {
        "1", "0.5", "1e-4", "12E+3", "true", "false", "\"a # b\"", "\"\\\"\\\\\\n\\t\"", "\"\xC3\xA9\""};
    switch (depth == 0 ? below(w, 2) : below(w, 5)) {
    case 0:
        word(w, values[below(w, LENGTH(values))]);
        break;
    case 1:
        name(w);
        break;
    case 2:
        call(w, depth - 1);
        break;
    case 3:
        name(w);
        open(w, "[");
        expression(w, depth - 1);
        close(w, "]");
        break;
    default:
        gap(w, false);
        open(w, "(");
        expression(w, depth - 1);
        close(w, ")");
    }
}

static void conditional(struct writer *w, uint32_t depth)
{
    sign(w, "if");
    expression(w, depth - 1);
    sign(w, "then");
    expression(w, depth - 1);
    sign(w, "else");
    expression(w, depth - 1);
}

/* Comparisons do not chain: one in brackets. */
static void comparison(struct writer *w, uint32_t depth)
{
    static const char *const signs[] = {"<", ">", "<=", ">=", "==", "!="};
    gap(w, false);
    open(w, "(");
    atom(w, depth - 1);
    sign(w, signs[below(w, LENGTH(signs))]);
    atom(w, depth - 1);
    close(w, ")");
}

static void expression(struct writer *w, uint32_t depth)
{
    static const char *const signs[] = {"+", "-", "*", "/", "^", "and", "or"};
    switch (depth == 0 ? 9 : below(w, 10)) {
    case 0:
    case 1:
    case 2:
        atom(w, depth - 1);
        sign(w, signs[below(w, LENGTH(signs))]);
        expression(w, depth - 1);
        break;
    case 3:
        sign(w, chance(w, 70) ? "-" : "not");
        atom(w, depth - 1);
        break;
    case 4:
        conditional(w, depth);
        break;
    case 5:
        comparison(w, depth);
        break;
    default:
        atom(w, depth);
    }
}

static void reference(struct writer *w, uint32_t depth)
{
    name(w);
    if (!chance(w, 30)) return;
    open(w, "[");
    expression(w, depth);
    close(w, "]");
}

static void declaration(struct writer *w, uint32_t depth)
{
    name(w);
    for (uint32_t n = below(w, 3); n > 0; n--) {
        open(w, "[");
        list(w, depth, expression, n == 1 ? 3 : 2);
        close(w, "]");
    }
}

static void family(struct writer *w)
{
    if (!chance(w, 30)) return;
    sign(w, "for");
    name(w);
    sign(w, "in");
    expression(w, 1);
    sign(w, "..");
    expression(w, 1);
}

static void initial(struct writer *w)
{
    if (chance(w, 50)) sign(w, "init"), call(w, 1);
    if (chance(w, 30)) word(w, chance(w, 50) ? "frozen" : "hollow");
}

static void weights(struct writer *w)
{
    word(w, "weights");
    reference(w, 1);
    for (uint32_t n = 1 + below(w, 3); n > 0; n--) sign(w, "->"), reference(w, 1);
    if (chance(w, 30)) {
        bool is_transpose = chance(w, 50);
        sign(w, "=");
        if (is_transpose) word(w, "transpose"), open(w, "(");
        reference(w, 1);
        sign(w, "->");
        reference(w, 1);
        if (is_transpose) close(w, ")");
    }
    initial(w);
    family(w);
}

static void boundary(struct writer *w, const char *statement)
{
    word(w, statement);
    list(w, 1, reference, 3);
    if (!chance(w, 30)) return;
    sign(w, "each");
    word(w, "tick");
    if (strcmp(statement, "output") == 0 && chance(w, 50)) word(w, "from"), expression(w, 1);
}

static void statement_of_network(struct writer *w)
{
    switch (below(w, 9)) {
    case 0:
        word(w, "neurons");
        list(w, 1, declaration, 4);
        break;
    case 1:
        boundary(w, "input");
        break;
    case 2:
        boundary(w, "output");
        break;
    case 3:
        weights(w);
        break;
    case 4:
        word(w, "biases");
        list(w, 1, reference, 3);
        initial(w);
        family(w);
        break;
    case 5:
        word(w, "loss boundary");
        sign(w, "=");
        expression(w, 4);
        break;
    case 6:
        word(w, "loss  bulk");
        sign(w, "over");
        list(w, 1, reference, 3);
        break;
    case 7:
        word(w, "dynamics");
        call(w, 2);
        break;
    default:
        word(w, chance(w, 50) ? "activation" : "potential");
        list(w, 1, reference, 2);
        sign(w, "=");
        expression(w, 4);
        family(w);
    }
}

static void setting(struct writer *w, const char *const words[], uint32_t n)
{
    word(w, words[below(w, n)]);
    expression(w, 3);
}

static void statement_of_data(struct writer *w)
{
    static const char *const words[] = {"train", "test", "holdout", "seed"};
    if (chance(w, 50)) {
        setting(w, words, LENGTH(words));
    } else {
        if (chance(w, 20))
            word(w, words[below(w, LENGTH(words))]);
        else
            reference(w, 0);
        text_add(&w->text, " =");
        expression(w, 3);
    }
}

static void statement_of_ensemble(struct writer *w)
{
    static const char *const words[] = {"temperature", "evaluation", "reference", "hessian", "relaxation"};
    if (chance(w, 30))
        word(w, "clamp"), list(w, 1, reference, 3);
    else
        setting(w, words, LENGTH(words));
}

static void statement_of_train(struct writer *w)
{
    static const char *const words[] = {"minimize", "optimizer", "batch", "epochs", "steps", "shuffle", "seed"};
    setting(w, words, LENGTH(words));
}

static void block(struct writer *w, const char *header, void (*statement)(struct writer *w))
{
    text_add(&w->text, "%s", header);
    gap(w, true);
    text_add(&w->text, "{");
    uint32_t n = below(w, 5);
    if (n != 1 || chance(w, 60)) end_line(w);
    for (uint32_t i = 0; i < n; i++) {
        statement(w);
        if (i + 1 < n || chance(w, 50)) end_line(w);
    }
    text_add(&w->text, " }");
}

static void measure(struct writer *w)
{
    static const char *const units[] = {"epoch", "epochs", "step", "steps"};
    text_add(&w->text, "measure");
    switch (below(w, 4)) {
    case 0:
        sign(w, "every");
        atom(w, 1);
        word(w, units[below(w, 4)]);
        if (chance(w, 20)) word(w, "from"), atom(w, 1);
        break;
    case 1:
        atom(w, 1);
        word(w, "times");
        if (chance(w, 20)) word(w, "from"), atom(w, 1);
        break;
    case 2:
        word(w, "60 times logarithmically");
        break;
    default:
        sign(w, "at");
        word(w, "end");
    }
    if (chance(w, 50)) {
        sign(w, "on");
        atom(w, 1);
        word(w, "samples");
        if (chance(w, 50)) sign(w, "of"), word(w, chance(w, 50) ? "train" : "test");
    }
    gap(w, true);
    text_add(&w->text, "{");
    if (chance(w, 30)) end_line(w);
    list(w, 2, expression, 5);
    if (chance(w, 30)) text_add(&w->text, ",");
    if (chance(w, 30)) end_line(w);
    text_add(&w->text, "}");
}

static void top(struct writer *w)
{
    switch (below(w, 8)) {
    case 0:
        text_add(&w->text, "param");
        name(w);
        sign(w, "=");
        expression(w, 3);
        break;
    case 1:
        block(w, "network n", statement_of_network);
        break;
    case 2:
        block(w, "data", statement_of_data);
        break;
    case 3:
        block(w, "ensemble", statement_of_ensemble);
        break;
    case 4:
        block(w, "train", statement_of_train);
        break;
    case 5:
        measure(w);
        break;
    default:
        text_add(&w->text, "let f");
        if (chance(w, 60)) text_add(&w->text, "(a, b%s)", chance(w, 50) ? "\n, seed" : "");
        sign(w, "=");
        expression(w, 5);
    }
}

/* The tree of a text; fails with the text where it gives a message. */
static struct ast_source *read_text(struct diag *diag, struct arena *arena, const char *text, const char *what)
{
    struct ast_source *source = parse(diag, arena, "random.nnt", text, strlen(text));
    if (diag_failed(diag)) {
        diag_print(diag, stderr, DIAG_PLAIN);
        fail_msg("%s was refused:\n%s", what, text);
    }
    return source;
}

static void check(const struct writer *w)
{
    struct diag *diag = diag_new();
    struct arena *arena = arena_new();
    struct text once = {0}, twice = {0};
    struct ast_source *written = read_text(diag, arena, w->text.data, "the random file");
    ast_print(written, &once);
    struct ast_source *printed = read_text(diag, arena, once.data, "the printed file");
    ast_print(printed, &twice);
    if (!ast_equal(written->file, printed->file)) fail_msg("%s\nwas printed as\n%s", w->text.data, once.data);
    if (strcmp(once.data, twice.data) != 0)
        fail_msg("%s\nwas printed as\n%s\nand then as\n%s", w->text.data, once.data, twice.data);
    assert_int_equal(written->n_comments, w->n_comments);
    assert_int_equal(printed->n_comments, w->n_comments);
    text_fini(&once);
    text_fini(&twice);
    arena_free(arena);
    diag_free(diag);
}

static void test_random_files(void **state)
{
    const char *files = getenv("NNT_FILES");
    uint64_t n = files ? strtoull(files, NULL, 10) : FILES;
    (void)state;
    for (uint64_t seed = 0; seed < n; seed++) {
        struct writer w = {.random = random_stream(seed, RANDOM_SOURCE, 0, 0)};
        text_add_bytes(&w.text, "", 0);
        for (uint32_t n = below(&w, 8); n > 0; n--) {
            if (chance(&w, 10)) end_line(&w);
            top(&w);
            end_line(&w);
        }
        check(&w);
        text_fini(&w.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random_files)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
