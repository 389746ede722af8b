/* test_checkpoint.c: an interrupted run goes on bit for bit; damaged and foreign checkpoints are refused. */
#include "runtime/train/train.h"

#include "runtime/base/arena.h"
#include "runtime/base/file.h"
#include "tests/module/linear.h"
#include "tests/module/linear_data.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

enum { STEPS = 15 };
static const struct span nowhere = {0};

struct setup {
    struct arena *arena;
    struct expr_pool pool;
    struct diag *diag;
    struct data *data[2]; /* float32, float64 */
    struct train_options options;
    char folder[64], file[128];
};

static int set_up(void **state)
{
    struct setup *s = calloc(1, sizeof *s);
    *s = (struct setup){.arena = arena_new(), .diag = diag_new(), .data = {new_linear_data(4), new_linear_data(8)}};
    expr_pool_init(&s->pool, s->arena);
    const struct expr *progress = expr_variable(&s->pool, VAR_PROGRESS, 0, 0);
    s->options = (struct train_options){
        .rate = expr_apply(&s->pool, PRIMITIVE_sub, expr_number(&s->pool, 1.0 / 8), progress, NULL),
        .batch = 5,
        .epochs = 3,
        .shuffle = true,
        .seed = 11};
    strcpy(s->folder, "/tmp/nnt-checkpoint-XXXXXX");
    if (!mkdtemp(s->folder)) return -1;
    snprintf(s->file, sizeof s->file, "%s/checkpoint/state", s->folder);
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    struct setup *s = *state;
    char inside[80];
    snprintf(inside, sizeof inside, "%s/checkpoint", s->folder);
    unlink(s->file);
    rmdir(inside);
    rmdir(s->folder);
    free_linear_data(s->data[0]);
    free_linear_data(s->data[1]);
    diag_free(s->diag);
    arena_free(s->arena);
    free(s);
    return 0;
}

static struct trainer *new_trainer(struct setup *s, bool wide)
{
    struct trainer *trainer = trainer_new(s->diag, wide ? &linear_f64 : &linear_f32, s->data[wide], &s->options);
    assert_non_null(trainer);
    return trainer;
}

/* Interrupted after every number of steps, the end has the same bytes. */
static void goes_on_bit_for_bit(void **state)
{
    struct setup *s = *state;
    for (uint32_t wide = 0; wide < 2; wide++) {
        size_t bytes = LINEAR_P * (wide ? sizeof(double) : sizeof(float));
        struct trainer *whole = new_trainer(s, wide);
        for (uint32_t k = 0; k < STEPS; k++) assert_true(trainer_step(whole));
        for (uint32_t stop = 0; stop <= STEPS; stop++) {
            struct trainer *first = new_trainer(s, wide);
            for (uint32_t k = 0; k < stop; k++) assert_true(trainer_step(first));
            assert_true(checkpoint_write(s->diag, first, NULL, s->folder));
            trainer_free(first);
            struct trainer *second = new_trainer(s, wide);
            assert_true(checkpoint_read(s->diag, second, s->folder, NULL));
            assert_int_equal(trainer_state(second).step, stop);
            while (trainer_state(second).step < STEPS) assert_true(trainer_step(second));
            assert_memory_equal(trainer_parameters(second), trainer_parameters(whole), bytes);
            assert_true(trainer_state(second).loss == trainer_state(whole).loss);
            assert_int_equal(trainer_state(second).samples, trainer_state(whole).samples);
            trainer_free(second);
        }
        trainer_free(whole);
    }
    assert_int_equal(diag_errors(s->diag), 0);
}

/* H, and how samples relaxed, before the last measurement and since. */
static void counts_go_on(void **state)
{
    struct setup *s = *state;
    struct nnt_module module = linear_f64;
    module.objective = NNT_ON_BOTH;
    module.H = linear_f64.loss;
    module.relax_failed = linear_f64.H;
    struct trainer *first = trainer_new(s->diag, &module, s->data[1], &s->options);
    struct trainer *second = trainer_new(s->diag, &module, s->data[1], &s->options);
    struct moment expected = {0}, found = {0};
    for (uint32_t k = 0; k < 8; k++) {
        assert_true(trainer_step(first));
        if (k == 4) trainer_clear_loss(first);
    }
    assert_true(checkpoint_write(s->diag, first, NULL, s->folder));
    assert_true(checkpoint_read(s->diag, second, s->folder, NULL));
    trainer_running(first, 1u << MEASURE_loss, &expected);
    trainer_running(second, 1u << MEASURE_loss, &found);
    assert_int_equal(found.n, 2);
    assert_memory_equal(&found, &expected, sizeof found);
    assert_int_equal(trainer_convergence(second).relaxing, LINEAR_SAMPLES + 15);
    trainer_free(first);
    trainer_free(second);
}

/* ---- refusals ---- */

/* Whether reading into a fresh trainer is refused with that word, and leaves the trainer as it was. */
static void assert_refused(struct setup *s, bool wide, const char *word)
{
    struct trainer *trainer = new_trainer(s, wide);
    size_t bytes = LINEAR_P * (wide ? sizeof(double) : sizeof(float));
    char before[LINEAR_P * sizeof(double)], text[2048] = "";
    memcpy(before, trainer_parameters(trainer), bytes);
    assert_false(checkpoint_read(s->diag, trainer, s->folder, NULL));
    assert_memory_equal(trainer_parameters(trainer), before, bytes);
    FILE *file = fmemopen(text, sizeof text, "w");
    diag_print(s->diag, file, DIAG_PLAIN);
    fclose(file);
    if (!strstr(text, word)) {
        print_error("expected '%s' in: %s\n", word, text);
        fail();
    }
    trainer_free(trainer);
    diag_free(s->diag);
    s->diag = diag_new();
}

static void write_some(struct setup *s)
{
    struct trainer *trainer = new_trainer(s, true);
    for (uint32_t k = 0; k < 7; k++) assert_true(trainer_step(trainer));
    assert_true(checkpoint_write(s->diag, trainer, NULL, s->folder));
    trainer_free(trainer);
}

static void refuses_another_run(void **state)
{
    struct setup *s = *state;
    write_some(s);
    s->options.seed = 12;
    assert_refused(s, true, "seed 11; expected 12");
    s->options.seed = 11;
    s->options.batch = 6;
    assert_refused(s, true, "batch 5; expected 6");
    s->options.batch = 5;
    s->options.epochs = 4;
    assert_refused(s, true, "steps 15; expected 20");
    s->options.epochs = 3;
    s->options.shuffle = false;
    assert_refused(s, true, "shuffle");
    s->options.shuffle = true;
    assert_refused(s, false, "precision (bytes) 8; expected 4");
    s->data[1]->train.count--;
    assert_refused(s, true, "training samples 23; expected 22");
    s->data[1]->train.count++;
    /* Another network of the same size. */
    struct nnt_module other = linear_f64;
    struct nnt_block block = {.from = 1, .to = 1};
    struct trainer *trainer;
    other.block = &block;
    trainer = trainer_new(s->diag, &other, s->data[1], &s->options);
    assert_false(checkpoint_read(s->diag, trainer, s->folder, NULL));
    trainer_free(trainer);
}

static void refuses_a_missing_one(void **state)
{
    assert_refused(*state, true, "checkpoint/state");
}

/* Every byte changed, every cut: refused, never taken. */
static void refuses_damage(void **state)
{
    struct setup *s = *state;
    size_t length;
    write_some(s);
    char *bytes = file_read(s->diag, nowhere, s->file, 1 << 20, &length);
    assert_non_null(bytes);
    for (size_t i = 0; i < length; i++) {
        bytes[i] ^= 0x20;
        assert_true(file_write(s->diag, nowhere, s->file, bytes, length));
        bytes[i] ^= 0x20;
        assert_refused(s, true, "checkpoint");
    }
    for (size_t cut = 0; cut < length; cut += 7) {
        assert_true(file_write(s->diag, nowhere, s->file, bytes, cut));
        assert_refused(s, true, "checkpoint");
    }
    free(bytes);
}

/* As the file's, over all but its last 8 bytes. */
static uint64_t checksum(const unsigned char *bytes, size_t length)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < length; i++) hash = (hash ^ bytes[i]) * 0x100000001b3u;
    return hash;
}

/* Weights that are not finite are not written over those before; a file that has some is refused all the same. */
static void refuses_numbers_that_are_not_finite(void **state)
{
    struct setup *s = *state;
    size_t length, at = 0;
    double weight, bad = NAN;
    write_some(s);
    struct trainer *trainer = new_trainer(s, true);
    double *weights = trainer_parameters(trainer);
    weights[3] = NAN;
    assert_false(checkpoint_write(s->diag, trainer, NULL, s->folder));
    assert_int_equal(diag_status(s->diag), 1);
    diag_free(s->diag);
    s->diag = diag_new();
    assert_true(checkpoint_read(s->diag, trainer, s->folder, NULL));
    assert_int_equal(trainer_state(trainer).step, 7);
    memcpy(&weight, &weights[3], sizeof weight);
    trainer_free(trainer);

    char *bytes = file_read(s->diag, nowhere, s->file, 1 << 20, &length);
    assert_non_null(bytes);
    while (at + sizeof weight < length && memcmp(bytes + at, &weight, sizeof weight)) at++;
    memcpy(bytes + at, &bad, sizeof bad);
    uint64_t sum = checksum((unsigned char *)bytes, length - sizeof sum);
    memcpy(bytes + length - sizeof sum, &sum, sizeof sum);
    assert_true(file_write(s->diag, nowhere, s->file, bytes, length));
    free(bytes);
    assert_refused(s, true, "not finite");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(goes_on_bit_for_bit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(counts_go_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_another_run, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_a_missing_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_damage, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_numbers_that_are_not_finite, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
