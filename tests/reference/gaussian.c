/* gaussian.c: a case's Gaussian ensemble, at the forward and at the relaxed state, and ensembles that must be refused. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/thermo/ensemble.h"
#include "tests/engine/engine.h"
#include "tests/reference/compare.h"

static const struct quantity {
    const char *name;
    size_t offset;
    int tolerance;
} quantities[] = {
    {"H", offsetof(struct gaussian, H), TOLERANCE_STATE},
    {"H_min", offsetof(struct gaussian, H_min), TOLERANCE_ENSEMBLE},
    {"logdet_A", offsetof(struct gaussian, logdet_A), TOLERANCE_ENSEMBLE},
    {"C", offsetof(struct gaussian, C), TOLERANCE_ENSEMBLE},
    {"C_0", offsetof(struct gaussian, C_0), TOLERANCE_ENSEMBLE},
    {"U", offsetof(struct gaussian, U), TOLERANCE_ENSEMBLE},
    {"S", offsetof(struct gaussian, S), TOLERANCE_ENSEMBLE},
    {"F", offsetof(struct gaussian, F), TOLERANCE_ENSEMBLE},
    {"lnZ", offsetof(struct gaussian, lnZ), TOLERANCE_ENSEMBLE},
};

static void expect_quantity(struct run *run, const struct quantity *quantity, const struct gaussian *found,
                            const json_t *expected)
{
    double *values = arena_alloc(run->arena, run->batch * sizeof *values), average;
    const json_t *means = json_object_get(expected, "mean");
    bool is_absent = !json_object_get(expected, quantity->name);

    for (uint32_t b = 0; b < run->batch; b++) {
        memcpy(&values[b], (const char *)&found[b] + quantity->offset, sizeof values[b]);
        if (is_absent && !isnan(values[b])) failure(run, "%s is undefined here, not %g", quantity->name, values[b]);
    }
    if (is_absent) return;
    expect(run, quantity->name, values, NULL, run->batch, json_object_get(expected, quantity->name),
           quantity->tolerance);
    average = mean(values, run->batch);
    if (json_object_get(means, quantity->name)) {
        expect(run, arena_printf(run->arena, "mean %s", quantity->name), &average, NULL, 1,
               json_object_get(means, quantity->name), quantity->tolerance);
    }
}

/* Numbers as the precision has them, in float64. */
static double *rounded(struct run *run, const json_t *from, double *to, uint32_t count)
{
    struct numbers numbers = numbers_of(run, from);

    if (numbers.count != count) failure(run, "%u numbers given, %u needed", numbers.count, count);
    for (uint32_t k = 0; k < count && !run->failed; k++) {
        to[k] = run->options->real_bytes == 4 ? (double)(float)numbers.value[k] : numbers.value[k];
    }
    return to;
}

static double *parameters_of(struct run *run, const struct nnt_module *module, const json_t *from)
{
    double *parameters = arena_alloc(run->arena, (module->size[NNT_PARAMETERS] + 1) * sizeof *parameters);

    for (uint32_t p = 0; p < module->n_parameters; p++) {
        const struct nnt_field *field = &module->field[module->parameter[p].field];

        rounded(run, json_object_get(from, field->name), parameters + field->offset,
                (uint32_t)exercise_size(&run->x, field));
    }
    return parameters;
}

static double *ensemble_parameters(struct run *run, const struct nnt_module *module)
{
    return parameters_of(run, module, json_object_get(run->it, "parameters"));
}

static const double **ensemble_data(struct run *run, const struct nnt_module *module)
{
    const double **data = arena_alloc(run->arena, (module->n_groups + 1) * sizeof *data);

    for (uint32_t g = 0; g < module->n_groups; g++) {
        const struct nnt_group *group = &module->group[g];
        uint32_t count;

        if (group->data == NNT_NONE) continue;
        count = (uint32_t)exercise_size(&run->x, &module->field[group->data]);
        data[g] = rounded(run, json_object_get(json_object_get(run->it, "data"), group->name),
                          arena_alloc(run->arena, (count + 1) * sizeof **data), count);
    }
    return data;
}

/* Numbers in the slabs of a float64 module, as the precision has them. */
static void fill(struct run *run, struct exercise *x, uint32_t field, const json_t *from)
{
    const struct nnt_field *f = &x->module->field[field];
    uint32_t count = (uint32_t)exercise_size(x, f);
    const double *values = rounded(run, from, arena_alloc(run->arena, (count + 1) * sizeof *values), count);

    for (uint32_t k = 0; k < count && !run->failed; k++) exercise_set(x, f, k, values[k]);
}

static void fill_all(struct run *run, struct exercise *x)
{
    const struct nnt_module *module = x->module;

    for (uint32_t p = 0; p < module->n_parameters; p++)
        fill(run, x, module->parameter[p].field,
             json_object_get(json_object_get(run->it, "parameters"),
                             module->field[module->parameter[p].field].name));
    for (uint32_t g = 0; g < module->n_groups; g++)
        if (module->group[g].data != NNT_NONE)
            fill(run, x, module->group[g].data,
                 json_object_get(json_object_get(run->it, "data"), module->group[g].name));
}

/* Every sample relaxes, and to the state that is expected. */
static void expect_relaxed(struct run *run, const struct nnt_module *module, const json_t *expected)
{
    struct exercise x = exercise_open(module, run->batch);

    fill_all(run, &x);
    exercise_run(&x, NNT_ENTRY_ensemble_forward);
    exercise_run(&x, NNT_ENTRY_relax);
    for (uint32_t b = 0; b < run->batch; b++)
        if (exercise_get(&x, &module->field[module->relax_failed], b) != 0)
            failure(run, "sample %u does not relax in %g steps", b,
                    exercise_get(&x, &module->field[module->relax_steps], b));
    for (uint32_t g = 0; g < module->n_groups && !run->failed; g++) {
        const struct nnt_field *field = &module->field[module->group[g].state];
        uint32_t count = (uint32_t)exercise_size(&x, field);
        double *state = arena_alloc(run->arena, (count + 1) * sizeof *state);

        for (uint32_t k = 0; k < count; k++) state[k] = exercise_get(&x, field, k);
        expect(run, arena_printf(run->arena, "relaxed %s", field->name), state, NULL, count,
               json_object_get(expected, module->group[g].name), TOLERANCE_ENSEMBLE);
    }
    exercise_close(&x);
}

/* The elements of a parameter's local gradient, some `apart`, against central differences of the mean of H, relaxed anew each time.
 * How many of them count. */
static uint32_t expect_envelope(struct run *run, const struct differentiated *of, const struct nnt_parameter *it,
                                const struct exercise *x, uint64_t apart)
{
    const struct nnt_field *gradient = &x->module->field[it->gradient];
    uint32_t compared = 0;

    for (uint64_t e = 0; e < exercise_size(x, gradient) && !run->failed; e += apart) {
        double difference, local = exercise_get(x, gradient, e);

        if (!exercise_difference(of, &x->module->field[it->field], e, &difference)) continue;
        compared++;
        if (!(fabs(local - difference) <= 1e-6 * (1 + fabs(difference))))
            failure(run, "%s[%llu]: %.12g at the relaxed state, the least H has %.12g by differences",
                    gradient->name, (unsigned long long)e, local, difference);
    }
    return compared;
}

/* The local gradient at the relaxed state is that of the least H (THEORY.md, 2). */
static void expect_envelopes(struct run *run, const struct nnt_module *module)
{
    struct exercise x = exercise_open(module, run->batch), moved = exercise_open(module, run->batch);
    struct differentiated of = {&moved, NNT_ENTRY_gradient, &module->field[module->H], 1.0 / run->batch, NULL, 0};
    uint64_t apart = strcmp(run->options->engine, "jit") == 0 ? 1 : 7; /* the interpreter is slow */
    uint32_t compared = 0;

    fill_all(run, &x);
    fill_all(run, &moved);
    exercise_run(&x, NNT_ENTRY_gradient);
    for (uint32_t p = 0; p < module->n_parameters && !run->failed; p++)
        if (module->parameter[p].gradient != NNT_NONE)
            compared += expect_envelope(run, &of, &module->parameter[p], &x, apart);
    if (!compared) failure(run, "no element of the local gradient was compared");
    exercise_close(&x);
    exercise_close(&moved);
}

static struct gaussian *evaluate_module(struct run *run, const struct nnt_module *module,
                                        const struct ensemble_spec *spec, double *out_S_T)
{
    struct gaussian *out = arena_alloc(run->arena, run->batch * sizeof *out);
    double beta = json_number_value(json_object_get(json_object_get(run->it, "ensemble"), "beta"));
    struct ensemble *ensemble = ensemble_new(run->diag, (struct span){0}, module, spec, run->batch);
    const double *parameters, *const *data;
    bool proper;

    if (!ensemble) return NULL;
    parameters = ensemble_parameters(run, module);
    data = ensemble_data(run, module);
    *out_S_T = ensemble_S_T(ensemble, beta);
    proper = !run->failed && ensemble_evaluate(ensemble, run->diag, parameters, data, run->batch, beta, out);
    ensemble_free(ensemble);
    return proper ? out : NULL;
}

static const uint32_t first_derivatives = 1u << NNT_ENTRY_pull;
static const uint32_t second_derivatives = 1u << NNT_ENTRY_pull | 1u << NNT_ENTRY_push | 1u << NNT_ENTRY_pull_push;

static struct nnt_module *open_ensemble(struct run *run, const struct model *model, uint32_t derivatives)
{
    uint32_t entries = 1u << NNT_ENTRY_ensemble_forward | 1u << NNT_ENTRY_linearise | derivatives;

    if (!model) return NULL;
    if (model->ensemble.relaxed) entries |= 1u << NNT_ENTRY_relax;
    if (model->minimizes_bulk) entries |= 1u << NNT_ENTRY_gradient;
    return engine_module(run->diag, run->arena, model, run->options->engine, 8, entries);
}

/* The ensemble's values, one a sample, or NULL where it was refused with a message. */
static struct gaussian *evaluate_ensemble(struct run *run, const struct model *model, double *out_S_T)
{
    struct nnt_module *module = open_ensemble(run, model, 0);
    struct gaussian *out = module ? evaluate_module(run, module, &model->ensemble, out_S_T) : NULL;

    engine_release(module);
    return out;
}

/* Half of what the ensemble forward state has above H_min, by each of n/2 degrees of freedom (THEORY.md, 3c). */
static void expect_inferred(struct run *run, const struct gaussian *found, uint32_t n, const json_t *expected)
{
    double T = 0;

    for (uint32_t b = 0; b < run->batch; b++) T += 2 * (found[b].H_forward - found[b].H_min) / n / run->batch;
    expect(run, "inferred_T", &T, NULL, 1, expected, TOLERANCE_ENSEMBLE);
}

/* From the case's parameters to the next. */
static void expect_ledger(struct run *run, const struct nnt_module *module, const struct ensemble_spec *spec,
                          const json_t *expected)
{
    const json_t *next = json_object_get(json_object_get(run->it, "next"), "parameters");
    const double *const parameters[] = {ensemble_parameters(run, module), parameters_of(run, module, next)};

    run_ledger(run, module, spec, parameters, ensemble_data(run, module), expected);
}

/* Derivatives are float64's whatever the network is in: in float32 they would be looked at a second time. */
static void expect_gaussian(struct run *run, const struct model *model, const json_t *expected)
{
    double S_T;
    bool twice = run->options->real_bytes == 8 && json_object_get(expected, "gradient_F");
    struct nnt_module *module = open_ensemble(run, model, twice ? second_derivatives : first_derivatives);
    const struct gaussian *found = module ? evaluate_module(run, module, &model->ensemble, &S_T) : NULL;

    if (!found) {
        fail_with_messages(run);
        engine_release(module);
        return;
    }
    if (twice)
        run_derivatives(run, module, &model->ensemble, ensemble_parameters(run, module), ensemble_data(run, module),
                        expected);
    if (!run->failed && json_object_get(expected, "ledger"))
        expect_ledger(run, module, &model->ensemble, json_object_get(expected, "ledger"));
    if (json_object_get(expected, "inferred_T"))
        expect_inferred(run, found,
                        (uint32_t)json_integer_value(json_object_get(json_object_get(run->it, "ensemble"), "n")),
                        json_object_get(expected, "inferred_T"));
    engine_release(module);
    for (size_t k = 0; k < LENGTH(quantities); k++) expect_quantity(run, &quantities[k], found, expected);
    expect(run, "S_T", &S_T, NULL, 1, json_object_get(expected, "S_T"), TOLERANCE_ENSEMBLE);
}

void run_gaussian(struct run *run, const json_t *expected)
{
    expect_gaussian(run, run->model, expected);
}

/* The determinant and C of the exact Hessian, or that it is refused. */
static void expect_full(struct run *run, const json_t *expected)
{
    static const struct quantity logdet = {"logdet", offsetof(struct gaussian, logdet_A), TOLERANCE_ENSEMBLE},
                                 C = {"C", offsetof(struct gaussian, C), TOLERANCE_ENSEMBLE};
    double S_T;
    const struct model *model = case_model(run, CASE_FULL);
    const struct gaussian *found = model ? evaluate_ensemble(run, model, &S_T) : NULL;
    bool indefinite = json_is_true(json_object_get(expected, "indefinite"));

    if (model && indefinite) {
        if (found) failure(run, "an indefinite Hessian was taken");
    } else if (!found) {
        fail_with_messages(run);
    } else {
        expect_quantity(run, &logdet, found, expected);
        expect_quantity(run, &C, found, expected);
    }
}

void run_relaxed(struct run *run, const json_t *expected)
{
    struct model *model = case_model(run, CASE_RELAXED);
    struct nnt_module *module = open_ensemble(run, model, 0);

    if (!module || !module->entry[NNT_ENTRY_relax]) {
        fail_with_messages(run);
        engine_release(module);
        return;
    }
    expect_relaxed(run, module, json_object_get(expected, "state"));
    if (run->options->real_bytes == 8) expect_envelopes(run, module);
    engine_release(module);
    if (!run->failed) expect_gaussian(run, model, expected);
    if (!run->failed && json_object_get(expected, "hessian_full"))
        expect_full(run, json_object_get(expected, "hessian_full"));
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
}

static bool mentions(const char *text, const char *word)
{
    size_t length = strlen(word);

    for (const char *at = strstr(text, word); at; at = strstr(at + 1, word)) {
        if ((at == text || !is_letter(at[-1])) && !is_letter(at[length])) return true;
    }
    return false;
}

/* Refused, with a message that has one of the groups. */
void run_improper(struct run *run, const json_t *expected)
{
    double S_T;
    const json_t *groups = json_object_get(expected, "groups");
    bool evaluated = evaluate_ensemble(run, run->model, &S_T) != NULL, named = false;
    char *text = messages(run);

    for (size_t k = 0; text && k < json_array_size(groups); k++) {
        named = named || mentions(text, json_string_value(json_array_get(groups, k)));
    }
    if (evaluated) failure(run, "an improper ensemble was evaluated");
    if (!named) failure(run, "refused, but no group of the failing direction is named: %s", text ? text : "");
    free(text);
}
