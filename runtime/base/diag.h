/* diag.h: messages to the user: collected, sorted, printed with carets. */
#ifndef NNT_DIAG_H
#define NNT_DIAG_H

#include <stdio.h>

#include "runtime/base/base.h"

/* A place: bytes begin … end of a source. source 0 is "no place" (a message without position). */
struct span {
    uint32_t source, begin, end;
};

struct diag;
enum severity { SEVERITY_WARNING, SEVERITY_INPUT, SEVERITY_MACHINE };

/* An empty collection; the caller owns it. */
MUST_USE struct diag *diag_new(void);
/* An empty collection that knows the sources of another: for what may fail without being an error of the command. */
MUST_USE struct diag *diag_aside(const struct diag *diag);
void diag_free(struct diag *diag);

/* Registers a text under the name shown in messages and returns its number (from 1). The text is copied. `from` is the
 * place of the include that brought it in, or a span of source 0. Also used for options ("command line") and data. */
uint32_t diag_source(struct diag *diag, const char *name, const char *text, size_t length, struct span from);

/* The user can mend it: the file, option or data is wrong (exit status 1). `name` is the stable short name, printed
 * behind the message as [name]. `at` may have source 0. A second input error at the same begin is dropped:
 * one mistake, one message. The text is one sentence without full stop, in the form "what was found; what was expected". */
void diag_input(struct diag *diag, struct span at, const char *name, const char *format, ...) PRINTF(4, 5);
/* The user cannot mend it in their file: machine or program (exit status 2). */
void diag_machine(struct diag *diag, struct span at, const char *name, const char *format, ...) PRINTF(4, 5);
void diag_warn(struct diag *diag, struct span at, const char *name, const char *format, ...) PRINTF(4, 5);
/* Attach to the message given last: a further place, a way to mend it. */
void diag_note(struct diag *diag, struct span at, const char *format, ...) PRINTF(3, 4);
void diag_hint(struct diag *diag, const char *format, ...) PRINTF(2, 3);
/* Hint "did you mean 'WORD'?" with the nearest of `words`, when one is near enough (text_nearest); otherwise nothing.
 * Returns whether a hint was given. */
bool diag_did_you_mean(struct diag *diag, const char *found, const char *const words[], uint32_t n_words);

/* Whether any error (not warning) was collected. */
bool diag_failed(const struct diag *diag);
/* 0 no error, 1 the input was wrong, 2 the machine or program failed. */
int diag_status(const struct diag *diag);
/* The text of the first error, the collection's; NULL where there is none. */
const char *diag_first_error(const struct diag *diag);
uint32_t diag_errors(const struct diag *diag);

enum diag_format { DIAG_PLAIN, DIAG_COLOR, DIAG_JSON };
/* Prints all messages not yet printed, sorted by source and place (those without a place last), and marks them printed.
 * PLAIN form:
 *   FILE:LINE:COLUMN: error: TEXT [name]
 *       3 |     activation h = tahn(z)
 *         |                    ^~~~
 *         = did you mean 'tanh'?
 * with "warning:" for warnings; an included file's message gets a line "included from FILE:LINE:COLUMN". Columns count
 * characters (UTF-8 code points) from 1. JSON: an array of {file,line,column,end_line,end_column,severity,name,message,hints}. */
void diag_print(struct diag *diag, FILE *to, enum diag_format format);
/* Line and column (from 1, in characters) of a span's begin. */
void diag_position(const struct diag *diag, struct span at, uint32_t *out_line, uint32_t *out_column);

#endif
