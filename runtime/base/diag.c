/* diag.c: messages to the user, collected and counted; diag_print.c writes them. */
#include "runtime/base/diag_message.h"

#include <string.h>

struct diag *diag_new(void)
{
    struct arena *arena = arena_new();
    struct diag *diag = arena_alloc(arena, sizeof *diag);
    diag->arena = arena;
    return diag;
}

struct diag *diag_aside(const struct diag *diag)
{
    struct diag *aside = diag_new();
    for (uint32_t i = 0; i < diag->n_sources; i++) {
        const struct source *s = &diag->source[i];
        diag_source(aside, s->name, s->text, s->length, s->from);
    }
    return aside;
}

void diag_free(struct diag *diag)
{
    if (diag != NULL) arena_free(diag->arena);
}

uint32_t diag_source(struct diag *diag, const char *name, const char *text, size_t length, struct span from)
{
    if (length >= UINT32_MAX) BUG("a source of %zu bytes", length);
    diag->source =
        arena_grow(diag->arena, diag->source, diag->n_sources, &diag->sources_capacity, sizeof *diag->source);
    diag->source[diag->n_sources++] = (struct source){.name = arena_text(diag->arena, name, strlen(name)),
                                                      .text = arena_text(diag->arena, text, length),
                                                      .length = (uint32_t)length,
                                                      .from = from};
    return diag->n_sources;
}

static bool is_repeated(const struct diag *diag, struct span at)
{
    for (uint32_t i = 0; i < diag->n_messages; i++) {
        const struct message *m = &diag->message[i];
        if (m->severity == SEVERITY_INPUT && m->at.source == at.source && m->at.begin == at.begin) return true;
    }
    return false;
}

static void add_message(struct diag *diag, enum severity severity, struct span at, const char *name, char *text)
{
    if (at.source > diag->n_sources) BUG("a message in source %u of %u", at.source, diag->n_sources);
    diag->muted = severity == SEVERITY_INPUT && at.source != 0 && is_repeated(diag, at);
    if (diag->muted) return;
    diag->message =
        arena_grow(diag->arena, diag->message, diag->n_messages, &diag->messages_capacity, sizeof *diag->message);
    diag->message[diag->n_messages] = (struct message){.severity = severity, .at = at, .name = name, .text = text};
    diag->message[diag->n_messages].order = diag->n_messages;
    diag->n_messages++;
}

#define ADD(severity)                                                                                              \
    va_list arguments;                                                                                             \
    va_start(arguments, format);                                                                                   \
    add_message(diag, severity, at, name, arena_vprintf(diag->arena, format, arguments));                          \
    va_end(arguments)

void diag_input(struct diag *diag, struct span at, const char *name, const char *format, ...)
{
    ADD(SEVERITY_INPUT);
}
void diag_machine(struct diag *diag, struct span at, const char *name, const char *format, ...)
{
    ADD(SEVERITY_MACHINE);
}
void diag_warn(struct diag *diag, struct span at, const char *name, const char *format, ...)
{
    ADD(SEVERITY_WARNING);
}

/* The message given last, wherever sorting has put it; NULL where it was dropped as a repetition. */
static struct message *last_message(struct diag *diag)
{
    if (diag->muted) return NULL;
    for (uint32_t i = 0; i < diag->n_messages; i++)
        if (diag->message[i].order == diag->n_messages - 1) return &diag->message[i];
    BUG("a note without a message");
}

static void add_remark(struct diag *diag, bool is_hint, struct span at, char *text)
{
    struct message *m = last_message(diag);
    if (m == NULL) return;
    m->remark = arena_grow(diag->arena, m->remark, m->n_remarks, &m->remarks_capacity, sizeof *m->remark);
    m->remark[m->n_remarks++] = (struct remark){.is_hint = is_hint, .at = at, .text = text};
}

void diag_note(struct diag *diag, struct span at, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    add_remark(diag, false, at, arena_vprintf(diag->arena, format, arguments));
    va_end(arguments);
}

void diag_hint(struct diag *diag, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    add_remark(diag, true, (struct span){0}, arena_vprintf(diag->arena, format, arguments));
    va_end(arguments);
}

bool diag_did_you_mean(struct diag *diag, const char *found, const char *const words[], uint32_t n_words)
{
    const char *nearest = text_nearest(found, words, n_words);
    if (nearest != NULL) diag_hint(diag, "did you mean '%s'?", nearest);
    return nearest != NULL;
}

static uint32_t count(const struct diag *diag, enum severity severity)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < diag->n_messages; i++) n += diag->message[i].severity == severity;
    return n;
}

uint32_t diag_errors(const struct diag *diag)
{
    return count(diag, SEVERITY_INPUT) + count(diag, SEVERITY_MACHINE);
}
bool diag_failed(const struct diag *diag)
{
    return diag_errors(diag) > 0;
}
int diag_status(const struct diag *diag)
{
    return count(diag, SEVERITY_MACHINE) > 0 ? 2 : count(diag, SEVERITY_INPUT) > 0 ? 1 : 0;
}

const char *diag_first_error(const struct diag *diag)
{
    for (uint32_t order = 0; order < diag->n_messages; order++)
        for (uint32_t i = 0; i < diag->n_messages; i++)
            if (diag->message[i].order == order && diag->message[i].severity != SEVERITY_WARNING)
                return diag->message[i].text;
    return NULL;
}

/* Characters are counted, not bytes: those of the form 10xxxxxx continue one. */
void diag_position(const struct diag *diag, struct span at, uint32_t *out_line, uint32_t *out_column)
{
    *out_line = *out_column = 0;
    if (at.source == 0) return;
    const struct source *source = &diag->source[at.source - 1];
    uint32_t end = at.begin < source->length ? at.begin : source->length;
    *out_line = *out_column = 1;
    for (uint32_t i = 0; i < end; i++) {
        if (source->text[i] == '\n') {
            ++*out_line;
            *out_column = 1;
        } else if ((source->text[i] & 0xC0) != 0x80) {
            ++*out_column;
        }
    }
}
