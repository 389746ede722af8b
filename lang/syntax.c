/* syntax.c: the messages of the grammar: what was found, what would have fitted, in the reader's words. */
#include "lang/parser.h"
#include "lang/grammar.h"

#include <stdio.h>
#include <string.h>

/* More alternatives than these are not read. */
#define MOST_SHOWN 8
#define LONGEST_SHOWN 40

static bool has(const char *const words[], uint32_t n, const char *word)
{
    for (uint32_t i = 0; i < n; i++)
        if (strcmp(words[i], word) == 0) return true;
    return false;
}

/* ---- what was found ---- */

/* Tokens that the filter made stand at the end of another and are empty. */
static bool is_at(const struct token *t, struct span at)
{
    return t->span.begin == at.begin && t->span.end == at.end && (at.end > at.begin || t->kind == TOKEN_YYEOF);
}

static const struct token *found_token(const struct parser *p, struct span at)
{
    const struct filter *f = &p->filter;
    for (uint32_t i = f->at + 1; i-- > f->begin;)
        if (i < f->tokens->count && is_at(&f->tokens->token[i], at)) return &f->tokens->token[i];
    return NULL;
}

static const char *describe_found(const struct parser *p, const struct token *t)
{
    if (t == NULL) return "the end of the line";
    if (t->kind == TOKEN_TEXT) return arena_printf(p->arena, "the text \"%.*s\"", LONGEST_SHOWN, t->text);
    if (t->text[0] != '\0') return arena_printf(p->arena, "'%.*s'", LONGEST_SHOWN, t->text);
    static const struct {
        int kind;
        const char *sign;
    } signs[] = {{TOKEN_ARROW, "'->'"},
                 {TOKEN_RANGE, "'..'"},
                 {TOKEN_LE, "'<='"},
                 {TOKEN_GE, "'>='"},
                 {TOKEN_EQ, "'=='"},
                 {TOKEN_NE, "'!='"},
                 {TOKEN_YYEOF, "the end of the file"}};
    for (size_t i = 0; i < LENGTH(signs); i++)
        if (signs[i].kind == t->kind) return signs[i].sign;
    return arena_printf(p->arena, "'%c'", t->kind);
}

/* ---- what would have fitted ---- */

/* Where only a name fits and not any name does. `after`: the token before, or 0; `word`: the statement's. */
static const char *describe_name(const struct parser *p, int after)
{
    switch (after) {
    case TOKEN_EACH:
        return "'tick'";
    case TOKEN_AT:
        return "'end'";
    case TOKEN_OF:
        return "'train' or 'test'";
    default:
        break;
    }
    const struct filter *f = &p->filter;
    if (f->word == TOKEN_LOSS && f->at <= f->begin + 2) return "'boundary' or 'bulk'";
    if (f->word == TOKEN_OUTPUT && after == TOKEN_NAME) return "'from'";
    if (f->word != TOKEN_MEASURE) return "a name";
    for (uint32_t i = f->at; i-- > f->begin;) {
        if (f->tokens->token[i].kind == TOKEN_EVERY) return "'epochs' or 'steps'";
        if (f->tokens->token[i].kind == TOKEN_ON) return "'samples'";
    }
    return "'times'";
}

static bool is_operator_name(const char *name)
{
    static const char *const operators[] = {"'+'",  "'-'",  "'*'",  "'/'",  "'^'",   "'<'", "'>'",
                                            "'<='", "'>='", "'=='", "'!='", "'and'", "'or'"};
    return has(operators, LENGTH(operators), name);
}

static bool begins_expression(const char *name)
{
    static const char *const words[] = {"a name", "a number", "a text", "'if'", "'not'",
                                        "'true'", "'false'",  "'-'",    "'('"};
    return has(words, LENGTH(words), name);
}

/* Reduces the alternatives to few: an expression, an operator, the end of the line; returns how many. */
static uint32_t choose(const struct parser *p, int after, const char *const expected[], uint32_t n,
                       const char *out[])
{
    bool is_expression = has(expected, n, "a number"), is_inside = has(expected, n, "'+'");
    bool is_end = has(expected, n, "the end of the line");
    bool is_marked = p->filter.word == TOKEN_WEIGHTS || p->filter.word == TOKEN_BIASES;
    uint32_t n_out = 0;
    if (is_expression) out[n_out++] = "an expression";
    for (uint32_t i = 0; i < n && n_out < MOST_SHOWN; i++) {
        const char *name = expected[i];
        bool is_covered = (is_expression && begins_expression(name)) || (is_inside && is_operator_name(name)) ||
                          (is_inside && strcmp(name, "'('") == 0) || strcmp(name, "the end of the line") == 0 ||
                          (is_inside && strcmp(name, "'['") == 0) || (is_end && strcmp(name, "'}'") == 0) ||
                          strcmp(name, "end of file") == 0;
        if (is_covered) continue;
        if (strcmp(name, "a name") != 0)
            out[n_out++] = name;
        else if (is_end && is_marked)
            out[n_out++] = "'frozen'", out[n_out++] = "'hollow'";
        else
            out[n_out++] = describe_name(p, after);
    }
    if (is_inside && !is_expression && n_out < MOST_SHOWN) out[n_out++] = "an operator";
    if (is_end || (n > 0 && n_out == 0)) out[n_out++] = "the end of the line";
    return n_out;
}

static void add_list(struct text *text, const char *const words[], uint32_t n, const char *quote)
{
    for (uint32_t i = 0; i < n; i++)
        text_add(text, "%s%s%s%s", i == 0 ? "" : i + 1 == n ? " or " : ", ", quote, words[i], quote);
}

static char *describe_expected(const struct parser *p, int after, bool is_first, const char *const expected[],
                               uint32_t n)
{
    const char *chosen[MOST_SHOWN + 3];
    struct text text = {0};
    uint32_t n_words;
    const char *const *words = filter_words(p->filter.block, &n_words);
    if (is_first) {
        text_add(&text, "a statement of %s: ", filter_block_name(p->filter.block));
        add_list(&text, words, n_words, "'");
    } else {
        uint32_t n_chosen = choose(p, after, expected, n, chosen);
        add_list(&text, chosen, n_chosen, "");
    }
    char *out = arena_text(p->arena, text.data, text.length);
    text_fini(&text);
    return out;
}

/* ---- hints ---- */

static const char *const reserved[] = {"if",   "then", "else", "and",  "or",    "not", "true", "false", "init",
                                       "over", "for",  "in",   "each", "every", "at",  "on",   "of"};

static bool is_operand(int kind)
{
    return kind == TOKEN_NAME || kind == TOKEN_NUMBER || kind == TOKEN_TEXT;
}

/* Two operands side by side: the first may be a misspelt word that opens something (`evry 5`, `nto x`). */
static const char *misspelt_before(const struct parser *p, const struct token *t, const struct token *before)
{
    static const char *const in_measure[] = {"every", "on", "at", "not", "if"}, *const elsewhere[] = {"not", "if"};
    bool is_pair =
        before != NULL && before->kind == TOKEN_NAME && before->text[1] != '\0' && t != NULL && is_operand(t->kind);
    if (!is_pair) return NULL;
    if (p->filter.word == TOKEN_MEASURE) return text_nearest(before->text, in_measure, LENGTH(in_measure));
    return text_nearest(before->text, elsewhere, LENGTH(elsewhere));
}

static void hint_word(struct parser *p, const struct token *t, const char *const expected[], uint32_t n)
{
    const char *fitting[LENGTH(reserved)];
    uint32_t n_fitting = 0;
    for (size_t i = 0; i < LENGTH(reserved); i++)
        if (has(expected, n, arena_printf(p->arena, "'%s'", reserved[i]))) fitting[n_fitting++] = reserved[i];
    diag_did_you_mean(p->diag, t->text, fitting, n_fitting);
}

static bool is_comparison(int kind)
{
    return kind == '<' || kind == '>' || kind == TOKEN_LE || kind == TOKEN_GE || kind == TOKEN_EQ ||
           kind == TOKEN_NE;
}

static void hint(struct parser *p, const struct token *t, const char *const expected[], uint32_t n)
{
    int kind = t->kind;
    bool is_arrow = kind == '-' || kind == '>' || (kind == '=' && t[1].kind == '>');
    if (kind == TOKEN_NAME)
        hint_word(p, t, expected, n);
    else if (is_arrow && has(expected, n, "'->'"))
        diag_hint(p->diag, "did you mean '->'?");
    else if (is_comparison(kind) && has(expected, n, "'+'"))
        diag_hint(p->diag, "comparisons do not chain: write a < b and b < c");
    else if (kind == '=' && has(expected, n, "':'"))
        diag_hint(p->diag, "an argument is named with ':', as in rate: 0.1");
    else if (kind == '=' && has(expected, n, "'=='"))
        diag_hint(p->diag, "'==' compares");
    else if (kind == '*' && has(expected, n, "a number"))
        diag_hint(p->diag, "'^' is the power");
    else if (has(reserved, LENGTH(reserved), t->text) && has(expected, n, "a name"))
        diag_hint(p->diag, "'%s' is reserved and cannot be a name", t->text);
}

/* ---- the messages ---- */

/* What is missing before the first token of a line is missing at the end of the line before. */
static bool is_next_line(const struct filter *f, const struct token *t)
{
    return t->first && f->n_open == 0 && (t->kind == '}' || t->kind == TOKEN_YYEOF);
}

static void report(struct parser *p, struct span at, const char *const expected[], uint32_t n_expected)
{
    const struct filter *f = &p->filter;
    const struct token *t = found_token(p, at);
    uint32_t place = t != NULL ? (uint32_t)(t - f->tokens->token) : f->at;
    const struct token *before = place > f->begin ? &f->tokens->token[place - 1] : NULL;
    const char *meant = misspelt_before(p, t, before);
    if (meant != NULL) {
        diag_input(p->diag, before->span, "syntax", "'%s' has no meaning before %s", before->text,
                   describe_found(p, t));
        diag_hint(p->diag, "did you mean '%s'?", meant);
        return;
    }
    if (before != NULL && t != NULL && is_next_line(f, t)) {
        at.begin = at.end = before->span.end;
        t = NULL;
    }
    diag_input(p->diag, at, "syntax", "found %s; expected %s", describe_found(p, t),
               describe_expected(p, before != NULL ? before->kind : 0, before == NULL, expected, n_expected));
    if (t != NULL) hint(p, t, expected, n_expected);
}

void syntax_error(struct parser *p, struct span at, const char *const expected[], uint32_t n_expected)
{
    struct filter *f = &p->filter;
    if (!f->broken && !filter_report_cause(f)) report(p, at, expected, n_expected);
    filter_skip(f);
}

bool syntax_word(struct parser *p, const struct token *name, const char *const words[], uint32_t n_words)
{
    if (has(words, n_words, name->text)) return true;
    if (!p->filter.broken) {
        struct text text = {0};
        add_list(&text, words, n_words, "'");
        diag_input(p->diag, name->span, "unknown-word", "found '%s'; expected %s", name->text, text.data);
        text_fini(&text);
        diag_did_you_mean(p->diag, name->text, words, n_words);
    }
    filter_skip(&p->filter);
    return false;
}

void syntax_too_deep(struct parser *p)
{
    struct filter *f = &p->filter;
    if (!f->broken)
        diag_input(p->diag, f->tokens->token[f->begin].span, "too-deep",
                   "this statement is nested more than %d deep", PARSER_HEIGHT);
    f->broken = true;
}
