/* test_record.c: the run folder: lines, table, unique names, going on, what is refused. */
#include "runtime/record/record.h"

#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

/* Each test runs in an empty folder of its own. */
struct setup {
    struct diag *diag;
    char folder[64];
    int before;
};

static int set_up(void **state)
{
    struct setup *s = calloc(1, sizeof *s);
    strcpy(s->folder, "/tmp/nnt-record-XXXXXX");
    s->diag = diag_new();
    s->before = open(".", O_RDONLY | O_DIRECTORY);
    *state = s;
    return mkdtemp(s->folder) && chdir(s->folder) == 0 ? 0 : -1;
}

static int tear_down(void **state)
{
    struct setup *s = *state;
    char command[128];
    int left = fchdir(s->before);
    snprintf(command, sizeof command, "rm -rf %s", s->folder);
    close(s->before);
    diag_free(s->diag);
    free(s);
    return left == 0 && system(command) == 0 ? 0 : -1;
}

static void assert_file(const char *path, const char *expected)
{
    char found[4096] = "";
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    found[fread(found, 1, sizeof found - 1, file)] = '\0';
    fclose(file);
    assert_string_equal(found, expected);
}

static void assert_says(struct setup *s, const char *word)
{
    char text[4096] = "";
    FILE *file = fmemopen(text, sizeof text, "w");
    diag_print(s->diag, file, DIAG_PLAIN);
    fclose(file);
    if (strstr(text, word)) return;
    print_error("expected '%s' in: %s\n", word, text);
    fail();
}

static struct moment moment_at(uint64_t step, bool test, double loss)
{
    struct moment moment = {.step = step, .epoch = (double)step / 4, .test = test};
    moment_add(&moment, "loss.boundary", loss);
    return moment;
}

static void lines_and_rows(void **state)
{
    struct setup *s = *state;
    struct record *record = record_open(s->diag, "out", "net", false, 0);
    struct moment train = moment_at(1, false, 0.1), test = moment_at(1, true, 1e-300);
    assert_non_null(record);
    assert_string_equal(record_folder(record), "out");
    moment_add(&train, "temperature", 0.3);
    assert_true(record_moment(record, s->diag, &train));
    moment_add(&test, "accuracy", 1);
    assert_true(record_moment(record, s->diag, &test));
    train.step = 12345678901;
    assert_true(record_moment(record, s->diag, &train));
    assert_file(
        "out/metrics.jsonl",
        "{\"step\": 1, \"epoch\": 0.25, \"split\": \"train\", \"loss.boundary\": 0.1, \"temperature\": 0.3}\n"
        "{\"step\": 1, \"epoch\": 0.25, \"split\": \"test\", \"loss.boundary\": 1e-300, \"accuracy\": 1}\n"
        "{\"step\": 12345678901, \"epoch\": 0.25, \"split\": \"train\", \"loss.boundary\": 0.1, \"temperature\": "
        "0.3}\n");
    assert_true(record_run(record, s->diag, "{\"version\": 1}\n"));
    assert_file("out/run.json", "{\"version\": 1}\n");
    char *line = record_line(&test);
    assert_string_equal(
        line, "{\"step\": 1, \"epoch\": 0.25, \"split\": \"test\", \"loss.boundary\": 1e-300, \"accuracy\": 1}");
    free(line);
    assert_true(record_close(record, s->diag));
    assert_file("out/metrics.csv", "step,epoch,split,loss.boundary,temperature,accuracy\n"
                                   "1,0.25,train,0.1,0.3,\n"
                                   "1,0.25,test,1e-300,,1\n"
                                   "12345678901,0.25,train,0.1,0.3,\n");
    assert_int_equal(diag_errors(s->diag), 0);
}

/* A list is one key in a line, a column a number in the table, and comes back whole. */
static void lists_are_lists(void **state)
{
    struct setup *s = *state;
    struct record *record = record_open(s->diag, "out", "net", false, 0);
    struct moment first = moment_at(1, false, 0.1), second = moment_at(2, false, 0.2), last[2];
    const double three[] = {1, 2.5, -3e-7}, others[] = {4, 5, 6};
    moment_add_list(&first, "spectrum", three, 3);
    moment_add(&first, "temperature", 2);
    moment_add_list(&second, "spectrum", others, 3);
    assert_true(record_moment(record, s->diag, &first));
    assert_true(record_moment(record, s->diag, &second));
    assert_file(
        "out/metrics.jsonl",
        "{\"step\": 1, \"epoch\": 0.25, \"split\": \"train\", \"loss.boundary\": 0.1, \"spectrum\": [1, 2.5, "
        "-3e-07], "
        "\"temperature\": 2}\n"
        "{\"step\": 2, \"epoch\": 0.5, \"split\": \"train\", \"loss.boundary\": 0.2, \"spectrum\": [4, 5, 6]}\n");
    assert_true(record_last(record, s->diag, last));
    assert_int_equal(last[0].n, 5);
    const struct reading *reading = moment_find(&last[0], "spectrum");
    assert_true(reading->value == 4 && reading->place == 1 && reading->of == 3 && reading[2].value == 6);
    assert_true(reading[2].place == 3 && reading[3].value == 2);
    assert_true(record_close(record, s->diag));
    assert_file("out/metrics.csv", "step,epoch,split,loss.boundary,spectrum.1,spectrum.2,spectrum.3,temperature\n"
                                   "1,0.25,train,0.1,1,2.5,-3e-07,2\n2,0.5,train,0.2,4,5,6,\n");
}

static void not_finite_is_never_written(void **state)
{
    struct setup *s = *state;
    struct record *record = record_open(s->diag, "out", "net", false, 0);
    struct moment moment = moment_at(3, true, 1);
    moment_add(&moment, "U", NAN);
    assert_false(record_moment(record, s->diag, &moment));
    assert_says(s, "'U' is nan at step 3 (test)");
    assert_file("out/metrics.jsonl", "");
    record_abandon(record);
}

/* Each run gets the first number that is free. */
static void folders_are_unique(void **state)
{
    struct setup *s = *state;
    struct record *record[3];
    const char *expected[] = {"runs/net-1", "runs/net-3", "runs/net-4"};
    assert_int_equal(mkdir("runs", 0777), 0);
    assert_int_equal(mkdir("runs/net-2", 0777), 0);
    for (uint32_t i = 0; i < 3; i++) {
        record[i] = record_open(s->diag, NULL, "net", false, 0);
        assert_string_equal(record_folder(record[i]), expected[i]);
    }
    for (uint32_t i = 0; i < 3; i++) assert_true(record_close(record[i], s->diag));
}

static void one_process_writes_a_run(void **state)
{
    struct setup *s = *state;
    struct record *record = record_open(s->diag, "out", "net", false, 0);
    assert_non_null(record);
    assert_null(record_open(s->diag, "out", "net", true, 0));
    assert_says(s, "another process is writing the run in 'out'");
    assert_int_equal(diag_status(s->diag), 1);
    assert_true(record_close(record, s->diag));
    record = record_open(s->diag, "out", "net", true, 0);
    assert_non_null(record);
    record_abandon(record);
}

static void results_are_not_written_over(void **state)
{
    struct setup *s = *state;
    struct record *record = record_open(s->diag, "out", "net", false, 0);
    assert_true(record_close(record, s->diag));
    assert_null(record_open(s->diag, "out", "net", false, 0));
    assert_says(s, "'out' holds a run already");
    assert_int_equal(diag_status(s->diag), 1);
}

/* Lines behind the step, and one that was cut by a kill, are dropped; the table follows. */
static void goes_on(void **state)
{
    struct setup *s = *state;
    struct record *record = record_open(s->diag, "out", "net", false, 0);
    for (uint64_t step = 0; step < 40; step += 10) {
        struct moment moment = moment_at(step, false, (double)step + 0.5);
        if (step == 30) moment_add(&moment, "late", 1);
        assert_true(record_moment(record, s->diag, &moment));
    }
    assert_true(record_close(record, s->diag));
    FILE *file = fopen("out/metrics.jsonl", "a");
    fputs("{\"step\": 5, \"epoch\": 1, \"spl", file);
    fclose(file);
    record = record_open(s->diag, "out", "net", true, 10);
    assert_non_null(record);
    struct moment moment = moment_at(20, false, 7);
    assert_true(record_moment(record, s->diag, &moment));
    assert_true(record_close(record, s->diag));
    assert_file("out/metrics.jsonl",
                "{\"step\": 0, \"epoch\": 0, \"split\": \"train\", \"loss.boundary\": 0.5}\n"
                "{\"step\": 10, \"epoch\": 2.5, \"split\": \"train\", \"loss.boundary\": 10.5}\n"
                "{\"step\": 20, \"epoch\": 5, \"split\": \"train\", \"loss.boundary\": 7}\n");
    assert_file("out/metrics.csv",
                "step,epoch,split,loss.boundary\n0,0,train,0.5\n10,2.5,train,10.5\n20,5,train,7\n");
}

static void paths_that_cannot_be(void **state)
{
    struct setup *s = *state;
    FILE *file = fopen("plain", "w");
    fclose(file);
    assert_null(record_open(s->diag, "plain/out", "net", false, 0));
    assert_says(s, "plain");
    assert_true(diag_status(s->diag) != 0);
}

/* No room is told at the line that did not fit, and what was written before stays. */
static void no_room(void **state)
{
    struct setup *s = *state;
    struct rlimit before, small;
    struct moment moment = moment_at(4, false, 1);
    bool written[3];
    getrlimit(RLIMIT_FSIZE, &before);
    small = (struct rlimit){150, before.rlim_max};
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    struct record *record = record_open(s->diag, "out", "net", false, 0);
    assert_non_null(record);
    setrlimit(RLIMIT_FSIZE, &small);
    for (uint32_t i = 0; i < 3; i++) written[i] = record_moment(record, s->diag, &moment);
    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, handler);
    assert_true(written[0] && written[1] && !written[2]);
    assert_says(s, "'out/metrics.jsonl' cannot be written");
    assert_int_equal(diag_status(s->diag), 2);
    record_abandon(record);
    record = record_open(s->diag, "out", "net", true, 4);
    assert_non_null(record);
    assert_true(record_close(record, s->diag));
    assert_file("out/metrics.jsonl", "{\"step\": 4, \"epoch\": 1, \"split\": \"train\", \"loss.boundary\": 1}\n"
                                     "{\"step\": 4, \"epoch\": 1, \"split\": \"train\", \"loss.boundary\": 1}\n");
    /* What is due before the first step is measured again. */
    record = record_open(s->diag, "out", "net", true, 0);
    assert_non_null(record);
    assert_true(record_close(record, s->diag));
    assert_file("out/metrics.jsonl", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lines_and_rows, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lists_are_lists, set_up, tear_down),
        cmocka_unit_test_setup_teardown(not_finite_is_never_written, set_up, tear_down),
        cmocka_unit_test_setup_teardown(folders_are_unique, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_process_writes_a_run, set_up, tear_down),
        cmocka_unit_test_setup_teardown(results_are_not_written_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(goes_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(paths_that_cannot_be, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_room, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
