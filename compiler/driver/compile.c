/* compile.c: the pipeline: start reading here. */
#include "compiler/driver/compile.h"

#include <dlfcn.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compiler/driver/given.h"
#include "compiler/interp/interp.h"
#include "compiler/irgen/irgen.h"
#include "runtime/base/file.h"

enum { MOST_SOURCE_BYTES = 16 << 20 };
static const size_t MOST_DATA_BYTES = (size_t)8 << 30;

/* ---- what is written, and what it means ---- */

struct ast_source *read_source(struct session *session, const struct operand_text *file, struct times *times)
{
    double start = seconds();
    const char *path = strcmp(file->text, "-") ? file->text : "standard input";
    if (session->kept) return parse(session->diag, session->arena, path, session->kept, strlen(session->kept));
    size_t length;
    char *text = file_read(session->diag, file->at, file->text, MOST_SOURCE_BYTES, &length);
    if (!text) return NULL;
    struct ast_source *source = parse(session->diag, session->arena, path, text, length);
    free(text);
    times->parse += seconds() - start;
    return source;
}

/* Where data files are: --data, or the folder of the file. */
static const char *data_folder(struct session *session, const char *path)
{
    if (session->options.given[OPTION_data]) return session->options.value[OPTION_data].text;
    char *folder = file_folder(path);
    const char *kept = arena_text(session->arena, folder, strlen(folder));
    free(folder);
    return kept;
}

struct model *read_model(struct session *session, const struct operand_text *file, struct times *times,
                         struct ast_source **out_source)
{
    struct ast_source *source = read_source(session, file, times);
    if (!source) return NULL;
    double start = seconds();
    const struct options *o = &session->options;
    struct model *model = check(session->diag, session->arena, source, o->setting, o->n_settings);
    times->check += seconds() - start;
    if (out_source) *out_source = source;
    if (!model) return NULL;
    model->data.folder = data_folder(session, file->text);
    if (o->given[OPTION_seed]) model->train.seed = model->data.noise_seed = o->seed;
    return model;
}

struct data *read_data(struct session *session, const struct model *model)
{
    struct data_spec spec;
    if (model->data.present || !model->data.n_groups)
        return given_constants(session, model, &spec)
                   ? data_open(session->diag, &spec, session->options.real_bytes, MOST_DATA_BYTES)
                   : NULL;
    diag_input(session->diag, model->data.group[0].at, "no-data",
               "'%s' is an input or output and the file has no data block", model->data.group[0].shown);
    diag_hint(session->diag, "add one, as in: data { train xor() }");
    return NULL;
}

/* ---- what to compute, and how ---- */

static struct target target_of(struct session *session, const struct job *job)
{
    struct target target = {.real_bytes = job->real_bytes,
                            .blas = !job->standalone && !job->plain,
                            .plain = job->plain,
                            .batch = job->batch ? job->batch : 64};
    const struct llvm_box *box = llvm_box(session->diag);
    if (box) target.vector_bytes = job->plain ? job->real_bytes : box->vector_bytes(&target);
    return target;
}

bool compile_kernels(struct session *session, const struct model *model, const struct job *job, struct times *times,
                     const struct ir **out_graph, struct kernels *out)
{
    static const struct pass_watch nothing = {0};
    double start = seconds();
    const struct ir *graph = irgen(session->arena, model, job->real_bytes, job->entries);
    struct nnt_module *description = arena_alloc(session->arena, sizeof *description);
    *description = *describe(session->arena, model, graph);
    struct target target = target_of(session, job);
    bool done =
        !diag_failed(session->diag) && run_passes(session->diag, session->arena, graph, description, &target,
                                                  job->watch ? job->watch : &nothing, out_graph, out);
    times->passes += seconds() - start;
    return done;
}

/* ---- who computes it ---- */

static struct nnt_module *interpret(struct session *session, const struct model *model, const struct job *job)
{
    const struct ir *graph = irgen(session->arena, model, job->real_bytes, job->entries);
    return interp_module(session->arena, graph, describe(session->arena, model, graph), job->real_bytes == 4);
}

struct nnt_module *compile(struct session *session, const struct model *model, const struct job *job,
                           struct times *times)
{
    if (job->interpreter) return interpret(session, model, job);
    struct kernels kernels = {0};
    if (!compile_kernels(session, model, job, times, NULL, &kernels)) return NULL;
    double start = seconds();
    struct target target = target_of(session, job);
    struct nnt_module *module = NULL;
    bool done = llvm_box(session->diag)->jit(session->diag, &kernels, &target, &module);
    times->codegen += seconds() - start;
    return done ? module : NULL;
}

/* The interpreter's modules are the arena's; machine code has an owner. */
void release_module(struct nnt_module *module)
{
    if (module && !module->self) llvm_box(NULL)->release(module);
}

/* The plug-in stands beside the command in a build folder, and in lib/nnt where it is installed. */
static void *open_plugin(void)
{
    static const char *const places[] = {"%s/nnt_llvm.so", "%s/../nnt_llvm.so", "%s/../lib/nnt/nnt_llvm.so",
                                         "%s/../" NNT_PLUGIN_FOLDER "/nnt_llvm.so"};
    char self[PATH_MAX], path[PATH_MAX + 64];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    if (length < 0) return NULL;
    self[length] = 0;
    const char *folder = dirname(self);
    for (size_t i = 0; i < LENGTH(places); i++) {
        snprintf(path, sizeof path, places[i], folder);
        void *plugin = access(path, R_OK) ? NULL : dlopen(path, RTLD_NOW | RTLD_LOCAL);
        if (plugin) return plugin;
    }
    return NULL;
}

/* A second opening of the same file is only counted by the loader. */
static void *load_ahead(void *unused)
{
    (void)unused;
    return open_plugin();
}

struct preload preload_begin(void)
{
    struct preload preload;
    preload.running = pthread_create(&preload.thread, NULL, load_ahead, NULL) == 0;
    return preload;
}

void preload_end(struct preload *preload)
{
    if (preload->running) pthread_join(preload->thread, NULL);
    preload->running = false;
}

const struct llvm_box *llvm_box(struct diag *diag)
{
    /* Opened once a process and never closed: LLVM keeps state of its own for as long. */
    static const struct llvm_box *box;
    if (box) return box;
    void *plugin = open_plugin();
    if (plugin) box = dlsym(plugin, "nnt_llvm_box");
    if (!box && diag) {
        const char *why = dlerror();
        diag_machine(diag, (struct span){0}, "no-compiler",
                     "the compiler's plug-in nnt_llvm.so cannot be opened: %s",
                     why ? why : "it is neither beside the command nor in lib/nnt");
    }
    return box;
}
