/* object.h: a network as an object file and a C header: its functions, as both files need them. */
#ifndef NNT_LLVM_OBJECT_H
#define NNT_LLVM_OBJECT_H

#include "compiler/llvm/llvm.h"
#include "runtime/base/text.h"

/* What a function takes. INPUTS, OUTPUTS and TARGETS stand for one array a group. */
enum argument {
    ARGUMENT_END,
    ARGUMENT_PARAMETERS,
    ARGUMENT_NEW_PARAMETERS, /* changed in place */
    ARGUMENT_MOMENTS,
    ARGUMENT_BATCH,
    ARGUMENT_INPUTS,
    ARGUMENT_OUTPUTS,
    ARGUMENT_TARGETS,
    ARGUMENT_RATE,
    ARGUMENT_STEP,
    ARGUMENT_LOSS,
    ARGUMENT_GRADIENT,
    ARGUMENT_WORK
};
enum { OBJECT_FUNCTIONS = 4, OBJECT_ARGUMENTS = 12 };
struct object_function {
    const char *name, *help;
    uint32_t entry;
    enum argument argument[OBJECT_ARGUMENTS];
};
extern const struct object_function object_functions[OBJECT_FUNCTIONS];

/* Whether the argument is an array for each group, and the group has one; out_field is the tensor that it is copied
 * to or from. */
bool object_group_array(const struct nnt_module *module, enum argument argument, uint32_t group,
                        uint32_t *out_field);

/* Writes the object and the header that the options name; see llvm_box.object. */
bool llvm_object(struct diag *diag, const struct kernels *kernels, const struct target *target,
                 const struct object_options *options);
/* The text of the header, appended to `out`. */
void llvm_header(const struct kernels *kernels, const struct object_options *options, struct text *out);

#endif
