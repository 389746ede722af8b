/* fuzz_csv.c: any bytes as a csv, read with and without a header; the first byte chooses how, and which columns. */
#include "tests/fuzz/file.h"
#include "runtime/base/arena.h"
#include "runtime/data/data.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    if (size == 0) return 0;
    uint8_t how = data[0];
    write_input("csv", data + 1, size - 1, path);
    struct diag *diag = diag_new();
    struct arena *arena = arena_new();
    struct expr_pool pool;
    expr_pool_init(&pool, arena);
    const char *paths[] = {path};
    const struct column_pick one = {.from = 1, .to = 1}, two = {.name = "b"};
    const struct expr *of[] = {expr_variable(&pool, VAR_FIELD, 1, 1)};
    struct derived_spec derived[] = {
        {.which = DERIVED_COLUMNS, .n_picks = 1, .pick = &one},
        {.which = DERIVED_COLUMNS, .n_picks = 1, .pick = how & 4 ? &one : &two},
        {.which = how & 8 ? DERIVED_STANDARDIZE : DERIVED_NUMBER, .n_arguments = 1, .argument = of}};
    struct data_group group[] = {{.name = "x", .shown = "x", .size = 1, .input = true},
                                 {.name = "y", .shown = "y", .size = 1}};
    struct binding_spec binding[] = {
        {.group = "x", .shown = "x", .size = 1, .value = expr_variable(&pool, VAR_FIELD, 0, 1)},
        {.group = "y", .shown = "y", .size = 1, .value = expr_variable(&pool, VAR_FIELD, 2, 1)}};
    struct data_spec spec = {
        .present = true,
        .train = {.which = SOURCE_csv, .n_files = 1, .path = paths, .number = {',', how & 1, how >> 6}},
        .holdout = how & 2 ? 0.5 : 0,
        .n_derived = 3,
        .derived = derived,
        .n_bindings = 2,
        .binding = binding,
        .n_groups = 2,
        .group = group};
    struct data *opened = data_open(diag, &spec, 4, 1 << 20);
    if (!opened && !diag_failed(diag)) abort();
    FILE *nowhere = fopen("/dev/null", "w");
    if (!nowhere) abort();
    diag_print(diag, nowhere, DIAG_PLAIN);
    fclose(nowhere);
    data_free(opened);
    diag_free(diag);
    arena_free(arena);
    unlink(path);
    return 0;
}
