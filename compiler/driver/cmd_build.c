/* cmd_build.c: NAME.o and NAME.h, from the same graph. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "compiler/driver/compile.h"
#include "compiler/driver/given.h"

/* Symbols begin with NAME's last part. */
static const char *symbol_of(struct session *session, const struct operand_text *output)
{
    const char *slash = strrchr(output->text, '/'), *name = slash ? slash + 1 : output->text;
    bool good = isalpha((unsigned char)name[0]) || name[0] == '_';
    for (const char *c = name; good && *c; c++) good = isalnum((unsigned char)*c) || *c == '_';
    if (good) return name;
    diag_input(session->diag, output->at, "bad-option",
               "'%s' cannot begin the names of C functions; expected letters, digits and _", name);
    return NULL;
}

static void *weights_of(struct session *session, const struct model *model, const struct nnt_module *module)
{
    const struct options *o = &session->options;
    void *weights = arena_alloc(session->arena, (module->size[NNT_PARAMETERS] + 16) * o->real_bytes);
    init_parameters(module, model->train.seed, weights);
    if (!o->given[OPTION_weights]) return weights;
    return given_weights(session, model, module, weights) ? weights : NULL;
}

int cmd_build(struct session *session)
{
    const struct options *o = &session->options;
    struct times times = {0};
    struct model *model = read_model(session, &o->file[0], &times, NULL);
    if (!model) return 0;
    struct operand_text output =
        o->given[OPTION_output] ? o->value[OPTION_output] : (struct operand_text){model->name, {0}};
    struct kernels kernels = {0};
    struct job job = {.entries = 1u << NNT_ENTRY_forward | 1u << NNT_ENTRY_loss | 1u << NNT_ENTRY_gradient |
                                 1u << NNT_ENTRY_step,
                      .real_bytes = o->real_bytes,
                      .batch = model->train.batch,
                      .standalone = true};
    const char *symbol = symbol_of(session, &output);
    if (!symbol || !compile_kernels(session, model, &job, &times, NULL, &kernels)) return 0;
    const void *weights = weights_of(session, model, kernels.description);
    if (!weights) return 0;
    struct object_options object = {
        .name = symbol,
        .object = arena_printf(session->arena, "%s.o", output.text),
        .header = arena_printf(session->arena, "%s.h", output.text),
        .weights = weights,
        .about = arena_printf(session->arena, "network %s of %s", model->name, o->file[0].text),
    };
    struct target target = {.real_bytes = o->real_bytes, .blas = false, .batch = job.batch};
    target.vector_bytes = llvm_box(session->diag)->vector_bytes(&target);
    if (llvm_box(session->diag)->object(session->diag, &kernels, &target, &object) && !o->given[OPTION_quiet])
        printf("%s\n%s\n", object.object, object.header);
    return 0;
}
