/* parse.c: a text and what it includes to trees. */
#include "lang/parser.h"
#include "lang/grammar.h"
#include "runtime/base/file.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* A longer source is no experiment; the lexer counts in int. */
#define MOST_BYTES ((size_t)16 << 20)
#define MOST_INCLUDES 32

/* The files that are being read, from the innermost outwards. */
struct reading {
    struct diag *diag;
    struct arena *arena;
    const char *path;
    const struct reading *outer;
    struct span from; /* the include */
};

static struct ast_source *read_text(const struct reading *r, const char *text, size_t length);

/* ---- include ---- */

static bool is_same_file(const char *a, const char *b)
{
    char *real_a = realpath(a, NULL), *real_b = realpath(b, NULL);
    bool is_same = strcmp(real_a != NULL ? real_a : a, real_b != NULL ? real_b : b) == 0;
    free(real_a);
    free(real_b);
    return is_same;
}

/* false, with a message, where the file is being read already or the chain of includes is too long. */
static bool may_include(const struct reading *r, const char *path, struct span at)
{
    uint32_t depth = 0;
    for (const struct reading *outer = r; outer != NULL; outer = outer->outer, depth++) {
        if (!is_same_file(outer->path, path)) continue;
        diag_input(r->diag, at, "include-cycle", "'%s' includes itself%s", path,
                   outer == r ? "" : " by way of other files");
        return false;
    }
    if (depth < MOST_INCLUDES) return true;
    diag_input(r->diag, at, "include-cycle", "files include each other more than %d deep", MOST_INCLUDES);
    return false;
}

static char *included_path(const struct reading *r, const char *name)
{
    bool is_plain = strchr(r->path, '/') == NULL && strcmp(name, "-") != 0;
    char *folder = file_folder(r->path), *joined = file_join(is_plain ? NULL : folder, name);
    char *path = arena_text(r->arena, joined, strlen(joined));
    free(folder);
    free(joined);
    return path;
}

static struct ast *include(const struct reading *r, const struct ast *node)
{
    const struct ast *name = node->child[0];
    struct reading inner = {r->diag, r->arena, included_path(r, name->text), r, name->span};
    if (!may_include(r, inner.path, name->span)) return NULL;
    size_t length;
    char *text = file_read(r->diag, name->span, inner.path, MOST_BYTES, &length);
    if (text == NULL) return NULL;
    struct ast_source *source = read_text(&inner, text, length);
    free(text);
    return source != NULL ? source->file : NULL;
}

static void include_all(const struct reading *r, struct ast *file)
{
    for (uint32_t i = 0; i < file->n_children; i++) {
        struct ast *top = file->child[i];
        if (top->kind == AST_INCLUDE) top->child[1] = include(r, top);
    }
}

/* ---- text ---- */

static bool is_readable(struct diag *diag, uint32_t source, const char *text, size_t length)
{
    const char *zero = memchr(text, '\0', length);
    size_t invalid = text_invalid_utf8(text, length), nul = zero != NULL ? (size_t)(zero - text) : length;
    if (nul < invalid) {
        struct span at = {source, (uint32_t)nul, (uint32_t)nul + 1};
        diag_input(diag, at, "nul-byte", "a zero byte stands here; a text was expected");
    } else if (invalid < length) {
        struct span at = {source, (uint32_t)invalid, (uint32_t)invalid + 1};
        diag_input(diag, at, "not-utf8", "the byte 0x%02X is not UTF-8", (unsigned char)text[invalid]);
        diag_hint(diag, "save the file in the encoding UTF-8");
    }
    return nul == length && invalid == length;
}

static struct ast *parse_tokens(struct diag *diag, struct arena *arena, const struct tokens *tokens)
{
    struct parser p = {.diag = diag, .arena = arena};
    filter_init(&p.filter, diag, tokens);
    if (lang_parse(&p) == 0 && p.file != NULL) return p.file;
    if (!diag_failed(diag)) BUG("a parse failed without a message");
    struct span none = {tokens->token[0].span.source, 0, 0};
    struct ast *error = ast_node(&p, AST_ERROR, none, none, "", 0);
    return ast_node(&p, AST_FILE, none, none, "", 1, error);
}

static struct ast_source *read_text(const struct reading *r, const char *text, size_t length)
{
    static const char mark[] = "\xEF\xBB\xBF";
    if (length >= 3 && memcmp(text, mark, 3) == 0) text += 3, length -= 3;
    if (length > MOST_BYTES) {
        diag_input(r->diag, r->from, "too-large", "'%s' has more than %zu MB", r->path, MOST_BYTES >> 20);
        return NULL;
    }
    struct ast_source *source = arena_alloc(r->arena, sizeof *source);
    source->source = diag_source(r->diag, r->path, text, length, r->from);
    if (!is_readable(r->diag, source->source, text, length)) return NULL;
    source->path = arena_text(r->arena, r->path, strlen(r->path));
    source->text = arena_text(r->arena, text, length);
    source->length = length;
    struct tokens tokens;
    lex(r->arena, source->source, source->text, length, &tokens);
    source->comment = tokens.comment;
    source->n_comments = tokens.n_comments;
    source->file = parse_tokens(r->diag, r->arena, &tokens);
    include_all(r, source->file);
    return source;
}

struct ast_source *parse(struct diag *diag, struct arena *arena, const char *path, const char *text, size_t length)
{
    struct reading r = {.diag = diag, .arena = arena, .path = path};
    uint32_t before = diag_errors(diag);
    struct ast_source *source = read_text(&r, text, length);
    if (source) source->mistaken = diag_errors(diag) > before;
    return source;
}
