/* test_object.c: outputs, losses, gradients and ten training steps of the object equal the JIT's, on every example. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lang/ast.h"
#include "lang/model.h"
#include "runtime/base/file.h"
#include "tests/engine/engine.h"
#include "compiler/driver/exercise.h"

enum { BATCH = 13, STEPS = 10, PATH = 512 };

/* The object's functions, for networks of one input and one output; reals are float or double. */
typedef int32_t forward_function(const void *parameters, uint32_t batch, const void *x, void *y, void *work);
typedef int32_t loss_function(const void *parameters, uint32_t batch, const void *x, const void *t, void *loss,
                              void *work);
typedef int32_t gradient_function(const void *parameters, uint32_t batch, const void *x, const void *t, void *loss,
                                  void *gradient, void *work);
typedef int32_t step_function(void *parameters, void *moments, uint32_t batch, const void *x, const void *t,
                              double rate, uint64_t step, void *loss, void *work);
typedef size_t size_function(uint32_t batch);

struct object {
    void *library, *work;
    const char *name;
};

/* What dlsym found is a function: POSIX lets its pointer be read as one. */
union found {
    void *object;
    forward_function *forward;
    loss_function *loss;
    gradient_function *gradient;
    step_function *step;
    size_function *size;
};

static union found symbol(const struct object *object, const char *function)
{
    char name[128];
    snprintf(name, sizeof name, "%s_%s", object->name, function);
    union found found = {dlsym(object->library, name)};
    if (!found.object) fail_msg("%s is not in the object", name);
    return found;
}

static const char *from_environment(const char *name, const char *otherwise)
{
    const char *value = getenv(name);
    return value ? value : otherwise;
}

static struct object object_open(const char *folder, const char *name, const char *precision)
{
    struct object object = {.name = name};
    char command[4 * PATH], path[PATH];
    snprintf(command, sizeof command,
             "%s build %s/examples/%s.nnt --quiet --precision %s -o %s/%s && %s -shared -o %s/%s_%s.so %s/%s.o",
             from_environment("NNT", "./nnt"), from_environment("NNT_SOURCE", "."), name, precision, folder, name,
             from_environment("NNT_CC", "cc"), folder, name, precision, folder, name);
    if (system(command)) fail_msg("%s", command);
    snprintf(path, sizeof path, "%s/%s_%s.so", folder, name, precision);
    object.library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!object.library) fail_msg("%s", dlerror());
    object.work = malloc(symbol(&object, "work_size").size(BATCH));
    assert_non_null(object.work);
    return object;
}

static void object_close(struct object *object)
{
    free(object->work);
    dlclose(object->library);
}

/* What the JIT has in a field, and what the object gave, element by element. */
static void compare(const struct exercise *x, const struct nnt_field *field, const void *got, double tolerance,
                    const char *what)
{
    for (uint64_t e = 0, n = exercise_size(x, field); e < n; e++) {
        double a = x->module->real_bytes == 4 ? (double)((const float *)got)[e] : ((const double *)got)[e],
               b = exercise_get(x, field, e);
        if (!(fabs(a - b) <= tolerance * (1 + fabs(b))))
            fail_msg("%s, %s[%llu]: object %.17g, JIT %.17g", what, field->name, (unsigned long long)e, a, b);
    }
}

static const void *at(const struct exercise *x, const struct nnt_field *field)
{
    size_t e = field->offset + (field->per_sample ? field->offset_per_sample * x->call.batch : 0);
    return (const char *)x->call.slab[field->slab] + e * x->module->real_bytes;
}

static const struct nnt_group *group_with(const struct nnt_module *module, uint32_t flag)
{
    for (uint32_t g = 0; g < module->n_groups; g++)
        if (module->group[g].flags & flag) return &module->group[g];
    fail();
    return NULL;
}

static void compare_example(struct exercise *jit, const struct object *object, double tolerance)
{
    const struct nnt_module *m = jit->module;
    const struct nnt_field *x = &m->field[group_with(m, NNT_INPUT)->data],
                           *t = &m->field[group_with(m, NNT_OUTPUT)->data];
    const struct nnt_field *y = &m->field[group_with(m, NNT_OUTPUT)->state], *loss_field = &m->field[m->loss];
    void *out = calloc(BATCH * 4096u, 8), *loss = calloc(BATCH, 8),
         *gradient = calloc(m->size[NNT_GRADIENT] + 1, m->real_bytes);
    size_t bytes = m->size[NNT_PARAMETERS] * m->real_bytes;
    void *parameters = malloc(bytes), *moments = calloc(m->size[NNT_MOMENTS] + 1, m->real_bytes);
    assert_true(out && loss && gradient && parameters && moments);
    memcpy(parameters, jit->call.slab[NNT_PARAMETERS], bytes);
    exercise_run(jit, NNT_ENTRY_forward);
    assert_int_equal(symbol(object, "forward").forward(parameters, BATCH, at(jit, x), out, object->work), 0);
    compare(jit, y, out, tolerance, "forward");
    exercise_run(jit, NNT_ENTRY_gradient);
    assert_int_equal(symbol(object, "gradient")
                         .gradient(parameters, BATCH, at(jit, x), at(jit, t), loss, gradient, object->work),
                     0);
    compare(jit, loss_field, loss, tolerance, "gradient");
    for (uint32_t p = 0; p < m->n_parameters; p++)
        if (m->parameter[p].gradient != NNT_NONE) {
            const struct nnt_field *g = &m->field[m->parameter[p].gradient];
            compare(jit, g, (const char *)gradient + g->offset * m->real_bytes, tolerance, "gradient");
        }
    for (uint64_t step = 1; step <= STEPS; step++) {
        jit->call.number[NNT_STEP] = (double)step;
        exercise_run(jit, NNT_ENTRY_step);
        assert_int_equal(symbol(object, "train_step")
                             .step(parameters, moments, BATCH, at(jit, x), at(jit, t), jit->call.number[NNT_RATE],
                                   step, loss, object->work),
                         0);
        compare(jit, loss_field, loss, tolerance, "train_step");
    }
    for (uint32_t p = 0; p < m->n_parameters; p++) {
        const struct nnt_field *w = &m->field[m->parameter[p].field];
        compare(jit, w, (const char *)parameters + w->offset * m->real_bytes, tolerance, "ten steps");
    }
    assert_int_equal(symbol(object, "loss").loss(parameters, BATCH, at(jit, x), at(jit, t), loss, object->work), 0);
    free(out);
    free(loss);
    free(gradient);
    free(parameters);
    free(moments);
}

static void check_example(const char *name, uint32_t real_bytes, double tolerance)
{
    struct diag *diag = diag_new();
    struct arena *arena = arena_new();
    char path[PATH], folder[] = "/tmp/nnt-object-XXXXXX";
    size_t length;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/examples/%s.nnt", from_environment("NNT_SOURCE", "."), name);
    char *text = file_read(diag, (struct span){0}, path, 1 << 20, &length);
    assert_non_null(text);
    struct ast_source *source = parse(diag, arena, path, text, length);
    struct model *model = source ? check(diag, arena, source, NULL, 0) : NULL;
    assert_non_null(model);
    uint32_t entries =
        1u << NNT_ENTRY_forward | 1u << NNT_ENTRY_loss | 1u << NNT_ENTRY_gradient | 1u << NNT_ENTRY_step;
    struct nnt_module *module = engine_module(diag, arena, model, "jit", real_bytes, entries);
    assert_non_null(module);
    struct exercise jit = exercise_open(module, BATCH);
    struct object object = object_open(folder, name, real_bytes == 4 ? "f32" : "f64");
    exercise_draw(&jit, 5);
    compare_example(&jit, &object, tolerance);
    exercise_close(&jit);
    object_close(&object);
    engine_release(module);
    free(text);
    diag_free(diag);
    arena_free(arena);
    snprintf(path, sizeof path, "rm -r %s", folder);
    assert_int_equal(system(path), 0);
}

static void objects_equal_jit(void **state)
{
    static const char *const examples[] = {"digits", "xor", "spirals", "mnist", "autoencoder", "houses"};
    (void)state;
    for (size_t i = 0; i < LENGTH(examples); i++) {
        check_example(examples[i], 4, 1e-5);
        check_example(examples[i], 8, 1e-12);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(objects_equal_jit)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
