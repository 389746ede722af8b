/* gaussian.c: times a sample of the Gaussian evaluation for layered nets of growing depth, in turn, NumPy's dense one beside it, and
 * what derivatives cost in evaluations. */
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

enum { WIDTH = 256, SHALLOWEST = 2, DEEPEST = 16, DEPTHS = DEEPEST - SHALLOWEST + 1, BATCH = 2, SMALL_BATCH = 64 };
enum { ROUNDS = 21, PEER_DEPTH = 8, PEER_ROUNDS = 5 };

static uint32_t depth_of(int number)
{
    return SHALLOWEST + (uint32_t)number;
}

struct timed {
    uint32_t batch;
    struct session session;
    struct nnt_module *module;
    struct exercise x;
    struct ensemble *ensemble;
    const double **data;
    double *direction, *derived[2]; /* vectors of trainables */
    struct gaussian *out;
};

static const uint32_t evaluation = 1u << NNT_ENTRY_ensemble_forward | 1u << NNT_ENTRY_linearise,
                      derivatives = 1u << NNT_ENTRY_pull | 1u << NNT_ENTRY_push | 1u << NNT_ENTRY_pull_push;

/* All that is free is `depth` layers of one width, between inputs and outputs that are clamped. */
static const char *network_text(uint32_t depth, uint32_t width, uint32_t outputs, const char *potential)
{
    static char text[1024];
    snprintf(text, sizeof text,
             "network timed {\n neurons x[%u], h[%u][%u], y[%u]\n input x\n output y\n weights x -> h -> y\n"
             " biases h, y\n activation h = tanh(z)\n activation y = z\n%s}\nensemble { clamp x, y }\n",
             width, depth, width, outputs, potential);
    return text;
}

static const double **list_data(const struct exercise *x, uint32_t batch)
{
    const double **data = calloc(x->module->n_groups, sizeof *data);
    for (uint32_t k = 0; k < x->module->n_groups; k++) {
        uint32_t field = x->module->group[k].data;
        if (field == NNT_NONE) continue;
        const struct nnt_field *f = &x->module->field[field];
        data[k] = (const double *)x->call.slab[NNT_DATA] + f->offset + f->offset_per_sample * batch;
    }
    return data;
}

static struct timed timed_open(uint32_t depth, uint32_t width, uint32_t outputs, uint32_t batch, uint32_t entries,
                               const char *potential)
{
    struct timed t = {.batch = batch, .session = {.diag = diag_new(), .arena = arena_new()}};
    struct times times = {0};
    const char *text = network_text(depth, width, outputs, potential);
    struct ast_source *source = parse(t.session.diag, t.session.arena, "bench", text, strlen(text));
    struct model *model = source ? check(t.session.diag, t.session.arena, source, NULL, 0) : NULL;
    struct job job = {.entries = entries, .real_bytes = 8, .batch = batch};
    t.module = model ? compile(&t.session, model, &job, &times) : NULL;
    if (t.module) {
        t.x = exercise_open(t.module, batch);
        exercise_draw(&t.x, 1);
        t.data = list_data(&t.x, batch);
        t.ensemble = ensemble_new(t.session.diag, (struct span){0}, t.module, NULL, batch);
    }
    if (!t.ensemble) {
        session_messages(&t.session);
        exit(2);
    }
    size_t P = ensemble_trainables(t.ensemble);
    t.direction = calloc(P, sizeof *t.direction);
    for (int k = 0; k < 2; k++) t.derived[k] = calloc(P, sizeof *t.derived[k]);
    for (size_t i = 0; i < P; i++) t.direction[i] = i % 3 ? 1 : -1;
    t.out = calloc(batch, sizeof *t.out);
    return t;
}

static void timed_close(struct timed *t)
{
    ensemble_free(t->ensemble);
    free(t->data);
    free(t->direction);
    free(t->derived[0]);
    free(t->derived[1]);
    free(t->out);
    exercise_close(&t->x);
    release_module(t->module);
    diag_free(t->session.diag);
    arena_free(t->session.arena);
}

static bool evaluate_all(struct timed *t)
{
    return ensemble_evaluate(t->ensemble, t->session.diag, t->x.call.slab[NNT_PARAMETERS], t->data, t->batch, 1,
                             t->out);
}

static const struct combination F = {1, -1}, parts[] = {{1, 0}, {0, 1}};

static bool gradient_all(struct timed *t)
{
    return ensemble_gradient(t->ensemble, t->session.diag, t->x.call.slab[NNT_PARAMETERS], t->data, t->batch, 1, 1,
                             &F, t->derived, t->out);
}

static bool probe_all(struct timed *t)
{
    return ensemble_hessian(t->ensemble, t->session.diag, t->x.call.slab[NNT_PARAMETERS], t->data, t->batch, 1, &F,
                            t->direction, t->derived);
}

/* Both parts of the Laplacian by one probe. */
static bool parts_all(struct timed *t)
{
    return ensemble_hessian(t->ensemble, t->session.diag, t->x.call.slab[NNT_PARAMETERS], t->data, t->batch, 2,
                            parts, t->direction, t->derived);
}

/* Of this thread on its core: what others of the machine do meanwhile is not in it. */
static double own_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Seconds a sample, the kernels for its state and its linearisation included: of the quickest of some calls. */
static double time_sample(struct timed *t, bool (*what)(struct timed *t), uint32_t calls)
{
    double best = INFINITY;
    for (uint32_t i = 0; i < calls; i++) {
        double start = own_seconds();
        if (!what(t)) {
            session_messages(&t->session);
            exit(2);
        }
        best = fmin(best, (own_seconds() - start) / t->batch);
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

/* What a gradient of F and a probe of its Laplacian cost, in evaluations of F made just before and after. */
static bool report_derivatives(uint32_t depth, uint32_t width, uint32_t outputs, uint32_t batch)
{
    const double bars[] = {5, 12, 24};
    bool (*const what[])(struct timed *t) = {gradient_all, probe_all, parts_all};
    const char *const names[] = {"the gradient of F", "a probe of the Laplacian", "one of both its parts"};
    struct timed t = timed_open(depth, width, outputs, batch, evaluation | derivatives, "");
    bool good = true;
    (void)time_sample(&t, evaluate_all, 1);
    for (int k = 0; k < 3; k++) {
        double ratio[ROUNDS], own[ROUNDS];
        for (int r = 0; r < ROUNDS; r++) {
            double before = time_sample(&t, evaluate_all, 2);
            own[r] = time_sample(&t, what[k], 2);
            ratio[r] = own[r] / (0.5 * (before + time_sample(&t, evaluate_all, 2)));
        }
        double middle = median(ratio, ROUNDS);
        printf("%u x %u, %u outputs: %s %.3f ms a sample, %.2f evaluations of F (%.2f to %.2f; bar %.0f)\n", depth,
               width, outputs, names[k], 1e3 * median(own, ROUNDS), middle, ratio[0], ratio[ROUNDS - 1], bars[k]);
        good = good && middle <= bars[k];
    }
    timed_close(&t);
    return good;
}

/* The exponent and the time at PEER_DEPTH; NumPy in turn with it where `peer` is asked for. */
struct growth {
    double exponent, at_peer;
};

static struct growth time_depths(const char *potential, double peer[PEER_ROUNDS])
{
    static struct timed timed[DEPTHS];
    double time[DEPTHS][ROUNDS], share[DEPTHS][ROUNDS], least[DEPTHS], work[DEPTHS];
    for (int d = 0; d < DEPTHS; d++) timed[d] = timed_open(depth_of(d), WIDTH, WIDTH, BATCH, evaluation, potential);
    for (int r = -1; r < ROUNDS; r++) {
        int at = r < 0 ? 0 : r; /* the first one warms up */
        double peak = bench_fma_peak() / 2;
        for (int d = 0; d < DEPTHS; d++) {
            time[d][at] = time_sample(&timed[d], evaluate_all, DEEPEST / depth_of(d));
            share[d][at] = flops(depth_of(d)) / time[d][at] / peak;
        }
        if (peer && r >= 0 && r < PEER_ROUNDS) peer[r] = time_peer();
    }
    for (int d = 0; d < DEPTHS; d++) {
        qsort(time[d], ROUNDS, sizeof *time[d], ascending);
        least[d] = time[d][0]; /* what is above it is of others, who take the cache away */
        work[d] = flops(depth_of(d));
        double part = median(share[d], ROUNDS);
        if ((depth_of(d) & (depth_of(d) - 1)) == 0)
            printf(
                "%2u layers of %d%s, one thread: %.2f ms a sample, the flops of blocks by %.2f of the float64 FMA "
                "peak\n",
                depth_of(d), WIDTH, *potential ? " with a potential" : "", 1e3 * least[d], part);
        timed_close(&timed[d]);
    }
    struct growth out = {fitted_exponent(least), least[PEER_DEPTH - SHALLOWEST]};
    printf("time grows with the depth to the power of %.3f (the flops of blocks %.3f)\n", out.exponent,
           fitted_exponent(work));
    return out;
}

static bool report_peer(double peer[PEER_ROUNDS], const struct growth *blocks, const struct growth *bare,
                        double least_ratio)
{
    if (isnan(peer[0])) {
        printf("NumPy is not there (NNT_PYTHON names the python to ask): no peer\n");
        return true;
    }
    double middle = median(peer, PEER_ROUNDS), ratio = middle / blocks->at_peer;
    printf("%d x %d by NumPy, dense: %.1f ms, %.1f times as long as by blocks (bar %.0f), %.1f as without a "
           "potential\n",
           PEER_DEPTH, WIDTH, 1e3 * middle, ratio, least_ratio, middle / bare->at_peer);
    return ratio >= least_ratio;
}

/* With a potential A is made in blocks; without it a determinant of fewer rows is there too, and the cheaper is taken. */
int main(int argc, char **argv)
{
    double most = argc > 1 ? atof(argv[1]) : 1.15, least_ratio = argc > 2 ? atof(argv[2]) : 10, peer[PEER_ROUNDS];
    products_one_thread();
    struct growth blocks = time_depths(" potential h = 0.05 * s^2\n", peer), bare = time_depths("", NULL);
    bool linear = fmax(blocks.exponent, bare.exponent) < most + 0.005; /* the bar has two digits */
    printf("powers of the depth: bar %.2f\n", most);
    bool cheap = report_derivatives(PEER_DEPTH, WIDTH, WIDTH, BATCH);
    cheap = report_derivatives(2, 64, 10, SMALL_BATCH) && cheap;
    return report_peer(peer, &blocks, &bare, least_ratio) && linear && cheap ? 0 : 1;
}
