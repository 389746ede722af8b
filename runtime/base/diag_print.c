/* diag_print.c: messages as text with carets, or as JSON. */
#include "runtime/base/diag_message.h"

#include <stdlib.h>
#include <string.h>

/* A source line longer than this is shown in part, around the place. */
#define WIDEST 110

struct output {
    FILE *to;
    bool color;
};

static const char *const severities[] = {"warning", "error", "error"};

static void paint(const struct output *o, const char *code)
{
    if (o->color) fprintf(o->to, "\033[%sm", code);
}

/* Text from outside: what would move the cursor or is no UTF-8 is shown as '?'. */
static void put_text(FILE *to, const char *text, size_t length)
{
    for (size_t i = 0; i < length;) {
        size_t valid = text_invalid_utf8(text + i, length - i);
        for (size_t end = i + valid; i < end; i++) {
            unsigned char c = (unsigned char)text[i];
            fputc(c == '\t' || (c >= 0x20 && c != 0x7F) ? c : '?', to);
        }
        if (i == length) break;
        fputc('?', to);
        i++;
    }
}

static void put_place(const struct diag *diag, FILE *to, struct span at)
{
    uint32_t line, column;
    diag_position(diag, at, &line, &column);
    put_text(to, diag->source[at.source - 1].name, strlen(diag->source[at.source - 1].name));
    fprintf(to, ":%u:%u", line, column);
}

struct window {
    const char *text;
    uint32_t begin, end;           /* of the line, or of the part of it that is shown */
    uint32_t mark_begin, mark_end; /* of what is underlined */
};

static bool continues(char byte)
{
    return (byte & 0xC0) == 0x80;
}

static struct window find_window(const struct source *source, struct span at)
{
    struct window w = {.text = source->text, .mark_begin = at.begin < source->length ? at.begin : source->length};
    w.begin = w.end = w.mark_begin;
    while (w.begin > 0 && w.text[w.begin - 1] != '\n') w.begin--;
    while (w.end < source->length && w.text[w.end] != '\n') w.end++;
    if (w.end > w.begin && w.text[w.end - 1] == '\r') w.end--;
    if (w.mark_begin > w.end) w.mark_begin = w.end;
    if (w.mark_begin - w.begin > WIDEST - 30) w.begin = w.mark_begin - WIDEST / 2;
    if (w.end - w.begin > WIDEST) w.end = w.begin + WIDEST;
    while (w.begin < w.mark_begin && continues(w.text[w.begin])) w.begin++;
    while (w.end > w.mark_begin && w.end < source->length && continues(w.text[w.end])) w.end--;
    w.mark_end = at.end < w.mark_begin ? w.mark_begin : at.end < w.end ? at.end : w.end;
    return w;
}

static void print_excerpt(const struct diag *diag, const struct output *o, struct span at, const char *color)
{
    uint32_t line, column;
    diag_position(diag, at, &line, &column);
    struct window w = find_window(&diag->source[at.source - 1], at);
    fprintf(o->to, "%5u | ", line);
    put_text(o->to, w.text + w.begin, w.end - w.begin);
    fputs("\n      | ", o->to);
    for (uint32_t i = w.begin; i < w.mark_begin; i++)
        if (!continues(w.text[i])) fputc(w.text[i] == '\t' ? '\t' : ' ', o->to);
    paint(o, color);
    fputc('^', o->to);
    for (uint32_t i = w.mark_begin + 1; i < w.mark_end; i++)
        if (!continues(w.text[i])) fputc('~', o->to);
    paint(o, "0");
    fputc('\n', o->to);
}

static void print_includes(const struct diag *diag, const struct output *o, struct span at)
{
    for (struct span from = diag->source[at.source - 1].from; from.source != 0;
         from = diag->source[from.source - 1].from) {
        fputs("      = included from ", o->to);
        put_place(diag, o->to, from);
        fputc('\n', o->to);
    }
}

static void print_head(const struct diag *diag, const struct output *o, struct span at, const char *word,
                       const char *color)
{
    if (at.source != 0) {
        paint(o, "1");
        put_place(diag, o->to, at);
        fputs(": ", o->to);
    }
    paint(o, color);
    fprintf(o->to, "%s: ", word);
    paint(o, "0");
}

static void print_remark(const struct diag *diag, const struct output *o, const struct remark *r)
{
    if (r->is_hint || r->at.source == 0)
        fputs("      = ", o->to);
    else
        print_head(diag, o, r->at, "note", "1;36");
    put_text(o->to, r->text, strlen(r->text));
    fputc('\n', o->to);
    if (r->at.source != 0) print_excerpt(diag, o, r->at, "1;36");
}

/* Hints belong to the excerpt above them: they come before notes that show another place. */
static void print_message(const struct diag *diag, const struct output *o, const struct message *m)
{
    const char *color = m->severity == SEVERITY_WARNING ? "1;35" : "1;31";
    print_head(diag, o, m->at, severities[m->severity], color);
    put_text(o->to, m->text, strlen(m->text));
    fprintf(o->to, " [%s]\n", m->name);
    if (m->at.source != 0) {
        print_excerpt(diag, o, m->at, color);
        print_includes(diag, o, m->at);
    }
    for (int pass = 0; pass < 2; pass++)
        for (uint32_t i = 0; i < m->n_remarks; i++)
            if (m->remark[i].is_hint == (pass == 0)) print_remark(diag, o, &m->remark[i]);
}

static void json_text(FILE *to, const char *text)
{
    size_t length = strlen(text);
    fputc('"', to);
    for (size_t i = 0; i < length;) {
        size_t valid = text_invalid_utf8(text + i, length - i);
        for (size_t end = i + valid; i < end; i++) {
            unsigned char c = (unsigned char)text[i];
            if (c == '"' || c == '\\')
                fprintf(to, "\\%c", c);
            else if (c < 0x20 || c == 0x7F)
                fprintf(to, "\\u%04x", c);
            else
                fputc(c, to);
        }
        if (i == length) break;
        fputs("\\ufffd", to);
        i++;
    }
    fputc('"', to);
}

static void json_place(const struct diag *diag, FILE *to, struct span at)
{
    if (at.source == 0) {
        fputs("\"file\":null,\"line\":null,\"column\":null,\"end_line\":null,\"end_column\":null", to);
        return;
    }
    uint32_t line, column, end_line, end_column;
    diag_position(diag, at, &line, &column);
    diag_position(diag, (struct span){at.source, at.end, at.end}, &end_line, &end_column);
    fputs("\"file\":", to);
    json_text(to, diag->source[at.source - 1].name);
    fprintf(to, ",\"line\":%u,\"column\":%u,\"end_line\":%u,\"end_column\":%u", line, column, end_line, end_column);
}

static void json_remarks(const struct diag *diag, FILE *to, const struct message *m, bool hints)
{
    const char *comma = "";
    fprintf(to, ",\"%s\":[", hints ? "hints" : "notes");
    for (uint32_t i = 0; i < m->n_remarks; i++) {
        if (m->remark[i].is_hint != hints) continue;
        fputs(comma, to);
        comma = ",";
        if (!hints) {
            fputc('{', to);
            json_place(diag, to, m->remark[i].at);
            fputs(",\"message\":", to);
        }
        json_text(to, m->remark[i].text);
        if (!hints) fputc('}', to);
    }
    fputc(']', to);
}

static void json_message(const struct diag *diag, FILE *to, const struct message *m)
{
    fputc('{', to);
    json_place(diag, to, m->at);
    fprintf(to, ",\"severity\":\"%s\",\"name\":", severities[m->severity]);
    json_text(to, m->name);
    fputs(",\"message\":", to);
    json_text(to, m->text);
    json_remarks(diag, to, m, true);
    json_remarks(diag, to, m, false);
    fputc('}', to);
}

static int compare_messages(const void *a, const void *b)
{
    const struct message *x = a, *y = b;
    uint32_t source_x = x->at.source - 1, source_y = y->at.source - 1; /* no place wraps round to the end */
    if (source_x != source_y) return source_x < source_y ? -1 : 1;
    if (x->at.begin != y->at.begin) return x->at.begin < y->at.begin ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

void diag_print(struct diag *diag, FILE *to, enum diag_format format)
{
    struct output o = {.to = to, .color = format == DIAG_COLOR};
    if (diag->n_messages > 1) qsort(diag->message, diag->n_messages, sizeof *diag->message, compare_messages);
    const char *comma = "";
    if (format == DIAG_JSON) fputc('[', to);
    for (uint32_t i = 0; i < diag->n_messages; i++) {
        struct message *m = &diag->message[i];
        if (m->printed) continue;
        m->printed = true;
        if (format == DIAG_JSON) {
            fputs(comma, to);
            json_message(diag, to, m);
            comma = ",\n ";
        } else {
            print_message(diag, &o, m);
        }
    }
    if (format == DIAG_JSON) fputs("]\n", to);
}
