/* derivatives.c: what a case's ensemble owes to its trainables: gradients, second derivatives, spectrum, the inferred temperature. */
#include <math.h>
#include <string.h>

#include "runtime/thermo/ensemble.h"
#include "runtime/thermo/slabs.h"
#include "tests/engine/engine.h"
#include "tests/reference/compare.h"

/* An ensemble at the case's parameters. */
struct derivation {
    struct run *run;
    const struct nnt_module *module;
    struct ensemble *ensemble;
    const double *parameters, *const *data;
    double beta;
    size_t length; /* of a vector of trainables */
};

static double *vector_new(const struct derivation *d)
{
    return arena_alloc(d->run->arena, (d->length + 1) * sizeof(double));
}

/* The trainables in the order of parameters, without the slab's padding. */
static uint32_t packed(const struct derivation *d, const double *vector, double *out)
{
    uint32_t count = 0;

    for (uint32_t p = 0; p < d->module->n_parameters; p++) {
        const struct nnt_field *field;

        if (d->module->parameter[p].gradient == NNT_NONE) continue;
        field = &d->module->field[d->module->parameter[p].gradient];
        for (uint64_t k = 0; k < field_length(field); k++) out[count++] = vector[field->offset + k];
    }
    return count;
}

static void unpack(const struct derivation *d, const double *values, double *out)
{
    for (uint32_t p = 0; p < d->module->n_parameters; p++) {
        const struct nnt_field *field;

        if (d->module->parameter[p].gradient == NNT_NONE) continue;
        field = &d->module->field[d->module->parameter[p].gradient];
        for (uint64_t k = 0; k < field_length(field); k++) out[field->offset + k] = *values++;
    }
}

static double norm(const struct derivation *d, const double *vector)
{
    double sum = 0;

    for (size_t k = 0; k < d->length; k++) sum += vector[k] * vector[k];
    return sqrt(sum);
}

static void expect_gradient(const struct derivation *d, const json_t *expected)
{
    const struct combination of[] = {{1, -1 / d->beta}, {1, 0}};
    double *out[] = {vector_new(d), vector_new(d)}, F_norm, defect;
    struct run *run = d->run;

    if (!ensemble_gradient(d->ensemble, run->diag, d->parameters, d->data, run->batch, d->beta, 2, of, out, NULL)) {
        fail_with_messages(run);
        return;
    }
    for (uint32_t p = 0; p < d->module->n_parameters && !run->failed; p++) {
        const struct nnt_field *field;

        if (d->module->parameter[p].gradient == NNT_NONE) continue;
        field = &d->module->field[d->module->parameter[p].gradient];
        expect(run, arena_printf(run->arena, "gradient_F %s", field->name), out[0] + field->offset, NULL,
               (uint32_t)field_length(field), json_object_get(json_object_get(expected, "gradient_F"), field->name),
               TOLERANCE_DERIVATIVE);
    }
    F_norm = norm(d, out[0]);
    defect = norm(d, out[1]);
    expect(run, "gradient_F_norm", &F_norm, NULL, 1, json_object_get(expected, "gradient_F_norm"),
           TOLERANCE_DERIVATIVE);
    expect(run, "defect", &defect, NULL, 1, json_object_get(expected, "defect"), TOLERANCE_DERIVATIVE);
}

static bool product(const struct derivation *d, uint32_t n, const struct combination of[], const double *v,
                    double *const out[])
{
    bool good = ensemble_hessian(d->ensemble, d->run->diag, d->parameters, d->data, d->run->batch, n, of, v, out);

    if (!good) fail_with_messages(d->run);
    return good;
}

static void expect_product(const struct derivation *d, const json_t *expected)
{
    const struct combination of = {1, -1 / d->beta};
    double *out[] = {vector_new(d)}, *v = vector_new(d), *flat = vector_new(d);
    struct numbers direction = numbers_of(d->run, json_object_get(expected, "v"));

    memset(v, 0, d->length * sizeof *v);
    unpack(d, direction.value, v);
    if (!product(d, 1, &of, v, out)) return;
    expect(d->run, "hessian_vector", flat, NULL, packed(d, out[0], flat), json_object_get(expected, "Hv"),
           TOLERANCE_SECOND);
}

/* The Laplacian and the Hessian's diagonal, by a product a trainable. */
static void expect_laplacian(const struct derivation *d, const json_t *expected)
{
    const struct combination of[] = {{1, 0}, {0, 1}};
    double *out[] = {vector_new(d), vector_new(d)}, *v = vector_new(d), *unit = vector_new(d),
           *flat = vector_new(d);
    double H_min = 0, C = 0, F;
    uint32_t P = packed(d, out[0], flat);
    struct numbers diagonal = {0};

    for (uint32_t i = 0; i < P; i++) {
        double entry[2];

        memset(unit, 0, d->length * sizeof *unit);
        unit[i] = 1;
        memset(v, 0, d->length * sizeof *v);
        unpack(d, unit, v);
        if (!product(d, 2, of, v, out)) return;
        for (uint32_t k = 0; k < 2; k++) {
            packed(d, out[k], flat);
            entry[k] = flat[i];
        }
        H_min += entry[0];
        C += entry[1];
        diagonal.value =
            arena_grow(d->run->arena, diagonal.value, diagonal.count, &diagonal.capacity, sizeof *diagonal.value);
        diagonal.value[diagonal.count++] = entry[0] - entry[1] / d->beta;
    }
    F = H_min - C / d->beta;
    const json_t *by_name = json_object_get(expected, "hessian_diagonal_F");
    struct numbers all = {0};
    for (uint32_t p = 0; p < d->module->n_parameters; p++) {
        struct numbers one;

        if (d->module->parameter[p].gradient == NNT_NONE) continue;
        one = numbers_of(d->run, json_object_get(by_name, d->module->field[d->module->parameter[p].field].name));
        expect(d->run, "hessian_diagonal_F", diagonal.value + all.count, NULL, one.count,
               json_object_get(by_name, d->module->field[d->module->parameter[p].field].name), TOLERANCE_SECOND);
        all.count += one.count;
    }
    expect(d->run, "laplacian", &F, NULL, 1, json_object_get(expected, "laplacian"), TOLERANCE_SECOND);
    expect(d->run, "laplacian_H_min", &H_min, NULL, 1, json_object_get(expected, "laplacian_H_min"),
           TOLERANCE_SECOND);
    expect(d->run, "laplacian_C", &C, NULL, 1, json_object_get(expected, "laplacian_C"), TOLERANCE_SECOND);
}

static void expect_spectrum(const struct derivation *d, const json_t *expected)
{
    uint32_t n = ensemble_free_neurons(d->ensemble), count = n * d->run->batch;
    double *out = arena_alloc(d->run->arena, (count + 1) * sizeof *out), *room;
    size_t numbers;

    if (!ensemble_spectrum_room(d->ensemble, &numbers)) BUG("a case of %u free neurons", n);
    room = arena_alloc(d->run->arena, numbers * sizeof *room);
    if (!ensemble_spectrum(d->ensemble, d->run->diag, d->parameters, d->data, d->run->batch, room, out))
        fail_with_messages(d->run);
    else
        expect(d->run, "eigenvalues_A", out, NULL, count, expected, TOLERANCE_ENSEMBLE);
}

void run_derivatives(struct run *run, const struct nnt_module *module, const struct ensemble_spec *spec,
                     const double *parameters, const double *const data[], const json_t *expected)
{
    struct derivation d = {.run = run, .module = module, .parameters = parameters, .data = data};

    d.ensemble = ensemble_new(run->diag, (struct span){0}, module, spec, run->batch);
    if (!d.ensemble) {
        fail_with_messages(run);
        return;
    }
    d.beta = json_number_value(json_object_get(json_object_get(run->it, "ensemble"), "beta"));
    d.length = ensemble_trainables(d.ensemble);
    expect_spectrum(&d, json_object_get(expected, "eigenvalues_A"));
    if (!run->failed) expect_gradient(&d, expected);
    if (!run->failed && json_object_get(expected, "hessian_vector"))
        expect_product(&d, json_object_get(expected, "hessian_vector"));
    if (!run->failed && json_object_get(expected, "laplacian")) expect_laplacian(&d, expected);
    ensemble_free(d.ensemble);
}
