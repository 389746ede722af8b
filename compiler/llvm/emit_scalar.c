/* emit_scalar.c: arithmetic, comparisons, selections and bits, on numbers or vectors of them. */
#include "compiler/llvm/emit.h"

#include <math.h>

/* Where exponent and fraction stand in a number of this precision. */
struct format {
    uint32_t fraction, bias; /* bits of the fraction; exponent of 1 */
    double whole;            /* 2^fraction: adding it leaves whole numbers in the low bits */
};
static struct format format_of(const struct emit *e)
{
    return e->target.real_bytes == 4 ? (struct format){23, 127, 0x1p23} : (struct format){52, 1023, 0x1p52};
}

/* A product and a sum that follow each other may be rounded once. */
static LLVMValueRef contract(LLVMValueRef v)
{
    if (LLVMIsAInstruction(v)) LLVMSetFastMathFlags(v, LLVMFastMathAllowContract);
    return v;
}

static LLVMValueRef zero_like(LLVMValueRef v)
{
    return LLVMConstNull(LLVMTypeOf(v));
}

LLVMValueRef emit_as_number(struct emit *e, struct value value)
{
    if (!value.is_truth) return value.v;
    uint32_t lanes = emit_width(value.v);
    return LLVMBuildSelect(e->builder, value.v, emit_number(e, 1, lanes), emit_number(e, 0, lanes), "");
}

static LLVMValueRef as_truth(struct emit *e, struct value value)
{
    if (value.is_truth) return value.v;
    return LLVMBuildFCmp(e->builder, LLVMRealUNE, value.v, zero_like(value.v), "");
}

static LLVMValueRef unary(struct emit *e, const char *intrinsic, LLVMValueRef a)
{
    LLVMTypeRef type = LLVMTypeOf(a);
    return emit_intrinsic(e, intrinsic, &type, 1, &a, 1);
}

LLVMValueRef emit_multiply_add(struct emit *e, LLVMValueRef a, LLVMValueRef b, LLVMValueRef c)
{
    LLVMTypeRef type = LLVMTypeOf(a);
    LLVMValueRef arguments[] = {a, b, c};
    return emit_intrinsic(e, "llvm.fmuladd", &type, 1, arguments, 3);
}

/* a where the comparison holds, else b: what `max` and `min` are defined as. */
static LLVMValueRef choose(struct emit *e, LLVMRealPredicate when, LLVMValueRef a, LLVMValueRef b)
{
    return LLVMBuildSelect(e->builder, LLVMBuildFCmp(e->builder, when, a, b, ""), a, b, "");
}

double emit_neutral(enum reduction by)
{
    return by == REDUCE_MAX ? -INFINITY : by == REDUCE_MIN ? INFINITY : 0;
}

LLVMValueRef emit_reduce(struct emit *e, enum reduction by, LLVMValueRef acc, LLVMValueRef x)
{
    if (by == REDUCE_MAX) return choose(e, LLVMRealOGE, acc, x);
    if (by == REDUCE_MIN) return choose(e, LLVMRealOLE, acc, x);
    return contract(LLVMBuildFAdd(e->builder, acc, x, ""));
}

LLVMValueRef emit_reduce_lanes(struct emit *e, enum reduction by, LLVMValueRef vector)
{
    for (uint32_t n = emit_width(vector); n > 1; n /= 2) {
        LLVMValueRef low = n == 2 ? emit_element(e, vector, 0) : emit_shuffle(e, vector, vector, 0, n / 2);
        LLVMValueRef high = n == 2 ? emit_element(e, vector, 1) : emit_shuffle(e, vector, vector, n / 2, n / 2);
        vector = emit_reduce(e, by, low, high);
    }
    return vector;
}

/* ---- bits ---- */

static LLVMTypeRef bits_type(struct emit *e, LLVMValueRef number)
{
    return emit_vector_type(e->whole, emit_width(number));
}

static LLVMValueRef bits(struct emit *e, LLVMValueRef number)
{
    return LLVMBuildBitCast(e->builder, number, bits_type(e, number), "");
}

static LLVMValueRef from_bits(struct emit *e, LLVMValueRef whole)
{
    return LLVMBuildBitCast(e->builder, whole, emit_vector_type(e->real, emit_width(whole)), "");
}

static LLVMValueRef whole_number(struct emit *e, uint64_t value, LLVMValueRef like)
{
    return emit_spread_constant(LLVMConstInt(e->whole, value, 0), emit_width(like));
}

/* a * 2^b. The sum b + bias + 1.5 * 2^fraction has b + bias in its low bits; shifted up they are the exponent of
 * 2^b. */
static LLVMValueRef scale(struct emit *e, LLVMValueRef a, LLVMValueRef b)
{
    struct format f = format_of(e);
    LLVMValueRef shifted = emit_number(e, 1.5 * f.whole + f.bias, emit_width(b));
    LLVMValueRef sum = bits(e, LLVMBuildFAdd(e->builder, b, shifted, ""));
    LLVMValueRef power = LLVMBuildShl(e->builder, sum, whole_number(e, f.fraction, sum), "");
    return LLVMBuildFMul(e->builder, a, from_bits(e, power), "");
}

/* The exponent's bits below those of 2^fraction make the number 2^fraction + exponent + bias. */
static LLVMValueRef exponent(struct emit *e, LLVMValueRef a)
{
    struct format f = format_of(e);
    LLVMValueRef raw = LLVMBuildLShr(e->builder, bits(e, a), whole_number(e, f.fraction, a), "");
    uint64_t magic = (uint64_t)(f.bias + f.fraction) << f.fraction;
    LLVMValueRef sum = from_bits(e, LLVMBuildOr(e->builder, raw, whole_number(e, magic, a), ""));
    return LLVMBuildFSub(e->builder, sum, emit_number(e, f.whole + f.bias, emit_width(a)), "");
}

static LLVMValueRef mantissa(struct emit *e, LLVMValueRef a)
{
    struct format f = format_of(e);
    uint64_t one = (uint64_t)f.bias << f.fraction, mask = ((uint64_t)1 << f.fraction) - 1;
    LLVMValueRef fraction = LLVMBuildAnd(e->builder, bits(e, a), whole_number(e, mask, a), "");
    return from_bits(e, LLVMBuildOr(e->builder, fraction, whole_number(e, one, a), ""));
}

/* ---- one operation ---- */

static struct value number(LLVMValueRef v)
{
    return (struct value){v, false};
}

static struct value truth(LLVMValueRef v)
{
    return (struct value){v, true};
}

static struct value select_value(struct emit *e, struct value a, struct value b, struct value c)
{
    LLVMValueRef when = as_truth(e, a);
    if (b.is_truth && c.is_truth) return truth(LLVMBuildSelect(e->builder, when, b.v, c.v, ""));
    return number(LLVMBuildSelect(e->builder, when, emit_as_number(e, b), emit_as_number(e, c), ""));
}

static struct value logic(struct emit *e, const struct scalar *s, struct value a, struct value b)
{
    LLVMValueRef x = as_truth(e, a);
    if (s->op == PRIMITIVE_not) return truth(LLVMBuildNot(e->builder, x, ""));
    LLVMValueRef y = as_truth(e, b);
    return truth(s->op == PRIMITIVE_and ? LLVMBuildAnd(e->builder, x, y, "") : LLVMBuildOr(e->builder, x, y, ""));
}

static LLVMValueRef arithmetic(struct emit *e, uint8_t op, LLVMValueRef a, LLVMValueRef b, LLVMValueRef c)
{
    switch (op) {
    case PRIMITIVE_add:
        return contract(LLVMBuildFAdd(e->builder, a, b, ""));
    case PRIMITIVE_sub:
        return contract(LLVMBuildFSub(e->builder, a, b, ""));
    case PRIMITIVE_mul:
        return contract(LLVMBuildFMul(e->builder, a, b, ""));
    case PRIMITIVE_div:
        return LLVMBuildFDiv(e->builder, a, b, "");
    case PRIMITIVE_neg:
        return LLVMBuildFNeg(e->builder, a, "");
    case PRIMITIVE_hold:
        return a;
    case PRIMITIVE_sqrt:
        return unary(e, "llvm.sqrt", a);
    case PRIMITIVE_abs:
        return unary(e, "llvm.fabs", a);
    case PRIMITIVE_min:
        return choose(e, LLVMRealOLE, a, b);
    case PRIMITIVE_max:
        return choose(e, LLVMRealOGE, a, b);
    case SCALAR_FMA:
        return emit_multiply_add(e, a, b, c);
    case SCALAR_SCALE:
        return scale(e, a, b);
    case SCALAR_EXPONENT:
        return exponent(e, a);
    case SCALAR_MANTISSA:
        return mantissa(e, a);
    default:
        BUG("operation %u reaches machine code; pass expand should have replaced it", (unsigned)op);
    }
}

struct value emit_scalar(struct emit *e, const struct scalar *s, struct value a, struct value b, struct value c)
{
    uint32_t arity = scalar_arity(s->op);
    switch (s->op) {
    case PRIMITIVE_hold:
        return a;
    case PRIMITIVE_and:
    case PRIMITIVE_or:
    case PRIMITIVE_not:
        return logic(e, s, a, b);
    case PRIMITIVE_select:
        return select_value(e, a, b, c);
    default:
        break;
    }
    LLVMValueRef x = arity > 0 ? emit_as_number(e, a) : NULL, y = arity > 1 ? emit_as_number(e, b) : NULL;
    switch (s->op) {
    case PRIMITIVE_less:
        return truth(LLVMBuildFCmp(e->builder, LLVMRealOLT, x, y, ""));
    case PRIMITIVE_less_equal:
        return truth(LLVMBuildFCmp(e->builder, LLVMRealOLE, x, y, ""));
    case PRIMITIVE_equal:
        return truth(LLVMBuildFCmp(e->builder, LLVMRealOEQ, x, y, ""));
    default:
        return number(arithmetic(e, s->op, x, y, arity > 2 ? emit_as_number(e, c) : NULL));
    }
}
