/* schedule.c: clusters to units (one loop over the samples around several nests), their order, and a home for what
 * is stored.
 *
 * A result is stored straight into its field by the cluster that makes it, where every reader of the field's old
 * value can run before; where one cannot, into a temporary which a copy at the end brings there. */
#include "compiler/pass/plan.h"

/* ---- reads ---- */

struct edge {
    uint32_t to, next;
};
struct read { /* of a field's old value */
    uint32_t cluster, next;
    struct ir_row row;
    bool same_element; /* at the element that is stored in the same iteration */
};
struct schedule {
    struct fusion *f;
    ir_id reader;
    uint32_t n_clusters; /* without copies */
    struct read *read;
    uint32_t n_reads, read_capacity;
    uint32_t *first_read; /* of each field */
    struct edge *edge;
    uint32_t n_edges, edge_capacity;
    uint32_t *first_edge; /* of each unit */
    bool *seen;
    uint32_t *stack;
};

static void add_read(struct schedule *s, const struct node *source, uint32_t cluster, bool same_element)
{
    uint32_t field = source->field;
    s->read = arena_grow(s->f->arena, s->read, s->n_reads, &s->read_capacity, sizeof *s->read);
    s->read[s->n_reads] = (struct read){cluster, s->first_read[field], source->row, same_element};
    s->first_read[field] = s->n_reads++;
}

static void note_read(void *with, ir_id input, bool direct)
{
    struct schedule *s = with;
    struct fusion *f = s->f;
    uint32_t cluster = f->node[s->reader].cluster;
    if (f->node[input].role == ROLE_SOURCE)
        add_read(s, &f->g->node[input], cluster, direct && f->g->node[s->reader].op == IR_map);
    else if (f->node[input].cluster != cluster)
        f->node[input].stored = true;
}

static void note_reads(struct schedule *s)
{
    struct fusion *f = s->f;
    s->first_read = arena_alloc(f->arena, (f->g->n_fields + 1) * sizeof *s->first_read);
    for (uint32_t k = 0; k < f->g->n_fields; k++) s->first_read[k] = PLAN_NONE;
    for (ir_id id = 0; id < f->g->count; id++) {
        s->reader = id;
        if (f->node[id].role == ROLE_COMPUTED) fusion_inputs(f, id, note_read, s);
    }
}

/* ---- units ---- */

static bool is_row_cluster(const struct cluster *c)
{
    return c->kind <= CLUSTER_SUMS && shape_is_rows(c->shape);
}

struct merging {
    const struct fusion *f;
    uint32_t *parent; /* of each cluster */
    ir_id reader;
};

static uint32_t root_of(uint32_t *parent, uint32_t c)
{
    while (parent[c] != c) c = parent[c] = parent[parent[c]];
    return c;
}

static void merge_rows(void *with, ir_id input, bool direct)
{
    (void)direct;
    struct merging *m = with;
    if (m->f->node[input].role != ROLE_COMPUTED) return;
    uint32_t a = m->f->node[input].cluster, b = m->f->node[m->reader].cluster;
    const struct cluster *from = &m->f->cluster[a], *to = &m->f->cluster[b];
    if (is_row_cluster(from) && is_row_cluster(to) && from->stage == to->stage)
        m->parent[root_of(m->parent, a)] = root_of(m->parent, b);
}

/* For each cluster the one that stands for its component; a component without sums needs no common loop. */
static uint32_t *row_components(const struct fusion *f, bool rows)
{
    struct merging m = {.f = f, .parent = arena_alloc(f->arena, (f->n_clusters + 1) * sizeof *m.parent)};
    bool *sums = arena_alloc(f->arena, f->n_clusters + 1);
    for (uint32_t c = 0; c < f->n_clusters; c++) m.parent[c] = c;
    for (ir_id id = 0; rows && id < f->g->count; id++) {
        m.reader = id;
        if (f->node[id].role == ROLE_COMPUTED) fusion_inputs(f, id, merge_rows, &m);
    }
    for (uint32_t c = 0; c < f->n_clusters; c++)
        if (f->cluster[c].kind == CLUSTER_SUMS) sums[root_of(m.parent, c)] = true;
    uint32_t *component = arena_alloc(f->arena, (f->n_clusters + 1) * sizeof *component);
    for (uint32_t c = 0; c < f->n_clusters; c++) {
        uint32_t root = root_of(m.parent, c);
        component[c] = sums[root] ? root : c;
    }
    return component;
}

static uint32_t open_unit(struct fusion *f)
{
    f->unit = arena_grow(f->arena, f->unit, f->n_units, &f->unit_capacity, sizeof *f->unit);
    f->unit[f->n_units] = (struct unit){0};
    return f->n_units++;
}

static void add_to_unit(struct fusion *f, uint32_t u, uint32_t c)
{
    struct unit *unit = &f->unit[u];
    unit->cluster = arena_grow(f->arena, unit->cluster, unit->count, &unit->capacity, sizeof *unit->cluster);
    unit->cluster[unit->count++] = c;
    unit->rows = unit->count > 1;
    f->cluster[c].unit = u;
}

static void make_units(struct schedule *s, bool rows)
{
    struct fusion *f = s->f;
    const uint32_t *component = row_components(f, rows);
    uint32_t *unit = arena_alloc(f->arena, (f->n_clusters + 1) * sizeof *unit);
    for (uint32_t c = 0; c < f->n_clusters; c++) unit[c] = PLAN_NONE;
    f->n_units = 0;
    for (uint32_t c = 0; c < f->n_clusters; c++) {
        uint32_t *u = &unit[component[c]];
        if (!f->cluster[c].count) continue;
        if (*u == PLAN_NONE) *u = open_unit(f);
        add_to_unit(f, *u, c);
    }
}

/* ---- what must run before what ---- */

static void add_edge(struct schedule *s, uint32_t from, uint32_t to)
{
    if (from == to) return;
    s->edge = arena_grow(s->f->arena, s->edge, s->n_edges, &s->edge_capacity, sizeof *s->edge);
    s->edge[s->n_edges] = (struct edge){to, s->first_edge[from]};
    s->first_edge[from] = s->n_edges++;
}

static void add_data_edge(void *with, ir_id input, bool direct)
{
    (void)direct;
    struct schedule *s = with;
    const struct fusion *f = s->f;
    if (f->node[input].role == ROLE_COMPUTED)
        add_edge(s, f->cluster[f->node[input].cluster].unit, f->cluster[f->node[s->reader].cluster].unit);
}

static void add_data_edges(struct schedule *s)
{
    struct fusion *f = s->f;
    uint32_t most = f->n_units + f->phase->n_results; /* a copy for each result, at most */
    s->n_edges = 0;
    s->first_edge = arena_alloc(f->arena, (most + 1) * sizeof *s->first_edge);
    s->seen = arena_alloc(f->arena, most + 1);
    s->stack = arena_alloc(f->arena, (most + 1) * sizeof *s->stack);
    for (uint32_t u = 0; u < most; u++) s->first_edge[u] = PLAN_NONE;
    for (ir_id id = 0; id < f->g->count; id++) {
        s->reader = id;
        if (f->node[id].role == ROLE_COMPUTED) fusion_inputs(f, id, add_data_edge, s);
    }
}

static void mark_reachable(struct schedule *s, uint32_t from)
{
    uint32_t top = 0;
    for (uint32_t u = 0; u < s->f->n_units; u++) s->seen[u] = false;
    s->seen[from] = true;
    s->stack[top++] = from;
    while (top) {
        for (uint32_t e = s->first_edge[s->stack[--top]]; e != PLAN_NONE; e = s->edge[e].next) {
            if (s->seen[s->edge[e].to]) continue;
            s->seen[s->edge[e].to] = true;
            s->stack[top++] = s->edge[e].to;
        }
    }
}

/* ---- results ---- */

/* Whether the cluster may store into the field although this read needs its old value. Marked: what runs after the
 * cluster. */
static bool read_allows(const struct schedule *s, const struct read *read, uint32_t cluster, struct ir_row row)
{
    const struct fusion *f = s->f;
    uint32_t unit = f->cluster[cluster].unit;
    if (rows_apart(read->row, row)) return true;
    if (read->cluster == cluster) return read->same_element && row_equal(read->row, row);
    if (f->cluster[read->cluster].unit == unit) return read->cluster < cluster;
    return !s->seen[f->cluster[read->cluster].unit];
}

static bool can_store(struct schedule *s, uint32_t cluster, const struct ir_result *result)
{
    uint32_t field = result->field;
    if (s->first_read[field] == PLAN_NONE) return true;
    mark_reachable(s, s->f->cluster[cluster].unit);
    for (uint32_t r = s->first_read[field]; r != PLAN_NONE; r = s->read[r].next)
        if (!read_allows(s, &s->read[r], cluster, result->row)) return false;
    return true;
}

static uint32_t add_copy(struct fusion *f, uint32_t result)
{
    ir_id value = f->phase->result[result].value;
    f->cluster = arena_grow(f->arena, f->cluster, f->n_clusters, &f->cluster_capacity, sizeof *f->cluster);
    struct cluster *copy = &f->cluster[f->n_clusters];
    *copy = (struct cluster){.kind = CLUSTER_COPY,
                             .domain = f->g->node[value].shape,
                             .shape = f->g->node[value].shape,
                             .result = result,
                             .stage = f->cluster[f->node[value].cluster].stage};
    copy->node = arena_grow(f->arena, NULL, 0, &copy->capacity, sizeof *copy->node);
    copy->node[copy->count++] = value;
    add_to_unit(f, open_unit(f), f->n_clusters);
    return f->n_clusters++;
}

static uint32_t stored_in_place(const struct fusion *f, uint32_t n_results, ir_id value)
{
    uint32_t count = 0;
    for (uint32_t r = 0; r < n_results && f->node[value].results > 1; r++)
        count += f->in_place[r] && f->phase->result[r].value == value;
    return count;
}

static void send_result(struct schedule *s, uint32_t r)
{
    struct fusion *f = s->f;
    struct ir_result result = f->phase->result[r];
    uint32_t maker = f->node[result.value].cluster;
    f->in_place[r] = stored_in_place(f, r, result.value) < RESULTS_IN_PLACE && can_store(s, maker, &result);
    uint32_t writer = f->in_place[r] ? maker : add_copy(f, r);
    add_edge(s, f->cluster[maker].unit, f->cluster[writer].unit);
    for (uint32_t k = s->first_read[result.field]; k != PLAN_NONE; k = s->read[k].next)
        if (!rows_apart(s->read[k].row, result.row))
            add_edge(s, f->cluster[s->read[k].cluster].unit, f->cluster[writer].unit);
}

/* ---- the order ---- */

/* Always the first that may run, in the order of stages. false: a circle. */
static bool find_order(struct schedule *s)
{
    struct fusion *f = s->f;
    uint32_t *waits = arena_alloc(f->arena, (f->n_units + 1) * sizeof *waits), done = 0;
    f->order = arena_alloc(f->arena, (f->n_units + 1) * sizeof *f->order);
    for (uint32_t u = 0; u < f->n_units; u++)
        for (uint32_t e = s->first_edge[u]; e != PLAN_NONE; e = s->edge[e].next) waits[s->edge[e].to]++;
    for (uint32_t u = 0; u < f->n_units;) {
        if (waits[u]) {
            u++;
            continue;
        }
        waits[u] = PLAN_NONE;
        f->order[done++] = u;
        uint32_t next = u + 1;
        for (uint32_t e = s->first_edge[u]; e != PLAN_NONE; e = s->edge[e].next)
            if (--waits[s->edge[e].to] == 0 && s->edge[e].to < next) next = s->edge[e].to;
        u = next;
    }
    return done == f->n_units;
}

static bool try_schedule(struct schedule *s, bool rows)
{
    struct fusion *f = s->f;
    f->n_clusters = s->n_clusters;
    make_units(s, rows);
    add_data_edges(s);
    for (uint32_t r = 0; r < f->phase->n_results; r++) send_result(s, r);
    return find_order(s);
}

/* ---- homes ---- */

static void note_leaving(void *with, ir_id input, bool direct)
{
    (void)direct;
    struct schedule *s = with;
    struct fusion *f = s->f;
    if (f->node[input].role != ROLE_COMPUTED) return;
    uint32_t maker = f->cluster[f->node[input].cluster].unit, reader = f->cluster[f->node[s->reader].cluster].unit;
    if (maker != reader) f->node[input].leaves = true;
}

static uint32_t add_temporary(struct fusion *f, struct shape shape, bool row)
{
    struct temporary t = {.size = 1, .per_sample = shape_has_batch(shape) && !row};
    for (uint32_t k = 0; k < shape.rank; k++)
        if (shape.extent[k] != IR_BATCH) t.size *= shape.extent[k];
    struct temporaries *all = f->temporaries;
    all->at = arena_grow(f->arena, all->at, all->count, &all->capacity, sizeof *all->at);
    all->at[all->count] = t;
    return all->count++;
}

static void find_home(struct fusion *f, ir_id id)
{
    struct planned *p = &f->node[id];
    struct shape shape = f->g->node[id].shape;
    bool row = f->unit[f->cluster[p->cluster].unit].rows && !p->leaves && !p->results;
    p->home = row ? HOME_ROW : HOME_WORK;
    p->place = PLAN_NONE;
    for (uint32_t r = f->phase->n_results; r-- > 0;) {
        if (f->phase->result[r].value != id || !f->in_place[r]) continue;
        p->home = HOME_FIELD;
        p->place = r;
    }
    if (p->place == PLAN_NONE) p->place = add_temporary(f, shape, row);
}

static void find_homes(struct schedule *s)
{
    struct fusion *f = s->f;
    for (ir_id id = 0; id < f->g->count; id++) {
        s->reader = id;
        if (f->node[id].role == ROLE_COMPUTED) fusion_inputs(f, id, note_leaving, s);
    }
    for (ir_id id = 0; id < f->g->count; id++)
        if (f->node[id].role == ROLE_COMPUTED && (f->node[id].stored || f->node[id].results)) find_home(f, id);
}

void fuse_schedule(struct fusion *f)
{
    struct schedule s = {.f = f, .n_clusters = f->n_clusters};
    f->in_place = arena_alloc(f->arena, f->phase->n_results + 1);
    note_reads(&s);
    if (!try_schedule(&s, true) && !try_schedule(&s, false))
        BUG("the clusters of an entry depend on each other in a circle");
    find_homes(&s);
}

/* ---- as text ---- */

static const char *result_name(const struct fusion *f, uint32_t result)
{
    return f->g->field[f->phase->result[result].field].name;
}

static void print_cluster(const struct fusion *f, const struct cluster *c, struct text *out)
{
    static const char *const kinds[] = {"maps", "sums", "product", "copy"};
    text_add(out, "    %s%s:", kinds[c->kind], c->blas ? " by gemm" : "");
    for (uint32_t k = 0; k < c->count; k++) {
        const struct planned *p = &f->node[c->node[k]];
        text_add(out, " %%%u", c->node[k]);
        if (c->kind == CLUSTER_COPY)
            text_add(out, "->%s", result_name(f, c->result));
        else if (p->home == HOME_FIELD)
            text_add(out, "->%s", result_name(f, p->place));
        else if (p->home != HOME_NONE)
            text_add(out, "->%s%u", p->home == HOME_ROW ? "row" : "work", p->place);
    }
    text_add(out, "\n");
}

void fusion_print(const struct fusion *f, struct text *out)
{
    for (uint32_t i = 0; i < f->n_units; i++) {
        const struct unit *unit = &f->unit[f->order[i]];
        text_add(out, "  unit%s\n", unit->rows ? " of rows" : "");
        for (uint32_t k = 0; k < unit->count; k++) print_cluster(f, &f->cluster[unit->cluster[k]], out);
    }
}
