/* gradient.c: derivatives of the totals by the trainables, for now by differences of the evaluation. */
#include "runtime/thermo/ensemble.h"

#include "runtime/thermo/slabs.h"

#include <stdlib.h>
#include <string.h>

/* Fourth order: f' = (8 (f(h) - f(-h)) - (f(2h) - f(-2h))) / 12h. */
static const struct {
    double at, weight;
} stencil[4] = {{1, 8}, {-1, -8}, {2, -1}, {-2, 1}};

size_t ensemble_trainables(const struct ensemble *ensemble)
{
    return ensemble_module(ensemble)->size[NNT_GRADIENT];
}

struct totals {
    double H_min, C;
};

static bool mean_totals(struct ensemble *e, struct diag *diag, const double *q, const double *const data[],
                        uint32_t count, struct gaussian *room, struct totals *out)
{
    *out = (struct totals){0};
    if (!ensemble_evaluate(e, diag, q, data, count, 1, room)) return false;
    for (uint32_t i = 0; i < count; i++) {
        out->H_min += room[i].H_min / count;
        out->C += room[i].C / count;
    }
    return true;
}

static bool is_trainable(const struct nnt_parameter *p, const struct nnt_field *field, uint64_t i)
{
    return !p->hollow || i / field->extent[1] != i % field->extent[1];
}

static bool differentiate(struct ensemble *e, struct diag *diag, double *q, const double *const data[],
                          uint32_t count, uint64_t at, struct gaussian *room, struct totals *out)
{
    const double h = 1e-3, here = q[at];
    bool good = true;
    *out = (struct totals){0};
    for (int k = 0; k < 4 && good; k++) {
        struct totals t;
        q[at] = here + stencil[k].at * h;
        good = mean_totals(e, diag, q, data, count, room, &t);
        out->H_min += stencil[k].weight * t.H_min / (12 * h);
        out->C += stencil[k].weight * t.C / (12 * h);
    }
    q[at] = here;
    return good;
}

bool ensemble_gradient(struct ensemble *e, struct diag *diag, const double *parameters, const double *const data[],
                       uint32_t count, double beta, uint32_t n, const struct combination of[],
                       double *const out_gradient[], struct gaussian out[])
{
    const struct nnt_module *m = ensemble_module(e);
    double *q = malloc((m->size[NNT_PARAMETERS] + 1) * sizeof *q);
    struct gaussian *room = malloc(((size_t)count + 1) * sizeof *room);
    bool good = q && room;
    if (good) memcpy(q, parameters, m->size[NNT_PARAMETERS] * sizeof *q);
    for (uint32_t k = 0; k < n; k++) memset(out_gradient[k], 0, ensemble_trainables(e) * sizeof(double));
    for (uint32_t p = 0; p < m->n_parameters && good; p++) {
        const struct nnt_parameter *parameter = &m->parameter[p];
        const struct nnt_field *field = &m->field[parameter->field];
        if (parameter->gradient == NNT_NONE) continue;
        for (uint64_t i = 0; i < field_length(field) && good; i++) {
            struct totals t = {0};
            if (is_trainable(parameter, field, i))
                good = differentiate(e, diag, q, data, count, field->offset + i, room, &t);
            for (uint32_t k = 0; k < n; k++)
                out_gradient[k][m->field[parameter->gradient].offset + i] =
                    of[k].of_H_min * t.H_min + of[k].of_C * t.C;
        }
    }
    if (good && out) good = ensemble_evaluate(e, diag, parameters, data, count, beta, out);
    free(q);
    free(room);
    return good;
}

/* q += step * direction, which is laid out as the gradient. */
static void move(const struct nnt_module *m, double *q, const double *direction, double step)
{
    for (uint32_t p = 0; p < m->n_parameters; p++) {
        const struct nnt_field *field = &m->field[m->parameter[p].field];
        if (m->parameter[p].gradient == NNT_NONE) continue;
        for (uint64_t i = 0; i < field_length(field); i++)
            q[field->offset + i] += step * direction[m->field[m->parameter[p].gradient].offset + i];
    }
}

bool ensemble_hessian(struct ensemble *e, struct diag *diag, const double *parameters, const double *const data[],
                      uint32_t count, uint32_t n, const struct combination of[], const double *direction,
                      double *const out_product[])
{
    const struct nnt_module *m = ensemble_module(e);
    const double h = 1e-2;
    size_t P = ensemble_trainables(e);
    double *q = malloc((m->size[NNT_PARAMETERS] + 1) * sizeof *q),
           *gradient = malloc((n * P + 1) * sizeof *gradient);
    double **row = calloc(n + 1, sizeof *row);
    bool good = q && gradient && row;
    for (uint32_t k = 0; k < n && good; k++) {
        row[k] = gradient + k * P;
        memset(out_product[k], 0, P * sizeof(double));
    }
    for (int s = 0; s < 4 && good; s++) {
        memcpy(q, parameters, m->size[NNT_PARAMETERS] * sizeof *q);
        move(m, q, direction, stencil[s].at * h);
        good = ensemble_gradient(e, diag, q, data, count, 1, n, of, row, NULL);
        for (uint32_t k = 0; k < n; k++)
            for (size_t i = 0; i < P; i++) out_product[k][i] += stencil[s].weight * row[k][i] / (12 * h);
    }
    free(q);
    free(gradient);
    free(row);
    return good;
}
