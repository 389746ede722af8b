/* check_run.c: the train block: words and arguments against the tables, the optimizer, what is trained. */
#include "lang/check.h"

#include <math.h>
#include <string.h>

static const double MOST_SEED = 9007199254740992.0;

/* ---- optimizers ---- */

static const struct {
    const char *name, *arguments;
    bool supported;
} optimizers[] = {
#define OPTIMIZER(name, arguments, moments, supported, formula) {#name, arguments, supported},
#include "lang/optimizers.def"
#undef OPTIMIZER
};

static int find_optimizer(const struct scope *s, const struct ast *e)
{
    struct choice choice = {0};
    for (size_t i = 0; i < LENGTH(optimizers); i++) {
        if ((e->kind == AST_NAME || e->kind == AST_CALL) && !strcmp(optimizers[i].name, e->text)) return (int)i;
        choice_add(s->c, &choice, optimizers[i].name);
    }
    if (e->kind == AST_ERROR) return -1;
    mistake(s, name_of(e), "unknown-word", "unknown optimizer%s%s%s", e->text[0] ? " '" : "", e->text,
            e->text[0] ? "'" : "");
    suggest(s->c, e->text, &choice);
    return -1;
}

static double below_one(const struct scope *s, const struct argument *a, bool *ok)
{
    double value = argument_number(s, a, 0, 1, ok);
    if (*ok && value >= 1) {
        mistake(s, a->given->span, "out-of-range", "%s must be below 1", a->name);
        *ok = false;
    }
    return value;
}

static void set_argument(const struct scope *s, const struct argument *a, struct optimizer_spec *o, bool *ok)
{
    struct checker *c = s->c;
    double value;
    if (!strcmp(a->name, "rate")) {
        const struct expr *rate = a->given ? check_schedule(s, a->given, "the rate", 0, true) : NULL;
        if (rate)
            c->m->train.rate = rate;
        else if (a->given)
            *ok = false;
        else
            c->m->train.rate = expr_number(c->m->pool, text_to_number(a->fallback, &value) ? value : 0);
    } else if (!strcmp(a->name, "nesterov")) {
        if (a->given && !constant_truth(s, a->given, "nesterov", &o->nesterov)) *ok = false;
    } else if (!strcmp(a->name, "momentum"))
        o->momentum = below_one(s, a, ok);
    else if (!strcmp(a->name, "beta1"))
        o->beta1 = below_one(s, a, ok);
    else if (!strcmp(a->name, "beta2"))
        o->beta2 = below_one(s, a, ok);
    else if (!strcmp(a->name, "rho"))
        o->rho = below_one(s, a, ok);
    else if (!strcmp(a->name, "epsilon"))
        o->epsilon = argument_number(s, a, 1e-30, 1, ok);
    else if (!strcmp(a->name, "decay"))
        o->decay = argument_number(s, a, 0, HUGE_VAL, ok);
    else if (!strcmp(a->name, "clip"))
        o->clip = argument_number(s, a, 0, HUGE_VAL, ok);
    else
        BUG("no optimizer knows '%s'", a->name);
}

static void check_optimizer(const struct scope *s, const struct ast *e)
{
    struct argument a[MOST_SETTINGS];
    uint32_t n;
    int row = find_optimizer(s, e);
    if (row < 0) return;
    struct optimizer_spec *o = &s->c->m->optimizer;
    *o = (struct optimizer_spec){.which = (enum optimizer)row};
    bool ok =
        match_arguments(s, e, arena_printf(s->c->arena, "%s decay=0 clip=0", optimizers[row].arguments), a, &n);
    for (uint32_t i = 0; ok && i < n; i++) set_argument(s, &a[i], o, &ok);
    if (ok && !optimizers[row].supported)
        refuse_named(s->c, arena_printf(s->c->arena, "optimizer %s", optimizers[row].name), name_of(e));
}

/* A coefficient in what is minimised; NULL where it is 1. */
static const struct expr *coefficient(const struct checker *c, enum objective which)
{
    const struct expr *k = c->coefficient[which];
    return k && expr_is_number(k) && k->number == 1 ? NULL : k;
}

/* ---- train ---- */

static void check_batch(const struct scope *s, const struct ast *e)
{
    uint64_t batch;
    if (named(e, AST_NAME, "all"))
        s->c->m->train.batch = 0;
    else if (constant_whole(s, e, "batch", 1, UINT32_MAX, &batch))
        s->c->m->train.batch = (uint32_t)batch;
}

static void check_epochs(const struct scope *s, const struct ast *e)
{
    (void)constant_whole(s, e, "epochs", 1, 1e12, &s->c->m->train.epochs);
}

static void check_steps(const struct scope *s, const struct ast *e)
{
    (void)constant_whole(s, e, "steps", 1, 1e12, &s->c->m->train.steps);
}

static void check_shuffle(const struct scope *s, const struct ast *e)
{
    (void)constant_truth(s, e, "shuffle", &s->c->m->train.shuffle);
}

static void check_seed(const struct scope *s, const struct ast *e)
{
    (void)constant_whole(s, e, "the seed", 0, MOST_SEED, &s->c->m->train.seed);
}

static const struct {
    const char *word;
    void (*check)(const struct scope *s, const struct ast *e);
} settings[] = {
    {"minimize", check_objective}, {"optimizer", check_optimizer}, {"batch", check_batch}, {"epochs", check_epochs},
    {"steps", check_steps},        {"shuffle", check_shuffle},     {"seed", check_seed},
};
enum { MINIMIZE = 0, EPOCHS = 3, STEPS = 4 };

static void check_train_block(const struct scope *s, const struct ast *given[LENGTH(settings)])
{
    const struct ast *block = s->c->train.node;
    for (uint32_t i = 0; block && i < block->n_children; i++) {
        const struct ast *statement = block->child[i];
        bool known = false;
        for (size_t j = 0; statement->kind == AST_SETTING && j < LENGTH(settings); j++) {
            if (strcmp(settings[j].word, statement->text)) continue;
            known = true;
            if (given[j])
                mistake(s, name_of(statement), "duplicate-name", "%s is given a second time", statement->text);
            else
                settings[j].check(s, statement->child[0]);
            given[j] = statement;
        }
        if (!known) s->c->train_unknown = true;
    }
    if (given[EPOCHS] && given[STEPS])
        mistake(s, name_of(given[STEPS]), "duplicate-name", "epochs and steps; at most one of these was expected");
}

static bool in_doubt(const struct checker *c)
{
    return c->doubt_groups || c->doubt_boundary || c->doubt_blocks || c->doubt_loss;
}

/* Whether there is anything to train, and a note or message where there is not. */
static void decide_training(const struct scope *s)
{
    struct checker *c = s->c;
    struct model *m = c->m;
    const struct ast *block = c->train.node;
    m->minimizes_boundary = m->loss && (c->minimizes[OBJECTIVE_BOUNDARY] || !c->minimizes_given);
    m->minimizes_bulk = c->minimizes[OBJECTIVE_BULK];
    m->minimizes_free_energy = c->minimizes[OBJECTIVE_FREE_ENERGY];
    m->trains = m->minimizes_boundary || m->minimizes_bulk || m->minimizes_free_energy;
    if (in_doubt(c) || c->train_unknown || !m->trains) return;
    if (model_trainables(m)) return;
    m->trains = m->minimizes_boundary = m->minimizes_bulk = m->minimizes_free_energy = false;
    if (block)
        mistake(s, name_of(block), "nothing-to-train", "the network has no weight or bias that is not frozen");
    else
        left_out(c, m->group[0].at, "the network has no weight or bias that is not frozen: nothing is trained");
}

void note_no_effect(struct checker *c)
{
    if (!c->m->data.present && c->m->data.n_groups)
        left_out(c, name_of(c->network.node),
                 "the file has no data block: the network can be compiled, but neither trained nor measured");
    if (c->relaxation_at.source && !is_relaxed(c) && !mistaken(c))
        diag_warn(c->diag, c->relaxation_at, "no-effect", "nothing is relaxed: %s",
                  count_free(c->m) ? "neither 'reference relaxed' nor 'minimize bulk' is given"
                                   : "every neuron is clamped");
}

void check_train(struct checker *c)
{
    struct scope s = scope_of(c, PLACE_CONSTANT, c->train.symbols);
    const struct ast *given[LENGTH(settings)] = {0};
    struct model *m = c->m;
    m->train = (struct train_options){
        .rate = expr_number(m->pool, 0.001), .batch = 32, .epochs = 10, .shuffle = true, .seed = 1};
    m->optimizer = (struct optimizer_spec){.which = OPTIMIZER_adam, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8};
    check_train_block(&s, given);
    m->train.boundary = coefficient(c, OBJECTIVE_BOUNDARY);
    m->train.bulk = coefficient(c, OBJECTIVE_BULK);
    m->train.free_energy = coefficient(c, OBJECTIVE_FREE_ENERGY);
    m->train.temperature = m->ensemble.temperature;
    m->data.noise_seed = m->train.seed;
    decide_training(&s);
}
