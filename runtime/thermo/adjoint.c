/* adjoint.c: E = a H_min + c C of one sample, differentiated by what its linear model is made of, and the tangents of that.
 *
 * With s = A⁻¹ g: dH_min = dH - sᵀ dg + ½ sᵀ dA s, dC = -½ tr A⁻¹ dA. So A_bar = a/2 s sᵀ - c/2 A⁻¹, of which the blocks that A has are
 * all that is needed; g_bar = -a s; and for every row group of J, J_bar = 2 J A_bar + r g_barᵀ, r_bar = a r + J g_bar. J = I - f' w
 * then gives f'_bar = -J_bar wᵀ and w_bar = -f'ᵀ J_bar. Everything is written once, for numbers and tangents alike. */
#include "runtime/thermo/adjoint.h"

#include <cblas.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/thermo/jacobian.h"
#include "runtime/thermo/slabs.h"
#include "runtime/thermo/thin.h"

/* ---- memory ---- */

static size_t largest_coupling(const struct gaussian_model *g)
{
    size_t most = 0;
    for (uint32_t k = 0; k < g->n_couplings; k++) {
        const struct nnt_group *group = g->module->group;
        size_t numbers = (size_t)group[g->coupling[k].to].size * group[g->coupling[k].from].size;
        if (numbers > most) most = numbers;
    }
    return most;
}

enum { DUALS = 8 };
static void list_duals(struct adjoint_model *m, struct dual *out[DUALS])
{
    struct dual *all[DUALS] = {&m->J, &m->Z, &m->A_bar, &m->g, &m->s, &m->lambda, &m->wide, &m->wider};
    memcpy(out, all, sizeof all);
}

/* A⁻¹ is only made where A is not had by few rows; its tangent's dA is at the minimum too. */
static bool make_matrices(struct adjoint_model *m, bool tangents)
{
    const struct pattern *p = &m->gaussian->pattern;
    size_t numbers = m->gaussian->thin ? 0 : p->numbers;
    m->work = numbers_new(m->gaussian->thin ? 0 : blocks_work(p));
    m->dA = tangents ? numbers_new(p->numbers) : NULL;
    return m->work && (m->dA || !tangents) && dual_init(&m->Z, numbers, tangents) &&
           dual_init(&m->A_bar, numbers, tangents);
}

bool adjoint_init(struct adjoint_model *m, struct gaussian_model *gaussian, bool tangents)
{
    size_t wide = largest_coupling(gaussian), n = gaussian->n;
    *m = (struct adjoint_model){.gaussian = gaussian};
    m->J.v = gaussian->J;
    m->J.d = tangents ? numbers_new(gaussian->n_J) : NULL;
    return (m->J.d || !tangents) && make_matrices(m, tangents) && dual_init(&m->g, n, tangents) &&
           dual_init(&m->s, n, tangents) && dual_init(&m->lambda, n, tangents) &&
           dual_init(&m->wide, wide, tangents) && dual_init(&m->wider, wide, tangents);
}

void adjoint_fini(struct adjoint_model *model)
{
    struct dual *all[DUALS];
    list_duals(model, all);
    model->J.v = NULL; /* the Gaussian's */
    for (uint32_t k = 0; k < DUALS; k++) dual_fini(all[k]);
    free(model->dA);
    free(model->work);
    *model = (struct adjoint_model){0};
}

struct adjoint_model adjoint_of_values(const struct adjoint_model *model)
{
    struct adjoint_model values = *model;
    struct dual *all[DUALS];
    list_duals(&values, all);
    for (uint32_t k = 0; k < DUALS; k++) all[k]->d = NULL;
    values.dA = NULL;
    return values;
}

/* ---- groups, couplings, blocks ---- */

static const struct nnt_group *group_of(const struct adjoint_model *m, uint32_t group)
{
    return &m->gaussian->module->group[group];
}

static bool has_potential(const struct adjoint_model *m, uint32_t group)
{
    return jacobian_has_force(m->gaussian->module, group);
}

static bool has_identity(const struct adjoint_model *m, uint32_t group)
{
    return jacobian_has_identity(m->gaussian, group);
}

static struct dual part(const struct adjoint_model *m, struct dual vector, uint32_t group)
{
    return dual_at(vector, m->gaussian->column[group]);
}

static const struct coupling *first_into(const struct adjoint_model *m, uint32_t to)
{
    return m->gaussian->coupling + m->gaussian->first_coupling[to];
}

static const struct coupling *end_into(const struct adjoint_model *m, uint32_t to)
{
    return m->gaussian->coupling + m->gaussian->first_coupling[to + 1];
}

static struct dual_matrix J_of(const struct adjoint_model *m, const struct coupling *e)
{
    return (struct dual_matrix){dual_at(m->J, e->at), group_of(m, e->to)->size, group_of(m, e->from)->size, false};
}

static size_t numbers_of(const struct adjoint_model *m, const struct coupling *e)
{
    return (size_t)group_of(m, e->to)->size * group_of(m, e->from)->size;
}

/* The block of a symmetric matrix of the pattern between two free groups. */
static struct dual_matrix block_between(const struct adjoint_model *m, struct dual of, uint32_t row,
                                        uint32_t column)
{
    const struct pattern *p = &m->gaussian->pattern;
    uint32_t i = m->gaussian->block_of[row], j = m->gaussian->block_of[column];
    bool transposed = p->place[i] < p->place[j];
    size_t at = transposed ? p->at[(size_t)j * p->n_blocks + i] : p->at[(size_t)i * p->n_blocks + j];
    if (transposed) return (struct dual_matrix){dual_at(of, at), p->size[j], p->size[i], true};
    return (struct dual_matrix){dual_at(of, at), p->size[i], p->size[j], false};
}

/* ---- tangents of J, A and g ---- */

static void make_dJ(struct adjoint_model *m, const struct dual_sample *sample)
{
    for (const struct coupling *e = m->gaussian->coupling; e < m->gaussian->coupling + m->gaussian->n_couplings;
         e++) {
        struct dual out = {NULL, m->J.d + e->at};
        dual_clear(out, numbers_of(m, e));
        dual_add_slope_product(out, -1, sample, group_of(m, e->to)->slope, false, dual_weights(sample, e->block));
    }
}

/* out += X Y, where out is a block as it is stored: perhaps transposed. */
static void add_to_block(struct dual_matrix out, double alpha, struct dual_matrix X, struct dual_matrix Y)
{
    if (out.transposed)
        dual_add_product(out.at, alpha, dual_transposed(Y), dual_transposed(X));
    else
        dual_add_product(out.at, alpha, X, Y);
}

/* dA gets the tangent of J_eᵀ J_f, for e = f of its lower triangle. */
static void add_dA_pair(struct adjoint_model *m, const struct coupling *e, const struct coupling *f)
{
    struct dual_matrix out = block_between(m, (struct dual){NULL, m->dA}, e->from, f->from);
    int n = (int)group_of(m, e->from)->size, k = (int)group_of(m, e->to)->size;
    if (e == f)
        cblas_dsyr2k(CblasRowMajor, CblasLower, CblasTrans, n, k, 1, m->J.d + e->at, n, m->J.v + e->at, n, 1,
                     out.at.d, n);
    else
        add_to_block(out, 1, dual_transposed(J_of(m, e)), J_of(m, f));
}

/* dA gets the tangent of -w_eᵀ bend w_f. */
static void add_dA_bent_pair(struct adjoint_model *m, const struct dual_sample *sample, const struct coupling *e,
                             const struct coupling *f)
{
    struct dual_matrix w = dual_weights(sample, e->block);
    struct dual_matrix bent = {m->wide, group_of(m, f->to)->size, group_of(m, f->from)->size, false};
    dual_clear(m->wide, numbers_of(m, f));
    dual_add_slope_product(m->wide, 1, sample, group_of(m, f->to)->bend, false, dual_weights(sample, f->block));
    add_to_block(block_between(m, (struct dual){NULL, m->dA}, e->from, f->from), -1, dual_transposed(w), bent);
}

/* A += J_e in the row of the identity. */
static void add_dA_beside_identity(struct adjoint_model *m, const struct coupling *e)
{
    struct dual_matrix out = block_between(m, (struct dual){NULL, m->dA}, e->to, e->from), J = J_of(m, e);
    for (uint32_t i = 0; i < J.rows; i++)
        for (uint32_t j = 0; j < J.columns; j++)
            out.at.d[out.transposed ? (size_t)j * J.rows + i : (size_t)i * J.columns + j] +=
                J.at.d[(size_t)i * J.columns + j];
}

static void make_dA(struct adjoint_model *m, const struct dual_sample *sample, bool full)
{
    dual_clear((struct dual){NULL, m->dA}, m->gaussian->pattern.numbers);
    for (uint32_t to = 0; to < sample->module->n_groups; to++) {
        struct dual_matrix diagonal;
        for (const struct coupling *e = first_into(m, to); e < end_into(m, to); e++) {
            for (const struct coupling *f = first_into(m, to); f <= e; f++) {
                add_dA_pair(m, e, f);
                if (full) add_dA_bent_pair(m, sample, e, f);
            }
            if (has_identity(m, to)) add_dA_beside_identity(m, e);
        }
        if (!has_potential(m, to)) continue;
        diagonal = block_between(m, (struct dual){NULL, m->dA}, to, to);
        for (uint32_t i = 0; i < diagonal.rows; i++)
            diagonal.at.d[(size_t)i * diagonal.rows + i] += dual_linear(sample, group_of(m, to)->curvature).d[i];
    }
}

/* y += M x for a symmetric matrix of the pattern; of diagonal blocks the lower triangle is read. */
static void add_symmetric_product(const struct pattern *p, double *M, const double *x, double *y, double alpha)
{
    for (uint32_t k = 0; k < p->n_blocks; k++) {
        uint32_t c = p->order[k];
        cblas_dsymv(CblasRowMajor, CblasLower, (int)p->size[c], alpha, blocks_at(p, M, c, c), (int)p->size[c],
                    x + p->first[c], 1, 1, y + p->first[c], 1);
        for (uint32_t at = p->first_row[k]; at < p->first_row[k + 1]; at++) {
            uint32_t r = p->rows[at];
            const double *B = blocks_at(p, M, r, c);
            cblas_dgemv(CblasRowMajor, CblasNoTrans, (int)p->size[r], (int)p->size[c], alpha, B, (int)p->size[c],
                        x + p->first[c], 1, 1, y + p->first[r], 1);
            cblas_dgemv(CblasRowMajor, CblasTrans, (int)p->size[r], (int)p->size[c], alpha, B, (int)p->size[c],
                        x + p->first[r], 1, 1, y + p->first[c], 1);
        }
    }
}

/* g = J_RΦᵀ r_R + V'. */
static void make_g(struct adjoint_model *m, const struct dual_sample *sample)
{
    dual_clear(m->g, m->gaussian->n);
    for (uint32_t to = 0; to < sample->module->n_groups; to++) {
        const struct nnt_group *group = group_of(m, to);
        if (has_identity(m, to)) dual_add(part(m, m->g, to), 1, dual_linear(sample, group->residual), group->size);
        if (has_potential(m, to)) dual_add(part(m, m->g, to), 1, dual_linear(sample, group->force), group->size);
        for (const struct coupling *e = first_into(m, to); e < end_into(m, to); e++)
            dual_add_product(part(m, m->g, e->from), 1, dual_transposed(J_of(m, e)),
                             dual_column(dual_linear(sample, group->residual), group->size));
    }
}

/* s = A⁻¹ g, ds = A⁻¹ (dg - dA s). */
static void make_s(struct adjoint_model *m)
{
    const struct pattern *p = &m->gaussian->pattern;
    cblas_dcopy((int)p->n, m->g.v, 1, m->s.v, 1);
    blocks_solve(p, m->gaussian->A, m->s.v);
    if (!m->s.d) return;
    cblas_dcopy((int)p->n, m->g.d, 1, m->s.d, 1);
    add_symmetric_product(p, m->dA, m->s.v, m->s.d, -1);
    blocks_solve(p, m->gaussian->A, m->s.d);
}

void adjoint_begin(struct adjoint_model *m, const struct dual_sample *sample)
{
    const struct pattern *p = &m->gaussian->pattern;
    if (m->J.d) make_dJ(m, sample);
    if (m->gaussian->thin) {
        /* Its values are those that gaussian_evaluate has made. */
        if (m->J.d && !thin_begin(m->gaussian->thin, m->J, sample)) BUG("M of a sample that was evaluated");
        return;
    }
    if (m->dA) make_dA(m, sample, m->gaussian->full);
    make_g(m, sample);
    make_s(m);
    blocks_invert(p, m->gaussian->A, m->work, m->Z.v);
    if (m->Z.d) blocks_invert_tangent(p, m->gaussian->A, m->Z.v, m->dA, m->work, m->Z.d);
}

/* ---- seeds ---- */

static struct dual seed_of(const struct dual_sample *sample, const struct adjoints *to, uint32_t field)
{
    const struct nnt_field *f = &sample->module->field[field];
    return dual_at(to->seed, sample_offset(f, sample->at.batch, sample->at.sample));
}

/* A_bar = a/2 s sᵀ - c/2 A⁻¹. */
static void make_A_bar(struct adjoint_model *m, struct combination of)
{
    const struct pattern *p = &m->gaussian->pattern;
    dual_clear(m->A_bar, p->numbers);
    if (of.of_C != 0) dual_add(m->A_bar, -0.5 * of.of_C, m->Z, p->numbers);
    if (of.of_H_min == 0) return;
    for (uint32_t k = 0; k < p->n_blocks; k++) {
        uint32_t c = p->order[k];
        struct dual_matrix s_c = dual_column(dual_at(m->s, p->first[c]), p->size[c]);
        size_t at = p->at[(size_t)c * p->n_blocks + c];
        dual_add_product(dual_at(m->A_bar, at), 0.5 * of.of_H_min, s_c, dual_transposed(s_c));
        for (uint32_t i = p->first_row[k]; i < p->first_row[k + 1]; i++) {
            uint32_t r = p->rows[i];
            struct dual_matrix s_r = dual_column(dual_at(m->s, p->first[r]), p->size[r]);
            at = p->at[(size_t)r * p->n_blocks + c];
            dual_add_product(dual_at(m->A_bar, at), 0.5 * of.of_H_min, s_r, dual_transposed(s_c));
        }
    }
}

static void add_block(double *out, double weight, const double *bar, const struct dual_matrix *w, bool hollow)
{
    uint32_t to = w->transposed ? w->columns : w->rows, from = w->transposed ? w->rows : w->columns;
    size_t by_row = w->transposed ? 1 : from, by_column = w->transposed ? to : 1;
    if (!out) return;
    for (uint32_t i = 0; i < to; i++) {
        double kept = hollow ? out[i * (by_row + by_column)] : 0;
        cblas_daxpy((int)from, weight, bar + (size_t)i * from, 1, out + i * by_row, (int)by_column);
        if (hollow) out[i * (by_row + by_column)] = kept;
    }
}

/* w_bar goes to the gradient by the parameter that holds the block. */
static void add_w_bar(const struct dual_sample *sample, uint32_t block, struct dual w_bar, struct adjoints *to)
{
    const struct nnt_parameter *p = &sample->module->parameter[sample->module->block[block].parameter];
    struct dual_matrix w = dual_weights(sample, block);
    if (p->gradient == NNT_NONE) return;
    size_t at = sample->module->field[p->gradient].offset;
    add_block(to->gradient.v ? to->gradient.v + at : NULL, to->weight, w_bar.v, &w, p->hollow);
    add_block(to->gradient.d ? to->gradient.d + at : NULL, to->weight, w_bar.d, &w, p->hollow);
}

/* out_i += alpha x_i·y_i, x row by row. */
static void add_row_products(double *out, double alpha, const double *x, uint32_t rows, uint32_t columns,
                             const double *y, size_t by_row, size_t by_column)
{
    for (uint32_t i = 0; out && x && y && i < rows; i++)
        out[i] += alpha * cblas_ddot((int)columns, x + (size_t)i * columns, 1, y + i * by_row, (int)by_column);
}

/* The diagonal of X Yᵀ, or all of it where `field` is a matrix: out += alpha that. */
static void add_slope_bar(struct dual out, double alpha, const struct nnt_field *field, struct dual_matrix X,
                          struct dual_matrix Y)
{
    uint32_t rows = X.rows, columns = X.columns;
    size_t by_row = Y.transposed ? 1 : Y.columns, by_column = Y.transposed ? Y.columns : 1;
    if (field->rank > 1) {
        dual_add_product(out, alpha, X, dual_transposed(Y));
        return;
    }
    add_row_products(out.v, alpha, X.at.v, rows, columns, Y.at.v, by_row, by_column);
    add_row_products(out.d, alpha, X.at.d, rows, columns, Y.at.v, by_row, by_column);
    add_row_products(out.d, alpha, X.at.v, rows, columns, Y.at.d, by_row, by_column);
}

/* J_bar of a coupling, in `wide`: J = I - f' w gives f'_bar and w_bar. */
static void take_J_bar(struct adjoint_model *m, const struct dual_sample *sample, const struct coupling *e,
                       struct adjoints *to)
{
    uint32_t slope = group_of(m, e->to)->slope;
    struct dual_matrix J_bar = {m->wide, group_of(m, e->to)->size, group_of(m, e->from)->size, false};
    add_slope_bar(seed_of(sample, to, slope), -1, &sample->module->field[slope], J_bar,
                  dual_weights(sample, e->block));
    dual_clear(m->wider, numbers_of(m, e));
    dual_add_slope_product(m->wider, -1, sample, slope, true, J_bar);
    add_w_bar(sample, e->block, m->wider, to);
}

/* J_bar = 2 J A_bar + r g_barᵀ. */
static void seed_coupling(struct adjoint_model *m, const struct dual_sample *sample, const struct coupling *e,
                          struct combination of, struct adjoints *to)
{
    const struct nnt_group *group = group_of(m, e->to);
    struct dual_matrix r = dual_column(dual_linear(sample, group->residual), group->size);
    struct dual_matrix s = dual_column(part(m, m->s, e->from), group_of(m, e->from)->size);
    dual_clear(m->wide, numbers_of(m, e));
    for (const struct coupling *f = first_into(m, e->to); f < end_into(m, e->to); f++)
        dual_add_product(m->wide, 2, J_of(m, f), block_between(m, m->A_bar, f->from, e->from));
    if (has_identity(m, e->to)) {
        struct dual_matrix beside = block_between(m, m->A_bar, e->to, e->from);
        for (uint32_t i = 0; i < group->size; i++)
            for (uint32_t j = 0; j < s.rows; j++) {
                size_t from = beside.transposed ? (size_t)j * group->size + i : (size_t)i * s.rows + j;
                m->wide.v[(size_t)i * s.rows + j] += 2 * beside.at.v[from];
                if (m->wide.d) m->wide.d[(size_t)i * s.rows + j] += 2 * beside.at.d[from];
            }
    }
    dual_add_product(m->wide, -of.of_H_min, r, dual_transposed(s));
    take_J_bar(m, sample, e, to);
}

/* A = … - Σ w_eᵀ bend w_f: bend_bar = -Σ w_e A_bar w_fᵀ, w_e_bar = -2 bend Σ w_f A_bar. */
static void seed_bends(struct adjoint_model *m, const struct dual_sample *sample, const struct coupling *e,
                       struct adjoints *to)
{
    const struct nnt_group *group = group_of(m, e->to);
    struct dual_matrix wA = {m->wide, group->size, group_of(m, e->from)->size, false};
    dual_clear(m->wide, numbers_of(m, e));
    for (const struct coupling *f = first_into(m, e->to); f < end_into(m, e->to); f++)
        dual_add_product(m->wide, 1, dual_weights(sample, f->block), block_between(m, m->A_bar, f->from, e->from));
    add_slope_bar(seed_of(sample, to, group->bend), -1, &sample->module->field[group->bend], wA,
                  dual_weights(sample, e->block));
    dual_clear(m->wider, numbers_of(m, e));
    dual_add_slope_product(m->wider, -2, sample, group->bend, false, wA);
    add_w_bar(sample, e->block, m->wider, to);
}

/* r_bar = a (r - J s). */
static void seed_residual(struct adjoint_model *m, const struct dual_sample *sample, uint32_t row,
                          struct combination of, struct adjoints *to)
{
    const struct nnt_group *group = group_of(m, row);
    struct dual out = seed_of(sample, to, group->residual);
    dual_add(out, of.of_H_min, dual_linear(sample, group->residual), group->size);
    if (has_identity(m, row)) dual_add(out, -of.of_H_min, part(m, m->s, row), group->size);
    for (const struct coupling *e = first_into(m, row); e < end_into(m, row); e++)
        dual_add_product(out, -of.of_H_min, J_of(m, e),
                         dual_column(part(m, m->s, e->from), group_of(m, e->from)->size));
}

static void clear_seeds(const struct adjoint_model *m, const struct dual_sample *sample, struct adjoints *to)
{
    for (uint32_t k = 0; k < sample->module->n_groups; k++) {
        const struct nnt_group *group = group_of(m, k);
        const uint32_t fields[] = {group->residual, group->slope, group->bend, group->force, group->curvature};
        for (size_t i = 0; i < LENGTH(fields); i++)
            if (fields[i] != NNT_NONE)
                dual_clear(seed_of(sample, to, fields[i]), field_length(&sample->module->field[fields[i]]));
    }
}

/* V'_bar = -a s, V''_bar the diagonal of A_bar. */
static void seed_potential(struct adjoint_model *m, const struct dual_sample *sample, uint32_t group,
                           struct combination of, struct adjoints *to)
{
    struct dual_matrix A_bar = block_between(m, m->A_bar, group, group);
    struct dual out = seed_of(sample, to, group_of(m, group)->curvature);
    dual_add(seed_of(sample, to, group_of(m, group)->force), -of.of_H_min, part(m, m->s, group), A_bar.rows);
    for (uint32_t i = 0; i < A_bar.rows; i++) {
        out.v[i] += A_bar.at.v[(size_t)i * A_bar.rows + i];
        if (out.d) out.d[i] += A_bar.at.d[(size_t)i * A_bar.rows + i];
    }
}

static void seed_thin(struct adjoint_model *m, const struct dual_sample *sample, struct combination of,
                      struct adjoints *to)
{
    struct gaussian_model *g = m->gaussian;
    thin_seed_begin(g->thin, sample, of);
    for (uint32_t k = 0; k < sample->module->n_groups; k++)
        if (is_in_R(sample->module, k))
            thin_add_residual_bar(g->thin, sample, k, of, seed_of(sample, to, group_of(m, k)->residual));
    for (uint32_t i = 0; i < g->thin->n_moving; i++) {
        uint32_t from = g->thin->order[i];
        for (uint32_t k = g->first_out[from]; k < g->first_out[from + 1]; k++) {
            const struct coupling *e = &g->coupling[g->out_of[k]];
            thin_coupling_bar(g->thin, m->J, e, m->wide);
            take_J_bar(m, sample, e, to);
        }
    }
}

void adjoint_seed(struct adjoint_model *m, const struct dual_sample *sample, struct combination of,
                  struct adjoints *to)
{
    clear_seeds(m, sample, to);
    if (m->gaussian->thin) {
        seed_thin(m, sample, of, to);
        return;
    }
    make_A_bar(m, of);
    for (uint32_t row = 0; row < sample->module->n_groups; row++) {
        if (is_in_R(sample->module, row)) seed_residual(m, sample, row, of, to);
        for (const struct coupling *e = first_into(m, row); e < end_into(m, row); e++) {
            seed_coupling(m, sample, e, of, to);
            if (m->gaussian->full) seed_bends(m, sample, e, to);
        }
        if (has_potential(m, row)) seed_potential(m, sample, row, of, to);
    }
}

void adjoint_by_state(const struct adjoint_model *m, const struct dual_sample *sample, struct combination of,
                      struct dual pulled, struct dual out)
{
    struct adjoints from = {.seed = pulled};
    dual_clear(out, m->gaussian->n);
    for (uint32_t k = 0; k < sample->module->n_groups; k++) {
        const struct nnt_group *group = group_of(m, k);
        if (!is_free_group(sample->module, k)) continue;
        dual_add(part(m, out, k), 1, seed_of(sample, &from, group->gradient_x), group->size);
        if (has_potential(m, k))
            dual_add(part(m, out, k), of.of_H_min, dual_linear(sample, group->force), group->size);
    }
}

/* ---- at the minimum of H ---- */

bool adjoint_at_minimum(struct adjoint_model *m, const struct dual_sample *sample, struct failure *out_failure)
{
    if (!gaussian_is_minimum(m->gaussian, &sample->at, out_failure)) return false;
    if (m->J.d) make_dJ(m, sample);
    if (m->dA) make_dA(m, sample, true);
    return true;
}

/* dx = -H_xx⁻¹ d(∂H/∂x). */
void adjoint_move_minimum(struct adjoint_model *m, const struct dual_sample *sample, double out[])
{
    make_g(m, sample);
    for (uint32_t i = 0; i < m->gaussian->n; i++) out[i] = -m->g.d[i];
    blocks_solve(&m->gaussian->pattern, m->gaussian->A, out);
}

/* lambda = H_xx⁻¹ dE/dx, and its tangent H_xx⁻¹ (d(dE/dx) - dH_xx lambda). */
static void solve_lambda(struct adjoint_model *m, struct dual by_state)
{
    const struct pattern *p = &m->gaussian->pattern;
    cblas_dcopy((int)p->n, by_state.v, 1, m->lambda.v, 1);
    blocks_solve(p, m->gaussian->A, m->lambda.v);
    if (!m->lambda.d) return;
    cblas_dcopy((int)p->n, by_state.d, 1, m->lambda.d, 1);
    add_symmetric_product(p, m->dA, m->lambda.v, m->lambda.d, -1);
    blocks_solve(p, m->gaussian->A, m->lambda.d);
}

/* lambda·∂H/∂x = rᵀ J lambda + lambda·V' has J_bar = r lambdaᵀ. */
static void take_lambda(struct adjoint_model *m, const struct dual_sample *sample, const struct coupling *e,
                        struct adjoints *to)
{
    const struct nnt_group *group = group_of(m, e->to);
    struct dual_matrix r = dual_column(dual_linear(sample, group->residual), group->size);
    struct dual_matrix lambda = dual_column(part(m, m->lambda, e->from), group_of(m, e->from)->size);
    dual_add_product(seed_of(sample, to, group->residual), -1, J_of(m, e), lambda);
    dual_clear(m->wide, numbers_of(m, e));
    dual_add_product(m->wide, -1, r, dual_transposed(lambda));
    take_J_bar(m, sample, e, to);
}

void adjoint_through_minimum(struct adjoint_model *m, const struct dual_sample *sample, struct dual by_state,
                             struct adjoints *to)
{
    solve_lambda(m, by_state);
    for (uint32_t row = 0; row < sample->module->n_groups; row++) {
        const struct nnt_group *group = group_of(m, row);
        if (has_identity(m, row))
            dual_add(seed_of(sample, to, group->residual), -1, part(m, m->lambda, row), group->size);
        if (has_potential(m, row))
            dual_add(seed_of(sample, to, group->force), -1, part(m, m->lambda, row), group->size);
        for (const struct coupling *e = first_into(m, row); e < end_into(m, row); e++)
            take_lambda(m, sample, e, to);
    }
}
