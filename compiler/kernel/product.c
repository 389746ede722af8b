/* product.c: recognises the nest that is one matrix product, and says how to call gemm. */
#include "compiler/kernel/nest.h"

#include <string.h>

/* A loop of the product; one that the nest does not have runs once and moves nothing. */
struct axis {
    uint32_t loop, extent; /* loop NEST_NONE: missing */
};

static int64_t stride_along(const struct operand *operand, struct axis axis)
{
    return axis.loop == NEST_NONE || axis.extent == 1 ? 0 : operand->stride[axis.loop];
}

/* Whether element (row, column) of the operand stands at row * ld + column. */
static bool is_row_major(const struct operand *operand, struct axis row, struct axis column, uint32_t *out_ld)
{
    if (column.extent == NEST_BATCH || (column.extent != 1 && stride_along(operand, column) != 1)) return false;
    int64_t ld = row.extent == 1 ? column.extent : stride_along(operand, row);
    if (ld < column.extent || ld > UINT32_MAX) return false;
    *out_ld = (uint32_t)ld;
    return true;
}

static bool is_matrix(const struct operand *operand, struct axis row, struct axis column, bool *out_transposed,
                      uint32_t *out_ld)
{
    *out_transposed = false;
    if (is_row_major(operand, row, column, out_ld)) return true;
    *out_transposed = true;
    return is_row_major(operand, column, row, out_ld);
}

/* The body must be: two loads, their product, its sum. */
static bool read_body(const struct program *body, uint32_t *out_a, uint32_t *out_b)
{
    if (body->count != 4) return false;
    const struct scalar *x = &body->code[0], *y = &body->code[1], *product = &body->code[2], *sum = &body->code[3];
    if (x->op != SCALAR_LOAD || y->op != SCALAR_LOAD || product->op != PRIMITIVE_mul) return false;
    if (product->a + product->b != 1) return false;
    if (sum->op != SCALAR_ACCUMULATE || sum->reduction != REDUCE_SUM || sum->a != 2) return false;
    *out_a = x->index, *out_b = y->index;
    return true;
}

/* Whether a value is the same in every iteration and needs no memory. */
static bool is_fixed(const struct program *program, uint32_t at)
{
    const struct scalar *s = &program->code[at];
    if (s->op >= PRIMITIVES && scalar_arity(s->op) == 0)
        return s->op == SCALAR_NUMBER || s->op == SCALAR_ARGUMENT || s->op == SCALAR_BATCH;
    if (s->op == SCALAR_STORE) return false;
    uint32_t argument[3] = {s->a, s->b, s->c};
    for (uint32_t i = 0; i < scalar_arity(s->op); i++)
        if (!is_fixed(program, argument[i])) return false;
    return true;
}

/* ± alpha * acc, with one factor alpha. */
static bool read_scaled(const struct program *finish, uint32_t at, uint32_t *out_alpha, bool *out_negative)
{
    const struct scalar *s = &finish->code[at];
    while (s->op == PRIMITIVE_neg) *out_negative = !*out_negative, s = &finish->code[s->a];
    *out_alpha = NEST_NONE;
    if (s->op == PRIMITIVE_mul) {
        bool left = is_fixed(finish, s->a);
        if (!left && !is_fixed(finish, s->b)) return false;
        *out_alpha = left ? s->a : s->b;
        s = &finish->code[left ? s->b : s->a];
        while (s->op == PRIMITIVE_neg) *out_negative = !*out_negative, s = &finish->code[s->a];
    }
    return s->op == SCALAR_ACCUMULATED;
}

static bool is_load_of(const struct program *program, uint32_t at, uint32_t operand)
{
    return program->code[at].op == SCALAR_LOAD && program->code[at].index == operand;
}

static bool read_finish(const struct program *finish, struct product *out, bool *out_negative)
{
    if (!finish->count) return false;
    const struct scalar *last = &finish->code[finish->count - 1];
    if (last->op != SCALAR_STORE) return false;
    for (uint32_t i = 0; i + 1 < finish->count; i++)
        if (finish->code[i].op == SCALAR_STORE) return false;
    const struct scalar *value = &finish->code[last->a];
    out->c = last->index;
    *out_negative = value->op == PRIMITIVE_sub;
    out->accumulate = value->op == PRIMITIVE_add || value->op == PRIMITIVE_sub;
    if (!out->accumulate) return read_scaled(finish, last->a, &out->alpha, out_negative);
    if (is_load_of(finish, value->a, out->c)) return read_scaled(finish, value->b, &out->alpha, out_negative);
    return value->op == PRIMITIVE_add && is_load_of(finish, value->b, out->c) &&
           read_scaled(finish, value->a, &out->alpha, out_negative);
}

/* With these axes: op(A)[m][k] op(B)[k][n] = C[m][n]? */
static bool fits(const struct nest *nest, struct axis m, struct axis n, struct axis k, struct product *out)
{
    const struct operand *a = &nest->operand[out->a], *b = &nest->operand[out->b], *c = &nest->operand[out->c];
    out->m = m.extent, out->n = n.extent, out->k = k.extent;
    return stride_along(a, n) == 0 && stride_along(b, m) == 0 && is_row_major(c, m, n, &out->ldc) &&
           is_matrix(a, m, k, &out->transpose_a, &out->lda) && is_matrix(b, k, n, &out->transpose_b, &out->ldb);
}

/* The one summed loop and the two others; those of one iteration need not be there. */
static bool find_axes(const struct nest *nest, struct axis free[2], struct axis *k)
{
    uint32_t n_free = 0, n_summed = 0;
    free[0] = free[1] = (struct axis){NEST_NONE, 1};
    for (uint32_t i = nest->outer; i < nest->depth; i++) {
        struct axis axis = {i, nest->extent[i]};
        if (nest->summed >> i & 1)
            *k = axis, n_summed++;
        else if (n_free < 2)
            free[n_free++] = axis;
        else
            return false;
    }
    return n_summed == 1;
}

bool nest_product(const struct nest *nest, struct product *out, bool *out_negative)
{
    struct axis free[2], k = {NEST_NONE, 1};
    uint32_t x, y;
    memset(out, 0, sizeof *out);
    if (!find_axes(nest, free, &k) || nest->n_accumulators != 1) return false;
    if (!read_body(&nest->body, &x, &y) || !read_finish(&nest->finish, out, out_negative)) return false;
    if (x == out->c || y == out->c) return false;
    for (uint32_t way = 0; way < 4; way++) {
        out->a = way & 1 ? y : x, out->b = way & 1 ? x : y;
        if (fits(nest, free[way >> 1], free[!(way >> 1)], k, out)) return true;
    }
    return false;
}
