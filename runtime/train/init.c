/* init.c: initial weights and biases: a function a row of initialisers.def, drawn by counter. */
#include "runtime/train/train.h"

#include "runtime/base/arena.h"
#include "runtime/base/random.h"
#include "runtime/thermo/slabs.h"

#include <lapacke.h>
#include <math.h>

/* One parameter to fill: [rows][columns] in float64. */
struct tensor {
    const struct nnt_parameter *parameter;
    uint32_t rows, columns;
    size_t count;
    double *value;
    struct random random;
    struct arena *arena;
};

static void fill(struct tensor *t, double value)
{
    for (size_t i = 0; i < t->count; i++) t->value[i] = value;
}

static void draw_uniform(struct tensor *t, double low, double high)
{
    for (size_t i = 0; i < t->count; i++) t->value[i] = low + (high - low) * random_uniform(&t->random);
}

static void draw_normal(struct tensor *t, double mean, double deviation)
{
    for (size_t i = 0; i < t->count; i++) t->value[i] = mean + deviation * random_normal(&t->random);
}

static double fans(const struct tensor *t)
{
    return (double)t->parameter->fan_in + t->parameter->fan_out;
}

static void init_glorot_uniform(struct tensor *t)
{
    double bound = sqrt(6 / fans(t));
    draw_uniform(t, -bound, bound);
}

static void init_glorot_normal(struct tensor *t)
{
    draw_normal(t, 0, sqrt(2 / fans(t)));
}

static void init_he_uniform(struct tensor *t)
{
    double bound = sqrt(6.0 / t->parameter->fan_in);
    draw_uniform(t, -bound, bound);
}

static void init_he_normal(struct tensor *t)
{
    draw_normal(t, 0, sqrt(2.0 / t->parameter->fan_in));
}

/* Q of a QR of the tall one of the matrix and its transpose; R's diagonal made positive makes Q unique. To
 * column-major LAPACK a [rows][columns] matrix is its transpose, so that wide ones are factored as they stand. */
static void init_orthogonal(struct tensor *t)
{
    bool wide = t->columns >= t->rows;
    int tall = (int)(wide ? t->columns : t->rows), thin = (int)(wide ? t->rows : t->columns);
    int layout = wide ? LAPACK_COL_MAJOR : LAPACK_ROW_MAJOR, leading = wide ? tall : thin;
    double *tau = arena_alloc(t->arena, (size_t)thin * sizeof *tau);
    bool *flip = arena_alloc(t->arena, (size_t)thin * sizeof *flip);
    draw_normal(t, 0, 1);
    if (LAPACKE_dgeqrf(layout, tall, thin, t->value, leading, tau) != 0) BUG("dgeqrf of %d × %d", tall, thin);
    for (int i = 0; i < thin; i++) flip[i] = t->value[(size_t)i * leading + i] < 0;
    if (LAPACKE_dorgqr(layout, tall, thin, thin, t->value, leading, tau) != 0) BUG("dorgqr of %d × %d", tall, thin);
    for (uint32_t i = 0; i < t->rows; i++)
        for (uint32_t j = 0; j < t->columns; j++)
            if (flip[wide ? i : j]) t->value[(size_t)i * t->columns + j] *= -1;
}

static void init_zeros(struct tensor *t)
{
    fill(t, 0);
}

static void init_uniform(struct tensor *t)
{
    draw_uniform(t, t->parameter->argument[0], t->parameter->argument[1]);
}

static void init_normal(struct tensor *t)
{
    draw_normal(t, t->parameter->argument[0], t->parameter->argument[1]);
}

static void init_constant(struct tensor *t)
{
    fill(t, t->parameter->argument[0]);
}

static void init_identity(struct tensor *t)
{
    fill(t, 0);
    for (uint32_t i = 0; i < t->rows && i < t->columns; i++)
        t->value[(size_t)i * t->columns + i] = t->parameter->argument[0];
}

static void init_values(struct tensor *t)
{
    for (size_t i = 0; i < t->count; i++) t->value[i] = t->parameter->values[i];
}

static void (*const functions[NNT_INITIALISERS])(struct tensor *t) = {
#define INITIALISER(name, ...) [NNT_INIT_##name] = init_##name,
#include "runtime/train/initialisers.def"
#undef INITIALISER
};

void init_parameters(const struct nnt_module *module, uint64_t seed, void *parameters)
{
    products_one_thread();
    for (uint32_t p = 0; p < module->n_parameters; p++) {
        const struct nnt_parameter *parameter = &module->parameter[p];
        const struct nnt_field *field = &module->field[parameter->field];
        struct arena *arena = arena_new();
        struct tensor t = {.parameter = parameter,
                           .rows = field->extent[0],
                           .columns = field->rank > 1 ? field->extent[1] : 1,
                           .count = field_length(field),
                           .random = random_stream(seed, RANDOM_INIT, p, 0),
                           .arena = arena};
        t.value = arena_alloc(arena, t.count * sizeof *t.value);
        functions[parameter->initialiser](&t);
        for (uint32_t i = 0; parameter->hollow && i < t.rows && i < t.columns; i++)
            t.value[(size_t)i * t.columns + i] = 0;
        for (size_t i = 0; i < t.count; i++)
            real_set(parameters, module->real_bytes, field->offset + i, t.value[i]);
        arena_free(arena);
    }
}
