/* compare.h: one case under way: its module, what it expects, and the first thing that is wrong. */
#ifndef TESTS_REFERENCE_COMPARE_H
#define TESTS_REFERENCE_COMPARE_H

#include "compiler/driver/exercise.h"
#include "lang/model.h"
#include "runtime/thermo/measure.h"
#include "tests/reference/case.h"

struct options {
    const char *file, *engine;
    uint32_t real_bytes, fields;
    char **names;
    int n_names;
};

/* Tolerances of reference/README.md: of states, losses and H; of gradients; of the ensemble, relaxed states among them; of its first
 * and second derivatives. */
enum { TOLERANCE_STATE, TOLERANCE_GRADIENT, TOLERANCE_ENSEMBLE, TOLERANCE_DERIVATIVE, TOLERANCE_SECOND };

/* One case under way. The first thing that is wrong is kept. */
struct run {
    const struct options *options;
    const json_t *it;
    struct arena *arena;
    struct diag *diag;
    struct model *model;
    struct nnt_module *module;
    uint32_t batch;
    /* In float32, the same network interpreted in float64 at the same floats: where the nearest floats of the
     * inputs alone move a result by more than the tolerance, this is what a float32 program can be held to. */
    bool has_twin;
    struct exercise x, twin;
    bool failed;
    char reason[1024];
};

PRINTF(2, 3) void failure(struct run *run, const char *format, ...);
/* The messages given so far, as one text of the heap; NULL where there is no memory. */
char *messages(struct run *run);
/* Fails with the first line that tells an error; warnings and notes may stand before it. */
void fail_with_messages(struct run *run);
/* The case as a model whose ensemble is taken at `reference`; NULL where it is refused, or is not understood. */
struct model *case_model(struct run *run, enum case_reference reference);

/* The numbers of nested lists, one after another. */
struct numbers {
    double *value;
    uint32_t count, capacity;
};
struct numbers numbers_of(struct run *run, const json_t *from);
double mean(const double *values, uint32_t count);
/* Holds what was found to what is expected; `twin` is NULL, or the float64 values at the floats of the inputs. */
void expect(struct run *run, const char *what, const double *found, const double *twin, uint32_t count,
            const json_t *expected, int tolerance);
/* Sets the module's parameters and checks how many are trained. */
void set_parameters(struct run *run);

/* A field of a case, each against what it expects of it. */
void run_boundary(struct run *run, const json_t *expected);
void run_ensemble_forward(struct run *run, const json_t *expected);
void run_bulk(struct run *run, const json_t *expected);
void run_not_converged(struct run *run, const json_t *expected);
void run_gaussian(struct run *run, const json_t *expected);
void run_relaxed(struct run *run, const json_t *expected);
void run_improper(struct run *run, const json_t *expected);
/* Of an ensemble of the module: what it owes to its trainables. */
void run_derivatives(struct run *run, const struct nnt_module *module, const struct ensemble_spec *spec,
                     const double *parameters, const double *const data[], const json_t *expected);
/* And between its parameters and the next ones: the ledger. */
void run_ledger(struct run *run, const struct nnt_module *module, const struct ensemble_spec *spec,
                const double *const parameters[2], const double *const data[], const json_t *expected);

#endif
