/* session.h: one compilation by LLVM: owns context, module and target machine, and turns the module into text or
 * bytes. */
#ifndef NNT_LLVM_SESSION_H
#define NNT_LLVM_SESSION_H

#include <llvm-c/Error.h>
#include <llvm-c/TargetMachine.h>

#include "compiler/kernel/nest.h"
#include "compiler/llvm/compat.h"
#include "runtime/base/diag.h"

struct llvm_session {
    struct diag *diag;
    struct arena *arena; /* for what emission needs besides LLVM */
    LLVMContextRef context;
    LLVMTargetMachineRef machine;
    LLVMTargetDataRef layout;
    LLVMModuleRef module;
    struct target target; /* triple, cpu and features filled in */
};

/* Opens a session with an empty module for the target; false with a message where LLVM knows no such machine. */
MUST_USE bool llvm_session_init(struct llvm_session *session, struct diag *diag, const struct target *target);
void llvm_session_fini(struct llvm_session *session);
/* Verifies the module (BUG where it does not hold), runs the passes, and refuses what would call out of the module.
 */
MUST_USE bool llvm_session_optimize(struct llvm_session *session);
/* Object code or assembly in memory: LLVMDisposeMemoryBuffer; NULL with a message. */
MUST_USE LLVMMemoryBufferRef llvm_session_emit(struct llvm_session *session, LLVMCodeGenFileType type);
/* Bytes of the machine's widest vectors. */
uint32_t llvm_vector_bytes(const struct target *target);
/* A message of LLVM's, as an error of the machine; takes the error. Returns whether there was one. */
bool llvm_session_refused(struct diag *diag, const char *what, LLVMErrorRef error);

#endif
