/* trainer.h: what the training loop keeps; private to runtime/train. */
#ifndef NNT_TRAINER_H
#define NNT_TRAINER_H

#include "runtime/train/score.h"

struct trainer {
    const struct nnt_module *module;
    const struct data *data;
    struct train_options options;
    struct nnt_call call;
    uint32_t batch;                        /* of a whole step; the last of an epoch may be smaller */
    uint64_t step, steps, steps_per_epoch; /* step: how many are done */
    uint32_t *order;                       /* the samples of `order_epoch`, in the order of its steps */
    uint64_t order_epoch;                  /* UINT64_MAX: none yet */
    uint32_t *field;                       /* a group of the data: its field in NNT_DATA */
    struct score score;                    /* since the last measurement */
    struct expr_scratch scratch;
    /* Weights and moments a few steps ago: from them the weights before a step that fails are computed again. */
    void *kept_parameters, *kept_moments;
    uint64_t kept_step; /* UINT64_MAX: none */
};

/* Bytes of the parameters and of the moments. */
size_t trainer_bytes(const struct trainer *trainer, enum nnt_slab slab);

#endif
