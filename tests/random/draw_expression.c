/* draw_expression.c: expressions of neurons drawn by seed, as text. */
#include "tests/random/draw.h"

/* Bounded or slowly growing functions of one argument: `$` stands for it. Those that jump are the last ones. */
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
    "$ + 0.2 * sign($)",
    "0.5 * ($) + 0.1 * (floor($) + ceil($) - round($))",
};
enum { JUMPS = 3 };
/* Group maps: they mix the neurons of a group. */
static const char *const mixing[] = {"$ - mean($)",         "($ - mean($)) / sqrt(mean(($ - mean($))^2) + 0.1)",
                                     "softmax($)",          "$ * mean($)",
                                     "$ + max($) / 4",      "$ - min($) / 4",
                                     "$ / (1 + sum(($)^2))"};

static void substitute(struct text *out, const char *pattern, const char *argument)
{
    for (const char *c = pattern; *c; c++) {
        if (*c == '$')
            text_add(out, "%s", argument);
        else
            text_add(out, "%c", *c);
    }
}

static void applied(struct random *random, struct text *out, const char *of, uint32_t depth,
                    struct draw_style style)
{
    struct text inner = {0};
    uint32_t n = LENGTH(unary) - (style.jumps ? 0 : JUMPS);
    draw_expression(random, &inner, of, depth, style);
    const char *pattern = style.mixes && random_below(random, 3) == 0 ? mixing[random_below(random, LENGTH(mixing))]
                                                                      : unary[random_below(random, n)];
    text_add(out, "(");
    substitute(out, pattern, inner.data);
    text_add(out, ")");
    text_fini(&inner);
}

void draw_expression(struct random *random, struct text *out, const char *of, uint32_t depth,
                     struct draw_style style)
{
    static const char *const join[] = {" + ", " - ", " * 0.5 * "};
    if (depth == 0) {
        text_add(out, "(%s)", of);
        return;
    }
    if (random_below(random, 3)) {
        applied(random, out, of, depth - 1, style);
        return;
    }
    text_add(out, "(");
    draw_expression(random, out, of, depth - 1, style);
    text_add(out, "%s", join[random_below(random, LENGTH(join))]);
    draw_expression(random, out, of, random_below(random, depth), style);
    text_add(out, ")");
}

void draw_elementwise(uint64_t seed, const char *of, struct text *out)
{
    struct random random = random_stream(seed, RANDOM_SOURCE, 1, 0);
    draw_expression(&random, out, of, 1 + random_below(&random, 2), (struct draw_style){.jumps = true});
}
