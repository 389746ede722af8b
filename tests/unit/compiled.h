/* compiled.h: a text as a module of an engine, for a test. */
#ifndef NNT_COMPILED_H
#define NNT_COMPILED_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "lang/ast.h"
#include "tests/engine/engine.h"

struct compiled {
    struct diag *diag;
    struct arena *arena;
    struct model *model;
    struct nnt_module *module;
};

/* Fails where the text does not check, or the engine cannot. Give it back by dispose. */
static inline struct compiled compile(const char *text, const char *engine, uint32_t real_bytes, uint32_t entries)
{
    struct compiled c = {.diag = diag_new(), .arena = arena_new()};
    struct ast_source *source = parse(c.diag, c.arena, "test.nnt", text, strlen(text));

    c.model = source && !diag_failed(c.diag) ? check(c.diag, c.arena, source, NULL, 0) : NULL;
    if (!c.model) {
        diag_print(c.diag, stderr, DIAG_PLAIN);
        fail_msg("does not check:\n%s", text);
    }
    c.module = engine_module(c.diag, c.arena, c.model, engine, real_bytes, entries);
    assert_non_null(c.module);
    return c;
}

static inline void dispose(struct compiled *c)
{
    engine_release(c->module);
    diag_free(c->diag);
    arena_free(c->arena);
}

#endif
