/* test_file.c: whole files read, inflated, refused, and replaced at once. */
#include "runtime/base/file.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zlib.h>

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static const struct span nowhere = {0};

struct fixture {
    struct diag *diag;
    char folder[32];
};

static int set_up(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){.diag = diag_new(), .folder = "/tmp/nnt-test-XXXXXX"};
    *state = &fixture;
    return mkdtemp(fixture.folder) == NULL;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", f->folder);
    diag_free(f->diag);
    return system(command);
}

/* Prints the messages and asserts that the one message bears `name`. */
static void check_message(struct fixture *f, const char *name, int status)
{
    char *text, tag[64];
    size_t length;
    FILE *to = open_memstream(&text, &length);
    diag_print(f->diag, to, DIAG_PLAIN);
    fclose(to);
    snprintf(tag, sizeof tag, "[%s]", name);
    assert_non_null(strstr(text, tag));
    assert_int_equal(diag_status(f->diag), status);
    free(text);
}

static void put_gzip(const char *path, const char *mode, const void *bytes, unsigned length)
{
    gzFile file = gzopen(path, mode);
    assert_int_equal(gzwrite(file, bytes, length), (int)length);
    assert_int_equal(gzclose(file), Z_OK);
}

static void check_reads(struct fixture *f, const char *path, const char *bytes, size_t length)
{
    size_t found;
    char *data = file_read(f->diag, nowhere, path, length, &found);
    assert_non_null(data);
    assert_int_equal(found, length);
    assert_memory_equal(data, bytes, length);
    assert_int_equal(data[length], 0);
    free(data);
    assert_null(file_read(f->diag, nowhere, path, length - 1, &found));
}

static void test_round_trip(void **state)
{
    struct fixture *f = *state;
    enum { BYTES = 300000 };
    char *path = file_join(f->folder, "a"), *bytes = malloc(BYTES), *beside = file_join(f->folder, "a.new");
    for (int i = 0; i < BYTES; i++) bytes[i] = (char)((unsigned)i * (unsigned)i >> 7);
    assert_true(file_write(f->diag, nowhere, path, bytes, BYTES));
    check_reads(f, path, bytes, BYTES);
    assert_int_equal(access(beside, F_OK), -1);
    assert_true(file_write(f->diag, nowhere, path, "", 0));
    size_t length;
    char *empty = file_read(f->diag, nowhere, path, 0, &length);
    assert_non_null(empty);
    assert_int_equal(length, 0);
    free(empty), free(bytes), free(path), free(beside);
}

static void test_gzip(void **state)
{
    struct fixture *f = *state;
    enum { BYTES = 200000 };
    char *path = file_join(f->folder, "a.gz"), *bytes = malloc(BYTES);
    for (int i = 0; i < BYTES; i++) bytes[i] = (char)(i * 2654435761u >> 13);
    put_gzip(path, "wb", bytes, BYTES / 2);
    put_gzip(path, "ab", bytes + BYTES / 2, BYTES / 2); /* a second member */
    check_reads(f, path, bytes, BYTES);
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(truncate(path, status.st_size - 9), 0);
    size_t length;
    assert_null(file_read(f->diag, nowhere, path, BYTES, &length));
    check_message(f, "cut-short", 1);
    free(bytes), free(path);
}

static void test_damaged_gzip(void **state)
{
    struct fixture *f = *state;
    char *path = file_join(f->folder, "bad.gz");
    size_t length;
    assert_true(file_write(f->diag, nowhere, path, "\x1F\x8B\x08\0\0\0\0\0\0\0nonsense", 18));
    assert_null(file_read(f->diag, nowhere, path, 1000, &length));
    check_message(f, "damaged", 1);
    free(path);
}

static void test_refused(void **state)
{
    struct fixture *f = *state;
    size_t length;
    char *missing = file_join(f->folder, "none/a");
    assert_null(file_read(f->diag, nowhere, f->folder, 1000, &length));
    check_message(f, "cannot-read", 1);
    assert_null(file_read(f->diag, nowhere, missing, 1000, &length));
    assert_false(file_write(f->diag, nowhere, missing, "x", 1));
    check_message(f, "cannot-write", 1);
    free(missing);
}

static void test_full_disk(void **state)
{
    struct fixture *f = *state;
    if (access("/dev/full", W_OK) != 0) skip();
    char *path = file_join(f->folder, "a"), *beside = file_join(f->folder, "a.new");
    assert_true(file_write(f->diag, nowhere, path, "old", 3));
    assert_int_equal(symlink("/dev/full", beside), 0);
    assert_false(file_write(f->diag, nowhere, path, "new", 3));
    check_message(f, "cannot-write", 2);
    check_reads(f, path, "old", 3);
    free(path), free(beside);
}

static void test_folders(void **state)
{
    struct fixture *f = *state;
    char *deep = file_join(f->folder, "a/b//c/"), *plain = file_join(f->folder, "file"),
         *under = file_join(plain, "x");
    assert_true(file_make_folder(f->diag, nowhere, deep));
    assert_true(file_make_folder(f->diag, nowhere, deep));
    assert_int_equal(access(deep, W_OK), 0);
    assert_true(file_write(f->diag, nowhere, plain, "x", 1));
    assert_false(file_make_folder(f->diag, nowhere, under));
    assert_false(file_make_folder(f->diag, nowhere, ""));
    check_message(f, "cannot-make-folder", 1);
    free(deep), free(plain), free(under);
}

static void check_path(char *found, const char *expected)
{
    assert_string_equal(found, expected);
    free(found);
}

static void test_paths(void **state)
{
    (void)state;
    check_path(file_join("a", "b"), "a/b");
    check_path(file_join("a/", "b"), "a/b");
    check_path(file_join("a", "/b"), "/b");
    check_path(file_join(NULL, "b"), "b");
    check_path(file_join("", "b"), "b");
    check_path(file_folder("a/b/c"), "a/b");
    check_path(file_folder("c"), ".");
    check_path(file_folder("/c"), "/");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, set_up, tear_down)
    const struct CMUnitTest tests[] = {TEST(round_trip), TEST(gzip),    TEST(damaged_gzip), TEST(refused),
                                       TEST(full_disk),  TEST(folders), TEST(paths)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
