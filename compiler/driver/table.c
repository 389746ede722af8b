/* table.c: moments as a table: one row a step, values with their errors in concise notation. */
#include "compiler/driver/table.h"

#include <math.h>
#include <string.h>

/* Characters of a column at least: of a number, and of one with its error. */
enum { NUMBER = 10, WITH_ERROR = 12 };

static bool ends_in(const char *text, const char *tail)
{
    size_t n = strlen(text), m = strlen(tail);
    return n > m && !strcmp(text + n - m, tail);
}

/* Keys that a person reads elsewhere: an error stands behind its value, beta is 1 / temperature. */
static bool is_column(const char *key)
{
    return !ends_in(key, "_error") && strcmp(key, "beta") && strcmp(key, "samples_per_second");
}

/* Shorter than keys, so that more columns fit. */
static const struct {
    const char *key, *title;
} titles[] = {
    {"loss.boundary", "loss"},
    {"loss.free_energy", "trained F"},
    {"temperature", "T"},
    {"dynamics.ticks", "ticks"},
    {"dynamics.contraction", "contraction"},
    {"dynamics.error", "settle error"},
    {"dynamics.unconverged", "unsettled"},
    {"relaxation.steps", "relax steps"},
    {"relaxation.unconverged", "unrelaxed"},
    {"grad_F", "|grad F|"},
    {"T_grad_C", "T|grad C|"},
    {"first_law.dU", "dU"},
    {"first_law.heat", "T dS_T"},
    {"first_law.complexity", "T dC"},
    {"first_law.work", "W"},
    {"first_law.residual", "residual"},
    {"first_law.dH_min", "dH_min"},
    {"first_law.reduced_ratio", "ratio"},
    {"first_law.T_law", "T_law"},
    {"second_law.dS", "dS"},
    {"second_law.dC", "dC"},
    {"laplacian", "lap F"},
    {"laplacian_H_min", "lap H_min"},
    {"laplacian_C", "lap C"},
};

/* Of a list the first and the last number are columns: of the spectrum the least and the largest. */
static void print_name(const char *key, uint32_t place, bool test, char *out, size_t size)
{
    if (place) {
        snprintf(out, size, "%s%s %s", test ? "test " : "", strcmp(key, "spectrum") ? key : "A",
                 place == 1 ? "least" : "largest");
        return;
    }
    const char *name = key, *dot = strncmp(key, "loss.boundary.", 14) ? "" : "loss.";
    for (size_t i = 0; i < LENGTH(titles); i++)
        if (!strcmp(key, titles[i].key)) name = titles[i].title;
    snprintf(out, size, "%s%s%s", test ? "test " : "", dot, *dot ? key + 14 : name);
}

static const struct reading *find(const struct moment *moment, const char *key, uint32_t place)
{
    for (uint32_t i = 0; i < moment->n; i++)
        if (moment->reading[i].place == place && !strcmp(moment->reading[i].key, key)) return &moment->reading[i];
    return NULL;
}

/* 12.34(56): as many decimals as the error's second digit has; where that is too long for a column, the value alone. */
static void print_with_error(char *out, size_t size, double value, double error)
{
    int decimals = error > 0 && isfinite(error) ? 1 - (int)floor(log10(error)) : -1;
    if (decimals < 0 || decimals > 9) {
        snprintf(out, size, "%.5g", value);
        return;
    }
    int length = snprintf(out, size, "%.*f(%.0f)", decimals, value, error * pow(10, decimals));
    if (length > WITH_ERROR) snprintf(out, size, "%.5g", value);
}

/* The reading of a key's standard error, or NULL. */
static const struct reading *find_error(const struct moment *moment, const char *key)
{
    char error_key[READING_KEY + 8];
    snprintf(error_key, sizeof error_key, "%s_error", key);
    return find(moment, error_key, 0);
}

static void print_cell(const struct moment *moment, const char *key, uint32_t place, char *out, size_t size)
{
    const struct reading *value = find(moment, key, place), *error = find_error(moment, key);
    if (!value)
        snprintf(out, size, "-");
    else if (error)
        print_with_error(out, size, value->value, error->value);
    else if (!strncmp(key, "accuracy", 8))
        snprintf(out, size, "%.2f %%", 100 * value->value);
    else if (snprintf(out, size, "%.5g", value->value) > NUMBER)
        snprintf(out, size, "%.4g", value->value);
}

/* ---- which columns ---- */

static bool has_column(const struct table *table, const struct reading *reading, bool test)
{
    for (uint32_t i = 0; i < table->n; i++)
        if (table->column[i].test == test && table->column[i].place == reading->place &&
            !strcmp(table->column[i].key, reading->key))
            return true;
    return false;
}

static bool add_column(struct table *table, const struct moment *moment, const struct reading *reading)
{
    const char *key = reading->key;
    bool test = moment->test, inside = reading->place > 1 && reading->place < reading->of;
    if (!is_column(key) || inside || table->n == TABLE_COLUMNS || has_column(table, reading, test)) return false;
    struct table_column *column = &table->column[table->n++];
    *column = (struct table_column){
        .test = test, .place = reading->place, .width = find_error(moment, key) ? WITH_ERROR : NUMBER};
    snprintf(column->key, sizeof column->key, "%s", key);
    print_name(key, column->place, test, column->title, sizeof column->title);
    int width = (int)strlen(column->title);
    if (width > column->width) column->width = width;
    return true;
}

static const struct moment *of_split(const struct moment *moment, uint32_t n, bool test)
{
    for (uint32_t i = 0; i < n; i++)
        if (moment[i].test == test) return &moment[i];
    return NULL;
}

/* The training split's columns, each with the test split's beside it; whether there were any new ones. */
static bool add_columns(struct table *table, const struct moment *moment, uint32_t n)
{
    bool added = false;
    for (uint32_t k = 0; k < n; k++)
        for (uint32_t i = 0; i < moment[k].n; i++) {
            const struct reading *reading = &moment[k].reading[i];
            added |= add_column(table, &moment[k], reading);
            if (k + 1 < n && find(&moment[k + 1], reading->key, reading->place))
                added |= add_column(table, &moment[k + 1], reading);
        }
    return added;
}

static int width_of(const struct table *table)
{
    int width = 16;
    for (uint32_t i = 0; i < table->n; i++) width += table->column[i].hidden ? 0 : 1 + table->column[i].width;
    return width;
}

/* What can be spared first, then from the right; what ends in a point stands for all keys that begin so. */
static const char *const spared[] = {
    "relaxation.unconverged",
    "dynamics.unconverged",
    "dynamics.error",
    "first_law.residual",
    "spectrum",
    "S_T",
    "first_law.heat",
    "temperature",
    "C_0",
    "lnZ",
    "T_grad_C",
    "laplacian_H_min",
    "laplacian_C",
    "first_law.dU",
    "first_law.T_law",
    "first_law.work",
    "dynamics.contraction",
    "relaxation.steps",
    "dynamics.ticks",
    "loss.boundary.",
    "accuracy.",
    "loss.bulk",
    "second_law.dS",
    "H_min",
    "U",
    "F",
    "S",
    "defect",
    "grad_F",
    "first_law.dH_min",
    "first_law.complexity",
    "first_law.reduced_ratio",
};

static bool fits_word(const char *key, const char *word)
{
    size_t n = strlen(word);
    return word[n - 1] == '.' ? !strncmp(key, word, n) : !strcmp(key, word);
}

static void hide_one(struct table *table)
{
    for (size_t k = 0; k < LENGTH(spared); k++)
        for (uint32_t i = 0; i < table->n; i++)
            if (!table->column[i].hidden && fits_word(table->column[i].key, spared[k])) {
                table->column[i].hidden = true;
                return;
            }
    for (uint32_t i = table->n; i-- > 0;)
        if (!table->column[i].hidden) {
            table->column[i].hidden = true;
            return;
        }
}

static void fit(struct table *table)
{
    for (uint32_t i = 0; i < table->n; i++) table->column[i].hidden = false;
    for (uint32_t i = 0; table->width && width_of(table) > table->width && i < table->n; i++) hide_one(table);
}

/* ---- lines ---- */

/* By their keys, in lines of the table's width. */
static void print_hidden(const struct table *table, FILE *to)
{
    int at = fprintf(to, "  not shown here, in metrics.jsonl:");
    for (uint32_t i = 0; i < table->n; i++) {
        const struct table_column *column = &table->column[i];
        if (!column->hidden || column->place > 1) continue;
        int length = 1 + (column->test ? 5 : 0) + (int)strlen(column->key);
        if (at + length > table->width) at = fprintf(to, "\n   ") - 1;
        fprintf(to, " %s%s", column->test ? "test " : "", column->key);
        at += length;
    }
    fputc('\n', to);
}

static void print_header(const struct table *table, FILE *to)
{
    uint32_t hidden = 0;
    fprintf(to, "%8s %7s", "step", "epoch");
    for (uint32_t i = 0; i < table->n; i++) {
        hidden += table->column[i].hidden;
        if (!table->column[i].hidden) fprintf(to, " %*s", table->column[i].width, table->column[i].title);
    }
    fputc('\n', to);
    if (hidden) print_hidden(table, to);
}

void table_skip(struct table *table, FILE *to)
{
    if (!table->skipped) fputs("  rows are left out here; all are in metrics.jsonl\n", to);
    table->skipped = true;
}

void table_row(struct table *table, FILE *to, const struct moment *moment, uint32_t n)
{
    if (add_columns(table, moment, n)) {
        fit(table);
        print_header(table, to);
    }
    fprintf(to, moment[0].epoch < 1000 ? "%8llu %7.4g" : "%8llu %7.0f", (unsigned long long)moment[0].step,
            moment[0].epoch);
    for (uint32_t i = 0; i < table->n; i++) {
        const struct table_column *column = &table->column[i];
        char cell[64] = "-";
        if (column->hidden) continue;
        const struct moment *from = of_split(moment, n, column->test);
        if (from) print_cell(from, column->key, column->place, cell, sizeof cell);
        fprintf(to, " %*s", column->width, cell);
    }
    fputc('\n', to);
    fflush(to);
}
