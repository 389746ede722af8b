/* spirals.c: two interleaved spirals in the plane. */
#include "runtime/data/source.h"
#include "runtime/base/random.h"

#include <math.h>

#define TURNS 1.5
#define OUTER 2.0 /* radius at the ends: the arms are OUTER / (2 TURNS) apart */
#define INNER 0.3
#define TWO_PI 6.283185307179586

/* Radius by the square root of a uniform number: about as many points everywhere along an arm. Of samples 2k and 2k
 * + 1 each arm gets one. */
void spirals_draw(uint64_t seed, uint32_t sample, double noise, float point[2], uint8_t *out_label)
{
    struct random random = random_stream(seed, RANDOM_SOURCE, 0, sample);
    struct random pair = random_stream(seed, RANDOM_SOURCE, 1, sample / 2);
    *out_label = (uint8_t)((sample ^ random_bits(&pair)) & 1);
    double radius = INNER + (OUTER - INNER) * sqrt(random_uniform(&random));
    double angle = TWO_PI * TURNS * radius / OUTER + (*out_label == 1 ? TWO_PI / 2 : 0);
    point[0] = (float)(radius * cos(angle) + noise * random_normal(&random));
    point[1] = (float)(radius * sin(angle) + noise * random_normal(&random));
}
