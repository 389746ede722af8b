/* compile.h: the pipeline, from a file to a module that runs. */
#ifndef NNT_COMPILE_H
#define NNT_COMPILE_H

#include <pthread.h>

#include "compiler/driver/session.h"
#include "compiler/kernel/nest.h"
#include "compiler/llvm/llvm.h"
#include "compiler/pass/pass.h"
#include "lang/ast.h"

/* Seconds by part, summed over a command. */
struct times {
    double parse, check, passes, codegen;
};
/* What to compile, and for whom. */
struct job {
    uint32_t entries; /* bit per enum nnt_entry_name */
    uint32_t real_bytes;
    uint32_t batch; /* how many samples a call is likely to have */
    bool interpreter;
    bool standalone; /* no products from outside: objects */
    bool plain;      /* as few ideas as possible: no fusion, no products from outside, vectors of one number */
    const struct pass_watch *watch; /* NULL: nothing */
};

/* Reads and parses operand `index`; NULL with messages. */
MUST_USE struct ast_source *read_source(struct session *session, const struct operand_text *file,
                                        struct times *times);
/* Parses and checks it with the session's settings, data folder and seed. */
MUST_USE struct model *read_model(struct session *session, const struct operand_text *file, struct times *times,
                                  struct ast_source **out_source);
/* Opens the model's data, with the constants of given weights; NULL with messages, also where the network has inputs or outputs and the file no data block. */
MUST_USE struct data *read_data(struct session *session, const struct model *model);
/* Graph, passes and kernels; *out_graph may be NULL. */
MUST_USE bool compile_kernels(struct session *session, const struct model *model, const struct job *job,
                              struct times *times, const struct ir **out_graph, struct kernels *out);
/* A module that runs. Free by release_module. */
MUST_USE struct nnt_module *compile(struct session *session, const struct model *model, const struct job *job,
                                    struct times *times);
void release_module(struct nnt_module *module);
/* Loading LLVM takes as long as reading a small data set: begin it on a thread of its own, end it before compiling. */
struct preload {
    pthread_t thread;
    bool running;
};
struct preload preload_begin(void);
void preload_end(struct preload *preload);
/* The LLVM box, loaded at the first call; NULL with a message where the plug-in cannot be opened. */
const struct llvm_box *llvm_box(struct diag *diag);

#endif
