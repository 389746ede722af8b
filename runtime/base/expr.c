/* expr.c: expressions without names: built, shared, folded, evaluated. */
#include "runtime/base/expr.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* log cosh a = |a| + log((1 + e^{-2|a|}) / 2); near 0 that cancels, and cosh a - 1 = 2 sinh(a/2)^2 does not. */
static double primitive_log_cosh(double a)
{
    double s = fabs(a);
    if (s < 1) return log1p(2 * sinh(s / 2) * sinh(s / 2));
    return s + log1p(exp(-2 * s)) - 0.6931471805599453;
}

static double primitive_logistic(double a)
{
    double e = exp(-fabs(a));
    return a >= 0 ? 1 / (1 + e) : e / (1 + e);
}

static double primitive_softplus(double a)
{
    return (a > 0 ? a : 0) + log1p(exp(-fabs(a)));
}

enum kink { SMOOTH, KINKED, FLAT };
const struct primitive_row primitive_rows[PRIMITIVES] = {
#define PRIMITIVE(name, arity, value, d_a, d_b, kink, help, range)                                                 \
    {#name, arity, kink == KINKED, kink == FLAT, help, range},
#include "runtime/base/primitives.def"
#undef PRIMITIVE
};

double primitive_value(enum primitive op, double a, double b, double c)
{
    switch (op) {
#define PRIMITIVE(name, arity, value, ...)                                                                         \
    case PRIMITIVE_##name:                                                                                         \
        return value;
#include "runtime/base/primitives.def"
#undef PRIMITIVE
    case PRIMITIVES:
        break;
    }
    BUG("no primitive %d", (int)op);
}

/* ---- the pool ---- */

static uint64_t mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * 0x9E3779B97F4A7C15u;
    return hash ^ hash >> 29;
}

static uint64_t number_bits(double number)
{
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    return bits;
}

static uint64_t hash_node(const struct expr *e)
{
    uint64_t hash = mix(e->kind, e->op);
    hash = mix(mix(mix(hash, e->width), e->index), number_bits(e->number));
    for (int i = 0; i < 3; i++) hash = mix(hash, e->arg[i] == NULL ? 0 : e->arg[i]->id + 1u);
    return hash;
}

static bool equal_nodes(const struct expr *a, const struct expr *b)
{
    return a->kind == b->kind && a->op == b->op && a->width == b->width && a->index == b->index &&
           number_bits(a->number) == number_bits(b->number) && a->arg[0] == b->arg[0] && a->arg[1] == b->arg[1] &&
           a->arg[2] == b->arg[2];
}

/* The slot of an equal node, or the empty one where it belongs. */
static uint32_t *find_slot(struct expr_pool *pool, const struct expr *e)
{
    uint32_t slot = (uint32_t)hash_node(e) & (pool->table_size - 1);
    while (pool->table[slot] != 0 && !equal_nodes(pool->node[pool->table[slot] - 1], e))
        slot = (slot + 1) & (pool->table_size - 1);
    return &pool->table[slot];
}

static void grow_table(struct expr_pool *pool)
{
    if (pool->table_size > 2 * pool->count) return;
    pool->table_size = pool->table_size == 0 ? 64 : 4 * pool->table_size;
    pool->table = arena_alloc(pool->arena, pool->table_size * sizeof *pool->table);
    for (uint32_t i = 0; i < pool->count; i++) *find_slot(pool, pool->node[i]) = i + 1;
}

static const struct expr *intern(struct expr_pool *pool, const struct expr *wanted)
{
    grow_table(pool);
    uint32_t *slot = find_slot(pool, wanted);
    if (*slot != 0) return pool->node[*slot - 1];
    if (pool->count > 0 && pool->most > 0 && pool->count >= pool->most) {
        pool->full = true;
        return pool->node[0];
    }
    pool->node = arena_grow(pool->arena, pool->node, pool->count, &pool->capacity, sizeof(struct expr *));
    struct expr *e = arena_alloc(pool->arena, sizeof *e);
    *e = *wanted;
    e->id = pool->count;
    pool->node[pool->count++] = e;
    *slot = pool->count;
    return e;
}

void expr_pool_init(struct expr_pool *pool, struct arena *arena)
{
    *pool = (struct expr_pool){.arena = arena};
    expr_number(pool, 0); /* node 0: what a full pool returns */
}

const struct expr *expr_number(struct expr_pool *pool, double value)
{
    return intern(pool, &(struct expr){.kind = EXPR_NUMBER, .number = value});
}

const struct expr *expr_variable(struct expr_pool *pool, enum variable which, uint32_t index, uint32_t width)
{
    return intern(pool,
                  &(struct expr){.kind = EXPR_VARIABLE, .op = (uint8_t)which, .width = width, .index = index});
}

const struct expr *expr_apply(struct expr_pool *pool, enum primitive op, const struct expr *a, const struct expr *b,
                              const struct expr *c)
{
    const struct expr *arg[3] = {a, b, c};
    struct expr e = {.kind = EXPR_APPLY, .op = (uint8_t)op};
    double value[3] = {0};
    bool constant = true;
    for (int i = 0; i < primitive_rows[op].arity; i++) {
        if (arg[i] == NULL) BUG("%s lacks argument %d", primitive_rows[op].name, i + 1);
        if (arg[i]->width > 0 && e.width > 0 && arg[i]->width != e.width)
            BUG("widths %u and %u", e.width, arg[i]->width);
        if (arg[i]->width > 0) e.width = arg[i]->width;
        e.arg[i] = arg[i];
        value[i] = arg[i]->number;
        constant = constant && expr_is_number(arg[i]);
    }
    if (constant) return expr_number(pool, primitive_value(op, value[0], value[1], value[2]));
    if (op == PRIMITIVE_select && expr_is_number(a)) {
        const struct expr *taken = a->number != 0 ? b : c;
        if (taken->width == e.width) return taken;
    }
    return intern(pool, &e);
}

const struct expr *expr_reduce(struct expr_pool *pool, enum reduction op, const struct expr *a)
{
    if (a->width == 0) return a;
    return intern(pool, &(struct expr){.kind = EXPR_REDUCE, .op = (uint8_t)op, .arg = {a}});
}

/* ---- walks ---- */

/* Sets nodes[id] for every node that e needs, NULL elsewhere, in e->id + 1 places. As arguments stand before their
 * users, one sweep down the numbers finds them, and a sweep up meets arguments first: no recursion, each node once.
 */
static void reach(const struct expr *e, const struct expr **nodes)
{
    memset(nodes, 0, (e->id + (size_t)1) * sizeof *nodes);
    nodes[e->id] = e;
    for (uint32_t id = e->id + 1; id-- > 0;) {
        for (int i = 0; nodes[id] != NULL && i < 3; i++) {
            const struct expr *arg = nodes[id]->arg[i];
            if (arg != NULL) nodes[arg->id] = arg;
        }
    }
}

const struct expr **expr_nodes(const struct expr *e)
{
    const struct expr **nodes = malloc((e->id + (size_t)1) * sizeof *nodes);
    if (nodes == NULL) arena_exhausted();
    reach(e, nodes);
    return nodes;
}

static const struct expr *rebuild(struct expr_pool *pool, const struct expr *e, const struct expr *const *made)
{
    const struct expr *arg[3] = {0};
    bool same = true;
    for (int i = 0; i < 3 && e->arg[i] != NULL; i++) {
        arg[i] = made[e->arg[i]->id];
        same = same && arg[i] == e->arg[i];
    }
    if (same) return e;
    if (e->kind == EXPR_REDUCE) return expr_reduce(pool, e->op, arg[0]);
    return expr_apply(pool, e->op, arg[0], arg[1], arg[2]);
}

const struct expr *expr_replace(struct expr_pool *pool, const struct expr *e,
                                const struct expr *(*replace)(void *with, const struct expr *variable), void *with)
{
    const struct expr **made = expr_nodes(e);
    for (uint32_t id = 0; id <= e->id; id++) {
        if (made[id] == NULL) continue;
        bool variable = made[id]->kind == EXPR_VARIABLE;
        made[id] = variable ? replace(with, made[id]) : rebuild(pool, made[id], made);
    }
    const struct expr *result = made[e->id];
    free(made);
    return result;
}

bool expr_mentions(const struct expr *e, enum variable which)
{
    const struct expr **nodes = expr_nodes(e);
    bool found = false;
    for (uint32_t id = 0; id <= e->id; id++)
        found = found || (nodes[id] != NULL && nodes[id]->kind == EXPR_VARIABLE && nodes[id]->op == which);
    free(nodes);
    return found;
}

bool expr_kinked(const struct expr *e)
{
    const struct expr **nodes = expr_nodes(e);
    bool found = false;
    for (uint32_t id = 0; id <= e->id; id++) {
        const struct expr *n = nodes[id];
        if (n == NULL) continue;
        found = found || (n->kind == EXPR_APPLY && primitive_rows[n->op].kinked);
        found = found || (n->kind == EXPR_REDUCE && (n->op == REDUCE_MAX || n->op == REDUCE_MIN));
    }
    free(nodes);
    return found;
}

/* ---- values ---- */

static size_t numbers_of(const struct expr *e)
{
    return e->width == 0 ? 1 : e->width;
}

static void apply(const struct expr *e, const double *const arg[3], double *out)
{
    size_t stride[3] = {0};
    for (int i = 0; i < 3; i++) stride[i] = e->arg[i] != NULL && e->arg[i]->width > 0;
    for (size_t k = 0; k < numbers_of(e); k++)
        out[k] = primitive_value(e->op, arg[0][k * stride[0]], arg[1][k * stride[1]], arg[2][k * stride[2]]);
}

static double reduce(enum reduction op, const double *a, size_t n)
{
    double total = a[0];
    for (size_t k = 1; k < n; k++) {
        if (op == REDUCE_SUM || op == REDUCE_MEAN) total += a[k];
        if (op == REDUCE_MAX) total = primitive_value(PRIMITIVE_max, total, a[k], 0);
        if (op == REDUCE_MIN) total = primitive_value(PRIMITIVE_min, total, a[k], 0);
    }
    return op == REDUCE_MEAN ? total / (double)n : total;
}

/* `places[id]` is where the value of node id begins in `values`. */
static void value_of(const struct expr *e, const uint64_t *places, double *values, const double *variable)
{
    static const double none = 0;
    const double *arg[3] = {&none, &none, &none};
    double *out = values + places[e->id];
    for (int i = 0; i < 3; i++)
        if (e->arg[i] != NULL) arg[i] = values + places[e->arg[i]->id];
    switch ((enum expr_kind)e->kind) {
    case EXPR_NUMBER:
        out[0] = e->number;
        break;
    case EXPR_VARIABLE:
        memcpy(out, variable, numbers_of(e) * sizeof *out);
        break;
    case EXPR_APPLY:
        apply(e, arg, out);
        break;
    case EXPR_REDUCE:
        out[0] = reduce(e->op, arg[0], numbers_of(e->arg[0]));
        break;
    }
}

static void ensure(struct expr_scratch *scratch, size_t doubles)
{
    if (doubles <= scratch->capacity) return;
    if (doubles > SIZE_MAX / sizeof *scratch->data) arena_exhausted();
    double *data = realloc(scratch->data, doubles * sizeof *data);
    if (data == NULL) arena_exhausted();
    scratch->data = data;
    scratch->capacity = doubles;
}

void expr_value(const struct expr *e, const double *(*variable)(void *with, const struct expr *variable),
                void *with, struct expr_scratch *scratch, double *out)
{
    _Static_assert(sizeof(void *) <= sizeof(double) && sizeof(uint64_t) == sizeof(double),
                   "a scratch cell holds any");
    size_t count = e->id + (size_t)1, total = 0;
    ensure(scratch, 2 * count);
    reach(e, (const struct expr **)(void *)scratch->data);
    for (size_t id = 0; id < count; id++) {
        const struct expr *n = ((const struct expr **)(void *)scratch->data)[id];
        if (n == NULL) continue;
        ((uint64_t *)(void *)(scratch->data + count))[id] = total;
        total += numbers_of(n);
    }
    ensure(scratch, 2 * count + total);
    const struct expr **nodes = (const struct expr **)(void *)scratch->data;
    uint64_t *places = (uint64_t *)(void *)(scratch->data + count);
    double *values = scratch->data + 2 * count;
    for (size_t id = 0; id < count; id++) {
        if (nodes[id] == NULL) continue;
        value_of(nodes[id], places, values, nodes[id]->kind == EXPR_VARIABLE ? variable(with, nodes[id]) : NULL);
    }
    memcpy(out, values + places[e->id], numbers_of(e) * sizeof *out);
}

static const double *progress_alone(void *with, const struct expr *variable)
{
    if (variable->op != VAR_PROGRESS) BUG("a schedule reads variable %d", variable->op);
    return with;
}

double expr_at_progress(const struct expr *e, double progress)
{
    if (e->width > 1) BUG("a schedule of width %u", e->width);
    if (expr_is_number(e)) return e->number;
    struct expr_scratch scratch = {0};
    double value;
    expr_value(e, progress_alone, &progress, &scratch, &value);
    free(scratch.data);
    return value;
}
