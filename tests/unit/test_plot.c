/* test_plot.c: labels and curves as SVG: escaped, within their frame, ticks that are round, points that are not there. */
#include "compiler/driver/plot.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "compiler/driver/label.h"

#define UNUSED (void)state

static void assert_label(void (*add)(const char *label, struct text *out), const char *label, const char *expected)
{
    struct text out = {0};
    text_add(&out, "%s", "");
    add(label, &out);
    assert_string_equal(out.data, expected);
    text_fini(&out);
}

static void test_labels(void **state)
{
    UNUSED;
    assert_label(label_escape, "a<b>&\"c'\n\td", "a&lt;b&gt;&amp;&quot;c'\n\td");
    assert_label(label_escape, "\x01\x7f\xff ∇", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD ∇");
    assert_label(label_escape, "", "");
    assert_label(label_html, "H_{min} & C_{0}", "H<sub>min</sub> &amp; C<sub>0</sub>");
    assert_label(label_html, "loss_of_{y", "loss_of_{y");
    assert_label(label_svg, "H_{<}x", "H<tspan class=\"sub\" dy=\"3\">&lt;</tspan><tspan dy=\"-3\">x</tspan>");
    assert_true(label_width("mean loss", 12) > label_width("mean", 12));
    assert_true(label_width("H_{min}", 12) < label_width("Hmin", 12));
}

static void test_rows(void **state)
{
    UNUSED;
    struct text out = {0};
    assert_int_equal(label_rows("", 12, 100, NULL, "start", 0, 0), 0);
    assert_int_equal(label_rows("one", 12, 1, NULL, "start", 0, 0), 1);
    assert_int_equal(label_rows("one two three", 12, 60, &out, "middle", 5, 6), 2);
    assert_non_null(strstr(out.data, "text-anchor=\"middle\">one two</text>"));
    assert_non_null(strstr(out.data, ">three</text>"));
    text_fini(&out);
}

static void assert_number(double value, int power, int decimals, const char *expected)
{
    char text[40];
    label_number(value, power, decimals, text, sizeof text);
    assert_string_equal(text, expected);
}

static void assert_power(int times, int power, const char *expected)
{
    char text[40];
    label_power(times, power, text, sizeof text);
    assert_string_equal(text, expected);
}

static void test_numbers(void **state)
{
    UNUSED;
    assert_number(-1.25, 0, 2, "−1.25");
    assert_number(0, 7, 1, "0");
    assert_number(2.5e7, 7, 1, "2.5·10⁷");
    assert_number(-3e-12, -12, 0, "−3·10⁻¹²");
    assert_power(2, -2, "0.02");
    assert_power(5, 4, "50000");
    assert_power(1, 5, "10⁵");
    assert_power(2, -7, "2·10⁻⁷");
}

/* ---- curves ---- */

enum { N = 6 };
static const double nan_free[N] = {0, 1, 10, 100, 1000, 10000};

static char *drawn(const struct plot *plot)
{
    struct text out = {0};
    plot_draw(plot, &out);
    return out.data;
}

static bool has_text(const char *svg, const char *text)
{
    char element[80];
    snprintf(element, sizeof element, ">%s</text>", text);
    return strstr(svg, element) != NULL;
}

/* Each number behind one of `before` (a letter of a path, an attribute) lies on the paper. */
static void assert_on_paper(const char *svg)
{
    double height = strtod(strstr(svg, "viewBox=\"0 0 340 ") + 17, NULL);
    assert_true(height > 200 && height < 500);
    assert_null(strstr(svg, "nan"));
    assert_null(strstr(svg, "inf"));
    for (const char *at = svg; (at = strpbrk(at, "ML")); at++) {
        char *end;
        double x = strtod(at + 1, &end);
        if (end == at + 1) continue;
        double y = strtod(end, NULL);
        assert_true(x >= 0 && x <= PLOT_WIDTH && y >= 0 && y <= height);
    }
}

static void test_logarithmic(void **state)
{
    UNUSED;
    const double y[N] = {1, 2, NAN, 4, INFINITY, 6}, low[N] = {0, 1, 2, 3, 4, 5}, high[N] = {2, 3, 4, 5, 6, 7};
    const struct plot_curve curve[] = {{"a < b", nan_free, y, low, high, N, 0, 0, false},
                                       {"c", nan_free, high, low, y, N, 1, 1, true}};
    const struct plot_stretch stretch[] = {{0, 1, true, true}, {1, 10000, false, false}};
    const struct plot plot = {.name = "\"x\"",
                              .x_label = "t (steps)",
                              .y_label = "C_{0} (nats)",
                              .x_scale = PLOT_LOG,
                              .curve = curve,
                              .n_curves = 2,
                              .stretch = stretch,
                              .n_stretches = 2,
                              .fell = "fell",
                              .rose = "rose"};
    char *svg = drawn(&plot);
    assert_on_paper(svg);
    assert_non_null(strstr(svg, "aria-label=\"&quot;x&quot;\""));
    for (size_t i = 0; i < 7; i++)
        assert_true(
            has_text(svg, (const char *const[]){"0", "1", "10", "10000", "a &lt; b", "fell", "t (steps)"}[i]));
    /* The point at 0 is not joined to the next. */
    assert_non_null(strstr(svg, "class=\"c0 d0\" d=\"M0 0M"));
    free(svg);
}

static void draw_one(const double *x, const double *y, uint32_t n, enum plot_scale scale)
{
    const struct plot_curve curve = {.name = "y", .x = x, .y = y, .n = n};
    const struct plot plot = {.name = "p",
                              .x_label = "x",
                              .y_label = "y",
                              .x_scale = scale,
                              .y_scale = scale,
                              .curve = &curve,
                              .n_curves = 1,
                              .line = "slope 1"};
    char *svg = drawn(&plot);
    assert_on_paper(svg);
    free(svg);
}

static void test_odd_numbers(void **state)
{
    UNUSED;
    static const double odd[] = {0,      -0.0, 1,        -1,        1e300, -1e308, 1.7e308, 1e-300,
                                 5e-324, NAN,  INFINITY, 1 + 1e-15, 0.1,   1e15,   1e15 + 1};
    for (size_t i = 0; i < LENGTH(odd); i++)
        for (size_t k = 0; k < LENGTH(odd); k++)
            for (size_t l = 0; l < LENGTH(odd); l++) {
                const double x[] = {odd[i], odd[k], odd[l]}, y[] = {odd[l], odd[i], odd[k]};
                draw_one(x, y, 3, PLOT_LINEAR);
                draw_one(x, y, 3, PLOT_LOG);
            }
    draw_one(odd, odd, 0, PLOT_LINEAR);
}

static void test_ticks(void **state)
{
    UNUSED;
    const double y[] = {-0.37, 0.52}, x[] = {0, 1990};
    const struct plot_curve curve = {.name = "y", .x = x, .y = y, .n = 2};
    const struct plot plot = {.name = "p", .x_label = "x", .y_label = "y", .curve = &curve, .n_curves = 1};
    char *svg = drawn(&plot);
    for (size_t i = 0; i < 7; i++)
        assert_true(has_text(svg, (const char *const[]){"−0.4", "−0.2", "0", "0.2", "0.4", "500", "1500"}[i]));
    assert_false(has_text(svg, "−0.0"));
    free(svg);
}

static void test_spans(void **state)
{
    UNUSED;
    assert_true(plot_spans((const double[]){1, NAN, 30}, 3, 30));
    assert_false(plot_spans((const double[]){1, 29}, 2, 30));
    assert_false(plot_spans((const double[]){0, 29}, 2, 1));
    assert_false(plot_spans(NULL, 0, 1));
}

static void test_style(void **state)
{
    UNUSED;
    struct text out = {0};
    plot_style(&out);
    assert_non_null(strstr(out.data, "prefers-color-scheme:dark"));
    assert_null(strstr(out.data, "<"));
    text_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_labels),      cmocka_unit_test(test_rows),  cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_logarithmic), cmocka_unit_test(test_ticks), cmocka_unit_test(test_odd_numbers),
        cmocka_unit_test(test_spans),       cmocka_unit_test(test_style),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
