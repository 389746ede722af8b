/* laplacian.c: THEORY 5: the Laplacian of F by Hessian products, exact or by random directions, with its standard error. */
#include "runtime/thermo/laplacian.h"

#include "runtime/base/random.h"
#include "runtime/thermo/slabs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct laplacian_probes {
    struct ensemble *ensemble;
    uint32_t count, probes, groups;
    uint64_t seed;
    bool exact;
    double *direction, *product[2];
    double *H_min, *C; /* [probes][groups]: vᵀ∇²v of a group's mean; exact: one row of sums */
    double *F;         /* [probes] or [groups] */
    const double **data;
};

/* ---- memory ---- */

/* Calls `each` with the place of every trainable. */
static bool for_trainables(const struct nnt_module *module, bool (*each)(void *with, uint32_t p, uint64_t place),
                           void *with)
{
    for (uint32_t p = 0; p < module->n_parameters; p++) {
        const struct nnt_parameter *parameter = &module->parameter[p];
        const struct nnt_field *field = &module->field[parameter->field];
        if (parameter->gradient == NNT_NONE) continue;
        for (uint64_t i = 0, n = field_length(field); i < n; i++)
            if (is_trainable(parameter, field, i) && !each(with, p, module->field[parameter->gradient].offset + i))
                return false;
    }
    return true;
}

static bool allocate(struct laplacian_probes *l)
{
    size_t P = ensemble_trainables(l->ensemble), rows = l->exact ? 1 : l->probes;
    l->direction = numbers_new(P);
    l->product[0] = numbers_new(P);
    l->product[1] = numbers_new(P);
    l->H_min = numbers_new(rows * l->groups);
    l->C = numbers_new(rows * l->groups);
    l->F = numbers_new(rows > l->groups ? rows : l->groups);
    l->data = calloc(ensemble_module(l->ensemble)->n_groups + 1, sizeof *l->data);
    return l->direction && l->product[0] && l->product[1] && l->H_min && l->C && l->F && l->data;
}

struct laplacian_probes *laplacian_new(struct diag *diag, struct span at, struct ensemble *ensemble, uint32_t count,
                                       uint32_t probes, uint64_t seed)
{
    struct laplacian_probes *l = calloc(1, sizeof *l);
    uint32_t P = ensemble_module(ensemble)->trainables;
    if (l)
        *l = (struct laplacian_probes){.ensemble = ensemble,
                                       .count = count,
                                       .probes = probes,
                                       .groups = count < LAPLACIAN_GROUPS ? count : LAPLACIAN_GROUPS,
                                       .seed = seed,
                                       .exact = P <= (probes > LAPLACIAN_EXACT ? probes : LAPLACIAN_EXACT)};
    if (l && allocate(l)) return l;
    diag_machine(diag, at, "memory", "memory is short: no room for the Laplacian over %u trainables", P);
    laplacian_free(l);
    return NULL;
}

void laplacian_free(struct laplacian_probes *l)
{
    if (!l) return;
    free(l->direction);
    free(l->product[0]);
    free(l->product[1]);
    free(l->H_min);
    free(l->C);
    free(l->F);
    free(l->data);
    free(l);
}

/* ---- products ---- */

/* The parameters and data of one call. */
struct point {
    struct laplacian_probes *of;
    struct diag *diag;
    const double *parameters;
    const double *const *data;
};

static uint32_t first_of(const struct laplacian_probes *l, uint32_t group)
{
    return (uint32_t)((uint64_t)l->count * group / l->groups);
}

/* The products of `direction` on one group of samples. */
static bool multiply(const struct point *at, uint32_t group)
{
    const struct combination of[] = {{1, 0}, {0, 1}};
    struct laplacian_probes *l = at->of;
    const struct nnt_module *module = ensemble_module(l->ensemble);
    uint32_t first = first_of(l, group), count = first_of(l, group + 1) - first;
    for (uint32_t k = 0; k < module->n_groups; k++) {
        uint32_t field = module->group[k].data;
        l->data[k] = field == NNT_NONE ? NULL : at->data[k] + first * field_length(&module->field[field]);
    }
    return ensemble_hessian(l->ensemble, at->diag, at->parameters, l->data, count, 2, of, l->direction, l->product);
}

/* ∂²/∂q_i² of one trainable, added to each group's sums. */
static bool add_exact(void *with, uint32_t p, uint64_t place)
{
    struct point *at = with;
    struct laplacian_probes *l = at->of;
    (void)p;
    l->direction[place] = 1;
    for (uint32_t group = 0; group < l->groups; group++) {
        if (!multiply(at, group)) return false;
        l->H_min[group] += l->product[0][place];
        l->C[group] += l->product[1][place];
    }
    l->direction[place] = 0;
    return true;
}

struct draw {
    struct laplacian_probes *of;
    struct random random;
    uint32_t probe, parameter;
};

/* A stream a parameter, so that a direction does not depend on how the slab is laid out. */
static bool draw_sign(void *with, uint32_t p, uint64_t place)
{
    struct draw *draw = with;
    if (draw->parameter != p) draw->random = random_stream(draw->of->seed, RANDOM_LAPLACIAN, draw->probe, p);
    draw->parameter = p;
    draw->of->direction[place] = random_bits(&draw->random) & 1 ? 1 : -1;
    return true;
}

static double dot(const double *a, const double *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

static bool add_probe(const struct point *at, uint32_t probe)
{
    struct laplacian_probes *l = at->of;
    size_t P = ensemble_trainables(l->ensemble);
    struct draw draw = {.of = l, .probe = probe, .parameter = NNT_NONE};
    (void)for_trainables(ensemble_module(l->ensemble), draw_sign, &draw);
    for (uint32_t group = 0; group < l->groups; group++) {
        if (!multiply(at, group)) return false;
        l->H_min[(size_t)probe * l->groups + group] = dot(l->direction, l->product[0], P);
        l->C[(size_t)probe * l->groups + group] = dot(l->direction, l->product[1], P);
    }
    return true;
}

static bool multiply_all(struct point *at)
{
    struct laplacian_probes *l = at->of;
    size_t P = ensemble_trainables(l->ensemble);
    memset(l->direction, 0, P * sizeof *l->direction);
    if (l->exact) {
        memset(l->H_min, 0, l->groups * sizeof *l->H_min);
        memset(l->C, 0, l->groups * sizeof *l->C);
        return for_trainables(ensemble_module(l->ensemble), add_exact, at);
    }
    for (uint32_t probe = 0; probe < l->probes; probe++)
        if (!add_probe(at, probe)) return false;
    return true;
}

/* ---- mean and error ---- */

static double share(const struct laplacian_probes *l, uint32_t group)
{
    return (double)(first_of(l, group + 1) - first_of(l, group)) / l->count;
}

/* The mean over the samples of one row of groups. */
static double mean_of_groups(const struct laplacian_probes *l, const double *row)
{
    double sum = 0;
    for (uint32_t group = 0; group < l->groups; group++) sum += share(l, group) * row[group];
    return sum;
}

static double mean_of_all(const struct laplacian_probes *l, const double *table)
{
    uint32_t rows = l->exact ? 1 : l->probes;
    double sum = 0;
    for (uint32_t r = 0; r < rows; r++) sum += mean_of_groups(l, table + (size_t)r * l->groups) / rows;
    return sum;
}

/* Over the probes, each on all samples. */
static double probe_error(struct laplacian_probes *l, double T)
{
    if (l->exact) return 0;
    for (uint32_t r = 0; r < l->probes; r++)
        l->F[r] = mean_of_groups(l, l->H_min + (size_t)r * l->groups) -
                  T * mean_of_groups(l, l->C + (size_t)r * l->groups);
    return ensemble_mean(l->F, 1, l->probes).error;
}

/* The jackknife over groups of samples of the mean over the probes: Σ_g (share (F_g - F))² G / (G - 1). */
static double sample_error(struct laplacian_probes *l, double T, double mean)
{
    uint32_t rows = l->exact ? 1 : l->probes;
    double sum = 0;
    if (l->groups < 2) return 0;
    for (uint32_t group = 0; group < l->groups; group++) {
        double F = 0;
        for (uint32_t r = 0; r < rows; r++)
            F += (l->H_min[(size_t)r * l->groups + group] - T * l->C[(size_t)r * l->groups + group]) / rows;
        sum += pow(share(l, group) * (F - mean), 2);
    }
    return sqrt(sum * l->groups / (l->groups - 1.0));
}

bool laplacian_take(struct laplacian_probes *l, struct diag *diag, const double *parameters,
                    const double *const data[], double T, struct laplacian *out)
{
    struct point at = {l, diag, parameters, data};
    if (!multiply_all(&at)) return false;
    *out = (struct laplacian){.H_min = mean_of_all(l, l->H_min), .C = mean_of_all(l, l->C), .exact = l->exact};
    out->value = out->H_min - T * out->C;
    out->probe_error = probe_error(l, T);
    out->sample_error = sample_error(l, T, out->value);
    out->error = hypot(out->probe_error, out->sample_error);
    return true;
}
