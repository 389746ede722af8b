/* draw.h: well-typed networks drawn by seed, as text, with random functions, potentials and losses of their own. */
#ifndef TESTS_DRAW_H
#define TESTS_DRAW_H

#include "runtime/base/random.h"
#include "runtime/base/text.h"

/* One experiment that checks without a mistake: feed-forward, with ticks or settling; its ensemble at the forward or the relaxed
 * state. The same seed gives the same text. One that settles has `param accuracy`, the tolerance, which stands at 1e-13;
 * one that jumps `param nudge`, which stands at 1: what is near a jump changes with it by more than a little. */
void draw_network(uint64_t seed, struct text *out);
/* The same, of functions that have all derivatives everywhere. */
void draw_smooth_network(uint64_t seed, struct text *out);
/* An expression of `of`, element by element, smooth or kinked, that grows slowly. */
void draw_elementwise(uint64_t seed, const char *of, struct text *out);

/* What an expression may do: mix the neurons of a group; jump, or rise infinitely steeply, which no iteration bears; not even kink. What jumps may take `nudge`
 * times its argument, where the file has that param. */
struct draw_style {
    bool mixes, jumps, smooth, nudged;
};
/* The same, from a generator that goes on, `depth` functions deep. */
void draw_expression(struct random *random, struct text *out, const char *of, uint32_t depth,
                     struct draw_style style);

#endif
