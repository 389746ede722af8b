/* words.c: every word of every table, for the checker, did-you-mean and help. */
#include "lang/words.h"

#include <string.h>

#include "runtime/base/expr.h"

extern const char prelude_text[];

/* ---- tables ---- */

static const struct word initialisers[] = {
#define INITIALISER(name, arguments, first, second, formula) {#name, arguments, formula, true},
#include "runtime/train/initialisers.def"
#undef INITIALISER
};
static const struct word optimizers[] = {
#define OPTIMIZER(name, arguments, moments, supported, formula)                                                    \
    {#name, arguments " decay=0 clip=0", formula, supported},
#include "lang/optimizers.def"
#undef OPTIMIZER
};
static const struct word sources[] = {
#define SOURCE(name, arguments, fields, supported, help) {#name, arguments, help, supported},
#include "runtime/data/sources.def"
#undef SOURCE
};
static const struct word measures[] = {
#define MEASURE(name, needs, supported, section, help) {#name, "", help, supported},
#include "runtime/thermo/measures.def"
#undef MEASURE
};
static const struct word statements[] = {
#define STATEMENT(block, word, arguments, fallback, help) {#block " " #word, arguments, help, true},
#include "lang/statements.def"
#undef STATEMENT
};
static const struct word reductions[] = {
    {"sum", "a", "sum over the neurons of a vector", true},
    {"mean", "a", "mean over the neurons of a vector", true},
    {"max", "a", "largest number of a vector", true},
    {"min", "a", "smallest number of a vector", true},
};
static const struct word warmed[] = {
    {"warmup", "share schedule",
     "up from 0 to the schedule's start over the first share, then the schedule over the rest", true},
    {"piecewise", "0: a, 0.5: b, …", "each value from its point on", true},
};

static struct word initialiser(uint32_t i)
{
    return initialisers[i];
}
static struct word optimizer(uint32_t i)
{
    return optimizers[i];
}
static struct word source(uint32_t i)
{
    return sources[i];
}
static struct word measure(uint32_t i)
{
    return measures[i];
}
static struct word statement(uint32_t i)
{
    return statements[i];
}

/* Primitives that a file can name, then reductions. */
static struct word function(uint32_t i)
{
    static const char *const arguments[] = {"", "a", "a b", "a b c"};
    if (i >= PRIMITIVES) return reductions[i - PRIMITIVES];
    const struct primitive_row *row = &primitive_rows[i];
    return (struct word){row->help[0] ? row->name : NULL, arguments[row->arity], row->help, true};
}

/* ---- the prelude ---- */

enum { MOST_LINES = 64, MOST_LINE = 512 };

/* A line of the prelude as a word, its texts cut out. */
struct entry {
    char name[32], arguments[48], help[MOST_LINE];
};

static void cut(char *to, size_t size, const char *from, size_t length)
{
    while (length && from[length - 1] == ' ') length--;
    if (length >= size) BUG("a text of %zu bytes in the prelude", length);
    memcpy(to, from, length);
    to[length] = 0;
}

/* let NAME(ARGUMENTS) = … # HELP: an empty name where the line is none, or has no help. */
static struct entry read_entry(const char *at, size_t length)
{
    struct entry e = {0};
    if (length < 4 || strncmp(at, "let ", 4)) return e;
    const char *end = at + length, *open = memchr(at, '(', length), *close = memchr(at, ')', length),
               *help = memchr(at, '#', length);
    if (!open || !close || !help) return e;
    cut(e.name, sizeof e.name, at + 4, (size_t)(open - at) - 4);
    cut(e.arguments, sizeof e.arguments, open + 1, (size_t)(close - open) - 1);
    cut(e.help, sizeof e.help, help + 2, (size_t)(end - help) - 2);
    return e;
}

/* The prelude's lines, cut out at the first call and the same ever after. */
static const struct entry *prelude_entry(uint32_t index)
{
    static struct entry entries[MOST_LINES];
    static bool read;
    const char *at = prelude_text;
    for (uint32_t i = 0; !read && *at; i++) {
        size_t length = strcspn(at, "\n");
        if (i == MOST_LINES) BUG("the prelude has more than %d lines", MOST_LINES);
        entries[i] = read_entry(at, length);
        at += length + (at[length] == '\n');
    }
    read = true;
    return &entries[index];
}

/* A let's topic is its first argument, see prelude.nnt; a name that is given before with more arguments is shown
 * once. */
static struct word prelude_word(uint32_t index, char topic)
{
    const struct entry *e = prelude_entry(index);
    char kind = strcspn(e->arguments, ",") == 1 && strchr("zys", e->arguments[0]) ? e->arguments[0] : 'p';
    struct word none = {0}, word = {e->name, e->arguments, e->help, true};
    return e->name[0] && kind == topic ? word : none;
}

static const enum primitive activation_primitives[] = {PRIMITIVE_tanh, PRIMITIVE_logistic, PRIMITIVE_softplus,
                                                       PRIMITIVE_sin};

static struct word activation(uint32_t i)
{
    if (i < MOST_LINES) return prelude_word(i, 'z');
    const struct primitive_row *row = &primitive_rows[activation_primitives[i - MOST_LINES]];
    return (struct word){row->name, "z", row->help, true};
}

static struct word loss(uint32_t i)
{
    return prelude_word(i, 'y');
}

static struct word schedule(uint32_t i)
{
    return i < MOST_LINES ? prelude_word(i, 'p') : warmed[i - MOST_LINES];
}

const struct word_table word_tables[] = {
    {"statements", "the words that begin a statement, by block", LENGTH(statements), statement},
    {"activations", "functions of z; every function of one argument will do",
     MOST_LINES + LENGTH(activation_primitives), activation},
    {"losses", "of an output y and its target t: a number, summed over neurons", MOST_LINES, loss},
    {"functions", "element by element; the last four of one argument reduce a vector",
     PRIMITIVES + LENGTH(reductions), function},
    {"initialisers", "how weights and biases begin", LENGTH(initialisers), initialiser},
    {"sources", "where data comes from", LENGTH(sources), source},
    {"schedules", "of progress p, from 0 at the first step to 1 at the end", MOST_LINES + LENGTH(warmed), schedule},
    {"optimizers", "how the weights move", LENGTH(optimizers), optimizer},
    {"measures", "what can be measured", LENGTH(measures), measure},
};
const uint32_t word_table_count = LENGTH(word_tables);
