/* interp.c: runs a graph node by node by the operators' own definitions. */
#include "compiler/interp/interp.h"

#include <stdlib.h>
#include <string.h>

#include "compiler/ir/op.h"

/* What a phase runs: the nodes its results need, operands first. */
struct plan {
    ir_id *node;
    uint32_t n_nodes;
    uint32_t *last_use; /* of a node: the last node to read it, UINT32_MAX for a result, 0 where nobody does */
};
struct interp {
    const struct ir *g;
    bool single;
    uint32_t real_bytes;
    struct plan *plan[NNT_ENTRIES]; /* of each phase */
};

static struct plan plan_phase(struct arena *arena, const struct ir *g, const struct ir_phase *phase)
{
    struct plan plan = {.last_use = arena_alloc(arena, (g->count + 1) * sizeof *plan.last_use)};
    uint32_t *last = plan.last_use;

    for (uint32_t r = 0; r < phase->n_results; r++) last[phase->result[r].value] = UINT32_MAX;
    for (ir_id id = g->count; id-- > 0;) {
        for (uint32_t k = 0; last[id] && k < g->node[id].n_in; k++) {
            if (!last[g->node[id].in[k]]) last[g->node[id].in[k]] = id;
        }
        plan.n_nodes += last[id] != 0;
    }
    plan.node = arena_alloc(arena, (plan.n_nodes + 1) * sizeof *plan.node);
    plan.n_nodes = 0;
    for (ir_id id = 0; id < g->count; id++) {
        if (last[id]) plan.node[plan.n_nodes++] = id;
    }
    return plan;
}

/* ---- fields ---- */

/* The elements of a field, or of one of its rows: `blocks` of `size`, `stride` apart, from `data` on. */
struct place {
    char *data;
    uint64_t blocks, size, stride;
};

static struct place place_of(const struct interp *interp, uint32_t index, struct ir_row row, uint32_t iteration,
                             const struct nnt_call *call)
{
    const struct nnt_field *field = &interp->g->field[index];
    char *slab = call->slab[field->slab];
    struct place at = {.blocks = 1, .size = shape_size(field_shape(field), call->batch)};
    uint64_t first = field->offset + field->offset_per_sample * call->batch;

    if (!slab) BUG("the call has no slab for %s", field->name);
    if (row.is) {
        at.blocks = field->per_sample ? call->batch : 1;
        at.stride = at.size / at.blocks;
        at.size = at.stride / field->extent[0];
        first += (uint64_t)(row.first + (int64_t)row.step * iteration) * at.size;
    }
    at.data = slab + first * interp->real_bytes;
    return at;
}

static void read_field(const struct interp *interp, struct place from, double *out)
{
    for (uint64_t b = 0; b < from.blocks; b++, out += from.size) {
        const char *block = from.data + b * from.stride * interp->real_bytes;

        if (interp->real_bytes == 8) {
            memcpy(out, block, from.size * sizeof *out);
            continue;
        }
        for (uint64_t i = 0; i < from.size; i++) out[i] = ((const float *)block)[i];
    }
}

static void write_field(const struct interp *interp, struct place to, const double *value)
{
    for (uint64_t b = 0; b < to.blocks; b++, value += to.size) {
        char *block = to.data + b * to.stride * interp->real_bytes;

        if (interp->real_bytes == 8) {
            memcpy(block, value, to.size * sizeof *value);
            continue;
        }
        for (uint64_t i = 0; i < to.size; i++) ((float *)block)[i] = (float)value[i];
    }
}

/* ---- nodes ---- */

static double *new_value(const struct node *n, uint32_t batch)
{
    size_t bytes;

    if (!size_product(shape_size(n->shape, batch) + 1, sizeof(double), &bytes)) return NULL;
    return malloc(bytes);
}

/* One iteration of a phase under way. */
struct turn {
    const struct interp *interp;
    const struct nnt_call *call;
    const struct plan *plan;
    uint32_t iteration;
    double **value; /* of each node */
};

static bool run_node(const struct turn *t, ir_id id)
{
    const struct node *n = &t->interp->g->node[id];
    const double *in[IR_INPUTS] = {NULL, NULL, NULL};
    double *result = t->value[id] = new_value(n, t->call->batch);

    if (!result) return false;
    for (uint32_t k = 0; k < n->n_in; k++) in[k] = t->value[n->in[k]];
    if (n->op == IR_argument) in[0] = &t->call->number[n->kind];
    if (n->op == IR_source) {
        read_field(t->interp, place_of(t->interp, n->field, n->row, t->iteration, t->call), result);
        in[0] = result;
    }
    operators[n->op]->value(t->interp->g, n, t->call->batch, t->interp->single, in, result);
    return true;
}

/* Frees the operands that this node was the last to read. */
static void release_operands(const struct turn *t, ir_id id)
{
    const struct node *n = &t->interp->g->node[id];

    for (uint32_t k = 0; k < n->n_in; k++) {
        if (t->plan->last_use[n->in[k]] != id) continue;
        free(t->value[n->in[k]]);
        t->value[n->in[k]] = NULL;
    }
}

static void write_results(const struct turn *t, const struct ir_phase *phase)
{
    for (uint32_t r = 0; r < phase->n_results; r++) {
        const struct ir_result *result = &phase->result[r];

        write_field(t->interp, place_of(t->interp, result->field, result->row, t->iteration, t->call),
                    t->value[result->value]);
    }
}

static bool run_turn(const struct turn *t, const struct ir_phase *phase)
{
    const struct plan *plan = t->plan;
    bool ran = true;

    for (uint32_t i = 0; ran && i < plan->n_nodes; i++) {
        ran = run_node(t, plan->node[i]);
        release_operands(t, plan->node[i]);
    }
    if (ran) write_results(t, phase);
    for (uint32_t i = 0; i < plan->n_nodes; i++) {
        free(t->value[plan->node[i]]);
        t->value[plan->node[i]] = NULL;
    }
    return ran;
}

static bool goes_on(const struct turn *t, const struct ir_phase *phase)
{
    double value = 1;

    if (phase->goes_on == NNT_NONE) return true;
    read_field(t->interp, place_of(t->interp, phase->goes_on, (struct ir_row){0}, 0, t->call), &value);
    return value != 0;
}

static int32_t run(const void *self, const struct nnt_call *call, uint32_t e)
{
    const struct interp *interp = self;
    const struct ir_entry *entry = &interp->g->entry[e];
    struct turn t = {.interp = interp, .call = call};
    bool ran = (t.value = calloc(interp->g->count + 1, sizeof *t.value)) != NULL;

    for (uint32_t p = 0; ran && p < entry->n_phases; p++) {
        const struct ir_phase *phase = &entry->phase[p];

        t.plan = &interp->plan[e][p];
        for (t.iteration = 0; ran && t.iteration < phase->times; t.iteration++) {
            ran = run_turn(&t, phase);
            if (ran && !goes_on(&t, phase)) break;
        }
    }
    free(t.value);
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
        const struct ir_entry *entry = &interp->g->entry[e];

        interp->plan[e] = arena_alloc(arena, (entry->n_phases + 1) * sizeof *interp->plan[e]);
        for (uint32_t p = 0; p < entry->n_phases; p++)
            interp->plan[e][p] = plan_phase(arena, interp->g, &entry->phase[p]);
        module->entry[e] = entry->n_phases > 0 ? runners[e] : NULL;
    }
    module->size[NNT_WORK] = g->work;
    module->size_per_sample[NNT_WORK] = g->work_per_sample;
    module->self = interp;
    return module;
}
