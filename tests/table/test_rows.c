/* test_rows.c: every row that a file or a command line can name, found by itself: it is accepted where it belongs, by the arguments of
 * its row; misspelt, it is suggested; what cannot be had is refused; and each optimizer descends. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/driver/exercise.h"
#include "compiler/driver/options.h"
#include "lang/ast.h"
#include "lang/model.h"
#include "lang/words.h"
#include "tests/engine/engine.h"

static uint32_t rows, checks, wrong; /* of the whole program, printed at its end */

/* ---- files ---- */

/* What each table's word fills in: %s stands for a use of it. */
static const struct place {
    const char *table, *network, *rest;
} places[] = {
    {"activations", "activation h = %s\nactivation y = z\nloss boundary = squared_error(y, target)", ""},
    {"functions", "activation h = %s\nactivation y = z\nloss boundary = squared_error(y, target)", ""},
    {"losses", "activation h = z\nactivation y = logistic(z)\nloss boundary = %s", ""},
    {"initialisers",
     "weights y -> y = x -> h\nweights h -> h init %s\nactivation h, y = z\ndynamics ticks(2)\nloss boundary = "
     "squared_error(y, target)",
     ""},
    {"sources", NULL, "data { train %s }\n"},
    {"schedules", NULL, "train { optimizer sgd(rate: %s) }\n"},
    {"optimizers", NULL, "train { optimizer %s }\n"},
    {"measures", "activation h, y = tanh(z)\ndynamics settle\nloss boundary = squared_error(y, target)",
     "data { train moons(count: 8) }\nmeasure 2 times { %s }\n"},
};

static void add_used(struct text *out, const char *pattern, const char *use)
{
    for (const char *c = pattern; *c; c++) {
        if (c[0] == '%' && c[1] == 's')
            text_add(out, "%s", use), c++;
        else
            text_add(out, "%c", *c);
    }
}

static void write_file(struct text *out, const struct place *place, const char *use)
{
    static const char plain[] = "activation h, y = tanh(z)\nloss boundary = squared_error(y, target)";
    text_add(out, "network n {\nneurons x[2], h[2], y[2]\ninput x\noutput y\nweights x -> h -> y\nbiases h\n");
    add_used(out, place->network ? place->network : plain, use);
    text_add(out, "\n}\n");
    add_used(out, place->rest, use);
}

/* The messages of a file; "" where it checks without any. */
static void check_file(const char *file, struct text *out)
{
    struct diag *diag = diag_new();
    struct arena *arena = arena_new();
    char *printed = NULL;
    size_t size = 0;
    struct ast_source *source = parse(diag, arena, "row", file, strlen(file));
    struct model *model = source ? check(diag, arena, source, NULL, 0) : NULL;
    FILE *to = open_memstream(&printed, &size);
    diag_print(diag, to, DIAG_PLAIN);
    fclose(to);
    assert_true(model != NULL || diag_failed(diag));
    text_add(out, "%s", printed);
    free(printed);
    diag_free(diag);
    arena_free(arena);
}

static void report(const char *table, const char *word, const char *what, const char *said)
{
    print_error("%s of %s: %s\n%s\n", word, table, what, said);
    wrong++;
}

/* ---- a use of each word ---- */

/* A value for an argument of a row without a default; NULL where none is needed. */
static const char *value_of(const char *table, const char *argument, uint32_t index)
{
    static const char *const numbers[] = {"0.5", "0.7", "2"};
    if (strchr(argument, '=')) return NULL;
    if (!strcmp(table, "activations") || !strcmp(table, "functions")) return index == 0 ? "z" : "0.3";
    if (!strcmp(table, "losses")) return index == 0 ? "y" : index == 1 ? "target" : NULL;
    if (!strcmp(table, "sources")) return "8";
    if (!strcmp(argument, "schedule")) return "constant(0.5)";
    return numbers[index < LENGTH(numbers) ? index : 2];
}

/* Those whose arguments are no list of names. */
static const char *special_use(const char *table, const char *word)
{
    static const char *const uses[][3] = {
        {"initialisers", "values", "values(0.1, 0.2, 0.3, 0.4)"},
        {"schedules", "piecewise", "piecewise(0: 1, 0.5: 0.2)"},
        {"sources", "idx", "idx(a: \"a.idx\", b: \"b.idx\")"},
        {"sources", "npy", "npy(a: \"a.npy\", b: \"b.npy\")"},
        {"sources", "csv", "csv(\"a.csv\")"},
        {"functions", "sum", "z * sum(z)"},
        {"functions", "mean", "z - mean(z)"},
        {"measures", "efficiency", "efficiency(probes: 8)"},
    };
    for (size_t i = 0; i < LENGTH(uses); i++)
        if (!strcmp(uses[i][0], table) && !strcmp(uses[i][1], word)) return uses[i][2];
    return NULL;
}

static void add_use(struct text *out, const char *table, const struct word *word, const char *name)
{
    const char *special = !strcmp(name, word->name) ? special_use(table, word->name) : NULL;
    char list[256], *rest = NULL;
    uint32_t given = 0;
    text_add(out, "%s", special ? special : name);
    if (special) return;
    snprintf(list, sizeof list, "%s", word->arguments);
    for (char *at = strtok_r(list, " ,", &rest); at; at = strtok_r(NULL, " ,", &rest)) {
        const char *value = value_of(table, at, given);
        if (value) text_add(out, given++ ? ", %s" : "(%s", value);
    }
    bool call = !strcmp(table, "sources");
    text_add(out, "%s", given ? ")" : call ? "()" : "");
}

static const struct word_table *table_named(const char *name)
{
    for (uint32_t t = 0; t < word_table_count; t++)
        if (!strcmp(word_tables[t].name, name)) return &word_tables[t];
    fail_msg("no table %s", name);
    return NULL;
}

/* Data files are opened later, and a source alone may leave a group unbound or of another size: all that comes behind the word. */
static bool is_about_data(const char *table, const char *said)
{
    return !strcmp(table, "sources") && !strstr(said, "unknown-") && !strstr(said, "argument");
}

static void check_use(const struct place *place, const struct word *word)
{
    struct text use = {0}, file = {0}, said = {0};
    add_use(&use, place->table, word, word->name);
    write_file(&file, place, use.data);
    check_file(file.data, &said);
    const char *text = said.data ? said.data : "";
    checks++;
    if (!word->supported && !strstr(text, "[not-yet-supported]"))
        report(place->table, word->name, "cannot be had, and is not refused", text);
    if (word->supported && strstr(text, "error: ") && !is_about_data(place->table, text))
        report(place->table, use.data, "is refused", text);
    text_fini(&use), text_fini(&file), text_fini(&said);
}

/* One letter too many: the message names the word itself, or one that begins like it and lies as near. */
static void check_misspelt(const struct place *place, const struct word *word)
{
    char name[64], expected[96];
    struct text use = {0}, file = {0}, said = {0};
    if (strlen(word->name) < 3) return; /* too short to be told from others */
    snprintf(name, sizeof name, "%sq", word->name);
    snprintf(expected, sizeof expected, "did you mean '%s", word->name);
    add_use(&use, place->table, word, name);
    write_file(&file, place, use.data);
    check_file(file.data, &said);
    checks++;
    if (!said.data || !strstr(said.data, expected))
        report(place->table, name, "is not told", said.data ? said.data : "");
    text_fini(&use), text_fini(&file), text_fini(&said);
}

static void words_are_accepted_and_suggested(void **state)
{
    (void)state;
    for (size_t p = 0; p < LENGTH(places); p++) {
        const struct word_table *table = table_named(places[p].table);
        for (uint32_t i = 0; i < table->count; i++) {
            struct word word = table->word(i);
            if (!word.name) continue;
            rows++;
            check_use(&places[p], &word);
            check_misspelt(&places[p], &word);
        }
    }
    assert_int_equal(wrong, 0);
}

/* ---- statements ---- */

/* A statement of each block that a word stands before; the example of each is in lang/README.md, which has a test of its own. */
static void statements_are_suggested(void **state)
{
    const struct word_table *table = table_named("statements");
    (void)state;
    for (uint32_t i = 0; i < table->count; i++) {
        struct word word = table->word(i);
        char block[16], name[32], expected[64];
        struct text file = {0}, said = {0};
        assert_int_equal(sscanf(word.name, "%15s %31s", block, name), 2);
        bool top = !strcmp(block, "file");
        snprintf(expected, sizeof expected, "did you mean '%s'?", name);
        text_add(&file, top ? "%s%sq a\n" : "%s {\n    %sq a\n}\n",
                 top                         ? ""
                 : !strcmp(block, "network") ? "network n"
                                             : block,
                 name);
        check_file(file.data, &said);
        rows++, checks++;
        if (!said.data || !strstr(said.data, expected))
            report("statements", word.name, "misspelt is not told", said.data ? said.data : "");
        text_fini(&file), text_fini(&said);
    }
    assert_int_equal(wrong, 0);
}

/* ---- what is refused ---- */

static const char *refused_use(const char *name)
{
    static const char *const uses[][2] = {
        {"free_energy", "train { minimize free_energy }\n"},
        {"sampled", "ensemble { evaluation sampled(chains: 8) }\n"},
        {"inferred", "ensemble { temperature inferred }\n"},
    };
    for (size_t i = 0; i < LENGTH(uses); i++)
        if (!strcmp(uses[i][0], name)) return uses[i][1];
    fail_msg("no use of %s here", name);
    return NULL;
}

static void what_cannot_be_had_is_refused(void **state)
{
    static const char *const names[] = {
#define REFUSED(name, ...) #name,
#include "lang/refused.def"
#undef REFUSED
    };
    (void)state;
    for (size_t i = 0; i < LENGTH(names); i++) {
        struct place place = {.rest = refused_use(names[i])};
        struct text file = {0}, said = {0};
        write_file(&file, &place, "");
        check_file(file.data, &said);
        rows++, checks++;
        if (!said.data || !strstr(said.data, "[not-yet-supported]"))
            report("refused", names[i], "is not refused", "");
        text_fini(&file), text_fini(&said);
    }
    assert_int_equal(wrong, 0);
}

/* ---- optimizers ---- */

/* Fifty steps on a problem without noise, by each of the rows: the loss falls, the same in both engines. */
static void check_descent(const struct word *word)
{
    static const char *const engines[] = {"interp", "jit"};
    struct text use = {0}, file = {0};
    struct place place = {.rest = "train { optimizer %s }\n"};
    double loss[2] = {0};
    add_use(&use, "optimizers", word, word->name);
    write_file(&file, &place, use.data);
    for (int e = 0; e < 2; e++) {
        struct diag *diag = diag_new();
        struct arena *arena = arena_new();
        struct model *model = check(diag, arena, parse(diag, arena, "row", file.data, file.length), NULL, 0);
        struct nnt_module *module = engine_module(diag, arena, model, engines[e], 8, 1u << NNT_ENTRY_step);
        struct exercise x = exercise_open(module, 6);
        double first = 0;
        exercise_draw(&x, 2);
        for (int step = 1; step <= 50; step++) {
            x.call.number[NNT_STEP] = step;
            exercise_run(&x, NNT_ENTRY_step);
            for (uint32_t s = loss[e] = 0; s < 6; s++) loss[e] += exercise_get(&x, &module->field[module->loss], s);
            if (step == 1) first = loss[e];
        }
        checks++;
        if (!(loss[e] < 0.8 * first)) report("optimizers", word->name, "does not descend", engines[e]);
        exercise_close(&x);
        engine_release(module);
        diag_free(diag);
        arena_free(arena);
    }
    checks++;
    if (!(loss[0] - loss[1] < 1e-10 && loss[1] - loss[0] < 1e-10))
        report("optimizers", word->name, "engines differ", "");
    text_fini(&use), text_fini(&file);
}

static void optimizers_descend(void **state)
{
    const struct word_table *table = table_named("optimizers");
    (void)state;
    for (uint32_t i = 0; i < table->count; i++) {
        struct word word = table->word(i);
        check_descent(&word);
    }
    assert_int_equal(wrong, 0);
}

/* ---- commands and options ---- */

static bool reads(char *const argv[], int argc, const char *says)
{
    struct diag *diag = diag_new();
    struct arena *arena = arena_new();
    struct options options;
    char *printed = NULL;
    size_t size = 0;
    bool good = options_read(diag, arena, argc, argv, &options);
    FILE *to = open_memstream(&printed, &size);
    diag_print(diag, to, DIAG_PLAIN);
    fclose(to);
    if (says) good = strstr(printed, says) != NULL;
    free(printed);
    diag_free(diag);
    arena_free(arena);
    return good;
}

static const char *option_value(enum option_name option)
{
    static const char *const values[OPTIONS] = {
        [OPTION_set] = "a=1",       [OPTION_data] = ".",       [OPTION_out] = "o",     [OPTION_weights] = "w",
        [OPTION_resume] = "r",      [OPTION_seed] = "1",       [OPTION_threads] = "2", [OPTION_engine] = "jit",
        [OPTION_precision] = "f64", [OPTION_progress] = "0.5", [OPTION_output] = "o",  [OPTION_after] = "fuse",
        [OPTION_color] = "never"};
    if (option_rows[option].argument[0] && !values[option])
        fail_msg("no value of --%s here", option_rows[option].name);
    return values[option];
}

/* Whether a word of the row's list is the command, or all are. */
static bool is_listed(const char *list, const char *command)
{
    size_t length = strlen(command);
    if (!strcmp(list, "*")) return true;
    for (const char *at = list; (at = strstr(at, command)); at += length)
        if ((at == list || at[-1] == ' ') && (at[length] == ' ' || !at[length])) return true;
    return false;
}

static void check_option(enum option_name option, enum command command)
{
    const struct option_row *row = &option_rows[option];
    char text[64];
    snprintf(text, sizeof text, row->argument[0] ? "--%s=%s" : "--%s", row->name,
             row->argument[0] ? option_value(option) : "");
    char *argv[] = {"nnt", (char *)command_rows[command].name, text, "a.nnt", NULL};
    bool listed = is_listed(row->commands, command_rows[command].name);
    checks++;
    if (listed != option_applies(option, command) || (!listed && reads(argv, 4, NULL)))
        report("options", row->name, "is taken where it should not be, or not where it should",
               command_rows[command].name);
    if (listed && reads(argv, 4, "does not take"))
        report("options", row->name, "is not taken", command_rows[command].name);
}

static void commands_and_options_are_known(void **state)
{
    (void)state;
    for (uint32_t c = 0; c < COMMANDS; c++, rows++) {
        char name[32], expected[64];
        snprintf(name, sizeof name, "%sq", command_rows[c].name);
        snprintf(expected, sizeof expected, "did you mean '%s'?", command_rows[c].name);
        char *argv[] = {"nnt", name, "a.nnt", NULL};
        checks++;
        if (!reads(argv, 3, expected)) report("commands", name, "is not told", "");
        if (!command_rows[c].help[0]) report("commands", name, "has no help", "");
    }
    for (uint32_t o = 0; o < OPTIONS; o++, rows++) {
        if (!option_rows[o].help[0]) report("options", option_rows[o].name, "has no help", "");
        for (uint32_t c = 0; c < COMMANDS; c++) check_option((enum option_name)o, (enum command)c);
    }
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_accepted_and_suggested), cmocka_unit_test(statements_are_suggested),
        cmocka_unit_test(what_cannot_be_had_is_refused), cmocka_unit_test(optimizers_descend),
        cmocka_unit_test(commands_and_options_are_known)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    print_message("%u rows, %u checks\n", rows, checks);
    return failed;
}
