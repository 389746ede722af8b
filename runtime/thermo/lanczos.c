/* lanczos.c: ln det A by stochastic Lanczos quadrature and A⁻¹b by conjugate gradients, from products by A alone (THEORY 3a). */
#include "runtime/thermo/lanczos.h"

#include <cblas.h>
#include <float.h>
#include <lapacke.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/random.h"

enum { SEED = 1 };

/* ---- memory ---- */

static double *table_new(size_t rows, size_t columns)
{
    size_t count;
    return size_product(rows, columns, &count) ? numbers_new(count) : NULL;
}

bool lanczos_init(struct lanczos *l, uint32_t n, uint32_t probes, uint32_t order)
{
    *l = (struct lanczos){.n = n, .probes = probes, .order = order < n ? order : n};
    size_t m = l->order;
    l->basis = table_new(m + 1, n);
    l->overlap = numbers_new(m + 1);
    l->diagonal = numbers_new(m);
    l->beside = numbers_new(m);
    l->ritz = numbers_new(m);
    l->rest = numbers_new(m);
    l->vectors = table_new(m, m);
    l->work = table_new(m, 2);
    l->quadrature = numbers_new(probes);
    l->r = numbers_new(n);
    l->p = numbers_new(n);
    l->Ap = numbers_new(n);
    return l->basis && l->overlap && l->diagonal && l->beside && l->ritz && l->rest && l->vectors && l->work &&
           l->quadrature && l->r && l->p && l->Ap;
}

void lanczos_fini(struct lanczos *l)
{
    double *const all[] = {l->basis,   l->overlap, l->diagonal,   l->beside, l->ritz, l->rest,
                           l->vectors, l->work,    l->quadrature, l->r,      l->p,    l->Ap};
    for (size_t i = 0; i < LENGTH(all); i++) free(all[i]);
    *l = (struct lanczos){0};
}

double lanczos_bytes(uint32_t n, uint32_t order)
{
    double m = order < n ? order : n;
    return 8 * (m + 4) * n + 8 * m * m;
}

/* ---- Lanczos ---- */

static double *basis_at(const struct lanczos *l, uint32_t k)
{
    return l->basis + (size_t)k * l->n;
}

static void draw_signs(uint64_t number, uint32_t probe, uint32_t n, double out[])
{
    struct random random = random_stream(SEED, RANDOM_LANCZOS, number, probe);
    uint32_t bits = 0;
    for (uint32_t i = 0; i < n; i++, bits >>= 1) {
        if (i % 32 == 0) bits = random_bits(&random);
        out[i] = bits & 1 ? 1 : -1;
    }
}

/* w less what it has of the first k vectors, twice: once leaves rounding behind. */
static void orthogonalise(struct lanczos *l, uint32_t k, double *w)
{
    for (int pass = 0; pass < 2; pass++) {
        cblas_dgemv(CblasRowMajor, CblasNoTrans, (int)k, (int)l->n, 1, l->basis, (int)l->n, w, 1, 0, l->overlap, 1);
        cblas_dgemv(CblasRowMajor, CblasTrans, (int)k, (int)l->n, -1, l->basis, (int)l->n, l->overlap, 1, 1, w, 1);
    }
}

/* From the first vector of the basis: how many steps were made, fewer than `order` where the vectors span all that A makes of it. */
static uint32_t tridiagonalise(struct lanczos *l, const struct symmetric *A)
{
    double scale = 0;
    for (uint32_t k = 0; k < l->order; k++) {
        double *w = basis_at(l, k + 1);
        A->times(A->self, basis_at(l, k), w);
        l->diagonal[k] = cblas_ddot((int)l->n, w, 1, basis_at(l, k), 1);
        orthogonalise(l, k + 1, w);
        l->beside[k] = cblas_dnrm2((int)l->n, w, 1);
        scale = fmax(scale, fabs(l->diagonal[k]) + l->beside[k]);
        if (!(l->beside[k] > 10.0 * l->n * DBL_EPSILON * scale)) return k + 1;
        cblas_dscal((int)l->n, 1 / l->beside[k], w, 1);
    }
    return l->order;
}

/* Values and vectors of the leading tridiagonal matrix of m rows; false where they cannot be had. */
static bool find_ritz(struct lanczos *l, uint32_t m)
{
    for (uint32_t i = 0; i < m; i++)
        if (!isfinite(l->diagonal[i]) || !isfinite(l->beside[i])) return false;
    memcpy(l->ritz, l->diagonal, m * sizeof *l->ritz);
    memcpy(l->rest, l->beside, m * sizeof *l->rest);
    return LAPACKE_dstev_work(LAPACK_COL_MAJOR, 'V', (int)m, l->ritz, l->rest, l->vectors, (int)m, l->work) == 0;
}

static bool ritz_is_positive(const struct lanczos *l, uint32_t m)
{
    return l->ritz[0] > 100.0 * l->n * DBL_EPSILON * fabs(l->ritz[m - 1]);
}

/* zᵀ ln(A) z ~ n Σ τ² ln θ: τ the first entry of a Ritz vector, θ its value. */
static double quadrature(const struct lanczos *l, uint32_t m)
{
    double sum = 0;
    for (uint32_t i = 0; i < m; i++) sum += pow(l->vectors[(size_t)i * m], 2) * log(l->ritz[i]);
    return l->n * sum;
}

static void scale_to_one(uint32_t n, double v[])
{
    double most = fabs(v[cblas_idamax((int)n, v, 1)]);
    if (most > 0) cblas_dscal((int)n, 1 / most, v, 1);
}

/* The vector of the least Ritz value. */
static void tell_direction(struct lanczos *l, uint32_t m, double direction[], double *out_ratio)
{
    cblas_dgemv(CblasRowMajor, CblasTrans, (int)m, (int)l->n, 1, l->basis, (int)l->n, l->vectors, 1, 0, direction,
                1);
    scale_to_one(l->n, direction);
    *out_ratio = l->ritz[m - 1] > 0 ? l->ritz[0] / l->ritz[m - 1] : l->ritz[0];
}

/* ---- ln det A ---- */

/* What quadratures of growing order come to, summed over the probes. */
struct orders {
    double half, most, all;
    bool open; /* some probe would have had further steps */
};

/* The difference to order infinity: what it would be if each quarter of the order shrank it by what the last has, and three times that,
 * since it shrinks more slowly with the order where eigenvalues crowd at 0 (as 1/m it is just three times). */
static double left_out(const struct orders *sum)
{
    double before = sum->most - sum->half, last = sum->all - sum->most, shrinks = last / before;
    if (!sum->open || last == 0) return 0;
    return shrinks >= 0 && shrinks < 1 ? 3 * fabs(last) * shrinks / (1 - shrinks) : 3 * fabs(last);
}

/* One probe; false where A shows that it is not positive definite. */
static bool look(struct lanczos *l, const struct symmetric *A, uint64_t number, uint32_t probe, struct orders *sum,
                 double direction[], double *out_ratio)
{
    draw_signs(number, probe, l->n, basis_at(l, 0));
    cblas_dscal((int)l->n, 1 / sqrt(l->n), basis_at(l, 0), 1);
    uint32_t m = tridiagonalise(l, A);
    *out_ratio = NAN;
    if (!find_ritz(l, m)) return false;
    if (!ritz_is_positive(l, m)) {
        tell_direction(l, m, direction, out_ratio);
        return false;
    }
    l->quadrature[probe] = quadrature(l, m);
    sum->all += l->quadrature[probe];
    sum->open |= m == l->order && m < l->n;
    if (!find_ritz(l, (m + 1) / 2)) return false;
    sum->half += quadrature(l, (m + 1) / 2);
    if (!find_ritz(l, (3 * m + 3) / 4)) return false;
    sum->most += quadrature(l, (3 * m + 3) / 4);
    return true;
}

static double variance(const double values[], uint32_t n, double mean)
{
    double sum = 0;
    for (uint32_t i = 0; i < n; i++) sum += (values[i] - mean) * (values[i] - mean);
    return sum / (n - 1.0);
}

bool lanczos_logdet(struct lanczos *l, const struct symmetric *A, uint64_t number, struct stochastic *out,
                    double direction[], double *out_ratio)
{
    struct orders sum = {0};
    memset(direction, 0, l->n * sizeof *direction);
    for (uint32_t probe = 0; probe < l->probes; probe++)
        if (!look(l, A, number, probe, &sum, direction, out_ratio)) return false;
    out->value = sum.all / l->probes;
    double spread = l->probes > 1 ? variance(l->quadrature, l->probes, out->value) / l->probes : INFINITY;
    out->error = hypot(sqrt(spread), left_out(&sum) / l->probes);
    return true;
}

/* ---- conjugate gradients ---- */

/* pᵀAp, unless that of the diagonal says that it is nothing: then the direction. */
static bool curvature_along(struct lanczos *l, const double diagonal[], double *out_curvature, double direction[],
                            double *out_ratio)
{
    double of_diagonal = 0;
    for (uint32_t i = 0; i < l->n; i++) of_diagonal += diagonal[i] * l->p[i] * l->p[i];
    *out_curvature = cblas_ddot((int)l->n, l->p, 1, l->Ap, 1);
    if (*out_curvature > 100.0 * l->n * DBL_EPSILON * of_diagonal) return true;
    *out_ratio = of_diagonal > 0 ? *out_curvature / of_diagonal : *out_curvature;
    memcpy(direction, l->p, l->n * sizeof *direction);
    scale_to_one(l->n, direction);
    return false;
}

static double precondition(struct lanczos *l, const double diagonal[], double z[])
{
    double sum = 0;
    for (uint32_t i = 0; i < l->n; i++) {
        z[i] = l->r[i] / diagonal[i];
        sum += z[i] * l->r[i];
    }
    return sum;
}

/* A diagonal entry that is not positive is a direction by itself. */
static bool diagonal_is_positive(struct lanczos *l, const double diagonal[], double direction[], double *out_ratio)
{
    for (uint32_t i = 0; i < l->n; i++) {
        if (diagonal[i] > 0) continue;
        memset(direction, 0, l->n * sizeof *direction);
        direction[i] = 1;
        *out_ratio = diagonal[i];
        return false;
    }
    return true;
}

bool lanczos_solve(struct lanczos *l, const struct symmetric *A, const double diagonal[], const double b[],
                   double x[], double direction[], double *out_ratio)
{
    int n = (int)l->n;
    double enough = 1e-12 * cblas_dnrm2(n, b, 1), *z = basis_at(l, 0);
    memset(x, 0, l->n * sizeof *x);
    if (!diagonal_is_positive(l, diagonal, direction, out_ratio)) return false;
    memcpy(l->r, b, l->n * sizeof *b);
    double product = precondition(l, diagonal, l->p);
    for (uint64_t step = 0; step < 10 * (uint64_t)l->n + 100; step++) {
        double curvature, before = product;
        if (cblas_dnrm2(n, l->r, 1) <= enough) return true;
        A->times(A->self, l->p, l->Ap);
        if (!curvature_along(l, diagonal, &curvature, direction, out_ratio)) return false;
        cblas_daxpy(n, product / curvature, l->p, 1, x, 1);
        cblas_daxpy(n, -product / curvature, l->Ap, 1, l->r, 1);
        product = precondition(l, diagonal, z);
        cblas_dscal(n, product / before, l->p, 1);
        cblas_daxpy(n, 1, z, 1, l->p, 1);
    }
    memcpy(direction, l->p, l->n * sizeof *direction);
    scale_to_one(l->n, direction);
    return false;
}
