/* test_nest.c: nests are verified, printed and run; products are recognised in each of their forms. */
#include "compiler/kernel/nest.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "runtime/base/text.h"

static uint32_t put(struct nests *to, struct program *program, uint8_t op, uint32_t a, uint32_t b, uint32_t index)
{
    return program_add(to->arena, program, (struct scalar){.op = op, .a = a, .b = b, .index = index});
}

static struct operand operand_at(uint32_t slab, uint64_t offset, int64_t s0, int64_t s1, int64_t s2)
{
    return (struct operand){.at = {.slab = slab, .offset = offset}, .stride = {s0, s1, s2}};
}

/* C[m][n] = sum over k of A B, with strides given by the caller; the finish is for the caller to fill in. */
static struct nest *add_product(struct nests *to, uint32_t m, uint32_t n, uint32_t k, struct operand a,
                                struct operand b)
{
    struct nest *nest = nests_add(to);
    nest->depth = 3, nest->summed = 4, nest->n_accumulators = 1;
    nest->extent[0] = m, nest->extent[1] = n, nest->extent[2] = k;
    uint32_t x = put(to, &nest->body, SCALAR_LOAD, 0, 0, nest_operand(nest, a));
    uint32_t y = put(to, &nest->body, SCALAR_LOAD, 0, 0, nest_operand(nest, b));
    uint32_t xy = put(to, &nest->body, PRIMITIVE_mul, x, y, 0);
    put(to, &nest->body, SCALAR_ACCUMULATE, xy, 0, 0);
    return nest;
}

static void assert_verified(const struct nests *nests)
{
    const char *wrong = nests_verify(nests, nests->arena);
    if (wrong) fail_msg("%s", wrong);
}

static void assert_refused(const struct nests *nests, const char *part)
{
    const char *wrong = nests_verify(nests, nests->arena);
    assert_non_null(wrong);
    if (!strstr(wrong, part)) fail_msg("'%s' does not say '%s'", wrong, part);
}

/* result[b] = state[b] * rate + b, for every sample. */
static struct nests *new_map(struct arena *arena)
{
    struct nests *to = nests_new(arena);
    struct nest *nest = nests_add(to);
    nest->depth = 1, nest->extent[0] = NEST_BATCH;
    struct operand out = operand_at(NNT_RESULT, 1, 1, 0, 0);
    out.at.offset_per_sample = 2;
    uint32_t x = put(to, &nest->body, SCALAR_LOAD, 0, 0, nest_operand(nest, operand_at(NNT_STATE, 0, 1, 0, 0)));
    uint32_t rate = put(to, &nest->body, SCALAR_ARGUMENT, 0, 0, NNT_RATE);
    uint32_t scaled = put(to, &nest->body, PRIMITIVE_mul, x, rate, 0);
    uint32_t index = put(to, &nest->body, SCALAR_INDEX, 0, 0, 0);
    uint32_t sum = put(to, &nest->body, PRIMITIVE_add, scaled, index, 0);
    put(to, &nest->body, SCALAR_STORE, sum, 0, nest_operand(nest, out));
    return to;
}

static void test_map(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct nests *nests = new_map(arena);
    assert_verified(nests);
    double x[3] = {1, 2, -3}, y[10] = {0};
    struct nnt_call call = {.batch = 3, .slab = {[NNT_STATE] = x, [NNT_RESULT] = y}, .number = {[NNT_RATE] = 0.5}};
    nests_run(nests, 8, &call);
    assert_true(y[6] == 0); /* 1 + 2 * batch = 7 is the first */
    assert_true(y[7] == 0.5 && y[8] == 2 && y[9] == 0.5);
    arena_free(arena);
}

static void test_float32_rounds(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct nests *nests = new_map(arena);
    float x[2] = {16777216, 1}, y[7] = {0};
    struct nnt_call call = {.batch = 2, .slab = {[NNT_STATE] = x, [NNT_RESULT] = y}, .number = {[NNT_RATE] = 0.1}};
    nests_run(nests, 4, &call);
    assert_true(y[5] == 16777216 * 0.1f);
    assert_true(y[6] == 1 * 0.1f + 1.0f);
    arena_free(arena);
}

/* The largest, the least and the sum of each row of data[2][3], three accumulators in one nest. */
static void test_reductions(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct nests *to = nests_new(arena);
    struct nest *nest = nests_add(to);
    nest->depth = 2, nest->extent[0] = 3, nest->extent[1] = 2; /* the summed loop stands outside */
    nest->summed = 1, nest->n_accumulators = 3;
    uint32_t x = put(to, &nest->body, SCALAR_LOAD, 0, 0, nest_operand(nest, operand_at(NNT_DATA, 0, 1, 3, 0)));
    for (uint32_t i = 0; i < 3; i++) put(to, &nest->body, SCALAR_ACCUMULATE, x, 0, i);
    nest->body.code[1].reduction = REDUCE_MAX, nest->body.code[2].reduction = REDUCE_MIN;
    nest->body.code[3].reduction = REDUCE_SUM;
    for (uint32_t i = 0; i < 3; i++) {
        uint32_t sum = put(to, &nest->finish, SCALAR_ACCUMULATED, 0, 0, i);
        put(to, &nest->finish, SCALAR_STORE, sum, 0, nest_operand(nest, operand_at(NNT_RESULT, 2 * i, 0, 1, 0)));
    }
    assert_verified(to);
    double data[6] = {-5, -2, -7, 4, 9, 1}, out[6] = {0}, expected[6] = {-2, 9, -7, 1, -14, 14};
    nests_run(to, 8, &(struct nnt_call){.batch = 1, .slab = {[NNT_DATA] = data, [NNT_RESULT] = out}});
    assert_memory_equal(out, expected, sizeof out);
    arena_free(arena);
}

/* state[b][n] = relu(sum_k data[b][k] weight[n][k] + bias[n]) */
static void test_product_with_finish(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct nests *to = nests_new(arena);
    struct nest *nest =
        add_product(to, NEST_BATCH, 2, 3, operand_at(NNT_DATA, 0, 3, 0, 1), operand_at(NNT_PARAMETERS, 0, 0, 3, 1));
    uint32_t sum = put(to, &nest->finish, SCALAR_ACCUMULATED, 0, 0, 0);
    uint32_t bias =
        put(to, &nest->finish, SCALAR_LOAD, 0, 0, nest_operand(nest, operand_at(NNT_PARAMETERS, 6, 0, 1, 0)));
    uint32_t z = put(to, &nest->finish, PRIMITIVE_add, sum, bias, 0);
    uint32_t zero = put(to, &nest->finish, SCALAR_NUMBER, 0, 0, 0);
    uint32_t h = put(to, &nest->finish, PRIMITIVE_max, z, zero, 0);
    put(to, &nest->finish, SCALAR_STORE, h, 0, nest_operand(nest, operand_at(NNT_STATE, 0, 2, 1, 0)));
    assert_verified(to);
    double data[6] = {1, 2, 3, -1, 0, 2}, parameters[8] = {1, 0, -1, 2, 1, 0.5, 0.25, -1}, out[4];
    nests_run(to, 8,
              &(struct nnt_call){.batch = 2,
                                 .slab = {[NNT_DATA] = data, [NNT_PARAMETERS] = parameters, [NNT_STATE] = out}});
    assert_true(out[0] == 0 && out[1] == 4.5 && out[2] == 0 && out[3] == 0);
    struct product product;
    bool negative;
    assert_false(nest_product(nest, &product, &negative));
    double flops, bytes;
    nest_cost(nest, 8, 2, &flops, &bytes);
    assert_true(flops == 2 * 12 + 2 * 4);
    assert_true(bytes == 8 * (6 + 6 + 2 + 4));
    nest->how = HOW_BLAS;
    assert_refused(to, "no product");
    arena_free(arena);
}

/* state[i + 1] = (state[i] + data[i]) * data[i]: two nests carried by the loop around them. */
static void test_loop_around(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct nests *to = nests_new(arena);
    nests_begin_loop(to, 4);
    for (uint32_t twice = 0; twice < 2; twice++) {
        struct nest *nest = nests_add(to);
        nest->depth = nest->outer = 1, nest->extent[0] = 4;
        uint32_t before =
            put(to, &nest->body, SCALAR_LOAD, 0, 0, nest_operand(nest, operand_at(NNT_STATE, twice, 1, 0, 0)));
        uint32_t x = put(to, &nest->body, SCALAR_LOAD, 0, 0, nest_operand(nest, operand_at(NNT_DATA, 0, 1, 0, 0)));
        uint32_t sum = put(to, &nest->body, twice ? PRIMITIVE_mul : PRIMITIVE_add, before, x, 0);
        put(to, &nest->body, SCALAR_STORE, sum, 0, nest_operand(nest, operand_at(NNT_STATE, 1, 1, 0, 0)));
    }
    assert_refused(to, "does not end");
    nests_end_loop(to);
    assert_verified(to);
    double data[4] = {1, 2, 3, -1}, out[5] = {2};
    nests_run(to, 8, &(struct nnt_call){.batch = 1, .slab = {[NNT_DATA] = data, [NNT_STATE] = out}});
    assert_true(out[1] == 3 && out[2] == 10 && out[3] == 39 && out[4] == -38);
    to->item[1].nest->extent[0] = 5;
    assert_refused(to, "extent");
    arena_free(arena);
}

static void test_refused(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct nests *to = new_map(arena);
    struct nest *nest = to->item[0].nest;
    nest->body.code[2].a = 2;
    assert_refused(to, "stand before");
    nest->body.code[2].a = 0;
    nest->body.code[0].index = 7;
    assert_refused(to, "operand");
    nest->body.code[0].index = 0;
    nest->operand[0].stride[3] = 1;
    assert_refused(to, "loop that is not there");
    nest->operand[0].stride[3] = 0;
    nest->summed = 1;
    assert_refused(to, "stores inside a sum");
    nest->summed = 0, nest->body.count--;
    assert_refused(to, "nothing is stored");
    nests_end_loop(to);
    nest->body.count++;
    assert_refused(to, "did not begin");
    arena_free(arena);
}

static void test_print(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct nests *to = nests_new(arena);
    nests_begin_loop(to, 4);
    struct nest *nest = nests_add(to);
    nest->depth = 3, nest->outer = 1, nest->extent[0] = 4, nest->extent[1] = NEST_BATCH, nest->extent[2] = 8;
    nest->summed = 4, nest->n_accumulators = 1;
    uint32_t x = put(to, &nest->body, SCALAR_LOAD, 0, 0, nest_operand(nest, operand_at(NNT_STATE, 5, 0, 8, 1)));
    uint32_t y = put(to, &nest->body, PRIMITIVE_tanh, x, 0, 0);
    put(to, &nest->body, SCALAR_ACCUMULATE, y, 0, 0);
    uint32_t sum = put(to, &nest->finish, SCALAR_ACCUMULATED, 0, 0, 0);
    put(to, &nest->finish, SCALAR_STORE, sum, 0, nest_operand(nest, operand_at(NNT_WORK, 0, 0, 1, 0)));
    nests_end_loop(to);
    struct text out = {0};
    nests_print(to, &out);
    assert_string_equal(out.data, "loop i0 < 4\n"
                                  "  nest loops i1 < batch sum i2 < 8\n"
                                  "    o0 = state.0[5 + 8 i1 + 1 i2]\n"
                                  "    o1 = work.0[0 + 1 i1]\n"
                                  "    body\n"
                                  "      0 = load o0\n"
                                  "      1 = tanh 0\n"
                                  "      2 = accumulate sum a0 1\n"
                                  "    finish\n"
                                  "      0 = accumulated a0\n"
                                  "      1 = store o1 0\n"
                                  "end\n");
    text_fini(&out);
    arena_free(arena);
}

/* ---- products ---- */

/* Carries out what `p` says, with a plain triple loop. */
static void gemm(const struct product *p, const struct nest *nest, double alpha, const struct nnt_call *call)
{
    const double *a = (const double *)call->slab[nest->operand[p->a].at.slab] + nest->operand[p->a].at.offset;
    const double *b = (const double *)call->slab[nest->operand[p->b].at.slab] + nest->operand[p->b].at.offset;
    double *c = (double *)call->slab[nest->operand[p->c].at.slab] + nest->operand[p->c].at.offset;
    uint32_t m = p->m ? p->m : call->batch, n = p->n ? p->n : call->batch, k = p->k ? p->k : call->batch;
    for (uint32_t i = 0; i < m; i++)
        for (uint32_t j = 0; j < n; j++) {
            double sum = 0;
            for (uint32_t l = 0; l < k; l++)
                sum += (p->transpose_a ? a[l * p->lda + i] : a[i * p->lda + l]) *
                       (p->transpose_b ? b[j * p->ldb + l] : b[l * p->ldb + j]);
            c[i * p->ldc + j] = (p->accumulate ? c[i * p->ldc + j] : 0) + alpha * sum;
        }
}

static void assert_same_as_gemm(const struct nests *nests, const struct nest *nest, double alpha)
{
    struct product product;
    bool negative;
    assert_verified(nests);
    assert_true(nest_product(nest, &product, &negative));
    assert_true((product.alpha != NEST_NONE) == (alpha != 1 && alpha != -1));
    assert_true(negative == (alpha < 0));
    double x[64], y[64], one[64], other[64];
    for (uint32_t i = 0; i < 64; i++) x[i] = i % 7 - 3.0, y[i] = i % 5 - 1.5, one[i] = other[i] = i % 3;
    struct nnt_call call = {
        .batch = 3, .slab = {[NNT_DATA] = x, [NNT_PARAMETERS] = y, [NNT_STATE] = one}, .number = {0.5}};
    nests_run(nests, 8, &call);
    call.slab[NNT_STATE] = other;
    gemm(&product, nest, alpha, &call);
    assert_memory_equal(one, other, sizeof one);
}

static struct operand target(int64_t s0, int64_t s1)
{
    return operand_at(NNT_STATE, 2, s0, s1, 0);
}

static void store_sum(struct nests *to, struct nest *nest, struct operand c)
{
    put(to, &nest->finish, SCALAR_ACCUMULATED, 0, 0, 0);
    put(to, &nest->finish, SCALAR_STORE, 0, 0, nest_operand(nest, c));
}

/* Every combination of transposed operands, of swapped loads, and of a C whose columns are the first loop. */
static void test_transposes(void **state)
{
    (void)state;
    for (uint32_t way = 0; way < 16; way++) {
        struct arena *arena = arena_new();
        struct nests *to = nests_new(arena);
        struct operand a = way & 1 ? operand_at(NNT_DATA, 1, 1, 0, 6) : operand_at(NNT_DATA, 1, 5, 0, 1);
        struct operand b =
            way & 2 ? operand_at(NNT_PARAMETERS, 0, 0, 5, 1) : operand_at(NNT_PARAMETERS, 0, 0, 1, 4);
        struct nest *nest = way & 4 ? add_product(to, 3, 4, 5, b, a) : add_product(to, 3, 4, 5, a, b);
        if (way & 4)
            for (uint32_t i = 0; i < 2; i++) {
                int64_t s = nest->operand[i].stride[0];
                nest->operand[i].stride[0] = nest->operand[i].stride[1], nest->operand[i].stride[1] = s;
                nest->extent[0] = 4, nest->extent[1] = 3;
            }
        store_sum(to, nest, way & 8 ? target(1, 7) : target(7, 1));
        assert_same_as_gemm(to, nest, 1);
        arena_free(arena);
    }
}

/* C ± alpha (±) sum, in the orders in which it may be written. */
static void test_accumulate_and_alpha(void **state)
{
    (void)state;
    for (uint32_t way = 0; way < 32; way++) {
        struct arena *arena = arena_new();
        struct nests *to = nests_new(arena);
        struct nest *nest = add_product(to, 3, 4, NEST_BATCH, operand_at(NNT_DATA, 0, 1, 0, 3),
                                        operand_at(NNT_PARAMETERS, 0, 0, 1, 4));
        struct program *finish = &nest->finish;
        uint32_t c = nest_operand(nest, target(4, 1));
        double alpha = 1;
        uint32_t value = put(to, finish, SCALAR_ACCUMULATED, 0, 0, 0);
        if (way & 1) {
            uint32_t rate = put(to, finish, SCALAR_ARGUMENT, 0, 0, NNT_RATE);
            uint32_t batch = put(to, finish, SCALAR_BATCH, 0, 0, 0);
            uint32_t factor = put(to, finish, PRIMITIVE_mul, rate, batch, 0);
            value = put(to, finish, PRIMITIVE_mul, way & 2 ? factor : value, way & 2 ? value : factor, 0);
            alpha = 1.5;
        }
        if (way & 4) value = put(to, finish, PRIMITIVE_neg, value, 0, 0), alpha = -alpha;
        if (way & 8) {
            uint32_t old = put(to, finish, SCALAR_LOAD, 0, 0, c);
            if (way & 16)
                value = put(to, finish, PRIMITIVE_sub, old, value, 0), alpha = -alpha;
            else
                value = put(to, finish, PRIMITIVE_add, way & 2 ? old : value, way & 2 ? value : old, 0);
        }
        put(to, finish, SCALAR_STORE, value, 0, c);
        assert_same_as_gemm(to, nest, alpha);
        arena_free(arena);
    }
}

/* Matrix by vector: a loop is missing. */
static void test_missing_loops(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct nests *to = nests_new(arena);
    struct nest *nest =
        add_product(to, NEST_BATCH, 1, 5, operand_at(NNT_DATA, 0, 5, 0, 1), operand_at(NNT_PARAMETERS, 0, 0, 0, 1));
    store_sum(to, nest, target(1, 0));
    assert_same_as_gemm(to, nest, 1);
    nest->depth = 2, nest->summed = 2, nest->extent[1] = 5;
    for (uint32_t i = 0; i < nest->n_operands; i++) {
        nest->operand[i].stride[1] = nest->operand[i].stride[2];
        nest->operand[i].stride[2] = 0;
    }
    assert_same_as_gemm(to, nest, 1);
    arena_free(arena);
}

static void test_no_products(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct nests *to = nests_new(arena);
    struct product product;
    bool negative;
    struct nest *strided =
        add_product(to, 3, 4, 5, operand_at(NNT_DATA, 0, 10, 0, 2), operand_at(NNT_PARAMETERS, 0, 0, 1, 4));
    store_sum(to, strided, target(4, 1));
    assert_false(nest_product(strided, &product, &negative));
    struct nest *batched =
        add_product(to, 3, 4, 5, operand_at(NNT_DATA, 0, 5, 1, 1), operand_at(NNT_PARAMETERS, 0, 0, 1, 4));
    store_sum(to, batched, target(4, 1));
    assert_false(nest_product(batched, &product, &negative));
    struct nest *maximum =
        add_product(to, 3, 4, 5, operand_at(NNT_DATA, 0, 5, 0, 1), operand_at(NNT_PARAMETERS, 0, 0, 1, 4));
    store_sum(to, maximum, target(4, 1));
    assert_true(nest_product(maximum, &product, &negative));
    maximum->body.code[3].reduction = REDUCE_MAX;
    assert_false(nest_product(maximum, &product, &negative));
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_map),
        cmocka_unit_test(test_float32_rounds),
        cmocka_unit_test(test_reductions),
        cmocka_unit_test(test_product_with_finish),
        cmocka_unit_test(test_loop_around),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_print),
        cmocka_unit_test(test_transposes),
        cmocka_unit_test(test_accumulate_and_alpha),
        cmocka_unit_test(test_missing_loops),
        cmocka_unit_test(test_no_products),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
