/* expand_exp.c: exp, expm1, sinh, cosh, tanh and logistic: Cody and Waite's reduction by ln 2, and a polynomial. */
#include "compiler/kernel/expand.h"

/* (e^r - 1 - r) / r² on |r| <= ln 2 / 2: minimax, relative error of e^r - 1 below 2^-28 and 2^-58. */
static const struct polynomial exp_tail[2] = {
    {5, {0.5, 0.166665182, 0.041666206, 0.00836895313, 0.00139505987}},
    {10,
     {0.50000000000000133, 0.16666666666666699, 0.041666666666514425, 0.0083333333333069932, 0.0013888888947305097,
      0.00019841269917866933, 2.4801489615223265e-05, 2.7557215858184765e-06, 2.7631405978828748e-07,
      2.511800250037996e-08}},
};
/* 2 tanh(x/2) = x (1 + u P(u)) / Q(u), u = x², on |x| <= 9.4 in float32: minimax for tanh x, relative error below
 * 2^-26.9. */
static const struct polynomial half_tanh_above = {2, {0.0297756381, 0.000114293638}};
static const struct polynomial half_tanh_below = {4, {1, 0.11310894, 0.00120674144, 1.22984136e-06}};

/* e^r - 1 = r + r² (1/2 + …), |r| <= ln 2 / 2. */
static uint32_t put_expm1_reduced(struct builder *b, uint32_t r)
{
    return put_fma(b, put_mul(b, r, r), put_horner(b, r, &exp_tail[b->wide]), r);
}

/* x = k ln 2 + r. Where x is NaN, so is r, and k is `most`: no larger k occurs. k times the first part of ln 2 is
 * exact. */
static void put_exp_reduce(struct builder *b, uint32_t x, double most, uint32_t *out_k, uint32_t *out_r)
{
    uint32_t k = put_min(b, put_whole(b, x, 1.4426950408889634), put_number(b, most));
    uint32_t r = put_fma(b, k, put_either(b, -6.93147180369123816490e-01, -0.693359375), x);
    *out_r = put_fma(b, k, put_either(b, -1.90821492927058770002e-10, 2.12194440e-4), r);
    *out_k = k;
}

/* x 2^k by two factors, so that neither is beyond the normal numbers and a denormal result is rounded once. */
static uint32_t put_scale_twice(struct builder *b, uint32_t x, uint32_t k)
{
    uint32_t half = put_whole(b, k, 0.5);
    return put_scale(b, put_scale(b, x, half), put_sub(b, k, half));
}

uint32_t put_exp_reduced(struct builder *b, uint32_t k, uint32_t r)
{
    uint32_t power = put_add(b, put_number(b, 1), put_expm1_reduced(b, r));
    return put_scale_twice(b, power, k);
}

uint32_t put_exp(struct builder *b, uint32_t x, int lift)
{
    uint32_t k, r;
    uint32_t held = b->wide ? put_clamp(b, x, -750, 712) : put_clamp(b, x, -106, 91);
    put_exp_reduce(b, held, b->wide ? 1028 : 132, &k, &r);
    if (lift) k = put_add(b, k, put_number(b, lift));
    return put_exp_reduced(b, k, r);
}

uint32_t expand_exp(struct builder *b, uint32_t x)
{
    return put_exp(b, x, 0);
}

/* e^x - 1 = 2^k ((e^r - 1) + (1 - 2^-k)), for x that are held above -40. */
static uint32_t put_expm1(struct builder *b, uint32_t x)
{
    uint32_t k, r;
    put_exp_reduce(b, x, b->wide ? 1028 : 132, &k, &r);
    uint32_t inverse = put_scale(b, put_number(b, 1), put_neg(b, put_min(b, k, put_number(b, 64))));
    uint32_t rest = put_sub(b, put_number(b, 1), inverse);
    return put_scale_twice(b, put_add(b, put_expm1_reduced(b, r), rest), k);
}

uint32_t expand_expm1(struct builder *b, uint32_t x)
{
    uint32_t held = b->wide ? put_clamp(b, x, -40, 712) : put_clamp(b, x, -20, 91);
    return put_keep_zero(b, x, put_expm1(b, held));
}

/* With E = e^|x| - 1: (E + E / (E + 1)) / 2, and e^|x| / 2 where the difference no longer counts. */
uint32_t expand_sinh(struct builder *b, uint32_t x)
{
    uint32_t size = put_abs(b, x), limit = put_number(b, 22);
    uint32_t e = put_expm1(b, put_min(b, limit, size));
    uint32_t twice = put_add(b, e, put_div(b, e, put_add(b, e, put_number(b, 1))));
    uint32_t small = put_times(b, twice, 0.5);
    return put_odd(b, x, put_select(b, put_less(b, size, limit), small, put_exp(b, size, -1)));
}

/* With h = e^|x| / 2: h + 1 / (4 h). */
uint32_t expand_cosh(struct builder *b, uint32_t x)
{
    uint32_t h = put_exp(b, put_abs(b, x), -1);
    return put_add(b, h, put_div(b, put_number(b, 0.25), h));
}

/* tanh x = m / (1 + m²/4), m = 2 tanh(x/2): short, for this is what training spends its time on, and where tanh is
 * near 1 an error of m hardly counts. It cannot exceed 1: whatever m is, 1 + m²/4 is rounded to no less than m is.
 */
static uint32_t put_tanh_narrow(struct builder *b, uint32_t x)
{
    uint32_t one = put_number(b, 1), t = put_clamp(b, x, -9.4, 9.4), u = put_mul(b, t, t);
    uint32_t above = put_fma(b, put_mul(b, t, u), put_horner(b, u, &half_tanh_above), t);
    uint32_t m = put_div(b, above, put_horner(b, u, &half_tanh_below));
    return put_div(b, m, put_fma(b, put_times(b, m, 0.25), m, one));
}

/* E / (E + 2), E = e^2x - 1. */
uint32_t expand_tanh(struct builder *b, uint32_t x)
{
    if (!b->wide) return put_tanh_narrow(b, x);
    uint32_t e = put_expm1(b, put_times(b, put_clamp(b, x, -20, 20), 2));
    return put_keep_zero(b, x, put_div(b, e, put_add(b, e, put_number(b, 2))));
}

/* With z = e^-|x|: 1 / (1 + z), and z / (1 + z) for negative x. */
uint32_t expand_logistic(struct builder *b, uint32_t x)
{
    uint32_t one = put_number(b, 1), z = put_exp(b, put_neg(b, put_abs(b, x)), 0);
    uint32_t above = put_select(b, put_less(b, x, put_number(b, 0)), z, one);
    return put_div(b, above, put_add(b, one, z));
}
