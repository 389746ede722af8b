/* expand.h: what the files of the expansion share: small functions that append one operation, and the expansions
 * themselves.
 *
 * Engines may fuse any product into the sum that uses it. So no expansion relies on a product being rounded: where
 * more precision than one number's is needed, factors are split such that their product is exact.
 */
#ifndef NNT_KERNEL_EXPAND_H
#define NNT_KERNEL_EXPAND_H

#include "compiler/kernel/nest.h"

/* The program being written. */
struct builder {
    struct arena *arena;
    struct program *to;
    bool wide; /* float64, else float32 */
};
/* c[0] + c[1] u + c[2] u² + … */
struct polynomial {
    uint32_t n;
    double c[20];
};

/* Whether every engine has the primitive itself: then it is not expanded. */
bool primitive_is_machine(enum primitive op);

/* Appends an operation, or finds the equal one that stands there: its position. */
uint32_t put(struct builder *b, uint8_t op, uint32_t x, uint32_t y, uint32_t z);
uint32_t put_number(struct builder *b, double value);

static inline uint32_t put_add(struct builder *b, uint32_t x, uint32_t y)
{
    return put(b, PRIMITIVE_add, x, y, 0);
}
static inline uint32_t put_sub(struct builder *b, uint32_t x, uint32_t y)
{
    return put(b, PRIMITIVE_sub, x, y, 0);
}
static inline uint32_t put_mul(struct builder *b, uint32_t x, uint32_t y)
{
    return put(b, PRIMITIVE_mul, x, y, 0);
}
static inline uint32_t put_div(struct builder *b, uint32_t x, uint32_t y)
{
    return put(b, PRIMITIVE_div, x, y, 0);
}
static inline uint32_t put_neg(struct builder *b, uint32_t x)
{
    return put(b, PRIMITIVE_neg, x, 0, 0);
}
static inline uint32_t put_abs(struct builder *b, uint32_t x)
{
    return put(b, PRIMITIVE_abs, x, 0, 0);
}
static inline uint32_t put_min(struct builder *b, uint32_t x, uint32_t y)
{
    return put(b, PRIMITIVE_min, x, y, 0);
}
static inline uint32_t put_max(struct builder *b, uint32_t x, uint32_t y)
{
    return put(b, PRIMITIVE_max, x, y, 0);
}
static inline uint32_t put_less(struct builder *b, uint32_t x, uint32_t y)
{
    return put(b, PRIMITIVE_less, x, y, 0);
}
static inline uint32_t put_equal(struct builder *b, uint32_t x, uint32_t y)
{
    return put(b, PRIMITIVE_equal, x, y, 0);
}
static inline uint32_t put_and(struct builder *b, uint32_t x, uint32_t y)
{
    return put(b, PRIMITIVE_and, x, y, 0);
}
static inline uint32_t put_or(struct builder *b, uint32_t x, uint32_t y)
{
    return put(b, PRIMITIVE_or, x, y, 0);
}
static inline uint32_t put_not(struct builder *b, uint32_t x)
{
    return put(b, PRIMITIVE_not, x, 0, 0);
}
static inline uint32_t put_select(struct builder *b, uint32_t condition, uint32_t x, uint32_t y)
{
    return put(b, PRIMITIVE_select, condition, x, y);
}
static inline uint32_t put_fma(struct builder *b, uint32_t x, uint32_t y, uint32_t z)
{
    return put(b, SCALAR_FMA, x, y, z);
}
static inline uint32_t put_scale(struct builder *b, uint32_t x, uint32_t k)
{
    return put(b, SCALAR_SCALE, x, k, 0);
}

/* A number that depends on the precision. */
static inline uint32_t put_either(struct builder *b, double wide, double narrow)
{
    return put_number(b, b->wide ? wide : narrow);
}
/* x * factor + y and x * factor, with a number. */
static inline uint32_t put_fma_number(struct builder *b, uint32_t x, double factor, uint32_t y)
{
    return put_fma(b, x, put_number(b, factor), y);
}
static inline uint32_t put_times(struct builder *b, uint32_t x, double factor)
{
    return put_mul(b, x, put_number(b, factor));
}

/* By Horner's rule. The tables hold float32's polynomial at [0], float64's at [1]. */
uint32_t put_horner(struct builder *b, uint32_t u, const struct polynomial *p);
/* x held within least … most, with y for NaN: put_clamp keeps NaN, put_clamp_finite makes it `most`. */
uint32_t put_clamp(struct builder *b, uint32_t x, double least, double most);
uint32_t put_clamp_finite(struct builder *b, uint32_t x, double least, double most);
/* The nearest whole number to factor * x, for results that are small against 2^22 (float32) or 2^51. */
uint32_t put_whole(struct builder *b, uint32_t x, double factor);
/* The nearest whole number, ties to even, for any x. */
uint32_t put_round(struct builder *b, uint32_t x);
/* x where that is ±0, else y: for odd functions whose formula loses the sign of zero. */
uint32_t put_keep_zero(struct builder *b, uint32_t x, uint32_t y);
/* f(x) of an odd f from y = f(|x|). */
uint32_t put_odd(struct builder *b, uint32_t x, uint32_t y);

/* expand_exp.c. `lift` scales by 2^lift before the result can overflow. */
uint32_t put_exp(struct builder *b, uint32_t x, int lift);
/* e^r 2^k for whole |k| <= 1200 (float32: 180) and small r. */
uint32_t put_exp_reduced(struct builder *b, uint32_t k, uint32_t r);
uint32_t expand_exp(struct builder *b, uint32_t x);
uint32_t expand_expm1(struct builder *b, uint32_t x);
uint32_t expand_sinh(struct builder *b, uint32_t x);
uint32_t expand_cosh(struct builder *b, uint32_t x);
uint32_t expand_tanh(struct builder *b, uint32_t x);
uint32_t expand_logistic(struct builder *b, uint32_t x);

/* expand_log.c */
struct reduced {
    uint32_t k, m; /* x = 2^k m, m in [√½, √2] */
};
struct reduced put_log_reduce(struct builder *b, uint32_t x);
uint32_t expand_log(struct builder *b, uint32_t x);
uint32_t expand_log1p(struct builder *b, uint32_t x);
uint32_t expand_softplus(struct builder *b, uint32_t x);
uint32_t expand_log_cosh(struct builder *b, uint32_t x);

/* expand_pow.c */
uint32_t expand_pow(struct builder *b, uint32_t x, uint32_t y);

/* expand_trig.c */
uint32_t expand_sin(struct builder *b, uint32_t x);
uint32_t expand_cos(struct builder *b, uint32_t x);
uint32_t expand_tan(struct builder *b, uint32_t x);
uint32_t expand_atan(struct builder *b, uint32_t x);

/* expand_erf.c */
uint32_t expand_erf(struct builder *b, uint32_t x);

#endif
