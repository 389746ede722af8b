/* teacher.c: a random tanh network's answers to normal inputs, with noise. */
#include "runtime/data/source.h"
#include "runtime/base/random.h"

#include <math.h>
#include <stdlib.h>

/* y = v tanh(w x + b): w, v and b are normal with deviations 1 / sqrt(inputs), 1 / sqrt(hidden) and 1. The seed
 * draws the network too, from a stream of its own. */
struct teacher {
    uint32_t inputs, hidden, outputs;
    double noise;
    uint64_t seed;
    double *w, *b, *v, *h;
};

static bool draw_network(struct teacher *t)
{
    struct random random = random_stream(t->seed, RANDOM_SOURCE, 1, 0);
    size_t n_w = (size_t)t->hidden * t->inputs, n_v = (size_t)t->outputs * t->hidden;
    t->w = malloc((n_w + n_v + 2 * (size_t)t->hidden) * sizeof *t->w);
    if (t->w == NULL) return false;
    t->v = t->w + n_w;
    t->b = t->v + n_v;
    t->h = t->b + t->hidden;
    for (size_t i = 0; i < n_w; i++) t->w[i] = random_normal(&random) / sqrt(t->inputs);
    for (size_t i = 0; i < n_v; i++) t->v[i] = random_normal(&random) / sqrt(t->hidden);
    for (uint32_t i = 0; i < t->hidden; i++) t->b[i] = random_normal(&random);
    return true;
}

static void answer(struct teacher *t, uint32_t sample, float *x, float *y)
{
    struct random random = random_stream(t->seed, RANDOM_SOURCE, 0, sample);
    for (uint32_t i = 0; i < t->inputs; i++) x[i] = (float)random_normal(&random);
    for (uint32_t j = 0; j < t->hidden; j++) {
        double z = t->b[j];
        for (uint32_t i = 0; i < t->inputs; i++) z += t->w[(size_t)j * t->inputs + i] * (double)x[i];
        t->h[j] = tanh(z);
    }
    for (uint32_t k = 0; k < t->outputs; k++) {
        double sum = t->noise * random_normal(&random);
        for (uint32_t j = 0; j < t->hidden; j++) sum += t->v[(size_t)k * t->hidden + j] * t->h[j];
        y[k] = (float)sum;
    }
}

bool teacher_open(struct diag *diag, const struct source_spec *spec, struct table *out)
{
    static const char *const names[] = {"x", "y"};
    struct teacher t = {.inputs = (uint32_t)spec->number[1],
                        .hidden = (uint32_t)spec->number[2],
                        .outputs = (uint32_t)spec->number[3],
                        .noise = spec->number[4],
                        .seed = (uint64_t)spec->number[5]};
    out->count = (uint32_t)spec->number[0];
    if (!table_new_fields(diag, spec->at, out, 2, names) ||
        !field_new_numbers(diag, spec->at, &out->field[0], out->count, t.inputs) ||
        !field_new_numbers(diag, spec->at, &out->field[1], out->count, t.outputs))
        return false;
    if (!draw_network(&t)) {
        diag_machine(diag, spec->at, "out-of-memory", "no memory for a teacher of %u hidden neurons", t.hidden);
        return false;
    }
    for (uint32_t i = 0; i < out->count; i++)
        answer(&t, i, out->field[0].numbers + (size_t)i * t.inputs, out->field[1].numbers + (size_t)i * t.outputs);
    free(t.w);
    return true;
}
