/* measure.h: what is asked to be measured, when it is due, and one moment's numbers. */
#ifndef NNT_MEASURE_H
#define NNT_MEASURE_H

#include "runtime/base/diag.h"
#include "runtime/base/expr.h"

enum measure {
#define MEASURE(name, ...) MEASURE_##name,
#include "runtime/thermo/measures.def"
#undef MEASURE
    MEASURES
};
enum measure_need { NEED_NONE, NEED_LOSS, NEED_ENSEMBLE };
struct measure_row {
    const char *name, *section, *help;
    enum measure_need need;
    bool supported;
};
extern const struct measure_row measure_rows[MEASURES];

enum when { WHEN_EPOCHS, WHEN_STEPS, WHEN_TIMES, WHEN_LOGARITHMIC, WHEN_END };
/* One `measure` block. */
struct measure_spec {
    struct span at;
    enum when when;
    uint64_t every;  /* EPOCHS, STEPS: the period; TIMES, LOGARITHMIC: how many */
    double from;     /* the progress of the first measurement, 0 <= from < 1; END has none */
    uint32_t probe;  /* samples of the probe set */
    bool of_test;    /* probe drawn from the test split, else from train */
    uint32_t asked;  /* bit m: measure m */
    uint32_t probes; /* directions of the efficiency */
};
/* The ensemble block. */
struct ensemble_spec {
    const struct expr *temperature; /* a schedule of progress, > 0 */
    bool inferred; /* T is what gives U = <H> at the ensemble-forward state (THEORY 3c), at measurements */
    /* ln det A by stochastic Lanczos quadrature with `probes` vectors of `order` steps; else by Cholesky. */
    bool lanczos;
    uint32_t probes, order;
    bool relaxed; /* the reference state: the minimum of H over the free neurons; else the forward state */
    bool full;    /* with relaxed: the exact Hessian instead of Gauss-Newton's */
    double relax_tolerance; /* relaxation stops at max |dH/dx| <= this … */
    uint32_t relax_most;    /* … or after so many iterations */
};

/* Whether a block is due at `step` (0 … steps), with steps_per_epoch steps an epoch. The first step, that at progress `from`, and the
 * last are always due but for WHEN_END; before it nothing is, and TIMES and LOGARITHMIC count steps from there. LOGARITHMIC: 0, then
 * geometric from 1 to the end, duplicates dropped. */
bool measure_due(const struct measure_spec *spec, uint64_t step, uint64_t steps, uint64_t steps_per_epoch);

/* Whether a block's moment at `step`, where it is due, is among those that a table of at most `most` (2 or more) of them shows: the first,
 * the last, and every n-th between, n = 1, 2, 5, 10, 20 … */
bool measure_shown(const struct measure_spec *spec, uint64_t step, uint64_t steps, uint64_t steps_per_epoch,
                   uint64_t most);

enum { MOMENT_READINGS = 256, READING_KEY = 128 };
/* One number of a moment: key as in metrics.jsonl. The numbers of a list have one key and stand one behind the other: place 1 … of; a
 * number by itself has 0. */
struct reading {
    char key[READING_KEY];
    double value;
    uint32_t place, of;
};
/* The line of one measurement and split. */
struct moment {
    uint64_t step;
    double epoch; /* passes over the training data so far */
    bool test;
    uint32_t n;
    struct reading reading[MOMENT_READINGS];
};
/* The key is copied; one that is longer than READING_KEY - 1 bytes is cut. At most MOMENT_READINGS. */
void moment_add(struct moment *moment, const char *key, double value);
void moment_add_list(struct moment *moment, const char *key, const double *values, uint32_t n);
/* Replaces the value of a key (and place) that the moment has; adds others as long as there is room. */
void moment_set(struct moment *moment, const struct reading *reading);
/* The reading of a key (of a list, its first), or NULL. */
const struct reading *moment_find(const struct moment *moment, const char *key);

#endif
