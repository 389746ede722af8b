/* test_check.c: what the checker says of small files: mistakes, refusals, bounds. */
#include "tests/unit/checked.h"

#include <glob.h>

#include "lang/words.h"
#include "runtime/base/file.h"

/* ---- mistakes ---- */

/* A good file of nine statements; each case replaces one line of it, or adds some at its end (line 10 …) or before
 * it (line 0). */
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
    {3, "    input  x each tick\n    dynamics settle", "3:19 needs-ticks"},
    {3, "    input  x each tick\n    dynamics tick(9)", "4:14 unknown-word; 12:14 no-sequence"},
    {3, "    input  x each tick\n    dynamics ticks(9)", "12:14 no-sequence"},
    {4, "    output y each tick\n    dynamics ticks(9)", "12:14 no-sequence"},
    {4, "    output y each tick from 10\n    dynamics ticks(9)", "4:29 out-of-range"},
    {4, "    output y each tick from 0\n    dynamics ticks(9)", "4:29 out-of-range"},
    {4, "    output y each tick from 1.5\n    dynamics ticks(9)", "4:29 not-whole"},
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
    {5, "    weights x -> h -> y\n    weights x -> x hollow\n    activation x = z", ""},
    {5, "    weights x -> h -> y\n    weights y -> x = transpose(x -> h)", "6:22 bad-shape"},
    {5, "    weights x -> h -> y\n    weights h -> x = transpose(x -> y)", "6:22 no-such-block"},
    {5, "    weights x -> h -> y\n    weights h -> x = transpos(x -> h)", "6:22 unknown-word"},
    {5, "    weights x -> h -> y\n    weights x -> y = x -> h", "6:22 bad-shape"},
    {5, "    weights x -> h -> y\n    weights h -> x = transpose(x -> h) init zeros", "6:45 tied"},
    {5, "    weights x -> h -> y\n    weights h -> x = transpose(x -> h)\n    activation x = z", ""},
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
    {5, "    weights x -> h -> y\n    dynamics settle(tolerance: 0)", "6:32 out-of-range"},
    {5, "    weights x -> h -> y\n    dynamics settle(most: 0)", "6:27 out-of-range"},
    {5, "    weights x -> h -> y\n    dynamics settle(0.1, most: 2.5)", "6:32 not-whole"},
    {5, "    weights x -> h -> y\n    dynamics ticks(0)", "6:20 out-of-range"},
    {5, "    weights x -> h -> y\n    dynamics ticks(3)\n    dynamics ticks(3)", "7:14 duplicate-name"},
    {5, "    weights x -> h -> y -> h\n    dynamics settle", ""},
    {5, "    weights x -> h -> h\n    weights h -> y\n    dynamics ticks(2)", ""},
    {5, "    weights x -> h -> y -> h\n    dynamics tiks(3)", "6:14 unknown-word"},
    /* what is missing in a network with cycles */
    {5, "    weights x -> h -> y -> h\n    dynamics ticks(1)", "?2:25 not-reached"},
    {5, "    weights x -> h -> y -> h\n    dynamics ticks(2)", ""},
    {5, "    weights h -> y -> h\n    dynamics settle", "?2:25 not-reached"},
    {7, "    dynamics settle\n    weights y -> h", "2:19 missing-activation"},
    {7, "    activation h = tanh(z)\n    dynamics ticks(3)\n    weights y -> y -> x", "2:13 missing-activation"},
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
    {11, "data { train xor()\n x = mask(noisy(2 * point - 1, 0.1), 0.5)\n y = flip(label, 0.1) }", ""},
    {11, "data { train xor()\n x = 2 * noisy(point, 0.1)\n y = label }", "12:10 noise-inside"},
    {11, "data { train xor()\n x = mask(point, 2)\n y = flip(label) }", "12:18 out-of-range; 13:6 wrong-arguments"},
    {11, "data { train npy(a: \"a.npy\", b: \"b.npy\") }", ""},
    {11, "data { train patterns(count: 3, size: 3)\n       x = pattern\n       y = pattern }",
     "12:12 bad-shape; 13:12 bad-shape"},
    {11, "data { train parity(count: 3, length: 2)\n       x = slice(bits, 1..2)\n       y = label }", ""},
    {11, "data { train adding(count: 3, length: 1)\n       x = slice(pairs, 1..2)\n       y = total }", ""},
    {11, "data { train teacher(count: 3, inputs: 2, hidden: 3, outputs: 1) }", ""},
    {11, "data { train teacher(count: 3, inputs: 3, hidden: 3, outputs: 1) }", "11:14 bad-shape"},
    {11,
     "data { train teacher(3, 2, 3, 1)\n       test teacher(count: 3, inputs: 2, hidden: 3, outputs: 1, seed: 2) }",
     "?12:13 other-teacher"},
    {11, "data { train teacher(count: 3, inputs: 2, hidden: 0, outputs: 1) }", "11:51 out-of-range"},
    {11, "data { train idx(a: \"a\") }", "11:14 missing-binding"},
    {11, "data { train idx(\"a\") }", "11:18 wrong-arguments"},
    {11, "data { train idx() }", "11:14 missing-argument"},
    {11, "data { train idx(a: \"a\", a: \"b\") }", "11:26 duplicate-name"},
    {11, "data { train csv(\"a.csv\") }", "11:1 missing-binding"},
    {11, "data { train csv(\"a.csv\")\n x = standardize(columns(1..2))\n y = \"b\" }", ""},
    {11, "data { train csv(\"a.csv\")\n x = columns(2..1)\n y = \"b\" }", "12:17 out-of-range"},
    {11, "data { train csv(\"a.csv\")\n x = columns(a: 1)\n y = \"b\" }", "12:14 wrong-arguments"},
    {11, "data { train csv(\"a.csv\", separator: \"\\n\")\n x = columns(2)\n y = \"b\" }", "11:38 out-of-range"},
    {11, "data { train csv(\"a.csv\", separator: \"ab\") }", "11:38 out-of-range"},
    {11, "data { train xor() }\ndata { train xor() }", "12:1 duplicate-block"},
    {11, "data { train xor()\n       seed -1 }", "12:13 out-of-range"},
    {11, "data { trian xor() }", "11:8 unknown-word"},
    {11, "data { train xor()\n       tset xor() }\nmeasure on 4 samples of test { loss }", "12:8 unknown-word"},
    {2, "    neurons x[2], hh[4], y", "5:18 unknown-name"}, /* used often, said once */
    {0, "param wdth = 1\nlet a = width\nlet b = width + 1", "2:9 unknown-name"},
    {4, "    outptu y", "4:5 unknown-word"},
    /* ensemble */
    {12, "ensemble { clmp none }\nmeasure at end { C }", "12:12 unknown-word"},
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
    {12, "ensemble { hessian full\n reference rlaxed }", "13:12 unknown-word"},
    {12, "ensemble { hessian full\n reference relaxed }", ""},
    {12, "ensemble { reference relaxed(3) }", "12:30 wrong-arguments"},
    {12, "ensemble { reference relaxed\n relaxation descent(1e-9, most: 0) }", "13:33 out-of-range"},
    {12, "ensemble { reference relaxed\n relaxation descent(1e-9) }", ""},
    {12, "ensemble { relaxation descent }", "?12:23 no-effect"},
    {12, "ensemble { relaxation descent }\ntrain { minimize bulk }", ""},
    {12, "ensemble { reference rlaxed }", "12:22 unknown-word"},
    {12, "ensemble { relaxation descent(tolerance: 0) }", "12:42 out-of-range"},
    {12, "ensemble { clamp none }\nmeasure at end { C }", "12:12 improper-ensemble"},
    {12, "ensemble { clamp none }", "?1:9 left-out"},
    {9, "    loss bulk over y\n}\nmeasure at end { S }\nlet f(z) = z\nnetwork m {\n    neurons x",
     "11:18 improper-ensemble; 13:1 duplicate-block"},
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
    {12, "train { minimize bulk + 2 * boundary }", ""},
    {12, "train { minimize 0 * bulk }", "12:18 out-of-range"},
    {12, "train { minimize bulk^2 }", "12:18 bad-objective"},
    {12, "train { minimize blk }\nmeasure { dynamics }", "12:18 unknown-word"},
    {12, "train { minimize boundary * boundary }", "12:18 bad-objective"},
    {12, "train { minimize -1 * boundary }", "12:18 out-of-range"},
    {9, "    loss bulk over h, y\n}\ntrain { minimize boundary }\nnetwork m {\n    neurons x",
     "11:18 no-loss; 12:1 duplicate-block"},
    /* measure */
    {12, "measure { lss }", "12:11 unknown-word"},
    {12, "measure { loss, loss }", "12:17 duplicate-name"},
    {12, "measure every 0 epochs { loss }", "12:15 out-of-range"},
    {12, "measure every 1.5 epochs { loss }", "12:15 not-whole"},
    {12, "measure on 0 samples { loss }", "12:12 out-of-range"},
    {12, "measure on 10 samples of test { loss }", "12:26 no-test-data"},
    {12, "measure at end { U(3) }", "12:20 wrong-arguments"},
    {12, "measure { dynamics }", "12:11 cannot-measure"},
    {12, "train { minimize bulk }\nmeasure { dynamics }", ""},
    {12, "ensemble { reference relaxed }\nmeasure { dynamics }", ""},
    {12, "measure at end { 3 }", "12:18 unknown-word"},
};

static void add_line(struct text *out, const char *line)
{
    text_add(out, "%s\n", line);
}

static void test_mistakes(void **state)
{
    (void)state;
    bool ok = true;
    for (size_t i = 0; i < LENGTH(mistakes); i++) {
        const struct mistake *m = &mistakes[i];
        struct text source = {0};
        if (m->line == 0) add_line(&source, m->text);
        for (unsigned line = 1; line <= LENGTH(good); line++)
            add_line(&source, line == m->line ? m->text : good[line - 1]);
        if (m->line == 12) text_add(&source, "%s", m->text);
        if (!says(source.data, m->expected, NULL, 0)) ok = false;
        text_fini(&source);
    }
    assert_true(ok);
}

/* ---- what cannot be computed yet ---- */

/* The list, and a file line for each; measures, sources and optimizers are rows of their tables. */
static const struct {
    const char *construct;
    unsigned line;
    const char *text;
} refused[] = {
    {"evaluation sampled(…)", 12, "ensemble { evaluation sampled(sampler: mala) }"},
    {"measure sampler", 12, "measure { sampler }"},
};

static bool is_listed(const char *construct)
{
    for (size_t i = 0; i < LENGTH(refused); i++)
        if (!strcmp(refused[i].construct, construct)) return true;
    print_error("'%s' is refused and stands in no list\n", construct);
    return false;
}

static void test_refused(void **state)
{
    (void)state;
    char expected[256], found[2048];
    for (size_t i = 0; i < LENGTH(refused); i++) {
        struct text source = {0};
        for (unsigned line = 1; line <= LENGTH(good); line++)
            add_line(&source, line == refused[i].line ? refused[i].text : good[line - 1]);
        if (refused[i].line == 12) add_line(&source, refused[i].text);
        struct checked c = check_text(source.data);
        snprintf(expected, sizeof expected, "error: %s: not yet supported [not-yet-supported]",
                 refused[i].construct);
        list_messages(c.printed, found);
        if (!strstr(c.printed, expected) || strchr(found, ';'))
            fail_msg("%s\n%s\n%s", expected, source.data, c.printed);
        release(&c);
        text_fini(&source);
    }
}

/* Whatever a table says cannot be had must stand in the list above. */
static void test_refused_are_listed(void **state)
{
    (void)state;
    static const char *const constructs[] = {
#define REFUSED(name, what) what,
#include "lang/refused.def"
#undef REFUSED
    };
    char text[128];
    bool ok = true;
    for (size_t i = 0; i < LENGTH(constructs); i++) ok = is_listed(constructs[i]) && ok;
    for (uint32_t t = 0; t < word_table_count; t++)
        for (uint32_t i = 0; i < word_tables[t].count; i++) {
            struct word word = word_tables[t].word(i);
            if (!word.name || word.supported) continue;
            snprintf(text, sizeof text, "%.*s %s", (int)strlen(word_tables[t].name) - 1, word_tables[t].name,
                     word.name);
            ok = is_listed(text) && ok;
        }
    assert_true(ok);
}

/* ---- the experiments of tests/language ---- */

static bool only_refusals(const char *printed)
{
    char found[2048];
    list_messages(printed, found);
    for (const char *at = found; *at; at += strcspn(at, ";"), at += strspn(at, "; "))
        if (strncmp(strchr(at, ' '), " not-yet-supported", 18)) return false;
    return true;
}

static void test_language(void **state)
{
    (void)state;
    char pattern[4096];
    const char *root = getenv("NNT_SOURCE");
    glob_t files;
    uint32_t count = 0, whole = 0;
    snprintf(pattern, sizeof pattern, "%s/tests/language/*.nnt", root ? root : ".");
    assert_int_equal(glob(pattern, 0, NULL, &files), 0);
    for (size_t i = 0; i < files.gl_pathc; i++) {
        struct diag *diag = diag_new();
        size_t length;
        char *text = file_read(diag, (struct span){0}, files.gl_pathv[i], 1 << 20, &length);
        assert_non_null(text);
        if (strstr(text, "network ")) {
            struct checked c = check_path(files.gl_pathv[i], text, NULL, 0);
            if (!only_refusals(c.printed)) fail_msg("%s", c.printed);
            whole += c.model != NULL;
            release(&c);
            count++;
        }
        free(text);
        diag_free(diag);
    }
    globfree(&files);
    assert_true(count >= 13);
    assert_true(whole >= 10); /* the others ask for F, its ledgers, an inferred temperature */
}

/* ---- bounds ---- */

#define TAIL                                                                                                       \
    "network n { neurons x[2], y\n input x\n output y\n weights x -> y\n activation y = f%d(z)\n"                  \
    "loss boundary = squared_error(y, target) }\ndata { train xor() }\nmeasure at end { loss }\n"

/* Lets that double at each level: 2^60 uses, a hundred operations. */
static void test_doubling(void **state)
{
    (void)state;
    struct text source = {0};
    text_add(&source, "let f0(z) = tanh(z)\n");
    for (int i = 1; i <= 60; i++)
        text_add(&source, "let f%d(z) = f%d(z) + f%d(z) * f%d(z)\n", i, i - 1, i - 1, i - 1);
    text_add(&source, TAIL, 60);
    struct checked c = good_model(source.data);
    assert_true(c.model->pool->count < 1000);
    release(&c);
    text_fini(&source);
}

static void test_too_deep(void **state)
{
    (void)state;
    struct text source = {0};
    text_add(&source, "let f0(z) = tanh(z)\n");
    for (int i = 1; i <= 3000; i++) text_add(&source, "let f%d(z) = sin(f%d(z))\n", i, i - 1);
    text_add(&source, TAIL, 3000);
    struct checked c = check_text(source.data);
    char found[2048];
    list_messages(c.printed, found);
    assert_non_null(strstr(found, " too-deep"));
    assert_null(strchr(found, ';'));
    release(&c);
    text_fini(&source);
}

/* Each use differs from the others: no sharing helps, and the pool's bound does. */
static void test_too_large(void **state)
{
    (void)state;
    struct text source = {0};
    text_add(&source, "let f0(a, z) = sin(a * z)\n");
    for (int i = 1; i <= 40; i++)
        text_add(&source, "let f%d(a, z) = f%d(a * 2, z) + f%d(a + 1, z)\n", i, i - 1, i - 1);
    text_add(&source, "let f41(z) = f40(1, z)\n");
    text_add(&source, TAIL, 41);
    struct checked c = check_text(source.data);
    char found[2048];
    list_messages(c.printed, found);
    if (!strstr(found, " too-large") || strchr(found, ';')) fail_msg("%s", c.printed);
    release(&c);
    text_fini(&source);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mistakes),           cmocka_unit_test(test_refused),
        cmocka_unit_test(test_refused_are_listed), cmocka_unit_test(test_language),
        cmocka_unit_test(test_doubling),           cmocka_unit_test(test_too_deep),
        cmocka_unit_test(test_too_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
