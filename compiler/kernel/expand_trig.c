/* expand_trig.c: sin, cos, tan and atan. */
#include "compiler/kernel/expand.h"

#include <math.h>

/* (sin(r)/r - 1) / r² in r², |r| <= π/4: relative error of sin below 2^-37 and 2^-57. */
static const struct polynomial sin_tail[2] = {
    {4, {-0.166666672, 0.00833332911, -0.000198393012, 2.71797853e-06}},
    {6,
     {-0.1666666666666663, 0.0083333333333220141, -0.00019841269829446755, 2.7557313555609442e-06,
      -2.5050735355952016e-08, 1.5895406319034561e-10}},
};
/* (cos(r) - 1 + r²/2) / r⁴ in r²: relative error of cos below 2^-33 and 2^-64. */
static const struct polynomial cos_tail[2] = {
    {3, {0.0416666456, -0.00138873386, 2.44349685e-05}},
    {6,
     {0.041666666666666595, -0.0013888888888873509, 2.4801587289067199e-05, -2.7557314224738988e-07,
      2.0875705011201504e-09, -1.1358659772672127e-11}},
};
/* (atan(t)/t - 1) / t² in t², |t| <= tan(π/8): relative error below 2^-30 and 2^-64. */
static const struct polynomial atan_tail[2] = {
    {5, {-0.333333164, 0.199985281, -0.142444402, 0.105996341, -0.0609128363}},
    {12,
     {-0.33333333333333331, 0.1999999999999813, -0.14285714285433845, 0.1111111109055202, -0.090909082178992295,
      0.076922842106860775, -0.066662458335327524, 0.058771901301107286, -0.052193909893694906,
      0.045072333276121833, -0.033553777750078194, 0.01527011356857676}},
};
/* π/2 in parts: k times each but the last is exact for |k| < 2^16 (float32), 2^20: |x| <= 1e5. */
static const struct polynomial half_pi[2] = {
    {6,
     {1.5703125, 0.0004825592041015625, 1.2665987014770508e-06, 9.89530235528946e-10, 2.5579538487363607e-12,
      5.390302529957765e-15}},
    {3, {1.5707963267341256, 6.077100506303966e-11, 2.02226624879595063154e-21}},
};

/* x = k π/2 + r: sine and cosine of r, and which of the four quarters k is. */
struct quarter {
    uint32_t sin, cos;
    uint32_t odd, high; /* truth: k mod 4 is 1 or 3; 2 or 3 */
};

/* 1 + u tail, times r: keeps the sign of zero. */
static uint32_t put_sin_reduced(struct builder *b, uint32_t r, uint32_t u)
{
    return put_mul(b, r, put_fma(b, u, put_horner(b, u, &sin_tail[b->wide]), put_number(b, 1)));
}

static uint32_t put_cos_reduced(struct builder *b, uint32_t u)
{
    uint32_t tail = put_fma(b, u, put_horner(b, u, &cos_tail[b->wide]), put_number(b, -0.5));
    return put_fma(b, u, tail, put_number(b, 1));
}

/* Beyond the range of the parts r is held to ±0.8 (π/4, and what k may be rounded to the other side), so that the
 * results stay within [-1, 1]. k is shifted by `turn` quarters. */
static struct quarter put_quarter(struct builder *b, uint32_t x, int turn)
{
    const struct polynomial *part = &half_pi[b->wide];
    uint32_t k = put_whole(b, x, M_2_PI), r = x;
    for (uint32_t i = 0; i < part->n; i++) r = put_fma_number(b, k, -part->c[i], r);
    r = put_clamp(b, r, -0.8, 0.8);
    uint32_t u = put_mul(b, r, r), turned = turn ? put_add(b, k, put_number(b, turn)) : k;
    /* k mod 4 = k - 4 floor(k / 4); k / 4 - 3/8 is nearest to that floor. */
    uint32_t magic = put_either(b, 0x1.8p52, 0x1.8p23);
    uint32_t nearly = put_fma_number(b, turned, 0.25, put_number(b, -0.375));
    uint32_t floor4 = put_sub(b, put_add(b, nearly, magic), magic);
    uint32_t phase = put_fma_number(b, floor4, -4, turned);
    uint32_t odd = put_or(b, put_equal(b, phase, put_number(b, 1)), put_equal(b, phase, put_number(b, 3)));
    return (struct quarter){put_sin_reduced(b, r, u), put_cos_reduced(b, u), odd,
                            put_less(b, put_number(b, 1.5), phase)};
}

uint32_t expand_sin(struct builder *b, uint32_t x)
{
    struct quarter q = put_quarter(b, x, 0);
    uint32_t y = put_select(b, q.odd, q.cos, q.sin);
    return put_select(b, q.high, put_neg(b, y), y);
}

uint32_t expand_cos(struct builder *b, uint32_t x)
{
    struct quarter q = put_quarter(b, x, 1);
    uint32_t y = put_select(b, q.odd, q.cos, q.sin);
    return put_select(b, q.high, put_neg(b, y), y);
}

uint32_t expand_tan(struct builder *b, uint32_t x)
{
    struct quarter q = put_quarter(b, x, 0);
    uint32_t above = put_select(b, q.odd, put_neg(b, q.cos), q.sin);
    return put_div(b, above, put_select(b, q.odd, q.sin, q.cos));
}

/* |x| = tan of 0, π/4 or π/2, plus atan t: t = |x|, (|x| - 1) / (|x| + 1) or -1 / |x|, within ± tan(π/8). */
uint32_t expand_atan(struct builder *b, uint32_t x)
{
    uint32_t size = put_abs(b, x), one = put_number(b, 1), zero = put_number(b, 0);
    uint32_t mid = put_less(b, put_number(b, 0.41421356237309503), size);
    uint32_t high = put_less(b, put_number(b, 2.414213562373095), size);
    uint32_t above = put_select(b, high, put_number(b, -1), put_select(b, mid, put_sub(b, size, one), size));
    uint32_t below = put_select(b, high, size, put_select(b, mid, put_add(b, size, one), one));
    uint32_t t = put_div(b, above, below), u = put_mul(b, t, t);
    uint32_t base = put_select(b, high, put_number(b, M_PI_2), put_select(b, mid, put_number(b, M_PI_4), zero));
    uint32_t rest =
        put_select(b, high, put_either(b, 6.123233995736766e-17, -4.3711390001862426e-08),
                   put_select(b, mid, put_either(b, 3.061616997868383e-17, -2.1855695000931213e-08), zero));
    uint32_t part = put_fma(b, put_mul(b, t, u), put_horner(b, u, &atan_tail[b->wide]), t);
    return put_odd(b, x, put_add(b, base, put_add(b, part, rest)));
}
