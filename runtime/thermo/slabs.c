/* slabs.c: the memory of a module's calls, and where fields stand in it. */
#include "runtime/thermo/slabs.h"

#include "runtime/thermo/products.h"

#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 64 };

bool slab_bytes(const struct nnt_module *module, enum nnt_slab slab, uint32_t batch, size_t *out_bytes)
{
    size_t moving;
    if (!size_product(module->size_per_sample[slab], batch, &moving)) return false;
    if (module->size[slab] > SIZE_MAX - moving) return false;
    return size_product(module->size[slab] + moving, module->real_bytes, out_bytes);
}

static void *slab_new(size_t bytes)
{
    if (bytes > SIZE_MAX - 2 * ALIGNMENT) return NULL;
    size_t rounded = (bytes + ALIGNMENT) / ALIGNMENT * ALIGNMENT;
    void *slab = aligned_alloc(ALIGNMENT, rounded);
    if (slab) memset(slab, 0, rounded);
    return slab;
}

bool slabs_init(struct diag *diag, struct span at, const struct nnt_module *module, uint32_t which, uint32_t batch,
                struct nnt_call *out)
{
    *out = (struct nnt_call){.batch = batch};
    call_products(out);
    for (uint32_t s = 0; s < NNT_SLABS; s++) {
        size_t bytes = SIZE_MAX;
        if (!(which >> s & 1)) continue;
        if (slab_bytes(module, s, batch, &bytes)) out->slab[s] = slab_new(bytes);
        if (out->slab[s]) continue;
        diag_machine(diag, at, "memory", "memory is short: %.1f MB are needed for a batch of %u samples",
                     (double)bytes / 1e6, batch);
        diag_hint(diag, "a smaller batch or network needs less");
        slabs_fini(out, which);
        return false;
    }
    return true;
}

void slabs_fini(struct nnt_call *call, uint32_t which)
{
    for (uint32_t s = 0; s < NNT_SLABS; s++) {
        if (!(which >> s & 1)) continue;
        free(call->slab[s]);
        call->slab[s] = NULL;
    }
}

uint32_t module_group(const struct nnt_module *module, const char *name)
{
    for (uint32_t k = 0; k < module->n_groups; k++)
        if (strcmp(module->group[k].name, name) == 0) return k;
    return NNT_NONE;
}

uint32_t module_largest(const struct nnt_module *module)
{
    uint32_t most = 0;
    for (uint32_t k = 0; k < module->n_groups; k++)
        if (module->group[k].size > most) most = module->group[k].size;
    return most;
}

/* Whether a group that is `among` waits for one that has no place yet. */
static bool waits(const struct nnt_module *module, const bool among[], const bool placed[], uint32_t group)
{
    for (uint32_t k = 0; k < module->n_blocks; k++) {
        const struct nnt_block *block = &module->block[k];
        if (block->to == group && among[block->from] && !placed[block->from]) return true;
    }
    return false;
}

uint32_t module_order(const struct nnt_module *module, const bool among[], bool placed[], uint32_t order[])
{
    uint32_t n = 0;
    for (bool any = true; any;) {
        any = false;
        for (uint32_t g = 0; g < module->n_groups; g++) {
            if (!among[g] || placed[g] || waits(module, among, placed, g)) continue;
            placed[g] = any = true;
            order[n++] = g;
        }
    }
    return n;
}

void widen_parameters(const struct nnt_module *from, const void *parameters, const struct nnt_module *to,
                      double *out)
{
    for (uint32_t p = 0; p < to->n_parameters; p++) {
        const struct nnt_field *wide = &to->field[to->parameter[p].field];
        uint64_t at = from->field[from->parameter[p].field].offset;
        for (uint64_t i = 0, n = field_length(wide); i < n; i++)
            out[wide->offset + i] = real_at(parameters, from->real_bytes, at + i);
    }
}
