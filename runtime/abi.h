/* abi.h: the contract of compiled code: a module is a description and entry points; everything reaches them by argument.
 *
 * Interpreter, JIT and object fill the same struct nnt_module, and the runtime cannot tell which. An entry holds no address and
 * no state: what it needs comes in the call (slabs, numbers, the large products), what it makes goes to the call's slabs.
 * tests/module/linear.c is a module written by hand. This header is C99 and knows nothing of nnt's other headers.
 */
#ifndef NNT_ABI_H
#define NNT_ABI_H

#include <stddef.h>
#include <stdint.h>

#define NNT_ABI_VERSION 3
#define NNT_NONE UINT32_MAX

/* Memory that a call reads and writes; each is one array of the module's real type, aligned to 64 bytes. */
enum nnt_slab {
    NNT_PARAMETERS, /* weights, then biases: fields `weight.FROM.TO` [n_TO][n_FROM], `bias.GROUP` [n] */
    NNT_GRADIENT, /* one field a trainable parameter, named and shaped alike; means over the samples of the call */
    NNT_MOMENTS,  /* the optimizer's memory; zeros before the first step */
    NNT_DATA,     /* `data.GROUP` [batch][n] of each input and output */
    NNT_STATE,    /* `state.GROUP` [batch][n] of every group */
    NNT_RESULT,   /* a number a sample: `loss`, `loss.GROUP`, `H`, how it settled and relaxed: see nnt_module */
    NNT_LINEAR, /* at a state: `residual.G` `slope.G` `bend.G` `force.G` `curvature.G` `gradient_x.G`, see nnt_group */
    NNT_WORK, /* scratch of one call; contents do not matter between calls */
    NNT_SEED, /* adjoints of residual, slope, bend, force, curvature: NNT_LINEAR's layout */
    /* Directional derivatives of the slabs they are named for, with their layouts: a field of one names the same place in the
     * other. */
    NNT_D_PARAMETERS,
    NNT_D_STATE,
    NNT_D_LINEAR,
    NNT_D_SEED,
    NNT_D_GRADIENT,
    NNT_SLABS
};

/* A tensor in a slab. With per_sample it has one block of `extent` a sample, and the element e of sample b stands at
 *     offset + offset_per_sample * batch + b * (product of extents) + e
 * so that a call's slabs depend on its batch; without it, at offset + e. All counted in elements. */
struct nnt_field {
    const char *name;
    uint32_t slab, per_sample;
    uint32_t rank, extent[3];
    uint64_t offset, offset_per_sample;
};

enum nnt_initialiser {
#define INITIALISER(name, ...) NNT_INIT_##name,
#include "runtime/train/initialisers.def"
#undef INITIALISER
    NNT_INITIALISERS
};
struct nnt_parameter {
    uint32_t field;     /* in NNT_PARAMETERS */
    uint32_t gradient;  /* in NNT_GRADIENT, or NNT_NONE where frozen */
    uint32_t is_weight; /* else a bias: decay and weight_norm leave it out */
    uint32_t initialiser;
    uint32_t fan_in, fan_out;
    double argument[2];
    const double *values; /* for NNT_INIT_values: as many as the parameter has */
    uint32_t hollow;      /* the diagonal is 0, and no trainable */
};

enum nnt_group_flag {
    NNT_INPUT = 1,
    NNT_OUTPUT = 2,
    NNT_CLAMPED = 4, /* held at data in the ensemble */
    NNT_ERROR = 8,   /* in R: its local error counts in H */
    NNT_POTENTIAL = 16,
    NNT_PREDICTED = 32 /* has an activation: an incoming block or a bias */
};
/* data … gradient_x are fields or NNT_NONE. residual and slope are told of every group in R and of every free one that is
 * predicted: adjoints of a state need both, H those of R alone. slope has extent [n] where f is elementwise (the diagonal of f')
 * and [n][n] for a group map (row i: df_i/dz); bend, which only the exact Hessian needs, and of R alone, is the sum over i of
 * r_i d^2 f_i / dz dz, of the same extent. force is V', curvature V'', residual r = x - f(w x + b), gradient_x dH/dx, or what
 * `pull` puts in its place (free groups only).
 * Of a sequence (rows > 0) data has extent [rows][n]: an input's row t is read by update t, and 0 behind the last; an
 * output's row t is compared after update first_tick - 1 + t, and its states at those updates go to `seen` [rows][n]. */
struct nnt_group {
    const char *name;  /* as in tensors: h.1 */
    const char *shown; /* as in the file: h[1] */
    uint32_t size, flags;
    uint32_t rows, first_tick;
    uint32_t data, state, seen;
    uint32_t residual, slope, bend, force, curvature, gradient_x;
    uint32_t loss; /* field `loss.GROUP`, or NNT_NONE */
};
/* A block of w: from group, to group, and the parameter that holds it ([n_to][n_from], or transposed). */
struct nnt_block {
    uint32_t from, to, parameter, transposed;
};

/* What a step minimises: its coefficients are NNT_BOUNDARY and NNT_BULK; on neither there is no step, only `descend` along a
 * gradient that others make. On the bulk a step leaves H at the minimum over the free neurons; the boundary loss and the
 * outputs' states of the boundary forward only where it minimises that. */
enum nnt_objective { NNT_ON_BOUNDARY, NNT_ON_BULK, NNT_ON_BOTH, NNT_ON_NEITHER };

/* The numbers that change from call to call. */
enum nnt_number {
    NNT_RATE,     /* the optimizer's rate at this step */
    NNT_STEP,     /* 1 for the first training step */
    NNT_BOUNDARY, /* the coefficients of the boundary loss … */
    NNT_BULK,     /* … and of the bulk loss in what a step minimises */
    NNT_NUMBERS
};

/* Row-major C := alpha op(A) op(B) + beta C with op(A) m × k and op(B) k × n. One thread, same bits for the same arguments. */
typedef void nnt_gemm_f32(uint32_t transpose_a, uint32_t transpose_b, uint32_t m, uint32_t n, uint32_t k,
                          float alpha, const float *a, uint32_t lda, const float *b, uint32_t ldb, float beta,
                          float *c, uint32_t ldc);
typedef void nnt_gemm_f64(uint32_t transpose_a, uint32_t transpose_b, uint32_t m, uint32_t n, uint32_t k,
                          double alpha, const double *a, uint32_t lda, const double *b, uint32_t ldb, double beta,
                          double *c, uint32_t ldc);

struct nnt_call {
    uint32_t batch, reserved;
    void *slab[NNT_SLABS]; /* those the entry does not name may be NULL */
    double number[NNT_NUMBERS];
    nnt_gemm_f32 *gemm_f32; /* NULL is allowed for standalone objects, which never call it */
    nnt_gemm_f64 *gemm_f64;
};

/* Returns 0, or a positive number where the call could not be carried out (later: samples that did not settle).
 * self is NULL for machine code. */
typedef int32_t nnt_entry(const void *self, const struct nnt_call *call);

enum nnt_entry_name {
#define ENTRY(name, ...) NNT_ENTRY_##name,
#include "runtime/entries.def"
#undef ENTRY
    NNT_ENTRIES
};

struct nnt_module {
    uint32_t abi_version;
    uint32_t real_bytes; /* 4 or 8 */
    const char *name;
    const struct nnt_field *field;
    const struct nnt_parameter *parameter;
    const struct nnt_group *group; /* in the order of the file */
    const struct nnt_block *block;
    uint32_t n_fields, n_parameters, n_groups, n_blocks;
    uint32_t trainables; /* P */
    uint32_t loss;       /* field `loss`, or NNT_NONE where there is no boundary loss */
    uint32_t H;          /* field `H` */
    uint32_t objective;  /* enum nnt_objective; without meaning where there is no step */
    /* Fields of NNT_RESULT, or NNT_NONE. Entries with dynamics `settle` write the ticks used, the observed contraction, an
     * estimate of the error, and 1 where the sample did not settle; `relax` and a step on the bulk the iterations, and 1 where
     * the sample did not relax. */
    uint32_t settle_ticks, settle_contraction, settle_error, settle_failed;
    uint32_t relax_steps, relax_failed;
    uint32_t ticks; /* how many updates make a state; 0: it is a fixed point */
    /* C depends on neither data nor activation for this ensemble (THEORY 3a), or is identically 0. */
    uint32_t linear_C;
    /* Elements of each slab: size + size_per_sample * batch. WORK is the largest that any entry needs; a slab that has another's
     * layout has its size. */
    uint64_t size[NNT_SLABS], size_per_sample[NNT_SLABS];
    nnt_entry *entry
        [NNT_ENTRIES]; /* NULL where the network has no such entry (no loss: no step) or it was not asked for */
    const void *self;
};

#endif
