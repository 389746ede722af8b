/* recurrent.h: one recurrent layer trained by hand, as the bench of ticks compares it. Includes nothing of nnt. */
#ifndef BENCH_RECURRENT_H
#define BENCH_RECURRENT_H

#include <stdint.h>

/* x (a row of `inputs` numbers in each of the first `rows` ticks) -> h (tanh, fed by itself) -> y (softmax, compared after the last
 * tick); cross-entropy, plain sgd, float32, states 0 before the first tick, every block a delay of one tick. */
struct recurrent_task {
    const char *name;
    uint32_t inputs, rows, hidden, outputs, ticks, batch;
    float rate;
};
/* Matrices are [to][from]. */
struct recurrent_weights {
    float *input, *inner, *output, *bias, *output_bias;
};
struct recurrent;
/* Begins with a copy of the weights. */
struct recurrent *recurrent_open(const struct recurrent_task *task, const struct recurrent_weights *begin);
/* One training step: x [batch][rows][inputs], target [batch][outputs]. */
void recurrent_step(struct recurrent *r, const float *x, const float *target);
/* The mean loss of the last step. */
double recurrent_loss(const struct recurrent *r);
void recurrent_close(struct recurrent *r);

#endif
