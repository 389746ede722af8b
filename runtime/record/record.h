/* record.h: the run folder: metrics, weights, run.json (LANGUAGE.md 10). */
#ifndef NNT_RECORD_H
#define NNT_RECORD_H

#include "runtime/abi.h"
#include "runtime/base/diag.h"
#include "runtime/base/text.h"
#include "runtime/thermo/measure.h"

struct record;
/* Opens (makes) a run folder: `out`, or where NULL the first free runs/NAME-N. With `resume` the folder exists, and
 * metric lines behind `step` are dropped (at step 0 all of them). The folder is this process's until the record is closed: another's is
 * a message. Every write is checked: a full disk is a message. NULL with messages. */
MUST_USE struct record *record_open(struct diag *diag, const char *out, const char *name, bool resume,
                                    uint64_t step);
const char *record_folder(const struct record *record);
/* Appends one line to metrics.jsonl, at once and without allocating; metrics.csv is made of the lines by record_close. A non-finite
 * number is a message and false: nothing of the line is written. */
MUST_USE bool record_moment(struct record *record, struct diag *diag, const struct moment *moment);
/* The line of a moment as record_moment writes it, without newline; free(). Keys in order; step epoch split first.
 */
MUST_USE char *record_line(const struct moment *moment);
/* Its readings as in that line, without the braces. */
void record_readings(const struct moment *moment, struct text *out);
/* The last value of each key of the run so far, from metrics.jsonl: of the training split, then of the test split. */
MUST_USE bool record_last(const struct record *record, struct diag *diag, struct moment out[2]);
/* run.json's text, written whole. */
MUST_USE bool record_run(struct record *record, struct diag *diag, const char *json);
MUST_USE bool record_close(struct record *record, struct diag *diag); /* frees */
void record_abandon(struct record *record);                           /* frees after a failure; writes nothing */

/* Weights as safetensors: `weight.FROM.TO`, `bias.GROUP` of the module's real type, and scale.GROUP, offset.GROUP
 * float64 [size] where scale[k] is not NULL (k counts data groups; names[k]). */
struct extra_tensor {
    const char *name;
    const double *values;
    uint32_t count;
};
MUST_USE bool weights_write(struct diag *diag, const char *path, const struct nnt_module *module,
                            const void *parameters, const struct extra_tensor *extra, uint32_t n_extra);
/* A weights file as it was read (once: it may be a pipe), its header checked by itself: the header is bounded, offsets are
 * checked. `numbers` that its network has bound its size. NULL with a message at `at`; weights_close frees. The messages of the
 * others stand there too. */
struct weights;
MUST_USE struct weights *weights_open(struct diag *diag, struct span at, const char *path, uint64_t numbers);
void weights_close(struct weights *weights);
/* Its tensors into `parameters` (converted where the file has the other float type). Every tensor of the module must be
 * there with its shape, and be finite; unknown tensors but scale.* and offset.* are refused. A message says which tensor, what
 * was found, what was expected. */
MUST_USE bool weights_take(const struct weights *weights, const struct nnt_module *module, void *parameters);
/* Its tensor scale.GROUP or offset.GROUP, of one axis, finite, no scale 0, in the arena; values NULL where it has none. false
 * with a message. */
MUST_USE bool weights_extra(const struct weights *weights, struct arena *arena, const char *name,
                            struct extra_tensor *out);
/* Opens, takes and closes. */
MUST_USE bool weights_read(struct diag *diag, struct span at, const char *path, const struct nnt_module *module,
                           void *parameters);

#endif
