/* test_idx.c: IDX files as they are and as they should not be. */
#include "runtime/base/file.h"
#include "runtime/data/data.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <zlib.h>

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static const struct span nowhere = {0};
static char folder[] = "/tmp/nnt-idx-XXXXXX";

static int set_up(void **state)
{
    *state = diag_new();
    strcpy(folder, "/tmp/nnt-idx-XXXXXX");
    return mkdtemp(folder) == NULL;
}

static int tear_down(void **state)
{
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    diag_free(*state);
    return system(command);
}

static void put(struct diag *diag, const char *name, const void *bytes, size_t length)
{
    char *path = file_join(folder, name);
    assert_true(file_write(diag, nowhere, path, bytes, length));
    free(path);
}

/* The set of one idx source: group x of `pixels` neurons, and with a label file group y of `classes`. */
static struct data *open_idx(struct diag *diag, const char *image, const char *label, uint32_t pixels,
                             uint32_t classes)
{
    const char *fields[] = {"image", "label"}, *paths[] = {image, label};
    struct data_group groups[] = {{.name = "x", .shown = "x", .size = pixels, .input = true},
                                  {.name = "y", .shown = "y", .size = classes}};
    static struct data_group kept[2];
    memcpy(kept, groups, sizeof kept);
    uint32_t n = label == NULL ? 1 : 2;
    struct data_spec spec = {.present = true,
                             .train = {.which = SOURCE_idx, .n_files = n, .field = fields, .path = paths},
                             .n_groups = n,
                             .group = kept,
                             .folder = folder};
    return data_open(diag, &spec, 8, 1 << 20);
}

/* Two pictures of 2 by 3, labels 7 and 3. */
static const unsigned char pictures[] = {0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0,  0,
                                         0, 3, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 255};
static const unsigned char labels[] = {0, 0, 8, 1, 0, 0, 0, 2, 7, 3};

static void test_read(void **state)
{
    put(*state, "a", pictures, sizeof pictures);
    put(*state, "b", labels, sizeof labels);
    struct data *data = open_idx(*state, "a", "b", 6, 2);
    assert_non_null(data);
    assert_int_equal(data->train.count, 2);
    const double *x = data->train.value[0], *y = data->train.value[1];
    for (int i = 0; i < 12; i++) assert_true(x[i] == pictures[16 + i] / 255.0);
    assert_true(y[0] == 0 && y[1] == 1 && y[2] == 1 && y[3] == 0); /* 3 is the first class, 7 the second */
    assert_int_equal(data->target[1], TARGET_LABEL);
    assert_int_equal(data->classes[1], 2);
    data_free(data);
    data = open_idx(*state, "a", "b", 6, 1);
    y = data->train.value[1];
    assert_true(y[0] == 1 && y[1] == 0);
    data_free(data);
}

static void test_gzip(void **state)
{
    char *path = file_join(folder, "a.gz");
    gzFile file = gzopen(path, "wb");
    assert_int_equal(gzwrite(file, pictures, sizeof pictures), sizeof pictures);
    gzclose(file);
    struct data *data = open_idx(*state, path, NULL, 6, 0); /* absolute: the folder is not put before it */
    assert_non_null(data);
    assert_true(((double *)data->train.value[0])[11] == 1);
    data_free(data);
    free(path);
}

static void check_refused(struct diag *diag, const char *image, const char *label, uint32_t pixels,
                          const char *says)
{
    struct data *data = open_idx(diag, image, label, pixels, 2);
    char *text;
    size_t length;
    FILE *to = open_memstream(&text, &length);
    diag_print(diag, to, DIAG_PLAIN);
    fclose(to);
    assert_null(data);
    if (strstr(text, says) == NULL) fail_msg("'%s' lacks '%s'", text, says);
    assert_int_equal(diag_status(diag), 1);
    free(text);
}

static void test_refused(void **state)
{
    struct diag *diag = *state;
    unsigned char bad[sizeof pictures + 1];
    static const struct {
        int place, value;
        size_t length;
        const char *says;
    } cases[] = {
        {0, 0, 0, "0 bytes"},
        {0, 0, 3, "[idx-cut-short]"},
        {0, 0, 15, "ends in its header"},
        {0, 1, sizeof pictures, "[not-idx]"},
        {2, 0x0D, sizeof pictures, "32-bit floats (type 0x0D); unsigned bytes"},
        {2, 7, sizeof pictures, "unknown type"},
        {3, 0, sizeof pictures, "rank 0"},
        {3, 5, sizeof pictures, "rank 5"},
        {7, 0, sizeof pictures, "0 for size 1 of 3"},
        {4, 0xFF, sizeof pictures, "[idx-size]"},
        {0, 0, sizeof pictures - 1, "11 bytes of values; its sizes make 12"},
        {0, 0, sizeof pictures + 1, "13 bytes of values; its sizes make 12"},
        {8, 0x7F, sizeof pictures, "[idx-cut-short]"}, /* sizes whose product is larger than any file */
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        memcpy(bad, pictures, sizeof pictures);
        bad[sizeof pictures] = 0;
        bad[cases[i].place] = (unsigned char)cases[i].value;
        put(diag, "bad", bad, cases[i].length);
        check_refused(diag, "bad", NULL, 6, cases[i].says);
    }
    check_refused(diag, "none", NULL, 6, "none': No such file");
    put(diag, "a", pictures, sizeof pictures);
    check_refused(diag, "a", NULL, 7, "'image' has 6 numbers a sample; x has 7 neurons [size-mismatch]");
    static const unsigned char three[] = {0, 0, 8, 1, 0, 0, 0, 3, 1, 2, 3};
    put(diag, "b", three, sizeof three);
    check_refused(diag, "a", "b", 6, "has 3 samples; 'image' has 2 [sample-count]");
    static const unsigned char wide[] = {0, 0, 8, 4, 0x40, 0, 0, 0, 0x40, 0, 0, 0, 0x40, 0, 0, 0, 0x40, 0, 0, 0};
    put(diag, "wide", wide, sizeof wide);
    check_refused(diag, "wide", NULL, 6, "[idx-size]"); /* 2^120 values do not wrap round */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, set_up, tear_down)
    const struct CMUnitTest tests[] = {TEST(read), TEST(gzip), TEST(refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
