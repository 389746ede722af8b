/* source.c: the table of sources, opening one, and reading a sample's field. */
#include "runtime/data/source.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const struct source_row source_rows[SOURCES] = {
#define SOURCE(name, arguments, fields, supported, help) {#name, arguments, fields, help, supported},
#include "runtime/data/sources.def"
#undef SOURCE
};

static bool no_memory(struct diag *diag, struct span at, const char *field)
{
    diag_machine(diag, at, "out-of-memory", "no memory for the data of field '%s'", field != NULL ? field : "?");
    return false;
}

bool table_new_fields(struct diag *diag, struct span at, struct table *table, uint32_t n, const char *const names[])
{
    table->field = calloc(n, sizeof *table->field);
    if (table->field == NULL) return no_memory(diag, at, names != NULL ? names[0] : NULL);
    table->n_fields = n;
    for (uint32_t i = 0; names != NULL && i < n; i++) table->field[i].name = names[i];
    return true;
}

bool field_new_numbers(struct diag *diag, struct span at, struct field *field, uint32_t count, uint32_t width)
{
    size_t bytes;
    field->width = width;
    field->numbers = size_product(count, width * sizeof(float), &bytes) ? malloc(bytes) : NULL;
    return field->numbers != NULL || no_memory(diag, at, field->name);
}

bool field_new_doubles(struct diag *diag, struct span at, struct field *field, uint32_t count, uint32_t width)
{
    size_t bytes;
    field->width = width;
    field->doubles = size_product(count, width * sizeof(double), &bytes) ? malloc(bytes) : NULL;
    return field->doubles != NULL || no_memory(diag, at, field->name);
}

bool field_new_label(struct diag *diag, struct span at, struct field *field, uint32_t count, uint32_t classes)
{
    field->width = 1;
    field->classes = classes;
    for (uint32_t k = 0; k < classes; k++) field->code[k] = (uint8_t)k;
    field->bytes = malloc(count);
    return field->bytes != NULL || no_memory(diag, at, field->name);
}

void table_free(struct table *table)
{
    for (uint32_t i = 0; i < table->n_fields; i++) {
        free(table->field[i].bytes);
        free(table->field[i].numbers);
        free(table->field[i].doubles);
    }
    free(table->field);
    csv_free(table->csv);
    *table = (struct table){0};
}

void field_row(const struct field *field, uint32_t sample, double *out)
{
    size_t first = (size_t)sample * field->width;
    for (uint32_t k = 0; k < field->width; k++) {
        if (field->doubles != NULL)
            out[k] = field->doubles[first + k];
        else if (field->numbers != NULL)
            out[k] = (double)field->numbers[first + k];
        else if (field->classes > 0)
            out[k] = field->bytes[first + k];
        else
            out[k] = field->bytes[first + k] / FIELD_WHITE;
    }
}

/* Arguments of the generators as the rows name them: a count, a seed, a noise. */
static bool check_argument(struct diag *diag, const struct source_spec *spec, const char *word, size_t length,
                           double value)
{
    bool whole = value == floor(value), is_count = length == 5 && memcmp(word, "count", 5) == 0;
    bool is_noise = length == 5 && memcmp(word, "noise", 5) == 0;
    const char *expected = NULL;
    if (is_count && !(whole && value >= 1 && value < 0x1p31)) expected = "a whole number from 1 to 2147483647";
    if (!is_count && !is_noise && !(whole && value >= 0 && value < 0x1p53)) expected = "a whole number, 0 or more";
    bool is_size = !is_count && !is_noise && !(length == 4 && memcmp(word, "seed", 4) == 0);
    if (is_size && !(whole && value >= 1 && value < 0x1p31)) expected = "a whole number from 1 to 2147483647";
    if (is_noise && !(value >= 0 && value < HUGE_VAL)) expected = "0 or more";
    if (expected == NULL) return true;
    char shown[32];
    text_number(value, shown);
    diag_input(diag, spec->at, "out-of-range", "%.*s of %s is %s; expected %s", (int)length, word,
               source_rows[spec->which].name, shown, expected);
    return false;
}

static bool check_arguments(struct diag *diag, const struct source_spec *spec)
{
    const char *word = source_rows[spec->which].arguments;
    if (spec->n_files > 0) return true;
    for (uint32_t i = 0; *word != '\0' && *word != '*'; i++) {
        size_t length = strcspn(word, "= ");
        if (!check_argument(diag, spec, word, length, spec->number[i])) return false;
        word += strcspn(word, " ");
        word += strspn(word, " ");
    }
    return true;
}

/* A generator's count times its width, before anything is made. */
static bool check_size(struct diag *diag, const struct source_spec *spec, double width, size_t most_bytes)
{
    if (spec->number[0] * width * sizeof(float) <= (double)most_bytes) return true;
    diag_input(diag, spec->at, "too-large", "%s makes %.0f samples of %.0f numbers; at most %zu bytes are allowed",
               source_rows[spec->which].name, spec->number[0], width, most_bytes);
    return false;
}

bool table_open(struct diag *diag, const struct source_spec *spec, const char *folder, size_t most_bytes,
                struct table *out)
{
    *out = (struct table){0};
    if (!check_arguments(diag, spec)) return false;
    switch (spec->which) {
    case SOURCE_idx:
        return idx_open(diag, spec, folder, most_bytes, out);
    case SOURCE_csv:
        return csv_open(diag, spec, folder, most_bytes, out);
    case SOURCE_digits:
        return check_size(diag, spec, DIGITS_PIXELS, most_bytes) && digits_open(diag, spec, out);
    case SOURCE_spirals:
        return check_size(diag, spec, 2, most_bytes) && plane_open(diag, spec, spirals_draw, out);
    case SOURCE_moons:
        return check_size(diag, spec, 2, most_bytes) && plane_open(diag, spec, moons_draw, out);
    case SOURCE_xor:
        return xor_open(diag, spec, out);
    case SOURCE_npy:
        return npy_open(diag, spec, folder, most_bytes, out);
    case SOURCE_teacher:
        return check_size(diag, spec, spec->number[1] + spec->number[3], most_bytes) &&
               teacher_open(diag, spec, out);
    case SOURCE_patterns:
        return check_size(diag, spec, spec->number[1], most_bytes) && patterns_open(diag, spec, out);
    case SOURCE_parity:
        return check_size(diag, spec, spec->number[1], most_bytes) && parity_open(diag, spec, out);
    case SOURCE_adding:
        return check_size(diag, spec, 2 * spec->number[1], most_bytes) && adding_open(diag, spec, out);
    case SOURCES:
        break;
    }
    BUG("no source %d", (int)spec->which);
}
