/* gen.h: what the files of irgen share: the graph under construction, a sweep's states, expressions as nodes. */
#ifndef NNT_IRGEN_GEN_H
#define NNT_IRGEN_GEN_H

#include "compiler/irgen/irgen.h"

/* The description, and the fields that it does not name: `moment[k][p]`, the k-th moment of parameter p, or
 * NNT_NONE. */
enum { MOMENTS = 2 };
struct layout {
    struct nnt_module *module;
    uint32_t *moment[MOMENTS];
};
struct layout layout_make(struct arena *arena, const struct model *model, uint32_t real_bytes);
/* How many moments each parameter has under the model's optimizer. */
uint32_t optimizer_moments(const struct optimizer_spec *optimizer);

struct gen {
    struct arena *arena;
    const struct model *model;
    struct ir *g;
    struct layout at;
    ir_id *memo; /* expression node to graph node, of the walk whose number stands in stamp */
    uint32_t *stamp, runs;
};

/* ---- forward.c ---- */
/* What is held while states are computed: the inputs; what the ensemble clamps; or all of them, at NNT_STATE. */
enum held { HELD_INPUTS, HELD_ENSEMBLE, HELD_ALL };
struct sweep {
    enum held held;
    ir_id *state, *z, *prediction; /* of each group, [batch][n]; IR_NONE: not asked for yet */
};
struct sweep sweep_new(struct gen *gen, enum held held);
ir_id sweep_state(struct gen *gen, struct sweep *sweep, uint32_t group);
/* w x + b, and f of it. */
ir_id sweep_z(struct gen *gen, struct sweep *sweep, uint32_t group);
ir_id sweep_prediction(struct gen *gen, struct sweep *sweep, uint32_t group);
void define_states(struct gen *gen, enum nnt_entry_name entry, const struct sweep *sweep);
/* The outputs' states alone: what accuracy is told by. */
void define_outputs(struct gen *gen, enum nnt_entry_name entry, struct sweep *sweep);

/* An expression as a node: a number has the shape `lead` (or rank 0 where no variable stands in it), a vector one
 * axis more. `variable` gives the node of a variable. */
typedef ir_id gen_variable(struct gen *gen, void *with, const struct expr *variable);
ir_id gen_expr(struct gen *gen, const struct expr *e, struct shape lead, gen_variable *variable, void *with);
/* `id` spread to `lead`, or with n > 0 to lead and one axis of n more. */
ir_id gen_spread(struct gen *gen, ir_id id, struct shape lead, uint32_t n);
/* An expression of one group's VAR_Z or VAR_S at the node `x`, [..., n]; the result has x's shape. */
ir_id gen_neurons(struct gen *gen, const struct expr *e, ir_id x);
static const struct shape SAMPLES = {.rank = 1, .extent = {IR_BATCH}};

/* ---- loss.c ---- */
/* Boundary loss of each sample, [batch]. */
ir_id gen_loss(struct gen *gen, struct sweep *sweep);
/* Results `loss` and `loss.GROUP`. */
void define_losses(struct gen *gen, enum nnt_entry_name entry, struct sweep *sweep);
/* H of each sample, [batch], at the sweep's states (THEORY 2). */
ir_id gen_H(struct gen *gen, struct sweep *sweep);
/* V of a free group's neurons, [batch][n]. */
ir_id gen_potential(struct gen *gen, struct sweep *sweep, uint32_t group);
bool group_counts(const struct group *group);     /* its local error stands in H */
bool group_has_energy(const struct group *group); /* its potential does */

/* ---- the entries ---- */
void gen_gradient(struct gen *gen);
void gen_step(struct gen *gen);
void gen_linearise(struct gen *gen);
void gen_bulk(struct gen *gen);

/* The gradient of the mean over samples of `value` [batch] by a parameter. */
ir_id gen_mean_gradient(struct gen *gen, ir_id value, uint32_t parameter);

#endif
