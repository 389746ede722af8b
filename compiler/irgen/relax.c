/* relax.c: the free neurons of each sample to the minimum of H over them, by monotone descent (THEORY 2, 3a).
 *
 * Every iteration of one phase evaluates H and its gradient once, at one trial point y = x + t d of each sample. Either that is good
 * enough: then it becomes x, and the next d is the quasi-Newton direction that the last step alone tells (the memoryless BFGS formula,
 * Shanno 1978, which on a quadratic needs about as many steps as conjugate gradients do). Or t shrinks. A sample neither sees the
 * others nor waits for them: where it has stopped, nothing of it changes any more.
 *
 * Precision: H is known to some ulps of its terms only, so that near the minimum it cannot tell a good step from a bad one; there the
 * slope along d decides (the approximate Wolfe condition of Hager and Zhang 2005), and H may rise by that much. What limits max |dH/dx|
 * is the rounding of x: about the largest curvature of H times half an ulp of x, in float32 some 1e-7 where both are of order 1.
 * A sample whose tolerance lies below that does not converge, and is counted as failed. */
#include "compiler/irgen/arithmetic.h"

#include <float.h>

/* A step must make this share of the decrease that the slope promises. */
#define SUFFICIENT 0.1
/* Numbers beyond this are taken for infinite: their squares still have a place in float64, and in float32 they are. */
#define HUGE_NUMBER 1e30
/* What H may rise by, in ulps of the sum of its terms' sizes. */
#define ULPS 16.0

/* What is carried: [batch][n] of each free group (NNT_NONE of others), and numbers of each sample. */
struct relaxing {
    struct gen *gen;
    enum nnt_entry_name entry;
    uint32_t *x, *y;       /* the best point so far, and the one to try */
    uint32_t *slope, *way; /* dH/dx at x, and the direction d */
    uint32_t
        *fixed;     /* what clamped groups give: of z, or where nothing else feeds the group its whole prediction */
    uint32_t *held; /* states of clamped groups that are no field as it stands */
    const ir_id *start;
    uint32_t length;  /* t */
    uint32_t running; /* 1 until the sample stops */
    uint32_t goes_on; /* rank 0: whether any runs */
};

static ir_id number(struct gen *gen, double value)
{
    return ir_number(gen->g, value);
}

/* ---- groups ---- */

static bool is_free(const struct gen *gen, uint32_t g)
{
    return !gen->model->group[g].clamped;
}

static bool anything_free(const struct gen *gen)
{
    for (uint32_t g = 0; g < gen->model->n_groups; g++)
        if (is_free(gen, g)) return true;
    return false;
}

static bool fed_by(const struct gen *gen, uint32_t group, bool free)
{
    for (uint32_t k = 0; k < gen->model->n_blocks; k++)
        if (gen->model->block[k].to == group && is_free(gen, gen->model->block[k].from) == free) return true;
    return false;
}

/* A row moves with the iterations; only a whole field stays what it is. */
static bool stays(const struct gen *gen, ir_id id)
{
    return gen->g->node[id].op == IR_source && !gen->g->node[id].row.is;
}

static struct relaxing new_relaxing(struct gen *gen, enum nnt_entry_name entry, const ir_id start[])
{
    struct relaxing r = {.gen = gen,
                         .entry = entry,
                         .x = gen_no_fields(gen, gen->model->n_groups),
                         .y = gen_no_fields(gen, gen->model->n_groups),
                         .slope = gen_no_fields(gen, gen->model->n_groups),
                         .way = gen_no_fields(gen, gen->model->n_groups),
                         .fixed = gen_no_fields(gen, gen->model->n_groups),
                         .held = gen_no_fields(gen, gen->model->n_groups),
                         .start = start};

    for (uint32_t g = 0; g < gen->model->n_groups; g++) {
        const struct group *it = &gen->model->group[g];

        if (group_counts(it) && (fed_by(gen, g, false) || !fed_by(gen, g, true)))
            r.fixed[g] = gen_scratch(gen, "fixed", it->name, it->size);
        if (!is_free(gen, g) && !stays(gen, start[g])) r.held[g] = gen_scratch(gen, "held", it->name, it->size);
        if (!is_free(gen, g)) continue;
        r.x[g] = gen_scratch(gen, "x", it->name, it->size);
        r.y[g] = gen_scratch(gen, "y", it->name, it->size);
        r.slope[g] = gen_scratch(gen, "slope", it->name, it->size);
        r.way[g] = gen_scratch(gen, "way", it->name, it->size);
    }
    r.length = gen_scratch(gen, "relax", "length", 0);
    r.running = gen_scratch(gen, "relax", "running", 0);
    r.goes_on = ir_scratch(gen->g, "relax.goes_on", false, (struct shape){0});
    return r;
}

static void define(const struct relaxing *r, ir_id value, uint32_t field)
{
    ir_define(r->gen->g, r->entry, value, field);
}

static void define_number(const struct relaxing *r, double value, uint32_t field)
{
    define(r, gen_spread(r->gen, number(r->gen, value), SAMPLES, 0), field);
}

static ir_id source(const struct relaxing *r, uint32_t field)
{
    return ir_source(r->gen->g, field);
}

/* ---- before the first iteration ---- */

static void define_fixed(const struct relaxing *r, struct sweep *at, uint32_t g)
{
    struct gen *gen = r->gen;
    bool *clamped = arena_alloc(gen->arena, gen->model->n_groups + 1);

    for (uint32_t k = 0; k < gen->model->n_groups; k++) clamped[k] = !is_free(gen, k);
    ir_id z = sweep_sum(gen, at, g, clamped, true);
    define(r, fed_by(gen, g, true) ? z : gen_neurons(gen, gen->model->group[g].activation, z), r->fixed[g]);
}

/* The first point to try is the start itself; H was infinite before. */
static void begin(const struct relaxing *r)
{
    struct gen *gen = r->gen;
    const struct nnt_module *m = gen->at.module;
    struct sweep at = sweep_at(gen, r->start);

    ir_begin_phase(gen->g, r->entry, 1);
    for (uint32_t g = 0; g < gen->model->n_groups; g++) {
        if (r->fixed[g] != NNT_NONE) define_fixed(r, &at, g);
        if (r->held[g] != NNT_NONE) define(r, r->start[g], r->held[g]);
        if (r->x[g] == NNT_NONE) continue;
        define(r, r->start[g], r->x[g]);
        define(r, r->start[g], r->y[g]);
        define(r, gen_zeros(gen, g), r->slope[g]);
        define(r, gen_zeros(gen, g), r->way[g]);
    }
    define_number(r, HUGE_NUMBER, m->H);
    define_number(r, 1, r->length);
    define_number(r, 1, r->running);
    define_number(r, 0, m->relax_steps);
    define_number(r, 1, m->relax_failed);
}

/* ---- an iteration ---- */

/* The states with the free ones in `field`, and what clamped groups give taken from where it is kept. */
static struct sweep states_in(const struct relaxing *r, const uint32_t field[])
{
    struct gen *gen = r->gen;
    ir_id *state = arena_alloc(gen->arena, (gen->model->n_groups + 1) * sizeof *state);

    for (uint32_t g = 0; g < gen->model->n_groups; g++)
        state[g] = field[g] != NNT_NONE     ? source(r, field[g])
                   : r->held[g] != NNT_NONE ? source(r, r->held[g])
                                            : r->start[g];
    return sweep_at(gen, state);
}

static struct sweep trial(const struct relaxing *r)
{
    struct gen *gen = r->gen;
    struct sweep at = states_in(r, r->y);
    bool *free = arena_alloc(gen->arena, gen->model->n_groups + 1);

    for (uint32_t g = 0; g < gen->model->n_groups; g++) free[g] = is_free(gen, g);
    for (uint32_t g = 0; g < gen->model->n_groups; g++) {
        if (r->fixed[g] == NNT_NONE) continue;
        if (fed_by(gen, g, true))
            at.z[g] = add(gen, sweep_sum(gen, &at, g, free, false), source(r, r->fixed[g]));
        else
            at.prediction[g] = source(r, r->fixed[g]);
    }
    return at;
}

/* Numbers of each sample: what the trial shows. x, g: the point and slope before, G: the slope at the trial, v = G - g. */
struct seen {
    ir_id H, before;        /* H there, and at x */
    ir_id *G;               /* a group */
    ir_id dg, dG, dd;       /* d·g, d·G, d·d */
    ir_id vv, vG, GG, most; /* v·v, v·G, G·G, max |G| */
    ir_id first, ulps, t;   /* whether it is the start; what H is not known to; t */
};

static ir_id within(struct gen *gen, enum reduction by, ir_id sum, ir_id a)
{
    a = ir_reduce(gen->g, by, a, 1 << 1);
    if (sum == IR_NONE) return a;
    return by == REDUCE_SUM ? add(gen, sum, a) : ir_map(gen->g, PRIMITIVE_max, sum, a, IR_NONE);
}

static void dot(struct gen *gen, ir_id *sum, ir_id a, ir_id b)
{
    *sum = within(gen, REDUCE_SUM, *sum, mul(gen, a, b));
}

/* Some ulps of H: of ½ r² with r known to an ulp of states of order 1, and of what V adds. */
static ir_id rounding(struct gen *gen, struct sweep *at, ir_id H)
{
    double ulp = gen->g->real_bytes == 4 ? FLT_EPSILON : DBL_EPSILON;
    ir_id size = size_of(gen, H);

    for (uint32_t g = 0; g < gen->model->n_groups; g++) {
        if (!group_has_energy(&gen->model->group[g])) continue;
        size = add(gen, size,
                   times(gen, 2, within(gen, REDUCE_SUM, IR_NONE, size_of(gen, gen_potential(gen, at, g)))));
    }
    return times(gen, ULPS * ulp, add(gen, size, root(gen, size)));
}

static struct seen look(const struct relaxing *r)
{
    struct gen *gen = r->gen;
    const struct nnt_module *m = gen->at.module;
    struct sweep at = trial(r);
    struct seen s = {.H = gen_H(gen, &at),
                     .before = source(r, m->H),
                     .G = arena_alloc(gen->arena, (gen->model->n_groups + 1) * sizeof *s.G),
                     .dg = IR_NONE,
                     .dG = IR_NONE,
                     .dd = IR_NONE,
                     .vv = IR_NONE,
                     .vG = IR_NONE,
                     .GG = IR_NONE,
                     .most = IR_NONE,
                     .t = source(r, r->length)};
    ir_id sum = ir_reduce(gen->g, REDUCE_SUM, s.H, 1);

    s.first = ir_map(gen->g, PRIMITIVE_equal, source(r, m->relax_steps), number(gen, 0), IR_NONE);
    s.ulps = rounding(gen, &at, s.H);
    for (uint32_t k = 0; k < gen->model->n_groups; k++) {
        if (r->x[k] == NNT_NONE) continue;
        ir_id G = s.G[k] = ir_gradient(gen->g, sum, at.state[k]);
        ir_id g = source(r, r->slope[k]), d = source(r, r->way[k]), v = sub(gen, G, g);
        dot(gen, &s.dg, d, g);
        dot(gen, &s.dG, d, G);
        dot(gen, &s.dd, d, d);
        dot(gen, &s.vv, v, v);
        dot(gen, &s.vG, v, G);
        dot(gen, &s.GG, G, G);
        s.most = within(gen, REDUCE_MAX, s.most, size_of(gen, G));
    }
    return s;
}

/* Whether H falls as it should, or does not rise beyond rounding while the slope along d tells that it falls. NaN is not good. */
static ir_id is_good(struct gen *gen, const struct seen *s)
{
    ir_id rise = sub(gen, s->H, s->before), promised = mul(gen, s->t, s->dg);
    ir_id falls = at_most(gen, rise, times(gen, SUFFICIENT, promised));
    ir_id slope_tells = at_most(gen, s->dG, times(gen, 2 * SUFFICIENT - 1, s->dg));
    ir_id level = both(gen, at_most(gen, rise, s->ulps), slope_tells);
    ir_id finite = both(gen, less(gen, size_of(gen, s->H), number(gen, HUGE_NUMBER)),
                        less(gen, s->GG, number(gen, HUGE_NUMBER)));

    return both(gen, finite, either(gen, falls, level));
}

/* t where the slope along d is 0 if it is linear, within 0.05 and 0.5 of what it was; NaN takes the smallest. */
static ir_id shorter(struct gen *gen, const struct seen *s)
{
    ir_id share = divide(gen, s->dg, sub(gen, s->dg, s->dG)), least = number(gen, 0.05), most = number(gen, 0.5);

    share = choose(gen, less(gen, least, share), share, least);
    share = choose(gen, less(gen, share, most), share, most);
    return mul(gen, share, s->t);
}

/* The next direction d' = of_G G + of_g g + of_d d. */
struct direction {
    ir_id of_G, of_g, of_d;
};

/* With s = t d and v = G - g: -d' = γ (G - a v) + (2a - v·G/v·v) s, a = s·G/s·v, γ = s·v/v·v. Where H is not convex along s, or d'
 * would not descend for rounding: -G, twice as far as the last step went; at the start -G, for H has curvatures around 1. */
static struct direction next_direction(struct gen *gen, const struct seen *s)
{
    ir_id sv = mul(gen, s->t, sub(gen, s->dG, s->dg)), a = divide(gen, mul(gen, s->t, s->dG), sv);
    ir_id gamma = divide(gen, sv, s->vv), of_v = mul(gen, gamma, a);
    ir_id of_d = mul(gen, s->t, sub(gen, divide(gen, s->vG, s->vv), times(gen, 2, a)));
    ir_id fall = add(gen, sub(gen, mul(gen, of_v, s->vG), mul(gen, gamma, s->GG)), mul(gen, of_d, s->dG));
    ir_id good = both(gen, less(gen, number(gen, 0), sv), less(gen, fall, number(gen, 0)));
    ir_id far = mul(gen, times(gen, 2, s->t), root(gen, divide(gen, s->dd, s->GG)));
    ir_id plain = choose(gen, s->first, number(gen, 1), far), zero = number(gen, 0);

    return (struct direction){.of_G = choose(gen, good, sub(gen, of_v, gamma), times(gen, -1, plain)),
                              .of_g = choose(gen, good, times(gen, -1, of_v), zero),
                              .of_d = choose(gen, good, of_d, zero)};
}

static ir_id spread(struct gen *gen, ir_id a, uint32_t group)
{
    return gen_spread(gen, a, SAMPLES, gen->model->group[group].size);
}

static void move_group(const struct relaxing *r, const struct seen *s, ir_id good, const struct direction *to,
                       ir_id t, uint32_t k)
{
    struct gen *gen = r->gen;
    ir_id g = source(r, r->slope[k]), d = source(r, r->way[k]);
    ir_id turn = add(gen, mul(gen, spread(gen, to->of_g, k), g), mul(gen, spread(gen, to->of_d, k), d));
    ir_id moved = spread(gen, good, k), x = choose(gen, moved, source(r, r->y[k]), source(r, r->x[k]));

    d = choose(gen, moved, add(gen, turn, mul(gen, spread(gen, to->of_G, k), s->G[k])), d);
    define(r, x, r->x[k]);
    define(r, choose(gen, moved, s->G[k], g), r->slope[k]);
    define(r, d, r->way[k]);
    define(r, add(gen, x, mul(gen, spread(gen, t, k), d)), r->y[k]);
}

/* A sample stops where it has converged, where it is lost, and after so many steps. */
static void stop(const struct relaxing *r, const struct seen *s, ir_id good, ir_id lost)
{
    struct gen *gen = r->gen;
    const struct nnt_module *m = gen->at.module;
    ir_id steps = source(r, m->relax_steps), failed = source(r, m->relax_failed);
    ir_id flat = at_most(gen, s->most, number(gen, gen->model->ensemble.relax_tolerance));
    ir_id converged = both(gen, good, flat);
    ir_id more = less(gen, steps, number(gen, gen->model->ensemble.relax_most));
    ir_id on = both(gen, both(gen, source(r, r->running), more), negated(gen, either(gen, converged, lost)));

    define(r, on, r->running);
    define(r, add(gen, steps, on), m->relax_steps);
    define(r, choose(gen, converged, number(gen, 0), failed), m->relax_failed);
    define(r, ir_reduce(gen->g, REDUCE_MAX, on, 1), r->goes_on);
}

static void iterate(const struct relaxing *r)
{
    struct gen *gen = r->gen;

    ir_begin_phase(gen->g, r->entry, gen->model->ensemble.relax_most + 1);
    ir_goes_on(gen->g, r->entry, r->goes_on);
    struct seen s = look(r);
    ir_id runs = source(r, r->running), good = both(gen, runs, is_good(gen, &s));
    ir_id lost = both(gen, both(gen, runs, s.first), negated(gen, good)); /* the start is no number: so H tells */
    ir_id t = choose(gen, good, number(gen, 1), shorter(gen, &s));
    struct direction to = next_direction(gen, &s);

    for (uint32_t k = 0; k < gen->model->n_groups; k++)
        if (r->x[k] != NNT_NONE) move_group(r, &s, good, &to, t, k);
    define(r, t, r->length);
    define(r, choose(gen, either(gen, good, lost), s.H, s.before), gen->at.module->H);
    stop(r, &s, good, lost);
}

/* ---- all of it ---- */

/* Nothing moves: H at the start. */
static void stay(const struct relaxing *r, struct sweep *at)
{
    define(r, gen_H(r->gen, at), r->gen->at.module->H);
    define_number(r, 0, r->gen->at.module->relax_steps);
    define_number(r, 0, r->gen->at.module->relax_failed);
}

struct sweep relax_run(struct gen *gen, enum nnt_entry_name entry, const ir_id start[])
{
    struct relaxing r = {.gen = gen, .entry = entry};
    struct sweep at = sweep_at(gen, start);

    if (!anything_free(gen)) {
        stay(&r, &at);
        return at;
    }
    r = new_relaxing(gen, entry, start);
    begin(&r);
    iterate(&r);
    ir_begin_phase(gen->g, entry, 1);
    return states_in(&r, r.x);
}

void gen_relax(struct gen *gen)
{
    struct sweep from = sweep_at_state(gen), at = relax_run(gen, NNT_ENTRY_relax, from.state);

    for (uint32_t g = 0; g < gen->model->n_groups; g++)
        if (is_free(gen, g))
            ir_define(gen->g, NNT_ENTRY_relax, sweep_state(gen, &at, g), gen->at.module->group[g].state);
}
