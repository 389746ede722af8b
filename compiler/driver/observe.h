/* observe.h: measurements of a run: what is due, on which samples, and the lines that come of it. */
#ifndef NNT_OBSERVE_H
#define NNT_OBSERVE_H

#include "compiler/driver/compile.h"
#include "runtime/thermo/ledger.h"

struct observer;
/* What is observed. All pointers must outlive the observer. */
struct observed {
    const struct model *model;
    const struct data *data;
    /* With observed_entries; NULL where the file has no loss that is trained on. The parameters that observe() is given are its, or those
     * of the ensemble's module. */
    const struct nnt_module *module;
    bool interpreter;
};
/* The entries by which the losses of a module can be observed: of the boundary loss, and of the bulk loss where the file trains on it. */
uint32_t observed_entries(const struct model *model);
/* Draws the probes, allocates everything, and compiles the ensemble's own module (always float64) where one is asked for. NULL with
 * messages: an ensemble that the file asks for and that is not proper. */
MUST_USE struct observer *observer_new(struct session *session, const struct observed *observed,
                                       struct times *times);
void observer_free(struct observer *observer);
/* Warns of what all measurements left in doubt: samples that did not settle or relax, and what the ensemble says. */
void observer_warn(struct observer *observer);
/* Warns where a law is asked for, which compares two measurements: there will be one. */
void observer_looks_once(const struct observer *observer);
/* Whether something is due at this step. */
bool observer_due(const struct observer *observer, const struct train_state *at);
/* Whether what is due at this step belongs in a table in which no `measure` block has more than `most` rows. */
bool observer_shown(const struct observer *observer, const struct train_state *at, uint64_t most);
/* Measures all that is due (or everything, with `all`) at `progress`; `trainer` gives the running means of the training split (NULL:
 * losses are of the probe set). Up to two moments, train before test, each quantity once: of two blocks that ask for it on one split at one
 * step, the first one's probe gives it. false with messages; an ensemble that only the default block asks for is left out with a
 * warning where it is improper. Never allocates but for messages, and the matrix of a spectrum. */
MUST_USE bool observe(struct observer *observer, const struct train_state *at, double progress, bool all,
                      const void *parameters, const struct trainer *trainer, struct moment out_moment[2],
                      uint32_t *out_n);
/* The parameters to measure where nothing is trained (no `module`): --weights, or drawn by `seed`; float64, the observer's. NULL with a
 * message where the file asks for nothing that can be measured. */
const double *observer_start(struct observer *observer, uint64_t seed);
/* The ledger of a measure block; NULL where it keeps none. */
const struct ledger *observer_ledger(const struct observer *observer, uint32_t block);
/* What the ledgers need to go on bit for bit, appended; and taken back. false with a message where it is another run's. */
void observer_write(const struct observer *observer, struct text *out);
MUST_USE bool observer_read(struct observer *observer, const char *bytes, size_t length);
double observer_seconds(const struct observer *observer); /* spent measuring so far */

#endif
