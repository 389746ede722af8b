/* case.h: a reference case as the text of a .nnt file. */
#ifndef TESTS_REFERENCE_CASE_H
#define TESTS_REFERENCE_CASE_H

#include <jansson.h>

#include "runtime/base/text.h"

/* What the ensemble of a case is taken at: the forward state; the relaxed one, by Gauss-Newton's (the bulk loss is minimised there too)
 * or by the full Hessian. */
enum case_reference { CASE_FORWARD, CASE_RELAXED, CASE_FULL };
/* Adds the case as a .nnt file: functions, network and ensemble, for kernels of real_bytes (in float32 a settle tolerance is
 * 1e-6). NULL, or what in the case is not understood. */
const char *case_text(const json_t *it, enum case_reference reference, uint32_t real_bytes, struct text *out);
/* The text of a string member, "" where there is none. */
const char *case_word(const json_t *it, const char *member);
/* Whether a list of strings has it. */
bool case_lists(const json_t *list, const char *word);

#endif
