/* run.c: carries out nests in plain C, one iteration after the other: what the tests hold other engines to. */
#include "compiler/kernel/nest.h"

#include <float.h>
#include <math.h>

/* Where we are: one index a loop, one number an accumulator, one value a scalar of the longer program. */
struct place {
    const struct nest *nest;
    const struct nnt_call *call;
    uint32_t real_bytes;
    uint64_t index[NEST_DEPTH];
    uint64_t iteration; /* of the phase */
    double accumulator[NEST_ACCUMULATORS];
    double *value;
};

/* Through memory: GCC 12 drops the rounding of (double)(float)x where it makes vectors of several. */
static double rounded(uint32_t real_bytes, double x)
{
    volatile float narrow = (float)x;
    return real_bytes == 4 ? (double)narrow : x;
}

static uint64_t extent_of(uint32_t extent, const struct nnt_call *call)
{
    return extent == NEST_BATCH ? call->batch : extent;
}

static int64_t first_element(const struct place *at, const struct buffer *buffer)
{
    return (int64_t)(buffer->offset + buffer->offset_per_sample * at->call->batch) +
           (int64_t)at->iteration * buffer->step;
}

static int64_t element(const struct place *at, const struct operand *operand)
{
    int64_t e = first_element(at, &operand->at);
    for (uint32_t i = 0; i < at->nest->depth; i++) e += (int64_t)at->index[i] * operand->stride[i];
    return e;
}

static double number_at(const struct place *at, uint32_t slab, int64_t e)
{
    const void *data = at->call->slab[slab];
    return at->real_bytes == 4 ? (double)((const float *)data)[e] : ((const double *)data)[e];
}

static double load(const struct place *at, const struct operand *operand)
{
    return number_at(at, operand->at.slab, element(at, operand));
}

static void store(const struct place *at, const struct operand *operand, double x)
{
    void *slab = at->call->slab[operand->at.slab];
    int64_t e = element(at, operand);
    if (at->real_bytes == 4)
        ((float *)slab)[e] = (float)x;
    else
        ((double *)slab)[e] = x;
}

static double accumulate(enum reduction by, double so_far, double x)
{
    switch (by) {
    case REDUCE_MAX:
        return primitive_value(PRIMITIVE_max, so_far, x, 0);
    case REDUCE_MIN:
        return primitive_value(PRIMITIVE_min, so_far, x, 0);
    default:
        return so_far + x;
    }
}

/* Their contract, held here because a machine that takes exponent bits gives nonsense elsewhere. */
static int checked_exponent(uint32_t real_bytes, double a)
{
    double least = real_bytes == 4 ? FLT_MIN : DBL_MIN, most = real_bytes == 4 ? FLT_MAX : DBL_MAX;
    if (!(a >= least && a <= most)) BUG("the exponent of %g, which is no positive normal number", a);
    return ilogb(a);
}

static double scaled(uint32_t real_bytes, double a, double b)
{
    int most = real_bytes == 4 ? FLT_MAX_EXP : DBL_MAX_EXP;
    if (!(b > 1 - most && b < most) || b != floor(b)) BUG("2^%g, which is no normal number", b);
    return ldexp(a, (int)b);
}

static double scalar_value(struct place *at, const struct scalar *s)
{
    uint32_t arity = scalar_arity(s->op);
    double a = arity > 0 ? at->value[s->a] : 0, b = arity > 1 ? at->value[s->b] : 0,
           c = arity > 2 ? at->value[s->c] : 0;
    switch (s->op) {
    case SCALAR_NUMBER:
        return s->number;
    case SCALAR_ARGUMENT:
        return at->call->number[s->index];
    case SCALAR_BATCH:
        return at->call->batch;
    case SCALAR_INDEX:
        return (double)at->index[s->index];
    case SCALAR_LOAD:
        return load(at, &at->nest->operand[s->index]);
    case SCALAR_STORE:
        store(at, &at->nest->operand[s->index], a);
        return 0;
    case SCALAR_ACCUMULATE: {
        double *sum = &at->accumulator[s->index];
        *sum = rounded(at->real_bytes, accumulate(s->reduction, *sum, a));
        return 0;
    }
    case SCALAR_ACCUMULATED:
        return at->accumulator[s->index];
    case SCALAR_FMA:
        return rounded(at->real_bytes, a * b) + c;
    case SCALAR_SCALE:
        return scaled(at->real_bytes, a, b);
    case SCALAR_EXPONENT:
        return checked_exponent(at->real_bytes, a);
    case SCALAR_MANTISSA:
        return ldexp(a, -checked_exponent(at->real_bytes, a));
    default:
        return primitive_value(s->op, a, b, c);
    }
}

static void run_program(struct place *at, const struct program *program)
{
    for (uint32_t i = 0; i < program->count; i++)
        at->value[i] = rounded(at->real_bytes, scalar_value(at, &program->code[i]));
}

static void start_accumulators(struct place *at)
{
    const struct program *body = &at->nest->body;
    for (uint32_t i = 0; i < body->count; i++) {
        if (body->code[i].op != SCALAR_ACCUMULATE) continue;
        uint8_t by = body->code[i].reduction;
        at->accumulator[body->code[i].index] = by == REDUCE_MAX ? -INFINITY : by == REDUCE_MIN ? INFINITY : 0;
    }
}

/* The loops from number `loop` on that are summed (or are not), and inside them what belongs there. */
static void run_loops(struct place *at, uint32_t loop, bool summing)
{
    const struct nest *nest = at->nest;
    while (loop < nest->depth && (nest->summed >> loop & 1) != summing) loop++;
    if (loop < nest->depth) {
        uint64_t extent = extent_of(nest->extent[loop], at->call);
        for (at->index[loop] = 0; at->index[loop] < extent; at->index[loop]++) run_loops(at, loop + 1, summing);
        at->index[loop] = 0;
    } else if (nest->summed && !summing) {
        start_accumulators(at);
        run_loops(at, nest->outer, true);
        run_program(at, &nest->finish);
    } else {
        run_program(at, &nest->body);
    }
}

static void run_nest(struct place *at, const struct nest *nest, struct arena *scratch)
{
    uint32_t count = nest->body.count > nest->finish.count ? nest->body.count : nest->finish.count;
    at->nest = nest;
    at->value = arena_alloc(scratch, ((size_t)count + 1) * sizeof *at->value);
    run_loops(at, nest->outer, false);
}

static uint32_t end_of(const struct nests *nests, uint32_t begin, enum item_kind begins, enum item_kind ends)
{
    uint32_t open = 0;
    for (uint32_t i = begin; i < nests->count; i++) {
        if (nests->item[i].kind == begins) open++;
        if (nests->item[i].kind == ends && --open == 0) return i;
    }
    BUG("a loop does not end");
}

/* Items first … end-1, inside `open` loops. */
static void run_items(const struct nests *nests, uint32_t first, uint32_t end, uint32_t open, struct place *at,
                      struct arena *scratch)
{
    for (uint32_t i = first; i < end; i++) {
        const struct item *item = &nests->item[i];
        if (item->kind == ITEM_NEST) {
            run_nest(at, item->nest, scratch);
            continue;
        }
        uint32_t last = end_of(nests, i, ITEM_BEGIN, ITEM_END);
        uint64_t extent = extent_of(item->extent, at->call);
        for (uint64_t n = 0; n < extent; n++) {
            at->index[open] = n; /* a nest inside leaves it alone: it is one of its outer loops */
            run_items(nests, i + 1, last, open + 1, at, scratch);
        }
        at->index[open] = 0;
        i = last;
    }
}

static void run_phase(const struct nests *nests, uint32_t first, uint32_t end, struct place *at,
                      struct arena *scratch)
{
    const struct buffer *condition = nests->item[end].condition;
    for (at->iteration = 0; at->iteration < nests->item[first].extent; at->iteration++) {
        run_items(nests, first + 1, end, 0, at, scratch);
        if (condition && number_at(at, condition->slab, first_element(at, condition)) == 0) break;
    }
    at->iteration = 0;
}

void nests_run(const struct nests *nests, uint32_t real_bytes, const struct nnt_call *call)
{
    struct arena *scratch = arena_new();
    struct place at = {.call = call, .real_bytes = real_bytes};
    for (uint32_t i = 0; i < nests->count;) {
        uint32_t next = i;
        while (next < nests->count && nests->item[next].kind != ITEM_PHASE) next++;
        run_items(nests, i, next, 0, &at, scratch);
        if (next == nests->count) break;
        uint32_t end = end_of(nests, next, ITEM_PHASE, ITEM_PHASE_END);
        run_phase(nests, next, end, &at, scratch);
        i = end + 1;
    }
    arena_free(scratch);
}
