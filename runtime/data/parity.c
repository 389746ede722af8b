/* parity.c: sequences of ±1, and whether an odd number of them is 1. */
#include "runtime/data/source.h"
#include "runtime/base/random.h"

bool parity_open(struct diag *diag, const struct source_spec *spec, struct table *out)
{
    static const char *const names[] = {"bits", "label"};
    uint32_t length = (uint32_t)spec->number[1];
    out->count = (uint32_t)spec->number[0];
    if (!table_new_fields(diag, spec->at, out, 2, names) ||
        !field_new_numbers(diag, spec->at, &out->field[0], out->count, length) ||
        !field_new_label(diag, spec->at, &out->field[1], out->count, 2))
        return false;
    out->field[0].rows = length;
    out->field[0].sequence = true;
    for (uint32_t i = 0; i < out->count; i++) {
        struct random random = random_stream((uint64_t)spec->number[2], RANDOM_SOURCE, 0, i);
        uint32_t ones = 0;
        for (uint32_t k = 0; k < length; k++) {
            uint32_t bit = random_bits(&random) & 1;
            out->field[0].numbers[(size_t)i * length + k] = bit ? 1 : -1;
            ones += bit;
        }
        out->field[1].bytes[i] = ones & 1;
    }
    return true;
}
