/* report.c: a run folder as one page of pictures with their numbers. */
#include "compiler/driver/report.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/driver/derived.h"
#include "compiler/driver/label.h"
#include "compiler/driver/picture.h"
#include "compiler/driver/plot.h"
#include "compiler/driver/quantity.h"
#include "runtime/base/file.h"

enum { MOST_MANIFEST_BYTES = 64 << 20 };
static const struct span nowhere = {0};

struct page {
    json_t *run; /* run.json; NULL where it cannot be read */
    struct series series;
    struct text out;
};

/* clang-format off */
static const char style[] =
    ":root{--paper:#fff;--card:#fff;--line:#d5d5d5;--faint:#5f5f5f;color-scheme:light}\n"
    "@media screen and (prefers-color-scheme:dark){:root{--paper:#14181d;--card:#1b2027;--line:#343b44;--faint:#a3abb5;color-scheme:dark}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0 auto;padding:1rem;max-width:80rem;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,-apple-system,\"Segoe UI\",Roboto,\"Helvetica Neue\",Arial,sans-serif;overflow-wrap:anywhere}\n"
    "h1{font-size:1.6rem;line-height:1.2;margin:.3rem 0 1rem}\n"
    "h2{font-size:1.05rem;margin:0 0 .4rem}\n"
    "p{margin:.4rem 0}\n"
    "dl{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:.15rem 1rem;margin:0 0 1rem}\n"
    "dt{color:var(--faint)}\n"
    "dd{margin:0}\n"
    "code,pre{font:13px/1.45 ui-monospace,SFMono-Regular,Menlo,Consolas,\"DejaVu Sans Mono\",monospace}\n"
    "main{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(22rem,100%),1fr));gap:1rem;margin:1rem 0;align-items:start}\n"
    "figure,section{margin:0;padding:.8rem;border:1px solid var(--line);border-radius:8px;background:var(--card);min-width:0}\n"
    "section{margin:1rem 0}\n"
    "figure p,footer,.note{color:var(--faint);font-size:13px}\n"
    ".scroll,.wide{overflow:auto;margin:.4rem 0}\n"
    ".scroll{max-height:24rem}\n"
    ".scroll :is(td,th):first-child{position:sticky;left:0;background:var(--card)}\n"
    ".scroll thead th:first-child{z-index:1}\n"
    "summary{cursor:pointer}\n"
    "table{border-collapse:collapse;font-size:13px;font-variant-numeric:tabular-nums}\n"
    "th,td{padding:.15rem .5rem;text-align:right;white-space:nowrap;border-bottom:1px solid var(--line)}\n"
    "thead th{position:sticky;top:0;background:var(--card);vertical-align:bottom;font-weight:600}\n"
    "th:first-child,.text{text-align:left}\n"
    "td.text{color:var(--faint);white-space:normal;overflow-wrap:normal;min-width:16rem}\n"
    "tbody th{font-weight:400}\n"
    ".computed{font-style:italic}\n"
    "pre{margin:.4rem 0;overflow:auto;max-height:40rem}\n"
    "sub{line-height:1}\n"
    "@media (max-width:45rem){.wide{max-height:24rem}}\n"
    "@media print{\n"
    "@page{margin:12mm}\n"
    "body{padding:0;max-width:none;font-size:11px}\n"
    "main{grid-template-columns:1fr 1fr;gap:.5rem}\n"
    "figure,section{padding:.4rem .6rem}\n"
    "figure{break-inside:avoid}\n"
    "figure p,table{font-size:9px}\n"
    "h2{font-size:1.1em;margin:0}\n"
    "th,td{padding:.05rem .4rem}\n"
    "figure details{display:none}\n"
    ".scroll,.wide,pre{overflow:visible;max-height:none}\n"
    "pre{white-space:pre-wrap}\n"
    "thead th{position:static}\n"
    "}\n";
/* clang-format on */

/* ---- run.json ---- */

/* A run whose run.json is not there, or none, is drawn nevertheless: `aside` takes those messages. false where the machine failed. */
static bool read_manifest(struct diag *diag, const char *folder, json_t **out_run)
{
    size_t length;
    struct diag *aside = diag_aside(diag);
    char *path = file_join(folder, "run.json");
    char *text = file_read(aside, nowhere, path, MOST_MANIFEST_BYTES, &length);
    bool good = diag_status(aside) != 2;
    if (!good) diag_machine(diag, nowhere, "unreadable", "%s", diag_first_error(aside));
    *out_run = text ? json_loadb(text, length, 0, NULL) : NULL;
    free(path);
    free(text);
    diag_free(aside);
    return good;
}

static const char *string_of(const struct page *page, const char *key)
{
    return json_string_value(json_object_get(page->run, key));
}

/* ---- the head ---- */

static void add_fact(struct page *page, const char *name, const char *value, bool code)
{
    if (!value) return;
    text_add(&page->out, "<dt>%s</dt><dd>%s", name, code ? "<code>" : "");
    label_escape(value, &page->out);
    text_add(&page->out, "%s</dd>\n", code ? "</code>" : "");
}

static void add_number(struct page *page, const char *name, const char *key)
{
    const json_t *value = json_object_get(page->run, key);
    if (json_is_integer(value))
        text_add(&page->out, "<dt>%s</dt><dd>%" JSON_INTEGER_FORMAT "</dd>\n", name, json_integer_value(value));
}

static void add_settings(struct page *page)
{
    const char *name;
    json_t *value, *settings = json_object_get(page->run, "settings");
    struct text list = {0};
    json_object_foreach(settings, name, value) text_add(&list, "%s%s=%s", list.length ? "  " : "", name,
                                                        json_string_value(value) ? json_string_value(value) : "");
    if (list.length) add_fact(page, "settings", list.data, true);
    text_fini(&list);
}

/* Where training stood at the last measurement. */
static void add_progress(struct page *page)
{
    const struct series *s = &page->series;
    char step[32];
    if (!s->n) return;
    text_number(s->step[s->n - 1], step);
    text_add(&page->out, "<dt>measured</dt><dd>%u %s, the last at step %s (epoch %.6g)</dd>\n", s->n,
             s->n == 1 ? "time" : "times", step, s->epoch[s->n - 1]);
}

static void add_head(struct page *page)
{
    const char *name = string_of(page, "network");
    text_add(&page->out, "<header><h1>");
    label_escape(name ? name : "a run", &page->out);
    text_add(&page->out, "</h1>\n<dl>\n");
    add_fact(page, "begun", string_of(page, "began"), false);
    add_fact(page, "command", string_of(page, "command"), true);
    add_fact(page, "file", string_of(page, "file"), true);
    add_settings(page);
    add_fact(page, "data", string_of(page, "data"), true);
    add_number(page, "seed", "seed");
    add_number(page, "trainables P", "parameters");
    add_fact(page, "precision", string_of(page, "precision"), false);
    add_fact(page, "engine", string_of(page, "engine"), false);
    add_fact(page, "machine", json_string_value(json_object_get(json_object_get(page->run, "machine"), "cpu")),
             false);
    add_progress(page);
    text_add(&page->out, "</dl></header>\n");
}

/* ---- the last values ---- */

static bool is_error(const char *key)
{
    size_t n = strlen(key);
    return n > 6 && !strcmp(key + n - 6, "_error");
}

/* The columns of the table: a split's values, or its standard errors; those with nothing in them are left out. */
enum { TRAIN, TRAIN_ERROR, TEST, TEST_ERROR, LAST_COLUMNS };
static const char *const last_title[LAST_COLUMNS] = {"train", "standard error", "test", "standard error"};

static bool is_last(const struct column *column, uint32_t kind)
{
    return !column->computed && column->test == (kind >= TEST) && is_error(column->key) == (kind % 2 == 1);
}

static bool has_last(const struct page *page, uint32_t kind)
{
    for (uint32_t i = 0; i < page->series.n_columns; i++)
        if (is_last(&page->series.column[i], kind)) return true;
    return false;
}

static void add_last(struct page *page, const char *key, uint32_t kind)
{
    char error[256], number[32] = "";
    snprintf(error, sizeof error, "%s_error", key);
    const struct column *column = series_find(&page->series, kind % 2 ? error : key, kind >= TEST);
    int64_t last = column ? series_last(&page->series, column) : -1;
    if (last >= 0) text_number(column->value[last], number);
    text_add(&page->out, "<td>%s</td>", number);
}

static void add_meaning(const struct quantity *q, struct text *out)
{
    text_add(out, "<td class=\"text\">");
    if (q) {
        label_html(q->symbol, out);
        text_add(out, ", %s (%s)", q->name, q->unit);
    }
    text_add(out, "</td>");
}

static void add_last_row(struct page *page, const char *key)
{
    text_add(&page->out, "<tr><th scope=\"row\">");
    label_escape(key, &page->out);
    text_add(&page->out, "</th>");
    for (uint32_t kind = 0; kind < LAST_COLUMNS; kind++)
        if (has_last(page, kind)) add_last(page, key, kind);
    add_meaning(quantity_find(key), &page->out);
    text_add(&page->out, "</tr>\n");
}

/* A key of both splits stands once, where it came first. */
static bool came_before(const struct series *s, uint32_t column)
{
    for (uint32_t i = 0; i < column; i++)
        if (!strcmp(s->column[i].key, s->column[column].key)) return true;
    return false;
}

static void add_last_values(struct page *page)
{
    const struct series *s = &page->series;
    if (!s->n_columns) {
        text_add(&page->out, "<section><p>Nothing was measured.</p></section>\n");
        return;
    }
    text_add(&page->out, "<section id=\"last\"><h2>Last values</h2>\n<div class=\"wide\" tabindex=\"0\"><table>\n"
                         "<thead><tr><th scope=\"col\">key</th>");
    for (uint32_t kind = 0; kind < LAST_COLUMNS; kind++)
        if (has_last(page, kind)) text_add(&page->out, "<th scope=\"col\">%s</th>", last_title[kind]);
    text_add(&page->out, "<th scope=\"col\" class=\"text\">what it is</th></tr></thead>\n<tbody>\n");
    for (uint32_t i = 0; i < s->n_columns; i++)
        if (!s->column[i].computed && !is_error(s->column[i].key) && !came_before(s, i))
            add_last_row(page, s->column[i].key);
    text_add(&page->out, "</tbody></table></div></section>\n");
}

/* ---- the page ---- */

static void add_text(struct page *page, const char *title, const char *text)
{
    if (!text) return;
    text_add(&page->out, "<section><details><summary>%s</summary>\n<pre tabindex=\"0\">", title);
    label_escape(text, &page->out);
    text_add(&page->out, "</pre></details></section>\n");
}

static void add_pictures(struct page *page)
{
    struct text figures = {0};
    uint32_t n = pictures_add(&page->series, &figures);
    if (n)
        text_add(&page->out, "<main>\n%s</main>\n", figures.data);
    else
        text_add(&page->out,
                 "<p class=\"note\">A picture needs two measurements of what it shows: there is none.</p>\n");
    text_fini(&figures);
}

static void begin_page(struct page *page)
{
    const char *name = string_of(page, "network");
    text_add(&page->out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
                         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n<title>");
    label_escape(name ? name : "a run", &page->out);
    text_add(&page->out, ": a run of nnt</title>\n<style>\n");
    plot_style(&page->out);
    text_add(&page->out, "%s</style>\n</head>\n<body>\n", style);
}

static void end_page(struct page *page)
{
    const char *version = string_of(page, "nnt");
    text_add(&page->out, "<footer>");
    if (version) text_add(&page->out, "nnt ");
    if (version) label_escape(version, &page->out);
    text_add(&page->out, "%sNumbers are those of metrics.jsonl, digit by digit.</footer>\n</body>\n</html>\n",
             version ? ". " : "");
}

static void make_page(struct page *page)
{
    derive_columns(&page->series);
    begin_page(page);
    add_head(page);
    add_pictures(page);
    add_last_values(page);
    add_text(page, "The network as a septuple (x, P<sub>in</sub>, P<sub>out</sub>, w, b, f, H)",
             string_of(page, "septuple"));
    add_text(page, "The .nnt file as it was run", string_of(page, "source"));
    end_page(page);
}

bool report_write(struct diag *diag, struct arena *arena, const char *folder)
{
    struct page page = {0};
    if (!series_read(diag, arena, folder, &page.series) || !read_manifest(diag, folder, &page.run)) return false;
    make_page(&page);
    char *path = file_join(folder, "report.html");
    bool written = file_write(diag, nowhere, path, page.out.data, page.out.length);
    free(path);
    json_decref(page.run);
    text_fini(&page.out);
    return written;
}
