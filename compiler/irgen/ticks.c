/* ticks.c: x(t + 1) = f(w x(t) + b) for a number of ticks, and reverse mode through them (THEORY 1).
 *
 * What moves is carried in fields of WORK. Where gradients will be asked for, a field keeps the states of all ticks and another
 * the z they were made from, so that going back makes no product again but those of the adjoint. What does not move from tick
 * to tick (blocks from held groups, and their gradients) is computed once; what nobody reads before the last tick (an output that
 * is compared behind it alone) is computed there alone. */
#include "compiler/irgen/dynamics.h"

#include <stdlib.h>

/* Ticks first … end-1, counted from 0: within them the same rows of sequences are read and compared. */
struct stretch {
    uint32_t first, end;
    bool back; /* taken from the last to the first */
};

struct ticks {
    bool kept;
    uint32_t count;
    struct moving m;         /* kept: x has a row more than there are ticks, z as many as there are */
    bool *at_end;            /* a group: its state is read behind the last tick alone, and it has one row of each */
    uint32_t *loss;          /* a term: the field of its mean over the rows so far */
    struct stretch *stretch; /* in their order */
    uint32_t n_stretches;
};

/* ---- which tick reads what ---- */

static int compare_numbers(const void *left, const void *right)
{
    const uint32_t *a = left, *b = right;
    return *a < *b ? -1 : *a > *b;
}

static bool loss_reads_z(const struct gen *gen, uint32_t g)
{
    for (uint32_t k = 0; k < gen->model->n_terms; k++)
        if (term_reads(gen, k, VAR_STATE_Z, g)) return true;
    return false;
}

/* Free groups that feed none, and are not compared tick by tick. */
static bool is_at_end(const struct gen *gen, uint32_t g)
{
    if (gen->model->group[g].output && gen->model->group[g].rows) return false;
    for (uint32_t k = 0; k < gen->model->n_blocks; k++)
        if (gen->model->block[k].from == g) return false;
    return true;
}

static void find_stretches(struct gen *gen, struct ticks *t)
{
    const struct model *m = gen->model;
    uint32_t *cut = arena_alloc(gen->arena, (6 * m->n_groups + (size_t)2) * sizeof *cut), n = 0;

    cut[n++] = 0;
    cut[n++] = t->count;
    for (uint32_t g = 0; g < m->n_groups; g++)
        if (t->at_end[g] || (t->kept && loss_reads_z(gen, g)))
            cut[n++] = t->count - 1; /* what the loss says of the last z goes back there */
    for (uint32_t g = 0; g < m->n_groups; g++) {
        const struct group *it = &m->group[g];

        if (!it->rows) continue;
        if (it->input) cut[n++] = it->rows;
        if (it->output) {
            cut[n++] = it->first_tick - 1;
            cut[n++] = it->first_tick - 1 + it->rows;
            cut[n++] = it->first_tick;
            if (!it->input) cut[n++] = it->first_tick + it->rows;
        }
    }
    qsort(cut, n, sizeof *cut, compare_numbers);
    t->stretch = arena_alloc(gen->arena, n * sizeof *t->stretch);
    for (uint32_t k = 0; k + 1 < n; k++)
        if (cut[k] < cut[k + 1] && cut[k + 1] <= t->count)
            t->stretch[t->n_stretches++] = (struct stretch){cut[k], cut[k + 1], false};
}

/* Row (tick + offset) of a field in each tick of a stretch. */
static struct ir_row row_at(struct stretch s, int32_t offset)
{
    if (s.back) return (struct ir_row){true, (int32_t)s.end - 1 + offset, -1};
    return (struct ir_row){true, (int32_t)s.first + offset, 1};
}

/* Rows of what is kept of a group: its state after a tick, and the z that it was made from. */
static struct ir_row state_row(const struct ticks *t, uint32_t g, struct stretch s)
{
    return row_at(s, t->at_end[g] ? 1 - (int32_t)t->count : 1);
}
static struct ir_row z_row(const struct ticks *t, uint32_t g, struct stretch s)
{
    return row_at(s, t->at_end[g] ? 1 - (int32_t)t->count : 0);
}

/* Whether the group moves in these ticks. */
static bool moves_in(const struct ticks *t, uint32_t g, struct stretch s)
{
    return t->m.x[g] != NNT_NONE && (!t->at_end[g] || s.end == t->count);
}

static ir_id read_row(struct gen *gen, uint32_t field, struct ir_row row)
{
    return ir_source_row(gen->g, field, row.first, row.step);
}

static bool is_compared(const struct group *group, struct stretch s)
{
    return group->output && group->rows && s.first + 1 >= group->first_tick &&
           s.end <= group->first_tick - 1 + group->rows;
}

/* Row of the data that a held sequence shows while tick `tick` + offset is made; false: it shows 0. An input shows row t to
 * update t; an output that the ensemble clamps, what it is compared with after the update before. */
static bool shown_row(const struct group *group, struct stretch s, int32_t *out_offset)
{
    uint32_t from = group->input ? 0 : group->first_tick;

    *out_offset = -(int32_t)from;
    return s.first >= from && s.end <= from + group->rows;
}

static ir_id held_state(struct gen *gen, uint32_t g, struct stretch s)
{
    const struct group *it = &gen->model->group[g];
    uint32_t data = gen->at.module->group[g].data;
    int32_t offset;

    if (!it->rows) return ir_source(gen->g, data);
    return shown_row(it, s, &offset) ? read_row(gen, data, row_at(s, offset)) : gen_zeros(gen, g);
}

/* ---- fields ---- */

static uint32_t history(struct gen *gen, const char *prefix, const struct group *group, uint32_t rows)
{
    struct shape shape = {.rank = 2, .extent = {rows, group->size}};

    return ir_scratch(gen->g, arena_printf(gen->arena, "%s.%s", prefix, group->name), true, shape);
}

static struct ticks *new_ticks(struct gen *gen, const struct sweep *sweep, bool kept)
{
    const struct model *m = gen->model;
    struct ticks *t = arena_alloc(gen->arena, sizeof *t);

    *t = (struct ticks){.kept = kept, .count = m->dynamics.ticks};
    t->m = moving_new(gen, sweep);
    t->loss = gen_no_fields(gen, m->n_terms);
    t->at_end = arena_alloc(gen->arena, m->n_groups + (size_t)1);
    for (uint32_t g = 0; g < m->n_groups; g++) {
        const struct group *it = &m->group[g];

        if (!t->m.moves[g] || group_is_held(it, sweep->held)) continue;
        t->at_end[g] = is_at_end(gen, g);
        uint32_t rows = t->at_end[g] ? 1 : t->count + 1;
        t->m.x[g] = kept ? history(gen, "x", it, rows) : gen_scratch(gen, "x", it->name, it->size);
        if (kept)
            t->m.z[g] = history(gen, "z", it, t->at_end[g] ? 1 : t->count);
        else if (loss_reads_z(gen, g))
            t->m.z[g] = gen_scratch(gen, "z", it->name, it->size);
    }
    moving_add_fixed(gen, &t->m);
    find_stretches(gen, t);
    return t;
}

/* ---- forward ---- */

/* The states before a tick, and z of a free group there: what moves alone. */
static struct sweep before_tick(struct gen *gen, const struct sweep *sweep, struct stretch s)
{
    const struct ticks *t = sweep->ticks;
    ir_id *state = arena_alloc(gen->arena, (gen->model->n_groups + 1) * sizeof *state);

    for (uint32_t g = 0; g < gen->model->n_groups; g++) {
        if (group_is_held(&gen->model->group[g], sweep->held))
            state[g] = held_state(gen, g, s);
        else if (t->m.x[g] == NNT_NONE || t->at_end[g])
            state[g] = gen_zeros(gen, g); /* at the end: whatever it is, it feeds none */
        else
            state[g] = t->kept ? read_row(gen, t->m.x[g], row_at(s, 0)) : ir_source(gen->g, t->m.x[g]);
    }
    return sweep_at(gen, state);
}

static void begin(struct gen *gen, const struct sweep *sweep)
{
    const struct ticks *t = sweep->ticks;
    struct sweep at = before_tick(gen, sweep, t->stretch[0]);

    ir_begin_phase(gen->g, sweep->entry, 1);
    for (uint32_t g = 0; g < gen->model->n_groups; g++) {
        if (t->m.x[g] == NNT_NONE) continue;
        if (t->kept && !t->at_end[g])
            ir_define_row(gen->g, sweep->entry, gen_zeros(gen, g), t->m.x[g], 0, 0);
        else if (!t->at_end[g])
            ir_define(gen->g, sweep->entry, gen_zeros(gen, g), t->m.x[g]);
        if (t->m.fixed[g] != NNT_NONE)
            ir_define(gen->g, sweep->entry, moving_fixed_part(gen, &t->m, &at, g), t->m.fixed[g]);
    }
    for (uint32_t k = 0; k < gen->model->n_terms; k++)
        if (t->loss[k] != NNT_NONE)
            ir_define(gen->g, sweep->entry, gen_spread(gen, ir_number(gen->g, 0), SAMPLES, 0), t->loss[k]);
}

static void define_at(struct gen *gen, const struct sweep *sweep, ir_id value, uint32_t field, struct ir_row row)
{
    ir_define_row(gen->g, sweep->entry, value, field, row.first, row.step);
}

/* The states after a tick, as the losses of that tick read them. */
static struct sweep after_tick(struct gen *gen, const struct sweep *sweep, struct stretch s, const ir_id next[],
                               const ir_id z[])
{
    ir_id *state = arena_alloc(gen->arena, (gen->model->n_groups + 1) * sizeof *state);
    struct sweep after;

    for (uint32_t g = 0; g < gen->model->n_groups; g++)
        state[g] = next[g] != IR_NONE                                  ? next[g]
                   : group_is_held(&gen->model->group[g], sweep->held) ? held_state(gen, g, s)
                                                                       : gen_zeros(gen, g);
    after = sweep_at(gen, state);
    after.made_from = arena_alloc(gen->arena, (gen->model->n_groups + 1) * sizeof(ir_id));
    for (uint32_t g = 0; g < gen->model->n_groups; g++) after.made_from[g] = z[g];
    return after;
}

/* The share of a row in the mean of a term over the rows that are compared in this stretch; IR_NONE: none is. */
static ir_id row_loss(struct gen *gen, struct sweep *after, struct stretch s, uint32_t term)
{
    uint32_t output = term_sequence(gen, term);

    if (output == NNT_NONE || !is_compared(&gen->model->group[output], s)) return IR_NONE;
    after->target = row_at(s, 1 - (int32_t)gen->model->group[output].first_tick);
    ir_id loss = gen_term(gen, after, term), rows = ir_number(gen->g, gen->model->group[output].rows);
    return ir_map(gen->g, PRIMITIVE_div, loss, rows, IR_NONE);
}

static bool writes_states(enum nnt_entry_name entry)
{
    return entry == NNT_ENTRY_forward || entry == NNT_ENTRY_loss || entry == NNT_ENTRY_step;
}

static void compare(struct gen *gen, const struct sweep *sweep, struct sweep *after, struct stretch s)
{
    for (uint32_t k = 0; k < gen->model->n_terms; k++) {
        uint32_t field = sweep->ticks->loss[k];
        ir_id loss = field == NNT_NONE ? IR_NONE : row_loss(gen, after, s, k);

        if (loss == IR_NONE) continue;
        loss = ir_map(gen->g, PRIMITIVE_add, ir_source(gen->g, field), loss, IR_NONE);
        ir_define(gen->g, sweep->entry, loss, field);
    }
    for (uint32_t g = 0; g < gen->model->n_groups; g++) {
        const struct group *it = &gen->model->group[g];

        if (it->output && is_compared(it, s) && writes_states(sweep->entry) && sweep->held == HELD_INPUTS)
            define_at(gen, sweep, sweep_state(gen, after, g), gen->at.module->group[g].seen,
                      row_at(s, 1 - (int32_t)it->first_tick));
    }
}

static void run_stretch(struct gen *gen, const struct sweep *sweep, struct stretch s)
{
    const struct ticks *t = sweep->ticks;
    struct sweep before = before_tick(gen, sweep, s), after;
    ir_id *next = gen_no_nodes(gen), *z = gen_no_nodes(gen);

    ir_begin_phase(gen->g, sweep->entry, s.end - s.first);
    for (uint32_t g = 0; g < gen->model->n_groups; g++) {
        if (!moves_in(t, g, s)) continue;
        z[g] = moving_z(gen, &t->m, &before, g);
        next[g] = gen_neurons(gen, gen->model->group[g].activation, z[g]);
        if (t->kept) {
            define_at(gen, sweep, next[g], t->m.x[g], state_row(t, g, s));
            define_at(gen, sweep, z[g], t->m.z[g], z_row(t, g, s));
        } else {
            ir_define(gen->g, sweep->entry, next[g], t->m.x[g]);
            if (t->m.z[g] != NNT_NONE) ir_define(gen->g, sweep->entry, z[g], t->m.z[g]);
        }
    }
    after = after_tick(gen, sweep, s, next, z);
    compare(gen, sweep, &after, s);
}

/* The states after the last tick. */
static void arrive(struct gen *gen, struct sweep *sweep)
{
    const struct ticks *t = sweep->ticks;
    struct stretch last = {t->count - 1, t->count, false}, behind = {t->count, t->count + 1, false};
    ir_id *z = sweep->made_from = gen_no_nodes(gen);

    for (uint32_t g = 0; g < gen->model->n_groups; g++) {
        const struct group *it = &gen->model->group[g];

        if (t->m.x[g] != NNT_NONE) {
            int32_t row = t->at_end[g] ? 0 : (int32_t)t->count;

            sweep->state[g] = t->kept ? ir_source_row(gen->g, t->m.x[g], row, 0) : ir_source(gen->g, t->m.x[g]);
            if (t->m.z[g] != NNT_NONE)
                z[g] = t->kept ? ir_source_row(gen->g, t->m.z[g], t->at_end[g] ? 0 : row - 1, 0)
                               : ir_source(gen->g, t->m.z[g]);
        } else if (group_is_held(it, sweep->held)) {
            sweep->state[g] = held_state(gen, g, it->input ? last : behind);
        } else {
            sweep->state[g] = gen_zeros(gen, g);
        }
    }
}

void ticks_run(struct gen *gen, struct sweep *sweep, bool kept)
{
    struct ticks *t = sweep->ticks = new_ticks(gen, sweep, kept);

    for (uint32_t k = 0; sweep->held == HELD_INPUTS && k < gen->model->n_terms; k++)
        if (term_sequence(gen, k) != NNT_NONE)
            t->loss[k] = gen_scratch(gen, "loss", arena_printf(gen->arena, "%u", k), 0);
    begin(gen, sweep);
    for (uint32_t k = 0; k < t->n_stretches; k++) run_stretch(gen, sweep, t->stretch[k]);
    ir_begin_phase(gen->g, sweep->entry, 1);
    arrive(gen, sweep);
}

ir_id ticks_loss(struct gen *gen, struct sweep *sweep, uint32_t group)
{
    ir_id sum = ir_number(gen->g, 0);

    for (uint32_t k = 0; k < gen->model->n_terms; k++) {
        uint32_t field = sweep->ticks->loss[k];

        if (group != NNT_NONE && gen->model->term[k].group != group) continue;
        ir_id term = field == NNT_NONE ? gen_term(gen, sweep, k) : ir_source(gen->g, field);
        sum = ir_map(gen->g, PRIMITIVE_add, sum, term, IR_NONE);
    }
    return gen_spread(gen, sum, SAMPLES, 0);
}

/* ---- back ---- */

/* What goes back: adjoints of the states, of the z that the loss read, and the gradients so far. */
struct adjoint {
    struct gen *gen;
    struct sweep *sweep;
    uint32_t *x, *z;    /* a group */
    uint32_t *constant; /* a group: the sum over the ticks of its z's adjoints, for what does not move */
    uint32_t *q;        /* a parameter: its gradient by what moves and what rows predict, summed over samples */
    ir_id coefficient;
};

static ir_id weighed(const struct adjoint *a, ir_id loss)
{
    return a->coefficient == IR_NONE ? loss : ir_map(a->gen->g, PRIMITIVE_mul, a->coefficient, loss, IR_NONE);
}

/* The terms that are read after the last tick alone; IR_NONE: none. */
static ir_id last_loss(const struct adjoint *a)
{
    ir_id sum = IR_NONE;

    for (uint32_t k = 0; k < a->gen->model->n_terms; k++)
        if (a->sweep->ticks->loss[k] == NNT_NONE) sum = gen_add(a->gen, sum, gen_term(a->gen, a->sweep, k));
    return sum == IR_NONE ? sum : weighed(a, sum);
}

static bool moves_by(const struct gen *gen, const struct ticks *t, uint32_t p)
{
    for (uint32_t k = 0; k < gen->model->n_blocks; k++) {
        const struct block *block = &gen->model->block[k];

        if (block->parameter == p && t->m.moves[block->from] && t->m.x[block->to] != NNT_NONE) return true;
    }
    for (uint32_t g = 0; g < gen->model->n_groups; g++)
        if (gen->model->group[g].bias == p && t->m.x[g] != NNT_NONE && t->m.fixed[g] == NNT_NONE) return true;
    return false;
}

/* Whether a loss that is compared at many ticks reads a prediction of the group, and so its parameters at each. */
static bool rows_predict(const struct gen *gen, const struct ticks *t, uint32_t g)
{
    for (uint32_t k = 0; k < gen->model->n_terms; k++)
        if (t->loss[k] != NNT_NONE &&
            (term_reads(gen, k, VAR_PREDICTION, g) || term_reads(gen, k, VAR_PREDICTION_Z, g)))
            return true;
    return false;
}

static bool predicts_by(const struct gen *gen, const struct ticks *t, uint32_t p)
{
    for (uint32_t k = 0; k < gen->model->n_blocks; k++)
        if (gen->model->block[k].parameter == p && rows_predict(gen, t, gen->model->block[k].to)) return true;
    for (uint32_t g = 0; g < gen->model->n_groups; g++)
        if (gen->model->group[g].bias == p && rows_predict(gen, t, g)) return true;
    return false;
}

static void begin_adjoint(struct adjoint *a)
{
    struct gen *gen = a->gen;
    const struct ticks *t = a->sweep->ticks;
    ir_id loss = last_loss(a);

    for (uint32_t g = 0; g < gen->model->n_groups; g++) {
        const struct group *it = &gen->model->group[g];

        if (t->m.x[g] == NNT_NONE) continue;
        a->x[g] = gen_scratch(gen, "adjoint", it->name, it->size);
        ir_define(gen->g, a->sweep->entry,
                  loss == IR_NONE ? gen_zeros(gen, g) : ir_gradient(gen->g, loss, a->sweep->state[g]), a->x[g]);
        if (loss != IR_NONE && loss_reads_z(gen, g)) {
            a->z[g] = gen_scratch(gen, "adjoint_z", it->name, it->size);
            ir_define(gen->g, a->sweep->entry, ir_gradient(gen->g, loss, a->sweep->made_from[g]), a->z[g]);
        }
        if (t->m.fixed[g] == NNT_NONE) continue;
        a->constant[g] = gen_scratch(gen, "adjoint_fixed", it->name, it->size);
        ir_define(gen->g, a->sweep->entry, gen_zeros(gen, g), a->constant[g]);
    }
    for (uint32_t p = 0; p < gen->model->n_parameters; p++) {
        const struct nnt_parameter *it = &gen->at.module->parameter[p];
        const struct nnt_field *field = &gen->g->field[it->field];
        struct shape shape = field_shape(field);

        if (gen->model->parameter[p].frozen || !(moves_by(gen, t, p) || predicts_by(gen, t, p))) continue;
        a->q[p] = ir_scratch(gen->g, arena_printf(gen->arena, "gradient.%s", field->name), false, shape);
        ir_define(gen->g, a->sweep->entry, ir_broadcast(gen->g, ir_number(gen->g, 0), shape), a->q[p]);
    }
}

/* The losses of the rows compared after each tick of a stretch, from what was kept; IR_NONE: none. */
static ir_id row_losses(const struct adjoint *a, struct stretch s, ir_id out_state[], ir_id out_z[])
{
    struct gen *gen = a->gen;
    const struct ticks *t = a->sweep->ticks;
    ir_id sum = IR_NONE;

    for (uint32_t g = 0; g < gen->model->n_groups; g++) {
        if (!moves_in(t, g, s)) continue;
        out_state[g] = read_row(gen, t->m.x[g], state_row(t, g, s));
        out_z[g] = read_row(gen, t->m.z[g], z_row(t, g, s));
    }
    struct sweep after = after_tick(gen, a->sweep, s, out_state, out_z);
    for (uint32_t k = 0; k < gen->model->n_terms; k++)
        if (t->loss[k] != NNT_NONE) sum = gen_add(gen, sum, row_loss(gen, &after, s, k));
    return sum == IR_NONE ? sum : weighed(a, sum);
}

/* The adjoint of z of a group before a tick: f' of what comes back by its state, and what the loss says of z itself. What comes
 * back is held still: it may be a function of the same fields. */
static ir_id adjoint_z(const struct adjoint *a, struct stretch s, uint32_t g, ir_id loss, ir_id state, ir_id z)
{
    struct gen *gen = a->gen;
    ir_id back = ir_source(gen->g, a->x[g]), f = gen_neurons(gen, gen->model->group[g].activation, z), delta;

    ir_keeps(gen->g, f, state);
    if (loss != IR_NONE) back = gen_add(gen, back, ir_gradient(gen->g, loss, state));
    back = ir_map(gen->g, PRIMITIVE_hold, back, IR_NONE, IR_NONE);
    delta = ir_gradient(gen->g, ir_map(gen->g, PRIMITIVE_mul, f, back, IR_NONE), z);
    if (loss != IR_NONE) delta = gen_add(gen, delta, ir_gradient(gen->g, loss, z));
    if (a->z[g] != NNT_NONE && s.end == a->sweep->ticks->count)
        delta = gen_add(gen, delta, ir_source(gen->g, a->z[g]));
    return delta;
}

static void back_stretch(const struct adjoint *a, struct stretch s)
{
    struct gen *gen = a->gen;
    const struct ticks *t = a->sweep->ticks;
    ir_id *state = gen_no_nodes(gen), *z = gen_no_nodes(gen), loss, sum = IR_NONE;
    struct sweep before = before_tick(gen, a->sweep, s);

    ir_begin_phase(gen->g, a->sweep->entry, s.end - s.first);
    loss = row_losses(a, s, state, z);
    for (uint32_t g = 0; g < gen->model->n_groups; g++) {
        if (!moves_in(t, g, s)) continue;
        ir_id delta = adjoint_z(a, s, g, loss, state[g], z[g]), moving = moving_part(gen, &t->m, &before, g);

        if (moving != IR_NONE) sum = gen_add(gen, sum, gen_dot(gen, moving, delta));
        if (a->constant[g] == NNT_NONE) continue;
        delta = gen_add(gen, ir_source(gen->g, a->constant[g]), delta);
        ir_define(gen->g, a->sweep->entry, delta, a->constant[g]);
    }
    for (uint32_t g = 0; g < gen->model->n_groups; g++)
        if (t->m.x[g] != NNT_NONE && !t->at_end[g])
            ir_define(gen->g, a->sweep->entry,
                      sum == IR_NONE ? gen_zeros(gen, g) : ir_gradient(gen->g, sum, before.state[g]), a->x[g]);
    for (uint32_t p = 0; p < gen->model->n_parameters; p++) {
        ir_id q = ir_source(gen->g, gen->at.module->parameter[p].field);

        if (a->q[p] == NNT_NONE || (sum == IR_NONE && loss == IR_NONE)) continue;
        ir_id more = ir_source(gen->g, a->q[p]);
        if (sum != IR_NONE) more = gen_add(gen, more, ir_gradient(gen->g, sum, q));
        if (loss != IR_NONE) more = gen_add(gen, more, ir_gradient(gen->g, loss, q));
        ir_define(gen->g, a->sweep->entry, more, a->q[p]);
    }
}

/* By what does not move, and by the predictions at the last states, which read the parameters once more. */
static ir_id rest_of_gradient(const struct adjoint *a, ir_id fixed, ir_id last, uint32_t p)
{
    struct gen *gen = a->gen;
    ir_id q = ir_source(gen->g, gen->at.module->parameter[p].field), sum = IR_NONE;

    if (a->q[p] != NNT_NONE) sum = ir_source(gen->g, a->q[p]);
    if (fixed != IR_NONE) sum = gen_add(gen, sum, ir_gradient(gen->g, fixed, q));
    if (last != IR_NONE) sum = gen_add(gen, sum, ir_gradient(gen->g, last, q));
    if (sum == IR_NONE) sum = ir_broadcast(gen->g, ir_number(gen->g, 0), gen->g->node[q].shape);
    return ir_map(gen->g, PRIMITIVE_div, sum, ir_batch(gen->g), IR_NONE);
}

static void end_adjoint(const struct adjoint *a, ir_id out[])
{
    struct gen *gen = a->gen;
    const struct ticks *t = a->sweep->ticks;
    struct sweep at = before_tick(gen, a->sweep, t->stretch[0]);
    ir_id fixed = IR_NONE, last;

    ir_begin_phase(gen->g, a->sweep->entry, 1);
    last = last_loss(a);
    for (uint32_t g = 0; g < gen->model->n_groups; g++) {
        if (a->constant[g] == NNT_NONE) continue;
        ir_id part = moving_fixed_part(gen, &t->m, &at, g);
        fixed = gen_add(gen, fixed, gen_dot(gen, part, ir_source(gen->g, a->constant[g])));
    }
    for (uint32_t p = 0; p < gen->model->n_parameters; p++)
        out[p] = gen->model->parameter[p].frozen ? IR_NONE : rest_of_gradient(a, fixed, last, p);
}

void ticks_gradients(struct gen *gen, struct sweep *sweep, ir_id coefficient, ir_id out[])
{
    const struct model *m = gen->model;
    const struct ticks *t = sweep->ticks;
    struct adjoint a = {.gen = gen,
                        .sweep = sweep,
                        .x = gen_no_fields(gen, m->n_groups),
                        .z = gen_no_fields(gen, m->n_groups),
                        .constant = gen_no_fields(gen, m->n_groups),
                        .q = gen_no_fields(gen, m->n_parameters),
                        .coefficient = coefficient};

    if (!t->kept) BUG("the ticks were not kept");
    begin_adjoint(&a);
    for (uint32_t k = t->n_stretches; k-- > 0;) {
        struct stretch s = t->stretch[k];

        s.back = true;
        back_stretch(&a, s);
    }
    end_adjoint(&a, out);
}
