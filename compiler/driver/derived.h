/* derived.h: what a page computes from measurements: differences, sums, shares. */
#ifndef NNT_DERIVED_H
#define NNT_DERIVED_H

#include "compiler/driver/series.h"
#include "runtime/base/text.h"

/* Adds as computed columns what is drawn but not measured: C − C_0, −T ∇²C, the sums of the ledgers since the start. Once. */
void derive_columns(struct series *series);
/* Adds a sentence on the reduced first law in all: both sums, and their ratio where both are told from 0. */
void derive_first_law(const struct series *series, bool test, struct text *out);
/* Adds a sentence each on ΔC and ΔS: in how many of all intervals they are not above 0, and their sum. */
void derive_second_law(const struct series *series, bool test, struct text *out);

#endif
