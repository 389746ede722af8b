/* filter.c: tokens to statements: ends them at line ends, tells their words from names, watches over brackets. */
#include "lang/filter.h"
#include "lang/grammar.h"

#include <string.h>

/* ---- words ---- */

/* The words that have a production of their own; the others are TOKEN_SETTING: a word and an expression. */
static const struct own {
    const char *word;
    int kind;
} own[] = {
    {"include", TOKEN_INCLUDE},
    {"param", TOKEN_PARAM},
    {"let", TOKEN_LET},
    {"network", TOKEN_NETWORK},
    {"data", TOKEN_DATA},
    {"ensemble", TOKEN_ENSEMBLE},
    {"train", TOKEN_TRAIN},
    {"measure", TOKEN_MEASURE},
    {"neurons", TOKEN_NEURONS},
    {"input", TOKEN_INPUT},
    {"output", TOKEN_OUTPUT},
    {"weights", TOKEN_WEIGHTS},
    {"biases", TOKEN_BIASES},
    {"activation", TOKEN_ACTIVATION},
    {"potential", TOKEN_POTENTIAL},
    {"loss", TOKEN_LOSS},
    {"clamp", TOKEN_CLAMP},
};

enum {
    IN_file = BLOCK_TOP,
    IN_network = BLOCK_NETWORK,
    IN_data = BLOCK_DATA,
    IN_ensemble = BLOCK_ENSEMBLE,
    IN_train = BLOCK_TRAIN
};
static const struct statement {
    uint8_t block;
    const char *word;
} statements[] = {
#define STATEMENT(block, word, ...) {IN_##block, #word},
#include "lang/statements.def"
#undef STATEMENT
};
static const char *const words[] = {
#define STATEMENT(block, word, ...) #word,
#include "lang/statements.def"
#undef STATEMENT
};

static int kind_of_word(const char *word)
{
    for (size_t i = 0; i < LENGTH(own); i++)
        if (strcmp(own[i].word, word) == 0) return own[i].kind;
    return TOKEN_SETTING;
}

static bool stands_in(enum block block, const char *word)
{
    for (size_t i = 0; i < LENGTH(statements); i++)
        if (statements[i].block == block && strcmp(statements[i].word, word) == 0) return true;
    return false;
}

static bool is_statement_word(const char *word)
{
    for (size_t i = 0; i < LENGTH(words); i++)
        if (strcmp(words[i], word) == 0) return true;
    return false;
}

/* The table is sorted by block, so the words of one stand together. */
const char *const *filter_words(enum block block, uint32_t *out_count)
{
    uint32_t first = 0;
    while (first < LENGTH(statements) && statements[first].block != block) first++;
    *out_count = 0;
    while (first + *out_count < LENGTH(statements) && statements[first + *out_count].block == block) ++*out_count;
    return words + first;
}

const char *filter_block_name(enum block block)
{
    static const char *const names[BLOCKS] = {"the file",     "network { }", "data { }",
                                              "ensemble { }", "train { }",   "measure { }"};
    return names[block];
}

static enum block block_of(int word)
{
    switch (word) {
    case TOKEN_NETWORK:
        return BLOCK_NETWORK;
    case TOKEN_DATA:
        return BLOCK_DATA;
    case TOKEN_ENSEMBLE:
        return BLOCK_ENSEMBLE;
    case TOKEN_TRAIN:
        return BLOCK_TRAIN;
    case TOKEN_MEASURE:
        return BLOCK_MEASURE;
    default:
        return BLOCK_TOP;
    }
}

/* ---- lines ---- */

static const struct token *token_at(const struct filter *f, uint32_t at)
{
    return &f->tokens->token[at < f->tokens->count ? at : f->tokens->count - 1];
}

static bool is_unclosed_text(const struct token *t)
{
    return t->kind == TOKEN_BROKEN && strcmp(t->problem, "unclosed-text") == 0;
}

static bool is_operator(int kind)
{
    return (kind < 128 && kind > 0 && strchr("+-*/^<>=,", kind) != NULL) || kind == TOKEN_ARROW ||
           kind == TOKEN_RANGE || kind == TOKEN_LE || kind == TOKEN_GE || kind == TOKEN_EQ || kind == TOKEN_NE;
}
static bool is_reserved(int kind)
{
    return kind == TOKEN_IF || kind == TOKEN_THEN || kind == TOKEN_ELSE || kind == TOKEN_AND || kind == TOKEN_OR ||
           kind == TOKEN_NOT || kind == TOKEN_TRUE || kind == TOKEN_FALSE || kind == TOKEN_INIT ||
           kind == TOKEN_OVER || kind == TOKEN_FOR || kind == TOKEN_IN || kind == TOKEN_EACH ||
           kind == TOKEN_EVERY || kind == TOKEN_AT || kind == TOKEN_ON || kind == TOKEN_OF;
}
static bool is_opening(int kind)
{
    return kind == '(' || kind == '[';
}
static bool is_closing(int kind)
{
    return kind == ')' || kind == ']';
}
static bool is_operand(int kind)
{
    return kind == TOKEN_NAME || kind == TOKEN_NUMBER || kind == TOKEN_TEXT || kind == TOKEN_IF ||
           kind == TOKEN_NOT || kind == TOKEN_TRUE || kind == TOKEN_FALSE;
}

/* true and false end a line like any other value: `shuffle true` is whole. */
static bool goes_on_after(int kind)
{
    return is_operator(kind) || kind == '{' || (is_reserved(kind) && kind != TOKEN_TRUE && kind != TOKEN_FALSE);
}
static bool goes_on_with(int kind)
{
    return is_operator(kind) || is_closing(kind) || kind == '}' || kind == '{' || is_reserved(kind);
}

/* A statement word that begins a line and cannot be a name there, although the line before is unfinished: an
 * operand follows. */
static bool begins_although_unfinished(const struct filter *f, uint32_t at)
{
    const struct token *t = token_at(f, at), *next = token_at(f, at + 1);
    bool is_mark = strcmp(next->text, "frozen") == 0 || strcmp(next->text, "hollow") == 0;
    return t->kind == TOKEN_NAME && is_statement_word(t->text) && !next->first && is_operand(next->kind) &&
           !is_mark && f->word != TOKEN_MEASURE;
}

/* Whether the line that ends before token `at`, outside brackets, is a whole statement. */
static bool line_ends(const struct filter *f, uint32_t at)
{
    const struct token *t = token_at(f, at), *before = token_at(f, at - 1);
    if (!t->first || at == f->begin || t->kind == TOKEN_YYEOF) return false;
    if (goes_on_after(before->kind) && before->kind != '{') return begins_although_unfinished(f, at);
    return before->kind != '{' && !goes_on_with(t->kind);
}

/* LANGUAGE.md 2: a statement word that begins a line inside brackets, and is not followed by `:` `,` `=` or a
 * closing bracket, ends them; so that it may be a name there, an operator behind it does not either. */
static bool word_ends_brackets(const struct filter *f, uint32_t at)
{
    const struct token *t = token_at(f, at);
    int next = token_at(f, at + 1)->kind;
    if (!t->first || t->kind != TOKEN_NAME || !is_statement_word(t->text)) return false;
    return next != ':' && !is_closing(next) && next != '}' && (!is_operator(next) || next == '-') &&
           next != TOKEN_AND && next != TOKEN_OR && next != TOKEN_THEN && next != TOKEN_ELSE;
}

/* Whether the line that ends before token `at`, inside brackets, is all there is of the statement. */
static bool line_ends_inside(const struct filter *f, uint32_t at)
{
    return word_ends_brackets(f, at) || (token_at(f, f->open[f->n_open - 1])->match == 0 && line_ends(f, at));
}

/* Whether token `at` shows that the innermost open bracket was left open. */
static bool is_left_open(const struct filter *f, uint32_t at)
{
    int kind = token_at(f, at)->kind;
    if (kind == TOKEN_YYEOF || kind == '{' || kind == '}' || line_ends_inside(f, at)) return true;
    for (uint32_t i = 0; i + 1 < f->n_open; i++)
        if (token_at(f, f->open[i])->match == at) return true;
    return false;
}

/* ---- brackets ---- */

/* A bracket closes its match and what was left open inside; one which matches nothing is the grammar's to refuse.
 */
static void follow_brackets(struct filter *f, uint32_t at)
{
    int kind = token_at(f, at)->kind;
    if (is_opening(kind) && f->n_open < FILTER_NESTING) f->open[f->n_open++] = at;
    if (kind == '{' || kind == '}') f->n_open = 0;
    if (!is_closing(kind)) return;
    for (uint32_t i = f->n_open; i-- > 0;)
        if (token_at(f, f->open[i])->match == at) f->n_open = i;
}

/* Whether a construct of the top level begins at `at`, as far as its first two tokens tell. */
static bool begins_top(const struct filter *f, uint32_t at)
{
    const struct token *t = token_at(f, at);
    int next = token_at(f, at + 1)->kind;
    if (t->kind != TOKEN_NAME || !t->first || !stands_in(BLOCK_TOP, t->text)) return false;
    switch (kind_of_word(t->text)) {
    case TOKEN_MEASURE:
        return true;
    case TOKEN_INCLUDE:
        return next == TOKEN_TEXT;
    case TOKEN_PARAM:
    case TOKEN_LET:
    case TOKEN_NETWORK:
        return next == TOKEN_NAME;
    default:
        return next == '{';
    }
}

static void report_unclosed(struct filter *f, uint32_t opener)
{
    const struct token *t = token_at(f, opener);
    const char *close = t->kind == '(' ? ")" : t->kind == '[' ? "]" : "}";
    if (!f->broken)
        diag_input(f->diag, t->span, "unclosed-bracket", "'%c' is not closed; '%s' expected", t->kind, close);
    f->broken = true;
}

static bool is_block_header(const struct filter *f)
{
    enum block block = block_of(f->word);
    return f->block == BLOCK_TOP && block != BLOCK_TOP && block != BLOCK_MEASURE;
}

/* Whether an open brace of a block or list has no closing one. */
static bool is_unmatched(const struct filter *f, uint32_t opener)
{
    return token_at(f, opener)->match == 0 || (f->is_supplied && opener == f->opener);
}

/* Such a brace reaches no further than to the next construct of the file. */
static bool is_abandoned(const struct filter *f, uint32_t opener)
{
    return is_unmatched(f, opener) && begins_top(f, f->at);
}

/* Passes over the rest of a mistaken statement, with the braces it opens; a block's header ends at its brace. */
static void skip_statement(struct filter *f)
{
    bool is_list = f->block == BLOCK_MEASURE, is_header = is_block_header(f);
    uint32_t opener = is_list ? f->opener : f->at - 1;
    uint32_t n_braces = is_list || token_at(f, opener)->kind == '{';
    f->skips = false;
    for (;; f->at++) {
        int kind = token_at(f, f->at)->kind;
        bool is_outside = n_braces == 0;
        if (kind == TOKEN_YYEOF || (!is_outside && is_abandoned(f, opener))) break;
        if (is_outside && ((kind == '}' && f->block != BLOCK_TOP) || (kind == '{' && is_header))) {
            f->n_open = 0;
            return;
        }
        if (is_outside && (f->n_open > 0 ? line_ends_inside(f, f->at) : line_ends(f, f->at))) break;
        if (is_unclosed_text(token_at(f, f->at))) f->n_open = 0;
        if (kind == '{' && n_braces++ == 0) opener = f->at;
        if (kind == '}' && n_braces > 0 && --n_braces == 0 && is_list) f->block = BLOCK_TOP;
        follow_brackets(f, f->at);
    }
    if (is_list) f->block = BLOCK_TOP;
    f->supply_at = 0;
    f->n_open = 0;
    f->ends = token_at(f, f->at)->kind != TOKEN_YYEOF;
}

void filter_skip(struct filter *f)
{
    f->broken = true;
    f->unfinished = f->starts && f->at > 0 && token_at(f, f->at - 1)->kind != '{';
    if (!f->delivered_end && !f->ends) f->skips = true;
}

/* ---- delivering ---- */

/* A token which does not stand in the source: at the end of the one before. */
static int deliver_between(struct filter *f, int kind, struct span *out_span)
{
    uint32_t end = f->at > 0 ? token_at(f, f->at - 1)->span.end : 0;
    *out_span = (struct span){token_at(f, f->at)->span.source, end, end};
    f->delivered_end = kind != TOKEN_BROKEN && kind != TOKEN_LINE;
    f->skips = kind == TOKEN_BROKEN || kind == TOKEN_LINE; /* which the grammar takes nowhere */
    return kind;
}

static int deliver_end(struct filter *f, struct span *out_span)
{
    f->ends = false;
    if (f->block == BLOCK_MEASURE) return deliver_between(f, TOKEN_LINE, out_span);
    f->starts = true;
    return deliver_between(f, TOKEN_END, out_span);
}

static int close_block(struct filter *f, struct span *out_span)
{
    if (!f->is_supplied) report_unclosed(f, f->opener);
    f->block = BLOCK_TOP;
    f->is_supplied = false;
    f->starts = false;
    f->ends = token_at(f, f->at)->kind != TOKEN_YYEOF;
    return deliver_between(f, '}', out_span);
}

static void open_block(struct filter *f, bool is_supplied)
{
    f->block = block_of(f->word);
    f->opener = f->at;
    f->is_supplied = is_supplied;
    f->starts = f->block != BLOCK_MEASURE;
    f->supply_at = 0;
}

static void report_broken(struct filter *f, const struct token *t)
{
    diag_input(f->diag, t->span, t->problem, "%s", t->message);
    if (t->hint != NULL) diag_hint(f->diag, "%s", t->hint);
    f->broken = true;
}

static bool report_unclosed_text(struct filter *f)
{
    for (uint32_t at = f->at; token_at(f, at)->kind != TOKEN_YYEOF && (at == f->at || !token_at(f, at)->first);
         at++) {
        if (!is_unclosed_text(token_at(f, at))) continue;
        report_broken(f, token_at(f, at));
        return true;
    }
    return false;
}

bool filter_report_cause(struct filter *f)
{
    if (report_unclosed_text(f)) return true;
    if (f->n_open == 0 || token_at(f, f->open[f->n_open - 1])->match != 0) return false;
    report_unclosed(f, f->open[f->n_open - 1]);
    return true;
}

/* The brackets behind a text that is left open were swallowed by it. */
static int deliver_broken(struct filter *f, const struct token *t, struct span *out_span)
{
    if (!f->broken && t->kind == TOKEN_BROKEN && !report_unclosed_text(f)) report_broken(f, t);
    if (t->kind == TOKEN_BROKEN && is_unclosed_text(t)) f->n_open = 0;
    f->broken = true;
    f->skips = true;
    f->starts = false;
    f->delivered_end = false;
    f->at++;
    *out_span = t->span;
    return TOKEN_BROKEN;
}

static bool is_too_deep(struct filter *f, const struct token *t)
{
    if (!is_opening(t->kind) || f->n_open < FILTER_NESTING) return false;
    if (!f->broken)
        diag_input(f->diag, t->span, "too-deep", "brackets are nested more than %d deep", FILTER_NESTING);
    f->broken = true;
    return true;
}

static int deliver(struct filter *f, int kind, const struct token **out_token, struct span *out_span)
{
    const struct token *t = token_at(f, f->at);
    if (kind == TOKEN_YYEOF && f->block != BLOCK_TOP) return close_block(f, out_span);
    if (kind == TOKEN_BROKEN || is_too_deep(f, t)) return deliver_broken(f, t, out_span);
    f->starts = false;
    f->delivered_end = kind == TOKEN_YYEOF || (kind == '}' && f->block != BLOCK_TOP);
    if (kind == '{' && f->block == BLOCK_TOP && block_of(f->word) != BLOCK_TOP) {
        open_block(f, false);
        f->delivered_end = f->block != BLOCK_MEASURE;
    } else if (kind == '}') {
        f->closed = f->block != BLOCK_TOP;
        f->block = BLOCK_TOP;
    }
    follow_brackets(f, f->at);
    if (kind != TOKEN_YYEOF) f->at++;
    *out_token = t;
    *out_span = t->span;
    return kind;
}

/* ---- where a statement begins ---- */

static const char *blocks_of(const char *word, char text[64])
{
    text[0] = '\0';
    for (size_t i = 0; i < LENGTH(statements); i++) {
        if (strcmp(statements[i].word, word) != 0) continue;
        if (text[0] != '\0') strcat(text, " or ");
        strcat(text,
               statements[i].block == BLOCK_TOP ? "outside of blocks" : filter_block_name(statements[i].block));
    }
    return text;
}

static void hint_words(struct filter *f, const char *const here[], uint32_t n_here)
{
    struct text text = {0};
    for (uint32_t i = 0; i < n_here; i++)
        text_add(&text, "%s'%s'", i == 0 ? "" : i + 1 == n_here ? " and " : ", ", here[i]);
    diag_hint(f->diag, "the statements of %s begin with %s", filter_block_name(f->block), text.data);
    text_fini(&text);
}

/* Reports a word that begins no statement here; returns what it was meant to be, or NULL. */
static const char *report_word(struct filter *f, const struct token *t)
{
    const char *where = filter_block_name(f->block);
    char blocks[64];
    uint32_t n_here;
    const char *const *here = filter_words(f->block, &n_here);
    if (is_statement_word(t->text)) {
        diag_input(f->diag, t->span, "misplaced-word", "'%s' is not a statement of %s; it stands %s%s", t->text,
                   where, stands_in(BLOCK_TOP, t->text) ? "" : "in ", blocks_of(t->text, blocks));
        return NULL;
    }
    diag_input(f->diag, t->span, "unknown-word", "'%s' begins no statement of %s", t->text, where);
    const char *meant = text_nearest(t->text, here, n_here);
    if (meant != NULL)
        diag_hint(f->diag, "did you mean '%s'?", meant);
    else if (f->block == BLOCK_DATA)
        diag_hint(f->diag, "a binding is written: %s = …", t->text);
    else
        hint_words(f, here, n_here);
    return meant;
}

/* A header must have its brace before the line ends. Where only the brace is missing it is supplied, so that what
 * the block holds is read as that. false where the line is something else. */
static bool find_brace(struct filter *f)
{
    uint32_t behind = f->at + 1;
    for (; token_at(f, behind)->kind != '{' && token_at(f, behind)->kind != TOKEN_YYEOF && !line_ends(f, behind);
         behind++) {
        if (!is_opening(token_at(f, behind)->kind)) continue;
        if (token_at(f, behind)->match == 0) return true; /* which is mistake enough */
        behind = token_at(f, behind)->match;
    }
    if (token_at(f, behind)->kind == '{') return true;
    bool is_list = f->word == TOKEN_MEASURE, is_named = f->word == TOKEN_NETWORK;
    uint32_t header = is_list ? behind : f->at + 1 + (is_named && token_at(f, f->at + 1)->kind == TOKEN_NAME);
    const struct token *last = token_at(f, header - 1), *next = token_at(f, header);
    struct span at = {last->span.source, last->span.end, last->span.end};
    if (!f->broken) diag_input(f->diag, at, "syntax", "'{' expected behind this");
    f->broken = true;
    bool is_body = next->kind == TOKEN_NAME && stands_in(block_of(f->word), next->text);
    f->supply_at = header == behind || is_body ? header : 0;
    return f->supply_at != 0;
}

static int begin_word(struct filter *f, const char *word, const struct token **out_token, struct span *out_span)
{
    f->word = kind_of_word(word);
    f->meant = *token_at(f, f->at);
    f->meant.text = word;
    f->orphan = BLOCK_TOP;
    if (f->block == BLOCK_TOP && block_of(f->word) != BLOCK_TOP && !find_brace(f))
        return deliver_broken(f, token_at(f, f->at), out_span);
    int kind = deliver(f, f->word, out_token, out_span);
    *out_token = &f->meant;
    return kind;
}

/* Reports a word that begins nothing here; reads it as what it was meant to be, where that is known. */
static int begin_unknown(struct filter *f, const struct token **out_token, struct span *out_span)
{
    const struct token *t = token_at(f, f->at);
    const char *meant = report_word(f, t);
    f->broken = true;
    if (meant != NULL) return begin_word(f, meant, out_token, out_span);
    if (f->block == BLOCK_TOP)
        for (int block = BLOCK_NETWORK; block < BLOCKS; block++)
            if (stands_in((enum block)block, t->text)) f->orphan = (enum block)block;
    return deliver_broken(f, t, out_span);
}

/* A brace too many behind that of a block which is not closed: passed over. */
static void pass_doubled_braces(struct filter *f)
{
    for (uint32_t n = 0; f->block != BLOCK_TOP && token_at(f, f->at)->kind == '{' && is_unmatched(f, f->opener);
         f->at++) {
        const char *where = filter_block_name(f->block);
        if (n++ == 0)
            diag_input(f->diag, token_at(f, f->at)->span, "syntax", "found '{'; expected a statement of %s", where);
        f->is_supplied = true;
    }
}

/* Whether the token may begin a statement, as far as is known; else it is the rest of one that ended too early. */
static bool is_beginning(const struct filter *f, const struct token *t)
{
    uint32_t n_words;
    const char *const *here = filter_words(f->block, &n_words);
    int next = t[t->kind != TOKEN_YYEOF].kind;
    if (t->kind == '}' || t->kind == '{' || t->kind == TOKEN_YYEOF) return true;
    if (t->kind != TOKEN_NAME) return false;
    return is_statement_word(t->text) || (f->block == BLOCK_DATA && next == '=') ||
           text_nearest(t->text, here, n_words) != NULL;
}

/* What needs no further message: the rest of a mistaken statement, and statements whose block was never opened. */
static bool is_known_mistake(struct filter *f)
{
    const struct token *t = token_at(f, f->at);
    bool is_orphan = f->block == BLOCK_TOP && f->orphan != BLOCK_TOP && !stands_in(BLOCK_TOP, t->text) &&
                     (t->kind == '}' || stands_in(f->orphan, t->text));
    bool is_rest = f->unfinished && !is_beginning(f, t);
    f->unfinished = false;
    if (is_orphan && t->kind == '}') f->orphan = BLOCK_TOP;
    return is_orphan || is_rest;
}

static int begin_statement(struct filter *f, const struct token **out_token, struct span *out_span)
{
    pass_doubled_braces(f);
    const struct token *t = token_at(f, f->at);
    int next = token_at(f, f->at + 1)->kind;
    f->word = 0;
    f->begin = f->at;
    f->n_open = 0;
    f->broken = is_known_mistake(f);
    if (f->broken) return deliver_broken(f, t, out_span);
    if (t->kind == '}' && f->block == BLOCK_TOP) {
        diag_input(f->diag, t->span, "unopened-bracket", "'}' closes nothing");
        f->broken = true;
        return deliver_broken(f, t, out_span);
    }
    if (t->kind != TOKEN_NAME || (f->block == BLOCK_DATA && (next == '=' || next == '[')))
        return deliver(f, t->kind, out_token, out_span);
    if (stands_in(f->block, t->text) && !(f->block == BLOCK_DATA && next == '{'))
        return begin_word(f, t->text, out_token, out_span);
    if (f->block != BLOCK_TOP && is_abandoned(f, f->opener)) return close_block(f, out_span);
    return begin_unknown(f, out_token, out_span);
}

/* Reports the innermost bracket; the statement ends here, or where a line ends further on. */
static int deliver_left_open(struct filter *f, struct span *out_span)
{
    int kind = token_at(f, f->at)->kind;
    bool is_line = f->block != BLOCK_MEASURE && kind != TOKEN_YYEOF && kind != '{' && kind != '}' &&
                   line_ends_inside(f, f->at);
    report_unclosed(f, f->open[f->n_open - 1]);
    f->n_open = 0;
    deliver_between(f, TOKEN_BROKEN, out_span);
    f->skips = !is_line;
    f->ends = is_line;
    return TOKEN_BROKEN;
}

/* A closing brace too many behind a whole construct spoils nothing. */
static void pass_stray_braces(struct filter *f)
{
    for (; f->block == BLOCK_TOP && token_at(f, f->at)->kind == '}'; f->at++) {
        if (!f->broken) diag_input(f->diag, token_at(f, f->at)->span, "unopened-bracket", "'}' closes nothing");
        f->broken = true;
    }
}

/* Behind a block its line must end. The grammar is past the block, so the mistake is passed over here. */
static void end_line_of_block(struct filter *f)
{
    pass_stray_braces(f);
    const struct token *t = token_at(f, f->at);
    f->closed = false;
    if (t->kind == TOKEN_YYEOF || line_ends(f, f->at)) return;
    bool is_word = t->kind == TOKEN_NAME && stands_in(BLOCK_TOP, t->text);
    if (!f->broken && t->kind == '{')
        diag_input(f->diag, t->span, "syntax", "'{' has no word before it, such as 'data'");
    else if (!f->broken)
        diag_input(f->diag, t->span, "syntax", "a statement ends with its '}'; a new line expected");
    f->broken = true;
    f->word = 0;
    f->ends = is_word;
    if (!is_word) skip_statement(f);
}

void filter_init(struct filter *f, struct diag *diag, const struct tokens *tokens)
{
    *f = (struct filter){.diag = diag, .tokens = tokens, .starts = true};
}

int filter_next(struct filter *f, const struct token **out_token, struct span *out_span)
{
    *out_token = NULL;
    if (f->skips) skip_statement(f);
    if (f->closed) end_line_of_block(f);
    if (f->ends) return deliver_end(f, out_span);
    if (f->supply_at != 0 && f->at == f->supply_at) {
        open_block(f, true);
        return deliver_between(f, '{', out_span);
    }
    if (f->starts) return begin_statement(f, out_token, out_span);
    if (f->n_open > 0 && is_left_open(f, f->at)) return deliver_left_open(f, out_span);
    if (f->block == BLOCK_MEASURE && is_abandoned(f, f->opener)) return close_block(f, out_span);
    if (f->n_open == 0 && line_ends(f, f->at)) return deliver_end(f, out_span);
    return deliver(f, token_at(f, f->at)->kind, out_token, out_span);
}
