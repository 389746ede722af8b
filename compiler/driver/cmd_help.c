/* cmd_help.c: every table, printed. */
#include <stdio.h>
#include <string.h>

#include "compiler/driver/session.h"
#include "lang/words.h"

/* ---- commands and options ------------------------------------------------------------------------------------------------ */

static void print_option(enum option_name option)
{
    const struct option_row *row = &option_rows[option];
    char left[64];
    snprintf(left, sizeof left, "%s--%s %s", option == OPTION_output ? "-o, " : "", row->name, row->argument);
    if (row->help[0]) printf("  %-22s %s\n", left, row->help);
}

static void print_command(enum command command)
{
    printf("usage: nnt %s %s [options]\n%s\n\n", command_rows[command].name, command_rows[command].operands, command_rows[command].help);
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
    for (uint32_t i = 0; i < word_table_count; i++) printf("  %-14s %s\n", word_tables[i].name, word_tables[i].help);
    puts("\nexit status: 0 done; 1 the input was wrong; 2 the program or machine failed; 130, 143 interrupted, checkpoint saved");
}

/* ---- topics ---------------------------------------------------------------------------------------------------------------- */

static void print_topic(const struct word_table *table)
{
    printf("%s: %s\n\n", table->name, table->help);
    for (uint32_t i = 0; i < table->count; i++) {
        struct word word = table->word(i);
        if (!word.name) continue;
        char left[128];
        snprintf(left, sizeof left, "%s%s%s%s", word.name, word.arguments[0] ? "(" : "", word.arguments, word.arguments[0] ? ")" : "");
        printf("  %-30s %s%s\n", left, word.help, word.supported ? "" : "  (not yet supported)");
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
            if (!word.name || strcmp(word.name, topic)) continue;
            printf("%s%s%s%s (%s): %s\n", word.name, word.arguments[0] ? "(" : "", word.arguments, word.arguments[0] ? ")" : "",
                   word_tables[t].name, word.help);
            found = true;
        }
    return found;
}

int cmd_help(struct session *session)
{
    const struct options *o = &session->options;
    if (o->command != COMMAND_help) {
        print_command(o->command);
        return 0;
    }
    if (!o->n_files) {
        print_overview();
        return 0;
    }
    const char *topic = o->file[0].text;
    bool named = print_named(topic), word = !named && print_word(topic);
    if (named || word) return 0;
    const char *names[64];
    uint32_t n = 0;
    for (uint32_t i = 0; i < word_table_count && n < 48; i++) names[n++] = word_tables[i].name;
    for (uint32_t i = 0; i < COMMANDS; i++) names[n++] = command_rows[i].name;
    diag_input(session->diag, o->file[0].at, "unknown-topic", "there is no help on '%s'", topic);
    if (!diag_did_you_mean(session->diag, topic, names, n)) diag_hint(session->diag, "nnt help lists the topics");
    return 0;
}
