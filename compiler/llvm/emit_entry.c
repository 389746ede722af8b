/* emit_entry.c: entries as functions: each piece of work is a function of its own, shared by the entries that do
 * the same. */
#include "compiler/llvm/emit.h"

#include "runtime/base/text.h"

/* One nest, or a loop over samples with the nests inside. It is a function of the call and of where its buffers
 * begin, so that equal work on other buffers is the same piece. */
struct piece {
    const struct item *item;
    uint32_t count;
    struct buffer *buffer;
    uint32_t n_buffers;
    struct text key; /* equal keys: equal pieces */
    LLVMValueRef function;
};
struct pieces {
    struct emit *e;
    struct piece *piece;
    uint32_t count, capacity;
    uint64_t weight[EMIT_PARTS]; /* operations in each part so far */
};

static const char *const entry_names[NNT_ENTRIES] = {
#define ENTRY(name, ...) #name,
#include "runtime/entries.def"
#undef ENTRY
};

const char *emit_entry_symbol(struct arena *arena, const char *prefix, uint32_t entry)
{
    return arena_printf(arena, "%s_entry_%s", prefix, entry_names[entry]);
}

/* ---- pieces ---- */

static uint32_t piece_buffer(struct piece *piece, const struct buffer *buffer)
{
    uint32_t i = 0;
    while (i < piece->n_buffers) {
        const struct buffer *known = &piece->buffer[i];
        if (known->slab == buffer->slab && known->offset == buffer->offset &&
            known->offset_per_sample == buffer->offset_per_sample && known->step == buffer->step)
            return i;
        i++;
    }
    piece->buffer[piece->n_buffers++] = *buffer;
    return i;
}

static void key_number(struct text *key, uint64_t number)
{
    text_add_bytes(key, &number, sizeof number);
}

static void key_program(struct text *key, const struct program *program)
{
    key_number(key, program->count);
    for (uint32_t i = 0; i < program->count; i++) {
        const struct scalar *s = &program->code[i];
        uint64_t bits, arity = scalar_arity(s->op);
        memcpy(&bits, &s->number, sizeof bits);
        key_number(key, (uint64_t)s->op << 32 | s->reduction);
        key_number(key, arity > 0 ? s->a : 0), key_number(key, arity > 1 ? s->b : 0);
        key_number(key, arity > 2 ? s->c : 0), key_number(key, s->index);
        key_number(key, s->op == SCALAR_NUMBER ? bits : 0);
    }
}

static void key_nest(struct piece *piece, const struct nest *nest)
{
    struct text *key = &piece->key;
    key_number(key, (uint64_t)nest->depth << 32 | nest->outer);
    key_number(key, (uint64_t)nest->summed << 32 | nest->n_accumulators);
    key_number(key, (uint64_t)nest->how << 32 | nest->n_operands);
    for (uint32_t i = 0; i < nest->depth; i++) key_number(key, nest->extent[i]);
    for (uint32_t o = 0; o < nest->n_operands; o++) {
        key_number(key, piece_buffer(piece, &nest->operand[o].at));
        text_add_bytes(key, nest->operand[o].stride, sizeof nest->operand[o].stride);
    }
    key_program(key, &nest->body);
    key_program(key, &nest->finish);
}

static struct piece describe_piece(struct emit *e, const struct item *item, uint32_t count)
{
    struct piece piece = {.item = item, .count = count};
    uint32_t most = 1;
    for (uint32_t i = 0; i < count; i++) most += item[i].kind == ITEM_NEST ? item[i].nest->n_operands : 0;
    piece.buffer = arena_alloc(e->arena, most * sizeof *piece.buffer);
    for (uint32_t i = 0; i < count; i++) {
        key_number(&piece.key, (uint64_t)item[i].kind << 32 | item[i].extent);
        if (item[i].kind == ITEM_NEST) key_nest(&piece, item[i].nest);
    }
    return piece;
}

/* ---- functions ---- */

static LLVMValueRef new_function(struct emit *e, const char *name, LLVMTypeRef type, LLVMLinkage linkage)
{
    static const char *const text[][2] = {{"min-legal-vector-width", "512"}, {"prefer-vector-width", "512"}};
    LLVMValueRef function = LLVMAddFunction(e->module, name, type);
    LLVMSetLinkage(function, linkage);
    uint32_t nounwind = LLVMGetEnumAttributeKindForName("nounwind", 8);
    LLVMAttributeIndex whole = (LLVMAttributeIndex)LLVMAttributeFunctionIndex;
    LLVMAddAttributeAtIndex(function, whole, LLVMCreateEnumAttribute(e->context, nounwind, 0));
    if (e->lanes * e->target.real_bytes == 64)
        for (uint32_t i = 0; i < LENGTH(text); i++)
            LLVMAddAttributeAtIndex(function, whole,
                                    LLVMCreateStringAttribute(e->context, text[i][0], (unsigned)strlen(text[i][0]),
                                                              text[i][1], (unsigned)strlen(text[i][1])));
    e->function = function;
    LLVMPositionBuilderAtEnd(e->builder, emit_block(e, "entry"));
    return function;
}

static void load_batch(struct emit *e, LLVMValueRef call)
{
    e->call = call;
    LLVMValueRef batch = LLVMBuildLoad2(e->builder, e->i32, emit_call_part(e, CALL_BATCH, 0), "");
    e->batch = LLVMBuildZExt(e->builder, batch, e->i64, "batch");
}

static void one_nest(struct emit *e, struct piece *piece, const struct nest *nest, const LLVMValueRef outer[])
{
    LLVMValueRef base[NEST_OPERANDS];
    for (uint32_t o = 0; o < nest->n_operands; o++)
        base[o] = LLVMGetParam(e->function, 1 + piece_buffer(piece, &nest->operand[o].at));
    if (nest->how == HOW_BLAS && e->target.blas && emit_gemm(e, nest, base, outer)) return;
    struct nest *half = arena_alloc(e->arena, 2 * sizeof *half);
    if (emit_split(e, nest, &half[0], &half[1])) {
        emit_nest(e, &half[0], base, outer);
        emit_nest(e, &half[1], base, outer);
    } else {
        emit_nest(e, nest, base, outer);
    }
}

static void piece_body(struct emit *e, struct piece *piece)
{
    struct emit_loop loop[NEST_DEPTH];
    LLVMValueRef outer[NEST_DEPTH];
    uint32_t open = 0;
    for (uint32_t i = 0; i < piece->count; i++) {
        const struct item *item = &piece->item[i];
        if (item->kind == ITEM_BEGIN) {
            bool batch = item->extent == NEST_BATCH;
            emit_loop_begin(e, &loop[open], emit_i64(e, 0), batch ? e->batch : emit_i64(e, item->extent), 1, NULL,
                            0, batch);
            outer[open] = loop[open].index;
            open++;
        } else if (item->kind == ITEM_END) {
            emit_loop_end(e, &loop[--open]);
        } else {
            one_nest(e, piece, item->nest, outer);
        }
    }
}

static LLVMTypeRef piece_type(struct emit *e, uint32_t n_buffers)
{
    LLVMTypeRef *types = arena_alloc(e->arena, (n_buffers + (size_t)1) * sizeof(LLVMTypeRef));
    for (uint32_t i = 0; i <= n_buffers; i++) types[i] = e->ptr;
    return LLVMFunctionType(LLVMVoidTypeInContext(e->context), types, n_buffers + 1, 0);
}

/* The next piece goes to the part that has least to do: the same one, whichever part is being written. */
static uint32_t part_of(struct pieces *pieces, const struct piece *piece)
{
    uint32_t least = 0;
    for (uint32_t p = 1; p < pieces->e->parts; p++)
        if (pieces->weight[p] < pieces->weight[least]) least = p;
    for (uint32_t i = 0; i < piece->count; i++)
        if (piece->item[i].kind == ITEM_NEST)
            pieces->weight[least] += piece->item[i].nest->body.count + piece->item[i].nest->finish.count;
    return least;
}

/* A piece that other parts call is seen by them, and by nobody else. */
static void emit_piece(struct pieces *pieces, struct piece *piece)
{
    struct emit *e = pieces->e;
    const char *name = arena_printf(e->arena, "%s_piece_%u", e->prefix, (unsigned)pieces->count);
    LLVMTypeRef type = piece_type(e, piece->n_buffers);
    if (part_of(pieces, piece) != e->part) {
        piece->function = LLVMAddFunction(e->module, name, type);
        LLVMSetVisibility(piece->function, LLVMHiddenVisibility);
        return;
    }
    piece->function = new_function(e, name, type, e->parts > 1 ? LLVMExternalLinkage : LLVMInternalLinkage);
    if (e->parts > 1) LLVMSetVisibility(piece->function, LLVMHiddenVisibility);
    load_batch(e, LLVMGetParam(piece->function, 0));
    piece_body(e, piece);
    LLVMBuildRetVoid(e->builder);
}

static const struct piece *find_piece(struct pieces *pieces, const struct piece *like)
{
    for (uint32_t i = 0; i < pieces->count; i++) {
        const struct piece *piece = &pieces->piece[i];
        if (piece->key.length == like->key.length && !memcmp(piece->key.data, like->key.data, like->key.length))
            return piece;
    }
    return NULL;
}

/* The pieces of an entry, as they stand in its plan. */
static uint32_t items_of_piece(const struct nests *nests, uint32_t first)
{
    uint32_t open = 0;
    for (uint32_t i = first; i < nests->count; i++) {
        open += nests->item[i].kind == ITEM_BEGIN;
        open -= nests->item[i].kind == ITEM_END;
        if (!open) return i + 1 - first;
    }
    BUG("a loop does not end");
}

/* A call of gemm needs no function around it. */
static bool is_gemm(const struct emit *e, const struct item *item, uint32_t count)
{
    struct product product;
    bool negative;
    return e->target.blas && count == 1 && item->nest->how == HOW_BLAS &&
           nest_product(item->nest, &product, &negative);
}

static bool is_time(const struct item *item)
{
    return item->kind == ITEM_PHASE || item->kind == ITEM_PHASE_END;
}

static void emit_pieces(struct pieces *pieces, const struct nests *nests)
{
    struct emit *e = pieces->e;
    for (uint32_t i = 0; i < nests->count;) {
        const struct item *item = &nests->item[i];
        uint32_t count = is_time(item) ? 1 : items_of_piece(nests, i);
        i += count;
        if (is_time(item)) continue;
        if (is_gemm(e, item, count)) continue;
        struct piece piece = describe_piece(e, item, count);
        if (find_piece(pieces, &piece)) {
            text_fini(&piece.key);
            continue;
        }
        emit_piece(pieces, &piece);
        pieces->piece =
            arena_grow(e->arena, pieces->piece, pieces->count, &pieces->capacity, sizeof *pieces->piece);
        pieces->piece[pieces->count++] = piece;
    }
}

/* ---- entries ---- */

/* float32 kernels flush denormals: flush to zero and denormals are zero, in the control word of SSE. */
enum { MXCSR_FLUSH = 0x8040 };

static LLVMValueRef flush_denormals(struct emit *e)
{
    if (e->target.real_bytes != 4 || !e->is_x86) return NULL;
    LLVMValueRef saved = LLVMBuildAlloca(e->builder, e->i32, ""), changed = LLVMBuildAlloca(e->builder, e->i32, "");
    emit_intrinsic(e, "llvm.x86.sse.stmxcsr", NULL, 0, &saved, 1);
    LLVMValueRef word = LLVMBuildLoad2(e->builder, e->i32, saved, "");
    LLVMBuildStore(e->builder, LLVMBuildOr(e->builder, word, LLVMConstInt(e->i32, MXCSR_FLUSH, 0), ""), changed);
    emit_intrinsic(e, "llvm.x86.sse.ldmxcsr", NULL, 0, &changed, 1);
    return saved;
}

/* An entry under emission: its slabs, and the phase that is open. */
struct entry {
    struct pieces *pieces;
    LLVMValueRef slab[NNT_SLABS];
    LLVMValueRef iteration; /* NULL outside phases */
    LLVMBasicBlockRef again, after, before;
};

static LLVMValueRef buffer_address(const struct entry *t, const struct buffer *buffer)
{
    struct emit *e = t->pieces->e;
    LLVMValueRef offset = emit_i64(e, (int64_t)buffer->offset);
    if (buffer->offset_per_sample)
        offset = LLVMBuildAdd(e->builder, offset, emit_scaled(e, e->batch, (int64_t)buffer->offset_per_sample), "");
    if (buffer->step) {
        if (!t->iteration) BUG("a buffer moves where no time passes");
        offset = LLVMBuildAdd(e->builder, offset, emit_scaled(e, t->iteration, buffer->step), "");
    }
    return emit_address(e, t->slab[buffer->slab], offset);
}

static void call_piece(const struct entry *t, const struct piece *piece, const struct buffer *buffer)
{
    struct emit *e = t->pieces->e;
    LLVMValueRef *arguments = arena_alloc(e->arena, (piece->n_buffers + (size_t)1) * sizeof(LLVMValueRef));
    arguments[0] = e->call;
    for (uint32_t i = 0; i < piece->n_buffers; i++) arguments[1 + i] = buffer_address(t, &buffer[i]);
    LLVMBuildCall2(e->builder, piece_type(e, piece->n_buffers), piece->function, arguments, piece->n_buffers + 1,
                   "");
}

static void call_gemm(const struct entry *t, const struct nest *nest)
{
    LLVMValueRef base[NEST_OPERANDS];
    for (uint32_t o = 0; o < nest->n_operands; o++) base[o] = buffer_address(t, &nest->operand[o].at);
    if (!emit_gemm(t->pieces->e, nest, base, NULL)) BUG("a product that is none");
}

static void carry_out(const struct entry *t, const struct item *item, uint32_t count)
{
    struct emit *e = t->pieces->e;
    if (is_gemm(e, item, count)) {
        call_gemm(t, item->nest);
        return;
    }
    struct piece like = describe_piece(e, item, count);
    call_piece(t, find_piece(t->pieces, &like), like.buffer);
    text_fini(&like.key);
}

static void begin_phase(struct entry *t)
{
    struct emit *e = t->pieces->e;
    t->before = LLVMGetInsertBlock(e->builder);
    t->again = emit_block(e, "iteration");
    LLVMBuildBr(e->builder, t->again);
    LLVMPositionBuilderAtEnd(e->builder, t->again);
    t->iteration = LLVMBuildPhi(e->builder, e->i64, "t");
    LLVMValueRef zero = emit_i64(e, 0);
    LLVMAddIncoming(t->iteration, &zero, &t->before, 1);
}

static void end_phase(struct entry *t, uint32_t times, const struct buffer *condition)
{
    struct emit *e = t->pieces->e;
    LLVMValueRef next = LLVMBuildAdd(e->builder, t->iteration, emit_i64(e, 1), "");
    LLVMValueRef more = LLVMBuildICmp(e->builder, LLVMIntULT, next, emit_i64(e, times), "");
    if (condition) {
        LLVMValueRef value = emit_load(e, e->real, buffer_address(t, condition));
        LLVMValueRef on = LLVMBuildFCmp(e->builder, LLVMRealUNE, value, emit_number(e, 0, 1), "");
        more = LLVMBuildAnd(e->builder, more, on, "");
    }
    LLVMBasicBlockRef last = LLVMGetInsertBlock(e->builder);
    LLVMAddIncoming(t->iteration, &next, &last, 1);
    t->after = emit_block(e, "after");
    LLVMBuildCondBr(e->builder, more, t->again, t->after);
    LLVMPositionBuilderAtEnd(e->builder, t->after);
    t->iteration = NULL;
}

static void emit_items(struct entry *t, const struct nests *nests)
{
    uint32_t times = 0;
    for (uint32_t i = 0; i < nests->count;) {
        const struct item *item = &nests->item[i];
        uint32_t count = is_time(item) ? 1 : items_of_piece(nests, i);
        i += count;
        if (item->kind == ITEM_PHASE)
            begin_phase(t), times = item->extent;
        else if (item->kind == ITEM_PHASE_END)
            end_phase(t, times, item->condition);
        else
            carry_out(t, item, count);
    }
}

static void emit_entry(struct pieces *pieces, const struct nests *nests, const char *name, LLVMLinkage linkage)
{
    struct emit *e = pieces->e;
    struct entry t = {.pieces = pieces};
    LLVMValueRef function = new_function(e, name, e->entry_type, linkage);
    load_batch(e, LLVMGetParam(function, 1));
    LLVMValueRef saved = flush_denormals(e);
    for (uint32_t i = 0; i < NNT_SLABS; i++)
        t.slab[i] = LLVMBuildLoad2(e->builder, e->ptr, emit_call_part(e, CALL_SLAB, i), "");
    emit_items(&t, nests);
    if (saved) emit_intrinsic(e, "llvm.x86.sse.ldmxcsr", NULL, 0, &saved, 1);
    LLVMBuildRet(e->builder, LLVMConstInt(e->i32, 0, 0));
}

void emit_entries(struct emit *e, const struct kernels *kernels, LLVMLinkage linkage)
{
    struct pieces pieces = {.e = e};
    for (uint32_t i = 0; i < NNT_ENTRIES; i++)
        if (kernels->entry[i]) emit_pieces(&pieces, kernels->entry[i]);
    for (uint32_t i = 0; i < NNT_ENTRIES; i++)
        if (kernels->entry[i] && e->part == 0)
            emit_entry(&pieces, kernels->entry[i], emit_entry_symbol(e->arena, e->prefix, i), linkage);
    for (uint32_t i = 0; i < pieces.count; i++) text_fini(&pieces.piece[i].key);
}
