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
    text_add(out,
             "/* How many numbers: all weights and biases; their gradient; the optimizer's memory, zeros at "
             "first (at least\n"
             " * one number is allowed for, so that it can be the size of an array); each group; the rows of a "
             "sequence. */\n");
    add_macro(out, name, "PARAMETERS", "", module->size[NNT_PARAMETERS]);
    add_macro(out, name, "GRADIENT", "", module->size[NNT_GRADIENT]);
    add_macro(out, name, "MOMENTS", "", module->size[NNT_MOMENTS] ? module->size[NNT_MOMENTS] : 1);
    for (uint32_t g = 0; g < module->n_groups; g++)
        add_macro(out, name, module->group[g].name, "_SIZE", module->group[g].size);
    for (uint32_t g = 0; g < module->n_groups; g++)
        if (module->group[g].rows) add_macro(out, name, module->group[g].name, "_ROWS", module->group[g].rows);
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

static void add_parameter(struct text *out, const struct nnt_module *module, const struct object_parameter *p,
                          const char *real)
{
    switch (p->argument) {
    case ARGUMENT_BATCH:
        text_add(out, "uint32_t ");
        break;
    case ARGUMENT_RATE:
    case ARGUMENT_COEFFICIENTS:
        text_add(out, "double ");
        break;
    case ARGUMENT_STEP:
        text_add(out, "uint64_t ");
        break;
    case ARGUMENT_WORK:
        text_add(out, "void *");
        break;
    case ARGUMENT_PARAMETERS:
    case ARGUMENT_INPUTS:
    case ARGUMENT_TARGETS:
        text_add(out, "const %s *", real);
        break;
    default:
        text_add(out, "%s *", real);
    }
    text_add(out, "%s", p->name);
    if (p->group != NNT_NONE) add_group(out, module->group[p->group].name);
}

static void add_functions(struct text *out, struct arena *arena, const struct kernels *kernels, const char *name)
{
    const struct nnt_module *module = kernels->description;
    const char *real = kernels->real_bytes == 4 ? "float" : "double";
    struct object_parameter *p = arena_alloc(arena, (OBJECT_ARGUMENTS + 2 * (size_t)module->n_groups) * sizeof *p);
    for (uint32_t f = 0; f < OBJECT_FUNCTIONS; f++) {
        const struct object_function *function = &object_functions[f];
        if (!kernels->entry[function->entry]) continue;
        text_add(out, "/* %s */\nint32_t %s_%s(", function->help, name, function->name);
        for (uint32_t i = 0, n = object_parameters(module, function, p); i < n; i++) {
            text_add(out, "%s", i ? ", " : "");
            add_parameter(out, module, &p[i], real);
        }
        text_add(out, ");\n");
    }
}

/* ---- what they take ---- */

/* What some function may take beside the parameters and their like, each once. */
static const struct object_function all_given = {.argument = {ARGUMENT_INPUTS, ARGUMENT_OUTPUTS, ARGUMENT_TARGETS,
                                                              ARGUMENT_LOSS, ARGUMENT_H, ARGUMENT_SETTLED,
                                                              ARGUMENT_RELAXED}};

static void add_rows(struct text *out, const struct nnt_group *g, enum argument argument)
{
    const char *what = argument == ARGUMENT_OUTPUTS   ? "is the output after"
                       : argument == ARGUMENT_TARGETS ? "is compared after"
                                                      : "is read by";
    text_add(out, ": of the rows 1 ... %u row t %s update ", (unsigned)g->rows, what);
    if (argument != ARGUMENT_INPUTS && g->first_tick > 1) text_add(out, "%u + ", (unsigned)(g->first_tick - 1));
    text_add(out, "t%s", argument == ARGUMENT_INPUTS ? ", and 0 behind the last" : "");
}

/* Of a number a sample. */
static const char *meaning(const struct nnt_module *module, const struct object_parameter *p)
{
    switch (p->argument) {
    case ARGUMENT_LOSS:
        return module->objective == NNT_ON_BULK || module->objective == NNT_ON_NEITHER
                   ? "the boundary loss, which is not minimised"
                   : "the boundary loss";
    case ARGUMENT_H:
        return "H at its minimum over the free neurons";
    case ARGUMENT_SETTLED:
        return p->field == module->settle_ticks ? "the updates made until it settled; NULL where nobody asks"
                                                : "1 where it did not settle, else 0; NULL where nobody asks";
    default:
        return p->field == module->relax_steps ? "the steps made until it relaxed; NULL where nobody asks"
                                               : "1 where it did not relax, else 0; NULL where nobody asks";
    }
}

static void add_one(struct text *out, const struct nnt_module *module, const struct object_parameter *p)
{
    text_add(out, " *   %s", p->name);
    if (p->argument == ARGUMENT_COEFFICIENTS) {
        text_add(out, ": the coefficient of the %s loss in what is minimised\n", p->name);
        return;
    }
    if (p->group == NNT_NONE) {
        text_add(out, " [batch]: %s\n", meaning(module, p));
        return;
    }
    const struct nnt_group *g = &module->group[p->group];
    bool rows = g->rows && module->field[p->field].rank > 1;
    add_group(out, g->name);
    text_add(out, " [batch]");
    if (rows) text_add(out, "[%u]", (unsigned)g->rows);
    text_add(out, "[%u]", (unsigned)g->size);
    if (rows) add_rows(out, g, p->argument);
    text_add(out, "\n");
}

static void add_given(struct text *out, struct arena *arena, const struct kernels *kernels)
{
    const struct nnt_module *module = kernels->description;
    struct object_parameter *p = arena_alloc(arena, (OBJECT_ARGUMENTS + 4 * (size_t)module->n_groups) * sizeof *p);
    bool compares = kernels->entry[NNT_ENTRY_loss] || kernels->entry[NNT_ENTRY_gradient];
    text_add(out, "/* What the functions take beside the parameters.\n");
    for (uint32_t i = 0, n = object_parameters(module, &all_given, p); i < n; i++)
        if (compares || p[i].argument != ARGUMENT_TARGETS) add_one(out, module, &p[i]);
    text_add(out, " */\n");
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
    struct arena *arena = arena_new();
    text_add(out, "/* %s.h: ", name), add_about(out, options->about), text_add(out, ".\n *\n");
    text_add(out,
             " * Every array is the caller's, one sample after the other.\n"
             " * Functions keep nothing, allocate nothing and may run in several threads with different `work`. "
             "They return 0,\n"
             " * or 1 where batch is 0. `work` is %s_work_size(batch) bytes of scratch, whose contents do not "
             "matter.\n */\n",
             name);
    text_add(out, "#ifndef "), add_upper(out, name), text_add(out, "_H\n#define "), add_upper(out, name);
    text_add(out, "_H\n\n#include <stddef.h>\n#include <stdint.h>\n\n");
    add_sizes(out, kernels->description, name);
    add_layout(out, kernels->description);
    add_given(out, arena, kernels);
    text_add(out, "\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n");
    text_add(out, "/* The parameters that the object was built with. */\nextern const %s %s_weights[];\n", real,
             name);
    text_add(out,
             "/* Bytes of scratch that a call with that batch needs. */\nsize_t %s_work_size(uint32_t batch);\n",
             name);
    add_functions(out, arena, kernels, name);
    text_add(out, "\n#ifdef __cplusplus\n}\n#endif\n\n#endif\n");
    arena_free(arena);
}
