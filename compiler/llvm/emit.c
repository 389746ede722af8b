/* emit.c: the types of the emission, what comes from the call, and loops that carry values from turn to turn. */
#include "compiler/llvm/emit.h"

#include "compiler/llvm/session.h"

/* struct nnt_call of runtime/abi.h, laid out as the target's C compiler would. */
static LLVMTypeRef call_type(const struct emit *e)
{
    LLVMTypeRef f64 = LLVMDoubleTypeInContext(e->context);
    LLVMTypeRef part[] = {
        [CALL_BATCH] = e->i32,
        [CALL_RESERVED] = e->i32,
        [CALL_SLAB] = LLVMArrayType2(e->ptr, NNT_SLABS),
        [CALL_NUMBER] = LLVMArrayType2(f64, NNT_NUMBERS),
        [CALL_GEMM_F32] = e->ptr,
        [CALL_GEMM_F64] = e->ptr,
    };
    return LLVMStructTypeInContext(e->context, part, LENGTH(part), 0);
}

void emit_init(struct emit *e, const struct llvm_session *session, const char *prefix)
{
    LLVMContextRef context = session->context;
    bool single = session->target.real_bytes == 4;
    bool is_x86 = !strncmp(session->target.triple, "x86_64", 6) || !strncmp(session->target.triple, "i686", 4);
    *e = (struct emit){
        .context = context, .module = session->module, .arena = session->arena, .prefix = prefix, .parts = 1};
    e->builder = LLVMCreateBuilderInContext(context);
    e->target = session->target;
    e->lanes = session->target.vector_bytes / session->target.real_bytes;
    if (e->lanes < 1 || e->lanes > EMIT_LANES) BUG("vectors of %u bytes", (unsigned)session->target.vector_bytes);
    e->is_x86 = is_x86;
    e->registers = is_x86 && session->target.vector_bytes < 64 ? 16 : 32;
    e->real = single ? LLVMFloatTypeInContext(context) : LLVMDoubleTypeInContext(context);
    e->whole = single ? LLVMInt32TypeInContext(context) : LLVMInt64TypeInContext(context);
    e->i1 = LLVMInt1TypeInContext(context);
    e->i32 = LLVMInt32TypeInContext(context);
    e->i64 = LLVMInt64TypeInContext(context);
    e->ptr = LLVMPointerTypeInContext(context, 0);
    e->call_type = call_type(e);
    LLVMTypeRef arguments[] = {e->ptr, e->ptr};
    e->entry_type = LLVMFunctionType(e->i32, arguments, LENGTH(arguments), 0);
}

void emit_fini(struct emit *e)
{
    LLVMDisposeBuilder(e->builder);
}

LLVMValueRef emit_call_part(struct emit *e, uint32_t member, uint32_t index)
{
    LLVMValueRef path[] = {LLVMConstInt(e->i32, 0, 0), LLVMConstInt(e->i32, member, 0),
                           LLVMConstInt(e->i32, index, 0)};
    bool is_array = member == CALL_SLAB || member == CALL_NUMBER;
    return LLVMBuildGEP2(e->builder, e->call_type, e->call, path, is_array ? 3 : 2, "");
}

LLVMValueRef emit_constant(struct emit *e, const struct scalar *s)
{
    LLVMTypeRef f64 = LLVMDoubleTypeInContext(e->context);
    switch (s->op) {
    case SCALAR_NUMBER:
        return emit_number(e, s->number, 1);
    case SCALAR_ARGUMENT:
        return LLVMBuildFPCast(
            e->builder, LLVMBuildLoad2(e->builder, f64, emit_call_part(e, CALL_NUMBER, s->index), ""), e->real, "");
    case SCALAR_BATCH:
        return LLVMBuildSIToFP(e->builder, e->batch, e->real, "");
    default:
        return NULL;
    }
}

void emit_loop_begin(struct emit *e, struct emit_loop *loop, LLVMValueRef begin, LLVMValueRef end, int64_t step,
                     LLVMValueRef *carried[], uint32_t n_carried, bool may_skip)
{
    if (n_carried > EMIT_CARRIED) BUG("a loop that carries %u values", (unsigned)n_carried);
    loop->before = LLVMGetInsertBlock(e->builder);
    loop->body = emit_block(e, "loop");
    loop->after = emit_block(e, "after");
    loop->end = end, loop->step = emit_i64(e, step);
    loop->n_carried = n_carried, loop->may_skip = may_skip;
    if (may_skip) {
        LLVMValueRef any = LLVMBuildICmp(e->builder, LLVMIntULT, begin, end, "");
        LLVMBuildCondBr(e->builder, any, loop->body, loop->after);
    } else {
        LLVMBuildBr(e->builder, loop->body);
    }
    LLVMPositionBuilderAtEnd(e->builder, loop->body);
    loop->index = LLVMBuildPhi(e->builder, e->i64, "i");
    LLVMAddIncoming(loop->index, &begin, &loop->before, 1);
    for (uint32_t i = 0; i < n_carried; i++) {
        loop->carried[i] = carried[i], loop->first[i] = *carried[i];
        loop->phi[i] = LLVMBuildPhi(e->builder, LLVMTypeOf(*carried[i]), "");
        LLVMAddIncoming(loop->phi[i], &loop->first[i], &loop->before, 1);
        *carried[i] = loop->phi[i];
    }
}

/* Behind a loop that may have had no turn, a carried value is the first or the last. */
static void join(struct emit *e, struct emit_loop *loop, LLVMBasicBlockRef last)
{
    for (uint32_t i = 0; i < loop->n_carried; i++) {
        LLVMValueRef from[] = {loop->first[i], *loop->carried[i]};
        LLVMBasicBlockRef blocks[] = {loop->before, last};
        LLVMValueRef phi = LLVMBuildPhi(e->builder, LLVMTypeOf(from[0]), "");
        LLVMAddIncoming(phi, from, blocks, 2);
        *loop->carried[i] = phi;
    }
}

void emit_loop_end(struct emit *e, struct emit_loop *loop)
{
    LLVMBasicBlockRef last = LLVMGetInsertBlock(e->builder);
    LLVMValueRef next = LLVMBuildNUWAdd(e->builder, loop->index, loop->step, "");
    LLVMAddIncoming(loop->index, &next, &last, 1);
    for (uint32_t i = 0; i < loop->n_carried; i++) LLVMAddIncoming(loop->phi[i], loop->carried[i], &last, 1);
    LLVMValueRef again = LLVMBuildICmp(e->builder, LLVMIntULT, next, loop->end, "");
    LLVMBuildCondBr(e->builder, again, loop->body, loop->after);
    LLVMPositionBuilderAtEnd(e->builder, loop->after);
    if (loop->may_skip) join(e, loop, last);
}
