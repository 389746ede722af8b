/* check_ensemble.c: clamps, R, temperature, evaluation; properness as far as it shows without numbers. */
#include "lang/check.h"

#include <string.h>

/* ---- clamp ---- */

static void check_clamp(const struct scope *s, const struct ast *statement)
{
    struct checker *c = s->c;
    struct group_list list = {0};
    const struct ast *refs = statement->child[0];
    if (c->clamp_given) {
        mistake(s, statement->span, "duplicate-name", "clamp is given a second time");
        return;
    }
    c->clamp_given = true;
    c->m->ensemble_at = statement->span;
    if (refs->n_children == 1 && named(refs->child[0], AST_NAME, "none")) return;
    if (!resolve_refs(s, refs, &list)) c->doubt_ensemble = true;
    for (uint32_t i = 0; i < list.count; i++) {
        if (list.group[i] == NNT_NONE) continue;
        struct group *g = &c->m->group[list.group[i]];
        if (!g->input && !g->output && !c->doubt_boundary) {
            mistake(s, list.ref[i]->span, "not-boundary",
                    "'%s' is neither input nor output, and so has no data to be held at", g->shown);
            c->doubt_ensemble = true;
        } else if (g->clamped) {
            mistake(s, list.ref[i]->span, "duplicate-name", "'%s' is named a second time", g->shown);
        }
        g->clamped = true;
    }
}

static void set_defaults(struct checker *c)
{
    for (uint32_t i = 0; i < c->m->n_groups; i++) {
        struct group *g = &c->m->group[i];
        if (!c->clamp_given) g->clamped = g->input || g->output;
        if (!c->R_given) g->in_R = g->predicted && !g->input;
    }
}

/* ---- one word of several ---- */

/* Which of the words it is, or -1 after a message. */
static int one_of(const struct scope *s, const struct ast *e, const char *what, const char *const words[],
                  uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if ((e->kind == AST_NAME || e->kind == AST_CALL) && !strcmp(e->text, words[i])) return (int)i;
    if (e->kind == AST_ERROR) return -1;
    const char *list = words[0];
    for (uint32_t i = 1; i < n; i++)
        list = arena_printf(s->c->arena, "%s%s%s", list, i + 1 < n ? ", " : " or ", words[i]);
    if (e->kind == AST_NAME || e->kind == AST_CALL) {
        mistake(s, name_of(e), "unknown-word", "unknown %s '%s'; %s was expected", what, e->text, list);
        (void)diag_did_you_mean(s->c->diag, e->text, words, n);
    } else {
        mistake(s, e->span, "unknown-word", "unknown %s; %s was expected", what, list);
    }
    return -1;
}

static bool is_plain(const struct scope *s, const struct ast *e)
{
    if (e->kind == AST_NAME || !e->n_children) return true;
    mistake(s, e->child[0]->span, "wrong-arguments", "'%s' takes no arguments", e->text);
    return false;
}

/* ---- evaluation ---- */

static void check_gaussian(const struct scope *s, const struct ast *e)
{
    static const char *const determinants[] = {"cholesky", "lanczos"};
    struct argument a[MOST_SETTINGS];
    uint32_t n;
    bool ok = match_arguments(s, e, "determinant=cholesky probes=32 order=64", a, &n);
    if (!ok) return;
    struct ensemble_spec *spec = &s->c->m->ensemble;
    spec->probes = (uint32_t)argument_whole(s, &a[1], 2, 1e6, &ok); /* one has no standard error */
    spec->order = (uint32_t)argument_whole(s, &a[2], 1, 1e6, &ok);
    int which = a[0].given ? one_of(s, a[0].given, "determinant", determinants, LENGTH(determinants)) : 0;
    spec->lanczos = which == 1;
    if (which == 0 && ok && (a[1].given || a[2].given))
        mistake(s, (a[1].given ? a[1].given : a[2].given)->span, "wrong-arguments",
                "probes and order are for determinant: lanczos");
}

static void check_sampled(const struct scope *s, const struct ast *e)
{
    static const char *const samplers[] = {"hmc", "mala", "langevin"};
    struct argument a[MOST_SETTINGS];
    uint32_t n;
    bool ok = match_arguments(s, e, "sampler=hmc chains=64 warmup=200 draws=500 ladder=200", a, &n);
    if (!ok) return;
    if (a[0].given && one_of(s, a[0].given, "sampler", samplers, LENGTH(samplers)) < 0) ok = false;
    for (uint32_t i = 1; i < n; i++) (void)argument_whole(s, &a[i], i == 2 ? 0 : 1, 1e9, &ok);
    if (ok) refuse(s->c, REFUSED_sampled, name_of(e));
}

static void check_evaluation(const struct scope *s, const struct ast *e)
{
    static const char *const words[] = {"gaussian", "sampled"};
    int which = one_of(s, e, "evaluation", words, LENGTH(words));
    if (which == 0) check_gaussian(s, e);
    if (which == 1) check_sampled(s, e);
}

static void check_relaxation(const struct scope *s, const struct ast *e)
{
    static const char *const words[] = {"descent"};
    struct argument a[MOST_SETTINGS];
    uint32_t n;
    if (one_of(s, e, "relaxation", words, 1) < 0 || !match_arguments(s, e, "tolerance=1e-6 most=200", a, &n))
        return;
    bool ok = true;
    s->c->m->ensemble.relax_tolerance = argument_positive(s, &a[0], &ok);
    s->c->m->ensemble.relax_most = (uint32_t)argument_whole(s, &a[1], 1, 1e9, &ok);
    s->c->relaxation_at = e->span;
}

static void check_reference(const struct scope *s, const struct ast *e)
{
    static const char *const words[] = {"forward", "relaxed"};
    int which = one_of(s, e, "reference", words, LENGTH(words));
    if (which < 0 || !is_plain(s, e)) s->c->doubt_ensemble = true;
    s->c->m->ensemble.relaxed = which == 1;
}

static void check_hessian(const struct scope *s, const struct ast *e)
{
    static const char *const words[] = {"gauss_newton", "full"};
    int which = one_of(s, e, "hessian", words, LENGTH(words));
    if (which < 0 || !is_plain(s, e)) return;
    s->c->m->ensemble.full = which == 1;
    if (which == 1) s->c->full_at = e->span;
}

static void check_temperature(const struct scope *s, const struct ast *e)
{
    if (named(e, AST_NAME, "inferred")) {
        s->c->m->ensemble.inferred = true;
        s->c->inferred_at = e->span;
        return;
    }
    const struct expr *T = check_schedule(s, e, "the temperature", 0, false);
    if (T) s->c->m->ensemble.temperature = T;
}

/* ---- the block ---- */

static const struct {
    const char *word;
    void (*check)(const struct scope *s, const struct ast *e);
} settings[] = {
    {"temperature", check_temperature}, {"evaluation", check_evaluation}, {"reference", check_reference},
    {"hessian", check_hessian},         {"relaxation", check_relaxation},
};

static void check_setting(const struct scope *s, const struct ast *statement, bool given[LENGTH(settings)])
{
    bool known = false;
    for (size_t i = 0; i < LENGTH(settings); i++) {
        if (strcmp(settings[i].word, statement->text)) continue;
        known = true;
        if (given[i])
            mistake(s, name_of(statement), "duplicate-name", "%s is given a second time", statement->text);
        else
            settings[i].check(s, statement->child[0]);
        given[i] = true;
    }
    if (!known) s->c->doubt_ensemble = true;
}

/* What holds between the statements. */
static void check_together(const struct scope *s)
{
    struct checker *c = s->c;
    if (c->full_at.source && !c->m->ensemble.relaxed && !c->doubt_ensemble)
        mistake(s, c->full_at, "needs-relaxed", "hessian full needs 'reference relaxed'");
}

void check_ensemble(struct checker *c)
{
    struct scope s = scope_of(c, PLACE_CONSTANT, c->ensemble.symbols);
    bool given[LENGTH(settings)] = {0};
    const struct ast *block = c->ensemble.node;
    c->m->ensemble = (struct ensemble_spec){.temperature = expr_number(c->m->pool, 1),
                                            .probes = 32,
                                            .order = 64,
                                            .relax_tolerance = 1e-6,
                                            .relax_most = 200};
    if (block) c->m->ensemble_at = name_of(block);
    for (uint32_t i = 0; block && i < block->n_children; i++) {
        const struct ast *statement = block->child[i];
        if (statement->kind == AST_CLAMP)
            check_clamp(&s, statement);
        else if (statement->kind == AST_SETTING)
            check_setting(&s, statement, given);
        else
            c->doubt_ensemble = true;
    }
    check_together(&s);
    set_defaults(c);
}

/* ---- properness ---- */

uint64_t count_free(const struct model *m)
{
    uint64_t n = 0;
    for (uint32_t g = 0; g < m->n_groups; g++)
        if (!m->group[g].clamped) n += m->group[g].size;
    return n;
}

bool is_relaxed(const struct checker *c)
{
    return count_free(c->m) && (c->m->ensemble.relaxed || c->minimizes[OBJECTIVE_BULK]);
}

/* Groups with neither an error nor a potential: nothing holds their neurons. */
static void list_loose(const struct model *m, struct text *out)
{
    for (uint32_t g = 0; g < m->n_groups; g++) {
        const struct group *group = &m->group[g];
        if (!group->clamped && !group->in_R && !group->potential && out->length < 200)
            text_add(out, "%s'%s'", out->length ? ", " : "", group->shown);
    }
}

void check_proper(struct checker *c, struct span asked)
{
    struct scope s = scope_of(c, PLACE_CONSTANT, 0);
    struct model *m = c->m;
    if (c->doubt_groups || c->doubt_boundary || c->doubt_blocks || c->doubt_ensemble || c->doubt_H) return;
    struct text loose = {0};
    list_loose(m, &loose);
    m->ensemble_proper = count_free(m) && !loose.length;
    if (!m->ensemble_at.source) m->ensemble_at = asked;
    if (!asked.source) {
        text_fini(&loose);
        return;
    }
    struct span at = m->ensemble_at;
    if (!count_free(m)) {
        mistake(&s, at, "nothing-free", "every neuron is clamped, and an ensemble of nothing is asked for");
        if (asked.begin != at.begin) diag_note(c->diag, asked, "asked for here");
        diag_hint(c->diag,
                  "clamp fewer groups, or give the network a hidden one: only free neurons have an ensemble");
    } else if (loose.length) {
        mistake(&s, at, "improper-ensemble",
                "the free neurons of %s have neither a local error in R nor a potential, so Z is infinite",
                loose.data);
        if (asked.begin != at.begin) diag_note(c->diag, asked, "an ensemble is asked for here");
        diag_hint(c->diag, "clamp them, give them a potential, or name them in 'loss bulk over'");
    }
    text_fini(&loose);
}
