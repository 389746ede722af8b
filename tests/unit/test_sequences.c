/* test_sequences.c: data in rows: what is bound to groups that are read or compared each tick, by hand. */
#include "runtime/data/data.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static const char *bits_fields[] = {"bits", "label"}, *pairs_fields[] = {"pairs", "total"},
                  *xy_fields[] = {"x", "y"};

struct fixture {
    struct diag *diag;
    struct expr_pool pool;
    char folder[32];
    const char *path[2];
    struct data_group group[2];
    struct derived_spec derived[3];
    struct data_spec spec;
};

static int set_up(void **state)
{
    static struct fixture f;
    f = (struct fixture){.diag = diag_new(),
                         .folder = "/tmp/nnt-rows-XXXXXX",
                         .path = {"x.npy", "y.npy"},
                         .group = {{.name = "x", .shown = "x", .input = true}, {.name = "y", .shown = "y"}}};
    assert_non_null(mkdtemp(f.folder));
    expr_pool_init(&f.pool, arena_new());
    f.spec = (struct data_spec){.present = true,
                                .n_groups = 2,
                                .group = f.group,
                                .folder = f.folder,
                                .derived = f.derived,
                                .noise_seed = 3};
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 2; i++) unlink(arena_printf(f->pool.arena, "%s/%s", f->folder, f->path[i]));
    rmdir(f->folder);
    arena_free(f->pool.arena);
    diag_free(f->diag);
    return 0;
}

#define FIELD(i) expr_variable(&f->pool, VAR_FIELD, i, 1)
#define NUM(x) expr_number(&f->pool, x)
#define TWO(op, a, b) expr_apply(&f->pool, PRIMITIVE_##op, a, b, NULL)

static void take_source(struct fixture *f, enum source which, const char **fields, double count, double length)
{
    f->spec.train = (struct source_spec){.which = which, .number = {count, length, 1}};
    f->spec.n_fields = 2;
    f->spec.field = fields;
}

/* Bytes of that shape, named x or y. */
static void write_array(struct fixture *f, int which, const char *shape, const uint8_t *bytes, size_t n)
{
    FILE *file = fopen(arena_printf(f->pool.arena, "%s/%s", f->folder, f->path[which]), "wb");
    const char *words =
        arena_printf(f->pool.arena, "{'descr': '|u1', 'fortran_order': False, 'shape': (%s)}", shape);
    assert_non_null(file);
    fprintf(file, "%cNUMPY%c%c%c%c", 0x93, 1, 0, (int)strlen(words), 0);
    fputs(words, file);
    assert_int_equal(fwrite(bytes, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
}

/* x: 2 samples of 3 rows of 2 numbers, y: of 3 rows of 1. */
static void write_arrays(struct fixture *f)
{
    write_array(f, 0, "2, 3, 2", (const uint8_t[]){1, 10, 2, 20, 3, 30, 4, 40, 5, 50, 6, 60}, 12);
    write_array(f, 1, "2, 3, 1", (const uint8_t[]){7, 5, 7, 9, 5, 5}, 6);
    f->spec.train = (struct source_spec){.which = SOURCE_npy, .n_files = 2, .field = xy_fields, .path = f->path};
    f->spec.n_fields = 2;
    f->spec.field = xy_fields;
}

static void shape_groups(struct fixture *f, uint32_t x_rows, uint32_t x_size, uint32_t y_rows, uint32_t y_size)
{
    f->group[0].rows = x_rows;
    f->group[0].size = x_size;
    f->group[1].rows = y_rows;
    f->group[1].size = y_size;
}

static struct data *open_bound(struct fixture *f, const struct expr *x, const struct expr *y, bool scaled,
                               struct noise_list noise, uint32_t real_bytes)
{
    struct binding_spec binding[] = {
        {.group = "x", .shown = "x", .size = f->group[0].size, .value = x, .scaled = scaled, .noise = noise},
        {.group = "y", .shown = "y", .size = f->group[1].size, .value = y}};
    f->spec.n_bindings = 2;
    f->spec.binding = binding;
    struct data *data = data_open(f->diag, &f->spec, real_bytes, 1 << 20);
    f->spec.binding = NULL;
    return data;
}

static struct data *open_plain(struct fixture *f, const struct expr *x, const struct expr *y)
{
    return open_bound(f, x, y, false, (struct noise_list){0}, 8);
}

static void check_values(const void *values, uint32_t n, const double expected[])
{
    for (uint32_t i = 0; i < n; i++)
        if (fabs(((const double *)values)[i] - expected[i]) > 1e-12)
            fail_msg("%u: %g, expected %g", i, ((const double *)values)[i], expected[i]);
}

static void check_refused(struct fixture *f, struct data *data, const char *says)
{
    char *text;
    size_t length;
    FILE *to = open_memstream(&text, &length);
    diag_print(f->diag, to, DIAG_PLAIN);
    fclose(to);
    assert_null(data);
    if (strstr(text, says) == NULL) fail_msg("'%s' lacks '%s'", text, says);
    free(text);
    diag_free(f->diag);
    f->diag = diag_new();
}

/* Seven bits, two silent rows behind them, in either type; an odd number of 1 is label 1. Noise leaves the silence. */
static void test_parity(void **state)
{
    struct fixture *f = *state;
    const struct noise_spec normal = {NOISE_NORMAL, 0.5};
    uint32_t which[40], changed = 0;
    float out[40 * 9];
    take_source(f, SOURCE_parity, bits_fields, 40, 7);
    shape_groups(f, 9, 1, 0, 1);
    struct data *wide = data_open(f->diag, &f->spec, 8, 1 << 20),
                *narrow = open_bound(f, FIELD(0), FIELD(1), false, (struct noise_list){1, &normal}, 4);
    assert_true(wide != NULL && narrow != NULL);
    const double *x = wide->train.value[0], *y = wide->train.value[1];
    const float *same = narrow->train.value[0];
    for (uint32_t i = 0; i < 40; i++) {
        double product = 1;
        for (uint32_t t = 0; t < 7; t++) {
            assert_true(fabs(x[9 * i + t]) == 1 && x[9 * i + t] == (double)same[9 * i + t]);
            product *= -x[9 * i + t];
        }
        assert_true(x[9 * i + 7] == 0 && x[9 * i + 8] == 0 && same[9 * i + 8] == 0);
        assert_true(y[i] == (product < 0));
        which[i] = 39 - i;
    }
    data_gather(narrow, &narrow->train, 0, which, 40, out);
    for (uint32_t i = 0; i < 40; i++) {
        for (uint32_t t = 0; t < 7; t++) changed += out[9 * i + t] != same[9 * (39 - i) + t];
        assert_true(out[9 * i + 7] == 0 && out[9 * i + 8] == 0);
    }
    assert_int_equal(changed, 280);
    data_gather(wide, &wide->train, 0, (const uint32_t[]){7}, 1, out);
    assert_memory_equal(out, x + 63, 9 * sizeof *x);
    data_free(wide);
    data_free(narrow);
}

/* x = 3 pairs + 1, y = total: the marks are the second number of a row. */
static void test_adding(void **state)
{
    struct fixture *f = *state;
    take_source(f, SOURCE_adding, pairs_fields, 30, 5);
    shape_groups(f, 5, 2, 0, 1);
    struct data *d = open_plain(f, TWO(add, TWO(mul, NUM(3), FIELD(0)), NUM(1)), FIELD(1));
    assert_non_null(d);
    const double *x = d->train.value[0], *y = d->train.value[1];
    for (uint32_t i = 0; i < 30; i++) {
        double total = 0, marks = 0;
        for (uint32_t t = 0; t < 5; t++) {
            double value = (x[10 * i + 2 * t] - 1) / 3, mark = (x[10 * i + 2 * t + 1] - 1) / 3;
            total += value * mark;
            marks += mark;
        }
        assert_true(fabs(total - y[i]) < 1e-6 && fabs(marks - 2) < 1e-12);
    }
    data_free(d);
}

/* An array of three axes is a sequence where its group has rows, else its numbers side by side. */
static void test_arrays(void **state)
{
    struct fixture *f = *state;
    write_arrays(f);
    shape_groups(f, 4, 2, 3, 1);
    struct data *d = open_plain(f, FIELD(0), FIELD(1));
    assert_non_null(d);
    check_values(d->train.value[0], 16, (double[]){1, 10, 2, 20, 3, 30, 0, 0, 4, 40, 5, 50, 6, 60, 0, 0});
    check_values(d->train.value[1], 6, (double[]){7, 5, 7, 9, 5, 5});
    data_free(d);
    shape_groups(f, 0, 6, 0, 3);
    d = open_plain(f, FIELD(0), FIELD(1));
    assert_non_null(d);
    check_values(d->train.value[0], 12, (double[]){1, 10, 2, 20, 3, 30, 4, 40, 5, 50, 6, 60});
    data_free(d);
    /* A sum is over the whole sequence, and a number for each sample. */
    shape_groups(f, 3, 2, 0, 1);
    d = open_plain(f, FIELD(0), expr_reduce(&f->pool, REDUCE_SUM, FIELD(0)));
    assert_non_null(d);
    check_values(d->train.value[1], 2, (double[]){66, 165});
    data_free(d);
}

/* Constants are of a component over all rows and samples: 1 … 6 has mean 3.5 and variance 35 / 12. */
static void test_derived(void **state)
{
    struct fixture *f = *state;
    const struct expr *both[] = {FIELD(1), FIELD(0)};
    double r = sqrt(35. / 12);
    write_arrays(f);
    shape_groups(f, 4, 2, 3, 3);
    f->derived[0] = (struct derived_spec){.which = DERIVED_STANDARDIZE, .n_arguments = 1, .argument = both + 1};
    f->derived[1] = (struct derived_spec){.which = DERIVED_ONE_HOT, .n_arguments = 1, .argument = both};
    f->derived[2] =
        (struct derived_spec){.which = DERIVED_SLICE, .n_arguments = 2, .argument = both, .from = 1, .to = 2};
    f->spec.n_derived = 3;
    struct data *d = open_bound(f, FIELD(2), FIELD(3), true, (struct noise_list){0}, 8);
    assert_non_null(d);
    check_values(d->offset[0], 2, (double[]){3.5, 35});
    check_values(d->scale[0], 2, (double[]){r, 10 * r});
    check_values(d->train.value[0], 16,
                 (double[]){-2.5 / r, -2.5 / r, -1.5 / r, -1.5 / r, -0.5 / r, -0.5 / r, 0, 0, 0.5 / r, 0.5 / r,
                            1.5 / r, 1.5 / r, 2.5 / r, 2.5 / r, 0, 0});
    /* Codes 5, 7, 9 row by row. */
    check_values(d->train.value[1], 18, (double[]){0, 1, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 0, 0, 1, 0, 0});
    assert_int_equal(d->target[1], TARGET_LABEL);
    assert_int_equal(d->classes[1], 3);
    data_free(d);
    /* The first two of three components side by side in each row: y, and x's first. */
    shape_groups(f, 3, 2, 3, 1);
    d = open_plain(f, FIELD(4), FIELD(1));
    assert_non_null(d);
    check_values(d->train.value[0], 12, (double[]){7, 1, 5, 2, 7, 3, 9, 4, 5, 5, 5, 6});
    data_free(d);
}

/* Given constants hold whatever the data are, also for the units of an error. */
static void test_given(void **state)
{
    struct fixture *f = *state;
    const struct expr *of = FIELD(0);
    const struct scale_spec given[] = {{"y", 1, (double[]){5}, (double[]){5}},
                                       {"x", 2, (double[]){2, 4}, (double[]){1, 10}}};
    write_arrays(f);
    shape_groups(f, 3, 2, 3, 1);
    f->derived[0] = (struct derived_spec){.which = DERIVED_MINMAX, .n_arguments = 1, .argument = &of};
    f->spec.n_derived = 1;
    f->spec.n_given = 2;
    f->spec.given = given;
    struct data *d = open_bound(f, FIELD(2), FIELD(1), true, (struct noise_list){0}, 8);
    assert_non_null(d);
    check_values(d->train.value[0], 6, (double[]){0, 0, 0.5, 2.5, 1, 5});
    check_values(d->offset[0], 2, (double[]){1, 10});
    check_values(d->scale[0], 2, (double[]){2, 4});
    assert_null(d->scale[1]);
    data_free(d);
}

static void test_refused(void **state)
{
    struct fixture *f = *state;
    take_source(f, SOURCE_parity, bits_fields, 40, 7);
    shape_groups(f, 0, 7, 0, 1);
    check_refused(f, open_plain(f, FIELD(0), FIELD(1)),
                  "'bits' has 7 rows of 1 number a sample; x has 7 neurons and no rows");
    shape_groups(f, 6, 1, 0, 1);
    check_refused(f, open_plain(f, FIELD(0), FIELD(1)), "'bits' has 7 rows a sample; x has at most 6");
    shape_groups(f, 7, 2, 0, 1);
    check_refused(f, open_plain(f, FIELD(0), FIELD(1)), "'bits' has 7 rows of 1 number a sample; x has 2 neurons");
    shape_groups(f, 7, 1, 7, 1);
    check_refused(f, open_plain(f, FIELD(0), FIELD(1)),
                  "label 'label' is one a sample; y takes 7 rows of 1 number");
    write_arrays(f);
    shape_groups(f, 3, 2, 4, 1);
    check_refused(f, open_plain(f, FIELD(0), FIELD(1)), "'y' has 3 rows a sample; y has 4");
    shape_groups(f, 3, 2, 3, 1);
    check_refused(f, open_plain(f, TWO(add, FIELD(0), FIELD(1)), FIELD(1)),
                  "3 rows of 2 numbers meet 3 rows of 1 number");
    take_source(f, SOURCE_adding, pairs_fields, 40, 5);
    shape_groups(f, 5, 2, 5, 1);
    check_refused(f, open_plain(f, FIELD(0), FIELD(1)),
                  "'total' has 1 number a sample and no rows; y has 5 rows of 1 neuron");
    f->spec.test = (struct source_spec){.which = SOURCE_adding, .number = {10, 4, 1}};
    f->spec.has_test = true;
    check_refused(f, open_plain(f, FIELD(0), FIELD(1)), "'pairs' has 8 numbers a sample in the test data");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, set_up, tear_down)
    const struct CMUnitTest tests[] = {TEST(parity),  TEST(adding), TEST(arrays),
                                       TEST(derived), TEST(given),  TEST(refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
