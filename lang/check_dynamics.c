/* check_dynamics.c: how the state is reached, and the sequences that it reads and gives. */
#include "lang/check.h"

#include <string.h>

enum { MOST_TICKS = 1000000, MOST_SETTLING = 1000000000 };

/* ---- dynamics ---- */

/* false after a message. */
static bool check_settle(const struct scope *s, const struct ast *call, struct dynamics_spec *out)
{
    struct argument a[MOST_SETTINGS];
    uint32_t n;
    bool ok = match_arguments(s, call, "tolerance=1e-6 most=200", a, &n);
    if (!ok) return false;
    out->which = DYNAMICS_SETTLE;
    out->tolerance = argument_positive(s, &a[0], &ok);
    out->ticks = (uint32_t)argument_whole(s, &a[1], 1, MOST_SETTLING, &ok);
    return ok;
}

static bool check_ticks(const struct scope *s, const struct ast *call, struct dynamics_spec *out)
{
    struct argument a[MOST_SETTINGS];
    uint32_t n;
    bool ok = match_arguments(s, call, "n", a, &n);
    if (!ok) return false;
    out->which = DYNAMICS_TICKS;
    out->ticks = (uint32_t)argument_whole(s, &a[0], 1, MOST_TICKS, &ok);
    return ok;
}

static bool check_kind(const struct scope *s, const struct ast *e, struct dynamics_spec *out)
{
    static const char *const words[] = {"feedforward", "ticks", "settle"};
    if (named(e, AST_NAME, "feedforward")) return true;
    if (named(e, AST_NAME, "settle") || named(e, AST_CALL, "settle")) return check_settle(s, e, out);
    if (named(e, AST_NAME, "ticks") || named(e, AST_CALL, "ticks")) return check_ticks(s, e, out);
    if (e->kind == AST_ERROR) return false;
    mistake(s, name_of(e), "unknown-word", "unknown dynamics; feedforward, ticks(n) or settle(…) was expected");
    if (e->text[0]) (void)diag_did_you_mean(s->c->diag, e->text, words, LENGTH(words));
    return false;
}

void check_dynamics(const struct scope *s, const struct ast *e)
{
    struct dynamics_spec *dynamics = &s->c->m->dynamics;
    if (dynamics->at.source) {
        mistake(s, e->span, "duplicate-name", "dynamics is given a second time");
        return;
    }
    dynamics->at = e->span;
    if (!check_kind(s, e, dynamics)) s->c->doubt_dynamics = true;
}

/* ---- sequences ---- */

/* Until the data says how many there are: as many rows as the updates left, which is what a file may have at most. */
static void set_sequence(struct checker *c, uint32_t index, const struct ast *ref, uint32_t first)
{
    struct group *g = &c->m->group[index];
    c->sequence[index] = (struct sequence){ref->span, first};
    g->rows = c->doubt_dynamics ? 1 : c->m->dynamics.ticks - first + 1;
    if (g->output) g->first_tick = first;
}

void check_each_tick(const struct scope *s, const struct ast *statement, const struct group_list *list)
{
    static const char *const words[] = {"tick"};
    struct checker *c = s->c;
    const struct ast *tick = statement->child[1], *from = statement->n_children > 2 ? statement->child[2] : NULL;
    uint64_t first = 1;
    if (tick->kind == AST_ERROR) return;
    if (!named(tick, AST_NAME, "tick")) {
        mistake(s, tick->span, "unknown-word", "'each %s'; 'each tick' was expected", tick->text);
        (void)diag_did_you_mean(c->diag, tick->text, words, 1);
        return;
    }
    if (!c->doubt_dynamics && c->m->dynamics.which != DYNAMICS_TICKS) {
        mistake(s, tick->span, "needs-ticks",
                "'each tick' without 'dynamics ticks(n)', n at least the number of rows");
        return;
    }
    double most = c->doubt_dynamics ? MOST_TICKS : c->m->dynamics.ticks;
    if (from && !constant_whole(s, from, "the first update that is compared", 1, most, &first)) return;
    for (uint32_t i = 0; i < list->count; i++)
        if (list->group[i] != NNT_NONE) set_sequence(c, list->group[i], list->ref[i], (uint32_t)first);
}

/* ---- rows against ticks ---- */

static void too_few_ticks(const struct scope *s, struct span bound, uint32_t index, uint64_t needed)
{
    struct checker *c = s->c;
    const struct group *g = &c->m->group[index];
    struct span at = c->sequence[index].at;
    if (g->input)
        mistake(s, at, "too-few-ticks", "'%s' has %u rows, one for each update, and the ticks are %u", g->shown,
                g->rows, c->m->dynamics.ticks);
    else
        mistake(s, at, "too-few-ticks", "'%s' has %u row%s from update %u on, and the ticks are %u", g->shown,
                g->rows, g->rows == 1 ? "" : "s", g->first_tick, c->m->dynamics.ticks);
    diag_note(c->diag, bound, "bound here");
    diag_hint(c->diag, "write 'dynamics ticks(%llu)', or more", (unsigned long long)needed);
}

void check_rows(const struct scope *s, struct span at, uint32_t index, uint32_t rows, const char *what)
{
    struct checker *c = s->c;
    struct group *g = &c->m->group[index];
    const struct sequence *sequence = &c->sequence[index];
    if (c->doubt_boundary) return;
    if (sequence->at.source && !rows) {
        mistake(s, at, "no-sequence", "'%s' is each tick, and %s is no sequence", g->shown, what);
        diag_note(c->diag, sequence->at, "each tick is said here");
        diag_hint(c->diag, "sequences are the bits of parity, the pairs of adding, and the arrays of npy");
    } else if (sequence->at.source && rows != ROWS_LATER) {
        g->rows = rows;
        uint64_t needed = (uint64_t)sequence->first - 1 + rows;
        if (!c->doubt_dynamics && needed > c->m->dynamics.ticks) too_few_ticks(s, at, index, needed);
    } else if (!sequence->at.source && rows && rows != ROWS_LATER) {
        mistake(s, at, "needs-each-tick", "%s is a sequence of %u row%s, and '%s' takes one value for all ticks",
                what, rows, rows == 1 ? "" : "s", g->shown);
        diag_hint(
            c->diag,
            "write '%s %s each tick' and 'dynamics ticks(n)', n at least %u; or take its numbers side by side "
            "with slice(…, a..b)",
            g->input ? "input" : "output", g->shown, rows);
    }
}
