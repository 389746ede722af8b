/* peer.c: the same training step by hand: C on OpenBLAS, written to win.
 *
 * One sgemm a product; the update of the weights inside it (alpha = -rate / batch, beta = 1); bias and activation in one pass, so
 * activation's derivative and the bias gradient; no gradient for the inputs; no allocation; OpenBLAS at one thread.
 */
#include <cblas.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/fast_tanh.h"
#include "tests/bench/harness.h"

extern void openblas_set_num_threads(int);

struct peer {
    struct task task;
    float *weight[BENCH_LAYERS], *bias[BENCH_LAYERS];
    float *state[BENCH_LAYERS + 1], *error[BENCH_LAYERS + 1]; /* error[l]: dL/dz of layer l */
    uint32_t *order, next;
    uint8_t *label;
    double loss, products;
    int timed;
};

static float *floats(size_t n)
{
    float *block = aligned_alloc(64, (n * sizeof(float) + 63) / 64 * 64);
    if (!block) abort();
    memset(block, 0, n * sizeof(float));
    return block;
}

static uint32_t random_bits(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

static void shuffle(struct peer *p, uint64_t seed)
{
    for (uint32_t i = 0; i < p->task.samples; i++) p->order[i] = i;
    for (uint32_t i = p->task.samples; i > 1; i--) {
        uint32_t j = random_bits(&seed) % i, keep = p->order[i - 1];
        p->order[i - 1] = p->order[j];
        p->order[j] = keep;
    }
}

static void *peer_open(const struct task *task)
{
    struct peer *p = calloc(1, sizeof *p);
    uint64_t seed = 1;
    if (!p) abort();
    openblas_set_num_threads(1);
    p->task = *task;
    for (uint32_t l = 0; l < task->layers; l++) {
        uint32_t in = task->width[l], out = task->width[l + 1];
        float limit = sqrtf(6.0f / (float)(in + out));
        p->weight[l] = floats((size_t)in * out);
        p->bias[l] = floats(out);
        for (size_t i = 0; i < (size_t)in * out; i++)
            p->weight[l][i] = limit * ((float)random_bits(&seed) / 1073741824.0f - 1);
    }
    for (uint32_t l = 0; l <= task->layers; l++) {
        p->state[l] = floats((size_t)task->batch * task->width[l]);
        p->error[l] = floats((size_t)task->batch * task->width[l]);
    }
    p->order = malloc(task->samples * sizeof *p->order);
    p->label = malloc(task->batch);
    if (!p->order || !p->label) abort();
    shuffle(p, 7);
    return p;
}

static void product(struct peer *p, CBLAS_TRANSPOSE ta, CBLAS_TRANSPOSE tb, uint32_t m, uint32_t n, uint32_t k,
                    float alpha, const float *a, uint32_t lda, const float *b, uint32_t ldb, float beta, float *c)
{
    double start = p->timed ? bench_seconds() : 0;
    cblas_sgemm(CblasRowMajor, ta, tb, (int)m, (int)n, (int)k, alpha, a, (int)lda, b, (int)ldb, beta, c, (int)n);
    if (p->timed) p->products += bench_seconds() - start;
}

static void activate(const struct peer *p, float *restrict y, const float *restrict bias, uint32_t n)
{
    for (uint32_t b = 0; b < p->task.batch; b++, y += n)
        if (p->task.relu)
            for (uint32_t i = 0; i < n; i++) {
                float z = y[i] + bias[i];
                y[i] = z > 0 ? z : 0;
            }
        else
            for (uint32_t i = 0; i < n; i++) y[i] = fast_tanh(y[i] + bias[i]);
}

/* Bias, softmax, cross-entropy and its gradient, a row at a time. */
static double output(const struct peer *p, const float *restrict bias, uint32_t n)
{
    double loss = 0;
    for (uint32_t b = 0; b < p->task.batch; b++) {
        float *restrict z = p->state[p->task.layers] + (size_t)b * n, *restrict e =
                                                                          p->error[p->task.layers] + (size_t)b * n;
        float most = -FLT_MAX, sum = 0;
        for (uint32_t i = 0; i < n; i++) {
            z[i] += bias[i];
            most = z[i] > most ? z[i] : most;
        }
        float right = z[p->label[b]];
        for (uint32_t i = 0; i < n; i++) sum += e[i] = expf(z[i] - most);
        for (uint32_t i = 0; i < n; i++) z[i] = e[i] /= sum;
        e[p->label[b]] -= 1;
        loss += logf(sum) + most - right;
    }
    return loss / p->task.batch;
}

static void update_bias(const struct peer *p, uint32_t l, float step)
{
    uint32_t n = p->task.width[l + 1];
    for (uint32_t b = 0; b < p->task.batch; b++)
        for (uint32_t i = 0; i < n; i++) p->bias[l][i] += step * p->error[l + 1][(size_t)b * n + i];
}

static void derive(const struct peer *p, uint32_t l)
{
    float *restrict e = p->error[l];
    const float *restrict y = p->state[l];
    size_t n = (size_t)p->task.batch * p->task.width[l];
    if (p->task.relu)
        for (size_t i = 0; i < n; i++) e[i] = y[i] > 0 ? e[i] : 0;
    else
        for (size_t i = 0; i < n; i++) e[i] *= 1 - y[i] * y[i];
}

static void gather(struct peer *p)
{
    uint32_t n = p->task.width[0];
    for (uint32_t b = 0; b < p->task.batch; b++) {
        uint32_t s = p->order[p->next];
        p->next = (p->next + 1) % p->task.samples;
        memcpy(p->state[0] + (size_t)b * n, p->task.x + (size_t)s * n, n * sizeof(float));
        p->label[b] = p->task.label[s];
    }
}

static void peer_step(void *state)
{
    struct peer *p = state;
    const struct task *t = &p->task;
    gather(p);
    for (uint32_t l = 0; l < t->layers; l++) {
        uint32_t in = t->width[l], out = t->width[l + 1];
        product(p, CblasNoTrans, CblasTrans, t->batch, out, in, 1, p->state[l], in, p->weight[l], in, 0,
                p->state[l + 1]);
        if (l + 1 < t->layers) activate(p, p->state[l + 1], p->bias[l], out);
    }
    p->loss = output(p, p->bias[t->layers - 1], t->width[t->layers]);
    float step = -t->rate / (float)t->batch;
    for (uint32_t l = t->layers; l-- > 0;) {
        uint32_t in = t->width[l], out = t->width[l + 1];
        if (l > 0) {
            product(p, CblasNoTrans, CblasNoTrans, t->batch, in, out, 1, p->error[l + 1], out, p->weight[l], in, 0,
                    p->error[l]);
            derive(p, l);
        }
        product(p, CblasTrans, CblasNoTrans, out, in, t->batch, step, p->error[l + 1], out, p->state[l], in, 1,
                p->weight[l]);
        update_bias(p, l, step);
    }
}

static double peer_loss(void *state)
{
    return ((struct peer *)state)->loss;
}

static double peer_share(void *state, int steps)
{
    struct peer *p = state;
    p->timed = 1;
    p->products = 0;
    double start = bench_seconds();
    for (int i = 0; i < steps; i++) peer_step(p);
    double spent = bench_seconds() - start;
    p->timed = 0;
    return p->products / spent;
}

static void peer_close(void *state)
{
    struct peer *p = state;
    for (uint32_t l = 0; l < p->task.layers; l++) {
        free(p->weight[l]);
        free(p->bias[l]);
    }
    for (uint32_t l = 0; l <= p->task.layers; l++) {
        free(p->state[l]);
        free(p->error[l]);
    }
    free(p->order);
    free(p->label);
    free(p);
}

const struct subject subject_peer = {"C + OpenBLAS", peer_open, peer_step, peer_loss, peer_share, peer_close};
