/* assembly.c: A of one sample in the blocks of its moral graph, column by column while it is factored (THEORY 3a). */
#include "runtime/thermo/assembly.h"

#include "runtime/thermo/jacobian.h"

#include <cblas.h>
#include <lapacke.h>
#include <math.h>
#include <string.h>

/* ---- what adds to a block ---- */

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
        for (size_t i = 0; i < length; i++) A[i] += model->J[e->at + i];
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
                jacobian_weights(model, at, e), transposed ? k : n_row, model->K + f->at, n_column, 1,
                A_block(model, row, column), n_column);
}

/* ---- a column ---- */

/* What is assembled, and where it goes. */
struct assembly {
    struct gaussian_model *model;
    const struct linear_sample *at;
    bool full;
};

static void make_couplings(const struct assembly *a, uint32_t to)
{
    if (!a->model->made[to]) jacobian_make(a->model, a->at, to, a->full);
    a->model->made[to] = true;
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
    if (jacobian_has_identity(model, f->to) && place[block_of[f->to]] > place[block_of[group]])
        add_coupling(model, f);
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
    if (jacobian_has_identity(model, group)) add_identity(a, group);
    if (curvature) add_curvature(model, group, curvature);
    zero_the_rest(model, k);
    cblas_dcopy((int)p->size[block], A_block(model, block, block), (int)p->size[block] + 1,
                model->diagonal + p->first[block], 1);
    jacobian_gradient(model, a->at, group);
}

/* ---- all of it ---- */

bool assembly_factor(struct gaussian_model *model, const struct linear_sample *at, bool full, struct failure *out)
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

/* Numbers a row that LAPACK works with, beside the matrix. */
enum { WORK = 66 };

bool assembly_room(const struct gaussian_model *model, size_t *out_numbers)
{
    return size_product(model->A ? model->n : 0, (size_t)model->n + WORK, out_numbers);
}

bool assembly_eigenvalues(struct gaussian_model *model, const struct linear_sample *at, double *room, double *out)
{
    int n = (int)model->n;
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
    for (size_t i = 0; i < (size_t)model->n * model->n; i++)
        if (!isfinite(room[i])) return false;
    /* Rows as columns. */
    return LAPACKE_dsyev_work(LAPACK_COL_MAJOR, 'N', 'U', n, room, n, out, room + (size_t)model->n * model->n,
                              n < INT32_MAX / WORK ? WORK * n : INT32_MAX) == 0;
}
