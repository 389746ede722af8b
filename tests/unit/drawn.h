/* drawn.h: an ensemble in float64 with drawn parameters and data, for a test. */
#ifndef NNT_DRAWN_H
#define NNT_DRAWN_H

#include "runtime/base/random.h"
#include "runtime/thermo/ensemble.h"
#include "tests/engine/engine.h"
#include "tests/unit/checked.h"

static const struct span nowhere = {0};

struct drawn {
    struct checked checked;
    struct nnt_module *module;
    struct ensemble *ensemble;
    uint32_t count; /* of samples: 1 where there is no data */
    const double *data[8];
    double *q;
};

static inline double *draw(struct arena *arena, size_t n, double deviation, uint64_t seed, uint64_t stream)
{
    struct random random = random_stream(seed, RANDOM_PROBE, stream, 0);
    double *out = arena_alloc(arena, (n + 1) * sizeof *out);
    for (size_t i = 0; i < n; i++) out[i] = deviation * random_normal(&random);
    return out;
}

/* By the interpreter; `entries` beside those of a measurement; `batch` samples a call. */
static inline struct drawn drawn_open(const char *text, uint32_t entries, uint32_t batch, uint32_t count,
                                      uint64_t seed)
{
    struct drawn d = {.checked = check_text(text), .count = 1};
    assert_non_null(d.checked.model);
    entries |= 1u << NNT_ENTRY_ensemble_forward | 1u << NNT_ENTRY_linearise | 1u << NNT_ENTRY_relax;
    d.module = engine_module(d.checked.diag, d.checked.arena, d.checked.model, "interp", 8, entries);
    assert_non_null(d.module);
    d.ensemble = ensemble_new(d.checked.diag, nowhere, d.module, &d.checked.model->ensemble, batch);
    assert_non_null(d.ensemble);
    for (uint32_t g = 0; g < d.module->n_groups; g++) {
        if (d.module->group[g].data == NNT_NONE) continue;
        d.count = count;
        d.data[g] = draw(d.checked.arena, (size_t)count * d.module->group[g].size, 1, seed, 10 + g);
    }
    d.q = draw(d.checked.arena, d.module->size[NNT_PARAMETERS], 0.5, seed, 0);
    return d;
}

static inline void drawn_close(struct drawn *d)
{
    ensemble_free(d->ensemble);
    engine_release(d->module);
    release(&d->checked);
}

#endif
