/* gaussian.c: THEORY 3a letter by letter: J, A, g of one sample, and what its Cholesky factor tells. */
#include "runtime/thermo/gaussian.h"

#include "runtime/thermo/slabs.h"

#include <cblas.h>
#include <float.h>
#include <lapacke.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- memory ---- */

static bool is_free(const struct nnt_module *module, uint32_t group)
{
    return !(module->group[group].flags & NNT_CLAMPED);
}

static bool in_R(const struct nnt_module *module, uint32_t group)
{
    return module->group[group].flags & NNT_ERROR;
}

static bool is_coupling(const struct nnt_module *module, const struct nnt_block *block)
{
    return is_free(module, block->from) && in_R(module, block->to);
}

static bool has_curvature(const struct nnt_module *module, uint32_t group)
{
    return is_free(module, group) && (module->group[group].flags & NNT_POTENTIAL) &&
           module->group[group].curvature != NNT_NONE;
}

static void number_columns(struct gaussian_model *model)
{
    const struct nnt_module *module = model->module;
    model->R_covers_free = true;
    for (uint32_t k = 0; k < module->n_groups; k++) {
        model->column[k] = is_free(module, k) ? model->n : NNT_NONE;
        if (!is_free(module, k)) continue;
        model->n += module->group[k].size;
        if (!in_R(module, k)) model->R_covers_free = false;
    }
}

/* Lists the blocks of J by the group they lead to; false where their numbers do not fit a size_t. */
static bool list_couplings(struct gaussian_model *model, size_t *out_numbers)
{
    const struct nnt_module *module = model->module;
    *out_numbers = 0;
    for (uint32_t to = 0; to < module->n_groups; to++) {
        model->first_coupling[to] = model->n_couplings;
        for (uint32_t k = 0; k < module->n_blocks; k++) {
            const struct nnt_block *block = &module->block[k];
            size_t numbers;
            if (block->to != to || !is_coupling(module, block)) continue;
            model->coupling[model->n_couplings++] = (struct coupling){block->from, to, k, *out_numbers};
            if (block->from == to) model->loops[to] = true;
            if (!size_product(module->group[block->from].size, module->group[to].size, &numbers)) return false;
            if (numbers > SIZE_MAX - *out_numbers) return false;
            *out_numbers += numbers;
        }
    }
    model->first_coupling[module->n_groups] = model->n_couplings;
    return true;
}

static bool is_coupled(const struct gaussian_model *model, uint32_t to)
{
    return model->first_coupling[to] < model->first_coupling[to + 1];
}

static void count_shape(struct gaussian_model *model)
{
    const struct nnt_module *module = model->module;
    for (uint32_t k = 0; k < module->n_groups; k++) {
        if (is_coupled(model, k))
            model->n_shape += (model->full ? 2 : 1) * field_length(&module->field[module->group[k].slope]);
        if (has_curvature(module, k)) model->n_shape += module->group[k].size;
    }
}

/* Whether f'' is told wherever a free neuron feeds a group of R. */
static bool is_bent(const struct gaussian_model *model)
{
    for (uint32_t k = 0; k < model->module->n_groups; k++)
        if (is_coupled(model, k) && model->module->group[k].bend == NNT_NONE) return false;
    return true;
}

/* At least one number, so that NULL means that memory is short. */
static double *numbers_new(size_t count)
{
    return count < SIZE_MAX / sizeof(double) ? calloc(count + 1, sizeof(double)) : NULL;
}

bool gaussian_init(struct gaussian_model *model, const struct nnt_module *module, bool full)
{
    size_t n_J = 0, n_A;
    *model = (struct gaussian_model){.module = module, .full = full};
    model->column = calloc(module->n_groups + 1, sizeof *model->column);
    model->first_coupling = calloc(module->n_groups + 1, sizeof *model->first_coupling);
    model->loops = calloc(module->n_groups + 1, sizeof *model->loops);
    model->coupling = calloc(module->n_blocks + 1, sizeof *model->coupling);
    if (!model->column || !model->first_coupling || !model->loops || !model->coupling) return false;
    number_columns(model);
    if (!list_couplings(model, &n_J) || !size_product(model->n, model->n, &n_A)) return false;
    model->bent = is_bent(model);
    if (full && !model->bent) BUG("the full Hessian needs the bend of every group");
    count_shape(model);
    model->A = numbers_new(n_A);
    model->diagonal = numbers_new(model->n);
    model->J = numbers_new(n_J);
    model->K = numbers_new(model->bent ? n_J : 0);
    model->g = numbers_new(model->n);
    model->shape = numbers_new(model->n_shape);
    model->shape_before = numbers_new(model->n_shape);
    return model->A && model->diagonal && model->J && model->K && model->g && model->shape && model->shape_before;
}

void gaussian_fini(struct gaussian_model *model)
{
    free(model->column);
    free(model->first_coupling);
    free(model->loops);
    free(model->coupling);
    free(model->A);
    free(model->diagonal);
    free(model->J);
    free(model->K);
    free(model->g);
    free(model->shape);
    free(model->shape_before);
    *model = (struct gaussian_model){0};
}

/* ---- what the sample brings ---- */

static const double *linear_field(const struct gaussian_model *model, const struct linear_sample *at,
                                  uint32_t field)
{
    const struct nnt_field *f = &model->module->field[field];
    return at->linear + field_offset(f, at->batch) + at->sample * field_length(f);
}

const double *gaussian_curvature(const struct gaussian_model *model, const struct linear_sample *at, uint32_t group)
{
    if (!has_curvature(model->module, group)) return NULL;
    return linear_field(model, at, model->module->group[group].curvature);
}

double gaussian_error(const struct gaussian_model *model, const struct linear_sample *at)
{
    double sum = 0;
    for (uint32_t k = 0; k < model->module->n_groups; k++) {
        const struct nnt_group *group = &model->module->group[k];
        if (!in_R(model->module, k)) continue;
        const double *r = linear_field(model, at, group->residual);
        sum += 0.5 * cblas_ddot((int)group->size, r, 1, r, 1);
    }
    return sum;
}

static double *copy_field(const struct gaussian_model *model, const struct linear_sample *at, uint32_t field,
                          double *to)
{
    size_t length = field_length(&model->module->field[field]);
    memcpy(to, linear_field(model, at, field), length * sizeof *to);
    return to + length;
}

/* Collects what A depends on; returns whether it is what A was made of last. Networks of affine groups factor once.
 */
static bool same_shape(struct gaussian_model *model, const struct linear_sample *at)
{
    const struct nnt_module *module = model->module;
    double *end = model->shape;
    for (uint32_t k = 0; k < module->n_groups; k++) {
        if (is_coupled(model, k)) end = copy_field(model, at, module->group[k].slope, end);
        if (is_coupled(model, k) && model->full) end = copy_field(model, at, module->group[k].bend, end);
        if (has_curvature(module, k)) end = copy_field(model, at, module->group[k].curvature, end);
    }
    return model->factored && memcmp(model->shape, model->shape_before, model->n_shape * sizeof *model->shape) == 0;
}

/* ---- J, A, g ---- */

/* out = -diag(factor) w. */
static void scale_rows(double *out, const double *w, const double *factor, uint32_t rows, uint32_t columns,
                       bool transposed)
{
    size_t by_row = transposed ? 1 : columns, by_column = transposed ? rows : 1;
    for (uint32_t i = 0; i < rows; i++) {
        const double *row = w + i * by_row;
        for (uint32_t j = 0; j < columns; j++) out[(size_t)i * columns + j] = -factor[i] * row[j * by_column];
    }
}

static const double *weights_of(const struct gaussian_model *model, const struct linear_sample *at,
                                const struct coupling *e)
{
    const struct nnt_module *module = model->module;
    return at->parameters + module->field[module->parameter[module->block[e->block].parameter].field].offset;
}

/* out = -F w of a coupling, where F is a derivative by z of the group it leads to: a diagonal, or of a group map a
 * matrix. */
static void times_weights(const struct gaussian_model *model, const struct linear_sample *at,
                          const struct coupling *e, uint32_t derivative, double *out)
{
    const struct nnt_module *module = model->module;
    const double *F = linear_field(model, at, derivative), *w = weights_of(model, at, e);
    uint32_t rows = module->group[e->to].size, columns = module->group[e->from].size;
    bool transposed = module->block[e->block].transposed;
    if (module->field[derivative].rank < 2)
        scale_rows(out, w, F, rows, columns, transposed);
    else
        cblas_dgemm(CblasRowMajor, CblasNoTrans, transposed ? CblasTrans : CblasNoTrans, (int)rows, (int)columns,
                    (int)rows, -1, F, (int)rows, w, (int)(transposed ? rows : columns), 0, out, (int)columns);
}

/* J = -f' w, and the identity where a group feeds itself. */
static void make_coupling(struct gaussian_model *model, const struct linear_sample *at, const struct coupling *e)
{
    uint32_t size = model->module->group[e->to].size;
    double *J = model->J + e->at;
    times_weights(model, at, e, model->module->group[e->to].slope, J);
    for (uint32_t i = 0; e->from == e->to && i < size; i++) J[(size_t)i * size + i] += 1;
}

static double *A_at(const struct gaussian_model *model, uint32_t row, uint32_t column)
{
    return model->A + (size_t)column * model->n + row;
}

/* A += J_eᵀ J_f, in the lower triangle. J is kept by rows, so that to column-major BLAS it is Jᵀ. */
static void add_pair(struct gaussian_model *model, const struct coupling *e, const struct coupling *f)
{
    const struct nnt_group *group = model->module->group;
    int n = (int)model->n, k = (int)group[e->to].size, n_e = (int)group[e->from].size,
        n_f = (int)group[f->from].size;
    uint32_t at_e = model->column[e->from], at_f = model->column[f->from];
    if (e == f)
        cblas_dsyrk(CblasColMajor, CblasLower, CblasNoTrans, n_e, k, 1, model->J + e->at, n_e, 1,
                    A_at(model, at_e, at_e), n);
    else if (at_e > at_f)
        cblas_dgemm(CblasColMajor, CblasNoTrans, CblasTrans, n_e, n_f, k, 1, model->J + e->at, n_e,
                    model->J + f->at, n_f, 1, A_at(model, at_e, at_f), n);
    else
        add_pair(model, f, e);
}

/* A += J + Jᵀ for a block whose row is that of an identity. */
static void add_beside_identity(struct gaussian_model *model, const struct coupling *e)
{
    uint32_t rows = model->module->group[e->to].size, columns = model->module->group[e->from].size;
    uint32_t at_to = model->column[e->to], at_from = model->column[e->from];
    const double *J = model->J + e->at;
    for (uint32_t i = 0; i < rows; i++)
        for (uint32_t j = 0; j < columns; j++) {
            double *A = at_to > at_from ? A_at(model, at_to + i, at_from + j) : A_at(model, at_from + j, at_to + i);
            *A += J[(size_t)i * columns + j];
        }
}

/* What the local errors of one group add to JᵀJ. */
static void add_group(struct gaussian_model *model, uint32_t to)
{
    const struct coupling *first = model->coupling + model->first_coupling[to];
    const struct coupling *end = model->coupling + model->first_coupling[to + 1];
    bool identity = model->column[to] != NNT_NONE && !model->loops[to];
    for (uint32_t i = 0; identity && i < model->module->group[to].size; i++)
        *A_at(model, model->column[to] + i, model->column[to] + i) += 1;
    for (const struct coupling *e = first; e < end; e++) {
        for (const struct coupling *f = first; f <= e; f++) add_pair(model, e, f);
        if (identity) add_beside_identity(model, e);
    }
}

/* A -= w_eᵀ bend w_f, in the lower triangle; K_f = -bend w_f. */
static void add_bent_pair(struct gaussian_model *model, const struct linear_sample *at, const struct coupling *e,
                          const struct coupling *f)
{
    const struct nnt_group *group = model->module->group;
    uint32_t at_e = model->column[e->from], at_f = model->column[f->from];
    int k = (int)group[e->to].size, n_e = (int)group[e->from].size, n_f = (int)group[f->from].size;
    bool transposed = model->module->block[e->block].transposed;
    if (at_e >= at_f)
        cblas_dgemm(CblasColMajor, transposed ? CblasTrans : CblasNoTrans, CblasTrans, n_e, n_f, k, 1,
                    weights_of(model, at, e), transposed ? k : n_e, model->K + f->at, n_f, 1,
                    A_at(model, at_e, at_f), (int)model->n);
    else
        add_bent_pair(model, at, f, e);
}

/* What the second derivatives of f add to the exact Hessian. */
static void add_bends(struct gaussian_model *model, const struct linear_sample *at)
{
    for (uint32_t k = 0; k < model->n_couplings; k++) {
        const struct coupling *e = &model->coupling[k];
        times_weights(model, at, e, model->module->group[e->to].bend, model->K + e->at);
    }
    for (uint32_t k = 0; k < model->n_couplings; k++)
        for (uint32_t l = model->first_coupling[model->coupling[k].to]; l <= k; l++)
            add_bent_pair(model, at, &model->coupling[k], &model->coupling[l]);
}

/* A = J_RΦᵀ J_RΦ + diag V'', or the exact Hessian. */
static void assemble(struct gaussian_model *model, const struct linear_sample *at, bool full)
{
    memset(model->A, 0, (size_t)model->n * model->n * sizeof *model->A);
    for (uint32_t e = 0; e < model->n_couplings; e++) make_coupling(model, at, &model->coupling[e]);
    for (uint32_t k = 0; k < model->module->n_groups; k++) {
        const double *curvature = gaussian_curvature(model, at, k);
        if (in_R(model->module, k)) add_group(model, k);
        for (uint32_t i = 0; curvature && i < model->module->group[k].size; i++)
            *A_at(model, model->column[k] + i, model->column[k] + i) += curvature[i];
    }
    if (full) add_bends(model, at);
    for (uint32_t i = 0; i < model->n; i++) model->diagonal[i] = *A_at(model, i, i);
}

/* g = J_RΦᵀ r_R + V'. */
static void make_g(struct gaussian_model *model, const struct linear_sample *at)
{
    const struct nnt_module *module = model->module;
    memset(model->g, 0, model->n * sizeof *model->g);
    for (uint32_t k = 0; k < module->n_groups; k++) {
        const struct nnt_group *group = &module->group[k];
        double *g = model->g + model->column[k];
        if (!is_free(module, k)) continue;
        if (in_R(module, k) && !model->loops[k])
            cblas_daxpy((int)group->size, 1, linear_field(model, at, group->residual), 1, g, 1);
        if ((group->flags & NNT_POTENTIAL) && group->force != NNT_NONE)
            cblas_daxpy((int)group->size, 1, linear_field(model, at, group->force), 1, g, 1);
    }
    for (uint32_t k = 0; k < model->n_couplings; k++) {
        const struct coupling *e = &model->coupling[k];
        int rows = (int)module->group[e->to].size, columns = (int)module->group[e->from].size;
        cblas_dgemv(CblasRowMajor, CblasTrans, rows, columns, 1, model->J + e->at, columns,
                    linear_field(model, at, module->group[e->to].residual), 1, 1, model->g + model->column[e->from],
                    1);
    }
}

/* ---- Cholesky ---- */

/* A rank-deficient A passes a plain Cholesky by rounding: a pivot must exceed this. Written such that NaN fails. */
static bool pivot_holds(const struct gaussian_model *model, uint32_t i, double pivot)
{
    return pivot > 100 * model->n * DBL_EPSILON * fabs(model->diagonal[i]);
}

static bool factor(struct gaussian_model *model)
{
    double sum = 0;
    if (LAPACKE_dpotrf_work(LAPACK_COL_MAJOR, 'L', (int)model->n, model->A, (int)model->n) != 0) return false;
    for (uint32_t i = 0; i < model->n; i++) {
        double L_ii = *A_at(model, i, i);
        if (!pivot_holds(model, i, L_ii * L_ii)) return false;
        sum += log(L_ii);
    }
    model->logdet_A = 2 * sum;
    return true;
}

/* Factors column by column up to the first pivot that fails; n where none does. */
static uint32_t factor_slowly(struct gaussian_model *model)
{
    for (uint32_t i = 0; i < model->n; i++) {
        double pivot = *A_at(model, i, i);
        int rest = (int)(model->n - i - 1);
        if (!pivot_holds(model, i, pivot)) return i;
        *A_at(model, i, i) = sqrt(pivot);
        if (rest == 0) break;
        cblas_dscal(rest, 1 / sqrt(pivot), A_at(model, i + 1, i), 1);
        cblas_dsyr(CblasColMajor, CblasLower, rest, -1, A_at(model, i + 1, i), 1, A_at(model, i + 1, i + 1),
                   (int)model->n);
    }
    return model->n;
}

/* The direction v with v_i = 1 that makes vᵀA v the failing pivot: v = -A⁻¹ a over the columns before i, a their
 * part of column i. */
static void find_direction(struct gaussian_model *model, const struct linear_sample *at, bool full,
                           struct failure *out)
{
    assemble(model, at, full);
    uint32_t i = factor_slowly(model);
    if (i == model->n) i = model->n - 1;
    double pivot = *A_at(model, i, i), diagonal = model->diagonal[i];
    *out = (struct failure){.column = i, .ratio = diagonal > 0 ? pivot / diagonal : pivot};
    memset(model->g, 0, model->n * sizeof *model->g);
    for (uint32_t j = 0; j < i; j++) model->g[j] = -*A_at(model, i, j);
    cblas_dtrsv(CblasColMajor, CblasLower, CblasTrans, CblasNonUnit, (int)i, model->A, (int)model->n, model->g, 1);
    model->g[i] = 1;
    cblas_dscal((int)model->n, 1 / fabs(model->g[cblas_idamax((int)model->n, model->g, 1)]), model->g, 1);
}

/* ---- the totals ---- */

/* C_0 = -1/2 Σ_Φ ln(1 + V''), where R ⊇ Φ and 1 + V'' > 0. */
static double potential_complexity(const struct gaussian_model *model, const struct linear_sample *at)
{
    double sum = 0;
    if (!model->R_covers_free) return NAN;
    for (uint32_t k = 0; k < model->module->n_groups; k++) {
        const double *curvature = gaussian_curvature(model, at, k);
        for (uint32_t i = 0; curvature && i < model->module->group[k].size; i++) {
            if (!(1 + curvature[i] > 0)) return NAN;
            sum += log1p(curvature[i]);
        }
    }
    return -0.5 * sum;
}

/* gᵀ A⁻¹ g = |L⁻¹ g|². */
static double squared_length(struct gaussian_model *model)
{
    cblas_dtrsv(CblasColMajor, CblasLower, CblasNoTrans, CblasNonUnit, (int)model->n, model->A, (int)model->n,
                model->g, 1);
    return cblas_ddot((int)model->n, model->g, 1, model->g, 1);
}

bool gaussian_evaluate(struct gaussian_model *model, const struct linear_sample *at, double beta,
                       struct gaussian *out, struct failure *out_failure)
{
    const struct nnt_field *H = &model->module->field[model->module->H];
    double n = model->n, T = 1 / beta;
    if (!same_shape(model, at)) {
        double *shape = model->shape;
        assemble(model, at, model->full);
        model->factored = factor(model);
        if (!model->factored) {
            find_direction(model, at, model->full, out_failure);
            return false;
        }
        model->shape = model->shape_before;
        model->shape_before = shape;
    }
    make_g(model, at);
    out->H = at->result[field_offset(H, at->batch) + at->sample];
    out->logdet_A = model->logdet_A;
    out->H_min = out->H - 0.5 * squared_length(model);
    out->lnZ = -beta * out->H_min + n / 2 * log(2 * M_PI / beta) - 0.5 * out->logdet_A;
    out->U = out->H_min + n / (2 * beta);
    out->C = -0.5 * out->logdet_A;
    out->C_0 = potential_complexity(model, at);
    out->S = n / 2 * (1 + log(2 * M_PI / beta)) + out->C;
    out->F = out->U - T * out->S;
    return true;
}

bool gaussian_is_minimum(struct gaussian_model *model, const struct linear_sample *at, struct failure *out_failure)
{
    /* A is lent for the exact Hessian. */
    model->factored = false;
    assemble(model, at, true);
    if (factor(model)) return true;
    find_direction(model, at, true, out_failure);
    return false;
}
