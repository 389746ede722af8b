/* nnt.c: the public interface of the runtime library, over the boxes. */
#include "runtime/nnt.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/thermo/ensemble.h"
#include "runtime/train/train.h"

/* The collected messages as one text, or NULL where there is none; frees them. */
static char *messages(struct diag *diag)
{
    char *text = NULL;
    size_t length;
    if (diag_failed(diag)) {
        FILE *to = open_memstream(&text, &length);
        if (to) {
            diag_print(diag, to, DIAG_PLAIN);
            fclose(to);
        }
    }
    diag_free(diag);
    return text;
}

void nnt_initialise(const struct nnt_module *module, uint64_t seed, void *parameters)
{
    init_parameters(module, seed, parameters);
}

/* The samples as the boxes see data; value is [groups with data], which the caller of describe_data frees as one block. */
struct memory_data {
    struct data data;
    struct data_group *group;
    double **none;
    uint8_t *kind;
};

static bool describe_data(const struct nnt_module *module, const struct nnt_samples *samples,
                          struct memory_data *out)
{
    uint32_t n = 0;
    *out = (struct memory_data){.group = calloc(module->n_groups + 1, sizeof *out->group),
                                .none = calloc(module->n_groups + 1, sizeof *out->none),
                                .kind = calloc(module->n_groups + 1, 1)};
    if (!out->group || !out->none || !out->kind) return false;
    for (uint32_t g = 0; g < module->n_groups; g++)
        if (module->group[g].data != NNT_NONE)
            out->group[n++] = (struct data_group){.name = module->group[g].name,
                                                  .shown = module->group[g].shown,
                                                  .size = module->group[g].size,
                                                  .rows = module->group[g].rows,
                                                  .input = module->group[g].flags & NNT_INPUT};
    out->data = (struct data){.real_bytes = module->real_bytes,
                              .n_groups = n,
                              .group = out->group,
                              .train = {samples->count, (void **)samples->value},
                              .target = out->kind,
                              .scale = out->none,
                              .offset = out->none};
    return true;
}

static void forget_data(struct memory_data *data)
{
    free(data->group);
    free(data->none);
    free(data->kind);
}

static void train_all(struct diag *diag, struct trainer *trainer, const struct nnt_module *module, void *parameters,
                      double *out_loss)
{
    size_t bytes = module->size[NNT_PARAMETERS] * module->real_bytes;
    memcpy(trainer_parameters(trainer), parameters, bytes);
    for (struct train_state at = trainer_state(trainer); at.step < at.steps; at = trainer_state(trainer)) {
        if (at.step % at.steps_per_epoch == 0) trainer_clear_loss(trainer);
        if (!trainer_step(trainer)) {
            trainer_tell(trainer, diag);
            return;
        }
    }
    if (!trainer_check(trainer)) {
        trainer_tell(trainer, diag);
        return;
    }
    memcpy(parameters, trainer_parameters(trainer), bytes);
    if (out_loss) *out_loss = trainer_state(trainer).loss;
}

char *nnt_train(const struct nnt_module *module, const struct nnt_samples *samples,
                const struct nnt_training *training, void *parameters, double *out_loss)
{
    struct diag *diag = diag_new();
    struct arena *arena = arena_new();
    struct expr_pool pool;
    struct memory_data data;
    expr_pool_init(&pool, arena);
    struct train_options options = {.rate = expr_number(&pool, training->rate),
                                    .batch = training->batch,
                                    .epochs = training->epochs,
                                    .shuffle = true,
                                    .seed = training->seed};
    if (!samples->count || !module->entry[NNT_ENTRY_step])
        diag_input(diag, (struct span){0}, "nothing-to-train", "training needs samples and a module with a step");
    else if (!describe_data(module, samples, &data))
        diag_machine(diag, (struct span){0}, "no-memory", "no memory for the samples");
    else {
        struct trainer *trainer = trainer_new(diag, module, &data.data, &options);
        if (trainer) train_all(diag, trainer, module, parameters, out_loss);
        trainer_free(trainer);
        forget_data(&data);
    }
    arena_free(arena);
    return messages(diag);
}

static void summarise(const struct ensemble *ensemble, const struct gaussian *g, uint32_t n, double beta,
                      struct nnt_thermodynamics *out)
{
    const size_t stride = sizeof *g / sizeof(double);
    struct estimate U = ensemble_mean(&g->U, stride, n), F = ensemble_mean(&g->F, stride, n),
                    S = ensemble_mean(&g->S, stride, n);
    struct estimate C = ensemble_mean(&g->C, stride, n);
    *out = (struct nnt_thermodynamics){.U = U.mean,
                                       .F = F.mean,
                                       .S = S.mean,
                                       .C = C.mean,
                                       .U_error = U.error,
                                       .F_error = F.error,
                                       .S_error = S.error,
                                       .C_error = C.error,
                                       .S_T = ensemble_S_T(ensemble, beta),
                                       .lnZ = ensemble_mean(&g->lnZ, stride, n).mean,
                                       .H_min = ensemble_mean(&g->H_min, stride, n).mean};
}

static void measure_all(struct diag *diag, const struct nnt_module *module, const struct nnt_samples *samples,
                        double beta, const double *parameters, struct nnt_thermodynamics *out)
{
    struct ensemble *ensemble = ensemble_new(diag, (struct span){0}, module, NULL, 64);
    struct gaussian *gaussian = calloc((size_t)samples->count + 1, sizeof *gaussian);
    const double **value = calloc(module->n_groups + 1, sizeof *value);
    for (uint32_t g = 0, k = 0; value && g < module->n_groups; g++)
        if (module->group[g].data != NNT_NONE) value[g] = samples->value[k++];
    if (ensemble && gaussian && value &&
        ensemble_evaluate(ensemble, diag, parameters, value, samples->count, beta, gaussian))
        summarise(ensemble, gaussian, samples->count, beta, out);
    else if (!diag_failed(diag))
        diag_machine(diag, (struct span){0}, "no-memory", "no memory for the ensemble");
    ensemble_free(ensemble);
    free(gaussian);
    free(value);
}

char *nnt_measure(const struct nnt_module *module, const struct nnt_samples *samples, double beta,
                  const double *parameters, struct nnt_thermodynamics *out)
{
    struct diag *diag = diag_new();
    if (module->real_bytes != 8 || !module->entry[NNT_ENTRY_ensemble_forward] ||
        !module->entry[NNT_ENTRY_linearise])
        diag_input(diag, (struct span){0}, "no-ensemble", "the module has no ensemble in float64");
    else if (!samples->count || !(beta > 0))
        diag_input(diag, (struct span){0}, "no-ensemble", "an ensemble needs samples and beta above 0");
    else
        measure_all(diag, module, samples, beta, parameters, out);
    return messages(diag);
}
