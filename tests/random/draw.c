/* draw.c: well-typed networks drawn by seed, as text. */
#include "tests/random/draw.h"

#include <stdio.h>

enum { GROUPS = 12, BLOCKS = GROUPS * GROUPS, FUNCTIONS = 3, NAME = 16 };
enum kind { FEEDFORWARD, TICKS, SETTLE, KINDS };

/* Groups stand in this order: inputs, bulk, elements of the array `k`, outputs. */
struct drawn_group {
    char name[NAME]; /* as in the file */
    uint32_t size;
    bool input, output;
    uint32_t element; /* of the array, counted from 1; 0: none */
    bool each_tick, clamped;
    bool predicted; /* it has an incoming block or a bias */
    bool biased;    /* it has no block, so it needs a bias */
    bool softmax, logistic, in_R, potential;
};

struct drawing {
    struct random random;
    struct text *out;
    enum kind kind;
    bool smooth;
    bool relaxed, full; /* the ensemble's reference and Hessian */
    uint32_t ticks;
    uint32_t rows; /* of the sequences, where the file has data; 0: it has none */
    uint32_t n, inputs, depth, outputs;
    struct drawn_group group[GROUPS];
    uint32_t n_blocks, from[BLOCKS], to[BLOCKS];
};

static uint32_t below(struct drawing *d, uint32_t n)
{
    return random_below(&d->random, n);
}

static bool one_in(struct drawing *d, uint32_t n)
{
    return below(d, n) == 0;
}

static void expression(struct drawing *d, const char *of, uint32_t depth, bool mixes)
{
    struct draw_style style = {
        .mixes = mixes, .jumps = d->kind == FEEDFORWARD, .smooth = d->smooth, .nudged = true};
    draw_expression(&d->random, d->out, of, depth, style);
}

static const char *name_of(const struct drawing *d, uint32_t g)
{
    return d->group[g].name;
}

/* ---- groups ---- */

static uint32_t drawn_size(struct drawing *d, uint32_t g)
{
    uint32_t most = d->kind == FEEDFORWARD ? 37 : 13;
    uint32_t size = one_in(d, 4) ? 1 + below(d, 3) : 1 + below(d, most);
    if (g > 0 && below(d, 2)) size = d->group[below(d, g)].size; /* blocks of one shape can be tied */
    return size;
}

static void draw_groups(struct drawing *d)
{
    uint32_t bulk = 1 + below(d, 3);
    d->inputs = one_in(d, 12) ? 0 : 1 + one_in(d, 4);
    d->outputs = 1 + one_in(d, 3);
    d->depth = one_in(d, 4) ? 2 + below(d, 2) : 0;
    d->n = d->inputs + bulk + d->depth + d->outputs;
    for (uint32_t g = 0; g < d->n; g++) {
        struct drawn_group *it = &d->group[g];
        uint32_t array = d->inputs + bulk;
        it->input = g < d->inputs;
        it->output = g >= d->n - d->outputs;
        it->element = g >= array && !it->output ? g - array + 1 : 0;
        it->size = it->element > 1 ? d->group[g - 1].size : drawn_size(d, g);
        it->biased = !it->input && (g == 0 || (it->element <= 1 && !it->output && one_in(d, 12)));
        if (it->element)
            snprintf(it->name, NAME, "k[%u]", it->element);
        else
            snprintf(it->name, NAME, "%c%u", it->input ? 'x' : it->output ? 'y' : 'h', g);
    }
}

/* With data, what is each tick is the bits of parity and has one neuron; the rest is made of them too. */
static void draw_sequences(struct drawing *d)
{
    bool any = false;
    if (d->kind != TICKS) return;
    for (uint32_t g = 0; g < d->n; g++) {
        struct drawn_group *it = &d->group[g];
        it->each_tick = (it->input && below(d, 2)) || (it->output && one_in(d, 3));
        any |= it->each_tick;
    }
    if (!any || !one_in(d, 3)) return;
    d->rows = 1 + below(d, d->ticks);
    for (uint32_t g = 0; g < d->n; g++) {
        struct drawn_group *it = &d->group[g];
        if (it->each_tick)
            it->size = 1;
        else if (it->input)
            it->size = d->rows;
        else if (it->output)
            it->size = 1 + below(d, 2);
    }
}

static void write_neurons(struct drawing *d)
{
    text_add(d->out, "    neurons ");
    for (uint32_t g = 0; g < d->n; g++) {
        const struct drawn_group *it = &d->group[g];
        if (it->element > 1) continue;
        text_add(d->out, "%s", g ? ", " : "");
        if (it->element)
            text_add(d->out, "k[%u][%u]", d->depth, it->size);
        else
            text_add(d->out, "%s[%u]", it->name, it->size);
    }
    text_add(d->out, "\n");
}

static void write_boundary(struct drawing *d)
{
    for (uint32_t g = 0; g < d->n; g++) {
        const struct drawn_group *it = &d->group[g];
        if (!it->input && !it->output) continue;
        text_add(d->out, "    %s %s", it->input ? "input" : "output", it->name);
        if (it->each_tick) text_add(d->out, " each tick");
        if (it->each_tick && it->output && (d->rows || below(d, 2)))
            text_add(d->out, " from %u", 1 + below(d, d->ticks - (d->rows ? d->rows - 1 : 0)));
        text_add(d->out, "\n");
    }
}

/* ---- blocks ---- */

/* " = a -> b" or its transpose, of a block above that has the shape; or an init of its own. */
static void write_weights(struct drawing *d, uint32_t from, uint32_t to, bool may_be_hollow)
{
    static const char *const inits[] = {"",
                                        "",
                                        " init normal(0, 0.4)",
                                        " init orthogonal",
                                        " init he_uniform",
                                        " init identity(0.5)",
                                        " init uniform(-0.3, 0.2)",
                                        " init glorot_normal",
                                        " init constant(0.1)",
                                        " init normal(0, 0.3 / sqrt(fan_in + fan_out))"};
    for (uint32_t k = 0; k < d->n_blocks; k++) {
        const struct drawn_group *a = &d->group[d->from[k]], *b = &d->group[d->to[k]];
        bool same = b->size == d->group[to].size && a->size == d->group[from].size,
             turned = a->size == d->group[to].size && b->size == d->group[from].size;
        if (!(same || turned) || below(d, 3)) continue;
        bool transpose = turned && (!same || below(d, 2));
        text_add(d->out, transpose ? " = transpose(%s -> %s)\n" : " = %s -> %s\n", a->name, b->name);
        return;
    }
    bool frozen = one_in(d, 6) && d->n_blocks > 0; /* something is left to train */
    bool hollow = may_be_hollow && below(d, 2);
    text_add(d->out, "%s%s%s\n", inits[below(d, LENGTH(inits))], frozen ? " frozen" : "", hollow ? " hollow" : "");
}

static void add_block(struct drawing *d, uint32_t from, uint32_t to)
{
    d->from[d->n_blocks] = from;
    d->to[d->n_blocks++] = to;
    d->group[to].predicted = true;
}

static void draw_block(struct drawing *d, uint32_t from, uint32_t to)
{
    text_add(d->out, "    weights %s -> %s", name_of(d, from), name_of(d, to));
    write_weights(d, from, to, from == to);
    add_block(d, from, to);
}

static bool is_element(const struct drawing *d, uint32_t g)
{
    return d->group[g].element > 0;
}

/* Each group is fed by one before it, and by others with some luck. */
static void draw_forward(struct drawing *d)
{
    for (uint32_t to = d->inputs; to < d->n; to++) {
        uint32_t bulk = d->n - d->outputs, last = to < bulk ? to : bulk, sure = last ? below(d, last) : 0;
        if (d->group[to].element > 1) sure = d->n; /* the family feeds it */
        for (uint32_t from = 0; from < last && !d->group[to].biased; from++) {
            if (is_element(d, to) && is_element(d, from) && from + 1 == to) continue;
            if (from != sure && from + 1 != to && below(d, 3)) continue;
            draw_block(d, from, to);
        }
    }
}

static void draw_families(struct drawing *d)
{
    uint32_t first = d->n - d->outputs - d->depth;
    bool loops = d->kind != FEEDFORWARD && below(d, 2);
    if (!d->depth) return;
    text_add(d->out, "    weights k[i] -> k[i + 1] for i in 1 .. %u\n", d->depth - 1);
    if (loops) text_add(d->out, "    weights k[i] -> k[i] hollow for i in 1 .. %u\n", d->depth);
    for (uint32_t i = 0; i < d->depth; i++) {
        if (i > 0) add_block(d, first + i - 1, first + i);
        if (loops) add_block(d, first + i, first + i);
    }
}

static bool is_block(const struct drawing *d, uint32_t from, uint32_t to)
{
    for (uint32_t k = 0; k < d->n_blocks; k++)
        if (d->from[k] == from && d->to[k] == to) return true;
    return false;
}

/* Loops, and what feeds back. */
static void draw_back(struct drawing *d)
{
    if (d->kind == FEEDFORWARD) return;
    for (uint32_t to = d->inputs; to < d->n; to++)
        for (uint32_t from = d->inputs; from < d->n; from++) {
            if (from < to && !d->group[from].output) continue;
            if (is_block(d, from, to) || below(d, from == to ? 3 : 4)) continue;
            draw_block(d, from, to);
        }
}

/* Inputs that something predicts, themselves perhaps. */
static void draw_predictions(struct drawing *d)
{
    for (uint32_t to = 0; to < d->inputs; to++)
        if (one_in(d, 4)) draw_block(d, below(d, 3) ? d->inputs + below(d, d->n - d->inputs - d->outputs) : to, to);
}

/* ---- activations ---- */

static void write_activation(struct drawing *d, struct drawn_group *it)
{
    if (it->biased || below(d, 5)) text_add(d->out, "    biases %s init uniform(-0.5, 0.5)\n", it->name);
    text_add(d->out, "    activation %s = ", it->name);
    it->softmax = it->output && it->size > 1 && one_in(d, 3);
    it->logistic = it->output && !it->softmax && one_in(d, 4);
    if (it->softmax)
        text_add(d->out, "softmax(z)\n");
    else if (it->logistic)
        text_add(d->out, "logistic(z)\n");
    else if (one_in(d, 3))
        text_add(d->out, "f%u(z)\n", below(d, FUNCTIONS + 1));
    else {
        expression(d, "z", 1 + below(d, 3), one_in(d, 4));
        text_add(d->out, "\n");
    }
}

static void draw_activations(struct drawing *d)
{
    for (uint32_t g = 0; g < d->n; g++) {
        struct drawn_group *it = &d->group[g];
        it->predicted |= it->biased;
        if (!it->predicted || it->element > 1) continue;
        if (!it->element) {
            write_activation(d, it);
            continue;
        }
        text_add(d->out, "    biases k[i] for i in 1 .. %u\n    activation k[i] = ", d->depth);
        expression(d, "z / i", 1 + below(d, 2), one_in(d, 4));
        text_add(d->out, " for i in 1 .. %u\n", d->depth);
        for (uint32_t k = 0; k < d->depth; k++) d->group[g + k].predicted = true;
    }
}

/* ---- the ensemble ---- */

static void draw_clamps(struct drawing *d, bool given)
{
    for (uint32_t g = 0; g < d->n; g++) {
        struct drawn_group *it = &d->group[g];
        bool closes = d->kind == FEEDFORWARD && it->input && it->predicted; /* a cycle, were it free */
        it->clamped = (it->input || it->output) && (closes || !given || below(d, 2));
    }
}

static void write_clamps(struct drawing *d)
{
    const char *before = " ";
    text_add(d->out, "    clamp");
    for (uint32_t g = 0; g < d->n; g++) {
        if (!d->group[g].clamped) continue;
        text_add(d->out, "%s%s", before, name_of(d, g));
        before = ", ";
    }
    text_add(d->out, "%s\n", *before == ',' ? "" : " none");
}

static void write_ensemble(struct drawing *d, bool clamps)
{
    if (!clamps && !d->relaxed) return;
    text_add(d->out, "ensemble {\n");
    if (clamps) write_clamps(d);
    if (d->relaxed)
        text_add(d->out, "    reference relaxed\n    relaxation descent(tolerance: 1e-12, most: 3000)\n");
    if (d->full) text_add(d->out, "    hessian full\n");
    text_add(d->out, "}\n");
}

/* A stream of its own, so that what else is drawn by a seed does not depend on it. */
static void draw_reference(struct drawing *d, uint64_t seed)
{
    struct random random = random_stream(seed, RANDOM_SOURCE, 2, 0);
    d->relaxed = random_below(&random, 3) == 0;
    d->full = d->relaxed && random_below(&random, 3) == 0;
}

static void draw_bulk_loss(struct drawing *d)
{
    bool given = one_in(d, 4), any = false;
    for (uint32_t g = 0; g < d->n; g++)
        d->group[g].in_R =
            given ? d->group[g].predicted && below(d, 3) : d->group[g].predicted && !d->group[g].input;
    for (uint32_t g = 0; given && g < d->n; g++) {
        if (!d->group[g].in_R) continue;
        text_add(d->out, any ? ", %s" : "    loss bulk over %s", name_of(d, g));
        any = true;
    }
    if (any) text_add(d->out, "\n");
    for (uint32_t g = 0; given && !any && g < d->n; g++) /* the default then */
        d->group[g].in_R = d->group[g].predicted && !d->group[g].input;
}

/* Free neurons that nothing else holds need one; those that something holds can bear one that pulls them apart a little. */
static void draw_potentials(struct drawing *d)
{
    static const char *const firm[] = {"0.1 * s^2 + 0.05 * log_cosh(s)", "0.3 * s^2", "0.2 * s^2 + 0.05 * s^4",
                                       "well(s, 0.1) + 0.3 * s^2", "0.5 * (s - 0.3)^2"};
    static const char *const loose[] = {"0.05 * s^4", "-0.02 * s^2", "well(s, 0.05)", "0.1 * cosh(tanh(s))",
                                        "if s > 0 then 0.1 * s^2 else 0.05 * s^2"};
    for (uint32_t g = 0; g < d->n; g++) {
        const struct drawn_group *it = &d->group[g];
        bool needed = !it->clamped && !it->in_R;
        if (!needed && below(d, 3)) continue;
        uint32_t n_loose = LENGTH(loose) - (d->smooth ? 1 : 0); /* the last one kinks */
        text_add(d->out, "    potential %s = %s\n", it->name,
                 needed || below(d, 2) ? firm[below(d, LENGTH(firm))] : loose[below(d, n_loose)]);
    }
}

/* ---- losses and training ---- */

static void write_term(struct drawing *d, const struct drawn_group *it)
{
    static const char *const errors[] = {"squared_error", "squared_error", "huber", "absolute_error", "hinge"};
    char state[2 * NAME], error[4 * NAME];
    snprintf(state, sizeof state, one_in(d, 6) ? "prediction(%s)" : "%s", it->name);
    snprintf(error, sizeof error, "%s - target(%s)", state, it->name);
    if (it->softmax)
        text_add(d->out, "cross_entropy(%s, target(%s))", state, it->name);
    else if (it->logistic)
        text_add(d->out, "binary_cross_entropy(%s, target(%s))", state, it->name);
    else if (below(d, 2))
        text_add(d->out, "%s(%s, target(%s))", errors[below(d, LENGTH(errors))], state, it->name);
    else {
        text_add(d->out, "%s(", below(d, 2) ? "sum" : "mean");
        expression(d, error, 1 + below(d, 2), false);
        text_add(d->out, ")");
    }
}

static void draw_loss(struct drawing *d)
{
    text_add(d->out, "    loss boundary = ");
    for (uint32_t g = d->n - d->outputs; g < d->n; g++) {
        if (g > d->n - d->outputs) text_add(d->out, " + 0.5 * ");
        write_term(d, &d->group[g]);
    }
    for (uint32_t g = 0; g < d->inputs; g++)
        if (d->group[g].predicted)
            text_add(d->out, " + 0.3 * squared_error(prediction(%s), %s)", name_of(d, g), name_of(d, g));
    text_add(d->out, "\n");
}

static void write_data(struct drawing *d)
{
    if (!d->rows) return;
    text_add(d->out, "data {\n    train parity(count: 16, length: %u, seed: 1)\n", d->rows);
    for (uint32_t g = 0; g < d->n; g++) {
        const struct drawn_group *it = &d->group[g];
        if (it->each_tick)
            text_add(d->out, "    %s = bits\n", it->name);
        else if (it->input)
            text_add(d->out, "    %s = slice(bits, 1..%u)\n", it->name, d->rows);
        else if (it->output)
            text_add(d->out, "    %s = %s(label)\n", it->name, it->size == 1 ? "number" : "one_hot");
    }
    text_add(d->out, "}\n");
}

static void draw_train(struct drawing *d)
{
    static const char *const optimizers[] = {"sgd(rate: 0.05)",
                                             "sgd(rate: 0.05, momentum: 0.9)",
                                             "adam(rate: 0.01)",
                                             "sgd(rate: 0.05, momentum: 0.8, nesterov: true, decay: 0.01)",
                                             "adam(rate: 0.01, decay: 0.01, clip: 0.5)",
                                             "sgd(rate: 0.1, clip: 0.3)",
                                             "adamw(rate: 0.01, epsilon: 1e-3, decay: 0.1)",
                                             "rmsprop(rate: 0.01, rho: 0.8, epsilon: 1e-3, clip: 1)"};
    text_add(d->out, "train { optimizer %s\n        steps 10 }\n", optimizers[below(d, LENGTH(optimizers))]);
}

/* ---- the file ---- */

static void draw_functions(struct drawing *d)
{
    static const char *const named[] = {"tanh", "softplus", "atan", "gelu"};
    if (d->kind == SETTLE) text_add(d->out, "param accuracy = 1e-13\n");
    if (d->kind == FEEDFORWARD && !d->smooth) text_add(d->out, "param nudge = 1\n");
    text_add(d->out, "param f%u = %s\nlet well(s, a) = a * (s^2 - 1)^2\n", FUNCTIONS,
             named[below(d, LENGTH(named))]);
    for (uint32_t f = 0; f < FUNCTIONS; f++) {
        text_add(d->out, "let f%u(z) = ", f);
        expression(d, "z", 1 + below(d, 3), one_in(d, 5));
        text_add(d->out, "\n");
    }
}

static void write_dynamics(struct drawing *d)
{
    if (d->kind == TICKS) text_add(d->out, "    dynamics ticks(%u)\n", d->ticks);
    if (d->kind == SETTLE) text_add(d->out, "    dynamics settle(tolerance: accuracy, most: 1000)\n");
}

static void draw(uint64_t seed, struct text *out, bool smooth)
{
    struct drawing d = {.random = random_stream(seed, RANDOM_SOURCE, 0, 0), .out = out, .smooth = smooth};
    draw_reference(&d, seed);
    d.kind = (enum kind)below(&d, KINDS);
    d.ticks = 1 + below(&d, 7);
    draw_functions(&d);
    text_add(out, "network drawn%u {\n", (unsigned)seed);
    draw_groups(&d);
    draw_sequences(&d);
    write_neurons(&d);
    write_boundary(&d);
    draw_forward(&d);
    draw_families(&d);
    draw_back(&d);
    draw_predictions(&d);
    write_dynamics(&d);
    draw_activations(&d);
    bool clamps = one_in(&d, 3);
    draw_clamps(&d, clamps);
    draw_bulk_loss(&d);
    draw_potentials(&d);
    draw_loss(&d);
    text_add(out, "}\n");
    write_data(&d);
    write_ensemble(&d, clamps);
    draw_train(&d);
    text_add(out, "measure at end { C }\n");
}

void draw_network(uint64_t seed, struct text *out)
{
    draw(seed, out, false);
}

void draw_smooth_network(uint64_t seed, struct text *out)
{
    draw(seed, out, true);
}
