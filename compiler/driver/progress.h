/* progress.h: how far a run is, on stderr. */
#ifndef NNT_PROGRESS_H
#define NNT_PROGRESS_H

#include <stdint.h>

#include "runtime/base/base.h"

struct progress {
    bool quiet, terminal, shown;
    double began, last; /* seconds */
    uint64_t first;     /* the step it began at */
};
/* Characters in a line of the terminal behind a stream's number; 0 where it is none. */
int terminal_width(int stream);
/* `step`: the step the run begins or goes on at. */
struct progress progress_begin(bool quiet, uint64_t step);
/* Shows step of steps: a bar with rate and time left on a terminal (ten times a second at most, never
 * wider than it), a line every ten seconds elsewhere. */
void progress_show(struct progress *progress, uint64_t step, uint64_t steps, uint64_t steps_per_epoch,
                   uint64_t samples);
/* Takes the bar away, so that something else can be printed. */
void progress_clear(struct progress *progress);

#endif
