/* picture.h: the pictures of a run: which columns of its measurements make one. */
#ifndef NNT_PICTURE_H
#define NNT_PICTURE_H

#include "compiler/driver/series.h"
#include "runtime/base/text.h"

/* Adds a <figure> for each picture that these measurements, derived columns among them (derived.h), can make: an SVG, what it
 * shows, its numbers as a table; returns how many. */
uint32_t pictures_add(const struct series *series, struct text *out);

#endif
