/* llvm.h: what the LLVM box offers: the driver opens it only when something is compiled. */
#ifndef NNT_LLVM_H
#define NNT_LLVM_H

#include "compiler/kernel/nest.h"
#include "runtime/base/diag.h"

struct object_options {
    const char *name;            /* prefix of every symbol: NAME_forward … */
    const char *object, *header; /* paths */
    const void *weights;         /* module->size[NNT_PARAMETERS] numbers, embedded as NAME_weights */
    const char *about;           /* a line for the header's comment */
};
struct llvm_box {
    /* Machine code in this process: fills a module of its own (free it by `release`); symbols, addresses and times
     * are its. */
    bool (*jit)(struct diag *diag, const struct kernels *kernels, const struct target *target,
                struct nnt_module **out);
    void (*release)(struct nnt_module *module);
    /* NAME.o and NAME.h. */
    bool (*object)(struct diag *diag, const struct kernels *kernels, const struct target *target,
                   const struct object_options *options);
    /* LLVM IR (after its passes) or assembly as text; free(). */
    char *(*text)(struct diag *diag, const struct kernels *kernels, const struct target *target, bool assembly);
    /* Vector bytes of this machine (or of the named cpu). */
    uint32_t (*vector_bytes)(const struct target *target);
};
/* The plug-in's one symbol. */
extern const struct llvm_box nnt_llvm_box;

#endif
