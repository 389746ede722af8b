/* jacobian.c: J = 1 - f' w of one sample in blocks, g = Jᵀ r + V', and products by A that never make A (THEORY 3a). */
#include "runtime/thermo/jacobian.h"

#include "runtime/thermo/slabs.h"

#include <cblas.h>
#include <string.h>

/* ---- what the sample brings ---- */

static bool has_potential(const struct nnt_module *module, uint32_t group)
{
    return is_free_group(module, group) && module->group[group].flags & NNT_POTENTIAL;
}

bool jacobian_has_force(const struct nnt_module *module, uint32_t group)
{
    return has_potential(module, group) && module->group[group].force != NNT_NONE;
}

bool jacobian_has_curvature(const struct nnt_module *module, uint32_t group)
{
    return has_potential(module, group) && module->group[group].curvature != NNT_NONE;
}

bool jacobian_leads_to(const struct gaussian_model *model, uint32_t to)
{
    return model->first_coupling[to] < model->first_coupling[to + 1];
}

bool jacobian_has_identity(const struct gaussian_model *model, uint32_t group)
{
    return is_in_R(model->module, group) && is_free_group(model->module, group) && !model->loops[group];
}

const double *jacobian_field(const struct gaussian_model *model, const struct linear_sample *at, uint32_t field)
{
    return at->linear + sample_offset(&model->module->field[field], at->batch, at->sample);
}

/* ---- J and g ---- */

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

const double *jacobian_weights(const struct gaussian_model *model, const struct linear_sample *at,
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
    const double *F = jacobian_field(model, at, derivative), *w = jacobian_weights(model, at, e);
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

void jacobian_make(struct gaussian_model *model, const struct linear_sample *at, uint32_t to, bool full)
{
    for (uint32_t k = model->first_coupling[to]; k < model->first_coupling[to + 1]; k++) {
        const struct coupling *e = &model->coupling[k];
        make_coupling(model, at, e);
        if (full) times_weights(model, at, e, model->module->group[to].bend, model->K + e->at);
    }
}

void jacobian_gradient(struct gaussian_model *model, const struct linear_sample *at, uint32_t k)
{
    const struct nnt_module *module = model->module;
    const struct nnt_group *group = &module->group[k];
    double *g = model->g + model->column[k];
    memset(g, 0, group->size * sizeof *g);
    if (jacobian_has_identity(model, k))
        cblas_daxpy((int)group->size, 1, jacobian_field(model, at, group->residual), 1, g, 1);
    if (jacobian_has_force(module, k))
        cblas_daxpy((int)group->size, 1, jacobian_field(model, at, group->force), 1, g, 1);
    for (uint32_t i = model->first_out[k]; i < model->first_out[k + 1]; i++) {
        const struct coupling *e = &model->coupling[model->out_of[i]];
        cblas_dgemv(CblasRowMajor, CblasTrans, (int)module->group[e->to].size, (int)group->size, 1,
                    model->J + e->at, (int)group->size, jacobian_field(model, at, module->group[e->to].residual), 1,
                    1, g, 1);
    }
}

/* ---- products by A ---- */

/* out += -w_eᵀ bend w_f x_f over the couplings e, f into a group, by K_f = -bend w_f. */
static void add_bent(struct gaussian_model *model, const struct linear_sample *at, uint32_t to, const double *x,
                     double *out)
{
    const struct nnt_group *group = model->module->group;
    const struct coupling *first = model->coupling + model->first_coupling[to],
                          *end = model->coupling + model->first_coupling[to + 1];
    int rows = (int)group[to].size;
    memset(model->row, 0, group[to].size * sizeof *model->row);
    for (const struct coupling *f = first; f < end; f++)
        cblas_dgemv(CblasRowMajor, CblasNoTrans, rows, (int)group[f->from].size, 1, model->K + f->at,
                    (int)group[f->from].size, x + model->column[f->from], 1, 1, model->row, 1);
    for (const struct coupling *e = first; e < end; e++) {
        int columns = (int)group[e->from].size;
        bool transposed = model->module->block[e->block].transposed;
        cblas_dgemv(CblasRowMajor, transposed ? CblasNoTrans : CblasTrans, transposed ? columns : rows,
                    transposed ? rows : columns, 1, jacobian_weights(model, at, e), transposed ? rows : columns,
                    model->row, 1, 1, out + model->column[e->from], 1);
    }
}

/* out += Jᵀ J x over the rows of one group. */
static void add_rows(struct gaussian_model *model, uint32_t to, const double *x, double *out)
{
    const struct nnt_group *group = model->module->group;
    const struct coupling *first = model->coupling + model->first_coupling[to],
                          *end = model->coupling + model->first_coupling[to + 1];
    int rows = (int)group[to].size;
    bool identity = jacobian_has_identity(model, to);
    memset(model->row, 0, group[to].size * sizeof *model->row);
    if (identity) memcpy(model->row, x + model->column[to], group[to].size * sizeof *model->row);
    for (const struct coupling *e = first; e < end; e++)
        cblas_dgemv(CblasRowMajor, CblasNoTrans, rows, (int)group[e->from].size, 1, model->J + e->at,
                    (int)group[e->from].size, x + model->column[e->from], 1, 1, model->row, 1);
    if (identity) cblas_daxpy(rows, 1, model->row, 1, out + model->column[to], 1);
    for (const struct coupling *e = first; e < end; e++)
        cblas_dgemv(CblasRowMajor, CblasTrans, rows, (int)group[e->from].size, 1, model->J + e->at,
                    (int)group[e->from].size, model->row, 1, 1, out + model->column[e->from], 1);
}

void jacobian_product(struct gaussian_model *model, const struct linear_sample *at, bool full, const double *x,
                      double *out)
{
    memset(out, 0, model->n * sizeof *out);
    for (uint32_t k = 0; k < model->module->n_groups; k++) {
        const double *curvature = gaussian_curvature(model, at, k);
        if (is_in_R(model->module, k)) add_rows(model, k, x, out);
        if (full && jacobian_leads_to(model, k)) add_bent(model, at, k, x, out);
        for (uint32_t i = 0; curvature && i < model->module->group[k].size; i++)
            out[model->column[k] + i] += curvature[i] * x[model->column[k] + i];
    }
}

/* The sums of squares of the columns of J, and the products of w with K where the Hessian is exact. */
static void add_coupling_diagonal(struct gaussian_model *model, const struct linear_sample *at, bool full,
                                  const struct coupling *e, double *out)
{
    size_t rows = model->module->group[e->to].size, columns = model->module->group[e->from].size;
    bool transposed = model->module->block[e->block].transposed;
    const double *w = jacobian_weights(model, at, e), *J = model->J + e->at, *K = model->K + e->at;
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < columns; j++) {
            out[j] += J[i * columns + j] * J[i * columns + j];
            if (full) out[j] += w[transposed ? j * rows + i : i * columns + j] * K[i * columns + j];
        }
}

void jacobian_diagonal(struct gaussian_model *model, const struct linear_sample *at, bool full, double *out)
{
    const struct nnt_module *module = model->module;
    for (uint32_t k = 0; k < module->n_groups; k++) {
        const double *curvature = gaussian_curvature(model, at, k);
        if (!is_free_group(module, k)) continue;
        for (uint32_t i = 0; i < module->group[k].size; i++)
            out[model->column[k] + i] = jacobian_has_identity(model, k) + (curvature ? curvature[i] : 0);
    }
    for (uint32_t k = 0; k < model->n_couplings; k++)
        add_coupling_diagonal(model, at, full, &model->coupling[k], out + model->column[model->coupling[k].from]);
}
