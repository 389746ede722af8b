/* filter.h: tokens, and the filter which makes statements of them; private to lang/. */
#ifndef NNT_FILTER_H
#define NNT_FILTER_H

#include "lang/ast.h"

/* A word, number or sign of a source; `kind` is one of grammar.h's. */
struct token {
    int kind;
    bool first;     /* the first of its line */
    uint32_t match; /* of an opening bracket: the token which closes it, 0 where none does */
    struct span span;
    const char *text; /* a name, a text without quotes and escapes, a number as written; else "" */
    double number;
    const char *problem, *message, *hint; /* of a TOKEN_BROKEN: short name, message, hint (or NULL) */
};
/* All tokens of a source, with an end of file behind the last, and its comments. */
struct tokens {
    struct token *token;
    uint32_t count, capacity;
    struct ast_comment *comment;
    uint32_t n_comments, comments_capacity;
};
/* lexer.l: cuts a text (UTF-8, no NUL, no BOM) into tokens. What is none becomes TOKEN_BROKEN; nothing is reported
 * yet. */
void lex(struct arena *arena, uint32_t source, const char *text, size_t length, struct tokens *out);

/* Where a statement may stand. */
enum block { BLOCK_TOP, BLOCK_NETWORK, BLOCK_DATA, BLOCK_ENSEMBLE, BLOCK_TRAIN, BLOCK_MEASURE, BLOCKS };
/* Deeper brackets are refused. */
#define FILTER_NESTING 200

/* The place in a token stream. The fields which others read: block, word, begin, at, broken, tokens. */
struct filter {
    struct diag *diag;
    const struct tokens *tokens;
    uint32_t at; /* the next token */
    enum block block;
    uint32_t opener;    /* of the block: its '{' */
    bool is_supplied;   /* that brace was missing: reported, and supplied */
    uint32_t supply_at; /* where such a brace will stand; 0 for none */
    int word;           /* of the statement: its TOKEN_…, 0 where it begins with none */
    struct token meant; /* that word as it was meant: spelt right */
    uint32_t begin;     /* its first token */
    bool starts;        /* the next token begins a statement */
    bool broken;        /* its mistake was reported: nothing more about it */
    bool skips;         /* go on at the end of the statement */
    bool ends;          /* the next token is the end of a line */
    bool delivered_end; /* the token delivered last was a statement's or block's end, or a block's begin */
    bool unfinished;    /* the last statement ended too early: the next line may be the rest of it */
    bool closed;        /* a block or list has just ended */
    enum block orphan;  /* of statements outside of their block, already reported; else BLOCK_TOP */
    uint32_t open[FILTER_NESTING], n_open; /* brackets of the statement */
};
void filter_init(struct filter *f, struct diag *diag, const struct tokens *tokens);
/* The next token for the grammar: statement words told from names, TOKEN_END where a line ends a statement. What is
 * wrong with brackets, statement words and characters is reported here, once a statement, and delivered as
 * TOKEN_BROKEN. */
int filter_next(struct filter *f, const struct token **out_token, struct span *out_span);
/* After a mistake in the token delivered last: mutes the rest of the statement and goes on at its end. */
void filter_skip(struct filter *f);
/* Whether the token delivered last only seems wrong, because a text further on in its line or the bracket around it
 * is left open; reports that instead. */
bool filter_report_cause(struct filter *f);
/* The words which begin a statement of that block, and the block's name in messages ("network { }"). */
const char *const *filter_words(enum block block, uint32_t *out_count);
const char *filter_block_name(enum block block);

#endif
