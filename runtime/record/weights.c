/* weights.c: weights as safetensors, written whole, read with every number checked. */
#include "runtime/record/record.h"

#include "runtime/base/arena.h"
#include "runtime/base/file.h"
#include "runtime/base/text.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A file: 8 bytes of header length (little endian), the header (JSON), then the tensors' bytes:
 *     {"weight.x.h": {"dtype": "F32", "shape": [4, 2], "data_offsets": [0, 32]}, …} */
enum { MOST_HEADER = 16 << 20, MOST_EXTRA = 64 << 20, PREFIX = 8 };
static const struct span nowhere = {0};

static const struct nnt_field *field_of(const struct nnt_module *module, uint32_t parameter)
{
    return &module->field[module->parameter[parameter].field];
}

static uint64_t length_of(const struct nnt_field *field)
{
    uint64_t length = 1;
    for (uint32_t axis = 0; axis < field->rank; axis++) length *= field->extent[axis];
    return length;
}

/* ---- writing ---- */

static void add_tensor(struct text *header, const char *name, const char *dtype, const uint32_t *extent,
                       uint32_t rank, size_t *at, size_t bytes)
{
    text_add(header, ",\"%s\":{\"dtype\":\"%s\",\"shape\":[", name, dtype);
    for (uint32_t axis = 0; axis < rank; axis++) text_add(header, "%s%" PRIu32, axis ? "," : "", extent[axis]);
    text_add(header, "],\"data_offsets\":[%zu,%zu]}", *at, *at + bytes);
    *at += bytes;
}

/* The extras come first: they are float64 and keep their alignment whatever follows. */
static void add_header(struct text *header, const struct nnt_module *module, const struct extra_tensor *extra,
                       uint32_t n_extra)
{
    size_t at = 0;
    text_add(header, "{\"__metadata__\":{\"format\":\"nnt\"}");
    for (uint32_t k = 0; k < n_extra; k++)
        add_tensor(header, extra[k].name, "F64", &extra[k].count, 1, &at, extra[k].count * sizeof(double));
    for (uint32_t p = 0; p < module->n_parameters; p++) {
        const struct nnt_field *field = field_of(module, p);
        add_tensor(header, field->name, module->real_bytes == 4 ? "F32" : "F64", field->extent, field->rank, &at,
                   (size_t)length_of(field) * module->real_bytes);
    }
    text_add(header, "}");
    while (header->length % PREFIX) text_add(header, " ");
}

static double number_at(const void *numbers, uint32_t real_bytes, uint64_t i)
{
    return real_bytes == 4 ? (double)((const float *)numbers)[i] : ((const double *)numbers)[i];
}

static bool weights_are_finite(struct diag *diag, const char *path, const struct nnt_module *module,
                               const void *parameters)
{
    for (uint32_t p = 0; p < module->n_parameters; p++) {
        const struct nnt_field *field = field_of(module, p);
        for (uint64_t i = 0; i < length_of(field); i++) {
            if (isfinite(number_at(parameters, module->real_bytes, field->offset + i))) continue;
            diag_input(diag, nowhere, "not-finite", "'%s' is not written: number %" PRIu64 " of '%s' is not finite",
                       path, i + 1, field->name);
            return false;
        }
    }
    return true;
}

bool weights_write(struct diag *diag, const char *path, const struct nnt_module *module, const void *parameters,
                   const struct extra_tensor *extra, uint32_t n_extra)
{
    struct text header = {0}, bytes = {0};
    unsigned char prefix[PREFIX];
    if (!weights_are_finite(diag, path, module, parameters)) return false;
    add_header(&header, module, extra, n_extra);
    for (uint32_t i = 0; i < PREFIX; i++) prefix[i] = (unsigned char)(header.length >> 8 * i);
    text_add_bytes(&bytes, prefix, PREFIX);
    text_add_bytes(&bytes, header.data, header.length);
    for (uint32_t k = 0; k < n_extra; k++) text_add_bytes(&bytes, extra[k].values, extra[k].count * sizeof(double));
    for (uint32_t p = 0; p < module->n_parameters; p++) {
        const struct nnt_field *field = field_of(module, p);
        text_add_bytes(&bytes, (const char *)parameters + field->offset * module->real_bytes,
                       (size_t)length_of(field) * module->real_bytes);
    }
    bool written = file_write(diag, nowhere, path, bytes.data, bytes.length);
    text_fini(&header);
    text_fini(&bytes);
    return written;
}

/* ---- reading: the file and its header ---- */

/* The file as it was read; its header is checked by itself. */
struct weights {
    struct diag *diag;
    struct span at;
    char *path, *bytes;
    json_t *header;
    const char *data; /* behind the header */
    size_t n_data;
};

/* Where a tensor lies in the data. */
struct place {
    const char *name;
    uint64_t begin, end;
};

static bool refuse(const struct weights *r, const char *format, ...) PRINTF(2, 3);
static bool refuse(const struct weights *r, const char *format, ...)
{
    va_list arguments;
    char *why;
    va_start(arguments, format);
    if (vasprintf(&why, format, arguments) < 0) arena_exhausted();
    va_end(arguments);
    diag_input(r->diag, r->at, "bad-weights", "weights '%s': %s", r->path, why);
    free(why);
    return false;
}

static bool read_header(struct weights *r, size_t length)
{
    uint64_t n = 0;
    json_error_t error;
    const char *bytes = r->bytes;
    if (length < PREFIX) return refuse(r, "no safetensors file: it has %zu bytes", length);
    for (uint32_t i = 0; i < PREFIX; i++) n |= (uint64_t)(unsigned char)bytes[i] << 8 * i;
    if (n > MOST_HEADER) return refuse(r, "a header of %" PRIu64 " bytes; expected at most %d", n, MOST_HEADER);
    if (n > length - PREFIX)
        return refuse(r, "cut short: a header of %" PRIu64 " bytes in a file of %zu", n, length);
    r->header = json_loadb(bytes + PREFIX, n, JSON_REJECT_DUPLICATES, &error);
    if (!r->header) return refuse(r, "its header is no JSON: %s", error.text);
    r->data = bytes + PREFIX + n;
    r->n_data = length - PREFIX - n;
    return true;
}

/* A whole number that is not negative. */
static bool whole(const json_t *value, uint64_t *out)
{
    if (!json_is_integer(value) || json_integer_value(value) < 0) return false;
    *out = (uint64_t)json_integer_value(value);
    return true;
}

static uint32_t dtype_bytes(const json_t *tensor)
{
    const char *dtype = json_string_value(json_object_get(tensor, "dtype"));
    if (dtype && strcmp(dtype, "F32") == 0) return 4;
    if (dtype && strcmp(dtype, "F64") == 0) return 8;
    return 0;
}

/* Numbers of a tensor by its shape; false where it is none, or too large. */
static bool shape_length(const json_t *tensor, uint64_t *out)
{
    const json_t *shape = json_object_get(tensor, "shape"), *extent;
    size_t axis;
    *out = 1;
    if (!json_is_array(shape)) return false;
    json_array_foreach(shape, axis, extent)
    {
        uint64_t n;
        if (!whole(extent, &n) || __builtin_mul_overflow(*out, n, out)) return false;
    }
    return true;
}

/* Checks one entry of the header by itself. */
static bool read_place(const struct weights *r, const char *name, const json_t *tensor, struct place *out)
{
    const json_t *offsets = json_object_get(tensor, "data_offsets");
    uint64_t length, bytes;
    out->name = name;
    if (!json_is_object(tensor)) return refuse(r, "'%s' is no tensor", name);
    if (!dtype_bytes(tensor)) {
        const char *found = json_string_value(json_object_get(tensor, "dtype"));
        return refuse(r, "'%s' has dtype %s; expected F32 or F64", name, found ? found : "none");
    }
    if (!shape_length(tensor, &length)) return refuse(r, "'%s' has no shape that could be", name);
    if (json_array_size(offsets) != 2 || !whole(json_array_get(offsets, 0), &out->begin) ||
        !whole(json_array_get(offsets, 1), &out->end) || out->begin > out->end)
        return refuse(r, "'%s' has no data_offsets that could be", name);
    if (out->end > r->n_data)
        return refuse(r, "'%s' ends at byte %" PRIu64 " of %zu; is the file cut short?", name, out->end, r->n_data);
    if (__builtin_mul_overflow(length, (uint64_t)dtype_bytes(tensor), &bytes) || bytes != out->end - out->begin)
        return refuse(r, "'%s' has %" PRIu64 " bytes, which is not what its shape needs", name,
                      out->end - out->begin);
    return true;
}

static int by_begin(const void *a, const void *b)
{
    const struct place *p = a, *q = b;
    if (p->begin != q->begin) return p->begin < q->begin ? -1 : 1;
    return p->end < q->end ? -1 : p->end > q->end;
}

/* The tensors must cover the data, each byte once. */
static bool places_fit(const struct weights *r, struct place *place, size_t n)
{
    uint64_t end = 0;
    qsort(place, n, sizeof *place, by_begin);
    for (size_t i = 0; i < n; i++) {
        if (place[i].begin < end) return refuse(r, "'%s' and '%s' overlap", place[i - 1].name, place[i].name);
        if (place[i].begin > end)
            return refuse(r, "%" PRIu64 " bytes before '%s' are no tensor's", place[i].begin - end, place[i].name);
        end = place[i].end;
    }
    if (end == r->n_data) return true;
    return refuse(r, "%" PRIu64 " bytes at the end are no tensor's", r->n_data - end);
}

/* Checks every entry of the header, and that together they are the file. */
static bool check_header(const struct weights *r)
{
    json_t *header = r->header;
    struct place *place = calloc(json_object_size(header) + 1, sizeof *place);
    const char *name;
    json_t *tensor;
    size_t n = 0;
    if (!place) arena_exhausted();
    bool good = json_is_object(header) || refuse(r, "its header is no JSON object");
    json_object_foreach(header, name, tensor)
    {
        if (!good) break;
        if (strcmp(name, "__metadata__") == 0)
            good = json_is_object(tensor) || refuse(r, "its __metadata__ is no object");
        else
            good = read_place(r, name, tensor, &place[n++]);
    }
    good = good && places_fit(r, place, n);
    free(place);
    return good;
}

struct weights *weights_open(struct diag *diag, struct span at, const char *path, uint64_t numbers)
{
    struct weights *r = calloc(1, sizeof *r);
    size_t length, bytes, most = PREFIX + MOST_HEADER + MOST_EXTRA;
    if (!r || !(r->path = strdup(path))) arena_exhausted();
    r->diag = diag;
    r->at = at;
    bool fits = size_product(numbers, sizeof(double), &bytes) && bytes <= SIZE_MAX - most;
    r->bytes = file_read(diag, at, path, fits ? most + bytes : SIZE_MAX, &length);
    if (r->bytes && read_header(r, length) && check_header(r)) return r;
    weights_close(r);
    return NULL;
}

void weights_close(struct weights *r)
{
    if (!r) return;
    json_decref(r->header);
    free(r->bytes);
    free(r->path);
    free(r);
}

/* ---- reading: the tensors ---- */

static bool begins_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

static bool is_known(const struct nnt_module *module, const char *name)
{
    if (begins_with(name, "scale.") || begins_with(name, "offset.")) return true;
    for (uint32_t p = 0; p < module->n_parameters; p++)
        if (strcmp(field_of(module, p)->name, name) == 0) return true;
    return false;
}

static bool refuse_unknown(const struct weights *r, const struct nnt_module *module, const char *name)
{
    const char **names = calloc(module->n_parameters + 1, sizeof *names);
    refuse(r, "'%s' is no tensor of network '%s'", name, module->name);
    for (uint32_t p = 0; names && p < module->n_parameters; p++) names[p] = field_of(module, p)->name;
    if (names) diag_did_you_mean(r->diag, name, names, module->n_parameters);
    free(names);
    return false;
}

/* "[4, 2]" of the header's or the field's shape. */
static void shape_text(const json_t *shape, struct text *out)
{
    const json_t *extent;
    size_t axis;
    text_add(out, "[");
    json_array_foreach(shape, axis, extent)
        text_add(out, "%s%" JSON_INTEGER_FORMAT, axis ? ", " : "", json_integer_value(extent));
    text_add(out, "]");
}

static bool refuse_shape(const struct weights *r, const struct nnt_field *field, const json_t *shape)
{
    struct text found = {0}, expected = {0};
    shape_text(shape, &found);
    for (uint32_t axis = 0; axis < field->rank; axis++)
        text_add(&expected, "%s%" PRIu32, axis ? ", " : "[", field->extent[axis]);
    text_add(&expected, "]");
    refuse(r, "'%s' has shape %s; expected %s", field->name, found.data, expected.data);
    text_fini(&found);
    text_fini(&expected);
    return false;
}

static bool same_shape(const struct nnt_field *field, const json_t *shape)
{
    if (json_array_size(shape) != field->rank) return false;
    for (uint32_t axis = 0; axis < field->rank; axis++)
        if (json_integer_value(json_array_get(shape, axis)) != field->extent[axis]) return false;
    return true;
}

/* A number of the file: not aligned. */
static double file_number(const char *at, uint32_t bytes)
{
    float f;
    double d;
    memcpy(bytes == 4 ? (void *)&f : (void *)&d, at, bytes);
    return bytes == 4 ? (double)f : d;
}

static bool read_tensor(const struct weights *r, const struct nnt_module *module, const struct nnt_field *field,
                        bool hollow, void *parameters)
{
    const json_t *tensor = json_object_get(r->header, field->name);
    if (!tensor) return refuse(r, "'%s' is missing", field->name);
    if (!same_shape(field, json_object_get(tensor, "shape")))
        return refuse_shape(r, field, json_object_get(tensor, "shape"));
    uint32_t bytes = dtype_bytes(tensor);
    const char *from = r->data + json_integer_value(json_array_get(json_object_get(tensor, "data_offsets"), 0));
    for (uint64_t i = 0; i < length_of(field); i++) {
        double value = file_number(from + i * bytes, bytes);
        bool narrow = module->real_bytes == 4;
        if (!isfinite(narrow ? (double)(float)value : value))
            return refuse(r, "number %" PRIu64 " of '%s' is not finite%s", i + 1, field->name,
                          isfinite(value) ? " as float32" : "");
        if (hollow && i / field->extent[1] == i % field->extent[1] && value != 0)
            return refuse(r, "'%s' is hollow and has %g on its diagonal; 0 expected", field->name, value);
        if (narrow)
            ((float *)parameters)[field->offset + i] = (float)value;
        else
            ((double *)parameters)[field->offset + i] = value;
    }
    return true;
}

bool weights_take(const struct weights *r, const struct nnt_module *module, void *parameters)
{
    const char *name;
    json_t *tensor;
    json_object_foreach(r->header, name, tensor)
    {
        if (strcmp(name, "__metadata__") != 0 && !is_known(module, name)) return refuse_unknown(r, module, name);
    }
    for (uint32_t p = 0; p < module->n_parameters; p++)
        if (!read_tensor(r, module, field_of(module, p), module->parameter[p].hollow, parameters)) return false;
    return true;
}

bool weights_read(struct diag *diag, struct span at, const char *path, const struct nnt_module *module,
                  void *parameters)
{
    uint64_t numbers = 0;
    for (uint32_t p = 0; p < module->n_parameters; p++) numbers += length_of(field_of(module, p));
    struct weights *weights = weights_open(diag, at, path, numbers);
    bool good = weights && weights_take(weights, module, parameters);
    weights_close(weights);
    return good;
}

/* ---- reading: constants of the data ---- */

/* A tensor of one axis, as float64 in the arena. */
static bool read_numbers(const struct weights *r, const char *name, struct arena *arena, struct extra_tensor *out)
{
    const json_t *tensor = json_object_get(r->header, name), *shape = json_object_get(tensor, "shape");
    uint64_t bytes = dtype_bytes(tensor), n = (uint64_t)json_integer_value(json_array_get(shape, 0));
    if (json_array_size(shape) != 1 || n > UINT32_MAX)
        return refuse(r, "'%s' has %zu axes; one was expected", name, json_array_size(shape));
    const char *from = r->data + json_integer_value(json_array_get(json_object_get(tensor, "data_offsets"), 0));
    double *values = arena_alloc(arena, (n + 1) * sizeof *values);
    for (uint64_t i = 0; i < n; i++) {
        values[i] = file_number(from + i * bytes, (uint32_t)bytes);
        if (!isfinite(values[i])) return refuse(r, "number %" PRIu64 " of '%s' is not finite", i + 1, name);
        if (values[i] == 0 && begins_with(name, "scale."))
            return refuse(r, "number %" PRIu64 " of '%s' is 0; data are divided by it", i + 1, name);
    }
    *out = (struct extra_tensor){name, values, (uint32_t)n};
    return true;
}

bool weights_extra(const struct weights *r, struct arena *arena, const char *name, struct extra_tensor *out)
{
    *out = (struct extra_tensor){.name = name};
    return !json_object_get(r->header, name) || read_numbers(r, name, arena, out);
}
