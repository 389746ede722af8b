/* fuzz_npy.c: any bytes as a NumPy array, of a plain group and of one with rows. */
#include "tests/fuzz/file.h"
#include "runtime/data/data.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    write_input("npy", data, size, path);
    struct diag *diag = diag_new();
    const char *field[] = {"image"}, *paths[] = {path};
    struct data_group groups[] = {{.name = "x", .shown = "x", .size = 4, .input = true},
                                  {.name = "x", .shown = "x", .size = 2, .rows = 3, .input = true}};
    struct data_spec spec = {.present = true,
                             .train = {.which = SOURCE_npy, .n_files = 1, .field = field, .path = paths},
                             .n_fields = 1,
                             .field = field,
                             .n_groups = 1};
    for (int i = 0; i < 2; i++) {
        spec.group = &groups[i];
        struct data *opened = data_open(diag, &spec, 4, 1 << 20);
        if (!opened && !diag_failed(diag)) abort();
        data_free(opened);
    }
    diag_free(diag);
    unlink(path);
    return 0;
}
