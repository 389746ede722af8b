/* main.c: the command line to a command. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "compiler/driver/session.h"

static int run_command(struct session *session)
{
    static int (*const commands[COMMANDS])(struct session *) = {
#define COMMAND(name, ...) cmd_##name,
#include "compiler/driver/commands.def"
#undef COMMAND
    };
    if (session->options.given[OPTION_version]) {
        puts("nnt " NNT_VERSION);
        return 0;
    }
    if (session->options.given[OPTION_help]) return cmd_help(session);
    return commands[session->options.command](session);
}

/* A full disk or a closed pipe behind stdout is a failure like any other. */
static void check_stdout(struct session *session)
{
    if (fflush(stdout) || ferror(stdout))
        diag_machine(session->diag, (struct span){0}, "write-failed", "standard output cannot be written");
}

int main(int argc, char **argv)
{
    struct session session = {.diag = diag_new(), .arena = arena_new(), .began = seconds()};
    int status = 0;
    signal(SIGPIPE, SIG_IGN);
    if (options_read(session.diag, session.arena, argc, argv, &session.options)) status = run_command(&session);
    check_stdout(&session);
    session_messages(&session);
    int failed = diag_status(session.diag);
    diag_free(session.diag);
    arena_free(session.arena);
    return failed ? failed : status;
}
