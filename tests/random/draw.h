/* draw.h: well-typed networks drawn by seed, as text, with random functions, potentials and losses of their own. */
#ifndef TESTS_DRAW_H
#define TESTS_DRAW_H

#include "runtime/base/text.h"

/* One experiment, feed-forward, that checks without a message. The same seed gives the same text. */
void draw_network(uint64_t seed, struct text *out);
/* An expression of `of`, element by element, smooth or kinked, that grows slowly. */
void draw_elementwise(uint64_t seed, const char *of, struct text *out);

#endif
