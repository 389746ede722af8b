/* arena.c: memory of one compilation: a list of chunks, cut from the front, freed all at once. */
#include "runtime/base/arena.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES ((size_t)64 << 10)
#define ALIGNMENT _Alignof(max_align_t)

struct chunk {
    struct chunk *next;
    size_t used, size;
    _Alignas(max_align_t) unsigned char bytes[];
};
struct arena {
    struct chunk *first;
};

/* The one global that changes: memory ends for the whole process, not for one arena. */
static void (*on_exhaustion)(void);

void arena_on_exhaustion(void (*handler)(void))
{
    on_exhaustion = handler;
}

void arena_exhausted(void)
{
    if (on_exhaustion != NULL) on_exhaustion();
    fputs("nnt: error: out of memory [out-of-memory]\n", stderr);
    exit(2);
}

struct arena *arena_new(void)
{
    struct arena *arena = calloc(1, sizeof *arena);
    if (arena == NULL) arena_exhausted();
    return arena;
}

void arena_free(struct arena *arena)
{
    if (arena == NULL) return;
    for (struct chunk *chunk = arena->first, *next; chunk != NULL; chunk = next) {
        next = chunk->next;
        free(chunk);
    }
    free(arena);
}

/* A piece larger than a quarter chunk gets a chunk of its own behind the first, which goes on being filled. */
static struct chunk *add_chunk(struct arena *arena, size_t bytes)
{
    bool own = bytes > CHUNK_BYTES / 4 && arena->first != NULL;
    size_t size = bytes > CHUNK_BYTES / 4 ? bytes : CHUNK_BYTES;
    struct chunk *chunk = calloc(1, sizeof *chunk + size);
    if (chunk == NULL) arena_exhausted();
    chunk->size = size;
    chunk->next = own ? arena->first->next : arena->first;
    *(own ? &arena->first->next : &arena->first) = chunk;
    return chunk;
}

void *arena_alloc(struct arena *arena, size_t bytes)
{
    if (bytes > SIZE_MAX / 2) arena_exhausted();
    bytes = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    struct chunk *chunk = arena->first;
    if (chunk == NULL || chunk->size - chunk->used < bytes) chunk = add_chunk(arena, bytes);
    void *piece = chunk->bytes + chunk->used;
    chunk->used += bytes;
    return piece;
}

void *arena_grow(struct arena *arena, void *array, uint32_t count, uint32_t *capacity, size_t each)
{
    if (count < *capacity) return array;
    if (count > UINT32_MAX / 2) arena_exhausted();
    uint32_t wanted = count < 4 ? 8 : 2 * count;
    size_t bytes;
    if (!size_product(wanted, each, &bytes)) arena_exhausted();
    void *larger = arena_alloc(arena, bytes);
    if (count > 0) memcpy(larger, array, count * each);
    *capacity = wanted;
    return larger;
}

char *arena_text(struct arena *arena, const char *text, size_t length)
{
    char *copy = arena_alloc(arena, length + 1);
    if (length > 0) memcpy(copy, text, length);
    return copy;
}

char *arena_vprintf(struct arena *arena, const char *format, va_list arguments)
{
    va_list again;
    va_copy(again, arguments);
    int length = format == NULL ? -1 : vsnprintf(NULL, 0, format, arguments);
    if (length < 0) BUG("a format that cannot be printed");
    char *text = arena_alloc(arena, (size_t)length + 1);
    vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    return text;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *text = arena_vprintf(arena, format, arguments);
    va_end(arguments);
    return text;
}
