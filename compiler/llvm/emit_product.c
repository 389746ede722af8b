/* emit_product.c: nests that are matrix products, as calls of the caller's gemm. */
#include "compiler/llvm/emit.h"

/* A value of the finish that stands on nothing but numbers. */
static struct value fixed_value(struct emit *e, const struct program *finish, uint32_t at)
{
    const struct scalar *s = &finish->code[at];
    struct value value = {emit_constant(e, s), false}, argument[3] = {{0}, {0}, {0}};
    if (value.v) return value;
    uint32_t from[3] = {s->a, s->b, s->c};
    for (uint32_t i = 0; i < scalar_arity(s->op); i++) argument[i] = fixed_value(e, finish, from[i]);
    return emit_scalar(e, s, argument[0], argument[1], argument[2]);
}

static LLVMValueRef alpha_of(struct emit *e, const struct nest *nest, const struct product *product, bool negative)
{
    if (product->alpha == NEST_NONE) return emit_number(e, negative ? -1 : 1, 1);
    LLVMValueRef alpha = emit_as_number(e, fixed_value(e, &nest->finish, product->alpha));
    return negative ? LLVMBuildFNeg(e->builder, alpha, "") : alpha;
}

static LLVMValueRef matrix(struct emit *e, const struct nest *nest, uint32_t operand, const LLVMValueRef base[],
                           const LLVMValueRef outer[])
{
    LLVMValueRef at = base[operand];
    for (uint32_t l = 0; l < nest->outer; l++)
        if (nest->operand[operand].stride[l])
            at = emit_address(e, at, emit_scaled(e, outer[l], nest->operand[operand].stride[l]));
    return at;
}

static LLVMValueRef count(struct emit *e, uint32_t extent)
{
    return extent == NEST_BATCH ? LLVMBuildTrunc(e->builder, e->batch, e->i32, "")
                                : LLVMConstInt(e->i32, extent, 0);
}

static LLVMTypeRef gemm_type(struct emit *e)
{
    LLVMTypeRef i = e->i32, p = e->ptr, r = e->real, types[] = {i, i, i, i, i, r, p, i, p, i, r, p, i};
    return LLVMFunctionType(LLVMVoidTypeInContext(e->context), types, LENGTH(types), 0);
}

bool emit_gemm(struct emit *e, const struct nest *nest, const LLVMValueRef base[], const LLVMValueRef outer[])
{
    struct product p;
    bool negative = false;
    if (!nest_product(nest, &p, &negative)) return false;
    LLVMValueRef arguments[] = {
        LLVMConstInt(e->i32, p.transpose_a, 0),
        LLVMConstInt(e->i32, p.transpose_b, 0),
        count(e, p.m),
        count(e, p.n),
        count(e, p.k),
        alpha_of(e, nest, &p, negative),
        matrix(e, nest, p.a, base, outer),
        LLVMConstInt(e->i32, p.lda, 0),
        matrix(e, nest, p.b, base, outer),
        LLVMConstInt(e->i32, p.ldb, 0),
        emit_number(e, p.accumulate ? 1 : 0, 1),
        matrix(e, nest, p.c, base, outer),
        LLVMConstInt(e->i32, p.ldc, 0),
    };
    LLVMValueRef at = emit_call_part(e, e->target.real_bytes == 4 ? CALL_GEMM_F32 : CALL_GEMM_F64, 0);
    LLVMValueRef gemm = LLVMBuildLoad2(e->builder, e->ptr, at, "");
    LLVMBuildCall2(e->builder, gemm_type(e), gemm, arguments, LENGTH(arguments), "");
    return true;
}
