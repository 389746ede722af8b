/* expand_erf.c: the error function: a polynomial near 0, and 1 - e^-Q(|x|) beyond 1. */
#include "compiler/kernel/expand.h"

/* erf(x)/x - 1 in x², |x| <= 1: relative error of erf below 2^-29 and 2^-62. */
static const struct polynomial near[2] = {
    {7, {0.128379166, -0.37612626, 0.112835854, -0.0268538129, 0.00518832775, -0.000801019429, 7.85386292e-05}},
    {13,
     {0.12837916709551259, -0.37612638903183748, 0.11283791670954857, -0.026866170645072896, 0.0052239776247808784,
      -0.00085483269787428118, 0.00012055331036920777, -1.4925593507377696e-05, 1.6460972824475998e-06,
      -1.6350025297197244e-07, 1.4657880310166577e-08, -1.1365667629953192e-09, 5.9452643185426098e-11}},
};
/* Q(x) = -log(1 - erf(x)), for 1 <= x <= 4 in float32 and 1 <= x <= 6: absolute error of erf below 2^-29 and 2^-59.
 */
static const struct polynomial far[2] = {
    {7, {0.000353757059, 1.12703991, 0.638225973, 0.103037134, -0.0218052026, 0.00293957791, -0.000185570985}},
    {19,
     {1.8437241239970163e-07, 1.1283772825218275, 0.63662870316962206, 0.10274664415274078, -0.019076958334661952,
      -0.00028222429584585771, 0.0017709204444532084, -0.00064282916036075509, 4.5952631272275105e-05,
      6.9752380025780381e-05, -4.4770814766195396e-05, 1.6421807110067556e-05, -4.3018708774888257e-06,
      8.452122307082326e-07, -1.2483391835738637e-07, 1.3522579273591416e-08, -1.0170744732788512e-09,
      4.7518345703977562e-11, -1.0390766726996018e-12}},
};

uint32_t expand_erf(struct builder *b, uint32_t x)
{
    uint32_t one = put_number(b, 1), size = put_abs(b, x);
    uint32_t small = put_fma(b, x, put_horner(b, put_mul(b, x, x), &near[b->wide]), x);
    uint32_t held = put_min(b, put_either(b, 6, 4), size);
    uint32_t large = put_sub(b, one, put_exp(b, put_neg(b, put_horner(b, held, &far[b->wide])), 0));
    uint32_t negative = put_less(b, x, put_number(b, 0));
    return put_select(b, put_less(b, size, one), small, put_select(b, negative, put_neg(b, large), large));
}
