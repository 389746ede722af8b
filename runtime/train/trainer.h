/* trainer.h: what the training loop keeps; private to runtime/train. */
#ifndef NNT_TRAINER_H
#define NNT_TRAINER_H

#include "runtime/train/descent.h"
#include "runtime/train/score.h"

struct trainer {
    const struct nnt_module *module;
    const struct data *data;
    struct train_options options;
    struct nnt_call call;
    uint32_t slabs;                        /* of the call: bit s */
    struct descent *descent;               /* NULL: the module's step does it all */
    struct span F_at;                      /* where F is asked for */
    uint32_t batch;                        /* of a whole step; the last of an epoch may be smaller */
    uint64_t step, steps, steps_per_epoch; /* step: how many are done */
    uint32_t *order;                       /* the samples of `order_epoch`, in the order of its steps */
    uint64_t order_epoch;                  /* UINT64_MAX: none yet */
    uint32_t *field;                       /* a group of the data: its field in NNT_DATA */
    struct score score;                    /* since the last measurement */
    struct convergence before;             /* until then */
    struct expr_scratch scratch;
    /* Weights and moments a few steps ago: from them the weights before a step that fails are computed again. */
    void *kept_parameters, *kept_moments;
    uint64_t kept_step;         /* UINT64_MAX: none */
    struct descended descended; /* of the last step */
    struct train_failure {
        const char *what; /* what is not finite; NULL: the step could not be carried out */
        double value, rate;
        uint64_t step, epoch; /* from 1 */
        uint32_t sample;      /* of the training split, or NNT_NONE */
        struct descended descended;
    } failure;
};

/* The batch and numbers of a step, and the step. false, and the failure told, where that cannot be. */
MUST_USE bool trainer_run(struct trainer *trainer, uint64_t step);
/* To the last step whose weights are finite; on the way the steps since the last copy are made once more, bit for bit
 * the same. */
void trainer_go_back(struct trainer *trainer);
/* Whether all numbers of a slab of real_bytes are finite. */
bool numbers_are_finite(const void *numbers, size_t bytes, uint32_t real_bytes);
/* Bytes of the parameters and of the moments. */
size_t trainer_bytes(const struct trainer *trainer, enum nnt_slab slab);

#endif
