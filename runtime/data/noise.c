/* noise.c: noisy, flip and mask: drawn by counter from (seed, epoch, sample), so that nothing is kept. */
#include "runtime/data/noise.h"

/* Behind the last epoch there can be: the stream's name has 40 bits for it, and 40 for the sample, of which 32 are
 * used. */
enum { GROUP_SHIFT = 32, GROUPS = 256 };
static const uint64_t TEST_EPOCH = ((uint64_t)1 << 40) - 1;

static uint64_t name_of(uint32_t group, uint32_t sample)
{
    return (uint64_t)(group % GROUPS) << GROUP_SHIFT | sample;
}

struct random noise_of_epoch(const struct data *data, uint32_t group, uint64_t epoch, uint32_t sample)
{
    return random_stream(data->noise_seed, RANDOM_NOISE, epoch % TEST_EPOCH, name_of(group, sample));
}

struct random noise_of_test(const struct data_spec *spec, uint32_t group, uint32_t sample)
{
    return random_stream(spec->seed, RANDOM_NOISE, TEST_EPOCH, name_of(group, sample));
}

static double noisy(const struct noise_spec *noise, double middle, struct random *random, double value)
{
    switch (noise->which) {
    case NOISE_NORMAL:
        return value + noise->amount * random_normal(random);
    case NOISE_FLIP:
        return random_uniform(random) < noise->amount ? 2 * middle - value : value;
    case NOISE_MASK:
        return random_uniform(random) < noise->amount ? 0 : value;
    }
    BUG("no noise %d", (int)noise->which);
}

void noise_apply(const struct data *data, uint32_t group, struct random *random, void *numbers)
{
    double middle = (data->low[group] + data->high[group]) / 2;
    for (uint32_t i = 0; i < data->noise[group].n; i++)
        for (uint32_t k = 0; k < data->filled[group]; k++) {
            const struct noise_spec *noise = &data->noise[group].noise[i];
            double *wide = (double *)numbers + k;
            float *narrow = (float *)numbers + k;
            if (data->real_bytes == sizeof(double))
                *wide = noisy(noise, middle, random, *wide);
            else
                *narrow = (float)noisy(noise, middle, random, (double)*narrow);
        }
}
