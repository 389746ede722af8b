/* print.c: the file as canonical text (fmt), comments kept.
 *
 * The words stay in their order and lines stay broken where the writer broke them; spaces, indents, blank lines,
 * the commas behind a last item and the columns of comments are set. So the tree cannot change, and no comment has
 * to find a new place. */
#include "lang/filter.h"
#include "lang/grammar.h"

#include <string.h>

#define INDENT 4

/* A line of the result, with the comment that stands behind it. */
struct line {
    const char *text;
    uint32_t width; /* in characters */
    const struct ast_comment *comment;
    bool is_apart; /* a blank line before it */
};
struct printer {
    const struct ast_source *source;
    const struct tokens *tokens;
    struct filter filter;
    struct arena *arena;
    struct line *line;
    uint32_t n_lines, lines_capacity;
    struct text text;                  /* of the line being made */
    const struct ast_comment *comment; /* behind it */
    bool is_apart;
    uint32_t next_comment;
    uint32_t end;        /* of the last token or comment, in the source */
    uint32_t outer;      /* indent of the statement's first line */
    uint32_t n_brackets; /* open round and square ones */
    int before;          /* kind of the last token, 0 at a statement's begin */
    bool was_sign;       /* which was a sign, not an operator */
    bool begins;         /* the next token begins a statement */
    bool is_block;       /* inside braces */
    bool is_one_line;    /* which stand on one line */
    bool was_opened;     /* nothing stands in them yet */
};

/* ---- lines ---- */

static uint32_t width_of(const char *text)
{
    uint32_t n = 0;
    for (; *text != '\0'; text++) n += (*text & 0xC0) != 0x80;
    return n;
}

static void end_line(struct printer *p)
{
    if (p->text.length == 0) return;
    p->line = arena_grow(p->arena, p->line, p->n_lines, &p->lines_capacity, sizeof *p->line);
    struct line *line = &p->line[p->n_lines++];
    line->text = arena_text(p->arena, p->text.data, p->text.length);
    line->width = width_of(line->text);
    line->comment = p->comment;
    line->is_apart = p->is_apart && p->n_lines > 1;
    p->text.length = 0;
    p->comment = NULL;
    p->is_apart = false;
}

static void begin_line(struct printer *p, uint32_t indent, bool is_apart)
{
    end_line(p);
    text_add(&p->text, "%*s", (int)indent, "");
    p->is_apart = is_apart;
}

/* Whether the writer left a blank line before the byte at `begin`. */
static bool is_apart(const struct printer *p, uint32_t begin)
{
    uint32_t n = 0;
    for (uint32_t i = p->end; i < begin; i++) n += p->source->text[i] == '\n';
    return n >= 2 && !p->was_opened;
}

/* The comments before a token: those behind something go to the line being made, the others get lines of their own.
 */
static bool put_comments(struct printer *p, uint32_t before, uint32_t indent, bool may_be_apart)
{
    bool is_any = false;
    for (; p->next_comment < p->source->n_comments; p->next_comment++, is_any = true) {
        const struct ast_comment *c = &p->source->comment[p->next_comment];
        if (c->span.begin >= before) break;
        if (c->trailing) {
            p->comment = c;
        } else {
            begin_line(p, indent, may_be_apart && is_apart(p, c->span.begin));
            text_add_bytes(&p->text, p->source->text + c->span.begin, c->span.end - c->span.begin);
            p->was_opened = false;
        }
        p->end = c->span.end;
    }
    return is_any;
}

/* ---- spaces ---- */

static bool is_value_end(int kind)
{
    return kind == TOKEN_NAME || kind == TOKEN_NUMBER || kind == TOKEN_TEXT || kind == TOKEN_TRUE ||
           kind == TOKEN_FALSE || kind == ')' || kind == ']';
}

/* 5..8 where both ends are single words of an argument, else 1 .. n - 1. */
static bool is_tight_range(const struct printer *p, uint32_t range)
{
    const struct token *t = p->tokens->token;
    if (p->n_brackets == 0 || range < 2) return false;
    int before = t[range - 2].kind, behind = t[range + 2].kind;
    if (t[range - 1].kind == ')' || t[range - 1].kind == ']') return false; /* as in f(a,) .. 1 */
    return (before == '(' || before == ',') && (behind == ')' || behind == ',');
}

static bool is_spaced(const struct printer *p, const struct token *t)
{
    uint32_t at = (uint32_t)(t - p->tokens->token);
    int kind = t->kind;
    if (p->before == '{' && kind == '}') return false;
    if (p->before == '(' || p->before == '[' || p->was_sign || p->before == '^') return false;
    if (kind == ')' || kind == ']' || kind == ',' || kind == ':' || kind == '^' || kind == '[') return false;
    if (kind == '(') return p->before != TOKEN_NAME;
    if (kind == TOKEN_RANGE) return !is_tight_range(p, at);
    if (p->before == TOKEN_RANGE) return !is_tight_range(p, at - 1);
    return true;
}

/* ---- tokens ---- */

static bool has_comment_between(const struct printer *p, const struct token *from, const struct token *to)
{
    for (uint32_t i = p->next_comment; i < p->source->n_comments; i++) {
        uint32_t begin = p->source->comment[i].span.begin;
        if (begin > from->span.begin && begin < to->span.begin) return true;
    }
    return false;
}

/* Braces stay on one line where the writer put them on one, or where nothing is in them. */
static bool stand_on_one_line(const struct printer *p, const struct token *open)
{
    const struct token *close = &p->tokens->token[open->match];
    if (close == open + 1 && !has_comment_between(p, open, close)) return true;
    for (const struct token *t = open + 1; t <= close; t++)
        if (t->first) return false;
    return true;
}

/* A comma behind the last item: kept where a line ends between it and the bracket. */
static bool is_idle_comma(const struct printer *p, const struct token *t)
{
    const struct token *next = t + 1;
    bool is_last = t->kind == ',' && (next->kind == ')' || next->kind == '}');
    return is_last && !next->first && !has_comment_between(p, t, next);
}

static void put_token(struct printer *p, const struct token *t, int kind)
{
    text_add_bytes(&p->text, p->source->text + t->span.begin, t->span.end - t->span.begin);
    p->was_sign = kind == '-' && !is_value_end(p->before);
    p->before = kind;
    p->end = t->span.end;
    if (kind == '(' || kind == '[') p->n_brackets++;
    if ((kind == ')' || kind == ']') && p->n_brackets > 0) p->n_brackets--;
    p->was_opened = false;
}

static void put_open_brace(struct printer *p, const struct token *t)
{
    if (put_comments(p, t->span.begin, p->outer + INDENT, false))
        begin_line(p, p->outer, false);
    else
        text_add(&p->text, " ");
    put_token(p, t, '{');
    p->is_block = true;
    p->is_one_line = stand_on_one_line(p, t);
    p->was_opened = true;
    p->begins = p->filter.block != BLOCK_MEASURE;
}

static void put_close_brace(struct printer *p, const struct token *t)
{
    bool is_list = p->filter.word == TOKEN_MEASURE;
    if (is_list && !p->is_one_line && p->before != ',') text_add(&p->text, ",");
    put_comments(p, t->span.begin, INDENT, !is_list);
    if (!p->is_one_line)
        begin_line(p, 0, false);
    else if (p->before != '{')
        text_add(&p->text, " ");
    put_token(p, t, '}');
    p->is_block = p->begins = false;
    p->outer = 0;
}

static void put_first(struct printer *p, const struct token *t, int kind)
{
    p->outer = p->is_block ? INDENT : 0;
    put_comments(p, t->span.begin, p->outer, true);
    if (p->is_block && p->is_one_line)
        text_add(&p->text, " ");
    else
        begin_line(p, p->outer, is_apart(p, t->span.begin));
    p->before = 0;
    p->n_brackets = 0;
    put_token(p, t, kind);
    p->begins = false;
}

/* A line that begins with a closing bracket stands under the statement; other lines that go on are indented. */
static void put_inner(struct printer *p, const struct token *t, int kind)
{
    bool is_list = p->filter.block == BLOCK_MEASURE;
    uint32_t indent = is_list || !(kind == ')' || kind == ']') ? p->outer + INDENT : p->outer;
    bool is_broken = put_comments(p, t->span.begin, p->outer + INDENT, false);
    bool is_opened = is_list && p->before == '{' && !p->is_one_line;
    if (is_broken || is_opened || t->first)
        begin_line(p, indent, false);
    else if (is_spaced(p, t))
        text_add(&p->text, " ");
    put_token(p, t, kind);
}

static void put(struct printer *p, const struct token *t, int kind)
{
    bool was_block = p->is_block, is_block = p->filter.block != BLOCK_TOP;
    if (kind == '{' && !was_block && is_block)
        put_open_brace(p, t);
    else if (kind == '}' && was_block)
        put_close_brace(p, t);
    else if (p->begins)
        put_first(p, t, kind);
    else if (!is_idle_comma(p, t))
        put_inner(p, t, kind);
}

/* ---- the whole ---- */

/* Comments behind lines that follow each other stand in one column. */
static void write_lines(const struct printer *p, struct text *out)
{
    uint32_t column = 0;
    text_add_bytes(out, "", 0); /* nothing is a text, too */
    for (uint32_t i = 0; i < p->n_lines; i++) {
        const struct line *line = &p->line[i];
        bool continues = i > 0 && p->line[i - 1].comment != NULL && !line->is_apart;
        if (line->comment != NULL && !continues) {
            column = 0;
            for (uint32_t j = i; j < p->n_lines && p->line[j].comment != NULL && (j == i || !p->line[j].is_apart);
                 j++)
                if (p->line[j].width > column) column = p->line[j].width;
        }
        text_add(out, "%s%s", line->is_apart ? "\n" : "", line->text);
        if (line->comment != NULL) {
            const struct span *s = &line->comment->span;
            text_add(out, "%*s", (int)(column - line->width + 2), "");
            text_add_bytes(out, p->source->text + s->begin, s->end - s->begin);
        }
        text_add(out, "\n");
    }
}

static void print_tokens(struct printer *p)
{
    for (;;) {
        const struct token *t;
        struct span span;
        int kind = filter_next(&p->filter, &t, &span);
        if (p->filter.broken) return;
        if (kind == TOKEN_YYEOF) break;
        if (kind == TOKEN_END)
            p->begins = true;
        else if (t != NULL)
            put(p, &p->tokens->token[p->filter.at - 1], kind);
    }
    put_comments(p, UINT32_MAX, 0, true);
    end_line(p);
}

static bool has_mistakes(const struct ast *node)
{
    if (node == NULL) return false;
    if (node->kind == AST_ERROR) return true;
    for (uint32_t i = 0; i < node->n_children && node->kind != AST_INCLUDE; i++)
        if (has_mistakes(node->child[i])) return true;
    return false;
}

/* A text with mistakes is given back as it is. */
void ast_print(const struct ast_source *source, struct text *out)
{
    struct diag *diag = diag_new();
    struct arena *arena = arena_new();
    struct tokens tokens;
    lex(arena, diag_source(diag, source->path, source->text, source->length, (struct span){0}), source->text,
        source->length, &tokens);
    struct printer p = {.source = source, .tokens = &tokens, .arena = arena, .begins = true, .was_opened = true};
    filter_init(&p.filter, diag, &tokens);
    if (!has_mistakes(source->file)) print_tokens(&p);
    if (has_mistakes(source->file) || diag_failed(diag))
        text_add_bytes(out, source->text, source->length);
    else
        write_lines(&p, out);
    text_fini(&p.text);
    arena_free(arena);
    diag_free(diag);
}
