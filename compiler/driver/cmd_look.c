/* cmd_look.c: check, fmt, emit: nothing is run. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/driver/compile.h"
#include "compiler/driver/septuple.h"
#include "compiler/irgen/irgen.h"
#include "runtime/base/file.h"

/* ---- check ---- */

int cmd_check(struct session *session)
{
    const struct options *o = &session->options;
    for (uint32_t i = 0; i < o->n_files; i++) {
        struct times times = {0};
        const struct model *model = read_model(session, &o->file[i], &times, NULL);
        if (model && !o->given[OPTION_quiet] && !o->given[OPTION_json])
            printf("%s: fine: network %s, %u groups, %llu trainable parameters\n", o->file[i].text, model->name,
                   model->n_groups, (unsigned long long)model_trainables(model));
    }
    return 0;
}

/* ---- fmt ---- */

/* A file with mistakes is left as it is; standard input goes to standard output. */
static bool format_file(struct session *session, const struct operand_text *file)
{
    struct times times = {0};
    struct text text = {0};
    uint32_t before = diag_errors(session->diag);
    struct ast_source *source = read_source(session, file, &times);
    if (!source || diag_errors(session->diag) != before) return true;
    ast_print(source, &text);
    bool same = text.length == source->length && !memcmp(text.data, source->text, text.length);
    if (session->options.given[OPTION_check]) {
        if (!same) printf("%s: not in canonical layout\n", file->text);
    } else if (!strcmp(file->text, "-"))
        fwrite(text.data, 1, text.length, stdout);
    else if (!same && !file_write(session->diag, file->at, file->text, text.data, text.length))
        same = false;
    text_fini(&text);
    return same || !session->options.given[OPTION_check];
}

int cmd_fmt(struct session *session)
{
    bool all_same = true;
    for (uint32_t i = 0; i < session->options.n_files; i++)
        all_same &= format_file(session, &session->options.file[i]);
    return all_same ? 0 : 1;
}

/* ---- emit ---- */

static struct job whole_job(const struct session *session, const struct model *model)
{
    bool standalone = session->options.given[OPTION_standalone];
    uint32_t entries = model->loss ? 1u << NNT_ENTRY_forward | 1u << NNT_ENTRY_loss | 1u << NNT_ENTRY_gradient |
                                         1u << NNT_ENTRY_step
                                   : 1u << NNT_ENTRY_forward;
    if (model->ensemble_proper && !standalone)
        entries |= 1u << NNT_ENTRY_ensemble_forward | 1u << NNT_ENTRY_linearise;
    return (struct job){.entries = entries,
                        .real_bytes = session->options.real_bytes,
                        .batch = model->train.batch,
                        .standalone = standalone};
}

static bool is_pass(struct session *session, const struct operand_text *name)
{
    uint32_t n = 0;
    struct text names = {0};
    for (; pass_names[n]; n++) {
        if (!strcmp(pass_names[n], name->text)) return true;
        text_add(&names, "%s%s", n ? " " : "", pass_names[n]);
    }
    diag_input(session->diag, name->at, "unknown-pass", "there is no pass '%s'; expected one of %s", name->text,
               names.data);
    diag_did_you_mean(session->diag, name->text, pass_names, n);
    text_fini(&names);
    return false;
}

static void emit_plan(struct session *session, const struct model *model)
{
    const struct options *o = &session->options;
    struct job job = whole_job(session, model);
    struct times times = {0};
    struct text text = {0};
    if (!o->given[OPTION_after]) {
        ir_print(irgen(session->arena, model, job.real_bytes, job.entries), &text);
        fputs(text.data ? text.data : "", stdout);
        text_fini(&text);
        return;
    }
    const char *after = o->value[OPTION_after].text;
    struct pass_watch watch = {.stop_after = after, .dump_after = after, .to = stdout, .verify = true};
    struct kernels kernels = {0};
    if (!is_pass(session, &o->value[OPTION_after])) return;
    job.watch = &watch;
    if (!compile_kernels(session, model, &job, &times, NULL, &kernels)) return;
}

static void emit_code(struct session *session, const struct model *model, bool assembly)
{
    struct job job = whole_job(session, model);
    struct times times = {0};
    struct kernels kernels = {0};
    if (!compile_kernels(session, model, &job, &times, NULL, &kernels)) return;
    struct target target = {.real_bytes = job.real_bytes, .blas = !job.standalone, .batch = job.batch};
    target.vector_bytes = llvm_box(session->diag)->vector_bytes(&target);
    char *text = llvm_box(session->diag)->text(session->diag, &kernels, &target, assembly);
    if (text) fputs(text, stdout);
    free(text);
}

static void emit_text(void (*print)(const void *, struct text *), const void *what)
{
    struct text text = {0};
    print(what, &text);
    fputs(text.data ? text.data : "", stdout);
    text_fini(&text);
}

static void print_tree(const void *tree, struct text *out)
{
    ast_dump(tree, out);
}
static void print_model(const void *model, struct text *out)
{
    model_dump(model, out);
}

static void emit_math(struct session *session, const struct model *model)
{
    struct text text = {0};
    septuple_print(session, model, &text);
    if (!diag_failed(session->diag)) fputs(text.data, stdout);
    text_fini(&text);
}

int cmd_emit(struct session *session)
{
    const struct options *o = &session->options;
    struct times times = {0};
    struct ast_source *source;
    if (!o->given[OPTION_math] && !o->given[OPTION_ast] && !o->given[OPTION_model] && !o->given[OPTION_ir] &&
        !o->given[OPTION_llvm] && !o->given[OPTION_asm]) {
        diag_input(session->diag, (struct span){0}, "missing-option",
                   "nnt emit needs one of --math --ast --model --ir --llvm --asm");
        return 0;
    }
    if (o->given[OPTION_ast]) {
        source = read_source(session, &o->file[0], &times);
        if (source && !diag_failed(session->diag)) emit_text(print_tree, source->file);
        return 0;
    }
    struct model *model = read_model(session, &o->file[0], &times, NULL);
    if (!model) return 0;
    if (o->given[OPTION_math])
        emit_math(session, model);
    else if (o->given[OPTION_model])
        emit_text(print_model, model);
    else if (o->given[OPTION_ir])
        emit_plan(session, model);
    else
        emit_code(session, model, o->given[OPTION_asm]);
    return 0;
}
