/* linear_data.h: random data for the module of linear.c. */
#ifndef NNT_TEST_LINEAR_DATA_H
#define NNT_TEST_LINEAR_DATA_H

#include "runtime/data/data.h"

enum { LINEAR_SAMPLES = 23, LINEAR_TEST = 9 };
/* LINEAR_SAMPLES training and LINEAR_TEST test samples: x normal, y = a fixed linear map of x and noise.
 * free_linear_data frees. */
struct data *new_linear_data(uint32_t real_bytes);
void free_linear_data(struct data *data);

#endif
