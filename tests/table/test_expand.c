/* test_expand.c: every primitive as it is expanded, against libm in long double: ordinary and special arguments,
 * both precisions. */
#include "compiler/kernel/nest.h"

#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "runtime/base/random.h"

/* ---- what is expected: the definitions again, in long double ---- */

static long double softplus(long double a)
{
    return fmaxl(a, 0) + log1pl(expl(-fabsl(a)));
}

static long double log_cosh(long double a)
{
    if (fabsl(a) < 0.5L) return log1pl(sinhl(a) * sinhl(a)) / 2;
    return fabsl(a) + log1pl(expl(-2 * fabsl(a))) - logl(2);
}

static long double exact(enum primitive op, long double a, long double b)
{
    switch (op) {
    case PRIMITIVE_pow:
        return powl(a, b);
    case PRIMITIVE_exp:
        return expl(a);
    case PRIMITIVE_log:
        return logl(a);
    case PRIMITIVE_log1p:
        return log1pl(a);
    case PRIMITIVE_expm1:
        return expm1l(a);
    case PRIMITIVE_sin:
        return sinl(a);
    case PRIMITIVE_cos:
        return cosl(a);
    case PRIMITIVE_tan:
        return tanl(a);
    case PRIMITIVE_atan:
        return atanl(a);
    case PRIMITIVE_sinh:
        return sinhl(a);
    case PRIMITIVE_cosh:
        return coshl(a);
    case PRIMITIVE_tanh:
        return tanhl(a);
    case PRIMITIVE_erf:
        return erfl(a);
    case PRIMITIVE_log_cosh:
        return isnan(a) ? a : log_cosh(a);
    case PRIMITIVE_logistic:
        return 1 / (1 + expl(-a));
    case PRIMITIVE_softplus:
        return isnan(a) ? a : softplus(a);
    case PRIMITIVE_sqrt:
        return sqrtl(a);
    case PRIMITIVE_add:
        return a + b;
    case PRIMITIVE_sub:
        return a - b;
    case PRIMITIVE_mul:
        return a * b;
    case PRIMITIVE_div:
        return a / b;
    case PRIMITIVE_mul_or_zero:
        return a == 0 ? 0 : a * b;
    default:
        return primitive_value(op, (double)a, (double)b, 0.5);
    }
}

/* ---- engines: the same program as machines may carry it out ---- */

enum engine { PLAIN, FUSED, CONTRACTED, FLUSHED, ENGINES };
/* PLAIN rounds a product before adding; FUSED does not; CONTRACTED fuses also what was not written as SCALAR_FMA;
 * FLUSHED takes denormal numbers for 0, as float32 kernels do. */
static const char *const engine_names[] = {"plain", "fused", "contracted", "flushed"};

/* Through memory: GCC 12 drops the rounding of (double)(float)x where it makes vectors of several. */
static double as_real(double x, bool wide)
{
    volatile float narrow = (float)x;
    return wide ? x : (double)narrow;
}

static float flush(enum engine engine, float x)
{
    return engine == FLUSHED && fabsf(x) < FLT_MIN ? 0 * x : x;
}

static double rounded(enum engine engine, bool wide, double x)
{
    return wide ? x : flush(engine, (float)as_real(x, false));
}

static double times_plus(enum engine engine, bool wide, double a, double b, double c)
{
    if (engine == PLAIN || engine == FLUSHED) return rounded(engine, wide, a * b) + c;
    return wide ? fma(a, b, c) : fmaf((float)a, (float)b, (float)c);
}

/* x + sign * y where one of them is a product and may be fused; false where none is. */
static bool contract(const struct program *p, const double *value, const struct scalar *s, bool wide, double *out)
{
    double sign = s->op == PRIMITIVE_sub ? -1 : 1;
    const struct scalar *x = &p->code[s->a], *y = &p->code[s->b];
    if (x->op == PRIMITIVE_mul)
        *out = times_plus(FUSED, wide, value[x->a], value[x->b], sign * value[s->b]);
    else if (y->op == PRIMITIVE_mul)
        *out = times_plus(FUSED, wide, sign * value[y->a], value[y->b], value[s->a]);
    return x->op == PRIMITIVE_mul || y->op == PRIMITIVE_mul;
}

static double scalar_value(enum engine engine, bool wide, const struct program *p, const double *value,
                           const struct scalar *s)
{
    double a = value[s->a], b = value[s->b], c = value[s->c], fused;
    switch (s->op) {
    case SCALAR_NUMBER:
        return s->number;
    case SCALAR_FMA:
        return times_plus(engine, wide, a, b, c);
    case SCALAR_SCALE:
        assert_true(b == floor(b) && fabs(b + 0.5) < (wide ? 1023 : 127) + 0.5 && b > (wide ? -1023 : -127));
        return ldexp(a, (int)b);
    case SCALAR_EXPONENT:
        assert_true(a >= (wide ? DBL_MIN : FLT_MIN) && a < INFINITY);
        return ilogb(a);
    case SCALAR_MANTISSA:
        return ldexp(a, -ilogb(a));
    case PRIMITIVE_add:
    case PRIMITIVE_sub:
        if (engine == CONTRACTED && contract(p, value, s, wide, &fused)) return fused;
        return primitive_value(s->op, a, b, c);
    default:
        assert_true(s->op < PRIMITIVES);
        return primitive_value(s->op, a, b, c);
    }
}

static double evaluate(const struct program *p, enum engine engine, bool wide, const double argument[3])
{
    static double value[4000];
    assert_true(p->count <= 4000);
    double result = 0;
    for (uint32_t i = 0; i < p->count; i++) {
        const struct scalar *s = &p->code[i];
        if (s->op == SCALAR_STORE)
            result = value[s->a];
        else if (s->op == SCALAR_LOAD)
            value[i] = rounded(engine, wide, argument[s->index]);
        else
            value[i] = rounded(engine, wide, scalar_value(engine, wide, p, value, s));
    }
    return result;
}

/* ---- arguments ---- */

static const double special[] = {0,
                                 1,
                                 2,
                                 3,
                                 0.5,
                                 1.5,
                                 2.5,
                                 0.41421356237309503,
                                 2.414213562373095,
                                 0.6931471805599453,
                                 0.34657359027997264,
                                 1.0397207708399179,
                                 1.4142135623730951,
                                 0.7071067811865476,
                                 22,
                                 20,
                                 9,
                                 8.99,
                                 4,
                                 6,
                                 40,
                                 64,
                                 88,
                                 88.72,
                                 88.73,
                                 87.33,
                                 87.34,
                                 103.9,
                                 104,
                                 709.78,
                                 709.79,
                                 710.47,
                                 710.48,
                                 708.39,
                                 745.13,
                                 745.14,
                                 1e5,
                                 1.5707963267948966,
                                 3.141592653589793,
                                 0.7853981633974483,
                                 8388607.5,
                                 8388608,
                                 4503599627370495.5,
                                 4503599627370496,
                                 9007199254740994,
                                 1e-8,
                                 1e-20,
                                 0x1p-126,
                                 0x1p-127,
                                 0x1p-149,
                                 0x1p-1022,
                                 0x1p-1023,
                                 0x1p-1074,
                                 1e300,
                                 3e38,
                                 1e30,
                                 INFINITY,
                                 NAN};

/* Some near 0, some around 1, some of any size, in turn. */
static double random_argument(struct random *random, uint32_t i, bool wide)
{
    double x = random_uniform(random), sign = random_bits(random) & 1 ? -1 : 1;
    switch (i % 6) {
    case 0:
        return sign * 2 * x;
    case 1:
        return sign * 10 * x;
    case 2:
        return sign * 110 * x;
    case 3:
        return sign * exp((x - 0.5) * 30);
    case 4:
        return sign * (wide ? 760 : 110) * x;
    default:
        return sign * exp((x - 0.5) * (wide ? 1400 : 170));
    }
}

/* Beyond these the ordinary bound is not promised. */
static bool is_ordinary(enum primitive op, double a)
{
    bool periodic = op == PRIMITIVE_sin || op == PRIMITIVE_cos || op == PRIMITIVE_tan;
    return !periodic || !(fabs(a) > 1e5);
}

static double allowed(enum primitive op, bool wide)
{
    if (op == PRIMITIVE_pow || op == PRIMITIVE_tan || op == PRIMITIVE_sinh) return wide ? 8 : 4;
    return op == PRIMITIVE_tanh && !wide ? 4.1 : 4; /* 4.07 is the worst of all float32 arguments */
}

/* ---- comparison ---- */

static double ulp(long double x, bool wide)
{
    int digits = wide ? DBL_MANT_DIG : FLT_MANT_DIG, least = wide ? DBL_MIN_EXP : FLT_MIN_EXP;
    int e = x == 0 ? least : ilogbl(x) + 1;
    return ldexp(1, (e < least ? least : e) - digits);
}

/* Distance in units of the last place; a result that should be beyond the numbers may be infinite. */
static double distance(double got, long double want, bool wide)
{
    long double most = wide ? DBL_MAX : FLT_MAX;
    if (isnan(want)) return isnan(got) ? 0 : INFINITY;
    if (isinf(got) && fabsl(want) > most * (1 - 1e-7L / (wide ? 1e8L : 1)))
        return (got > 0) == (want > 0) ? 0 : INFINITY;
    if (isinf(want) || isnan(got)) return (long double)got == want ? 0 : INFINITY;
    return (double)(fabsl((long double)got - want) / ulp(want, wide));
}

struct judge {
    enum primitive op;
    enum engine engine;
    bool wide;
    double worst, at[2];
};

/* Where denormal numbers are flushed, such an argument is 0, and an error of the size of the least normal number is
 * none. */
static double flushed_distance(const struct judge *judge, double got, const double x[2])
{
    double a = flush(FLUSHED, (float)x[0]), b = flush(FLUSHED, (float)x[1]);
    long double want = exact(judge->op, a, b);
    return fabsl(want - got) < 2 * FLT_MIN ? 0 : distance(got, want, false);
}

static void compare(struct judge *judge, double got, const double x[2])
{
    if (!is_ordinary(judge->op, x[0])) {
        bool bounded = judge->op == PRIMITIVE_tan || fabs(got) <= 1;
        if (isinf(x[0]) ? !isnan(got) : !isfinite(got) || !bounded)
            fail_msg("%s of %g is %g", primitive_rows[judge->op].name, x[0], got);
        return;
    }
    double d = distance(got, exact(judge->op, x[0], x[1]), judge->wide);
    if (judge->engine == FLUSHED && d > 0.5) d = fmin(d, flushed_distance(judge, got, x));
    if (!(d <= judge->worst)) judge->worst = d, judge->at[0] = x[0], judge->at[1] = x[1];
}

/* ---- the programs ---- */

/* state[0] = op(data[0], data[1], data[2]); the second may be a constant instead. */
static struct nests *one_primitive(struct arena *arena, enum primitive op, const double *constant, bool wide)
{
    struct nests *nests = nests_new(arena);
    struct nest *nest = nests_add(nests);
    struct scalar s = {.op = op};
    uint32_t *argument[3] = {&s.a, &s.b, &s.c};
    nest->depth = 1, nest->extent[0] = NEST_BATCH;
    for (uint32_t i = 0; i < 3; i++) {
        struct operand operand = {.at = {.slab = NNT_DATA, .offset = i}, .stride = {3}};
        struct scalar load = {.op = SCALAR_LOAD, .index = nest_operand(nest, operand)};
        if (i == 1 && constant) load = (struct scalar){.op = SCALAR_NUMBER, .number = *constant};
        *argument[i] = program_add(arena, &nest->body, load);
    }
    uint32_t y = program_add(arena, &nest->body, s);
    struct operand out = {.at = {.slab = NNT_STATE}, .stride = {1}};
    program_add(arena, &nest->body, (struct scalar){.op = SCALAR_STORE, .a = y, .index = nest_operand(nest, out)});
    program_expand(arena, &nest->body, wide ? 8 : 4);
    const char *wrong = nests_verify(nests, arena);
    if (wrong) fail_msg("%s: %s", primitive_rows[op].name, wrong);
    return nests;
}

/* One set of arguments through every engine. */
static void judge_all(struct judge judge[ENGINES], const struct program *program, double a, double b, bool wide)
{
    double x[3] = {as_real(a, wide), as_real(b, wide), 0.5};
    for (int e = 0; e < ENGINES; e++) {
        if (wide && e == FLUSHED) continue;
        compare(&judge[e], evaluate(program, judge[e].engine, wide, x), x);
    }
}

/* Whether the bound holds; all that do not hold are printed. */
static bool report(const struct judge *judge, const char *what)
{
    bool good = judge->worst <= allowed(judge->op, judge->wide);
    if (!good || getenv("NNT_VERBOSE"))
        print_message("%-12s %s %-10s max %.3f ulp at (%.17g, %.17g)\n", what, judge->wide ? "f64" : "f32",
                      engine_names[judge->engine], judge->worst, judge->at[0], judge->at[1]);
    return good;
}

static bool check(enum primitive op, const double *constant, bool wide, uint32_t n)
{
    struct arena *arena = arena_new();
    const struct program *program = &one_primitive(arena, op, constant, wide)->item[0].nest->body;
    struct judge judge[ENGINES];
    for (int e = 0; e < ENGINES; e++) judge[e] = (struct judge){op, e, wide, 0, {0, 0}};
    for (uint32_t i = 0; i < 2 * LENGTH(special); i++)
        for (uint32_t j = 0; j < (primitive_rows[op].arity > 1 && !constant ? 2 * LENGTH(special) : 1); j++) {
            double a = special[i / 2] * (i & 1 ? -1 : 1), b = special[j / 2] * (j & 1 ? -1 : 1);
            judge_all(judge, program, a, constant ? *constant : b, wide);
        }
    struct random random = random_stream(1, RANDOM_SOURCE, op, wide);
    for (uint32_t i = 0; i < n; i++) {
        double a = random_argument(&random, i, wide), b = random_argument(&random, i / 6, wide);
        if (op == PRIMITIVE_pow && i % 2) a = fabs(a), b = b / fmax(1, fabs(b * log(a)) / 80);
        judge_all(judge, program, a, constant ? *constant : b, wide);
    }
    bool good = true;
    for (int e = 0; e < (wide ? FLUSHED : ENGINES); e++) good &= report(&judge[e], primitive_rows[op].name);
    arena_free(arena);
    return good;
}

static void test_every_primitive(void **state)
{
    (void)state;
    bool good = true;
    for (uint32_t op = 0; op < PRIMITIVES; op++)
        for (uint32_t wide = 0; wide < 2; wide++) good &= check(op, NULL, wide, NNT_SANITIZED ? 3000 : 30000);
    assert_true(good);
    print_message("%u rows, %u checks\n", (unsigned)PRIMITIVES,
                  (unsigned)PRIMITIVES * 2 * (NNT_SANITIZED ? 3000 : 30000));
}

static void test_constant_exponents(void **state)
{
    (void)state;
    bool good = true;
    const double exponents[] = {0, 1, 2, 3, 4, -1, -2, -3, -4, 0.5, -0.5, 1.5, 5, 0.3333333333333333};
    for (uint32_t i = 0; i < LENGTH(exponents); i++) {
        double narrow = (float)exponents[i];
        good &= check(PRIMITIVE_pow, &exponents[i], true, NNT_SANITIZED ? 600 : 6000);
        good &= check(PRIMITIVE_pow, &narrow, false, NNT_SANITIZED ? 600 : 6000);
    }
    assert_true(good);
}

/* Odd functions keep the sign of zero, and so do the roundings. */
static void test_signed_zero(void **state)
{
    (void)state;
    const enum primitive odd[] = {PRIMITIVE_sin,   PRIMITIVE_tan,   PRIMITIVE_atan,  PRIMITIVE_sinh,
                                  PRIMITIVE_tanh,  PRIMITIVE_erf,   PRIMITIVE_expm1, PRIMITIVE_log1p,
                                  PRIMITIVE_round, PRIMITIVE_floor, PRIMITIVE_ceil};
    for (uint32_t i = 0; i < 4 * LENGTH(odd); i++) {
        struct arena *arena = arena_new();
        bool wide = i & 1;
        double x[3] = {i & 2 ? -0.0 : 0.0, 0, 0};
        const struct program *program = &one_primitive(arena, odd[i / 4], NULL, wide)->item[0].nest->body;
        for (int e = 0; e < ENGINES; e++) {
            double y = evaluate(program, e, wide, x);
            if (y != 0 || !signbit(y) != !(i & 2))
                fail_msg("%s(%g) is %g", primitive_rows[odd[i / 4]].name, x[0], y);
        }
        arena_free(arena);
    }
}

/* nests_run carries out the same operations as the plain engine here. */
static void test_run_agrees(void **state)
{
    (void)state;
    enum { SAMPLES = 64 };
    for (uint32_t op = 0; op < PRIMITIVES; op++) {
        struct arena *arena = arena_new();
        struct nests *nests = one_primitive(arena, op, NULL, true);
        double data[SAMPLES][3], out[SAMPLES];
        struct random random = random_stream(2, RANDOM_SOURCE, op, 0);
        for (uint32_t i = 0; i < 3 * SAMPLES; i++) data[i / 3][i % 3] = random_argument(&random, i, true);
        nests_run(nests, 8, &(struct nnt_call){.batch = SAMPLES, .slab = {[NNT_DATA] = data, [NNT_STATE] = out}});
        for (uint32_t i = 0; i < SAMPLES; i++) {
            double y = evaluate(&nests->item[0].nest->body, PLAIN, true, data[i]);
            assert_true(memcmp(&y, &out[i], sizeof y) == 0 || (isnan(y) && isnan(out[i])));
        }
        arena_free(arena);
    }
}

/* A float32 tanh, where training spends its time, stays short; and never leaves [-1, 1]. */
static void test_tanh_is_cheap(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    const struct program *program = &one_primitive(arena, PRIMITIVE_tanh, NULL, false)->item[0].nest->body;
    uint32_t operations = 0;
    for (uint32_t i = 0; i < program->count; i++)
        operations += program->code[i].op < PRIMITIVES || program->code[i].op >= SCALAR_FMA;
    assert_in_range(operations, 1, 15);
    for (float x = 0; x < 12; x += 0x1p-14f) {
        double y = evaluate(program, FUSED, false, (double[3]){x});
        assert_true(y >= 0 && y <= 1);
    }
    for (int e = 0; e < ENGINES; e++) assert_true(evaluate(program, e, false, (double[3]){-INFINITY}) == -1);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_primitive), cmocka_unit_test(test_constant_exponents),
        cmocka_unit_test(test_signed_zero),     cmocka_unit_test(test_run_agrees),
        cmocka_unit_test(test_tanh_is_cheap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
