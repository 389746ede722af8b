/* test_words.c: every activation, function and loss of the tables, found by itself: interpreter, JIT and their precisions agree, at
 * special values too; no word is without help, the examples of help are right, and so are its ranges. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lang/ast.h"
#include "lang/model.h"
#include "lang/words.h"
#include "tests/engine/engine.h"
#include "compiler/driver/exercise.h"

static const double special[] = {0.0,   -0.0, INFINITY, -INFINITY, NAN,    1e-310, -1e-310, 1e-20, -1e-20, 0.5,
                                 -0.5,  1.0,  -1.0,     3.25,      -3.25,  8.9,    -8.9,    17.5,  -17.5,  42.0,
                                 -42.0, 87.0, -87.0,    110.0,     -110.0, 700.0,  -700.0,  1e4,   -1e4};
enum { SPECIALS = LENGTH(special), ORDINARY_FROM = 7, ORDINARY_TO = 21 };

/* ---- networks that hold a whole table ---- */

/* name(z, 0.3, …): as many further arguments as the table's text of arguments has words behind the first. */
static void add_call(struct text *out, const struct word *word, const char *first, const char *second)
{
    text_add(out, "%s(%s", word->name, first);
    bool more = false, seen = false;
    for (const char *c = word->arguments; *c; c++) {
        bool letter = *c != ' ' && *c != ',';
        if (letter && !more) {
            if (seen) text_add(out, ", %s", second);
            seen = true;
        }
        more = letter;
    }
    text_add(out, ")");
}

static const struct word_table *table_named(const char *name)
{
    for (uint32_t t = 0; t < word_table_count; t++)
        if (!strcmp(word_tables[t].name, name)) return &word_tables[t];
    fail_msg("no table %s", name);
    return NULL;
}

/* One neuron a word, all fed by the same number: z is the datum itself. */
static void functions_network(const struct word_table *table, struct text *out)
{
    text_add(out, "network words {\n neurons x");
    for (uint32_t i = 0; i < table->count; i++)
        if (table->word(i).name) text_add(out, ", g%u", i);
    text_add(out, "\n input x\n");
    for (uint32_t i = 0; i < table->count; i++) {
        struct word word = table->word(i);
        if (!word.name) continue;
        text_add(out, " weights x -> g%u init constant(1)\n activation g%u = ", i, i);
        add_call(out, &word, "z", "0.3");
        text_add(out, "\n");
    }
    text_add(out, "}\nensemble { clamp x }\n");
}

/* The n-th word of a table that a file can name; name NULL behind the last. */
static struct word named(const struct word_table *table, uint32_t n)
{
    for (uint32_t i = 0; i < table->count; i++)
        if (table->word(i).name && n-- == 0) return table->word(i);
    return (struct word){0};
}

/* One output a loss. */
static void losses_network(const struct word_table *table, struct text *out)
{
    text_add(out, "network words {\n neurons x[3]");
    for (uint32_t i = 0; named(table, i).name; i++) text_add(out, ", y%u[5]", i);
    text_add(out, "\n input x\n output ");
    for (uint32_t i = 0; named(table, i).name; i++) text_add(out, "%sy%u", i ? ", " : "", i);
    text_add(out, "\n");
    for (uint32_t i = 0; named(table, i).name; i++)
        text_add(out, " weights x -> y%u\n biases y%u\n activation y%u = %s\n", i, i, i,
                 i % 2 ? "softmax(z)" : "logistic(z)");
    text_add(out, " loss boundary = ");
    for (uint32_t i = 0; named(table, i).name; i++) {
        struct word word = named(table, i);
        text_add(out, "%s%s(y%u, target(y%u)%s)", i ? " + " : "", word.name, i, i,
                 strstr(word.arguments, "width") ? ", 0.3" : "");
    }
    text_add(out, "\n}\ntrain { optimizer sgd(rate: 0.1) }\n");
}

/* ---- engines ---- */

struct words {
    struct diag *diag;
    struct arena *arena;
    struct text text;
    struct model *model;
};

static struct words words_open(void (*network)(const struct word_table *, struct text *), const char *table)
{
    struct words w = {.diag = diag_new(), .arena = arena_new()};
    network(table_named(table), &w.text);
    struct ast_source *source = parse(w.diag, w.arena, "words", w.text.data, w.text.length);
    w.model = source ? check(w.diag, w.arena, source, NULL, 0) : NULL;
    if (!w.model) {
        diag_print(w.diag, stderr, DIAG_PLAIN);
        fail_msg("%s", w.text.data);
    }
    return w;
}

static void words_close(struct words *w)
{
    diag_free(w->diag);
    arena_free(w->arena);
    text_fini(&w->text);
}

static struct exercise open_engine(struct words *w, const char *engine, uint32_t real_bytes, uint32_t entries,
                                   uint32_t batch)
{
    struct nnt_module *module = engine_module(w->diag, w->arena, w->model, engine, real_bytes, entries);
    if (!module) diag_print(w->diag, stderr, DIAG_PLAIN);
    assert_non_null(module);
    struct exercise x = exercise_open(module, batch);
    exercise_draw(&x, 3);
    return x;
}

static void close_engine(struct exercise *x)
{
    struct nnt_module *module = (struct nnt_module *)x->module;
    exercise_close(x);
    engine_release(module);
}

static void put_specials(struct exercise *x)
{
    const struct nnt_module *m = x->module;
    for (uint32_t i = 0; i < SPECIALS; i++) {
        exercise_set(x, &m->field[m->group[0].data], i, special[i]);
        exercise_set(x, &m->field[m->group[0].state], i, special[i]);
    }
    for (uint32_t p = 0; p < m->n_parameters; p++) exercise_set(x, &m->field[m->parameter[p].field], 0, 1);
}

/* Both finite and near, or the same infinity, or both not a number. */
static bool agree(double a, double b, double tolerance)
{
    return a == b || (isnan(a) && isnan(b)) || fabs(a - b) <= tolerance * (1 + fabs(b));
}

static int compare_fields(const struct exercise *a, const struct exercise *b, enum nnt_slab slab, uint32_t from,
                          uint32_t to, double tolerance)
{
    int wrong = 0;
    for (uint32_t f = 0; f < a->module->n_fields; f++) {
        const struct nnt_field *x = &a->module->field[f], *y = exercise_field(b->module, slab, x->name);
        if (x->slab != slab || !y || strstr(x->name, "residual")) continue;
        for (uint64_t e = from; e < exercise_size(a, x) && e < to; e++) {
            double got = exercise_get(a, x, e), want = exercise_get(b, y, e);
            if (agree(got, want, tolerance)) continue;
            print_error("%s at %g: %.17g, interpreted %.17g\n", x->name, special[e % SPECIALS], got, want);
            wrong++;
        }
    }
    return wrong;
}

static int compare_functions(const char *table, uint32_t real_bytes, double tolerance)
{
    uint32_t entries = 1u << NNT_ENTRY_forward | 1u << NNT_ENTRY_linearise;
    struct words w = words_open(functions_network, table);
    struct exercise a = open_engine(&w, "jit", real_bytes, entries, SPECIALS);
    struct exercise b = open_engine(&w, "interp", real_bytes, entries, SPECIALS);
    put_specials(&a);
    put_specials(&b);
    exercise_run(&a, NNT_ENTRY_forward);
    exercise_run(&b, NNT_ENTRY_forward);
    int wrong = compare_fields(&a, &b, NNT_STATE, 0, SPECIALS, tolerance);
    exercise_run(&a, NNT_ENTRY_linearise);
    exercise_run(&b, NNT_ENTRY_linearise);
    wrong += compare_fields(&a, &b, NNT_LINEAR, ORDINARY_FROM, ORDINARY_TO, tolerance);
    close_engine(&a);
    close_engine(&b);
    words_close(&w);
    return wrong;
}

static void functions_agree_everywhere(void **state)
{
    (void)state;
    int wrong = 0;
    wrong += compare_functions("activations", 8, 1e-12) + compare_functions("activations", 4, 1e-5);
    wrong += compare_functions("functions", 8, 1e-12) + compare_functions("functions", 4, 1e-5);
    assert_int_equal(wrong, 0);
}

static int compare_losses(uint32_t real_bytes, double tolerance)
{
    static const enum nnt_entry_name order[] = {NNT_ENTRY_loss, NNT_ENTRY_gradient};
    uint32_t entries = 1u << NNT_ENTRY_loss | 1u << NNT_ENTRY_gradient;
    struct words w = words_open(losses_network, "losses");
    struct exercise a = open_engine(&w, "jit", real_bytes, entries, 9),
                    b = open_engine(&w, "interp", 8, entries, 9);
    int wrong = 0;
    for (size_t i = 0; i < LENGTH(order); i++) {
        char where[128];
        exercise_run(&a, order[i]);
        exercise_run(&b, order[i]);
        double result = exercise_distance(&a, &b, NNT_RESULT, where);
        if (result > tolerance) print_error("losses, %u bytes: %g at %s\n", real_bytes, result, where), wrong++;
        double gradient = exercise_distance(&a, &b, NNT_GRADIENT, where);
        if (gradient > tolerance)
            print_error("gradients, %u bytes: %g at %s\n", real_bytes, gradient, where), wrong++;
    }
    close_engine(&a);
    close_engine(&b);
    words_close(&w);
    return wrong;
}

static void losses_agree(void **state)
{
    (void)state;
    assert_int_equal(compare_losses(8, 1e-12) + compare_losses(4, 1e-4), 0);
}

static void every_word_has_help(void **state)
{
    uint32_t words = 0;
    (void)state;
    for (uint32_t t = 0; t < word_table_count; t++)
        for (uint32_t i = 0; i < word_tables[t].count; i++) {
            struct word word = word_tables[t].word(i);
            if (!word.name) continue;
            words++;
            if (!word.help || !word.help[0]) fail_msg("%s of %s has no help", word.name, word_tables[t].name);
        }
    print_message("%u words in %u tables\n", words, word_table_count);
    assert_true(words > 80);
}

/* ---- what help says of a word ---- */

static bool begins_alike(const char *a, const char *b)
{
    size_t n = strcspn(a, " ");
    return strcspn(b, " ") == n && !strncmp(a, b, n);
}

/* A small experiment in which the example stands for the first statement that begins alike; x has `inputs` neurons. */
static void experiment_with(const char *example, uint32_t inputs, struct text *out)
{
    bool sequence = strstr(example, "length:") != NULL, settles = begins_alike(example, "measure");
    const char *lines[] = {"let f(z) = z",
                           "network n {",
                           "",
                           sequence ? "input x each tick" : "input x",
                           "output y",
                           "weights x -> h",
                           "weights h -> y",
                           "activation h = tanh(z)",
                           "activation y = logistic(z)",
                           "loss boundary = squared_error(y, target)",
                           sequence  ? "dynamics ticks(12)"
                           : settles ? "dynamics settle()"
                                     : "dynamics feedforward",
                           "}",
                           "train {",
                           "optimizer adam()",
                           "}",
                           "measure at end { loss }"};
    bool source = begins_alike(example, "train"), placed = source;
    for (size_t i = 0; i < LENGTH(lines); i++) {
        bool boundary = begins_alike(lines[i], "output") || begins_alike(lines[i], "loss");
        if (source && boundary) continue; /* a source may have one field alone */
        if (!lines[i][0]) text_add(out, "neurons x[%u], h[3], y[3]", inputs);
        bool here = !placed && begins_alike(example, lines[i]);
        text_add(out, "%s\n", here ? example : lines[i]);
        placed = placed || here;
    }
    if (source) text_add(out, "data {\n%s\n%s\n}\n", example, strstr(example, "csv") ? "x = columns(1, 2)" : "");
    if (!placed) fail_msg("'%s' begins no statement", example);
}

/* A statement's example, in its block. */
static void statement_in_block(const struct word *word, const char *example, struct text *out)
{
    static const char *const with_name = "network";
    int block = (int)strcspn(word->name, " ");
    if (!strncmp(word->name, "file ", 5))
        text_add(out, "%s\n", example);
    else
        text_add(out, "%.*s%s {\n%s\n}\n", block, word->name, strncmp(word->name, with_name, 7) ? "" : " n",
                 example);
}

enum { FIRST = 1, LAST = 256 };

/* Nothing but warnings, or but what cannot be had yet. */
static bool example_is_right(const struct word_table *table, const struct word *word, const char *example,
                             uint32_t inputs)
{
    struct diag *diag = diag_new();
    struct arena *arena = arena_new();
    struct text text = {0};
    bool statement = strchr(word->name, ' ') != NULL;
    if (statement)
        statement_in_block(word, example, &text);
    else
        experiment_with(example, inputs, &text);
    struct ast_source *source = parse(diag, arena, "example", text.data, text.length);
    bool parsed = source && !diag_failed(diag);
    bool right = parsed && (statement || check(diag, arena, source, NULL, 0) || !word->supported);
    if (!right && inputs == LAST) {
        print_error("%s of %s:\n%s", word->name, table->name, text.data);
        diag_print(diag, stderr, DIAG_PLAIN);
    }
    text_fini(&text);
    diag_free(diag);
    arena_free(arena);
    return right;
}

/* As many inputs as a source has numbers a row. */
static bool some_size_is_right(const struct word_table *table, const struct word *word, const char *example)
{
    for (uint32_t inputs = FIRST; inputs <= LAST; inputs *= 2)
        if (example_is_right(table, word, example, inputs)) return true;
    return false;
}

static void examples_are_right(void **state)
{
    uint32_t wrong = 0, examples = 0;
    FILE *included = fopen("shared.nnt", "w"); /* by the example of include */
    (void)state;
    assert_true(included && !fclose(included));
    for (uint32_t t = 0; t < word_table_count; t++)
        for (uint32_t i = 0; i < word_tables[t].count; i++) {
            struct word word = word_tables[t].word(i);
            struct text example = {0};
            if (!word.name) continue;
            word_example(&word_tables[t], &word, &example);
            const char *bare = strchr(word.name, ' ') ? strchr(word.name, ' ') + 1 : word.name;
            if (!strstr(example.data, bare)) print_error("'%s' has no %s\n", example.data, bare), wrong++;
            wrong += !some_size_is_right(&word_tables[t], &word, example.data);
            examples++;
            text_fini(&example);
        }
    remove("shared.nnt");
    print_message("%u examples\n", examples);
    assert_int_equal(wrong, 0);
}

/* A bound as help writes it; false where it is a word. */
static bool read_bound(const char *text, size_t length, double *out)
{
    char bound[32];
    snprintf(bound, sizeof bound, "%.*s", (int)length, text);
    if (!strcmp(bound, "∞") || !strcmp(bound, "-∞")) {
        *out = bound[0] == '-' ? -INFINITY : INFINITY;
        return true;
    }
    return text_to_number(bound, out);
}

/* Values reach no further than the bound, and come near to it: where it is infinite, beyond 3. */
static bool bound_holds(const struct word *word, const char *text, size_t length, double sign, double extreme)
{
    double bound;
    if (!read_bound(text, length, &bound)) return true;
    bool far = isinf(bound) ? sign * extreme > 3 : sign * (bound - extreme) < 2e-3;
    if (isinf(bound) ? far : far && sign * (extreme - bound) < 2e-3) return true;
    print_error("%s is said to reach from %s, and reaches %.17g\n", word->name, word->range, extreme);
    return false;
}

enum { GRID = 6001 };

static double grid_point(uint32_t i)
{
    return i == 0 ? -1e4 : i == 1 ? 1e4 : ((double)i - GRID / 2) / 100;
}

/* Of a word on all points of the grid, as the interpreter has it; false where no value is a number. */
static bool extremes(const struct exercise *x, const struct nnt_field *state, double out[2])
{
    out[0] = INFINITY, out[1] = -INFINITY;
    for (uint32_t i = 0; i < GRID; i++) {
        double value = exercise_get(x, state, i);
        if (isnan(value)) continue;
        out[0] = fmin(out[0], value);
        out[1] = fmax(out[1], value);
    }
    return out[0] <= out[1];
}

static uint32_t wrong_ranges(const char *name)
{
    const struct word_table *table = table_named(name);
    struct words w = words_open(functions_network, name);
    struct exercise x = open_engine(&w, "interp", 8, 1u << NNT_ENTRY_forward, GRID);
    const struct nnt_module *m = x.module;
    uint32_t wrong = 0;
    for (uint32_t i = 0; i < GRID; i++) exercise_set(&x, &m->field[m->group[0].data], i, grid_point(i));
    for (uint32_t p = 0; p < m->n_parameters; p++) exercise_set(&x, &m->field[m->parameter[p].field], 0, 1);
    exercise_run(&x, NNT_ENTRY_forward);
    for (uint32_t i = 0; named(table, i).name; i++) {
        struct word word = named(table, i);
        double reached[2] = {0};
        const char *between = strstr(word.range, " … ");
        if (!between || !extremes(&x, &m->field[m->group[i + 1].state], reached))
            fail_msg("%s: no range", word.name);
        /* The second argument bounds min and max here, and softmax of one neuron is 1. */
        if (strstr(word.arguments, "a b") || !strcmp(word.name, "softmax")) continue;
        const char *high = between + strlen(" … ");
        wrong += !bound_holds(&word, word.range, (size_t)(between - word.range), -1, reached[0]);
        wrong += !bound_holds(&word, high, strlen(high), 1, reached[1]);
    }
    close_engine(&x);
    words_close(&w);
    return wrong;
}

static void ranges_hold(void **state)
{
    (void)state;
    assert_int_equal(wrong_ranges("activations") + wrong_ranges("functions"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(functions_agree_everywhere), cmocka_unit_test(losses_agree),
                                       cmocka_unit_test(every_word_has_help), cmocka_unit_test(examples_are_right),
                                       cmocka_unit_test(ranges_hold)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
