/* fixture.h: a graph and the module around it made by hand, its plans, and calls of them: for tests of what lies between. */
#ifndef NNT_FIXTURE_H
#define NNT_FIXTURE_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/pass/pass.h"
#include "runtime/base/random.h"

enum { MOST_FIELDS = 64 };
struct fixture {
    struct arena *arena;
    struct diag *diag;
    struct ir *g;
    uint32_t seed; /* of a graph that was drawn */
    struct nnt_module description;
    struct nnt_field field[MOST_FIELDS];
};

static inline void begin(struct fixture *f)
{
    memset(f, 0, sizeof *f);
    f->arena = arena_new();
    f->diag = diag_new();
    f->g = ir_new(f->arena, 8);
    f->g->field = f->field;
    f->description = (struct nnt_module){.abi_version = NNT_ABI_VERSION, .real_bytes = 8, .field = f->field};
}

static inline void end(struct fixture *f)
{
    assert_false(diag_failed(f->diag));
    diag_free(f->diag);
    arena_free(f->arena);
}

static inline uint32_t add_field(struct fixture *f, const char *name, uint32_t slab, bool per_sample, uint32_t rank,
                                 uint32_t m, uint32_t n)
{
    uint64_t size = ((uint64_t)(rank > 0 ? m : 1) * (rank > 1 ? n : 1) + 15) / 16 * 16;
    struct nnt_field field = {.name = name, .slab = slab, .per_sample = per_sample, .rank = rank, .extent = {m, n}};
    field.offset = f->description.size[slab];
    if (per_sample) field.offset_per_sample = f->description.size_per_sample[slab];
    *(per_sample ? &f->description.size_per_sample[slab] : &f->description.size[slab]) += size;
    assert_true(f->g->n_fields < MOST_FIELDS);
    f->field[f->g->n_fields] = field;
    f->description.n_fields = ++f->g->n_fields;
    return f->g->n_fields - 1;
}

/* Offsets of fields of a sample must count all fields of fixed size, whichever came first. */
static inline void finish_fields(struct fixture *f)
{
    for (uint32_t k = 0; k < f->g->n_fields; k++)
        if (f->field[k].per_sample) f->field[k].offset = f->description.size[f->field[k].slab];
}

static inline ir_id map1(struct ir *g, enum primitive op, ir_id a)
{
    return ir_map(g, op, a, IR_NONE, IR_NONE);
}
static inline ir_id map2(struct ir *g, enum primitive op, ir_id a, ir_id b)
{
    return ir_map(g, op, a, b, IR_NONE);
}

static inline struct kernels fixture_plan(struct fixture *f, struct target target)
{
    struct kernels kernels;
    struct pass_watch watch = {.verify = true, .dump_after = getenv("NNT_DUMP"), .to = stderr};
    target.real_bytes = 8;
    target.vector_bytes = 32;
    assert_true(run_passes(f->diag, f->arena, f->g, &f->description, &target, &watch, NULL, &kernels));
    return kernels;
}

static inline uint64_t slab_size(const struct fixture *f, uint32_t slab, uint32_t batch)
{
    return f->description.size[slab] + f->description.size_per_sample[slab] * batch;
}

static inline void fill_call(const struct fixture *f, struct nnt_call *call, uint32_t batch)
{
    *call = (struct nnt_call){.batch = batch, .number = {[NNT_RATE] = 0.25, [NNT_STEP] = 3}};
    for (uint32_t s = 0; s < NNT_SLABS; s++) {
        struct random random = random_stream(7, RANDOM_INIT, s, 0);
        double *slab = malloc((slab_size(f, s, batch) + 1) * sizeof *slab);
        for (uint64_t i = 0; i < slab_size(f, s, batch); i++)
            slab[i] = s == NNT_MOMENTS || s == NNT_DATA ? random_uniform(&random) : 0.5 * random_normal(&random);
        call->slab[s] = slab;
    }
}

static inline void free_call(struct nnt_call *call)
{
    for (uint32_t s = 0; s < NNT_SLABS; s++) free(call->slab[s]);
}

#endif
