/* fuzz_idx.c: any bytes as an IDX file. */
#include "tests/fuzz/file.h"
#include "runtime/data/data.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    write_input("idx", data, size, path);
    struct diag *diag = diag_new();
    const char *field[] = {"image"}, *paths[] = {path};
    struct data_group group = {.name = "x", .shown = "x", .size = 4, .input = true};
    struct data_spec spec = {.present = true,
                             .train = {.which = SOURCE_idx, .n_files = 1, .field = field, .path = paths},
                             .n_fields = 1,
                             .field = field,
                             .n_groups = 1,
                             .group = &group};
    struct data *opened = data_open(diag, &spec, 4, 1 << 20);
    if (!opened && !diag_failed(diag)) abort();
    data_free(opened);
    diag_free(diag);
    unlink(path);
    return 0;
}
