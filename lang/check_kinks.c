/* check_kinks.c: activations and potentials whose derivatives jump, where what is measured is a derivative. */
#include "lang/check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- corners: where the slope jumps ---- */

/* Neurons see z from -REACH to REACH; a slope that changes by more than LEAST within FINE is a corner. */
static const double REACH = 10, STEP = 1e-2, FINE = 1e-6, LEAST = 1e-3;

struct curve {
    const struct expr *f;
    uint32_t width;
    double *z, *value;
    struct expr_scratch scratch;
};

static const double *z_of(void *with, const struct expr *variable)
{
    (void)variable;
    return ((struct curve *)with)->z;
}

/* The change of slope around each of n <= width places: (f(z + h) - 2 f(z) + f(z - h)) / h. */
static void bends_at(struct curve *c, const double *place, uint32_t n, double h, double *out)
{
    static const double weight[] = {1, -2, 1};
    for (uint32_t i = 0; i < n; i++) out[i] = 0;
    for (int k = 0; k < 3; k++) {
        for (uint32_t i = 0; i < c->width; i++) c->z[i] = (i < n ? place[i] : 0) + (k - 1) * h;
        expr_value(c->f, z_of, c, &c->scratch, c->value);
        for (uint32_t i = 0; i < n; i++) out[i] += weight[k] * c->value[i] / h;
    }
}

static double bend_at(struct curve *c, double place, double h)
{
    double bend;
    bends_at(c, &place, 1, h, &bend);
    return fabs(bend);
}

/* Follows the larger bend down; true where it does not shrink with its surroundings. */
static bool is_corner(struct curve *c, double place, double h)
{
    double bend = bend_at(c, place, h);
    for (; h > FINE && bend > LEAST; h /= 2) {
        double best = place;
        bend = 0;
        for (int k = -1; k <= 1; k++) {
            double here = bend_at(c, place + k * h / 2, h / 2);
            if (here <= bend) continue;
            bend = here;
            best = place + k * h / 2;
        }
        place = best;
    }
    return bend > LEAST;
}

static bool finds_corner(struct curve *c, double *place, double *bend)
{
    const uint32_t points = (uint32_t)(2 * REACH / STEP) + 1;
    for (uint32_t first = 0; first < points; first += c->width) {
        uint32_t n = points - first < c->width ? points - first : c->width;
        for (uint32_t i = 0; i < n; i++) place[i] = -REACH + (first + i) * STEP;
        bends_at(c, place, n, STEP, bend);
        for (uint32_t i = 0; i < n; i++)
            if (fabs(bend[i]) > LEAST && is_corner(c, place[i], STEP)) return true;
    }
    return false;
}

/* Of a function of z, element by element. */
static bool has_corner(struct checker *c, const struct expr *f)
{
    uint32_t width = f->width ? f->width : 1;
    struct curve curve = {.f = f, .width = width};
    curve.z = arena_alloc(c->arena, width * sizeof(double));
    curve.value = arena_alloc(c->arena, width * sizeof(double));
    double *place = arena_alloc(c->arena, width * sizeof(double));
    double *bend = arena_alloc(c->arena, width * sizeof(double));
    bool found = finds_corner(&curve, place, bend);
    free(curve.scratch.data);
    return found;
}

/* ---- the warnings ---- */

/* Whether a group's activation or potential lacks the derivative that is measured: of the laws the slope's continuity, of the
 * Laplacian the second derivative everywhere. Group maps, as softmax, choose among their neurons by maxima that do not show. */
static bool is_kinked(struct checker *c, const struct group *g, bool slope_alone)
{
    bool f = g->activation && !g->group_map && expr_kinked(g->activation);
    bool V = g->potential && !g->clamped && expr_kinked(g->potential);
    return V || (f && (!slope_alone || has_corner(c, g->activation)));
}

static void list_kinked(struct checker *c, bool slope_alone, struct text *out)
{
    for (uint32_t g = 0; g < c->m->n_groups; g++)
        if (is_kinked(c, &c->m->group[g], slope_alone) && out->length < 200)
            text_add(out, "%s'%s'", out->length ? ", " : "", c->m->group[g].shown);
}

void warn_kinks(struct checker *c, enum measure which, struct span at)
{
    struct text groups = {0};
    bool law = which == MEASURE_first_law;
    list_kinked(c, law, &groups);
    if (groups.length && law)
        diag_warn(
            c->diag, at, "kinked",
            "the slope of %s jumps, and C with it: the residual stays where the path of training crosses a kink",
            groups.data);
    else if (groups.length)
        diag_warn(c->diag, at, "kinked",
                  "no second derivative at the kinks of %s: what they add to the Laplacian is not in it",
                  groups.data);
    if (groups.length) diag_hint(c->diag, "tanh, softplus, gelu and silu are smooth");
    text_fini(&groups);
}
