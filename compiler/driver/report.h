/* report.h: a run folder as one page of pictures with their numbers. */
#ifndef NNT_REPORT_H
#define NNT_REPORT_H

#include "runtime/base/arena.h"
#include "runtime/base/diag.h"

/* Writes `folder`/report.html from its run.json and metrics.jsonl, beside and renamed: one page that needs nothing else, no script, and
 * is the same whenever it is made. Only what was measured is drawn; numbers stand as in metrics.jsonl, digit by digit. false with a
 * message, and what was there stays. */
MUST_USE bool report_write(struct diag *diag, struct arena *arena, const char *folder);

#endif
