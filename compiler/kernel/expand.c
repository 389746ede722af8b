/* expand.c: replaces primitives that no machine has by arithmetic: the table of expansions, and the short ones. */
#include "compiler/kernel/expand.h"

#include <float.h>
#include <string.h>

bool primitive_is_machine(enum primitive op)
{
    switch (op) {
    case PRIMITIVE_add:
    case PRIMITIVE_sub:
    case PRIMITIVE_mul:
    case PRIMITIVE_div:
    case PRIMITIVE_neg:
    case PRIMITIVE_sqrt:
    case PRIMITIVE_abs:
    case PRIMITIVE_min:
    case PRIMITIVE_max:
    case PRIMITIVE_less:
    case PRIMITIVE_less_equal:
    case PRIMITIVE_equal:
    case PRIMITIVE_and:
    case PRIMITIVE_or:
    case PRIMITIVE_not:
    case PRIMITIVE_select:
        return true;
    default:
        return false;
    }
}

/* ---- appending ---- */

/* How far back equal operations are looked for: a constant is used again soon, and the search must not be
 * quadratic. */
enum { WINDOW = 400 };

static bool may_be_shared(uint8_t op)
{
    return op != SCALAR_LOAD && op != SCALAR_STORE && op != SCALAR_ACCUMULATE;
}

static bool same_scalar(const struct scalar *x, const struct scalar *y)
{
    return x->op == y->op && x->a == y->a && x->b == y->b && x->c == y->c && x->index == y->index &&
           memcmp(&x->number, &y->number, sizeof x->number) == 0;
}

static uint32_t put_scalar(struct builder *b, struct scalar scalar)
{
    uint32_t count = b->to->count, last = count > WINDOW ? count - WINDOW : 0;
    if (may_be_shared(scalar.op))
        for (uint32_t i = count; i > last; i--)
            if (same_scalar(&b->to->code[i - 1], &scalar)) return i - 1;
    return program_add(b->arena, b->to, scalar);
}

uint32_t put(struct builder *b, uint8_t op, uint32_t x, uint32_t y, uint32_t z)
{
    return put_scalar(b, (struct scalar){.op = op, .a = x, .b = y, .c = z});
}

uint32_t put_number(struct builder *b, double value)
{
    return put_scalar(b, (struct scalar){.op = SCALAR_NUMBER, .number = b->wide ? value : (float)value});
}

uint32_t put_horner(struct builder *b, uint32_t u, const struct polynomial *p)
{
    uint32_t sum = put_number(b, p->c[p->n - 1]);
    for (uint32_t i = p->n - 1; i-- > 0;) sum = put_fma(b, sum, u, put_number(b, p->c[i]));
    return sum;
}

/* min and max return their second argument where either is NaN. */
uint32_t put_clamp(struct builder *b, uint32_t x, double least, double most)
{
    return put_max(b, put_number(b, least), put_min(b, put_number(b, most), x));
}

uint32_t put_clamp_finite(struct builder *b, uint32_t x, double least, double most)
{
    return put_max(b, put_min(b, x, put_number(b, most)), put_number(b, least));
}

/* Adding 1.5 times the number whose last bit is 1 rounds to whole numbers. */
uint32_t put_whole(struct builder *b, uint32_t x, double factor)
{
    uint32_t magic = put_either(b, 0x1.8p52, 0x1.8p23);
    return put_sub(b, put_fma_number(b, x, factor, magic), magic);
}

uint32_t put_round(struct builder *b, uint32_t x)
{
    uint32_t size = put_abs(b, x), magic = put_either(b, 0x1p52, 0x1p23);
    uint32_t whole = put_sub(b, put_add(b, size, magic), magic);
    return put_odd(b, x, put_select(b, put_less(b, size, magic), whole, size));
}

uint32_t put_keep_zero(struct builder *b, uint32_t x, uint32_t y)
{
    return put_select(b, put_equal(b, x, put_number(b, 0)), x, y);
}

uint32_t put_odd(struct builder *b, uint32_t x, uint32_t y)
{
    uint32_t negative = put_less(b, x, put_number(b, 0));
    return put_keep_zero(b, x, put_select(b, negative, put_neg(b, y), y));
}

/* ---- the short expansions ---- */

/* Zeros and NaN stand for themselves. */
static uint32_t expand_sign(struct builder *b, uint32_t x)
{
    uint32_t zero = put_number(b, 0);
    uint32_t not_above = put_select(b, put_less(b, x, zero), put_number(b, -1), x);
    return put_select(b, put_less(b, zero, x), put_number(b, 1), not_above);
}

static uint32_t expand_floor(struct builder *b, uint32_t x)
{
    uint32_t whole = put_round(b, x);
    return put_sub(b, whole, put_less(b, x, whole));
}

/* From floor, so that ceil(-0.5) is -0. */
static uint32_t expand_ceil(struct builder *b, uint32_t x)
{
    return put_neg(b, expand_floor(b, put_neg(b, x)));
}

static uint32_t expand_hold(struct builder *b, uint32_t x)
{
    (void)b;
    return x;
}

static uint32_t expand_mul_or_zero(struct builder *b, uint32_t x, uint32_t y)
{
    uint32_t zero = put_number(b, 0);
    return put_select(b, put_equal(b, x, zero), zero, put_mul(b, x, y));
}

/* ---- the table ---- */

static uint32_t (*const unary[PRIMITIVES])(struct builder *, uint32_t) = {
    [PRIMITIVE_exp] = expand_exp,           [PRIMITIVE_log] = expand_log,
    [PRIMITIVE_log1p] = expand_log1p,       [PRIMITIVE_expm1] = expand_expm1,
    [PRIMITIVE_sign] = expand_sign,         [PRIMITIVE_sin] = expand_sin,
    [PRIMITIVE_cos] = expand_cos,           [PRIMITIVE_tan] = expand_tan,
    [PRIMITIVE_atan] = expand_atan,         [PRIMITIVE_sinh] = expand_sinh,
    [PRIMITIVE_cosh] = expand_cosh,         [PRIMITIVE_tanh] = expand_tanh,
    [PRIMITIVE_log_cosh] = expand_log_cosh, [PRIMITIVE_erf] = expand_erf,
    [PRIMITIVE_logistic] = expand_logistic, [PRIMITIVE_softplus] = expand_softplus,
    [PRIMITIVE_floor] = expand_floor,       [PRIMITIVE_ceil] = expand_ceil,
    [PRIMITIVE_round] = put_round,          [PRIMITIVE_hold] = expand_hold,
};
static uint32_t (*const binary[PRIMITIVES])(struct builder *, uint32_t, uint32_t) = {
    [PRIMITIVE_pow] = expand_pow,
    [PRIMITIVE_mul_or_zero] = expand_mul_or_zero,
};

static uint32_t expand_scalar(struct builder *b, struct scalar s)
{
    if (s.op >= PRIMITIVES || primitive_is_machine(s.op)) return put_scalar(b, s);
    if (unary[s.op]) return unary[s.op](b, s.a);
    if (binary[s.op]) return binary[s.op](b, s.a, s.b);
    BUG("no machine has '%s', and it has no expansion", primitive_rows[s.op].name);
}

void program_expand(struct arena *arena, struct program *program, uint32_t real_bytes)
{
    struct program to = {0};
    struct builder b = {.arena = arena, .to = &to, .wide = real_bytes == 8};
    uint32_t *moved = arena_alloc(arena, ((size_t)program->count + 1) * sizeof *moved);
    for (uint32_t i = 0; i < program->count; i++) {
        struct scalar s = program->code[i];
        uint32_t arity = scalar_arity(s.op);
        s.a = arity > 0 ? moved[s.a] : 0, s.b = arity > 1 ? moved[s.b] : 0, s.c = arity > 2 ? moved[s.c] : 0;
        if (s.op == SCALAR_NUMBER && !b.wide) s.number = (float)s.number;
        moved[i] = expand_scalar(&b, s);
    }
    *program = to;
}
