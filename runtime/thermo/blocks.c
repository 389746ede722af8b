/* blocks.c: symmetric matrices in blocks: minimum degree, left-looking Cholesky, Takahashi's recursion, and its tangent. */
#include "runtime/thermo/blocks.h"

#include <cblas.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- order and fill ---- */

/* The graph of what is not yet eliminated. */
struct graph {
    uint32_t n;
    const uint32_t *size;
    bool *edge; /* [n][n], symmetric; of eliminated blocks it keeps what they had when their turn came */
    bool *gone;
    uint64_t *degree; /* rows in the neighbours that are left */
    uint32_t edges;   /* of the beginning */
};

static void graph_fini(struct graph *graph)
{
    free(graph->edge);
    free(graph->gone);
    free(graph->degree);
}

static void connect(struct graph *graph, uint32_t a, uint32_t b)
{
    bool *edge = graph->edge;
    if (a == b || edge[(size_t)a * graph->n + b]) return;
    edge[(size_t)a * graph->n + b] = edge[(size_t)b * graph->n + a] = true;
    graph->degree[a] += graph->size[b];
    graph->degree[b] += graph->size[a];
    graph->edges++;
}

static bool graph_init(struct graph *graph, uint32_t n, const uint32_t size[], const bool coupled[])
{
    *graph = (struct graph){.n = n, .size = size};
    graph->edge = calloc((size_t)n * n + 1, sizeof *graph->edge);
    graph->gone = calloc((size_t)n + 1, sizeof *graph->gone);
    graph->degree = calloc((size_t)n + 1, sizeof *graph->degree);
    if (!graph->edge || !graph->gone || !graph->degree) return false;
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = 0; j < n; j++)
            if (coupled[(size_t)i * n + j]) connect(graph, i, j);
    return true;
}

static uint32_t least_degree(const struct graph *graph)
{
    uint32_t best = graph->n;
    for (uint32_t i = 0; i < graph->n; i++)
        if (!graph->gone[i] && (best == graph->n || graph->degree[i] < graph->degree[best])) best = i;
    return best;
}

/* What a block leaves behind: its neighbours become neighbours of each other. */
static void eliminate(struct graph *graph, uint32_t block)
{
    const bool *edge = graph->edge + (size_t)block * graph->n;
    graph->gone[block] = true;
    for (uint32_t a = 0; a < graph->n; a++) {
        if (graph->gone[a] || !edge[a]) continue;
        graph->degree[a] -= graph->size[block];
        for (uint32_t b = 0; b < a; b++)
            if (!graph->gone[b] && edge[b]) connect(graph, a, b);
    }
}

static void order_blocks(struct pattern *p, struct graph *graph)
{
    uint32_t before = graph->edges;
    for (uint32_t k = 0; k < p->n_blocks; k++) {
        p->order[k] = least_degree(graph);
        p->place[p->order[k]] = k;
        eliminate(graph, p->order[k]);
    }
    p->fill = graph->edges - before;
}

static bool has_room(struct pattern *p, uint32_t rows, uint32_t columns, size_t *out_at)
{
    size_t count;
    *out_at = p->numbers;
    if (!size_product(rows, columns, &count) || count > SIZE_MAX / sizeof(double) - p->numbers) return false;
    p->numbers += count;
    return true;
}

/* A column of blocks is one array: the diagonal block, then what is below it. */
static bool lay_out_column(struct pattern *p, const struct graph *graph, uint32_t k)
{
    uint32_t column = p->order[k];
    if (!has_room(p, p->size[column], p->size[column], &p->at[(size_t)column * p->n_blocks + column])) return false;
    p->first_row[k + 1] = p->first_row[k];
    for (uint32_t l = k + 1; l < p->n_blocks; l++) {
        uint32_t row = p->order[l];
        if (!graph->edge[(size_t)row * p->n_blocks + column]) continue;
        p->rows[p->first_row[k + 1]++] = row;
        if (!has_room(p, p->size[row], p->size[column], &p->at[(size_t)row * p->n_blocks + column])) return false;
    }
    return true;
}

/* Rows below the diagonal block of the k-th column. */
static uint32_t rows_below(const struct pattern *p, uint32_t k)
{
    uint32_t sum = 0;
    for (uint32_t i = p->first_row[k]; i < p->first_row[k + 1]; i++) sum += p->size[p->rows[i]];
    return sum;
}

static void count_flops(struct pattern *p)
{
    for (uint32_t k = 0; k < p->n_blocks; k++) {
        double s = p->size[p->order[k]], d = rows_below(p, k);
        p->flops += s * s * s / 3 + s * s * d + s * d * d;
    }
}

static bool number_rows(struct pattern *p, const uint32_t size[])
{
    for (uint32_t i = 0; i < p->n_blocks; i++) {
        p->size[i] = size[i];
        p->first[i] = p->n;
        if (size[i] > INT32_MAX - p->n) return false;
        p->n += size[i];
        if (size[i] > p->largest) p->largest = size[i];
    }
    return true;
}

static bool allocate(struct pattern *p)
{
    size_t n = p->n_blocks, square, bytes;
    if (!size_product(n, n, &square) || !size_product(square + 1, sizeof *p->at, &bytes)) return false;
    p->size = calloc(n + 1, sizeof *p->size);
    p->first = calloc(n + 1, sizeof *p->first);
    p->order = calloc(n + 1, sizeof *p->order);
    p->place = calloc(n + 1, sizeof *p->place);
    p->first_row = calloc(n + 1, sizeof *p->first_row);
    p->at = malloc(bytes);
    if (!p->size || !p->first || !p->order || !p->place || !p->first_row || !p->at) return false;
    for (size_t i = 0; i < square; i++) p->at[i] = SIZE_MAX;
    return true;
}

static bool lay_out(struct pattern *p, struct graph *graph)
{
    order_blocks(p, graph);
    p->rows = calloc((size_t)graph->edges + 1, sizeof *p->rows);
    if (!p->rows) return false;
    for (uint32_t k = 0; k < p->n_blocks; k++)
        if (!lay_out_column(p, graph, k)) return false;
    count_flops(p);
    return true;
}

bool pattern_init(struct pattern *pattern, uint32_t n_blocks, const uint32_t size[], const bool coupled[])
{
    struct graph graph = {0};
    *pattern = (struct pattern){.n_blocks = n_blocks};
    bool good = allocate(pattern) && number_rows(pattern, size) && graph_init(&graph, n_blocks, size, coupled) &&
                lay_out(pattern, &graph);
    graph_fini(&graph);
    return good;
}

void pattern_fini(struct pattern *pattern)
{
    free(pattern->size);
    free(pattern->first);
    free(pattern->order);
    free(pattern->place);
    free(pattern->at);
    free(pattern->rows);
    free(pattern->first_row);
    *pattern = (struct pattern){0};
}

/* ---- one column of blocks ---- */

/* The k-th column of a matrix: `diagonal` is [size][size], `below` is [rows][size], of the block rows from `row` to `end`. */
struct column {
    uint32_t block;
    int size, rows;
    const uint32_t *row, *end;
    size_t diagonal, below; /* where in a matrix */
};

static struct column column_of(const struct pattern *p, uint32_t k)
{
    uint32_t block = p->order[k], size = p->size[block];
    size_t diagonal = p->at[(size_t)block * p->n_blocks + block];
    return (struct column){.block = block,
                           .size = (int)size,
                           .rows = (int)rows_below(p, k),
                           .row = p->rows + p->first_row[k],
                           .end = p->rows + p->first_row[k + 1],
                           .diagonal = diagonal,
                           .below = diagonal + (size_t)size * size};
}

static size_t block_at(const struct pattern *p, uint32_t row, uint32_t column)
{
    return p->at[(size_t)row * p->n_blocks + column];
}

/* ---- Cholesky ---- */

/* A rank-deficient A passes a plain Cholesky by rounding: a pivot must exceed this. Written such that NaN fails. */
struct bar {
    const double *diagonal; /* of A, at the block's first row */
    double least;
};

static bool pivot_holds(const struct bar *bar, int i, double pivot)
{
    return pivot > bar->least * fabs(bar->diagonal[i]);
}

/* Row after row; returns the row whose pivot fails, or `end`. Rows begin … end of a block, columns from `begin`. */
static int factor_rows(double *A, int n, int begin, int end, const struct bar *bar)
{
    for (int i = begin; i < end; i++) {
        double *row = A + (size_t)i * n, pivot = row[i];
        for (int j = begin; j < i; j++) {
            const double *above = A + (size_t)j * n;
            double sum = row[j];
            for (int l = begin; l < j; l++) sum -= row[l] * above[l];
            row[j] = sum / above[j];
            pivot -= row[j] * row[j];
        }
        row[i] = pivot;
        if (!pivot_holds(bar, i, pivot)) return i;
        row[i] = sqrt(pivot);
    }
    return end;
}

/* X = X L⁻ᵀ, X of `rows` rows beside each other as those of L are: by halves, since products are faster than BLAS's substitution. */
static void substitute(const double *L, int n, int width, double *X, int rows)
{
    enum { SMALL = 64 };
    if (n <= SMALL) {
        cblas_dtrsm(CblasRowMajor, CblasRight, CblasLower, CblasTrans, CblasNonUnit, rows, n, 1, L, width, X,
                    width);
        return;
    }
    int half = (n / 2 + 7) / 8 * 8;
    const double *below = L + (size_t)half * width;
    substitute(L, half, width, X, rows);
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, rows, n - half, half, -1, X, width, below, width, 1,
                X + half, width);
    substitute(below + half, n - half, width, X + half, rows);
}

/* The same by halves: the left half, the rows beside it, what they leave for the right half. */
static int factor_block(double *A, int n, int begin, int end, const struct bar *bar)
{
    enum { SMALL = 24 };
    if (end - begin <= SMALL) return factor_rows(A, n, begin, end, bar);
    int middle = begin + ((end - begin) / 2 + 7) / 8 * 8, rest = end - middle;
    int failing = factor_block(A, n, begin, middle, bar);
    if (failing < middle) return failing;
    double *corner = A + (size_t)begin * n + begin, *beside = A + (size_t)middle * n + begin;
    substitute(corner, middle - begin, n, beside, rest);
    cblas_dsyrk(CblasRowMajor, CblasLower, CblasNoTrans, rest, middle - begin, -1, beside, n, 1,
                A + (size_t)middle * n + middle, n);
    return factor_block(A, n, middle, end, bar);
}

/* A -= X Xᵀ, X of n rows, in the lower triangle; by halves, for the same reason. */
static void subtract_square(double *A, int n, int width, const double *X, int inner)
{
    enum { SMALL = 128 };
    if (n <= SMALL) {
        cblas_dsyrk(CblasRowMajor, CblasLower, CblasNoTrans, n, inner, -1, X, inner, 1, A, width);
        return;
    }
    int half = (n / 2 + 7) / 8 * 8;
    double *below = A + (size_t)half * width;
    const double *rest = X + (size_t)half * inner;
    subtract_square(A, half, width, X, inner);
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, n - half, half, inner, -1, rest, inner, X, inner, 1, below,
                width);
    subtract_square(below + half, n - half, width, rest, inner);
}

/* The k-th column of A less what the column before it at `j` has of it: A_ik -= L_ij L_kjᵀ. */
static void subtract_column(const struct pattern *p, double *A, uint32_t k, uint32_t j)
{
    uint32_t block = p->order[k], before = p->order[j];
    int size = (int)p->size[block], inner = (int)p->size[before];
    const double *own = A + block_at(p, block, before);
    for (uint32_t i = p->first_row[j + 1]; i-- > p->first_row[j] && p->rows[i] != block;)
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)p->size[p->rows[i]], size, inner, -1,
                    A + block_at(p, p->rows[i], before), inner, own, inner, 1, A + block_at(p, p->rows[i], block),
                    size);
    subtract_square(A + block_at(p, block, block), size, size, own, inner);
}

/* Rows of x in a block, by what L has to the left of them: x_k = L_kk⁻¹ (x_k - Σ L_kj x_j). */
static void solve_row(const struct pattern *p, const double *L, uint32_t k, double x[])
{
    struct column c = column_of(p, k);
    double *here = x + p->first[c.block];
    for (uint32_t j = 0; j < k; j++) {
        uint32_t before = p->order[j];
        int inner = (int)p->size[before];
        if (block_at(p, c.block, before) == SIZE_MAX) continue;
        cblas_dgemv(CblasRowMajor, CblasNoTrans, c.size, inner, -1, L + block_at(p, c.block, before), inner,
                    x + p->first[before], 1, 1, here, 1);
    }
    cblas_dtrsv(CblasRowMajor, CblasLower, CblasNoTrans, CblasNonUnit, c.size, L + c.diagonal, c.size, here, 1);
}

/* Returns the row of the block whose pivot fails, or its size. */
static int factor_column(const struct pattern *p, double *A, const double diagonal[], uint32_t k)
{
    struct column c = column_of(p, k);
    struct bar bar = {diagonal + p->first[c.block], 100.0 * p->n * DBL_EPSILON};
    for (uint32_t j = 0; j < k; j++)
        if (block_at(p, c.block, p->order[j]) != SIZE_MAX) subtract_column(p, A, k, j);
    int failing = factor_block(A + c.diagonal, c.size, 0, c.size, &bar);
    if (failing == c.size && c.rows) substitute(A + c.diagonal, c.size, c.size, A + c.below, c.rows);
    return failing;
}

bool blocks_factor_columns(const struct pattern *p, double *A, const double diagonal[], double x[],
                           const struct columns *columns, uint32_t *out_row)
{
    for (uint32_t k = 0; k < p->n_blocks; k++) {
        if (columns) columns->fill(columns->self, k);
        uint32_t block = p->order[k], failing = (uint32_t)factor_column(p, A, diagonal, k);
        if (failing < p->size[block]) {
            *out_row = p->first[block] + failing;
            return false;
        }
        if (x) solve_row(p, A, k, x);
    }
    return true;
}

bool blocks_factor(const struct pattern *p, double *A, const double diagonal[], uint32_t *out_row)
{
    return blocks_factor_columns(p, A, diagonal, NULL, NULL, out_row);
}

double blocks_logdet(const struct pattern *p, const double *L)
{
    double sum = 0;
    for (uint32_t i = 0; i < p->n_blocks; i++)
        for (uint32_t j = 0; j < p->size[i]; j++) sum += log(L[block_at(p, i, i) + (size_t)j * p->size[i] + j]);
    return 2 * sum;
}

void blocks_solve_half(const struct pattern *p, const double *L, double x[])
{
    for (uint32_t k = 0; k < p->n_blocks; k++) solve_row(p, L, k, x);
}

/* x = L⁻ᵀ x from the k-th column, of which the first `size` rows count, back to the first; behind them x is 0. */
static void solve_back(const struct pattern *p, const double *L, uint32_t k, int size, double x[])
{
    for (uint32_t l = k + 1; l-- > 0;) {
        struct column c = column_of(p, l);
        double *here = x + p->first[c.block];
        const double *B = L + c.below;
        for (const uint32_t *row = c.row; l < k && row < c.end; B += (size_t)p->size[*row++] * c.size)
            cblas_dgemv(CblasRowMajor, CblasTrans, (int)p->size[*row], c.size, -1, B, c.size, x + p->first[*row], 1,
                        1, here, 1);
        cblas_dtrsv(CblasRowMajor, CblasLower, CblasTrans, CblasNonUnit, l == k ? size : c.size, L + c.diagonal,
                    c.size, here, 1);
    }
}

void blocks_solve(const struct pattern *p, const double *L, double x[])
{
    blocks_solve_half(p, L, x);
    uint32_t last = p->n_blocks - 1;
    solve_back(p, L, last, (int)p->size[p->order[last]], x);
}

/* The block that a row is in. */
static uint32_t block_of_row(const struct pattern *p, uint32_t row)
{
    uint32_t block = 0;
    while (row - p->first[block] >= p->size[block]) block++;
    return block;
}

double blocks_direction(const struct pattern *p, const double *L, uint32_t row, double v[])
{
    uint32_t block = block_of_row(p, row), place = p->place[block], size = p->size[block];
    size_t i = row - p->first[block];
    const double *own = L + block_at(p, block, block) + i * size;
    memset(v, 0, p->n * sizeof *v);
    for (uint32_t k = 0; k < place; k++) {
        uint32_t column = p->order[k], width = p->size[column];
        if (block_at(p, block, column) == SIZE_MAX) continue;
        cblas_daxpy((int)width, -1, L + block_at(p, block, column) + i * width, 1, v + p->first[column], 1);
    }
    cblas_daxpy((int)i, -1, own, 1, v + p->first[block], 1);
    solve_back(p, L, place, (int)i, v);
    v[row] = 1;
    return own[i];
}

/* ---- the inverse ---- */

/* Scratch of a column: three arrays of its size below the diagonal, and one of its diagonal block's. */
struct scratch {
    double *Y, *dY, *rest, *D;
};

static size_t most_below(const struct pattern *p)
{
    size_t most = 0;
    for (uint32_t k = 0; k < p->n_blocks; k++) {
        size_t below = (size_t)rows_below(p, k) * p->size[p->order[k]];
        if (below > most) most = below;
    }
    return most;
}

size_t blocks_work(const struct pattern *p)
{
    return 3 * most_below(p) + (size_t)p->largest * p->largest;
}

static struct scratch scratch_of(const struct pattern *p, double work[])
{
    size_t below = most_below(p);
    return (struct scratch){work, work + below, work + 2 * below, work + 3 * below};
}

/* X = X (L_kk L_kkᵀ)⁻¹, X of `rows` rows. */
static void divide(const double *L, const struct column *c, int rows, double *X)
{
    if (!rows) return;
    cblas_dtrsm(CblasRowMajor, CblasRight, CblasLower, CblasTrans, CblasNonUnit, rows, c->size, 1, L + c->diagonal,
                c->size, X, c->size);
    cblas_dtrsm(CblasRowMajor, CblasRight, CblasLower, CblasNoTrans, CblasNonUnit, rows, c->size, 1,
                L + c->diagonal, c->size, X, c->size);
}

/* Y = L_below L_kk⁻¹, so that the column of LDLᵀ, D = L_kk L_kkᵀ. */
static void unit_column(const double *L, const struct column *c, double *Y)
{
    if (!c->rows) return;
    memcpy(Y, L + c->below, (size_t)c->rows * c->size * sizeof *Y);
    cblas_dtrsm(CblasRowMajor, CblasRight, CblasLower, CblasNoTrans, CblasNonUnit, c->rows, c->size, 1,
                L + c->diagonal, c->size, Y, c->size);
}

/* out -= M Y over the block rows of a column: M symmetric, its diagonal blocks whole. */
static void subtract_times(const struct pattern *p, const double *M, const struct column *c, const double *Y,
                           double *out)
{
    size_t i = 0;
    for (const uint32_t *row = c->row; row < c->end; i += (size_t)p->size[*row++] * c->size) {
        size_t j = 0;
        int rows = (int)p->size[*row];
        for (const uint32_t *column = c->row; column <= row; j += (size_t)p->size[*column++] * c->size) {
            const double *block = M + block_at(p, *row, *column);
            int columns = (int)p->size[*column];
            cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, rows, c->size, columns, -1, block, columns,
                        Y + j, c->size, 1, out + i, c->size);
            if (column < row)
                cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, columns, c->size, rows, -1, block, columns,
                            Y + i, c->size, 1, out + j, c->size);
        }
    }
}

/* out -= Xᵀ Y over the rows of a column. */
static void subtract_inner(const struct column *c, const double *X, const double *Y, double *out)
{
    if (!c->rows) return;
    cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, c->size, c->size, c->rows, -1, X, c->size, Y, c->size, 1,
                out, c->size);
}

static void set_identity(double *D, int n)
{
    memset(D, 0, (size_t)n * n * sizeof *D);
    for (int i = 0; i < n; i++) D[(size_t)i * n + i] = 1;
}

/* Both triangles become the mean of the two. */
static void make_symmetric(double *D, int n)
{
    for (int i = 0; i < n; i++)
        for (int j = 0; j < i; j++) {
            double *below = D + (size_t)i * n + j, *above = D + (size_t)j * n + i;
            *below = *above = 0.5 * (*below + *above);
        }
}

/* Z_below = -Z Y, Z_kk = D⁻¹ - Yᵀ Z_below. */
void blocks_invert(const struct pattern *p, const double *L, double work[], double *Z)
{
    struct scratch s = scratch_of(p, work);
    for (uint32_t k = p->n_blocks; k-- > 0;) {
        struct column c = column_of(p, k);
        unit_column(L, &c, s.Y);
        memset(Z + c.below, 0, (size_t)c.rows * c.size * sizeof *Z);
        subtract_times(p, Z, &c, s.Y, Z + c.below);
        set_identity(Z + c.diagonal, c.size);
        divide(L, &c, c.size, Z + c.diagonal);
        subtract_inner(&c, s.Y, Z + c.below, Z + c.diagonal);
        make_symmetric(Z + c.diagonal, c.size);
    }
}

/* ---- its tangent ---- */

static void copy_lower_to_upper(double *D, int n)
{
    for (int i = 0; i < n; i++)
        for (int j = 0; j < i; j++) D[(size_t)j * n + i] = D[(size_t)i * n + j];
}

/* S -= W Yᵀ + Y Wᵀ over the block rows of a column, diagonal blocks whole. */
static void subtract_symmetric(const struct pattern *p, double *S, const struct column *c, const double *W,
                               const double *Y)
{
    size_t i = 0;
    for (const uint32_t *row = c->row; row < c->end; i += (size_t)p->size[*row++] * c->size) {
        size_t j = 0;
        int rows = (int)p->size[*row];
        for (const uint32_t *column = c->row; column <= row; j += (size_t)p->size[*column++] * c->size) {
            double *block = S + block_at(p, *row, *column);
            int columns = (int)p->size[*column];
            cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, rows, columns, c->size, -1, W + i, c->size, Y + j,
                        c->size, 1, block, columns);
            cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, rows, columns, c->size, -1, Y + i, c->size, W + j,
                        c->size, 1, block, columns);
        }
    }
}

/* out = X - share Y dD. */
static void less_pivot(const struct column *c, const double *X, double share, const double *Y, const double *dD,
                       double *out)
{
    if (!c->rows) return;
    memcpy(out, X, (size_t)c->rows * c->size * sizeof *out);
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, c->rows, c->size, c->size, -share, Y, c->size, dD,
                c->size, 1, out, c->size);
}

/* The tangent of block LDLᵀ in place: dA to dD on the diagonal and dY = (dS - Y dD) D⁻¹ below it; what is left of A loses
 * d(Y D Yᵀ) = W Yᵀ + Y Wᵀ, W = dS - 1/2 Y dD. */
static void factor_tangent(const struct pattern *p, const double *L, const struct scratch *s, double *dA)
{
    for (uint32_t k = 0; k < p->n_blocks; k++) {
        struct column c = column_of(p, k);
        unit_column(L, &c, s->Y);
        less_pivot(&c, dA + c.below, 0.5, s->Y, dA + c.diagonal, s->rest);
        subtract_symmetric(p, dA, &c, s->rest, s->Y);
        less_pivot(&c, dA + c.below, 1, s->Y, dA + c.diagonal, s->dY);
        divide(L, &c, c.rows, s->dY);
        memcpy(dA + c.below, s->dY, (size_t)c.rows * c.size * sizeof *dA);
    }
}

/* out = D⁻¹ dD D⁻¹, D = L_kk L_kkᵀ. */
static void divide_twice(const double *L, const struct column *c, const double *dD, double *out)
{
    memcpy(out, dD, (size_t)c->size * c->size * sizeof *out);
    divide(L, c, c->size, out);
    cblas_dtrsm(CblasRowMajor, CblasLeft, CblasLower, CblasNoTrans, CblasNonUnit, c->size, c->size, 1,
                L + c->diagonal, c->size, out, c->size);
    cblas_dtrsm(CblasRowMajor, CblasLeft, CblasLower, CblasTrans, CblasNonUnit, c->size, c->size, 1,
                L + c->diagonal, c->size, out, c->size);
}

/* One column of dZ_below = -dZ Y - Z dY, dZ_kk = -D⁻¹ dD D⁻¹ - dYᵀ Z_below - Yᵀ dZ_below; it holds dD and dY before. */
static void invert_column_tangent(const struct pattern *p, const double *L, const double *Z, const struct column *c,
                                  const struct scratch *s, double *dZ)
{
    size_t below = (size_t)c->rows * c->size, square = (size_t)c->size * c->size;
    unit_column(L, c, s->Y);
    memcpy(s->dY, dZ + c->below, below * sizeof *dZ);
    memset(dZ + c->below, 0, below * sizeof *dZ);
    subtract_times(p, dZ, c, s->Y, dZ + c->below);
    subtract_times(p, Z, c, s->dY, dZ + c->below);
    divide_twice(L, c, dZ + c->diagonal, s->D);
    for (size_t i = 0; i < square; i++) dZ[c->diagonal + i] = -s->D[i];
    subtract_inner(c, s->dY, Z + c->below, dZ + c->diagonal);
    subtract_inner(c, s->Y, dZ + c->below, dZ + c->diagonal);
    make_symmetric(dZ + c->diagonal, c->size);
}

void blocks_invert_tangent(const struct pattern *p, const double *L, const double *Z, const double *dA,
                           double work[], double *dZ)
{
    struct scratch s = scratch_of(p, work);
    if (dZ != dA) memcpy(dZ, dA, p->numbers * sizeof *dZ);
    for (uint32_t i = 0; i < p->n_blocks; i++) copy_lower_to_upper(dZ + block_at(p, i, i), (int)p->size[i]);
    factor_tangent(p, L, &s, dZ);
    for (uint32_t k = p->n_blocks; k-- > 0;) {
        struct column c = column_of(p, k);
        invert_column_tangent(p, L, Z, &c, &s, dZ);
    }
}
