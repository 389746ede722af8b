/* text.h: nearest word, numbers to text that reads back the same, growing text. */
#ifndef NNT_TEXT_H
#define NNT_TEXT_H

#include "runtime/base/base.h"

/* The word nearest to `found` by edit distance (insert, delete, replace, swap of neighbours; case ignored), or NULL where
 * none is within max(1, length / 3) edits, fewer than all letters. Ties: the one of the same length, then the first. */
const char *text_nearest(const char *found, const char *const words[], uint32_t n_words);
/* The shortest decimal text that reads back as the same double, C locale whatever the program's; buffer of 32 bytes.
 * Non-finite values print as nan, inf, -inf. */
void text_number(double value, char out[32]);
/* The same for a value that was a float: the shortest that reads back as the same float. */
void text_number_float(float value, char out[32]);
/* Reads a whole decimal number (C locale); false where the text is not one, or not finite, or something follows. */
MUST_USE bool text_to_number(const char *text, double *out);
/* Offset of the first byte that is not valid UTF-8, or `length` where all is. */
size_t text_invalid_utf8(const char *text, size_t length);

/* A text that grows; zero-initialise. data is always zero-terminated once something was added. Out of memory: as arena. */
struct text {
    char *data;
    size_t length, capacity;
};
void text_add(struct text *text, const char *format, ...) PRINTF(2, 3);
void text_add_bytes(struct text *text, const void *bytes, size_t length);
void text_fini(struct text *text);

#endif
