/* test_llvm_object.c: a network built by hand as an object file: its header, its symbols, and a C program that
 * calls it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/driver/compile.h"
#include "runtime/base/file.h"
#include "tests/engine/plan.h"

/* y = W x + b, loss = sum of (y - t)^2, and a step that is only b -= rate * step * m: enough to see each argument
 * arrive. */
enum { WIDE = 3, HIGH = 2 };

static const struct nnt_field linear_fields[] = {
    {"weight.x.y.1", NNT_PARAMETERS, 0, 2, {HIGH, WIDE, 1}, 0, 0},
    {"bias.y.1", NNT_PARAMETERS, 0, 1, {HIGH, 1, 1}, HIGH *WIDE, 0},
    {"data.x", NNT_DATA, 1, 1, {WIDE, 1, 1}, 0, 0},
    {"data.y.1", NNT_DATA, 1, 1, {HIGH, 1, 1}, 0, WIDE},
    {"state.x", NNT_STATE, 1, 1, {WIDE, 1, 1}, 0, 0},
    {"state.y.1", NNT_STATE, 1, 1, {HIGH, 1, 1}, 0, WIDE},
    {"loss", NNT_RESULT, 1, 0, {1, 1, 1}, 0, 0},
};
static const struct nnt_group linear_groups[] = {
    {.name = "x", .size = WIDE, .flags = NNT_INPUT, .data = 2, .state = 4, .seen = NNT_NONE},
    {.name = "y.1", .size = HIGH, .flags = NNT_OUTPUT, .data = 3, .state = 5, .seen = NNT_NONE},
};
static const struct nnt_parameter linear_parameters[] = {{.field = 0, .is_weight = 1}, {.field = 1}};
static const struct nnt_module linear = {
    .abi_version = NNT_ABI_VERSION,
    .name = "linear",
    .field = linear_fields,
    .parameter = linear_parameters,
    .group = linear_groups,
    .n_fields = LENGTH(linear_fields),
    .n_parameters = 2,
    .n_groups = 2,
    .loss = 6,
    .H = NNT_NONE,
    .settle_ticks = NNT_NONE,
    .settle_failed = NNT_NONE,
    .relax_steps = NNT_NONE,
    .relax_failed = NNT_NONE,
    .size = {[NNT_PARAMETERS] = HIGH * (WIDE + 1), [NNT_GRADIENT] = HIGH * (WIDE + 1), [NNT_MOMENTS] = HIGH},
    .size_per_sample = {[NNT_DATA] = WIDE + HIGH, [NNT_STATE] = WIDE + HIGH, [NNT_RESULT] = 1},
};

static uint32_t load_at(struct plan *p, uint32_t slab, uint64_t offset, uint64_t per_sample, const int64_t stride[])
{
    return plan_add(p,
                    (struct scalar){.op = SCALAR_LOAD, .index = plan_operand(p, slab, offset, per_sample, stride)});
}

static void linear_forward(struct plan *p)
{
    plan_nest(p, 3, (uint32_t[]){NEST_BATCH, HIGH, WIDE}, 4, HOW_BLAS);
    uint32_t x = plan_load(p, NNT_DATA, 0, (int64_t[]){WIDE, 0, 1}),
             w = plan_load(p, NNT_PARAMETERS, 0, (int64_t[]){0, WIDE, 1});
    plan_accumulate(p, plan_apply(p, PRIMITIVE_mul, x, w, 0), REDUCE_SUM);
    uint32_t y = plan_accumulated(p, 0), b = plan_load(p, NNT_PARAMETERS, HIGH * WIDE, (int64_t[]){0, 1, 0});
    uint32_t to = plan_operand(p, NNT_STATE, 0, WIDE, (int64_t[]){HIGH, 1, 0});
    p->nest->how = HOW_TILES;
    plan_add(p, (struct scalar){.op = SCALAR_STORE, .a = plan_apply(p, PRIMITIVE_add, y, b, 0), .index = to});
}

static void linear_loss(struct plan *p)
{
    plan_nest(p, 2, (uint32_t[]){NEST_BATCH, HIGH}, 2, HOW_LOOPS);
    uint32_t y = load_at(p, NNT_STATE, 0, WIDE, (int64_t[]){HIGH, 1});
    uint32_t t = load_at(p, NNT_DATA, 0, WIDE, (int64_t[]){HIGH, 1});
    uint32_t d = plan_apply(p, PRIMITIVE_sub, y, t, 0);
    plan_accumulate(p, plan_apply(p, PRIMITIVE_mul, d, d, 0), REDUCE_SUM);
    plan_store(p, plan_accumulated(p, 0), NNT_RESULT, 0, (int64_t[]){1, 0});
}

static void linear_step(struct plan *p)
{
    plan_nest(p, 1, (uint32_t[]){HIGH}, 0, HOW_LOOPS);
    int64_t one[] = {1};
    uint32_t rate = plan_add(p, (struct scalar){.op = SCALAR_ARGUMENT, .index = NNT_RATE});
    uint32_t step = plan_add(p, (struct scalar){.op = SCALAR_ARGUMENT, .index = NNT_STEP});
    uint32_t b = plan_load(p, NNT_PARAMETERS, HIGH * WIDE, one), m = plan_load(p, NNT_MOMENTS, 0, one);
    uint32_t change = plan_apply(p, PRIMITIVE_mul, plan_apply(p, PRIMITIVE_mul, rate, step, 0), m, 0);
    plan_store(p, plan_apply(p, PRIMITIVE_sub, b, change, 0), NNT_PARAMETERS, HIGH * WIDE, one);
}

static const char program_text[] =
    "#include <math.h>\n#include <stdlib.h>\n#include \"one.h\"\n#include \"two.h\"\n"
    "#define N 5\n"
    "int main(void)\n{\n"
    "    float p[ONE_PARAMETERS], m[ONE_MOMENTS] = {1, 2}, x[N * ONE_X_SIZE], t[N * ONE_Y_1_SIZE], y[N * "
    "ONE_Y_1_SIZE], l[N];\n"
    "    double z[N * TWO_Y_1_SIZE], q[N * TWO_X_SIZE];\n"
    "    char *work = malloc(one_work_size(N) + two_work_size(N) + 3);\n"
    "    int i, j, b;\n"
    "    for (i = 0; i < ONE_PARAMETERS; i++) p[i] = one_weights[i];\n"
    "    for (i = 0; i < N * ONE_X_SIZE; i++) q[i] = x[i] = (float)(i % 7) - 2;\n"
    "    for (i = 0; i < N * ONE_Y_1_SIZE; i++) t[i] = (float)i / 4;\n"
    "    if (one_forward(p, N, x, y, work + 3) || two_forward(two_weights, N, q, z, work)) return 1;\n"
    "    if (!one_forward(p, 0, x, y, work) || one_loss(p, N, x, t, l, work)) return 2;\n"
    "    for (b = 0; b < N; b++) {\n"
    "        double loss = 0;\n"
    "        for (i = 0; i < 2; i++) {\n"
    "            double sum = one_weights[6 + i];\n"
    "            for (j = 0; j < 3; j++) sum += one_weights[i * 3 + j] * x[b * 3 + j];\n"
    "            if (fabs(sum - y[b * 2 + i]) > 1e-5 || fabs(sum - z[b * 2 + i]) > 1e-12) return 3;\n"
    "            loss += (sum - t[b * 2 + i]) * (sum - t[b * 2 + i]);\n"
    "        }\n"
    "        if (fabs(loss - l[b]) > 1e-4 * loss) return 4;\n"
    "    }\n"
    "    if (one_train_step(p, m, N, x, t, 0.5, 3, l, work)) return 5;\n"
    "    if (p[6] != one_weights[6] - 1.5f || p[7] != one_weights[7] - 3) return 6;\n"
    "    free(work);\n    return 0;\n}\n";

static void write_text(const char *folder, const char *name, const char *text)
{
    struct diag *diag = diag_new();
    char *path = file_join(folder, name);
    assert_true(file_write(diag, (struct span){0}, path, text, strlen(text)));
    free(path);
    diag_free(diag);
}

static void write_object(const char *folder, const char *name, uint32_t real_bytes)
{
    static const double weights[] = {0.5, -1, 2, 0.25, 3, -0.75, 1, -2};
    static const float single[] = {0.5f, -1, 2, 0.25f, 3, -0.75f, 1, -2};
    struct plan forward = plan_new(), loss = plan_new(), step = plan_new();
    linear_forward(&forward), linear_forward(&loss), linear_loss(&loss), linear_forward(&step), linear_loss(&step);
    linear_step(&step);
    struct kernels kernels = {.description = &linear, .real_bytes = real_bytes};
    kernels.entry[NNT_ENTRY_forward] = forward.nests, kernels.entry[NNT_ENTRY_loss] = loss.nests;
    kernels.entry[NNT_ENTRY_step] = step.nests;
    struct diag *diag = diag_new();
    const struct llvm_box *box = llvm_box(diag);
    assert_non_null(box);
    struct target target = {.real_bytes = real_bytes, .batch = 8};
    target.vector_bytes = box->vector_bytes(&target);
    char object[512], header[512];
    snprintf(object, sizeof object, "%s/%s.o", folder, name),
        snprintf(header, sizeof header, "%s/%s.h", folder, name);
    struct object_options options = {name, object, header, real_bytes == 4 ? (const void *)single : weights,
                                     "a test"};
    assert_true(box->object(diag, &kernels, &target, &options));
    diag_free(diag);
    arena_free(forward.arena), arena_free(loss.arena), arena_free(step.arena);
}

/* Runs a command in the folder; fails where it prints anything or does not end with 0. */
static void silent(const char *folder, const char *command)
{
    char line[1024], output[512] = "";
    snprintf(line, sizeof line, "cd %s && %s 2>&1", folder, command);
    FILE *pipe = popen(line, "r");
    assert_non_null(pipe);
    size_t n = fread(output, 1, sizeof output - 1, pipe);
    int status = pclose(pipe);
    if (n || status) fail_msg("%s: status %d\n%s", command, status, output);
}

static void test_objects(void **state)
{
    (void)state;
    char folder[] = "/tmp/nnt-test-llvm-XXXXXX";
    assert_non_null(mkdtemp(folder));
    write_object(folder, "one", 4), write_object(folder, "two", 8);
    write_text(folder, "program.c", program_text);
    silent(folder, "nm -u one.o two.o | grep -v '^$' | grep -v ':$' || true");
    silent(folder, "nm -g --defined-only one.o | awk 'NF == 3 && $3 !~ /^one_/'");
    silent(folder, "gcc -std=c99 -Wall -Wextra -Wpedantic -Werror -fsyntax-only -x c one.h");
    silent(folder, "gcc -std=c17 -Wall -Wextra -Wpedantic -Werror -fsyntax-only -x c two.h");
    silent(folder, "g++ -std=c++17 -Wall -Wextra -Wpedantic -Werror -fsyntax-only -x c++ one.h");
    silent(folder, "gcc -std=c99 -Wall -Wextra -Wpedantic -Werror program.c one.o two.o -lm -o program");
    silent(folder, "./program");
    silent(folder, "rm -r \"$PWD\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_objects)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
