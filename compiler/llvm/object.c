/* object.c: NAME.o: the entries behind functions with plain arguments, and the weights. */
#include "compiler/llvm/object.h"

#include "compiler/llvm/emit.h"
#include "compiler/llvm/session.h"
#include "runtime/base/file.h"

const struct object_function object_functions[OBJECT_FUNCTIONS] = {
    {"forward",
     "The outputs.",
     NNT_ENTRY_forward,
     {ARGUMENT_PARAMETERS, ARGUMENT_BATCH, ARGUMENT_INPUTS, ARGUMENT_OUTPUTS, ARGUMENT_SETTLED, ARGUMENT_WORK}},
    {"loss",
     "The boundary loss of each sample.",
     NNT_ENTRY_loss,
     {ARGUMENT_PARAMETERS, ARGUMENT_BATCH, ARGUMENT_INPUTS, ARGUMENT_TARGETS, ARGUMENT_LOSS, ARGUMENT_SETTLED,
      ARGUMENT_WORK}},
    {"gradient",
     "What is minimised of each sample, and the gradient of its mean by each trainable parameter.",
     NNT_ENTRY_gradient,
     {ARGUMENT_PARAMETERS, ARGUMENT_BATCH, ARGUMENT_INPUTS, ARGUMENT_TARGETS, ARGUMENT_COEFFICIENTS, ARGUMENT_LOSS,
      ARGUMENT_H, ARGUMENT_GRADIENT, ARGUMENT_SETTLED, ARGUMENT_RELAXED, ARGUMENT_WORK}},
    {"train_step",
     "What is minimised of each sample, then one step of the optimizer on its mean; the first step is 1.",
     NNT_ENTRY_step,
     {ARGUMENT_NEW_PARAMETERS, ARGUMENT_MOMENTS, ARGUMENT_BATCH, ARGUMENT_INPUTS, ARGUMENT_TARGETS, ARGUMENT_RATE,
      ARGUMENT_COEFFICIENTS, ARGUMENT_STEP, ARGUMENT_LOSS, ARGUMENT_H, ARGUMENT_SETTLED, ARGUMENT_RELAXED,
      ARGUMENT_WORK}},
};

/* ---- the parameters of a function ---- */

/* Whether the group has an array of that kind: out_field is its tensor. */
static bool group_array(const struct nnt_module *module, enum argument argument, const struct nnt_group *g,
                        uint32_t *out_field)
{
    bool input = g->flags & NNT_INPUT, output = g->flags & NNT_OUTPUT, clamped = g->flags & NNT_CLAMPED;
    *out_field = argument != ARGUMENT_OUTPUTS ? g->data : g->seen != NNT_NONE ? g->seen : g->state;
    if (argument == ARGUMENT_INPUTS) return input;
    return output && (argument == ARGUMENT_OUTPUTS || module->loss != NNT_NONE || clamped);
}

static const char *group_prefix(enum argument argument)
{
    return argument == ARGUMENT_INPUTS ? "input_" : argument == ARGUMENT_TARGETS ? "target_" : "output_";
}

static uint32_t add_groups(const struct nnt_module *module, enum argument argument, struct object_parameter out[])
{
    uint32_t n = 0, field;
    for (uint32_t g = 0; g < module->n_groups; g++)
        if (group_array(module, argument, &module->group[g], &field))
            out[n++] = (struct object_parameter){argument, group_prefix(argument), g, field, 0};
    return n;
}

/* A number a sample, where the network has it. */
static uint32_t add_number(enum argument argument, const char *name, uint32_t field, struct object_parameter *out)
{
    if (field == NNT_NONE) return 0;
    *out = (struct object_parameter){argument, name, NNT_NONE, field, 0};
    return 1;
}

static uint32_t add_coefficients(const struct nnt_module *module, struct object_parameter out[])
{
    if (module->objective != NNT_ON_BOTH) return 0;
    out[0] = (struct object_parameter){ARGUMENT_COEFFICIENTS, "boundary", NNT_NONE, NNT_NONE, NNT_BOUNDARY};
    out[1] = (struct object_parameter){ARGUMENT_COEFFICIENTS, "bulk", NNT_NONE, NNT_NONE, NNT_BULK};
    return 2;
}

static uint32_t add_parameters(const struct nnt_module *module, enum argument argument,
                               struct object_parameter out[])
{
    static const char *const names[] = {[ARGUMENT_PARAMETERS] = "parameters",
                                        [ARGUMENT_NEW_PARAMETERS] = "parameters",
                                        [ARGUMENT_MOMENTS] = "moments",
                                        [ARGUMENT_BATCH] = "batch",
                                        [ARGUMENT_RATE] = "rate",
                                        [ARGUMENT_STEP] = "step",
                                        [ARGUMENT_GRADIENT] = "gradient",
                                        [ARGUMENT_WORK] = "work"};
    bool bulk = module->objective == NNT_ON_BULK || module->objective == NNT_ON_BOTH;
    uint32_t n;
    switch (argument) {
    case ARGUMENT_INPUTS:
    case ARGUMENT_OUTPUTS:
    case ARGUMENT_TARGETS:
        return add_groups(module, argument, out);
    case ARGUMENT_COEFFICIENTS:
        return add_coefficients(module, out);
    case ARGUMENT_LOSS:
        return add_number(argument, "loss", module->loss, out);
    case ARGUMENT_H:
        return add_number(argument, "H", bulk ? module->H : NNT_NONE, out);
    case ARGUMENT_SETTLED:
        n = add_number(argument, "settle_ticks", module->settle_ticks, out);
        return n + add_number(argument, "settle_failed", module->settle_failed, out + n);
    case ARGUMENT_RELAXED:
        n = add_number(argument, "relax_steps", bulk ? module->relax_steps : NNT_NONE, out);
        return n + add_number(argument, "relax_failed", bulk ? module->relax_failed : NNT_NONE, out + n);
    default:
        *out = (struct object_parameter){argument, names[argument], NNT_NONE, NNT_NONE, 0};
        return 1;
    }
}

uint32_t object_parameters(const struct nnt_module *module, const struct object_function *function,
                           struct object_parameter out[])
{
    uint32_t n = 0;
    for (const enum argument *a = function->argument; *a; a++) n += add_parameters(module, *a, out + n);
    return n;
}

/* ---- scratch: the slabs that a caller does not know of lie in `work`, one behind the other ---- */

static const enum nnt_slab scratch[] = {NNT_DATA, NNT_STATE, NNT_RESULT, NNT_WORK};
enum { ALIGNMENT = 64 };

/* Bytes of the slab for the function's batch, rounded up so that the next one is aligned. */
static LLVMValueRef slab_bytes(struct emit *e, const struct nnt_module *module, uint32_t slab)
{
    uint64_t each = module->size_per_sample[slab] * e->target.real_bytes;
    uint64_t fixed = module->size[slab] * e->target.real_bytes + ALIGNMENT - 1;
    LLVMValueRef bytes = LLVMBuildMul(e->builder, e->batch, emit_i64(e, (int64_t)each), "");
    bytes = LLVMBuildAdd(e->builder, bytes, emit_i64(e, (int64_t)fixed), "");
    return LLVMBuildAnd(e->builder, bytes, emit_i64(e, -ALIGNMENT), "");
}

static LLVMValueRef byte_address(struct emit *e, LLVMValueRef pointer, LLVMValueRef bytes)
{
    return LLVMBuildGEP2(e->builder, LLVMInt8TypeInContext(e->context), pointer, &bytes, 1, "");
}

static LLVMValueRef aligned(struct emit *e, LLVMValueRef pointer)
{
    LLVMValueRef address = LLVMBuildPtrToInt(e->builder, pointer, e->i64, "");
    LLVMValueRef missing =
        LLVMBuildAnd(e->builder, LLVMBuildNeg(e->builder, address, ""), emit_i64(e, ALIGNMENT - 1), "");
    return byte_address(e, pointer, missing);
}

static void begin_function(struct emit *e, LLVMValueRef function)
{
    e->function = function;
    LLVMPositionBuilderAtEnd(e->builder, emit_block(e, "entry"));
}

static LLVMValueRef add_function(struct emit *e, const char *name, LLVMTypeRef result, LLVMTypeRef types[],
                                 uint32_t n)
{
    const char *symbol = arena_printf(e->arena, "%s_%s", e->prefix, name);
    return LLVMAddFunction(e->module, symbol, LLVMFunctionType(result, types, n, 0));
}

static void emit_work_size(struct emit *e, const struct nnt_module *module, LLVMTypeRef size)
{
    LLVMValueRef function = add_function(e, "work_size", size, &e->i32, 1), bytes = emit_i64(e, ALIGNMENT);
    begin_function(e, function);
    e->batch = LLVMBuildZExt(e->builder, LLVMGetParam(function, 0), e->i64, "");
    for (uint32_t i = 0; i < LENGTH(scratch); i++)
        bytes = LLVMBuildAdd(e->builder, bytes, slab_bytes(e, module, scratch[i]), "");
    LLVMBuildRet(e->builder, LLVMBuildIntCast2(e->builder, bytes, size, 0, ""));
}

/* ---- one function ---- */

/* count numbers from one place to another. */
static void copy(struct emit *e, LLVMValueRef from, LLVMValueRef to, LLVMValueRef count)
{
    LLVMValueRef rest = LLVMBuildURem(e->builder, count, emit_i64(e, e->lanes), "");
    LLVMValueRef whole = LLVMBuildSub(e->builder, count, rest, ""), begin = emit_i64(e, 0);
    const uint32_t widths[] = {e->lanes, 1};
    for (uint32_t i = 0; i < 2; i++) {
        LLVMValueRef end = i ? count : whole;
        LLVMTypeRef type = emit_vector_type(e->real, widths[i]);
        struct emit_loop loop;
        emit_loop_begin(e, &loop, begin, end, widths[i], NULL, 0, true);
        LLVMValueRef value = emit_load(e, type, emit_address(e, from, loop.index));
        emit_store(e, value, emit_address(e, to, loop.index));
        emit_loop_end(e, &loop);
        begin = end;
    }
}

struct wrapper {
    struct emit *e;
    const struct kernels *kernels;
    const struct object_function *function;
    struct object_parameter *parameter;
    uint32_t n_parameters;
    LLVMValueRef slab[NNT_SLABS];
};

static void set_part(struct emit *e, uint32_t member, uint32_t index, LLVMValueRef value)
{
    LLVMBuildStore(e->builder, value, emit_call_part(e, member, index));
}

/* Copies an array of the caller's into its tensor of the scratch, or back. */
static void copy_field(struct wrapper *w, uint32_t number, LLVMValueRef array, bool back)
{
    struct emit *e = w->e;
    const struct nnt_field *field = &w->kernels->description->field[number];
    uint64_t each = 1;
    for (uint32_t i = 0; i < field->rank; i++) each *= field->extent[i];
    LLVMValueRef offset = LLVMBuildMul(e->builder, e->batch, emit_i64(e, (int64_t)field->offset_per_sample), "");
    offset = LLVMBuildAdd(e->builder, offset, emit_i64(e, (int64_t)field->offset), "");
    LLVMValueRef place = emit_address(e, w->slab[field->slab], offset);
    LLVMValueRef count = LLVMBuildMul(e->builder, e->batch, emit_i64(e, (int64_t)each), "");
    copy(e, back ? place : array, back ? array : place, count);
}

static LLVMTypeRef parameter_type(struct emit *e, enum argument argument)
{
    switch (argument) {
    case ARGUMENT_BATCH:
        return e->i32;
    case ARGUMENT_RATE:
    case ARGUMENT_COEFFICIENTS:
        return LLVMDoubleTypeInContext(e->context);
    case ARGUMENT_STEP:
        return e->i64;
    default:
        return e->ptr;
    }
}

/* What the caller gives for the argument, which the function has once. */
static LLVMValueRef given(const struct wrapper *w, enum argument argument)
{
    uint32_t i = 0;
    while (w->parameter[i].argument != argument) i++;
    return LLVMGetParam(w->e->function, i);
}

/* What a parameter becomes before the entry is called. */
static void pass_in(struct wrapper *w, uint32_t i)
{
    struct emit *e = w->e;
    const struct object_parameter *p = &w->parameter[i];
    LLVMValueRef value = LLVMGetParam(e->function, i);
    LLVMTypeRef f64 = LLVMDoubleTypeInContext(e->context);
    switch (p->argument) {
    case ARGUMENT_PARAMETERS:
    case ARGUMENT_NEW_PARAMETERS:
        set_part(e, CALL_SLAB, NNT_PARAMETERS, value);
        break;
    case ARGUMENT_MOMENTS:
        set_part(e, CALL_SLAB, NNT_MOMENTS, value);
        break;
    case ARGUMENT_GRADIENT:
        set_part(e, CALL_SLAB, NNT_GRADIENT, value);
        break;
    case ARGUMENT_RATE:
        set_part(e, CALL_NUMBER, NNT_RATE, value);
        break;
    case ARGUMENT_COEFFICIENTS:
        set_part(e, CALL_NUMBER, p->number, value);
        break;
    case ARGUMENT_STEP:
        set_part(e, CALL_NUMBER, NNT_STEP, LLVMBuildUIToFP(e->builder, value, f64, ""));
        break;
    case ARGUMENT_INPUTS:
    case ARGUMENT_TARGETS:
        copy_field(w, p->field, value, false);
        break;
    default:
        break;
    }
}

/* To an array that the caller may not want. */
static void copy_if_wanted(struct wrapper *w, uint32_t field, LLVMValueRef array)
{
    struct emit *e = w->e;
    LLVMBasicBlockRef wanted = emit_block(e, "wanted"), after = emit_block(e, "after");
    LLVMBuildCondBr(e->builder, LLVMBuildIsNull(e->builder, array, ""), after, wanted);
    LLVMPositionBuilderAtEnd(e->builder, wanted);
    copy_field(w, field, array, true);
    LLVMBuildBr(e->builder, after);
    LLVMPositionBuilderAtEnd(e->builder, after);
}

/* And after it. */
static void pass_out(struct wrapper *w, uint32_t i)
{
    const struct object_parameter *p = &w->parameter[i];
    LLVMValueRef value = LLVMGetParam(w->e->function, i);
    if (p->argument == ARGUMENT_OUTPUTS || p->argument == ARGUMENT_LOSS || p->argument == ARGUMENT_H)
        copy_field(w, p->field, value, true);
    else if (p->argument == ARGUMENT_SETTLED || p->argument == ARGUMENT_RELAXED)
        copy_if_wanted(w, p->field, value);
}

/* Every part of the call, so that none is left undefined. */
static void clear_call(struct emit *e)
{
    LLVMValueRef null = LLVMConstNull(e->ptr), zero = LLVMConstNull(LLVMDoubleTypeInContext(e->context));
    set_part(e, CALL_RESERVED, 0, LLVMConstInt(e->i32, 0, 0));
    for (uint32_t i = 0; i < NNT_SLABS; i++) set_part(e, CALL_SLAB, i, null);
    for (uint32_t i = 0; i < NNT_NUMBERS; i++) set_part(e, CALL_NUMBER, i, zero);
    set_part(e, CALL_NUMBER, NNT_BOUNDARY, LLVMConstReal(LLVMDoubleTypeInContext(e->context), 1));
    set_part(e, CALL_NUMBER, NNT_BULK, LLVMConstReal(LLVMDoubleTypeInContext(e->context), 1));
    set_part(e, CALL_GEMM_F32, 0, null), set_part(e, CALL_GEMM_F64, 0, null);
}

static void lay_out_work(struct wrapper *w, LLVMValueRef work)
{
    struct emit *e = w->e;
    LLVMValueRef at = aligned(e, work);
    for (uint32_t i = 0; i < LENGTH(scratch); i++) {
        w->slab[scratch[i]] = at;
        set_part(e, CALL_SLAB, scratch[i], at);
        at = byte_address(e, at, slab_bytes(e, w->kernels->description, scratch[i]));
    }
}

static void refuse_empty_batch(struct emit *e, LLVMValueRef batch)
{
    LLVMBasicBlockRef empty = emit_block(e, "empty"), full = emit_block(e, "full");
    LLVMValueRef none = LLVMBuildICmp(e->builder, LLVMIntEQ, batch, LLVMConstInt(e->i32, 0, 0), "");
    LLVMBuildCondBr(e->builder, none, empty, full);
    LLVMPositionBuilderAtEnd(e->builder, empty);
    LLVMBuildRet(e->builder, LLVMConstInt(e->i32, 1, 0));
    LLVMPositionBuilderAtEnd(e->builder, full);
}

static void emit_wrapper(struct wrapper *w)
{
    struct emit *e = w->e;
    size_t room = OBJECT_ARGUMENTS + 2 * (size_t)w->kernels->description->n_groups;
    LLVMTypeRef *types = arena_alloc(e->arena, room * sizeof(LLVMTypeRef));
    w->parameter = arena_alloc(e->arena, room * sizeof *w->parameter);
    w->n_parameters = object_parameters(w->kernels->description, w->function, w->parameter);
    for (uint32_t i = 0; i < w->n_parameters; i++) types[i] = parameter_type(e, w->parameter[i].argument);
    LLVMValueRef function = add_function(e, w->function->name, e->i32, types, w->n_parameters);
    begin_function(e, function);
    e->call = LLVMBuildAlloca(e->builder, e->call_type, "call");
    LLVMValueRef batch = given(w, ARGUMENT_BATCH);
    refuse_empty_batch(e, batch);
    clear_call(e);
    set_part(e, CALL_BATCH, 0, batch);
    e->batch = LLVMBuildZExt(e->builder, batch, e->i64, "");
    lay_out_work(w, given(w, ARGUMENT_WORK));
    for (uint32_t i = 0; i < w->n_parameters; i++) pass_in(w, i);
    LLVMValueRef entry =
        LLVMGetNamedFunction(e->module, emit_entry_symbol(e->arena, e->prefix, w->function->entry));
    LLVMValueRef arguments[] = {LLVMConstNull(e->ptr), e->call};
    LLVMValueRef result = LLVMBuildCall2(e->builder, e->entry_type, entry, arguments, 2, "");
    for (uint32_t i = 0; i < w->n_parameters; i++) pass_out(w, i);
    LLVMBuildRet(e->builder, result);
}

/* ---- the file ---- */

static void emit_weights(struct emit *e, const struct kernels *kernels, const void *weights)
{
    size_t bytes = (size_t)kernels->description->size[NNT_PARAMETERS] * kernels->real_bytes;
    LLVMValueRef text = LLVMConstStringInContext2(e->context, weights, bytes, 1);
    LLVMValueRef array =
        LLVMAddGlobal(e->module, LLVMTypeOf(text), arena_printf(e->arena, "%s_weights", e->prefix));
    LLVMSetInitializer(array, text);
    LLVMSetGlobalConstant(array, 1);
    LLVMSetAlignment(array, ALIGNMENT);
}

static void emit_object(struct llvm_session *session, const struct kernels *kernels,
                        const struct object_options *options)
{
    struct emit e;
    emit_init(&e, session, options->name);
    emit_entries(&e, kernels, LLVMInternalLinkage);
    emit_weights(&e, kernels, options->weights);
    emit_work_size(&e, kernels->description, LLVMIntPtrTypeInContext(e.context, session->layout));
    for (uint32_t f = 0; f < OBJECT_FUNCTIONS; f++) {
        struct wrapper w = {.e = &e, .kernels = kernels, .function = &object_functions[f]};
        if (kernels->entry[w.function->entry]) emit_wrapper(&w);
    }
    emit_fini(&e);
}

static bool write_header(struct diag *diag, const struct kernels *kernels, const struct object_options *options)
{
    struct text text = {0};
    llvm_header(kernels, options, &text);
    bool done = file_write(diag, (struct span){0}, options->header, text.data, text.length);
    text_fini(&text);
    return done;
}

bool llvm_object(struct diag *diag, const struct kernels *kernels, const struct target *target,
                 const struct object_options *options)
{
    struct llvm_session session;
    struct target alone = *target;
    alone.blas = false;
    if (!llvm_session_init(&session, diag, &alone)) return false;
    emit_object(&session, kernels, options);
    LLVMMemoryBufferRef code = llvm_session_optimize(&session) ? llvm_session_emit(&session, LLVMObjectFile) : NULL;
    bool done = code && file_write(diag, (struct span){0}, options->object, LLVMGetBufferStart(code),
                                   LLVMGetBufferSize(code));
    if (code) LLVMDisposeMemoryBuffer(code);
    llvm_session_fini(&session);
    return done && write_header(diag, kernels, options);
}
