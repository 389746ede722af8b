/* npy.c: NumPy's arrays: a magic number, a header in Python's words, the numbers; nothing in them is believed
 * unchecked. */
#include "runtime/data/source.h"
#include "runtime/base/file.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { MAGIC = 6, MOST_AXES = 8, MOST_TYPE = 16 };

/* What the header says, and which file it was. */
struct npy {
    struct diag *diag;
    const char *path;
    struct span at;
    const unsigned char *bytes;
    size_t length, header, values; /* of the file, where the numbers begin, how many */
    char type[MOST_TYPE];          /* as it is written: <f4 */
    char kind;                     /* f, i, u, b */
    uint32_t size;                 /* bytes of a number */
    bool fortran;
    uint32_t rank;
    size_t extent[MOST_AXES], width;
};

static bool refuse(const struct npy *npy, const char *name, const char *what)
{
    diag_input(npy->diag, npy->at, name, "'%s' %s", npy->path, what);
    return false;
}

/* ---- the header: {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), } ---- */

struct words {
    const char *at, *end;
};

static void skip_blanks(struct words *w)
{
    while (w->at < w->end && isspace((unsigned char)*w->at)) w->at++;
}

static bool take(struct words *w, const char *text)
{
    size_t length = strlen(text);
    skip_blanks(w);
    if ((size_t)(w->end - w->at) < length || memcmp(w->at, text, length) != 0) return false;
    w->at += length;
    return true;
}

static bool take_quoted(struct words *w, char *out, size_t room)
{
    skip_blanks(w);
    if (w->at == w->end || (*w->at != '\'' && *w->at != '"')) return false;
    const char *begin = w->at + 1, *close = memchr(begin, *w->at, (size_t)(w->end - begin));
    if (close == NULL || (size_t)(close - begin) >= room) return false;
    memcpy(out, begin, (size_t)(close - begin));
    out[close - begin] = '\0';
    w->at = close + 1;
    return true;
}

static bool take_whole(struct words *w, size_t *out)
{
    skip_blanks(w);
    if (w->at == w->end || !isdigit((unsigned char)*w->at)) return false;
    for (*out = 0; w->at < w->end && isdigit((unsigned char)*w->at); w->at++)
        if (__builtin_mul_overflow(*out, (size_t)10, out) ||
            __builtin_add_overflow(*out, (size_t)(*w->at - '0'), out))
            return false;
    (void)take(w, "L"); /* Python 2 */
    return true;
}

static bool take_shape(struct words *w, struct npy *npy)
{
    npy->rank = 0;
    if (!take(w, "(")) return false;
    while (!take(w, ")")) {
        if (npy->rank == MOST_AXES || !take_whole(w, &npy->extent[npy->rank])) return false;
        npy->rank++;
        if (!take(w, ",")) return take(w, ")");
    }
    return true;
}

static bool take_entry(struct words *w, struct npy *npy, unsigned *found)
{
    char key[MOST_TYPE];
    if (!take_quoted(w, key, sizeof key) || !take(w, ":")) return false;
    if (strcmp(key, "descr") == 0) {
        *found |= 1;
        return take_quoted(w, npy->type, sizeof npy->type);
    }
    if (strcmp(key, "fortran_order") == 0) {
        *found |= 2;
        npy->fortran = take(w, "True");
        return npy->fortran || take(w, "False");
    }
    *found |= 4;
    return strcmp(key, "shape") == 0 && take_shape(w, npy);
}

static bool read_words(struct npy *npy, struct words w)
{
    unsigned found = 0;
    bool good = take(&w, "{");
    while (good && !take(&w, "}")) {
        good = take_entry(&w, npy, &found);
        if (good && !take(&w, ",")) {
            good = take(&w, "}");
            break;
        }
    }
    return good && found == 7;
}

static bool read_header(struct npy *npy)
{
    const unsigned char *b = npy->bytes;
    if (npy->length >= 2 && memcmp(b, "PK", 2) == 0)
        return refuse(npy, "not-npy",
                      "is a zip archive; one array was expected: unpack the .npz, or save it by numpy.save");
    if (npy->length < MAGIC || memcmp(b, "\x93NUMPY", MAGIC) != 0)
        return refuse(npy, "not-npy", "does not begin like a NumPy array");
    if (npy->length < MAGIC + 6) return refuse(npy, "npy-cut-short", "ends in its header");
    if (b[MAGIC] < 1 || b[MAGIC] > 3) {
        diag_input(npy->diag, npy->at, "not-npy", "'%s' is of version %u; 1, 2 or 3 expected", npy->path, b[MAGIC]);
        return false;
    }
    const unsigned char *n = b + MAGIC + 2;
    size_t begin = MAGIC + (b[MAGIC] == 1 ? 4 : 6), length = n[0] | (size_t)n[1] << 8;
    if (b[MAGIC] > 1) length |= (size_t)n[2] << 16 | (size_t)n[3] << 24;
    if (length > npy->length - begin) return refuse(npy, "npy-cut-short", "ends in its header");
    npy->header = begin + length;
    if (read_words(npy, (struct words){(const char *)b + begin, (const char *)b + npy->header})) return true;
    return refuse(npy, "not-npy", "has a header that is not one of a NumPy array of numbers");
}

/* ---- what it says ---- */

static bool check_type(struct npy *npy)
{
    const char *t = npy->type;
    bool known = strlen(t) == 3 && strchr("fiub", t[1]) && strchr("1248", t[2]);
    npy->kind = known ? t[1] : 0;
    npy->size = known ? (uint32_t)(t[2] - '0') : 0;
    if (npy->kind == 'f') known = npy->size >= 4;
    if (npy->kind == 'b') known = npy->size == 1;
    if (known && (t[0] == '<' || t[0] == '=' || (t[0] == '|' && npy->size == 1))) return true;
    diag_input(npy->diag, npy->at, "npy-type",
               "'%s' holds numbers of type %s; <f4, <f8, <i1 to <i8, <u1 to <u8 or |b1 expected", npy->path, t);
    if (known) diag_hint(npy->diag, "its bytes are the other way round: numpy.save(FILE, a.astype('<%s'))", t + 1);
    return false;
}

static bool check_shape(struct npy *npy)
{
    size_t bytes;
    npy->values = 1;
    if (npy->rank == 0) return refuse(npy, "npy-shape", "holds one number; its first axis is to count the samples");
    for (uint32_t k = 0; k < npy->rank; k++) {
        bool fits = size_product(npy->values, npy->extent[k], &npy->values);
        if (fits && npy->extent[k] > 0 && npy->extent[k] <= INT32_MAX) continue;
        diag_input(npy->diag, npy->at, "npy-shape",
                   "'%s' has %zu for size %u of %u; from 1 to what memory holds expected", npy->path,
                   npy->extent[k], k + 1, npy->rank);
        return false;
    }
    npy->width = npy->values / npy->extent[0];
    size_t found = npy->length - npy->header;
    if (size_product(npy->values, npy->size, &bytes) && bytes == found && npy->width <= INT32_MAX) return true;
    diag_input(npy->diag, npy->at, bytes > found ? "npy-cut-short" : "npy-trailing",
               "'%s' has %zu bytes of numbers; its shape makes %zu numbers of %u bytes", npy->path, found,
               npy->values, npy->size);
    return false;
}

/* ---- the numbers ---- */

static double number_at(const struct npy *npy, size_t place)
{
    const unsigned char *b = npy->bytes + npy->header + place * npy->size;
    uint64_t bits = 0;
    for (uint32_t k = 0; k < npy->size; k++) bits |= (uint64_t)b[k] << 8 * k;
    if (npy->kind == 'f' && npy->size == 4) {
        uint32_t narrow = (uint32_t)bits;
        float f;
        memcpy(&f, &narrow, sizeof f);
        return f;
    }
    if (npy->kind == 'f') {
        double d;
        memcpy(&d, &bits, sizeof d);
        return d;
    }
    if (npy->kind == 'b') return bits != 0;
    uint64_t sign = (uint64_t)1 << (8 * npy->size - 1);
    return npy->kind == 'i' ? (double)(int64_t)((bits ^ sign) - sign) : (double)bits;
}

/* Where number `rest` of a sample, counted in C's order, stands. */
static size_t place_of(const struct npy *npy, size_t sample, size_t rest)
{
    size_t place = 0, stride = npy->values;
    if (!npy->fortran) return sample * npy->width + rest;
    for (uint32_t k = npy->rank; k-- > 1;) {
        stride /= npy->extent[k];
        place += rest % npy->extent[k] * stride;
        rest /= npy->extent[k];
    }
    return place + sample;
}

static bool fill_field(const struct npy *npy, struct field *field)
{
    uint32_t count = (uint32_t)npy->extent[0], width = (uint32_t)npy->width;
    bool narrow = npy->size < 4 || (npy->size == 4 && npy->kind == 'f');
    if (narrow ? !field_new_numbers(npy->diag, npy->at, field, count, width)
               : !field_new_doubles(npy->diag, npy->at, field, count, width))
        return false;
    if (npy->rank > 2) field->rows = (uint32_t)npy->extent[1];
    for (size_t sample = 0; sample < count; sample++)
        for (size_t rest = 0; rest < width; rest++) {
            double value = number_at(npy, place_of(npy, sample, rest));
            if (narrow)
                field->numbers[sample * width + rest] = (float)value;
            else
                field->doubles[sample * width + rest] = value;
        }
    return true;
}

static bool read_field(struct npy *npy, struct table *out, struct field *field)
{
    if (!read_header(npy) || !check_type(npy) || !check_shape(npy)) return false;
    if (out->count != 0 && out->count != npy->extent[0]) {
        diag_input(npy->diag, npy->at, "sample-count", "'%s' has %zu samples; '%s' has %u", npy->path,
                   npy->extent[0], out->field[0].name, out->count);
        return false;
    }
    out->count = (uint32_t)npy->extent[0];
    return fill_field(npy, field);
}

bool npy_open(struct diag *diag, const struct source_spec *spec, const char *folder, size_t most_bytes,
              struct table *out)
{
    if (spec->n_files == 0) {
        diag_input(diag, spec->at, "no-file", "npy names no file; npy(x: \"x.npy\", y: \"y.npy\") expected");
        return false;
    }
    if (!table_new_fields(diag, spec->at, out, spec->n_files, spec->field)) return false;
    for (uint32_t i = 0; i < spec->n_files; i++) {
        struct npy npy = {.diag = diag, .at = spec->at};
        char *path = file_join(folder, spec->path[i]);
        char *bytes = file_read(diag, spec->at, path, most_bytes, &npy.length);
        npy.path = path;
        npy.bytes = (const unsigned char *)bytes;
        bool good = bytes != NULL && read_field(&npy, out, &out->field[i]);
        free(bytes);
        free(path);
        if (!good) return false;
    }
    return true;
}
