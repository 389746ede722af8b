/* source.h: what a source gives: named fields of so many samples; a file a source fills them. */
#ifndef NNT_SOURCE_H
#define NNT_SOURCE_H

#include "runtime/data/data.h"

/* One field of every sample: bytes, numbers or float64, [count][width]; the other pointers are NULL. Of a sequence,
 * or where an array of a file may be one, a sample's numbers stand in rows: [rows][width / rows]. A label's bytes
 * are class numbers once table_open has returned; a picture's bytes stand for 0 … 1. */
struct field {
    const char *name; /* NULL: a column of a csv without names */
    uint32_t width;
    uint32_t rows;     /* 0: none */
    bool sequence;     /* nothing but a sequence; an array of three axes is one where a group wants rows of it */
    uint32_t classes;  /* of a label; 0 where the field is none */
    uint8_t code[256]; /* of a label: what was written for class k */
    uint8_t *bytes;
    float *numbers;
    double *doubles;
    /* Of a csv's column that is not numeric: its texts in order, or NULL where there are more than 256; the sample of
     * the first. */
    bool is_text;
    const char **text;
    uint32_t first_text;
};
/* A picture's byte that stands for 1. */
#define FIELD_WHITE 255.0
struct csv;
struct table {
    uint32_t count, n_fields;
    struct field *field;
    struct csv *csv; /* the file itself, for messages; NULL where the source is none */
};

/* Opens a source whole; false with messages. More than `most_bytes` of values is refused. table_free in either
 * case. */
MUST_USE bool table_open(struct diag *diag, const struct source_spec *spec, const char *folder, size_t most_bytes,
                         struct table *out);
void table_free(struct table *table);
/* Values of a sample's field: `width` numbers; a label's class number. */
void field_row(const struct field *field, uint32_t sample, double *out);

/* For the files below: room for a field's numbers (and a label's bytes); false with a message where there is none.
 */
MUST_USE bool field_new_numbers(struct diag *diag, struct span at, struct field *field, uint32_t count,
                                uint32_t width);
MUST_USE bool field_new_doubles(struct diag *diag, struct span at, struct field *field, uint32_t count,
                                uint32_t width);
MUST_USE bool field_new_label(struct diag *diag, struct span at, struct field *field, uint32_t count,
                              uint32_t classes);
/* Room for `n` named fields. */
MUST_USE bool table_new_fields(struct diag *diag, struct span at, struct table *table, uint32_t n,
                               const char *const names[]);

/* A file a source. What the generators make of sample i depends on (seed, i) alone. */
bool idx_open(struct diag *diag, const struct source_spec *spec, const char *folder, size_t most_bytes,
              struct table *out);
bool csv_open(struct diag *diag, const struct source_spec *spec, const char *folder, size_t most_bytes,
              struct table *out);
void csv_free(struct csv *csv);
/* Where a cell stands in its file. */
struct span csv_place(struct diag *diag, const struct table *table, uint32_t sample, uint32_t column);
bool npy_open(struct diag *diag, const struct source_spec *spec, const char *folder, size_t most_bytes,
              struct table *out);
bool teacher_open(struct diag *diag, const struct source_spec *spec, struct table *out);
bool patterns_open(struct diag *diag, const struct source_spec *spec, struct table *out);
bool parity_open(struct diag *diag, const struct source_spec *spec, struct table *out);
bool adding_open(struct diag *diag, const struct source_spec *spec, struct table *out);
bool digits_open(struct diag *diag, const struct source_spec *spec, struct table *out);
/* Points of the plane in two classes, each drawn by `draw`: spirals and moons. */
typedef void plane_draw(uint64_t seed, uint32_t sample, double noise, float point[2], uint8_t *out_label);
bool plane_open(struct diag *diag, const struct source_spec *spec, plane_draw *draw, struct table *out);
bool xor_open(struct diag *diag, const struct source_spec *spec, struct table *out);

#define DIGITS_SIDE 16
#define DIGITS_PIXELS (DIGITS_SIDE * DIGITS_SIDE)
/* One digit: its picture, row by row, ink 1 on paper 0, and which it shows. Ten samples in a row show all ten. */
void digits_draw(uint64_t seed, uint32_t sample, float picture[DIGITS_PIXELS], uint8_t *out_label);
/* A point of one of two spirals or half circles; the label says which. */
void spirals_draw(uint64_t seed, uint32_t sample, double noise, float point[2], uint8_t *out_label);
void moons_draw(uint64_t seed, uint32_t sample, double noise, float point[2], uint8_t *out_label);

#endif
