/* expand_log.c: log, log1p, softplus and log_cosh: reduction to [√½, √2], and a series in f or in f / (2 + f). */
#include "compiler/kernel/expand.h"

#include <float.h>
#include <math.h>

/* (log(1 + f) - f + f²/2) / f³ on [√½ - 1, √2 - 1], for float32: relative error of the logarithm below 2^-30. */
static const struct polynomial log_tail = {9,
                                           {0.333333105, -0.249999866, 0.200021461, -0.166692168, 0.142200217,
                                            -0.123855531, 0.118651308, -0.117806934, 0.0692104027}};
/* (atanh(s)/s - 1) / s² in s², |s| <= 3 - 2√2: relative error below 2^-37 and 2^-66. */
static const struct polynomial atanh_tail[2] = {
    {4, {0.333333313, 0.200001672, 0.142686754, 0.117909752}},
    {8,
     {0.33333333333333331, 0.20000000000003004, 0.14285714284569465, 0.11111111320485427, 0.090908880055689437,
      0.076935397675753373, 0.066251518244157745, 0.066250652384309147}},
};
/* log(cosh x) / x² in x², |x| <= 1: relative error below 2^-30 and 2^-60. */
static const struct polynomial log_cosh_near[2] = {
    {8,
     {0.5, -0.0833332986, 0.0222214963, -0.00673998846, 0.00216182671, -0.000680188474, 0.000176761256,
      -2.57772026e-05}},
    {16,
     {0.5, -0.083333333333333148, 0.022222222222205806, -0.0067460317454713049, 0.0021869488435461272,
      -0.00073860285110817817, 0.00025657978633185813, -9.0985721739341723e-05, 3.2765226671869611e-05,
      -1.1919373460098366e-05, 4.3324381687595173e-06, -1.529301661786942e-06, 4.9329294825829925e-07,
      -1.3109851720893957e-07, 2.4391249804463434e-08, -2.2928042324120502e-09}},
};

/* ln 2 in two parts; whole numbers up to 2^11 (float32: 2^14) times the first are exact. */
static uint32_t put_ln2(struct builder *b)
{
    return put_either(b, 6.93147180369123816490e-01, 0.693359375);
}
static uint32_t put_ln2_rest(struct builder *b)
{
    return put_either(b, 1.90821492927058770002e-10, -2.12194440e-4);
}

/* Denormal x are scaled first. Whatever x is, the machine is asked for the exponent of a positive normal number. */
struct reduced put_log_reduce(struct builder *b, uint32_t x)
{
    double least = b->wide ? DBL_MIN : FLT_MIN, most = b->wide ? DBL_MAX : FLT_MAX;
    int digits = b->wide ? DBL_MANT_DIG : FLT_MANT_DIG;
    uint32_t tiny = put_less(b, x, put_number(b, least));
    uint32_t scaled = put_select(b, tiny, put_times(b, x, ldexp(1, digits)), x);
    uint32_t shift = put_select(b, tiny, put_number(b, digits), put_number(b, 0));
    uint32_t held = put_clamp_finite(b, scaled, least, most);
    uint32_t m = put(b, SCALAR_MANTISSA, held, 0, 0), exponent = put(b, SCALAR_EXPONENT, held, 0, 0);
    uint32_t high = put_less(b, put_number(b, M_SQRT2), m), k = put_add(b, put_sub(b, exponent, shift), high);
    return (struct reduced){.k = k, .m = put_select(b, high, put_times(b, m, 0.5), m)};
}

/* base + 2 atanh(s), for |s| <= 3 - 2√2. */
static uint32_t put_twice_atanh(struct builder *b, uint32_t base, uint32_t s)
{
    uint32_t s2 = put_mul(b, s, s), twice = put_add(b, s, s);
    return put_add(b, base, put_fma(b, put_mul(b, twice, s2), put_horner(b, s2, &atanh_tail[b->wide]), twice));
}

/* k ln 2 + log(1 + f). In float64 as fdlibm's e_log.c does it: the sum with f is rounded last. */
static uint32_t put_log_sum(struct builder *b, uint32_t k, uint32_t f)
{
    uint32_t f2 = put_mul(b, f, f), ln2 = put_ln2(b), rest = put_mul(b, k, put_ln2_rest(b));
    if (!b->wide) {
        uint32_t tail = put_horner(b, f, &log_tail);
        uint32_t low = put_fma(b, f2, put_fma(b, f, tail, put_number(b, -0.5)), rest);
        return put_fma(b, k, ln2, put_add(b, f, low));
    }
    uint32_t half = put_times(b, f2, 0.5), s = put_div(b, f, put_add(b, put_number(b, 2), f));
    uint32_t s2 = put_mul(b, s, s);
    uint32_t tail = put_mul(b, put_add(b, s2, s2), put_horner(b, s2, &atanh_tail[b->wide]));
    uint32_t low = put_fma(b, s, put_add(b, half, tail), rest);
    return put_fma(b, k, ln2, put_sub(b, f, put_sub(b, half, low)));
}

/* y where x is positive; infinity of infinity, -infinity of 0, NaN of the rest. */
static uint32_t put_log_edges(struct builder *b, uint32_t x, uint32_t y)
{
    uint32_t zero = put_number(b, 0), infinity = put_number(b, INFINITY);
    uint32_t rest = put_select(b, put_equal(b, x, zero), put_number(b, -INFINITY), put_number(b, NAN));
    uint32_t positive = put_select(b, put_less(b, x, infinity), y, x);
    return put_select(b, put_less(b, zero, x), positive, rest);
}

uint32_t expand_log(struct builder *b, uint32_t x)
{
    struct reduced r = put_log_reduce(b, x);
    return put_log_edges(b, x, put_log_sum(b, r.k, put_sub(b, r.m, put_number(b, 1))));
}

/* log of the unrounded sum u + c = 1 + x: c is brought to the scale of u's mantissa. Where k is 0, f + c is x
 * itself. */
uint32_t expand_log1p(struct builder *b, uint32_t x)
{
    uint32_t one = put_number(b, 1), u = put_add(b, one, x), back = put_sub(b, u, one);
    uint32_t c = put_add(b, put_sub(b, one, put_sub(b, u, back)), put_sub(b, x, back));
    struct reduced r = put_log_reduce(b, u);
    uint32_t down =
        put_clamp(b, put_neg(b, r.k), b->wide ? -1000 : -100, 60); /* u is not below 2^-53 where it matters */
    uint32_t f = put_add(b, put_sub(b, r.m, one), put_scale(b, c, down));
    return put_keep_zero(b, x, put_log_edges(b, u, put_log_sum(b, r.k, f)));
}

/* log(1 + z) for 0 <= z <= 1: s = z / (2 + z), or with ln 2 taken out s = (z - 1) / (3 + z). */
static uint32_t put_log1p_unit(struct builder *b, uint32_t z)
{
    uint32_t one = put_number(b, 1), near = put_less(b, z, put_number(b, M_SQRT2 - 1));
    uint32_t above = put_select(b, near, z, put_sub(b, z, one));
    uint32_t below = put_add(b, z, put_select(b, near, put_number(b, 2), put_number(b, 3)));
    uint32_t base = put_select(b, near, put_number(b, 0), put_number(b, M_LN2));
    return put_twice_atanh(b, base, put_div(b, above, below));
}

uint32_t expand_softplus(struct builder *b, uint32_t x)
{
    uint32_t z = put_exp(b, put_neg(b, put_abs(b, x)), 0);
    return put_add(b, put_max(b, put_number(b, 0), x), put_log1p_unit(b, z));
}

/* |x| - ln 2 + log(1 + e^-2|x|), and near 0, where that would cancel, a polynomial. */
uint32_t expand_log_cosh(struct builder *b, uint32_t x)
{
    uint32_t one = put_number(b, 1), size = put_abs(b, x), u = put_min(b, one, put_mul(b, x, x));
    uint32_t near = put_mul(b, u, put_horner(b, u, &log_cosh_near[b->wide]));
    uint32_t tail = put_log1p_unit(b, put_exp(b, put_times(b, size, -2), 0));
    uint32_t far = put_add(b, put_sub(b, size, put_ln2(b)), put_sub(b, tail, put_ln2_rest(b)));
    return put_select(b, put_less(b, size, one), near, far);
}
