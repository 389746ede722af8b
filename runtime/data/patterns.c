/* patterns.c: random patterns of ±1, each sample one of them. */
#include "runtime/data/source.h"
#include "runtime/base/random.h"

bool patterns_open(struct diag *diag, const struct source_spec *spec, struct table *out)
{
    static const char *const names[] = {"pattern"};
    uint32_t size = (uint32_t)spec->number[1];
    out->count = (uint32_t)spec->number[0];
    if (!table_new_fields(diag, spec->at, out, 1, names) ||
        !field_new_numbers(diag, spec->at, &out->field[0], out->count, size))
        return false;
    for (uint32_t i = 0; i < out->count; i++) {
        struct random random = random_stream((uint64_t)spec->number[2], RANDOM_SOURCE, 0, i);
        for (uint32_t k = 0; k < size; k++)
            out->field[0].numbers[(size_t)i * size + k] = random_bits(&random) & 1 ? 1 : -1;
    }
    return true;
}
