/* options.c: option text to values, mistakes with a caret like any other. */
#include "compiler/driver/options.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct command_row command_rows[COMMANDS] = {
#define COMMAND(name, operands, help) {#name, operands, help},
#include "compiler/driver/commands.def"
#undef COMMAND
};
const struct option_row option_rows[OPTIONS] = {
#define OPTION(name, argument, commands, help) {#name, argument, commands, help},
#include "compiler/driver/commands.def"
#undef OPTION
};

/* The command line as one text that messages can point into. */
struct line {
    struct diag *diag;
    struct arena *arena;
    uint32_t source;
    uint32_t n;
    char *const *argument; /* in the order given: getopt_long permutes its own copy */
    uint32_t *begin;
};

static void line_open(struct line *line, int argc, char *const argv[], const char **out_text)
{
    struct text text = {0};
    line->n = (uint32_t)argc;
    line->begin = arena_alloc(line->arena, ((size_t)argc + 1) * sizeof *line->begin);
    for (int i = 0; i < argc; i++) {
        if (i) text_add(&text, " ");
        line->begin[i] = (uint32_t)text.length;
        text_add(&text, "%s", i ? argv[i] : "nnt");
    }
    *out_text = arena_text(line->arena, text.data ? text.data : "", text.length);
    line->source = diag_source(line->diag, "command line", *out_text, text.length, (struct span){0});
    text_fini(&text);
}

/* The place of a text that is an argument or a part of one. */
static struct span line_place(const struct line *line, const char *text)
{
    for (uint32_t i = 1; i < line->n; i++) {
        const char *from = line->argument[i];
        if (text < from || text > from + strlen(from)) continue;
        uint32_t begin = line->begin[i] + (uint32_t)(text - from);
        return (struct span){line->source, begin, begin + (uint32_t)strlen(text)};
    }
    return (struct span){line->source, 0, 3};
}

static bool word_in(const char *word, const char *list)
{
    size_t length = strlen(word);
    for (const char *at = list; (at = strstr(at, word)); at += length)
        if ((at == list || at[-1] == ' ') && (at[length] == ' ' || !at[length])) return true;
    return false;
}

bool option_applies(enum option_name option, enum command command)
{
    const char *commands = option_rows[option].commands;
    return !strcmp(commands, "*") || word_in(command_rows[command].name, commands);
}

static bool read_whole(const char *text, uint64_t *out)
{
    double value;
    if (!text_to_number(text, &value) || value < 0 || value > 9007199254740992.0 ||
        value != (double)(uint64_t)value)
        return false;
    *out = (uint64_t)value;
    return true;
}

static void bad_value(struct line *line, enum option_name option, struct operand_text value, const char *expected)
{
    diag_input(line->diag, value.at, "bad-option", "'%s' is no value for --%s; expected %s", value.text,
               option_rows[option].name, expected);
}

static void add_setting(struct line *line, struct options *o, struct operand_text value, uint32_t *capacity)
{
    const char *equals = strchr(value.text, '=');
    if (!equals || equals == value.text) {
        bad_value(line, OPTION_set, value, "NAME=VALUE");
        return;
    }
    o->setting = arena_grow(line->arena, o->setting, o->n_settings, capacity, sizeof *o->setting);
    o->setting[o->n_settings++] =
        (struct setting){arena_text(line->arena, value.text, (size_t)(equals - value.text)), equals + 1};
}

/* Options whose values are words or numbers: checked here, once. */
static void read_values(struct line *line, struct options *o)
{
    const struct operand_text *v = o->value;
    uint64_t threads = 1;
    if (o->given[OPTION_seed] && !read_whole(v[OPTION_seed].text, &o->seed))
        bad_value(line, OPTION_seed, v[OPTION_seed], "a whole number, 0 … 2^53");
    if (o->given[OPTION_threads] &&
        (!read_whole(v[OPTION_threads].text, &threads) || threads < 1 || threads > 4096))
        bad_value(line, OPTION_threads, v[OPTION_threads], "a whole number, 1 … 4096");
    if (o->given[OPTION_progress] &&
        (!text_to_number(v[OPTION_progress].text, &o->progress) || o->progress < 0 || o->progress > 1))
        bad_value(line, OPTION_progress, v[OPTION_progress], "a number, 0 … 1");
    if (o->given[OPTION_engine]) {
        o->interpreter = !strcmp(v[OPTION_engine].text, "interp");
        if (!o->interpreter && strcmp(v[OPTION_engine].text, "jit"))
            bad_value(line, OPTION_engine, v[OPTION_engine], "jit or interp");
    }
    if (o->given[OPTION_precision]) {
        o->real_bytes = !strcmp(v[OPTION_precision].text, "f64") ? 8 : 4;
        if (o->real_bytes == 4 && strcmp(v[OPTION_precision].text, "f32"))
            bad_value(line, OPTION_precision, v[OPTION_precision], "f32 or f64");
    }
}

static void read_color(struct line *line, struct options *o)
{
    const char *when = o->given[OPTION_color] ? o->value[OPTION_color].text : "auto";
    bool color = isatty(STDERR_FILENO) && !getenv("NO_COLOR");
    if (!strcmp(when, "always"))
        color = true;
    else if (!strcmp(when, "never"))
        color = false;
    else if (strcmp(when, "auto"))
        bad_value(line, OPTION_color, o->value[OPTION_color], "auto, always or never");
    o->format = color ? DIAG_COLOR : DIAG_PLAIN;
}

static void unknown_option(struct line *line, const struct option *table, const char *text)
{
    const char *names[OPTIONS];
    for (uint32_t i = 0; i < OPTIONS; i++) names[i] = table[i].name;
    char *name = arena_text(line->arena, text, strcspn(text, "="));
    bool exists = false;
    for (uint32_t i = 0; i < OPTIONS; i++) exists |= !strcmp(name + strspn(name, "-"), names[i]);
    if (exists) {
        diag_input(line->diag, line_place(line, text), "bad-option", "%s takes no value", name);
        return;
    }
    diag_input(line->diag, line_place(line, text), "unknown-option", "there is no option '%s'", name);
    const char *nearest = text_nearest(name + strspn(name, "-"), names, OPTIONS);
    if (nearest) diag_hint(line->diag, "did you mean '--%s'?", nearest);
}

static void read_options(struct line *line, int argc, char **argv, struct options *o)
{
    struct option table[OPTIONS + 1] = {0};
    uint32_t capacity = 0;
    for (int i = 0; i < OPTIONS; i++) {
        table[i].name = option_rows[i].name;
        table[i].has_arg = option_rows[i].argument[0] ? required_argument : no_argument;
        table[i].val = 256 + i;
    }
    opterr = 0;
    optind = 1;
    for (int c; (c = getopt_long(argc, argv, ":o:h", table, NULL)) != -1;) {
        if (c == ':') {
            diag_input(line->diag, line_place(line, argv[optind - 1]), "bad-option", "%s needs a value",
                       argv[optind - 1]);
            continue;
        }
        if (c == '?') {
            unknown_option(line, table, argv[optind - 1]);
            continue;
        }
        enum option_name which = c == 'o' ? OPTION_output : c == 'h' ? OPTION_help : (enum option_name)(c - 256);
        struct operand_text value = {optarg ? optarg : "", line_place(line, optarg ? optarg : argv[optind - 1])};
        o->given[which] = true;
        o->value[which] = value;
        if (which == OPTION_set) add_setting(line, o, value, &capacity);
    }
}

static bool read_command(struct line *line, struct options *o, const char *text)
{
    const char *names[COMMANDS];
    for (uint32_t i = 0; i < COMMANDS; i++) {
        names[i] = command_rows[i].name;
        if (!strcmp(names[i], text)) {
            o->command = (enum command)i;
            return true;
        }
    }
    diag_input(line->diag, line_place(line, text), "unknown-command", "there is no command '%s'", text);
    if (!diag_did_you_mean(line->diag, text, names, COMMANDS)) diag_hint(line->diag, "nnt help lists the commands");
    return false;
}

static void check_applies(struct line *line, const struct options *o)
{
    for (uint32_t i = 0; i < OPTIONS; i++)
        if (o->given[i] && !option_applies((enum option_name)i, o->command))
            diag_input(line->diag, o->value[i].at, "bad-option", "nnt %s takes no --%s",
                       command_rows[o->command].name, option_rows[i].name);
}

/* Two that contradict each other; what would be ignored is refused. */
static void check_together(struct line *line, const struct options *o, enum option_name a, enum option_name b)
{
    if (!o->given[a] || !o->given[b]) return;
    diag_input(line->diag, o->value[b].at, "bad-option", "--%s cannot be had together with --%s",
               option_rows[b].name, option_rows[a].name);
}

static void check_stages(struct line *line, const struct options *o)
{
    static const enum option_name stages[] = {OPTION_math, OPTION_ast,  OPTION_model,
                                              OPTION_ir,   OPTION_llvm, OPTION_asm};
    for (size_t a = 0; a < LENGTH(stages); a++) {
        for (size_t b = a + 1; b < LENGTH(stages); b++) check_together(line, o, stages[a], stages[b]);
        if (stages[a] != OPTION_ir) check_together(line, o, stages[a], OPTION_after);
    }
    check_together(line, o, OPTION_math, OPTION_standalone);
    check_together(line, o, OPTION_ast, OPTION_standalone);
    check_together(line, o, OPTION_model, OPTION_standalone);
}

static void check_operands(struct line *line, const struct options *o)
{
    const struct command_row *row = &command_rows[o->command];
    bool many = strstr(row->operands, "...") != NULL, optional = row->operands[0] == '[' || o->given[OPTION_resume];
    if (o->n_files == 0 && !optional)
        diag_input(line->diag, (struct span){line->source, 0, 3}, "missing-file", "nnt %s needs %s", row->name,
                   row->operands);
    for (uint32_t i = 1; i < o->n_files && !many; i++)
        diag_input(line->diag, o->file[i].at, "superfluous-operand", "nnt %s takes one %s; '%s' is one too many",
                   row->name, row->operands, o->file[i].text);
}

bool options_read(struct diag *diag, struct arena *arena, int argc, char *const argv[], struct options *out)
{
    struct line line = {.diag = diag, .arena = arena, .argument = argv};
    struct options *o = out;
    char **copy = arena_alloc(arena, ((size_t)argc + 1) * sizeof *copy);
    *o = (struct options){.real_bytes = 4, .progress = 1, .command = COMMAND_help};
    memcpy(copy, argv, (size_t)argc * sizeof *copy);
    line_open(&line, argc, argv, &o->line);
    read_options(&line, argc, copy, o);
    read_values(&line, o);
    read_color(&line, o);
    if (optind < argc && !read_command(&line, o, copy[optind])) return false;
    bool commanded = optind < argc;
    o->file = arena_alloc(arena, ((size_t)argc + 1) * sizeof *o->file);
    for (int i = optind + 1; i < argc; i++)
        o->file[o->n_files++] = (struct operand_text){copy[i], line_place(&line, copy[i])};
    if (diag_failed(diag) || o->given[OPTION_help] || o->given[OPTION_version]) return !diag_failed(diag);
    if (!commanded)
        diag_input(diag, (struct span){line.source, 0, 3}, "missing-command",
                   "a command is missing; nnt help lists them");
    else {
        check_applies(&line, o);
        check_together(&line, o, OPTION_resume, OPTION_out);
        check_together(&line, o, OPTION_resume, OPTION_weights);
        check_stages(&line, o);
        check_operands(&line, o);
    }
    return !diag_failed(diag);
}
