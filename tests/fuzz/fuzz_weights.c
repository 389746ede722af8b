/* fuzz_weights.c: any bytes as a weights file. */
#include <math.h>
#include "tests/fuzz/file.h"
#include "runtime/record/record.h"

static const struct nnt_field fields[] = {
    {.name = "weight.x.y", .slab = NNT_PARAMETERS, .rank = 2, .extent = {2, 3}},
    {.name = "bias.y", .slab = NNT_PARAMETERS, .rank = 1, .extent = {2}, .offset = 16}};
static const struct nnt_parameter parameters[] = {{.field = 0, .gradient = NNT_NONE, .is_weight = 1},
                                                  {.field = 1, .gradient = NNT_NONE}};
static const struct nnt_module module = {.abi_version = NNT_ABI_VERSION,
                                         .real_bytes = 4,
                                         .name = "fuzz",
                                         .field = fields,
                                         .parameter = parameters,
                                         .n_fields = 2,
                                         .n_parameters = 2,
                                         .size = {[NNT_PARAMETERS] = 32}};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    float values[32] = {0};
    write_input("weights", data, size, path);
    struct diag *diag = diag_new();
    bool read = weights_read(diag, (struct span){0}, path, &module, values);
    if (read == diag_failed(diag)) abort();
    for (int i = 0; read && i < 32; i++)
        if (!isfinite(values[i])) abort();
    diag_free(diag);
    unlink(path);
    return 0;
}
