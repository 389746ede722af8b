/* pass.h: from the graph as built to kernels: the passes and their runner. */
#ifndef NNT_PASS_H
#define NNT_PASS_H

#include <stdio.h>

#include "compiler/ir/ir.h"
#include "compiler/kernel/nest.h"
#include "runtime/base/diag.h"

/* What to look at while passes run (emit --after, --dump-after, --stop-after, --time-passes, --check-values). */
struct pass_watch {
    const char *stop_after; /* NULL: all */
    const char *dump_after; /* a pass or "all": its output printed to `to` */
    FILE *to;
    bool verify; /* after each pass */
    bool times;  /* printed to stderr */
};
/* The names in order, NULL behind the last. */
extern const char *const pass_names[];

/* Runs the passes on every entry of the graph. `description` is completed: its WORK sizes. A stop after a graph
 * pass leaves *out_graph (may be NULL) set and *out empty. false with a message where a pass's verification fails
 * (a BUG) or the watch names no pass. */
MUST_USE bool run_passes(struct diag *diag, struct arena *arena, const struct ir *g, struct nnt_module *description,
                         const struct target *target, const struct pass_watch *watch, const struct ir **out_graph,
                         struct kernels *out);

#endif
