/* csv.c: text tables: quotes, CRLF, BOM; numeric columns and labels; a mistake is shown where it stands in the
 * file. */
#include "runtime/data/source.h"
#include "runtime/base/arena.h"
#include "runtime/base/file.h"
#include "runtime/base/text.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_COLUMNS = 1000000, MOST_TEXTS = 256 };

struct csv {
    struct arena *arena; /* of this, the path, names and labels */
    const char *path;
    struct span at; /* the statement that names the file */
    char *text;
    uint32_t length;
    char separator;
    uint32_t source; /* its number among the messages' sources; 0: none yet */
    uint32_t n_columns;
    const char **name; /* NULL: no header */
    uint32_t *row;     /* where each sample's line begins */
};

/* ---- messages ---- */

static struct span place(struct diag *diag, struct csv *c, uint32_t begin, uint32_t end)
{
    if (c->source == 0) c->source = diag_source(diag, c->path, c->text, c->length, (struct span){0});
    return (struct span){c->source, begin, end};
}

static const char *title(const struct csv *c, uint32_t column)
{
    if (c->name != NULL && c->name[column][0] != '\0')
        return arena_printf(c->arena, "column '%s'", c->name[column]);
    return arena_printf(c->arena, "column %u", column + 1);
}

/* ---- cells ---- */

/* What stands between separators, without blanks and quotes around it. */
struct cell {
    uint32_t begin, end;
    bool quoted;
};

static bool is_blank(const struct csv *c, uint32_t at)
{
    char byte = c->text[at];
    return (byte == ' ' || byte == '\t') && byte != c->separator;
}

/* The text is zero-terminated: looking one byte ahead is safe. */
static bool ends_line(const struct csv *c, uint32_t at)
{
    if (at >= c->length || c->text[at] == '\n') return true;
    return c->text[at] == '\r' && (at + 1 == c->length || c->text[at + 1] == '\n');
}

static bool ends_cell(const struct csv *c, uint32_t at)
{
    return ends_line(c, at) || c->text[at] == c->separator;
}

static bool read_quoted(struct diag *diag, struct csv *c, uint32_t *at, struct cell *out)
{
    uint32_t i = *at + 1;
    *out = (struct cell){.begin = i, .quoted = true};
    while (i < c->length && (c->text[i] != '"' || c->text[i + 1] == '"')) i += c->text[i] == '"' ? 2 : 1;
    if (i >= c->length) {
        diag_input(diag, place(diag, c, *at, *at + 1), "unterminated-quote", "a quote that is not closed");
        return false;
    }
    out->end = i++;
    while (i < c->length && is_blank(c, i)) i++;
    if (!ends_cell(c, i)) {
        diag_input(diag, place(diag, c, i, i + 1), "text-behind-quote",
                   "text behind a closing quote; the separator or the end of the line was expected");
        diag_hint(diag, "a quote inside quotes is written twice");
        return false;
    }
    *at = i;
    return true;
}

/* Leaves `at` where the cell ends: at the separator or the end of the line. */
static bool read_cell(struct diag *diag, struct csv *c, uint32_t *at, struct cell *out)
{
    uint32_t i = *at;
    while (i < c->length && is_blank(c, i)) i++;
    if (i < c->length && c->text[i] == '"') {
        *at = i;
        return read_quoted(diag, c, at, out);
    }
    *out = (struct cell){.begin = i};
    while (!ends_cell(c, i)) i++;
    *at = out->end = i;
    while (out->end > out->begin && is_blank(c, out->end - 1)) out->end--;
    return true;
}

/* Behind the end of a line. */
static uint32_t next_line(const struct csv *c, uint32_t at)
{
    if (at < c->length && c->text[at] == '\r') at++;
    return at < c->length ? at + 1 : at;
}

static uint32_t skip_empty_lines(const struct csv *c, uint32_t at)
{
    while (at < c->length && ends_line(c, at)) at = next_line(c, at);
    return at;
}

/* Content of a cell, doubled quotes made one. */
static const char *content(const struct csv *c, const struct cell *cell, struct text *scratch)
{
    scratch->length = 0;
    text_add_bytes(scratch, "", 0);
    if (!cell->quoted) {
        text_add_bytes(scratch, c->text + cell->begin, cell->end - cell->begin);
        return scratch->data;
    }
    for (uint32_t i = cell->begin; i < cell->end; i++) {
        text_add_bytes(scratch, c->text + i, 1);
        if (c->text[i] == '"') i++;
    }
    return scratch->data;
}

/* ---- rows ---- */

/* A walk over all rows: `each` sees every cell. */
struct walk {
    struct diag *diag;
    struct csv *csv;
    struct table *table;
    struct text scratch;
    uint32_t row;
};
typedef bool each_cell(struct walk *w, uint32_t column, const struct cell *cell);

static bool refuse_row(struct walk *w, uint32_t at, uint32_t end, uint32_t found)
{
    struct csv *c = w->csv;
    bool more = found > c->n_columns;
    diag_input(w->diag, place(w->diag, c, at, end), "ragged-row", "a row of %s%u cell%s; %s has %u",
               more ? "at least " : "", found, found == 1 ? "" : "s",
               c->name != NULL ? "the header" : "the first row", c->n_columns);
    if (more && c->separator == ',')
        diag_hint(w->diag, "is a comma in it a decimal point, or part of a text without quotes?");
    return false;
}

static bool walk_row(struct walk *w, uint32_t *at, each_cell *each)
{
    struct csv *c = w->csv;
    struct cell cell;
    for (uint32_t k = 0;; k++) {
        if (!read_cell(w->diag, c, at, &cell)) return false;
        if (k == c->n_columns) return refuse_row(w, cell.begin, cell.end, k + 1);
        if (!each(w, k, &cell)) return false;
        if (!ends_line(c, *at)) {
            ++*at;
            continue;
        }
        if (k + 1 < c->n_columns) return refuse_row(w, *at, *at, k + 1);
        *at = next_line(c, *at);
        return true;
    }
}

/* The rows whose beginnings are known. */
static bool walk_rows(struct walk *w, each_cell *each)
{
    for (w->row = 0; w->row < w->table->count; w->row++) {
        uint32_t at = w->csv->row[w->row];
        if (!walk_row(w, &at, each)) return false;
    }
    return true;
}

static bool cell_is_full(struct walk *w, uint32_t column, const struct cell *cell)
{
    if (cell->end > cell->begin) return true;
    uint32_t begin = cell->begin - cell->quoted, end = cell->end + cell->quoted;
    diag_input(w->diag, place(w->diag, w->csv, begin, end), "empty-cell",
               "an empty cell in %s; a number or a text was expected", title(w->csv, column));
    return false;
}

/* Counts the rows and checks their form; with `row`, notes where each begins. */
static bool find_rows(struct walk *w, uint32_t at, uint32_t *row, uint32_t *out_count)
{
    uint32_t n = 0;
    for (at = skip_empty_lines(w->csv, at); at < w->csv->length; at = skip_empty_lines(w->csv, at)) {
        if (row != NULL) row[n] = at;
        n++;
        if (!walk_row(w, &at, cell_is_full)) return false;
    }
    *out_count = n;
    return true;
}

/* ---- numbers and labels ---- */

/* 3,14: a number whose decimal point is a comma. */
static bool has_decimal_comma(const char *text)
{
    text += *text == '-' || *text == '+';
    size_t whole = strspn(text, "0123456789");
    if (text[whole] != ',') return false;
    size_t rest = strspn(text + whole + 1, "0123456789");
    return whole + rest > 0 && rest > 0 && text[whole + 1 + rest] == '\0';
}

static bool read_number(struct walk *w, uint32_t column, const struct cell *cell)
{
    struct field *field = &w->table->field[column];
    const char *text = content(w->csv, cell, &w->scratch);
    double value = 0;
    if (!text_to_number(text, &value)) {
        if (has_decimal_comma(text)) {
            diag_input(w->diag, place(w->diag, w->csv, cell->begin, cell->end), "decimal-comma",
                       "'%s' in %s has a comma; a decimal point was expected", text, title(w->csv, column));
            return false;
        }
        if (!field->is_text) field->first_text = w->row;
        field->is_text = true;
    }
    field->doubles[w->row] = value;
    return true;
}

/* The first class that does not stand before `text`. */
static uint32_t find_text(const struct field *field, const char *text)
{
    uint32_t low = 0, high = field->classes;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (strcmp(field->text[middle], text) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool collect_text(struct walk *w, uint32_t column, const struct cell *cell)
{
    struct field *field = &w->table->field[column];
    if (!field->is_text || field->text == NULL) return true;
    const char *text = content(w->csv, cell, &w->scratch);
    uint32_t k = find_text(field, text);
    if (k < field->classes && strcmp(field->text[k], text) == 0) return true;
    if (field->classes == MOST_TEXTS) {
        field->text = NULL; /* no label, but perhaps nobody wants it */
        field->classes = 0;
        return true;
    }
    memmove(field->text + k + 1, field->text + k, (field->classes - k) * sizeof *field->text);
    field->text[k] = arena_text(w->csv->arena, text, strlen(text));
    field->classes++;
    return true;
}

static bool number_text(struct walk *w, uint32_t column, const struct cell *cell)
{
    struct field *field = &w->table->field[column];
    if (field->bytes != NULL) field->bytes[w->row] = (uint8_t)find_text(field, content(w->csv, cell, &w->scratch));
    return true;
}

static bool read_labels(struct walk *w)
{
    bool any = false;
    for (uint32_t k = 0; k < w->table->n_fields; k++) {
        struct field *field = &w->table->field[k];
        if (!field->is_text) continue;
        field->text = arena_alloc(w->csv->arena, MOST_TEXTS * sizeof *field->text);
        any = true;
    }
    if (!any) return true;
    if (!walk_rows(w, collect_text)) return false;
    for (uint32_t k = 0; k < w->table->n_fields; k++) {
        struct field *field = &w->table->field[k];
        if (field->text == NULL) continue;
        free(field->doubles);
        field->doubles = NULL;
        if (!field_new_label(w->diag, w->csv->at, field, w->table->count, field->classes)) return false;
    }
    return walk_rows(w, number_text);
}

static bool read_columns(struct walk *w)
{
    struct csv *c = w->csv;
    if (!table_new_fields(w->diag, c->at, w->table, c->n_columns, c->name)) return false;
    for (uint32_t k = 0; k < c->n_columns; k++)
        if (!field_new_doubles(w->diag, c->at, &w->table->field[k], w->table->count, 1)) return false;
    return walk_rows(w, read_number) && read_labels(w);
}

/* ---- the head of the file ---- */

static bool count_columns(struct diag *diag, struct csv *c, uint32_t at, uint32_t *out)
{
    struct cell cell;
    *out = 0;
    do {
        at += *out > 0;
        if (!read_cell(diag, c, &at, &cell)) return false;
        ++*out;
    } while (!ends_line(c, at) && *out <= MOST_COLUMNS);
    if (*out <= MOST_COLUMNS) return true;
    diag_input(diag, place(diag, c, at, at), "too-large", "more than %d columns", MOST_COLUMNS);
    return false;
}

struct heading {
    const char *name;
    struct cell cell;
};

static int by_name(const void *a, const void *b)
{
    const struct heading *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order != 0 ? order : (x->cell.begin > y->cell.begin) - (x->cell.begin < y->cell.begin);
}

/* Columns without a name may be many: they are only found by number. */
static bool names_differ(struct walk *w, struct heading *heading)
{
    struct csv *c = w->csv;
    qsort(heading, c->n_columns, sizeof *heading, by_name);
    for (uint32_t k = 1; k < c->n_columns; k++) {
        const struct heading *a = &heading[k - 1], *b = &heading[k];
        if (b->name[0] == '\0' || strcmp(a->name, b->name) != 0) continue;
        diag_input(w->diag, place(w->diag, c, b->cell.begin, b->cell.end), "duplicate-name", "a second column '%s'",
                   b->name);
        diag_note(w->diag, place(w->diag, c, a->cell.begin, a->cell.end), "the first one");
        return false;
    }
    return true;
}

static bool read_header(struct walk *w, uint32_t *at)
{
    struct csv *c = w->csv;
    struct heading *heading = arena_alloc(c->arena, c->n_columns * sizeof *heading);
    c->name = arena_alloc(c->arena, c->n_columns * sizeof *c->name);
    for (uint32_t k = 0; k < c->n_columns; k++) {
        *at += k > 0;
        if (!read_cell(w->diag, c, at, &heading[k].cell)) return false;
        const char *text = content(c, &heading[k].cell, &w->scratch);
        c->name[k] = heading[k].name = arena_text(c->arena, text, strlen(text));
    }
    *at = next_line(c, *at);
    return names_differ(w, heading);
}

/* Behind the byte order mark and the lines to skip. */
static uint32_t find_head(const struct csv *c, double skip)
{
    uint32_t at = c->length >= 3 && memcmp(c->text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    for (double k = 0; k < skip && at < c->length; k++) {
        while (!ends_line(c, at)) at++;
        at = next_line(c, at);
    }
    return skip_empty_lines(c, at);
}

/* ---- the whole ---- */

static bool check_bytes(struct walk *w, size_t most_bytes)
{
    struct csv *c = w->csv;
    const char *zero = memchr(c->text, 0, c->length);
    if (zero != NULL) {
        uint32_t at = (uint32_t)(zero - c->text);
        diag_input(w->diag, c->at, "not-csv", "'%s' has a zero at byte %u; a text in UTF-8 was expected", c->path,
                   at + 1);
        return false;
    }
    double bytes = (double)w->table->count * c->n_columns * sizeof(double);
    if (bytes <= (double)most_bytes) return true;
    diag_input(w->diag, c->at, "too-large", "'%s' has %u rows of %u cells; at most %zu bytes are allowed", c->path,
               w->table->count, c->n_columns, most_bytes);
    return false;
}

static bool read_table(struct walk *w, const struct source_spec *spec, size_t most_bytes)
{
    struct csv *c = w->csv;
    uint32_t at = find_head(c, spec->number[2]), again;
    if (!check_bytes(w, most_bytes)) return false;
    if (at < c->length && !count_columns(w->diag, c, at, &c->n_columns)) return false;
    if (at < c->length && spec->number[1] != 0 && !read_header(w, &at)) return false;
    if (!find_rows(w, at, NULL, &w->table->count)) return false;
    if (w->table->count == 0 || w->table->count > INT32_MAX) {
        diag_input(w->diag, c->at, "no-samples", "'%s' has %u rows; from 1 to 2147483647 expected", c->path,
                   w->table->count);
        if (w->table->count == 0 && memchr(c->text, '\r', c->length) != NULL &&
            memchr(c->text, '\n', c->length) == NULL)
            diag_hint(w->diag, "its lines end in CR alone; LF or CR LF are read");
        return false;
    }
    if (!check_bytes(w, most_bytes)) return false;
    c->row = malloc(w->table->count * sizeof *c->row);
    if (c->row == NULL) {
        diag_machine(w->diag, c->at, "out-of-memory", "no memory for the rows of '%s'", c->path);
        return false;
    }
    return find_rows(w, at, c->row, &again) && read_columns(w);
}

bool csv_open(struct diag *diag, const struct source_spec *spec, const char *folder, size_t most_bytes,
              struct table *out)
{
    struct arena *arena = arena_new();
    struct csv *c = arena_alloc(arena, sizeof *c);
    size_t length = 0, most = most_bytes < UINT32_MAX - 1 ? most_bytes : UINT32_MAX - 1;
    char *path = file_join(folder, spec->path[0]);
    *c = (struct csv){.arena = arena, .at = spec->at, .path = arena_text(arena, path, strlen(path))};
    out->csv = c;
    free(path);
    c->text = file_read(diag, spec->at, c->path, most, &length);
    if (c->text == NULL) return false;
    c->length = (uint32_t)length;
    c->separator = (char)spec->number[0];
    struct walk walk = {.diag = diag, .csv = c, .table = out};
    bool good = read_table(&walk, spec, most_bytes);
    if (!good && c->source != 0) diag_note(diag, spec->at, "the file is read here");
    text_fini(&walk.scratch);
    return good;
}

void csv_free(struct csv *csv)
{
    if (csv == NULL) return;
    free(csv->text);
    free(csv->row);
    arena_free(csv->arena);
}

struct span csv_place(struct diag *diag, const struct table *table, uint32_t sample, uint32_t column)
{
    struct csv *c = table->csv;
    struct cell cell = {0};
    uint32_t at = c->row[sample];
    for (uint32_t k = 0; k <= column; k++) {
        at += k > 0;
        if (!read_cell(diag, c, &at, &cell)) BUG("a row of '%s' cannot be read twice", c->path);
    }
    return place(diag, c, cell.begin, cell.end);
}
