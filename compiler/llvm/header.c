/* header.c: NAME.h, from the description of the network and the functions of its object. */
#include "compiler/llvm/object.h"

#include <ctype.h>
#include <string.h>

/* The name in capitals, as macros have it. */
static void add_upper(struct text *out, const char *name)
{
    for (; *name; name++) text_add(out, "%c", isalnum((unsigned char)*name) ? toupper((unsigned char)*name) : '_');
}

/* A group's name as an identifier: h.1 is h_1. */
static void add_group(struct text *out, const char *name)
{
    for (; *name; name++) text_add(out, "%c", isalnum((unsigned char)*name) ? *name : '_');
}

static void add_macro(struct text *out, const char *name, const char *middle, const char *end, uint64_t value)
{
    text_add(out, "#define "), add_upper(out, name), text_add(out, "_");
    add_upper(out, middle), text_add(out, "%s %llu\n", end, (unsigned long long)value);
}

static void add_sizes(struct text *out, const struct nnt_module *module, const char *name)
{
    text_add(out, "/* How many numbers: all weights and biases; their gradient; the optimizer's memory, zeros at "
                  "first (at least\n"
                  " * one number is allowed for, so that it can be the size of an array); each group. */\n");
    add_macro(out, name, "PARAMETERS", "", module->size[NNT_PARAMETERS]);
    add_macro(out, name, "GRADIENT", "", module->size[NNT_GRADIENT]);
    add_macro(out, name, "MOMENTS", "", module->size[NNT_MOMENTS] ? module->size[NNT_MOMENTS] : 1);
    for (uint32_t g = 0; g < module->n_groups; g++)
        add_macro(out, name, module->group[g].name, "_SIZE", module->group[g].size);
}

static void add_layout(struct text *out, const struct nnt_module *module)
{
    text_add(out, "/* Where each parameter begins in the array of all; weights are [to][from].\n");
    for (uint32_t p = 0; p < module->n_parameters; p++) {
        const struct nnt_field *field = &module->field[module->parameter[p].field];
        text_add(out, " *   %8llu  %s [", (unsigned long long)field->offset, field->name);
        for (uint32_t r = 0; r < field->rank; r++) text_add(out, r ? "][%u" : "%u", (unsigned)field->extent[r]);
        text_add(out, "]\n");
    }
    text_add(out, " */\n");
}

/* ---- functions ---- */

static const char *group_prefix(enum argument argument)
{
    return argument == ARGUMENT_INPUTS ? "input_" : argument == ARGUMENT_TARGETS ? "target_" : "output_";
}

static void add_arrays(struct text *out, const struct nnt_module *module, enum argument argument, const char *real)
{
    for (uint32_t g = 0; g < module->n_groups; g++) {
        uint32_t field;
        if (!object_group_array(module, argument, g, &field)) continue;
        text_add(out, ", %s%s *%s", argument == ARGUMENT_OUTPUTS ? "" : "const ", real, group_prefix(argument));
        add_group(out, module->group[g].name);
    }
}

static void add_argument(struct text *out, const struct nnt_module *module, enum argument argument,
                         const char *real)
{
    switch (argument) {
    case ARGUMENT_PARAMETERS:
        text_add(out, "const %s *parameters", real);
        break;
    case ARGUMENT_NEW_PARAMETERS:
        text_add(out, "%s *parameters", real);
        break;
    case ARGUMENT_MOMENTS:
        text_add(out, ", %s *moments", real);
        break;
    case ARGUMENT_BATCH:
        text_add(out, ", uint32_t batch");
        break;
    case ARGUMENT_RATE:
        text_add(out, ", double rate");
        break;
    case ARGUMENT_STEP:
        text_add(out, ", uint64_t step");
        break;
    case ARGUMENT_LOSS:
        text_add(out, ", %s *loss", real);
        break;
    case ARGUMENT_GRADIENT:
        text_add(out, ", %s *gradient", real);
        break;
    case ARGUMENT_WORK:
        text_add(out, ", void *work");
        break;
    default:
        add_arrays(out, module, argument, real);
    }
}

static void add_functions(struct text *out, const struct kernels *kernels, const char *name)
{
    const char *real = kernels->real_bytes == 4 ? "float" : "double";
    for (uint32_t f = 0; f < OBJECT_FUNCTIONS; f++) {
        const struct object_function *function = &object_functions[f];
        if (!kernels->entry[function->entry]) continue;
        text_add(out, "/* %s */\nint32_t %s_%s(", function->help, name, function->name);
        for (const enum argument *a = function->argument; *a; a++)
            add_argument(out, kernels->description, *a, real);
        text_add(out, ");\n");
    }
}

/* What ends a comment must not stand in one. */
static void add_about(struct text *out, const char *about)
{
    for (const char *c = about ? about : ""; *c; c++)
        text_add(out, "%c", c[0] == '/' && c > about && c[-1] == '*' ? ' ' : (unsigned char)*c < ' ' ? ' ' : *c);
}

void llvm_header(const struct kernels *kernels, const struct object_options *options, struct text *out)
{
    const char *name = options->name, *real = kernels->real_bytes == 4 ? "float" : "double";
    text_add(out, "/* %s.h: ", name), add_about(out, options->about), text_add(out, ".\n *\n");
    text_add(out,
             " * Every array is the caller's; an array of a group is [batch][size of the group], one sample after "
             "the other.\n"
             " * Functions keep nothing, allocate nothing and may run in several threads with different `work`. "
             "They return 0,\n"
             " * or 1 where batch is 0. `work` is %s_work_size(batch) bytes of scratch, whose contents do not "
             "matter.\n */\n",
             name);
    text_add(out, "#ifndef "), add_upper(out, name), text_add(out, "_H\n#define "), add_upper(out, name);
    text_add(out, "_H\n\n#include <stddef.h>\n#include <stdint.h>\n\n");
    add_sizes(out, kernels->description, name);
    add_layout(out, kernels->description);
    text_add(out, "\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n");
    text_add(out, "/* The parameters that the object was built with. */\nextern const %s %s_weights[];\n", real,
             name);
    text_add(out,
             "/* Bytes of scratch that a call with that batch needs. */\nsize_t %s_work_size(uint32_t batch);\n",
             name);
    add_functions(out, kernels, name);
    text_add(out, "\n#ifdef __cplusplus\n}\n#endif\n\n#endif\n");
}
