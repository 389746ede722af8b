/* plane.c: points of the plane in two classes, as a table. */
#include "runtime/data/source.h"

bool plane_open(struct diag *diag, const struct source_spec *spec, plane_draw *draw, struct table *out)
{
    static const char *const names[] = {"point", "label"};
    out->count = (uint32_t)spec->number[0];
    if (!table_new_fields(diag, spec->at, out, 2, names) ||
        !field_new_numbers(diag, spec->at, &out->field[0], out->count, 2) ||
        !field_new_label(diag, spec->at, &out->field[1], out->count, 2))
        return false;
    for (uint32_t i = 0; i < out->count; i++)
        draw((uint64_t)spec->number[2], i, spec->number[1], out->field[0].numbers + 2 * (size_t)i,
             &out->field[1].bytes[i]);
    return true;
}
