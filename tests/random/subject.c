/* subject.c: a network drawn by seed with its ensemble, ready to be evaluated, and tallies of how many there were of which kind. */
#include "tests/random/subject.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "lang/ast.h"
#include "runtime/base/random.h"
#include "runtime/thermo/slabs.h"
#include "tests/engine/engine.h"
#include "tests/random/contract.h"
#include "tests/random/draw.h"

const char *const kind_names[KINDS] = {"feed-forward", "ticks",      "settle",    "recurrent", "tied",    "hollow",
                                       "frozen",       "group maps", "potential", "sequences", "relaxed", "full"};

/* ---- what it is ---- */

static bool has_ties(const struct nnt_module *m)
{
    for (uint32_t a = 0; a < m->n_blocks; a++)
        for (uint32_t b = 0; b < a; b++)
            if (m->block[a].parameter == m->block[b].parameter) return true;
    return false;
}

static uint32_t kinds_of_groups(const struct nnt_module *m)
{
    uint32_t kinds = 0;
    for (uint32_t g = 0; g < m->n_groups; g++) {
        const struct nnt_group *group = &m->group[g];
        if (group->slope != NNT_NONE && m->field[group->slope].rank == 2) kinds |= 1u << KIND_MAP;
        if (group->flags & NNT_POTENTIAL && !(group->flags & NNT_CLAMPED)) kinds |= 1u << KIND_POTENTIAL;
        if (group->rows) kinds |= 1u << KIND_SEQUENCE;
    }
    return kinds;
}

static uint32_t kinds_of(const struct subject *s)
{
    static const uint32_t dynamics[] = {[DYNAMICS_FEEDFORWARD] = 1u << KIND_FEEDFORWARD,
                                        [DYNAMICS_TICKS] = 1u << KIND_TICKS | 1u << KIND_RECURRENT,
                                        [DYNAMICS_SETTLE] = 1u << KIND_SETTLE | 1u << KIND_RECURRENT};
    const struct nnt_module *m = s->module;
    uint32_t kinds = dynamics[s->model->dynamics.which] | kinds_of_groups(m);
    if (has_ties(m)) kinds |= 1u << KIND_TIED;
    for (uint32_t p = 0; p < m->n_parameters; p++) {
        if (m->parameter[p].hollow) kinds |= 1u << KIND_HOLLOW;
        if (m->parameter[p].gradient == NNT_NONE) kinds |= 1u << KIND_FROZEN;
    }
    if (s->model->ensemble.relaxed) kinds |= 1u << KIND_RELAXED;
    if (s->model->ensemble.full) kinds |= 1u << KIND_FULL;
    return kinds;
}

/* ---- opening ---- */

static void compile_subject(struct subject *s)
{
    const uint32_t entries = 1u << NNT_ENTRY_loss | 1u << NNT_ENTRY_ensemble_forward | 1u << NNT_ENTRY_linearise |
                             1u << NNT_ENTRY_relax | 1u << NNT_ENTRY_pull | 1u << NNT_ENTRY_push |
                             1u << NNT_ENTRY_pull_push;
    struct ast_source *source = parse(s->diag, s->arena, "drawn", s->text.data, s->text.length);
    s->model = source ? check(s->diag, s->arena, source, NULL, 0) : NULL;
    s->module = s->model ? engine_module(s->diag, s->arena, s->model, "jit", 8, entries) : NULL;
    if (s->module) return;
    subject_show(s);
    fail_msg("a drawn network does not compile");
}

static void draw_numbers(struct subject *s)
{
    s->x = exercise_open(s->module, s->count);
    exercise_draw(&s->x, s->seed);
    s->q = s->x.call.slab[NNT_PARAMETERS];
    assert_true(s->module->n_groups <= SUBJECT_GROUPS);
    for (uint32_t g = 0; g < s->module->n_groups; g++) {
        uint32_t f = s->module->group[g].data;
        if (f != NNT_NONE)
            s->data[g] = (const double *)s->x.call.slab[NNT_DATA] + field_offset(&s->module->field[f], s->count);
    }
}

/* The messages so far are forgotten. */
static void hush(struct subject *s)
{
    diag_free(s->diag);
    s->diag = diag_new();
}

static enum fate make_ensemble(struct subject *s)
{
    struct gaussian totals[s->count];
    struct ensemble *ensemble = s->model->ensemble_proper ? ensemble_new(s->diag, (struct span){0}, s->module,
                                                                         &s->model->ensemble, s->count)
                                                          : NULL;
    s->ensemble = ensemble;
    if (ensemble && subject_evaluate(s, 1, totals)) return FATE_COUNTS;
    bool rests = !ensemble || subject_rests(s);
    ensemble_free(ensemble);
    s->ensemble = NULL;
    return rests ? FATE_IMPROPER : s->model->ensemble.relaxed ? FATE_UNRELAXED : FATE_RESTLESS;
}

enum fate subject_open(struct subject *s, uint64_t seed, bool smooth, uint32_t count)
{
    *s = (struct subject){.seed = seed, .diag = diag_new(), .arena = arena_new(), .count = count};
    (smooth ? draw_smooth_network : draw_network)(seed, &s->text);
    compile_subject(s);
    draw_numbers(s);
    s->kinds = kinds_of(s);
    if (!contract(&s->x, s->model->dynamics.which == DYNAMICS_TICKS)) return FATE_RESTLESS;
    return make_ensemble(s);
}

void subject_close(struct subject *s)
{
    ensemble_free(s->ensemble);
    exercise_close(&s->x);
    engine_release(s->module);
    arena_free(s->arena);
    diag_free(s->diag);
    text_fini(&s->text);
}

void subject_show(const struct subject *s)
{
    diag_print(s->diag, stderr, DIAG_PLAIN);
    print_error("seed %llu:\n%s\n", (unsigned long long)s->seed, s->text.data);
}

/* ---- evaluating ---- */

bool subject_rests(const struct subject *s)
{
    const struct convergence *c = ensemble_convergence(s->ensemble);
    return c->unsettled == 0 && c->unrelaxed == 0;
}

bool subject_evaluate(struct subject *s, double beta, struct gaussian out[])
{
    bool good = ensemble_evaluate(s->ensemble, s->diag, s->q, s->data, s->count, beta, out) && subject_rests(s);
    if (!good) hush(s);
    return good;
}

double *subject_numbers(const struct subject *s, size_t count)
{
    double *out = arena_alloc(s->arena, (count + 1) * sizeof *out);
    for (size_t i = 0; i < count; i++) out[i] = 0;
    return out;
}

void subject_trainables(const struct subject *s,
                        void (*each)(void *with, uint32_t field, uint64_t in_q, uint64_t in_vector), void *with)
{
    const struct nnt_module *m = s->module;
    for (uint32_t p = 0; p < m->n_parameters; p++) {
        const struct nnt_parameter *it = &m->parameter[p];
        const struct nnt_field *f = &m->field[it->field];
        if (it->gradient == NNT_NONE) continue;
        for (uint64_t i = 0, n = field_length(f); i < n; i++)
            if (is_trainable(it, f, i)) each(with, it->field, f->offset + i, m->field[it->gradient].offset + i);
    }
}

/* ---- tallies ---- */

void tally_add(struct tally *t, enum fate fate, uint32_t kinds)
{
    t->fate[fate]++;
    if (fate != FATE_COUNTS) return;
    t->counted++;
    for (uint32_t k = 0; k < KINDS; k++) t->kind[k] += kinds >> k & 1;
}

void tally_print(const struct tally *t, const char *what)
{
    struct text line = {0};
    text_add(&line, "%s: %u networks (", what, t->counted);
    for (uint32_t k = 0; k < KINDS; k++) text_add(&line, "%s%u %s", k ? ", " : "", t->kind[k], kind_names[k]);
    text_add(&line, "); not counted: %u improper, %u restless, %u unrelaxed, %u unfit", t->fate[FATE_IMPROPER],
             t->fate[FATE_RESTLESS], t->fate[FATE_UNRELAXED], t->fate[FATE_UNFIT]);
    print_message("%s\n", line.data);
    text_fini(&line);
}

/* In a hundred: half of what draw.c makes, or less. */
static const uint32_t least_share[KINDS] = {
    [KIND_FEEDFORWARD] = 8, [KIND_TICKS] = 15,   [KIND_SETTLE] = 15,  [KIND_RECURRENT] = 40,
    [KIND_TIED] = 40,       [KIND_HOLLOW] = 8,   [KIND_FROZEN] = 20,  [KIND_MAP] = 25,
    [KIND_POTENTIAL] = 30,  [KIND_SEQUENCE] = 8, [KIND_RELAXED] = 12, [KIND_FULL] = 3};

void tally_require(const struct tally *t, uint64_t n)
{
    bool enough = t->counted == n;
    if (!enough) print_error("%u networks count, %llu were expected\n", t->counted, (unsigned long long)n);
    for (uint32_t k = 0; k < KINDS; k++) {
        uint32_t least = t->counted * least_share[k] / 100;
        if (t->kind[k] >= least) continue;
        print_error("%u networks of kind '%s', at least %u were expected\n", t->kind[k], kind_names[k], least);
        enough = false;
    }
    assert_true(enough);
}

uint64_t networks_asked(uint64_t otherwise)
{
    const char *count = getenv("NNT_NETWORKS");
    return count ? strtoull(count, NULL, 10) : otherwise;
}

uint64_t first_seed(uint64_t otherwise)
{
    const char *seed = getenv("NNT_SEED");
    return seed ? strtoull(seed, NULL, 10) : otherwise;
}
