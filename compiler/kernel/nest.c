/* nest.c: nests of loops: built, verified, printed. */
#include "compiler/kernel/nest.h"

#include <string.h>

#include "runtime/base/text.h"

struct nests *nests_new(struct arena *arena)
{
    struct nests *nests = arena_alloc(arena, sizeof *nests);
    nests->arena = arena;
    return nests;
}

static struct item *add_item(struct nests *nests, enum item_kind kind)
{
    nests->item = arena_grow(nests->arena, nests->item, nests->count, &nests->capacity, sizeof *nests->item);
    struct item *item = &nests->item[nests->count++];
    *item = (struct item){.kind = kind};
    return item;
}

void nests_begin_loop(struct nests *nests, uint32_t extent)
{
    add_item(nests, ITEM_BEGIN)->extent = extent;
}

void nests_end_loop(struct nests *nests)
{
    add_item(nests, ITEM_END);
}

void nests_begin_phase(struct nests *nests, uint32_t times)
{
    add_item(nests, ITEM_PHASE)->extent = times;
}

void nests_end_phase(struct nests *nests, const struct buffer *condition)
{
    add_item(nests, ITEM_PHASE_END)->condition = condition;
}

struct nest *nests_add(struct nests *nests)
{
    struct nest *nest = arena_alloc(nests->arena, sizeof *nest);
    add_item(nests, ITEM_NEST)->nest = nest;
    return nest;
}

uint32_t program_add(struct arena *arena, struct program *program, struct scalar scalar)
{
    program->code = arena_grow(arena, program->code, program->count, &program->capacity, sizeof *program->code);
    program->code[program->count] = scalar;
    return program->count++;
}

static bool same_operand(const struct operand *a, const struct operand *b)
{
    return a->at.slab == b->at.slab && a->at.id == b->at.id && a->at.offset == b->at.offset &&
           a->at.offset_per_sample == b->at.offset_per_sample && a->at.step == b->at.step &&
           a->at.temporary == b->at.temporary && memcmp(a->stride, b->stride, sizeof a->stride) == 0;
}

uint32_t nest_operand(struct nest *nest, struct operand operand)
{
    for (uint32_t i = 0; i < nest->n_operands; i++)
        if (same_operand(&nest->operand[i], &operand)) return i;
    if (nest->n_operands == NEST_OPERANDS) BUG("a nest with more than %d operands", NEST_OPERANDS);
    nest->operand[nest->n_operands] = operand;
    return nest->n_operands++;
}

uint32_t scalar_arity(uint8_t op)
{
    if (op < PRIMITIVES) return primitive_rows[op].arity;
    switch (op) {
    case SCALAR_FMA:
        return 3;
    case SCALAR_SCALE:
        return 2;
    case SCALAR_STORE:
    case SCALAR_ACCUMULATE:
    case SCALAR_EXPONENT:
    case SCALAR_MANTISSA:
        return 1;
    default:
        return 0;
    }
}

/* ---- verification: each function returns an explanation, or NULL ---- */

static bool moves_with(const struct operand *operand, uint32_t loops)
{
    for (uint32_t i = 0; i < NEST_DEPTH; i++)
        if ((loops >> i & 1) && operand->stride[i] != 0) return true;
    return false;
}

static const char *verify_arguments(const struct program *program, uint32_t at)
{
    const struct scalar *s = &program->code[at];
    uint32_t argument[3] = {s->a, s->b, s->c};
    for (uint32_t i = 0; i < scalar_arity(s->op); i++) {
        if (argument[i] >= at) return "uses a value that does not stand before it";
        uint8_t from = program->code[argument[i]].op;
        if (from == SCALAR_STORE || from == SCALAR_ACCUMULATE)
            return "uses the value of a store or an accumulation";
    }
    return NULL;
}

static const char *verify_access(const struct nest *nest, const struct scalar *s, bool finish)
{
    if (s->index >= nest->n_operands) return "names an operand that the nest does not have";
    if (finish && moves_with(&nest->operand[s->index], nest->summed))
        return "touches, after the sum, what moves with the sum";
    if (s->op == SCALAR_STORE && nest->summed && !finish) return "stores inside a sum";
    return NULL;
}

static const char *verify_scalar(const struct nest *nest, const struct scalar *s, bool finish)
{
    switch (s->op) {
    case SCALAR_ARGUMENT:
        return s->index < NNT_NUMBERS ? NULL : "reads a number that a call does not have";
    case SCALAR_INDEX:
        if (s->index >= nest->depth) return "reads the index of a loop that is not there";
        return finish && (nest->summed >> s->index & 1) ? "reads the index of a summed loop after the sum" : NULL;
    case SCALAR_LOAD:
    case SCALAR_STORE:
        return verify_access(nest, s, finish);
    case SCALAR_ACCUMULATE:
        if (finish || !nest->summed) return "accumulates where nothing is summed";
        if (s->reduction == REDUCE_MEAN) return "accumulates a mean: that is a sum, multiplied afterwards";
        return s->index < nest->n_accumulators ? NULL : "names an accumulator that the nest does not have";
    case SCALAR_ACCUMULATED:
        if (!finish) return "reads an accumulator inside the sum";
        return s->index < nest->n_accumulators ? NULL : "names an accumulator that the nest does not have";
    default:
        return s->op < SCALAR_OPS ? NULL : "is no operation";
    }
}

static const char *verify_program(const struct nest *nest, bool finish, struct arena *arena)
{
    const struct program *program = finish ? &nest->finish : &nest->body;
    for (uint32_t i = 0; i < program->count; i++) {
        const char *wrong = verify_scalar(nest, &program->code[i], finish);
        if (!wrong) wrong = verify_arguments(program, i);
        if (wrong) return arena_printf(arena, "%s: value %u %s", finish ? "finish" : "body", (unsigned)i, wrong);
    }
    return NULL;
}

static uint32_t count_op(const struct program *program, uint8_t op, uint32_t index)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < program->count; i++)
        n += program->code[i].op == op && (index == NEST_NONE || program->code[i].index == index);
    return n;
}

static const char *verify_loops(const struct nest *nest, uint32_t open, const uint32_t extent[])
{
    if (nest->depth > NEST_DEPTH) return "too many loops";
    if (nest->outer != open || nest->outer > nest->depth) return "its outer loops are not the loops around it";
    if (open && memcmp(nest->extent, extent, open * sizeof *extent) != 0) return "an outer loop has another extent";
    if (nest->summed >> nest->depth) return "sums over a loop that is not there";
    if (nest->summed & ((1u << nest->outer) - 1)) return "sums over a loop around it";
    return NULL;
}

static const char *verify_operands(const struct nest *nest)
{
    if (nest->n_operands > NEST_OPERANDS) return "too many operands";
    for (uint32_t i = 0; i < nest->n_operands; i++) {
        if (nest->operand[i].at.slab >= NNT_SLABS) return "an operand is in no slab";
        if (moves_with(&nest->operand[i], ~0u << nest->depth))
            return "an operand moves with a loop that is not there";
    }
    return NULL;
}

static const char *verify_sums(const struct nest *nest)
{
    if (nest->n_accumulators > NEST_ACCUMULATORS) return "too many accumulators";
    if (!nest->summed && (nest->finish.count || nest->n_accumulators)) return "a finish without a sum";
    for (uint32_t i = 0; i < nest->n_accumulators; i++)
        if (count_op(&nest->body, SCALAR_ACCUMULATE, i) != 1)
            return "an accumulator that is not accumulated exactly once";
    const struct program *last = nest->summed ? &nest->finish : &nest->body;
    return count_op(last, SCALAR_STORE, NEST_NONE) ? NULL : "nothing is stored";
}

static const char *verify_nest(const struct nest *nest, uint32_t open, const uint32_t extent[], struct arena *arena)
{
    const char *wrong = verify_loops(nest, open, extent);
    if (!wrong) wrong = verify_operands(nest);
    if (!wrong) wrong = verify_program(nest, false, arena);
    if (!wrong) wrong = verify_program(nest, true, arena);
    if (!wrong) wrong = verify_sums(nest);
    struct product product;
    bool negative;
    if (!wrong && nest->how == HOW_BLAS && !nest_product(nest, &product, &negative))
        wrong = "is no product that gemm can do";
    return wrong;
}

/* The same element behind each iteration. */
static bool is_number(const struct buffer *condition)
{
    return !condition || (condition->slab < NNT_SLABS && condition->step == 0);
}

static const char *verify_item(const struct item *item, bool *in_phase, uint32_t *open, uint32_t extent[NEST_DEPTH],
                               struct arena *arena)
{
    switch (item->kind) {
    case ITEM_NEST:
        return verify_nest(item->nest, *open, extent, arena);
    case ITEM_BEGIN:
        if (*open == NEST_DEPTH) return "loops nested too deeply";
        extent[(*open)++] = item->extent;
        return NULL;
    case ITEM_END:
        if (*open == 0) return "a loop ends that did not begin";
        (*open)--;
        return NULL;
    case ITEM_PHASE:
        if (*in_phase || *open) return "a phase inside a phase or a loop";
        *in_phase = true;
        return item->extent ? NULL : "a phase of no iterations";
    case ITEM_PHASE_END:
        if (!*in_phase || *open) return "a phase ends that did not begin, or inside a loop";
        *in_phase = false;
        return is_number(item->condition) ? NULL : "a phase goes on by what is no number";
    }
    return "no kind of item";
}

const char *nests_verify(const struct nests *nests, struct arena *arena)
{
    uint32_t extent[NEST_DEPTH], open = 0;
    bool in_phase = false;
    for (uint32_t i = 0; i < nests->count; i++) {
        const char *wrong = verify_item(&nests->item[i], &in_phase, &open, extent, arena);
        if (wrong) return arena_printf(arena, "item %u: %s", (unsigned)i, wrong);
    }
    return open ? "a loop does not end" : in_phase ? "a phase does not end" : NULL;
}

/* ---- the printed form ---- */

const char *const slab_names[NNT_SLABS] = {
    [NNT_PARAMETERS] = "parameters",
    [NNT_GRADIENT] = "gradient",
    [NNT_MOMENTS] = "moments",
    [NNT_DATA] = "data",
    [NNT_STATE] = "state",
    [NNT_RESULT] = "result",
    [NNT_LINEAR] = "linear",
    [NNT_WORK] = "work",
    [NNT_SEED] = "seed",
    [NNT_D_PARAMETERS] = "d_parameters",
    [NNT_D_STATE] = "d_state",
    [NNT_D_LINEAR] = "d_linear",
    [NNT_D_SEED] = "d_seed",
    [NNT_D_GRADIENT] = "d_gradient",
};
static const char *const op_names[SCALAR_OPS - PRIMITIVES] = {
    [SCALAR_NUMBER - PRIMITIVES] = "number",
    [SCALAR_ARGUMENT - PRIMITIVES] = "argument",
    [SCALAR_BATCH - PRIMITIVES] = "batch",
    [SCALAR_INDEX - PRIMITIVES] = "index",
    [SCALAR_LOAD - PRIMITIVES] = "load",
    [SCALAR_STORE - PRIMITIVES] = "store",
    [SCALAR_ACCUMULATE - PRIMITIVES] = "accumulate",
    [SCALAR_ACCUMULATED - PRIMITIVES] = "accumulated",
    [SCALAR_FMA - PRIMITIVES] = "fma",
    [SCALAR_SCALE - PRIMITIVES] = "scale",
    [SCALAR_EXPONENT - PRIMITIVES] = "exponent",
    [SCALAR_MANTISSA - PRIMITIVES] = "mantissa",
};
static const char *const reduction_names[] = {"sum", "mean", "max", "min"};
static const char *const how_names[] = {"loops", "tiles", "blas"};

static void print_extent(uint32_t extent, struct text *out)
{
    if (extent == NEST_BATCH)
        text_add(out, "batch");
    else
        text_add(out, "%u", (unsigned)extent);
}

static void indent(uint32_t depth, struct text *out)
{
    text_add(out, "%*s", (int)depth * 2, "");
}

static void print_buffer(const struct buffer *at, struct text *out)
{
    text_add(out, "%s.%u[%llu", at->slab < NNT_SLABS ? slab_names[at->slab] : "?", (unsigned)at->id,
             (unsigned long long)at->offset);
    if (at->offset_per_sample) text_add(out, " + %llu batch", (unsigned long long)at->offset_per_sample);
    if (at->step) text_add(out, " + %lld t", (long long)at->step);
}

static void print_operand(const struct operand *operand, uint32_t index, struct text *out)
{
    text_add(out, "o%u = ", (unsigned)index);
    print_buffer(&operand->at, out);
    for (uint32_t i = 0; i < NEST_DEPTH; i++)
        if (operand->stride[i]) text_add(out, " + %lld i%u", (long long)operand->stride[i], (unsigned)i);
    text_add(out, "]\n");
}

static void print_detail(const struct scalar *s, struct text *out)
{
    static const char *const arguments[NNT_NUMBERS] = {"rate", "step", "boundary", "bulk"};
    char number[32];
    switch (s->op) {
    case SCALAR_NUMBER:
        text_number(s->number, number), text_add(out, " %s", number);
        break;
    case SCALAR_ARGUMENT:
        text_add(out, " %s", arguments[s->index]);
        break;
    case SCALAR_INDEX:
        text_add(out, " i%u", (unsigned)s->index);
        break;
    case SCALAR_LOAD:
    case SCALAR_STORE:
        text_add(out, " o%u", (unsigned)s->index);
        break;
    case SCALAR_ACCUMULATE:
        text_add(out, " %s", s->reduction < LENGTH(reduction_names) ? reduction_names[s->reduction] : "?");
    /* fall through */
    case SCALAR_ACCUMULATED:
        text_add(out, " a%u", (unsigned)s->index);
        break;
    default:
        break;
    }
}

static void print_program(const char *name, const struct program *program, uint32_t depth, struct text *out)
{
    if (!program->count) return;
    indent(depth, out), text_add(out, "%s\n", name);
    for (uint32_t i = 0; i < program->count; i++) {
        const struct scalar *s = &program->code[i];
        uint32_t argument[3] = {s->a, s->b, s->c};
        indent(depth + 1, out);
        text_add(out, "%u = %s", (unsigned)i,
                 s->op < PRIMITIVES ? primitive_rows[s->op].name : op_names[s->op - PRIMITIVES]);
        print_detail(s, out);
        for (uint32_t j = 0; j < scalar_arity(s->op); j++) text_add(out, " %u", (unsigned)argument[j]);
        text_add(out, "\n");
    }
}

static void print_nest(const struct nest *nest, uint32_t phases, uint32_t loops, struct text *out)
{
    uint32_t depth = phases + loops;
    indent(depth, out), text_add(out, "nest %s", how_names[nest->how]);
    for (uint32_t i = nest->outer; i < nest->depth; i++) {
        text_add(out, nest->summed >> i & 1 ? " sum i%u < " : " i%u < ", (unsigned)i);
        print_extent(nest->extent[i], out);
    }
    text_add(out, "\n");
    for (uint32_t i = 0; i < nest->n_operands; i++)
        indent(depth + 1, out), print_operand(&nest->operand[i], i, out);
    print_program("body", &nest->body, depth + 1, out);
    print_program("finish", &nest->finish, depth + 1, out);
}

static void print_phase_end(const struct item *item, struct text *out)
{
    text_add(out, "end of phase");
    if (item->condition) text_add(out, ", while "), print_buffer(item->condition, out), text_add(out, "]");
    text_add(out, "\n");
}

void nests_print(const struct nests *nests, struct text *out)
{
    uint32_t depth = 0, phases = 0;
    for (uint32_t i = 0; i < nests->count; i++) {
        const struct item *item = &nests->item[i];
        if (item->kind == ITEM_NEST) print_nest(item->nest, phases, depth, out);
        if (item->kind == ITEM_END) indent(phases + --depth, out), text_add(out, "end\n");
        if (item->kind == ITEM_BEGIN) {
            indent(phases + depth, out), text_add(out, "loop i%u < ", (unsigned)depth);
            print_extent(item->extent, out), text_add(out, "\n");
            depth++;
        }
        if (item->kind == ITEM_PHASE) text_add(out, "phase t < %u\n", (unsigned)item->extent), phases++;
        if (item->kind == ITEM_PHASE_END) print_phase_end(item, out), phases--;
    }
}
