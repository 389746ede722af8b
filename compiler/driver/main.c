/* main.c: the command line to a command. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "compiler/driver/session.h"
#include "runtime/record/record.h"

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

/* A standard stream that was closed must not become the number of a file that is opened later: it is one that cannot be used. */
static void occupy_streams(void)
{
    for (int stream = STDIN_FILENO; stream <= STDERR_FILENO; stream++)
        if (fcntl(stream, F_GETFD) < 0 && open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY) != stream)
            _exit(2);
}

/* A full disk or a closed pipe behind stdout is a failure like any other. */
static void check_stdout(struct session *session)
{
    if (fflush(stdout) || ferror(stdout))
        diag_machine(session->diag, (struct span){0}, "write-failed", "standard output cannot be written");
}

int main(int argc, char **argv)
{
    occupy_streams();
    struct session session = {.diag = diag_new(), .arena = arena_new(), .began = seconds()};
    int status = 0;
    signal(SIGPIPE, SIG_IGN);
    if (options_read(session.diag, session.arena, argc, argv, &session.options)) status = run_command(&session);
    check_stdout(&session);
    session_messages(&session);
    int failed = diag_status(session.diag);
    weights_close(session.weights);
    diag_free(session.diag);
    arena_free(session.arena);
    return failed ? failed : status;
}
