/* jit.c: a module to addresses: the one hand-over of ownership, to whom it is released by. */
#include "compiler/llvm/llvm.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
static const char prefix[] = "nnt";

/* ---- code, in as many parts as there are processors: it is most of what a start from nothing takes ---- */

struct part {
    const struct kernels *kernels;
    const struct target *target;
    struct diag *diag;
    uint32_t number, of;
    LLVMMemoryBufferRef object; /* NULL: it failed */
};

static void emit_kernels(struct llvm_session *session, const struct kernels *kernels, uint32_t part, uint32_t parts)
{
    struct emit e;
    emit_init(&e, session, prefix);
    e.part = part, e.parts = parts;
    emit_entries(&e, kernels, LLVMExternalLinkage);
    emit_fini(&e);
}

static void *compile_part(void *with)
{
    struct part *part = with;
    struct llvm_session session;
    if (!llvm_session_init(&session, part->diag, part->target)) return NULL;
    emit_kernels(&session, part->kernels, part->number, part->of);
    if (llvm_session_optimize(&session)) part->object = llvm_session_emit(&session, LLVMObjectFile);
    llvm_session_fini(&session);
    return NULL;
}

/* A thread has messages of its own; where it could not be had or failed, this one does its part and says why not.
 */
static bool compile_parts(struct part part[], uint32_t n)
{
    struct diag *diag = part[0].diag;
    pthread_t thread[EMIT_PARTS];
    bool started[EMIT_PARTS] = {false}, done = true;
    for (uint32_t i = 1; i < n; i++) {
        part[i].diag = diag_new();
        started[i] = !pthread_create(&thread[i], NULL, compile_part, &part[i]);
    }
    compile_part(&part[0]);
    for (uint32_t i = 1; i < n; i++) {
        if (started[i]) pthread_join(thread[i], NULL);
        diag_free(part[i].diag);
        part[i].diag = diag;
        if (!part[i].object && part[0].object) compile_part(&part[i]);
    }
    for (uint32_t i = 0; i < n; i++) done = done && part[i].object;
    return done;
}

static uint32_t usable_processors(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : n > EMIT_PARTS ? EMIT_PARTS : (uint32_t)n;
}

/* ---- addresses ---- */

static bool find_entries(struct diag *diag, const struct kernels *kernels, struct machine_code *code)
{
    struct arena *arena = arena_new();
    bool done = true;
    for (uint32_t i = 0; i < NNT_ENTRIES; i++) {
        LLVMOrcExecutorAddress address = 0;
        code->module.entry[i] = NULL;
        if (!kernels->entry[i] || !done) continue;
        LLVMErrorRef error = LLVMOrcLLJITLookup(code->jit, &address, emit_entry_symbol(arena, prefix, i));
        done = !llvm_session_refused(diag, "find what it compiled", error);
        code->module.entry[i] = (nnt_entry *)(uintptr_t)address;
    }
    arena_free(arena);
    return done;
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
static bool add_parts(struct diag *diag, struct machine_code *code, struct part part[], uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        LLVMMemoryBufferRef object = part[i].object;
        part[i].object = NULL;
        LLVMErrorRef error = LLVMOrcLLJITAddObjectFile(code->jit, LLVMOrcLLJITGetMainJITDylib(code->jit), object);
        if (llvm_session_refused(diag, "link", error)) return false;
    }
    return true;
}

static struct machine_code *link_parts(struct diag *diag, const struct kernels *kernels, struct part part[],
                                       uint32_t n)
{
    struct machine_code *code = calloc(1, sizeof *code);
    if (!code) arena_exhausted();
    code->module = *kernels->description;
    code->module.self = NULL;
    if (!llvm_session_refused(diag, "start its linker", LLVMOrcCreateLLJIT(&code->jit, NULL)) &&
        add_parts(diag, code, part, n) && find_entries(diag, kernels, code))
        return code;
    release(&code->module);
    return NULL;
}

static bool jit(struct diag *diag, const struct kernels *kernels, const struct target *target,
                struct nnt_module **out)
{
    struct part part[EMIT_PARTS];
    uint32_t n = usable_processors();
    for (uint32_t i = 0; i < n; i++)
        part[i] = (struct part){.kernels = kernels, .target = target, .diag = diag, .number = i, .of = n};
    struct machine_code *code = compile_parts(part, n) ? link_parts(diag, kernels, part, n) : NULL;
    for (uint32_t i = 0; i < n; i++)
        if (part[i].object) LLVMDisposeMemoryBuffer(part[i].object);
    if (code) *out = &code->module;
    return code != NULL;
}

/* ---- text ---- */

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
    char *text = NULL;
    if (!llvm_session_init(&session, diag, target)) return NULL;
    emit_kernels(&session, kernels, 0, 1);
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
