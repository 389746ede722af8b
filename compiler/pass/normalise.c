/* normalise.c: the graph as lowering wants it: contractions are matrix products, results are computed by something.
 */
#include "compiler/pass/plan.h"

#include <string.h>

static int32_t axis_of(const struct node *n, uint32_t part, int8_t label)
{
    for (int32_t k = 0; k < IR_AXES; k++)
        if (n->label[part][k] == label) return k;
    return -1;
}

/* A tensor in memory, all of whose elements differ: gemm cannot read one element as many. */
static bool is_matrix(const struct ir *g, ir_id id)
{
    const struct node *n = &g->node[id];
    if (n->op == IR_view) {
        for (uint32_t k = 0; k < n->shape.rank; k++)
            if (n->from[k] < 0) return false;
        n = &g->node[n->in[0]];
    }
    return n->op == IR_source || n->op == IR_map || n->op == IR_reduce || n->op == IR_contract;
}

/* [m][k] times [k][n], in any order of the axes: each label stands in two of the three places. */
static bool is_product(const struct ir *g, const struct node *n)
{
    if (n->shape.rank != 2) return false;
    for (uint32_t part = 0; part < 2; part++)
        if (g->node[n->in[part]].shape.rank != 2 || !is_matrix(g, n->in[part])) return false;
    for (uint32_t part = 0; part < 3; part++) {
        for (uint32_t k = 0; k < 2; k++) {
            uint32_t places = 0;
            for (uint32_t other = 0; other < 3; other++) places += axis_of(n, other, n->label[part][k]) >= 0;
            if (places != 2) return false;
        }
    }
    return true;
}

/* The labels of the loops: those of the result, then the summed ones. */
static uint32_t list_labels(const struct node *n, int8_t out_label[IR_AXES])
{
    uint32_t count = 0;
    for (uint32_t k = 0; k < n->shape.rank; k++) out_label[count++] = n->label[2][k];
    for (uint32_t part = 0; part < 2; part++) {
        for (uint32_t k = 0; k < IR_AXES; k++) {
            int8_t label = n->label[part][k];
            if (label < 0 || memchr(out_label, label, count)) continue;
            if (count == IR_AXES) BUG("a contraction over more than %d axes", IR_AXES);
            out_label[count++] = label;
        }
    }
    return count;
}

static ir_id sum_of_products(struct ir *g, const struct node *n)
{
    int8_t label[IR_AXES];
    struct shape shape = {.rank = (uint8_t)list_labels(n, label)};
    ir_id in[2];
    for (uint32_t k = 0; k < shape.rank; k++)
        for (uint32_t part = 0; part < 2; part++)
            if (axis_of(n, part, label[k]) >= 0)
                shape.extent[k] = g->node[n->in[part]].shape.extent[axis_of(n, part, label[k])];
    for (uint32_t part = 0; part < 2; part++) {
        int8_t from[IR_AXES] = {-1, -1, -1, -1};
        for (uint32_t k = 0; k < shape.rank; k++) from[k] = (int8_t)axis_of(n, part, label[k]);
        in[part] = ir_view(g, n->in[part], shape, from);
    }
    uint32_t summed = ((1u << shape.rank) - 1) & ~((1u << n->shape.rank) - 1);
    return ir_reduce(g, REDUCE_SUM, ir_map(g, PRIMITIVE_mul, in[0], in[1], IR_NONE), (uint8_t)summed);
}

static ir_id normalise_node(void *with, struct ir *g, struct node n)
{
    (void)with;
    return n.op == IR_contract && !is_product(g, &n) ? sum_of_products(g, &n) : ir_make(g, n);
}

/* A result that no map, sum or product makes becomes a copy; one that stays in its field is none. */
static void normalise_results(struct ir *g, struct ir_phase *phase)
{
    uint32_t kept = 0;
    for (uint32_t r = 0; r < phase->n_results; r++) {
        struct ir_result result = phase->result[r];
        const struct node *n = &g->node[result.value];
        bool stays = n->op == IR_source && n->field == result.field && row_equal(n->row, result.row);
        if (stays && (kept || r + 1 < phase->n_results)) continue;
        bool made = (n->op == IR_map && n->shape.rank) || n->op == IR_reduce || n->op == IR_contract;
        struct node copy = {.op = IR_map, .kind = PRIMITIVE_hold, .n_in = 1, .in = {result.value}};
        if (!made) result.value = ir_make(g, copy);
        phase->result[kept++] = result;
    }
    phase->n_results = kept;
}

void pass_normalise(struct plan *plan)
{
    struct ir *g = ir_rewrite(plan->arena, plan->g, normalise_node, NULL);
    for (uint32_t e = 0; e < NNT_ENTRIES; e++)
        for (uint32_t p = 0; p < g->entry[e].n_phases; p++) normalise_results(g, &g->entry[e].phase[p]);
    plan->g = g;
}
