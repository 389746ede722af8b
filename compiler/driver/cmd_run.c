/* cmd_run.c: compile, train, measure, record: one screen. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "compiler/driver/given.h"
#include "compiler/driver/laws.h"
#include "compiler/driver/manifest.h"
#include "compiler/driver/observe.h"
#include "compiler/driver/progress.h"
#include "compiler/driver/report.h"
#include "compiler/driver/table.h"
#include "runtime/base/file.h"

/* Seconds between two checkpoints: what a killed run can lose. */
static const double checkpoint_seconds = 5;

struct run {
    struct session *session;
    struct ast_source *source;
    struct model *model;
    struct data *data;
    struct nnt_module *module;
    struct nnt_module *free_energy; /* the network in float64, where F is minimised */
    struct trainer *trainer;
    struct observer *observer;
    struct record *record;
    struct times times;
    struct table table;
    struct text ledgers; /* of a resumed run's checkpoint */
    struct progress progress;
    struct moment last[2];   /* the last value of each key: train, test */
    uint64_t samples_before; /* of the next measurement's samples, those that an earlier process trained on */
    double first_step, train, since; /* seconds: until the first step's end, training, the last checkpoint's time */
    double train_at_measured;
    uint64_t saved; /* step of the last checkpoint */
};

static bool diverged(struct run *run)
{
    trainer_tell(run->trainer, run->session->diag);
    return false;
}

static bool save(struct run *run)
{
    if (!trainer_check(run->trainer)) return diverged(run);
    run->since = seconds();
    run->saved = trainer_state(run->trainer).step;
    struct text ledgers = {0};
    observer_write(run->observer, &ledgers);
    bool written = checkpoint_write(run->session->diag, run->trainer, &ledgers, record_folder(run->record));
    text_fini(&ledgers);
    return written;
}

/* ---- before the first step ---- */

/* One entry for a step, or where F is minimised its parts. */
static uint32_t stepping_entries(const struct model *model)
{
    if (!model->minimizes_free_energy) return 1u << NNT_ENTRY_step;
    bool others = model->minimizes_boundary || model->minimizes_bulk;
    return 1u << NNT_ENTRY_descend | (others ? 1u << NNT_ENTRY_gradient : 0);
}

/* Adds F to what the trainer minimises. */
static bool minimise_F(struct run *run)
{
    const struct model *model = run->model;
    struct job job = {.entries = 1u << NNT_ENTRY_ensemble_forward | 1u << NNT_ENTRY_linearise |
                                 1u << NNT_ENTRY_pull | (model->ensemble.relaxed ? 1u << NNT_ENTRY_relax : 0),
                      .real_bytes = 8,
                      .batch = model->train.batch,
                      .interpreter = run->session->options.interpreter};
    if (!model->minimizes_free_energy) return true;
    run->free_energy = compile(run->session, model, &job, &run->times);
    return run->free_energy && trainer_minimise_F(run->trainer, run->session->diag, model->free_energy_at,
                                                  run->free_energy, &model->ensemble);
}

static bool open_module(struct run *run)
{
    const struct options *o = &run->session->options;
    if (!run->model->trains) return true;
    struct job job = {.entries = observed_entries(run->model) | stepping_entries(run->model),
                      .real_bytes = o->real_bytes,
                      .batch = run->model->train.batch,
                      .interpreter = o->interpreter};
    run->module = compile(run->session, run->model, &job, &run->times);
    return run->module != NULL;
}

static bool start_weights(struct run *run)
{
    const struct options *o = &run->session->options;
    return !o->given[OPTION_weights] ||
           given_weights(run->session, run->model, run->module, trainer_parameters(run->trainer));
}

static bool open_trainer(struct run *run)
{
    const struct options *o = &run->session->options;
    struct diag *diag = run->session->diag;
    run->trainer = trainer_new(diag, run->module, run->data, &run->model->train);
    if (!run->trainer || !start_weights(run) || !minimise_F(run)) return false;
    return !o->given[OPTION_resume] ||
           checkpoint_read(diag, run->trainer, o->value[OPTION_resume].text, &run->ledgers);
}

static bool open_observer(struct run *run)
{
    struct observed observed = {run->model, run->data, run->module, run->session->options.interpreter};
    run->observer = observer_new(run->session, &observed, &run->times);
    return run->observer != NULL;
}

/* Where a resumed run's ledgers stood; before the first step they are measured again. */
static bool take_ledgers(struct run *run)
{
    if (!run->session->options.given[OPTION_resume] || !trainer_state(run->trainer).step) return true;
    return observer_read(run->observer, run->ledgers.data, run->ledgers.length);
}

static bool open_record(struct run *run)
{
    const struct options *o = &run->session->options;
    bool resume = o->given[OPTION_resume];
    const char *out = resume                 ? o->value[OPTION_resume].text
                      : o->given[OPTION_out] ? o->value[OPTION_out].text
                                             : NULL;
    run->record = record_open(run->session->diag, out, run->model->name, resume, trainer_state(run->trainer).step);
    if (!run->record) return false;
    if (resume && !record_last(run->record, run->session->diag, run->last)) return false;
    /* The checkpoint first: a folder with a run.json can always be resumed. */
    return resume || (save(run) && record_run(run->record, run->session->diag,
                                              manifest_text(run->session, run->model, run->source, &run->times)));
}

static void introduce(const struct run *run)
{
    const struct model *m = run->model;
    const struct train_state at = trainer_state(run->trainer);
    if (run->session->options.given[OPTION_quiet] || run->session->options.given[OPTION_json]) return;
    fprintf(stderr, "%s: %u groups, %" PRIu64 " trainable parameters; %u training samples", m->name, m->n_groups,
            model_trainables(m), run->data->train.count);
    if (run->data->test.count) fprintf(stderr, ", %u test samples", run->data->test.count);
    uint32_t count = run->data->train.count,
             batch = m->train.batch && m->train.batch < count ? m->train.batch : count;
    fprintf(stderr, "; %" PRIu64 " steps of %u\nrun folder: %s\n", at.steps, batch, record_folder(run->record));
    if (at.step) fprintf(stderr, "going on at step %" PRIu64 "\n", at.step);
}

static bool open_run(struct run *run)
{
    struct session *session = run->session;
    if (session->options.given[OPTION_resume] && !manifest_resume(session)) return false;
    run->model = read_model(session, &session->options.file[0], &run->times, &run->source);
    session_messages(session);
    if (!run->model) return false;
    bool compiled = run->model->trains && !session->options.interpreter;
    struct preload preload = compiled ? preload_begin() : (struct preload){0};
    run->data = read_data(session, run->model);
    preload_end(&preload);
    return run->data && open_module(run);
}

/* ---- during the run ---- */

static void remember(struct run *run, const struct moment *moment)
{
    struct moment *last = &run->last[moment->test];
    last->test = moment->test;
    for (uint32_t i = 0; i < moment->n; i++) moment_set(last, &moment->reading[i]);
}

/* What stands in metrics.jsonl is the whole of it; a table of thousands of rows would be no help. */
static void show(struct run *run, const struct moment *moment, uint32_t n)
{
    struct train_state at = run->trainer ? trainer_state(run->trainer) : (struct train_state){0};
    progress_clear(&run->progress);
    if (run->session->options.given[OPTION_json] || run->session->options.given[OPTION_quiet]) return;
    if (!run->trainer || observer_shown(run->observer, &at, TABLE_ROWS))
        table_row(&run->table, stdout, moment, n);
    else
        table_skip(&run->table, stdout);
}

static bool record_moments(struct run *run, const struct moment *moment, uint32_t n)
{
    const struct options *o = &run->session->options;
    for (uint32_t i = 0; i < n; i++) {
        if (run->record && !record_moment(run->record, run->session->diag, &moment[i])) return false;
        if (o->given[OPTION_json]) {
            char *line = record_line(&moment[i]);
            if (line) puts(line);
            free(line);
        }
        remember(run, &moment[i]);
    }
    show(run, moment, n);
    return true;
}

/* A whole run of nothing measures at progress 1; a step k of steps at k / steps. */
static bool measure(struct run *run)
{
    struct train_state at = trainer_state(run->trainer);
    struct moment moment[2];
    uint32_t n;
    double progress = at.steps ? (double)at.step / (double)at.steps : 1;
    if (!observer_due(run->observer, &at)) return true;
    if (!trainer_check(run->trainer)) return diverged(run);
    if (!observe(run->observer, &at, progress, false, trainer_parameters(run->trainer), run->trainer, moment, &n))
        return false;
    double spent = run->train - run->train_at_measured;
    if (at.samples > run->samples_before && spent > 0)
        moment_add(&moment[0], "samples_per_second", (double)(at.samples - run->samples_before) / spent);
    run->samples_before = 0;
    run->train_at_measured = run->train;
    trainer_clear_loss(run->trainer);
    return record_moments(run, moment, n);
}

static bool step(struct run *run)
{
    double start = seconds();
    bool good = trainer_step(run->trainer);
    double now = seconds();
    run->train += now - start;
    if (!run->first_step) run->first_step = now - run->session->began;
    return good || diverged(run);
}

static bool keep_checkpoint(struct run *run)
{
    return seconds() - run->since < checkpoint_seconds || save(run);
}

/* Steps until the end or a signal; the caller looks which. Measurements happen at a step's number, before that step. */
static bool train(struct run *run)
{
    uint64_t first = trainer_state(run->trainer).step, samples = 0;
    run->samples_before = trainer_state(run->trainer).samples;
    run->since = seconds();
    run->saved = first;
    run->progress = progress_begin(
        run->session->options.given[OPTION_quiet] || run->session->options.given[OPTION_json], first);
    if (first == 0 && !measure(run)) return false;
    for (struct train_state at = trainer_state(run->trainer); at.step < at.steps && !session_interrupted();) {
        uint64_t before = at.samples;
        if (!step(run)) return false;
        at = trainer_state(run->trainer);
        samples += at.samples - before;
        if (!measure(run) || !keep_checkpoint(run)) return false;
        at = trainer_state(run->trainer);
        progress_show(&run->progress, at.step, at.steps, at.steps_per_epoch, samples);
    }
    progress_clear(&run->progress);
    return true;
}

/* ---- at the end ---- */

static bool write_weights(struct run *run)
{
    const struct data *data = run->data;
    struct arena *arena = run->session->arena;
    struct extra_tensor *extra = arena_alloc(arena, (2 * (size_t)data->n_groups + 1) * sizeof *extra);
    uint32_t n = 0;
    for (uint32_t g = 0; g < data->n_groups; g++) {
        if (!data->scale[g]) continue;
        extra[n++] = (struct extra_tensor){arena_printf(arena, "scale.%s", data->group[g].name), data->scale[g],
                                           data->group[g].size};
        extra[n++] = (struct extra_tensor){arena_printf(arena, "offset.%s", data->group[g].name), data->offset[g],
                                           data->group[g].size};
    }
    char *path = file_join(record_folder(run->record), "weights.safetensors");
    bool written = weights_write(run->session->diag, path, run->module, trainer_parameters(run->trainer), extra, n);
    free(path);
    return written;
}

/* A run that its numbers ended leaves the last good weights. Where the machine failed, writing would fail again. */
static void rescue(struct run *run)
{
    struct diag *diag = run->session->diag;
    if (diag_status(diag) != 1 || !trainer_check(run->trainer) || !write_weights(run)) return;
    diag_note(diag, (struct span){0}, "the weights after step %" PRIu64 " are kept in %s/weights.safetensors",
              trainer_state(run->trainer).step, record_folder(run->record));
    diag_note(diag, (struct span){0}, "the checkpoint is that of step %" PRIu64, run->saved);
}

static void print_summary(const struct run *run)
{
    struct text laws = {0};
    laws_json(run->observer, run->model, &laws);
    summary_print(&(struct summary){.moment = run->last,
                                    .times = run->times,
                                    .first_step = run->first_step,
                                    .train = run->train,
                                    .measure = observer_seconds(run->observer),
                                    .data = run->data->seconds,
                                    .total = seconds() - run->session->began,
                                    .steps = run->trainer ? trainer_state(run->trainer).step : 0,
                                    .parameters = model_trainables(run->model),
                                    .folder = record_folder(run->record),
                                    .laws = laws.data});
    text_fini(&laws);
}

/* What it all came to, and what measuring cost of it. */
static void conclude(const struct run *run, int signal)
{
    double measuring = observer_seconds(run->observer), all = seconds() - run->session->began;
    laws_print(run->observer, run->model, stderr);
    fprintf(stderr,
            "%s after step %" PRIu64
            ": %.2f s training, %.2f s measuring (%.0f %% of the run), %.2f s compiling; weights in "
            "%s/weights.safetensors\n",
            signal ? "interrupted" : "done", trainer_state(run->trainer).step, run->train, measuring,
            100 * measuring / all, run->times.passes + run->times.codegen, record_folder(run->record));
}

static int finish(struct run *run)
{
    struct train_state at = trainer_state(run->trainer);
    const struct options *o = &run->session->options;
    int signal = at.step < at.steps ? session_interrupted() : 0;
    struct convergence convergence = trainer_convergence(run->trainer);
    convergence_warn(&convergence, run->session->diag, (struct span){0}, &run->model->ensemble, "in training");
    if (!save(run)) {
        rescue(run);
        return 0;
    }
    if (!write_weights(run)) return 0;
    if (o->given[OPTION_json])
        print_summary(run);
    else if (!o->given[OPTION_quiet])
        conclude(run, signal);
    if (signal) fprintf(stderr, "go on with: nnt run --resume %s\n", record_folder(run->record));
    return signal ? 128 + signal : 0;
}

/* A file with nothing to train is measured, once, at the end of its schedule. */
static int only_measure(struct run *run)
{
    const struct options *o = &run->session->options;
    struct diag *diag = run->session->diag;
    struct train_state at = {0};
    struct moment moment[2];
    uint32_t n;
    if (o->given[OPTION_resume]) {
        diag_input(diag, o->value[OPTION_resume].at, "bad-run",
                   "the run in '%s' trained nothing, so that there is nothing to go on with",
                   o->value[OPTION_resume].text);
        return 0;
    }
    if (!open_observer(run)) return 0;
    const double *parameters = observer_start(run->observer, run->model->train.seed);
    if (!parameters) return 0;
    run->record =
        record_open(diag, o->given[OPTION_out] ? o->value[OPTION_out].text : NULL, run->model->name, false, 0);
    if (!run->record ||
        !record_run(run->record, diag, manifest_text(run->session, run->model, run->source, &run->times)))
        return 0;
    if (!observe(run->observer, &at, 1, true, parameters, NULL, moment, &n) || !record_moments(run, moment, n))
        return 0;
    if (o->given[OPTION_json]) print_summary(run);
    return 0;
}

/* The pictures last: where they cannot be written, everything else is. */
static void write_report(struct run *run, const char *folder)
{
    const struct options *o = &run->session->options;
    bool written = report_write(run->session->diag, run->session->arena, folder);
    if (written && !o->given[OPTION_json] && !o->given[OPTION_quiet])
        fprintf(stderr, "pictures in %s/report.html\n", folder);
}

/* What was measured before its numbers ended training is still drawn. Where the machine failed, writing would fail again. */
static void close_record(struct run *run)
{
    int status = diag_status(run->session->diag);
    if (status > 1 || (status && !run->trainer)) {
        record_abandon(run->record);
        return;
    }
    const char *folder = arena_printf(run->session->arena, "%s", record_folder(run->record));
    if (record_close(run->record, run->session->diag)) write_report(run, folder);
}

static void close_run(struct run *run)
{
    if (run->observer) observer_warn(run->observer);
    if (run->record) close_record(run);
    observer_free(run->observer);
    if (run->trainer) trainer_warn(run->trainer, run->session->diag);
    trainer_free(run->trainer);
    release_module(run->free_energy);
    release_module(run->module);
    data_free(run->data);
    text_fini(&run->ledgers);
}

int cmd_run(struct session *session)
{
    struct run run = {.session = session, .table.width = terminal_width(STDOUT_FILENO)};
    int status = 0;
    session_catch_signals();
    if (open_run(&run)) {
        if (!run.model->trains)
            status = only_measure(&run);
        else if (open_trainer(&run) && open_observer(&run) && take_ledgers(&run) && open_record(&run)) {
            introduce(&run);
            if (train(&run))
                status = finish(&run);
            else
                rescue(&run);
        }
    }
    close_run(&run);
    return status;
}
