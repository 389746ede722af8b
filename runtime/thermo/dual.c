/* dual.c: numbers with their tangents: products of them, and what a sample's linear model is in such numbers. */
#include "runtime/thermo/dual.h"

#include "runtime/thermo/slabs.h"

#include <cblas.h>
#include <stdlib.h>
#include <string.h>

bool dual_init(struct dual *out, size_t count, bool tangents)
{
    *out = (struct dual){numbers_new(count), tangents ? numbers_new(count) : NULL};
    return out->v && (out->d || !tangents);
}

void dual_fini(struct dual *dual)
{
    free(dual->v);
    free(dual->d);
    *dual = (struct dual){0};
}

void dual_clear(struct dual dual, size_t count)
{
    if (dual.v) memset(dual.v, 0, count * sizeof *dual.v);
    if (dual.d) memset(dual.d, 0, count * sizeof *dual.d);
}

static void add(double *y, double alpha, const double *x, size_t count)
{
    for (size_t i = 0; y && x && i < count; i++) y[i] += alpha * x[i];
}

void dual_add(struct dual y, double alpha, struct dual x, size_t count)
{
    add(y.v, alpha, x.v, count);
    add(y.d, alpha, x.d, count);
}

/* ---- products ---- */

static uint32_t rows_of(struct dual_matrix X)
{
    return X.transposed ? X.columns : X.rows;
}

static uint32_t columns_of(struct dual_matrix X)
{
    return X.transposed ? X.rows : X.columns;
}

static enum CBLAS_TRANSPOSE how(struct dual_matrix X)
{
    return X.transposed ? CblasTrans : CblasNoTrans;
}

static void multiply(double *out, double alpha, struct dual_matrix X, const double *x, struct dual_matrix Y,
                     const double *y)
{
    int m = (int)rows_of(X), k = (int)columns_of(X), n = (int)columns_of(Y);
    if (!out || !x || !y || m == 0 || n == 0 || k == 0) return; /* BLAS takes no empty matrix */
    if (n == 1)
        cblas_dgemv(CblasRowMajor, how(X), (int)X.rows, (int)X.columns, alpha, x, (int)X.columns, y, 1, 1, out, 1);
    else
        cblas_dgemm(CblasRowMajor, how(X), how(Y), m, n, k, alpha, x, (int)X.columns, y, (int)Y.columns, 1, out, n);
}

void dual_add_product(struct dual out, double alpha, struct dual_matrix X, struct dual_matrix Y)
{
    multiply(out.v, alpha, X, X.at.v, Y, Y.at.v);
    multiply(out.d, alpha, X, X.at.d, Y, Y.at.v);
    multiply(out.d, alpha, X, X.at.v, Y, Y.at.d);
}

/* ---- a sample ---- */

/* A dual has no second type for what is only read. */
static double *lent(const double *numbers, size_t offset)
{
    return numbers ? (double *)numbers + offset : NULL;
}

struct dual dual_linear(const struct dual_sample *sample, uint32_t field)
{
    size_t offset = sample_offset(&sample->module->field[field], sample->at.batch, sample->at.sample);
    return (struct dual){lent(sample->at.linear, offset), lent(sample->d_linear, offset)};
}

struct dual_matrix dual_weights(const struct dual_sample *sample, uint32_t block)
{
    const struct nnt_module *module = sample->module;
    const struct nnt_block *it = &module->block[block];
    size_t offset = module->field[module->parameter[it->parameter].field].offset;
    struct dual at = {lent(sample->at.parameters, offset), lent(sample->d_parameters, offset)};
    uint32_t to = module->group[it->to].size, from = module->group[it->from].size;
    if (it->transposed) return (struct dual_matrix){at, from, to, true};
    return (struct dual_matrix){at, to, from, false};
}

/* out += alpha diag(f) X. */
static void scale_rows(double *out, double alpha, const double *f, struct dual_matrix X, const double *x)
{
    uint32_t rows = rows_of(X), columns = columns_of(X);
    size_t by_row = X.transposed ? 1 : X.columns, by_column = X.transposed ? X.columns : 1;
    if (!out || !f || !x) return;
    for (uint32_t i = 0; i < rows; i++)
        cblas_daxpy((int)columns, alpha * f[i], x + i * by_row, (int)by_column, out + (size_t)i * columns, 1);
}

void dual_add_slope_product(struct dual out, double alpha, const struct dual_sample *sample, uint32_t field,
                            bool transposed, struct dual_matrix X)
{
    struct dual F = dual_linear(sample, field);
    uint32_t size = sample->module->field[field].extent[0];
    if (sample->module->field[field].rank > 1) {
        dual_add_product(out, alpha, (struct dual_matrix){F, size, size, transposed}, X);
        return;
    }
    scale_rows(out.v, alpha, F.v, X, X.at.v);
    scale_rows(out.d, alpha, F.d, X, X.at.v);
    scale_rows(out.d, alpha, F.v, X, X.at.d);
}
