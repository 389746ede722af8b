/* checked.h: a text parsed and checked for a test, and its messages as short lines. */
#ifndef NNT_CHECKED_H
#define NNT_CHECKED_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lang/ast.h"
#include "lang/model.h"

struct checked {
    struct diag *diag;
    struct arena *arena;
    struct model *model;
    char *printed; /* the messages */
    size_t size;
};

static inline struct checked check_path(const char *path, const char *text, const struct setting *settings,
                                        uint32_t n_settings)
{
    struct checked c = {.diag = diag_new(), .arena = arena_new()};
    const struct ast_source *source = parse(c.diag, c.arena, path, text, strlen(text));
    assert_non_null(source);
    c.model = check(c.diag, c.arena, source, settings, n_settings);
    assert_true(!c.model == diag_failed(c.diag));
    FILE *to = open_memstream(&c.printed, &c.size);
    diag_print(c.diag, to, DIAG_PLAIN);
    fclose(to);
    return c;
}

static inline struct checked check_text(const char *text)
{
    return check_path("t.nnt", text, NULL, 0);
}

static inline void release(struct checked *c)
{
    free(c->printed);
    diag_free(c->diag);
    arena_free(c->arena);
}

/* "LINE:COLUMN name" of each message, joined by "; ", warnings with a '?' before: what the tables below expect. */
static inline void list_messages(const char *printed, char out[2048])
{
    size_t length = 0;
    out[0] = 0;
    for (const char *line = printed; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        char text[1024], *name;
        snprintf(text, sizeof text, "%.*s", (int)strcspn(line, "\n"), line);
        const char *error = strstr(text, ": error: "), *warning = strstr(text, ": warning: ");
        if (line[0] == ' ' || (!error && !warning) || !(name = strrchr(text, '['))) continue;
        text[strlen(text) - 1] = 0;
        unsigned row = 0, column = 0;
        const char *place = strchr(text, ':');
        bool placed = sscanf(place, ":%u:%u:", &row, &column) == 2;
        length += (size_t)snprintf(out + length, 2048 - length, "%s%s", length ? "; " : "", error ? "" : "?");
        if (!strncmp(text, "command line", 12))
            length += (size_t)snprintf(out + length, 2048 - length, "-%u %s", column, name + 1);
        else if (placed)
            length += (size_t)snprintf(out + length, 2048 - length, "%u:%u %s", row, column, name + 1);
        else
            length += (size_t)snprintf(out + length, 2048 - length, "%s", name + 1);
    }
}

static inline bool says(const char *source, const char *expected, const struct setting *settings, uint32_t n)
{
    char found[2048];
    struct checked c = check_path("t.nnt", source, settings, n);
    list_messages(c.printed, found);
    bool same = !strcmp(found, expected);
    if (!same) print_error("---- expected '%s', found '%s'\n%s\n%s\n", expected, found, source, c.printed);
    release(&c);
    return same;
}

static inline struct checked good_model(const char *text)
{
    struct checked c = check_text(text);
    if (!c.model || c.printed[0]) print_error("%s\n%s", text, c.printed);
    assert_non_null(c.model);
    assert_int_equal(c.printed[0], 0);
    return c;
}

#endif
