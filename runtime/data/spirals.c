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

bool spirals_open(struct diag *diag, const struct source_spec *spec, struct table *out)
{
    static const char *const names[] = {"point", "label"};
    out->count = (uint32_t)spec->number[0];
    if (!table_new_fields(diag, spec->at, out, 2, names) ||
        !field_new_numbers(diag, spec->at, &out->field[0], out->count, 2) ||
        !field_new_label(diag, spec->at, &out->field[1], out->count, 2))
        return false;
    for (uint32_t i = 0; i < out->count; i++)
        spirals_draw((uint64_t)spec->number[2], i, spec->number[1], out->field[0].numbers + 2 * (size_t)i,
                     &out->field[1].bytes[i]);
    return true;
}
