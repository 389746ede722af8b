/* session.c: context, target machine, module, error texts; owns them all. */
#include "compiler/llvm/session.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <llvm-c/Analysis.h>
#include <llvm-c/Target.h>
#include <llvm-c/Transforms/PassBuilder.h>

/* The code is written in the form that it should have; what is left to mend is what was computed twice. */
static const char pipeline[] = "function(early-cse)";

static const char *copy_message(struct arena *arena, char *message)
{
    const char *copy = arena_text(arena, message, strlen(message));
    LLVMDisposeMessage(message);
    return copy;
}

bool llvm_session_refused(struct diag *diag, const char *what, LLVMErrorRef error)
{
    if (!error) return false;
    char *message = LLVMGetErrorMessage(error);
    diag_machine(diag, (struct span){0}, "llvm", "LLVM could not %s: %s", what, message);
    LLVMDisposeErrorMessage(message);
    return true;
}

/* ---- the machine ---- */

static void initialize_native(void)
{
    LLVMInitializeNativeTarget();
    LLVMInitializeNativeAsmPrinter();
}

static void initialize_all(void)
{
    LLVMInitializeAllTargetInfos();
    LLVMInitializeAllTargets();
    LLVMInitializeAllTargetMCs();
    LLVMInitializeAllAsmPrinters();
}

/* LLVM links targets into one list of the process, without a lock: two threads that do it at once make a ring of it,
 * and every later search goes round for ever. */
static void initialize_targets(bool native)
{
    static pthread_once_t native_once = PTHREAD_ONCE_INIT, all_once = PTHREAD_ONCE_INIT;
    pthread_once(native ? &native_once : &all_once, native ? initialize_native : initialize_all);
}

/* A target that names nothing is this machine; one that names a triple alone is its plainest processor. */
static struct target complete(struct arena *arena, const struct target *target)
{
    struct target full = *target;
    bool native = !target->triple && !target->cpu && !target->features;
    if (!full.triple) full.triple = copy_message(arena, LLVMGetDefaultTargetTriple());
    if (!full.cpu) full.cpu = native ? copy_message(arena, LLVMGetHostCPUName()) : "generic";
    if (!full.features) full.features = native ? copy_message(arena, LLVMGetHostCPUFeatures()) : "";
    return full;
}

static LLVMTargetMachineRef create_machine(struct llvm_session *session)
{
    const struct target *t = &session->target;
    LLVMTargetRef found;
    char *message = NULL;
    if (LLVMGetTargetFromTriple(t->triple, &found, &message)) {
        diag_machine(session->diag, (struct span){0}, "target", "LLVM knows no machine '%s': %s", t->triple,
                     copy_message(session->arena, message));
        return NULL;
    }
    LLVMTargetMachineOptionsRef options = LLVMCreateTargetMachineOptions();
    LLVMTargetMachineOptionsSetCPU(options, t->cpu);
    LLVMTargetMachineOptionsSetFeatures(options, t->features);
    LLVMTargetMachineOptionsSetCodeGenOptLevel(options, LLVMCodeGenLevelLess);
    LLVMTargetMachineOptionsSetRelocMode(options, LLVMRelocPIC);
    LLVMTargetMachineRef machine = LLVMCreateTargetMachineWithOptions(found, t->triple, options);
    LLVMDisposeTargetMachineOptions(options);
    if (machine) LLVMSetTargetMachineAsmVerbosity(machine, 1);
    if (!machine)
        diag_machine(session->diag, (struct span){0}, "target", "LLVM has no processor '%s' for '%s'", t->cpu,
                     t->triple);
    return machine;
}

bool llvm_session_init(struct llvm_session *session, struct diag *diag, const struct target *target)
{
    *session = (struct llvm_session){.diag = diag, .arena = arena_new()};
    initialize_targets(!target->triple);
    session->target = complete(session->arena, target);
    session->machine = create_machine(session);
    if (!session->machine) {
        arena_free(session->arena);
        return false;
    }
    if (!session->target.vector_bytes) session->target.vector_bytes = llvm_vector_bytes(target);
    session->context = LLVMContextCreate();
    session->layout = LLVMCreateTargetDataLayout(session->machine);
    session->module = LLVMModuleCreateWithNameInContext("nnt", session->context);
    LLVMSetTarget(session->module, session->target.triple);
    LLVMSetModuleDataLayout(session->module, session->layout);
    return true;
}

void llvm_session_fini(struct llvm_session *session)
{
    LLVMDisposeModule(session->module);
    LLVMDisposeTargetData(session->layout);
    LLVMDisposeTargetMachine(session->machine);
    LLVMContextDispose(session->context);
    arena_free(session->arena);
}

/* ---- the module ---- */

/* Kernels stand alone: what they call is in the module or (hidden) in another part of it, comes by the call, or is
 * an instruction. */
static void check_calls(LLVMModuleRef module)
{
    for (LLVMValueRef f = LLVMGetFirstFunction(module); f; f = LLVMGetNextFunction(f)) {
        size_t length;
        const char *name = LLVMGetValueName2(f, &length);
        bool is_ours = LLVMGetVisibility(f) == LLVMHiddenVisibility;
        if (LLVMIsDeclaration(f) && !LLVMGetIntrinsicID(f) && !is_ours) BUG("generated code calls %s", name);
    }
}

bool llvm_session_optimize(struct llvm_session *session)
{
    char *message = NULL;
    if (LLVMVerifyModule(session->module, LLVMReturnStatusAction, &message)) BUG("invalid LLVM IR: %s", message);
    LLVMDisposeMessage(message);
    LLVMPassBuilderOptionsRef options = LLVMCreatePassBuilderOptions();
    LLVMErrorRef error = LLVMRunPasses(session->module, pipeline, session->machine, options);
    LLVMDisposePassBuilderOptions(options);
    check_calls(session->module);
    return !llvm_session_refused(session->diag, "run its passes", error);
}

LLVMMemoryBufferRef llvm_session_emit(struct llvm_session *session, LLVMCodeGenFileType type)
{
    LLVMMemoryBufferRef buffer = NULL;
    char *message = NULL;
    if (!LLVMTargetMachineEmitToMemoryBuffer(session->machine, session->module, type, &message, &buffer))
        return buffer;
    diag_machine(session->diag, (struct span){0}, "llvm", "LLVM could not generate code: %s",
                 copy_message(session->arena, message));
    return NULL;
}

/* ---- how wide its vectors are ---- */

static bool has_feature(const char *features, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = features; (at = strstr(at, name)); at += length)
        if (at > features && at[-1] == '+' && (at[length] == ',' || !at[length])) return true;
    return false;
}

static uint32_t host_vector_bytes(void)
{
    char *features = LLVMGetHostCPUFeatures();
    uint32_t bytes = has_feature(features, "avx512f") ? 64 : has_feature(features, "avx") ? 32 : 16;
    LLVMDisposeMessage(features);
    return bytes;
}

/* a + b in vectors of 64 bytes, to see what the code generator makes of it. */
static void add_probe(struct llvm_session *session)
{
    LLVMBuilderRef builder = LLVMCreateBuilderInContext(session->context);
    LLVMTypeRef vector = LLVMVectorType(LLVMFloatTypeInContext(session->context), 16);
    LLVMTypeRef pointer = LLVMPointerTypeInContext(session->context, 0);
    LLVMTypeRef type = LLVMFunctionType(LLVMVoidTypeInContext(session->context), &pointer, 1, 0);
    LLVMValueRef f = LLVMAddFunction(session->module, "probe", type);
    LLVMAddAttributeAtIndex(f, (LLVMAttributeIndex)LLVMAttributeFunctionIndex,
                            LLVMCreateStringAttribute(session->context, "min-legal-vector-width", 22, "512", 3));
    LLVMPositionBuilderAtEnd(builder, LLVMAppendBasicBlockInContext(session->context, f, ""));
    LLVMValueRef x = LLVMBuildLoad2(builder, vector, LLVMGetParam(f, 0), "");
    LLVMBuildStore(builder, LLVMBuildFAdd(builder, x, x, ""), LLVMGetParam(f, 0));
    LLVMBuildRetVoid(builder);
    LLVMDisposeBuilder(builder);
}

uint32_t llvm_vector_bytes(const struct target *target)
{
    if (!target->triple && !target->cpu && !target->features) return host_vector_bytes();
    struct diag *diag = diag_new();
    struct target wide = *target;
    wide.vector_bytes = 64;
    struct llvm_session session;
    uint32_t bytes = 16;
    if (llvm_session_init(&session, diag, &wide)) {
        add_probe(&session);
        LLVMMemoryBufferRef text = llvm_session_emit(&session, LLVMAssemblyFile);
        if (text && strstr(LLVMGetBufferStart(text), "ymm")) bytes = 32;
        if (text && strstr(LLVMGetBufferStart(text), "zmm")) bytes = 64;
        if (text) LLVMDisposeMemoryBuffer(text);
        llvm_session_fini(&session);
    }
    diag_free(diag);
    return bytes;
}
