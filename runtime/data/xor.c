/* xor.c: the four points of exclusive or. */
#include "runtime/data/source.h"

bool xor_open(struct diag *diag, const struct source_spec *spec, struct table *out)
{
    static const char *const names[] = {"point", "label"};
    out->count = 4;
    if (!table_new_fields(diag, spec->at, out, 2, names) ||
        !field_new_numbers(diag, spec->at, &out->field[0], 4, 2) ||
        !field_new_label(diag, spec->at, &out->field[1], 4, 2))
        return false;
    for (uint32_t i = 0; i < 4; i++) {
        out->field[0].numbers[2 * i] = (float)(i >> 1);
        out->field[0].numbers[2 * i + 1] = (float)(i & 1);
        out->field[1].bytes[i] = (uint8_t)(i >> 1 ^ (i & 1));
    }
    return true;
}
