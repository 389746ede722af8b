/* adjoint.c: what holds of pull, push and pull_push on any network, kinks or not: identities without differences. */
#include "tests/random/adjoint.h"

#include <math.h>
#include <string.h>

/* Sums of products, and of their sizes. */
struct pairing {
    double sum, size;
};

static void pair(struct pairing *p, const struct exercise *a, const struct nnt_field *of_a,
                 const struct exercise *b, const struct nnt_field *of_b, double factor)
{
    for (uint64_t e = 0, n = exercise_size(a, of_a); e < n; e++) {
        double product = factor * exercise_get(a, of_a, e) * exercise_get(b, of_b, e);
        p->sum += product;
        p->size += fabs(product);
    }
}

/* Of the gradients in two slabs and a direction; those by parameters are means over the samples. */
static struct pairing along(const struct exercise *of, enum nnt_slab linear, enum nnt_slab gradient,
                            const struct exercise *direction)
{
    const struct nnt_module *m = of->module;
    struct pairing p = {0};
    for (uint32_t g = 0; g < m->n_groups; g++) {
        if (m->group[g].gradient_x == NNT_NONE) continue;
        struct nnt_field by = exercise_twin(&m->field[m->group[g].gradient_x], linear);
        struct nnt_field d = exercise_twin(&m->field[m->group[g].state], NNT_D_STATE);
        pair(&p, of, &by, direction, &d, 1);
    }
    for (uint32_t k = 0; k < m->n_parameters; k++) {
        if (m->parameter[k].gradient == NNT_NONE) continue;
        struct nnt_field by = exercise_twin(&m->field[m->parameter[k].gradient], gradient);
        struct nnt_field d = exercise_twin(&m->field[m->parameter[k].field], NNT_D_PARAMETERS);
        pair(&p, of, &by, direction, &d, of->call.batch);
    }
    return p;
}

static struct pairing seeded(const struct exercise *x)
{
    const struct nnt_module *m = x->module;
    struct pairing p = {0};
    for (uint32_t f = 0; f < m->n_fields; f++) {
        struct nnt_field seed = exercise_twin(&m->field[f], NNT_SEED),
                         d = exercise_twin(&m->field[f], NNT_D_LINEAR);
        if (m->field[f].slab == NNT_LINEAR && strncmp(m->field[f].name, "gradient_x", 10))
            pair(&p, x, &seed, x, &d, 1);
    }
    return p;
}

static double apart(struct pairing a, struct pairing b)
{
    return fabs(a.sum - b.sum) / (1 + a.size + b.size);
}

static void clear(struct exercise *x, const struct nnt_field *field, enum nnt_slab slab)
{
    struct nnt_field twin = exercise_twin(field, slab);
    for (uint64_t e = 0, n = exercise_size(x, &twin); e < n; e++) exercise_set(x, &twin, e, 0);
}

/* Only what is free moves; seeds stay. */
static struct exercise directed(const struct nnt_module *m, const struct exercise *start, uint64_t seeds,
                                uint64_t direction)
{
    struct exercise x = exercise_open(m, start->call.batch), other = exercise_open(m, start->call.batch);
    exercise_copy(&x, start);
    exercise_draw_direction(&x, direction), exercise_draw_direction(&other, seeds);
    memcpy(x.call.slab[NNT_SEED], other.call.slab[NNT_SEED],
           (m->size[NNT_SEED] + m->size_per_sample[NNT_SEED] * x.call.batch) * m->real_bytes);
    exercise_close(&other);
    for (uint32_t g = 0; g < m->n_groups; g++)
        if (m->group[g].flags & NNT_CLAMPED) clear(&x, &m->field[m->group[g].state], NNT_D_STATE);
    for (uint32_t k = 0; k < m->n_parameters; k++)
        if (m->parameter[k].gradient == NNT_NONE) clear(&x, &m->field[m->parameter[k].field], NNT_D_PARAMETERS);
    for (uint32_t f = 0; f < m->n_fields; f++)
        if (m->field[f].slab == NNT_LINEAR) clear(&x, &m->field[f], NNT_D_SEED);
    exercise_run(&x, NNT_ENTRY_linearise);
    exercise_run(&x, NNT_ENTRY_pull);
    exercise_run(&x, NNT_ENTRY_push);
    exercise_run(&x, NNT_ENTRY_pull_push);
    return x;
}

double adjoint_defect(const struct nnt_module *module, const struct exercise *start, uint64_t seed)
{
    struct exercise d = directed(module, start, seed, seed + 1), e = directed(module, start, seed, seed + 2);
    double first = apart(seeded(&d), along(&d, NNT_LINEAR, NNT_GRADIENT, &d));
    double second = apart(along(&e, NNT_D_LINEAR, NNT_D_GRADIENT, &d), along(&d, NNT_D_LINEAR, NNT_D_GRADIENT, &e));
    exercise_close(&d);
    exercise_close(&e);
    return first >= second ? first : second;
}
