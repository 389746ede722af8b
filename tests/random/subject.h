/* subject.h: a network drawn by seed with its ensemble, ready to be evaluated, and tallies of how many there were of which kind. */
#ifndef TESTS_SUBJECT_H
#define TESTS_SUBJECT_H

#include "compiler/driver/exercise.h"
#include "lang/model.h"
#include "runtime/base/text.h"
#include "runtime/thermo/ensemble.h"

/* What a network has; bits of subject.kinds. */
enum kind {
    KIND_FEEDFORWARD,
    KIND_TICKS,
    KIND_SETTLE,
    KIND_RECURRENT, /* ticks or settle */
    KIND_TIED,
    KIND_HOLLOW,
    KIND_FROZEN,
    KIND_MAP, /* a group map */
    KIND_POTENTIAL,
    KIND_SEQUENCE,
    KIND_RELAXED,
    KIND_FULL, /* of the relaxed ones: the exact Hessian */
    KINDS
};
extern const char *const kind_names[KINDS];
/* Why a network does not count, if it does not. */
enum fate {
    FATE_COUNTS,
    FATE_IMPROPER,  /* its ensemble has no Gaussian */
    FATE_RESTLESS,  /* whatever its weights, it does not settle */
    FATE_UNRELAXED, /* some sample did not relax, or to a saddle */
    FATE_UNFIT,     /* for what the test asks: said there */
    FATES
};
struct tally {
    uint32_t counted, kind[KINDS]; /* kinds of those that count */
    uint32_t fate[FATES];
};

enum { SUBJECT_GROUPS = 16 };
struct subject {
    uint64_t seed;
    struct text text;
    struct diag *diag; /* what the ensemble says goes there, and is shown by subject_show alone */
    struct arena *arena;
    struct model *model;
    struct nnt_module *module; /* by the JIT, in float64, with all that the ensemble's derivatives need */
    struct exercise x;         /* the weights and data; its states are nobody's */
    struct ensemble *ensemble; /* as the file asks for it; NULL unless it counts */
    double *q;                 /* the parameters of x */
    uint32_t count;            /* samples */
    const double *data[SUBJECT_GROUPS];
    uint32_t kinds;
};

/* The network of that seed, smooth or not, with `count` samples; what iterates has been made to contract. Fails the test where it
 * does not compile. Where the fate is not FATE_COUNTS there is no ensemble; subject_close in any case. */
MUST_USE enum fate subject_open(struct subject *subject, uint64_t seed, bool smooth, uint32_t count);
void subject_close(struct subject *subject);
/* Prints messages and text, for a network that failed. */
void subject_show(const struct subject *subject);
/* Totals of the samples at the weights; false where some sample has none, does not settle or relax. Messages are kept back. */
MUST_USE bool subject_evaluate(struct subject *subject, double beta, struct gaussian out[]);
/* Whether the last evaluation settled and relaxed. */
bool subject_rests(const struct subject *subject);
/* Zeroed numbers that live as long as the subject. */
double *subject_numbers(const struct subject *subject, size_t count);
/* Calls each(with, field in the parameters' slab, place in the parameters, place in a vector of trainables) for all trainables. */
void subject_trainables(const struct subject *subject,
                        void (*each)(void *with, uint32_t field, uint64_t in_q, uint64_t in_vector), void *with);

void tally_add(struct tally *tally, enum fate fate, uint32_t kinds);
/* One line. */
void tally_print(const struct tally *tally, const char *what);
/* Fails unless `n` networks count, and of each kind enough that the test is one of that kind too. */
void tally_require(const struct tally *tally, uint64_t n);
/* How many networks to draw: NNT_NETWORKS, or `otherwise`; and the first seed: NNT_SEED, or `otherwise`, from where a few have a bit of
 * everything. */
uint64_t networks_asked(uint64_t otherwise);
uint64_t first_seed(uint64_t otherwise);

#endif
