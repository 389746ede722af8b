/* contract.h: weights of a drawn network made so small that what it iterates contracts. */
#ifndef TESTS_CONTRACT_H
#define TESTS_CONTRACT_H

#include "compiler/driver/exercise.h"

/* Halves the weights, once for a network that has ticks; of one that settles, until each sample does in every forward that the
 * module has, the changes falling by two fifths a tick at least. False: it does not, whatever the weights. A feed-forward
 * network stays as it is, and so do the states drawn. */
MUST_USE bool contract(struct exercise *exercise, bool ticks);
/* Whether it does so with the weights that it has; nothing changes. */
MUST_USE bool still_contracts(const struct exercise *exercise);

#endif
