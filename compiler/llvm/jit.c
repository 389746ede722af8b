/* jit.c: a module to addresses: the one hand-over of ownership, to whom it is released by. */
#include "compiler/llvm/llvm.h"

#include <stdlib.h>
#include <string.h>

#include <llvm-c/LLJIT.h>
#include <llvm-c/Orc.h>

#include "compiler/llvm/emit.h"
#include "compiler/llvm/object.h"
#include "compiler/llvm/session.h"

/* What a module of machine code is to its owner: the module, and the memory that its entries stand in. */
struct machine_code {
    struct nnt_module module;
    LLVMOrcLLJITRef jit;
};

static void emit_kernels(struct llvm_session *session, const struct kernels *kernels, struct emit *e)
{
    emit_init(e, session, "nnt");
    emit_entries(e, kernels, LLVMExternalLinkage);
    emit_fini(e);
}

static bool find_entries(struct diag *diag, struct emit *e, const struct kernels *kernels,
                         struct machine_code *code)
{
    for (uint32_t i = 0; i < NNT_ENTRIES; i++) {
        LLVMOrcExecutorAddress address = 0;
        code->module.entry[i] = NULL;
        if (!kernels->entry[i]) continue;
        LLVMErrorRef error = LLVMOrcLLJITLookup(code->jit, &address, emit_entry_symbol(e, i));
        if (llvm_session_refused(diag, "find what it compiled", error)) return false;
        code->module.entry[i] = (nnt_entry *)(uintptr_t)address;
    }
    return true;
}

static void release(struct nnt_module *module)
{
    struct machine_code *code = (struct machine_code *)module;
    if (!code) return;
    LLVMErrorRef error = code->jit ? LLVMOrcDisposeLLJIT(code->jit) : NULL;
    if (error) LLVMConsumeError(error);
    free(code);
}

/* The object code goes to the linker in memory, which owns it from then on. */
static struct machine_code *link_code(struct llvm_session *session, struct emit *e, const struct kernels *kernels)
{
    LLVMMemoryBufferRef object = llvm_session_emit(session, LLVMObjectFile);
    if (!object) return NULL;
    struct machine_code *code = calloc(1, sizeof *code);
    if (!code) arena_exhausted();
    code->module = *kernels->description;
    code->module.self = NULL;
    if (llvm_session_refused(session->diag, "start its linker", LLVMOrcCreateLLJIT(&code->jit, NULL))) {
        LLVMDisposeMemoryBuffer(object);
        free(code);
        return NULL;
    }
    LLVMErrorRef error = LLVMOrcLLJITAddObjectFile(code->jit, LLVMOrcLLJITGetMainJITDylib(code->jit), object);
    if (!llvm_session_refused(session->diag, "link", error) && find_entries(session->diag, e, kernels, code))
        return code;
    release(&code->module);
    return NULL;
}

static bool jit(struct diag *diag, const struct kernels *kernels, const struct target *target,
                struct nnt_module **out)
{
    struct llvm_session session;
    struct emit e;
    if (!llvm_session_init(&session, diag, target)) return false;
    emit_kernels(&session, kernels, &e);
    struct machine_code *code = llvm_session_optimize(&session) ? link_code(&session, &e, kernels) : NULL;
    llvm_session_fini(&session);
    if (code) *out = &code->module;
    return code != NULL;
}

static char *copy_buffer(LLVMMemoryBufferRef buffer)
{
    size_t length = LLVMGetBufferSize(buffer);
    char *text = malloc(length + 1);
    if (!text) arena_exhausted();
    memcpy(text, LLVMGetBufferStart(buffer), length);
    text[length] = 0;
    LLVMDisposeMemoryBuffer(buffer);
    return text;
}

static char *text(struct diag *diag, const struct kernels *kernels, const struct target *target, bool assembly)
{
    struct llvm_session session;
    struct emit e;
    char *text = NULL;
    if (!llvm_session_init(&session, diag, target)) return NULL;
    emit_kernels(&session, kernels, &e);
    if (llvm_session_optimize(&session)) {
        LLVMMemoryBufferRef buffer = assembly ? llvm_session_emit(&session, LLVMAssemblyFile) : NULL;
        if (buffer) text = copy_buffer(buffer);
        if (!assembly) text = LLVMPrintModuleToString(session.module);
    }
    llvm_session_fini(&session);
    return text;
}

__attribute__((visibility("default"))) const struct llvm_box nnt_llvm_box = {
    .jit = jit,
    .release = release,
    .object = llvm_object,
    .text = text,
    .vector_bytes = llvm_vector_bytes,
};
