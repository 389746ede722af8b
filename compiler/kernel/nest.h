/* nest.h: nests of loops with scalar bodies: how to compute it, on any machine. Map, reduction and product are this one struct. */
#ifndef NNT_NEST_H
#define NNT_NEST_H

#include "runtime/abi.h"
#include "runtime/base/arena.h"
#include "runtime/base/expr.h"

enum { NEST_DEPTH = 6, NEST_OPERANDS = 64, NEST_ACCUMULATORS = 8, NEST_BATCH = 0 };
#define NEST_NONE UINT32_MAX

/* Where a tensor begins: element offset + offset_per_sample * batch of a slab, and in iteration i of a phase i * step further.
 * Temporaries, all in WORK, have offsets from pass `place` on. */
struct buffer {
    uint32_t slab;
    uint32_t id; /* a temporary: which; else its field */
    uint64_t offset, offset_per_sample;
    int64_t step;
    bool temporary;
};
/* The element that an iteration touches: buffer + Σ index[loop] * stride[loop] (stride 0: does not move with that loop). */
struct operand {
    struct buffer at;
    int64_t stride[NEST_DEPTH];
};

/* One scalar operation; operands a b c are positions in the same program, before it. op < PRIMITIVES is that primitive. */
enum {
    SCALAR_NUMBER = PRIMITIVES, /* number */
    SCALAR_ARGUMENT,            /* the call's number `index` */
    SCALAR_BATCH,               /* the call's batch, as a number */
    SCALAR_INDEX,               /* index of loop `index`, as a number */
    SCALAR_LOAD,                /* operand `index` */
    SCALAR_STORE,               /* a to operand `index` */
    SCALAR_ACCUMULATE,          /* body of a nest with summed loops: a into accumulator `index`, by `reduction` */
    SCALAR_ACCUMULATED,         /* finish: accumulator `index` */
    /* What expand.c expands primitives into, beside add sub mul div neg sqrt abs min max compares, select and logic */
    SCALAR_FMA,      /* a * b + c, rounded once or twice */
    SCALAR_SCALE,    /* a * 2^b; b whole, such that 2^b is a normal number */
    SCALAR_EXPONENT, /* floor(log2 a) of a positive normal number */
    SCALAR_MANTISSA, /* a / 2^exponent, in [1, 2), of a positive normal number */
    SCALAR_OPS
};
struct scalar {
    uint8_t op, reduction;
    uint32_t a, b, c;
    uint32_t index;
    double number;
};
struct program {
    struct scalar *code;
    uint32_t count, capacity;
};

enum how {
    HOW_LOOPS, /* plain nested loops, the innermost contiguous one in vectors */
    HOW_TILES, /* a product in register tiles */
    HOW_BLAS   /* a product by the call's gemm (nest_product must hold) */
};
/* for every index of the loops not summed: accumulators start; for every index of the summed ones: body; then finish.
 * summed == 0: body alone, with loads and stores. summed != 0: body loads and accumulates, finish loads (operands that do not
 * move with summed loops), uses accumulators, stores. Stores of one nest never alias its loads but at the same iteration.
 * The first `outer` loops are those of the enclosing begin_loop items: they are run there, once for all the nests inside.
 * Loop order is the order of execution; a summed loop's extent may be NEST_BATCH. */
struct nest {
    uint32_t depth, outer;
    uint32_t extent[NEST_DEPTH]; /* NEST_BATCH (0): the call's batch */
    uint32_t summed;             /* bit per loop */
    uint32_t n_operands, n_accumulators;
    struct operand operand[NEST_OPERANDS];
    struct program body, finish;
    enum how how;
};
enum item_kind { ITEM_NEST, ITEM_BEGIN, ITEM_END, ITEM_PHASE, ITEM_PHASE_END };
/* What stands between PHASE and PHASE_END is done `extent` times, or until an iteration leaves 0 in `condition`: there time
 * passes, and buffers move by their steps. Phases hold loops, and nothing holds them. */
struct item {
    enum item_kind kind;
    uint32_t extent; /* BEGIN, PHASE */
    struct nest *nest;
    const struct buffer *condition; /* PHASE_END; NULL: none */
};
/* What an entry does, in order. */
struct nests {
    struct arena *arena;
    struct item *item;
    uint32_t count, capacity;
    uint64_t work, work_per_sample; /* elements of NNT_WORK, after `place` */
};
/* The machine to compile for, as far as a plan depends on it. */
struct target {
    uint32_t real_bytes;
    uint32_t vector_bytes; /* 16, 32, 64 */
    bool blas;             /* the call has gemm (JIT); else products are generated */
    bool plain;            /* no map joins the sum beside it: what optimised code is compared with */
    uint32_t batch;        /* how many samples a call is likely to have: for choices only, never for meaning */
    const char *triple, *cpu, *features; /* NULL: this machine */
};
/* Everything that an engine needs. */
struct kernels {
    const struct nnt_module *description; /* without entries */
    uint32_t real_bytes;
    struct nests *entry[NNT_ENTRIES]; /* NULL: none */
};

struct nests *nests_new(struct arena *arena);
void nests_begin_loop(struct nests *nests, uint32_t extent);
void nests_end_loop(struct nests *nests);
void nests_begin_phase(struct nests *nests, uint32_t times);
void nests_end_phase(struct nests *nests, const struct buffer *condition); /* NULL: none; kept, not copied */
/* A zeroed nest at the end of the list, to be filled in. */
struct nest *nests_add(struct nests *nests);
uint32_t program_add(struct arena *arena, struct program *program, struct scalar scalar); /* its position */
uint32_t scalar_arity(uint8_t op); /* how many of a b c it uses; primitives included */
uint32_t nest_operand(struct nest *nest, struct operand operand); /* its index; an equal operand is reused */
/* What must hold (loops nested, operands before users, stores where allowed, …); an explanation, or NULL. */
const char *nests_verify(const struct nests *nests, struct arena *arena);
void nests_print(const struct nests *nests, struct text *out);
/* Slabs as nests are printed with them, and as entries.def names them. */
extern const char *const slab_names[NNT_SLABS];
/* Runs the plan in plain C, slowly, for the tests: scalars in float64, rounded to float32 after each where real_bytes is 4. */
void nests_run(const struct nests *nests, uint32_t real_bytes, const struct nnt_call *call);

/* A nest that is one matrix product C := alpha A B, or C += alpha A B: how to call gemm. */
struct product {
    uint32_t m, n, k; /* extents (NEST_BATCH possible) */
    uint32_t a, b, c; /* operands */
    bool transpose_a, transpose_b;
    uint32_t lda, ldb, ldc;
    /* Position in finish of a value that moves with no loop, or NEST_NONE for 1; needs only what stands before it. */
    uint32_t alpha;
    bool accumulate; /* C += */
};
/* Recognises: one summed loop, two others (a missing one has extent 1), body accumulates a product of two loads, finish stores
 * acc, alpha * acc, or load C ± alpha * acc (the sign is folded by nest_product's caller reading `negative`). */
MUST_USE bool nest_product(const struct nest *nest, struct product *out, bool *out_negative);

/* Replaces each primitive that no machine has (tanh, exp, log, erf, sin, pow, …) by arithmetic in the given precision: polynomials after
 * range reduction, no branches, right at ±0, ±inf, NaN and denormals; float64 within 4 ulp (pow, tan, sinh: 8), float32 within 4 ulp
 * (tanh 4.1); sin, cos, tan for |x| <= 1e5, beyond only finite. A product may be fused into the sum that uses it, or not: both hold.
 * min and max must give their second argument where either is NaN, as their definition says. Equal operations become one. */
void program_expand(struct arena *arena, struct program *program, uint32_t real_bytes);
/* Operations and bytes one run of the nest needs, with that batch. */
void nest_cost(const struct nest *nest, uint32_t real_bytes, uint32_t batch, double *out_flops, double *out_bytes);

#endif
