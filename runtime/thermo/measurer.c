/* measurer.c: one measure block's look at the ensemble: totals, derivatives, spectrum, ledgers, Laplacian. */
#include "runtime/thermo/measurer.h"

#include "runtime/thermo/laplacian.h"
#include "runtime/thermo/temperature.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const double spectrum_quantiles[SPECTRUM_QUANTILES] = {0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1};

static const size_t stride = sizeof(struct gaussian) / sizeof(double);

struct measurer {
    struct ensemble *ensemble;
    const struct ensemble_spec *spec;
    struct span at;
    struct measurer_options options;
    struct gaussian *sample;
    bool parted;                   /* the gradients of H_min and C apart; else of one of H_min and F */
    double *gradient, *gradient_C; /* of H_min or F; NULL where nothing needs them */
    double *eigenvalue, *room;     /* [count][n], and of ensemble_spectrum_room, likewise */
    struct ledger *ledger;
    struct laplacian_probes *laplacian;
    struct no_temperature no_temperature;
};

static bool has(uint32_t mask, enum measure measure)
{
    return mask >> measure & 1;
}

/* ---- memory ---- */

static bool needs_gradient(uint32_t asked)
{
    return has(asked, MEASURE_defect) || has(asked, MEASURE_grad_F) || has(asked, MEASURE_first_law);
}

/* An inferred temperature comes only with the totals. */
static bool needs_parts(uint32_t asked, const struct ensemble_spec *spec)
{
    bool law = has(asked, MEASURE_first_law);
    return has(asked, MEASURE_grad_F) || (law && (spec->inferred || has(asked, MEASURE_defect)));
}

static bool allocate_spectrum(struct measurer *m)
{
    size_t eigenvalues, room;
    if (!size_product(m->options.count, ensemble_free_neurons(m->ensemble), &eigenvalues) ||
        !ensemble_spectrum_room(m->ensemble, &room))
        return false;
    m->eigenvalue = numbers_new(eigenvalues);
    m->room = numbers_new(room);
    return m->eigenvalue && m->room;
}

static bool allocate(struct measurer *m)
{
    size_t P = ensemble_trainables(m->ensemble);
    m->sample = calloc(m->options.count + (size_t)1, sizeof *m->sample);
    if (!m->sample) return false;
    if (needs_gradient(m->options.asked) && !(m->gradient = numbers_new(P))) return false;
    m->parted = needs_parts(m->options.asked, m->spec);
    if (m->parted && !(m->gradient_C = numbers_new(P))) return false;
    return !has(m->options.asked, MEASURE_spectrum) || allocate_spectrum(m);
}

static bool open_parts(struct measurer *m, struct diag *diag)
{
    const struct measurer_options *o = &m->options;
    bool first = has(o->asked, MEASURE_first_law), second = has(o->asked, MEASURE_second_law);
    if (first || second) {
        m->ledger = ledger_new(diag, m->at, m->ensemble, o->count, first);
        if (!m->ledger) return false;
    }
    if (!has(o->asked, MEASURE_efficiency)) return true;
    m->laplacian = laplacian_new(diag, m->at, m->ensemble, o->count, o->probes, o->seed);
    return m->laplacian != NULL;
}

struct measurer *measurer_new(struct diag *diag, struct span at, struct ensemble *ensemble,
                              const struct ensemble_spec *spec, const struct measurer_options *options)
{
    struct measurer *m = calloc(1, sizeof *m);
    if (m) *m = (struct measurer){.ensemble = ensemble, .spec = spec, .at = at, .options = *options};
    if (!m || !allocate(m)) {
        diag_machine(diag, at, "memory", "memory is short: no room for what is measured on %u samples",
                     options->count);
        measurer_free(m);
        return NULL;
    }
    if (open_parts(m, diag)) return m;
    measurer_free(m);
    return NULL;
}

void measurer_free(struct measurer *m)
{
    if (!m) return;
    free(m->sample);
    free(m->gradient);
    free(m->gradient_C);
    free(m->eigenvalue);
    free(m->room);
    ledger_free(m->ledger);
    laplacian_free(m->laplacian);
    free(m);
}

/* ---- totals ---- */

static void add_estimate(struct moment *moment, const char *key, const char *error_key, const double *first,
                         uint32_t count)
{
    struct estimate e = ensemble_mean(first, stride, count);
    moment_add(moment, key, e.mean);
    moment_add(moment, error_key, e.error);
}

static bool has_C_0(const struct gaussian *sample, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (isnan(sample[i].C_0)) return false;
    return true;
}

static void add_totals(const struct measurer *m, uint32_t wanted, double T, struct moment *moment)
{
    const struct gaussian *g = m->sample;
    uint32_t count = m->options.count;
    if (has(wanted, MEASURE_U)) add_estimate(moment, "U", "U_error", &g->U, count);
    if (has(wanted, MEASURE_F)) add_estimate(moment, "F", "F_error", &g->F, count);
    if (has(wanted, MEASURE_S)) add_estimate(moment, "S", "S_error", &g->S, count);
    if (has(wanted, MEASURE_S_T)) moment_add(moment, "S_T", ensemble_S_T(m->ensemble, 1 / T));
    if (has(wanted, MEASURE_C)) add_estimate(moment, "C", "C_error", &g->C, count);
    if (has(wanted, MEASURE_C_0) && has_C_0(g, count)) add_estimate(moment, "C_0", "C_0_error", &g->C_0, count);
    if (has(wanted, MEASURE_lnZ)) add_estimate(moment, "lnZ", "lnZ_error", &g->lnZ, count);
    if (has(wanted, MEASURE_H_min)) add_estimate(moment, "H_min", "H_min_error", &g->H_min, count);
}

/* What of the samples does not depend on T, and the gradients that are needed. */
static bool evaluate(struct measurer *m, struct diag *diag, const double *parameters, const double *const data[],
                     double T)
{
    bool F = has(m->options.asked, MEASURE_first_law) && !m->parted;
    const struct combination of[] = {{1, F ? -T : 0}, {0, 1}};
    double *gradient[] = {m->gradient, m->gradient_C};
    if (!m->gradient) return ensemble_evaluate(m->ensemble, diag, parameters, data, m->options.count, 1, m->sample);
    return ensemble_gradient(m->ensemble, diag, parameters, data, m->options.count, 1, m->parted ? 2 : 1, of,
                             gradient, m->sample);
}

/* Where it is inferred, the block's own: another probe's would move from one measurement to the next for no reason of this one's. */
static double temperature_of(struct measurer *m, double T, const struct moment *moment)
{
    if (!isnan(T)) return T;
    T = temperature_inferred(m->sample, m->options.count, ensemble_free_neurons(m->ensemble));
    temperature_count(&m->no_temperature, moment->step, m->sample, m->options.count, T);
    return T;
}

/* ---- derivatives ---- */

/* |a - T b| */
static double norm(const double *a, const double *b, double T, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        double x = (a ? a[i] : 0) - (b ? T * b[i] : 0);
        sum += x * x;
    }
    return sqrt(sum);
}

static void add_norms(const struct measurer *m, uint32_t wanted, double T, struct moment *moment)
{
    size_t P = ensemble_trainables(m->ensemble);
    if (has(wanted, MEASURE_defect)) moment_add(moment, "defect", norm(m->gradient, NULL, 0, P));
    if (!has(wanted, MEASURE_grad_F)) return;
    moment_add(moment, "grad_F", norm(m->gradient, m->gradient_C, T, P));
    moment_add(moment, "T_grad_C", norm(NULL, m->gradient_C, T, P));
}

static bool add_laplacian(struct measurer *m, struct diag *diag, const double *parameters,
                          const double *const data[], double T, struct moment *moment)
{
    struct laplacian laplacian;
    if (!laplacian_take(m->laplacian, diag, parameters, data, T, &laplacian)) return false;
    moment_add(moment, "laplacian", laplacian.value);
    moment_add(moment, "laplacian_H_min", laplacian.H_min);
    moment_add(moment, "laplacian_C", laplacian.C);
    moment_add(moment, "laplacian_error", laplacian.error);
    return true;
}

/* ---- the spectrum ---- */

static void sink(double *heap, size_t at, size_t n)
{
    for (size_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && heap[child] < heap[child + 1]) child++;
        if (heap[at] >= heap[child]) return;
        double swap = heap[at];
        heap[at] = heap[child];
        heap[child] = swap;
    }
}

/* By a heap: qsort may allocate. */
static void sort(double *values, size_t n)
{
    for (size_t i = n / 2; i-- > 0;) sink(values, i, n);
    for (size_t end = n; end-- > 1;) {
        double largest = values[0];
        values[0] = values[end];
        values[end] = largest;
        sink(values, 0, end);
    }
}

static double quantile(const double *sorted, size_t n, double share)
{
    double at = share * (double)(n - 1);
    size_t below = (size_t)at;
    if (below + 1 >= n) return sorted[n - 1];
    return sorted[below] + (at - (double)below) * (sorted[below + 1] - sorted[below]);
}

static bool add_spectrum(struct measurer *m, struct diag *diag, const double *parameters,
                         const double *const data[], struct moment *moment)
{
    size_t n = (size_t)m->options.count * ensemble_free_neurons(m->ensemble);
    double values[SPECTRUM_QUANTILES];
    if (!ensemble_spectrum(m->ensemble, diag, parameters, data, m->options.count, m->room, m->eigenvalue))
        return false;
    sort(m->eigenvalue, n);
    for (uint32_t i = 0; i < SPECTRUM_QUANTILES; i++) values[i] = quantile(m->eigenvalue, n, spectrum_quantiles[i]);
    moment_add_list(moment, "spectrum", values, SPECTRUM_QUANTILES);
    return true;
}

/* ---- the laws ---- */

static void add_first_law(const struct measurer *m, const struct interval *interval, struct moment *moment)
{
    struct reduced reduced = ledger_last_reduced(m->ledger, interval);
    if (isnan(interval->work)) return;
    moment_add(moment, "first_law.dU", interval->dU);
    moment_add(moment, "first_law.heat", interval->heat);
    moment_add(moment, "first_law.complexity", interval->complexity);
    moment_add(moment, "first_law.complexity_error", interval->complexity_error);
    moment_add(moment, "first_law.work", interval->work);
    moment_add(moment, "first_law.residual", interval->residual);
    moment_add(moment, "first_law.dH_min", interval->dH_min);
    moment_add(moment, "first_law.dH_min_error", interval->dH_min_error);
    if (!isnan(reduced.ratio)) moment_add(moment, "first_law.reduced_ratio", reduced.ratio);
    if (!isnan(reduced.T_law)) moment_add(moment, "first_law.T_law", reduced.T_law);
}

static void add_second_law(const struct interval *interval, struct moment *moment)
{
    moment_add(moment, "second_law.dS", interval->dS);
    moment_add(moment, "second_law.dC", interval->dC);
    moment_add(moment, "second_law.dC_error", interval->dC_error);
}

static bool add_laws(struct measurer *m, struct diag *diag, const double *parameters, const double *const data[],
                     double T, uint32_t wanted, struct moment *moment)
{
    struct instant now = {T, parameters, m->sample, m->gradient};
    struct interval interval;
    bool known;
    for (size_t i = 0; m->parted && i < ensemble_trainables(m->ensemble); i++)
        m->gradient[i] -= T * m->gradient_C[i];
    if (!ledger_take(m->ledger, diag, data, &now, &interval, &known)) return false;
    if (known && has(wanted, MEASURE_first_law)) add_first_law(m, &interval, moment);
    if (known && has(wanted, MEASURE_second_law)) add_second_law(&interval, moment);
    return true;
}

/* ---- all of it ---- */

static void add_temperature(struct moment *moment, double T)
{
    if (moment_find(moment, "temperature")) return;
    moment_add(moment, "temperature", T);
    moment_add(moment, "beta", 1 / T);
}

bool measurer_take(struct measurer *m, struct diag *diag, const double *parameters, const double *const data[],
                   double T, uint32_t given, struct moment *moment)
{
    uint32_t count = m->options.count, wanted = m->options.asked & ~given;
    if (!evaluate(m, diag, parameters, data, T)) return false;
    T = temperature_of(m, T, moment);
    if (!isnan(T)) add_temperature(moment, T);
    if (has(wanted, MEASURE_loss) && !moment_find(moment, "loss.bulk"))
        moment_add(moment, "loss.bulk", ensemble_mean(&m->sample->H, stride, count).mean);
    convergence_report(ensemble_convergence(m->ensemble), has(wanted, MEASURE_dynamics), moment);
    if (isnan(T)) return true;
    temperature_set(m->sample, count, ensemble_free_neurons(m->ensemble), T);
    add_totals(m, wanted, T, moment);
    add_norms(m, wanted, T, moment);
    return (!m->ledger || add_laws(m, diag, parameters, data, T, wanted, moment)) &&
           (!has(wanted, MEASURE_efficiency) || add_laplacian(m, diag, parameters, data, T, moment)) &&
           (!has(wanted, MEASURE_spectrum) || add_spectrum(m, diag, parameters, data, moment));
}

const struct ledger *measurer_ledger(const struct measurer *m)
{
    return m->ledger;
}

void measurer_warn(const struct measurer *m, struct diag *diag)
{
    temperature_warn(&m->no_temperature, diag, m->at);
    if (m->ledger) ledger_warn(m->ledger, diag);
}

void measurer_write(const struct measurer *m, struct text *out)
{
    if (m->ledger) ledger_write(m->ledger, out);
}

bool measurer_read(struct measurer *m, const char *bytes, size_t length, size_t *out_used)
{
    *out_used = 0;
    return !m->ledger || ledger_read(m->ledger, bytes, length, out_used);
}
