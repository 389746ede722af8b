/* plot.c: curves over axes as SVG; knows nothing of networks. */
#include "compiler/driver/plot.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "compiler/driver/label.h"

enum { MOST_TICKS = 24, MARKED = 16 /* points of a curve that are marked one by one */ };
enum { COLOURS = 6, DASHES = 6 };
/* Pixels of a picture that is PLOT_WIDTH wide. */
static const double font = 12, row = 17, area = 190, edge = 6, strip = 14, apart = 20, sample = 24;
/* What is larger has no difference that is finite; what differs by less no step between that is a number. */
static const double most = 1e300, least = 1e-290;

struct tick {
    double at;
    char text[40]; /* empty: a short line alone */
};
struct axis {
    double low, high; /* of the numbers; on a logarithmic axis their decimal logarithms */
    double from, to;  /* of the pixels */
    bool log, has_zero;
    struct tick tick[MOST_TICKS];
    uint32_t n;
};
struct frame {
    const struct plot *plot;
    struct axis x, y;
    double left, right, top, bottom, height;
};

/* ---- numbers to places ---- */

static bool is_shown(const struct axis *axis, double value)
{
    return isfinite(value) && fabs(value) < most && (!axis->log || value > 0 || (axis->has_zero && value == 0));
}

static double place(const struct axis *axis, double value)
{
    if (axis->has_zero && value == 0) return axis->from + apart / 2;
    double from = axis->from + (axis->has_zero ? apart + edge : 0);
    double at = axis->log ? log10(value) : value;
    return from + (at - axis->low) / (axis->high - axis->low) * (axis->to - from);
}

static void widen(struct axis *axis, double value)
{
    if (!isfinite(value) || fabs(value) >= most) return;
    if (axis->log && value <= 0) {
        axis->has_zero |= value == 0;
        return;
    }
    double at = axis->log ? log10(value) : value;
    if (!(axis->low <= at)) axis->low = at;
    if (!(axis->high >= at)) axis->high = at;
}

/* One number alone gets room on both sides, curves a little more than they need. */
static void settle(struct axis *axis, double share)
{
    if (!isfinite(axis->low)) axis->low = axis->high = 0;
    double width = axis->high - axis->low, size = fmax(fabs(axis->low), fabs(axis->high));
    double more = width > 1e-12 * size && (axis->log || width > least) ? share * width
                  : axis->log                                          ? 0.5
                  : size > least                                       ? 0.1 * size
                                                                       : 1;
    axis->low -= more;
    axis->high += more;
}

static void range(const struct plot *plot, struct frame *frame)
{
    frame->x = (struct axis){.low = NAN, .high = NAN, .log = plot->x_scale == PLOT_LOG};
    frame->y = (struct axis){.low = NAN, .high = NAN, .log = plot->y_scale == PLOT_LOG};
    for (uint32_t k = 0; k < plot->n_curves; k++)
        for (uint32_t i = 0; i < plot->curve[k].n; i++) {
            const struct plot_curve *c = &plot->curve[k];
            if (!isfinite(c->y[i])) continue;
            widen(&frame->x, c->x[i]);
            widen(&frame->y, c->y[i]);
            if (c->low) widen(&frame->y, c->low[i]);
            if (c->high) widen(&frame->y, c->high[i]);
        }
    frame->y.has_zero = false;
    settle(&frame->x, plot->line ? 0.05 : 0);
    settle(&frame->y, 0.05);
}

/* ---- ticks ---- */

/* 1, 2 or 5 times a power of ten, about as large. */
static double round_step(double about)
{
    double power = pow(10, floor(log10(about)));
    double times = about / power;
    return power * (times < 1.5 ? 1 : times < 3.5 ? 2 : times < 7.5 ? 5 : 10);
}

static struct tick *add_tick(struct axis *axis, double at)
{
    if (axis->n == MOST_TICKS) return NULL;
    axis->tick[axis->n] = (struct tick){.at = at};
    return &axis->tick[axis->n++];
}

/* Decimals that tell multiples of a step apart; very large and very small numbers as 1.5·10⁷. */
static void linear_ticks(struct axis *axis, uint32_t about)
{
    double step = round_step((axis->high - axis->low) / about);
    double size = fmax(fabs(axis->low), fabs(axis->high));
    int power = size >= 1e6 || size < 1e-3 ? (int)floor(log10(size)) : 0;
    int decimals = power - (int)floor(log10(step) + 1e-9);
    for (double k = ceil(axis->low / step - 1e-9); k * step <= axis->high + 1e-9 * step; k++) {
        struct tick *tick = add_tick(axis, k * step);
        if (!tick) return;
        label_number(k == 0 ? 0 : k * step, power, decimals < 0 ? 0 : decimals, tick->text, sizeof tick->text);
    }
}

/* The powers of ten; with 2 and 5 times them where there are few. Short lines between where there is room. */
static void log_ticks(struct axis *axis, uint32_t about)
{
    double decades = axis->high - axis->low;
    int every = (int)ceil(decades / about), last = (int)floor(axis->high + 1e-9);
    bool between = decades < 1.7, lines = decades <= 2.5;
    if (axis->has_zero) snprintf(add_tick(axis, 0)->text, 2, "0");
    for (int k = (int)floor(axis->low); k <= last; k++)
        for (int m = 1; m < (lines ? 10 : 2); m++) {
            double at = m * pow(10, k), where = log10(at);
            if (at == 0 || where < axis->low - 1e-9 || where > axis->high + 1e-9) continue;
            bool named = m == 1 ? k % (every < 1 ? 1 : every) == 0 : between && (m == 2 || m == 5);
            struct tick *tick = named || every <= 2 ? add_tick(axis, at) : NULL;
            if (tick && named) label_power(m, k, tick->text, sizeof tick->text);
        }
}

static void make_ticks(struct axis *axis, uint32_t about)
{
    if (axis->log)
        log_ticks(axis, about);
    else
        linear_ticks(axis, about);
}

/* ---- elements ---- */

static void add_text(struct text *out, double x, double y, const char *anchor, const char *label)
{
    text_add(out, "<text x=\"%.1f\" y=\"%.1f\"%s%s%s>", x, y, *anchor ? " text-anchor=\"" : "", anchor,
             *anchor ? "\"" : "");
    label_svg(label, out);
    text_add(out, "</text>\n");
}

static void add_line(struct text *out, const char *class, double x1, double y1, double x2, double y2)
{
    text_add(out, "<line class=\"%s\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n", class, x1, y1, x2, y2);
}

static void add_box(struct text *out, const char *class, double x, double y, double width, double height)
{
    text_add(out, "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>\n", class, x, y, width,
             height);
}

/* A disc, square, triangle or rhombus: colours are not all that tells curves apart. */
static void add_mark(struct text *out, uint32_t colour, double x, double y)
{
    static const char *const shape[] = {
        "m-2.4 0a2.4 2.4 0 1 0 4.8 0a2.4 2.4 0 1 0 -4.8 0z",
        "m-2.1 -2.1h4.2v4.2h-4.2z",
        "m0 -2.9l2.7 4.8h-5.4z",
        "m0 -3l3 3l-3 3l-3 -3z",
    };
    text_add(out, "M%.1f %.1f%s", x, y, shape[colour % LENGTH(shape)]);
}

static void begin_marks(struct text *out, uint32_t colour)
{
    text_add(out, "<path class=\"f%u\" d=\"", colour % COLOURS);
}

static void end_path(struct text *out)
{
    text_add(out, "\"/>\n");
}

/* ---- the legend, above the curves ---- */

struct legend {
    double x, y;
    struct text *out; /* NULL: only measured */
};

/* The place of the next entry. */
static void next_entry(struct legend *legend, const char *name)
{
    double width = sample + 4 + label_width(name, font);
    if (legend->x > edge && legend->x + width > PLOT_WIDTH - edge) {
        legend->x = edge;
        legend->y += row;
    }
    if (legend->out) add_text(legend->out, legend->x + sample + 4, legend->y + 4, "", name);
    legend->x += width + 14;
}

static bool is_marked(const struct plot_curve *c)
{
    return c->n <= MARKED;
}

static void curve_entry(struct legend *legend, const struct plot_curve *c)
{
    next_entry(legend, c->name);
    if (!legend->out) return;
    double x = legend->x - 14 - 4 - sample - label_width(c->name, font);
    char class[32];
    snprintf(class, sizeof class, "c%u d%u", c->colour % COLOURS, c->dash % DASHES);
    add_line(legend->out, class, x, legend->y, x + sample, legend->y);
    if (!is_marked(c)) return;
    begin_marks(legend->out, c->colour);
    add_mark(legend->out, c->colour, x + sample / 2, legend->y);
    end_path(legend->out);
}

static void stretch_entry(struct legend *legend, const char *name, bool fell)
{
    next_entry(legend, name);
    if (!legend->out) return;
    double x = legend->x - 14 - 4 - sample - label_width(name, font);
    add_box(legend->out, fell ? "f0" : "f1", x + 6, legend->y + (fell ? 0 : -5), 12, 5);
}

static void line_entry(struct legend *legend, const char *name)
{
    next_entry(legend, name);
    if (!legend->out) return;
    double x = legend->x - 14 - 4 - sample - label_width(name, font);
    add_line(legend->out, "rule", x, legend->y, x + sample, legend->y);
}

/* From the middle of its first row; returns that of its last. */
static double legend_draw(const struct plot *plot, double y, struct text *out)
{
    struct legend legend = {edge, y, out};
    for (uint32_t k = 0; k < plot->n_curves; k++)
        if (plot->curve[k].name) curve_entry(&legend, &plot->curve[k]);
    if (plot->line) line_entry(&legend, plot->line);
    if (plot->n_stretches) {
        stretch_entry(&legend, plot->fell, true);
        stretch_entry(&legend, plot->rose, false);
    }
    return legend.y;
}

/* ---- axes ---- */

static double widest_tick(const struct axis *axis)
{
    double width = 0;
    for (uint32_t i = 0; i < axis->n; i++) width = fmax(width, label_width(axis->tick[i].text, font));
    return width;
}

static void draw_y_axis(const struct frame *f, struct text *out)
{
    for (uint32_t i = 0; i < f->y.n; i++) {
        const struct tick *tick = &f->y.tick[i];
        double y = place(&f->y, tick->at);
        if (tick->text[0])
            add_line(out, tick->at == 0 && !f->y.log ? "zero" : "grid", f->left, y, f->right, y);
        else
            add_line(out, "axis", f->left, y, f->left + 3, y);
        if (tick->text[0]) add_text(out, f->left - 5, y + 4, "end", tick->text);
    }
    add_line(out, "axis", f->left, f->top, f->left, f->bottom);
}

/* 0 stands apart: the axis is broken behind it. */
static void draw_x_line(const struct frame *f, struct text *out)
{
    double y = f->bottom;
    if (!f->x.has_zero) {
        add_line(out, "axis", f->left, y, f->right, y);
        return;
    }
    double gap = f->left + apart;
    add_line(out, "axis", f->left, y, gap - 2, y);
    add_line(out, "axis", gap - 4, y + 3, gap, y - 3);
    add_line(out, "axis", gap, y + 3, gap + 4, y - 3);
    add_line(out, "axis", gap + 2, y, f->right, y);
}

/* Names that would touch the one before are left out. */
static void draw_x_axis(const struct frame *f, struct text *out)
{
    double free_from = 0;
    draw_x_line(f, out);
    for (uint32_t i = 0; i < f->x.n; i++) {
        const struct tick *tick = &f->x.tick[i];
        double x = place(&f->x, tick->at), half = label_width(tick->text, font) / 2;
        double middle = fmin(x, PLOT_WIDTH - 2 - half);
        bool named = tick->text[0] && middle - half >= free_from;
        add_line(out, "axis", x, f->bottom, x, f->bottom + (named ? 5 : 3));
        if (!named) continue;
        add_text(out, middle, f->bottom + 18, "middle", tick->text);
        free_from = middle + half + 6;
    }
    label_rows(f->plot->x_label, font, PLOT_WIDTH - 2 * edge, out, "middle", PLOT_WIDTH / 2.0, f->bottom + 36);
}

/* ---- curves ---- */

static bool has_point(const struct frame *f, const struct plot_curve *c, uint32_t i)
{
    return is_shown(&f->x, c->x[i]) && is_shown(&f->y, c->y[i]);
}

/* An error's end on the paper: beyond a logarithmic axis it is the axis. */
static double error_end(const struct frame *f, const double *end, const struct plot_curve *c, uint32_t i)
{
    double value = end && isfinite(end[i]) ? end[i] : c->y[i];
    return is_shown(&f->y, value) ? place(&f->y, value) : f->bottom;
}

static bool stands_apart(const struct frame *f, const struct plot_curve *c, uint32_t i)
{
    return f->x.has_zero && c->x[i] == 0;
}

static void draw_bar(const struct frame *f, const struct plot_curve *c, uint32_t i, struct text *out)
{
    double x = place(&f->x, c->x[i]), low = error_end(f, c->low, c, i), high = error_end(f, c->high, c, i);
    text_add(out, "<path class=\"c%u bar\" d=\"M%.1f %.1fh5m-2.5 0V%.1fm-2.5 0h5\"/>\n", c->colour % COLOURS,
             x - 2.5, low, high);
}

/* There along the upper ends, back along the lower ones. */
static void draw_band(const struct frame *f, const struct plot_curve *c, struct text *out)
{
    uint32_t n = 0;
    text_add(out, "<path class=\"f%u band\" d=\"", c->colour % COLOURS);
    for (uint32_t i = 0; i < c->n; i++)
        if (has_point(f, c, i) && !stands_apart(f, c, i))
            text_add(out, "%c%.1f %.1f", n++ ? 'L' : 'M', place(&f->x, c->x[i]), error_end(f, c->high, c, i));
    for (uint32_t i = c->n; i-- > 0;)
        if (has_point(f, c, i) && !stands_apart(f, c, i))
            text_add(out, "L%.1f %.1f", place(&f->x, c->x[i]), error_end(f, c->low, c, i));
    text_add(out, n ? "z" : "M0 0");
    end_path(out);
}

static void draw_errors(const struct frame *f, const struct plot_curve *c, struct text *out)
{
    if (!c->low && !c->high) return;
    if (!c->bars) draw_band(f, c, out);
    for (uint32_t i = 0; i < c->n; i++)
        if (has_point(f, c, i) && (c->bars || stands_apart(f, c, i))) draw_bar(f, c, i, out);
}

static void draw_marks(const struct frame *f, const struct plot_curve *c, struct text *out)
{
    begin_marks(out, c->colour);
    for (uint32_t i = 0; i < c->n; i++)
        if (has_point(f, c, i) && (is_marked(c) || stands_apart(f, c, i)))
            add_mark(out, c->colour, place(&f->x, c->x[i]), place(&f->y, c->y[i]));
    text_add(out, "M0 0");
    end_path(out);
}

static void draw_curve(const struct frame *f, const struct plot_curve *c, struct text *out)
{
    bool joined = false;
    text_add(out, "<path class=\"c%u d%u\" d=\"M0 0", c->colour % COLOURS, c->dash % DASHES);
    for (uint32_t i = 0; i < c->n; i++) {
        if (!has_point(f, c, i)) continue;
        text_add(out, "%c%.1f %.1f", joined ? 'L' : 'M', place(&f->x, c->x[i]), place(&f->y, c->y[i]));
        joined = !stands_apart(f, c, i);
    }
    end_path(out);
    if (is_marked(c) || f->x.has_zero) draw_marks(f, c, out);
}

static void draw_rule(const struct frame *f, struct text *out)
{
    double low = fmax(f->x.low, f->y.low), high = fmin(f->x.high, f->y.high);
    if (f->x.log || f->y.log || low >= high) return;
    add_line(out, "rule", place(&f->x, low), place(&f->y, low), place(&f->x, high), place(&f->y, high));
}

/* What fell lies below the middle of the strip, what rose above it. */
static void draw_stretches(const struct frame *f, double y, struct text *out)
{
    for (uint32_t i = 0; i < f->plot->n_stretches; i++) {
        const struct plot_stretch *s = &f->plot->stretch[i];
        if (!is_shown(&f->x, s->from) || !is_shown(&f->x, s->to)) continue;
        double from = place(&f->x, s->from), to = place(&f->x, s->to);
        const char *class = s->fell ? s->sure ? "f0" : "f0 pale" : s->sure ? "f1" : "f1 pale";
        add_box(out, class, from, y + (s->fell ? 1 : -6), fmax(to - from - 0.5, 0.5), 5);
    }
    add_line(out, "axis", f->left, y + 0.5, f->right, y + 0.5);
}

/* ---- a picture ---- */

/* From the top: the y axis's label, the legend, the strip, the curves, the x axis's names and label. */
static void lay_out(struct frame *f)
{
    const struct plot *plot = f->plot;
    uint32_t rows = label_rows(plot->y_label, font, PLOT_WIDTH - 2 * edge, NULL, "", 0, 0);
    double legend = legend_draw(plot, (rows + 0.5) * row + 5, NULL);
    make_ticks(&f->x, 5);
    make_ticks(&f->y, 5);
    f->left = fmax(widest_tick(&f->y) + 8, 24);
    f->right = PLOT_WIDTH - 10;
    f->top = legend + row + (plot->n_stretches ? strip : 0);
    f->bottom = f->top + area;
    f->height = f->bottom + 26 + row * label_rows(plot->x_label, font, PLOT_WIDTH - 2 * edge, NULL, "", 0, 0);
    f->x.from = f->left;
    f->x.to = f->right;
    f->y.from = f->bottom;
    f->y.to = f->top;
}

void plot_draw(const struct plot *plot, struct text *out)
{
    struct frame f = {.plot = plot};
    range(plot, &f);
    lay_out(&f);
    text_add(out, "<svg class=\"plot\" viewBox=\"0 0 %d %.0f\" role=\"img\" aria-label=\"", PLOT_WIDTH, f.height);
    label_escape(plot->name, out);
    text_add(out, "\">\n");
    uint32_t rows = label_rows(plot->y_label, font, PLOT_WIDTH - 2 * edge, out, "start", edge, row - 3);
    legend_draw(plot, (rows + 0.5) * row + 5, out);
    draw_y_axis(&f, out);
    draw_x_axis(&f, out);
    if (plot->n_stretches) draw_stretches(&f, f.top - strip / 2, out);
    for (uint32_t k = 0; k < plot->n_curves; k++) draw_errors(&f, &plot->curve[k], out);
    if (plot->line) draw_rule(&f, out);
    for (uint32_t k = 0; k < plot->n_curves; k++) draw_curve(&f, &plot->curve[k], out);
    text_add(out, "</svg>\n");
}

bool plot_spans(const double *value, uint32_t n, double ratio)
{
    double low = INFINITY, high = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (!isfinite(value[i])) continue;
        low = fmin(low, value[i]);
        high = fmax(high, value[i]);
    }
    return low > 0 && high >= ratio * low;
}

/* The palette of Okabe and Ito, which the colour-blind tell apart, a shade darker on white and lighter on black. */
static const char *const colours[2][COLOURS] = {
    {"#0072b2", "#c44f00", "#00805d", "#a8497f", "#8a6a00", "#444444"},
    {"#56b4e9", "#ff9248", "#2ec99b", "#e79fc4", "#e8c33c", "#c8c8c8"},
};

static void add_palette(const char *const palette[COLOURS], struct text *out)
{
    for (uint32_t i = 0; i < COLOURS; i++) text_add(out, "--p%u:%s;", i, palette[i]);
}

void plot_style(struct text *out)
{
    static const char *const dash[DASHES] = {"none", "6 3", "2 2.5", "9 3 2 3", "4 2 1 2 1 2", "12 3"};
    text_add(out, ":root{");
    add_palette(colours[0], out);
    text_add(out, "--ink:#222;--grid:#e2e2e2;--axis:#777}\n@media screen and (prefers-color-scheme:dark){:root{");
    add_palette(colours[1], out);
    text_add(out, "--ink:#e6e6e6;--grid:#333a42;--axis:#8b949e}}\n");
    text_add(out,
             ".plot{display:block;width:100%%;height:auto}.plot text{font-size:%gpx;fill:var(--ink)}"
             ".plot .sub{font-size:%gpx}.plot path,.plot line{fill:none;stroke-width:1.6}\n",
             font, 0.75 * font);
    for (uint32_t i = 0; i < COLOURS; i++)
        text_add(out, ".plot .c%u{stroke:var(--p%u)}.plot .f%u{fill:var(--p%u);stroke:none}", i, i, i, i);
    for (uint32_t i = 0; i < DASHES; i++) text_add(out, ".plot .d%u{stroke-dasharray:%s}", i, dash[i]);
    text_add(out, "\n.plot .band{fill-opacity:.2}.plot .pale{fill-opacity:.35}.plot .bar{stroke-width:1}"
                  ".plot .grid{stroke:var(--grid);stroke-width:1}.plot .axis{stroke:var(--axis);stroke-width:1}"
                  ".plot .zero{stroke:var(--axis);stroke-width:.7}"
                  ".plot .rule{stroke:var(--ink);stroke-width:1;stroke-dasharray:3 3}\n");
}
