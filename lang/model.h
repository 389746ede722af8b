/* model.h: the checked experiment: no unresolved name, no missing default, no value out of range. */
#ifndef NNT_MODEL_H
#define NNT_MODEL_H

#include "runtime/abi.h"
#include "runtime/base/arena.h"
#include "runtime/base/diag.h"
#include "runtime/base/expr.h"
#include "runtime/data/data.h"
#include "runtime/thermo/measure.h"
#include "runtime/train/train.h"

enum { MODEL_MOST_NEURONS = 1 << 24, MODEL_MOST_PARAMETERS = 1 << 30, MODEL_MOST_GROUPS = 4096 };

struct group {
    const char *name;  /* tensor name: h.1 */
    const char *shown; /* as in the file: h[1] */
    uint32_t size;
    uint32_t rank, extent[4]; /* the grid, for pictures; size is their product */
    bool input, output;
    uint32_t rows;       /* of a sequence (each tick): how many its data has; 0: one value for all ticks */
    uint32_t first_tick; /* output each tick: row t is compared after update first_tick - 1 + t */
    bool clamped;        /* in the ensemble */
    bool in_R;           /* its local error counts */
    bool driven;         /* has an incoming block */
    bool predicted;      /* has an incoming block or a bias, and so an activation */
    uint32_t bias;       /* its parameter, or NNT_NONE */
    const struct expr *activation; /* of VAR_Z, width = size; NULL where !predicted */
    bool group_map;                /* the activation mixes neurons (reductions): f' is a matrix */
    const struct expr *potential;  /* of VAR_S, width = size; NULL: V = 0 */
    struct span at;
};
struct block {
    uint32_t from, to;  /* groups */
    uint32_t parameter; /* that holds it */
    bool transposed;    /* parameter is the transpose of this block */
    struct span at;
};
struct parameter {
    const char *name;       /* weight.x.h, bias.h */
    uint32_t rows, columns; /* weight: [n_to][n_from]; bias: [n][1] */
    bool is_weight, frozen, hollow;
    enum nnt_initialiser initialiser;
    double argument[2];
    const double *values;
    uint32_t fan_in, fan_out;
    struct span at;
};
/* A term of the boundary loss, added at the top, and the one output that it reads (NNT_NONE: none or several). */
struct loss_term {
    const struct expr *value;
    uint32_t group;
};

enum dynamics { DYNAMICS_FEEDFORWARD, DYNAMICS_TICKS, DYNAMICS_SETTLE };
struct dynamics_spec {
    enum dynamics which;
    uint32_t ticks;   /* TICKS: how many; SETTLE: the most */
    double tolerance; /* SETTLE */
    struct span at;
};

enum optimizer {
#define OPTIMIZER(name, ...) OPTIMIZER_##name,
#include "lang/optimizers.def"
#undef OPTIMIZER
    OPTIMIZERS
};
struct optimizer_spec {
    enum optimizer which;
    double momentum, beta1, beta2, epsilon, rho;
    bool nesterov;
    double decay; /* weights, not biases; added to the gradient */
    double clip;  /* largest norm of the whole gradient; 0: none */
};

struct model {
    struct arena *arena;
    struct expr_pool *pool;
    const char *name;
    uint32_t n_groups, n_blocks, n_parameters;
    struct group *group;
    struct block *block;
    /* Blocks in the order of the file (tied ones have none), then biases in the order of the file. */
    struct parameter *parameter;
    /* Feed-forward: groups such that each comes after those that feed it; inputs count as sources whatever feeds them. */
    uint32_t *order;
    struct dynamics_spec dynamics;
    const struct expr *loss; /* boundary loss of one sample, a number; NULL where there is none */
    uint32_t n_terms;
    struct loss_term *term;
    bool trains; /* there is something to minimise: */
    bool minimizes_boundary, minimizes_bulk, minimizes_free_energy;
    struct optimizer_spec optimizer;
    struct data_spec data;
    struct ensemble_spec ensemble;
    /* Statically: n > 0 and every free neuron in R or with a potential; else no ensemble is measured. */
    bool ensemble_proper;
    struct span ensemble_at, free_energy_at; /* the latter: where it is minimised */
    struct train_options train;
    uint32_t n_measures;
    struct measure_spec *measure;
    bool asks_ensemble; /* the file itself asks for an ensemble quantity (not only the default measure block) */
};

struct setting {
    const char *name, *value; /* --set name=value */
};
struct ast_source;
/* Tree to model: the only place that refuses a file. All independent mistakes are reported; NULL where there was one. `settings`
 * replace params (source "command line"). Memory is the arena's. Defaults that cannot be had are left out with a note. */
MUST_USE struct model *check(struct diag *diag, struct arena *arena, const struct ast_source *source,
                             const struct setting *settings, uint32_t n_settings);
uint32_t model_group(const struct model *model, const char *name); /* by tensor or shown name; NNT_NONE */
uint64_t model_trainables(const struct model *model);              /* P */
void model_dump(const struct model *model, struct text *out);
/* The expression text of a variable node with this model's names, for expr_print. */
const char *model_variable(void *model, const struct expr *variable);

#endif
