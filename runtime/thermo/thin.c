/* thin.c: the Gaussian where it is a determinant of few rows: no cycles, V = 0, every free neuron counts. */
#include "runtime/thermo/thin.h"

#include "runtime/thermo/jacobian.h"
#include "runtime/thermo/slabs.h"

#include <cblas.h>
#include <lapacke.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- where it applies ---- */

static bool is_free(const struct thin *t, uint32_t group)
{
    return is_free_group(t->gaussian->module, group);
}

static uint32_t size_of(const struct thin *t, uint32_t group)
{
    return t->gaussian->module->group[group].size;
}

static const struct coupling *coupling_out(const struct thin *t, uint32_t group, uint32_t i)
{
    return &t->gaussian->coupling[t->gaussian->out_of[t->gaussian->first_out[group] + i]];
}

static uint32_t couplings_out(const struct thin *t, uint32_t group)
{
    return t->gaussian->first_out[group + 1] - t->gaussian->first_out[group];
}

/* The free groups in order; false where there is a cycle, or memory is short. */
static bool order_groups(struct thin *t)
{
    const struct nnt_module *module = t->gaussian->module;
    bool *among = calloc((size_t)module->n_groups + 1, sizeof *among);
    bool *placed = calloc((size_t)module->n_groups + 1, sizeof *placed);
    uint32_t n_free = 0;
    for (uint32_t g = 0; among && g < module->n_groups; g++) n_free += among[g] = is_free(t, g);
    if (among && placed) t->n_moving = module_order(module, among, placed, t->order);
    bool good = among && placed && t->n_moving == n_free;
    free(among);
    free(placed);
    return good;
}

static bool is_without_potential(const struct nnt_module *module)
{
    for (uint32_t k = 0; k < module->n_groups; k++)
        if (is_free_group(module, k) && module->group[k].flags & NNT_POTENTIAL) return false;
    return true;
}

/* false where there are more than LAPACK counts. */
static bool number_rows(struct thin *t)
{
    const struct gaussian_model *g = t->gaussian;
    for (uint32_t k = 0; k < g->module->n_groups; k++) {
        t->row[k] = jacobian_leads_to(g, k) && !is_free(t, k) ? t->m : NNT_NONE;
        if (t->row[k] == NNT_NONE) continue;
        if (size_of(t, k) > INT32_MAX - t->m) return false;
        t->m += size_of(t, k);
    }
    return true;
}

double thin_flops(const struct thin *t)
{
    double m = t->m, sum = m * m * t->gaussian->n + m * m * m;
    for (uint32_t k = 0; k < t->gaussian->n_couplings; k++) {
        const struct coupling *e = &t->gaussian->coupling[k];
        if (is_free(t, e->to)) sum += 2 * m * size_of(t, e->to) * size_of(t, e->from);
    }
    return sum;
}

/* ---- memory ---- */

static bool make_memory(struct thin *t, bool tangents)
{
    size_t B, M;
    if (!size_product(t->m, t->gaussian->n, &B) || !size_product(t->m, t->m, &M)) return false;
    return dual_init(&t->B, B, tangents) && dual_init(&t->B_bar, B, tangents) && dual_init(&t->M, M, tangents) &&
           dual_init(&t->M_inverse, M, tangents) && dual_init(&t->M_bar, M, tangents) &&
           dual_init(&t->c, t->m, tangents) && dual_init(&t->t, t->m, tangents);
}

struct thin *thin_new(const struct gaussian_model *gaussian, double most_flops, bool tangents)
{
    const struct nnt_module *module = gaussian->module;
    if (!gaussian->R_covers_free || gaussian->full || !is_without_potential(module)) return NULL;
    struct thin *t = calloc(1, sizeof *t);
    if (t) t->gaussian = gaussian;
    if (t) t->row = calloc((size_t)module->n_groups + 1, sizeof *t->row);
    if (t) t->order = calloc((size_t)module->n_groups + 1, sizeof *t->order);
    if (t && t->row && t->order && number_rows(t) && order_groups(t) && thin_flops(t) < most_flops &&
        make_memory(t, tangents))
        return t;
    thin_free(t);
    return NULL;
}

void thin_free(struct thin *t)
{
    if (!t) return;
    struct dual *all[] = {&t->B, &t->B_bar, &t->M, &t->M_inverse, &t->M_bar, &t->c, &t->t};
    for (size_t k = 0; k < LENGTH(all); k++) dual_fini(all[k]);
    free(t->row);
    free(t->order);
    free(t);
}

/* ---- B, M, c ---- */

/* A group's columns of a matrix like B, and rows of one. */
static struct dual_matrix columns(const struct thin *t, struct dual of, uint32_t group)
{
    return (struct dual_matrix){dual_at(of, (size_t)t->m * t->gaussian->column[group]), t->m, size_of(t, group),
                                false};
}

static struct dual_matrix rows(const struct dual_matrix *of, uint32_t first, uint32_t count)
{
    return (struct dual_matrix){dual_at(of->at, (size_t)first * of->columns), count, of->columns, false};
}

static struct dual_matrix J_of(const struct thin *t, struct dual J, const struct coupling *e)
{
    return (struct dual_matrix){dual_at(J, e->at), size_of(t, e->to), size_of(t, e->from), false};
}

/* B_g = G_g - Σ B_h J_hg over the free groups h that g feeds: those are done before. */
static void make_B(struct thin *t, struct dual J)
{
    for (uint32_t i = t->n_moving; i-- > 0;) {
        uint32_t g = t->order[i];
        struct dual_matrix B = columns(t, t->B, g);
        dual_clear(B.at, (size_t)B.rows * B.columns);
        for (uint32_t k = 0; k < couplings_out(t, g); k++) {
            const struct coupling *e = coupling_out(t, g, k);
            struct dual_matrix J_e = J_of(t, J, e);
            if (is_free(t, e->to))
                dual_add_product(B.at, -1, columns(t, t->B, e->to), J_e);
            else
                dual_add(rows(&B, t->row[e->to], J_e.rows).at, 1, J_e.at, (size_t)J_e.rows * J_e.columns);
        }
    }
}

/* M += B_g B_gᵀ, in the lower triangle. */
static void add_square(struct thin *t, struct dual_matrix B)
{
    int m = (int)t->m, n = (int)B.columns;
    if (m == 0) return;
    cblas_dsyrk(CblasRowMajor, CblasLower, CblasNoTrans, m, n, 1, B.at.v, n, 1, t->M.v, m);
    if (t->M.d) cblas_dsyr2k(CblasRowMajor, CblasLower, CblasNoTrans, m, n, 1, B.at.v, n, B.at.d, n, 1, t->M.d, m);
}

static void mirror(uint32_t m, double *M)
{
    for (size_t i = 0; M && i < m; i++)
        for (size_t j = 0; j < i; j++) M[j * m + i] = M[i * m + j];
}

/* M = 1 + B Bᵀ, c = r_G - B r_Φ, and the errors that nothing moves. */
static void make_M_and_c(struct thin *t, const struct dual_sample *sample)
{
    dual_clear(t->M, (size_t)t->m * t->m);
    dual_clear(t->c, t->m);
    t->rest = 0;
    for (uint32_t i = 0; i < t->m; i++) t->M.v[(size_t)i * t->m + i] = 1;
    for (uint32_t g = 0; g < sample->module->n_groups; g++) {
        struct dual r;
        if (!is_in_R(sample->module, g)) continue;
        r = dual_linear(sample, sample->module->group[g].residual);
        if (is_free(t, g)) {
            struct dual_matrix B = columns(t, t->B, g);
            add_square(t, B);
            dual_add_product(t->c, -1, B, dual_column(r, B.columns));
        } else if (t->row[g] != NNT_NONE) {
            dual_add(dual_at(t->c, t->row[g]), 1, r, size_of(t, g));
        } else {
            t->rest += 0.5 * cblas_ddot((int)size_of(t, g), r.v, 1, r.v, 1);
        }
    }
    mirror(t->m, t->M.v);
    mirror(t->m, t->M.d);
}

/* M⁻¹ and ln det M by Cholesky. No pivot is below 1 where M is finite. */
static bool invert_M(struct thin *t)
{
    int m = (int)t->m;
    double *L = t->M_inverse.v;
    memcpy(L, t->M.v, (size_t)t->m * t->m * sizeof *L);
    t->logdet = 0;
    if (m == 0) return true;
    if (LAPACKE_dpotrf_work(LAPACK_COL_MAJOR, 'U', m, L, m) != 0) return false;
    for (int i = 0; i < m; i++) t->logdet += 2 * log(L[(size_t)i * t->m + i]);
    if (!isfinite(t->logdet) || LAPACKE_dpotri_work(LAPACK_COL_MAJOR, 'U', m, L, m) != 0) return false;
    for (int i = 0; i < m; i++) /* by columns the upper triangle is the lower one by rows */
        for (int j = 0; j < i; j++) L[(size_t)j * t->m + i] = L[(size_t)i * t->m + j];
    return true;
}

/* d(M⁻¹) = -M⁻¹ dM M⁻¹; M_bar is lent. */
static void invert_M_tangent(struct thin *t)
{
    struct dual_matrix inverse = {{t->M_inverse.v, NULL}, t->m, t->m, false};
    struct dual_matrix dM = {{t->M.d, NULL}, t->m, t->m, false}, half = {{t->M_bar.v, NULL}, t->m, t->m, false};
    dual_clear((struct dual){t->M_bar.v, t->M_inverse.d}, (size_t)t->m * t->m);
    dual_add_product(half.at, 1, dM, inverse);
    dual_add_product((struct dual){t->M_inverse.d, NULL}, -1, inverse, half);
}

static struct thin of_values(const struct thin *t)
{
    struct thin values = *t;
    struct dual *all[] = {&values.B,     &values.B_bar, &values.M, &values.M_inverse,
                          &values.M_bar, &values.c,     &values.t};
    for (size_t k = 0; k < LENGTH(all); k++) all[k]->d = NULL;
    return values;
}

static bool begin(struct thin *t, struct dual J, const struct dual_sample *sample)
{
    make_B(t, J);
    make_M_and_c(t, sample);
    if (!invert_M(t)) return false;
    if (t->M.d) invert_M_tangent(t);
    dual_clear(t->t, t->m);
    dual_add_product(t->t, 1, (struct dual_matrix){t->M_inverse, t->m, t->m, false}, dual_column(t->c, t->m));
    return true;
}

bool thin_begin(struct thin *t, struct dual J, const struct dual_sample *sample)
{
    struct thin values;
    if (J.d) return begin(t, J, sample);
    values = of_values(t);
    bool good = begin(&values, J, sample);
    t->logdet = values.logdet;
    t->rest = values.rest;
    return good;
}

double thin_H_min(const struct thin *t)
{
    return 0.5 * cblas_ddot((int)t->m, t->c.v, 1, t->t.v, 1) + t->rest;
}

/* ---- adjoints ---- */

/* The duals of t without tangents where the sample has none. */
static struct dual as(const struct dual_sample *sample, struct dual of)
{
    return (struct dual){of.v, sample->d_linear ? of.d : NULL};
}

/* M_bar = -a/2 t tᵀ - c/2 M⁻¹, B_bar = 2 M_bar B - a t rᵀ. */
void thin_seed_begin(struct thin *t, const struct dual_sample *sample, struct combination of)
{
    struct dual M_bar = as(sample, t->M_bar);
    struct dual_matrix by_c = dual_column(as(sample, t->t), t->m), M = {M_bar, t->m, t->m, false};
    dual_clear(M_bar, (size_t)t->m * t->m);
    dual_add(M_bar, -0.5 * of.of_C, as(sample, t->M_inverse), (size_t)t->m * t->m);
    dual_add_product(M_bar, -0.5 * of.of_H_min, by_c, dual_transposed(by_c));
    dual_clear(as(sample, t->B_bar), (size_t)t->m * t->gaussian->n);
    for (uint32_t i = 0; i < t->n_moving; i++) {
        uint32_t g = t->order[i];
        struct dual_matrix B = columns(t, as(sample, t->B), g);
        struct dual_matrix r = dual_column(dual_linear(sample, sample->module->group[g].residual), B.columns);
        struct dual out = columns(t, as(sample, t->B_bar), g).at;
        dual_add_product(out, 2, M, B);
        if (of.of_H_min != 0) dual_add_product(out, -of.of_H_min, by_c, dual_transposed(r));
    }
}

void thin_coupling_bar(struct thin *t, struct dual J, const struct coupling *e, struct dual J_bar)
{
    struct dual of_B = {t->B.v, J.d ? t->B.d : NULL}, of_bar = {t->B_bar.v, J.d ? t->B_bar.d : NULL};
    struct dual_matrix B_bar = columns(t, of_bar, e->from), J_e = J_of(t, J, e);
    size_t length = (size_t)J_e.rows * J_e.columns;
    dual_clear(J_bar, length);
    if (!is_free(t, e->to)) {
        dual_add(J_bar, 1, rows(&B_bar, t->row[e->to], J_e.rows).at, length);
        return;
    }
    dual_add_product(J_bar, -1, dual_transposed(columns(t, of_B, e->to)), B_bar);
    dual_add_product(columns(t, of_bar, e->to).at, -1, B_bar, dual_transposed(J_e));
}

void thin_add_residual_bar(const struct thin *t, const struct dual_sample *sample, uint32_t group,
                           struct combination of, struct dual out)
{
    uint32_t size = size_of(t, group);
    struct dual by_c = as(sample, t->t);
    if (is_free(t, group))
        dual_add_product(out, -of.of_H_min, dual_transposed(columns(t, as(sample, t->B), group)),
                         dual_column(by_c, t->m));
    else if (t->row[group] != NNT_NONE)
        dual_add(out, of.of_H_min, dual_at(by_c, t->row[group]), size);
    else
        dual_add(out, of.of_H_min, dual_linear(sample, sample->module->group[group].residual), size);
}
