/* reference.c: runs the cases of THEORY's numbers in an engine: reference FILE [--engine E] [--precision P]
 * [--fields a,b] [case...]. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lang/ast.h"
#include "lang/model.h"
#include "runtime/thermo/ensemble.h"
#include "tests/engine/engine.h"
#include "compiler/driver/exercise.h"
#include "tests/reference/case.h"

/* What of a case is compared. */
enum { BOUNDARY = 1, ENSEMBLE_FORWARD = 2, BULK = 4, GAUSSIAN = 8, IMPROPER = 16, ALL_FIELDS = 31 };
struct options {
    const char *file, *engine;
    uint32_t real_bytes, fields;
    char **names;
    int n_names;
};

/* Tolerances of reference/README.md: float64, and float32 (the ensemble is assembled in float64 all the same). */
enum { TOLERANCE_STATE, TOLERANCE_GRADIENT, TOLERANCE_ENSEMBLE };
static const double tolerances[][2] = {{1e-12, 1e-5}, {1e-11, 5e-5}, {1e-9, 5e-5}};

/* One case under way. The first thing that is wrong is kept. */
struct run {
    const struct options *options;
    const json_t *it;
    struct arena *arena;
    struct diag *diag;
    struct model *model;
    struct nnt_module *module;
    uint32_t batch;
    /* In float32, the same network interpreted in float64 at the same floats: where the nearest floats of the
     * inputs alone move a result by more than the tolerance, this is what a float32 program can be held to. */
    bool has_twin;
    struct exercise x, twin;
    bool failed;
    char reason[1024];
};

PRINTF(2, 3) static void failure(struct run *run, const char *format, ...)
{
    va_list arguments;

    if (run->failed) return;
    run->failed = true;
    va_start(arguments, format);
    vsnprintf(run->reason, sizeof run->reason, format, arguments);
    va_end(arguments);
}

/* The messages given so far, as one text of the heap; NULL where there is no memory. */
static char *messages(struct run *run)
{
    char *text = NULL;
    size_t length;
    FILE *to = open_memstream(&text, &length);

    if (!to) return NULL;
    diag_print(run->diag, to, DIAG_PLAIN);
    fclose(to);
    return text;
}

/* The first line that tells an error; warnings and notes may stand before it. */
static void fail_with_messages(struct run *run)
{
    char *text = messages(run), *line = text ? strstr(text, "error:") : NULL;

    while (line && line > text && line[-1] != '\n') line--;
    if (!line) line = text;
    failure(run, "%.*s", line ? (int)strcspn(line, "\n") : 9, line ? line : "no memory");
    free(text);
}

/* ---- numbers of a case ---- */

struct numbers {
    double *value;
    uint32_t count, capacity;
};

static void flatten(struct run *run, const json_t *from, struct numbers *to)
{
    if (json_is_array(from)) {
        for (size_t k = 0; k < json_array_size(from); k++) flatten(run, json_array_get(from, k), to);
    } else {
        to->value = arena_grow(run->arena, to->value, to->count, &to->capacity, sizeof *to->value);
        to->value[to->count++] = json_is_number(from) ? json_number_value(from) : NAN;
    }
}

static struct numbers numbers_of(struct run *run, const json_t *from)
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

/* Holds what was found to what is expected; `twin` is NULL, or the float64 values at the floats of the inputs. */
static void expect(struct run *run, const char *what, const double *found, const double *twin, uint32_t count,
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

static void set_parameters(struct run *run)
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

static double mean(const double *values, uint32_t count)
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

static void run_boundary(struct run *run, const json_t *expected)
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

static void run_ensemble_forward(struct run *run, const json_t *expected)
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

static void run_bulk(struct run *run, const json_t *expected)
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

/* ---- the Gaussian ensemble ---- */

static const struct quantity {
    const char *name;
    size_t offset;
    int tolerance;
} quantities[] = {
    {"H", offsetof(struct gaussian, H), TOLERANCE_STATE},
    {"H_min", offsetof(struct gaussian, H_min), TOLERANCE_ENSEMBLE},
    {"logdet_A", offsetof(struct gaussian, logdet_A), TOLERANCE_ENSEMBLE},
    {"C", offsetof(struct gaussian, C), TOLERANCE_ENSEMBLE},
    {"C_0", offsetof(struct gaussian, C_0), TOLERANCE_ENSEMBLE},
    {"U", offsetof(struct gaussian, U), TOLERANCE_ENSEMBLE},
    {"S", offsetof(struct gaussian, S), TOLERANCE_ENSEMBLE},
    {"F", offsetof(struct gaussian, F), TOLERANCE_ENSEMBLE},
    {"lnZ", offsetof(struct gaussian, lnZ), TOLERANCE_ENSEMBLE},
};

static void expect_quantity(struct run *run, const struct quantity *quantity, const struct gaussian *found,
                            const json_t *expected)
{
    double *values = arena_alloc(run->arena, run->batch * sizeof *values), average;
    const json_t *means = json_object_get(expected, "mean");
    bool is_absent = !json_object_get(expected, quantity->name);

    for (uint32_t b = 0; b < run->batch; b++) {
        memcpy(&values[b], (const char *)&found[b] + quantity->offset, sizeof values[b]);
        if (is_absent && !isnan(values[b])) failure(run, "%s is undefined here, not %g", quantity->name, values[b]);
    }
    if (is_absent) return;
    expect(run, quantity->name, values, NULL, run->batch, json_object_get(expected, quantity->name),
           quantity->tolerance);
    average = mean(values, run->batch);
    if (json_object_get(means, quantity->name)) {
        expect(run, arena_printf(run->arena, "mean %s", quantity->name), &average, NULL, 1,
               json_object_get(means, quantity->name), quantity->tolerance);
    }
}

/* Numbers as the precision has them, in float64. */
static double *rounded(struct run *run, const json_t *from, double *to, uint32_t count)
{
    struct numbers numbers = numbers_of(run, from);

    if (numbers.count != count) failure(run, "%u numbers given, %u needed", numbers.count, count);
    for (uint32_t k = 0; k < count && !run->failed; k++) {
        to[k] = run->options->real_bytes == 4 ? (double)(float)numbers.value[k] : numbers.value[k];
    }
    return to;
}

static double *ensemble_parameters(struct run *run, const struct nnt_module *module)
{
    double *parameters = arena_alloc(run->arena, (module->size[NNT_PARAMETERS] + 1) * sizeof *parameters);

    for (uint32_t p = 0; p < module->n_parameters; p++) {
        const struct nnt_field *field = &module->field[module->parameter[p].field];

        rounded(run, json_object_get(json_object_get(run->it, "parameters"), field->name),
                parameters + field->offset, (uint32_t)exercise_size(&run->x, field));
    }
    return parameters;
}

static const double **ensemble_data(struct run *run, const struct nnt_module *module)
{
    const double **data = arena_alloc(run->arena, (module->n_groups + 1) * sizeof *data);

    for (uint32_t g = 0; g < module->n_groups; g++) {
        const struct nnt_group *group = &module->group[g];
        uint32_t count = run->batch * group->size;

        if (group->data == NNT_NONE) continue;
        data[g] = rounded(run, json_object_get(json_object_get(run->it, "data"), group->name),
                          arena_alloc(run->arena, (count + 1) * sizeof **data), count);
    }
    return data;
}

static struct gaussian *evaluate_module(struct run *run, const struct nnt_module *module, double *out_S_T)
{
    struct gaussian *out = arena_alloc(run->arena, run->batch * sizeof *out);
    double beta = json_number_value(json_object_get(json_object_get(run->it, "ensemble"), "beta"));
    struct ensemble *ensemble = ensemble_new(run->diag, (struct span){0}, module, NULL, run->batch);
    const double *parameters, *const *data;
    bool proper;

    if (!ensemble) return NULL;
    parameters = ensemble_parameters(run, module);
    data = ensemble_data(run, module);
    *out_S_T = ensemble_S_T(ensemble, beta);
    proper = !run->failed && ensemble_evaluate(ensemble, run->diag, parameters, data, run->batch, beta, out);
    ensemble_free(ensemble);
    return proper ? out : NULL;
}

/* The ensemble's values, one a sample, or NULL where it was refused with a message. */
static struct gaussian *evaluate_ensemble(struct run *run, double *out_S_T)
{
    uint32_t entries = 1u << NNT_ENTRY_ensemble_forward | 1u << NNT_ENTRY_linearise;
    struct nnt_module *module = engine_module(run->diag, run->arena, run->model, run->options->engine, 8, entries);
    struct gaussian *out = module ? evaluate_module(run, module, out_S_T) : NULL;

    engine_release(module);
    return out;
}

static void run_gaussian(struct run *run, const json_t *expected)
{
    double S_T;
    const struct gaussian *found = evaluate_ensemble(run, &S_T);

    if (!found) {
        fail_with_messages(run);
        return;
    }
    for (size_t k = 0; k < LENGTH(quantities); k++) expect_quantity(run, &quantities[k], found, expected);
    expect(run, "S_T", &S_T, NULL, 1, json_object_get(expected, "S_T"), TOLERANCE_ENSEMBLE);
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
}

static bool mentions(const char *text, const char *word)
{
    size_t length = strlen(word);

    for (const char *at = strstr(text, word); at; at = strstr(at + 1, word)) {
        if ((at == text || !is_letter(at[-1])) && !is_letter(at[length])) return true;
    }
    return false;
}

/* Refused, with a message that has one of the groups. */
static void run_improper(struct run *run, const json_t *expected)
{
    double S_T;
    const json_t *groups = json_object_get(expected, "groups");
    bool evaluated = evaluate_ensemble(run, &S_T) != NULL, named = false;
    char *text = messages(run);

    for (size_t k = 0; text && k < json_array_size(groups); k++) {
        named = named || mentions(text, json_string_value(json_array_get(groups, k)));
    }
    if (evaluated) failure(run, "an improper ensemble was evaluated");
    if (!named) failure(run, "refused, but no group of the failing direction is named: %s", text ? text : "");
    free(text);
}

/* ---- a case ---- */

static bool compile(struct run *run)
{
    struct text text = {0};
    const char *wrong = case_text(run->it, &text);
    struct ast_source *source = NULL;

    if (wrong) failure(run, "%s", wrong);
    if (!wrong) source = parse(run->diag, run->arena, case_word(run->it, "name"), text.data, text.length);
    if (source && !diag_failed(run->diag)) run->model = check(run->diag, run->arena, source, NULL, 0);
    text_fini(&text);
    return run->model != NULL;
}

static bool open_modules(struct run *run)
{
    const uint32_t entries = ((1u << NNT_ENTRIES) - 1) & ~(1u << NNT_ENTRY_step),
                   real_bytes = run->options->real_bytes;
    const struct nnt_module *twin = NULL;

    run->module = engine_module(run->diag, run->arena, run->model, run->options->engine, real_bytes, entries);
    if (!run->module) return false;
    if (real_bytes == 4) twin = engine_module(run->diag, run->arena, run->model, "interp", 8, entries);
    run->x = exercise_open(run->module, run->batch);
    run->has_twin = twin != NULL;
    if (twin) run->twin = exercise_open(twin, run->batch);
    return true;
}

static void close_modules(struct run *run)
{
    if (run->module && run->x.module) exercise_close(&run->x);
    if (run->has_twin) exercise_close(&run->twin);
    engine_release(run->module);
}

/* The fields that a row names, where the case has them: `inside` of the member `member`. */
static const struct field {
    const char *name;
    uint32_t bit;
    const char *member, *inside;
    void (*run)(struct run *run, const json_t *expected);
} fields[] = {
    {"boundary", BOUNDARY, "boundary", NULL, run_boundary},
    {"ensemble_forward", ENSEMBLE_FORWARD, "ensemble_forward", NULL, run_ensemble_forward},
    {"bulk", BULK, "bulk", NULL, run_bulk},
    {"gaussian.forward", GAUSSIAN, "gaussian", "forward", run_gaussian},
    {"improper", IMPROPER, "improper", NULL, run_improper},
};

/* What the case expects of a field, or NULL. */
static const json_t *expected_of(const struct options *options, const json_t *it, const struct field *field)
{
    const json_t *member = json_object_get(json_object_get(it, "expected"), field->member);

    if (!(options->fields & field->bit)) return NULL;
    return field->inside ? json_object_get(member, field->inside) : member;
}

static bool has_fields(const struct options *options, const json_t *it)
{
    for (size_t k = 0; k < LENGTH(fields); k++) {
        if (expected_of(options, it, &fields[k])) return true;
    }
    return false;
}

static void run_fields(struct run *run)
{
    for (size_t k = 0; k < LENGTH(fields) && !run->failed; k++) {
        const json_t *expected = expected_of(run->options, run->it, &fields[k]);

        if (expected) fields[k].run(run, expected);
    }
}

static bool run_case(const struct options *options, const json_t *it)
{
    struct run run = {.options = options, .it = it, .arena = arena_new()};

    run.diag = diag_new();
    run.batch = (uint32_t)json_integer_value(json_object_get(it, "samples"));
    if (run.batch == 0) failure(&run, "no samples");
    if (!run.failed && compile(&run) && open_modules(&run)) {
        set_parameters(&run);
        if (!has_fields(options, it)) failure(&run, "nothing that it expects can be had");
        run_fields(&run);
    } else {
        fail_with_messages(&run);
    }
    close_modules(&run);
    diag_free(run.diag);
    arena_free(run.arena);
    printf(run.failed ? "FAILED %s: %s\n" : "passed %s\n", case_word(it, "name"), run.reason);
    return !run.failed;
}

/* ---- the command line ---- */

static bool add_field(struct options *options, const char *name, size_t length)
{
    for (size_t k = 0; k < LENGTH(fields); k++) {
        if (strlen(fields[k].name) != length || strncmp(fields[k].name, name, length) != 0) continue;
        options->fields |= fields[k].bit;
        return true;
    }
    fprintf(stderr, "reference: no field '%.*s'\n", (int)length, name);
    return false;
}

static bool set_option(struct options *options, const char *name, const char *value)
{
    if (strcmp(name, "--engine") == 0) {
        options->engine = value;
        return true;
    }
    if (strcmp(name, "--precision") == 0) {
        options->real_bytes = strcmp(value, "f32") == 0 ? 4 : 8;
        return strcmp(value, "f32") == 0 || strcmp(value, "f64") == 0;
    }
    if (strcmp(name, "--fields") != 0) return false;
    for (; *value; value += *value == ',') {
        size_t length = strcspn(value, ",");

        if (!add_field(options, value, length)) return false;
        value += length;
    }
    return true;
}

/* Options may stand anywhere; what is none is the file, then names of cases. */
static bool read_options(int argc, char **argv, struct options *out)
{
    *out = (struct options){.engine = "interp", .real_bytes = 8, .names = argv + argc};
    for (int k = 1; k < argc; k++) {
        if (strncmp(argv[k], "--", 2) == 0) {
            if (k + 1 == argc || !set_option(out, argv[k], argv[k + 1])) return false;
            k++;
        } else if (!out->file) {
            out->file = argv[k];
        } else {
            argv[out->n_names++ + 1] = argv[k]; /* at most k names so far: the place is read already */
        }
    }
    out->names = argv + 1;
    if (out->fields == 0) out->fields = ALL_FIELDS;
    return out->file != NULL;
}

static bool is_wanted(const struct options *options, const char *name)
{
    for (int k = 0; k < options->n_names; k++) {
        if (strcmp(options->names[k], name) == 0) return true;
    }
    return options->n_names == 0;
}

/* A name on the command line that no case has is a failure: a typo must not pass. */
static int missing_names(const struct options *options, const json_t *cases)
{
    int missing = 0;

    for (int k = 0; k < options->n_names; k++) {
        bool found = false;

        for (size_t c = 0; c < json_array_size(cases); c++) {
            found = found || strcmp(case_word(json_array_get(cases, c), "name"), options->names[k]) == 0;
        }
        if (!found) printf("FAILED %s: no such case\n", options->names[k]);
        missing += !found;
    }
    return missing;
}

int main(int argc, char **argv)
{
    struct options options;
    json_error_t error;
    json_t *file;
    const json_t *cases;
    int passed = 0, failed;

    if (!read_options(argc, argv, &options)) {
        fprintf(stderr,
                "usage: reference FILE [--engine interp|jit] [--precision f32|f64] [--fields a,b,...] [case...]\n");
        return 2;
    }
    file = json_load_file(options.file, 0, &error);
    if (!file) {
        fprintf(stderr, "reference: %s:%d: %s\n", options.file, error.line, error.text);
        return 2;
    }
    cases = json_is_array(file) ? file : json_object_get(file, "cases");
    failed = missing_names(&options, cases);
    for (size_t k = 0; k < json_array_size(cases); k++) {
        const json_t *it = json_array_get(cases, k);

        if (!is_wanted(&options, case_word(it, "name"))) continue;
        if (options.fields != ALL_FIELDS && !has_fields(&options, it)) continue; /* not asked about */
        if (run_case(&options, it))
            passed++;
        else
            failed++;
    }
    json_decref(file);
    printf("%d passed, %d failed\n", passed, failed);
    return failed > 0;
}
