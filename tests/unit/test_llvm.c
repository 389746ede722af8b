/* test_llvm.c: machine code of nests against the same nests run in plain C, what its text looks like, and object
 * files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/llvm/llvm.h"
#include "runtime/base/random.h"
#include "tests/engine/plan.h"

enum { ELEMENTS = 12000 };

/* ---- running a plan in both ways ---- */

static void gemm_f64(uint32_t ta, uint32_t tb, uint32_t m, uint32_t n, uint32_t k, double alpha, const double *a,
                     uint32_t lda, const double *b, uint32_t ldb, double beta, double *c, uint32_t ldc)
{
    for (uint32_t i = 0; i < m; i++)
        for (uint32_t j = 0; j < n; j++) {
            double sum = 0;
            for (uint32_t l = 0; l < k; l++)
                sum += (ta ? a[l * lda + i] : a[i * lda + l]) * (tb ? b[j * ldb + l] : b[l * ldb + j]);
            c[i * ldc + j] = alpha * sum + (beta != 0 ? beta * c[i * ldc + j] : 0);
        }
}

static void gemm_f32(uint32_t ta, uint32_t tb, uint32_t m, uint32_t n, uint32_t k, float alpha, const float *a,
                     uint32_t lda, const float *b, uint32_t ldb, float beta, float *c, uint32_t ldc)
{
    for (uint32_t i = 0; i < m; i++)
        for (uint32_t j = 0; j < n; j++) {
            float sum = 0;
            for (uint32_t l = 0; l < k; l++)
                sum += (ta ? a[l * lda + i] : a[i * lda + l]) * (tb ? b[j * ldb + l] : b[l * ldb + j]);
            c[i * ldc + j] = alpha * sum + (beta != 0 ? beta * c[i * ldc + j] : 0);
        }
}

static const struct nnt_module description = {.abi_version = NNT_ABI_VERSION, .name = "test"};

static void slabs_new(struct nnt_call *call, uint32_t real_bytes, uint32_t batch)
{
    *call = (struct nnt_call){.batch = batch, .number = {0.125, 3}, .gemm_f32 = gemm_f32, .gemm_f64 = gemm_f64};
    for (uint32_t s = 0; s < NNT_SLABS; s++) {
        struct random random = random_stream(7, RANDOM_NOISE, s, batch);
        assert_int_equal(posix_memalign(&call->slab[s], 64, (size_t)ELEMENTS * real_bytes), 0);
        for (uint32_t i = 0; i < ELEMENTS; i++) {
            double x = 4 * random_uniform(&random) - 2;
            if (real_bytes == 4)
                ((float *)call->slab[s])[i] = (float)x;
            else
                ((double *)call->slab[s])[i] = x;
        }
    }
}

static void slabs_free(struct nnt_call *call)
{
    for (uint32_t s = 0; s < NNT_SLABS; s++) free(call->slab[s]);
}

static double element(const struct nnt_call *call, uint32_t real_bytes, uint32_t slab, uint32_t i)
{
    return real_bytes == 4 ? (double)((float *)call->slab[slab])[i] : ((double *)call->slab[slab])[i];
}

static void compare(const struct nnt_call *a, const struct nnt_call *b, uint32_t real_bytes)
{
    double tolerance = real_bytes == 4 ? 3e-5 : 1e-12;
    for (uint32_t s = 0; s < NNT_SLABS; s++)
        for (uint32_t i = 0; i < ELEMENTS; i++) {
            double x = element(a, real_bytes, s, i), y = element(b, real_bytes, s, i);
            if (fabs(x - y) <= tolerance * (1 + fabs(y)) || (isnan(x) && isnan(y)) || x == y) continue;
            fail_msg("batch %u, float%u: slab %u element %u is %.9g, should be %.9g", a->batch, 8 * real_bytes, s,
                     i, x, y);
        }
}

static void run_both(struct plan *p, const struct nnt_module *module, uint32_t real_bytes, uint32_t batch)
{
    struct nnt_call machine, plain;
    slabs_new(&machine, real_bytes, batch), slabs_new(&plain, real_bytes, batch);
    assert_int_equal(module->entry[0](module->self, &machine), 0);
    nests_run(p->nests, real_bytes, &plain);
    compare(&machine, &plain, real_bytes);
    slabs_free(&machine), slabs_free(&plain);
}

static struct target target_of(uint32_t real_bytes, uint32_t vector_bytes)
{
    struct target target = {.real_bytes = real_bytes, .blas = true, .batch = 8};
    uint32_t widest = nnt_llvm_box.vector_bytes(&target);
    target.vector_bytes = vector_bytes && vector_bytes < widest ? vector_bytes : widest;
    return target;
}

/* Both precisions, wide and narrow vectors, several batches. */
static void check_plan(struct plan *p)
{
#if NNT_SANITIZED
    static const uint32_t batches[] = {1, 7, 33};
#else
    static const uint32_t batches[] = {1, 2, 3, 7, 8, 9, 33};
#endif
    struct diag *diag = diag_new();
    const char *wrong = nests_verify(p->nests, p->arena);
    if (wrong) fail_msg("%s", wrong);
    for (uint32_t way = 0; way < 4; way++) {
        uint32_t real_bytes = way & 1 ? 4 : 8;
        struct target target = target_of(real_bytes, way & 2 ? 16 : 0);
        struct kernels kernels = {&description, real_bytes, {p->nests}};
        struct nnt_module *module = NULL;
        assert_true(nnt_llvm_box.jit(diag, &kernels, &target, &module));
        for (uint32_t i = 0; i < LENGTH(batches); i++) run_both(p, module, real_bytes, batches[i]);
        nnt_llvm_box.release(module);
    }
    diag_free(diag);
    arena_free(p->arena);
}

/* ---- maps ---- */

/* h = select(z + b < 0.3, (z + b)^2, |z + b| / 1.7), with strides as given: rows of z and h n + gap numbers apart.
 */
static void bias_map(struct plan *p, uint32_t n, uint32_t gap)
{
    plan_nest(p, 2, (uint32_t[]){NEST_BATCH, n}, 0, HOW_LOOPS);
    int64_t row = n + gap;
    uint32_t z = plan_load(p, NNT_STATE, 0, (int64_t[]){row, 1}),
             b = plan_load(p, NNT_PARAMETERS, 3, (int64_t[]){0, 1});
    uint32_t x = plan_apply(p, PRIMITIVE_add, z, b, 0);
    uint32_t less = plan_apply(p, PRIMITIVE_less, x, plan_number(p, 0.3), 0);
    uint32_t square = plan_apply(p, PRIMITIVE_mul, x, x, 0);
    uint32_t other = plan_apply(p, PRIMITIVE_div, plan_apply(p, PRIMITIVE_abs, x, 0, 0), plan_number(p, 1.7), 0);
    plan_store(p, plan_apply(p, PRIMITIVE_select, less, square, other), NNT_STATE, 0, (int64_t[]){row, 1});
    plan_store(p, less, NNT_WORK, 5, (int64_t[]){row, 1});
}

static void test_bias_maps(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {1, 2, 3, 4, 5, 7, 8, 9, 10, 15, 16, 17, 31, 33, 64, 67};
    struct plan p = plan_new();
    for (uint32_t i = 0; i < LENGTH(sizes); i++) bias_map(&p, sizes[i], i % 3);
    check_plan(&p);
}

/* x -= rate * g over everything: one loop however the shape is written; per-sample offsets; the call's numbers. */
static void test_update(void **state)
{
    (void)state;
    for (uint32_t n = 1; n < 70; n += 11) {
        struct plan p = plan_new();
        plan_nest(&p, 3, (uint32_t[]){3, n, 5}, 0, HOW_LOOPS);
        int64_t stride[] = {5 * n, 5, 1};
        uint32_t x = plan_load(&p, NNT_PARAMETERS, 1, stride), g = plan_load(&p, NNT_GRADIENT, 0, stride);
        uint32_t rate = plan_add(&p, (struct scalar){.op = SCALAR_ARGUMENT, .index = NNT_RATE});
        plan_store(&p, plan_apply(&p, PRIMITIVE_sub, x, plan_apply(&p, PRIMITIVE_mul, rate, g, 0), 0),
                   NNT_PARAMETERS, 1, stride);
        plan_nest(&p, 2, (uint32_t[]){NEST_BATCH, n}, 0, HOW_LOOPS);
        uint32_t from = plan_operand(&p, NNT_DATA, 2, 1, (int64_t[]){n, 1});
        uint32_t to = plan_operand(&p, NNT_WORK, 1, 2, (int64_t[]){n, 1});
        uint32_t y = plan_add(&p, (struct scalar){.op = SCALAR_LOAD, .index = from});
        uint32_t batch = plan_add(&p, (struct scalar){.op = SCALAR_BATCH});
        y = plan_apply(&p, PRIMITIVE_div, y, batch, 0);
        plan_add(&p, (struct scalar){.op = SCALAR_STORE, .a = y, .index = to});
        check_plan(&p);
    }
}

/* Transposition, a broadcast along the innermost loop, indices as numbers. */
static void test_strided_maps(void **state)
{
    (void)state;
    for (uint32_t n = 1; n < 40; n += 6) {
        struct plan p = plan_new();
        plan_nest(&p, 2, (uint32_t[]){n, 13}, 0, HOW_LOOPS);
        uint32_t x = plan_load(&p, NNT_DATA, 0, (int64_t[]){1, n}),
                 y = plan_load(&p, NNT_DATA, 7, (int64_t[]){1, 0});
        uint32_t i = plan_add(&p, (struct scalar){.op = SCALAR_INDEX, .index = 0});
        uint32_t j = plan_add(&p, (struct scalar){.op = SCALAR_INDEX, .index = 1});
        uint32_t sum = plan_apply(&p, SCALAR_FMA, i, plan_number(&p, 100), j);
        plan_store(&p, plan_apply(&p, SCALAR_FMA, x, y, sum), NNT_WORK, 0, (int64_t[]){13, 1});
        plan_nest(&p, 2, (uint32_t[]){NEST_BATCH, n}, 0, HOW_LOOPS);
        x = plan_load(&p, NNT_DATA, 0, (int64_t[]){2 * n, 2});
        plan_store(&p, plan_apply(&p, PRIMITIVE_neg, x, 0, 0), NNT_STATE, 1, (int64_t[]){3 * n, 3});
        check_plan(&p);
    }
}

/* Every operation of its own, on numbers and on edge values. */
static void test_scalars(void **state)
{
    (void)state;
    struct plan p = plan_new();
    plan_nest(&p, 1, (uint32_t[]){37}, 0, HOW_LOOPS);
    int64_t one[] = {1};
    uint32_t x = plan_load(&p, NNT_DATA, 0, one), y = plan_load(&p, NNT_DATA, 50, one),
             z = plan_load(&p, NNT_DATA, 100, one), at = 0;
    uint32_t zero = plan_number(&p, 0), size = plan_apply(&p, PRIMITIVE_abs, x, 0, 0);
    uint32_t positive = plan_apply(&p, PRIMITIVE_add, size, plan_number(&p, 0.001), 0);
    uint32_t exponent = plan_apply(&p, SCALAR_EXPONENT, positive, 0, 0);
    uint32_t less = plan_apply(&p, PRIMITIVE_less, x, y, 0), more = plan_apply(&p, PRIMITIVE_less_equal, y, z, 0);
    uint32_t same = plan_apply(&p, PRIMITIVE_equal, plan_apply(&p, PRIMITIVE_mul, less, more, 0), zero, 0);
    uint32_t values[] = {
        plan_apply(&p, PRIMITIVE_min, x, y, 0),
        plan_apply(&p, PRIMITIVE_max, x, y, 0),
        plan_apply(&p, PRIMITIVE_sqrt, size, 0, 0),
        plan_apply(&p, PRIMITIVE_and, less, more, 0),
        plan_apply(&p, PRIMITIVE_or, less, more, 0),
        plan_apply(&p, PRIMITIVE_not, less, 0, 0),
        plan_apply(&p, PRIMITIVE_not, x, 0, 0),
        plan_apply(&p, PRIMITIVE_and, x, less, 0),
        plan_apply(&p, PRIMITIVE_select, x, less, more),
        plan_apply(&p, PRIMITIVE_select, same, x, less),
        plan_apply(&p, PRIMITIVE_hold, z, 0, 0),
        plan_apply(&p, PRIMITIVE_div, x, zero, 0),
        exponent,
        plan_apply(&p, SCALAR_MANTISSA, positive, 0, 0),
        plan_apply(&p, SCALAR_SCALE, y, exponent, 0),
        plan_apply(&p, SCALAR_FMA, x, y, z),
    };
    for (uint32_t i = 0; i < LENGTH(values); i++) plan_store(&p, values[i], NNT_WORK, at, one), at += 40;
    check_plan(&p);
}

/* ---- reductions ---- */

/* Over the inner axis, over the outer one, and over both: sum of squares, maximum and minimum in one nest. */
static void reduction(struct plan *p, uint32_t n, uint32_t summed, const int64_t to[])
{
    plan_nest(p, 2, (uint32_t[]){NEST_BATCH, n}, summed, HOW_LOOPS);
    uint32_t x = plan_load(p, NNT_DATA, 1, (int64_t[]){n, 1});
    plan_accumulate(p, plan_apply(p, PRIMITIVE_mul, x, x, 0), REDUCE_SUM);
    plan_accumulate(p, x, REDUCE_MAX);
    plan_accumulate(p, x, REDUCE_MIN);
    uint32_t sum = plan_accumulated(p, 0), most = plan_accumulated(p, 1), least = plan_accumulated(p, 2);
    uint32_t spread = plan_apply(p, PRIMITIVE_sub, most, least, 0);
    plan_store(p, plan_apply(p, PRIMITIVE_div, sum, plan_number(p, 3), 0), NNT_WORK, 0, to);
    plan_store(p, plan_apply(p, PRIMITIVE_add, spread, plan_load(p, NNT_STATE, 4, to), 0), NNT_RESULT, 0, to);
    plan_nest(p, 2, (uint32_t[]){NEST_BATCH, n}, summed, HOW_LOOPS);
    plan_accumulate(p, plan_load(p, NNT_DATA, 1, (int64_t[]){n, 1}), REDUCE_SUM);
    plan_store(p, plan_accumulated(p, 0), NNT_LINEAR, 3, to);
}

static void test_reductions(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {1, 2, 3, 5, 8, 10, 16, 21, 64, 67, 300};
    for (uint32_t i = 0; i < LENGTH(sizes); i++) {
        for (uint32_t summed = 1; summed < 4; summed++) {
            struct plan p = plan_new();
            reduction(&p, sizes[i], summed, (int64_t[]){summed & 1 ? 0 : 1, summed & 2 ? 0 : 1});
            check_plan(&p);
        }
    }
}

/* Three loops, the middle one summed; and a sum of what does not move with it. */
static void test_middle_sum(void **state)
{
    (void)state;
    struct plan p = plan_new();
    plan_nest(&p, 3, (uint32_t[]){NEST_BATCH, 7, 11}, 2, HOW_LOOPS);
    uint32_t x = plan_load(&p, NNT_DATA, 0, (int64_t[]){77, 11, 1}),
             w = plan_load(&p, NNT_PARAMETERS, 0, (int64_t[]){0, 1, 0});
    plan_accumulate(&p, plan_apply(&p, PRIMITIVE_mul, x, w, 0), REDUCE_SUM);
    plan_store(&p, plan_accumulated(&p, 0), NNT_WORK, 0, (int64_t[]){11, 0, 1});
    plan_nest(&p, 2, (uint32_t[]){5, 19}, 2, HOW_LOOPS);
    plan_accumulate(&p, plan_load(&p, NNT_DATA, 3, (int64_t[]){1, 0}), REDUCE_SUM);
    plan_accumulate(&p, plan_load(&p, NNT_DATA, 9, (int64_t[]){19, 1}), REDUCE_SUM);
    uint32_t first = plan_accumulated(&p, 0), second = plan_accumulated(&p, 1);
    plan_store(&p, plan_apply(&p, PRIMITIVE_sub, first, second, 0), NNT_STATE, 0, (int64_t[]){1, 0});
    check_plan(&p);
}

/* ---- products ---- */

struct shape_of_product {
    uint32_t m, n, k;
    bool ta, tb;
};

/* A polynomial of x, of many operations. */
static uint32_t polynomial(struct plan *p, uint32_t x)
{
    uint32_t sum = plan_number(p, 0.5);
    for (uint32_t i = 1; i < 12; i++) sum = plan_apply(p, SCALAR_FMA, sum, x, plan_number(p, 0.25 / i));
    return sum;
}

/* finish 0: C = acc; 1: C -= rate * acc; 2: C = max(acc + bias, 0.1 acc); 3: C and its negative, long; 4: long, and
 * reads C. */
static void product(struct plan *p, struct shape_of_product s, enum how how, uint32_t finish)
{
    uint32_t widest_m = s.m == NEST_BATCH ? 33 : s.m, widest_k = s.k == NEST_BATCH ? 33 : s.k;
    plan_nest(p, 3, (uint32_t[]){s.m, s.n, s.k}, 4, how);
    int64_t a[] = {s.ta ? 1 : widest_k, 0, s.ta ? widest_m : 1}, b[] = {0, s.tb ? widest_k : 1, s.tb ? 1 : s.n};
    int64_t c[] = {s.n, 1, 0}, along[] = {0, 1, 0};
    uint32_t x = plan_load(p, NNT_DATA, 0, a), y = plan_load(p, NNT_PARAMETERS, 0, b);
    plan_accumulate(p, plan_apply(p, PRIMITIVE_mul, x, y, 0), REDUCE_SUM);
    uint32_t acc = plan_accumulated(p, 0);
    if (finish == 1) {
        uint32_t before = plan_load(p, NNT_WORK, 2, c),
                 rate = plan_add(p, (struct scalar){.op = SCALAR_ARGUMENT, .index = 0});
        acc = plan_apply(p, PRIMITIVE_sub, before, plan_apply(p, PRIMITIVE_mul, rate, acc, 0), 0);
    }
    if (finish == 2) {
        uint32_t z = plan_apply(p, PRIMITIVE_add, acc, plan_load(p, NNT_STATE, 0, along), 0);
        acc = plan_apply(p, PRIMITIVE_max, z, plan_apply(p, PRIMITIVE_mul, plan_number(p, 0.1), acc, 0), 0);
    }
    if (finish >= 3) acc = polynomial(p, plan_apply(p, PRIMITIVE_div, acc, plan_number(p, 100), 0));
    if (finish == 3) plan_store(p, plan_apply(p, PRIMITIVE_neg, acc, 0, 0), NNT_LINEAR, 1, c);
    if (finish == 4) acc = plan_apply(p, PRIMITIVE_add, acc, plan_load(p, NNT_WORK, 2, c), 0);
    plan_store(p, acc, NNT_WORK, 2, c);
    struct product found;
    bool negative;
    if (how == HOW_BLAS && !nest_product(p->nest, &found, &negative)) p->nest->how = HOW_TILES;
}

static void check_products(uint32_t m, uint32_t n, uint32_t k)
{
    static const bool ways[3][2] = {{false, false}, {false, true}, {true, false}};
    for (uint32_t w = 0; w < 3; w++) {
        for (uint32_t finish = 0; finish < 5; finish++) {
            struct plan p = plan_new();
            struct shape_of_product shape = {m, n, k, ways[w][0], ways[w][1]};
            product(&p, shape, finish == 0 ? HOW_LOOPS : HOW_TILES, finish);
            product(&p, shape, HOW_TILES, finish);
            if (finish < 2) product(&p, shape, HOW_BLAS, finish);
            check_plan(&p);
        }
    }
}

static void test_products(void **state)
{
    (void)state;
    check_products(NEST_BATCH, 19, 35);
    check_products(NEST_BATCH, 10, 7);
    check_products(NEST_BATCH, 1, 5);
    check_products(67, 33, NEST_BATCH);
    check_products(5, 3, NEST_BATCH);
    check_products(13, 64, 9);
}

/* ---- loops around nests ---- */

static void test_groups(void **state)
{
    (void)state;
    struct plan p = plan_new();
    uint32_t n = 11;
    nests_begin_loop(&p.nests[0], NEST_BATCH);
    plan_nest(&p, 2, (uint32_t[]){NEST_BATCH, n}, 2, HOW_LOOPS);
    p.nest->outer = 1;
    plan_accumulate(&p, plan_load(&p, NNT_DATA, 0, (int64_t[]){n, 1}), REDUCE_MAX);
    plan_store(&p, plan_accumulated(&p, 0), NNT_WORK, 0, (int64_t[]){0, 0});
    plan_nest(&p, 2, (uint32_t[]){NEST_BATCH, n}, 0, HOW_LOOPS);
    p.nest->outer = 1;
    uint32_t x = plan_load(&p, NNT_DATA, 0, (int64_t[]){n, 1}),
             most = plan_load(&p, NNT_WORK, 0, (int64_t[]){0, 0});
    uint32_t b = plan_add(&p, (struct scalar){.op = SCALAR_INDEX, .index = 0});
    x = plan_apply(&p, PRIMITIVE_mul, plan_apply(&p, PRIMITIVE_sub, x, most, 0), b, 0);
    plan_store(&p, x, NNT_STATE, 0, (int64_t[]){n, 1});
    plan_nest(&p, 3, (uint32_t[]){NEST_BATCH, 5, n}, 4, HOW_TILES);
    p.nest->outer = 1;
    uint32_t y = plan_load(&p, NNT_STATE, 0, (int64_t[]){n, 0, 1}),
             w = plan_load(&p, NNT_PARAMETERS, 0, (int64_t[]){0, n, 1});
    plan_accumulate(&p, plan_apply(&p, PRIMITIVE_mul, y, w, 0), REDUCE_SUM);
    plan_store(&p, plan_accumulated(&p, 0), NNT_RESULT, 0, (int64_t[]){5, 1, 0});
    nests_end_loop(p.nests);
    check_plan(&p);
}

/* ---- denormals ---- */

static void check_denormals(uint32_t real_bytes, bool kept)
{
    struct plan p = plan_new();
    struct diag *diag = diag_new();
    plan_nest(&p, 1, (uint32_t[]){1}, 0, HOW_LOOPS);
    int64_t one[] = {1};
    plan_store(&p, plan_apply(&p, PRIMITIVE_mul, plan_load(&p, NNT_DATA, 0, one), plan_number(&p, 0.5), 0),
               NNT_WORK, 0, one);
    struct target target = target_of(real_bytes, 0);
    struct kernels kernels = {&description, real_bytes, {p.nests}};
    struct nnt_module *module = NULL;
    struct nnt_call call;
    assert_true(nnt_llvm_box.jit(diag, &kernels, &target, &module));
    slabs_new(&call, real_bytes, 1);
    volatile double least = 0x1p-1022;
    if (real_bytes == 4)
        ((float *)call.slab[NNT_DATA])[0] = 0x1p-126f;
    else
        ((double *)call.slab[NNT_DATA])[0] = least;
    module->entry[0](NULL, &call);
    assert_true((element(&call, real_bytes, NNT_WORK, 0) != 0) == kept);
    assert_true(least * 0.5 != 0); /* the caller's control word is as it was */
    slabs_free(&call);
    nnt_llvm_box.release(module);
    diag_free(diag);
    arena_free(p.arena);
}

static void test_denormals(void **state)
{
    (void)state;
    check_denormals(4, false);
    check_denormals(8, true);
}

/* ---- what the code looks like ---- */

static uint32_t occurrences(const char *text, const char *word)
{
    uint32_t n = 0;
    for (const char *at = text; (at = strstr(at, word)); at += strlen(word)) n++;
    return n;
}

static char *text_of(struct plan *p, bool assembly)
{
    struct diag *diag = diag_new();
    struct target target = target_of(4, 0);
    struct kernels kernels = {&description, 4, {p->nests}};
    char *text = nnt_llvm_box.text(diag, &kernels, &target, assembly);
    assert_non_null(text);
    diag_free(diag);
    arena_free(p->arena);
    return text;
}

/* Bias and what follows it are one pass over memory: a loop over samples, and one over vectors inside; where the
 * shape allows, one loop. */
static void test_text_of_map(void **state)
{
    (void)state;
    char vector[32];
    struct target target = target_of(4, 0);
    snprintf(vector, sizeof vector, "<%u x float>", target.vector_bytes / 4);
    struct plan p = plan_new();
    bias_map(&p, 16 * 5, 0);
    char *text = text_of(&p, false);
    assert_true(occurrences(text, vector) > 5);
    assert_int_equal(occurrences(text, "phi i64"), 2);
    assert_int_equal(occurrences(text, "load float,"), 0);
    free(text);
    p = plan_new();
    plan_nest(&p, 2, (uint32_t[]){6, 80}, 0, HOW_LOOPS);
    uint32_t x = plan_load(&p, NNT_DATA, 0, (int64_t[]){80, 1});
    plan_store(&p, plan_apply(&p, PRIMITIVE_mul, x, x, 0), NNT_WORK, 0, (int64_t[]){80, 1});
    text = text_of(&p, false);
    assert_int_equal(occurrences(text, "phi i64"), 1);
    free(text);
}

/* Register tiles: accumulators are multiplied into and never leave the registers inside the sum; nothing is called.
 */
static void test_text_of_tiles(void **state)
{
    (void)state;
    static const struct shape_of_product shapes[] = {
        {12, 64, 50, false, false},         {NEST_BATCH, 64, 50, false, false}, {24, 64, NEST_BATCH, true, false},
        {NEST_BATCH, 19, 64, false, true},  {12, 30, 64, false, true},          {NEST_BATCH, 10, 24, false, false},
        {NEST_BATCH, 128, 64, false, true},
    };
    for (uint32_t i = 0; i < LENGTH(shapes); i++) {
        for (uint32_t finish = 0; finish < 4; finish++) {
            struct plan p = plan_new();
            product(&p, shapes[i], HOW_TILES, finish);
            char *text = text_of(&p, true);
            assert_int_equal(occurrences(text, "32-byte Spill") + occurrences(text, "64-byte Spill"), 0);
            assert_int_equal(occurrences(text, "call"), occurrences(text, "\tcallq\tnnt_piece_0"));
            free(text);
        }
    }
}

/* The same work in two entries is compiled once. */
static void test_text_shares_pieces(void **state)
{
    (void)state;
    struct diag *diag = diag_new();
    struct plan p = plan_new(), q = plan_new();
    bias_map(&p, 33, 0);
    bias_map(&q, 33, 0), bias_map(&q, 34, 0);
    q.nests->item[0].nest->operand[0].at.offset = 9; /* the same work elsewhere */
    struct target target = target_of(4, 0);
    struct kernels kernels = {&description, 4, {p.nests, q.nests}};
    char *text = nnt_llvm_box.text(diag, &kernels, &target, false);
    assert_int_equal(occurrences(text, "define internal void"), 2);
    free(text);
    diag_free(diag);
    arena_free(p.arena), arena_free(q.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bias_maps),     cmocka_unit_test(test_update),
        cmocka_unit_test(test_strided_maps),  cmocka_unit_test(test_scalars),
        cmocka_unit_test(test_reductions),    cmocka_unit_test(test_middle_sum),
        cmocka_unit_test(test_products),      cmocka_unit_test(test_groups),
        cmocka_unit_test(test_denormals),     cmocka_unit_test(test_text_of_map),
        cmocka_unit_test(test_text_of_tiles), cmocka_unit_test(test_text_shares_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
