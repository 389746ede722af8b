/* check_blocks.c: the blocks of w and the biases: chains, ties, marks, shapes, their parameters. */
#include "lang/check.h"

#include <string.h>

/* ---- marks ---- */

struct marks {
    const struct ast *frozen, *hollow;
};

static bool check_marks(const struct scope *s, const struct ast *list, struct marks *out)
{
    static const char *const words[] = {"frozen", "hollow"};
    bool ok = true;
    *out = (struct marks){0};
    for (uint32_t i = 0; list && i < list->n_children; i++) {
        const struct ast *mark = list->child[i];
        const struct ast **to = !strcmp(mark->text, "frozen")   ? &out->frozen
                                : !strcmp(mark->text, "hollow") ? &out->hollow
                                                                : NULL;
        if (mark->kind != AST_NAME) {
            ok = false;
        } else if (!to) {
            mistake(s, mark->span, "unknown-word", "unknown mark '%s'; frozen or hollow was expected", mark->text);
            (void)diag_did_you_mean(s->c->diag, mark->text, words, LENGTH(words));
            ok = false;
        } else if (*to) {
            mistake(s, mark->span, "duplicate-name", "'%s' is given twice", mark->text);
            ok = false;
        } else {
            *to = mark;
        }
    }
    return ok;
}

/* ---- parameters ---- */

/* NNT_NONE after a message. */
static uint32_t add_parameter(const struct scope *s, struct parameter p)
{
    struct checker *c = s->c;
    struct model *m = c->m;
    c->n_parameters += (uint64_t)p.rows * p.columns;
    if (c->n_parameters > MODEL_MOST_PARAMETERS) {
        mistake(s, p.at, "too-large", "the network has more than %d weights and biases", MODEL_MOST_PARAMETERS);
        c->n_parameters -= (uint64_t)p.rows * p.columns;
        return NNT_NONE;
    }
    m->parameter =
        arena_grow(c->arena, m->parameter, m->n_parameters, &c->parameter_capacity, sizeof *m->parameter);
    m->parameter[m->n_parameters] = p;
    return m->n_parameters++;
}

static void initialise(const struct scope *s, const struct ast *init, struct parameter *p)
{
    struct scope inner = *s;
    inner.place = PLACE_INIT;
    inner.fan_in = p->fan_in;
    inner.fan_out = p->fan_out;
    if (init) check_initialiser(&inner, init, p);
}

/* ---- blocks ---- */

static uint32_t find_block(const struct checker *c, uint32_t from, uint32_t to)
{
    for (uint32_t i = c->last_into[to]; i != NNT_NONE; i = c->previous_into[i])
        if (c->m->block[i].from == from) return i;
    return NNT_NONE;
}

static void add_block(struct checker *c, struct block b)
{
    struct model *m = c->m;
    uint32_t capacity = c->block_capacity;
    m->block = arena_grow(c->arena, m->block, m->n_blocks, &c->block_capacity, sizeof *m->block);
    c->previous_into = arena_grow(c->arena, c->previous_into, m->n_blocks, &capacity, sizeof *c->previous_into);
    m->block[m->n_blocks] = b;
    c->previous_into[m->n_blocks] = c->last_into[b.to];
    c->last_into[b.to] = m->n_blocks++;
}

static bool is_new_block(const struct scope *s, struct span at, uint32_t from, uint32_t to, bool same_array)
{
    const struct model *m = s->c->m;
    uint32_t other = find_block(s->c, from, to);
    if (other == NNT_NONE) return true;
    mistake(s, at, "duplicate-block", "a second block from '%s' to '%s'", m->group[from].shown, m->group[to].shown);
    if (same_array)
        diag_hint(s->c->diag,
                  "an array in a chain stands for its groups one after another: name one of them, as in h[1]");
    else
        diag_note(s->c->diag, m->block[other].at, "the first one");
    return false;
}

/* ---- ties ---- */

static struct span tie_span(const struct ast *tie)
{
    uint32_t begin = tie->text[0] ? name_of(tie).begin : tie->child[0]->span.begin;
    return (struct span){tie->span.source, begin, tie->span.end};
}

/* The block that a tie names; NNT_NONE after a message. */
static uint32_t tied_block(const struct scope *s, const struct ast *tie)
{
    struct checker *c = s->c;
    uint32_t end[2];
    for (int i = 0; i < 2; i++) {
        struct ast *one[] = {tie->child[i]};
        struct ast list = {.kind = AST_LIST, .span = tie->span, .text = "", .n_children = 1, .child = one};
        struct group_list found = {0};
        if (!resolve_refs(s, &list, &found)) return NNT_NONE;
        if (found.count != 1) {
            mistake(s, tie->child[i]->span, "wrong-kind", "'%s' is an array of groups; one of them was expected",
                    tie->child[i]->text);
            return NNT_NONE;
        }
        end[i] = found.group[0];
    }
    uint32_t block = find_block(c, end[0], end[1]);
    if (block == NNT_NONE)
        mistake(s, tie_span(tie), "no-such-block", "there is no block from '%s' to '%s' above this line",
                c->m->group[end[0]].shown, c->m->group[end[1]].shown);
    return block;
}

static void tie_block(const struct scope *s, const struct ast *tie, struct block b)
{
    const struct model *m = s->c->m;
    uint32_t other = tied_block(s, tie);
    if (other == NNT_NONE) return;
    bool transpose = tie->text[0] != 0;
    const struct block *o = &m->block[other];
    uint32_t rows = m->group[transpose ? o->from : o->to].size,
             columns = m->group[transpose ? o->to : o->from].size;
    if (rows != m->group[b.to].size || columns != m->group[b.from].size) {
        mistake(s, tie_span(tie), "bad-shape",
                "the block is %u by %u and the tied one %u by %u; they must have one shape", m->group[b.to].size,
                m->group[b.from].size, rows, columns);
        return;
    }
    b.parameter = o->parameter;
    b.transposed = o->transposed != transpose;
    add_block(s->c, b);
}

static bool tie_is_right(const struct scope *s, const struct ast *statement, uint32_t arrows)
{
    static const char *const words[] = {"transpose"};
    const struct ast *tie = statement->child[1], *init = statement->child[2], *marks = statement->child[3];
    if (tie->kind != AST_TIE) return false;
    if (tie->text[0] && strcmp(tie->text, "transpose")) {
        mistake(s, name_of(tie), "unknown-word", "'%s'; transpose(…) or a block was expected", tie->text);
        (void)diag_did_you_mean(s->c->diag, tie->text, words, 1);
        return false;
    }
    if (init || (marks && marks->n_children)) {
        const struct ast *at = init ? init : marks->child[0];
        mistake(s, at->span, "tied",
                "a tied block has the weights of another and neither init nor marks of its own");
        return false;
    }
    if (arrows <= 1) return true;
    mistake(s, statement->child[0]->span, "tied", "%u blocks tied to one; a tied statement has one arrow", arrows);
    return false;
}

/* ---- weights ---- */

static bool hollow_is_right(const struct scope *s, const struct ast *hollow, const struct block *b)
{
    const struct group *group = s->c->m->group;
    if (!hollow || b->from == b->to) return true;
    mistake(s, hollow->span, "bad-mark",
            "the block from '%s' to '%s' has no diagonal; hollow is for a group that feeds itself",
            group[b->from].shown, group[b->to].shown);
    return false;
}

static void new_block(const struct scope *s, const struct ast *statement, struct block b, const struct marks *marks)
{
    struct checker *c = s->c;
    const struct group *from = &c->m->group[b.from], *to = &c->m->group[b.to];
    if (!hollow_is_right(s, marks->hollow, &b)) return;
    struct parameter p = {.name = arena_printf(c->arena, "weight.%s.%s", from->name, to->name),
                          .rows = to->size,
                          .columns = from->size,
                          .is_weight = true,
                          .frozen = marks->frozen != NULL,
                          .hollow = marks->hollow != NULL,
                          .initialiser = NNT_INIT_glorot_uniform,
                          .fan_in = from->size,
                          .fan_out = to->size,
                          .at = b.at};
    initialise(s, statement->child[2], &p);
    b.parameter = add_parameter(s, p);
    if (b.parameter != NNT_NONE) add_block(c, b);
}

void check_weights(const struct scope *s, const struct ast *statement)
{
    struct group_list list = {0};
    struct marks marks;
    (void)resolve_refs(s, statement->child[0], &list);
    bool ok = check_marks(s, statement->child[3], &marks);
    const struct ast *tie = statement->child[1];
    if (tie) ok = ok && tie_is_right(s, statement, list.count ? list.count - 1 : 0);
    if (!ok) return;
    uint32_t before = s->c->mistakes;
    for (uint32_t i = 0; i + 1 < list.count; i++) {
        struct block b = {.from = list.group[i], .to = list.group[i + 1]};
        if (b.from == NNT_NONE || b.to == NNT_NONE) s->c->in_doubt = true;
        if (b.from == NNT_NONE || b.to == NNT_NONE) continue;
        b.at = (struct span){list.ref[i]->span.source, list.ref[i]->span.begin, list.ref[i + 1]->span.end};
        bool same =
            list.count > 2 && list.ref[i]->kind == AST_NAME && !strcmp(list.ref[i]->text, list.ref[i + 1]->text);
        if (s->c->mistakes == before && !is_new_block(s, b.at, b.from, b.to, same)) continue;
        if (find_block(s->c, b.from, b.to) != NNT_NONE) continue;
        if (tie)
            tie_block(s, tie, b);
        else
            new_block(s, statement, b, &marks);
    }
}

/* ---- biases ---- */

/* fan_in and fan_out of a group: over all its blocks. */
static void fans(const struct model *m, uint32_t group, struct parameter *p)
{
    for (uint32_t i = 0; i < m->n_blocks; i++) {
        if (m->block[i].to == group) p->fan_in += m->group[m->block[i].from].size;
        if (m->block[i].from == group) p->fan_out += m->group[m->block[i].to].size;
    }
}

static void add_bias(const struct scope *s, const struct ast *statement, uint32_t index, const struct ast *ref,
                     bool frozen)
{
    struct checker *c = s->c;
    struct group *group = &c->m->group[index];
    if (group->bias != NNT_NONE) {
        mistake(s, ref->span, "duplicate-name", "'%s' has a bias already", group->shown);
        return;
    }
    struct parameter p = {.name = arena_printf(c->arena, "bias.%s", group->name),
                          .rows = group->size,
                          .columns = 1,
                          .frozen = frozen,
                          .initialiser = NNT_INIT_zeros,
                          .at = ref->span};
    fans(c->m, index, &p);
    initialise(s, statement->child[1], &p);
    group->bias = add_parameter(s, p);
}

void check_biases(const struct scope *s, const struct ast *statement)
{
    struct group_list list = {0};
    struct marks marks;
    if (!resolve_refs(s, statement->child[0], &list)) s->c->in_doubt = true;
    if (check_marks(s, statement->child[2], &marks) && marks.hollow)
        mistake(s, marks.hollow->span, "bad-mark",
                "a bias has no diagonal; hollow is for a group that feeds itself");
    for (uint32_t i = 0; i < list.count; i++)
        if (list.group[i] != NNT_NONE) add_bias(s, statement, list.group[i], list.ref[i], marks.frozen != NULL);
}
