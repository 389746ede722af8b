/* cmd_help.c: every table, printed. */
#include <stdio.h>
#include <string.h>

#include "compiler/driver/session.h"
#include "lang/words.h"
#include "runtime/base/text.h"

/* ---- commands and options ---- */

static void print_option(enum option_name option)
{
    const struct option_row *row = &option_rows[option];
    char left[64];
    snprintf(left, sizeof left, "%s--%s %s", option == OPTION_output ? "-o, " : "", row->name, row->argument);
    printf("  %-22s %s\n", left, row->help);
}

static void print_command(enum command command)
{
    printf("usage: nnt %s %s [options]\n%s\n\n", command_rows[command].name, command_rows[command].operands,
           command_rows[command].help);
    for (uint32_t i = 0; i < OPTIONS; i++)
        if (option_applies((enum option_name)i, command)) print_option((enum option_name)i);
}

static void print_overview(void)
{
    puts("nnt: neural networks as thermodynamic systems\n\nusage: nnt COMMAND [options] FILE\n");
    for (uint32_t i = 0; i < COMMANDS; i++)
        printf("  %-8s %-10s %s\n", command_rows[i].name, command_rows[i].operands, command_rows[i].help);
    puts("\noptions (nnt COMMAND --help lists those of a command):");
    for (uint32_t i = 0; i < OPTIONS; i++) print_option((enum option_name)i);
    puts("\ntopics of nnt help:");
    for (uint32_t i = 0; i < word_table_count; i++)
        printf("  %-14s %s\n", word_tables[i].name, word_tables[i].help);
    puts("\nexit status: 0 done; 1 the input was wrong; 2 the program or machine failed; 130, 143 interrupted, "
         "checkpoint saved");
}

/* ---- topics ---- */

/* Columns that a text takes: bytes that go on a character of UTF-8 take none. */
static int width_of(const char *text)
{
    int width = 0;
    for (; *text; text++) width += (*text & 0xC0) != 0x80;
    return width;
}

/* A statement's name in the table is its block's and its own. */
static const char *bare(const char *name)
{
    const char *space = strchr(name, ' ');
    return space ? space + 1 : name;
}

/* How a word is written, arguments as in a call: sgd(rate, momentum: 0); a statement's are what follows it. */
static void write_usage(const struct word *word, struct text *out)
{
    bool statement = bare(word->name) != word->name, any = !strcmp(word->arguments, "*");
    text_add(out, "%s", bare(word->name));
    if (!word->arguments[0]) return;
    text_add(out, statement ? " " : "(");
    for (const char *c = any ? "FIELD: FILE, …" : word->arguments; *c; c++) {
        if (statement || any || (*c != ' ' && *c != '='))
            text_add(out, "%c", *c);
        else if (*c == '=')
            text_add(out, ": ");
        else
            text_add(out, c[-1] == ',' || c[-1] == ':' ? " " : ", ");
    }
    if (!statement) text_add(out, ")");
}

enum { COLUMN = 34 };

/* Range and example, behind `indent` spaces. */
static void print_example(const struct word_table *table, const struct word *word, int indent)
{
    struct text example = {0};
    word_example(table, word, &example);
    printf("%*s", indent, "");
    if (table->ranges[0] && word->range[0]) printf("%s: %s;  ", table->ranges, word->range);
    printf("as in  %s\n", example.data);
    text_fini(&example);
}

/* What is wider than its column has its help on a line of its own. */
static void print_word_line(const struct word_table *table, const struct word *word)
{
    struct text usage = {0};
    write_usage(word, &usage);
    int width = width_of(usage.data);
    printf("  %s%*s%s%s\n", usage.data, width > COLUMN ? 0 : COLUMN - width, width > COLUMN ? "\n      " : "",
           word->help, word->supported ? "" : "  (not yet supported)");
    print_example(table, word, 6);
    text_fini(&usage);
}

/* Statements are listed under their block. */
static void print_topic(const struct word_table *table)
{
    const char *block = "";
    printf("%s: %s\n\n", table->name, table->help);
    for (uint32_t i = 0; i < table->count; i++) {
        struct word word = table->word(i);
        if (!word.name) continue;
        size_t length = (size_t)(bare(word.name) - word.name);
        if (length && strncmp(block, word.name, length))
            printf("%sin %.*s:\n", *block ? "\n" : "", (int)length - 1, word.name);
        if (length) block = word.name;
        print_word_line(table, &word);
    }
}

static bool print_named(const char *topic)
{
    for (uint32_t i = 0; i < word_table_count; i++)
        if (!strcmp(word_tables[i].name, topic)) {
            print_topic(&word_tables[i]);
            return true;
        }
    for (uint32_t i = 0; i < COMMANDS; i++)
        if (!strcmp(command_rows[i].name, topic)) {
            print_command((enum command)i);
            return true;
        }
    return false;
}

/* A word of any table: its line. */
static bool print_word(const char *topic)
{
    bool found = false;
    for (uint32_t t = 0; t < word_table_count; t++)
        for (uint32_t i = 0; i < word_tables[t].count; i++) {
            struct word word = word_tables[t].word(i);
            if (!word.name || (strcmp(word.name, topic) && strcmp(bare(word.name), topic))) continue;
            struct text usage = {0};
            write_usage(&word, &usage);
            int block = (int)(bare(word.name) - word.name);
            printf("%s (%s%s%.*s): %s%s\n", usage.data, word_tables[t].name, block ? " of " : "",
                   block ? block - 1 : 0, word.name, word.help, word.supported ? "" : "  (not yet supported)");
            print_example(&word_tables[t], &word, 4);
            text_fini(&usage);
            found = true;
        }
    return found;
}

static void suggest(struct session *session, const struct operand_text *topic)
{
    uint32_t most = word_table_count + COMMANDS, n = 0;
    for (uint32_t t = 0; t < word_table_count; t++) most += word_tables[t].count;
    const char **names = arena_alloc(session->arena, most * sizeof *names);
    for (uint32_t t = 0; t < word_table_count; t++) {
        names[n++] = word_tables[t].name;
        for (uint32_t i = 0; i < word_tables[t].count; i++)
            if (word_tables[t].word(i).name) names[n++] = bare(word_tables[t].word(i).name);
    }
    for (uint32_t i = 0; i < COMMANDS; i++) names[n++] = command_rows[i].name;
    diag_input(session->diag, topic->at, "unknown-topic", "there is no help on '%s'", topic->text);
    if (!diag_did_you_mean(session->diag, topic->text, names, n))
        diag_hint(session->diag, "nnt help lists the topics");
}

int cmd_help(struct session *session)
{
    const struct options *o = &session->options;
    if (o->command != COMMAND_help)
        print_command(o->command);
    else if (!o->n_files)
        print_overview();
    else {
        const char *topic = o->file[0].text;
        bool command = print_named(topic), word = print_word(topic);
        if (!command && !word) suggest(session, &o->file[0]);
    }
    return 0;
}
