/* gaussian.c: THEORY 3a letter by letter: J, A, g of one sample, and what its Cholesky factor tells. */
#include "runtime/thermo/gaussian.h"

#include "runtime/thermo/slabs.h"

#include <cblas.h>
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

static uint32_t number_columns(struct gaussian_model *model)
{
    const struct nnt_module *module = model->module;
    uint32_t blocks = 0;
    model->R_covers_free = true;
    for (uint32_t k = 0; k < module->n_groups; k++) {
        model->column[k] = is_free(module, k) ? model->n : NNT_NONE;
        model->block_of[k] = is_free(module, k) ? blocks : NNT_NONE;
        if (!is_free(module, k)) continue;
        model->group_of[blocks++] = k;
        model->n += module->group[k].size;
        if (!in_R(module, k)) model->R_covers_free = false;
    }
    return blocks;
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

/* Lists the couplings a second time, by the group they come from. */
static void list_outgoing(struct gaussian_model *model)
{
    uint32_t n = 0;
    for (uint32_t from = 0; from < model->module->n_groups; from++) {
        model->first_out[from] = n;
        for (uint32_t k = 0; k < model->n_couplings; k++)
            if (model->coupling[k].from == from) model->out_of[n++] = k;
    }
    model->first_out[model->module->n_groups] = n;
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

/* The moral graph: the groups that one row of J has blocks of are coupled. */
static void list_pairs(const struct gaussian_model *model, uint32_t n_blocks, bool *coupled)
{
    for (uint32_t k = 0; k < model->n_couplings; k++) {
        const struct coupling *e = &model->coupling[k];
        bool *row = coupled + (size_t)model->block_of[e->from] * n_blocks;
        if (model->block_of[e->to] != NNT_NONE) row[model->block_of[e->to]] = true;
        for (uint32_t l = model->first_coupling[e->to]; l < k; l++)
            row[model->block_of[model->coupling[l].from]] = true;
    }
}

static bool make_pattern(struct gaussian_model *model, uint32_t n_blocks)
{
    const struct nnt_module *module = model->module;
    uint32_t *size = calloc((size_t)n_blocks + 1, sizeof *size);
    bool *coupled = calloc((size_t)n_blocks * n_blocks + 1, sizeof *coupled), good = size && coupled;
    for (uint32_t k = 0; good && k < module->n_groups; k++)
        if (is_free(module, k)) size[model->block_of[k]] = module->group[k].size;
    if (good) list_pairs(model, n_blocks, coupled);
    good = good && pattern_init(&model->pattern, n_blocks, size, coupled);
    free(size);
    free(coupled);
    return good;
}

static bool allocate_lists(struct gaussian_model *model)
{
    const struct nnt_module *module = model->module;
    model->column = calloc(module->n_groups + 1, sizeof *model->column);
    model->block_of = calloc(module->n_groups + 1, sizeof *model->block_of);
    model->group_of = calloc(module->n_groups + 1, sizeof *model->group_of);
    model->first_coupling = calloc(module->n_groups + 1, sizeof *model->first_coupling);
    model->loops = calloc(module->n_groups + 1, sizeof *model->loops);
    model->made = calloc(module->n_groups + 1, sizeof *model->made);
    model->coupling = calloc(module->n_blocks + 1, sizeof *model->coupling);
    model->out_of = calloc(module->n_blocks + 1, sizeof *model->out_of);
    model->first_out = calloc(module->n_groups + 1, sizeof *model->first_out);
    return model->column && model->block_of && model->group_of && model->first_coupling && model->loops &&
           model->made && model->coupling && model->out_of && model->first_out;
}

bool gaussian_init(struct gaussian_model *model, const struct nnt_module *module, bool full)
{
    size_t n_J = 0;
    *model = (struct gaussian_model){.module = module, .full = full};
    if (!allocate_lists(model)) return false;
    uint32_t n_blocks = number_columns(model);
    if (!list_couplings(model, &n_J) || !make_pattern(model, n_blocks)) return false;
    list_outgoing(model);
    model->bent = is_bent(model);
    if (full && !model->bent) BUG("the full Hessian needs the bend of every group");
    count_shape(model);
    model->A = numbers_new(model->pattern.numbers);
    model->begun = calloc((size_t)n_blocks + 1, sizeof *model->begun);
    model->diagonal = numbers_new(model->n);
    model->J = numbers_new(n_J);
    model->K = numbers_new(model->bent ? n_J : 0);
    model->g = numbers_new(model->n);
    model->shape = numbers_new(model->n_shape);
    model->shape_before = numbers_new(model->n_shape);
    return model->A && model->begun && model->diagonal && model->J && model->K && model->g && model->shape &&
           model->shape_before;
}

void gaussian_fini(struct gaussian_model *model)
{
    free(model->column);
    free(model->block_of);
    free(model->group_of);
    free(model->first_coupling);
    free(model->loops);
    free(model->made);
    free(model->out_of);
    free(model->first_out);
    free(model->coupling);
    pattern_fini(&model->pattern);
    free(model->A);
    free(model->begun);
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

static double *A_block(const struct gaussian_model *model, uint32_t row, uint32_t column)
{
    return blocks_at(&model->pattern, model->A, row, column);
}

/* Whether a block of the column being assembled holds something already: from now on it does. */
static bool begin_block(struct gaussian_model *model, uint32_t row)
{
    bool before = model->begun[row];
    model->begun[row] = true;
    return before;
}

static void zero_unless_begun(struct gaussian_model *model, uint32_t row, uint32_t column)
{
    size_t length = (size_t)model->pattern.size[row] * model->pattern.size[column];
    if (!begin_block(model, row)) memset(A_block(model, row, column), 0, length * sizeof *model->A);
}

/* A += J_eᵀ J_f, of a diagonal block the lower triangle. */
static void add_pair(struct gaussian_model *model, const struct coupling *e, const struct coupling *f)
{
    uint32_t row = model->block_of[e->from], column = model->block_of[f->from];
    int k = (int)model->module->group[e->to].size, n_row = (int)model->pattern.size[row],
        n_column = (int)model->pattern.size[column];
    double *A = A_block(model, row, column);
    double before = begin_block(model, row);
    if (e == f)
        cblas_dsyrk(CblasRowMajor, CblasLower, CblasTrans, n_row, k, 1, model->J + e->at, n_row, before, A, n_row);
    else
        cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, n_row, n_column, k, 1, model->J + e->at, n_row,
                    model->J + f->at, n_column, before, A, n_column);
}

/* A += J, in the column of the group that a coupling comes from, for the identity of the group it leads to. */
static void add_coupling(struct gaussian_model *model, const struct coupling *e)
{
    uint32_t row = model->block_of[e->to], column = model->block_of[e->from];
    size_t length = (size_t)model->pattern.size[row] * model->pattern.size[column];
    double *A = A_block(model, row, column);
    if (begin_block(model, row))
        cblas_daxpy((int)length, 1, model->J + e->at, 1, A, 1);
    else
        memcpy(A, model->J + e->at, length * sizeof *A);
}

/* A += Jᵀ, in the column of the group that a coupling leads to, for the identity of that. */
static void add_transposed(struct gaussian_model *model, const struct coupling *e)
{
    uint32_t row = model->block_of[e->from], column = model->block_of[e->to];
    size_t rows = model->pattern.size[row], columns = model->pattern.size[column];
    zero_unless_begun(model, row, column);
    double *A = A_block(model, row, column);
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < columns; j++) A[i * columns + j] += model->J[e->at + j * rows + i];
}

/* A -= w_eᵀ bend w_f, K_f = -bend w_f; of a diagonal block both triangles. */
static void add_bent_pair(struct gaussian_model *model, const struct linear_sample *at, const struct coupling *e,
                          const struct coupling *f)
{
    uint32_t row = model->block_of[e->from], column = model->block_of[f->from];
    int k = (int)model->module->group[e->to].size, n_row = (int)model->pattern.size[row],
        n_column = (int)model->pattern.size[column];
    bool transposed = model->module->block[e->block].transposed;
    zero_unless_begun(model, row, column);
    cblas_dgemm(CblasRowMajor, transposed ? CblasNoTrans : CblasTrans, CblasNoTrans, n_row, n_column, k, 1,
                weights_of(model, at, e), transposed ? k : n_row, model->K + f->at, n_column, 1,
                A_block(model, row, column), n_column);
}

static bool has_identity(const struct gaussian_model *model, uint32_t group)
{
    return in_R(model->module, group) && is_free(model->module, group) && !model->loops[group];
}

/* What is assembled, and where it goes. */
struct assembly {
    struct gaussian_model *model;
    const struct linear_sample *at;
    bool full;
};

/* J, and with the exact Hessian K, of what leads to a group. */
static void make_couplings(const struct assembly *a, uint32_t to)
{
    struct gaussian_model *model = a->model;
    if (model->made[to]) return;
    model->made[to] = true;
    for (uint32_t k = model->first_coupling[to]; k < model->first_coupling[to + 1]; k++) {
        const struct coupling *e = &model->coupling[k];
        make_coupling(model, a->at, e);
        if (a->full) times_weights(model, a->at, e, model->module->group[to].bend, model->K + e->at);
    }
}

/* What a coupling f out of the column's group makes with all that lead to the same group. */
static void add_coupling_out(const struct assembly *a, uint32_t group, const struct coupling *f)
{
    struct gaussian_model *model = a->model;
    const uint32_t *place = model->pattern.place, *block_of = model->block_of;
    make_couplings(a, f->to);
    for (uint32_t k = model->first_coupling[f->to]; k < model->first_coupling[f->to + 1]; k++) {
        const struct coupling *e = &model->coupling[k];
        if (place[block_of[e->from]] < place[block_of[group]]) continue;
        add_pair(model, e, f);
        if (a->full) add_bent_pair(model, a->at, e, f);
    }
    if (has_identity(model, f->to) && place[block_of[f->to]] > place[block_of[group]]) add_coupling(model, f);
}

/* What the identity of the column's group makes with what leads to it. */
static void add_identity(const struct assembly *a, uint32_t group)
{
    struct gaussian_model *model = a->model;
    uint32_t block = model->block_of[group], size = model->pattern.size[block];
    make_couplings(a, group);
    for (uint32_t k = model->first_coupling[group]; k < model->first_coupling[group + 1]; k++) {
        const struct coupling *e = &model->coupling[k];
        if (model->pattern.place[model->block_of[e->from]] > model->pattern.place[block]) add_transposed(model, e);
    }
    zero_unless_begun(model, block, block);
    for (size_t i = 0; i < size; i++) A_block(model, block, block)[i * size + i] += 1;
}

static void add_curvature(struct gaussian_model *model, uint32_t group, const double *curvature)
{
    uint32_t block = model->block_of[group], size = model->pattern.size[block];
    zero_unless_begun(model, block, block);
    for (size_t i = 0; i < size; i++) A_block(model, block, block)[i * size + i] += curvature[i];
}

/* The blocks that L has and A has not. */
static void zero_the_rest(struct gaussian_model *model, uint32_t k)
{
    const struct pattern *p = &model->pattern;
    zero_unless_begun(model, p->order[k], p->order[k]);
    for (uint32_t i = p->first_row[k]; i < p->first_row[k + 1]; i++)
        zero_unless_begun(model, p->rows[i], p->order[k]);
}

/* g = J_RΦᵀ r_R + V' of a free group; the couplings out of it are made. */
static void make_g(struct gaussian_model *model, const struct linear_sample *at, uint32_t k)
{
    const struct nnt_module *module = model->module;
    const struct nnt_group *group = &module->group[k];
    double *g = model->g + model->column[k];
    memset(g, 0, group->size * sizeof *g);
    if (has_identity(model, k)) cblas_daxpy((int)group->size, 1, linear_field(model, at, group->residual), 1, g, 1);
    if ((group->flags & NNT_POTENTIAL) && group->force != NNT_NONE)
        cblas_daxpy((int)group->size, 1, linear_field(model, at, group->force), 1, g, 1);
    for (uint32_t i = model->first_out[k]; i < model->first_out[k + 1]; i++) {
        const struct coupling *e = &model->coupling[model->out_of[i]];
        cblas_dgemv(CblasRowMajor, CblasTrans, (int)module->group[e->to].size, (int)group->size, 1,
                    model->J + e->at, (int)group->size, linear_field(model, at, module->group[e->to].residual), 1,
                    1, g, 1);
    }
}

/* The column of a free group of A = J_RΦᵀ J_RΦ + diag V'', or of the exact Hessian, and its part of g. */
static void assemble_column(void *self, uint32_t k)
{
    const struct assembly *a = self;
    struct gaussian_model *model = a->model;
    const struct pattern *p = &model->pattern;
    uint32_t block = p->order[k], group = model->group_of[block];
    const double *curvature = gaussian_curvature(model, a->at, group);
    memset(model->begun, 0, p->n_blocks * sizeof *model->begun);
    for (uint32_t i = model->first_out[group]; i < model->first_out[group + 1]; i++)
        add_coupling_out(a, group, &model->coupling[model->out_of[i]]);
    if (has_identity(model, group)) add_identity(a, group);
    if (curvature) add_curvature(model, group, curvature);
    zero_the_rest(model, k);
    cblas_dcopy((int)p->size[block], A_block(model, block, block), (int)p->size[block] + 1,
                model->diagonal + p->first[block], 1);
    make_g(model, a->at, group);
}

/* ---- Cholesky ---- */

/* A and its factor column by column, and g to L⁻¹ g; where A has none, g is the direction that failed. */
static bool assemble_and_factor(struct gaussian_model *model, const struct linear_sample *at, bool full,
                                struct failure *out)
{
    const struct pattern *p = &model->pattern;
    struct assembly assembly = {model, at, full};
    struct columns columns = {assemble_column, &assembly};
    uint32_t i;
    memset(model->made, 0, model->module->n_groups * sizeof *model->made);
    if (blocks_factor_columns(p, model->A, model->diagonal, model->g, &columns, &i)) {
        model->logdet_A = blocks_logdet(p, model->A);
        return true;
    }
    double pivot = blocks_direction(p, model->A, i, model->g), diagonal = model->diagonal[i];
    *out = (struct failure){.column = i, .ratio = diagonal > 0 ? pivot / diagonal : pivot};
    cblas_dscal((int)model->n, 1 / fabs(model->g[cblas_idamax((int)model->n, model->g, 1)]), model->g, 1);
    return false;
}

/* g = L⁻¹ g of a sample whose A is factored. */
static void solve_again(struct gaussian_model *model, const struct linear_sample *at)
{
    for (uint32_t b = 0; b < model->pattern.n_blocks; b++) make_g(model, at, model->group_of[b]);
    blocks_solve_half(&model->pattern, model->A, model->g);
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

bool gaussian_evaluate(struct gaussian_model *model, const struct linear_sample *at, double beta,
                       struct gaussian *out, struct failure *out_failure)
{
    const struct nnt_field *H = &model->module->field[model->module->H];
    double n = model->n, T = 1 / beta;
    if (same_shape(model, at)) {
        solve_again(model, at);
    } else {
        double *shape = model->shape;
        model->factored = assemble_and_factor(model, at, model->full, out_failure);
        if (!model->factored) return false;
        model->shape = model->shape_before;
        model->shape_before = shape;
    }
    out->H = at->result[field_offset(H, at->batch) + at->sample];
    out->logdet_A = model->logdet_A;
    out->H_min = out->H - 0.5 * cblas_ddot((int)model->n, model->g, 1, model->g, 1); /* gᵀ A⁻¹ g = |L⁻¹ g|² */
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
    return assemble_and_factor(model, at, true, out_failure);
}

static void spread_block(const struct gaussian_model *model, uint32_t row, uint32_t column, double *room)
{
    const struct pattern *p = &model->pattern;
    const double *block = A_block(model, row, column);
    for (uint32_t i = 0; i < p->size[row]; i++)
        for (uint32_t j = 0; j < p->size[column]; j++) {
            size_t at_row = p->first[row] + i, at_column = p->first[column] + j;
            if (at_row < at_column) /* only the lower triangle counts */
                room[at_column * model->n + at_row] = block[(size_t)i * p->size[column] + j];
            else
                room[at_row * model->n + at_column] = block[(size_t)i * p->size[column] + j];
        }
}

/* Of a diagonal block the lower triangle counts. */
static void spread_diagonal(const struct gaussian_model *model, uint32_t block, double *room)
{
    const struct pattern *p = &model->pattern;
    const double *from = A_block(model, block, block);
    for (uint32_t i = 0; i < p->size[block]; i++)
        for (uint32_t j = 0; j <= i; j++)
            room[(size_t)(p->first[block] + i) * model->n + p->first[block] + j] =
                from[(size_t)i * p->size[block] + j];
}

bool gaussian_eigenvalues(struct gaussian_model *model, const struct linear_sample *at, double *room, double *out)
{
    const struct pattern *p = &model->pattern;
    struct assembly assembly = {model, at, model->full};
    model->factored = false;
    memset(model->made, 0, model->module->n_groups * sizeof *model->made);
    for (uint32_t k = 0; k < p->n_blocks; k++) assemble_column(&assembly, k);
    memset(room, 0, (size_t)model->n * model->n * sizeof *room);
    for (uint32_t k = 0; k < p->n_blocks; k++) {
        spread_diagonal(model, p->order[k], room);
        for (uint32_t i = p->first_row[k]; i < p->first_row[k + 1]; i++)
            spread_block(model, p->rows[i], p->order[k], room);
    }
    return LAPACKE_dsyev(LAPACK_COL_MAJOR, 'N', 'U', (int)model->n, room, (int)model->n, out) ==
           0; /* rows as columns */
}
