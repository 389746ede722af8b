/* gaussian.c: times a sample of the Gaussian evaluation for layered nets of growing depth, in turn, and NumPy's dense one beside it. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "compiler/driver/compile.h"
#include "compiler/driver/exercise.h"
#include "runtime/thermo/ensemble.h"
#include "runtime/thermo/products.h"
#include "tests/bench/harness.h"

enum { WIDTH = 256, SHALLOWEST = 2, DEEPEST = 16, DEPTHS = DEEPEST - SHALLOWEST + 1, BATCH = 2 };
enum { ROUNDS = 21, PEER_DEPTH = 8, PEER_ROUNDS = 5 };

static uint32_t depth_of(int number)
{
    return SHALLOWEST + (uint32_t)number;
}

struct timed {
    struct session session;
    struct nnt_module *module;
    struct exercise x;
    struct ensemble *ensemble;
    const double **data;
};

/* All that is free is `depth` layers of one width, between inputs and outputs that are clamped. */
static const char *network_text(uint32_t depth)
{
    static char text[1024];
    snprintf(text, sizeof text,
             "network timed {\n neurons x[%d], h[%u][%d], y[%d]\n input x\n output y\n weights x -> h -> y\n"
             " biases h, y\n activation h = tanh(z)\n activation y = z\n}\nensemble { clamp x, y }\n",
             WIDTH, depth, WIDTH, WIDTH);
    return text;
}

static const double **list_data(const struct exercise *x)
{
    const double **data = calloc(x->module->n_groups, sizeof *data);
    for (uint32_t k = 0; k < x->module->n_groups; k++) {
        uint32_t field = x->module->group[k].data;
        if (field == NNT_NONE) continue;
        const struct nnt_field *f = &x->module->field[field];
        data[k] = (const double *)x->call.slab[NNT_DATA] + f->offset + f->offset_per_sample * BATCH;
    }
    return data;
}

static struct timed timed_open(uint32_t depth)
{
    struct timed t = {.session = {.diag = diag_new(), .arena = arena_new()}};
    struct times times = {0};
    const char *text = network_text(depth);
    struct ast_source *source = parse(t.session.diag, t.session.arena, "bench", text, strlen(text));
    struct model *model = source ? check(t.session.diag, t.session.arena, source, NULL, 0) : NULL;
    struct job job = {
        .entries = 1u << NNT_ENTRY_ensemble_forward | 1u << NNT_ENTRY_linearise, .real_bytes = 8, .batch = BATCH};
    t.module = model ? compile(&t.session, model, &job, &times) : NULL;
    if (t.module) {
        t.x = exercise_open(t.module, BATCH);
        exercise_draw(&t.x, 1);
        t.data = list_data(&t.x);
        t.ensemble = ensemble_new(t.session.diag, (struct span){0}, t.module, NULL, BATCH);
    }
    if (t.ensemble) return t;
    session_messages(&t.session);
    exit(2);
}

static void timed_close(struct timed *t)
{
    ensemble_free(t->ensemble);
    free(t->data);
    exercise_close(&t->x);
    release_module(t->module);
    diag_free(t->session.diag);
    arena_free(t->session.arena);
}

/* Of this thread on its core: what others of the machine do meanwhile is not in it. */
static double own_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Seconds a sample, the kernels for its state and its linearisation included: of the quickest of some calls. */
static double time_sample(struct timed *t, uint32_t calls)
{
    struct gaussian out[BATCH];
    double best = INFINITY;
    for (uint32_t i = 0; i < calls; i++) {
        double start = own_seconds();
        if (!ensemble_evaluate(t->ensemble, t->session.diag, t->x.call.slab[NNT_PARAMETERS], t->data, BATCH, 1,
                               out)) {
            session_messages(&t->session);
            exit(2);
        }
        best = fmin(best, (own_seconds() - start) / BATCH);
    }
    return best;
}

/* Of A = JᵀJ, its factor and a solve, as far as they grow with the cube of the width. */
static double flops(uint32_t depth)
{
    double n3 = (double)WIDTH * WIDTH * WIDTH;
    return depth * (n3 + n3 / 3) + (depth - 1) * 2 * n3;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, uint32_t n)
{
    qsort(values, n, sizeof *values, ascending);
    return values[n / 2];
}

/* The exponent p of time ~ depth^p, by least squares of the logarithms. */
static double fitted_exponent(const double time[DEPTHS])
{
    double x = 0, y = 0, xx = 0, xy = 0;
    for (int d = 0; d < DEPTHS; d++) {
        double u = log(depth_of(d)), v = log(time[d]);
        x += u;
        y += v;
        xx += u * u;
        xy += u * v;
    }
    return (DEPTHS * xy - x * y) / (DEPTHS * xx - x * x);
}

/* NumPy's seconds at PEER_DEPTH with one thread and the kernels that its OpenBLAS chooses; NaN where there is no NumPy. */
static double time_peer(void)
{
    const char *python = getenv("NNT_PYTHON"), *source = getenv("NNT_SOURCE");
    char command[1024];
    double seconds = NAN;
    snprintf(
        command, sizeof command,
        "env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE OPENBLAS_NUM_THREADS=1 %s %s/tests/bench/gaussian_peer.py "
        "%d %d",
        python ? python : "python3", source ? source : ".", WIDTH, PEER_DEPTH);
    FILE *from = popen(command, "r");
    if (from && fscanf(from, "%lf", &seconds) != 1) seconds = NAN;
    return from && pclose(from) == 0 ? seconds : NAN;
}

static bool report_peer(double peer[PEER_ROUNDS], double own, double least_ratio)
{
    if (isnan(peer[0])) {
        printf("NumPy is not there (NNT_PYTHON names the python to ask): no peer\n");
        return true;
    }
    double ratio = median(peer, PEER_ROUNDS) / own;
    printf("%d x %d by NumPy, dense: %.1f ms, %.1f times as long (bar %.0f)\n", PEER_DEPTH, WIDTH,
           1e3 * median(peer, PEER_ROUNDS), ratio, least_ratio);
    return ratio >= least_ratio;
}

int main(int argc, char **argv)
{
    double most = argc > 1 ? atof(argv[1]) : 1.15, least_ratio = argc > 2 ? atof(argv[2]) : 10;
    double time[DEPTHS][ROUNDS], share[DEPTHS][ROUNDS], least[DEPTHS], work[DEPTHS], peer[PEER_ROUNDS];
    struct timed timed[DEPTHS];
    products_one_thread();
    for (int d = 0; d < DEPTHS; d++) timed[d] = timed_open(depth_of(d));
    for (int r = -1; r < ROUNDS; r++) {
        int at = r < 0 ? 0 : r; /* the first one warms up */
        double peak = bench_fma_peak() / 2;
        for (int d = 0; d < DEPTHS; d++) {
            time[d][at] = time_sample(&timed[d], DEEPEST / depth_of(d));
            share[d][at] = flops(depth_of(d)) / time[d][at] / peak;
        }
        if (r >= 0 && r < PEER_ROUNDS) peer[r] = time_peer();
    }
    for (int d = 0; d < DEPTHS; d++) {
        qsort(time[d], ROUNDS, sizeof *time[d], ascending);
        work[d] = flops(depth_of(d));
        least[d] = time[d][0]; /* what is above it is of others, who take the cache away */
        double part = median(share[d], ROUNDS);
        if ((depth_of(d) & (depth_of(d) - 1)) == 0)
            printf("%2u layers of %d, one thread: %.2f ms a sample, %.2f of the float64 FMA peak\n", depth_of(d),
                   WIDTH, 1e3 * least[d], part);
        timed_close(&timed[d]);
    }
    double exponent = fitted_exponent(least);
    printf("time grows with the depth to the power of %.3f (bar %.2f; the flops alone %.3f)\n", exponent, most,
           fitted_exponent(work));
    return report_peer(peer, least[PEER_DEPTH - SHALLOWEST], least_ratio) && exponent < most + 0.005 ? 0 : 1;
}
