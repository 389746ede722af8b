/* test_blocks.c: block Cholesky, its solve, inverse and tangent on random patterns, against dense LAPACK. */
#include "runtime/thermo/blocks.h"

#include <float.h>
#include <lapacke.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/random.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

enum { MOST_BLOCKS = 12, MOST_ROWS = 400 };

/* ---- random graphs of blocks ---- */

struct blocks_graph {
    uint32_t n, size[MOST_BLOCKS];
    bool coupled[MOST_BLOCKS * MOST_BLOCKS];
};

static void couple(struct blocks_graph *g, uint32_t a, uint32_t b)
{
    g->coupled[a * g->n + b] = true;
}

enum kind { CHAIN, STAR, CYCLE, DENSE, ISOLATED, RANDOM, KINDS };

static struct blocks_graph draw_graph(struct random *random, enum kind kind)
{
    static const uint32_t sizes[] = {1, 1, 2, 3, 7, 30};
    struct blocks_graph g = {.n = 1 + random_below(random, MOST_BLOCKS)};
    for (uint32_t i = 0; i < g.n; i++) g.size[i] = sizes[random_below(random, LENGTH(sizes))];
    for (uint32_t i = 0; i < g.n; i++)
        for (uint32_t j = 0; j < i; j++) {
            bool beside = j + 1 == i, closes = i + 1 == g.n && j == 0;
            if ((kind == CHAIN && beside) || (kind == STAR && j == 0) || (kind == CYCLE && (beside || closes)) ||
                kind == DENSE || (kind == RANDOM && random_below(random, 4) == 0))
                couple(&g, i, j);
        }
    return g;
}

/* ---- dense matrices beside block ones ---- */

/* Where element (i, j) of a matrix stands in blocks, or SIZE_MAX where L has no block. */
static size_t element(const struct pattern *p, uint32_t i, uint32_t j)
{
    uint32_t a = 0, b = 0;
    while (i - p->first[a] >= p->size[a]) a++;
    while (j - p->first[b] >= p->size[b]) b++;
    if (p->place[a] < p->place[b]) return element(p, j, i);
    size_t at = p->at[(size_t)a * p->n_blocks + b];
    return at == SIZE_MAX ? at : at + (size_t)(i - p->first[a]) * p->size[b] + (j - p->first[b]);
}

static bool are_coupled(const struct blocks_graph *g, const struct pattern *p, uint32_t i, uint32_t j)
{
    uint32_t a = 0, b = 0;
    while (i - p->first[a] >= p->size[a]) a++;
    while (j - p->first[b] >= p->size[b]) b++;
    return a == b || g->coupled[a * g->n + b] || g->coupled[b * g->n + a];
}

/* A random symmetric matrix on the graph; diagonally dominant where asked. */
static void draw_matrix(struct random *random, const struct blocks_graph *g, const struct pattern *p, bool dominant,
                        double *dense)
{
    uint32_t n = p->n;
    memset(dense, 0, (size_t)n * n * sizeof *dense);
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = 0; j <= i; j++)
            if (are_coupled(g, p, i, j)) dense[i * n + j] = dense[j * n + i] = random_normal(random);
    for (uint32_t i = 0; dominant && i < n; i++) {
        double sum = 0;
        for (uint32_t j = 0; j < n; j++) sum += fabs(dense[i * n + j]);
        dense[i * n + i] = sum + 0.1 + random_uniform(random);
    }
}

/* Nothing is read of a diagonal block above its diagonal. */
static void to_blocks(const struct pattern *p, const double *dense, double *blocks)
{
    for (size_t i = 0; i < p->numbers; i++) blocks[i] = 0;
    for (uint32_t i = 0; i < p->n; i++)
        for (uint32_t j = 0; j < p->n; j++) {
            size_t at = element(p, i, j);
            if (at != SIZE_MAX) blocks[at] = dense[i * p->n + j];
        }
    for (uint32_t a = 0; a < p->n_blocks; a++)
        for (uint32_t i = 0; i < p->size[a]; i++)
            for (uint32_t j = i + 1; j < p->size[a]; j++)
                blocks[p->at[(size_t)a * p->n_blocks + a] + (size_t)i * p->size[a] + j] = NAN;
}

static void take_diagonal(uint32_t n, const double *dense, double diagonal[])
{
    for (uint32_t i = 0; i < n; i++) diagonal[i] = dense[(size_t)i * n + i];
}

/* ln det and the inverse by LAPACK, in place. */
static double invert_dense(uint32_t n, double *dense)
{
    double sum = 0;
    assert_int_equal(LAPACKE_dpotrf(LAPACK_COL_MAJOR, 'L', (int)n, dense, (int)n), 0);
    for (uint32_t i = 0; i < n; i++) sum += 2 * log(dense[(size_t)i * n + i]);
    assert_int_equal(LAPACKE_dpotri(LAPACK_COL_MAJOR, 'L', (int)n, dense, (int)n), 0);
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = 0; j < i; j++) dense[(size_t)i * n + j] = dense[(size_t)j * n + i];
    return sum;
}

static void assert_near(double found, double expected, double tolerance)
{
    if (fabs(found - expected) <= tolerance * (1 + fabs(expected))) return;
    print_error("found %.17g, expected %.17g\n", found, expected);
    fail();
}

static void assert_on_pattern(const struct pattern *p, const double *blocks, const double *dense, double tolerance)
{
    for (uint32_t i = 0; i < p->n; i++)
        for (uint32_t j = 0; j < p->n; j++) {
            size_t at = element(p, i, j);
            if (at != SIZE_MAX) assert_near(blocks[at], dense[i * p->n + j], tolerance);
        }
}

static double *numbers(size_t n)
{
    double *out = calloc(n + 1, sizeof *out);
    assert_non_null(out);
    return out;
}

/* ---- all of it, on one matrix ---- */

struct case_of_blocks {
    struct blocks_graph g;
    struct pattern p;
    double *dense, *L, *diagonal;
};

static struct case_of_blocks draw_case(struct random *random, enum kind kind)
{
    struct case_of_blocks c = {.g = draw_graph(random, kind)};
    assert_true(pattern_init(&c.p, c.g.n, c.g.size, c.g.coupled));
    assert_true(c.p.n <= MOST_ROWS);
    c.dense = numbers((size_t)c.p.n * c.p.n);
    c.L = numbers(c.p.numbers);
    c.diagonal = numbers(c.p.n);
    draw_matrix(random, &c.g, &c.p, true, c.dense);
    to_blocks(&c.p, c.dense, c.L);
    take_diagonal(c.p.n, c.dense, c.diagonal);
    return c;
}

static void free_case(struct case_of_blocks *c)
{
    pattern_fini(&c->p);
    free(c->dense);
    free(c->L);
    free(c->diagonal);
}

static void solve_agrees(struct random *random, const struct case_of_blocks *c, const double *inverse)
{
    uint32_t n = c->p.n;
    double b[MOST_ROWS], x[MOST_ROWS], half[MOST_ROWS], length = 0, product = 0;
    for (uint32_t i = 0; i < n; i++) half[i] = x[i] = b[i] = random_normal(random);
    blocks_solve(&c->p, c->L, x);
    blocks_solve_half(&c->p, c->L, half);
    for (uint32_t i = 0; i < n; i++) {
        double expected = 0;
        for (uint32_t j = 0; j < n; j++) expected += inverse[i * n + j] * b[j];
        assert_near(x[i], expected, 1e-12);
        length += half[i] * half[i];
        product += expected * b[i];
    }
    assert_near(length, product, 1e-12);
}

/* The inverse at A + step dA, where L has blocks. */
static void inverse_at(const struct case_of_blocks *c, const double *direction, double step, double *work,
                       double *Z)
{
    uint32_t n = c->p.n, row;
    double *shifted = numbers((size_t)n * n), *L = numbers(c->p.numbers), diagonal[MOST_ROWS];
    for (size_t i = 0; i < (size_t)n * n; i++) shifted[i] = c->dense[i] + step * direction[i];
    to_blocks(&c->p, shifted, L);
    take_diagonal(n, shifted, diagonal);
    assert_true(blocks_factor(&c->p, L, diagonal, &row));
    blocks_invert(&c->p, L, work, Z);
    free(shifted);
    free(L);
}

static void tangent_agrees(struct random *random, const struct case_of_blocks *c, const double *Z, double *work)
{
    const double step = 1e-4;
    uint32_t n = c->p.n;
    double *direction = numbers((size_t)n * n), *dZ = numbers(c->p.numbers), *dA = numbers(c->p.numbers);
    double *up = numbers(c->p.numbers), *down = numbers(c->p.numbers);
    draw_matrix(random, &c->g, &c->p, false, direction);
    to_blocks(&c->p, direction, dA);
    blocks_invert_tangent(&c->p, c->L, Z, dA, work, dZ);
    inverse_at(c, direction, step, work, up);
    inverse_at(c, direction, -step, work, down);
    for (size_t i = 0; i < c->p.numbers; i++) assert_near(dZ[i], (up[i] - down[i]) / (2 * step), 2e-6);
    free(direction);
    free(dZ);
    free(dA);
    free(up);
    free(down);
}

/* dZ is -A⁻¹ dA A⁻¹ to rounding, where L has blocks. */
static void tangent_is_product(struct random *random, const struct case_of_blocks *c, const double *inverse,
                               const double *Z, double *work)
{
    uint32_t n = c->p.n;
    double *dA = numbers((size_t)n * n), *half = numbers((size_t)n * n), *dense = numbers((size_t)n * n);
    double *dZ = numbers(c->p.numbers);
    draw_matrix(random, &c->g, &c->p, false, dA);
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t k = 0; k < n; k++)
            for (uint32_t j = 0; j < n; j++) half[i * n + j] += inverse[i * n + k] * dA[k * n + j];
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t k = 0; k < n; k++)
            for (uint32_t j = 0; j < n; j++) dense[i * n + j] -= half[i * n + k] * inverse[k * n + j];
    to_blocks(&c->p, dA, dZ);
    blocks_invert_tangent(&c->p, c->L, Z, dZ, work, dZ);
    assert_on_pattern(&c->p, dZ, dense, 1e-11);
    free(dA);
    free(half);
    free(dense);
    free(dZ);
}

static void agrees(struct random *random, struct case_of_blocks *c)
{
    uint32_t row;
    double *inverse = numbers((size_t)c->p.n * c->p.n), *Z = numbers(c->p.numbers);
    double *work = numbers(blocks_work(&c->p));
    memcpy(inverse, c->dense, (size_t)c->p.n * c->p.n * sizeof *inverse);
    double logdet = invert_dense(c->p.n, inverse);
    assert_true(blocks_factor(&c->p, c->L, c->diagonal, &row));
    assert_near(blocks_logdet(&c->p, c->L), logdet, 1e-13);
    solve_agrees(random, c, inverse);
    blocks_invert(&c->p, c->L, work, Z);
    assert_on_pattern(&c->p, Z, inverse, 1e-12);
    tangent_agrees(random, c, Z, work);
    tangent_is_product(random, c, inverse, Z, work);
    free(inverse);
    free(Z);
    free(work);
}

static void dense_agrees(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 40 * KINDS; i++) {
        struct random random = random_stream(7, RANDOM_PROBE, i, 0);
        struct case_of_blocks c = draw_case(&random, i % KINDS);
        agrees(&random, &c);
        free_case(&c);
    }
}

/* Blocks that are factored by halves. */
static void large_blocks_agree(void **state)
{
    struct random random = random_stream(8, RANDOM_PROBE, 0, 0);
    struct case_of_blocks c = {.g = {.n = 3, .size = {130, 97, 150}}};
    (void)state;
    couple(&c.g, 0, 1);
    couple(&c.g, 1, 2);
    assert_true(pattern_init(&c.p, c.g.n, c.g.size, c.g.coupled));
    c.dense = numbers((size_t)c.p.n * c.p.n);
    c.L = numbers(c.p.numbers);
    c.diagonal = numbers(c.p.n);
    draw_matrix(&random, &c.g, &c.p, true, c.dense);
    to_blocks(&c.p, c.dense, c.L);
    take_diagonal(c.p.n, c.dense, c.diagonal);
    agrees(&random, &c);
    free_case(&c);
}

/* ---- order and fill ---- */

static void assert_order(struct pattern *p, const uint32_t expected[], uint32_t fill, double numbers_expected)
{
    for (uint32_t k = 0; k < p->n_blocks; k++) assert_int_equal(p->order[k], expected[k]);
    assert_int_equal(p->fill, fill);
    assert_true((double)p->numbers == numbers_expected);
    pattern_fini(p);
}

/* A chain is taken from its end; a star's middle comes last, so that nothing fills; a cycle fills. */
static void orders(void **state)
{
    struct pattern p;
    struct blocks_graph chain = {.n = 4, .size = {5, 5, 5, 5}}, star = {.n = 4, .size = {2, 3, 4, 5}};
    struct blocks_graph cycle = {.n = 5, .size = {1, 1, 1, 1, 1}};
    (void)state;
    for (uint32_t i = 1; i < 4; i++) couple(&chain, i, i - 1);
    assert_true(pattern_init(&p, 4, chain.size, chain.coupled));
    assert_true(fabs(p.flops - (4 * 125 / 3.0 + 3 * 2 * 125)) < 1e-9);
    assert_order(&p, (uint32_t[]){0, 1, 2, 3}, 0, 7 * 25);
    for (uint32_t i = 1; i < 4; i++) couple(&star, 0, i);
    assert_true(pattern_init(&p, 4, star.size, star.coupled));
    assert_order(&p, (uint32_t[]){1, 2, 3, 0}, 0, 4 + 9 + 16 + 25 + 2 * (3 + 4 + 5));
    for (uint32_t i = 0; i < 5; i++) couple(&cycle, i, (i + 1) % 5);
    assert_true(pattern_init(&p, 5, cycle.size, cycle.coupled));
    assert_order(&p, (uint32_t[]){0, 1, 2, 3, 4}, 2, 12);
}

/* ---- what has no factor ---- */

/* Where two rows of a block are alike the second fails, along the difference of the two. */
static void rank_deficient(void **state)
{
    (void)state;
    for (uint32_t t = 0; t < 60; t++) {
        struct random random = random_stream(9, RANDOM_PROBE, t, 0);
        struct case_of_blocks c = draw_case(&random, t % KINDS);
        uint32_t n = c.p.n, row = UINT32_MAX, twin;
        double v[MOST_ROWS], image = 0, largest = 0;
        /* Two rows of one block that are alike, or a row of zeros where the block has but one. */
        uint32_t block = random_below(&random, c.g.n), from = c.p.first[block];
        twin = from + (c.p.size[block] > 1);
        for (uint32_t pass = 0; pass < 2; pass++)
            for (uint32_t j = 0; j < n; j++) {
                double value = twin == from ? 0 : c.dense[from * n + j];
                if (pass == 0) c.dense[twin * n + j] = value;
                if (pass == 1) c.dense[j * n + twin] = twin == from ? 0 : c.dense[j * n + from];
            }
        to_blocks(&c.p, c.dense, c.L);
        take_diagonal(n, c.dense, c.diagonal);
        assert_false(blocks_factor(&c.p, c.L, c.diagonal, &row));
        assert_int_equal(row, twin);
        double pivot = blocks_direction(&c.p, c.L, row, v);
        assert_true(v[row] == 1);
        for (uint32_t i = 0; i < n; i++) {
            double product = 0;
            for (uint32_t j = 0; j < n; j++) product += c.dense[i * n + j] * v[j];
            image = fmax(image, fabs(product));
            largest = fmax(largest, fabs(c.dense[i * n + i]));
        }
        assert_true(image <= 1e-13 * largest * n);
        assert_true(fabs(pivot) <= 1e-13 * largest * n);
        free_case(&c);
    }
}

/* vᵀA v is the pivot that fails, also where it is far below 0. */
static void indefinite(void **state)
{
    (void)state;
    for (uint32_t t = 0; t < 60; t++) {
        struct random random = random_stream(10, RANDOM_PROBE, t, 0);
        struct case_of_blocks c = draw_case(&random, t % KINDS);
        uint32_t n = c.p.n, at = random_below(&random, n), row = UINT32_MAX;
        double v[MOST_ROWS], form = 0;
        c.dense[at * n + at] = -1;
        to_blocks(&c.p, c.dense, c.L);
        take_diagonal(n, c.dense, c.diagonal);
        assert_false(blocks_factor(&c.p, c.L, c.diagonal, &row));
        double pivot = blocks_direction(&c.p, c.L, row, v);
        for (uint32_t i = 0; i < n; i++)
            for (uint32_t j = 0; j < n; j++) form += v[i] * c.dense[i * n + j] * v[j];
        assert_true(pivot <= 0);
        assert_near(form, pivot, 1e-12);
        free_case(&c);
    }
}

/* A matrix with a number that is not finite is refused. */
static void not_finite(void **state)
{
    struct random random = random_stream(11, RANDOM_PROBE, 0, 0);
    struct case_of_blocks c = draw_case(&random, CHAIN);
    uint32_t row;
    (void)state;
    c.L[0] = NAN;
    assert_false(blocks_factor(&c.p, c.L, c.diagonal, &row));
    free_case(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dense_agrees),   cmocka_unit_test(large_blocks_agree), cmocka_unit_test(orders),
        cmocka_unit_test(rank_deficient), cmocka_unit_test(indefinite),         cmocka_unit_test(not_finite),
    };
    return cmocka_run_group_tests_name("blocks", tests, NULL, NULL);
}
