/* moral.h: the group graph of A: its blocks, the order in which they are eliminated, the fill, and what a Gaussian evaluation costs. */
#ifndef NNT_MORAL_H
#define NNT_MORAL_H

#include "lang/model.h"
#include "runtime/base/text.h"
#include "runtime/thermo/blocks.h"

/* Two free groups are coupled where one feeds the other in R, or both feed a third in R (THEORY 3a). */
struct moral {
    uint32_t n;             /* free groups, in the order of the file: the pattern's blocks */
    uint32_t *group;        /* [n] */
    uint32_t *shown;        /* [n]: blocks in the order in which they are drawn, that of a sweep */
    bool *coupled;          /* [n][n] */
    struct pattern pattern; /* as runtime/thermo makes it */
    double numbers_of_J;
    double assembly; /* flops of JᵀJ, and of J where f' is a matrix */
};
/* The model's arena owns the lists. false where memory is short; moral_fini in any case. */
MUST_USE bool moral_init(struct moral *moral, const struct model *model);
void moral_fini(struct moral *moral);

/* Lines behind a margin: structure in a word, picture (■ a block of A, □ fill), edges, order and fill. */
void moral_print(const struct moral *moral, const struct model *model, struct text *out);
/* Flops of one sample's A and ln det A, by what the ensemble's evaluation says, and the bytes they are held in. */
void moral_cost(const struct moral *moral, const struct model *model, double *out_flops, double *out_bytes);

#endif
