/* expr.h: scalar and vector expressions: resolved, folded, evaluated, printed; shared by data, schedules, model and graph. */
#ifndef NNT_EXPR_H
#define NNT_EXPR_H

#include "runtime/base/arena.h"
#include "runtime/base/text.h"

enum primitive {
#define PRIMITIVE(name, ...) PRIMITIVE_##name,
#include "runtime/base/primitives.def"
#undef PRIMITIVE
    PRIMITIVES
};
struct primitive_row {
    const char *name;
    uint8_t arity;
    bool kinked, flat;
    const char *help;  /* "" where a file cannot name it */
    const char *range; /* of its values, as "0 … 1" */
};
extern const struct primitive_row primitive_rows[PRIMITIVES];
/* The definition of a primitive in float64; unused arguments are ignored. */
double primitive_value(enum primitive op, double a, double b, double c);

enum expr_kind { EXPR_NUMBER, EXPR_VARIABLE, EXPR_APPLY, EXPR_REDUCE };
enum reduction { REDUCE_SUM, REDUCE_MEAN, REDUCE_MAX, REDUCE_MIN };
/* What a variable stands for; `index` says which group or field where that is meant. */
enum variable {
    VAR_Z,             /* activation: the group's w x + b */
    VAR_S,             /* potential: one neuron's state */
    VAR_STATE,         /* loss: the state of group `index` */
    VAR_TARGET,        /* loss: the data of output group `index` */
    VAR_PREDICTION,    /* loss: f(w x + b) of group `index` */
    VAR_STATE_Z,       /* loss: the w x + b that the state of group `index` was made from (cross entropies from z) */
    VAR_PREDICTION_Z,  /* loss: w x + b of group `index` at the states themselves */
    VAR_PROGRESS,      /* schedule: step / steps */
    VAR_FIELD,         /* binding: field `index` of the source */
    VARIABLES
};

/* A node of an expression without names: immutable, shared (equal nodes are one node), owned by the arena of its pool.
 * width 0 is a number, n >= 1 a vector of n numbers. Element by element; a number against a vector is spread.
 * A one-neuron group is a vector of width 1. */
struct expr {
    uint32_t id;      /* position in its pool, arguments before their users: memo tables are arrays */
    uint8_t kind, op; /* op: enum primitive (APPLY), enum reduction (REDUCE), enum variable (VARIABLE) */
    uint32_t width;
    uint32_t index;
    double number;
    const struct expr *arg[3];
};

struct expr_pool {
    struct arena *arena;
    struct expr **node;
    uint32_t count, capacity;
    uint32_t *table, table_size; /* hash to node */
    uint32_t most; /* where > 0: no more nodes than this; expr_* then return the pool's number 0 and set `full` */
    bool full;
};
void expr_pool_init(struct expr_pool *pool, struct arena *arena);
const struct expr *expr_number(struct expr_pool *pool, double value);
const struct expr *expr_variable(struct expr_pool *pool, enum variable which, uint32_t index, uint32_t width);
/* Applies a primitive; constants are folded. The widths must agree (0 spreads): the caller has checked. NULL arguments behind arity. */
const struct expr *expr_apply(struct expr_pool *pool, enum primitive op, const struct expr *a, const struct expr *b,
                              const struct expr *c);
const struct expr *expr_reduce(struct expr_pool *pool, enum reduction op, const struct expr *a);
/* The expression with its variables replaced: `replace` is called for each variable node and returns what stands for it. */
const struct expr *expr_replace(struct expr_pool *pool, const struct expr *e,
                                const struct expr *(*replace)(void *with, const struct expr *variable), void *with);
/* The nodes that e needs, itself among them, by id: e->id + 1 places, NULL where a node is not needed. Going up the places meets
 * arguments before their users. free(). */
MUST_USE const struct expr **expr_nodes(const struct expr *e);
static inline bool expr_is_number(const struct expr *e)
{
    return e->kind == EXPR_NUMBER;
}
bool expr_mentions(const struct expr *e, enum variable which);
/* Whether a kinked primitive stands in it (warnings of the ledgers). */
bool expr_kinked(const struct expr *e);
/* Value for one sample in float64: `variable` returns the values (width of them, or 1) of a variable node. out has max(1, width)
 * numbers. `scratch` is a zero-initialised text-like buffer reused between calls; free(scratch->data) at the end. */
struct expr_scratch {
    double *data;
    size_t capacity;
};
void expr_value(const struct expr *e, const double *(*variable)(void *with, const struct expr *variable),
                void *with, struct expr_scratch *scratch, double *out);
/* A schedule's or any number expression's value at `progress`. */
double expr_at_progress(const struct expr *e, double progress);
/* Formula text as a user would write it, e.g. "z / (1 + abs(z))"; names gives group and field names, may be NULL. */
void expr_print(const struct expr *e, const char *(*name)(void *with, const struct expr *variable), void *with,
                struct text *out);

#endif
