/* words.c: every word of every table, for the checker, did-you-mean and help. */
#include "lang/words.h"

#include <string.h>

#include "runtime/abi.h"
#include "runtime/base/expr.h"
#include "runtime/data/data.h"

extern const char prelude_text[];

/* ---- tables ---- */

static const struct word initialisers[] = {
#define INITIALISER(name, arguments, first, second, formula) {#name, arguments, formula, true, "", NULL},
#include "runtime/train/initialisers.def"
#undef INITIALISER
};
static const struct word optimizers[] = {
#define OPTIMIZER(name, arguments, moments, supported, formula)                                                    \
    {#name, arguments " decay=0 clip=0", formula, supported, "", NULL},
#include "lang/optimizers.def"
#undef OPTIMIZER
};
static const struct word sources[] = {
#define SOURCE(name, arguments, fields, supported, help) {#name, arguments, help, supported, fields, NULL},
#include "runtime/data/sources.def"
#undef SOURCE
};
static const struct word measures[] = {
#define MEASURE(name, needs, supported, section, help) {#name, "", help, supported, "", NULL},
#include "runtime/thermo/measures.def"
#undef MEASURE
};
static const struct word statements[] = {
#define STATEMENT(block, word, arguments, fallback, help, example)                                                 \
    {#block " " #word, arguments, help, true, fallback, example},
#include "lang/statements.def"
#undef STATEMENT
};
static const struct word reductions[] = {
    {"sum", "a", "sum over the neurons of a vector", true, "-∞ … ∞", NULL},
    {"mean", "a", "mean over the neurons of a vector", true, "-∞ … ∞", NULL},
    {"max", "a", "largest number of a vector", true, "-∞ … ∞", NULL},
    {"min", "a", "smallest number of a vector", true, "-∞ … ∞", NULL},
};
static const struct word warmed[] = {
    {"warmup", "share schedule",
     "up from 0 to the schedule's start over the first share, then the schedule over the rest", true,
     "0 … the schedule's", NULL},
    {"piecewise", "0: a, 0.5: b, …", "each value from its point on", true, "the values",
     "optimizer sgd(rate: piecewise(0: 0.1, 0.5: 0.01))"},
};

static struct word initialiser(uint32_t i)
{
    struct word word = initialisers[i];
    if (i == NNT_INIT_values) word.arguments = "…";
    return word;
}
static struct word optimizer(uint32_t i)
{
    return optimizers[i];
}
static struct word source(uint32_t i)
{
    struct word word = sources[i];
    if (!strcmp(word.range, "*")) word.range = i == SOURCE_csv ? "its columns" : "as named";
    return word;
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
    return (struct word){row->help[0] ? row->name : NULL, arguments[row->arity], row->help, true, row->range, NULL};
}

/* ---- the prelude ---- */

enum { MOST_LINES = 64, MOST_LINE = 512 };

/* A line of the prelude as a word, its texts cut out. */
struct entry {
    char name[32], arguments[48], help[MOST_LINE], range[32];
};

static void cut(char *to, size_t size, const char *from, size_t length)
{
    while (length && from[length - 1] == ' ') length--;
    if (length >= size) BUG("a text of %zu bytes in the prelude", length);
    memcpy(to, from, length);
    to[length] = 0;
}

/* let NAME(ARGUMENTS) = … # HELP | RANGE: an empty name where the line is none, or has no help. */
static struct entry read_entry(const char *at, size_t length)
{
    struct entry e = {0};
    if (length < 4 || strncmp(at, "let ", 4)) return e;
    const char *end = at + length, *open = memchr(at, '(', length), *close = memchr(at, ')', length),
               *help = memchr(at, '#', length);
    if (!open || !close || !help) return e;
    cut(e.name, sizeof e.name, at + 4, (size_t)(open - at) - 4);
    cut(e.arguments, sizeof e.arguments, open + 1, (size_t)(close - open) - 1);
    const char *bar = end;
    while (bar > help && strncmp(bar, " | ", 3)) bar--;
    if (bar == help) BUG("no range of %s in the prelude", e.name);
    cut(e.help, sizeof e.help, help + 2, (size_t)(bar - help) - 2);
    cut(e.range, sizeof e.range, bar + 3, (size_t)(end - bar) - 3);
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
    struct word none = {0}, word = {e->name, e->arguments, e->help, true, e->range, NULL};
    return e->name[0] && kind == topic ? word : none;
}

static const struct {
    enum primitive primitive;
    const char *help;
} activation_primitives[] = {
    {PRIMITIVE_tanh, "(exp(z) - exp(-z)) / (exp(z) + exp(-z))"},
    {PRIMITIVE_logistic, "1 / (1 + exp(-z))"},
    {PRIMITIVE_softplus, "log(1 + exp(z)), no overflow"},
    {PRIMITIVE_sin, "sine"},
};

static struct word activation(uint32_t i)
{
    if (i < MOST_LINES) return prelude_word(i, 'z');
    const struct primitive_row *row = &primitive_rows[activation_primitives[i - MOST_LINES].primitive];
    return (struct word){row->name, "z", activation_primitives[i - MOST_LINES].help, true, row->range, NULL};
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
    {"statements", "the words that begin a statement, by block", LENGTH(statements), statement,
     "where it is left out", "%s", "", false},
    {"activations", "functions of z; every function of one argument will do",
     MOST_LINES + LENGTH(activation_primitives), activation, "values", "activation h = %s",
     "z=z slope=0.2 scale=1.5", false},
    {"losses", "of an output y and its target t: a number, summed over neurons", MOST_LINES, loss, "values",
     "loss boundary = %s", "y=y t=target width=0.5", false},
    {"functions", "element by element; the last four of one argument reduce a vector",
     PRIMITIVES + LENGTH(reductions), function, "values", "let f(z) = %s", "a=z b=0.5", false},
    {"initialisers", "how weights and biases begin", LENGTH(initialisers), initialiser, "",
     "weights x -> h init %s", "a=-0.1 b=0.1 mean=0 deviation=0.1 c=0.5 scale=1 …=1,_2,_3,_4,_5,_6", false},
    {"sources", "where data comes from", LENGTH(sources), source, "fields", "train %s",
     "file=\"data.csv\" count=1000 inputs=4 hidden=8 outputs=2 size=64 length=10 "
     "idx=image:_\"images.gz\",_label:_\"labels.gz\" npy=x:_\"x.npy\",_y:_\"y.npy\"",
     true},
    {"schedules", "of progress p, from 0 at the first step to 1 at the end", MOST_LINES + LENGTH(warmed), schedule,
     "values", "optimizer sgd(rate: %s)", "a=0.1 b=0.001 k=2 share=0.1 schedule=cosine(0.1,_0)", false},
    {"optimizers",
     "how the weights move; rate is a schedule, momentum, beta1, beta2 and rho are in 0 … 1, decay and clip 0 or "
     "more",
     LENGTH(optimizers), optimizer, "", "optimizer %s", "rate=0.1", true},
    {"measures", "what can be measured", LENGTH(measures), measure, "", "measure every 1 epoch { %s }", "", false},
};
const uint32_t word_table_count = LENGTH(word_tables);

/* ---- examples ---- */

/* What `samples` has for an argument of `length` bytes, a _ for each space; "" where it has nothing. */
static const char *find_sample(const char *samples, const char *name, size_t length, size_t *out_length)
{
    for (const char *at = samples; *at; at += strcspn(at, " "), at += *at == ' ') {
        if (strcspn(at, "=") != length || strncmp(at, name, length)) continue;
        *out_length = strcspn(at + length + 1, " ");
        return at + length + 1;
    }
    *out_length = 0;
    return "";
}

/* The first argument, and what has no default: as NAME: VALUE where the table says so, but for texts and names of one's own. */
static void add_samples(const struct word_table *table, const struct word *word, struct text *out)
{
    bool any = false;
    for (const char *at = word->arguments; *at; at += strcspn(at, " "), at += *at == ' ') {
        size_t whole = strcspn(at, " "), length = strcspn(at, "= ,"), size = whole - length - 1;
        bool has_default = at[length] == '=', files = *at == '*';
        const char *sample = at + length + 1;
        if (has_default && at != word->arguments) continue;
        if (files)
            sample = find_sample(table->samples, word->name, strlen(word->name), &size);
        else if (!has_default)
            sample = find_sample(table->samples, at, length, &size);
        text_add(out, "%s", any ? ", " : "");
        if (table->named && *sample != '"' && !files) text_add(out, "%.*s: ", (int)length, at);
        for (size_t i = 0; i < size; i++) text_add(out, "%c", sample[i] == '_' ? ' ' : sample[i]);
        any = true;
    }
}

void word_example(const struct word_table *table, const struct word *word, struct text *out)
{
    const char *slot = strstr(table->statement, "%s");
    if (word->example) {
        text_add(out, "%s", word->example);
        return;
    }
    text_add(out, "%.*s%s", (int)(slot - table->statement), table->statement, word->name);
    if (word->arguments[0]) {
        text_add(out, "(");
        add_samples(table, word, out);
        text_add(out, ")");
    }
    text_add(out, "%s", slot + 2);
}
