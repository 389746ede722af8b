/* data.h: opening sources, binding groups to fields, splitting, shuffling, batching. */
#ifndef NNT_DATA_H
#define NNT_DATA_H

#include "runtime/base/diag.h"
#include "runtime/base/expr.h"

enum source {
#define SOURCE(name, ...) SOURCE_##name,
#include "runtime/data/sources.def"
#undef SOURCE
    SOURCES
};
struct source_row {
    const char *name, *arguments, *fields, *help;
    bool supported;
};
extern const struct source_row source_rows[SOURCES];

/* One source as the file states it; all checked. */
struct source_spec {
    enum source which;
    struct span at;
    uint32_t n_files; /* idx, npy: field names and paths, in the order of the file; csv: its path */
    const char **field, **path;
    double number[8]; /* the other arguments in the row's order; csv: separator, header, skip */
};

/* A field computed from others: its arguments stand side by side. */
enum derived {
    DERIVED_ONE_HOT, /* of a label: classes in order; of numbers: distinct values of the training data, in order */
    DERIVED_NUMBER,  /* a label's class number */
    DERIVED_STANDARDIZE, /* (v - mean) / deviation per component, of the training data; a constant component is divided by 1 */
    DERIVED_MINMAX,   /* to 0 … 1 by the training data's range */
    DERIVED_SLICE,    /* components from … to, counted from 1 */
    DERIVED_SHUFFLED, /* dealt anew to the samples, once */
    DERIVED_COLUMNS   /* of a csv, side by side; one alone may be a label */
};
/* Columns of a csv: one by its name, or, where that is NULL, by number, from … to, counted from 1. */
struct column_pick {
    const char *name;
    uint32_t from, to;
    struct span at;
};
struct derived_spec {
    enum derived which;
    struct span at;
    uint32_t n_picks;
    const struct column_pick *pick;
    uint32_t n_arguments;
    const struct expr **
        argument; /* over fields: VAR_FIELD index < number of named fields, or >= that: derived (index - named) before this */
    uint32_t from, to;
};
/* Noise on a group's numbers: drawn anew for each epoch of the training data, and once for the test data. */
enum noise {
    NOISE_NORMAL, /* noisy: a normal number of that deviation is added */
    NOISE_FLIP, /* with that probability a number is mirrored in the middle of the training data's range: ±1, or 0 and 1 */
    NOISE_MASK /* with that probability it becomes 0 */
};
struct noise_spec {
    enum noise which;
    double amount;
};
struct noise_list {
    uint32_t n;
    const struct noise_spec *noise; /* in the order in which they are applied */
};
/* group = value. Widths of fields are known only when the source is open: expr.width means nothing here, data.c checks. */
struct binding_spec {
    const char *group; /* tensor name, h.1 */
    const char *shown;
    uint32_t size;
    struct span at;
    const struct expr *value;
    struct noise_list noise; /* around the value */
    uint8_t
        scaled; /* the value is exactly a STANDARDIZE or MINMAX: its constants are scale.GROUP and offset.GROUP */
};
/* What standardize or minmax of a group is to do: datum = (raw - offset) / scale, [count] each. */
struct scale_spec {
    const char *group; /* tensor name */
    uint32_t count;
    const double *scale, *offset; /* NULL: not known */
};
struct data_spec {
    bool present;
    struct source_spec train, test;
    bool has_test;
    double holdout; /* 0: none */
    uint64_t seed;
    uint64_t noise_seed; /* of noise on the training data: the training's own seed */
    uint32_t n_fields;   /* named fields of the source, in order; texts below */
    const char **field;
    uint32_t n_derived;
    struct derived_spec *derived;
    uint32_t n_bindings; /* 0: the default bindings of LANGUAGE.md 6, by the groups below */
    struct binding_spec *binding;
    /* What wants data, in the order of the groups: inputs and outputs. */
    uint32_t n_groups;
    struct data_group {
        const char *name, *shown;
        uint32_t size;
        /* Of a sequence, 0: none. A datum is [rows][size]; an input with fewer has zeros behind them. */
        uint32_t rows;
        bool input;
        struct span at;
    } *group;
    const char *folder; /* paths are relative to it: --data, or the folder of the .nnt file */
    uint32_t n_given;   /* constants that weights bring: they hold for a scaled binding, whatever the data are */
    const struct scale_spec *given;
};

/* How a target is to be read for accuracy. */
enum target_kind { TARGET_NONE, TARGET_LABEL, TARGET_TWO_VALUES, TARGET_NUMBER };
/* One split: `count` samples; value[g] is [count][size of group g], of a sequence [count][rows][size], float64 or
 * float32 (real_bytes), g as in data_spec.group. */
struct split {
    uint32_t count;
    void **value;
};
struct data {
    uint32_t real_bytes, n_groups;
    const struct data_group *group;
    struct split train, test; /* test.count 0: none */
    uint8_t *target;          /* enum target_kind a group */
    double *low, *high;       /* a group of two values: which */
    uint32_t *classes;
    struct noise_list *noise; /* a group; NULL: none has noise */
    uint64_t noise_seed;
    double **scale,
        **offset;     /* a group: [size] each where it was scaled, else NULL: datum = (raw - offset) / scale */
    uint32_t *filled; /* a group: numbers of a datum that the source gave; behind them are zeros, without noise */
    double seconds;   /* reading, binding and splitting */
};
/* Numbers of a group's datum: [size], of a sequence [rows][size]. */
static inline size_t data_numbers(const struct data_group *group)
{
    return (size_t)group->size * (group->rows > 0 ? group->rows : 1);
}

/* Opens and binds everything; NULL with messages (file, position of the statement, what was found). Without `present` a set with
 * one sample and no groups. Sizes are bounded: more than `most_bytes` of values is refused. The caller frees. */
MUST_USE struct data *data_open(struct diag *diag, const struct data_spec *spec, uint32_t real_bytes,
                                size_t most_bytes);
void data_free(struct data *data);
/* Copies samples `which[0 … n)` of a split and group, one after another, to `out` (real type), with the noise of an epoch where
 * the split is the training data. Never allocates. */
void data_gather_epoch(const struct data *data, const struct split *split, uint32_t group, const uint32_t *which,
                       uint32_t n, uint64_t epoch, void *out);
/* The same with the noise of epoch 0. */
void data_gather(const struct data *data, const struct split *split, uint32_t group, const uint32_t *which,
                 uint32_t n, void *out);
/* The order of an epoch: a permutation by (seed, epoch), or 0 … count-1 where !shuffle. */
void data_order(uint32_t count, bool shuffle, uint64_t seed, uint64_t epoch, uint32_t *out);
/* The probe: `want` distinct samples of `count` (all of them where there are fewer), ascending, drawn by the data block's seed.
 * out has room for min(want, count); returns how many. */
uint32_t data_probe(uint32_t count, uint32_t want, uint64_t seed, uint32_t *out);

#endif
