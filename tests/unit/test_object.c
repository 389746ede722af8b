/* test_object.c: outputs, losses, gradients and ten training steps of the object equal the JIT's, on every example and experiment. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <dlfcn.h>
#include <glob.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compiler/driver/exercise.h"
#include "lang/ast.h"
#include "lang/model.h"
#include "runtime/base/file.h"
#include "tests/engine/engine.h"

enum { BATCH = 13, STEPS = 10, PATH = 512, GUARD = 4096, GUARDED = 0xA5 };

/* What the shim asks for by the names that the header gives. */
struct given {
    void *(*array)(const char *name);
    double (*number)(const char *name);
    uint32_t batch;
    uint64_t step;
};
typedef int32_t shim_function(const struct given *given);
typedef size_t size_function(uint32_t batch);
/* What dlsym found is a function: POSIX lets its pointer be read as one. */
union found {
    void *object;
    shim_function *shim;
    size_function *size;
};

/* The object's functions have the parameters that the network has: a shim made from the header's prototypes calls them. It is compiled
 * with the header, so that names and types are the compiler's to check. */
static const char shim_begin[] =
    "#include \"net.h\"\n"
    "struct given {\n    void *(*array)(const char *name);\n"
    "    double (*number)(const char *name);\n    uint32_t batch;\n    uint64_t step;\n};\n";

struct test {
    struct exercise *jit;
    void *library, *work;
    void *parameters, *moments, *gradient;
    void **array; /* of each field that comes back a sample */
    double tolerance, steps_tolerance;
    size_t work_size; /* GUARD bytes stand behind */
};
/* The shim's lookups take no context. */
static struct test *current;

static const char *from_environment(const char *name, const char *otherwise)
{
    const char *value = getenv(name);
    return value ? value : otherwise;
}

/* ---- the shim ---- */

static void shim_argument(struct text *out, const char *from, const char *to)
{
    const char *name = to;
    while (name > from && name[-1] != ' ' && name[-1] != '*') name--;
    int length = (int)(to - name);
    if (!strncmp(from, "uint32_t ", 9) || !strncmp(from, "uint64_t ", 9))
        text_add(out, "given->%.*s", length, name);
    else
        text_add(out, "given->%s(\"%.*s\")", strncmp(from, "double ", 7) || name[-1] == '*' ? "array" : "number",
                 length, name);
}

/* For "int32_t net_f(type name, …);" the function that calls it. */
static void shim_add(struct text *out, const char *prototype)
{
    const char *open = strchr(prototype, '('), *close = strchr(prototype, ')');
    assert_non_null(open);
    assert_non_null(close);
    text_add(out, "int32_t shim_%.*s(const struct given *given);\n", (int)(open - prototype - 12), prototype + 12);
    text_add(out, "int32_t shim_%.*s(const struct given *given)\n{\n    return %.*s(", (int)(open - prototype - 12),
             prototype + 12, (int)(open - prototype - 8), prototype + 8);
    for (const char *at = open + 1; at < close;) {
        const char *end = at + strcspn(at, ",)");
        shim_argument(out, at, end);
        text_add(out, "%s", *end == ',' ? ", " : "");
        at = *end == ',' ? end + 2 : end;
    }
    text_add(out, ");\n}\n");
}

static void shim_write(const char *folder)
{
    struct diag *diag = diag_new();
    struct text out = {0};
    char path[PATH];
    size_t length;
    snprintf(path, sizeof path, "%s/net.h", folder);
    char *header = file_read(diag, (struct span){0}, path, 1 << 20, &length);
    assert_non_null(header);
    text_add(&out, "%s", shim_begin);
    for (const char *at = strstr(header, "\nint32_t net_"); at; at = strstr(at + 1, "\nint32_t net_"))
        shim_add(&out, at + 1);
    snprintf(path, sizeof path, "%s/shim.c", folder);
    assert_true(file_write(diag, (struct span){0}, path, out.data, out.length));
    text_fini(&out);
    free(header);
    diag_free(diag);
}

/* ---- what the shim is given ---- */

static bool is_named(const char *name, const char *prefix, const char *rest)
{
    size_t n = strlen(prefix);
    if (strncmp(name, prefix, n) != 0 || strlen(name + n) != strlen(rest)) return false;
    for (const char *c = name + n; *c; c++, rest++)
        if (*c != (*rest == '.' ? '_' : *rest)) return false;
    return true;
}

static void *at(const struct exercise *x, const struct nnt_field *field)
{
    size_t e = field->offset + (field->per_sample ? field->offset_per_sample * x->call.batch : 0);
    return (char *)x->call.slab[field->slab] + e * x->module->real_bytes;
}

static void *array_of(const char *name)
{
    const struct nnt_module *m = current->jit->module;
    if (!strcmp(name, "parameters")) return current->parameters;
    if (!strcmp(name, "moments")) return current->moments;
    if (!strcmp(name, "gradient")) return current->gradient;
    if (!strcmp(name, "work")) return current->work;
    for (uint32_t g = 0; g < m->n_groups; g++) {
        const struct nnt_group *it = &m->group[g];
        if (is_named(name, "input_", it->name) || is_named(name, "target_", it->name))
            return at(current->jit, &m->field[it->data]);
        if (is_named(name, "output_", it->name)) return current->array[it->seen != NNT_NONE ? it->seen : it->state];
    }
    for (uint32_t f = 0; f < m->n_fields; f++)
        if (m->field[f].slab == NNT_RESULT && is_named(name, "", m->field[f].name)) return current->array[f];
    fail_msg("the header asks for %s", name);
    return NULL;
}

static double number_of(const char *name)
{
    static const char *const names[NNT_NUMBERS] = {
        [NNT_RATE] = "rate", [NNT_STEP] = "step", [NNT_BOUNDARY] = "boundary", [NNT_BULK] = "bulk"};
    for (uint32_t n = 0; n < NNT_NUMBERS; n++)
        if (!strcmp(name, names[n])) return current->jit->call.number[n];
    fail_msg("the header asks for %s", name);
    return 0;
}

/* ---- both in turn ---- */

static void test_open(struct test *t, const char *folder, const char *file, const char *precision)
{
    const struct nnt_module *m = t->jit->module;
    const char *cc = from_environment("NNT_CC", "cc");
    char command[4 * PATH], path[PATH];
    snprintf(command, sizeof command, "%s build %s --quiet --precision %s -o %s/net 2> %s/said",
             from_environment("NNT", "./nnt"), file, precision, folder, folder);
    if (system(command)) fail_msg("%s", command);
    shim_write(folder);
    snprintf(command, sizeof command,
             "cd %s && %s -std=c99 -Wall -Wextra -Wpedantic -Werror -fPIC -shared -o net_%s.so shim.c net.o",
             folder, cc, precision);
    if (system(command)) fail_msg("%s", command);
    snprintf(path, sizeof path, "%s/net_%s.so", folder, precision);
    t->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!t->library) fail_msg("%s", dlerror());
    union found size = {dlsym(t->library, "net_work_size")};
    assert_non_null(size.object);
    t->work_size = size.size(BATCH);
    t->work = malloc(t->work_size + GUARD);
    t->parameters = calloc(m->size[NNT_PARAMETERS] + 1, m->real_bytes);
    t->moments = calloc(m->size[NNT_MOMENTS] + 1, m->real_bytes);
    t->gradient = calloc(m->size[NNT_GRADIENT] + 1, m->real_bytes);
    t->array = calloc(m->n_fields, sizeof *t->array);
    assert_true(t->work && t->parameters && t->moments && t->gradient && t->array);
    for (uint32_t f = 0; f < m->n_fields; f++)
        if (m->field[f].slab == NNT_RESULT || m->field[f].slab == NNT_STATE)
            t->array[f] = calloc(exercise_size(t->jit, &m->field[f]), m->real_bytes);
    memset((char *)t->work + t->work_size, GUARDED, GUARD);
    memcpy(t->parameters, t->jit->call.slab[NNT_PARAMETERS], m->size[NNT_PARAMETERS] * m->real_bytes);
}

static void test_close(struct test *t)
{
    for (uint32_t f = 0; f < t->jit->module->n_fields; f++) free(t->array[f]);
    free(t->array);
    free(t->parameters);
    free(t->moments);
    free(t->gradient);
    free(t->work);
    dlclose(t->library);
}

/* Runs the entry of the JIT and the function of the object; false where the network has neither. */
static bool both(struct test *t, enum nnt_entry_name entry, const char *function, uint64_t step)
{
    const struct given given = {array_of, number_of, BATCH, step};
    char name[64];
    snprintf(name, sizeof name, "shim_%s", function);
    union found found = {dlsym(t->library, name)};
    assert_int_equal(found.object != NULL, t->jit->module->entry[entry] != NULL);
    if (!found.object) return false;
    exercise_run(t->jit, entry);
    current = t;
    assert_int_equal(found.shim(&given), 0);
    for (size_t i = 0; i < GUARD; i++) assert_int_equal(((unsigned char *)t->work)[t->work_size + i], GUARDED);
    return true;
}

/* What the JIT has in a field, and what the object gave, element by element. */
static void compare(const struct test *t, const struct nnt_field *field, const void *got, double tolerance,
                    const char *what)
{
    const struct exercise *x = t->jit;
    for (uint64_t e = 0, n = exercise_size(x, field); e < n; e++) {
        double a = x->module->real_bytes == 4 ? (double)((const float *)got)[e] : ((const double *)got)[e],
               b = exercise_get(x, field, e);
        if (!(fabs(a - b) <= tolerance * (1 + fabs(b))))
            fail_msg("%s, %s[%llu]: object %.17g, JIT %.17g", what, field->name, (unsigned long long)e, a, b);
    }
}

static void compare_outputs(const struct test *t, double tolerance)
{
    const struct nnt_module *m = t->jit->module;
    for (uint32_t g = 0; g < m->n_groups; g++) {
        uint32_t field = m->group[g].seen != NNT_NONE ? m->group[g].seen : m->group[g].state;
        if (m->group[g].flags & NNT_OUTPUT) compare(t, &m->field[field], t->array[field], tolerance, "forward");
    }
}

/* The numbers of each sample; by how many ticks and steps rounding may tell, whether they failed may not differ. */
static void compare_numbers(const struct test *t, bool minimizing, double tolerance, const char *what)
{
    const struct nnt_module *m = t->jit->module;
    bool bulk = minimizing && m->objective != NNT_ON_BOUNDARY;
    if (m->loss != NNT_NONE) compare(t, &m->field[m->loss], t->array[m->loss], tolerance, what);
    if (bulk) compare(t, &m->field[m->H], t->array[m->H], tolerance, what);
    if (m->settle_failed != NNT_NONE) compare(t, &m->field[m->settle_failed], t->array[m->settle_failed], 0, what);
    if (bulk) compare(t, &m->field[m->relax_failed], t->array[m->relax_failed], 0, what);
}

static void compare_all(struct test *t)
{
    double tolerance = t->tolerance;
    const struct nnt_module *m = t->jit->module;
    assert_true(both(t, NNT_ENTRY_forward, "forward", 0));
    compare_outputs(t, tolerance);
    if (both(t, NNT_ENTRY_loss, "loss", 0)) compare_numbers(t, false, tolerance, "loss");
    if (!both(t, NNT_ENTRY_gradient, "gradient", 0)) return;
    compare_numbers(t, true, tolerance, "gradient");
    for (uint32_t p = 0; p < m->n_parameters; p++) {
        if (m->parameter[p].gradient == NNT_NONE) continue;
        const struct nnt_field *g = &m->field[m->parameter[p].gradient];
        compare(t, g, (const char *)t->gradient + g->offset * m->real_bytes, tolerance, "gradient");
    }
    for (uint64_t step = 1; step <= STEPS; step++) {
        t->jit->call.number[NNT_STEP] = (double)step;
        if (!both(t, NNT_ENTRY_step, "train_step", step)) return;
        /* The first step's results are those of the same weights; from then on the weights differ as `ten steps` below. */
        compare_numbers(t, true, step == 1 ? tolerance : t->steps_tolerance, "train_step");
    }
    for (uint32_t p = 0; p < m->n_parameters; p++) {
        const struct nnt_field *w = &m->field[m->parameter[p].field];
        compare(t, w, (const char *)t->parameters + w->offset * m->real_bytes, t->steps_tolerance, "ten steps");
    }
}

/* NULL where the file asks for what is not there yet. */
static struct model *model_of(struct diag *diag, struct arena *arena, const char *path)
{
    size_t length;
    char *text = file_read(diag, (struct span){0}, path, 1 << 20, &length);
    assert_non_null(text);
    struct ast_source *source = parse(diag, arena, arena_printf(arena, "%s", path), text, length);
    struct model *model = source ? check(diag, arena, source, NULL, 0) : NULL;
    free(text);
    return model;
}

/* Weights as drawn make many a map that never settles and doubles what rounding did to it; these contract. What settles or relaxes stops
 * somewhere within its tolerance: ten small steps do not carry that far. */
static void make_calm(struct exercise *x)
{
    const struct nnt_module *m = x->module;
    x->call.number[NNT_RATE] = 0.001;
    for (uint32_t p = 0; p < m->n_parameters; p++) {
        const struct nnt_field *field = &m->field[m->parameter[p].field];
        for (uint64_t e = 0, n = m->parameter[p].is_weight ? exercise_size(x, field) : 0; e < n; e++)
            exercise_set(x, field, e, exercise_get(x, field, e) / 4);
    }
}

static bool check_file(const char *path, uint32_t real_bytes, double tolerance)
{
    struct diag *diag = diag_new();
    struct arena *arena = arena_new();
    char folder[] = "/tmp/nnt-object-XXXXXX", command[PATH];
    uint32_t entries =
        1u << NNT_ENTRY_forward | 1u << NNT_ENTRY_loss | 1u << NNT_ENTRY_gradient | 1u << NNT_ENTRY_step;
    struct model *model = model_of(diag, arena, path);
    if (model) {
        struct nnt_module *module = engine_module(diag, arena, model, "jit", real_bytes, entries);
        assert_non_null(module);
        assert_non_null(mkdtemp(folder));
        struct exercise jit = exercise_open(module, BATCH);
        /* All but sgd divide by the size of the gradient: where that is rounding alone, or what relaxation left of it, one of the two
         * may take a whole step of 0.001 that the other does not. */
        bool divides = model->optimizer.which != OPTIMIZER_sgd;
        double coarse = divides ? 100 : 1;
        struct test t = {.jit = &jit, .tolerance = tolerance, .steps_tolerance = tolerance * coarse};
        exercise_draw(&jit, 5);
        if (module->objective == NNT_ON_BOTH) jit.call.number[NNT_BOUNDARY] = 0.75, jit.call.number[NNT_BULK] = 0.5;
        if (module->settle_ticks != NNT_NONE || module->objective != NNT_ON_BOUNDARY) make_calm(&jit);
        test_open(&t, folder, path, real_bytes == 4 ? "f32" : "f64");
        print_message("%s, f%u\n", path, (unsigned)(8 * real_bytes));
        compare_all(&t);
        test_close(&t);
        exercise_close(&jit);
        engine_release(module);
        snprintf(command, sizeof command, "rm -r %s", folder);
        assert_int_equal(system(command), 0);
    }
    diag_free(diag);
    arena_free(arena);
    return model != NULL;
}

static uint32_t check_files(const char *pattern)
{
    char path[PATH];
    glob_t found;
    uint32_t checked = 0;
    snprintf(path, sizeof path, "%s/%s", from_environment("NNT_SOURCE", "."), pattern);
    assert_int_equal(glob(path, 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++)
        checked += check_file(found.gl_pathv[i], 4, 1e-5) && check_file(found.gl_pathv[i], 8, 1e-12);
    globfree(&found);
    return checked;
}

static void objects_equal_jit(void **state)
{
    (void)state;
    assert_true(check_files("examples/*.nnt") >= 6);
    assert_true(check_files("tests/language/*.nnt") >= 10);
    assert_true(check_files("tests/end_to_end/*.nnt") >= 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(objects_equal_jit)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
