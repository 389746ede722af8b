/* exercise.c: the same data and weights for two modules of one network, how far their results are apart, and central differences. */
#include "compiler/driver/exercise.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/arena.h"
#include "runtime/base/random.h"
#include "runtime/thermo/slabs.h"
#include "runtime/train/train.h"

struct exercise exercise_open(const struct nnt_module *module, uint32_t batch)
{
    struct exercise x = {.module = module, .call = {.batch = batch}};
    x.call.number[NNT_RATE] = 0.05;
    x.call.number[NNT_STEP] = 1;
    x.call.number[NNT_BOUNDARY] = x.call.number[NNT_BULK] = 1;
    call_products(&x.call);
    for (uint32_t s = 0; s < NNT_SLABS; s++) {
        size_t bytes = (module->size[s] + module->size_per_sample[s] * batch) * module->real_bytes;
        x.call.slab[s] = aligned_alloc(64, (bytes + 127) / 64 * 64);
        if (!x.call.slab[s]) arena_exhausted();
        memset(x.call.slab[s], 0, (bytes + 127) / 64 * 64);
    }
    return x;
}

void exercise_close(struct exercise *x)
{
    for (uint32_t s = 0; s < NNT_SLABS; s++) free(x->call.slab[s]);
}

uint64_t exercise_size(const struct exercise *x, const struct nnt_field *field)
{
    return field_length(field) * (field->per_sample ? x->call.batch : 1);
}

static size_t place(const struct exercise *x, const struct nnt_field *field, uint64_t e)
{
    return field_offset(field, x->call.batch) + e;
}

double exercise_get(const struct exercise *x, const struct nnt_field *field, uint64_t e)
{
    const void *slab = x->call.slab[field->slab];
    return real_at(slab, x->module->real_bytes, place(x, field, e));
}

void exercise_set(struct exercise *x, const struct nnt_field *field, uint64_t e, double value)
{
    real_set(x->call.slab[field->slab], x->module->real_bytes, place(x, field, e), value);
}

const struct nnt_field *exercise_field(const struct nnt_module *module, enum nnt_slab slab, const char *name)
{
    for (uint32_t f = 0; f < module->n_fields; f++)
        if (module->field[f].slab == slab && !strcmp(module->field[f].name, name)) return &module->field[f];
    return NULL;
}

enum nnt_slab exercise_layout(enum nnt_slab slab)
{
    switch (slab) {
    case NNT_SEED:
    case NNT_D_LINEAR:
    case NNT_D_SEED:
        return NNT_LINEAR;
    case NNT_D_PARAMETERS:
        return NNT_PARAMETERS;
    case NNT_D_STATE:
        return NNT_STATE;
    case NNT_D_GRADIENT:
        return NNT_GRADIENT;
    default:
        return slab;
    }
}

struct nnt_field exercise_twin(const struct nnt_field *field, enum nnt_slab slab)
{
    struct nnt_field twin = *field;
    twin.slab = slab;
    return twin;
}

static uint64_t name_hash(const char *name)
{
    uint64_t hash = 14695981039346656037u;
    for (; *name; name++) hash = (hash ^ (unsigned char)*name) * 1099511628211u;
    return hash >> 25;
}

/* Rounded to float, so that both precisions begin with the same numbers. */
static void draw_field(struct exercise *x, const struct nnt_field *field, uint64_t seed, bool target, double scale)
{
    uint64_t n = exercise_size(x, field), row = n / (field->per_sample ? x->call.batch : 1);
    struct random random = random_stream(seed, RANDOM_SOURCE, name_hash(field->name), 1);
    for (uint64_t i = 0; i < n; i += row) {
        double sum = 0;
        for (uint64_t e = i; e < i + row; e++) {
            double value = target ? 0.05 + random_uniform(&random) : scale * random_normal(&random);
            exercise_set(x, field, e, (float)value);
            sum += value;
        }
        for (uint64_t e = i; target && e < i + row; e++)
            exercise_set(x, field, e, (float)(exercise_get(x, field, e) / (row > 1 ? sum : 2)));
    }
}

/* As the initialisers leave it. */
static void clear_diagonal(struct exercise *x, const struct nnt_field *field)
{
    for (uint32_t i = 0; i < field->extent[0]; i++) exercise_set(x, field, (uint64_t)i * (field->extent[1] + 1), 0);
}

void exercise_draw(struct exercise *x, uint64_t seed)
{
    const struct nnt_module *m = x->module;
    for (uint32_t p = 0; p < m->n_parameters; p++) {
        uint32_t fan_in = m->parameter[p].fan_in ? m->parameter[p].fan_in : 1;
        draw_field(x, &m->field[m->parameter[p].field], seed, false,
                   m->parameter[p].is_weight ? 1 / sqrt(fan_in) : 0.3);
        if (m->parameter[p].hollow) clear_diagonal(x, &m->field[m->parameter[p].field]);
    }
    for (uint32_t g = 0; g < m->n_groups; g++) {
        if (m->group[g].data != NNT_NONE)
            draw_field(x, &m->field[m->group[g].data], seed, !(m->group[g].flags & NNT_INPUT), 1);
        if (m->group[g].state != NNT_NONE) draw_field(x, &m->field[m->group[g].state], seed, false, 0.7);
    }
}

void exercise_draw_direction(struct exercise *x, uint64_t seed)
{
    static const enum nnt_slab slabs[] = {NNT_GRADIENT, NNT_LINEAR,   NNT_SEED,  NNT_D_PARAMETERS,
                                          NNT_D_STATE,  NNT_D_LINEAR, NNT_D_SEED};
    for (size_t s = 0; s < LENGTH(slabs); s++)
        for (uint32_t f = 0; f < x->module->n_fields; f++) {
            struct nnt_field field = exercise_twin(&x->module->field[f], slabs[s]);
            if (x->module->field[f].slab == exercise_layout(slabs[s]))
                draw_field(x, &field, seed + slabs[s], false, 0.5);
        }
}

void exercise_run(struct exercise *x, enum nnt_entry_name entry)
{
    if (x->module->entry[entry](x->module->self, &x->call)) BUG("entry %d fails", (int)entry);
}

void exercise_copy(struct exercise *to, const struct exercise *from)
{
    memcpy(to->call.number, from->call.number, sizeof to->call.number);
    for (uint32_t f = 0; f < to->module->n_fields; f++) {
        const struct nnt_field *x = &to->module->field[f];
        bool read =
            x->slab == NNT_PARAMETERS || x->slab == NNT_MOMENTS || x->slab == NNT_DATA || x->slab == NNT_STATE;
        const struct nnt_field *y = read ? exercise_field(from->module, (enum nnt_slab)x->slab, x->name) : NULL;
        for (uint64_t e = 0, n = y ? exercise_size(to, x) : 0; e < n; e++)
            exercise_set(to, x, e, exercise_get(from, y, e));
    }
}

/* ---- how far two results are apart ---- */

static double relative(double a, double b)
{
    if (a == b || (isnan(a) && isnan(b))) return 0;
    double d = fabs(a - b) / (1 + fabs(b));
    return isnan(d) ? INFINITY : d;
}

void distance_add(struct distance *distance, const struct nnt_field *field, uint64_t element, double a, double b)
{
    double d = relative(a, b);
    distance->compared++;
    if (d <= distance->most) return;
    *distance = (struct distance){d, distance->compared, field, element, a, b};
}

struct distance exercise_compare(const struct exercise *a, const struct exercise *b, enum nnt_slab slab,
                                 const char *prefix)
{
    struct distance distance = {0};
    enum nnt_slab layout = exercise_layout(slab);
    for (uint32_t f = 0; f < a->module->n_fields; f++) {
        const struct nnt_field *x = &a->module->field[f];
        bool chosen = x->slab == layout && !strncmp(x->name, prefix, strlen(prefix));
        const struct nnt_field *y = chosen ? exercise_field(b->module, layout, x->name) : NULL;
        if (!y) continue;
        struct nnt_field of_a = exercise_twin(x, slab), of_b = exercise_twin(y, slab);
        for (uint64_t e = 0, n = exercise_size(a, x); e < n; e++)
            distance_add(&distance, x, e, exercise_get(a, &of_a, e), exercise_get(b, &of_b, e));
    }
    return distance;
}

double exercise_distance(const struct exercise *a, const struct exercise *b, enum nnt_slab slab,
                         char out_where[128])
{
    struct distance d = exercise_compare(a, b, slab, "");
    snprintf(out_where, 128, "%s", "nowhere");
    if (d.field)
        snprintf(out_where, 128, "%s[%llu]: %.17g, %.17g", d.field->name, (unsigned long long)d.element, d.a, d.b);
    return d.most;
}

/* ---- central differences ---- */

static double total(const struct exercise *x, const struct nnt_field *field)
{
    double sum = 0;
    for (uint64_t i = 0, n = exercise_size(x, field); i < n; i++) sum += exercise_get(x, field, i);
    return sum;
}

static double value_at(const struct differentiated *of, const struct nnt_field *field, uint64_t e, double x)
{
    exercise_set(of->exercise, field, e, x);
    exercise_run(of->exercise, of->entry);
    double also = of->also ? of->also_weight * total(of->exercise, of->also) : 0;
    return of->weight * total(of->exercise, of->value) + also;
}

static double slope_at(const struct differentiated *of, const struct nnt_field *field, uint64_t e, double x,
                       double h)
{
    return (value_at(of, field, e, x + h) - value_at(of, field, e, x - h)) / (2 * h);
}

bool exercise_difference(const struct differentiated *of, const struct nnt_field *field, uint64_t e, double *out)
{
    double x = exercise_get(of->exercise, field, e);
    double a = slope_at(of, field, e, x, 1e-3), b = slope_at(of, field, e, x, 5e-4),
           c = slope_at(of, field, e, x, 2.5e-4);
    double coarse = (4 * b - a) / 3;
    exercise_set(of->exercise, field, e, x);
    *out = (4 * c - b) / 3;
    return fabs(coarse - *out) <= 2e-7 * (1 + fabs(*out));
}
