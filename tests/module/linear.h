/* linear.h: the module written by hand in linear.c, in both precisions. */
#ifndef NNT_TEST_LINEAR_H
#define NNT_TEST_LINEAR_H

#include "runtime/abi.h"

/* y = W x + b with 3 inputs and 2 outputs, loss 1/2 |y - target|^2, sgd with momentum 0.5. The ensemble clamps x; R
 * = {y}. */
extern const struct nnt_module linear_f32, linear_f64;
enum { LINEAR_X = 3, LINEAR_Y = 2, LINEAR_P = LINEAR_X * LINEAR_Y + LINEAR_Y };

#endif
