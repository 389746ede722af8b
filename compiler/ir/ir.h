/* ir.h: the graph of what to compute: nodes are indices, operands come before their users, equal nodes are one node. */
#ifndef NNT_IR_H
#define NNT_IR_H

#include "runtime/abi.h"
#include "runtime/base/arena.h"
#include "runtime/base/expr.h"

typedef uint32_t ir_id;
#define IR_NONE UINT32_MAX
enum { IR_INPUTS = 3, IR_AXES = 4, IR_BATCH = 0 };

/* Extents, outermost first; the extent IR_BATCH (0) is the number of samples of the call. */
struct shape {
    uint8_t rank;
    uint32_t extent[IR_AXES];
};

enum ir_op {
#define OPERATOR(name, ...) IR_##name,
#include "compiler/ir/operators.def"
#undef OPERATOR
    IR_OPS
};

/* Which row of a field: in iteration i of its phase the row `first + i * step`; the field's axis of rows (its first beside
 * the samples) is no axis of what is read or written. `is` false: the whole field. */
struct ir_row {
    bool is;
    int32_t first, step;
};

struct node {
    uint8_t op;
    uint8_t kind; /* map: enum primitive; reduce: enum reduction (SUM, MAX or MIN); argument: enum nnt_number */
    uint8_t n_in;
    bool conditional; /* only the taken branch of a select may use it: its adjoints go through mul_or_zero */
    struct shape shape;
    ir_id in[IR_INPUTS];
    double number;            /* number */
    uint32_t field;           /* source: index into ir.field */
    struct ir_row row;        /* source */
    uint8_t axes;             /* reduce: bit k set where axis k of the input is summed */
    int8_t from[IR_AXES];     /* view: which axis of the input each axis of the result is, -1 for a broadcast one */
    int8_t label[3][IR_AXES]; /* contract: names (0 … 7) of the axes of both inputs and of the result */
};

struct ir_result {
    ir_id value;
    uint32_t field; /* where it goes: after every read of the iteration */
    struct ir_row row;
};
/* Results that are computed together, `times` times in turn: every iteration reads fields as the one before left them. This is
 * how time passes in an entry: ticks, settling and descent keep what they carry in fields of NNT_WORK. */
struct ir_phase {
    struct ir_result *result;
    uint32_t n_results, capacity;
    uint32_t times;
    /* A field of rank 0: the phase ends after an iteration that leaves 0 in it; NNT_NONE: never early. */
    uint32_t goes_on;
};
/* Phases in their order. */
struct ir_entry {
    struct ir_phase *phase;
    uint32_t n_phases, capacity; /* n_phases 0: no such entry */
};

/* Two nodes of one value wherever the second is used: `kept` is in memory, so `made` need not be made again. */
struct ir_same {
    ir_id made, kept;
};

struct ir {
    struct arena *arena;
    uint32_t real_bytes; /* 4 or 8: what kernels will compute in */
    struct node *node;
    uint32_t count, capacity;
    uint32_t *table, table_size;
    struct nnt_field *field; /* the tensors outside: the module's description, built by irgen/describe.c */
    uint32_t n_fields, field_capacity; /* capacity 0: the list is somebody else's */
    uint64_t work, work_per_sample;    /* elements of NNT_WORK that fields have; temporaries stand behind them */
    struct ir_entry entry[NNT_ENTRIES];
    struct ir_same *same; /* until differentiated */
    uint32_t n_same, same_capacity;
};

struct ir *ir_new(struct arena *arena, uint32_t real_bytes);
/* The node itself: its shape is made by the operator's rule (BUG where the inputs do not fit: the checker has seen to it);
 * an equal node that exists is returned instead. */
ir_id ir_make(struct ir *g, struct node node);
/* A field as it stands when the iteration begins. Nodes belong to no phase: one that two phases need is computed in each. */
ir_id ir_source(struct ir *g, uint32_t field);
ir_id ir_source_row(struct ir *g, uint32_t field, int32_t first, int32_t step);
ir_id ir_number(struct ir *g, double value);
ir_id ir_argument(struct ir *g, enum nnt_number which);
ir_id ir_batch(struct ir *g);
ir_id ir_index(struct ir *g, uint32_t extent);
/* A primitive on nodes of one shape; rank-0 operands are broadcast to the others' shape. Unused operands IR_NONE. */
ir_id ir_map(struct ir *g, enum primitive op, ir_id a, ir_id b, ir_id c);
/* Labels as letters, einsum's way: ir_contract(g, x, w, "bj,ij->bi"). */
ir_id ir_contract(struct ir *g, ir_id a, ir_id b, const char *axes);
/* How many elements these axes have (bit k: axis k), as a node: the batch is known at the call only. */
ir_id ir_count(struct ir *g, struct shape shape, uint8_t axes);
ir_id ir_reduce(struct ir *g, enum reduction op, ir_id a, uint8_t axes);
/* The result's shape and where each axis comes from (-1: broadcast). Identity views return `a`. */
ir_id ir_view(struct ir *g, ir_id a, struct shape to, const int8_t from[IR_AXES]);
/* Broadcasts `a` to `to`, whose last axes are a's (numpy's rule without the 1s). */
ir_id ir_broadcast(struct ir *g, ir_id a, struct shape to);
ir_id ir_gradient(struct ir *g, ir_id of, ir_id by);
/* How `of` changes along a direction of what the graph reads; its shape. The direction is the same for a whole graph: it stands in
 * the slabs NNT_D_*, and what has no place there (data, the call's numbers) stays. */
ir_id ir_tangent(struct ir *g, ir_id of);
/* Where a field's directional derivative stands; NNT_NONE where its slab has none. */
uint32_t ir_tangent_field(struct ir *g, uint32_t field);
/* What is defined from now on belongs to a new phase of the entry. An entry without any has one of one iteration. */
void ir_begin_phase(struct ir *g, enum nnt_entry_name entry, uint32_t times);
void ir_goes_on(struct ir *g, enum nnt_entry_name entry, uint32_t field);
/* Result `value` of the entry's last phase goes to `field`, or to a row of it; shapes must be equal. */
void ir_define(struct ir *g, enum nnt_entry_name entry, ir_id value, uint32_t field);
void ir_define_row(struct ir *g, enum nnt_entry_name entry, ir_id value, uint32_t field, int32_t first,
                   int32_t step);
/* A new field of NNT_WORK, for what phases hand to each other: [batch] where per_sample, then `shape` (without a batch axis). */
uint32_t ir_scratch(struct ir *g, const char *name, bool per_sample, struct shape shape);
/* A field's place in a slab of the same layout: a field, the same whenever it is asked for; the first time it is named
 * PREFIX.NAME. */
uint32_t ir_twin(struct ir *g, uint32_t field, enum nnt_slab slab, const char *prefix);

/* The source `kept` holds what `made` gives, in every phase that needs `made`. Derivatives are taken of `made`; then its users read
 * `kept`. */
void ir_keeps(struct ir *g, ir_id made, ir_id kept);
/* For a graph all of whose nodes are needed: drops results for fields of NNT_WORK that nothing reads; whether there were any:
 * then nodes may be needed no more. */
bool ir_drop_unread(struct ir *g);
/* Lays out the fields of NNT_WORK that are left: those of different entries share memory, for no two run at once. */
void ir_pack(struct ir *g);

bool shape_equal(struct shape a, struct shape b);
/* Rows of one field that share no element in any iteration. */
bool rows_apart(struct ir_row a, struct ir_row b);
bool row_equal(struct ir_row a, struct ir_row b);
struct shape field_shape(const struct nnt_field *field); /* with a leading batch axis where per_sample */
struct shape row_shape(const struct nnt_field *field,
                       struct ir_row row); /* without the axis of rows where row.is */

/* A copy without `gradient` and `tangent` nodes (op_gradient.c, op_tangent.c): entries rewritten, fields shared and those of the
 * direction added. Nested ones innermost first. */
struct ir *ir_differentiate(struct arena *arena, const struct ir *g);
/* A copy in which only what `entries`' results need is kept, each node passed through `rewrite` (may be NULL): it is given the
 * new graph and the node with its inputs already new ids, and returns the node that stands for it. For passes. */
struct ir *ir_rewrite(struct arena *arena, const struct ir *g,
                      ir_id (*rewrite)(void *with, struct ir *to, struct node node), void *with);
/* What must hold: operands before users, shapes as the rules say, results' shapes; an explanation, or NULL where all holds. */
const char *ir_verify(const struct ir *g, struct arena *arena);
void ir_print(const struct ir *g, struct text *out);
uint64_t ir_hash(const struct ir *g);

#endif
