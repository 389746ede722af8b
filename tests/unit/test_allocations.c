/* test_allocations.c: not one allocation between the first and the last training step, measurements and records included. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/driver/compile.h"
#include "compiler/driver/observe.h"
#include "compiler/driver/table.h"
#include "runtime/record/record.h"

/* The interposer: the program's own malloc family stands before libc's, for every library that it loads. */
/* volatile: the compiler knows malloc, and would not think that it looks. */
static volatile unsigned long counted;
static volatile bool counting;

#if !NNT_SANITIZED
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
__attribute__((visibility("default"))) void *malloc(size_t n)
{
    counted = counted + counting;
    return __libc_malloc(n);
}
__attribute__((visibility("default"))) void *calloc(size_t n, size_t m)
{
    counted = counted + counting;
    return __libc_calloc(n, m);
}
__attribute__((visibility("default"))) void *realloc(void *p, size_t n)
{
    counted = counted + counting;
    return __libc_realloc(p, n);
}
__attribute__((visibility("default"))) void *aligned_alloc(size_t a, size_t n)
{
    counted = counted + counting;
    return __libc_memalign(a, n);
}
__attribute__((visibility("default"))) int posix_memalign(void **out, size_t a, size_t n)
{
    counted = counted + counting;
    *out = __libc_memalign(a, n);
    return *out ? 0 : 12;
}
#endif

static const char training[] =
    "network net {\n neurons x[16, 16], h[32], y[10]\n input x\n output y\n weights x -> h -> y\n biases h, y\n"
    " activation h = tanh(z)\n activation y = softmax(z)\n loss boundary = cross_entropy(y, target)\n}\n"
    "data { train digits(count: 500, seed: 1)\n test digits(count: 100, seed: 2)\n x = mask(noisy(image, 0.1), "
    "0.1)\n"
    " y = one_hot(label) }\n"
    "ensemble { clamp x, y }\n"
    "train { optimizer adam(rate: 0.01, clip: 1)\n batch 32\n epochs 3 }\n"
    "measure every 7 steps on 40 samples of train { loss, accuracy, U, F, S, S_T, C, weight_norm }\n";

/* The same with relaxation in every step and measurement. */
static const char relaxing[] =
    "network net {\n neurons x[16, 16], h[2][24], y[10]\n input x\n output y\n weights x -> h -> y\n biases h, y\n"
    " activation h = tanh(z)\n activation y = z\n loss boundary = squared_error(y, target)\n}\n"
    "data { train digits(count: 500, seed: 1)\n test digits(count: 100, seed: 2) }\n"
    "ensemble { clamp x, y\n reference relaxed }\n"
    "train { minimize boundary + 0.1 * bulk\n optimizer adam(rate: 0.01, clip: 1)\n batch 32\n epochs 3 }\n"
    "measure every 7 steps on 40 samples of train { loss, accuracy, U, F, S, S_T, C }\n";
/* Ticks whose rows are compared, with a bulk that relaxes; and what settles. */
static const char ticks_text[] =
    "network net {\n neurons x, h[12], y\n input x each tick\n output y each tick from 3\n weights x -> h -> y\n"
    " weights h -> h\n biases h, y\n activation h, y = tanh(z)\n dynamics ticks(12)\n"
    " loss boundary = squared_error(y, target)\n}\n"
    "data { train parity(count: 500, length: 8)\n x = bits\n y = bits }\n"
    "train { minimize boundary + 0.1 * bulk\n batch 32\n epochs 3 }\n"
    "measure every 7 steps on 40 samples of train { loss, U, F, S, S_T, C, dynamics }\n";
static const char settling_text[] =
    "network net {\n neurons x[16, 16], h[32], y[10]\n input x\n output y\n weights x -> h -> y\n"
    " weights h -> h init normal(0, 0.05)\n activation h = tanh(z)\n activation y = softmax(z)\n"
    " dynamics settle(tolerance: 1e-4, most: 50)\n loss boundary = cross_entropy(y, target)\n}\n"
    "data { train digits(count: 500, seed: 1) }\ntrain { batch 32\n epochs 3 }\n"
    "measure every 7 steps on 40 samples of train { loss, accuracy, U, F, S, S_T, C, dynamics }\n"
    "measure every 14 steps on 4 samples of train { defect, efficiency(probes: 2) }\n";

/* The derivatives and ledgers of a measurement. */
static const char laws_text[] =
    "network net {\n neurons x[16, 16], h[2][8], y[10]\n input x\n output y\n weights x -> h -> y\n biases h, y\n"
    " activation h = tanh(z)\n activation y = z\n loss boundary = squared_error(y, target)\n}\n"
    "data { train digits(count: 500, seed: 1) }\nensemble { temperature inferred }\n"
    "train { optimizer adam(rate: 0.01, clip: 1)\n batch 32\n epochs 3 }\n"
    "measure every 7 steps on 10 samples { U, C, defect, grad_F, first_law, second_law, spectrum, "
    "efficiency(probes: 2) }\n";

struct fixture {
    struct session session;
    struct model *model;
    struct data *data;
    struct nnt_module *module;
    struct trainer *trainer;
    struct observer *observer;
    struct record *record;
    FILE *nowhere;
};

static void fixture_open(struct fixture *f, const char *text, const char *folder)
{
    struct times times = {0};
    *f =
        (struct fixture){.session = {.diag = diag_new(), .arena = arena_new()}, .nowhere = fopen("/dev/null", "w")};
    struct ast_source *source = parse(f->session.diag, f->session.arena, "test", text, strlen(text));
    f->model = source ? check(f->session.diag, f->session.arena, source, NULL, 0) : NULL;
    if (!f->model) session_messages(&f->session);
    assert_non_null(f->model);
    f->data = data_open(f->session.diag, &f->model->data, 4, 1 << 28);
    assert_non_null(f->data);
    struct job job = {.entries = 1u << NNT_ENTRY_loss | 1u << NNT_ENTRY_step, .real_bytes = 4, .batch = 32};
    f->module = compile(&f->session, f->model, &job, &times);
    assert_non_null(f->module);
    f->trainer = trainer_new(f->session.diag, f->module, f->data, &f->model->train);
    assert_non_null(f->trainer);
    struct observed observed = {f->model, f->data, f->module, false};
    f->observer = observer_new(&f->session, &observed, &times);
    assert_non_null(f->observer);
    f->record = record_open(f->session.diag, folder, "net", false, 0);
    assert_non_null(f->record);
}

static void fixture_close(struct fixture *f)
{
    assert_true(record_close(f->record, f->session.diag));
    observer_free(f->observer);
    trainer_free(f->trainer);
    release_module(f->module);
    data_free(f->data);
    diag_free(f->session.diag);
    arena_free(f->session.arena);
    fclose(f->nowhere);
}

static void measure(struct fixture *f, struct table *table)
{
    struct train_state at = trainer_state(f->trainer);
    struct moment moment[2];
    uint32_t n = 0;
    if (!observer_due(f->observer, &at)) return;
    assert_true(observe(f->observer, &at, 0.5, false, trainer_parameters(f->trainer), f->trainer, moment, &n));
    for (uint32_t i = 0; i < n; i++) assert_true(record_moment(f->record, f->session.diag, &moment[i]));
    table_row(table, f->nowhere, moment, n);
    trainer_clear_loss(f->trainer);
}

static void expect_no_allocation(const char *text)
{
    struct fixture f;
    struct table table = {0};
    char folder[] = "/tmp/nnt-allocations-XXXXXX", command[64];
    assert_non_null(mkdtemp(folder));
    fixture_open(&f, text, folder);
    measure(&f, &table);
    assert_true(trainer_step(f.trainer));
    unsigned long before = counted;
    counting = true;
    for (struct train_state at = trainer_state(f.trainer); at.step < at.steps; at = trainer_state(f.trainer)) {
        if (!trainer_step(f.trainer)) break;
        measure(&f, &table);
    }
    counting = false;
    assert_int_equal(trainer_state(f.trainer).step, 48);
    assert_int_equal(counted, before);
    fixture_close(&f);
    snprintf(command, sizeof command, "rm -r %s", folder);
    assert_int_equal(system(command), 0);
}

static void nothing_is_allocated_while_training(void **state)
{
    (void)state;
    expect_no_allocation(training);
    expect_no_allocation(relaxing);
    expect_no_allocation(ticks_text);
    expect_no_allocation(settling_text);
    expect_no_allocation(laws_text);
}

/* The counter itself works: one allocation is seen. */
static void the_interposer_counts(void **state)
{
    (void)state;
#if !NNT_SANITIZED
    unsigned long before = counted;
    counting = true;
    void *volatile p = malloc(1);
    counting = false;
    free(p);
    assert_int_equal(counted, before + 1);
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_interposer_counts),
                                       cmocka_unit_test(nothing_is_allocated_while_training)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
