/* label.c: the texts of pictures and pages: escaped, with subscripts, measured. */
#include "compiler/driver/label.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- escaping ---- */

/* Bytes that are no character of a page become one that says so. */
static void escape_bytes(const char *text, size_t length, struct text *out)
{
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '<')
            text_add(out, "&lt;");
        else if (c == '>')
            text_add(out, "&gt;");
        else if (c == '&')
            text_add(out, "&amp;");
        else if (c == '"')
            text_add(out, "&quot;");
        else if ((c < 32 && c != '\n' && c != '\t') || c == 127)
            text_add(out, "\xEF\xBF\xBD");
        else
            text_add_bytes(out, &text[i], 1);
    }
}

void label_escape(const char *text, struct text *out)
{
    for (size_t length = strlen(text), good; length > 0; text += good, length -= good) {
        good = text_invalid_utf8(text, length);
        escape_bytes(text, good, out);
        if (good == length) return;
        text_add(out, "\xEF\xBF\xBD");
        good++;
    }
}

/* ---- subscripts ---- */

/* The next piece of a label: plain up to a subscript, or a subscript; false at the end. */
struct piece {
    const char *at;
    size_t length;
    bool sub;
};
static bool next_piece(const char **at, struct piece *out)
{
    const char *open = strstr(*at, "_{"), *close = open ? strchr(open, '}') : NULL;
    if (!**at) return false;
    if (!close)
        *out = (struct piece){*at, strlen(*at), false};
    else if (open > *at)
        *out = (struct piece){*at, (size_t)(open - *at), false};
    else
        *out = (struct piece){open + 2, (size_t)(close - open - 2), true};
    *at = out->at + out->length + out->sub;
    return true;
}

void label_html(const char *label, struct text *out)
{
    for (struct piece piece; next_piece(&label, &piece);) {
        if (piece.sub) text_add(out, "<sub>");
        escape_bytes(piece.at, piece.length, out);
        if (piece.sub) text_add(out, "</sub>");
    }
}

void label_svg(const char *label, struct text *out)
{
    bool down = false;
    for (struct piece piece; next_piece(&label, &piece); down = piece.sub) {
        if (piece.sub) text_add(out, "<tspan class=\"sub\" dy=\"3\">");
        if (down) text_add(out, "<tspan dy=\"-3\">");
        escape_bytes(piece.at, piece.length, out);
        if (piece.sub || down) text_add(out, "</tspan>");
    }
}

/* ---- widths ---- */

/* Parts of the font's size, those of a wide sans-serif. */
static double letter_width(unsigned char c)
{
    if (c >= 0x80) return (c & 0xC0) == 0x80 ? 0 : 0.75;
    if (strchr(" .,:;|!'()[]ijl", c)) return 0.36;
    if (strchr("mwMW%@", c)) return 0.98;
    if (c >= 'A' && c <= 'Z') return 0.7;
    return 0.63;
}

static double piece_width(const struct piece *piece)
{
    double width = 0;
    for (size_t i = 0; i < piece->length; i++) width += letter_width((unsigned char)piece->at[i]);
    return piece->sub ? 0.75 * width : width;
}

double label_width(const char *label, double font)
{
    double width = 0;
    for (struct piece piece; next_piece(&label, &piece);) width += piece_width(&piece);
    return font * width;
}

/* ---- rows ---- */

static void add_row(const char *label, size_t length, const char *anchor, double x, double y, struct text *out)
{
    struct text part = {0};
    text_add_bytes(&part, label, length);
    text_add(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", x, y, anchor);
    label_svg(part.data, out);
    text_add(out, "</text>\n");
    text_fini(&part);
}

/* Bytes of the label that fit: up to the last blank, or all where there is none. */
static size_t row_length(const char *label, double font, double width)
{
    size_t fits = 0;
    struct text part = {0};
    for (size_t i = 0; label[i]; i++) {
        if (label[i + 1] && label[i + 1] != ' ') continue;
        part.length = 0;
        text_add_bytes(&part, label, i + 1);
        if (fits && label_width(part.data, font) > width) break;
        fits = i + 1;
    }
    text_fini(&part);
    return fits;
}

uint32_t label_rows(const char *label, double font, double width, struct text *out, const char *anchor, double x,
                    double y)
{
    uint32_t rows = 0;
    for (size_t length; (length = row_length(label, font, width)) > 0; label += length) {
        if (out) add_row(label, length, anchor, x, y + rows * 1.4 * font, out);
        rows++;
        if (label[length] == ' ') length++;
    }
    return rows;
}

/* ---- numbers ---- */

static void add_power(int power, char *out, size_t size)
{
    static const char *const digit[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
    char plain[16];
    size_t used = (size_t)snprintf(out, size, "10%s", power < 0 ? "⁻" : "");
    snprintf(plain, sizeof plain, "%d", abs(power));
    for (char *c = plain; *c && used < size; c++)
        used += (size_t)snprintf(out + used, size - used, "%s", digit[*c - '0']);
}

/* With a true minus. */
void label_number(double value, int power, int decimals, char *out, size_t size)
{
    char number[40], factor[40] = "";
    double part = fabs(value) / pow(10, power);
    snprintf(number, sizeof number, "%.*f", decimals > 12 ? 12 : decimals, part);
    if (power && value != 0) add_power(power, factor, sizeof factor);
    snprintf(out, size, "%s%s%s%s", value < 0 ? "−" : "", value == 0 ? "0" : number, *factor ? "·" : "", factor);
}

void label_power(int times, int power, char *out, size_t size)
{
    char factor[40];
    if (power >= -3 && power <= 4) {
        snprintf(out, size, "%.*f", power < 0 ? -power : 0, times * pow(10, power));
        return;
    }
    add_power(power, factor, sizeof factor);
    if (times == 1)
        snprintf(out, size, "%s", factor);
    else
        snprintf(out, size, "%d·%s", times, factor);
}
