/* model.c: the checked experiment: lookup, counts, dump. */
#include "lang/model.h"

#include <math.h>
#include <string.h>

uint32_t model_group(const struct model *model, const char *name)
{
    for (uint32_t g = 0; g < model->n_groups; g++)
        if (!strcmp(model->group[g].name, name) || !strcmp(model->group[g].shown, name)) return g;
    return NNT_NONE;
}

uint64_t model_trainables(const struct model *model)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < model->n_parameters; i++) {
        const struct parameter *p = &model->parameter[i];
        uint64_t diagonal = p->hollow ? (p->rows < p->columns ? p->rows : p->columns) : 0;
        if (!p->frozen) count += (uint64_t)p->rows * p->columns - diagonal;
    }
    return count;
}

const char *model_variable(void *model, const struct expr *variable)
{
    const struct model *m = model;
    const char *group = variable->index < m->n_groups ? m->group[variable->index].shown : "?";
    uint32_t derived = variable->index - m->data.n_fields;
    switch ((enum variable)variable->op) {
    case VAR_Z:
        return "z";
    case VAR_S:
        return "s";
    case VAR_STATE:
        return group;
    case VAR_TARGET:
        return arena_printf(m->arena, "target(%s)", group);
    case VAR_PREDICTION:
        return arena_printf(m->arena, "prediction(%s)", group);
    case VAR_STATE_Z:
        return arena_printf(m->arena, "z(%s)", group);
    case VAR_PREDICTION_Z:
        return arena_printf(m->arena, "z(prediction(%s))", group);
    case VAR_PROGRESS:
        return "progress";
    case VAR_FIELD:
        return variable->index < m->data.n_fields ? m->data.field[variable->index]
                                                  : arena_printf(m->arena, "derived[%u]", derived);
    case VARIABLES:
        break;
    }
    BUG("no variable %d", variable->op);
}

/* ---- dump ---- */

static void dump_expr(const struct model *m, const char *what, const struct expr *e, struct text *out)
{
    if (!e) return;
    text_add(out, "%s", what);
    expr_print(e, model_variable, (void *)(uintptr_t)m, out);
}

static void dump_number(const char *what, double value, struct text *out)
{
    char number[32];
    text_number(value, number);
    text_add(out, "%s%s", what, number);
}

static void dump_group(const struct model *m, const struct group *g, struct text *out)
{
    static const char *const initial = "group ";
    text_add(out, "%s%s %u", initial, g->shown, g->size);
    if (g->rank > 1) {
        text_add(out, " [");
        for (uint32_t i = 0; i < g->rank; i++) text_add(out, "%s%u", i ? ", " : "", g->extent[i]);
        text_add(out, "]");
    }
    text_add(out, "%s%s%s%s%s", g->input ? " input" : "", g->output ? " output" : "",
             g->clamped ? " clamped" : " free", g->in_R ? " R" : "", g->group_map ? " group_map" : "");
    if (g->rows) text_add(out, " rows %u", g->rows);
    if (g->rows && g->output) text_add(out, " from %u", g->first_tick);
    dump_expr(m, " activation ", g->activation, out);
    dump_expr(m, " potential ", g->potential, out);
    text_add(out, "\n");
}

static const char *const initialisers[] = {
#define INITIALISER(name, ...) #name,
#include "runtime/train/initialisers.def"
#undef INITIALISER
};
static const char *const optimizers[] = {
#define OPTIMIZER(name, ...) #name,
#include "lang/optimizers.def"
#undef OPTIMIZER
};
static const char *const sources[] = {
#define SOURCE(name, ...) #name,
#include "runtime/data/sources.def"
#undef SOURCE
};
static const char *const measures[] = {
#define MEASURE(name, ...) #name,
#include "runtime/thermo/measures.def"
#undef MEASURE
};

static void dump_parameter(const struct parameter *p, struct text *out)
{
    text_add(out, "parameter %s [%u, %u] %s(", p->name, p->rows, p->columns, initialisers[p->initialiser]);
    dump_number("", p->argument[0], out);
    dump_number(", ", p->argument[1], out);
    text_add(out, ") fan %u %u%s%s\n", p->fan_in, p->fan_out, p->frozen ? " frozen" : "",
             p->hollow ? " hollow" : "");
}

static void dump_dynamics(const struct dynamics_spec *d, struct text *out)
{
    if (d->which == DYNAMICS_FEEDFORWARD) text_add(out, "feedforward");
    if (d->which == DYNAMICS_TICKS) text_add(out, "ticks %u", d->ticks);
    if (d->which == DYNAMICS_SETTLE) {
        dump_number("settle tolerance ", d->tolerance, out);
        text_add(out, " most %u", d->ticks);
    }
}

static void dump_network(const struct model *m, struct text *out)
{
    text_add(out, "network %s\n", m->name);
    for (uint32_t i = 0; i < m->n_groups; i++) dump_group(m, &m->group[i], out);
    for (uint32_t i = 0; i < m->n_blocks; i++) {
        const struct block *b = &m->block[i];
        text_add(out, "block %s -> %s by %s%s\n", m->group[b->from].shown, m->group[b->to].shown,
                 m->parameter[b->parameter].name, b->transposed ? " transposed" : "");
    }
    for (uint32_t i = 0; i < m->n_parameters; i++) dump_parameter(&m->parameter[i], out);
    text_add(out, "dynamics ");
    dump_dynamics(&m->dynamics, out);
    text_add(out, "\norder");
    for (uint32_t i = 0; i < m->n_groups; i++) text_add(out, " %s", m->group[m->order[i]].shown);
    text_add(out, "\ntrainables %llu\n", (unsigned long long)model_trainables(m));
    for (uint32_t i = 0; i < m->n_terms; i++) {
        text_add(out, "loss %s: ", m->term[i].group == NNT_NONE ? "-" : m->group[m->term[i].group].shown);
        dump_expr(m, "", m->term[i].value, out);
        text_add(out, "\n");
    }
}

static void dump_source(const char *what, const struct source_spec *s, struct text *out)
{
    text_add(out, "%s %s", what, sources[s->which]);
    for (uint32_t i = 0; i < s->n_files; i++)
        text_add(out, " %s \"%s\"", s->field ? s->field[i] : "file", s->path[i]);
    for (size_t i = 0; !s->field && i < LENGTH(s->number); i++) dump_number(" ", s->number[i], out);
    text_add(out, "\n");
}

static const char *const derivations[] = {"one_hot", "number",   "standardize", "minmax",
                                          "slice",   "shuffled", "columns"};

static void dump_pick(const struct column_pick *pick, struct text *out)
{
    if (pick->name)
        text_add(out, " \"%s\"", pick->name);
    else
        text_add(out, " %u..%u", pick->from, pick->to);
}

static void dump_data(const struct model *m, struct text *out)
{
    const struct data_spec *d = &m->data;
    if (!d->present) return;
    dump_source("train", &d->train, out);
    if (d->has_test) dump_source("test", &d->test, out);
    dump_number("holdout ", d->holdout, out);
    text_add(out, " seed %llu\n", (unsigned long long)d->seed);
    for (uint32_t i = 0; i < d->n_derived; i++) {
        text_add(out, "derived[%u] %s", i, derivations[d->derived[i].which]);
        for (uint32_t j = 0; j < d->derived[i].n_arguments; j++)
            dump_expr(m, j ? ", " : " ", d->derived[i].argument[j], out);
        if (d->derived[i].which == DERIVED_SLICE) text_add(out, " %u..%u", d->derived[i].from, d->derived[i].to);
        for (uint32_t j = 0; j < d->derived[i].n_picks; j++) dump_pick(&d->derived[i].pick[j], out);
        text_add(out, "\n");
    }
    for (uint32_t i = 0; i < d->n_bindings; i++) {
        text_add(out, "%s =", d->binding[i].shown);
        dump_expr(m, " ", d->binding[i].value, out);
        text_add(out, "%s\n", d->binding[i].scaled ? " scaled" : "");
    }
}

static void dump_ensemble(const struct model *m, struct text *out)
{
    const struct ensemble_spec *e = &m->ensemble;
    if (e->inferred)
        text_add(out, "temperature inferred");
    else
        dump_expr(m, "temperature ", e->temperature, out);
    text_add(out, " reference %s hessian %s", e->relaxed ? "relaxed" : "forward",
             e->full ? "full" : "gauss_newton");
    dump_number(" relaxation ", e->relax_tolerance, out);
    text_add(out, " most %u", e->relax_most);
    if (e->lanczos) text_add(out, " lanczos probes %u order %u", e->probes, e->order);
    text_add(out, "%s\n", m->ensemble_proper ? "" : " no ensemble");
}

static void dump_term(const struct model *m, const char *name, const struct expr *coefficient, struct text *out)
{
    text_add(out, " %s", name);
    dump_expr(m, " * ", coefficient, out);
}

static void dump_train(const struct model *m, struct text *out)
{
    const struct optimizer_spec *o = &m->optimizer;
    if (!m->trains) {
        text_add(out, "trains nothing\n");
        return;
    }
    text_add(out, "minimize");
    if (m->minimizes_boundary) dump_term(m, "boundary", m->train.boundary, out);
    if (m->minimizes_bulk) dump_term(m, "bulk", m->train.bulk, out);
    if (m->minimizes_free_energy) dump_term(m, "free_energy", m->train.free_energy, out);
    text_add(out, "\noptimizer %s rate ", optimizers[o->which]);
    dump_expr(m, "", m->train.rate, out);
    dump_number(" momentum ", o->momentum, out);
    dump_number(" beta ", o->beta1, out);
    dump_number(" ", o->beta2, out);
    dump_number(" epsilon ", o->epsilon, out);
    dump_number(" rho ", o->rho, out);
    dump_number(" decay ", o->decay, out);
    dump_number(" clip ", o->clip, out);
    text_add(out, "%s\nbatch %u epochs %llu steps %llu shuffle %s seed %llu\n", o->nesterov ? " nesterov" : "",
             m->train.batch, (unsigned long long)m->train.epochs, (unsigned long long)m->train.steps,
             m->train.shuffle ? "true" : "false", (unsigned long long)m->train.seed);
}

static void dump_measure(const struct measure_spec *s, struct text *out)
{
    static const char *const when[] = {"epochs", "steps", "times", "logarithmic", "end"};
    text_add(out, "measure %s %llu", when[s->when], (unsigned long long)s->every);
    if (s->from > 0) dump_number(" from ", s->from, out);
    text_add(out, " probe %u of %s {", s->probe, s->of_test ? "test" : "train");
    for (int i = 0; i < MEASURES; i++)
        if (s->asked & 1u << i) text_add(out, " %s", measures[i]);
    text_add(out, " }\n");
}

void model_dump(const struct model *model, struct text *out)
{
    dump_network(model, out);
    dump_data(model, out);
    dump_ensemble(model, out);
    dump_train(model, out);
    for (uint32_t i = 0; i < model->n_measures; i++) dump_measure(&model->measure[i], out);
}
