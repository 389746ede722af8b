/* emit_memory.c: vectors from and to memory: contiguous or not, whole or cut at the edge. */
#include "compiler/llvm/emit.h"

static LLVMValueRef lane_address(struct emit *e, const struct access *at, uint32_t lane)
{
    return emit_address(e, at->pointer, emit_i64(e, (int64_t)lane * at->stride));
}

static uint32_t active(const struct access *at)
{
    return at->rest ? at->rest : at->lanes;
}

static LLVMValueRef each_address(struct emit *e, const struct access *at)
{
    LLVMValueRef offsets = emit_iota(e->i64, at->lanes, at->stride);
    return LLVMBuildGEP2(e->builder, e->real, at->pointer, &offsets, 1, "");
}

static LLVMValueRef load_masked(struct emit *e, const struct access *from)
{
    LLVMTypeRef vector = emit_vector_type(e->real, from->lanes);
    LLVMValueRef align = LLVMConstInt(e->i32, e->target.real_bytes, 0), zero = LLVMConstNull(vector);
    if (from->stride == 1) {
        LLVMTypeRef types[] = {vector, e->ptr};
        LLVMValueRef arguments[] = {from->pointer, align, from->mask, zero};
        return emit_intrinsic(e, "llvm.masked.load", types, 2, arguments, 4);
    }
    LLVMTypeRef types[] = {vector, emit_vector_type(e->ptr, from->lanes)};
    LLVMValueRef arguments[] = {each_address(e, from), align, from->mask, zero};
    return emit_intrinsic(e, "llvm.masked.gather", types, 2, arguments, 4);
}

static void store_masked(struct emit *e, const struct access *to, LLVMValueRef vector)
{
    LLVMValueRef align = LLVMConstInt(e->i32, e->target.real_bytes, 0);
    bool together = to->stride == 1;
    LLVMTypeRef types[] = {LLVMTypeOf(vector), together ? e->ptr : emit_vector_type(e->ptr, to->lanes)};
    LLVMValueRef arguments[] = {vector, together ? to->pointer : each_address(e, to), align, to->mask};
    emit_intrinsic(e, together ? "llvm.masked.store" : "llvm.masked.scatter", types, 2, arguments, 4);
}

/* Number by number. */
static LLVMValueRef load_apart(struct emit *e, const struct access *from)
{
    LLVMValueRef vector = LLVMConstNull(emit_vector_type(e->real, from->lanes));
    for (uint32_t i = 0; i < active(from); i++) {
        LLVMValueRef one = emit_load(e, e->real, lane_address(e, from, i));
        vector = LLVMBuildInsertElement(e->builder, vector, one, LLVMConstInt(e->i32, i, 0), "");
    }
    return vector;
}

LLVMValueRef emit_load_lanes(struct emit *e, const struct access *from)
{
    if (from->mask) return load_masked(e, from);
    if (from->stride != 1 || from->rest == 1) return load_apart(e, from);
    LLVMValueRef part = emit_load(e, emit_vector_type(e->real, active(from)), from->pointer);
    if (!from->rest) return part;
    LLVMValueRef zero = LLVMConstNull(LLVMTypeOf(part)), lane[EMIT_LANES];
    for (uint32_t i = 0; i < from->lanes; i++)
        lane[i] = LLVMConstInt(e->i32, i < from->rest ? i : from->rest, 0); /* lane `rest` is the first zero */
    return LLVMBuildShuffleVector(e->builder, part, zero, LLVMConstVector(lane, from->lanes), "");
}

void emit_store_lanes(struct emit *e, const struct access *to, LLVMValueRef vector)
{
    if (to->mask) {
        store_masked(e, to, vector);
    } else if (to->stride != 1 || to->rest == 1) {
        for (uint32_t i = 0; i < active(to); i++) emit_store(e, emit_element(e, vector, i), lane_address(e, to, i));
    } else {
        emit_store(e, to->rest ? emit_shuffle(e, vector, vector, 0, to->rest) : vector, to->pointer);
    }
}
