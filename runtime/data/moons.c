/* moons.c: two interleaved half circles in the plane. */
#include "runtime/data/source.h"
#include "runtime/base/random.h"

#include <math.h>

#define PI 3.141592653589793

/* One half circle bulges up around (-0.5, -0.25), the other down around (0.5, 0.25); together their mean is 0. Of
 * samples 2k and 2k + 1 each half circle gets one. */
void moons_draw(uint64_t seed, uint32_t sample, double noise, float point[2], uint8_t *out_label)
{
    struct random random = random_stream(seed, RANDOM_SOURCE, 0, sample);
    struct random pair = random_stream(seed, RANDOM_SOURCE, 1, sample / 2);
    *out_label = (uint8_t)((sample ^ random_bits(&pair)) & 1);
    double angle = PI * random_uniform(&random), side = *out_label == 1 ? -1 : 1;
    point[0] = (float)(side * (cos(angle) - 0.5) + noise * random_normal(&random));
    point[1] = (float)(side * (sin(angle) - 0.25) + noise * random_normal(&random));
}
