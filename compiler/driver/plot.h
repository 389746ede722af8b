/* plot.h: curves over axes as SVG. */
#ifndef NNT_PLOT_H
#define NNT_PLOT_H

#include "runtime/base/text.h"

/* Texts shown are UTF-8; in them _{min} is a subscript. They are escaped here: callers give them as they are. A number that
 * is not finite is a point that is not there. */

enum plot_scale { PLOT_LINEAR, PLOT_LOG };

/* y over x, n points in the order in which they are joined. low and high (NULL: none) are the ends of an error at each point. */
struct plot_curve {
    const char *name; /* in the legend; NULL: not there */
    const double *x, *y, *low, *high;
    uint32_t n;
    uint32_t colour, dash; /* any numbers: they are counted round */
    bool bars;             /* errors as bars, else as a band */
};
/* A stretch of x that is told apart in a strip above the curves: something fell or rose there, surely or not. */
struct plot_stretch {
    double from, to;
    bool fell, sure;
};
struct plot {
    const char *name;                 /* what the picture shows, for those who cannot see it */
    const char *x_label, *y_label;    /* symbol, name (unit) */
    enum plot_scale x_scale, y_scale; /* on a logarithmic x axis 0 stands apart at the left edge */
    const struct plot_curve *curve;
    uint32_t n_curves;
    const char *line; /* the line of slope 1 through 0, by this name in the legend; NULL: none */
    const struct plot_stretch *stretch;
    uint32_t n_stretches;
    const char *fell, *rose; /* their names in the legend */
};

/* Adds an <svg> element that scales with its column; its text is as large as the page's where the column is PLOT_WIDTH pixels
 * wide. What lies beyond an axis (0 or less on a logarithmic one) is left out. */
enum { PLOT_WIDTH = 340 };
void plot_draw(const struct plot *plot, struct text *out);
/* Adds the rules of a style sheet that plots need, for light and dark and paper: once a page. */
void plot_style(struct text *out);

/* Whether numbers are better seen on a logarithmic axis: all above 0, the largest at least `ratio` times the smallest. */
bool plot_spans(const double *value, uint32_t n, double ratio);

#endif
