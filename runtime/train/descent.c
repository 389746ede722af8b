/* descent.c: one step down F: gradient in float64, descent in the network's own type, and the watch for a bottom that is not there. */
#include "runtime/train/descent.h"

#include "runtime/thermo/slabs.h"
#include "runtime/thermo/temperature.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Samples of a call of the ensemble's kernels at most. */
enum { ENSEMBLE_BATCH = 64 };
/* Nats by which a step may raise C before it is looked at; where C then does not follow, to this share, the step went past a place
 * where det A = 0, at which F has no lower bound. */
static const double most_nats = 1, followed = 0.5;

struct descent {
    const struct nnt_module *module, *wide; /* the one that trains; the ensemble's in float64 */
    struct ensemble *ensemble;
    struct diag *aside;
    uint32_t batch;
    bool confined, bounded; /* as in struct descended */
    double *before, *after; /* parameters in float64 */
    double *gradient_H_min, *gradient_C;
    double **value; /* by group: data in float64 */
    struct gaussian *sample;
};

/* ---- memory ---- */

static bool allocate(struct descent *d)
{
    const struct nnt_module *m = d->wide;
    size_t P = m->size[NNT_GRADIENT], numbers;
    d->before = numbers_new(m->size[NNT_PARAMETERS]);
    d->after = numbers_new(m->size[NNT_PARAMETERS]);
    d->gradient_H_min = numbers_new(P);
    d->gradient_C = numbers_new(P);
    d->sample = calloc(d->batch + (size_t)1, sizeof *d->sample);
    d->value = calloc(m->n_groups + (size_t)1, sizeof *d->value);
    if (!d->before || !d->after || !d->gradient_H_min || !d->gradient_C || !d->sample || !d->value) return false;
    for (uint32_t g = 0; g < m->n_groups; g++) {
        if (m->group[g].data == NNT_NONE) continue;
        if (!size_product(field_length(&m->field[m->group[g].data]), d->batch, &numbers)) return false;
        if (!(d->value[g] = numbers_new(numbers))) return false;
    }
    return true;
}

/* ---- what F can do ---- */

static bool is_free(const struct nnt_group *group)
{
    return !(group->flags & NNT_CLAMPED);
}

static bool all_free_have(const struct nnt_module *m, uint32_t flag)
{
    for (uint32_t g = 0; g < m->n_groups; g++)
        if (is_free(&m->group[g]) && !(m->group[g].flags & flag)) return false;
    return true;
}

static bool any_free_has(const struct nnt_module *m, uint32_t flag)
{
    for (uint32_t g = 0; g < m->n_groups; g++)
        if (is_free(&m->group[g]) && m->group[g].flags & flag) return true;
    return false;
}

/* Whether a free group feeds itself, by others or at once: what no group that is not `fed` leads to is taken away until all stay. */
static bool has_free_cycle(const struct nnt_module *m, bool *fed)
{
    uint32_t left = 0, before;
    for (uint32_t g = 0; g < m->n_groups; g++) left += fed[g] = is_free(&m->group[g]);
    do {
        before = left;
        for (uint32_t g = 0; g < m->n_groups; g++) {
            bool still = false;
            for (uint32_t b = 0; b < m->n_blocks; b++) still |= m->block[b].to == g && fed[m->block[b].from];
            if (!fed[g] || still) continue;
            fed[g] = false;
            left--;
        }
    } while (left < before);
    return left > 0;
}

/* C <= 0 and H_min >= 0 then (THEORY 3a). */
static bool is_bounded(const struct nnt_module *m, const struct ensemble_spec *spec)
{
    bool *fed = calloc(m->n_groups + (size_t)1, sizeof *fed);
    bool bounded = fed && !spec->full && all_free_have(m, NNT_ERROR) && !any_free_has(m, NNT_POTENTIAL) &&
                   !has_free_cycle(m, fed);
    free(fed);
    return bounded;
}

/* C = 0 and H_min = 0 whatever the weights, where F is bounded and no error stands at data. */
static void warn_of_constant_F(const struct descent *d, struct diag *diag, struct span at)
{
    for (uint32_t g = 0; g < d->wide->n_groups; g++)
        if (!is_free(&d->wide->group[g]) && d->wide->group[g].flags & NNT_ERROR) return;
    if (!d->bounded) return;
    diag_warn(diag, at, "idle-complexity",
              "F is the same whatever the weights: free_energy adds nothing, since no error stands at data");
    diag_hint(diag, "clamp outputs as well, or give the free groups potentials");
}

struct descent *descent_new(struct diag *diag, struct span at, const struct nnt_module *module,
                            const struct nnt_module *wide, const struct ensemble_spec *spec, uint32_t batch)
{
    if (!module->entry[NNT_ENTRY_descend] || !wide->entry[NNT_ENTRY_pull])
        BUG("F is minimised by `descend` and by an ensemble with `pull`");
    struct descent *d = calloc(1, sizeof *d);
    if (d)
        *d = (struct descent){.module = module,
                              .wide = wide,
                              .aside = diag_aside(diag),
                              .batch = batch,
                              .confined = all_free_have(wide, NNT_POTENTIAL),
                              .bounded = is_bounded(wide, spec)};
    if (!d || !allocate(d)) {
        diag_machine(diag, at, "memory", "memory is short: no room for the gradient of F");
        descent_free(d);
        return NULL;
    }
    d->ensemble = ensemble_new(diag, at, wide, spec, batch < ENSEMBLE_BATCH ? batch : ENSEMBLE_BATCH);
    if (d->ensemble) {
        warn_of_constant_F(d, diag, at);
        return d;
    }
    descent_free(d);
    return NULL;
}

void descent_free(struct descent *d)
{
    if (!d) return;
    for (uint32_t g = 0; d->value && g < d->wide->n_groups; g++) free(d->value[g]);
    free(d->value);
    free(d->before);
    free(d->after);
    free(d->gradient_H_min);
    free(d->gradient_C);
    free(d->sample);
    ensemble_free(d->ensemble);
    diag_free(d->aside);
    free(d);
}

/* ---- to float64 and back ---- */

static void widen_data(const struct descent *d, const struct nnt_call *call)
{
    for (uint32_t g = 0; g < d->wide->n_groups; g++) {
        if (!d->value[g]) continue;
        const struct nnt_field *from = &d->module->field[d->module->group[g].data];
        uint64_t at = field_offset(from, call->batch);
        for (uint64_t i = 0, n = call->batch * field_length(from); i < n; i++)
            d->value[g][i] = real_at(call->slab[NNT_DATA], d->module->real_bytes, at + i);
    }
}

/* gradient := scale gradient + coefficient (∇H_min - T ∇C), in the network's type. */
static void add_gradient(const struct descent *d, struct nnt_call *call, double scale, double coefficient, double T)
{
    uint32_t real_bytes = d->module->real_bytes;
    for (uint32_t p = 0; p < d->module->n_parameters; p++) {
        if (d->module->parameter[p].gradient == NNT_NONE) continue;
        const struct nnt_field *to = &d->module->field[d->module->parameter[p].gradient];
        uint64_t from = d->wide->field[d->wide->parameter[p].gradient].offset;
        for (uint64_t i = 0, n = field_length(to); i < n; i++) {
            double others = scale == 0 ? 0 : scale * real_at(call->slab[NNT_GRADIENT], real_bytes, to->offset + i);
            double F = d->gradient_H_min[from + i] - T * d->gradient_C[from + i];
            real_set(call->slab[NNT_GRADIENT], real_bytes, to->offset + i, others + coefficient * F);
        }
    }
}

/* ---- the watch ---- */

/* ∇C Δq, and the parameter of its largest part. */
static double expected_change(const struct descent *d, uint32_t *out_towards)
{
    double sum = 0, most = 0;
    *out_towards = 0;
    for (uint32_t p = 0; p < d->wide->n_parameters; p++) {
        double part = 0;
        if (d->wide->parameter[p].gradient == NNT_NONE) continue;
        const struct nnt_field *q = &d->wide->field[d->wide->parameter[p].field];
        uint64_t at = d->wide->field[d->wide->parameter[p].gradient].offset;
        for (uint64_t i = 0, n = field_length(q); i < n; i++)
            part += d->gradient_C[at + i] * (d->after[q->offset + i] - d->before[q->offset + i]);
        sum += part;
        if (part <= most) continue;
        most = part;
        *out_towards = p;
    }
    return sum;
}

static double mean(const struct descent *d, const double *first, uint32_t count)
{
    return ensemble_mean(first, sizeof *d->sample / sizeof(double), count).mean;
}

/* A step that fails is the last: the first error is its. */
static void say_why(struct descent *d, struct descended *out)
{
    out->because = diag_first_error(d->aside);
    if (!out->because) out->because = "the ensemble could not be computed";
}

/* Whether C follows a step that should raise it a lot. As det A goes to 0 its gradient grows without bound, and a step that is longer
 * than the way to that place leaps over it. Where F has a lower bound such a step is too long and no more. */
static bool keeps_hold(struct descent *d, const struct nnt_call *call, double T, struct descended *out)
{
    double C = mean(d, &d->sample->C, call->batch);
    if (d->bounded) return true;
    widen_parameters(d->module, call->slab[NNT_PARAMETERS], d->wide, d->after);
    out->expected = expected_change(d, &out->towards);
    if (!(out->expected > most_nats)) return true;
    bool computed = ensemble_evaluate(d->ensemble, d->aside, d->after, (const double *const *)d->value, call->batch,
                                      1 / T, d->sample);
    if (!computed) say_why(d, out);
    out->change = computed ? mean(d, &d->sample->C, call->batch) - C : NAN;
    out->lost = !(out->change > followed * out->expected);
    return !out->lost;
}

/* ---- a step ---- */

bool descent_step(struct descent *d, struct nnt_call *call, double scale, double coefficient, double T,
                  struct descended *out)
{
    const struct combination of[] = {{1, 0}, {0, 1}};
    double *gradient[] = {d->gradient_H_min, d->gradient_C};
    *out = (struct descended){.towards = NNT_NONE, .confined = d->confined, .bounded = d->bounded};
    widen_parameters(d->module, call->slab[NNT_PARAMETERS], d->wide, d->before);
    widen_data(d, call);
    if (!ensemble_gradient(d->ensemble, d->aside, d->before, (const double *const *)d->value, call->batch, 1 / T, 2,
                           of, gradient, d->sample)) {
        say_why(d, out);
        return false;
    }
    out->F = mean(d, &d->sample->F, call->batch);
    add_gradient(d, call, scale, coefficient, T);
    if (d->module->entry[NNT_ENTRY_descend](d->module->self, call) != 0) return false;
    return keeps_hold(d, call, T, out);
}

const struct convergence *descent_convergence(const struct descent *d)
{
    return ensemble_convergence(d->ensemble);
}

void descent_warn(const struct descent *d, struct diag *diag)
{
    ensemble_warn(d->ensemble, diag);
}
