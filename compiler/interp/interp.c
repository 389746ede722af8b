/* interp.c: runs a graph node by node by the operators' own definitions. */
#include "compiler/interp/interp.h"

#include <stdlib.h>
#include <string.h>

#include "compiler/ir/op.h"

/* What an entry runs: the nodes its results need, operands first. */
struct plan {
    ir_id *node;
    uint32_t n_nodes;
};
struct interp {
    const struct ir *g;
    bool single;
    uint32_t real_bytes;
    struct plan plan[NNT_ENTRIES];
    uint32_t *last_use[NNT_ENTRIES]; /* of a node: the last node to read it, UINT32_MAX for a result, 0 where nobody
                                        does */
};

static void plan_entry(struct arena *arena, struct interp *interp, uint32_t e)
{
    const struct ir *g = interp->g;
    struct plan *plan = &interp->plan[e];
    uint32_t *last = interp->last_use[e] = arena_alloc(arena, (g->count + 1) * sizeof *last);

    for (uint32_t r = 0; r < g->entry[e].n_results; r++) last[g->entry[e].result[r].value] = UINT32_MAX;
    for (ir_id id = g->count; id-- > 0;) {
        for (uint32_t k = 0; last[id] && k < g->node[id].n_in; k++) {
            if (!last[g->node[id].in[k]]) last[g->node[id].in[k]] = id;
        }
        plan->n_nodes += last[id] != 0;
    }
    plan->node = arena_alloc(arena, (plan->n_nodes + 1) * sizeof *plan->node);
    plan->n_nodes = 0;
    for (ir_id id = 0; id < g->count; id++) {
        if (last[id]) plan->node[plan->n_nodes++] = id;
    }
}

/* Where element 0 of a field stands in its slab. */
static void *field_data(const struct interp *interp, const struct nnt_field *field, const struct nnt_call *call)
{
    char *slab = call->slab[field->slab];

    if (!slab) BUG("the call has no slab for %s", field->name);
    return slab + (field->offset + field->offset_per_sample * call->batch) * interp->real_bytes;
}

static void read_field(const struct interp *interp, const struct nnt_field *field, const struct nnt_call *call,
                       uint64_t size, double *out)
{
    const void *data = field_data(interp, field, call);

    if (interp->real_bytes == 8) {
        memcpy(out, data, size * sizeof *out);
        return;
    }
    for (uint64_t i = 0; i < size; i++) out[i] = ((const float *)data)[i];
}

static void write_field(const struct interp *interp, const struct nnt_field *field, const struct nnt_call *call,
                        uint64_t size, const double *value)
{
    void *data = field_data(interp, field, call);

    if (interp->real_bytes == 8) {
        memcpy(data, value, size * sizeof *value);
        return;
    }
    for (uint64_t i = 0; i < size; i++) ((float *)data)[i] = (float)value[i];
}

static double *new_value(const struct node *n, uint32_t batch)
{
    size_t bytes;

    if (!size_product(shape_size(n->shape, batch) + 1, sizeof(double), &bytes)) return NULL;
    return malloc(bytes);
}

static bool run_node(const struct interp *interp, ir_id id, const struct nnt_call *call, double *const value[],
                     double **out)
{
    const struct node *n = &interp->g->node[id];
    const double *in[IR_INPUTS] = {NULL, NULL, NULL};
    double *result = *out = new_value(n, call->batch);

    if (!result) return false;
    for (uint32_t k = 0; k < n->n_in; k++) in[k] = value[n->in[k]];
    if (n->op == IR_argument) in[0] = &call->number[n->kind];
    if (n->op == IR_source) {
        read_field(interp, &interp->g->field[n->field], call, shape_size(n->shape, call->batch), result);
        in[0] = result;
    }
    operators[n->op]->value(interp->g, n, call->batch, interp->single, in, result);
    return true;
}

/* Frees the operands that this node was the last to read. */
static void release_operands(const struct interp *interp, uint32_t e, ir_id id, double *value[])
{
    const struct node *n = &interp->g->node[id];

    for (uint32_t k = 0; k < n->n_in; k++) {
        if (interp->last_use[e][n->in[k]] != id) continue;
        free(value[n->in[k]]);
        value[n->in[k]] = NULL;
    }
}

static void write_results(const struct interp *interp, uint32_t e, const struct nnt_call *call,
                          double *const value[])
{
    const struct ir *g = interp->g;

    for (uint32_t r = 0; r < g->entry[e].n_results; r++) {
        const struct ir_result *result = &g->entry[e].result[r];

        write_field(interp, &g->field[result->field], call, shape_size(g->node[result->value].shape, call->batch),
                    value[result->value]);
    }
}

static int32_t run(const void *self, const struct nnt_call *call, uint32_t e)
{
    const struct interp *interp = self;
    const struct plan *plan = &interp->plan[e];
    double **value = calloc(interp->g->count + 1, sizeof *value);
    bool ran = value != NULL;

    for (uint32_t i = 0; ran && i < plan->n_nodes; i++) {
        ran = run_node(interp, plan->node[i], call, value, &value[plan->node[i]]);
        release_operands(interp, e, plan->node[i], value);
    }
    if (ran) write_results(interp, e, call, value);
    for (uint32_t i = 0; value && i < plan->n_nodes; i++) free(value[plan->node[i]]);
    free(value);
    return ran ? 0 : 1;
}

#define ENTRY(name, ...)                                                                                           \
    static int32_t run_##name(const void *self, const struct nnt_call *call)                                       \
    {                                                                                                              \
        return run(self, call, NNT_ENTRY_##name);                                                                  \
    }
#include "runtime/entries.def"
#undef ENTRY

static nnt_entry *const runners[NNT_ENTRIES] = {
#define ENTRY(name, ...) run_##name,
#include "runtime/entries.def"
#undef ENTRY
};

struct nnt_module *interp_module(struct arena *arena, const struct ir *g, const struct nnt_module *description,
                                 bool single)
{
    struct interp *interp = arena_alloc(arena, sizeof *interp);
    struct nnt_module *module = arena_alloc(arena, sizeof *module);

    interp->g = ir_differentiate(arena, g);
    interp->single = single;
    interp->real_bytes = description->real_bytes;
    *module = *description;
    for (uint32_t e = 0; e < NNT_ENTRIES; e++) {
        plan_entry(arena, interp, e);
        module->entry[e] = g->entry[e].n_results > 0 ? runners[e] : NULL;
    }
    module->size[NNT_WORK] = module->size_per_sample[NNT_WORK] = 0;
    module->self = interp;
    return module;
}
