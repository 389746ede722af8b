/* train.h: the training loop: slabs allocated once, no allocation between the first and the last step. */
#ifndef NNT_TRAIN_H
#define NNT_TRAIN_H

#include "runtime/abi.h"
#include "runtime/data/data.h"
#include "runtime/thermo/convergence.h"
#include "runtime/thermo/measure.h"
#include "runtime/thermo/products.h"

/* The train block (the optimizer itself is compiled into the module's step). */
struct train_options {
    const struct expr *rate;     /* schedule of progress */
    const struct expr *boundary; /* coefficient of the boundary loss, a schedule; NULL: 1 where it is minimised */
    const struct expr *bulk;     /* coefficient of the bulk loss, likewise */
    const struct expr *free_energy; /* coefficient of F, likewise */
    const struct expr *temperature; /* of F */
    uint32_t batch;                 /* 0: all */
    uint64_t epochs, steps;         /* steps > 0 wins */
    bool shuffle;
    uint64_t seed;
};

struct trainer;
/* What the loop is doing, for progress and interruption; `step` steps of `steps` are done. */
struct train_state {
    uint64_t step, steps, steps_per_epoch, epoch;
    /* Mean over the samples since the last measurement: the boundary loss; on the bulk alone, H; on neither, F. */
    double loss;
    uint64_t samples; /* trained on since the last measurement */
};

/* Everything a run needs, allocated now. Module and data must outlive the trainer; module has `step`, the loss that its
 * objective names (with trainer_minimise_F `descend`), and the data's real type. Weights begin by init_parameters with
 * options->seed. NULL with a message (memory, sizes). */
MUST_USE struct trainer *trainer_new(struct diag *diag, const struct nnt_module *module, const struct data *data,
                                     const struct train_options *options);
void trainer_free(struct trainer *trainer);
/* From now on steps minimise F too, at options->temperature with the coefficient options->free_energy, beside what the
 * module's `gradient` is of (where it has one; objective NNT_ON_NEITHER: F alone): before the first step. The module has
 * `descend`, and `loss` where it minimises that; `ensemble` is the same network in float64, with what ensemble_new asks for
 * and `pull`. Both must outlive the trainer. false with messages, those of ensemble_new at `at`. */
MUST_USE bool trainer_minimise_F(struct trainer *trainer, struct diag *diag, struct span at,
                                 const struct nnt_module *ensemble, const struct ensemble_spec *spec);
/* Warns of what the ensemble of all steps left in doubt. */
void trainer_warn(const struct trainer *trainer, struct diag *diag);
/* One step on the next batch. Never allocates. Returns false where a loss, the rate or a coefficient is not finite:
 * trainer_tell says what, and the trainer stands at the last step whose weights are finite. */
MUST_USE bool trainer_step(struct trainer *trainer);
/* Whether the weights are finite: a step with a finite loss can leave others. Where not, as a trainer_step that failed.
 */
MUST_USE bool trainer_check(struct trainer *trainer);
/* The message of the failure: what was not finite, at which step and sample, and what to try. */
void trainer_tell(const struct trainer *trainer, struct diag *diag);
/* How the samples of all steps settled and relaxed, those of the run before a resumed one included. */
struct convergence trainer_convergence(const struct trainer *trainer);
struct train_state trainer_state(const struct trainer *trainer);
void trainer_clear_loss(struct trainer *trainer);  /* after a measurement */
void *trainer_parameters(struct trainer *trainer); /* module->size[NNT_PARAMETERS] numbers of the real type */
/* Writes / reads everything a resumed run needs to continue bit for bit (parameters, moments, step, loss sums,
 * seed, steps, batch, real type, a hash of the module's description). Written whole or not at all, and never with
 * weights that are not finite: a message, and the checkpoint before stays. Loading checks every weight and refuses
 * a checkpoint of another network, seed or machine type with a message. `beside` is what others keep in it, any bytes; read, it is
 * appended to a text (NULL: not wanted). */
MUST_USE bool checkpoint_write(struct diag *diag, const struct trainer *trainer, const struct text *beside,
                               const char *folder);
MUST_USE bool checkpoint_read(struct diag *diag, struct trainer *trainer, const char *folder,
                              struct text *out_beside);

/* Initial weights (initialisers.def), Philox keyed by (seed, RANDOM_INIT, parameter). parameters: the slab, real
 * type. Deterministic. */
void init_parameters(const struct nnt_module *module, uint64_t seed, void *parameters);

/* The running means of the training split since the last trainer_clear_loss, as `asked` says (bits of enum measure):
 * loss.boundary, loss.boundary.GROUP, accuracy, accuracy.GROUP, rmse, from the losses and output states that `step` leaves
 * where it minimises the boundary loss; loss.bulk and loss.free_energy where it minimises them; dynamics.* and relaxation.*,
 * of which counts of failures are told unasked. Never allocates. */
void trainer_running(const struct trainer *trainer, uint32_t asked, struct moment *moment);

/* Losses and accuracy of a split by the module's `loss` entry, where it has one; of a module that trains on the bulk
 * loss.bulk, where it has `ensemble_forward` and `relax` (or `linearise` where nothing is free), at the state that these reach; in calls of at
 * most `batch` samples. Everything is allocated by evaluator_new and nothing by evaluate. only == NULL: all samples of the split. Accuracy where every
 * output's target is TARGET_NUMBER is a message [no-accuracy] and false; where some have one, `accuracy` is the
 * mean over those. */
struct evaluator;
MUST_USE struct evaluator *evaluator_new(struct diag *diag, const struct nnt_module *module,
                                         const struct data *data, uint32_t batch);
void evaluator_free(struct evaluator *evaluator);
/* How all samples evaluated so far settled and relaxed. */
struct convergence evaluator_convergence(const struct evaluator *evaluator);
MUST_USE bool evaluate(struct evaluator *evaluator, const struct split *split, const uint32_t *only,
                       uint32_t n_only, const void *parameters, uint32_t asked, struct moment *moment);

#endif
