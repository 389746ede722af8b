/* column.h: fields named and derived, as columns over the samples of the training and the test split. */
#ifndef NNT_COLUMN_H
#define NNT_COLUMN_H

#include "runtime/data/source.h"

enum { TRAIN, TEST, SPLITS };

/* A split as rows of its table, in ascending order. */
struct view {
    const struct table *table;
    const uint32_t *row;
    uint32_t count;
};

/* One column: a field of the source, or a derived one with the constants it took from the training data. */
struct column {
    const char *name, *written;         /* in messages; as the file writes it */
    const struct derived_spec *derived; /* NULL: a field of the source, number `field` of its tables */
    uint32_t field[SPLITS];
    uint32_t *picked[SPLITS];  /* columns: [raw_width] fields of the csv; NULL elsewhere */
    uint8_t class_of[256];     /* of one that is a label: the training data's class of a class of the test data */
    uint32_t width, raw_width; /* in all rows */
    uint32_t rows;             /* of a sequence; 0: none */
    uint32_t classes;          /* where the value is a label's class number; else 0 */
    const struct expr **argument; /* with true widths */
    uint32_t n_codes;             /* one_hot, number: the distinct values, ascending */
    double *code;
    double *offset, *scale;  /* standardize, minmax: [width of a row] */
    uint32_t *dealt[SPLITS]; /* shuffled: whose value sample i gets */
    double *part;            /* where several arguments are sequences: room for one */
    double *raw, *value;     /* of the sample `held` names: its split and number; 0 where it holds none */
    uint64_t held;
    struct expr_scratch scratch;
};
struct columns {
    struct diag *diag;
    struct arena *arena;
    struct expr_pool pool;
    struct view view[SPLITS];
    uint32_t n_named, n_columns;
    struct column *column;
    int split; /* the sample that is being read */
    uint32_t sample;
    bool failed; /* a value was found for which there is no class: a message was given */
};

/* Columns over both splits, with constants from the training split; NULL with messages. The tables must outlive
 * them. */
MUST_USE struct columns *columns_new(struct diag *diag, const struct data_spec *spec,
                                     const struct view view[SPLITS]);
void columns_free(struct columns *columns);
/* The expression with the widths its fields turned out to have; a field of one component is a number. A bare label
 * is allowed, a label in arithmetic is not. *out_rows is of a sequence, else 0. NULL with a message. */
MUST_USE const struct expr *columns_resolve(struct columns *columns, const struct expr *e, struct span at,
                                            uint32_t n_before, uint32_t *out_rows);
/* Its value for a sample of a split. */
void columns_value(struct columns *columns, const struct expr *e, int split, uint32_t sample,
                   struct expr_scratch *scratch, double *out);
/* The column that a resolved expression is, without any arithmetic; NULL where there is some. */
const struct column *columns_bare(const struct columns *columns, const struct expr *e);

/* "5 rows of 2 numbers" or, without rows, "10 numbers", as a text of the arena. */
const char *columns_shape(const struct columns *columns, uint32_t width, uint32_t rows);

/* ---- rows.c ---- */
/* Which columns, named and derived, a group with rows reads: [n_columns], of the arena. */
const bool *rows_wanted(const struct columns *columns, const struct data_spec *spec);

/* ---- pick.c: columns of a csv ---- */
/* Finds the columns and, where one alone is not numeric, matches its classes; false with messages. */
MUST_USE bool pick_columns(struct columns *columns, struct column *column);
void pick_value(struct columns *columns, const struct column *column, double *out);
/* Where the sample that is being read stands in the file; false where the column is not one of a csv. */
bool pick_place(struct columns *columns, const struct column *column, struct span *out);
/* A note on the first text of a column that is not numeric. */
void pick_note(struct columns *columns, const struct column *column);

#endif
