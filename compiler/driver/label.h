/* label.h: the texts of pictures and pages: escaped, with subscripts, measured. */
#ifndef NNT_LABEL_H
#define NNT_LABEL_H

#include "runtime/base/text.h"

/* A label is UTF-8 in which _{min} is a subscript; nothing in it needs escaping by the caller. */

/* Adds a text with <, >, &, " and what no page may hold escaped. */
void label_escape(const char *text, struct text *out);
/* Adds a label as HTML. */
void label_html(const char *label, struct text *out);
/* Adds a label as what stands in an SVG's <text>. */
void label_svg(const char *label, struct text *out);
/* Its width in units of `font`'s, from above: in no usual sans-serif it is wider. */
double label_width(const char *label, double font);
/* Adds the label as <text> elements at x (their start, middle or end by `anchor`), the first at y, broken at blanks where it
 * would be wider than `width`; returns how many rows. `out` NULL: only counts. */
uint32_t label_rows(const char *label, double font, double width, struct text *out, const char *anchor, double x,
                    double y);
/* A number with so many decimals, in units of 10^power where that is not 0: −1.25, 3·10⁻⁷. */
void label_number(double value, int power, int decimals, char *out, size_t size);
/* times · 10^power, times from 1 to 9: 0.02, 500, 10⁶, 2·10⁻⁷. */
void label_power(int times, int power, char *out, size_t size);

#endif
