/* test_csv.c: texts as tables: what stands in the cells, which columns are labels, how splits share their classes.
 */
#include "runtime/data/source.h"

#include "runtime/base/arena.h"
#include "runtime/base/base.h"

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

struct fixture {
    struct diag *diag;
    struct arena *arena;
    char folder[32];
    const char *path[2];
    struct source_spec spec[2];
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->diag = diag_new();
    f->arena = arena_new();
    strcpy(f->folder, "/tmp/nnt-csv-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    for (int i = 0; i < 2; i++) {
        f->path[i] = i == 0 ? "a.csv" : "b.csv";
        f->spec[i] =
            (struct source_spec){.which = SOURCE_csv, .n_files = 1, .path = &f->path[i], .number = {',', 1, 0}};
    }
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 2; i++) unlink(arena_printf(f->arena, "%s/%s", f->folder, f->path[i]));
    rmdir(f->folder);
    diag_free(f->diag);
    arena_free(f->arena);
    free(f);
    return 0;
}

static void write_text(struct fixture *f, int which, const char *text)
{
    FILE *file = fopen(arena_printf(f->arena, "%s/%s", f->folder, f->path[which]), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

static void assert_says(struct fixture *f, const char *word)
{
    char *text;
    size_t length;
    FILE *to = open_memstream(&text, &length);
    diag_print(f->diag, to, DIAG_PLAIN);
    fclose(to);
    if (!strstr(text, word)) fail_msg("expected %s in\n%s", word, text);
    free(text);
}

static struct table open_text(struct fixture *f, const char *text)
{
    struct table table;
    write_text(f, 0, text);
    if (!table_open(f->diag, &f->spec[0], f->folder, 1 << 20, &table)) assert_says(f, "nothing");
    return table;
}

static void assert_column(const struct table *table, uint32_t k, const char *name, uint32_t n,
                          const double expected[])
{
    assert_string_equal(table->field[k].name, name);
    assert_int_equal(table->count, n);
    for (uint32_t i = 0; i < n; i++) {
        double value;
        field_row(&table->field[k], i, &value);
        assert_true(value == expected[i]);
    }
}

static void test_numbers_and_labels(void **state)
{
    struct fixture *f = *state;
    struct table t = open_text(
        f, "\xEF\xBB\xBF a ,\"b \"\"q\"\"\", c\r\n 1.5 ,\"-2e3\",dog\r\n\r\n+2,.5,\"cat, wild\"\r\n0.1,7.,dog");
    assert_int_equal(t.n_fields, 3);
    assert_column(&t, 0, "a", 3, (double[]){1.5, 2, 0.1}); /* in float64 */
    assert_column(&t, 1, "b \"q\"", 3, (double[]){-2000, 0.5, 7});
    assert_column(&t, 2, "c", 3, (double[]){1, 0, 1});
    assert_int_equal(t.field[2].classes, 2);
    assert_string_equal(t.field[2].text[0], "cat, wild");
    assert_string_equal(t.field[2].text[1], "dog");
    table_free(&t);
}

static void test_skip_and_separator(void **state)
{
    struct fixture *f = *state;
    f->spec[0].number[0] = '\t';
    f->spec[0].number[1] = 0;
    f->spec[0].number[2] = 2;
    struct table t = open_text(f, "about \"this\n1,2,3,4\n1\t 2\n3\t\"4\n\"\n");
    assert_int_equal(t.count, 2);
    assert_int_equal(t.n_fields, 2);
    assert_null(t.field[0].name);
    assert_true(t.field[1].is_text); /* a line end inside quotes */
    assert_int_equal(t.field[1].classes, 2);
    assert_string_equal(t.field[1].text[1], "4\n");
    struct span at = csv_place(f->diag, &t, 1, 1);
    uint32_t line, column;
    diag_position(f->diag, at, &line, &column);
    assert_int_equal(line, 4);
    assert_int_equal(column, 4);
    table_free(&t);
}

/* Hundreds of texts are no label, and no mistake before someone uses them. */
static void test_many_texts(void **state)
{
    struct fixture *f = *state;
    struct text text = {0};
    text_add(&text, "name,v\n");
    for (int i = 0; i < 300; i++) text_add(&text, "n%d,%d\n", i, i);
    struct table t = open_text(f, text.data);
    assert_true(t.field[0].is_text && t.field[0].text == NULL && t.field[0].classes == 0);
    assert_true(t.field[1].doubles[299] == 299);
    table_free(&t);
    text_fini(&text);
}

/* x = the columns picked, y = the label "k": the test file has the columns in another order and other codes. */
static struct data *open_data(struct fixture *f, const struct column_pick *x, uint32_t n, bool scaled)
{
    static const struct column_pick label = {.name = "k"};
    static struct data_group group[] = {{.name = "x", .shown = "x", .input = true}, {.name = "y", .shown = "y", .size = 3}};
    struct expr_pool *pool = arena_alloc(f->arena, sizeof *pool);
    expr_pool_init(pool, f->arena);
    const struct expr **of = arena_alloc(f->arena, sizeof *of);
    of[0] = expr_variable(pool, VAR_FIELD, 0, 1);
    struct derived_spec derived[] = {{.which = DERIVED_COLUMNS, .n_picks = n, .pick = x},
                                     {.which = DERIVED_COLUMNS, .n_picks = 1, .pick = &label},
                                     {.which = DERIVED_STANDARDIZE, .n_arguments = 1, .argument = of}};
    group[0].size = n;
    struct binding_spec binding[] = {
        {.group = "x",
         .shown = "x",
         .size = n,
         .value = expr_variable(pool, VAR_FIELD, scaled ? 2 : 0, 1),
         .scaled = scaled},
        {.group = "y", .shown = "y", .size = 3, .value = expr_variable(pool, VAR_FIELD, 1, 1)}};
    struct data_spec spec = {.present = true,
                             .train = f->spec[0],
                             .test = f->spec[1],
                             .has_test = true,
                             .n_derived = 3,
                             .derived = derived,
                             .n_bindings = 2,
                             .binding = binding,
                             .n_groups = 2,
                             .group = group,
                             .folder = f->folder};
    return data_open(f->diag, &spec, 8, 1 << 20);
}

static void assert_values(const void *values, uint32_t n, const double expected[])
{
    for (uint32_t i = 0; i < n; i++)
        if (fabs(((const double *)values)[i] - expected[i]) > 1e-12)
            fail_msg("%u: %g, expected %g", i, ((const double *)values)[i], expected[i]);
}

static void test_splits(void **state)
{
    struct fixture *f = *state;
    write_text(f, 0, "a,k,b\n1,x,10\n2,z,20\n3,y,30\n6,x,40\n");
    write_text(f, 1, "b,more,a,k\n7,0,5,z\n8,0,9,x\n");
    const struct column_pick pick[] = {{.name = "b"}, {.from = 1, .to = 1}};
    struct data *d = open_data(f, pick, 2, true);
    if (!d) assert_says(f, "nothing");
    assert_values(d->offset[0], 2, (double[]){25, 3});
    assert_values(d->scale[0], 2, (double[]){sqrt(125), sqrt(3.5)});
    assert_values(d->test.value[0], 4, (double[]){-18 / sqrt(125), 2 / sqrt(3.5), -17 / sqrt(125), 6 / sqrt(3.5)});
    assert_values(d->train.value[1], 12, (double[]){1, 0, 0, 0, 0, 1, 0, 1, 0, 1, 0, 0});
    assert_values(d->test.value[1], 6, (double[]){0, 0, 1, 1, 0, 0});
    assert_int_equal(d->target[1], TARGET_LABEL);
    assert_int_equal(d->classes[1], 3);
    data_free(d);
}

static void test_unseen(void **state)
{
    struct fixture *f = *state;
    write_text(f, 0, "a,k\n1,x\n2,z\n3,y\n");
    write_text(f, 1, "a,k\n1,x\n2,\"w\"\n");
    const struct column_pick pick = {.name = "a"};
    assert_null(open_data(f, &pick, 1, false));
    assert_says(f, "b.csv:3:4: error: the label 'w'");
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, set_up, tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {TEST(numbers_and_labels), TEST(skip_and_separator), TEST(many_texts),
                                       TEST(splits), TEST(unseen)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
