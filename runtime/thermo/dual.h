/* dual.h: numbers with their tangents: products of them, and what a sample's linear model is in such numbers. */
#ifndef NNT_DUAL_H
#define NNT_DUAL_H

#include "runtime/thermo/gaussian.h"

/* Numbers, and their derivatives along the direction in which everything moves. v NULL: not asked for; d NULL: not asked for or 0. */
struct dual {
    double *v, *d;
};
/* [rows][columns] row by row as stored; as an operand it is transposed where that is set. */
struct dual_matrix {
    struct dual at;
    uint32_t rows, columns;
    bool transposed;
};
/* A sample's linear model, and what it is differentiated along: the direction of the parameters and `push` along it, slabs of the
 * batch; NULL where no tangent is asked for. */
struct dual_sample {
    const struct nnt_module *module;
    struct linear_sample at;
    const double *d_parameters, *d_linear;
};

/* `count` zeros, with tangents where asked; false where memory is short, dual_fini in any case. */
MUST_USE bool dual_init(struct dual *out, size_t count, bool tangents);
void dual_fini(struct dual *dual);
static inline struct dual dual_at(struct dual dual, size_t offset)
{
    return (struct dual){dual.v ? dual.v + offset : NULL, dual.d ? dual.d + offset : NULL};
}
static inline struct dual_matrix dual_transposed(struct dual_matrix x)
{
    x.transposed = !x.transposed;
    return x;
}
static inline struct dual_matrix dual_column(struct dual at, uint32_t rows)
{
    return (struct dual_matrix){at, rows, 1, false};
}
void dual_clear(struct dual dual, size_t count);
/* y += alpha x. */
void dual_add(struct dual y, double alpha, struct dual x, size_t count);
/* out += alpha X Y, [rows of X][columns of Y] row by row. */
void dual_add_product(struct dual out, double alpha, struct dual_matrix X, struct dual_matrix Y);

/* A field of NNT_LINEAR of the sample. What is not written is only read. */
struct dual dual_linear(const struct dual_sample *sample, uint32_t field);
/* A block of w: [size of to][size of from]. */
struct dual_matrix dual_weights(const struct dual_sample *sample, uint32_t block);
/* out += alpha F X, or Fᵀ X: F is `slope` or `bend` of a group, a diagonal or a matrix; X and out [size][columns]. */
void dual_add_slope_product(struct dual out, double alpha, const struct dual_sample *sample, uint32_t field,
                            bool transposed, struct dual_matrix X);

#endif
