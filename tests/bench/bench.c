/* bench.c: times training steps of nnt and of its peer in turn, and prints medians, ratios and the machine's peak. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/harness.h"

extern char *openblas_get_corename(void);

enum { ROUNDS = 31, SUBJECTS = 2 };

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(double *values, int n, double q)
{
    qsort(values, (size_t)n, sizeof *values, ascending);
    return values[(int)(q * (n - 1) + 0.5)];
}

/* Multiply-adds of a step's products, times two; the inputs' gradient is not needed. */
static double step_flops(const struct task *t)
{
    double flops = 0;
    for (uint32_t l = 0; l < t->layers; l++) flops += (l ? 6.0 : 4.0) * t->batch * t->width[l] * t->width[l + 1];
    return flops;
}

static double time_steps(const struct subject *subject, void *state, int steps)
{
    double start = bench_seconds();
    for (int i = 0; i < steps; i++) subject->step(state);
    return (bench_seconds() - start) / steps;
}

static int compare(const struct task *task, double most)
{
    const struct subject *subject[SUBJECTS] = {&subject_nnt, &subject_peer};
    void *state[SUBJECTS];
    double time[SUBJECTS][ROUNDS], ratio[ROUNDS];
    for (int s = 0; s < SUBJECTS; s++) {
        state[s] = subject[s]->open(task);
        time_steps(subject[s], state[s], 20);
    }
    int steps = (int)(0.02 / time_steps(subject[1], state[1], 20)) + 1;
    for (int r = 0; r < ROUNDS; r++) {
        for (int s = 0; s < SUBJECTS; s++) time[s][r] = time_steps(subject[s], state[s], steps);
        ratio[r] = time[0][r] / time[1][r];
    }
    double peak = bench_fma_peak(), share = subject[1]->share(state[1], steps);
    double nnt = quantile(time[0], ROUNDS, 0.5), peer = quantile(time[1], ROUNDS, 0.5),
           middle = quantile(ratio, ROUNDS, 0.5);
    printf("%-22s batch %4u  nnt %8.1f us (%.2f of peak)  peer %8.1f us (%.2f of peak, %2.0f %% in sgemm)  ratio "
           "%.3f [%.3f, %.3f]  "
           "losses %.3f %.3f\n",
           task->name, task->batch, 1e6 * nnt, step_flops(task) / nnt / peak, 1e6 * peer,
           step_flops(task) / peer / peak, 100 * share, middle, quantile(ratio, ROUNDS, 0.25),
           quantile(ratio, ROUNDS, 0.75), subject[0]->loss(state[0]), subject[1]->loss(state[1]));
    for (int s = 0; s < SUBJECTS; s++) subject[s]->close(state[s]);
    return middle <= most;
}

int main(int argc, char **argv)
{
    enum { SAMPLES = 2048 };
    static const uint32_t batch[] = {16, 64, 256};
    struct task tasks[] = {{.name = "784-128-64-10 tanh", .layers = 3, .width = {784, 128, 64, 10}},
                           {.name = "784-512-512-10 relu", .layers = 3, .width = {784, 512, 512, 10}, .relu = 1}};
    double most = argc > 1 ? atof(argv[1]) : 1.2;
    int good = 1;
    float *x = malloc(sizeof *x * SAMPLES * 784);
    uint8_t *label = malloc(SAMPLES);
    if (!x || !label) return 2;
    srand(1);
    for (int i = 0; i < SAMPLES; i++) {
        label[i] = (uint8_t)(rand() % 10);
        for (int j = 0; j < 784; j++)
            x[i * 784 + j] = j % 10 == label[i] ? 0.5f + (float)(rand() % 100) / 200 : (float)(rand() % 100) / 200;
    }
    printf("one thread; OpenBLAS core %s; FMA peak %.1f Gflop/s; medians of %d interleaved runs, ratio nnt / peer "
           "with quartiles\n",
           openblas_get_corename(), bench_fma_peak() / 1e9, ROUNDS);
    for (size_t t = 0; t < sizeof tasks / sizeof tasks[0]; t++)
        for (size_t b = 0; b < sizeof batch / sizeof batch[0]; b++) {
            tasks[t].batch = batch[b];
            tasks[t].samples = SAMPLES;
            tasks[t].x = x;
            tasks[t].label = label;
            tasks[t].rate = 0.01f;
            good &= compare(&tasks[t], most);
        }
    free(x);
    free(label);
    printf("%s\n", good ? "no ratio above the bar" : "a ratio is above the bar");
    return good ? 0 : 1;
}
