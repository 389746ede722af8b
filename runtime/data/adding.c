/* adding.c: sequences of a value and a mark: the sum of the two values that are marked. */
#include "runtime/data/source.h"
#include "runtime/base/random.h"

/* Values uniform in 0 … 1. One mark stands in the first half of the sequence, one in the second (Hochreiter and
 * Schmidhuber 1997); a sequence of one row has one mark. */
bool adding_open(struct diag *diag, const struct source_spec *spec, struct table *out)
{
    static const char *const names[] = {"pairs", "total"};
    uint32_t length = (uint32_t)spec->number[1], half = length / 2;
    out->count = (uint32_t)spec->number[0];
    if (!table_new_fields(diag, spec->at, out, 2, names) ||
        !field_new_numbers(diag, spec->at, &out->field[0], out->count, 2 * length) ||
        !field_new_numbers(diag, spec->at, &out->field[1], out->count, 1))
        return false;
    out->field[0].rows = length;
    out->field[0].sequence = true;
    for (uint32_t i = 0; i < out->count; i++) {
        struct random random = random_stream((uint64_t)spec->number[2], RANDOM_SOURCE, 0, i);
        float *pair = out->field[0].numbers + (size_t)i * 2 * length, *total = &out->field[1].numbers[i];
        uint32_t second = half + random_below(&random, length - half),
                 first = half > 0 ? random_below(&random, half) : second;
        *total = 0;
        for (uint32_t k = 0; k < length; k++) {
            pair[2 * k] = (float)random_uniform(&random);
            pair[2 * k + 1] = k == first || k == second;
            if (k == first || k == second) *total += pair[2 * k];
        }
    }
    return true;
}
