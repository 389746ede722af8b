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

/* ---- forward.c: states ---- */
/* What is held at data while states are computed: the inputs, or what the ensemble clamps. */
enum held { HELD_INPUTS, HELD_ENSEMBLE };
/* States of all groups in the last phase of an entry, [batch][n] each, and what is made of them. */
struct sweep {
    enum held held;
    enum nnt_entry_name entry;
    ir_id *state, *z, *prediction; /* IR_NONE: not asked for yet */
    ir_id *made_from;     /* the w x + b that the state was made from, IR_NONE: z itself; NULL: so for all */
    struct ir_row target; /* of targets that are sequences */
    struct ticks *ticks;  /* what reverse mode needs; NULL where no time passed */
    struct settling *settling;
};
/* By the network's dynamics; where time passes, phases of the entry are made, and everything later belongs to phases behind
 * them. `kept`: gradients will be asked for. */
struct sweep sweep_new(struct gen *gen, enum nnt_entry_name entry, enum held held, bool kept);
/* At states that are given: nodes of each group. */
struct sweep sweep_at(struct gen *gen, const ir_id state[]);
/* At NNT_STATE. */
struct sweep sweep_at_state(struct gen *gen);
ir_id sweep_state(struct gen *gen, struct sweep *sweep, uint32_t group);
/* w x + b, and f of it. */
ir_id sweep_z(struct gen *gen, struct sweep *sweep, uint32_t group);
ir_id sweep_prediction(struct gen *gen, struct sweep *sweep, uint32_t group);
/* The w x + b that the group's state was made from: of the last tick. */
ir_id sweep_made_from(struct gen *gen, struct sweep *sweep, uint32_t group);
/* The sum of the group's blocks from the groups marked in `from`, and its bias; IR_NONE where there is none of them. */
ir_id sweep_sum(struct gen *gen, struct sweep *sweep, uint32_t group, const bool from[], bool bias);
/* The gradients, by the parameters that train (IR_NONE for others), of the mean over samples of the boundary loss, times
 * `coefficient` (rank 0; IR_NONE: 1): reverse mode through the sweep, which must be kept. */
void sweep_gradients(struct gen *gen, struct sweep *sweep, ir_id coefficient, ir_id out[]);
/* Whether the group's state moves freely. */
bool group_is_held(const struct group *group, enum held held);
void define_states(struct gen *gen, enum nnt_entry_name entry, struct sweep *sweep);
/* The outputs' states alone: what accuracy is told by. */
void define_outputs(struct gen *gen, enum nnt_entry_name entry, struct sweep *sweep);

/* ---- ticks.c, settle.c: where time passes ---- */
void ticks_run(struct gen *gen, struct sweep *sweep, bool kept);
/* The loss after the last tick: of the terms that read `group` alone, NNT_NONE: of all. */
ir_id ticks_loss(struct gen *gen, struct sweep *sweep, uint32_t group);
void ticks_gradients(struct gen *gen, struct sweep *sweep, ir_id coefficient, ir_id out[]);
void settle_run(struct gen *gen, struct sweep *sweep, bool kept);
void settle_gradients(struct gen *gen, struct sweep *sweep, ir_id coefficient, ir_id out[]);
/* NNT_NONE so many times; IR_NONE for each group. */
uint32_t *gen_no_fields(struct gen *gen, uint32_t count);
ir_id *gen_no_nodes(struct gen *gen);
/* A scratch field [batch][n] (n 0: [batch]), named PREFIX.GROUP. */
uint32_t gen_scratch(struct gen *gen, const char *prefix, const char *name, uint32_t n);
/* Every element 0. */
ir_id gen_zeros(struct gen *gen, uint32_t group);

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
/* A term of it, [batch]; whether it reads a sequence, and so is compared at many ticks (then which output's: else NNT_NONE);
 * whether it reads the z of a state. */
ir_id gen_term(struct gen *gen, struct sweep *sweep, uint32_t term);
uint32_t term_sequence(const struct gen *gen, uint32_t term);
bool term_reads(const struct gen *gen, uint32_t term, enum variable variable, uint32_t group);
/* Results `loss` and `loss.GROUP`. */
void define_losses(struct gen *gen, enum nnt_entry_name entry, struct sweep *sweep);
/* H of each sample, [batch], at the sweep's states (THEORY 2). */
ir_id gen_H(struct gen *gen, struct sweep *sweep);
/* V of a free group's neurons, [batch][n]. */
ir_id gen_potential(struct gen *gen, struct sweep *sweep, uint32_t group);
bool group_counts(const struct group *group);     /* its local error stands in H */
bool group_is_linear(const struct group *group);  /* its residual and slope are told: it counts, or moves freely */
bool group_has_energy(const struct group *group); /* its potential does */

/* ---- relax.c: the minimum of H over the free neurons ---- */
/* From the states `start` (nodes of each group) the free neurons of each sample to the minimum of H, in phases of the entry; everything
 * later belongs to a phase behind them. Results H, relax_steps and relax_failed are defined; the states at the minimum are returned.
 * Where nothing is free there is no phase, and H is that at the start. */
struct sweep relax_run(struct gen *gen, enum nnt_entry_name entry, const ir_id start[]);

/* ---- the entries ---- */
void gen_gradient(struct gen *gen);
void gen_step(struct gen *gen);
void gen_linearise(struct gen *gen);
void gen_bulk(struct gen *gen);
void gen_relax(struct gen *gen);
void gen_pull(struct gen *gen);
void gen_push(struct gen *gen);
void gen_pull_push(struct gen *gen);
void gen_descend(struct gen *gen);

/* The gradient of the mean over samples of `value` [batch] by a parameter. */
ir_id gen_mean_gradient(struct gen *gen, ir_id value, uint32_t parameter);

#endif
