/* ledger.c: both laws between a case's parameters and its next ones. */
#include "runtime/thermo/ledger.h"

#include <math.h>

#include "tests/engine/engine.h"
#include "tests/reference/compare.h"

/* The interval between two parameters and temperatures; false with messages. */
static bool take_two(struct run *run, struct ensemble *ensemble, const double *const parameters[2],
                     const double T[2], const double *const data[], struct interval *out)
{
    struct gaussian *sample = arena_alloc(run->arena, run->batch * sizeof *sample);
    double *gradient = arena_alloc(run->arena, (ensemble_trainables(ensemble) + 1) * sizeof *gradient);
    struct ledger *ledger = ledger_new(run->diag, (struct span){0}, ensemble, run->batch, true);
    bool good = ledger != NULL, has = false;

    for (int k = 0; k < 2 && good; k++) {
        const struct combination F = {1, -T[k]};
        struct instant now = {T[k], parameters[k], sample, gradient};
        good = ensemble_gradient(ensemble, run->diag, parameters[k], data, run->batch, 1 / T[k], 1, &F, &gradient,
                                 sample) &&
               ledger_take(ledger, run->diag, data, &now, out, &has);
    }
    ledger_free(ledger);
    return good && has;
}

/* A quotient is as sure as its denominator; where one side is below 1e-9 it is not expected. */
static void expect_quotient(struct run *run, const char *what, double above, double below, const json_t *expected)
{
    double tolerance = 1e-9 / fabs(below), found = above / below, value = json_number_value(expected);
    const json_t *loosen = json_object_get(run->it, "loosen");

    if (run->options->real_bytes != 8 || !expected) return;
    if (loosen) tolerance *= json_number_value(loosen);
    if (!(fabs(found - value) <= tolerance * (1 + fabs(value))))
        failure(run, "%s: %.12g, expected %.12g", what, found, value);
}

static void expect_residual(struct run *run, const struct interval *found, const json_t *expected)
{
    double value = json_number_value(expected);
    double tolerance = run->options->real_bytes == 8 ? 1e-9 : 1e-3 * fabs(found->dU) + 1e-4;
    const json_t *loosen = json_object_get(run->it, "loosen");

    if (loosen) tolerance *= json_number_value(loosen);
    if (!(fabs(found->residual - value) <= tolerance))
        failure(run, "residual: %.12g, expected %.12g", found->residual, value);
}

static void expect_interval(struct run *run, const struct interval *found, const json_t *expected)
{
    const struct {
        const char *name;
        double value;
        int tolerance;
    } numbers[] = {{"dU", found->dU, TOLERANCE_ENSEMBLE},
                   {"dS", found->dS, TOLERANCE_ENSEMBLE},
                   {"dC", found->dC, TOLERANCE_ENSEMBLE},
                   {"dC_error", found->dC_error, TOLERANCE_ENSEMBLE},
                   {"dH_min", found->dH_min, TOLERANCE_ENSEMBLE},
                   {"heat", found->heat, TOLERANCE_ENSEMBLE},
                   {"complexity", found->complexity, TOLERANCE_ENSEMBLE},
                   {"work", found->work, TOLERANCE_DERIVATIVE}};

    for (size_t i = 0; i < LENGTH(numbers); i++)
        if (json_object_get(expected, numbers[i].name))
            expect(run, arena_printf(run->arena, "ledger.%s", numbers[i].name), &numbers[i].value, NULL, 1,
                   json_object_get(expected, numbers[i].name), numbers[i].tolerance);
    expect_residual(run, found, json_object_get(expected, "residual"));
    expect_quotient(run, "reduced_ratio", found->dH_min, found->complexity,
                    json_object_get(expected, "reduced_ratio"));
    expect_quotient(run, "T_law", found->dH_min, found->dC, json_object_get(expected, "T_law"));
}

void run_ledger(struct run *run, const struct nnt_module *module, const struct ensemble_spec *spec,
                const double *const parameters[2], const double *const data[], const json_t *expected)
{
    struct ensemble *ensemble = ensemble_new(run->diag, (struct span){0}, module, spec, run->batch);
    struct interval found;
    const double T[] = {1 / json_number_value(json_object_get(json_object_get(run->it, "ensemble"), "beta")),
                        1 / json_number_value(json_object_get(json_object_get(run->it, "next"), "beta"))};

    if (!ensemble || !take_two(run, ensemble, parameters, T, data, &found))
        fail_with_messages(run);
    else
        expect_interval(run, &found, expected);
    ensemble_free(ensemble);
}
