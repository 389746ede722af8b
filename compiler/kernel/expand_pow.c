/* expand_pow.c: a to the power b, as e^(b log a) with the logarithm and its product in two parts. */
#include "compiler/kernel/expand.h"

#include <math.h>

/* log m = 2/3 s (3 + s² + s⁴ P(s²)), s = (m - 1) / (m + 1): relative error below 2^-44 and 2^-73. */
static const struct polynomial series[2] = {
    {4, {0.599999964, 0.428578138, 0.332773894, 0.292043239}},
    {8,
     {0.59999999999999964, 0.42857142857167235, 0.3333333332637668, 0.27272728299483673, 0.23076835570775053,
      0.20004470246504005, 0.17512277982976887, 0.179835705882717}},
};

/* A number as a sum: the product of two high parts is exact. */
struct parts {
    uint32_t high, low;
};

/* Veltkamp's splitting: a power of two times x is exact, so that fusing it changes nothing. */
static uint32_t put_high(struct builder *b, uint32_t x)
{
    uint32_t large = put_fma(b, x, put_either(b, 0x1p27, 0x1p13), x);
    return put_sub(b, large, put_sub(b, large, x));
}

static uint32_t put_times_minus(struct builder *b, uint32_t x, uint32_t y, uint32_t z)
{
    return put_fma(b, put_neg(b, x), y, z); /* z - x y */
}

/* s = (m - 1) / (m + 1) in two parts: the remainder of the division by the exact m + 1. */
static struct parts put_quotient(struct builder *b, uint32_t m)
{
    uint32_t one = put_number(b, 1), t = put_sub(b, m, one), d = put_add(b, m, one);
    uint32_t m_high = put_high(b, m), d_high = put_add(b, m_high, one), d_low = put_sub(b, m, m_high);
    uint32_t high = put_high(b, put_div(b, t, d));
    uint32_t rest = put_times_minus(b, high, d_low, put_times_minus(b, high, d_high, t));
    return (struct parts){high, put_div(b, rest, d)};
}

/* log m / (2/3) in two parts. */
static struct parts put_series(struct builder *b, struct parts s)
{
    uint32_t whole = put_add(b, s.high, s.low), s2 = put_mul(b, whole, whole), high2 = put_mul(b, s.high, s.high);
    uint32_t three = put_number(b, 3);
    uint32_t rest = put_fma(b, put_mul(b, s2, s2), put_horner(b, s2, &series[b->wide]),
                            put_mul(b, s.low, put_add(b, whole, s.high)));
    uint32_t sum = put_high(b, put_add(b, put_add(b, three, high2), rest));
    uint32_t sum_low = put_sub(b, rest, put_sub(b, put_sub(b, sum, three), high2));
    uint32_t product = put_mul(b, s.high, sum);
    uint32_t product_low = put_fma(b, s.low, sum, put_mul(b, sum_low, whole));
    uint32_t high = put_high(b, put_add(b, product, product_low));
    return (struct parts){high, put_sub(b, product_low, put_sub(b, high, product))};
}

/* log x = k ln 2 + log m in two parts; k times the first part of ln 2 is exact. */
static struct parts put_log_parts(struct builder *b, struct reduced x)
{
    struct parts p = put_series(b, put_quotient(b, x.m));
    uint32_t third = put_either(b, 0.6666666567325592, 0.66650390625);
    uint32_t third_low = put_either(b, 9.934107462565104e-09, 0.00016276041666666666);
    uint32_t log_m = put_mul(b, third, p.high);
    uint32_t log_m_low = put_fma(b, third_low, p.high, put_times(b, p.low, 2.0 / 3));
    uint32_t log_2k = put_mul(b, x.k, put_either(b, 6.93147180369123816490e-01, 0.693359375));
    uint32_t low = put_fma(b, x.k, put_either(b, 1.90821492927058770002e-10, -2.12194440e-4), log_m_low);
    uint32_t sum = put_add(b, log_2k, log_m);
    uint32_t rest = put_add(b, put_sub(b, log_m, put_sub(b, sum, log_2k)), low);
    uint32_t high = put_high(b, sum);
    return (struct parts){high, put_add(b, put_sub(b, sum, high), rest)};
}

/* e^(y log), y finite or not: the product of the high parts is exact, and held to where the result is finite and
 * not 0. */
static uint32_t put_power(struct builder *b, struct parts log, uint32_t y)
{
    double most = b->wide ? 800 : 120;
    uint32_t held = b->wide ? put_clamp_finite(b, y, -0x1p64, 0x1p64) : put_clamp_finite(b, y, -0x1p40, 0x1p40);
    uint32_t y_high = put_high(b, held), y_low = put_sub(b, held, y_high);
    uint32_t high = put_clamp(b, put_mul(b, y_high, log.high), -most, most);
    uint32_t low = put_fma(b, y_high, log.low, put_mul(b, y_low, put_add(b, log.high, log.low)));
    low = put_clamp(b, low, -1, 1);
    uint32_t k = put_whole(b, put_add(b, high, low), 1.4426950408889634);
    uint32_t r = put_fma(b, k, put_either(b, -6.93147180369123816490e-01, -0.693359375), high);
    r = put_fma(b, k, put_either(b, -1.90821492927058770002e-10, 2.12194440e-4), put_add(b, r, low));
    return put_exp_reduced(b, k, r);
}

/* Whether y is an odd whole number: y is whole and y / 2 is not. */
static uint32_t put_is_odd(struct builder *b, uint32_t y, uint32_t whole)
{
    uint32_t half = put_times(b, y, 0.5);
    return put_and(b, whole, put_not(b, put_equal(b, put_round(b, half), half)));
}

/* The cases of C's pow. `size` is |x|^y for finite |x| > 0. */
static uint32_t put_pow_edges(struct builder *b, uint32_t x, uint32_t y, uint32_t size)
{
    uint32_t zero = put_number(b, 0), one = put_number(b, 1), infinity = put_number(b, INFINITY);
    uint32_t whole = put_equal(b, put_round(b, y), y), odd = put_is_odd(b, y, whole);
    uint32_t negative = put_less(b, x, zero), down = put_less(b, y, zero);
    /* x = ±0: ±0, or ±infinity where y < 0; infinite x the other way round. */
    uint32_t end = put_select(b, down, put_div(b, one, x), x);
    uint32_t is_end = put_or(b, put_equal(b, x, zero), put_equal(b, put_abs(b, x), infinity));
    uint32_t signed_size = put_select(b, put_and(b, negative, odd), put_neg(b, size), size);
    uint32_t valid = put_or(b, whole, put_not(b, negative));
    uint32_t inside = put_select(b, valid, signed_size, put_number(b, NAN));
    uint32_t result = put_select(b, is_end, put_select(b, odd, end, put_abs(b, end)), inside);
    uint32_t is_nan = put_not(b, put_and(b, put_equal(b, x, x), put_equal(b, y, y)));
    uint32_t is_one = put_or(b, put_equal(b, y, zero), put_equal(b, x, one));
    return put_select(b, is_one, one, put_select(b, is_nan, put_number(b, NAN), result));
}

/* √x as pow defines it: +0 of -0, infinity of -infinity. */
static uint32_t put_root(struct builder *b, uint32_t x)
{
    uint32_t root = put_add(b, put(b, PRIMITIVE_sqrt, x, 0, 0), put_number(b, 0));
    return put_select(b, put_equal(b, x, put_number(b, -INFINITY)), put_number(b, INFINITY), root);
}

/* x^n, n = 1 … 4. */
static uint32_t put_whole_power(struct builder *b, uint32_t x, uint32_t n)
{
    if (n == 1) return x;
    uint32_t square = put_mul(b, x, x);
    return n == 2 ? square : put_mul(b, square, n == 3 ? x : square);
}

/* Negative powers are those of 1 / x: those of x would leave the normal numbers first. */
static bool put_constant_power(struct builder *b, uint32_t x, double y, uint32_t *out)
{
    double size = fabs(y);
    if (y == 0) return *out = put_number(b, 1), true;
    if (size == 0.5) {
        *out = put_root(b, x);
        if (y < 0) *out = put_div(b, put_number(b, 1), *out);
        return true;
    }
    if (y > 4 || y < -3 || size != floor(size))
        return false; /* more products would be less exact than the logarithm */
    *out = put_whole_power(b, y < 0 ? put_div(b, put_number(b, 1), x) : x, (uint32_t)size);
    return true;
}

uint32_t expand_pow(struct builder *b, uint32_t x, uint32_t y)
{
    uint32_t result;
    const struct scalar *exponent = &b->to->code[y];
    if (exponent->op == SCALAR_NUMBER && put_constant_power(b, x, exponent->number, &result)) return result;
    struct parts log = put_log_parts(b, put_log_reduce(b, put_abs(b, x)));
    return put_pow_edges(b, x, y, put_power(b, log, y));
}
