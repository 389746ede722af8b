/* ledger.c: THEORY 4 letter by letter: the first and the second law between two measurements, and their sums over training. */
#include "runtime/thermo/ledger.h"

#include "runtime/thermo/slabs.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct ledger {
    struct ensemble *ensemble;
    struct span at;
    uint32_t count;
    bool first_law;
    /* The measurement before. */
    bool begun;
    double T;
    double *parameters, *gradient_F;
    struct gaussian *sample;
    /* The middle of the chord. */
    double *middle_parameters, *middle_gradient_F;
    struct gaussian *middle;
    /* Sums, and by sample those of ΔH_min, ∫T dC and ΔC. */
    struct ledger_totals totals;
    double *dH_min, *complexity, *dC;
    double *room;
    double size; /* the largest |H_min| or |T C| so far */
    struct diag *aside;
};

/* ---- one interval ---- */

static struct estimate mean_of(const double *values, uint32_t count)
{
    return ensemble_mean(values, 1, count);
}

static double simpson(double before, double middle, double now)
{
    return (before + 4 * middle + now) / 6;
}

/* ∫T dC of a sample = Δ(T C) - ΔT (C_k + 4 C_m + C_k+1) / 6. */
static double complexity_of(const struct instant *before, const struct instant *middle, const struct instant *now,
                            uint32_t i)
{
    double C = before->sample[i].C, C_m = middle->sample[i].C, C_next = now->sample[i].C;
    return now->T * C_next - before->T * C - (now->T - before->T) * simpson(C, C_m, C_next);
}

/* W = Δq (∇F_k + 4 ∇F_m + ∇F_k+1) / 6. */
static double work_of(const struct nnt_module *module, const struct instant *before, const struct instant *middle,
                      const struct instant *now)
{
    double work = 0;
    for (uint32_t p = 0; p < module->n_parameters; p++) {
        const struct nnt_parameter *parameter = &module->parameter[p];
        const struct nnt_field *field = &module->field[parameter->field];
        if (parameter->gradient == NNT_NONE) continue;
        uint64_t to = module->field[parameter->gradient].offset;
        for (uint64_t i = 0, n = field_length(field); i < n; i++) {
            double dq = now->parameters[field->offset + i] - before->parameters[field->offset + i];
            work += dq * simpson(before->gradient_F[to + i], middle->gradient_F[to + i], now->gradient_F[to + i]);
        }
    }
    return work;
}

void ledger_second_law(const struct ensemble *ensemble, uint32_t count, const struct instant *before,
                       const struct instant *now, double *room, struct interval *out)
{
    for (uint32_t i = 0; i < count; i++) room[i] = now->sample[i].C - before->sample[i].C;
    struct estimate dC = mean_of(room, count);
    out->dC = dC.mean;
    out->dC_error = dC.error;
    out->dS = ensemble_free_neurons(ensemble) / 2.0 * log(now->T / before->T) + dC.mean;
}

static void add_dH_min(uint32_t count, const struct instant *before, const struct instant *now, double *room,
                       struct interval *out)
{
    for (uint32_t i = 0; i < count; i++) room[i] = now->sample[i].H_min - before->sample[i].H_min;
    struct estimate dH_min = mean_of(room, count);
    out->dH_min = dH_min.mean;
    out->dH_min_error = dH_min.error;
}

void ledger_first_law(const struct ensemble *ensemble, uint32_t count, const struct instant *before,
                      const struct instant *middle, const struct instant *now, double *room, struct interval *out)
{
    for (uint32_t i = 0; i < count; i++) room[i] = now->sample[i].U - before->sample[i].U;
    out->dU = mean_of(room, count).mean;
    add_dH_min(count, before, now, room, out);
    for (uint32_t i = 0; i < count; i++) room[i] = complexity_of(before, middle, now, i);
    struct estimate complexity = mean_of(room, count);
    out->complexity = complexity.mean;
    out->complexity_error = complexity.error;
    out->heat = ensemble_free_neurons(ensemble) / 2.0 * (now->T - before->T);
    out->work = work_of(ensemble_module(ensemble), before, middle, now);
    out->residual = out->dU - out->heat - out->complexity - out->work;
}

static bool is_resolved(double value, double error, uint32_t count, double size)
{
    double least = count > 1 ? fmax(2 * error, 1e-12 * size) : fmax(1e-9, 1e-12 * size);
    return fabs(value) >= least && value != 0;
}

struct reduced ledger_reduced(const struct interval *interval, uint32_t count, double size)
{
    struct reduced reduced = {NAN, NAN};
    if (!is_resolved(interval->dH_min, interval->dH_min_error, count, size) ||
        !is_resolved(interval->complexity, interval->complexity_error, count, size))
        return reduced;
    reduced.ratio = interval->dH_min / interval->complexity;
    /* Where T moves ∫T dC may be large although C comes back to where it was. */
    if (fabs(interval->dC) > 1e-12) reduced.T_law = interval->dH_min / interval->dC;
    return reduced;
}

/* ---- memory ---- */

static bool allocate(struct ledger *l)
{
    size_t P = ensemble_trainables(l->ensemble), q = ensemble_module(l->ensemble)->size[NNT_PARAMETERS];
    l->sample = calloc(l->count + (size_t)1, sizeof *l->sample);
    l->room = numbers_new(l->count);
    l->dC = numbers_new(l->count);
    if (!l->sample || !l->room || !l->dC) return false;
    if (!l->first_law) return true;
    l->middle = calloc(l->count + (size_t)1, sizeof *l->middle);
    l->parameters = numbers_new(q);
    l->middle_parameters = numbers_new(q);
    l->gradient_F = numbers_new(P);
    l->middle_gradient_F = numbers_new(P);
    l->dH_min = numbers_new(l->count);
    l->complexity = numbers_new(l->count);
    return l->middle && l->parameters && l->middle_parameters && l->gradient_F && l->middle_gradient_F &&
           l->dH_min && l->complexity;
}

struct ledger *ledger_new(struct diag *diag, struct span at, struct ensemble *ensemble, uint32_t count,
                          bool first_law)
{
    struct ledger *l = calloc(1, sizeof *l);
    if (l) *l = (struct ledger){.ensemble = ensemble, .at = at, .count = count, .first_law = first_law};
    if (l && first_law) l->aside = diag_aside(diag);
    if (l && allocate(l)) return l;
    diag_machine(diag, at, "memory", "memory is short: no room for the ledger of %u samples", count);
    ledger_free(l);
    return NULL;
}

void ledger_free(struct ledger *l)
{
    if (!l) return;
    free(l->parameters);
    free(l->gradient_F);
    free(l->sample);
    free(l->middle_parameters);
    free(l->middle_gradient_F);
    free(l->middle);
    free(l->dH_min);
    free(l->complexity);
    free(l->dC);
    free(l->room);
    if (l->aside) diag_free(l->aside);
    free(l);
}

/* ---- a measurement ---- */

static void keep(struct ledger *l, const struct instant *now)
{
    size_t P = ensemble_trainables(l->ensemble), q = ensemble_module(l->ensemble)->size[NNT_PARAMETERS];
    l->begun = true;
    l->T = now->T;
    memcpy(l->sample, now->sample, l->count * sizeof *l->sample);
    for (uint32_t i = 0; i < l->count; i++)
        l->size = fmax(l->size, fmax(fabs(now->sample[i].H_min), fabs(now->T * now->sample[i].C)));
    if (!l->first_law) return;
    memcpy(l->parameters, now->parameters, q * sizeof *l->parameters);
    memcpy(l->gradient_F, now->gradient_F, P * sizeof *l->gradient_F);
}

/* The middle of the chord from the measurement before; *out_has is whether it has a Gaussian. */
static bool go_to_middle(struct ledger *l, struct diag *diag, const double *const data[], const struct instant *now,
                         struct instant *out, bool *out_has)
{
    double T = 0.5 * (l->T + now->T);
    const struct combination F = {1, -T};
    size_t q = ensemble_module(l->ensemble)->size[NNT_PARAMETERS];
    for (size_t i = 0; i < q; i++) l->middle_parameters[i] = 0.5 * (l->parameters[i] + now->parameters[i]);
    *out = (struct instant){T, l->middle_parameters, l->middle, l->middle_gradient_F};
    *out_has = ensemble_gradient(l->ensemble, l->aside, l->middle_parameters, data, l->count, 1 / T, 1, &F,
                                 &l->middle_gradient_F, l->middle);
    if (*out_has) return true;
    int status = diag_status(l->aside);
    diag_free(l->aside);
    l->aside = diag_aside(diag);
    if (status != 1) diag_machine(diag, l->at, "entry-failed", "the ensemble could not be computed");
    return status == 1;
}

static void sum_first_law(struct ledger *l, const struct instant *before, const struct instant *middle,
                          const struct instant *now, const struct interval *interval)
{
    struct interval *sum = &l->totals.sum;
    sum->dU += interval->dU;
    sum->heat += interval->heat;
    sum->work += interval->work;
    sum->residual += interval->residual;
    for (uint32_t i = 0; i < l->count; i++) {
        l->dH_min[i] += now->sample[i].H_min - before->sample[i].H_min;
        l->complexity[i] += complexity_of(before, middle, now, i);
    }
    struct estimate dH_min = mean_of(l->dH_min, l->count), complexity = mean_of(l->complexity, l->count);
    sum->dH_min = dH_min.mean;
    sum->dH_min_error = dH_min.error;
    sum->complexity = complexity.mean;
    sum->complexity_error = complexity.error;
    l->totals.middles++;
}

static void sum_second_law(struct ledger *l, const struct instant *before, const struct instant *now,
                           const struct interval *interval)
{
    struct interval *sum = &l->totals.sum;
    for (uint32_t i = 0; i < l->count; i++) l->dC[i] += now->sample[i].C - before->sample[i].C;
    struct estimate dC = mean_of(l->dC, l->count);
    sum->dC = dC.mean;
    sum->dC_error = dC.error;
    sum->dS += interval->dS;
    l->totals.intervals++;
    l->totals.S_falls += interval->dS <= 0;
    l->totals.C_falls += interval->dC <= 0;
}

static void forget_first_law(struct interval *interval)
{
    interval->dU = interval->heat = interval->complexity = interval->work = interval->residual = NAN;
    interval->dH_min = interval->dH_min_error = interval->complexity_error = NAN;
}

bool ledger_take(struct ledger *l, struct diag *diag, const double *const data[], const struct instant *now,
                 struct interval *out_interval, bool *out_has)
{
    struct instant before = {l->T, l->parameters, l->sample, l->gradient_F}, middle;
    bool has_middle = false;
    *out_has = l->begun;
    forget_first_law(out_interval);
    if (l->begun) {
        if (l->first_law && !go_to_middle(l, diag, data, now, &middle, &has_middle)) return false;
        ledger_second_law(l->ensemble, l->count, &before, now, l->room, out_interval);
        sum_second_law(l, &before, now, out_interval);
    }
    if (has_middle) {
        ledger_first_law(l->ensemble, l->count, &before, &middle, now, l->room, out_interval);
        sum_first_law(l, &before, &middle, now, out_interval);
    }
    keep(l, now);
    return true;
}

struct reduced ledger_last_reduced(const struct ledger *l, const struct interval *interval)
{
    return ledger_reduced(interval, l->count, l->size);
}

struct reduced ledger_total_reduced(const struct ledger *l)
{
    struct reduced reduced = ledger_reduced(&l->totals.sum, l->count, l->size);
    if (l->totals.middles < l->totals.intervals) reduced.T_law = NAN;
    return reduced;
}

struct ledger_totals ledger_totals(const struct ledger *l)
{
    return l->totals;
}

/* ---- what is left in doubt ---- */

/* Above this many times the rest, the heat of a changing T alone makes ΔU and ∫T dS alike. */
static const double most_heat = 10;

static void warn_first_law(const struct ledger *l, struct diag *diag)
{
    const struct ledger_totals *t = &l->totals;
    if (t->middles < t->intervals) {
        diag_warn(diag, l->at, "no-middle",
                  "the first law is left out of %" PRIu64 " of %" PRIu64
                  " intervals: in the middle between two measurements the ensemble has no Gaussian",
                  t->intervals - t->middles, t->intervals);
        diag_hint(diag, "measurements that are closer together follow the path better");
    }
    double heat = fabs(t->sum.heat), rest = fmax(fabs(t->sum.dH_min), fabs(t->sum.complexity));
    if (t->middles && heat > most_heat * rest) {
        diag_warn(diag, l->at, "mostly-heat",
                  "the change of T makes almost all of dU: n ΔT/2 = %.3g, and ΔH_min = %.3g, ∫T dC = %.3g",
                  t->sum.heat, t->sum.dH_min, t->sum.complexity);
        diag_hint(diag, "dU over ∫T dS is near 1 then, whatever the network does: look at the reduced ratio");
    }
}

void ledger_warn(const struct ledger *l, struct diag *diag)
{
    const struct ledger_totals *t = &l->totals;
    if (l->first_law) warn_first_law(l, diag);
    bool changes = t->sum.dC_error > 1e-10; /* else it is rounding: C is constant, or free of the samples */
    if (l->count > 1 && changes && fabs(t->sum.dC) < t->sum.dC_error) {
        diag_warn(diag, l->at, "unresolved",
                  "the probe of %u samples does not resolve how C changed: %.3g, with a standard error of %.3g",
                  l->count, t->sum.dC, t->sum.dC_error);
        diag_hint(diag, "a larger probe resolves more: `on N samples`");
    }
}

/* ---- going on ---- */

enum { LEDGER_MAGIC = 0x6c656467 };
struct kept {
    uint32_t magic, count, first_law, begun;
    uint64_t parameters, trainables;
    double T, size;
    struct ledger_totals totals;
};

/* The arrays that are kept, in the order of the file. */
struct part {
    void *at;
    size_t bytes;
};
enum { PARTS = 6 };

static uint32_t list_parts(const struct ledger *l, struct part out[PARTS])
{
    size_t P = ensemble_trainables(l->ensemble), q = ensemble_module(l->ensemble)->size[NNT_PARAMETERS];
    uint32_t n = 0;
    out[n++] = (struct part){l->sample, l->count * sizeof *l->sample};
    out[n++] = (struct part){l->dC, l->count * sizeof(double)};
    if (!l->first_law) return n;
    out[n++] = (struct part){l->dH_min, l->count * sizeof(double)};
    out[n++] = (struct part){l->complexity, l->count * sizeof(double)};
    out[n++] = (struct part){l->parameters, q * sizeof(double)};
    out[n++] = (struct part){l->gradient_F, P * sizeof(double)};
    return n;
}

static struct kept kept_of(const struct ledger *l)
{
    return (struct kept){.magic = LEDGER_MAGIC,
                         .count = l->count,
                         .first_law = l->first_law,
                         .begun = l->begun,
                         .parameters = ensemble_module(l->ensemble)->size[NNT_PARAMETERS],
                         .trainables = ensemble_trainables(l->ensemble),
                         .T = l->T,
                         .size = l->size,
                         .totals = l->totals};
}

void ledger_write(const struct ledger *l, struct text *out)
{
    struct kept kept = kept_of(l);
    struct part part[PARTS];
    text_add_bytes(out, &kept, sizeof kept);
    for (uint32_t i = 0, n = list_parts(l, part); i < n; i++) text_add_bytes(out, part[i].at, part[i].bytes);
}

static bool fits(const struct ledger *l, const struct kept *found)
{
    struct kept expected = kept_of(l);
    return found->magic == expected.magic && found->count == expected.count &&
           found->first_law == expected.first_law && found->parameters == expected.parameters &&
           found->trainables == expected.trainables;
}

bool ledger_read(struct ledger *l, const char *bytes, size_t length, size_t *out_used)
{
    struct kept kept;
    struct part part[PARTS];
    uint32_t n = list_parts(l, part);
    size_t used = sizeof kept;
    for (uint32_t i = 0; i < n; i++) used += part[i].bytes;
    if (length < used) return false;
    memcpy(&kept, bytes, sizeof kept);
    if (!fits(l, &kept)) return false;
    bytes += sizeof kept;
    for (uint32_t i = 0; i < n; bytes += part[i++].bytes) memcpy(part[i].at, bytes, part[i].bytes);
    l->begun = kept.begun;
    l->T = kept.T;
    l->size = kept.size;
    l->totals = kept.totals;
    *out_used = used;
    return true;
}
