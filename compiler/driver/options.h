/* options.h: the command line: what was asked, every value checked. */
#ifndef NNT_OPTIONS_H
#define NNT_OPTIONS_H

#include "lang/model.h"
#include "runtime/base/diag.h"

enum command {
#define COMMAND(name, ...) COMMAND_##name,
#include "compiler/driver/commands.def"
#undef COMMAND
    COMMANDS
};
enum option_name {
#define OPTION(name, ...) OPTION_##name,
#include "compiler/driver/commands.def"
#undef OPTION
    OPTIONS
};
struct command_row {
    const char *name, *operands, *help;
};
struct option_row {
    const char *name, *argument, *commands, *help;
};
extern const struct command_row command_rows[COMMANDS];
extern const struct option_row option_rows[OPTIONS];

struct operand_text {
    const char *text;
    struct span at; /* on the command line */
};
struct options {
    enum command command;
    bool given[OPTIONS];
    struct operand_text value[OPTIONS]; /* the text of each option given (the last one) */
    struct operand_text *file;          /* the operands */
    uint32_t n_files;
    struct setting *setting; /* --set, in order */
    uint32_t n_settings;
    uint64_t seed;
    double progress;
    bool interpreter;
    uint32_t real_bytes;
    enum diag_format format;
    const char *line; /* the whole command line, for run.json */
};

/* Reads the command line; false with messages (unknown option or command with did-you-mean, bad value, option that the command does
 * not take, missing or superfluous operands). Memory is the arena's. */
MUST_USE bool options_read(struct diag *diag, struct arena *arena, int argc, char *const argv[],
                           struct options *out);
/* Whether a command takes an option. */
bool option_applies(enum option_name option, enum command command);

#endif
