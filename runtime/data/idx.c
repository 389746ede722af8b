/* idx.c: the IDX files of MNIST: a magic number, sizes, bytes; nothing in them is believed unchecked. */
#include "runtime/data/source.h"
#include "runtime/base/file.h"

#include <stdlib.h>
#include <string.h>

#define MOST_RANK 4
#define UNSIGNED_BYTES 0x08

/* What the header says, and which file it was. */
struct idx {
    const char *path;
    struct span at;
    uint32_t rank, extent[MOST_RANK];
    size_t header, values, width;
};

static const char *type_name(unsigned type)
{
    switch (type) {
    case 0x09:
        return "signed bytes";
    case 0x0B:
        return "16-bit integers";
    case 0x0C:
        return "32-bit integers";
    case 0x0D:
        return "32-bit floats";
    case 0x0E:
        return "64-bit floats";
    default:
        return "values of unknown type";
    }
}

static bool read_magic(struct diag *diag, struct idx *idx, const unsigned char *bytes, size_t length)
{
    if (length < 4) {
        diag_input(diag, idx->at, "idx-cut-short",
                   "'%s' has %zu bytes; an IDX file begins with 4 bytes of magic number", idx->path, length);
        return false;
    }
    if (bytes[0] != 0 || bytes[1] != 0) {
        diag_input(diag, idx->at, "not-idx", "'%s' begins with bytes %02x %02x; an IDX file begins with 00 00",
                   idx->path, bytes[0], bytes[1]);
        return false;
    }
    if (bytes[2] != UNSIGNED_BYTES) {
        diag_input(diag, idx->at, "idx-type", "'%s' holds %s (type 0x%02X); unsigned bytes (0x08) expected",
                   idx->path, type_name(bytes[2]), bytes[2]);
        return false;
    }
    if (bytes[3] < 1 || bytes[3] > MOST_RANK) {
        diag_input(diag, idx->at, "idx-rank", "'%s' has rank %u; 1 to %u expected", idx->path, bytes[3], MOST_RANK);
        return false;
    }
    idx->rank = bytes[3];
    idx->header = 4 + 4 * (size_t)idx->rank;
    return true;
}

static bool read_sizes(struct diag *diag, struct idx *idx, const unsigned char *bytes, size_t length)
{
    idx->values = idx->width = 1;
    for (uint32_t k = 0; k < idx->rank; k++) {
        if (length < 8 + 4 * (size_t)k) {
            diag_input(diag, idx->at, "idx-cut-short", "'%s' ends in its header: %zu bytes of %zu", idx->path,
                       length, idx->header);
            return false;
        }
        const unsigned char *b = bytes + 4 + 4 * (size_t)k;
        idx->extent[k] = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
        bool fits = size_product(idx->values, idx->extent[k], &idx->values) && idx->values <= SIZE_MAX - 64;
        if (!fits || idx->extent[k] == 0 || idx->extent[k] > INT32_MAX) {
            diag_input(diag, idx->at, "idx-size",
                       "'%s' has %u for size %u of %u; from 1 to what memory holds expected", idx->path,
                       idx->extent[k], k + 1, idx->rank);
            return false;
        }
    }
    idx->width = idx->values / idx->extent[0];
    return true;
}

static bool check_length(struct diag *diag, const struct idx *idx, size_t length)
{
    if (length == idx->header + idx->values) return true;
    bool shorter = length < idx->header + idx->values;
    diag_input(diag, idx->at, shorter ? "idx-cut-short" : "idx-trailing",
               "'%s' has %zu bytes of values; its sizes make %zu", idx->path, length - idx->header, idx->values);
    return false;
}

/* Replaces codes by class numbers: the codes that occur, in order, are the classes. */
static void number_classes(struct field *field, uint32_t count)
{
    bool occurs[256] = {false};
    uint8_t number[256] = {0};
    for (uint32_t i = 0; i < count; i++) occurs[field->bytes[i]] = true;
    for (uint32_t code = 0; code < 256; code++) {
        if (!occurs[code]) continue;
        number[code] = (uint8_t)field->classes;
        field->code[field->classes++] = (uint8_t)code;
    }
    for (uint32_t i = 0; i < count; i++) field->bytes[i] = number[field->bytes[i]];
}

/* Takes the file's memory over: the header is moved out of it. */
static bool read_field(struct diag *diag, struct idx *idx, unsigned char *bytes, size_t length, struct table *out,
                       struct field *field)
{
    if (!read_magic(diag, idx, bytes, length) || !read_sizes(diag, idx, bytes, length) ||
        !check_length(diag, idx, length))
        return false;
    if (out->count != 0 && out->count != idx->extent[0]) {
        diag_input(diag, idx->at, "sample-count", "'%s' has %u samples; '%s' has %u", idx->path, idx->extent[0],
                   out->field[0].name, out->count);
        return false;
    }
    if (idx->width > INT32_MAX) {
        diag_input(diag, idx->at, "idx-size", "'%s' has %zu values a sample; fewer than 2^31 expected", idx->path,
                   idx->width);
        return false;
    }
    out->count = idx->extent[0];
    memmove(bytes, bytes + idx->header, idx->values);
    field->width = (uint32_t)idx->width;
    if (idx->rank > 2) field->rows = idx->extent[1];
    field->bytes = bytes;
    if (idx->rank == 1) number_classes(field, out->count);
    return true;
}

bool idx_open(struct diag *diag, const struct source_spec *spec, const char *folder, size_t most_bytes,
              struct table *out)
{
    if (spec->n_files == 0) {
        diag_input(diag, spec->at, "no-file", "idx names no file; idx(image: \"FILE\", label: \"FILE\") expected");
        return false;
    }
    if (!table_new_fields(diag, spec->at, out, spec->n_files, spec->field)) return false;
    for (uint32_t i = 0; i < spec->n_files; i++) {
        size_t length;
        char *path = file_join(folder, spec->path[i]);
        char *bytes = file_read(diag, spec->at, path, most_bytes, &length);
        struct idx idx = {.path = path, .at = spec->at};
        bool good = bytes != NULL && read_field(diag, &idx, (unsigned char *)bytes, length, out, &out->field[i]);
        if (!good) free(bytes);
        free(path);
        if (!good) return false;
    }
    return true;
}
