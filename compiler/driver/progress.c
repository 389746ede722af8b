/* progress.c: a bar on a terminal, lines in a pipe. */
#include "compiler/driver/progress.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "compiler/driver/session.h"

enum { BAR = 24 };

struct progress progress_begin(bool quiet, uint64_t step)
{
    double now = seconds();
    return (struct progress){
        .quiet = quiet, .terminal = isatty(STDERR_FILENO), .began = now, .last = now, .first = step};
}

int terminal_width(int stream)
{
    struct winsize size;
    if (!isatty(stream)) return 0;
    return ioctl(stream, TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : 80;
}

/* As wide as the text leaves room for; a line that filled the terminal to the last character would wrap. */
static void show_bar(double share, const char *text)
{
    int width = terminal_width(STDERR_FILENO) - 1, room = width - (int)strlen(text) - 2;
    int bar = room > BAR ? BAR : room, full = (int)(share * bar);
    fputs("\r", stderr);
    for (int i = -1; bar > 3 && i <= bar; i++)
        fputc(i < 0 ? '[' : i == bar ? ']' : i < full ? '=' : i == full ? '>' : ' ', stderr);
    fprintf(stderr, "%.*s\x1b[K", width, text);
}

void progress_show(struct progress *p, uint64_t step, uint64_t steps, uint64_t steps_per_epoch, uint64_t samples)
{
    double now = seconds(), spent = now - p->began;
    if (p->quiet || !steps || step == p->first || now - p->last < (p->terminal ? 0.1 : 10)) return;
    double left = spent * (double)(steps - step) / (double)(step - p->first);
    char text[160];
    p->last = now;
    snprintf(text, sizeof text, " %3.0f %%  epoch %llu of %llu  %.0f samples/s  %lld:%02d left",
             100 * (double)step / (double)steps, (unsigned long long)(step / steps_per_epoch),
             (unsigned long long)((steps + steps_per_epoch - 1) / steps_per_epoch), (double)samples / spent,
             (long long)(left / 60), (int)fmod(left, 60));
    if (p->terminal)
        show_bar((double)step / (double)steps, text);
    else
        fprintf(stderr, "%s\n", text);
    p->shown = p->terminal;
    fflush(stderr);
}

void progress_clear(struct progress *p)
{
    if (p->shown) fputs("\r\x1b[K", stderr);
    p->shown = false;
}
