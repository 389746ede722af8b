/* parser.h: what the grammar's actions call to build the tree and to report; private to lang/. */
#ifndef NNT_PARSER_H
#define NNT_PARSER_H

#include "lang/filter.h"

/* Trees higher than this are refused, so that whoever walks them may recurse. */
#define PARSER_HEIGHT 1000

struct parser {
    struct diag *diag;
    struct arena *arena;
    struct filter filter;
    struct ast *file; /* the result */
};
struct ast_list {
    struct ast **item;
    uint32_t count, capacity;
};

/* ast.c: a node with n children (struct ast *, may be NULL) behind `text`; one with the children of a list. */
struct ast *ast_node(struct parser *p, enum ast_kind kind, struct span span, struct span name, const char *text,
                     uint32_t n, ...);
struct ast *ast_node_of(struct parser *p, enum ast_kind kind, struct span span, struct span name, const char *text,
                        const struct ast_list *list);
struct ast *ast_atom(struct parser *p, enum ast_kind kind, const struct token *token);
/* A list of one item, or empty where item is NULL; the list with one more. */
struct ast_list *ast_list(struct parser *p, struct ast *item);
struct ast_list *ast_append(struct parser *p, struct ast_list *list, struct ast *item);
/* The statement which did not parse: AST_ERROR, its span the whole of it, its text its word ("" where it begins
 * with none). */
struct ast *ast_failed(struct parser *p);

/* syntax.c: the message of a token that fits nowhere, from the descriptions of what would have fitted. */
void syntax_error(struct parser *p, struct span at, const char *const expected[], uint32_t n_expected);
/* Whether a name is one of the words which have a meaning in its place; reports where it is not. */
MUST_USE bool syntax_word(struct parser *p, const struct token *name, const char *const words[], uint32_t n_words);
/* The stack of the grammar is full. */
void syntax_too_deep(struct parser *p);

#endif
