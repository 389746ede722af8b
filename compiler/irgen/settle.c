/* settle.c: the map iterated until it moves no more, each sample by itself, and the adjoint of the fixed point (THEORY 1).
 *
 * A sample that has settled keeps its state while others go on, so that it does not depend on them. The adjoint solves
 * l = a + J' l by the same iteration: it needs the fixed point alone, and no history. */
#include "compiler/irgen/arithmetic.h"
#include "compiler/irgen/dynamics.h"

struct settling {
    struct moving m;
    uint32_t active, ticks, going; /* of each sample: 1 while it moves, how often it moved; whether any goes on */
    /* The change of a sample's last tick, and of two before it, some hundred ticks apart, with their numbers. */
    uint32_t change, old_change, old_tick, new_change, new_tick;
};

/* The contraction is told by changes that lie from SPAN to twice as many ticks apart. */
enum { SPAN = 150 };

static ir_id number(struct gen *gen, double value)
{
    return gen_spread(gen, ir_number(gen->g, value), SAMPLES, 0);
}

/* ---- fields ---- */

static struct settling *new_settling(struct gen *gen, const struct sweep *sweep)
{
    struct settling *s = arena_alloc(gen->arena, sizeof *s);

    s->m = moving_new(gen, sweep);
    for (uint32_t g = 0; g < gen->model->n_groups; g++)
        if (s->m.moves[g]) s->m.x[g] = gen_scratch(gen, "x", gen->model->group[g].name, gen->model->group[g].size);
    moving_add_fixed(gen, &s->m);
    s->active = gen_scratch(gen, "settle", "active", 0);
    s->ticks = gen_scratch(gen, "settle", "tick", 0);
    s->change = gen_scratch(gen, "settle", "change", 0);
    s->old_change = gen_scratch(gen, "settle", "old_change", 0);
    s->old_tick = gen_scratch(gen, "settle", "old_tick", 0);
    s->new_change = gen_scratch(gen, "settle", "new_change", 0);
    s->new_tick = gen_scratch(gen, "settle", "new_tick", 0);
    s->going = ir_scratch(gen->g, "settle.going", false, (struct shape){0});
    return s;
}

/* ---- one application of the map ---- */

static struct sweep at_states(struct gen *gen, const struct sweep *sweep)
{
    ir_id *state = arena_alloc(gen->arena, (gen->model->n_groups + 1) * sizeof *state);

    for (uint32_t g = 0; g < gen->model->n_groups; g++) {
        if (sweep->settling->m.x[g] != NNT_NONE)
            state[g] = ir_source(gen->g, sweep->settling->m.x[g]);
        else if (group_is_held(&gen->model->group[g], sweep->held))
            state[g] = ir_source(gen->g, gen->at.module->group[g].data);
        else
            state[g] = gen_zeros(gen, g);
    }
    return sweep_at(gen, state);
}

/* The largest |x| of a sample. */
static ir_id largest(struct gen *gen, ir_id x)
{
    return ir_reduce(gen->g, REDUCE_MAX, size_of(gen, x), 1 << 1);
}

/* ---- moving until it moves no more ---- */

/* Fields of each group go to `next` where the sample still moves, and it goes on moving where the largest change was above the
 * tolerance, relative to the largest of `least` and |next|. A change that is no number goes on: it must not pass for settled.
 * Returns the change. */
static ir_id move(struct gen *gen, const struct sweep *sweep, const uint32_t field[], const ir_id next[],
                  ir_id least)
{
    const struct settling *s = sweep->settling;
    ir_id change = IR_NONE, size = least, active = ir_source(gen->g, s->active), settled;

    for (uint32_t g = 0; g < gen->model->n_groups; g++) {
        if (field[g] == NNT_NONE) continue;
        ir_id old = ir_source(gen->g, field[g]), step = largest(gen, sub(gen, next[g], old)), moved;

        change = change == IR_NONE ? step : larger(gen, change, step);
        size = larger(gen, size, largest(gen, next[g]));
        moved = choose(gen, gen_spread(gen, active, SAMPLES, gen->model->group[g].size), next[g], old);
        ir_define(gen->g, sweep->entry, moved, field[g]);
    }
    settled = at_most(gen, change, mul(gen, number(gen, gen->model->dynamics.tolerance), size));
    settled = negated(gen, settled);
    active = both(gen, active, settled);
    ir_define(gen->g, sweep->entry, active, s->active);
    ir_define(gen->g, sweep->entry, ir_reduce(gen->g, REDUCE_MAX, active, 1), s->going);
    return change;
}

/* Notes the change of a tick: of the first, and then of one in SPAN. */
static void note_change(struct gen *gen, const struct sweep *sweep, ir_id change)
{
    const struct settling *s = sweep->settling;
    ir_id active = ir_source(gen->g, s->active), tick = add(gen, ir_source(gen->g, s->ticks), active);
    ir_id new_change = ir_source(gen->g, s->new_change), new_tick = ir_source(gen->g, s->new_tick);
    ir_id old_change = ir_source(gen->g, s->old_change), old_tick = ir_source(gen->g, s->old_tick);
    ir_id one = number(gen, 1);
    ir_id first = both(gen, active, ir_map(gen->g, PRIMITIVE_equal, tick, one, IR_NONE));
    ir_id span = sub(gen, tick, new_tick), due = at_most(gen, number(gen, SPAN), span);

    due = either(gen, first, both(gen, active, due));
    old_change = choose(gen, first, change, choose(gen, due, new_change, old_change));
    old_tick = choose(gen, first, tick, choose(gen, due, new_tick, old_tick));
    ir_define(gen->g, sweep->entry, old_change, s->old_change);
    ir_define(gen->g, sweep->entry, old_tick, s->old_tick);
    ir_define(gen->g, sweep->entry, choose(gen, due, change, new_change), s->new_change);
    ir_define(gen->g, sweep->entry, choose(gen, due, tick, new_tick), s->new_tick);
    ir_define(gen->g, sweep->entry, choose(gen, active, change, ir_source(gen->g, s->change)), s->change);
    ir_define(gen->g, sweep->entry, tick, s->ticks);
}

static void begin(struct gen *gen, const struct sweep *sweep)
{
    const struct settling *s = sweep->settling;
    const uint32_t zero[] = {s->ticks, s->change, s->old_change, s->old_tick, s->new_change, s->new_tick};
    struct sweep at = at_states(gen, sweep);

    ir_begin_phase(gen->g, sweep->entry, 1);
    for (uint32_t g = 0; g < gen->model->n_groups; g++) {
        if (s->m.x[g] == NNT_NONE) continue;
        ir_define(gen->g, sweep->entry, gen_zeros(gen, g), s->m.x[g]);
        if (s->m.fixed[g] != NNT_NONE)
            ir_define(gen->g, sweep->entry, moving_fixed_part(gen, &s->m, &at, g), s->m.fixed[g]);
    }
    for (uint32_t k = 0; k < LENGTH(zero); k++) ir_define(gen->g, sweep->entry, number(gen, 0), zero[k]);
    ir_define(gen->g, sweep->entry, number(gen, 1), s->active);
}

/* ---- what is told ---- */

static void tell(struct gen *gen, const struct sweep *sweep, ir_id value, uint32_t field)
{
    ir_define(gen->g, sweep->entry, value, field);
}

/* The geometric mean of the ratios of successive changes, and what is left to go if they go on like that. */
static void tell_settling(struct gen *gen, const struct sweep *sweep)
{
    const struct settling *s = sweep->settling;
    const struct nnt_module *m = gen->at.module;
    ir_id ticks = ir_source(gen->g, s->ticks), change = ir_source(gen->g, s->change);
    ir_id old = ir_source(gen->g, s->old_change), zero = number(gen, 0), one = number(gen, 1);
    ir_id span = sub(gen, ticks, ir_source(gen->g, s->old_tick));
    ir_id moved = less(gen, zero, span), told = both(gen, moved, less(gen, zero, old));
    ir_id ratio = divide(gen, change, choose(gen, told, old, one)), contraction, left;

    contraction = ir_map(gen->g, PRIMITIVE_pow, ratio, divide(gen, one, choose(gen, told, span, one)), IR_NONE);
    contraction = choose(gen, told, contraction, zero);
    left = number(gen, 1e-6);
    left = larger(gen, sub(gen, one, contraction), left);
    tell(gen, sweep, ticks, m->settle_ticks);
    tell(gen, sweep, contraction, m->settle_contraction);
    tell(gen, sweep, divide(gen, change, left), m->settle_error);
    tell(gen, sweep, ir_source(gen->g, s->active), m->settle_failed);
}

/* ---- the fixed point ---- */

static bool anything_moves(const struct gen *gen, const struct settling *s)
{
    for (uint32_t g = 0; g < gen->model->n_groups; g++)
        if (s->m.moves[g]) return true;
    return false;
}

void settle_run(struct gen *gen, struct sweep *sweep, bool kept)
{
    struct settling *s = sweep->settling = new_settling(gen, sweep);
    ir_id *next = arena_alloc(gen->arena, (gen->model->n_groups + 1) * sizeof *next);
    struct sweep at;

    (void)kept; /* the fixed point is all that its adjoint needs */
    begin(gen, sweep);
    at = at_states(gen, sweep);
    ir_begin_phase(gen->g, sweep->entry, gen->model->dynamics.ticks);
    ir_goes_on(gen->g, sweep->entry, s->going);
    for (uint32_t g = 0; g < gen->model->n_groups; g++)
        if (s->m.x[g] != NNT_NONE)
            next[g] = gen_neurons(gen, gen->model->group[g].activation, moving_z(gen, &s->m, &at, g));
    if (anything_moves(gen, s)) {
        note_change(gen, sweep, move(gen, sweep, s->m.x, next, number(gen, 1)));
    } else {
        ir_define(gen->g, sweep->entry, number(gen, 0), s->active);
        ir_define(gen->g, sweep->entry, ir_number(gen->g, 0), s->going);
    }
    ir_begin_phase(gen->g, sweep->entry, 1);
    for (uint32_t g = 0; g < gen->model->n_groups; g++) sweep->state[g] = at.state[g];
    tell_settling(gen, sweep);
}

/* ---- the adjoint ---- */

struct adjoint {
    struct gen *gen;
    struct sweep *sweep;
    uint32_t *a, *l, *z; /* a group: what the loss says, the adjoint of the fixed point, z there */
    ir_id loss;
};

static void begin_adjoint(struct adjoint *a)
{
    struct gen *gen = a->gen;
    const struct settling *s = a->sweep->settling;

    for (uint32_t g = 0; g < gen->model->n_groups; g++) {
        const struct group *it = &gen->model->group[g];

        if (s->m.x[g] == NNT_NONE) continue;
        ir_id back = ir_gradient(gen->g, a->loss, a->sweep->state[g]);
        a->a[g] = gen_scratch(gen, "source", it->name, it->size);
        a->l[g] = gen_scratch(gen, "adjoint", it->name, it->size);
        a->z[g] = gen_scratch(gen, "z", it->name, it->size);
        ir_define(gen->g, a->sweep->entry, back, a->a[g]);
        ir_define(gen->g, a->sweep->entry, back, a->l[g]);
        ir_define(gen->g, a->sweep->entry, sweep_z(gen, a->sweep, g), a->z[g]);
    }
    ir_define(gen->g, a->sweep->entry, number(gen, 1), s->active);
}

/* f' l at the fixed point. */
static ir_id adjoint_z(const struct adjoint *a, uint32_t g)
{
    struct gen *gen = a->gen;
    ir_id z = ir_source(gen->g, a->z[g]), f = gen_neurons(gen, gen->model->group[g].activation, z);

    return ir_gradient(gen->g, mul(gen, f, ir_source(gen->g, a->l[g])), z);
}

/* l goes to a + J' l until it moves no more, relative to its own size. */
static void solve(const struct adjoint *a)
{
    struct gen *gen = a->gen;
    const struct settling *s = a->sweep->settling;
    struct sweep at = at_states(gen, a->sweep);
    ir_id *next = gen_no_nodes(gen), sum = IR_NONE;

    ir_begin_phase(gen->g, a->sweep->entry, gen->model->dynamics.ticks);
    ir_goes_on(gen->g, a->sweep->entry, s->going);
    for (uint32_t g = 0; g < gen->model->n_groups; g++) {
        ir_id moving = s->m.x[g] == NNT_NONE ? IR_NONE : moving_part(gen, &s->m, &at, g);

        if (moving != IR_NONE) sum = gen_add(gen, sum, gen_dot(gen, moving, adjoint_z(a, g)));
    }
    for (uint32_t g = 0; g < gen->model->n_groups; g++) {
        if (s->m.x[g] == NNT_NONE) continue;
        next[g] = ir_source(gen->g, a->a[g]);
        if (sum != IR_NONE) next[g] = gen_add(gen, next[g], ir_gradient(gen->g, sum, at.state[g]));
    }
    (void)move(gen, a->sweep, a->l, next, number(gen, 0));
}

void settle_gradients(struct gen *gen, struct sweep *sweep, ir_id coefficient, ir_id out[])
{
    const struct settling *s = sweep->settling;
    uint32_t n = gen->model->n_groups;
    struct adjoint a = {
        gen, sweep, gen_no_fields(gen, n), gen_no_fields(gen, n), gen_no_fields(gen, n), gen_loss(gen, sweep)};
    uint32_t failed = gen->at.module->settle_failed;
    ir_id sum;

    if (coefficient != IR_NONE) a.loss = mul(gen, coefficient, a.loss);
    begin_adjoint(&a);
    if (anything_moves(gen, s)) solve(&a);
    ir_begin_phase(gen->g, sweep->entry, 1);
    sum = ir_reduce(gen->g, REDUCE_SUM, a.loss, 1);
    for (uint32_t g = 0; g < n; g++) {
        if (s->m.x[g] == NNT_NONE) continue;
        ir_id z = sweep_z(gen, sweep, g);
        sum = gen_add(gen, sum, gen_dot(gen, z, adjoint_z(&a, g)));
    }
    for (uint32_t p = 0; p < gen->model->n_parameters; p++) {
        ir_id q = ir_source(gen->g, gen->at.module->parameter[p].field);

        out[p] = IR_NONE;
        if (gen->model->parameter[p].frozen) continue;
        ir_id by = ir_gradient(gen->g, sum, q);
        out[p] = divide(gen, by, ir_broadcast(gen->g, ir_batch(gen->g), gen->g->node[q].shape));
    }
    ir_id before = ir_source(gen->g, failed);
    ir_define(gen->g, sweep->entry, larger(gen, before, ir_source(gen->g, s->active)), failed);
}
