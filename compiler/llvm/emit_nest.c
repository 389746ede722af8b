/* emit_nest.c: any nest: loops, vectors, tiles of registers, edges.
 *
 * A value of a program is emitted once for each combination of the axes that it depends on, in the body of the
 * innermost of them: what does not move with a loop stands before it, and what does not move along one side of a
 * tile is one register for all of that side. Products need nothing else.
 */
#include "compiler/llvm/emit.h"
#include "compiler/llvm/schedule.h"

enum { TILE = 64, HEAVY_BODY = 20, FEW_VECTORS = 4 };

/* A program under emission. */
struct part {
    const struct program *program;
    uint32_t *depends; /* on which axes: a bit each */
    uint32_t *level;   /* emitted inside that many axes */
    bool *spread;      /* a number that some vector needs in each lane */
    bool *fused;       /* a product that only its sum uses */
    struct value *value, *in_lanes;
};
struct walk {
    struct emit *e;
    const struct nest *nest;
    const LLVMValueRef *outer;
    struct schedule s;
    struct part body, finish;
    bool reducing;
    uint32_t now[2];   /* iterations of the tile's axes on the path being emitted */
    uint32_t rest;     /* lanes of the last vector that count; 0: all */
    LLVMValueRef mask; /* or these */
    LLVMValueRef index[NEST_DEPTH];
    LLVMValueRef pointer[NEST_DEPTH + 1][NEST_OPERANDS]; /* of each operand, inside that many axes */
    LLVMValueRef accumulator[NEST_ACCUMULATORS][TILE], *carried[EMIT_CARRIED];
    uint32_t n_carried;
};

/* ---- what depends on what ---- */

static uint32_t bit(uint32_t axis)
{
    return axis == AXIS_NONE ? 0 : 1u << axis;
}

static uint32_t operand_depends(const struct schedule *s, uint32_t operand)
{
    uint32_t mask = 0;
    for (uint32_t i = 0; i < s->n_axes; i++)
        if (s->axis[i].stride[operand]) mask |= bit(i);
    return mask;
}

static uint32_t index_depends(const struct schedule *s, uint32_t loop)
{
    for (uint32_t i = 0; i < s->n_axes; i++)
        if (s->axis[i].loop == loop) return bit(i);
    return 0;
}

/* What the accumulator depends on inside the sum. */
static uint32_t accumulator_depends(const struct walk *w, uint32_t accumulator)
{
    const struct program *body = &w->nest->body;
    bool summed_lanes = w->s.lanes_axis != AXIS_NONE && w->s.lanes_axis >= w->s.n_free;
    for (uint32_t i = 0; i < body->count; i++)
        if (body->code[i].op == SCALAR_ACCUMULATE && body->code[i].index == accumulator)
            return w->body.depends[body->code[i].a] | (summed_lanes ? bit(w->s.lanes_axis) : 0);
    BUG("accumulator %u is never accumulated", (unsigned)accumulator);
}

static uint32_t scalar_depends(const struct walk *w, const struct part *part, const struct scalar *s)
{
    uint32_t mask = 0, argument[3] = {s->a, s->b, s->c};
    for (uint32_t i = 0; i < scalar_arity(s->op); i++) mask |= part->depends[argument[i]];
    if (s->op == SCALAR_LOAD || s->op == SCALAR_STORE) mask |= operand_depends(&w->s, s->index);
    if (s->op == SCALAR_INDEX) mask |= index_depends(&w->s, s->index);
    if (s->op == SCALAR_ACCUMULATED) mask |= accumulator_depends(w, s->index) & (bit(w->s.n_free) - 1);
    return mask;
}

static uint32_t level_of(const struct walk *w, const struct part *part, uint32_t at)
{
    const struct scalar *s = &part->program->code[at];
    uint32_t level = 0;
    for (uint32_t i = 0; i < w->s.n_axes; i++)
        if (part->depends[at] & bit(i)) level = i + 1;
    if (part == &w->finish) return level || s->op == SCALAR_STORE || s->op == SCALAR_ACCUMULATED ? 1 : 0;
    return s->op == SCALAR_STORE ? w->s.n_axes : level;
}

static void part_init(struct walk *w, struct part *part, const struct program *program)
{
    struct arena *arena = w->e->arena;
    size_t n = program->count + (size_t)1;
    *part = (struct part){.program = program};
    part->depends = arena_alloc(arena, n * sizeof *part->depends);
    part->level = arena_alloc(arena, n * sizeof *part->level);
    part->spread = arena_alloc(arena, n * sizeof *part->spread);
    part->fused = arena_alloc(arena, n * sizeof *part->fused);
    size_t tile = (size_t)w->s.count[0] * w->s.count[1];
    part->value = arena_alloc(arena, n * tile * sizeof *part->value);
    part->in_lanes = arena_alloc(arena, n * tile * sizeof *part->in_lanes);
}

/* A value of the finish that stands on the accumulators has to wait for them. */
static void wait_for_sums(struct part *finish)
{
    for (uint32_t i = 0; i < finish->program->count; i++) {
        const struct scalar *s = &finish->program->code[i];
        uint32_t argument[3] = {s->a, s->b, s->c};
        for (uint32_t j = 0; j < scalar_arity(s->op); j++)
            if (finish->level[argument[j]]) finish->level[i] = 1;
    }
}

static void analyse(struct walk *w, struct part *part, const struct program *program)
{
    part_init(w, part, program);
    uint32_t lanes = bit(w->s.lanes_axis);
    bool summed_lanes = w->s.lanes_axis >= w->s.n_free;
    for (uint32_t i = 0; i < program->count; i++) {
        const struct scalar *s = &program->code[i];
        part->depends[i] = scalar_depends(w, part, s);
        part->level[i] = level_of(w, part, i);
        bool in_lanes = part->depends[i] & lanes || (s->op == SCALAR_ACCUMULATE && lanes && summed_lanes);
        uint32_t argument[3] = {s->a, s->b, s->c};
        for (uint32_t j = 0; j < scalar_arity(s->op); j++)
            if (in_lanes && !(part->depends[argument[j]] & lanes)) part->spread[argument[j]] = true;
    }
}

/* Marks products that nothing but one sum uses: the sum makes them itself, rounded once. */
static void find_fused(struct walk *w)
{
    struct part *body = &w->body;
    const struct scalar *code = body->program->code;
    for (uint32_t i = 0; i < body->program->count; i++) {
        if (code[i].op != SCALAR_ACCUMULATE || code[i].reduction != REDUCE_SUM) continue;
        uint32_t product = code[i].a, users = 0;
        for (uint32_t j = 0; j < body->program->count; j++) {
            uint32_t argument[3] = {code[j].a, code[j].b, code[j].c};
            for (uint32_t k = 0; k < scalar_arity(code[j].op); k++) users += argument[k] == product;
        }
        if (code[product].op != PRIMITIVE_mul || users != 1 || body->level[product] != w->s.n_axes) continue;
        uint32_t lanes = bit(w->s.lanes_axis), factor[2] = {code[product].a, code[product].b};
        bool in_lanes = body->depends[product] & lanes || body->spread[product];
        for (uint32_t k = 0; k < 2; k++) body->spread[factor[k]] |= in_lanes && !(body->depends[factor[k]] & lanes);
        body->fused[product] = true;
    }
}

/* ---- values ---- */

static uint32_t tile_count(const struct walk *w, uint32_t depends, uint32_t side)
{
    return depends & bit(w->s.tile[side]) ? w->now[side] : 1;
}

static size_t place_of(const struct walk *w, const struct part *part, uint32_t at, uint32_t row, uint32_t column)
{
    if (!(part->depends[at] & bit(w->s.tile[0]))) row = 0;
    if (!(part->depends[at] & bit(w->s.tile[1]))) column = 0;
    return ((size_t)at * w->s.count[0] + row) * w->s.count[1] + column;
}

/* A value as one with that many lanes uses it. */
static struct value fetch(const struct walk *w, const struct part *part, uint32_t at, uint32_t row, uint32_t column,
                          bool in_lanes)
{
    size_t place = place_of(w, part, at, row, column);
    bool is_vector = part->depends[at] & bit(w->s.lanes_axis);
    return in_lanes && !is_vector ? part->in_lanes[place] : part->value[place];
}

static void keep(struct walk *w, struct part *part, uint32_t at, uint32_t row, uint32_t column, struct value value)
{
    size_t place = place_of(w, part, at, row, column);
    part->value[place] = value;
    if (part->spread[at])
        part->in_lanes[place] = (struct value){emit_spread(w->e, value.v, w->s.lanes), value.is_truth};
}

/* ---- loads, stores, numbers from outside ---- */

static struct access access_of(const struct walk *w, uint32_t operand, uint32_t level, uint32_t row,
                               uint32_t column)
{
    const struct schedule *s = &w->s;
    uint32_t at[2] = {row, column};
    int64_t offset = 0;
    for (uint32_t t = 0; t < 2; t++)
        if (s->tile[t] != AXIS_NONE)
            offset +=
                (int64_t)at[t] * (s->tile[t] == s->lanes_axis ? s->lanes : 1) * s->axis[s->tile[t]].stride[operand];
    struct access access = {.lanes = s->lanes};
    access.pointer = emit_address(w->e, w->pointer[level][operand], emit_i64(w->e, offset));
    access.stride = s->lanes_axis == AXIS_NONE ? 0 : s->axis[s->lanes_axis].stride[operand];
    bool last = s->tile[1] != s->lanes_axis || column + 1 == w->now[1];
    if (last) access.rest = w->rest, access.mask = w->mask;
    return access;
}

static LLVMValueRef load_value(struct walk *w, uint32_t operand, uint32_t level, uint32_t row, uint32_t column)
{
    struct access from = access_of(w, operand, level, row, column);
    return from.stride ? emit_load_lanes(w->e, &from) : emit_load(w->e, w->e->real, from.pointer);
}

static void store_value(struct walk *w, const struct part *part, const struct scalar *s, uint32_t level,
                        uint32_t row, uint32_t column)
{
    struct access to = access_of(w, s->index, level, row, column);
    struct value value = fetch(w, part, s->a, row, column, to.stride != 0);
    if (!to.stride && emit_width(value.v) > 1) BUG("a store that does not move with a loop around it");
    LLVMValueRef number = emit_as_number(w->e, value);
    if (to.stride)
        emit_store_lanes(w->e, &to, number);
    else
        emit_store(w->e, number, to.pointer);
}

static LLVMValueRef index_value(struct walk *w, uint32_t loop, uint32_t row, uint32_t column)
{
    struct emit *e = w->e;
    const struct schedule *s = &w->s;
    if (loop < w->nest->outer) return LLVMBuildSIToFP(e->builder, w->outer[loop], e->real, "");
    uint32_t axis = 0;
    while (axis < s->n_axes && s->axis[axis].loop != loop) axis++;
    if (axis == s->n_axes) return emit_number(e, 0, 1); /* a loop of one iteration */
    uint32_t lanes = axis == s->lanes_axis ? s->lanes : 1;
    uint32_t more = axis == s->tile[0] ? row : axis == s->tile[1] ? column * lanes : 0;
    LLVMValueRef first = LLVMBuildAdd(e->builder, w->index[axis], emit_i64(e, more), "");
    LLVMValueRef number = LLVMBuildSIToFP(e->builder, first, e->real, "");
    if (lanes == 1) return number;
    LLVMValueRef step[EMIT_LANES];
    for (uint32_t i = 0; i < lanes; i++) step[i] = LLVMConstReal(e->real, i);
    return LLVMBuildFAdd(e->builder, emit_spread(e, number, lanes), LLVMConstVector(step, lanes), "");
}

static LLVMValueRef source(struct walk *w, const struct scalar *s, uint32_t level, uint32_t row, uint32_t column)
{
    switch (s->op) {
    case SCALAR_INDEX:
        return index_value(w, s->index, row, column);
    case SCALAR_LOAD:
        return load_value(w, s->index, level, row, column);
    case SCALAR_ACCUMULATED:
        return w->accumulator[s->index][row * w->s.count[1] + column];
    default:
        return emit_constant(w->e, s);
    }
}

static void evaluate_at(struct walk *w, struct part *part, uint32_t at, uint32_t level, uint32_t row,
                        uint32_t column)
{
    const struct scalar *s = &part->program->code[at];
    if (s->op == SCALAR_STORE) {
        store_value(w, part, s, level, row, column);
        return;
    }
    struct value value = {source(w, s, level, row, column), false};
    if (!value.v) {
        struct value argument[3] = {{0}, {0}, {0}};
        uint32_t from[3] = {s->a, s->b, s->c};
        bool in_lanes = part->depends[at] & bit(w->s.lanes_axis);
        for (uint32_t i = 0; i < scalar_arity(s->op); i++)
            argument[i] = fetch(w, part, from[i], row, column, in_lanes);
        value = emit_scalar(w->e, s, argument[0], argument[1], argument[2]);
    }
    keep(w, part, at, row, column, value);
}

/* Emits what belongs inside `level` axes, with pointers and indices as they are there: all of one place of the
 * tile, then the next, so that little is alive at once. */
static void evaluate(struct walk *w, struct part *part, uint32_t part_level, uint32_t level)
{
    for (uint32_t r = 0; r < w->now[0]; r++) {
        for (uint32_t c = 0; c < w->now[1]; c++) {
            for (uint32_t i = 0; i < part->program->count; i++) {
                bool here = part->level[i] == part_level && !part->fused[i];
                if (!here || part->program->code[i].op == SCALAR_ACCUMULATE) continue;
                if (r < tile_count(w, part->depends[i], 0) && c < tile_count(w, part->depends[i], 1))
                    evaluate_at(w, part, i, level, r, c);
            }
        }
    }
}

/* ---- sums ---- */

static void descend(struct walk *w, uint32_t p);

/* Accumulators of that side of the tile: those of a summed axis stay for all of its paths. */
static uint32_t accumulator_count(const struct walk *w, uint32_t depends, uint32_t side)
{
    if (!(depends & bit(w->s.tile[side]))) return 1;
    return w->s.tile[side] >= w->s.n_free ? w->s.count[side] : w->now[side];
}

static uint8_t reduction_of(const struct walk *w, uint32_t accumulator)
{
    const struct program *body = &w->nest->body;
    uint32_t i = 0;
    while (body->code[i].op != SCALAR_ACCUMULATE || body->code[i].index != accumulator) i++;
    return body->code[i].reduction;
}

static void start_accumulators(struct walk *w)
{
    w->n_carried = 0;
    for (uint32_t a = 0; a < w->nest->n_accumulators; a++) {
        uint32_t depends = accumulator_depends(w, a);
        uint32_t lanes = depends & bit(w->s.lanes_axis) ? w->s.lanes : 1;
        for (uint32_t r = 0; r < accumulator_count(w, depends, 0); r++)
            for (uint32_t c = 0; c < accumulator_count(w, depends, 1); c++) {
                LLVMValueRef *to = &w->accumulator[a][r * w->s.count[1] + c];
                *to = emit_number(w->e, emit_neutral(reduction_of(w, a)), lanes);
                w->carried[w->n_carried++] = to;
            }
    }
}

/* What is added first takes the place of the neutral number. */
static LLVMValueRef add_to(struct walk *w, const struct scalar *s, LLVMValueRef acc, uint32_t row, uint32_t column)
{
    bool in_lanes = emit_width(acc) > 1, is_first = LLVMIsConstant(acc);
    if (!w->body.fused[s->a]) {
        LLVMValueRef x = emit_as_number(w->e, fetch(w, &w->body, s->a, row, column, in_lanes));
        return is_first ? x : emit_reduce(w->e, s->reduction, acc, x);
    }
    const struct scalar *product = &w->body.program->code[s->a];
    LLVMValueRef a = emit_as_number(w->e, fetch(w, &w->body, product->a, row, column, in_lanes));
    LLVMValueRef b = emit_as_number(w->e, fetch(w, &w->body, product->b, row, column, in_lanes));
    return is_first ? LLVMBuildFMul(w->e->builder, a, b, "") : emit_multiply_add(w->e, a, b, acc);
}

/* Lanes that lie behind the end of a summed axis must not count. */
static LLVMValueRef only_active(struct walk *w, LLVMValueRef sum, LLVMValueRef before, uint32_t column)
{
    bool last = w->s.tile[1] != w->s.lanes_axis || column + 1 == w->now[1];
    if (w->s.lanes_axis < w->s.n_free || !last || (!w->rest && !w->mask)) return sum;
    LLVMValueRef mask = w->mask, lane[EMIT_LANES];
    for (uint32_t i = 0; i < w->s.lanes; i++) lane[i] = LLVMConstInt(w->e->i1, i < w->rest, 0);
    if (!mask) mask = LLVMConstVector(lane, w->s.lanes);
    return LLVMBuildSelect(w->e->builder, mask, sum, before, "");
}

static void accumulate(struct walk *w)
{
    for (uint32_t i = 0; i < w->body.program->count; i++) {
        const struct scalar *s = &w->body.program->code[i];
        if (s->op != SCALAR_ACCUMULATE) continue;
        uint32_t depends = accumulator_depends(w, s->index);
        for (uint32_t r = 0; r < tile_count(w, depends, 0); r++)
            for (uint32_t c = 0; c < tile_count(w, depends, 1); c++) {
                LLVMValueRef *acc = &w->accumulator[s->index][r * w->s.count[1] + c];
                LLVMValueRef sum = add_to(w, s, *acc, r, c);
                *acc = w->s.lanes_axis == AXIS_NONE ? sum : only_active(w, sum, *acc, c);
            }
    }
}

/* Several accumulators along a summed axis become one, and lanes along a summed axis a number. */
static void collect(struct walk *w)
{
    const struct schedule *s = &w->s;
    if (s->lanes_axis == AXIS_NONE || s->lanes_axis < s->n_free) return;
    for (uint32_t a = 0; a < w->nest->n_accumulators; a++) {
        uint32_t depends = accumulator_depends(w, a);
        bool along = s->tile[1] == s->lanes_axis;
        uint32_t columns = along ? 1 : accumulator_count(w, depends, 1);
        for (uint32_t r = 0; r < accumulator_count(w, depends, 0); r++)
            for (uint32_t c = 0; c < columns; c++) {
                LLVMValueRef *acc = &w->accumulator[a][r * s->count[1] + c];
                for (uint32_t more = 1; along && more < s->count[1]; more++)
                    *acc = emit_reduce(w->e, reduction_of(w, a), *acc, acc[more]);
                *acc = emit_reduce_lanes(w->e, reduction_of(w, a), *acc);
            }
    }
}

static void reduce(struct walk *w)
{
    start_accumulators(w);
    w->reducing = true;
    descend(w, w->s.n_free);
    w->reducing = false;
    w->n_carried = 0;
    collect(w);
    evaluate(w, &w->finish, 1, w->s.n_free);
}

/* ---- loops ---- */

static uint32_t side_of(const struct walk *w, uint32_t axis)
{
    return axis == w->s.tile[0] ? 0 : axis == w->s.tile[1] ? 1 : 2;
}

/* One turn of axis p: from `index` on, `count` iterations or vectors. */
static void turn(struct walk *w, uint32_t p, LLVMValueRef index, uint32_t count)
{
    const struct axis *axis = &w->s.axis[p];
    w->index[p] = index;
    if (side_of(w, p) < 2) w->now[side_of(w, p)] = count;
    for (uint32_t o = 0; o < w->nest->n_operands; o++) {
        LLVMValueRef pointer = w->pointer[p][o];
        if (axis->stride[o]) pointer = emit_address(w->e, pointer, emit_scaled(w->e, index, axis->stride[o]));
        w->pointer[p + 1][o] = pointer;
    }
    evaluate(w, &w->body, p + 1, p + 1);
    descend(w, p + 1);
}

/* Turns of axis p from begin to end; a loop carries the accumulators where it is summed. */
static void turns(struct walk *w, uint32_t p, LLVMValueRef begin, LLVMValueRef end, uint32_t step, uint32_t count,
                  bool may_skip)
{
    struct emit_loop loop;
    emit_loop_begin(w->e, &loop, begin, end, step, w->carried, w->n_carried, may_skip);
    turn(w, p, loop.index, count);
    emit_loop_end(w->e, &loop);
}

/* n rounded down to a multiple of step. */
static LLVMValueRef whole_steps(struct emit *e, LLVMValueRef n, uint32_t step)
{
    if (step == 1) return n;
    return LLVMBuildSub(e->builder, n, LLVMBuildURem(e->builder, n, emit_i64(e, step), ""), "");
}

static LLVMValueRef mask_from(struct emit *e, LLVMValueRef left, uint32_t lanes)
{
    LLVMValueRef narrow = LLVMBuildTrunc(e->builder, left, e->whole, "");
    return LLVMBuildICmp(e->builder, LLVMIntULT, emit_iota(e->whole, lanes, 1), emit_spread(e, narrow, lanes), "");
}

/* Vectors of which the last may be cut: all of them under masks. */
static void masked_turns(struct walk *w, uint32_t p, LLVMValueRef begin, LLVMValueRef end, uint32_t lanes,
                         bool may_skip)
{
    struct emit_loop loop;
    emit_loop_begin(w->e, &loop, begin, end, lanes, w->carried, w->n_carried, may_skip);
    w->mask = mask_from(w->e, LLVMBuildSub(w->e->builder, end, loop.index, ""), lanes);
    turn(w, p, loop.index, 1);
    w->mask = NULL;
    emit_loop_end(w->e, &loop);
}

/* Where a body is long and vectors are few, its code a second time for the edge costs more than masks do. */
static bool prefers_masks(const struct walk *w, uint64_t n, uint32_t lanes)
{
    bool has_masks = !w->e->is_x86 || w->e->target.vector_bytes > 16;
    return has_masks && lanes > 1 && n > lanes && n < FEW_VECTORS * lanes && !w->nest->summed &&
           w->body.program->count > HEAVY_BODY;
}

/* An axis of known extent: whole tiles, then one that is cut. */
static void known_axis(struct walk *w, uint32_t p, uint32_t lanes, uint32_t count)
{
    uint64_t step = (uint64_t)lanes * count, n = w->s.axis[p].times, whole = n - n % step;
    if (whole != n && prefers_masks(w, n, lanes)) {
        masked_turns(w, p, emit_i64(w->e, 0), emit_i64(w->e, (int64_t)n), lanes, false);
        return;
    }
    if (whole == step)
        turn(w, p, emit_i64(w->e, 0), count);
    else if (whole)
        turns(w, p, emit_i64(w->e, 0), emit_i64(w->e, (int64_t)whole), (uint32_t)step, count, false);
    if (whole == n) return;
    uint32_t left = (uint32_t)(n - whole), cut = left % lanes;
    if (lanes > 1) w->rest = cut;
    turn(w, p, emit_i64(w->e, (int64_t)whole), (left + lanes - 1) / lanes);
    if (lanes > 1) w->rest = 0;
}

/* An axis as long as the batch: whole tiles, then whole vectors or single rows, then a vector under a mask. */
static void batch_axis(struct walk *w, uint32_t p, uint32_t lanes, uint32_t count)
{
    struct emit *e = w->e;
    LLVMValueRef n = emit_scaled(e, e->batch, (int64_t)w->s.axis[p].times), begin = emit_i64(e, 0);
    uint32_t step = lanes * count;
    LLVMValueRef whole = whole_steps(e, n, step);
    turns(w, p, begin, whole, step, count, true);
    if (count > 1) {
        LLVMValueRef end = whole_steps(e, n, lanes);
        turns(w, p, whole, end, lanes, 1, true);
        whole = end;
    }
    if (lanes > 1) masked_turns(w, p, whole, n, lanes, true); /* one turn, or none */
}

/* Everything inside the first p axes. */
static void descend(struct walk *w, uint32_t p)
{
    if (w->nest->summed && p == w->s.n_free && !w->reducing) {
        reduce(w);
    } else if (p < w->s.n_axes) {
        uint32_t lanes = p == w->s.lanes_axis ? w->s.lanes : 1, side = side_of(w, p);
        uint32_t count = side < 2 ? w->s.count[side] : 1;
        if (w->s.axis[p].batch)
            batch_axis(w, p, lanes, count);
        else
            known_axis(w, p, lanes, count);
    } else if (w->nest->summed) {
        accumulate(w);
    }
}

void emit_nest(struct emit *e, const struct nest *nest, const LLVMValueRef base[], const LLVMValueRef outer[])
{
    struct schedule_machine machine = {e->lanes, e->registers, e->target.batch};
    struct walk *w = arena_alloc(e->arena, sizeof *w);
    *w = (struct walk){.e = e, .nest = nest, .outer = outer, .now = {1, 1}};
    schedule_nest(&w->s, nest, &machine);
    analyse(w, &w->body, &nest->body);
    analyse(w, &w->finish, &nest->finish);
    wait_for_sums(&w->finish);
    find_fused(w);
    for (uint32_t o = 0; o < nest->n_operands; o++) {
        w->pointer[0][o] = base[o];
        for (uint32_t l = 0; l < nest->outer; l++)
            if (nest->operand[o].stride[l])
                w->pointer[0][o] =
                    emit_address(e, w->pointer[0][o], emit_scaled(e, outer[l], nest->operand[o].stride[l]));
    }
    evaluate(w, &w->body, 0, 0);
    evaluate(w, &w->finish, 0, 0);
    descend(w, 0);
}
