/* random.c: Philox by counter: the same key, purpose and place give the same number on every machine. */
#include "runtime/base/random.h"

#include <math.h>

#include <Random123/philox.h>

#define TWO_PI 6.283185307179586

struct random random_stream(uint64_t seed, enum random_purpose purpose, uint64_t step, uint64_t sample)
{
    return (struct random){.seed = seed, .purpose = (uint32_t)purpose, .step = step, .sample = sample};
}

/* Counter: 32 bits of block number, 40 of step, 40 of sample, 16 of purpose. */
static void load_block(struct random *random, uint64_t number)
{
    uint32_t high = random->purpose << 16 | (uint32_t)(random->step >> 32 & 0xFF) << 8;
    philox4x32_ctr_t counter = {{(uint32_t)number, (uint32_t)random->step, (uint32_t)random->sample,
                                 high | (uint32_t)(random->sample >> 32 & 0xFF)}};
    philox4x32_key_t key = {{(uint32_t)random->seed, (uint32_t)(random->seed >> 32)}};
    philox4x32_ctr_t block = philox4x32(counter, key);
    for (int i = 0; i < 4; i++) random->block[i] = block.v[i];
    random->loaded = number + 1;
}

uint32_t random_bits(struct random *random)
{
    uint64_t number = random->index / 4;
    if (random->loaded != number + 1) load_block(random, number);
    return random->block[random->index++ % 4];
}

double random_uniform(struct random *random)
{
    uint64_t high = random_bits(random), low = random_bits(random);
    return (double)((high << 32 | low) >> 11) * 0x1p-53;
}

double random_normal(struct random *random)
{
    if (random->has_spare) {
        random->has_spare = false;
        return random->spare;
    }
    double radius = sqrt(-2 * log(1 - random_uniform(random))); /* 1 - u is never 0 */
    double angle = TWO_PI * random_uniform(random);
    random->spare = radius * sin(angle);
    random->has_spare = true;
    return radius * cos(angle);
}

/* Lemire's multiplication: the high half is the number; the few low halves that would favour some are drawn again.
 */
uint32_t random_below(struct random *random, uint32_t n)
{
    if (n == 0) BUG("a random number below 0");
    uint32_t unfair = (0u - n) % n;
    uint64_t product;
    do product = (uint64_t)random_bits(random) * n;
    while ((uint32_t)product < unfair);
    return (uint32_t)(product >> 32);
}

void random_permutation(struct random *random, uint32_t n, uint32_t out[])
{
    for (uint32_t i = 0; i < n; i++) out[i] = i;
    for (uint32_t i = n; i > 1; i--) {
        uint32_t j = random_below(random, i), held = out[i - 1];
        out[i - 1] = out[j];
        out[j] = held;
    }
}
