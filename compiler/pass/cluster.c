/* cluster.c: the computed nodes of an entry, gathered into clusters: each will be one nest.
 *
 * Nodes are taken by stage and then in order. One joins the first cluster of its loops that is not before any
 * cluster whose memory it reads; else it opens a new one behind all others. So clusters stand in an order in which
 * they could run. */
#include "compiler/pass/plan.h"

#include <stdlib.h>

enum { MOST_OPERANDS = NEST_OPERANDS - 6, FAMILY_ANY = 0 };

/* ---- families: maps of one shape and stage that have something to do with each other ---- */

struct families {
    const struct fusion *f;
    ir_id *parent;
    ir_id *last_reader; /* of each node: the map that read it last */
    ir_id reader;
};

static ir_id family(struct families *s, ir_id id)
{
    while (s->parent[id] != id) id = s->parent[id] = s->parent[s->parent[id]];
    return id;
}

static bool are_alike(const struct fusion *f, ir_id a, ir_id b)
{
    return f->node[a].role == ROLE_COMPUTED && f->node[b].role == ROLE_COMPUTED && f->g->node[a].op == IR_map &&
           f->g->node[b].op == IR_map && f->node[a].stage == f->node[b].stage &&
           shape_equal(f->g->node[a].shape, f->g->node[b].shape);
}

static void unite(void *with, ir_id input, bool direct)
{
    struct families *s = with;
    ir_id last = s->last_reader[input];
    if (direct && are_alike(s->f, input, s->reader)) s->parent[family(s, input)] = family(s, s->reader);
    if (last != IR_NONE && are_alike(s->f, last, s->reader)) s->parent[family(s, last)] = family(s, s->reader);
    s->last_reader[input] = s->reader;
}

static void make_families(struct families *s, const struct fusion *f)
{
    s->f = f;
    s->parent = arena_alloc(f->arena, (f->g->count + 1) * sizeof *s->parent);
    s->last_reader = arena_alloc(f->arena, (f->g->count + 1) * sizeof *s->last_reader);
    for (ir_id id = 0; id < f->g->count; id++) {
        s->parent[id] = id;
        s->last_reader[id] = IR_NONE;
    }
    for (ir_id id = 0; id < f->g->count; id++) {
        s->reader = id;
        if (f->node[id].role == ROLE_COMPUTED && f->g->node[id].op == IR_map) fusion_inputs(f, id, unite, s);
    }
}

/* Small shapes go together whatever they mean. */
static uint32_t family_of(struct families *s, ir_id id)
{
    struct shape shape = s->f->g->node[id].shape;
    bool small = shape.rank == 0 || (shape.rank == 1 && shape.extent[0] == IR_BATCH);
    return small ? FAMILY_ANY : family(s, id) + 1;
}

/* ---- products by BLAS ---- */

static bool is_for_blas(const struct fusion *f, const struct node *n)
{
    uint32_t extent[3] = {1, 1, 1}; /* of the two labels of the result and of the summed one */
    for (uint32_t k = 0; k < 2; k++) {
        struct shape shape = f->g->node[n->in[k]].shape;
        for (uint32_t axis = 0; axis < shape.rank; axis++) {
            uint32_t label = 0;
            while (label < 2 && n->label[2][label] != n->label[k][axis]) label++;
            extent[label] = shape.extent[axis];
        }
    }
    return product_is_for_blas(f->target, extent);
}

static bool goes_to(const struct fusion *f, ir_id value, const struct node *source)
{
    for (uint32_t r = 0; r < f->phase->n_results; r++) {
        const struct ir_result *result = &f->phase->result[r];
        if (result->value == value && result->field == source->field && row_equal(result->row, source->row))
            return true;
    }
    return false;
}

/* gemm's own epilogue: s * P with a number of the call, and q ± (what stands before) into q itself. */
static bool is_gemm_scale(const struct fusion *f, const struct cluster *c, ir_id id)
{
    const struct node *n = &f->g->node[id];
    if (n->kind != PRIMITIVE_mul || c->count != 1 || f->node[c->node[0]].uses != 1) return false;
    for (uint32_t k = 0; k < 2; k++)
        if (n->in[k] == c->node[0] && f->node[n->in[1 - k]].role == ROLE_FREE) return true;
    return false;
}

static bool is_gemm_update(const struct fusion *f, const struct cluster *c, ir_id id)
{
    const struct node *n = &f->g->node[id];
    ir_id last = c->node[c->count - 1];
    if (c->count > 2 || f->node[last].uses != 1 || f->node[id].uses != 1) return false;
    if (n->kind == PRIMITIVE_sub && n->in[1] != last) return false;
    if (n->kind != PRIMITIVE_sub && n->kind != PRIMITIVE_add) return false;
    const struct node *q = &f->g->node[n->in[0] == last ? n->in[1] : n->in[0]];
    return q->op == IR_source && goes_to(f, id, q);
}

/* ---- joining ---- */

struct bounds {
    const struct fusion *f;
    uint32_t least;  /* no cluster before this */
    uint32_t direct; /* the last cluster whose registers would do, PLAN_NONE */
    uint32_t operands;
};

/* What is read through a view, or from an earlier cluster, must be in memory before. */
static void bound(void *with, ir_id input, bool direct)
{
    struct bounds *b = with;
    uint32_t cluster = b->f->node[input].cluster;
    b->operands++;
    if (b->f->node[input].role != ROLE_COMPUTED) return;
    uint32_t from = direct ? cluster : cluster + 1;
    if (from > b->least) b->least = from;
    if (direct && (b->direct == PLAN_NONE || cluster > b->direct)) b->direct = cluster;
}

static bool map_joins(const struct fusion *f, uint32_t c, ir_id id, uint32_t family, const struct bounds *b)
{
    const struct cluster *cluster = &f->cluster[c];
    if (!shape_equal(cluster->shape, f->g->node[id].shape)) return false;
    if (cluster->kind == CLUSTER_MAPS) return cluster->stage == f->node[id].stage && cluster->family == family;
    if (b->direct != c || cluster->stage + 1 < f->node[id].stage)
        return false; /* a finish: its first input is a sum */
    return !cluster->blas || is_gemm_scale(f, cluster, id) || is_gemm_update(f, cluster, id);
}

static bool sum_joins(const struct fusion *f, uint32_t c, ir_id id, const struct bounds *b)
{
    const struct cluster *cluster = &f->cluster[c];
    const struct node *n = &f->g->node[id];
    bool related = !node_is_barrier(f->g, id) || f->g->node[cluster->node[0]].in[0] == n->in[0];
    return cluster->kind == CLUSTER_SUMS && cluster->stage == f->node[id].stage && cluster->axes == n->axes &&
           related && shape_equal(cluster->domain, f->g->node[n->in[0]].shape) &&
           cluster->n_sums < NEST_ACCUMULATORS && (b->direct == PLAN_NONE || b->direct < c);
}

static uint32_t open_cluster(struct fusion *f, ir_id id, uint32_t family)
{
    const struct node *n = &f->g->node[id];
    f->cluster = arena_grow(f->arena, f->cluster, f->n_clusters, &f->cluster_capacity, sizeof *f->cluster);
    struct cluster c = {.domain = n->shape, .shape = n->shape, .stage = f->node[id].stage, .family = family};
    if (n->op == IR_map) c.kind = CLUSTER_MAPS;
    if (n->op == IR_contract) {
        c.kind = CLUSTER_PRODUCT;
        c.blas = is_for_blas(f, n);
    }
    if (n->op == IR_reduce) {
        c.kind = CLUSTER_SUMS;
        c.domain = f->g->node[n->in[0]].shape;
        c.axes = n->axes;
    }
    f->cluster[f->n_clusters] = c;
    return f->n_clusters++;
}

/* Clusters are made stage by stage: those further back are of earlier stages. */
static uint32_t find_cluster(const struct fusion *f, ir_id id, uint32_t family, const struct bounds *b)
{
    const struct node *n = &f->g->node[id];
    uint32_t found = PLAN_NONE;
    if (n->op == IR_contract) return PLAN_NONE;
    for (uint32_t c = f->n_clusters; c-- > b->least;) {
        if (f->cluster[c].stage + 1 < f->node[id].stage) break;
        if (f->cluster[c].operands + b->operands > MOST_OPERANDS) continue;
        if (n->op == IR_map ? map_joins(f, c, id, family, b) : sum_joins(f, c, id, b)) found = c;
    }
    return found;
}

static void add_node(struct fusion *f, uint32_t c, ir_id id)
{
    struct cluster *cluster = &f->cluster[c];
    cluster->node = arena_grow(f->arena, cluster->node, cluster->count, &cluster->capacity, sizeof *cluster->node);
    cluster->node[cluster->count++] = id;
    f->node[id].cluster = c;
}

static void place_node(struct fusion *f, struct families *families, ir_id id)
{
    const struct node *n = &f->g->node[id];
    uint32_t stores = f->node[id].results < RESULTS_IN_PLACE ? f->node[id].results : RESULTS_IN_PLACE;
    struct bounds b = {.f = f, .direct = PLAN_NONE, .operands = 1 + stores};
    fusion_inputs(f, id, bound, &b);
    uint32_t family = n->op == IR_map ? family_of(families, id) : FAMILY_ANY;
    uint32_t c = find_cluster(f, id, family, &b);
    if (c == PLAN_NONE) c = open_cluster(f, id, family);
    add_node(f, c, id);
    f->cluster[c].operands += b.operands;
    if (n->op == IR_reduce) f->cluster[c].n_sums++;
}

/* ---- afterwards: maps that were placed before what wants them was ---- */

enum { TARGET_NONE = 0, TARGET_MANY = 1, TARGET_FIRST = 2 }; /* or a cluster, counted from the last */
struct sinking {
    struct fusion *f;
    uint32_t *target; /* of each node: the one cluster whose maps read it */
    ir_id reader;
    bool free; /* nothing but the reader keeps its inputs in the registers of its cluster */
};

static void aim(void *with, ir_id input, bool direct)
{
    struct sinking *s = with;
    uint32_t cluster = TARGET_FIRST + s->f->node[s->reader].cluster, *target = &s->target[input];
    bool can = direct && s->f->g->node[s->reader].op == IR_map;
    *target = can && (*target == TARGET_NONE || *target == cluster) ? cluster : TARGET_MANY;
}

static void check_free(void *with, ir_id input, bool direct)
{
    (void)direct;
    struct sinking *s = with;
    uint32_t own = s->f->node[s->reader].cluster, target = s->target[input];
    bool stored = target != TARGET_NONE && target != TARGET_FIRST + own;
    if (s->f->node[input].role == ROLE_COMPUTED && s->f->node[input].cluster == own && !stored) s->free = false;
}

static bool can_sink(struct sinking *s, ir_id id)
{
    struct fusion *f = s->f;
    if (f->g->node[id].op != IR_map || !f->node[id].cheap || f->node[id].results || s->target[id] < TARGET_FIRST)
        return false;
    const struct cluster *from = &f->cluster[f->node[id].cluster], *to = &f->cluster[s->target[id] - TARGET_FIRST];
    if (from == to || from->kind != CLUSTER_MAPS || to->blas || to->operands + 3 > MOST_OPERANDS) return false;
    if (f->node[id].stage + 1 < to->stage || !shape_equal(f->g->node[id].shape, to->shape)) return false;
    s->free = true;
    fusion_inputs(f, id, check_free, s);
    return s->free;
}

static void remove_node(struct cluster *cluster, ir_id id)
{
    uint32_t kept = 0;
    for (uint32_t k = 0; k < cluster->count; k++)
        if (cluster->node[k] != id) cluster->node[kept++] = cluster->node[k];
    cluster->count = kept;
}

/* A cheap map whose inputs are in memory anyway goes to the cluster that alone reads it: its value stays in a
 * register. */
static void sink_maps(struct fusion *f)
{
    struct sinking s = {.f = f, .target = arena_alloc(f->arena, (f->g->count + 1) * sizeof *s.target)};
    for (ir_id id = f->g->count; id-- > 0;) {
        s.reader = id;
        if (f->node[id].role != ROLE_COMPUTED) continue;
        if (can_sink(&s, id)) {
            remove_node(&f->cluster[f->node[id].cluster], id);
            add_node(f, s.target[id] - TARGET_FIRST, id);
            f->cluster[f->node[id].cluster].operands += 3;
        }
        fusion_inputs(f, id, aim, &s);
    }
}

struct reading {
    const struct fusion *f;
    uint32_t own, last; /* the last other cluster that is read */
    bool direct;        /* all reads of it are without a view */
};

static void note_last(void *with, ir_id input, bool direct)
{
    struct reading *r = with;
    uint32_t cluster = r->f->node[input].cluster;
    if (r->f->node[input].role != ROLE_COMPUTED || cluster == r->own) return;
    if (r->last == PLAN_NONE || cluster > r->last) {
        r->last = cluster;
        r->direct = direct;
    } else if (cluster == r->last) {
        r->direct = r->direct && direct;
    }
}

/* Maps that need nothing later than the sum behind which they stand are its finish. */
static void merge_finish(struct fusion *f, uint32_t c)
{
    struct reading r = {.f = f, .own = c, .last = PLAN_NONE};
    for (uint32_t k = 0; k < f->cluster[c].count; k++) fusion_inputs(f, f->cluster[c].node[k], note_last, &r);
    if (r.last == PLAN_NONE || !r.direct) return;
    struct cluster *maps = &f->cluster[c], *sums = &f->cluster[r.last];
    bool fits = (sums->kind == CLUSTER_SUMS || (sums->kind == CLUSTER_PRODUCT && !sums->blas)) &&
                shape_equal(sums->shape, maps->shape) && sums->operands + maps->operands <= MOST_OPERANDS &&
                sums->stage + 1 >= maps->stage;
    if (!fits) return;
    sums->operands += maps->operands;
    for (uint32_t k = 0; k < maps->count; k++) add_node(f, r.last, maps->node[k]);
    maps->count = 0;
}

/* ---- the order in which nodes are taken ---- */

struct turn {
    uint32_t stage;
    ir_id id;
};

static int compare_turns(const void *left, const void *right)
{
    const struct turn *a = left, *b = right;
    if (a->stage != b->stage) return a->stage < b->stage ? -1 : 1;
    return a->id < b->id ? -1 : a->id > b->id;
}

void fuse_clusters(struct fusion *f)
{
    struct families families;
    make_families(&families, f);
    struct turn *turn = arena_alloc(f->arena, (f->g->count + 1) * sizeof *turn);
    uint32_t n_turns = 0;
    for (ir_id id = 0; id < f->g->count; id++)
        if (f->node[id].role == ROLE_COMPUTED) turn[n_turns++] = (struct turn){f->node[id].stage, id};
    qsort(turn, n_turns, sizeof *turn, compare_turns);
    for (uint32_t i = 0; i < n_turns; i++) place_node(f, &families, turn[i].id);
    if (f->target->plain) return;
    sink_maps(f);
    for (uint32_t c = 0; c < f->n_clusters; c++)
        if (f->cluster[c].kind == CLUSTER_MAPS) merge_finish(f, c);
}
