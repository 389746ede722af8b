/* picture.c: the pictures of a run: which columns of its measurements make one. */
#include "compiler/driver/picture.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/driver/derived.h"
#include "compiler/driver/label.h"
#include "compiler/driver/plot.h"
#include "compiler/driver/quantity.h"

enum {
    MOST_KEYS = 4,     /* quantities of a picture */
    MOST_ALSO = 8,     /* … that stand in its table alone */
    MOST_CURVES = 24,  /* more would tell nobody anything; the rest is in the table */
    MOST_COLUMNS = 96, /* of a table */
    MOST_ROWS = 400    /* of a table, and points of a curve */
};

/* ---- what is drawn ---- */

enum {
    ERRORS_AS_BARS = 1,
    MAY_BE_LOG = 2,  /* y, where its values span a factor of thirty, of quantiles three */
    FIRST_FOUND = 4, /* only the first of its keys that there is */
    IF_IT_MOVES = 8,
    SLOPE_1 = 16,
    SIGNS = 32, /* of second_law.dC */
    QUANTILES = 64
};
struct picture {
    const char *id, *title, *caption;
    const char *x;     /* the key across; NULL: steps */
    const char *needs; /* a key without which there is none; NULL: one of its own */
    unsigned how;
    const char *key[MOST_KEYS], *also[MOST_ALSO];
};

#define BANDS "Bands: ± 2 standard errors over the probe's samples."
static const struct picture pictures[] = {
    {"loss",
     "Losses",
     "Over all training samples since the last measurement, and over all test samples; the bulk loss over the "
     "probe's.",
     NULL,
     NULL,
     MAY_BE_LOG,
     {"loss.boundary", "loss.bulk", "loss.free_energy"},
     {NULL}},
    {"rmse",
     "Error in the data's own units",
     "Root mean squared error of the outputs.",
     NULL,
     NULL,
     MAY_BE_LOG,
     {"rmse"},
     {NULL}},
    {"accuracy", "Accuracy", "The share of samples that are told right.", NULL, NULL, 0, {"accuracy"}, {NULL}},
    {"energy",
     "Energies",
     "The mean bulk loss of the canonical ensemble, the least loss, and the free energy. " BANDS,
     NULL,
     NULL,
     0,
     {"U", "H_min", "F"},
     {"lnZ"}},
    {"entropy",
     "Entropies",
     "The entropy of the neurons' states, and that of as many uncoupled oscillators. " BANDS,
     NULL,
     NULL,
     0,
     {"S", "S_T"},
     {NULL}},
    {"complexity",
     "Complexity",
     "What the couplings add to the entropy: C − C_{0}, or C where C_{0} is not there. Band: ± 2 standard errors "
     "over the probe's samples, those of "
     "C and C_{0} added.",
     NULL,
     NULL,
     FIRST_FOUND,
     {"C - C_0", "C"},
     {"C", "C_0"}},
    {"first_law",
     "First law",
     "The change of the least bulk loss against the heat of the complexity, both since the start. The reduced law "
     "ΔH_{min} = ∫T dC is the line of "
     "slope 1.",
     "sum of first_law.complexity",
     NULL,
     SLOPE_1,
     {"sum of first_law.dH_min"},
     {"first_law.dU", "first_law.heat", "first_law.complexity", "first_law.work", "first_law.residual",
      "first_law.dH_min", "first_law.reduced_ratio", "first_law.T_law"}},
    {"second_law",
     "Second law",
     "The complexity, and above it where it fell and where it rose (pale: by less than two standard errors). Band: "
     "± 2 standard errors over the "
     "probe's samples.",
     NULL,
     "second_law.dC",
     SIGNS | FIRST_FOUND,
     {"C", "sum of second_law.dC"},
     {"second_law.dS", "second_law.dC"}},
    {"laplacian",
     "Efficiency of learning",
     "The Laplacian of the free energy over the trainables q, and its two parts. Bars: ± 2 standard errors over "
     "probes and samples.",
     NULL,
     NULL,
     ERRORS_AS_BARS,
     {"laplacian", "laplacian_H_min", "-T laplacian_C"},
     {"laplacian_C"}},
    {"equilibrium",
     "Distance from equilibrium",
     "Norms of the slopes over the trainables q; 0 in equilibrium.",
     NULL,
     NULL,
     MAY_BE_LOG,
     {"grad_F", "T_grad_C", "defect"},
     {NULL}},
    {"spectrum",
     "Spectrum of A",
     "Quantiles of the eigenvalues of A over the probe's samples; in the table from the least to the largest.",
     NULL,
     NULL,
     MAY_BE_LOG | QUANTILES,
     {"spectrum"},
     {NULL}},
    {"temperature",
     "Temperature",
     "The temperature of the ensemble.",
     NULL,
     NULL,
     MAY_BE_LOG | IF_IT_MOVES,
     {"temperature"},
     {"beta"}},
    {"weights",
     "Weights",
     "The norm of the weights, the trivial explanation to hold complexity against.",
     NULL,
     NULL,
     0,
     {"weight_norm"},
     {NULL}},
};

/* ---- a picture's columns and rows ---- */

struct view {
    const struct series *series;
    const struct picture *picture;
    const struct column *drawn[MOST_CURVES]; /* each a curve */
    uint32_t n_drawn;
    const struct column *told[MOST_COLUMNS]; /* each a column of the table, errors behind their values */
    uint32_t n_told;
    uint32_t row[MOST_ROWS], n_rows, every, of; /* the rows that are shown: every so many of so many */
    double *numbers;                            /* room for the curves' points */
    size_t used;
};

static const struct column *error_of(const struct series *s, const struct column *column)
{
    char key[256];
    snprintf(key, sizeof key, "%s_error", column->key);
    return series_find(s, key, column->test);
}

static bool is_told(const struct view *v, const struct column *column)
{
    for (uint32_t i = 0; i < v->n_told; i++)
        if (v->told[i] == column) return true;
    return false;
}

static void tell(struct view *v, const struct column *column)
{
    if (!column || is_told(v, column) || v->n_told == MOST_COLUMNS) return;
    v->told[v->n_told++] = column;
    tell(v, error_of(v->series, column));
}

/* All the columns of a key, both splits and all groups, drawn or told alone; whether there was one. */
static bool choose(struct view *v, const char *key, bool drawn)
{
    bool found = false;
    for (uint32_t i = 0; key && i < v->series->n_columns; i++) {
        const struct column *column = &v->series->column[i];
        if (!quantity_has(key, column->key)) continue;
        found = true;
        if (drawn && v->n_drawn < MOST_CURVES) v->drawn[v->n_drawn++] = column;
        tell(v, column);
    }
    return found;
}

/* A ledger stands with its probe's split. */
static bool ledger_split(const struct series *s, const char *key)
{
    return !series_find(s, key, false);
}

static void choose_columns(struct view *v)
{
    const struct picture *p = v->picture;
    bool found = false;
    if (p->needs && !series_find(v->series, p->needs, ledger_split(v->series, p->needs))) return;
    if (p->x) choose(v, p->x, false);
    for (uint32_t k = 0; k < MOST_KEYS; k++)
        if (!(p->how & FIRST_FOUND) || !found) found |= choose(v, p->key[k], true);
    for (uint32_t k = 0; k < MOST_ALSO; k++) choose(v, p->also[k], false);
}

static bool has_point(const struct view *v, uint32_t row)
{
    for (uint32_t i = 0; i < v->n_drawn; i++)
        if (!isnan(v->drawn[i]->value[row])) return true;
    return false;
}

/* 1, 2, 5, 10, 20, …: the least that leaves few enough. */
static uint32_t thinning(uint32_t n)
{
    uint32_t every = 1, power = 1;
    while (n / every + 2 > MOST_ROWS) {
        every = every == power ? 2 * power : every == 2 * power ? 5 * power : 10 * power;
        if (every == 10 * power) power = every;
    }
    return every;
}

/* Of the rows that have a point: the first, every so many, the last. */
static void choose_rows(struct view *v)
{
    uint32_t last = 0;
    v->of = 0;
    for (uint32_t i = 0; i < v->series->n; i++)
        if (has_point(v, i)) {
            v->of++;
            last = i;
        }
    v->every = thinning(v->of);
    for (uint32_t i = 0, k = 0; i < v->series->n; i++)
        if (has_point(v, i) && (k++ % v->every == 0 || i == last)) v->row[v->n_rows++] = i;
}

static bool moves(const struct view *v)
{
    const double *value = v->drawn[0]->value;
    for (uint32_t i = 1; i < v->n_rows; i++)
        if (value[v->row[i]] != value[v->row[0]]) return true;
    return false;
}

/* ---- curves ---- */

static double *take_numbers(struct view *v)
{
    double *numbers = v->numbers + v->used;
    v->used += v->n_rows;
    return numbers;
}

/* The column's numbers in the rows shown, `times` an error's away. */
static const double *gather(struct view *v, const double *value, const double *error, double times)
{
    double *out = take_numbers(v);
    for (uint32_t i = 0; i < v->n_rows; i++) out[i] = value[v->row[i]] + (error ? times * error[v->row[i]] : 0);
    return out;
}

/* Of the split that is drawn over it. */
static const double *across(struct view *v, bool test)
{
    const struct column *x = v->picture->x ? series_find(v->series, v->picture->x, test) : NULL;
    return gather(v, x ? x->value : v->series->step, NULL, 0);
}

/* What distinguishes a column from others of its quantity: group and split. */
static const char *curve_name(const struct view *v, const struct column *column)
{
    const struct quantity *q = quantity_find(column->key);
    const char *group = column->key + strlen(q->key);
    bool splits = false;
    for (uint32_t i = 0; i < v->n_drawn; i++) splits |= v->drawn[i]->test != v->drawn[0]->test;
    return arena_printf(v->series->arena, "%s%s%s%s", q->symbol, *group ? " of " : "", *group ? group + 1 : "",
                        !splits        ? ""
                        : column->test ? ", test"
                                       : ", train");
}

static uint32_t colour_of(const struct view *v, uint32_t curve)
{
    uint32_t colour = 0;
    for (uint32_t i = 1; i <= curve; i++) {
        bool seen = false;
        for (uint32_t k = 0; k < i; k++) seen |= !strcmp(v->drawn[k]->key, v->drawn[i]->key);
        colour += !seen;
    }
    return colour;
}

static struct plot_curve make_curve(struct view *v, uint32_t i)
{
    const struct column *column = v->drawn[i], *error = error_of(v->series, column);
    struct plot_curve curve = {
        .name = curve_name(v, column), .x = across(v, column->test), .n = v->n_rows, .colour = colour_of(v, i)};
    curve.dash = i;
    curve.bars = v->picture->how & ERRORS_AS_BARS;
    curve.y = gather(v, column->value, NULL, 0);
    if (error) curve.low = gather(v, column->value, error->value, -2);
    if (error) curve.high = gather(v, column->value, error->value, 2);
    return curve;
}

/* Names of quantiles by their distance from the median, in lists of 7 and of 11; any others are numbered. */
static const char *quantile_name(const struct view *v, uint32_t distance)
{
    static const char *const seven[] = {"median", "25 % and 75 %", "5 % and 95 %", "least and largest"};
    static const char *const eleven[] = {"median",       "25 % and 75 %", "10 % and 90 %",
                                         "5 % and 95 %", "1 % and 99 %",  "least and largest"};
    if (v->n_drawn == 7) return seven[distance];
    if (v->n_drawn == 11) return eleven[distance];
    return distance ? arena_printf(v->series->arena, "%u from the middle", distance) : "middle";
}

/* Those as far from the median look alike, and one entry of the legend names both. */
static void pair_quantiles(const struct view *v, struct plot_curve *curve)
{
    uint32_t middle = v->n_drawn / 2;
    for (uint32_t i = 0; i < v->n_drawn; i++) {
        uint32_t distance = i < middle ? middle - i : i - middle;
        curve[i].colour = curve[i].dash = distance;
        curve[i].name = i <= middle ? quantile_name(v, distance) : NULL;
    }
}

/* ---- the strip of signs ---- */

/* A stretch between two rows that are shown: the sum of its changes, and of their errors, which is the most that the sum's can be. */
static uint32_t make_stretches(struct view *v, struct plot_stretch *out)
{
    bool test = ledger_split(v->series, "second_law.dC");
    const double *dC = series_find(v->series, "second_law.dC", test)->value;
    const struct column *error = series_find(v->series, "second_law.dC_error", test);
    for (uint32_t k = 1; k < v->n_rows; k++) {
        double sum = 0, most = 0;
        for (uint32_t i = v->row[k - 1] + 1; i <= v->row[k]; i++) {
            if (isnan(dC[i])) continue;
            sum += dC[i];
            most += error && !isnan(error->value[i]) ? error->value[i] : 0;
        }
        out[k - 1] = (struct plot_stretch){v->series->step[v->row[k - 1]], v->series->step[v->row[k]], sum <= 0,
                                           fabs(sum) > 2 * most};
    }
    return v->n_rows - 1;
}

/* ---- axes ---- */

/* Measured at distances that grow: the middle one stands in the first quarter. */
static enum plot_scale step_scale(const struct view *v)
{
    const double *step = v->series->step;
    double middle = step[v->row[v->n_rows / 2]], last = step[v->row[v->n_rows - 1]];
    return v->n_rows >= 5 && middle > 0 && middle < last / 4 ? PLOT_LOG : PLOT_LINEAR;
}

static enum plot_scale value_scale(const struct view *v, const struct plot_curve *curve)
{
    if (!(v->picture->how & MAY_BE_LOG)) return PLOT_LINEAR;
    bool spans = false;
    double ratio = v->picture->how & QUANTILES ? 3 : 30;
    for (uint32_t i = 0; i < v->n_drawn; i++) {
        if (!plot_spans(curve[i].y, curve[i].n, 1)) return PLOT_LINEAR;
        spans |= plot_spans(curve[i].y, curve[i].n, ratio);
        for (uint32_t k = 0; k < i; k++) {
            const double ends[] = {curve[i].y[curve[i].n - 1], curve[k].y[curve[k].n - 1]};
            spans |= plot_spans(ends, 2, ratio);
        }
    }
    return spans ? PLOT_LOG : PLOT_LINEAR;
}

static void add_quantity(const struct quantity *q, bool first, struct text *out)
{
    text_add(out, "%s%s%s%s", first ? "" : "; ", q->symbol, strcmp(q->symbol, q->name) ? ", " : "",
             strcmp(q->symbol, q->name) ? q->name : "");
}

/* Symbol and name of each quantity, the unit that they share. */
static const char *value_label(const struct view *v)
{
    struct text label = {0};
    const struct quantity *before = NULL, *q = NULL;
    for (uint32_t i = 0; i < v->n_drawn; i++, before = q) {
        q = quantity_find(v->drawn[i]->key);
        if (q != before) add_quantity(q, i == 0, &label);
    }
    text_add(&label, " (%s)", q->unit);
    const char *kept = arena_text(v->series->arena, label.data, label.length);
    text_fini(&label);
    return kept;
}

static const char *across_label(const struct view *v)
{
    const struct quantity *q = v->picture->x ? quantity_find(v->picture->x) : NULL;
    return q ? arena_printf(v->series->arena, "%s, %s (%s)", q->symbol, q->name, q->unit) : "t, training (steps)";
}

static void draw(struct view *v, struct text *out)
{
    struct plot_curve curve[MOST_CURVES];
    struct plot_stretch stretch[MOST_ROWS];
    const struct picture *p = v->picture;
    size_t bytes = (size_t)v->n_rows * 4 * MOST_CURVES * sizeof(double);
    v->numbers = arena_alloc(v->series->arena, bytes);
    for (uint32_t i = 0; i < v->n_drawn; i++) curve[i] = make_curve(v, i);
    if (p->how & QUANTILES) pair_quantiles(v, curve);
    struct plot plot = {.name = p->title, .x_label = across_label(v), .y_label = value_label(v), .curve = curve};
    plot.n_curves = v->n_drawn;
    plot.x_scale = p->x ? PLOT_LINEAR : step_scale(v);
    plot.y_scale = value_scale(v, curve);
    plot.line = p->how & SLOPE_1 ? "slope 1" : NULL;
    plot.stretch = stretch;
    plot.n_stretches = p->how & SIGNS ? make_stretches(v, stretch) : 0;
    plot.fell = "ΔC ≤ 0";
    plot.rose = "ΔC > 0";
    plot_draw(&plot, out);
}

/* ---- the table ---- */

static void add_heading(const struct column *column, struct text *out)
{
    text_add(out, "<th scope=\"col\"%s>", column->computed ? " class=\"computed\"" : "");
    label_escape(column->key, out);
    text_add(out, "%s</th>", column->test ? "<br/>test" : "");
}

static void add_cell(double value, bool computed, struct text *out)
{
    char number[32] = "";
    if (!isnan(value)) text_number(value, number);
    text_add(out, "<td%s>%s</td>", computed ? " class=\"computed\"" : "", number);
}

static void add_row(const struct view *v, uint32_t row, struct text *out)
{
    text_add(out, "<tr>");
    add_cell(v->series->step[row], false, out);
    for (uint32_t i = 0; i < v->n_told; i++) add_cell(v->told[i]->value[row], v->told[i]->computed, out);
    text_add(out, "</tr>\n");
}

static bool any_computed(const struct view *v)
{
    for (uint32_t i = 0; i < v->n_told; i++)
        if (v->told[i]->computed) return true;
    return false;
}

static void add_table(const struct view *v, struct text *out)
{
    text_add(out, "<details><summary>the numbers: %u rows</summary>\n", v->n_rows);
    if (v->every > 1)
        text_add(out, "<p>One in %u of %u measurements, and the last; all of them are in metrics.jsonl.</p>\n",
                 v->every, v->of);
    if (any_computed(v)) text_add(out, "<p>Columns in italics are computed from those of metrics.jsonl.</p>\n");
    text_add(out, "<div class=\"scroll\" tabindex=\"0\"><table>\n<thead><tr><th scope=\"col\">step</th>");
    for (uint32_t i = 0; i < v->n_told; i++) add_heading(v->told[i], out);
    text_add(out, "</tr></thead>\n<tbody>\n");
    for (uint32_t i = 0; i < v->n_rows; i++) add_row(v, v->row[i], out);
    text_add(out, "</tbody></table></div></details>\n");
}

/* ---- all of them ---- */

static void add_caption(const struct view *v, struct text *out)
{
    text_add(out, "<p>");
    label_html(v->picture->caption, out);
    const struct series *s = v->series;
    if (v->picture->how & SLOPE_1) derive_first_law(s, ledger_split(s, "first_law.dH_min"), out);
    if (v->picture->how & SIGNS) derive_second_law(s, ledger_split(s, "second_law.dC"), out);
    text_add(out, "</p>\n");
}

static bool add_picture(struct view *v, struct text *out)
{
    choose_columns(v);
    if (!v->n_drawn) return false;
    choose_rows(v);
    if (v->n_rows < 2 || (v->picture->how & IF_IT_MOVES && !moves(v))) return false;
    text_add(out, "<figure id=\"%s\">\n<figcaption><h2>%s</h2></figcaption>\n", v->picture->id, v->picture->title);
    draw(v, out);
    add_caption(v, out);
    add_table(v, out);
    text_add(out, "</figure>\n");
    return true;
}

uint32_t pictures_add(const struct series *series, struct text *out)
{
    uint32_t n = 0;
    for (size_t i = 0; i < LENGTH(pictures); i++)
        n += add_picture(&(struct view){.series = series, .picture = &pictures[i]}, out);
    return n;
}
