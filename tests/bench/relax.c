/* relax.c: times a step of relaxation against the forward and backward that it must do, compiled and by hand, in turn; prints medians
 * and ratios. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/driver/compile.h"
#include "compiler/driver/exercise.h"
#include "tests/bench/harness.h"
#include "tests/bench/relax.h"

enum { ROUNDS = 31, BATCH = 64, STEPS = 200 };

/* The tolerance lies below float32's reach: every call makes all the steps. */
static const char relaxing[] =
    "network timed {\n neurons x[784], h[128], k[64], y[10]\n input x\n output y\n weights x -> h -> k -> y\n"
    " biases h, k, y\n activation h, k = tanh(z)\n activation y = z\n loss boundary = squared_error(y, target)\n}\n"
    "ensemble { clamp x, y\n reference relaxed\n relaxation descent(tolerance: 1e-30, most: 200) }\n";
/* What moves in it: where all is frozen, `bulk` is H and its slope by the states, and nothing else. */
static const char evaluating[] = "network part {\n neurons h[128], k[64], y[10]\n output y\n weights h -> k -> y "
                                 "frozen\n biases h, k, y frozen\n"
                                 " activation h, y = z\n activation k = tanh(z)\n}\nensemble { clamp y }\n";

struct timed {
    struct session session;
    struct nnt_module *module;
    struct exercise x;
};

static struct timed timed_open(const char *text, uint32_t entries)
{
    struct timed t = {.session = {.diag = diag_new(), .arena = arena_new()}};
    struct times times = {0};
    struct ast_source *source = parse(t.session.diag, t.session.arena, "bench", text, strlen(text));
    struct model *model = source ? check(t.session.diag, t.session.arena, source, NULL, 0) : NULL;
    struct job job = {.entries = entries, .real_bytes = 4, .batch = BATCH};
    t.module = model ? compile(&t.session, model, &job, &times) : NULL;
    if (!t.module) {
        session_messages(&t.session);
        exit(2);
    }
    t.x = exercise_open(t.module, BATCH);
    exercise_draw(&t.x, 1);
    exercise_run(&t.x, NNT_ENTRY_ensemble_forward);
    return t;
}

static void timed_close(struct timed *t)
{
    exercise_close(&t->x);
    release_module(t->module);
    diag_free(t->session.diag);
    arena_free(t->session.arena);
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values)
{
    qsort(values, ROUNDS, sizeof *values, ascending);
    return values[ROUNDS / 2];
}

/* Seconds a step, from the ensemble's forward state. */
static double time_relaxation(struct timed *t)
{
    exercise_run(&t->x, NNT_ENTRY_ensemble_forward);
    double start = bench_seconds();
    exercise_run(&t->x, NNT_ENTRY_relax);
    double spent = bench_seconds() - start;
    if (exercise_get(&t->x, &t->module->field[t->module->relax_steps], 0) != STEPS) exit(2);
    return spent / (STEPS + 1);
}

static double time_evaluation(struct timed *t)
{
    double start = bench_seconds();
    for (int i = 0; i <= STEPS; i++) exercise_run(&t->x, NNT_ENTRY_bulk);
    return (bench_seconds() - start) / (STEPS + 1);
}

static double time_by_hand(struct slope *slope)
{
    double start = bench_seconds();
    for (int i = 0; i <= STEPS; i++) slope_run(slope);
    return (bench_seconds() - start) / (STEPS + 1);
}

int main(int argc, char **argv)
{
    double most = argc > 1 ? atof(argv[1]) : 1.5, time[3][ROUNDS], ratio[2][ROUNDS];
    struct timed relax = timed_open(relaxing, 1u << NNT_ENTRY_ensemble_forward | 1u << NNT_ENTRY_relax),
                 bulk = timed_open(evaluating, 1u << NNT_ENTRY_ensemble_forward | 1u << NNT_ENTRY_bulk);
    struct slope slope = slope_open(BATCH, (const uint32_t[]){128, 64, 10});
    for (int r = -3; r < ROUNDS; r++) {
        int at = r < 0 ? 0 : r; /* the first three warm up */
        time[0][at] = time_relaxation(&relax);
        time[1][at] = time_evaluation(&bulk);
        time[2][at] = time_by_hand(&slope);
        for (int k = 0; k < 2; k++) ratio[k][at] = time[0][at] / time[1 + k][at];
    }
    double middle = median(ratio[0]);
    printf("784-128-64-10 batch %d, one thread: a step of relaxation %.1f us; its forward and backward alone %.1f "
           "us, ratio "
           "%.3f (bar %.2f); by hand on OpenBLAS %.1f us, ratio %.3f\n",
           BATCH, 1e6 * median(time[0]), 1e6 * median(time[1]), middle, most, 1e6 * median(time[2]),
           median(ratio[1]));
    slope_close(&slope);
    timed_close(&bulk);
    timed_close(&relax);
    return middle <= most ? 0 : 1;
}
