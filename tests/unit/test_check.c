/* test_check.c: what the checker says of small files, and the models that it makes. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <glob.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lang/ast.h"
#include "lang/model.h"
#include "lang/words.h"
#include "runtime/base/file.h"

/* ---- a file checked ------------------------------------------------------------------------------------------------------------- */

struct checked {
    struct diag *diag;
    struct arena *arena;
    struct model *model;
    char *printed; /* the messages */
    size_t size;
};

static struct checked check_path(const char *path, const char *text, const struct setting *settings, uint32_t n_settings)
{
    struct checked c = {.diag = diag_new(), .arena = arena_new()};
    const struct ast_source *source = parse(c.diag, c.arena, path, text, strlen(text));
    assert_non_null(source);
    c.model = check(c.diag, c.arena, source, settings, n_settings);
    assert_true(!c.model == diag_failed(c.diag));
    FILE *to = open_memstream(&c.printed, &c.size);
    diag_print(c.diag, to, DIAG_PLAIN);
    fclose(to);
    return c;
}

static struct checked check_text(const char *text) { return check_path("t.nnt", text, NULL, 0); }

static void release(struct checked *c)
{
    free(c->printed);
    diag_free(c->diag);
    arena_free(c->arena);
}

/* "LINE:COLUMN name" of each message, joined by "; ", warnings with a '?' before: what the tables below expect. */
static void list_messages(const char *printed, char out[2048])
{
    size_t length = 0;
    out[0] = 0;
    for (const char *line = printed; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        char text[1024], *name;
        snprintf(text, sizeof text, "%.*s", (int)strcspn(line, "\n"), line);
        const char *error = strstr(text, ": error: "), *warning = strstr(text, ": warning: ");
        if (line[0] == ' ' || (!error && !warning) || !(name = strrchr(text, '['))) continue;
        text[strlen(text) - 1] = 0;
        unsigned row = 0, column = 0;
        const char *place = strchr(text, ':');
        bool placed = sscanf(place, ":%u:%u:", &row, &column) == 2;
        length += (size_t)snprintf(out + length, 2048 - length, "%s%s", length ? "; " : "", error ? "" : "?");
        if (!strncmp(text, "command line", 12)) length += (size_t)snprintf(out + length, 2048 - length, "-%u %s", column, name + 1);
        else if (placed) length += (size_t)snprintf(out + length, 2048 - length, "%u:%u %s", row, column, name + 1);
        else length += (size_t)snprintf(out + length, 2048 - length, "%s", name + 1);
    }
}

static bool says(const char *source, const char *expected, const struct setting *settings, uint32_t n)
{
    char found[2048];
    struct checked c = check_path("t.nnt", source, settings, n);
    list_messages(c.printed, found);
    bool same = !strcmp(found, expected);
    if (!same) print_error("---- expected '%s', found '%s'\n%s\n%s\n", expected, found, source, c.printed);
    release(&c);
    return same;
}

/* ---- mistakes ---------------------------------------------------------------------------------------------------------------------- */

/* A good file of nine statements; each case replaces one line of it, or adds some at its end (line 10 …) or before it (line 0). */
static const char *const good[] = {
    "network n {",
    "    neurons x[2], h[4], y",
    "    input  x",
    "    output y",
    "    weights x -> h -> y",
    "    biases h, y",
    "    activation h = tanh(z)",
    "    activation y = logistic(z)",
    "    loss boundary = binary_cross_entropy(y, target)",
    "}",
    "data { train xor() }",
};
struct mistake {
    unsigned line; /* 0: before, 12: behind */
    const char *text, *expected;
};
static const struct mistake mistakes[] = {
    {12, "", ""},
    /* names */
    {7, "    activation h = tahn(z)", "7:20 unknown-name"},
    {7, "    activation h = tanh(zz)", "7:25 unknown-name"},
    {7, "    activation h = tanh", "7:20 not-a-value"},
    {7, "    activation h = huber", "7:20 not-a-value"},
    {7, "    activation h = tanh(x)", "7:25 unknown-name"},
    {7, "    activation h = tanh(s)", "7:25 unknown-name"},
    {7, "    activation h = tanh(z) * width", "7:30 unknown-name"},
    {7, "    activation hh = tanh(z)", "7:16 unknown-name"},
    {5, "    weights x -> hh -> y", "5:18 unknown-name"},
    {3, "    input  xx", "3:12 unknown-name"},
    {6, "    biases h, yy", "6:15 unknown-name"},
    {9, "    loss boundary = binary_cross_entropy(yy, target)", "9:42 unknown-name"},
    {9, "    loss boundary = binary_cros_entropy(y, target)", "9:21 unknown-name"},
    {9, "    loss boundary = squared_error(h, 0)", "9:35 not-boundary"},
    {9, "    loss boundary = squared_error(y, target(x))", "9:45 not-output"},
    {9, "    loss boundary = squared_error(prediction(x), x)", "9:46 not-predicted"},
    {9, "    loss boundary = squared_error(y, target(hh))", "9:45 unknown-name"},
    {9, "    loss boundary = squared_error(y, target) + progress", "9:48 unknown-name"},
    {9, "    loss boundary = squared_error(y)", "9:21 wrong-arguments"},
    {9, "    loss boundary = huber(y, target, widht: 2)", "9:38 unknown-argument"},
    {9, "    loss boundary = huber(y, target, width: 2)", ""},
    {9, "    loss boundary = (y - target)^2", "9:21 bad-shape"},
    {9, "    loss boundary = squared_error(y, x)", "9:21 bad-shape"},
    {9, "    loss boundary = sum(x) + sum(y + x)", "9:34 bad-shape"},
    {9, "    loss boundary = sum(target)", "9:21 constant-loss"},
    {9, "    loss boundary = y > 0", "9:21 wrong-kind"},
    {9, "    loss boundary = \"text\"", "9:21 wrong-kind"},
    {9, "    loss boundary = one_hot(y)", "9:21 unknown-name"},
    {9, "    loss boundary = sum(y) + linear(0, 1)", "9:30 unknown-name"},
    {9, "    loss boundary = sum(if y then 1 else 0)", "9:28 wrong-kind"},
    {9, "    loss boundary = sum(if y > 0 then 1 else true)", "9:46 wrong-kind"},
    {9, "    loss boundary = sum(not y)", "9:29 wrong-kind"},
    {9, "    loss boundary = sum(hold(y))", "9:25 unknown-name"},
    {9, "    loss boundary = cross_entropy_of_softmax(y, target)", "9:21 unknown-name"},
    {9, "    loss boundary = y[1]", "9:21 no-such-group"},
    {9, "    loss boundary = sum(y)\n    loss boundary = sum(y)", "10:21 duplicate-name"},
    {9, "    loss bulk over h, x", "9:23 not-predicted"},
    {9, "    loss bulk over h, h", "9:23 duplicate-name"},
    {9, "    potential h = sum(s)", "9:19 bad-potential"},
    {9, "    potential h = z", "9:19 unknown-name"},
    {9, "    potential h = s^2\n    potential h = s", "10:15 duplicate-name"},
    /* groups and sizes */
    {2, "    neurons x[2], h[4.5], y", "2:21 not-whole"},
    {2, "    neurons x[2], h[0], y", "2:21 out-of-range"},
    {2, "    neurons x[2], h[-4], y", "2:21 out-of-range"},
    {2, "    neurons x[2], h[4], y, x", "2:28 duplicate-name"},
    {2, "    neurons x[2], h[4], y, k", "2:28 not-driven"},
    {2, "    neurons x[2], h[5000, 5000], y", "2:27 too-large"},
    {2, "    neurons x[2], h[4000000], k[4000000], y\n    weights h -> k -> h", "3:13 too-large; 3:18 too-large"},
    {2, "    neurons x[2], h[1, 2, 3, 4, 5], y", "2:20 bad-shape"},
    {2, "    neurons x[2], h[4], y, target", "2:28 reserved-name"},
    {2, "    neurons x[2], h[true], y", "2:21 wrong-kind"},
    {2, "    neurons x[2], h[2][4], y", ""},
    {2, "    neurons x[2], h[2, 2][4], y", "2:20 bad-shape"},
    {3, "    input  y", "4:12 both-projections"},
    {3, "    input  x, x", "3:15 duplicate-name"},
    {3, "    input  x[1]", "3:12 no-such-group"},
    {3, "    input  x each tock", "3:19 unknown-word"},
    {3, "    input  x each tick", "3:19 needs-ticks"},
    /* blocks */
    {5, "    weights x -> h -> y -> h", "5:23 cycle"},
    {5, "    weights x -> h -> h -> y", "5:18 cycle"},
    {5, "    weights x -> h -> y\n    weights x -> h", "6:13 duplicate-block"},
    {5, "    weights x -> h -> y\n    dynamics setle", "6:14 unknown-word"},
    {5, "    weights x -> h -> y init zeroes", "5:30 unknown-word"},
    {5, "    weights x -> h -> y init normal(0)", "5:30 missing-argument"},
    {5, "    weights x -> h -> y init normal(0, -1)", "5:30 out-of-range"},
    {5, "    weights x -> h -> y init normal(0, 1, 2)", "5:43 wrong-arguments"},
    {5, "    weights x -> h -> y init normal(0, deviaton: 1)", "5:40 unknown-argument"},
    {5, "    weights x -> h -> y init constant(fan)", "5:39 unknown-name"},
    {5, "    weights x -> h -> y init constant(1 / (fan_in - 2))", "5:39 out-of-range"},
    {5, "    weights x -> h -> y init values(1, 2, 3)", "5:30 bad-shape"},
    {5, "    weights x -> h -> y frozn", "5:25 unknown-word"},
    {5, "    weights x -> h -> y frozen frozen", "5:32 duplicate-name"},
    {5, "    weights x -> h -> y hollow", "5:25 bad-mark"},
    {5, "    weights x -> h -> y\n    weights y -> x = transpose(x -> h)", "6:22 bad-shape"},
    {5, "    weights x -> h -> y\n    weights h -> x = transpose(x -> y)", "6:22 no-such-block"},
    {5, "    weights x -> h -> y\n    weights h -> x = transpos(x -> h)", "6:22 unknown-word"},
    {5, "    weights x -> h -> y\n    weights x -> y = x -> h", "6:22 bad-shape"},
    {5, "    weights x -> h -> y\n    weights h -> x = transpose(x -> h) init zeros", "6:45 tied"},
    {6, "    biases h, y hollow", "6:17 bad-mark"},
    {6, "    biases h, y, h", "6:18 duplicate-name"},
    {6, "    biases h, y init glorot", "6:22 unknown-word"},
    /* activations */
    {7, "", "2:19 missing-activation"},
    {7, "    activation h = tanh(z)\n    activation h = z", "8:16 duplicate-name"},
    {7, "    activation h, x = tanh(z)", "7:19 not-predicted"},
    {7, "    activation h = max(z, 0, 1)", "7:20 wrong-arguments"},
    {7, "    activation h = z > 0", "7:20 wrong-kind"},
    {7, "    activation h = z + true", "7:24 wrong-kind"},
    {7, "    activation h = mean(z)", ""},
    {7, "    activation h[1] = tanh(z)", "7:16 no-such-group"},
    {7, "    activation h = tanh(z) for i in 1 .. 2", "7:16 duplicate-name"},
    {7, "    activation h = tanh(z) for z in 1 .. 1", "7:32 reserved-name"},
    {7, "    activation h = tanh(z) for i in 1 .. 1.5", "7:42 not-whole"},
    {5, "    weights x -> h -> y\n    dynamics settle(tolerance: -1)", "6:32 out-of-range"},
    {5, "    weights x -> h -> y\n    dynamics ticks", "6:14 missing-argument"},
    /* params and lets */
    {0, "param z = 1", "1:7 reserved-name"},
    {0, "param a = 1\nparam a = 2", "2:7 duplicate-name"},
    {0, "param x = 1", "3:13 duplicate-name"},
    {0, "param a = b\nparam b = 1", "1:11 used-before"},
    {0, "let f(z) = g(z)\nlet g(z) = z", "1:12 used-before"},
    {0, "let f(a, a) = a", "1:10 duplicate-name"},
    {0, "let f(a) = a + z", "1:16 unknown-name"},
    {0, "let f(a) = a + tahn(a)", "1:16 unknown-name"},
    {0, "let tanh(a) = a", "?1:5 shadows-built-in"},
    {0, "param relu = 1", "?1:7 shadows-built-in"},
    {0, "let a = 1 + true", "1:13 wrong-kind"},
    {0, "let a = tanh", "1:9 not-a-value"},
    {0, "param a = 1e999", "1:11 bad-number"},
    {0, "param a = 1 / 0", "1:11 out-of-range"},
    /* data */
    {11, "data { train xr() }", "11:14 unknown-word"},
    {11, "data { train xor(1) }", "11:18 wrong-arguments"},
    {11, "data { train digits() }", "11:14 missing-argument"},
    {11, "data { train digits(count: 100) }", "11:14 bad-shape"},
    {11, "data { train spirals(count: 1.5) }", "11:29 not-whole"},
    {11, "data { train spirals(count: 0) }", "11:29 out-of-range"},
    {11, "data { train spirals(100, cuont: 1) }", "11:27 unknown-argument"},
    {11, "data { train spirals(100, count: 1) }", "11:27 wrong-arguments"},
    {11, "data { train spirals(count: 100, noise: -1) }", "11:41 out-of-range"},
    {11, "data { train xor()\n       holdout 2 }", "12:16 out-of-range"},
    {11, "data { train xor()\n       test xor()\n       holdout 0.5 }", "13:8 duplicate-name"},
    {11, "data { train xor()\n       test digits(count: 10) }", "12:13 bad-shape"},
    {11, "data { holdout 0.5 }", "11:1 missing-statement"},
    {11, "data { train xor()\n       x = point }", "11:1 missing-binding"},
    {11, "data { train xor()\n       x = pont\n       y = label }", "12:12 unknown-name"},
    {11, "data { train xor()\n       x = point\n       y = one_hot(label) }", "13:12 bad-shape"},
    {11, "data { train xor()\n       x = point\n       y = label }", ""},
    {11, "data { train xor()\n       x = point\n       y = number(label)\n       h = point }", "14:8 not-boundary"},
    {11, "data { train xor()\n       x = point\n       x = point\n       y = label }", "13:8 duplicate-name"},
    {11, "data { train xor()\n       x = columns(1)\n       y = label }", "12:12 wrong-kind"},
    {11, "data { train xor()\n       x = \"point\"\n       y = label }", "12:12 wrong-kind"},
    {11, "data { train xor()\n       x = slice(point, 2..1)\n       y = label }", "12:28 out-of-range"},
    {11, "data { train xor()\n       x = standardise(point)\n       y = label }", "12:12 unknown-name"},
    {11, "data { train idx(a: \"a\") }", "11:14 missing-binding"},
    {11, "data { train idx(\"a\") }", "11:18 wrong-arguments"},
    {11, "data { train idx() }", "11:14 missing-argument"},
    {11, "data { train idx(a: \"a\", a: \"b\") }", "11:26 duplicate-name"},
    {11, "data { train csv(\"a.csv\") }", "11:1 missing-binding; 11:14 not-yet-supported"},
    {11, "data { train csv(\"a.csv\", separator: \"ab\") }", "11:38 out-of-range"},
    {11, "data { train xor() }\ndata { train xor() }", "12:1 duplicate-block"},
    {11, "data { train xor()\n       seed -1 }", "12:13 out-of-range"},
    /* ensemble */
    {12, "ensemble { clamp h }", "12:18 not-boundary"},
    {12, "ensemble { clamp xx }", "12:18 unknown-name"},
    {12, "ensemble { temperature 0 }", "12:24 out-of-range"},
    {12, "ensemble { temperature linear(1, -1) }", "12:24 out-of-range"},
    {12, "ensemble { temperature exponential(1, 0) }", "12:24 out-of-range"},
    {12, "ensemble { temperature expontial(1, 0.1) }", "12:24 unknown-name"},
    {12, "ensemble { temperature piecewise(0.1: 1) }", "12:34 out-of-range"},
    {12, "ensemble { temperature piecewise(0: 1, 0.5: 0.1) }", ""},
    {12, "ensemble { temperature warmup(2, 1) }", "12:31 out-of-range"},
    {12, "ensemble { temperature infered }", "12:24 unknown-name"},
    {12, "ensemble { evaluation gausian }", "12:23 unknown-word"},
    {12, "ensemble { evaluation gaussian(probes: 3) }", "12:40 wrong-arguments"},
    {12, "ensemble { hessian full }", "12:20 needs-relaxed"},
    {12, "ensemble { reference rlaxed }", "12:22 unknown-word"},
    {12, "ensemble { relaxation descent(tolerance: 0) }", "12:42 out-of-range"},
    {12, "ensemble { clamp none }\nmeasure at end { C }", "12:12 improper-ensemble"},
    {12, "ensemble { clamp none }", "?1:9 left-out"},
    {9, "    loss bulk over y\n}\nmeasure at end { S }\nlet f(z) = z\nnetwork m {\n    neurons x", "11:18 improper-ensemble; 13:1 duplicate-block"},
    /* train */
    {12, "train { optimizer agd(0.1) }", "12:19 unknown-word"},
    {12, "train { optimizer sgd }", "12:19 missing-argument"},
    {12, "train { optimizer sgd(rate: -0.1) }", "12:29 out-of-range"},
    {12, "train { optimizer sgd(rate: 0.1, momentum: 1) }", "12:44 out-of-range"},
    {12, "train { optimizer sgd(rate: 0.1, momntum: 1) }", "12:34 unknown-argument"},
    {12, "train { optimizer sgd(rate: 0.1, nesterov: 1) }", "12:44 wrong-kind"},
    {12, "train { optimizer adam(rate: linear(0.1, x)) }", "12:42 unknown-name"},
    {12, "train { batch 0 }", "12:15 out-of-range"},
    {12, "train { batch 3.5 }", "12:15 not-whole"},
    {12, "train { batch evry }", "12:15 unknown-name"},
    {12, "train { epochs 0 }", "12:16 out-of-range"},
    {12, "train { epochs 5\n        steps 5 }", "13:9 duplicate-name"},
    {12, "train { epochs 5\n        epochs 6 }", "13:9 duplicate-name"},
    {12, "train { shuffle yes }", "12:17 unknown-name"},
    {12, "train { shuffle 1 }", "12:17 wrong-kind"},
    {12, "train { minimize bondary }", "12:18 unknown-word"},
    {12, "train { minimize boundary * boundary }", "12:18 bad-objective"},
    {12, "train { minimize -1 * boundary }", "12:18 out-of-range"},
    {9, "    loss bulk over h, y\n}\ntrain { minimize boundary }\nnetwork m {\n    neurons x", "11:18 no-loss; 12:1 duplicate-block"},
    /* measure */
    {12, "measure { lss }", "12:11 unknown-word"},
    {12, "measure { loss, loss }", "12:17 duplicate-name"},
    {12, "measure every 0 epochs { loss }", "12:15 out-of-range"},
    {12, "measure every 1.5 epochs { loss }", "12:15 not-whole"},
    {12, "measure on 0 samples { loss }", "12:12 out-of-range"},
    {12, "measure on 10 samples of test { loss }", "12:26 no-test-data"},
    {12, "measure at end { U(3) }", "12:20 wrong-arguments"},
    {12, "measure at end { 3 }", "12:18 unknown-word"},
};

static void add_line(struct text *out, const char *line) { text_add(out, "%s\n", line); }

static void test_mistakes(void **state)
{
    (void)state;
    bool ok = true;
    for (size_t i = 0; i < LENGTH(mistakes); i++) {
        const struct mistake *m = &mistakes[i];
        struct text source = {0};
        if (m->line == 0) add_line(&source, m->text);
        for (unsigned line = 1; line <= LENGTH(good); line++) add_line(&source, line == m->line ? m->text : good[line - 1]);
        if (m->line == 12) text_add(&source, "%s", m->text);
        if (!says(source.data, m->expected, NULL, 0)) ok = false;
        text_fini(&source);
    }
    assert_true(ok);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mistakes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
