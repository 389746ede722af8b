/* arena.h: memory of one compilation, freed all at once. */
#ifndef NNT_ARENA_H
#define NNT_ARENA_H

#include <stdarg.h>

#include "runtime/base/base.h"

struct arena;

/* A new, empty arena; the caller owns it. Out of memory ends the process through the handler below. */
MUST_USE struct arena *arena_new(void);
/* Frees the arena and everything that was allocated from it; NULL is allowed. */
void arena_free(struct arena *arena);
/* `bytes` zeroed bytes, aligned for any type; never NULL. */
void *arena_alloc(struct arena *arena, size_t bytes);
/* Room for one more element of `each` bytes: returns `array` (or a larger copy), *capacity counts elements. */
void *arena_grow(struct arena *arena, void *array, uint32_t count, uint32_t *capacity, size_t each);
/* A zero-terminated copy of `length` bytes of text. */
char *arena_text(struct arena *arena, const char *text, size_t length);
/* printf into the arena. */
char *arena_printf(struct arena *arena, const char *format, ...) PRINTF(2, 3);
char *arena_vprintf(struct arena *arena, const char *format, va_list arguments) PRINTF(2, 0);
/* What happens when the system has no more memory; the default prints a line and exits with status 2. */
void arena_on_exhaustion(void (*handler)(void));
/* Calls that handler and does not return: for others that run out of memory (text.c, expr.c). */
NORETURN void arena_exhausted(void);

#endif
