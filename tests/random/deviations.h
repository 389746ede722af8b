/* deviations.h: how far estimates are from what they estimate, in their own standard errors. */
#ifndef TESTS_DEVIATIONS_H
#define TESTS_DEVIATIONS_H

#include "runtime/base/base.h"

/* Zeroed to begin. A network has one or more estimates, each an experiment of its own. */
struct deviations {
    uint32_t networks, hit; /* hit: all estimates within four errors, or exact */
    uint32_t estimates, exact;
    double sum, squares, worst; /* of those that are not exact, in errors */
    uint64_t seed;
    bool missed;
};

/* A network's estimates follow. */
void deviations_begin(struct deviations *deviations, uint64_t seed);
/* Without error, up to rounding, an estimate must be exact. */
void deviations_add(struct deviations *deviations, double value, double error, double exact);
/* Prints a line, and fails unless 99 in 100 networks are hit, and, of 50 estimates or more, the deviations have a standard deviation of
 * 0.8 to 1.25 and a mean within four of its errors from 0. */
void deviations_require(const struct deviations *deviations, const char *what);

#endif
