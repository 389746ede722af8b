/* object.h: a network as an object file and a C header: its functions, as both files need them. */
#ifndef NNT_LLVM_OBJECT_H
#define NNT_LLVM_OBJECT_H

#include "compiler/llvm/llvm.h"
#include "runtime/base/text.h"

/* What a function takes, as far as the network has it. INPUTS … TARGETS stand for one array a group. */
enum argument {
    ARGUMENT_END,
    ARGUMENT_PARAMETERS,
    ARGUMENT_NEW_PARAMETERS, /* changed in place */
    ARGUMENT_MOMENTS,
    ARGUMENT_BATCH,
    ARGUMENT_INPUTS,
    ARGUMENT_OUTPUTS,
    ARGUMENT_TARGETS, /* of outputs that are compared, or held at data while what is minimised relaxes */
    ARGUMENT_RATE,
    ARGUMENT_COEFFICIENTS, /* of the boundary and the bulk loss, where both are minimised */
    ARGUMENT_STEP,
    ARGUMENT_LOSS,
    ARGUMENT_GRADIENT,
    ARGUMENT_H,
    ARGUMENT_SETTLED, /* how each sample settled … */
    ARGUMENT_RELAXED, /* … and relaxed; these arrays may be NULL */
    ARGUMENT_WORK
};
enum { OBJECT_FUNCTIONS = 4, OBJECT_ARGUMENTS = 16 };
struct object_function {
    const char *name, *help;
    uint32_t entry;
    enum argument argument[OBJECT_ARGUMENTS];
};
extern const struct object_function object_functions[OBJECT_FUNCTIONS];

/* One parameter of a function. */
struct object_parameter {
    enum argument argument;
    const char *name; /* of arrays of a group: the prefix of its name */
    uint32_t group;   /* NNT_NONE: of none */
    uint32_t field;   /* the tensor that is copied there or from there, or NNT_NONE */
    uint32_t number;  /* of a coefficient: which of the call's */
};
/* Those of a function for this network, in their order; room for OBJECT_ARGUMENTS + 2 n_groups is enough. Returns how many. */
uint32_t object_parameters(const struct nnt_module *module, const struct object_function *function,
                           struct object_parameter out[]);

/* Writes the object and the header that the options name; see llvm_box.object. */
bool llvm_object(struct diag *diag, const struct kernels *kernels, const struct target *target,
                 const struct object_options *options);
/* The text of the header, appended to `out`. */
void llvm_header(const struct kernels *kernels, const struct object_options *options, struct text *out);

#endif
