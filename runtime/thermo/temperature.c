/* temperature.c: THEORY 3c: the temperature inferred from H at the ensemble-forward state, and the totals at a temperature. */
#include "runtime/thermo/temperature.h"

#include <inttypes.h>
#include <math.h>

static const size_t stride = sizeof(struct gaussian) / sizeof(double);

static double mean_H(const struct gaussian sample[], uint32_t count)
{
    return ensemble_mean(&sample->H_forward, stride, count).mean;
}

static double mean_H_min(const struct gaussian sample[], uint32_t count)
{
    return ensemble_mean(&sample->H_min, stride, count).mean;
}

double temperature_inferred(const struct gaussian sample[], uint32_t count, uint32_t n)
{
    double H = mean_H(sample, count), H_min = mean_H_min(sample, count);
    double rounding = 1e-12 * fmax(fabs(H), fabs(H_min));
    return H - H_min > rounding ? 2 * (H - H_min) / n : NAN;
}

void temperature_set(struct gaussian sample[], uint32_t count, uint32_t n, double T)
{
    for (uint32_t i = 0; i < count; i++) {
        struct gaussian *g = &sample[i];
        g->U = g->H_min + n * T / 2;
        g->S = n / 2.0 * (1 + log(2 * M_PI * T)) + g->C;
        g->F = g->U - T * g->S;
        g->lnZ = -g->F / T;
    }
}

void temperature_count(struct no_temperature *count, uint64_t step, const struct gaussian sample[],
                       uint32_t samples, double T)
{
    count->moments++;
    if (!isnan(T)) return;
    if (count->missing++) return;
    count->step = step;
    count->H = mean_H(sample, samples);
    count->H_min = mean_H_min(sample, samples);
}

void temperature_warn(const struct no_temperature *count, struct diag *diag, struct span at)
{
    if (!count->missing) return;
    diag_warn(diag, at, "no-temperature",
              "no temperature can be inferred at %" PRIu64 " of %" PRIu64
              " measurements, whose ensemble quantities are left out: at step %" PRIu64
              " the mean of H at the forward state, %.6g, is not above H_min = %.6g",
              count->missing, count->moments, count->step, count->H, count->H_min);
    diag_hint(diag,
              "where only inputs are clamped the forward state has no error; clamp the outputs as well, or give "
              "temperature a schedule");
}
