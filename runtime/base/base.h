/* base.h: the few macros of the project: MUST_USE, PRINTF, BUG, LENGTH; sizes and numbers, checked. */
#ifndef NNT_BASE_H
#define NNT_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF(text, first) __attribute__((format(printf, text, first)))
#define NORETURN __attribute__((noreturn))
#else
#define MUST_USE
#define PRINTF(text, first)
#define NORETURN
#endif

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* Our own mistakes: prints file, line and what was thought impossible, and aborts. A user never meets one. */
#define BUG(...) base_bug(__FILE__, __LINE__, __VA_ARGS__)
NORETURN void base_bug(const char *file, int line, const char *format, ...) PRINTF(3, 4);

/* Writes a * b to *out and returns true, or returns false where the product does not fit a size_t. */
MUST_USE bool size_product(size_t a, size_t b, size_t *out);
/* `count` zeros, at least one, so that NULL means that memory is short, or that so many do not fit a size_t. The caller frees them. */
MUST_USE double *numbers_new(size_t count);

#endif
