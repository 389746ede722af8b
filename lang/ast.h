/* ast.h: the file as it was written: a uniform tree, private to lang/. */
#ifndef NNT_AST_H
#define NNT_AST_H

#include "runtime/base/arena.h"
#include "runtime/base/diag.h"
#include "runtime/base/text.h"

/* Children by kind; [x] may be NULL, x... is any number. `text` is the name or word where one is said. */
enum ast_kind {
    AST_FILE,     /* top... */
    AST_INCLUDE,  /* TEXT, file (AST_FILE of the included text, filled in by parse) */
    AST_PARAM,    /* text = name; expr */
    AST_LET,      /* text = name; LIST of NAME (the arguments, empty for a constant), expr */
    AST_NETWORK,  /* text = name; statement... */
    AST_DATA,     /* statement... */
    AST_ENSEMBLE, /* statement... */
    AST_TRAIN,    /* statement... */
    AST_MEASURE,  /* [WHEN], [expr: how many samples], [NAME: train or test], LIST of expr */
    /* statements of network */
    AST_NEURONS,    /* DECL... */
    AST_DECL,       /* text = name; [LIST of expr: first brackets], [LIST of expr: second brackets] */
    AST_INPUT,      /* LIST of ref, [NAME "tick"] */
    AST_OUTPUT,     /* LIST of ref, [NAME "tick"], [expr: from] */
    AST_WEIGHTS,    /* LIST of ref (the chain, two or more), [TIE], [expr: init], LIST of NAME (marks), [FAMILY] */
    AST_TIE,        /* text = "transpose" or ""; ref, ref */
    AST_FAMILY,     /* text = name; expr, expr */
    AST_BIASES,     /* LIST of ref, [expr: init], LIST of NAME (marks), [FAMILY] */
    AST_ACTIVATION, /* LIST of ref, expr, [FAMILY] */
    AST_POTENTIAL,  /* LIST of ref, expr, [FAMILY] */
    AST_LOSS_BOUNDARY, /* expr */
    AST_LOSS_BULK,     /* LIST of ref */
    /* statements of data, ensemble, train, and `dynamics` of network: one word, one expression */
    AST_SETTING, /* text = word (dynamics train test holdout seed temperature evaluation reference hessian relaxation
                    minimize optimizer batch epochs steps shuffle); expr */
    AST_BINDING, /* ref, expr */
    AST_CLAMP,   /* LIST of ref (the name `none` is a ref too) */
    AST_WHEN, /* text = "every" (expr, NAME epoch/epochs/step/steps[, from]), "times" (expr, [NAME logarithmically][, from]), "end" () */
    /* expressions; a ref is NAME or INDEX */
    AST_NUMBER, /* number; text = as written */
    AST_TEXT,   /* text = the value without quotes and escapes */
    AST_TRUE,
    AST_FALSE,
    AST_NAME,   /* text */
    AST_INDEX,  /* text = name; expr */
    AST_CALL,   /* text = function; argument... (expr, PAIR or RANGE) */
    AST_PAIR,   /* key expr (NAME for a named argument, NUMBER for piecewise), value expr */
    AST_RANGE,  /* expr, expr */
    AST_IF,     /* condition, then, else */
    AST_BINARY, /* text = or and < > <= >= == != + - * / ^; left, right */
    AST_UNARY,  /* text = - or not; operand */
    AST_LIST,   /* item... */
    AST_ERROR,  /* a statement or expression that did not parse: a message was given; checks skip it silently */
    AST_KINDS
};

struct ast {
    uint8_t kind;
    uint16_t height;  /* of the tree below: 0 without children; parse bounds it, so that walks may recurse */
    struct span span; /* of the whole construct */
    struct span name; /* of `text` where the node is named, else of its first token */
    const char *text; /* interned or arena text, never NULL */
    double number;
    uint32_t n_children;
    struct ast **child;
};

/* A comment of a source, for fmt: its span, and whether something stands before it on its line. */
struct ast_comment {
    struct span span;
    bool trailing;
};

/* One parsed source. */
struct ast_source {
    uint32_t source; /* diag's number */
    const char *path, *text;
    size_t length;
    struct ast *file;
    bool mistaken; /* a mistake was found in it, or in what it includes */
    struct ast_comment *comment;
    uint32_t n_comments;
};

/* Parses a text (UTF-8, BOM and CRLF accepted) that diag knows as `source`; includes are read relative to `path`'s folder and
 * parsed too (cycles and unreadable files are messages; included from is kept in diag). Returns the source with its tree even
 * where there were mistakes (AST_ERROR nodes; `mistaken` tells); NULL only where nothing can be read at all (not UTF-8, NUL).
 * Nesting is bounded (deep brackets are a message, not a crash). All memory is the arena's. */
MUST_USE struct ast_source *parse(struct diag *diag, struct arena *arena, const char *path, const char *text,
                                  size_t length);
/* Whether two trees say the same: kinds, texts, numbers and children; spans do not count. */
bool ast_equal(const struct ast *a, const struct ast *b);
/* The file in canonical layout, comments kept (nnt fmt): print.c. parse(print(file)) equals file, and printing is idempotent. */
void ast_print(const struct ast_source *source, struct text *out);
/* The tree, an S-expression a line, indented (nnt emit --ast). */
void ast_dump(const struct ast *node, struct text *out);

#endif
