/* test_data.c: bindings, scales, splits and batches against values worked out by hand. */
#include "runtime/data/data.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static const char *fields[] = {"point", "label"};

struct fixture {
    struct diag *diag;
    struct expr_pool pool;
    struct data_group group[2];
    struct data_spec spec;
};

static int set_up(void **state)
{
    static struct fixture f;
    f = (struct fixture){
        .diag = diag_new(),
        .group = {{.name = "x", .shown = "x", .size = 2, .input = true}, {.name = "y", .shown = "y", .size = 1}}};
    expr_pool_init(&f.pool, arena_new());
    f.spec = (struct data_spec){.present = true,
                                .train = {.which = SOURCE_xor},
                                .n_fields = 2,
                                .field = fields,
                                .n_groups = 2,
                                .group = f.group};
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    arena_free(f->pool.arena);
    diag_free(f->diag);
    return 0;
}

#define FIELD(i) expr_variable(&f->pool, VAR_FIELD, i, 1)
#define NUM(x) expr_number(&f->pool, x)
#define TWO(op, a, b) expr_apply(&f->pool, PRIMITIVE_##op, a, b, NULL)

/* x = `x`, y = `y`, with `n` derived fields. */
static struct data *open_bound(struct fixture *f, const struct expr *x, const struct expr *y, bool scaled,
                               uint32_t n, struct derived_spec *derived)
{
    struct binding_spec binding[] = {
        {.group = "x", .shown = "x", .size = f->group[0].size, .value = x, .scaled = scaled},
        {.group = "y", .shown = "y", .size = f->group[1].size, .value = y}};
    f->spec.n_bindings = 2;
    f->spec.binding = binding;
    f->spec.n_derived = n;
    f->spec.derived = derived;
    struct data *data = data_open(f->diag, &f->spec, 8, 1 << 20);
    f->spec.binding = NULL;
    return data;
}

static void check_values(const void *values, uint32_t n, const double expected[])
{
    for (uint32_t i = 0; i < n; i++) assert_true(fabs(((const double *)values)[i] - expected[i]) < 1e-12);
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
}

static void test_defaults(void **state)
{
    struct fixture *f = *state;
    struct data *data = data_open(f->diag, &f->spec, 4, 1000);
    assert_non_null(data);
    assert_int_equal(data->train.count, 4);
    assert_int_equal(data->test.count, 0);
    static const float x[] = {0, 0, 0, 1, 1, 0, 1, 1}, y[] = {0, 1, 1, 0};
    assert_memory_equal(data->train.value[0], x, sizeof x);
    assert_memory_equal(data->train.value[1], y, sizeof y);
    assert_int_equal(data->target[0], TARGET_NONE);
    assert_int_equal(data->target[1], TARGET_LABEL);
    assert_true(data->low[1] == 0 && data->high[1] == 1 && data->classes[1] == 2);
    float out[4];
    data_gather(data, &data->train, 0, (const uint32_t[]){3, 1}, 2, out);
    assert_memory_equal(out, ((float[]){1, 1, 0, 1}), sizeof out);
    data_free(data);
    f->group[1].size = 3;
    check_refused(f, data_open(f->diag, &f->spec, 4, 1000), "label 'label' has 2 classes; y has 3 neurons");
    f->group[1].size = 1;
    check_refused(f, data_open(f->diag, &f->spec, 4, 47), "take 48 bytes; at most 47");
    f->group[1].input = true;
    check_refused(f, data_open(f->diag, &f->spec, 4, 1000), "2 inputs and 0 outputs");
}

static void test_no_data(void **state)
{
    struct fixture *f = *state;
    f->spec.present = false;
    struct data *data = data_open(f->diag, &f->spec, 8, 0);
    assert_non_null(data);
    assert_int_equal(data->train.count, 1);
    assert_int_equal(data->n_groups, 0);
    data_free(data);
}

/* y = 2 number(label) - 1 and x = point + (sum of point): ±1 is a target of two values. */
static void test_formulas(void **state)
{
    struct fixture *f = *state;
    const struct expr *label = FIELD(1);
    struct derived_spec number = {.which = DERIVED_NUMBER, .n_arguments = 1, .argument = &label};
    const struct expr *x = TWO(add, FIELD(0), expr_reduce(&f->pool, REDUCE_SUM, FIELD(0)));
    const struct expr *y = TWO(sub, TWO(mul, NUM(2), FIELD(2)), NUM(1));
    struct data *data = open_bound(f, x, y, false, 1, &number);
    assert_non_null(data);
    check_values(data->train.value[0], 8, (double[]){0, 0, 1, 2, 2, 1, 3, 3});
    check_values(data->train.value[1], 4, (double[]){-1, 1, 1, -1});
    assert_int_equal(data->target[1], TARGET_TWO_VALUES);
    assert_true(data->low[1] == -1 && data->high[1] == 1);
    data_free(data);
    check_refused(f, open_bound(f, FIELD(0), TWO(add, label, NUM(1)), false, 0, NULL), "'label' is a label");
    check_refused(f, open_bound(f, FIELD(0), TWO(log, NUM(0), NULL), false, 0, NULL),
                  "number 1 of y is -inf in training sample 1");
    check_refused(f, open_bound(f, FIELD(0), FIELD(0), false, 0, NULL),
                  "'point' has 2 numbers a sample; y has 1 neuron");
}

/* The points of xor have mean 1/2 and deviation 1/2 in each component; sums 0, 1, 1, 2 are three classes. */
static void test_scales_and_classes(void **state)
{
    struct fixture *f = *state;
    const struct expr *arguments[] = {TWO(mul, NUM(3), FIELD(0)), expr_reduce(&f->pool, REDUCE_SUM, FIELD(0)),
                                      FIELD(0)};
    struct derived_spec derived[] = {
        {.which = DERIVED_STANDARDIZE, .n_arguments = 1, .argument = &arguments[0]},
        {.which = DERIVED_ONE_HOT, .n_arguments = 1, .argument = &arguments[1]},
        {.which = DERIVED_SLICE, .n_arguments = 2, .argument = &arguments[1], .from = 1, .to = 2},
        {.which = DERIVED_MINMAX, .n_arguments = 1, .argument = &arguments[1]}};
    f->group[1].size = 3;
    struct data *data = open_bound(f, FIELD(2), FIELD(3), true, 2, derived);
    assert_non_null(data);
    check_values(data->train.value[0], 8, (double[]){-1, -1, -1, 1, 1, -1, 1, 1});
    check_values(data->train.value[1], 12, (double[]){1, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 1});
    check_values(data->scale[0], 2, (double[]){1.5, 1.5});
    check_values(data->offset[0], 2, (double[]){1.5, 1.5});
    assert_null(data->scale[1]);
    assert_int_equal(data->target[1], TARGET_LABEL);
    assert_int_equal(data->classes[1], 3);
    data_free(data);
    f->group[1].size = 1;
    data = open_bound(f, FIELD(4), FIELD(5), false, 4, derived);
    assert_non_null(data);
    check_values(data->train.value[0], 8,
                 (double[]){0, 0, 1, 0, 1, 1, 2, 1}); /* the sum beside the first component */
    check_values(data->train.value[1], 4, (double[]){0, 0.5, 0.5, 1});
    assert_int_equal(data->target[1], TARGET_NUMBER);
    data_free(data);
}

static double mean_of(const struct split *split, uint32_t group, uint32_t size)
{
    double sum = 0;
    for (size_t i = 0; i < (size_t)split->count * size; i++) sum += ((double *)split->value[group])[i];
    return sum / split->count / size;
}

/* Dealt anew the labels are as many, and tell nothing of their points. */
static void test_shuffled_and_holdout(void **state)
{
    struct fixture *f = *state;
    const struct expr *label = FIELD(1);
    struct derived_spec derived = {.which = DERIVED_SHUFFLED, .n_arguments = 1, .argument = &label};
    f->spec.train = (struct source_spec){.which = SOURCE_moons, .number = {2000, 0, 3}};
    f->spec.holdout = 0.25;
    struct data *plain = data_open(f->diag, &f->spec, 8, 1 << 20);
    struct data *dealt = open_bound(f, FIELD(0), FIELD(2), false, 1, &derived);
    assert_true(plain != NULL && dealt != NULL);
    assert_true(plain->train.count == 1500 && plain->test.count == 500);
    assert_true(mean_of(&plain->train, 1, 1) == mean_of(&dealt->train, 1, 1));
    assert_int_equal(dealt->target[1], TARGET_LABEL);
    const double *a = plain->train.value[1], *b = dealt->train.value[1];
    uint32_t same = 0;
    for (uint32_t i = 0; i < 1500; i++) same += a[i] == b[i];
    assert_in_range(same, 650, 850);
    /* together the splits are the set: the sum of all points is that of the whole */
    double sum = mean_of(&plain->train, 0, 2) * 1500 + mean_of(&plain->test, 0, 2) * 500;
    data_free(plain);
    f->spec.holdout = 0;
    f->spec.n_bindings = f->spec.n_derived = 0;
    plain = data_open(f->diag, &f->spec, 8, 1 << 20);
    assert_true(fabs(sum - mean_of(&plain->train, 0, 2) * 2000) < 1e-9);
    data_free(plain);
    data_free(dealt);
    f->spec.train.number[0] = 1;
    f->spec.holdout = 0.25;
    check_refused(f, data_open(f->diag, &f->spec, 8, 1 << 20), "leaves 1 to train and 0 to test with");
}

static void test_arguments(void **state)
{
    struct fixture *f = *state;
    f->spec.train = (struct source_spec){.which = SOURCE_digits, .number = {2.5, 1}};
    check_refused(f, data_open(f->diag, &f->spec, 8, 1 << 20), "count of digits is 2.5");
    f->spec.train.number[0] = 1e9;
    check_refused(f, data_open(f->diag, &f->spec, 8, 1 << 20), "1000000000 samples of 256 numbers");
    f->spec.train = (struct source_spec){.which = SOURCE_moons, .number = {10, -1, 1}};
    check_refused(f, data_open(f->diag, &f->spec, 8, 1 << 20), "noise of moons is -1");
    f->spec.train = (struct source_spec){.which = SOURCE_npy};
    check_refused(f, data_open(f->diag, &f->spec, 8, 1 << 20), "[no-file]");
}

/* Half of the numbers mirrored, each epoch others, and the same again for the same epoch wherever a sample stands
 * in its batch; the test data's are drawn once, whatever the training's seed. */
static void test_noise(void **state)
{
    struct fixture *f = *state;
    const struct noise_spec flip[] = {{NOISE_FLIP, 0.5}}, two[] = {{NOISE_NORMAL, 0.1}, {NOISE_MASK, 0.25}};
    struct binding_spec binding[] = {{.group = "x", .shown = "x", .size = 2, .value = FIELD(0), .noise = {1, flip}},
                                     {.group = "y", .shown = "y", .size = 1, .value = FIELD(1), .noise = {2, two}}};
    f->spec.train = (struct source_spec){.which = SOURCE_moons, .number = {1000, 0, 1}};
    f->spec.test = (struct source_spec){.which = SOURCE_moons, .number = {1000, 0, 2}};
    f->spec.has_test = true;
    f->spec.n_bindings = 2;
    f->spec.binding = binding;
    f->spec.noise_seed = 5;
    struct data *d = data_open(f->diag, &f->spec, 8, 1 << 20);
    assert_non_null(d);
    f->spec.noise_seed = 6;
    struct data *other = data_open(f->diag, &f->spec, 8, 1 << 20);
    f->spec.binding = NULL;
    assert_non_null(other);
    uint32_t which[1000], flipped = 0, changed = 0, zeros = 0;
    double first[2000], again[2000], next[2000], y[1000], mirror = d->low[0] + d->high[0], squares = 0;
    for (uint32_t i = 0; i < 1000; i++) which[i] = i;
    data_gather_epoch(d, &d->train, 0, which, 1000, 3, first);
    data_gather_epoch(d, &d->train, 0, which + 500, 500, 3, again);
    data_gather_epoch(d, &d->train, 0, which, 1000, 4, next);
    assert_memory_equal(first + 1000, again, sizeof again / 2);
    const double *clean = d->train.value[0];
    for (uint32_t i = 0; i < 2000; i++) {
        flipped += first[i] != clean[i];
        changed += first[i] != next[i];
        if (first[i] != clean[i]) assert_true(fabs(first[i] - (mirror - clean[i])) < 1e-12);
    }
    assert_true(flipped > 900 && flipped < 1100 && changed > 900 && changed < 1100);
    data_gather_epoch(d, &d->train, 1, which, 1000, 0, y);
    for (uint32_t i = 0; i < 1000; i++) {
        zeros += y[i] == 0;
        squares += (y[i] - round(y[i])) * (y[i] - round(y[i]));
    }
    assert_true(zeros > 200 && zeros < 300);
    assert_true(fabs(squares / (1000 - zeros) - 0.01) < 0.002);
    data_gather_epoch(other, &other->train, 0, which, 1000, 3, next);
    assert_memory_not_equal(first, next, sizeof first);
    assert_memory_equal(d->test.value[0], other->test.value[0], sizeof first);
    data_gather_epoch(d, &d->test, 0, which, 1000, 7, next);
    assert_memory_equal(d->test.value[0], next, sizeof first);
    data_free(d);
    data_free(other);
}

static void test_order_and_probe(void **state)
{
    (void)state;
    uint32_t order[100], again[100], probe[100], other[100];
    bool seen[100] = {false};
    data_order(100, true, 1, 3, order);
    data_order(100, true, 1, 3, again);
    data_order(100, true, 1, 4, other);
    assert_memory_equal(order, again, sizeof order);
    assert_memory_not_equal(order, other, sizeof order);
    for (int i = 0; i < 100; i++) seen[order[i]] = true;
    for (int i = 0; i < 100; i++) assert_true(seen[i]);
    data_order(100, false, 1, 3, order);
    for (uint32_t i = 0; i < 100; i++) assert_int_equal(order[i], i);
    assert_int_equal(data_probe(100, 10, 0, probe), 10);
    for (int i = 1; i < 10; i++) assert_true(probe[i] > probe[i - 1] && probe[i] < 100);
    data_probe(100, 10, 1, other);
    assert_memory_not_equal(probe, other, 10 * sizeof *probe);
    assert_int_equal(data_probe(7, 10, 0, probe), 7);
    for (uint32_t i = 0; i < 7; i++) assert_int_equal(probe[i], i);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(defaults),  TEST(no_data), TEST(formulas),       TEST(scales_and_classes), TEST(shuffled_and_holdout),
        TEST(arguments), TEST(noise),   TEST(order_and_probe)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
