/* lower.c: graph to nests: one for each cluster, in the order and with the homes that fuse.c chose. */
#include "compiler/pass/plan.h"

/* The loop that each axis of a tensor runs with; -1: none, its index is 0. */
struct access {
    int8_t loop[IR_AXES];
};

struct lowering {
    const struct fusion *f;
    struct nests *nests;
    struct nest *nest;
    uint32_t cluster;
    struct program *program;
    bool in_body;                   /* of a nest that sums */
    uint32_t stamp;                 /* of the program */
    uint32_t *made_for;             /* for each node: the stamp of the program that has it … */
    uint32_t *position;             /* … and where */
    uint32_t loaded[NEST_OPERANDS]; /* for each operand: where this program loads it */
    struct access own;              /* of what the nest makes */
};

/* ---- operands ---- */

/* Samples stand outermost, the other axes in order. */
static void storage_strides(struct shape shape, int64_t sample, int64_t out_stride[IR_AXES])
{
    int64_t size = 1;
    for (uint32_t k = shape.rank; k-- > 0;) {
        out_stride[k] = shape.extent[k] == IR_BATCH ? sample : size;
        if (shape.extent[k] != IR_BATCH) size *= shape.extent[k];
    }
}

/* `sample`: how far apart samples are. */
static struct operand operand_at(struct buffer at, struct shape shape, int64_t sample, struct access access)
{
    struct operand operand = {.at = at};
    int64_t stride[IR_AXES];
    storage_strides(shape, sample, stride);
    for (uint32_t k = 0; k < shape.rank; k++)
        if (access.loop[k] >= 0) operand.stride[access.loop[k]] += stride[k];
    return operand;
}

static struct operand field_operand(const struct fusion *f, uint32_t field, struct ir_row row, struct access access)
{
    const struct nnt_field *tensor = &f->g->field[field];
    struct buffer at = {tensor->slab, field, tensor->offset, tensor->offset_per_sample, 0, false};
    int64_t size = 1;
    for (uint32_t k = 0; k < tensor->rank; k++) size *= tensor->extent[k];
    if (row.is) {
        int64_t one = size / tensor->extent[0];
        at.offset = (uint64_t)((int64_t)at.offset + row.first * one);
        at.step = f->phase->times > 1 ? row.step * one : 0;
    }
    return operand_at(at, row_shape(tensor, row), size, access);
}

static struct operand result_operand(const struct fusion *f, uint32_t result, struct access access)
{
    const struct ir_result *to = &f->phase->result[result];
    return field_operand(f, to->field, to->row, access);
}

static struct operand home_operand(const struct fusion *f, ir_id id, struct access access)
{
    const struct node *n = &f->g->node[id];
    const struct planned *p = &f->node[id];
    if (p->role == ROLE_SOURCE) return field_operand(f, n->field, n->row, access);
    if (p->home == HOME_FIELD) return result_operand(f, p->place, access);
    if (p->home == HOME_NONE) BUG("node %u is read from memory but has no home", id);
    struct buffer at = {.slab = NNT_WORK, .id = p->place, .temporary = true};
    /* A tensor of one sample does not move with the samples. */
    int64_t sample = p->home == HOME_ROW ? 0 : (int64_t)f->temporaries->at[p->place].size;
    return operand_at(at, n->shape, sample, access);
}

/* ---- scalars ---- */

static uint32_t emit(struct lowering *l, ir_id id, struct access access);

static uint32_t add(struct lowering *l, struct scalar scalar)
{
    return program_add(l->f->arena, l->program, scalar);
}

static void begin_program(struct lowering *l, struct program *program, bool in_body)
{
    l->program = program;
    l->in_body = in_body;
    l->stamp++;
    for (uint32_t k = 0; k < NEST_OPERANDS; k++) l->loaded[k] = NEST_NONE;
}

static uint32_t emit_load(struct lowering *l, ir_id id, struct access access)
{
    uint32_t operand = nest_operand(l->nest, home_operand(l->f, id, access));
    if (l->loaded[operand] == NEST_NONE)
        l->loaded[operand] = add(l, (struct scalar){.op = SCALAR_LOAD, .index = operand});
    return l->loaded[operand];
}

static uint32_t emit_view(struct lowering *l, const struct node *n, struct access access)
{
    struct access inner = {{-1, -1, -1, -1}};
    for (uint32_t k = 0; k < n->shape.rank; k++)
        if (n->from[k] >= 0) inner.loop[n->from[k]] = access.loop[k];
    return emit(l, n->in[0], inner);
}

static uint32_t emit_map(struct lowering *l, const struct node *n, struct access access)
{
    uint32_t in[3] = {0, 0, 0};
    for (uint32_t k = 0; k < n->n_in; k++) in[k] = emit(l, n->in[k], access);
    if (n->kind == PRIMITIVE_hold) return in[0];
    return add(l, (struct scalar){.op = n->kind, .a = in[0], .b = in[1], .c = in[2]});
}

static uint32_t sum_index(const struct lowering *l, ir_id id)
{
    const struct cluster *cluster = &l->f->cluster[l->cluster];
    uint32_t index = 0;
    for (uint32_t k = 0; k < cluster->count && cluster->node[k] != id; k++)
        if (l->f->g->node[cluster->node[k]].op != IR_map) index++;
    return index;
}

/* What has one value at each iteration, wherever it is used. */
static uint32_t emit_once(struct lowering *l, ir_id id, struct access access)
{
    const struct node *n = &l->f->g->node[id];
    switch (n->op) {
    case IR_number:
        return add(l, (struct scalar){.op = SCALAR_NUMBER, .number = n->number});
    case IR_argument:
        return add(l, (struct scalar){.op = SCALAR_ARGUMENT, .index = n->kind});
    case IR_batch:
        return add(l, (struct scalar){.op = SCALAR_BATCH});
    case IR_map:
        return emit_map(l, n, access);
    case IR_reduce:
    case IR_contract:
        return add(l, (struct scalar){.op = SCALAR_ACCUMULATED, .index = sum_index(l, id)});
    default:
        BUG("operator %u has no scalar", n->op);
    }
}

static uint32_t emit_index(struct lowering *l, struct access access)
{
    if (access.loop[0] < 0) return add(l, (struct scalar){.op = SCALAR_NUMBER});
    return add(l, (struct scalar){.op = SCALAR_INDEX, .index = (uint32_t)access.loop[0]});
}

static uint32_t emit(struct lowering *l, ir_id id, struct access access)
{
    const struct node *n = &l->f->g->node[id];
    const struct planned *p = &l->f->node[id];
    if (n->op == IR_view) return emit_view(l, n, access);
    if (n->op == IR_index) return emit_index(l, access);
    if (p->role == ROLE_SOURCE) return emit_load(l, id, access);
    if (p->role == ROLE_COMPUTED && (p->cluster != l->cluster || l->in_body)) return emit_load(l, id, access);
    if (l->made_for[id] == l->stamp) return l->position[id];
    uint32_t position = emit_once(l, id, access);
    l->made_for[id] = l->stamp;
    l->position[id] = position;
    return position;
}

/* ---- stores ---- */

static void store_at(struct lowering *l, uint32_t value, struct operand operand)
{
    add(l, (struct scalar){.op = SCALAR_STORE, .a = value, .index = nest_operand(l->nest, operand)});
}

static void store_node(struct lowering *l, ir_id id)
{
    const struct fusion *f = l->f;
    const struct planned *p = &f->node[id];
    if (p->home == HOME_NONE) return;
    store_at(l, l->position[id], home_operand(f, id, l->own));
    for (uint32_t r = 0; r < f->phase->n_results; r++) {
        if (f->phase->result[r].value != id || !f->in_place[r] || (p->home == HOME_FIELD && p->place == r))
            continue;
        store_at(l, l->position[id], result_operand(f, r, l->own));
    }
}

/* Everything is computed before anything is stored, so that a field may be read and replaced in one nest. */
static void emit_nodes(struct lowering *l, const struct cluster *c)
{
    for (uint32_t k = 0; k < c->count; k++) emit(l, c->node[k], l->own);
    for (uint32_t k = 0; k < c->count; k++) store_node(l, c->node[k]);
}

/* ---- nests ---- */

static int8_t add_loop(struct nest *nest, uint32_t extent, bool summed)
{
    if (nest->depth == NEST_DEPTH) BUG("a nest has more than %d loops", NEST_DEPTH);
    if (summed) nest->summed |= 1u << nest->depth;
    nest->extent[nest->depth] = extent;
    return (int8_t)nest->depth++;
}

/* Loops over the axes of a shape, those that are summed last; an axis of one element needs none. */
static struct access add_loops(struct nest *nest, struct shape shape, uint32_t summed)
{
    struct access access = {{-1, -1, -1, -1}};
    for (uint32_t turn = 0; turn < 2; turn++)
        for (uint32_t k = 0; k < shape.rank; k++)
            if ((summed >> k & 1) == turn && (turn || shape.extent[k] != 1))
                access.loop[k] = add_loop(nest, shape.extent[k], turn);
    return access;
}

static void accumulate(struct lowering *l, uint32_t value, uint8_t reduction)
{
    add(l, (struct scalar){
               .op = SCALAR_ACCUMULATE, .reduction = reduction, .a = value, .index = l->nest->n_accumulators++});
}

static void lower_maps(struct lowering *l, const struct cluster *c)
{
    l->own = add_loops(l->nest, c->shape, 0);
    begin_program(l, &l->nest->body, false);
    emit_nodes(l, c);
}

static void lower_copy(struct lowering *l, const struct cluster *c)
{
    l->own = add_loops(l->nest, c->shape, 0);
    begin_program(l, &l->nest->body, false);
    uint32_t value = emit_load(l, c->node[0], l->own);
    store_at(l, value, result_operand(l->f, c->result, l->own));
}

static void lower_sums(struct lowering *l, const struct cluster *c)
{
    struct access access = add_loops(l->nest, c->domain, c->axes);
    for (uint32_t k = 0, axis = 0; k < c->domain.rank; k++)
        if (!(c->axes >> k & 1)) l->own.loop[axis++] = access.loop[k];
    begin_program(l, &l->nest->body, true);
    for (uint32_t k = 0; k < c->count; k++) {
        const struct node *n = &l->f->g->node[c->node[k]];
        if (n->op == IR_reduce) accumulate(l, emit(l, n->in[0], access), n->kind);
    }
    begin_program(l, &l->nest->finish, false);
    emit_nodes(l, c);
}

/* Loops m, n (the labels of the result) and k; the first operand is the one with m. */
static void lower_product(struct lowering *l, const struct cluster *c)
{
    const struct node *n = &l->f->g->node[c->node[0]];
    struct access access[2];
    bool swap = true;
    for (uint32_t axis = 0; axis < n->shape.rank; axis++)
        l->own.loop[axis] = add_loop(l->nest, n->shape.extent[axis], false);
    for (uint32_t k = 0; k < 2; k++) {
        struct shape shape = l->f->g->node[n->in[k]].shape;
        for (uint32_t axis = 0; axis < shape.rank; axis++) {
            int8_t loop = 0;
            while (loop < n->shape.rank && n->label[2][loop] != n->label[k][axis]) loop++;
            access[k].loop[axis] = loop;
            if (loop == n->shape.rank && k == 0) (void)add_loop(l->nest, shape.extent[axis], true);
            if (loop == 0 && k == 0) swap = false;
        }
    }
    begin_program(l, &l->nest->body, true);
    uint32_t a = emit(l, n->in[swap], access[swap]), b = emit(l, n->in[!swap], access[!swap]);
    accumulate(l, add(l, (struct scalar){.op = PRIMITIVE_mul, .a = a, .b = b}), REDUCE_SUM);
    begin_program(l, &l->nest->finish, false);
    emit_nodes(l, c);
}

/* ---- loops that could be one ---- */

static bool uses_index(const struct program *program, uint32_t loop)
{
    for (uint32_t i = 0; i < program->count; i++)
        if (program->code[i].op == SCALAR_INDEX && program->code[i].index >= loop) return true;
    return false;
}

/* Whether loops `loop` and the next walk through every operand as one would. */
static bool can_join(const struct nest *nest, uint32_t loop)
{
    if (nest->extent[loop] == NEST_BATCH || nest->extent[loop + 1] == NEST_BATCH) return false;
    if ((nest->summed >> loop & 1) != (nest->summed >> (loop + 1) & 1)) return false;
    if ((uint64_t)nest->extent[loop] * nest->extent[loop + 1] > UINT32_MAX) return false;
    for (uint32_t k = 0; k < nest->n_operands; k++)
        if (nest->operand[k].stride[loop] != nest->operand[k].stride[loop + 1] * (int64_t)nest->extent[loop + 1])
            return false;
    return !uses_index(&nest->body, loop) && !uses_index(&nest->finish, loop);
}

static void join_loops(struct nest *nest, uint32_t loop)
{
    uint32_t below = (1u << loop) - 1;
    nest->extent[loop] *= nest->extent[loop + 1];
    nest->summed = (nest->summed & below) | (nest->summed >> 1 & ~below);
    nest->depth--;
    for (uint32_t j = loop + 1; j < nest->depth; j++) nest->extent[j] = nest->extent[j + 1];
    for (uint32_t k = 0; k < nest->n_operands; k++) {
        int64_t *stride = nest->operand[k].stride;
        for (uint32_t j = loop; j < nest->depth; j++) stride[j] = stride[j + 1];
        stride[nest->depth] = 0;
    }
}

/* Weights are walked through in one loop, not row by row: no rest of a vector at the end of each. */
static void flatten(struct nest *nest)
{
    for (uint32_t loop = nest->depth; loop-- > nest->outer;)
        if (loop + 1 < nest->depth && can_join(nest, loop)) join_loops(nest, loop);
}

static void lower_cluster(struct lowering *l, uint32_t index, bool in_rows)
{
    const struct cluster *c = &l->f->cluster[index];
    l->cluster = index;
    l->nest = nests_add(l->nests);
    l->nest->outer = in_rows;
    switch (c->kind) {
    case CLUSTER_MAPS:
        lower_maps(l, c);
        break;
    case CLUSTER_SUMS:
        lower_sums(l, c);
        break;
    case CLUSTER_PRODUCT:
        lower_product(l, c);
        break;
    case CLUSTER_COPY:
        lower_copy(l, c);
        break;
    }
    if (c->kind != CLUSTER_PRODUCT) flatten(l->nest);
}

static void lower_phase(const struct fusion *f, struct nests *nests)
{
    struct lowering l = {.f = f, .nests = nests};
    l.made_for = arena_alloc(f->arena, (f->g->count + 1) * sizeof *l.made_for);
    l.position = arena_alloc(f->arena, (f->g->count + 1) * sizeof *l.position);
    for (uint32_t i = 0; i < f->n_units; i++) {
        const struct unit *unit = &f->unit[f->order[i]];
        if (unit->rows) nests_begin_loop(l.nests, NEST_BATCH);
        for (uint32_t k = 0; k < unit->count; k++) lower_cluster(&l, unit->cluster[k], unit->rows);
        if (unit->rows) nests_end_loop(l.nests);
    }
}

/* The number by which the phase goes on; NULL: it does without one. */
static const struct buffer *condition_of(const struct fusion *f)
{
    if (f->phase->goes_on == NNT_NONE) return NULL;
    struct buffer *condition = arena_alloc(f->arena, sizeof *condition);
    *condition = field_operand(f, f->phase->goes_on, (struct ir_row){0}, (struct access){{0}}).at;
    return condition;
}

static struct nests *lower_entry(struct arena *arena, const struct fused *fused)
{
    struct nests *nests = nests_new(arena);
    for (uint32_t p = 0; p < fused->n_phases; p++) {
        const struct fusion *f = fused->phase[p];
        const struct ir_phase *phase = f->phase;
        if (phase->times > 1) nests_begin_phase(nests, phase->times);
        lower_phase(f, nests);
        if (phase->times > 1) nests_end_phase(nests, condition_of(f));
    }
    return nests;
}

void pass_lower(struct plan *plan)
{
    for (uint32_t e = 0; e < NNT_ENTRIES; e++)
        plan->nests[e] = plan->fused[e].n_phases ? lower_entry(plan->arena, &plan->fused[e]) : NULL;
}
