/* manifest.h: run.json: what a run was, enough to go on with it or to repeat it. */
#ifndef NNT_MANIFEST_H
#define NNT_MANIFEST_H

#include "compiler/driver/compile.h"
#include "runtime/record/record.h"

/* The text of run.json: version, time, command line, file, settings, seed, precision, engine, machine, compile time, septuple, source.
 * The arena's. */
const char *manifest_text(struct session *session, const struct model *model, const struct ast_source *source,
                          const struct times *times);
/* With --resume RUN: what the command line does not say (FILE, --set, --data, --seed, --precision, --engine) is taken from RUN/run.json, the
 * text of the file as it was when the run began. false with a message where that cannot be read or is not a run's. */
MUST_USE bool manifest_resume(struct session *session);
/* The last line of --json: {"summary": …}. */
struct summary {
    const struct moment *moment; /* the last value of each key: train, test */
    struct times times;
    double first_step, train, measure, data, total;
    uint64_t steps, parameters;
    const char *folder;
    const char *laws; /* "laws": [ … ]; NULL: none */
};
void summary_print(const struct summary *summary);

#endif
