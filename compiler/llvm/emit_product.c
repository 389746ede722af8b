/* emit_product.c: nests that are matrix products: calls of the caller's gemm, and what follows a product set apart.
 */
#include "compiler/llvm/emit.h"

enum { LIGHT_FINISH = 12 };

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

/* ---- finishes of their own ---- */

/* A long finish would be written out once for each accumulator of a tile: it becomes a pass of its own over the result. */

/* Elements first … last of the slab that an operand touches, with that batch. */
static void touched(const struct nest *nest, uint32_t operand, int64_t batch, int64_t *out_first, int64_t *out_last)
{
    const struct operand *o = &nest->operand[operand];
    *out_first = *out_last = (int64_t)o->at.offset + (int64_t)o->at.offset_per_sample * batch;
    for (uint32_t l = 0; l < nest->depth; l++) {
        int64_t turns = nest->extent[l] == NEST_BATCH ? batch : nest->extent[l], move = (turns - 1) * o->stride[l];
        *(move < 0 ? out_first : out_last) += move;
    }
}

/* Whether operands share no memory, whatever the batch: all is linear in it, so that the least and a large one
 * tell. */
static bool are_apart(const struct nest *nest, uint32_t a, uint32_t b)
{
    static const int64_t batches[] = {1, 1 << 24};
    bool before = true, behind = true;
    if (nest->operand[a].at.slab != nest->operand[b].at.slab) return true;
    for (uint32_t i = 0; i < LENGTH(batches); i++) {
        int64_t first[2], last[2];
        touched(nest, a, batches[i], &first[0], &last[0]);
        touched(nest, b, batches[i], &first[1], &last[1]);
        before = before && last[0] < first[1], behind = behind && last[1] < first[0];
    }
    return before || behind;
}

static bool has_element_an_iteration(const struct nest *nest, uint32_t operand)
{
    for (uint32_t l = nest->outer; l < nest->depth; l++)
        if (!(nest->summed >> l & 1) && nest->extent[l] != 1 && !nest->operand[operand].stride[l]) return false;
    return true;
}

/* What the finish stores and does not load can hold the sums meanwhile. */
static uint32_t place_for_sums(const struct nest *nest)
{
    for (uint32_t i = 0; i < nest->finish.count; i++) {
        uint32_t place = nest->finish.code[i].index;
        bool free = nest->finish.code[i].op == SCALAR_STORE && has_element_an_iteration(nest, place);
        for (uint32_t j = 0; free && j < nest->finish.count; j++)
            if (nest->finish.code[j].op == SCALAR_LOAD) free = are_apart(nest, place, nest->finish.code[j].index);
        if (free) return place;
    }
    return NEST_NONE;
}

bool emit_split(struct emit *e, const struct nest *nest, struct nest *out_sums, struct nest *out_rest)
{
    if (!nest->summed || nest->how == HOW_LOOPS || nest->n_accumulators != 1 || nest->finish.count <= LIGHT_FINISH)
        return false;
    uint32_t place = place_for_sums(nest);
    if (place == NEST_NONE) return false;
    *out_sums = *out_rest = *nest;
    out_sums->finish = out_rest->body = out_rest->finish = (struct program){0};
    program_add(e->arena, &out_sums->finish, (struct scalar){.op = SCALAR_ACCUMULATED});
    program_add(e->arena, &out_sums->finish, (struct scalar){.op = SCALAR_STORE, .index = place});
    for (uint32_t i = 0; i < nest->finish.count; i++) {
        struct scalar s = nest->finish.code[i];
        if (s.op == SCALAR_ACCUMULATED) s = (struct scalar){.op = SCALAR_LOAD, .index = place};
        program_add(e->arena, &out_rest->body, s);
    }
    for (uint32_t l = 0; l < nest->depth; l++)
        if (nest->summed >> l & 1) out_rest->extent[l] = 1;
    out_rest->summed = out_rest->n_accumulators = 0;
    return true;
}
