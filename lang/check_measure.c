/* check_measure.c: measure blocks: when, on which probe, what; and the default block. */
#include "lang/check.h"

#include <string.h>

static const struct {
    const char *name;
    enum measure_need need;
    bool supported;
} measures[] = {
#define MEASURE(name, needs, supported, section, help) {#name, NEED_##needs, supported},
#include "runtime/thermo/measures.def"
#undef MEASURE
};
_Static_assert(MEASURES <= 32, "measures are bits of a mask");

/* ---- when ---- */

static void check_every(const struct scope *s, const struct ast *when, struct measure_spec *m)
{
    static const char *const words[] = {"epoch", "epochs", "step", "steps"};
    const struct ast *unit = when->child[1];
    (void)constant_whole(s, when->child[0], "the period", 1, 1e12, &m->every);
    for (size_t i = 0; i < LENGTH(words); i++) {
        if (!named(unit, AST_NAME, words[i])) continue;
        m->when = i < 2 ? WHEN_EPOCHS : WHEN_STEPS;
        return;
    }
    if (!unit || unit->kind == AST_ERROR) return;
    mistake(s, unit->span, "unknown-word", "every so many '%s'; epochs or steps was expected", unit->text);
    (void)diag_did_you_mean(s->c->diag, unit->text, words, LENGTH(words));
}

static void check_times(const struct scope *s, const struct ast *when, struct measure_spec *m)
{
    static const char *const words[] = {"logarithmically"};
    const struct ast *how = when->n_children > 1 ? when->child[1] : NULL;
    m->when = how ? WHEN_LOGARITHMIC : WHEN_TIMES;
    (void)constant_whole(s, when->child[0], "the number of measurements", 1, 1e9, &m->every);
    if (!how || how->kind == AST_ERROR || named(how, AST_NAME, words[0])) return;
    mistake(s, how->span, "unknown-word", "'%s'; logarithmically or nothing was expected", how->text);
    (void)diag_did_you_mean(s->c->diag, how->text, words, 1);
}

static void check_from(const struct scope *s, const struct ast *from, struct measure_spec *m)
{
    if (!constant_number(s, from, "the progress to measure from", &m->from)) return;
    if (m->from >= 0 && m->from < 1) return;
    mistake(s, from->span, "out-of-range",
            "measurements begin at a progress of %g; a number from 0, and below 1, was expected", m->from);
    m->from = 0;
}

static void check_when(const struct scope *s, const struct ast *when, struct measure_spec *m)
{
    if (!when || when->kind != AST_WHEN) return;
    if (!strcmp(when->text, "every"))
        check_every(s, when, m);
    else if (!strcmp(when->text, "times"))
        check_times(s, when, m);
    else
        m->when = WHEN_END;
    if (when->n_children > 2) check_from(s, when->child[2], m);
}

/* ---- on which samples ---- */

static void check_probe(const struct scope *s, const struct ast *node, struct measure_spec *m)
{
    static const char *const words[] = {"train", "test"};
    struct checker *c = s->c;
    const struct ast *count = node->child[1], *split = node->child[2];
    uint64_t probe;
    if (count && constant_whole(s, count, "the number of samples", 1, UINT32_MAX - 1.0, &probe))
        m->probe = (uint32_t)probe;
    if (!split || split->kind == AST_ERROR) return;
    m->of_test = named(split, AST_NAME, "test");
    if (!m->of_test && !named(split, AST_NAME, "train")) {
        mistake(s, split->span, "unknown-word", "samples of '%s'; train or test was expected", split->text);
        (void)diag_did_you_mean(c->diag, split->text, words, LENGTH(words));
    } else if (m->of_test && !c->test_available && !c->test_unknown && c->data.node) {
        mistake(s, split->span, "no-test-data",
                "there is no test data; 'test SOURCE' or 'holdout SHARE' in the data block was expected");
    }
}

/* ---- what ---- */

static int find_measure(const struct scope *s, const struct ast *e)
{
    struct choice choice = {0};
    for (size_t i = 0; i < LENGTH(measures); i++) {
        if ((e->kind == AST_NAME || e->kind == AST_CALL) && !strcmp(measures[i].name, e->text)) return (int)i;
        choice_add(s->c, &choice, measures[i].name);
    }
    if (e->kind == AST_ERROR) return -1;
    if (e->kind == AST_NAME || e->kind == AST_CALL) {
        mistake(s, name_of(e), "unknown-word", "unknown measure '%s'", e->text);
        suggest(s->c, e->text, &choice);
    } else {
        mistake(s, e->span, "unknown-word", "the name of a measure was expected");
    }
    return -1;
}

static bool has_output(const struct model *m)
{
    for (uint32_t g = 0; g < m->n_groups; g++)
        if (m->group[g].output) return true;
    return false;
}

static bool has_error(const struct model *m)
{
    for (uint32_t g = 0; g < m->n_groups; g++)
        if (m->group[g].in_R) return true;
    return false;
}

/* A law compares a measurement with the one before. */
static const char *what_laws_lack(const struct checker *c, const struct measure_spec *spec)
{
    bool spread = spec->when == WHEN_TIMES || spec->when == WHEN_LOGARITHMIC;
    if (spec->when == WHEN_END || (spread && spec->every < 2))
        return "it compares two measurements, and this block makes one";
    if (!c->m->trains && !c->train_unknown)
        return "it compares two measurements, and nothing is trained between them";
    return NULL;
}

/* A derivative, or the eigenvalues. */
static bool needs_blocks(int which)
{
    return which == MEASURE_defect || which == MEASURE_grad_F || which == MEASURE_spectrum ||
           which == MEASURE_efficiency || which == MEASURE_first_law;
}

/* What must be there for a measure of a block; NULL where it is, or cannot be told. */
static const char *what_lacks(const struct checker *c, int which, const struct measure_spec *spec)
{
    const struct model *m = c->m;
    if (c->doubt_groups || c->doubt_boundary || c->doubt_blocks || c->doubt_loss || c->doubt_H) return NULL;
    if (c->m->ensemble.lanczos && needs_blocks(which)) return "it needs A in blocks, and ln det A is by Lanczos";
    if (which == MEASURE_first_law || which == MEASURE_second_law) return what_laws_lack(c, spec);
    if (which == MEASURE_loss && !c->has_loss && !has_error(m)) return "the network has no loss";
    if ((which == MEASURE_accuracy || which == MEASURE_rmse) && !has_output(m)) return "the network has no output";
    if (which == MEASURE_dynamics && !c->doubt_dynamics && !c->doubt_ensemble && !c->train_unknown &&
        m->dynamics.which != DYNAMICS_SETTLE && !is_relaxed(c))
        return "the state neither settles nor is relaxed";
    return NULL;
}

static void check_item(const struct scope *s, const struct ast *e, struct measure_spec *m)
{
    struct checker *c = s->c;
    struct argument a[MOST_SETTINGS];
    uint32_t n;
    int which = find_measure(s, e);
    bool ok = true;
    if (which < 0 || !match_arguments(s, e, which == MEASURE_efficiency ? "probes=32" : "", a, &n)) return;
    if (n) m->probes = (uint32_t)argument_whole(s, &a[0], 2, 1e6, &ok);
    const char *lacks = what_lacks(c, which, m);
    if (m->asked & 1u << which)
        mistake(s, e->span, "duplicate-name", "'%s' is asked for twice in this block", e->text);
    else if (lacks)
        mistake(s, e->span, "cannot-measure", "'%s' cannot be had: %s", e->text, lacks);
    else if (ok && !measures[which].supported)
        refuse_named(c, arena_printf(c->arena, "measure %s", measures[which].name), name_of(e));
    m->asked |= 1u << which;
    if (!c->kinks_at[which].source) c->kinks_at[which] = e->span;
    if (measures[which].need != NEED_ENSEMBLE) return;
    c->m->asks_ensemble = true;
    if (!c->ensemble_asked.source) c->ensemble_asked = e->span;
}

static void add_spec(struct checker *c, struct measure_spec spec)
{
    struct model *m = c->m;
    m->measure = arena_grow(c->arena, m->measure, m->n_measures, &c->spec_capacity, sizeof *m->measure);
    m->measure[m->n_measures++] = spec;
}

static void check_block(struct checker *c, const struct part *part)
{
    struct scope s = scope_of(c, PLACE_CONSTANT, part->symbols);
    struct measure_spec spec = {
        .at = name_of(part->node), .when = WHEN_EPOCHS, .every = 1, .probe = 512, .probes = 32};
    const struct ast *list = part->node->child[3];
    check_when(&s, part->node->child[0], &spec);
    check_probe(&s, part->node, &spec);
    for (uint32_t i = 0; list && i < list->n_children; i++) check_item(&s, list->child[i], &spec);
    add_spec(c, spec);
}

/* ---- the default ---- */

static const int default_measures[] = {MEASURE_loss, MEASURE_accuracy, MEASURE_U, MEASURE_F,
                                       MEASURE_S,    MEASURE_S_T,      MEASURE_C};

/* measure every 1 epoch on 512 samples of train { loss, accuracy, U, F, S, S_T, C }, without what cannot be had. */
static void add_default(struct checker *c)
{
    struct measure_spec spec = {
        .at = name_of(c->network.node), .when = WHEN_EPOCHS, .every = 1, .probe = 512, .probes = 32};
    bool no_ensemble = false;
    for (size_t i = 0; i < LENGTH(default_measures); i++) {
        int which = default_measures[i];
        const char *why = what_lacks(c, which, &spec);
        bool improper = measures[which].need == NEED_ENSEMBLE && !c->m->ensemble_proper;
        no_ensemble = no_ensemble || (improper && !why);
        if (!why && !improper) spec.asked |= 1u << which;
    }
    if (no_ensemble)
        left_out(c, spec.at,
                 "U, F, S, S_T and C are not measured: the ensemble has no free neuron, or one that nothing holds");
    if (spec.asked) add_spec(c, spec);
}

void check_measures(struct checker *c)
{
    for (uint32_t i = 0; i < c->n_measures; i++) check_block(c, &c->measure[i]);
    check_proper(c, c->ensemble_asked);
    if (!c->n_measures) add_default(c);
    static const enum measure spoilt[] = {MEASURE_first_law, MEASURE_efficiency};
    for (size_t i = 0; i < LENGTH(spoilt) && !mistaken(c); i++)
        if (c->kinks_at[spoilt[i]].source) warn_kinks(c, spoilt[i], c->kinks_at[spoilt[i]]);
}
