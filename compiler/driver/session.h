/* session.h: what every command begins and ends with: arena, messages, options, signals, the clock. */
#ifndef NNT_SESSION_H
#define NNT_SESSION_H

#include "compiler/driver/options.h"

struct weights;
struct session {
    struct diag *diag;
    struct arena *arena;
    struct options options;
    double began; /* seconds(), when the process started */
    const char *
        kept; /* the text of operand 0 where it is not read: a resumed run goes on with the file as it was; or NULL */
    struct weights *weights; /* of --weights, once something asked for them (given.h) */
};

/* Seconds of a clock that only goes forward. */
double seconds(void);
/* SIGINT and SIGTERM ask for a stop from now on; a second one ends the process at once. */
void session_catch_signals(void);
/* The signal that asked for a stop, or 0. */
int session_interrupted(void);
/* Prints the messages not yet printed: text to stderr, or with --json (check only) as JSON to stdout. */
void session_messages(struct session *session);

/* The commands: each returns the exit status that is not the messages' own (0, 130, 143). */
#define COMMAND(name, ...) int cmd_##name(struct session *session);
#include "compiler/driver/commands.def"
#undef COMMAND

#endif
