/* table.c: moments as a table: one row a step, values with their errors in concise notation. */
#include "compiler/driver/table.h"

#include <math.h>
#include <string.h>

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

static const char *title(const char *key)
{
    if (!strcmp(key, "loss.boundary")) return "loss";
    if (!strcmp(key, "temperature")) return "T";
    return strncmp(key, "loss.boundary.", 14) ? key : key + 5;
}

static const struct reading *find(const struct moment *moment, const char *key)
{
    for (uint32_t i = 0; i < moment->n; i++)
        if (!strcmp(moment->reading[i].key, key)) return &moment->reading[i];
    return NULL;
}

/* 12.34(5): as many decimals as the error's second digit has. */
static void print_with_error(char *out, size_t size, double value, double error)
{
    int decimals = error > 0 && isfinite(error) ? 1 - (int)floor(log10(error)) : -1;
    if (decimals < 0 || decimals > 9) {
        snprintf(out, size, "%.5g", value);
        return;
    }
    snprintf(out, size, "%.*f(%.0f)", decimals, value, error * pow(10, decimals));
}

static void print_cell(const struct moment *moment, const char *key, char *out, size_t size)
{
    char error_key[96];
    const struct reading *value = find(moment, key);
    snprintf(error_key, sizeof error_key, "%s_error", key);
    const struct reading *error = find(moment, error_key);
    if (!value) snprintf(out, size, "-");
    else if (error) print_with_error(out, size, value->value, error->value);
    else if (!strncmp(key, "accuracy", 8)) snprintf(out, size, "%.2f %%", 100 * value->value);
    else snprintf(out, size, "%.5g", value->value);
}

static void add_column(struct table *table, const char *key, bool test)
{
    if (!is_column(key) || table->n == TABLE_COLUMNS) return;
    int width = (int)strlen(title(key)) + (test ? 5 : 0);
    table->column[table->n++] = (struct table_column){key, test, width < 11 ? 11 : width};
}

/* The training split's columns, each with the test split's beside it. */
static struct table columns_of(const struct moment *moment, uint32_t n)
{
    struct table table = {0};
    for (uint32_t i = 0; i < moment[0].n; i++) {
        add_column(&table, moment[0].reading[i].key, false);
        if (n > 1 && find(&moment[1], moment[0].reading[i].key)) add_column(&table, moment[0].reading[i].key, true);
    }
    for (uint32_t i = 0; n > 1 && i < moment[1].n; i++)
        if (!find(&moment[0], moment[1].reading[i].key)) add_column(&table, moment[1].reading[i].key, true);
    return table;
}

static bool same_columns(const struct table *a, const struct table *b)
{
    bool same = a->n == b->n;
    for (uint32_t i = 0; same && i < a->n; i++)
        same = !strcmp(a->column[i].key, b->column[i].key) && a->column[i].test == b->column[i].test;
    return same;
}

void table_row(struct table *table, FILE *to, const struct moment *moment, uint32_t n)
{
    struct table now = columns_of(moment, n);
    if (!same_columns(&now, table)) {
        fprintf(to, "%8s %7s", "step", "epoch");
        for (uint32_t i = 0; i < now.n; i++) {
            char name[128];
            snprintf(name, sizeof name, "%s%s", now.column[i].test ? "test " : "", title(now.column[i].key));
            fprintf(to, " %*s", now.column[i].width, name);
        }
        fputc('\n', to);
        *table = now;
    }
    fprintf(to, "%8llu %7.4g", (unsigned long long)moment[0].step, moment[0].epoch);
    for (uint32_t i = 0; i < now.n; i++) {
        char cell[64];
        print_cell(&moment[now.column[i].test], now.column[i].key, cell, sizeof cell);
        fprintf(to, " %*s", now.column[i].width, cell);
    }
    fputc('\n', to);
    fflush(to);
}
