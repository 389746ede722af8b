/* draw.c: well-typed networks drawn by seed, as text. */
#include "tests/random/draw.h"

#include <stdio.h>

#include "runtime/base/random.h"

enum { GROUPS = 8, BLOCKS = GROUPS * GROUPS, FUNCTIONS = 3 };

struct drawing {
    struct random random;
    struct text *out;
    uint32_t n, inputs, outputs; /* groups: inputs first, outputs last */
    uint32_t size[GROUPS];
    bool softmax[GROUPS], logistic[GROUPS];
    uint32_t n_blocks, from[BLOCKS], to[BLOCKS];
    bool hollow; /* the first input predicts itself */
};

static uint32_t below(struct drawing *d, uint32_t n)
{
    return random_below(&d->random, n);
}

/* ---- expressions ---- */

/* Bounded or slowly growing functions of one argument: `$` stands for it. */
static const char *const unary[] = {
    "tanh($)",
    "sin($)",
    "logistic($)",
    "softplus($)",
    "$ / (1 + ($)^2)",
    "exp(-($)^2)",
    "log(1 + ($)^2)",
    "sqrt(1 + ($)^2)",
    "atan($)",
    "erf($)",
    "gelu($)",
    "gelu_tanh($)",
    "silu($)",
    "softsign($)",
    "log_cosh($)",
    "abs($)",
    "relu($)",
    "leaky_relu($, 0.1)",
    "elu($)",
    "max($, 0.3)",
    "min($, 0.7)",
    "cos($)",
    "log1p(exp(-abs($)))",
    "expm1(-abs($))",
    "if $ > 0.2 then ($)^2 else 0.2 * ($)",
    "if abs($) < 1 then ($)^3 else log(abs($)) + 1",
    "0.3 * ($)^2",
    "sinh(tanh($))",
    "cosh(tanh($)) - 1",
    "tan(0.5 * tanh($))",
    "2 ^ tanh($)",
    "identity($)",
    "if $ > 0 and $ < 2 then sqrt($) else 0",
};
/* Group maps: they mix the neurons of a group. */
static const char *const mixing[] = {"$ - mean($)",    "($ - mean($)) / sqrt(mean(($ - mean($))^2) + 0.1)",
                                     "softmax($)",     "$ * mean($)",
                                     "$ + max($) / 4", "$ / (1 + sum(($)^2))"};

static void expression(struct drawing *d, const char *of, uint32_t depth, bool mix);

static void substitute(struct drawing *d, const char *pattern, const char *argument)
{
    for (const char *c = pattern; *c; c++) {
        if (*c == '$')
            text_add(d->out, "%s", argument);
        else
            text_add(d->out, "%c", *c);
    }
}

static void applied(struct drawing *d, const char *of, uint32_t depth, bool mix)
{
    struct text inner = {0}, *outer = d->out;
    d->out = &inner;
    expression(d, of, depth, mix);
    d->out = outer;
    const char *pattern =
        mix && below(d, 3) == 0 ? mixing[below(d, LENGTH(mixing))] : unary[below(d, LENGTH(unary))];
    text_add(d->out, "(");
    substitute(d, pattern, inner.data);
    text_add(d->out, ")");
    text_fini(&inner);
}

static void expression(struct drawing *d, const char *of, uint32_t depth, bool mix)
{
    if (depth == 0) {
        text_add(d->out, "(%s)", of);
        return;
    }
    if (below(d, 3)) {
        applied(d, of, depth - 1, mix);
        return;
    }
    static const char *const join[] = {" + ", " - ", " * 0.5 * "};
    text_add(d->out, "(");
    expression(d, of, depth - 1, mix);
    text_add(d->out, "%s", join[below(d, LENGTH(join))]);
    expression(d, of, below(d, depth), mix);
    text_add(d->out, ")");
}

/* ---- the network ---- */

static const char *name_of(const struct drawing *d, uint32_t g, char out[16])
{
    snprintf(out, 16, "%c%u", g < d->inputs ? 'x' : g >= d->n - d->outputs ? 'y' : 'h', g);
    return out;
}

static void draw_shape(struct drawing *d)
{
    d->inputs = 1 + (below(d, 4) == 0);
    d->outputs = 1 + (below(d, 3) == 0);
    d->n = d->inputs + d->outputs + 1 + below(d, 3);
    for (uint32_t g = 0; g < d->n; g++) {
        d->size[g] = below(d, 4) == 0 ? 1 + below(d, 3) : 1 + below(d, 37);
        if (g > 0 && below(d, 2)) d->size[g] = d->size[below(d, g)]; /* blocks of one shape can be tied */
    }
    text_add(d->out, "    neurons ");
    for (uint32_t g = 0; g < d->n; g++) {
        char name[16];
        text_add(d->out, "%s%s[%u]", g ? ", " : "", name_of(d, g, name), d->size[g]);
    }
    for (uint32_t g = 0; g < d->n; g++) {
        char name[16];
        bool input = g < d->inputs, output = g >= d->n - d->outputs;
        if (g == 0) text_add(d->out, "\n    input ");
        if (g == d->n - d->outputs) text_add(d->out, "\n    output ");
        if (input || output)
            text_add(d->out, "%s%s", g == 0 || g == d->n - d->outputs ? "" : ", ", name_of(d, g, name));
    }
    text_add(d->out, "\n");
}

/* " = a -> b" or its transpose, of a block above that has the shape; or an init of its own. */
static void draw_weights(struct drawing *d, uint32_t from, uint32_t to)
{
    char a[16], b[16];
    for (uint32_t k = 0; k < d->n_blocks; k++) {
        uint32_t rows = d->size[d->to[k]], columns = d->size[d->from[k]];
        bool same = rows == d->size[to] && columns == d->size[from],
             turned = columns == d->size[to] && rows == d->size[from];
        if (!(same || turned) || below(d, 2)) continue;
        bool transpose = turned && (!same || below(d, 2));
        name_of(d, d->from[k], a);
        name_of(d, d->to[k], b);
        text_add(d->out, transpose ? " = transpose(%s -> %s)\n" : " = %s -> %s\n", a, b);
        return;
    }
    bool frozen = below(d, 6) == 0 && d->n_blocks > 0; /* something is left to train */
    text_add(d->out, "%s\n", frozen ? " init normal(0, 0.4) frozen" : "");
}

static void draw_block(struct drawing *d, uint32_t from, uint32_t to)
{
    char a[16], b[16];
    text_add(d->out, "    weights %s -> %s", name_of(d, from, a), name_of(d, to, b));
    draw_weights(d, from, to);
    d->from[d->n_blocks] = from;
    d->to[d->n_blocks++] = to;
}

/* Each group is fed by one before it, and by others with some luck; every group before the outputs feeds something.
 */
static void draw_blocks(struct drawing *d)
{
    d->hollow = below(d, 4) == 0;
    if (d->hollow) {
        text_add(d->out, "    weights x0 -> x0 init normal(0, 0.4) hollow\n    activation x0 = tanh(z)\n");
        d->from[d->n_blocks] = d->to[d->n_blocks] = 0;
        d->n_blocks++;
    }
    for (uint32_t to = d->inputs; to < d->n; to++) {
        uint32_t last = to < d->n - d->outputs ? to : d->n - d->outputs, sure = below(d, last);
        for (uint32_t from = 0; from < last; from++) {
            if (from != sure && from + 1 != to && below(d, 3)) continue;
            draw_block(d, from, to);
        }
    }
}

static void draw_activations(struct drawing *d)
{
    for (uint32_t g = d->inputs; g < d->n; g++) {
        char name[16];
        bool output = g >= d->n - d->outputs;
        if (below(d, 5)) text_add(d->out, "    biases %s init uniform(-0.5, 0.5)\n", name_of(d, g, name));
        text_add(d->out, "    activation %s = ", name_of(d, g, name));
        d->softmax[g] = output && d->size[g] > 1 && below(d, 3) == 0;
        d->logistic[g] = output && !d->softmax[g] && below(d, 4) == 0;
        if (d->softmax[g])
            text_add(d->out, "softmax(z)\n");
        else if (d->logistic[g])
            text_add(d->out, "logistic(z)\n");
        else if (below(d, 3) == 0)
            text_add(d->out, "f%u(z)\n", below(d, FUNCTIONS));
        else {
            expression(d, "z", 1 + below(d, 3), below(d, 4) == 0);
            text_add(d->out, "\n");
        }
        if (!output && below(d, 3) == 0)
            text_add(d->out, "    potential %s = 0.1 * s^2 + 0.05 * log_cosh(s)\n", name);
    }
}

static void draw_loss(struct drawing *d)
{
    static const char *const errors[] = {"squared_error", "squared_error", "huber", "absolute_error", "hinge"};
    text_add(d->out, "    loss boundary = ");
    for (uint32_t g = d->n - d->outputs; g < d->n; g++) {
        char name[16], error[64];
        if (g > d->n - d->outputs) text_add(d->out, " + 0.5 * ");
        name_of(d, g, name);
        snprintf(error, sizeof error, "%s - target(%s)", name, name);
        if (d->softmax[g])
            text_add(d->out, "cross_entropy(%s, target(%s))", name, name);
        else if (d->logistic[g])
            text_add(d->out, "binary_cross_entropy(%s, target(%s))", name, name);
        else if (below(d, 2))
            text_add(d->out, "%s(%s, target(%s))", errors[below(d, LENGTH(errors))], name, name);
        else {
            text_add(d->out, "%s(", below(d, 2) ? "sum" : "mean");
            expression(d, error, 1 + below(d, 2), false);
            text_add(d->out, ")");
        }
    }
    if (d->hollow) text_add(d->out, " + 0.3 * squared_error(prediction(x0), x0)");
    text_add(d->out, "\n");
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

void draw_elementwise(uint64_t seed, const char *of, struct text *out)
{
    struct drawing d = {.random = random_stream(seed, RANDOM_SOURCE, 1, 0), .out = out};
    expression(&d, of, 1 + below(&d, 2), false);
}

void draw_network(uint64_t seed, struct text *out)
{
    struct drawing d = {.random = random_stream(seed, RANDOM_SOURCE, 0, 0), .out = out};
    for (uint32_t f = 0; f < FUNCTIONS; f++) {
        text_add(out, "let f%u(z) = ", f);
        expression(&d, "z", 1 + below(&d, 3), below(&d, 5) == 0);
        text_add(out, "\n");
    }
    text_add(out, "network drawn%u {\n", (unsigned)seed);
    draw_shape(&d);
    draw_blocks(&d);
    draw_activations(&d);
    draw_loss(&d);
    text_add(out, "}\n");
    draw_train(&d);
    text_add(out, "measure at end { C }\n");
}
