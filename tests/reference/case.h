/* case.h: a reference case as the text of a .nnt file. */
#ifndef TESTS_REFERENCE_CASE_H
#define TESTS_REFERENCE_CASE_H

#include <jansson.h>

#include "runtime/base/text.h"

/* Adds the case as a .nnt file: functions, network and ensemble. NULL, or what in the case is not understood. */
const char *case_text(const json_t *it, struct text *out);
/* The text of a string member, "" where there is none. */
const char *case_word(const json_t *it, const char *member);
/* Whether a list of strings has it. */
bool case_lists(const json_t *list, const char *word);

#endif
