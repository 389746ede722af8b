/* blocks.h: symmetric matrices in blocks: order, fill, Cholesky, and the inverse where the matrix has blocks. */
#ifndef NNT_BLOCKS_H
#define NNT_BLOCKS_H

#include "runtime/base/base.h"

#include <stdint.h>

/* Which blocks the Cholesky factor of a symmetric matrix has, so that nothing else is stored (THEORY 3a, Cost). Matrices of
 * one pattern are plain arrays of `numbers` doubles: A before factoring, L after, A⁻¹ where L has blocks. */
struct pattern {
    uint32_t n_blocks;
    uint32_t n;             /* rows, the sum of the sizes */
    uint32_t largest;       /* size of a block */
    uint32_t *size, *first; /* [n_blocks]: rows of a block (at least 1), and its first row in a vector */
    uint32_t *order;        /* [n_blocks]: order[k] is the k-th block to be eliminated … */
    uint32_t *place;        /* … and place[order[k]] = k */
    /* [n_blocks][n_blocks]: where the block (row, column) begins, [size row][size column] row by row; SIZE_MAX where there is none, and
     * always where place[row] < place[column]. */
    size_t *at;
    uint32_t *rows;      /* block rows below the diagonal, column after column in the order of elimination … */
    uint32_t *first_row; /* … [n_blocks + 1]: rows[first_row[k]] … of the k-th column, ascending by place */
    size_t numbers;      /* of a matrix */
    uint32_t fill;       /* blocks below the diagonal that L has and A has not */
    double flops;        /* of a factorisation, multiplications and additions counted apart */
};

/* coupled[i * n_blocks + j]: A has a block (i, j) or (j, i). The order is of minimum degree: next is the block whose column of
 * L costs least, of alike ones the first. All memory is allocated here; false where it is short or sizes do not
 * fit; pattern_fini in any case. */
MUST_USE bool pattern_init(struct pattern *pattern, uint32_t n_blocks, const uint32_t size[], const bool coupled[]);
void pattern_fini(struct pattern *pattern);

/* The block (row, column) of a matrix, or NULL where the pattern has none. */
static inline double *blocks_at(const struct pattern *pattern, double *matrix, uint32_t row, uint32_t column)
{
    size_t at = pattern->at[(size_t)row * pattern->n_blocks + column];
    return at == SIZE_MAX ? NULL : matrix + at;
}

/* In place: A to L, A = L Lᵀ up to the order of rows. Of A the lower triangle of the diagonal blocks is read; what L has
 * above the diagonal there is left. Every pivot must exceed 100 n eps |diagonal_i|, diagonal[n] that of A: else false with the
 * row in *out_row, and the matrix holds L up to that row and what remains of A from it on (blocks_direction reads that). */
MUST_USE bool blocks_factor(const struct pattern *pattern, double *A, const double diagonal[], uint32_t *out_row);
/* What makes A while it is factored, so that each column is used while it is near: `fill` sets the k-th column of blocks in
 * the order of elimination, all of it, and of diagonal[] (and of x[]) the rows of its block. */
struct columns {
    void (*fill)(void *self, uint32_t k);
    void *self;
};
/* blocks_factor of the A that `columns` makes, or, where it is NULL, that stands there; and x = L⁻¹ x as blocks_solve_half makes
 * it, to the bit, unless x is NULL. */
MUST_USE bool blocks_factor_columns(const struct pattern *pattern, double *A, const double diagonal[], double x[],
                                    const struct columns *columns, uint32_t *out_row);
/* After blocks_factor failed at `row`: the direction v[n] with v_row = 1 that makes vᵀA v the failing pivot, which is
 * returned: v = -A⁻¹ a over the rows eliminated before, a their part of column `row`. */
double blocks_direction(const struct pattern *pattern, const double *L, uint32_t row, double v[]);
/* ln det A. */
double blocks_logdet(const struct pattern *pattern, const double *L);
/* x = A⁻¹ x, [n], and its first half: x = L⁻¹ x up to the order of rows, so that |x|² = xᵀA⁻¹x. */
void blocks_solve(const struct pattern *pattern, const double *L, double x[]);
void blocks_solve_half(const struct pattern *pattern, const double *L, double x[]);

/* Numbers of scratch that the two below need. */
size_t blocks_work(const struct pattern *pattern);
/* Z = A⁻¹ where L has blocks (Takahashi's recursion); diagonal blocks whole. Z must not be L. */
void blocks_invert(const struct pattern *pattern, const double *L, double work[], double *Z);
/* dZ = -(A⁻¹ dA A⁻¹) where L has blocks, for a dA of the pattern (diagonal blocks: the lower triangle counts); Z from
 * blocks_invert. By the tangents of the factor and of the recursion, so that nothing beside the pattern is made. */
void blocks_invert_tangent(const struct pattern *pattern, const double *L, const double *Z, const double *dA,
                           double work[], double *dZ);

#endif
