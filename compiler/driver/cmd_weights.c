/* cmd_weights.c: eval, measure: given weights. */
#include <stdio.h>
#include <stdlib.h>

#include "compiler/driver/given.h"
#include "compiler/driver/manifest.h"
#include "compiler/driver/observe.h"
#include "compiler/driver/table.h"

struct given {
    struct session *session;
    struct model *model;
    struct data *data;
    struct nnt_module *module;
    struct times times;
    void *parameters;
};

static bool open_given(struct given *given)
{
    struct session *session = given->session;
    const struct options *o = &session->options;
    given->model = read_model(session, &o->file[0], &given->times, NULL);
    session_messages(session);
    if (!given->model) return false;
    given->data = read_data(session, given->model);
    if (!given->data) return false;
    if (!o->given[OPTION_weights]) {
        diag_input(session->diag, (struct span){0}, "missing-option", "nnt %s needs --weights FILE",
                   command_rows[o->command].name);
        return false;
    }
    if (!given->model->loss && !given->model->minimizes_bulk) return true;
    /* For the batch of a run, so that the kernels, and with them the last bits, are the run's. */
    struct job job = {.entries = observed_entries(given->model),
                      .real_bytes = o->real_bytes,
                      .batch = given->model->train.batch,
                      .interpreter = o->interpreter};
    given->module = compile(session, given->model, &job, &given->times);
    if (!given->module) return false;
    given->parameters = arena_alloc(session->arena, given->module->size[NNT_PARAMETERS] * o->real_bytes);
    return given_weights(session, given->model, given->module, given->parameters);
}

static void close_given(struct given *given)
{
    release_module(given->module);
    data_free(given->data);
}

static void print_moments(const struct session *session, const struct moment *moment, uint32_t n)
{
    struct table table = {0};
    if (!session->options.given[OPTION_json]) {
        table_row(&table, stdout, moment, n);
        return;
    }
    for (uint32_t i = 0; i < n; i++) {
        char *line = record_line(&moment[i]);
        if (line) puts(line);
        free(line);
    }
}

/* Accuracy where every output has a kind of target that can be right or wrong. */
static uint32_t losses_of(const struct data *data)
{
    uint32_t asked = 1u << MEASURE_loss | 1u << MEASURE_accuracy;
    for (uint32_t g = 0; g < data->n_groups; g++)
        if (!data->group[g].input && data->target[g] == TARGET_NUMBER)
            asked = 1u << MEASURE_loss | 1u << MEASURE_rmse;
    return asked;
}

int cmd_eval(struct session *session)
{
    struct given given = {.session = session};
    struct moment moment = {0};
    if (open_given(&given) && !given.module)
        diag_input(session->diag, (struct span){0}, "no-loss", "the file has no loss to evaluate");
    struct evaluator *evaluator =
        diag_failed(session->diag) ? NULL : evaluator_new(session->diag, given.module, given.data, 256);
    if (evaluator) {
        bool tested = given.data->test.count > 0;
        moment.test = tested;
        if (!tested)
            diag_warn(session->diag, (struct span){0}, "no-test-data",
                      "there is no test data: these are of the training data");
        if (evaluate(evaluator, tested ? &given.data->test : &given.data->train, NULL, 0, given.parameters,
                     losses_of(given.data), &moment))
            print_moments(session, &moment, 1);
        struct convergence convergence = evaluator_convergence(evaluator);
        convergence_warn(&convergence, session->diag, (struct span){0}, &given.model->ensemble, "evaluated");
    }
    evaluator_free(evaluator);
    close_given(&given);
    return 0;
}

int cmd_measure(struct session *session)
{
    struct given given = {.session = session};
    struct observer *observer = NULL;
    struct moment moment[2];
    struct train_state at = {0};
    uint32_t n;
    if (open_given(&given)) {
        struct observed observed = {given.model, given.data, given.module, session->options.interpreter};
        observer = observer_new(session, &observed, &given.times);
        const void *parameters = given.module ? given.parameters
                                 : observer   ? observer_start(observer, given.model->train.seed)
                                              : NULL;
        if (observer) observer_looks_once(observer);
        if (observer && parameters &&
            observe(observer, &at, session->options.progress, true, parameters, NULL, moment, &n))
            print_moments(session, moment, n);
        if (observer) observer_warn(observer);
    }
    observer_free(observer);
    close_given(&given);
    return 0;
}
