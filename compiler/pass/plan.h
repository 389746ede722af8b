/* plan.h: what the passes hand to each other: the graph, then which nodes share a nest, then the nests. */
#ifndef NNT_PLAN_H
#define NNT_PLAN_H

#include "compiler/ir/ir.h"
#include "compiler/kernel/nest.h"

#define PLAN_NONE UINT32_MAX

/* A value goes straight to so many fields; further ones get copies, for a nest has few operands. */
enum { RESULTS_IN_PLACE = 4 };

/* What becomes of a node in one entry. */
enum role {
    ROLE_DEAD,    /* the entry does not need it */
    ROLE_FREE,    /* numbers of the call and cheap arithmetic on them: made anew wherever they are used */
    ROLE_SOURCE,  /* in memory already */
    ROLE_VIEW,    /* strides of what it views */
    ROLE_INLINE,  /* a map that only sums use: made in their bodies, never stored */
    ROLE_COMPUTED /* belongs to a cluster */
};

/* Where a computed node is kept for those outside its cluster. */
enum home {
    HOME_NONE,  /* in a register: nobody outside needs it */
    HOME_FIELD, /* directly in the field of a result */
    HOME_WORK,  /* a temporary tensor */
    HOME_ROW    /* a temporary of one sample, made anew in each iteration of the enclosing loop */
};

struct planned {
    uint8_t role, home;
    bool cheap;       /* nothing transcendental, no barrier: may be computed late */
    bool stored;      /* somebody outside its cluster reads it, or it is a result */
    bool leaves;      /* somebody outside its unit reads it, or it is a result */
    uint32_t uses;    /* nodes that use it */
    uint32_t results; /* fields that it goes to */
    uint32_t stage;   /* even: maps and sums within a sample; odd: what needs the stage before it as a whole */
    uint32_t cluster;
    uint32_t place; /* FIELD: the result; WORK, ROW: the temporary */
};

/* The nodes of one nest. */
enum cluster_kind { CLUSTER_MAPS, CLUSTER_SUMS, CLUSTER_PRODUCT, CLUSTER_COPY };
struct cluster {
    enum cluster_kind kind;
    struct shape domain; /* what its body runs over */
    struct shape shape;  /* what its finish runs over; without sums the same */
    uint8_t axes;        /* SUMS: those of the domain that are summed */
    uint32_t stage, family, n_sums, operands, unit;
    bool blas; /* PRODUCT: so large that gemm does it */
    ir_id *node;
    uint32_t count, capacity;
    uint32_t result; /* COPY: where node[0] goes */
};
/* A cluster, or several in one loop over the samples. */
struct unit {
    uint32_t *cluster;
    uint32_t count, capacity;
    bool rows;
};
struct temporary {
    uint64_t size; /* elements, of one sample where per_sample */
    bool per_sample;
};
/* Those of an entry. */
struct temporaries {
    struct temporary *at;
    uint32_t count, capacity;
};

/* How one phase of an entry is cut into nests. */
struct fusion {
    struct arena *arena;
    const struct ir *g;
    const struct target *target;
    const struct ir_phase *phase;
    struct planned *node; /* one for each node of g */
    struct cluster *cluster;
    uint32_t n_clusters, cluster_capacity;
    struct unit *unit;
    uint32_t n_units, unit_capacity;
    uint32_t *order; /* of the units */
    struct temporaries *temporaries;
    bool *in_place; /* one for each result: its cluster stores it, no copy is needed */
};
struct fused {
    struct fusion **phase; /* NULL: no such entry */
    uint32_t n_phases;
    struct temporaries temporaries;
};

/* What the passes work on; each replaces what it takes by what it gives. */
struct plan {
    struct arena *arena;
    const struct ir *g;
    const struct target *target;
    struct nnt_module *description;
    struct fused fused[NNT_ENTRIES];
    struct nests *nests[NNT_ENTRIES];
};

#define PASS(name, ...) void pass_##name(struct plan *plan);
#include "compiler/pass/passes.def"
#undef PASS

/* simplify_map.c: what stands for a map, IR_NONE where no rule applies. */
ir_id simplify_map(struct ir *g, const struct node *n);
/* The number that every element of a node is; false where it is not a constant. */
bool node_is_constant(const struct ir *g, ir_id id, double *out);
/* The rank-0 node that is spread to this one, IR_NONE where it is not a number for all elements. */
ir_id node_spread(const struct ir *g, ir_id id);
/* The axes (bits) along which a view is spread; the view without some of them; a node spread along some axes of a
 * shape. */
uint32_t node_spread_axes(const struct ir *g, ir_id id);
ir_id node_without_axes(struct ir *g, ir_id id, uint32_t axes);
ir_id node_spread_along(struct ir *g, ir_id id, struct shape shape, uint32_t axes);

/* cluster.c: the computed nodes of an entry, gathered into clusters; their roles and stages are known (fuse.c). */
void fuse_clusters(struct fusion *f);
/* schedule.c: clusters to units, their order, and where everything stored has its home. */
void fuse_schedule(struct fusion *f);
/* tile.c: whether a product of these extents is worth a call of gemm, where there is one. */
bool product_is_for_blas(const struct target *target, const uint32_t extent[3]);
void fusion_print(const struct fusion *f, struct text *out);

/* Calls `visit` for each computed or source node that `id` reads from memory or, if in the same cluster, from a
 * register: through views and inlined maps. `direct`: without a view between. */
typedef void fusion_visit(void *with, ir_id input, bool direct);
void fusion_inputs(const struct fusion *f, ir_id id, fusion_visit *visit, void *with);

static inline bool shape_has_batch(struct shape s)
{
    for (uint32_t k = 0; k < s.rank; k++)
        if (s.extent[k] == IR_BATCH) return true;
    return false;
}
/* A value whose first axis is the samples. */
static inline bool shape_is_rows(struct shape s)
{
    return s.rank > 0 && s.extent[0] == IR_BATCH;
}
/* What needs all samples, or all of a matrix, before its first element is done: products, and sums that are not
 * within a sample. */
static inline bool node_is_barrier(const struct ir *g, ir_id id)
{
    const struct node *n = &g->node[id];
    return n->op == IR_contract || (n->op == IR_reduce && !shape_is_rows(n->shape));
}

#endif
