/* linear_data.c: random data for the module of linear.c. */
#include "tests/module/linear_data.h"

#include "runtime/base/random.h"
#include "tests/module/linear.h"

#include <stdlib.h>

static struct data_group groups[] = {{.name = "x", .shown = "x", .size = LINEAR_X, .input = true},
                                     {.name = "y", .shown = "y", .size = LINEAR_Y}};

static void put(void *to, uint32_t real_bytes, size_t i, double value)
{
    if (real_bytes == 4)
        ((float *)to)[i] = (float)value;
    else
        ((double *)to)[i] = value;
}

static struct split new_split(uint32_t count, uint32_t real_bytes, uint64_t seed)
{
    static const double map[LINEAR_Y][LINEAR_X] = {{1, -2, 0.5}, {0.25, 1, -1}};
    struct random random = random_stream(seed, RANDOM_SOURCE, 0, 0);
    struct split split = {count, calloc(2, sizeof *split.value)};
    split.value[0] = malloc((size_t)count * LINEAR_X * real_bytes);
    split.value[1] = malloc((size_t)count * LINEAR_Y * real_bytes);
    for (uint32_t s = 0; s < count; s++) {
        double x[LINEAR_X];
        for (uint32_t j = 0; j < LINEAR_X; j++) {
            x[j] = random_normal(&random);
            put(split.value[0], real_bytes, (size_t)s * LINEAR_X + j, x[j]);
        }
        for (uint32_t i = 0; i < LINEAR_Y; i++) {
            double y = 0.1 * random_normal(&random);
            for (uint32_t j = 0; j < LINEAR_X; j++) y += map[i][j] * x[j];
            put(split.value[1], real_bytes, (size_t)s * LINEAR_Y + i, y);
        }
    }
    return split;
}

struct data *new_linear_data(uint32_t real_bytes)
{
    struct data *data = calloc(1, sizeof *data);
    *data = (struct data){.real_bytes = real_bytes, .n_groups = 2, .group = groups};
    data->train = new_split(LINEAR_SAMPLES, real_bytes, 1);
    data->test = new_split(LINEAR_TEST, real_bytes, 2);
    data->target = calloc(2, sizeof *data->target);
    data->target[1] = TARGET_NUMBER;
    data->low = calloc(2, sizeof *data->low);
    data->high = calloc(2, sizeof *data->high);
    data->classes = calloc(2, sizeof *data->classes);
    data->scale = calloc(2, sizeof *data->scale);
    data->offset = calloc(2, sizeof *data->offset);
    return data;
}

void free_linear_data(struct data *data)
{
    for (uint32_t k = 0; k < 2; k++) {
        free(data->train.value[k]);
        free(data->test.value[k]);
    }
    free(data->train.value);
    free(data->test.value);
    free(data->target);
    free(data->low);
    free(data->high);
    free(data->classes);
    free(data->scale);
    free(data->offset);
    free(data);
}
