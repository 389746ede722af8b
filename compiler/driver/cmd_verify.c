/* cmd_verify.c: verify: the instrument checks itself on the user's own network. */
#include <math.h>
#include <stdio.h>

#include <jansson.h>

#include "compiler/driver/compile.h"
#include "compiler/driver/given.h"
#include "compiler/driver/verify.h"
#include "runtime/base/random.h"

enum { SAMPLES = 5 };
static const size_t MOST_DATA = (size_t)4 << 30;
static const double BETA_STEP = 1e-3, MOVED = 0.3;

/* What the interpreter is compared with. */
static const struct engine {
    const char *name;
    struct job job;
    double tolerance;
} engines[] = {
    {"jit plain f64", {.real_bytes = 8, .plain = true}, 1e-10},
    {"jit f64", {.real_bytes = 8}, 1e-10},
    {"object f64", {.real_bytes = 8, .standalone = true}, 1e-10},
    {"interpreter f32", {.real_bytes = 4, .interpreter = true}, 1e-4},
    {"jit f32", {.real_bytes = 4}, 1e-4},
    {"object f32", {.real_bytes = 4, .standalone = true}, 1e-4},
};

struct verifying {
    struct session *session;
    struct model *model;
    struct times times;
    const struct nnt_module *reference; /* the interpreter in float64, the graph as built */
    struct exercise start;              /* its slabs: the numbers that everything begins with */
    double beta;
    struct gaussian *expected;                  /* by sample; NULL: there is no proper ensemble */
    const char *inputs, *weights, *no_ensemble; /* in words; why there is none */
    struct findings findings;
};

/* ---- the numbers to begin with ---- */

/* Both precisions begin with the same numbers. */
static void round_slab(struct exercise *x, enum nnt_slab slab)
{
    for (uint32_t f = 0; f < x->module->n_fields; f++)
        if (x->module->field[f].slab == slab)
            for (uint64_t e = 0, n = exercise_size(x, &x->module->field[f]); e < n; e++)
                exercise_set(x, &x->module->field[f], e, (float)exercise_get(x, &x->module->field[f], e));
}

/* Weights that begin as zeros or identities would test little: each is moved, but for what is frozen or no weight at all. */
static void move_weights(struct verifying *v, uint64_t seed)
{
    const struct nnt_module *m = v->reference;
    for (uint32_t p = 0; p < m->n_parameters; p++) {
        const struct nnt_field *f = &m->field[m->parameter[p].field];
        struct random random = random_stream(seed, RANDOM_PROBE, p, 2);
        double scale =
            MOVED / sqrt(m->parameter[p].is_weight && m->parameter[p].fan_in ? m->parameter[p].fan_in : 1);
        for (uint64_t e = 0, n = exercise_size(&v->start, f); m->parameter[p].gradient != NNT_NONE && e < n; e++) {
            bool none = v->model->parameter[p].hollow && e / f->extent[1] == e % f->extent[1];
            if (!none)
                exercise_set(&v->start, f, e, exercise_get(&v->start, f, e) + scale * random_normal(&random));
        }
    }
}

static bool set_weights(struct verifying *v)
{
    const struct options *o = &v->session->options;
    init_parameters(v->reference, v->model->train.seed, v->start.call.slab[NNT_PARAMETERS]);
    if (o->given[OPTION_weights]) {
        v->weights = o->value[OPTION_weights].text;
        if (!given_weights(v->session, v->model, v->reference, v->start.call.slab[NNT_PARAMETERS])) return false;
    } else {
        v->weights = "the file's initial weights, each moved a little";
        move_weights(v, v->model->train.seed);
    }
    round_slab(&v->start, NNT_PARAMETERS);
    return true;
}

/* What an aside collected, as the arena's text, and the end of it. */
static const char *why_not(struct verifying *v, struct diag *aside)
{
    const char *text = diag_first_error(aside);
    const char *kept = text ? arena_printf(v->session->arena, "%s", text) : NULL;
    diag_free(aside);
    return kept;
}

/* Sets v->inputs; NULL where there is no data, or it cannot be opened, which is no mistake here. */
static struct data *data_or_none(struct verifying *v)
{
    v->inputs = v->model->data.n_groups ? "random samples (the file has no data)" : "samples without data";
    if (!v->model->data.present || !v->model->data.n_groups) return NULL;
    struct data_spec spec;
    if (!given_constants(v->session, v->model, &spec)) return NULL;
    struct diag *aside = diag_aside(v->session->diag);
    struct data *data = data_open(aside, &spec, 8, MOST_DATA);
    const char *why = why_not(v, aside);
    v->inputs = data ? "samples of the training data"
                     : arena_printf(v->session->arena, "random samples (%s)", why ? why : "no data");
    return data;
}

static void set_data(struct verifying *v, const struct data *data)
{
    uint32_t which[SAMPLES], n = data_probe(data->train.count, SAMPLES, v->model->data.seed, which);
    for (uint32_t d = 0; d < data->n_groups; d++) {
        const struct nnt_field *f =
            &v->reference->field[v->reference->group[model_group(v->model, data->group[d].name)].data];
        uint64_t size = exercise_size(&v->start, f);
        double *values = arena_alloc(v->session->arena, (size + 1) * sizeof *values);
        data_gather(data, &data->train, d, which, n, values);
        for (uint64_t e = 0; e < size; e++) exercise_set(&v->start, f, e, values[e]);
    }
    round_slab(&v->start, NNT_DATA);
}

/* At the ensemble forward state itself free neurons have no error, and H little to say: they stand beside it. */
static void set_states(struct verifying *v)
{
    const struct nnt_module *m = v->reference;
    if (!m->entry[NNT_ENTRY_ensemble_forward]) return;
    exercise_run(&v->start, NNT_ENTRY_ensemble_forward);
    for (uint32_t g = 0; g < m->n_groups; g++) {
        struct random random = random_stream(v->model->train.seed, RANDOM_PROBE, g, 3);
        const struct nnt_field *f = &m->field[m->group[g].state];
        for (uint64_t e = 0, n = exercise_size(&v->start, f); !(m->group[g].flags & NNT_CLAMPED) && e < n; e++)
            exercise_set(&v->start, f, e, exercise_get(&v->start, f, e) + MOVED * random_normal(&random));
    }
    round_slab(&v->start, NNT_STATE);
}

/* The call's numbers as they are in the middle of training. */
static void set_numbers(struct verifying *v)
{
    const struct train_options *train = &v->model->train;
    double *number = v->start.call.number;
    if (train->rate) number[NNT_RATE] = expr_at_progress(train->rate, 0.5);
    number[NNT_BOUNDARY] = train->boundary ? expr_at_progress(train->boundary, 0.5) : 1;
    number[NNT_BULK] = train->bulk ? expr_at_progress(train->bulk, 0.5) : 1;
}

static bool open_start(struct verifying *v)
{
    struct data *data = data_or_none(v);
    if (diag_failed(v->session->diag)) return false;
    uint32_t batch = data && data->train.count < SAMPLES ? data->train.count : SAMPLES;
    v->start = exercise_open(v->reference, batch);
    exercise_draw(&v->start, v->model->train.seed);
    set_numbers(v);
    if (data) set_data(v, data);
    data_free(data);
    if (!set_weights(v)) return false;
    set_states(v);
    return true;
}

/* ---- the checks ---- */

/* All but what nothing here looks at. */
static const uint32_t entries = ((1u << NNT_ENTRIES) - 1) & ~(1u << NNT_ENTRY_pull | 1u << NNT_ENTRY_push |
                                                              1u << NNT_ENTRY_pull_push | 1u << NNT_ENTRY_descend);

static uint32_t entries_of(const struct engine *engine)
{
    uint32_t object =
        1u << NNT_ENTRY_forward | 1u << NNT_ENTRY_loss | 1u << NNT_ENTRY_gradient | 1u << NNT_ENTRY_step;
    return engine->job.standalone ? object : entries;
}

/* The start's data of each group in float64, or NULL for those without. */
static const double **data_of_start(const struct verifying *v)
{
    const double **data = arena_alloc(v->session->arena, (v->reference->n_groups + 1) * sizeof *data);
    for (uint32_t g = 0; g < v->reference->n_groups; g++) {
        uint32_t field = v->reference->group[g].data;
        data[g] = NULL;
        if (field == NNT_NONE) continue;
        uint64_t n = exercise_size(&v->start, &v->reference->field[field]);
        double *copy = arena_alloc(v->session->arena, (n + 1) * sizeof *copy);
        for (uint64_t e = 0; e < n; e++) copy[e] = exercise_get(&v->start, &v->reference->field[field], e);
        data[g] = copy;
    }
    return data;
}

/* The samples' Gaussians by a float64 module, or NULL where it has none or the ensemble is not proper at these weights (which goes to
 * v->no_ensemble). */
static struct gaussian *gaussians(struct verifying *v, const struct nnt_module *module, double beta)
{
    v->no_ensemble = "the file has no proper ensemble";
    if (!v->model->ensemble_proper || !module->entry[NNT_ENTRY_ensemble_forward] ||
        !module->entry[NNT_ENTRY_linearise])
        return NULL;
    uint32_t batch = v->start.call.batch;
    struct diag *aside = diag_aside(v->session->diag);
    struct ensemble *ensemble = ensemble_new(aside, v->model->ensemble_at, module, NULL, batch);
    struct gaussian *out = arena_alloc(v->session->arena, (batch + 1) * sizeof *out);
    struct exercise own = exercise_open(module, batch);
    exercise_copy(&own, &v->start);
    bool good = ensemble && ensemble_evaluate(ensemble, aside, own.call.slab[NNT_PARAMETERS], data_of_start(v),
                                              batch, beta, out);
    exercise_close(&own);
    ensemble_free(ensemble);
    v->no_ensemble = why_not(v, aside);
    return good ? out : NULL;
}

static bool check_engine(struct verifying *v, const struct engine *engine)
{
    struct job job = engine->job;
    job.entries = entries_of(engine);
    job.batch = v->start.call.batch;
    struct nnt_module *module = compile(v->session, v->model, &job, &v->times);
    if (!module) return false;
    verify_engine(&v->findings, engine->name, engine->tolerance, module, v->reference, &v->start);
    struct gaussian *got =
        v->expected && job.real_bytes == 8 && !job.standalone ? gaussians(v, module, v->beta) : NULL;
    if (got) verify_gaussians(&v->findings, engine->name, engine->tolerance, got, v->expected, v->start.call.batch);
    release_module(module);
    return true;
}

static void check_ensemble(struct verifying *v)
{
    if (!v->expected) return;
    const struct gaussian *less = gaussians(v, v->reference, v->beta * (1 - BETA_STEP)),
                          *more = gaussians(v, v->reference, v->beta * (1 + BETA_STEP));
    verify_complexity(&v->findings, v->reference, &v->start, v->expected);
    if (less && more) verify_energy(&v->findings, v->expected, less, more, v->beta, BETA_STEP, v->start.call.batch);
}

/* A state that settles or relaxes is off the point it tends to by its tolerance: differences ask for a smaller one. */
enum { DIFFERENCE_TURNS = 100000 };
static const double DIFFERENCE_SETTLED = 1e-13, DIFFERENCE_RELAXED = 1e-11;

static struct model finer_model(const struct verifying *v)
{
    struct model finer = *v->model;
    if (finer.dynamics.which == DYNAMICS_SETTLE) {
        finer.dynamics.tolerance = fmin(finer.dynamics.tolerance, DIFFERENCE_SETTLED);
        finer.dynamics.ticks = DIFFERENCE_TURNS;
    }
    finer.ensemble.relax_tolerance = fmin(finer.ensemble.relax_tolerance, DIFFERENCE_RELAXED);
    finer.ensemble.relax_most = DIFFERENCE_TURNS;
    return finer;
}

static bool check_differences(struct verifying *v, const struct model *finer)
{
    struct job job = {.interpreter = true, .real_bytes = 8, .entries = entries};
    const struct nnt_module *module = compile(v->session, finer, &job, &v->times);
    if (module) verify_derivatives(&v->findings, module, &v->start, v->model->train.seed);
    return module != NULL;
}

/* F as the file's ensemble has it, by the engine that measures it. */
static bool check_free_energy(struct verifying *v, const struct model *finer)
{
    uint32_t batch = v->start.call.batch;
    struct job job = {.real_bytes = 8,
                      .batch = batch,
                      .entries = 1u << NNT_ENTRY_ensemble_forward | 1u << NNT_ENTRY_linearise |
                                 1u << NNT_ENTRY_pull | 1u << NNT_ENTRY_push | 1u << NNT_ENTRY_pull_push};
    if (!v->expected || finer->ensemble.lanczos || !v->reference->trainables) return true;
    if (finer->ensemble.relaxed) job.entries |= 1u << NNT_ENTRY_relax;
    struct nnt_module *module = compile(v->session, finer, &job, &v->times);
    if (!module) return false;
    struct diag *aside = diag_aside(v->session->diag);
    struct ensemble *ensemble = ensemble_new(aside, v->model->ensemble_at, module, &finer->ensemble, batch);
    struct exercise own = exercise_open(module, batch);
    exercise_copy(&own, &v->start);
    if (ensemble)
        verify_free_energy(&v->findings, ensemble, aside, own.call.slab[NNT_PARAMETERS], data_of_start(v), batch,
                           1 / v->beta, v->model->train.seed);
    exercise_close(&own);
    ensemble_free(ensemble);
    diag_free(aside);
    release_module(module);
    return true;
}

static bool check_all(struct verifying *v)
{
    double T = expr_at_progress(v->model->ensemble.temperature, v->session->options.progress);
    v->beta = T > 0 && isfinite(T) ? 1 / T : 1;
    v->expected = gaussians(v, v->reference, v->beta);
    for (size_t e = 0; e < LENGTH(engines); e++)
        if (!check_engine(v, &engines[e])) return false;
    struct model finer = finer_model(v);
    if (!check_differences(v, &finer) || !check_free_energy(v, &finer)) return false;
    check_ensemble(v);
    return true;
}

/* ---- the table ---- */

static uint32_t count_broken(const struct findings *f)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < f->count; i++) n += !finding_holds(&f->finding[i]);
    return n;
}

static void print_table(const struct verifying *v)
{
    printf("%s: against the interpreter in float64, on %u %s, with %s\n", v->model->name, v->start.call.batch,
           v->inputs, v->weights);
    if (!v->expected) printf("the ensemble is not compared: %s\n", v->no_ensemble);
    printf("%-16s %-21s %9s %9s %9s %7s  %-6s  %s\n", "checked", "quantity", "largest", "tolerance", "compared",
           "skipped", "", "where");
    for (uint32_t i = 0; i < v->findings.count; i++) {
        const struct finding *f = &v->findings.finding[i];
        printf("%-16s %-21s %9.2g %9.0e %9llu %7llu  %-6s  %s\n", f->by, f->quantity, f->deviation, f->tolerance,
               (unsigned long long)f->compared, (unsigned long long)f->skipped, finding_holds(f) ? "ok" : "NOT OK",
               f->where);
    }
    uint32_t broken = count_broken(&v->findings);
    printf("%u of %u checks hold; skipped: elements with a kink nearby\n", v->findings.count - broken,
           v->findings.count);
}

static void print_json(const struct verifying *v)
{
    json_t *checks = json_array();
    for (uint32_t i = 0; i < v->findings.count; i++) {
        const struct finding *f = &v->findings.finding[i];
        json_array_append_new(checks,
                              json_pack("{s:s, s:s, s:f, s:f, s:I, s:I, s:b, s:s}", "by", f->by, "quantity",
                                        f->quantity, "largest", isfinite(f->deviation) ? f->deviation : 1e308,
                                        "tolerance", f->tolerance, "compared", (json_int_t)f->compared, "skipped",
                                        (json_int_t)f->skipped, "ok", finding_holds(f), "where", f->where));
    }
    json_t *all = json_pack("{s:s, s:i, s:s, s:s, s:b, s:b, s:o}", "network", v->model->name, "samples",
                            (int)v->start.call.batch, "inputs", v->inputs, "weights", v->weights, "ensemble",
                            v->expected != NULL, "ok", !count_broken(&v->findings), "checks", checks);
    json_dumpf(all, stdout, JSON_REAL_PRECISION(9));
    putchar('\n');
    json_decref(all);
}

static void report(struct verifying *v)
{
    uint32_t broken = count_broken(&v->findings);
    if (v->session->options.given[OPTION_json])
        print_json(v);
    else if (!v->session->options.given[OPTION_quiet])
        print_table(v);
    if (!broken) return;
    diag_machine(v->session->diag, (struct span){0}, "not-verified", "%u of %u checks do not hold on this network",
                 broken, v->findings.count);
    diag_hint(v->session->diag, "where only rows of f32 fail, this network needs --precision f64; else it is a "
                                "fault of nnt: please report it");
}

int cmd_verify(struct session *session)
{
    struct verifying v = {.session = session, .findings = {.arena = session->arena}};
    v.model = read_model(session, &session->options.file[0], &v.times, NULL);
    session_messages(session);
    if (!v.model) return 0;
    struct job job = {.entries = entries, .real_bytes = 8, .interpreter = true};
    v.reference = compile(session, v.model, &job, &v.times);
    if (v.reference && open_start(&v) && check_all(&v)) report(&v);
    if (v.start.module) exercise_close(&v.start);
    return 0;
}
