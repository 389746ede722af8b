/* score.h: sums over samples from which losses, accuracy and rmse are told; private to runtime/train. */
#ifndef NNT_SCORE_H
#define NNT_SCORE_H

#include "runtime/thermo/convergence.h"
#include "runtime/train/train.h"

/* The sums of one output. */
struct output_sums {
    double loss, right, squares;
};
struct score_output {
    uint32_t data;  /* number in the data's groups */
    uint32_t group; /* in the module */
    struct output_sums sums;
};
struct score {
    const struct nnt_module *module;
    const struct data *data;
    uint32_t n_outputs;
    struct score_output *output;
    double *row; /* room for an output and its target of one sample */
    double loss, H, F;
    uint64_t samples;   /* of the outputs' states and the boundary loss; */
    uint64_t relaxed;   /* of H; */
    uint64_t descended; /* and of F */
    struct convergence convergence;
};
/* Where the first number of a call that is not finite stands. */
struct not_finite {
    const char *what; /* "boundary loss" or "bulk loss" */
    uint32_t sample;
    double value;
};

/* Zeroed sums. false with a message where there are more outputs than a moment has room for, or memory is short. */
MUST_USE bool score_init(struct diag *diag, const struct nnt_module *module, const struct data *data,
                         struct score *out);
void score_fini(struct score *score);
void score_clear(struct score *score);
/* Adds a call's samples: what the boundary forward left in DATA, STATE and RESULT; H where the samples relaxed, and, where
 * a neuron is free to do so, how they settled before that unless the boundary forward has told it. false, and nothing
 * added, where a loss is not finite. */
MUST_USE bool score_add_boundary(struct score *score, const struct nnt_call *call, struct not_finite *out);
MUST_USE bool score_add_bulk(struct score *score, const struct nnt_call *call, bool settled,
                             struct not_finite *out);
/* Adds a call's samples without a boundary loss: what `forward`, which has no results, left in DATA and STATE. */
void score_add_outputs(struct score *score, const struct nnt_call *call);
/* Adds the means to a moment, as `asked` says (bits of enum measure); nothing where there are no samples. What did not
 * converge is told unasked. */
void score_report(const struct score *score, uint32_t asked, struct moment *moment);
/* Whether some output's target can be right or wrong. */
bool score_has_accuracy(const struct score *score);

#endif
