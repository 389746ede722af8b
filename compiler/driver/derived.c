/* derived.c: what a page computes from measurements: differences, sums, shares. */
#include "compiler/driver/derived.h"

#include <math.h>

static const double *values(const struct series *s, const char *key, bool test)
{
    const struct column *column = series_find(s, key, test);
    return column ? column->value : NULL;
}

/* ---- columns ---- */

static void add_difference(struct series *s, bool test)
{
    const double *C = values(s, "C", test), *C_0 = values(s, "C_0", test);
    const double *C_error = values(s, "C_error", test), *C_0_error = values(s, "C_0_error", test);
    if (!C || !C_0) return;
    double *out = series_add(s, "C - C_0", test);
    for (uint32_t i = 0; i < s->n; i++) out[i] = C[i] - C_0[i];
    if (!C_error || !C_0_error) return;
    double *error = series_add(s, "C - C_0_error", test);
    for (uint32_t i = 0; i < s->n; i++) error[i] = C_error[i] + C_0_error[i];
}

static void add_times_T(struct series *s, const char *key, const char *from, double sign, bool test)
{
    const double *T = values(s, "temperature", test), *value = values(s, from, test);
    if (!T || !value) return;
    double *out = series_add(s, key, test);
    for (uint32_t i = 0; i < s->n; i++) out[i] = sign * T[i] * value[i];
}

/* From 0 at the first measurement; NaN where the ledger has no line. */
static void add_sum(struct series *s, const char *key, const char *from, bool test)
{
    const double *value = values(s, from, test);
    double sum = 0;
    if (!value) return;
    double *out = series_add(s, key, test);
    for (uint32_t i = 0; i < s->n; i++)
        if (!isnan(value[i])) out[i] = sum += value[i];
    if (s->n && isnan(out[0])) out[0] = 0;
}

static void derive_split(struct series *s, bool test)
{
    add_difference(s, test);
    add_times_T(s, "-T laplacian_C", "laplacian_C", -1, test);
    add_times_T(s, "-T laplacian_C_error", "laplacian_C_error", 1, test);
    add_sum(s, "sum of first_law.dH_min", "first_law.dH_min", test);
    add_sum(s, "sum of first_law.complexity", "first_law.complexity", test);
    add_sum(s, "sum of second_law.dC", "second_law.dC", test);
}

void derive_columns(struct series *s)
{
    derive_split(s, false);
    derive_split(s, true);
}

/* ---- sentences ---- */

/* With a true minus. */
static void add_number(double value, struct text *out)
{
    text_add(out, "%s%.4g", value < 0 ? "−" : "", fabs(value));
}

/* The sum of a ledger's column; whether it is told from 0, by the most that its standard error can be. */
static bool add_up(const struct series *s, const char *key, const char *error_key, bool test, double *out_sum)
{
    const double *value = values(s, key, test), *error = values(s, error_key, test);
    double most = 0;
    *out_sum = 0;
    for (uint32_t i = 0; value && i < s->n; i++) {
        if (isnan(value[i])) continue;
        *out_sum += value[i];
        most += error && !isnan(error[i]) ? error[i] : 0;
    }
    return error && fabs(*out_sum) > fmax(2 * most, 1e-9);
}

void derive_first_law(const struct series *s, bool test, struct text *out)
{
    double dH_min, complexity;
    bool both = add_up(s, "first_law.dH_min", "first_law.dH_min_error", test, &dH_min);
    both &= add_up(s, "first_law.complexity", "first_law.complexity_error", test, &complexity);
    text_add(out, " In all they are ");
    add_number(dH_min, out);
    text_add(out, " and ");
    add_number(complexity, out);
    if (both) text_add(out, ", their ratio ");
    if (both) add_number(dH_min / complexity, out);
    text_add(out, ".");
}

/* Of all the ledger's intervals, not of those that are shown. */
static void add_share(const struct series *s, const char *key, const char *symbol, bool test, struct text *out)
{
    const double *change = values(s, key, test);
    uint32_t fell = 0, n = 0;
    double sum = 0;
    for (uint32_t i = 0; change && i < s->n; i++) {
        if (isnan(change[i])) continue;
        n++;
        fell += change[i] <= 0;
        sum += change[i];
    }
    if (!n) return;
    text_add(out, " %s ≤ 0 in %u of %u intervals; in all it is ", symbol, fell, n);
    add_number(sum, out);
    text_add(out, ".");
}

void derive_second_law(const struct series *s, bool test, struct text *out)
{
    add_share(s, "second_law.dC", "ΔC", test, out);
    add_share(s, "second_law.dS", "ΔS", test, out);
}
