/* recurrent_peer.c: the training step of a recurrent layer by hand: C on OpenBLAS, written to win.
 *
 * Time stands outermost, so that what does not wait for the tick before is one product over all ticks: the inputs' share of z, and the
 * gradients of all weights, which are the update too (alpha = -rate / batch, beta = 1). A tick is one sgemm and one pass of bias and
 * tanh, going back one sgemm and one pass of the derivative. Outputs are made once, where they are compared.
 */
#include <cblas.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/fast_tanh.h"
#include "tests/bench/recurrent.h"

extern void openblas_set_num_threads(int);

struct recurrent {
    struct recurrent_task task;
    struct recurrent_weights w;
    float *x, *h, *delta;    /* [rows][batch][inputs]; [ticks + 1][batch][hidden]; [ticks][batch][hidden] */
    float *y, *error, *back; /* [batch][outputs]; [batch][hidden] */
    double loss;
};

static float *floats(size_t n, const float *begin)
{
    float *block = aligned_alloc(64, (n * sizeof(float) + 63) / 64 * 64);
    if (!block) abort();
    memset(block, 0, n * sizeof(float));
    if (begin) memcpy(block, begin, n * sizeof(float));
    return block;
}

struct recurrent *recurrent_open(const struct recurrent_task *task, const struct recurrent_weights *begin)
{
    struct recurrent *r = calloc(1, sizeof *r);
    size_t batch = task->batch, hidden = task->hidden;
    if (!r) abort();
    openblas_set_num_threads(1);
    r->task = *task;
    r->w.input = floats(hidden * task->inputs, begin->input);
    r->w.inner = floats(hidden * hidden, begin->inner);
    r->w.output = floats(task->outputs * hidden, begin->output);
    r->w.bias = floats(hidden, begin->bias);
    r->w.output_bias = floats(task->outputs, begin->output_bias);
    r->x = floats(task->rows * batch * task->inputs, NULL);
    r->h = floats((task->ticks + 1) * batch * hidden, NULL);
    r->delta = floats(task->ticks * batch * hidden, NULL);
    r->y = floats(batch * task->outputs, NULL);
    r->error = floats(batch * task->outputs, NULL);
    r->back = floats(batch * hidden, NULL);
    return r;
}

void recurrent_close(struct recurrent *r)
{
    float *all[] = {r->w.input, r->w.inner, r->w.output, r->w.bias, r->w.output_bias, r->x,
                    r->h,       r->delta,   r->y,        r->error,  r->back};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) free(all[i]);
    free(r);
}

/* C := alpha op(A) op(B) + beta C, all of them dense. */
static void product(CBLAS_TRANSPOSE ta, CBLAS_TRANSPOSE tb, size_t m, size_t n, size_t k, float alpha,
                    const float *a, const float *b, float beta, float *c)
{
    if (!m || !n || !k) return;
    cblas_sgemm(CblasRowMajor, ta, tb, (int)m, (int)n, (int)k, alpha, a, (int)(ta == CblasTrans ? m : k), b,
                (int)(tb == CblasTrans ? k : n), beta, c, (int)n);
}

static void order_by_time(struct recurrent *r, const float *x)
{
    size_t n = r->task.inputs, batch = r->task.batch, rows = r->task.rows;
    for (size_t b = 0; b < batch; b++)
        for (size_t t = 0; t < rows; t++) memcpy(r->x + (t * batch + b) * n, x + (b * rows + t) * n, n * sizeof *x);
}

static void forward(struct recurrent *r)
{
    size_t batch = r->task.batch, n = r->task.hidden, one = batch * n;
    const float *restrict bias = r->w.bias;
    product(CblasNoTrans, CblasTrans, r->task.rows * batch, n, r->task.inputs, 1, r->x, r->w.input, 0, r->h + one);
    for (size_t t = 0; t < r->task.ticks; t++) {
        float *restrict next = r->h + (t + 1) * one;
        /* The states before the first tick are 0. */
        if (t || t >= r->task.rows)
            product(CblasNoTrans, CblasTrans, batch, n, n, 1, r->h + t * one, r->w.inner, t < r->task.rows, next);
        for (size_t b = 0; b < batch; b++)
            for (size_t i = 0; i < n; i++) next[b * n + i] = fast_tanh(next[b * n + i] + bias[i]);
    }
}

/* Outputs one tick behind h; softmax, cross-entropy and its gradient, a row at a time. */
static void compare(struct recurrent *r, const float *target)
{
    size_t batch = r->task.batch, n = r->task.outputs, one = batch * r->task.hidden;
    product(CblasNoTrans, CblasTrans, batch, n, r->task.hidden, 1, r->h + (r->task.ticks - 1) * one, r->w.output, 0,
            r->y);
    r->loss = 0;
    for (size_t b = 0; b < batch; b++) {
        float *restrict z = r->y + b * n, *restrict e = r->error + b * n, most = -FLT_MAX, sum = 0, all = 0;
        for (size_t i = 0; i < n; i++) {
            z[i] += r->w.output_bias[i];
            most = z[i] > most ? z[i] : most;
        }
        for (size_t i = 0; i < n; i++) sum += e[i] = expf(z[i] - most);
        float log_sum = logf(sum) + most;
        for (size_t i = 0; i < n; i++) all += target[b * n + i];
        for (size_t i = 0; i < n; i++) {
            r->loss -= target[b * n + i] * (z[i] - log_sum);
            z[i] = e[i] / sum;
            e[i] = z[i] * all - target[b * n + i];
        }
    }
    r->loss /= (double)batch;
}

/* What the last tick but one says of y; h of the last tick goes nowhere. */
static void backward(struct recurrent *r)
{
    size_t batch = r->task.batch, n = r->task.hidden, one = batch * n, last = r->task.ticks - 1;
    for (size_t t = last; t-- > 0;) {
        float *restrict delta = r->delta + t * one;
        const float *restrict h = r->h + (t + 1) * one;
        if (t + 1 == last)
            product(CblasNoTrans, CblasNoTrans, batch, n, r->task.outputs, 1, r->error, r->w.output, 0, delta);
        else
            product(CblasNoTrans, CblasNoTrans, batch, n, n, 1, r->delta + (t + 1) * one, r->w.inner, 0, delta);
        for (size_t i = 0; i < one; i++) delta[i] *= 1 - h[i] * h[i];
    }
}

static void update(struct recurrent *r)
{
    size_t batch = r->task.batch, n = r->task.hidden, one = batch * n, last = r->task.ticks - 1;
    size_t rows = r->task.rows < last ? r->task.rows : last;
    float step = -r->task.rate / (float)batch, *restrict bias = r->w.bias;
    product(CblasTrans, CblasNoTrans, r->task.outputs, n, batch, step, r->error, r->h + last * one, 1, r->w.output);
    product(CblasTrans, CblasNoTrans, n, n, (last - 1) * batch, step, r->delta + one, r->h + one, 1, r->w.inner);
    product(CblasTrans, CblasNoTrans, n, r->task.inputs, rows * batch, step, r->delta, r->x, 1, r->w.input);
    for (size_t k = 0; k < last * batch; k++)
        for (size_t i = 0; i < n; i++) bias[i] += step * r->delta[k * n + i];
    for (size_t k = 0; k < batch; k++)
        for (size_t i = 0; i < r->task.outputs; i++)
            r->w.output_bias[i] += step * r->error[k * r->task.outputs + i];
}

void recurrent_step(struct recurrent *r, const float *x, const float *target)
{
    order_by_time(r, x);
    forward(r);
    compare(r, target);
    backward(r);
    update(r);
}

double recurrent_loss(const struct recurrent *r)
{
    return r->loss;
}
