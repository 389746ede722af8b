/* progress.c: a bar on a terminal, lines in a pipe. */
#include "compiler/driver/progress.h"

#include <stdio.h>
#include <unistd.h>

#include "compiler/driver/session.h"

enum { BAR = 24 };

struct progress progress_begin(bool quiet, uint64_t step)
{
    double now = seconds();
    return (struct progress){.quiet = quiet, .terminal = isatty(STDERR_FILENO), .began = now, .last = now, .first = step};
}

static void show_bar(double share)
{
    int full = (int)(share * BAR);
    fputc('[', stderr);
    for (int i = 0; i < BAR; i++) fputc(i < full ? '=' : i == full ? '>' : ' ', stderr);
    fputc(']', stderr);
}

void progress_show(struct progress *p, uint64_t step, uint64_t steps, uint64_t steps_per_epoch, uint64_t samples)
{
    double now = seconds(), spent = now - p->began;
    if (p->quiet || !steps || step == p->first || now - p->last < (p->terminal ? 0.1 : 10)) return;
    double share = (double)step / (double)steps;
    double left = spent * (double)(steps - step) / (double)(step - p->first);
    p->last = now;
    if (p->terminal) {
        fputc('\r', stderr);
        show_bar(share);
    }
    fprintf(stderr, " %3.0f %%  epoch %llu of %llu  %.0f samples/s  %d:%02d left", 100 * share,
            (unsigned long long)(step / steps_per_epoch), (unsigned long long)((steps + steps_per_epoch - 1) / steps_per_epoch),
            (double)samples / spent, (int)(left / 60), (int)left % 60);
    fputs(p->terminal ? "\x1b[K" : "\n", stderr);
    p->shown = p->terminal;
    fflush(stderr);
}

void progress_clear(struct progress *p)
{
    if (p->shown) fputs("\r\x1b[K", stderr);
    p->shown = false;
}
