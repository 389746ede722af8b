/* pick.c: columns of a csv by name or number, and the classes of a label over both splits. */
#include "runtime/data/column.h"

#include <string.h>

static struct span at_cell(struct columns *c, int split, uint32_t sample, uint32_t field)
{
    const struct view *view = &c->view[split];
    return csv_place(c->diag, view->table, view->row[sample], field);
}

/* ---- which columns ---- */

static void unknown_column(struct columns *c, const struct column_pick *pick, int split, const char *name)
{
    const struct table *table = c->view[split].table;
    const char **names = arena_alloc(c->arena, (table->n_fields + 1) * sizeof *names);
    uint32_t n = 0;
    for (uint32_t k = 0; k < table->n_fields; k++)
        if (table->field[k].name != NULL && table->field[k].name[0] != '\0') names[n++] = table->field[k].name;
    diag_input(c->diag, pick->at, "unknown-column", "the csv%s has no column '%s'",
               split == TEST ? " of the test data" : "", name);
    if (n == 0 && table->field[0].name == NULL)
        diag_hint(c->diag, "without a header, columns have numbers: columns(1)");
    else if (!diag_did_you_mean(c->diag, name, names, n) && n == 1 && strpbrk(names[0], ";\t|"))
        diag_hint(c->diag, "the file has one column, '%s': is its separator another one?", names[0]);
}

static bool find_name(const struct table *table, const char *name, uint32_t *out)
{
    for (uint32_t k = 0; k < table->n_fields; k++) {
        if (table->field[k].name == NULL || strcmp(table->field[k].name, name) != 0) continue;
        *out = k;
        return true;
    }
    return false;
}

/* The same column of the test data: of the same name, or, where there are no names, the same number. */
static bool find_in_test(struct columns *c, const struct column_pick *pick, uint32_t field, uint32_t *out)
{
    const struct table *train = c->view[TRAIN].table, *test = c->view[TEST].table;
    const char *name = train->field[field].name;
    *out = field;
    if (test == train) return true;
    if (name != NULL && name[0] != '\0' && test->field[0].name != NULL) {
        if (find_name(test, name, out)) return true;
        unknown_column(c, pick, TEST, name);
        return false;
    }
    if (field < test->n_fields) return true;
    diag_input(c->diag, pick->at, "unknown-column", "column %u; the csv of the test data has %u", field + 1,
               test->n_fields);
    return false;
}

static bool add_field(struct columns *c, struct column *column, const struct column_pick *pick, uint32_t field)
{
    uint32_t k = column->raw_width++;
    column->picked[TRAIN][k] = field;
    return find_in_test(c, pick, field, &column->picked[TEST][k]);
}

static bool find_pick(struct columns *c, struct column *column, const struct column_pick *pick)
{
    const struct table *table = c->view[TRAIN].table;
    uint32_t field;
    if (pick->name != NULL) {
        if (find_name(table, pick->name, &field)) return add_field(c, column, pick, field);
        unknown_column(c, pick, TRAIN, pick->name);
        return false;
    }
    if (pick->to > table->n_fields) {
        diag_input(c->diag, pick->at, "unknown-column", "column %u; the csv has %u", pick->to, table->n_fields);
        return false;
    }
    for (field = pick->from - 1; field < pick->to; field++)
        if (!add_field(c, column, pick, field)) return false;
    return true;
}

/* ---- labels ---- */

static bool is_text(const struct columns *c, const struct column *column, int split)
{
    return c->view[split].table->field[column->picked[split][0]].is_text;
}

void pick_note(struct columns *c, const struct column *column)
{
    const struct table *table = c->view[TRAIN].table;
    for (uint32_t k = 0; column->picked[TRAIN] != NULL && k < column->raw_width; k++) {
        const struct field *field = &table->field[column->picked[TRAIN][k]];
        if (!field->is_text) continue;
        diag_note(c->diag, csv_place(c->diag, table, field->first_text, column->picked[TRAIN][k]),
                  "this is no number");
        return;
    }
}

/* `occurs`: which of the training table's classes are trained on. */
static bool not_seen(struct columns *c, const struct column *column, uint32_t sample, const char *text,
                     const bool occurs[])
{
    const struct field *train = &c->view[TRAIN].table->field[column->picked[TRAIN][0]];
    const char **known = arena_alloc(c->arena, (train->classes + 1) * sizeof *known);
    uint32_t n = 0;
    for (uint32_t k = 0; k < train->classes; k++)
        if (occurs[k]) known[n++] = train->text[k];
    diag_input(c->diag, at_cell(c, TEST, sample, column->picked[TEST][0]), "unseen-class",
               "the label '%s' is of the test data alone; a label of the training data was expected", text);
    diag_did_you_mean(c->diag, text, known, n);
    diag_note(c->diag, column->derived->at, "read here");
    return false;
}

/* The test data's texts as classes of the training data, each of which occurs among the samples that are trained
 * on. */
static bool match_classes(struct columns *c, struct column *column)
{
    const struct view *train = &c->view[TRAIN], *test = &c->view[TEST];
    const struct field *a = &train->table->field[column->picked[TRAIN][0]];
    const struct field *b = &test->table->field[column->picked[TEST][0]];
    bool occurs[256] = {false};
    for (uint32_t i = 0; i < train->count; i++) occurs[a->bytes[train->row[i]]] = true;
    for (uint32_t i = 0; i < test->count; i++) {
        const char *text = b->text[b->bytes[test->row[i]]];
        uint32_t k = 0;
        while (k < a->classes && strcmp(a->text[k], text) != 0) k++;
        if (k == a->classes || !occurs[k]) return not_seen(c, column, i, text, occurs);
        column->class_of[b->bytes[test->row[i]]] = (uint8_t)k;
    }
    return true;
}

static bool check_label(struct columns *c, struct column *column)
{
    for (int split = TRAIN; split < SPLITS; split++) {
        const struct field *field = &c->view[split].table->field[column->picked[split][0]];
        if (!field->is_text && c->view[split].count > 0) {
            diag_input(c->diag, column->derived->at, "test-mismatch",
                       "%s holds texts in the %s data and numbers in the other", column->name,
                       split == TRAIN ? "test" : "training");
            return false;
        }
        if (field->is_text && field->text == NULL) {
            diag_input(c->diag, column->derived->at, "too-many-classes", "%s has more than 256 different texts",
                       column->name);
            pick_note(c, column);
            return false;
        }
    }
    column->classes = c->view[TRAIN].table->field[column->picked[TRAIN][0]].classes;
    return match_classes(c, column);
}

static bool check_numbers(struct columns *c, const struct column *column)
{
    for (int split = TRAIN; split < SPLITS; split++)
        for (uint32_t k = 0; k < column->raw_width; k++) {
            const struct table *table = c->view[split].table;
            const struct field *field = &table->field[column->picked[split][k]];
            if (!field->is_text) continue;
            diag_input(c->diag, column->derived->at, "label-as-number",
                       "a column of several is not numeric; numbers side by side were expected");
            diag_note(c->diag, csv_place(c->diag, table, field->first_text, column->picked[split][k]),
                      "this is no number");
            return false;
        }
    return true;
}

/* ---- the whole ---- */

bool pick_columns(struct columns *c, struct column *column)
{
    const struct derived_spec *s = column->derived;
    uint64_t most = 0;
    if (c->view[TRAIN].table->csv == NULL || c->view[TEST].table->csv == NULL) BUG("columns of no csv");
    for (uint32_t k = 0; k < s->n_picks; k++)
        most += s->pick[k].name != NULL ? 1 : s->pick[k].to - s->pick[k].from + (uint64_t)1;
    for (int split = TRAIN; split < SPLITS; split++)
        column->picked[split] = arena_alloc(c->arena, most * sizeof(uint32_t));
    column->raw_width = 0;
    for (uint32_t k = 0; k < s->n_picks; k++)
        if (!find_pick(c, column, &s->pick[k])) return false;
    if (s->n_picks == 1 && column->raw_width == 1) {
        const char *name = s->pick[0].name;
        column->name = name != NULL ? name : arena_printf(c->arena, "columns(%u)", s->pick[0].from);
        column->written = name != NULL ? arena_printf(c->arena, "\"%s\"", name) : column->name;
        if (is_text(c, column, TRAIN) || (c->view[TEST].count > 0 && is_text(c, column, TEST)))
            return check_label(c, column);
        return true;
    }
    return check_numbers(c, column);
}

void pick_value(struct columns *c, const struct column *column, double *out)
{
    const struct view *view = &c->view[c->split];
    uint32_t row = view->row[c->sample];
    for (uint32_t k = 0; k < column->raw_width; k++)
        field_row(&view->table->field[column->picked[c->split][k]], row, out + k);
    if (column->classes > 0 && c->split == TEST) out[0] = column->class_of[(uint8_t)out[0]];
}

bool pick_place(struct columns *c, const struct column *column, struct span *out)
{
    if (column == NULL || column->picked[TRAIN] == NULL || column->raw_width != 1) return false;
    *out = at_cell(c, c->split, c->sample, column->picked[c->split][0]);
    return true;
}
