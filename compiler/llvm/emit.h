/* emit.h: small inline helpers over llvm-c: types, constants, addresses, loops. */
#ifndef NNT_LLVM_EMIT_H
#define NNT_LLVM_EMIT_H

#include <string.h>

#include "compiler/kernel/nest.h"
#include "compiler/llvm/compat.h"

enum { EMIT_CARRIED = 64, EMIT_LANES = 16, EMIT_PARTS = 4 };

/* Where code is being written, and the types and values that all of it needs. */
struct emit {
    LLVMContextRef context;
    LLVMModuleRef module;
    LLVMBuilderRef builder;
    struct arena *arena;
    struct target target;
    uint32_t lanes;     /* numbers in the widest vector */
    uint32_t registers; /* vector registers */
    bool is_x86;
    const char *prefix;   /* of every symbol */
    uint32_t part, parts; /* which part of the code this module holds, of how many; the entries are in part 0 */
    LLVMTypeRef real, whole, i1, i32, i64, ptr, call_type, entry_type; /* whole: integer as wide as real */
    LLVMValueRef function;
    LLVMValueRef call, batch; /* of that function: struct nnt_call, its batch as i64 */
};

/* For the session's module and machine; e->builder is the caller's to dispose of (emit_fini). */
struct llvm_session;
void emit_init(struct emit *e, const struct llvm_session *session, const char *prefix);
void emit_fini(struct emit *e);

/* Elements of struct nnt_call, as emit_init builds it. */
enum { CALL_BATCH, CALL_RESERVED, CALL_SLAB, CALL_NUMBER, CALL_GEMM_F32, CALL_GEMM_F64 };

static inline LLVMValueRef emit_i64(struct emit *e, int64_t value)
{
    return LLVMConstInt(e->i64, (unsigned long long)value, 1);
}

static inline LLVMTypeRef emit_vector_type(LLVMTypeRef of, uint32_t lanes)
{
    return lanes > 1 ? LLVMVectorType(of, lanes) : of;
}

/* How many numbers a value has: 1 for a scalar. */
static inline uint32_t emit_width(LLVMValueRef value)
{
    LLVMTypeRef type = LLVMTypeOf(value);
    return LLVMGetTypeKind(type) == LLVMVectorTypeKind ? LLVMGetVectorSize(type) : 1;
}

/* The same constant in each lane. */
static inline LLVMValueRef emit_spread_constant(LLVMValueRef constant, uint32_t lanes)
{
    LLVMValueRef each[EMIT_LANES];
    if (lanes == 1) return constant;
    for (uint32_t i = 0; i < lanes; i++) each[i] = constant;
    return LLVMConstVector(each, lanes);
}

static inline LLVMValueRef emit_number(struct emit *e, double value, uint32_t lanes)
{
    return emit_spread_constant(LLVMConstReal(e->real, value), lanes);
}

/* 0 1 2 … in integers of that type, times `step`. */
static inline LLVMValueRef emit_iota(LLVMTypeRef type, uint32_t lanes, int64_t step)
{
    LLVMValueRef each[EMIT_LANES];
    for (uint32_t i = 0; i < lanes; i++) each[i] = LLVMConstInt(type, (unsigned long long)(i * step), 1);
    return LLVMConstVector(each, lanes);
}

/* Lanes first, first + 1, … of a and, behind them, b: `count` of them. */
static inline LLVMValueRef emit_shuffle(struct emit *e, LLVMValueRef a, LLVMValueRef b, uint32_t first,
                                        uint32_t count)
{
    LLVMValueRef lane[EMIT_LANES];
    for (uint32_t i = 0; i < count; i++) lane[i] = LLVMConstInt(e->i32, first + i, 0);
    return LLVMBuildShuffleVector(e->builder, a, b, LLVMConstVector(lane, count), "");
}

/* A scalar in each lane. */
static inline LLVMValueRef emit_spread(struct emit *e, LLVMValueRef scalar, uint32_t lanes)
{
    if (lanes == 1) return scalar;
    if (LLVMIsConstant(scalar)) return emit_spread_constant(scalar, lanes);
    LLVMValueRef none = LLVMGetPoison(LLVMVectorType(LLVMTypeOf(scalar), lanes));
    LLVMValueRef one = LLVMBuildInsertElement(e->builder, none, scalar, LLVMConstInt(e->i32, 0, 0), "");
    LLVMValueRef zeros = LLVMConstNull(LLVMVectorType(e->i32, lanes));
    return LLVMBuildShuffleVector(e->builder, one, none, zeros, "");
}

static inline LLVMValueRef emit_element(struct emit *e, LLVMValueRef vector, uint32_t lane)
{
    return LLVMBuildExtractElement(e->builder, vector, LLVMConstInt(e->i32, lane, 0), "");
}

/* pointer + offset numbers. */
static inline LLVMValueRef emit_address(struct emit *e, LLVMValueRef pointer, LLVMValueRef offset)
{
    if (LLVMIsConstant(offset) && LLVMIsNull(offset)) return pointer;
    return LLVMBuildGEP2(e->builder, e->real, pointer, &offset, 1, "");
}

/* index * stride. */
static inline LLVMValueRef emit_scaled(struct emit *e, LLVMValueRef index, int64_t stride)
{
    return stride == 1 ? index : LLVMBuildMul(e->builder, index, emit_i64(e, stride), "");
}

static inline LLVMValueRef emit_load(struct emit *e, LLVMTypeRef type, LLVMValueRef pointer)
{
    LLVMValueRef load = LLVMBuildLoad2(e->builder, type, pointer, "");
    LLVMSetAlignment(load, e->target.real_bytes);
    return load;
}

static inline void emit_store(struct emit *e, LLVMValueRef value, LLVMValueRef pointer)
{
    LLVMSetAlignment(LLVMBuildStore(e->builder, value, pointer), e->target.real_bytes);
}

/* A call of an intrinsic that is overloaded by those types. */
static inline LLVMValueRef emit_intrinsic(struct emit *e, const char *name, LLVMTypeRef types[], uint32_t n_types,
                                          LLVMValueRef arguments[], uint32_t n_arguments)
{
    uint32_t id = LLVMLookupIntrinsicID(name, strlen(name));
    if (!id) BUG("LLVM has no intrinsic %s", name);
    LLVMValueRef function = LLVMGetIntrinsicDeclaration(e->module, id, types, n_types);
    LLVMTypeRef type = LLVMIntrinsicGetType(e->context, id, types, n_types);
    return LLVMBuildCall2(e->builder, type, function, arguments, n_arguments, "");
}

static inline LLVMBasicBlockRef emit_block(struct emit *e, const char *name)
{
    return LLVMAppendBasicBlockInContext(e->context, e->function, name);
}

/* A loop under construction: for (index = begin; index < end; index += step), with values carried from turn to
 * turn. */
struct emit_loop {
    LLVMBasicBlockRef before, body, after;
    LLVMValueRef index, end, step;
    LLVMValueRef *carried[EMIT_CARRIED], phi[EMIT_CARRIED], first[EMIT_CARRIED];
    uint32_t n_carried;
    bool may_skip; /* it can have no turn at all */
};
/* Opens the loop: each *carried becomes the value at the begin of a turn. */
void emit_loop_begin(struct emit *e, struct emit_loop *loop, LLVMValueRef begin, LLVMValueRef end, int64_t step,
                     LLVMValueRef *carried[], uint32_t n_carried, bool may_skip);
/* Closes it: each *carried, as it is at the end of a turn, goes to the next one and, behind the loop, is the final
 * value. */
void emit_loop_end(struct emit *e, struct emit_loop *loop);

/* A value of a program: a number, or a truth that becomes 1 or 0 where a number is asked for. */
struct value {
    LLVMValueRef v;
    bool is_truth;
};
/* The value of an operation that needs neither memory nor loops; arguments of one width, or scalars among vectors.
 */
struct value emit_scalar(struct emit *e, const struct scalar *s, struct value a, struct value b, struct value c);
/* The value of an operation that is the same in all of a call (a number, an argument, the batch), or NULL. */
LLVMValueRef emit_constant(struct emit *e, const struct scalar *s);
LLVMValueRef emit_as_number(struct emit *e, struct value value);
/* acc by reduction x; acc + a * b in one rounding where the machine can. */
LLVMValueRef emit_reduce(struct emit *e, enum reduction by, LLVMValueRef acc, LLVMValueRef x);
LLVMValueRef emit_multiply_add(struct emit *e, LLVMValueRef a, LLVMValueRef b, LLVMValueRef c);
/* All lanes by reduction into one number, halves upon halves. */
LLVMValueRef emit_reduce_lanes(struct emit *e, enum reduction by, LLVMValueRef vector);
double emit_neutral(enum reduction by);

/* A vector in memory: lane i stands at pointer + i * stride; of the lanes only the first `rest` (0: all), or those
 * of `mask`. */
struct access {
    LLVMValueRef pointer;
    int64_t stride;
    uint32_t lanes, rest;
    LLVMValueRef mask; /* NULL: none */
};
/* Lanes outside are 0. */
LLVMValueRef emit_load_lanes(struct emit *e, const struct access *from);
void emit_store_lanes(struct emit *e, const struct access *to, LLVMValueRef vector);

/* One nest, at the builder's place; base[k] is where operand k begins, outer[i] the index of the i-th loop around
 * it. */
void emit_nest(struct emit *e, const struct nest *nest, const LLVMValueRef base[], const LLVMValueRef outer[]);
/* The nest as one call of the caller's gemm; false where it is none. */
MUST_USE bool emit_gemm(struct emit *e, const struct nest *nest, const LLVMValueRef base[],
                        const LLVMValueRef outer[]);

/* A product with a long finish as two nests, sums and what becomes of them; false where it is better left alone. */
MUST_USE bool emit_split(struct emit *e, const struct nest *nest, struct nest *out_sums, struct nest *out_rest);

/* Part `member` of the call, element `index` of it where it is an array: its address. */
LLVMValueRef emit_call_part(struct emit *e, uint32_t member, uint32_t index);

/* All entries of the kernels as functions (linkage as asked) in the module, or its part of them. */
void emit_entries(struct emit *e, const struct kernels *kernels, LLVMLinkage linkage);
const char *emit_entry_symbol(struct arena *arena, const char *prefix, uint32_t entry);

#endif
