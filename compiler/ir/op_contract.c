/* op_contract.c: sums of products over named axes: every matrix product, outer product and weighted sum. */
#include <string.h>

#include "compiler/ir/op.h"

enum { LABELS = 8, RESULT = 2 };

ir_id ir_contract(struct ir *g, ir_id a, ir_id b, const char *axes)
{
    struct node node = {.op = IR_contract, .n_in = 2, .in = {a, b}};
    char seen[LABELS + 1] = "";
    uint32_t part = 0, axis = 0;

    memset(node.label, -1, sizeof node.label);
    for (const char *c = axes; *c; c++) {
        char *at;

        if (*c == ',' || *c == '-') {
            part++;
            axis = 0;
        } else if (*c != '>') {
            if (!strchr(seen, *c)) {
                if (strlen(seen) == LABELS) BUG("more than %d labels: %s", LABELS, axes);
                seen[strlen(seen)] = *c;
            }
            at = strchr(seen, *c);
            if (part > RESULT || axis >= IR_AXES) BUG("not labels: %s", axes);
            node.label[part][axis++] = (int8_t)(at - seen);
        }
    }
    return ir_make(g, node);
}

/* Position of a label among the axes of part p, or -1. */
static int axis_of(const struct node *n, uint32_t p, int label)
{
    for (int k = 0; k < IR_AXES; k++) {
        if (n->label[p][k] == label) return k;
    }
    return -1;
}

static bool labels_fit(const struct node *n, uint32_t p, uint32_t rank)
{
    for (uint32_t k = 0; k < IR_AXES; k++) {
        if ((n->label[p][k] >= 0) != (k < rank)) return false;
        if (n->label[p][k] >= 0 && axis_of(n, p, n->label[p][k]) != (int)k) return false;
    }
    return true;
}

/* The extent of a label, from the input that has it; false where they differ. */
static bool label_extent(const struct ir *g, const struct node *n, int label, uint32_t *out)
{
    bool known = false;

    for (uint32_t p = 0; p < 2; p++) {
        int axis = axis_of(n, p, label);
        uint32_t extent = axis < 0 ? 0 : g->node[n->in[p]].shape.extent[axis];

        if (axis < 0) continue;
        if (known && extent != *out) return false;
        *out = extent;
        known = true;
    }
    return known;
}

static bool shape_of_contract(const struct ir *g, const struct node *n, struct shape *out)
{
    uint32_t extent;

    *out = (struct shape){0};
    for (uint32_t p = 0; p < 2; p++) {
        if (!labels_fit(n, p, g->node[n->in[p]].shape.rank)) return false;
    }
    while (out->rank < IR_AXES && n->label[RESULT][out->rank] >= 0) {
        if (!label_extent(g, n, n->label[RESULT][out->rank], &out->extent[out->rank])) return false;
        out->rank++;
    }
    for (int label = 0; label < LABELS; label++) {
        bool used = axis_of(n, 0, label) >= 0 || axis_of(n, 1, label) >= 0;

        if (used && !label_extent(g, n, label, &extent)) return false;
    }
    return labels_fit(n, RESULT, out->rank);
}

/* The loops of a contraction: those of the result, then the summed ones. */
struct loops {
    uint32_t depth, kept;
    uint64_t extent[LABELS], index[LABELS];
    uint64_t stride[2][LABELS];
};

static uint64_t stride_of(struct shape shape, uint32_t axis, uint32_t batch)
{
    uint64_t stride = 1;

    for (uint32_t k = axis + 1; k < shape.rank; k++)
        stride *= shape.extent[k] == IR_BATCH ? batch : shape.extent[k];
    return stride;
}

static void loops_add(struct loops *to, const struct ir *g, const struct node *n, int label, uint32_t batch)
{
    uint32_t extent;

    if (!label_extent(g, n, label, &extent)) BUG("a label without extent");
    to->extent[to->depth] = extent == IR_BATCH ? batch : extent;
    for (uint32_t p = 0; p < 2; p++) {
        int axis = axis_of(n, p, label);

        to->stride[p][to->depth] = axis < 0 ? 0 : stride_of(g->node[n->in[p]].shape, (uint32_t)axis, batch);
    }
    to->depth++;
}

static struct loops loops_of(const struct ir *g, const struct node *n, uint32_t batch)
{
    struct loops loops = {0};

    for (uint32_t k = 0; k < n->shape.rank; k++) loops_add(&loops, g, n, n->label[RESULT][k], batch);
    loops.kept = loops.depth;
    for (int label = 0; label < LABELS; label++) {
        bool used = axis_of(n, 0, label) >= 0 || axis_of(n, 1, label) >= 0;

        if (used && axis_of(n, RESULT, label) < 0) loops_add(&loops, g, n, label, batch);
    }
    return loops;
}

static double sum_products(const struct loops *l, uint32_t depth, const double *a, const double *b)
{
    double sum = 0;

    if (depth == l->depth) return *a * *b;
    if (depth + 1 < l->depth) {
        for (uint64_t i = 0; i < l->extent[depth]; i++) {
            sum += sum_products(l, depth + 1, a + i * l->stride[0][depth], b + i * l->stride[1][depth]);
        }
        return sum;
    }
    for (uint64_t i = 0; i < l->extent[depth]; i++) sum += a[i * l->stride[0][depth]] * b[i * l->stride[1][depth]];
    return sum;
}

static void value_of_contract(const struct ir *g, const struct node *n, uint32_t batch, bool single,
                              const double *const in[], double *out)
{
    struct loops l = loops_of(g, n, batch);
    uint64_t size = shape_size(n->shape, batch);

    for (uint64_t e = 0; e < size; e++) {
        uint64_t rest = e, at[2] = {0, 0};
        double sum;

        for (uint32_t k = l.kept; k-- > 0; rest /= l.extent[k]) {
            for (uint32_t p = 0; p < 2; p++) at[p] += rest % l.extent[k] * l.stride[p][k];
        }
        sum = sum_products(&l, l.kept, in[0] + at[0], in[1] + at[1]);
        out[e] = single ? (float)sum : sum;
    }
}

/* The adjoint of input p: the other input and the result's adjoint, contracted to p's labels. A label that p alone
 * has was summed: its adjoint is the same all along it, a broadcast. */
static ir_id adjoint_of(struct ir *g, ir_id id, ir_id adjoint, uint32_t p)
{
    const struct node n = g->node[id];
    struct node node = {.op = IR_contract, .n_in = 2, .in = {adjoint, n.in[1 - p]}};
    struct shape shape = g->node[n.in[p]].shape;
    int8_t from[IR_AXES];
    uint32_t rank = 0;

    memset(node.label, -1, sizeof node.label);
    memset(from, -1, sizeof from);
    memcpy(node.label[0], n.label[RESULT], sizeof node.label[0]);
    memcpy(node.label[1], n.label[1 - p], sizeof node.label[1]);
    for (uint32_t k = 0; k < shape.rank; k++) {
        int label = n.label[p][k];

        if (axis_of(&n, RESULT, label) < 0 && axis_of(&n, 1 - p, label) < 0) continue;
        from[k] = (int8_t)rank;
        node.label[RESULT][rank++] = (int8_t)label;
    }
    return ir_view(g, ir_make(g, node), shape, from);
}

static void reverse_of_contract(struct ir *g, ir_id n, ir_id adjoint, ir_id out_in[IR_INPUTS])
{
    for (uint32_t p = 0; p < 2; p++) out_in[p] = adjoint_of(g, n, adjoint, p);
}

/* The product rule. */
static ir_id forward_of_contract(struct ir *g, ir_id id, const ir_id tangent[IR_INPUTS])
{
    ir_id sum = IR_NONE;

    for (uint32_t p = 0; p < 2; p++) {
        struct node node = g->node[id];

        if (tangent[p] == IR_NONE) continue;
        node.in[p] = tangent[p];
        sum = tangent_sum(g, sum, ir_make(g, node));
    }
    return sum;
}

const struct op op_contract = {shape_of_contract, value_of_contract, reverse_of_contract, forward_of_contract};
