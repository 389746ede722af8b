/* measure.c: what can be measured, when it is due, and the numbers of one moment. */
#include "runtime/thermo/measure.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const struct measure_row measure_rows[MEASURES] = {
#define MEASURE(name, needs, supported, section, help)                                                             \
    [MEASURE_##name] = {#name, section, help, NEED_##needs, supported},
#include "runtime/thermo/measures.def"
#undef MEASURE
};

static bool is_multiple(uint64_t step, uint64_t every)
{
    return every > 0 && step % every == 0;
}

/* Point i of `points` spread evenly over 0 … steps, the ends among them. */
static uint64_t even_point(uint64_t i, uint64_t points, uint64_t steps)
{
    return (uint64_t)llround((double)steps * (double)i / (double)(points - 1));
}

/* Point i of `points` geometric from 1 to steps. */
static uint64_t geometric_point(uint64_t i, uint64_t points, uint64_t steps)
{
    return (uint64_t)llround(pow((double)steps, (double)i / (double)(points - 1)));
}

/* Whether `step` is among the points of a rising row; those near it lie between `low` and `high` before they are
 * rounded. */
static bool is_point(uint64_t step, uint64_t steps, uint64_t points, double low, double high,
                     uint64_t (*point)(uint64_t i, uint64_t points, uint64_t steps))
{
    for (uint64_t i = low > 1 ? (uint64_t)low - 1 : 0; i < points && (double)i <= high + 1; i++)
        if (point(i, points, steps) == step) return true;
    return false;
}

static bool due_evenly(uint64_t step, uint64_t steps, uint64_t points)
{
    if (points < 2) return false;
    double density = (double)(points - 1) / (double)steps;
    return is_point(step, steps, points, ((double)step - 0.5) * density, ((double)step + 0.5) * density,
                    even_point);
}

/* 0 is one of the `times` points, the others are geometric. */
static bool due_logarithmically(uint64_t step, uint64_t steps, uint64_t times)
{
    if (times < 3) return false;
    double density = (double)(times - 2) / log((double)steps);
    return is_point(step, steps, times - 1, log((double)step - 0.5) * density, log((double)step + 0.5) * density,
                    geometric_point);
}

/* The step at progress `from`, or the next one: rounding must not take 0.3 of 10 steps for the fourth. */
static uint64_t first_step(const struct measure_spec *spec, uint64_t steps)
{
    return (uint64_t)ceil(spec->from * (double)steps * (1 - 1e-12));
}

bool measure_due(const struct measure_spec *spec, uint64_t step, uint64_t steps, uint64_t steps_per_epoch)
{
    uint64_t first = first_step(spec, steps);
    if (step == steps) return true;
    if (spec->when == WHEN_END || step > steps || step < first) return false;
    if (step == first) return true;
    switch (spec->when) {
    case WHEN_EPOCHS:
        return is_multiple(step, steps_per_epoch) && is_multiple(step / steps_per_epoch, spec->every);
    case WHEN_STEPS:
        return is_multiple(step, spec->every);
    case WHEN_TIMES:
        return due_evenly(step - first, steps - first, spec->every);
    case WHEN_LOGARITHMIC:
        return due_logarithmically(step - first, steps - first, spec->every);
    case WHEN_END:
        break;
    }
    BUG("measure block with when = %d", (int)spec->when);
}

/* The number of a moment in the block's row, and how many moments the row has at most. */
struct place {
    uint64_t number, count;
};

static struct place periodic_place(uint64_t step, uint64_t steps, uint64_t period)
{
    return (struct place){step / period, steps / period + 1 + (steps % period != 0)};
}

/* More than one a step there are not. */
static struct place spread_place(uint64_t step, uint64_t steps, uint64_t times, bool geometric)
{
    uint64_t count = times <= steps ? times : steps + 1;
    double place = geometric ? 1 + log((double)step) / log((double)steps) * (double)(count - 2)
                             : (double)step / (double)steps * (double)(count - 1);
    return (struct place){(uint64_t)llround(place), count};
}

static struct place place_of(const struct measure_spec *spec, uint64_t first, uint64_t step, uint64_t steps,
                             uint64_t steps_per_epoch)
{
    switch (spec->when) {
    case WHEN_EPOCHS:
        return periodic_place(step, steps, spec->every * steps_per_epoch);
    case WHEN_STEPS:
        return periodic_place(step, steps, spec->every);
    case WHEN_TIMES:
    case WHEN_LOGARITHMIC:
        return spread_place(step - first, steps - first, spec->every, spec->when == WHEN_LOGARITHMIC);
    case WHEN_END:
        break;
    }
    BUG("measure block with when = %d", (int)spec->when);
}

/* 1, 2, 5, 10, 20, 50 …: so that the steps shown are easy to read. */
static uint64_t round_up(uint64_t n)
{
    uint64_t power = 1;
    while (10 * power <= n) power *= 10;
    return n <= power ? power : n <= 2 * power ? 2 * power : n <= 5 * power ? 5 * power : 10 * power;
}

bool measure_shown(const struct measure_spec *spec, uint64_t step, uint64_t steps, uint64_t steps_per_epoch,
                   uint64_t most)
{
    uint64_t first = first_step(spec, steps);
    if (step == first || step == steps || spec->when == WHEN_END) return true;
    struct place place = place_of(spec, first, step, steps, steps_per_epoch);
    /* One is left for the last, which need not be an n-th. */
    uint64_t n = place.count <= most ? 1 : round_up((place.count + most - 2) / (most - 1));
    return place.number % n == 0;
}

static void add_reading(struct moment *moment, const char *key, double value, uint32_t place, uint32_t of)
{
    if (moment->n == MOMENT_READINGS) BUG("more than %d readings in a moment, at %s", MOMENT_READINGS, key);
    struct reading *reading = &moment->reading[moment->n++];
    *reading = (struct reading){.value = value, .place = place, .of = of};
    snprintf(reading->key, sizeof reading->key, "%s", key);
}

void moment_add(struct moment *moment, const char *key, double value)
{
    add_reading(moment, key, value, 0, 0);
}

void moment_add_list(struct moment *moment, const char *key, const double *values, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) add_reading(moment, key, values[i], i + 1, n);
}

const struct reading *moment_find(const struct moment *moment, const char *key)
{
    for (uint32_t i = 0; i < moment->n; i++)
        if (strcmp(moment->reading[i].key, key) == 0) return &moment->reading[i];
    return NULL;
}

void moment_set(struct moment *moment, const struct reading *reading)
{
    for (uint32_t i = 0; i < moment->n; i++) {
        struct reading *before = &moment->reading[i];
        if (before->place != reading->place || strcmp(before->key, reading->key) != 0) continue;
        before->value = reading->value;
        return;
    }
    if (moment->n < MOMENT_READINGS) moment->reading[moment->n++] = *reading;
}
