/* recurrent.c: times training steps of recurrent networks, compiled and by hand, in turn; prints medians, ratios and shares of the peak. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/driver/compile.h"
#include "compiler/driver/exercise.h"
#include "tests/bench/harness.h"
#include "tests/bench/recurrent.h"

enum { ROUNDS = 31, CHECKED = 5 };

struct timed {
    struct session session;
    struct nnt_module *module;
    struct exercise x;
};

static struct timed timed_open(const struct recurrent_task *task)
{
    struct timed t = {.session = {.diag = diag_new(), .arena = arena_new()}};
    struct times times = {0};
    const char *text = arena_printf(
        t.session.arena,
        "network timed {\n neurons x[%u], h[%u], y[%u]\n input x each tick\n output y\n weights x -> h -> y\n"
        " weights h -> h\n biases h, y\n activation h = tanh(z)\n activation y = softmax(z)\n dynamics ticks(%u)\n"
        " loss boundary = cross_entropy(y, target)\n}\ntrain { optimizer sgd(rate: 1)\n batch %u\n steps 1 }\n",
        task->inputs, task->hidden, task->outputs, task->ticks, task->batch);
    struct ast_source *source = parse(t.session.diag, t.session.arena, "bench", text, strlen(text));
    struct model *model = source ? check(t.session.diag, t.session.arena, source, NULL, 0) : NULL;
    struct job job = {.entries = 1u << NNT_ENTRY_step, .real_bytes = 4, .batch = task->batch};
    if (model) model->group[0].rows = task->rows; /* as a source of data would say */
    t.module = model ? compile(&t.session, model, &job, &times) : NULL;
    if (!t.module) {
        session_messages(&t.session);
        exit(2);
    }
    t.x = exercise_open(t.module, task->batch);
    exercise_draw(&t.x, 1);
    t.x.call.number[NNT_RATE] = task->rate;
    return t;
}

static void timed_close(struct timed *t)
{
    exercise_close(&t->x);
    release_module(t->module);
    diag_free(t->session.diag);
    arena_free(t->session.arena);
}

static float *place(const struct timed *t, enum nnt_slab slab, const char *name)
{
    const struct nnt_field *f = exercise_field(t->module, slab, name);
    if (!f) exit(2);
    return (float *)t->x.call.slab[slab] + f->offset + f->offset_per_sample * t->x.call.batch;
}

static double loss_of(struct timed *t)
{
    const struct nnt_field *field = &t->module->field[t->module->loss];
    double sum = 0;
    for (uint32_t b = 0; b < t->x.call.batch; b++) sum += exercise_get(&t->x, field, b);
    return sum / t->x.call.batch;
}

/* Both compute the same, or the ratio means nothing: losses of the first steps. */
static void check_alike(struct timed *t, struct recurrent *r, const float *x, const float *target)
{
    for (int i = 0; i < CHECKED; i++) {
        exercise_run(&t->x, NNT_ENTRY_step);
        recurrent_step(r, x, target);
        if (fabs(loss_of(t) - recurrent_loss(r)) <= 1e-4 * (1 + recurrent_loss(r))) continue;
        printf("step %d: losses %.7g and %.7g\n", i + 1, loss_of(t), recurrent_loss(r));
        exit(2);
    }
}

/* Multiply-adds of the products that a step cannot do without, times two: h of the last tick goes nowhere, and 0 is fed by nothing. */
static double step_flops(const struct recurrent_task *t)
{
    double inner = (t->ticks - 2.0) * t->hidden * t->hidden, rows = t->rows < t->ticks ? t->rows : t->ticks - 1;
    return 2.0 * t->batch * (3 * inner + 2 * rows * t->hidden * t->inputs + 3.0 * t->outputs * t->hidden);
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(double *values, double q)
{
    qsort(values, ROUNDS, sizeof *values, ascending);
    return values[(int)(q * (ROUNDS - 1) + 0.5)];
}

static double time_compiled(struct timed *t, int steps)
{
    double start = bench_seconds();
    for (int i = 0; i < steps; i++) exercise_run(&t->x, NNT_ENTRY_step);
    return (bench_seconds() - start) / steps;
}

static double time_by_hand(struct recurrent *r, const float *x, const float *target, int steps)
{
    double start = bench_seconds();
    for (int i = 0; i < steps; i++) recurrent_step(r, x, target);
    return (bench_seconds() - start) / steps;
}

static int compare(const struct recurrent_task *task, double most)
{
    double time[2][ROUNDS], ratio[ROUNDS];
    struct timed t = timed_open(task);
    struct recurrent_weights begin = {place(&t, NNT_PARAMETERS, "weight.x.h"),
                                      place(&t, NNT_PARAMETERS, "weight.h.h"),
                                      place(&t, NNT_PARAMETERS, "weight.h.y"), place(&t, NNT_PARAMETERS, "bias.h"),
                                      place(&t, NNT_PARAMETERS, "bias.y")};
    struct recurrent *r = recurrent_open(task, &begin);
    const float *x = place(&t, NNT_DATA, "data.x"), *target = place(&t, NNT_DATA, "data.y");
    check_alike(&t, r, x, target);
    int steps = (int)(0.02 / time_by_hand(r, x, target, 5)) + 1;
    for (int k = 0; k < ROUNDS; k++) {
        time[0][k] = time_compiled(&t, steps);
        time[1][k] = time_by_hand(r, x, target, steps);
        ratio[k] = time[0][k] / time[1][k];
    }
    double peak = bench_fma_peak(), flops = step_flops(task), nnt = quantile(time[0], 0.5),
           peer = quantile(time[1], 0.5), middle = quantile(ratio, 0.5);
    printf("%-26s batch %3u  nnt %8.1f us (%.2f of peak)  peer %8.1f us (%.2f of peak)  ratio %.3f [%.3f, %.3f]\n",
           task->name, task->batch, 1e6 * nnt, flops / nnt / peak, 1e6 * peer, flops / peer / peak, middle,
           quantile(ratio, 0.25), quantile(ratio, 0.75));
    recurrent_close(r);
    timed_close(&t);
    return middle <= most;
}

int main(int argc, char **argv)
{
    static const uint32_t batch[] = {16, 64};
    struct recurrent_task tasks[] = {
        {.name = "1-128-2, 32 ticks", .inputs = 1, .rows = 28, .hidden = 128, .outputs = 2, .ticks = 32},
        {.name = "28 rows of 28-128-10", .inputs = 28, .rows = 28, .hidden = 128, .outputs = 10, .ticks = 30}};
    double most = argc > 1 ? atof(argv[1]) : 1.2;
    int good = 1;
    printf("one thread; FMA peak %.1f Gflop/s; medians of %d interleaved runs, ratio nnt / peer with quartiles\n",
           bench_fma_peak() / 1e9, ROUNDS);
    for (size_t t = 0; t < sizeof tasks / sizeof tasks[0]; t++)
        for (size_t b = 0; b < sizeof batch / sizeof batch[0]; b++) {
            tasks[t].batch = batch[b];
            tasks[t].rate = 0.01f;
            good &= compare(&tasks[t], most);
        }
    printf("%s\n", good ? "no ratio above the bar" : "a ratio is above the bar");
    return good ? 0 : 1;
}
