/* compare.c: a case's boundary, bulk and ensemble-forward fields, and which of its samples settle. */
#include "tests/reference/compare.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lang/ast.h"

/* float64, and float32 (the ensemble is assembled in float64 all the same). */
static const double tolerances[][2] = {{1e-12, 1e-5}, {1e-11, 5e-5}, {1e-9, 5e-5}, {1e-8, 2e-4}, {1e-6, 5e-3}};

void failure(struct run *run, const char *format, ...)
{
    va_list arguments;

    if (run->failed) return;
    run->failed = true;
    va_start(arguments, format);
    vsnprintf(run->reason, sizeof run->reason, format, arguments);
    va_end(arguments);
}

char *messages(struct run *run)
{
    char *text = NULL;
    size_t length;
    FILE *to = open_memstream(&text, &length);

    if (!to) return NULL;
    diag_print(run->diag, to, DIAG_PLAIN);
    fclose(to);
    return text;
}

void fail_with_messages(struct run *run)
{
    char *text = messages(run), *line = text ? strstr(text, "error:") : NULL;

    while (line && line > text && line[-1] != '\n') line--;
    if (!line) line = text;
    failure(run, "%.*s", line ? (int)strcspn(line, "\n") : 9, line ? line : "no memory");
    free(text);
}

/* ---- the case ---- */

/* A file without data has no rows to count. */
static uint32_t sequence_rows(const json_t *it)
{
    return (uint32_t)json_integer_value(json_object_get(json_object_get(it, "sequence"), "rows"));
}

struct model *case_model(struct run *run, enum case_reference reference)
{
    struct text text = {0};
    const char *wrong = case_text(run->it, reference, run->options->real_bytes, &text);
    struct ast_source *source = NULL;
    struct model *model = NULL;

    if (wrong) failure(run, "%s", wrong);
    if (!wrong) source = parse(run->diag, run->arena, case_word(run->it, "name"), text.data, text.length);
    if (source && !diag_failed(run->diag)) model = check(run->diag, run->arena, source, NULL, 0);
    text_fini(&text);
    for (uint32_t g = 0; model && g < model->n_groups; g++)
        if (model->group[g].rows) model->group[g].rows = sequence_rows(run->it);
    return model;
}

/* ---- numbers of a case ---- */

static void flatten(struct run *run, const json_t *from, struct numbers *to)
{
    if (json_is_array(from)) {
        for (size_t k = 0; k < json_array_size(from); k++) flatten(run, json_array_get(from, k), to);
    } else {
        to->value = arena_grow(run->arena, to->value, to->count, &to->capacity, sizeof *to->value);
        to->value[to->count++] = json_is_number(from) ? json_number_value(from) : NAN;
    }
}

struct numbers numbers_of(struct run *run, const json_t *from)
{
    struct numbers numbers = {0};

    if (from) flatten(run, from, &numbers);
    return numbers;
}

static bool is_near(double found, double expected, double allowed)
{
    double size = fabs(expected) < 1e-12 ? 0 : fabs(expected);

    return fabs(found - expected) <= allowed * (1 + size);
}

void expect(struct run *run, const char *what, const double *found, const double *twin, uint32_t count,
            const json_t *expected, int tolerance)
{
    struct numbers numbers = numbers_of(run, expected);
    const json_t *loosen = json_object_get(run->it, "loosen");
    double allowed =
        tolerances[tolerance][run->options->real_bytes == 4] * (loosen ? json_number_value(loosen) : 1);

    if (numbers.count != count) failure(run, "%s: %u numbers, not %u", what, count, numbers.count);
    for (uint32_t k = 0; k < count && !run->failed; k++) {
        if (is_near(found[k], numbers.value[k], allowed)) continue;
        if (twin && !is_near(twin[k], numbers.value[k], allowed) && is_near(found[k], twin[k], allowed)) {
            printf("note %s: %s[%u] = %.9g: float64 at the floats of the inputs has %.9g, at the inputs %.9g\n",
                   case_word(run->it, "name"), what, k, found[k], twin[k], numbers.value[k]);
            continue;
        }
        failure(run, "%s[%u]: %.15g, not %.15g (%.2g allowed)", what, k, found[k], numbers.value[k], allowed);
    }
}

/* ---- the module's memory ---- */

static void set_field(struct run *run, uint32_t id, const json_t *from)
{
    const struct nnt_field *field = &run->module->field[id];
    struct numbers numbers = numbers_of(run, from);

    if (numbers.count != exercise_size(&run->x, field)) {
        failure(run, "%s: %u numbers given, %u needed", field->name, numbers.count,
                (uint32_t)exercise_size(&run->x, field));
        return;
    }
    for (uint32_t k = 0; k < numbers.count; k++) {
        exercise_set(&run->x, field, k, numbers.value[k]);
        if (run->has_twin) exercise_set(&run->twin, field, k, (float)numbers.value[k]);
    }
}

static double *get_field(struct run *run, const struct exercise *x, uint32_t id)
{
    const struct nnt_field *field = &run->module->field[id];
    uint64_t count = exercise_size(x, field);
    double *out = arena_alloc(run->arena, (count + 1) * sizeof *out);

    for (uint64_t k = 0; k < count; k++) out[k] = exercise_get(x, field, k);
    return out;
}

static bool enter(struct run *run, enum nnt_entry_name entry)
{
    if (!run->module->entry[entry]) failure(run, "the network has no such entry: %d", (int)entry);
    if (run->failed) return false;
    exercise_run(&run->x, entry);
    if (run->has_twin) exercise_run(&run->twin, entry);
    return true;
}

static void set_groups(struct run *run, const json_t *values, bool state)
{
    for (uint32_t g = 0; g < run->module->n_groups; g++) {
        const struct nnt_group *group = &run->module->group[g];
        uint32_t field = state ? group->state : group->data;
        const json_t *value = json_object_get(values, group->name);

        if (field != NNT_NONE && value) set_field(run, field, value);
        if (field != NNT_NONE && !value)
            failure(run, "the case has no %s of %s", state ? "state" : "data", group->name);
    }
}

void set_parameters(struct run *run)
{
    const json_t *trainables = json_object_get(run->it, "trainables");

    for (uint32_t p = 0; p < run->module->n_parameters; p++) {
        uint32_t field = run->module->parameter[p].field;

        set_field(run, field,
                  json_object_get(json_object_get(run->it, "parameters"), run->module->field[field].name));
    }
    if (trainables && json_integer_value(trainables) != run->module->trainables) {
        failure(run, "%u trainables, not %d", run->module->trainables, (int)json_integer_value(trainables));
    }
}

/* ---- what is compared ---- */

static void expect_field(struct run *run, const char *what, uint32_t field, const json_t *expected, int tolerance)
{
    const double *found = get_field(run, &run->x, field);
    const double *twin = run->has_twin ? get_field(run, &run->twin, field) : NULL;
    uint32_t count = (uint32_t)exercise_size(&run->x, &run->module->field[field]);

    expect(run, arena_printf(run->arena, "%s %s", what, run->module->field[field].name), found, twin, count,
           expected, tolerance);
}

static void expect_states(struct run *run, const char *what, const json_t *expected)
{
    for (uint32_t g = 0; g < run->module->n_groups; g++) {
        const struct nnt_group *group = &run->module->group[g];

        expect_field(run, what, group->state, json_object_get(expected, group->name), TOLERANCE_STATE);
    }
}

/* Every gradient expected, and no other. */
static void expect_gradients(struct run *run, const char *what, const json_t *expected)
{
    size_t seen = 0;

    for (uint32_t p = 0; p < run->module->n_parameters; p++) {
        uint32_t field = run->module->parameter[p].gradient;

        if (field == NNT_NONE) continue;
        expect_field(run, what, field, json_object_get(expected, run->module->field[field].name),
                     TOLERANCE_GRADIENT);
        seen++;
    }
    if (seen != json_object_size(expected))
        failure(run, "%s: %zu gradients, not %zu", what, seen, json_object_size(expected));
}

double mean(const double *values, uint32_t count)
{
    double sum = 0;

    for (uint32_t k = 0; k < count; k++) sum += values[k] / count;
    return sum;
}

static void expect_loss(struct run *run, const json_t *expected)
{
    double loss = mean(get_field(run, &run->x, run->module->loss), run->batch), twin = NAN;

    if (run->has_twin) twin = mean(get_field(run, &run->twin, run->module->loss), run->batch);
    expect(run, "boundary loss", &loss, run->has_twin ? &twin : NULL, 1, json_object_get(expected, "loss"),
           TOLERANCE_STATE);
}

void run_boundary(struct run *run, const json_t *expected)
{
    set_groups(run, json_object_get(run->it, "data"), false);
    if (json_object_get(expected, "loss") && enter(run, NNT_ENTRY_loss)) expect_loss(run, expected);
    if (json_object_get(expected, "state") && enter(run, NNT_ENTRY_forward)) {
        expect_states(run, "boundary", json_object_get(expected, "state"));
    }
    if (json_object_get(expected, "gradients") && enter(run, NNT_ENTRY_gradient)) {
        expect_loss(run, expected);
        expect_gradients(run, "boundary gradient", json_object_get(expected, "gradients"));
    }
}

void run_ensemble_forward(struct run *run, const json_t *expected)
{
    set_groups(run, json_object_get(run->it, "data"), false);
    if (enter(run, NNT_ENTRY_ensemble_forward)) expect_states(run, "ensemble forward", expected);
}

/* dH/dx of the free groups, one after another in every sample, as the cases have it. */
static struct numbers gradient_x(struct run *run, const struct exercise *x)
{
    struct numbers all = {0};

    for (uint32_t b = 0; b < run->batch; b++) {
        for (uint32_t g = 0; g < run->module->n_groups; g++) {
            const struct nnt_group *group = &run->module->group[g];

            for (uint32_t k = 0; group->gradient_x != NNT_NONE && k < group->size; k++) {
                all.value = arena_grow(run->arena, all.value, all.count, &all.capacity, sizeof *all.value);
                all.value[all.count++] =
                    exercise_get(x, &run->module->field[group->gradient_x], b * group->size + k);
            }
        }
    }
    return all;
}

static void expect_gradient_x(struct run *run, const json_t *expected)
{
    struct numbers found = gradient_x(run, &run->x), twin = {0};

    if (run->has_twin) twin = gradient_x(run, &run->twin);
    expect(run, "bulk gradient_x", found.value, twin.value, found.count, expected, TOLERANCE_GRADIENT);
}

void run_bulk(struct run *run, const json_t *expected)
{
    set_groups(run, json_object_get(run->it, "state"), true);
    if (enter(run, NNT_ENTRY_linearise)) {
        expect_field(run, "linearise", run->module->H, json_object_get(expected, "H"), TOLERANCE_STATE);
    }
    if (!enter(run, NNT_ENTRY_bulk)) return;
    expect_field(run, "bulk", run->module->H, json_object_get(expected, "H"), TOLERANCE_STATE);
    expect_gradients(run, "bulk gradient", json_object_get(expected, "gradients"));
    expect_gradient_x(run, json_object_get(expected, "gradient_x"));
}

/* ---- which samples settle ---- */

/* Just the samples that are listed are reported, in whichever forward the case has. */
static void expect_unsettled(struct run *run, enum nnt_entry_name entry, const json_t *samples)
{
    const double *failed;

    if (run->module->settle_failed == NNT_NONE) failure(run, "the network does not settle");
    if (!enter(run, entry)) return;
    failed = get_field(run, &run->x, run->module->settle_failed);
    for (uint32_t b = 0; b < run->batch; b++) {
        bool listed = false;

        for (size_t k = 0; k < json_array_size(samples); k++)
            listed = listed || json_integer_value(json_array_get(samples, k)) == b;
        if (listed != (failed[b] != 0))
            failure(run, "sample %u %s", b, listed ? "is said to settle" : "does not settle");
    }
}

void run_not_converged(struct run *run, const json_t *expected)
{
    const json_t *samples = json_object_get(json_object_get(run->it, "expected"), "not_converged_samples");

    if (!json_is_true(expected)) return;
    set_groups(run, json_object_get(run->it, "data"), false);
    expect_unsettled(run, NNT_ENTRY_loss, samples);
    expect_unsettled(run, NNT_ENTRY_ensemble_forward, samples);
}
