/* test_parse.c: the language's files are read, printed and read back; mistakes get one message each, at their
 * place. */
#include "lang/ast.h"
#include "runtime/base/file.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reader {
    struct diag *diag;
    struct arena *arena;
    struct ast_source *source;
    char *said; /* the messages as the user sees them */
};

static struct reader read_bytes(const char *path, const char *text, size_t length)
{
    struct reader r = {.diag = diag_new(), .arena = arena_new()};
    r.source = parse(r.diag, r.arena, path, text, length);
    size_t size;
    FILE *to = open_memstream(&r.said, &size);
    diag_print(r.diag, to, DIAG_PLAIN);
    fclose(to);
    return r;
}
static struct reader read_text(const char *text)
{
    return read_bytes("test.nnt", text, strlen(text));
}

static void fini(struct reader *r)
{
    free(r->said);
    arena_free(r->arena);
    diag_free(r->diag);
}

static const char *root(void)
{
    const char *source = getenv("NNT_SOURCE");
    return source != NULL ? source : ".";
}

/* The tree as one line without spaces at its ends, so that a test reads like the grammar. */
static void assert_tree(const char *text, const char *expected)
{
    struct reader r = read_text(text);
    assert_string_equal(r.said, "");
    struct text dump = {0};
    ast_dump(r.source->file, &dump);
    char *to = dump.data;
    for (const char *from = dump.data; *from != '\0'; from++)
        if (*from == '\n')
            from += strspn(from, "\n ") - 1;
        else
            *to++ = *from;
    *to = '\0';
    assert_string_equal(dump.data, expected);
    text_fini(&dump);
    fini(&r);
}

static uint32_t count_of(const char *text, const char *part)
{
    uint32_t n = 0;
    for (const char *at = text; (at = strstr(at, part)) != NULL; at++) n++;
    return n;
}

/* One message: `place` is LINE:COLUMN, `part` stands in the message or its hints. */
static void assert_mistake(const char *text, const char *place, const char *name, const char *part)
{
    struct reader r = read_text(text);
    char head[64], tail[64];
    snprintf(head, sizeof head, "test.nnt:%s: error:", place);
    snprintf(tail, sizeof tail, "[%s]", name);
    if (count_of(r.said, "error:") != 1 || strstr(r.said, head) == NULL || strstr(r.said, tail) == NULL ||
        strstr(r.said, part) == NULL)
        fail_msg("%s\nwas to give one message at %s [%s] \"%s\", but gave\n%s", text, place, name, part, r.said);
    assert_int_equal(diag_status(r.diag), 1);
    fini(&r);
}

/* ---- whole files ---- */

static char *print(const struct ast_source *source)
{
    struct text out = {0};
    text_add_bytes(&out, "", 0);
    ast_print(source, &out);
    return out.data;
}

static void check_file(const char *path)
{
    struct diag *diag = diag_new();
    size_t length;
    char *text = file_read(diag, (struct span){0}, path, 1 << 20, &length);
    assert_non_null(text);
    struct reader written = read_bytes(path, text, length);
    assert_string_equal(written.said, "");
    char *once = print(written.source);
    struct reader printed = read_bytes(path, once, strlen(once));
    assert_string_equal(printed.said, "");
    assert_true(ast_equal(written.source->file, printed.source->file));
    assert_int_equal(written.source->n_comments, printed.source->n_comments);
    char *twice = print(printed.source);
    assert_string_equal(once, twice);
    free(twice), free(once), free(text);
    fini(&printed), fini(&written);
    diag_free(diag);
}

static void check_folder(const char *folder, size_t at_least)
{
    char pattern[4096];
    snprintf(pattern, sizeof pattern, "%s/%s/*.nnt", root(), folder);
    glob_t found;
    assert_int_equal(glob(pattern, 0, NULL, &found), 0);
    assert_true(found.gl_pathc >= at_least);
    for (size_t i = 0; i < found.gl_pathc; i++) check_file(found.gl_pathv[i]);
    globfree(&found);
}

static void test_files(void **state)
{
    (void)state;
    check_folder("tests/language", 14);
    check_folder("examples", 4);
    check_folder("tests/golden/ast", 10);
    check_folder("tests/golden/fmt", 10);
}

/* ---- lines and words ---- */

static void test_lines(void **state)
{
    (void)state;
    const char *sum = "(file(let a(list)(binary +(number 1)(number 2))))";
    assert_tree("let a = 1 + 2", sum);
    assert_tree("let a = 1 +\n2\n", sum);
    assert_tree("let a\n= 1\n+ 2\n", sum);
    assert_tree("\xEF\xBB\xBFlet a = (1\r\n\r\n+ # x\r\n2)\r\n", sum);
    assert_tree("let a = if x\n then y\n else z", "(file(let a(list)(if(name x)(name y)(name z))))");
    assert_tree("train\n{ shuffle true\nseed 1 }", "(file(train(setting shuffle(true))(setting seed(number 1))))");
    assert_tree("train { }\n\n\n# c\ntrain {}", "(file(train)(train))");
    assert_tree("measure at end {\na,\n\nb,\n}", "(file(measure(when end)--(list(name a)(name b))))");
}

static void test_words_are_names_elsewhere(void **state)
{
    (void)state;
    assert_tree("data { seed = train\nseed 1\ntest[2] = f(\nseed: 1,\ntrain\n) }",
                "(file(data(binding(name seed)(name train))(setting seed(number 1))"
                "(binding(index test(number 2))(call f(pair(name seed)(number 1))(name train)))))");
    assert_tree("network network { neurons input, loss\ninput input }",
                "(file(network network(neurons(decl input--)(decl loss--))(input(list(name input))-)))");
    assert_tree(
        "param steps = 2\nlet f(a) = (a +\n steps / 2)",
        "(file(param steps(number 2))(let f(list(name a))(binary +(name a)(binary /(name steps)(number 2)))))");
}

static void test_binding_strength(void **state)
{
    (void)state;
    assert_tree("let a = -z^2", "(file(let a(list)(unary -(binary ^(name z)(number 2)))))");
    assert_tree("let a = 2^3^4", "(file(let a(list)(binary ^(number 2)(binary ^(number 3)(number 4)))))");
    assert_tree("let a = 1 - 2 - 3 * 4",
                "(file(let a(list)(binary -(binary -(number 1)(number 2))(binary *(number 3)(number 4)))))");
    assert_tree("let a = not a < b and c or d",
                "(file(let a(list)(binary or(binary and(unary not(binary <(name a)(name b)))(name c))(name d))))");
    assert_tree("let a = if p then q else r + s",
                "(file(let a(list)(if(name p)(name q)(binary +(name r)(name s)))))");
}

/* ---- mistakes ---- */

static void test_ten_mistakes(void **state)
{
    (void)state;
    static const char text[] = "parm width = 5\n"
                               "let f(z = z * 2\n"
                               "network ten {\n"
                               "    neurons x[2], h[4] y\n"
                               "    input  x\n"
                               "    wieghts x -> h -> y\n"
                               "    activation h = tanh(z\n"
                               "    activation y = logistic(z) $\n"
                               "    loss boundry = squared_error(y, target)\n"
                               "}\n"
                               "data { train csv(\"a.csv, separator: \";\") }\n"
                               "train {\n"
                               "    epochs\n"
                               "}\n"
                               "measure evry 5 epochs { loss }\n";
    static const char *const places[] = {
        "1:1:", "2:6:", "4:24:", "6:5:", "7:24:", "8:32:", "9:10:", "11:39:", "13:11:", "15:9:"};
    struct reader r = read_text(text);
    assert_int_equal(count_of(r.said, " error: "), 10);
    for (size_t i = 0; i < LENGTH(places); i++) {
        char head[32];
        snprintf(head, sizeof head, "test.nnt:%s error:", places[i]);
        if (count_of(r.said, head) != 1) fail_msg("one message at %s was expected in\n%s", places[i], r.said);
    }
    fini(&r);
}

/* Whatever byte is missing, it is one mistake and one message (or none, in comments and texts). */
static void test_one_byte_missing(void **state)
{
    (void)state;
    char pattern[4096];
    snprintf(pattern, sizeof pattern, "%s/tests/language/*.nnt", root());
    glob_t found;
    assert_int_equal(glob(pattern, 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        struct diag *diag = diag_new();
        size_t length;
        char *text = file_read(diag, (struct span){0}, found.gl_pathv[i], 1 << 20, &length);
        assert_non_null(text);
        for (size_t at = 0; at < length; at++) {
            char *shorter = malloc(length);
            memcpy(shorter, text, at);
            memcpy(shorter + at, text + at + 1, length - at - 1);
            struct reader r = read_bytes(found.gl_pathv[i], shorter, length - 1);
            if (diag_errors(r.diag) > 1) fail_msg("without byte %zu, '%c':\n%s", at, text[at], r.said);
            fini(&r);
            free(shorter);
        }
        free(text);
        diag_free(diag);
    }
    globfree(&found);
}

static void test_typos(void **state)
{
    (void)state;
    static const struct {
        const char *text, *place, *meant;
    } typos[] = {
        {"network n {\n nuerons x\n}", "2:2", "neurons"},
        {"network n {\n inptu x\n}", "2:2", "input"},
        {"network n {\n ouput x\n}", "2:2", "output"},
        {"network n {\n wieghts x -> h\n}", "2:2", "weights"},
        {"network n {\n biasses h\n}", "2:2", "biases"},
        {"network n {\n activaton h = tanh(z)\n}", "2:2", "activation"},
        {"network n {\n potental h = s^2\n}", "2:2", "potential"},
        {"network n {\n los bulk over h\n}", "2:2", "loss"},
        {"network n {\n dinamics ticks(3)\n}", "2:2", "dynamics"},
        {"netwrok n {\n neurons x\n}", "1:1", "network"},
        {"dta { train xor() }", "1:1", "data"},
        {"ensembel { clamp none }", "1:1", "ensemble"},
        {"trian { epochs 3 }", "1:1", "train"},
        {"mesure at end { C }", "1:1", "measure"},
        {"parma a = 3", "1:1", "param"},
        {"lte a = 3", "1:1", "let"},
        {"data { tset xor() }", "1:8", "test"},
        {"data { holdot 0.2 }", "1:8", "holdout"},
        {"ensemble { clmp x }", "1:12", "clamp"},
        {"ensemble { temprature 3 }", "1:12", "temperature"},
        {"train { epoch 3 }", "1:9", "epochs"},
        {"train { optimiser sgd(rate: 1) }", "1:9", "optimizer"},
        {"measure evry 5 epochs { C }", "1:9", "every"},
        {"measure every 5 epohcs { C }", "1:17", "epochs"},
        {"measure onn 5 samples { C }", "1:9", "on"},
        {"measure at edn { C }", "1:12", "end"},
        {"network n {\n weights x -> h int zeros\n}", "2:17", "init"},
        {"network n {\n weights x -> h frozn\n}", "2:17", "frozen"},
        {"network n {\n weights h -> k = transpse(x -> h)\n}", "2:19", "transpose"},
        {"network n {\n loss boundry = 0\n}", "2:7", "boundary"},
        {"network n {\n input x eech tick\n}", "2:10", "each"},
        {"let a = if b thn c else d", "1:14", "then"},
    };
    for (size_t i = 0; i < LENGTH(typos); i++) {
        char hint[64];
        snprintf(hint, sizeof hint, "did you mean '%s'?", typos[i].meant);
        struct reader r = read_text(typos[i].text);
        fini(&r);
        assert_mistake(typos[i].text, typos[i].place,
                       strstr(typos[i].text, "eech") || strstr(typos[i].text, "evry") ||
                               strstr(typos[i].text, "onn") || strstr(typos[i].text, "thn")
                           ? "syntax"
                           : "unknown-word",
                       hint);
    }
}

static void test_typos_are_read_as_meant(void **state)
{
    (void)state;
    struct reader wrong = read_text("netwrok n {\n nuerons x\n}\ntrain { epoch 3 }\ndata { tset xor() }");
    struct reader right = read_text("network n {\n neurons x\n}\ntrain { epochs 3 }\ndata { test xor() }");
    assert_int_equal(diag_errors(wrong.diag), 4);
    assert_true(ast_equal(wrong.source->file, right.source->file));
    fini(&wrong), fini(&right);
}

static void test_brackets(void **state)
{
    (void)state;
    assert_mistake("network n {\n activation h = tanh(z\n activation y = f(z)\n}", "2:21", "unclosed-bracket",
                   "')' expected");
    assert_mistake("network n {\n neurons x[2, h[3]\n input x\n}", "2:11", "unclosed-bracket", "']' expected");
    assert_mistake("data {\n x = noisy(image, 0.2\n y = image\n}", "2:11", "unclosed-bracket", "')' expected");
    assert_mistake("data { x = f(a, [1)\n}", "1:17", "unclosed-bracket", "']' expected");
    assert_mistake("let a = (1 + 2]\nlet b = 3", "1:9", "unclosed-bracket", "')' expected");
    assert_mistake("let a = 1 + 2)\nlet b = 3", "1:14", "syntax", "found ')'");
    assert_mistake("network n {\n neurons x\ndata { train xor() }\ntrain { epochs 3 }", "1:11", "unclosed-bracket",
                   "'}'");
    assert_mistake("train {\n epochs 3\nmeasure at end { C }", "1:7", "unclosed-bracket", "'}'");
    assert_mistake("measure at end {\n loss,\nmeasure at end { C }", "1:16", "unclosed-bracket", "'}'");
    assert_mistake("data { x = y } }\nensemble { clamp none }", "1:16", "unopened-bracket", "closes nothing");
    assert_mistake("data { train xor() }ensemble { clamp none }\ntrain { }", "1:21", "syntax",
                   "a new line expected");
    assert_mistake("data { {\n train xor()\n}\ntrain { }", "1:8", "syntax", "found '{'");
    assert_mistake("measure at end\n loss, C\n}\ntrain { }", "1:15", "syntax", "'{' expected");
    assert_mistake("# network n {\n neurons x\n input x\n}\ntrain { }", "2:2", "misplaced-word", "network { }");
    assert_mistake("ensemble {\n temperature if a then b\n c * 2\n}", "2:25", "syntax", "expected 'else'");
    assert_mistake("train { epochs (", "1:16", "unclosed-bracket", "')'");
    assert_mistake("network n {\n neurons x\n}\n}\ntrain { }", "4:1", "unopened-bracket", "closes nothing");
    assert_mistake("network n\n neurons x\n input x\n}\ntrain { }", "1:10", "syntax", "'{' expected");
}

static void test_places(void **state)
{
    (void)state;
    assert_mistake("network n {\n weights x ->\n biases h\n}", "2:14", "syntax",
                   "found the end of the line; expected a name");
    assert_mistake("network n {\n neurons x,\n input x\n}", "2:12", "syntax",
                   "found the end of the line; expected a name");
    assert_mistake("network n {\n weights x > h\n}", "2:12", "syntax", "did you mean '->'?");
    assert_mistake("network { neurons x }", "1:9", "syntax", "found '{'; expected a name");
    assert_mistake("network n {\n epochs 3\n neurons x\n}", "2:2", "misplaced-word", "it stands in train { }");
    assert_mistake("foo bar {\n baz\n}\ntrain { }", "1:1", "unknown-word", "begins no statement");
    assert_mistake("let a = b < c < d", "1:15", "syntax", "comparisons do not chain");
    assert_mistake("let of = 3", "1:5", "syntax", "'of' is reserved");
    assert_mistake("let a = if b then c", "1:20", "syntax", "expected 'else' or an operator");
    assert_mistake("measure every 5 { C }", "1:17", "syntax", "expected 'epochs' or 'steps'");
    assert_mistake("measure { loss accuracy }", "1:16", "syntax", "found 'accuracy'");
    assert_mistake("measure { loss\naccuracy }", "1:15", "syntax", "found the end of the line");
    assert_mistake("train { optimizer sgd(\nrate = 0.1\n) }", "2:6", "syntax", "rate: 0.1");
    assert_mistake("param gr\xC3\xB6\xC3\x9F = 3", "1:9", "stray-character", "names are made of");
    assert_mistake("param a = \"\xC3\xB6\" \xE2\x88\x92 3", "1:15", "stray-character", "did you mean '-'?");
    assert_mistake("param a = \"abc", "1:11", "unclosed-text", "'\"' expected");
    assert_mistake("param a = \"a\\qc\"", "1:13", "bad-escape", "write \\\\");
    assert_mistake("param a = 1e999", "1:11", "bad-number", "too large");
    assert_mistake("param a = 2z", "1:11", "bad-number", "write 2 * z");
    assert_mistake("param a = .5", "1:11", "bad-number", "write 0.5");
}

static void test_what_is_no_text(void **state)
{
    (void)state;
    static const char latin[] = "param a = 3\n# gr\xF6\xDF\n", zero[] = "param\0a = 3";
    struct reader r = read_bytes("test.nnt", latin, sizeof latin - 1);
    assert_null(r.source);
    assert_non_null(strstr(r.said, "test.nnt:2:5: error: the byte 0xF6 is not UTF-8 [not-utf8]"));
    fini(&r);
    r = read_bytes("test.nnt", zero, sizeof zero - 1);
    assert_null(r.source);
    assert_non_null(strstr(r.said, "test.nnt:1:6: error:"));
    assert_non_null(strstr(r.said, "[nul-byte]"));
    fini(&r);
}

static char *repeat(const char *part, uint32_t times, const char *end)
{
    struct text text = {0};
    text_add(&text, "let a = ");
    for (uint32_t i = 0; i < times; i++) text_add(&text, "%s", part);
    text_add(&text, "%s", end);
    return text.data;
}

static void test_depth_is_bounded(void **state)
{
    (void)state;
    static const char *const parts[] = {"(", "- ", "1 + ", "if a then b else ", "2 ^ ", "f[("};
    for (size_t i = 0; i < LENGTH(parts); i++) {
        char *text = repeat(parts[i], 50000, "1\n");
        struct reader r = read_text(text);
        assert_int_equal(count_of(r.said, "error:"), 1);
        assert_non_null(strstr(r.said, "[too-deep]"));
        assert_non_null(r.source);
        fini(&r);
        free(text);
    }
    char *text = repeat("if a then b else ", 300, "f(");
    for (int i = 0; i < 3; i++) {
        struct text wide = {0};
        text_add(&wide, "%s", text);
        for (int j = 0; j < 20000; j++) text_add(&wide, "1, ");
        text_add(&wide, ")");
        struct reader r = read_text(wide.data);
        assert_string_equal(r.said, "");
        fini(&r);
        text_fini(&wide);
    }
    free(text);
}

/* ---- include ---- */

static void write_file(const char *folder, const char *name, const char *text)
{
    struct diag *diag = diag_new();
    char *path = file_join(folder, name);
    assert_true(file_write(diag, (struct span){0}, path, text, strlen(text)));
    free(path);
    diag_free(diag);
}

static void test_include(void **state)
{
    (void)state;
    char folder[] = "/tmp/nnt-parse-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/main.nnt", folder);
    write_file(folder, "ring.nnt", "let b = 1\ninclude \"main.nnt\"\n");
    write_file(folder, "wrong.nnt", "let b 1\n");
    write_file(folder, "right.nnt", "let b = 1\n");
    static const char main_text[] =
        "include \"right.nnt\"\ninclude \"ring.nnt\"\ninclude \"wrong.nnt\"\ninclude \"none.nnt\"\n";
    struct reader r = read_bytes(path, main_text, sizeof main_text - 1);
    assert_int_equal(count_of(r.said, "error:"), 3);
    assert_non_null(strstr(r.said, "ring.nnt:2:9: error:"));
    assert_non_null(strstr(r.said, "[include-cycle]"));
    assert_non_null(strstr(r.said, "wrong.nnt:1:7: error:"));
    assert_non_null(strstr(r.said, "included from"));
    assert_non_null(strstr(r.said, "main.nnt:4:9: error:"));
    const struct ast *right = r.source->file->child[0];
    assert_int_equal(right->kind, AST_INCLUDE);
    assert_string_equal(right->child[0]->text, "right.nnt");
    assert_int_equal(right->child[1]->child[0]->kind, AST_LET);
    assert_null(r.source->file->child[3]->child[1]);
    fini(&r);
    static const char *const names[] = {"ring.nnt", "wrong.nnt", "right.nnt"};
    for (size_t i = 0; i < LENGTH(names); i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        assert_int_equal(remove(path), 0);
    }
    assert_int_equal(remove(folder), 0);
}

/* ---- comparing ---- */

static void test_equality_sees_everything(void **state)
{
    (void)state;
    static const char *const texts[] = {"let a = 1",  "let a = 2",     "let b = 1",   "let a = 1.0",
                                        "let a = x",  "let a = \"x\"", "let a() = 1", "param a = 1",
                                        "let a = -1", "let a = 1 + 1"};
    for (size_t i = 0; i < LENGTH(texts); i++)
        for (size_t j = 0; j < LENGTH(texts); j++) {
            struct reader a = read_text(texts[i]), b = read_text(texts[j]);
            if (ast_equal(a.source->file, b.source->file) != (i == j)) fail_msg("%s and %s", texts[i], texts[j]);
            fini(&a), fini(&b);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_words_are_names_elsewhere),
        cmocka_unit_test(test_binding_strength),
        cmocka_unit_test(test_ten_mistakes),
        cmocka_unit_test(test_one_byte_missing),
        cmocka_unit_test(test_typos),
        cmocka_unit_test(test_typos_are_read_as_meant),
        cmocka_unit_test(test_brackets),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_what_is_no_text),
        cmocka_unit_test(test_depth_is_bounded),
        cmocka_unit_test(test_include),
        cmocka_unit_test(test_equality_sees_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
