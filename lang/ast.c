/* ast.c: the file as it was written: the tree is built, compared and dumped. */
#include "lang/parser.h"

#include <stdarg.h>
#include <string.h>

/* ---- building ---- */

static struct ast *new_node(struct parser *p, enum ast_kind kind, struct span span, struct span name,
                            const char *text, uint32_t n)
{
    struct ast *node = arena_alloc(p->arena, sizeof *node);
    node->kind = (uint8_t)kind;
    node->span = span;
    node->name = name;
    node->text = text;
    node->n_children = n;
    node->child = n > 0 ? arena_alloc(p->arena, n * sizeof(struct ast *)) : NULL;
    return node;
}

/* Measures a node whose children stand; what is too high becomes an AST_ERROR, so that nothing higher is ever
 * built. */
static struct ast *measured(struct parser *p, struct ast *node)
{
    for (uint32_t i = 0; i < node->n_children; i++)
        if (node->child[i] != NULL && node->child[i]->height >= node->height)
            node->height = node->child[i]->height + 1;
    if (node->height <= PARSER_HEIGHT) return node;
    syntax_too_deep(p);
    return new_node(p, AST_ERROR, node->span, node->name, "", 0);
}

struct ast *ast_node(struct parser *p, enum ast_kind kind, struct span span, struct span name, const char *text,
                     uint32_t n, ...)
{
    struct ast *node = new_node(p, kind, span, name, text, n);
    va_list children;
    va_start(children, n);
    for (uint32_t i = 0; i < n; i++) node->child[i] = va_arg(children, struct ast *);
    va_end(children);
    return measured(p, node);
}

struct ast *ast_node_of(struct parser *p, enum ast_kind kind, struct span span, struct span name, const char *text,
                        const struct ast_list *list)
{
    struct ast *node = new_node(p, kind, span, name, text, list->count);
    if (list->count > 0) memcpy(node->child, list->item, list->count * sizeof(struct ast *));
    return measured(p, node);
}

struct ast *ast_atom(struct parser *p, enum ast_kind kind, const struct token *token)
{
    struct ast *node = new_node(p, kind, token->span, token->span, token->text, 0);
    node->number = token->number;
    return node;
}

struct ast_list *ast_append(struct parser *p, struct ast_list *list, struct ast *item)
{
    list->item = arena_grow(p->arena, list->item, list->count, &list->capacity, sizeof(struct ast *));
    list->item[list->count++] = item;
    return list;
}

struct ast_list *ast_list(struct parser *p, struct ast *item)
{
    struct ast_list *list = arena_alloc(p->arena, sizeof *list);
    return item == NULL ? list : ast_append(p, list, item);
}

struct ast *ast_failed(struct parser *p)
{
    const struct filter *f = &p->filter;
    const struct token *first = &f->tokens->token[f->begin],
                       *last = &f->tokens->token[f->at > f->begin ? f->at - 1 : f->begin];
    struct span span = {first->span.source, first->span.begin, last->span.end};
    return new_node(p, AST_ERROR, span, first->span, f->word != 0 ? f->meant.text : "", 0);
}

/* ---- comparing ---- */

bool ast_equal(const struct ast *a, const struct ast *b)
{
    if (a == NULL || b == NULL) return a == b;
    if (a->kind != b->kind || a->number != b->number || a->n_children != b->n_children ||
        strcmp(a->text, b->text) != 0)
        return false;
    for (uint32_t i = 0; i < a->n_children; i++)
        if (!ast_equal(a->child[i], b->child[i])) return false;
    return true;
}

/* ---- dumping ---- */

static const char *const kind_names[AST_KINDS] = {
    [AST_FILE] = "file",
    [AST_INCLUDE] = "include",
    [AST_PARAM] = "param",
    [AST_LET] = "let",
    [AST_NETWORK] = "network",
    [AST_DATA] = "data",
    [AST_ENSEMBLE] = "ensemble",
    [AST_TRAIN] = "train",
    [AST_MEASURE] = "measure",
    [AST_NEURONS] = "neurons",
    [AST_DECL] = "decl",
    [AST_INPUT] = "input",
    [AST_OUTPUT] = "output",
    [AST_WEIGHTS] = "weights",
    [AST_TIE] = "tie",
    [AST_FAMILY] = "family",
    [AST_BIASES] = "biases",
    [AST_ACTIVATION] = "activation",
    [AST_POTENTIAL] = "potential",
    [AST_LOSS_BOUNDARY] = "loss-boundary",
    [AST_LOSS_BULK] = "loss-bulk",
    [AST_SETTING] = "setting",
    [AST_BINDING] = "binding",
    [AST_CLAMP] = "clamp",
    [AST_WHEN] = "when",
    [AST_NUMBER] = "number",
    [AST_TEXT] = "text",
    [AST_TRUE] = "true",
    [AST_FALSE] = "false",
    [AST_NAME] = "name",
    [AST_INDEX] = "index",
    [AST_CALL] = "call",
    [AST_PAIR] = "pair",
    [AST_RANGE] = "range",
    [AST_IF] = "if",
    [AST_BINARY] = "binary",
    [AST_UNARY] = "unary",
    [AST_LIST] = "list",
    [AST_ERROR] = "error",
};

static void dump_text(const char *text, struct text *out)
{
    text_add(out, " \"");
    for (; *text != '\0'; text++) {
        if (*text == '\n')
            text_add(out, "\\n");
        else if (*text == '\t')
            text_add(out, "\\t");
        else
            text_add(out, *text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
    }
    text_add(out, "\"");
}

static void dump_node(const struct ast *node, uint32_t indent, struct text *out)
{
    if (indent > 0) text_add(out, "\n%*s", (int)(2 * indent), "");
    if (node == NULL) {
        text_add(out, "-");
        return;
    }
    text_add(out, "(%s", kind_names[node->kind]);
    if (node->kind == AST_TEXT)
        dump_text(node->text, out);
    else if (node->text[0] != '\0')
        text_add(out, " %s", node->text);
    for (uint32_t i = 0; i < node->n_children; i++) dump_node(node->child[i], indent + 1, out);
    text_add(out, ")");
}

void ast_dump(const struct ast *node, struct text *out)
{
    dump_node(node, 0, out);
    text_add(out, "\n");
}
