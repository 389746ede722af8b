/* session.c: arena, diagnostics, signals, out of memory: what every command begins and ends with. */
#include "compiler/driver/session.h"

#include <signal.h>
#include <stdio.h>
#include <time.h>

double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* A handler can reach nothing but a static object. */
static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    interrupted = number;
}

void session_catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

int session_interrupted(void)
{
    return interrupted;
}

void session_messages(struct session *session)
{
    bool json = session->options.command == COMMAND_check && session->options.given[OPTION_json];
    diag_print(session->diag, json ? stdout : stderr, json ? DIAG_JSON : session->options.format);
}
