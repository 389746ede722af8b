/* draw_expression.c: expressions of neurons drawn by seed, as text. */
#include "tests/random/draw.h"

/* Bounded or slowly growing functions of one argument: `$` stands for it, `!` for what nudges it. Those that jump are the last ones. A rough one lacks some
 * derivative somewhere. */
struct pattern {
    const char *text;
    bool rough;
};
static const struct pattern unary[] = {
    {"tanh($)", false},
    {"sin($)", false},
    {"logistic($)", false},
    {"softplus($)", false},
    {"$ / (1 + ($)^2)", false},
    {"exp(-($)^2)", false},
    {"log(1 + ($)^2)", false},
    {"sqrt(1 + ($)^2)", false},
    {"atan($)", false},
    {"erf($)", false},
    {"gelu($)", false},
    {"gelu_tanh($)", false},
    {"silu($)", false},
    {"softsign($)", true},
    {"log_cosh($)", false},
    {"abs($)", true},
    {"relu($)", true},
    {"leaky_relu($, 0.1)", true},
    {"elu($)", true},
    {"max($, 0.3)", true},
    {"min($, 0.7)", true},
    {"cos($)", false},
    {"log1p(exp(-abs($)))", true},
    {"expm1(-abs($))", true},
    {"if $ > 0.2 then ($)^2 else 0.2 * ($)", true},
    {"if abs($) < 1 then ($)^3 else log(abs($)) + 1", true},
    {"0.3 * ($)^2", false},
    {"sinh(tanh($))", false},
    {"cosh(tanh($)) - 1", false},
    {"tan(0.5 * tanh($))", false},
    {"2 ^ tanh($)", false},
    {"identity($)", false},
    {"if $ > 0 and !$ < 2 then sqrt($) else 0", true},
    {"$ + 0.2 * sign($)", true},
    {"0.5 * ($) + 0.1 * (floor(!$) + ceil(!$) - round(!$))", true},
};
enum { JUMPS = 3 };
/* Group maps: they mix the neurons of a group. */
static const struct pattern mixing[] = {
    {"$ - mean($)", false},          {"($ - mean($)) / sqrt(mean(($ - mean($))^2) + 0.1)", false},
    {"softmax($)", false},           {"$ * mean($)", false},
    {"$ + max($) / 4", true},        {"$ - min($) / 4", true},
    {"$ / (1 + sum(($)^2))", false},
};

static void substitute(struct text *out, const char *pattern, const char *argument, bool nudged)
{
    for (const char *c = pattern; *c; c++) {
        if (*c == '$')
            text_add(out, "%s", argument);
        else if (*c == '!')
            text_add(out, nudged ? "nudge * " : "");
        else
            text_add(out, "%c", *c);
    }
}

static const char *drawn_pattern(struct random *random, const struct pattern list[], uint32_t n,
                                 struct draw_style style)
{
    const struct pattern *it;
    do it = &list[random_below(random, n)];
    while (style.smooth && it->rough);
    return it->text;
}

static void applied(struct random *random, struct text *out, const char *of, uint32_t depth,
                    struct draw_style style)
{
    struct text inner = {0};
    uint32_t n = LENGTH(unary) - (style.jumps ? 0 : JUMPS);
    draw_expression(random, &inner, of, depth, style);
    const char *pattern = style.mixes && random_below(random, 3) == 0
                              ? drawn_pattern(random, mixing, LENGTH(mixing), style)
                              : drawn_pattern(random, unary, n, style);
    text_add(out, "(");
    substitute(out, pattern, inner.data, style.nudged);
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
