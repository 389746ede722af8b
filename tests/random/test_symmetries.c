/* test_symmetries.c: what must not matter does not: on networks drawn by seed, permuting the neurons of a group, splitting a group in
 * two, writing a family out and naming a chain's blocks one by one leave loss, U, S and C of every sample as they are: to 1e-12, or where A is so badly conditioned that the last bit of
 * the weights moves them by more, to a few times that. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/driver/exercise.h"
#include "lang/ast.h"
#include "lang/model.h"
#include "runtime/base/random.h"
#include "runtime/thermo/ensemble.h"
#include "tests/engine/engine.h"
#include "tests/random/contract.h"
#include "tests/random/draw.h"

enum { BATCH = 4, NAME = 24, PARTS = 12, NEURONS = 64, GROUPS = 16, READINGS = 4 };
static const double tolerance = 1e-12, beta = 1.7;
static const uint32_t entries = 1u << NNT_ENTRY_loss | 1u << NNT_ENTRY_ensemble_forward | 1u << NNT_ENTRY_linearise;

/* A group of the twin that is (a part of) another group of the original, its neurons in some order. Groups not named are the same. */
struct part {
    char name[NAME], of[NAME];
    uint32_t order[NEURONS]; /* neuron of the twin to neuron of the original */
};
/* Another way to say the same network. */
struct twin {
    const char *how;
    struct text text;
    uint32_t n_parts;
    struct part part[PARTS];
};

/* ---- one network in one engine ---- */

struct network {
    struct diag *diag;
    struct arena *arena;
    struct model *model;
    struct nnt_module *module;
    struct exercise x;
    bool proper;
    struct gaussian gaussian[BATCH];
    double reading[BATCH][READINGS]; /* loss U S C */
};

/* What settles does so to the last bits: the twins may stop a tick apart. */
static struct network network_open(const char *text, const char *engine)
{
    static const struct setting accuracy = {"accuracy", "1e-15"};
    struct network n = {.diag = diag_new(), .arena = arena_new()};
    struct ast_source *source = parse(n.diag, n.arena, "drawn", text, strlen(text));
    n.model = source ? check(n.diag, n.arena, source, &accuracy, strstr(text, "param accuracy") != NULL) : NULL;
    n.module = n.model ? engine_module(n.diag, n.arena, n.model, engine, 8, entries) : NULL;
    if (!n.module) {
        diag_print(n.diag, stderr, DIAG_PLAIN);
        fail_msg("does not compile:\n%s", text);
    }
    n.x = exercise_open(n.module, BATCH);
    return n;
}

static void network_close(struct network *n)
{
    exercise_close(&n->x);
    engine_release(n->module);
    arena_free(n->arena);
    diag_free(n->diag);
}

/* Losses and Gaussians at the numbers in the slabs. */
static void network_run(struct network *n)
{
    const double *data[GROUPS] = {0};
    for (uint32_t g = 0; g < n->module->n_groups; g++) {
        uint32_t f = n->module->group[g].data;
        if (f == NNT_NONE) continue;
        data[g] = (const double *)n->x.call.slab[NNT_DATA] + n->module->field[f].offset +
                  n->module->field[f].offset_per_sample * BATCH;
    }
    exercise_run(&n->x, NNT_ENTRY_loss);
    struct ensemble *ensemble =
        n->model->ensemble_proper ? ensemble_new(n->diag, (struct span){0}, n->module, NULL, BATCH) : NULL;
    n->proper = ensemble && ensemble_evaluate(ensemble, n->diag, n->x.call.slab[NNT_PARAMETERS], data, BATCH, beta,
                                              n->gaussian);
    ensemble_free(ensemble);
    for (uint32_t s = 0; s < BATCH; s++) {
        const struct gaussian *g = &n->gaussian[s];
        double reading[READINGS] = {exercise_get(&n->x, &n->module->field[n->module->loss], s), g->U, g->S, g->C};
        memcpy(n->reading[s], reading, sizeof reading);
    }
}

/* How far the last bit of the weights moves each reading. */
static void sensitivity(struct network *n, uint64_t seed, double out[BATCH][READINGS])
{
    double before[BATCH][READINGS];
    struct random random = random_stream(seed, RANDOM_PROBE, 9, 0);
    double *q = n->x.call.slab[NNT_PARAMETERS];
    uint64_t count = n->module->size[NNT_PARAMETERS];
    double *kept = malloc((count + 1) * sizeof *kept);
    assert_non_null(kept);
    memcpy(kept, q, count * sizeof *kept);
    memcpy(before, n->reading, sizeof before);
    for (uint64_t i = 0; i < count; i++) q[i] = nextafter(q[i], random_below(&random, 2) ? INFINITY : -INFINITY);
    network_run(n);
    for (uint32_t s = 0; s < BATCH; s++)
        for (uint32_t i = 0; i < READINGS; i++) out[s][i] = fabs(n->reading[s][i] - before[s][i]);
    memcpy(q, kept, count * sizeof *kept);
    free(kept);
    network_run(n);
}

/* ---- the same numbers ---- */

static const struct part *part_of(const struct twin *twin, const char *name)
{
    for (uint32_t p = 0; p < twin->n_parts; p++)
        if (!strcmp(twin->part[p].name, name)) return &twin->part[p];
    return NULL;
}

static const char *origin_group(const struct twin *twin, const char *name)
{
    const struct part *part = part_of(twin, name);
    return part ? part->of : name;
}

static uint32_t origin_neuron(const struct twin *twin, const char *name, uint32_t neuron)
{
    const struct part *part = part_of(twin, name);
    return part ? part->order[neuron] : neuron;
}

static const struct nnt_field *field_named(const struct nnt_module *m, enum nnt_slab slab, const char *kind,
                                           const char *group)
{
    char name[2 * NAME];
    snprintf(name, sizeof name, "%s.%s", kind, group);
    return exercise_field(m, slab, name);
}

/* Vectors by neuron: biases, and data sample by sample and row by row. */
static void copy_vector(const struct twin *twin, const struct network *from, struct network *to, const char *group,
                        const char *kind, enum nnt_slab slab)
{
    const struct nnt_field *y = field_named(to->module, slab, kind, group);
    const struct nnt_field *x = field_named(from->module, slab, kind, origin_group(twin, group));
    if (!y) return;
    assert_non_null(x);
    uint64_t ny = y->extent[y->rank - 1], nx = x->extent[x->rank - 1], rows = exercise_size(&to->x, y) / ny;
    for (uint64_t r = 0; r < rows; r++)
        for (uint32_t i = 0; i < ny; i++)
            exercise_set(&to->x, y, r * ny + i, exercise_get(&from->x, x, r * nx + origin_neuron(twin, group, i)));
}

/* The number that a block of w holds at a row and column, whichever way its parameter lies. */
static uint64_t element(const struct nnt_module *m, const struct nnt_block *block, uint32_t row, uint32_t column)
{
    const struct nnt_field *f = &m->field[m->parameter[block->parameter].field];
    return block->transposed ? (uint64_t)column * f->extent[1] + row : (uint64_t)row * f->extent[1] + column;
}

static const struct nnt_block *block_between(const struct nnt_module *m, const char *from, const char *to)
{
    for (uint32_t k = 0; k < m->n_blocks; k++)
        if (!strcmp(m->group[m->block[k].from].name, from) && !strcmp(m->group[m->block[k].to].name, to))
            return &m->block[k];
    fail_msg("no block %s -> %s", from, to);
    return NULL;
}

static void copy_block(const struct twin *twin, const struct network *from, struct network *to,
                       const struct nnt_block *block)
{
    const struct nnt_group *in = &to->module->group[block->from], *out = &to->module->group[block->to];
    const struct nnt_block *same =
        block_between(from->module, origin_group(twin, in->name), origin_group(twin, out->name));
    const struct nnt_field *y = &to->module->field[to->module->parameter[block->parameter].field];
    const struct nnt_field *x = &from->module->field[from->module->parameter[same->parameter].field];
    for (uint32_t i = 0; i < out->size; i++)
        for (uint32_t j = 0; j < in->size; j++)
            exercise_set(&to->x, y, element(to->module, block, i, j),
                         exercise_get(&from->x, x,
                                      element(from->module, same, origin_neuron(twin, out->name, i),
                                              origin_neuron(twin, in->name, j))));
}

static void copy_numbers(const struct twin *twin, const struct network *from, struct network *to)
{
    for (uint32_t k = 0; k < to->module->n_blocks; k++) copy_block(twin, from, to, &to->module->block[k]);
    for (uint32_t g = 0; g < to->module->n_groups; g++) {
        copy_vector(twin, from, to, to->module->group[g].name, "bias", NNT_PARAMETERS);
        copy_vector(twin, from, to, to->module->group[g].name, "data", NNT_DATA);
    }
}

/* ---- what must not have changed ---- */

struct counts {
    uint32_t twins, recurrent, splits, ensembles, loose, restless, wrong;
};

/* Whether one reading of one sample differs; counts where 1e-12 was not enough. A state that outgrew all numbers does so in both. */
static bool differs(double got, double expected, double moved, struct counts *counts)
{
    double apart = fabs(got - expected);
    if (isnan(got) && isnan(expected)) return false;
    if (apart <= tolerance * (1 + fabs(expected))) return false;
    counts->loose++;
    return !(apart <= 8 * moved);
}

static void compare(const struct network *a, const struct network *b, double moved[BATCH][READINGS],
                    const struct twin *twin, const char *engine, struct counts *counts)
{
    static const char *const names[READINGS] = {"loss", "U", "S", "C"};
    bool wrong = a->proper != b->proper;
    if (wrong) print_error("%s, %s: one ensemble is proper and the other is not\n", engine, twin->how);
    for (uint32_t s = 0; s < BATCH; s++)
        for (uint32_t i = 0; i < (a->proper && b->proper ? READINGS : 1); i++) {
            if (!differs(b->reading[s][i], a->reading[s][i], moved[s][i], counts)) continue;
            print_error("%s, %s: %s of sample %u is %.17g, expected %.17g (the last bit of the weights: %.2g)\n",
                        engine, twin->how, names[i], s + 1, b->reading[s][i], a->reading[s][i], moved[s][i]);
            wrong = true;
        }
    counts->twins++;
    counts->recurrent += a->model->dynamics.which != DYNAMICS_FEEDFORWARD;
    counts->ensembles += a->proper;
    counts->wrong += wrong;
    if (wrong) print_error("%s\n", twin->text.data);
}

static void check_twin(const struct network *original, double moved[BATCH][READINGS], const struct twin *twin,
                       const char *engine, struct counts *counts)
{
    struct network other = network_open(twin->text.data, engine);
    copy_numbers(twin, original, &other);
    network_run(&other);
    compare(original, &other, moved, twin, engine, counts);
    network_close(&other);
}

/* Both engines: the original, and each of its twins that has a text. */
static void check_twins(const char *text, struct twin *twin, uint32_t n, uint64_t seed, struct counts *counts)
{
    static const char *const engines[] = {"interp", "jit"};
    for (size_t e = 0; e < LENGTH(engines); e++) {
        struct network original = network_open(text, engines[e]);
        exercise_draw(&original.x, seed);
        double moved[BATCH][READINGS];
        if (!contract(&original.x, original.model->dynamics.which == DYNAMICS_TICKS)) {
            counts->restless++;
            network_close(&original);
            continue;
        }
        network_run(&original);
        sensitivity(&original, seed, moved);
        for (uint32_t t = 0; t < n; t++)
            if (twin[t].text.data) check_twin(&original, moved, &twin[t], engines[e], counts);
        network_close(&original);
    }
    for (uint32_t t = 0; t < n; t++) text_fini(&twin[t].text);
}

/* ---- twins of drawn networks ---- */

/* The order of its neurons means something: a block from or to it shares its numbers with another, or is hollow. */
static bool is_bound(const struct model *m, uint32_t group)
{
    for (uint32_t a = 0; a < m->n_blocks; a++) {
        bool bound = m->parameter[m->block[a].parameter].hollow;
        for (uint32_t b = 0; b < m->n_blocks; b++)
            bound |= a != b && m->block[a].parameter == m->block[b].parameter;
        if (bound && (m->block[a].from == group || m->block[a].to == group)) return true;
    }
    return false;
}

/* The neurons of every group that is not bound dealt anew. */
static void permute(struct twin *twin, const char *text, const struct model *m, struct random *random)
{
    twin->how = "neurons permuted";
    text_add(&twin->text, "%s", text);
    for (uint32_t g = 0; g < m->n_groups && twin->n_parts < PARTS; g++) {
        if (is_bound(m, g)) continue;
        struct part *part = &twin->part[twin->n_parts++];
        snprintf(part->name, NAME, "%s", m->group[g].name);
        snprintf(part->of, NAME, "%s", m->group[g].name);
        for (uint32_t i = 0; i < m->group[g].size; i++) {
            uint32_t k = random_below(random, i + 1);
            part->order[i] = part->order[k];
            part->order[k] = i;
        }
    }
}

/* Where the word begins in the text at or after `from`, or NULL. */
static const char *find_word(const char *from, const char *end, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = from; at + length <= end; at++) {
        bool starts = at == from || !strchr("abcdefghijklmnopqrstuvwxyz0123456789_", at[-1]);
        bool stops = at + length == end || !strchr("abcdefghijklmnopqrstuvwxyz0123456789_", at[length]);
        if (starts && stops && !strncmp(at, word, length)) return at;
    }
    return NULL;
}

static void add_replaced(struct text *out, const char *line, const char *end, const char *word, const char *by)
{
    for (const char *at; (at = find_word(line, end, word)); line = at + strlen(word)) {
        text_add_bytes(out, line, (size_t)(at - line));
        text_add(out, "%s", by);
    }
    text_add_bytes(out, line, (size_t)(end - line));
}

static void add_line(struct text *out, const char *line, const char *end)
{
    text_add_bytes(out, line, (size_t)(end - line));
}

/* A loop of the group: a block for each half to each. */
static void split_loop(struct text *out, const char *line, const char *end, const char *name,
                       const char half[2][NAME])
{
    const char *behind = find_word(line, end, name) + strlen(name);
    for (int from = 0; from < 2; from++)
        for (int to = 0; to < 2; to++) {
            add_replaced(out, line, behind, name, half[from]);
            add_replaced(out, behind, end, name, half[to]);
        }
}

static bool is_list(const char *line, const char *end)
{
    return find_word(line, end, "input") || find_word(line, end, "output") || find_word(line, end, "clamp") ||
           find_word(line, end, "bulk");
}

/* A line of the drawn file about group `name`, for both of its halves. */
static void split_line(struct text *out, const char *line, const char *end, const struct group *g,
                       const char half[2][NAME], const uint32_t size[2])
{
    char declared[NAME], both[3 * NAME];
    const char *at = find_word(line, end, g->name);
    if (!at) {
        add_line(out, line, end);
    } else if (find_word(line, end, "neurons")) {
        snprintf(declared, sizeof declared, "%s[%u]", g->name, g->size);
        snprintf(both, sizeof both, "%s[%u], %s[%u]", half[0], size[0], half[1], size[1]);
        add_line(out, line, at);
        text_add(out, "%s", both);
        add_line(out, at + strlen(declared), end);
    } else if (is_list(line, end)) {
        snprintf(both, sizeof both, "%s, %s", half[0], half[1]);
        add_replaced(out, line, end, g->name, both);
    } else if (find_word(at + 1, end, g->name)) {
        split_loop(out, line, end, g->name, half);
    } else {
        add_replaced(out, line, end, g->name, half[0]);
        add_replaced(out, line, end, g->name, half[1]);
    }
}

/* Whether its activation works element by element, and neither a loss nor a source looks at it. */
static bool can_be_split(const struct model *m, const char *text, uint32_t group)
{
    const struct group *g = &m->group[group];
    bool looked_at = g->output || (g->input && (g->predicted || strstr(text, "\ndata {")));
    return !looked_at && !strchr(g->name, '.') && !g->group_map && g->size > 1 && !is_bound(m, group);
}

/* One group in two. */
static void split(struct twin *twin, const char *text, const struct model *m, struct random *random)
{
    uint32_t chosen = NNT_NONE;
    for (uint32_t g = 0, seen = 0; g < m->n_groups; g++)
        if (can_be_split(m, text, g) && random_below(random, ++seen) == 0) chosen = g;
    if (chosen == NNT_NONE) return;
    const struct group *g = &m->group[chosen];
    uint32_t first = 1 + random_below(random, g->size - 1), size[2] = {first, g->size - first};
    char half[2][NAME];
    twin->how = "a group in two";
    for (uint32_t h = 0; h < 2; h++) {
        struct part *part = &twin->part[twin->n_parts++];
        snprintf(half[h], NAME, "%.16s%c", g->name, "ab"[h]);
        memcpy(part->name, half[h], NAME);
        snprintf(part->of, NAME, "%s", g->name);
        for (uint32_t i = 0; i < size[h]; i++) part->order[i] = (h ? first : 0) + i;
    }
    for (const char *line = text; *line;) {
        const char *end = strchr(line, '\n') + 1;
        split_line(&twin->text, line, end, g, (const char(*)[NAME])half, size);
        line = end;
    }
}

/* Blocks that follow one another, as one chain: the first block of the file and all that can be put behind it. It comes right behind
 * `neurons`: the statements of a network may stand in any order. */
static void chain(struct twin *twin, const char *text)
{
    char from[NAME], to[NAME], last[NAME] = "";
    const char *network = strchr(strstr(text, "    neurons "), '\n') + 1;
    struct text others = {0};
    twin->how = "blocks in a chain";
    text_add_bytes(&twin->text, text, (size_t)(network - text));
    for (const char *line = network, *end; *line; line = end) {
        end = strchr(line, '\n') + 1;
        bool plain = sscanf(line, " weights %20s -> %20s", from, to) == 2 &&
                     strlen(from) + strlen(to) + 17 == (size_t)(end - line);
        if (!plain || (last[0] && strcmp(last, from))) {
            text_add_bytes(&others, line, (size_t)(end - line));
            continue;
        }
        if (!last[0]) text_add(&twin->text, "    weights %s", from);
        text_add(&twin->text, " -> %s", to);
        snprintf(last, NAME, "%s", to);
    }
    text_add(&twin->text, "\n%s", others.data);
    text_fini(&others);
}

/* All twins, or that of a group in two alone, where there is one. */
static void check_drawn(uint64_t seed, bool all, struct counts *counts)
{
    struct text text = {0};
    struct twin twin[3] = {0};
    struct random random = random_stream(seed, RANDOM_PROBE, 7, 0);
    draw_network(seed, &text);
    struct network n = network_open(text.data, "interp");
    split(&twin[1], text.data, n.model, &random);
    if (all) permute(&twin[0], text.data, n.model, &random);
    if (all) chain(&twin[2], text.data);
    counts->splits += twin[1].text.data != NULL;
    network_close(&n);
    if (all || twin[1].text.data) check_twins(text.data, twin, LENGTH(twin), seed, counts);
    text_fini(&text);
}

static uint64_t networks(uint64_t otherwise)
{
    const char *count = getenv("NNT_NETWORKS");
    return count ? strtoull(count, NULL, 10) : otherwise;
}

static void tell(const struct counts *c)
{
    print_message(
        "%u twins, %u of recurrent networks, %u with an ensemble, %u readings beyond 1e-12, %u networks never "
        "settle, %u twins differ\n",
        c->twins, c->recurrent, c->ensembles, c->loose, c->restless, c->wrong);
}

static void drawn_networks(void **state)
{
    struct counts counts = {0};
    (void)state;
    uint64_t n = networks(8);
    for (uint64_t seed = 1; seed <= n || (counts.splits < n && seed <= 10 * n); seed++)
        check_drawn(seed, seed <= n, &counts);
    tell(&counts);
    assert_int_equal(counts.wrong, 0);
    assert_true(counts.loose * 100 <= counts.twins * BATCH * READINGS); /* the exception stays one */
    assert_true(counts.twins >= 5 * n && counts.ensembles > counts.twins / 2 &&
                counts.recurrent > counts.twins / 4);
    assert_true(counts.restless * 20 <= n);
}

/* ---- families ---- */

/* What a family stands for, by `$` for its number. */
static void each(struct text *out, const char *pattern, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i <= to; i++) {
        text_add(out, "    ");
        for (const char *c = pattern; *c; c++) {
            if (*c == '$')
                text_add(out, "%u", i);
            else if (*c == '%')
                text_add(out, "%u", i + 1);
            else if (*c == '&')
                text_add(out, "%u", i + 2);
            else
                text_add(out, "%c", *c);
        }
        text_add(out, "\n");
    }
}

/* As a family, element by element, and with groups that have names of their own. */
static void write_network(struct text *out, uint32_t form, uint64_t seed, uint32_t depth, uint32_t width,
                          const char *f)
{
    static const char *const dynamics[] = {"", "    dynamics ticks(6)\n",
                                           "    dynamics settle(tolerance: accuracy, most: 1000)\n"};
    static const char *const loop[] = {"", "weights h[$] -> h[$]", "weights h$ -> h$"};
    static const char *const between[] = {"", "weights h[$] -> h[%]", "weights h$ -> h%"},
                             *const skip[] = {"", "weights h[$] -> h[&]", "weights h$ -> h&"};
    static const char *const bias[] = {"", "biases h[$]", "biases h$"}, *const potential[] = {
                                                                            "", "potential h[$] = 0.1 * s^2 / $",
                                                                            "potential h$ = 0.1 * s^2 / $"};
    struct text activation = {0};
    if (seed % 3 == 2) text_add(out, "param accuracy = 1e-13\n");
    text_add(out, "network families {\n    neurons x[3], ");
    for (uint32_t i = 1; form == 2 && i <= depth; i++) text_add(out, "h%u[%u], ", i, width);
    if (form < 2) text_add(out, "h[%u][%u], ", depth, width);
    text_add(out, "y[2]\n    input x\n    output y\n    weights x -> h%s\n    weights h%s%u%s -> y\n",
             form == 2 ? "1" : "[1]", form == 2 ? "" : "[", depth, form == 2 ? "" : "]");
    if (form == 0) {
        text_add(out, "    weights h[i] -> h[i + 1] for i in 1 .. %u\n", depth - 1);
        if (seed % 3) text_add(out, "    weights h[i] -> h[i] for i in 1 .. %u\n", depth);
        if (depth > 2) text_add(out, "    weights h[i] -> h[i + 2] for i in 1 .. %u\n", depth - 2);
        text_add(out,
                 "    biases h[i] for i in 1 .. %u\n    potential h[i] = 0.1 * s^2 / i for i in 1 .. %u\n    "
                 "activation h[i] = ",
                 depth, depth);
        draw_elementwise(seed, f, out);
        text_add(out, " for i in 1 .. %u\n", depth);
    } else {
        each(out, between[form], 1, depth - 1);
        if (seed % 3) each(out, loop[form], 1, depth);
        each(out, skip[form], 1, depth - 2);
        each(out, bias[form], 1, depth);
        each(out, potential[form], 1, depth);
        text_add(&activation, "activation h%s = ", form == 2 ? "$" : "[$]");
        draw_elementwise(seed, "z / $", &activation);
        each(out, activation.data, 1, depth);
    }
    text_add(out, "%s", dynamics[seed % 3]);
    text_add(out,
             "    activation y = tanh(z)\n    loss boundary = squared_error(y, target)\n}\nmeasure at end { C }\n");
    text_fini(&activation);
}

static void families(void **state)
{
    struct counts counts = {0};
    uint64_t n = networks(8);
    (void)state;
    for (uint64_t seed = 1; seed <= n; seed++) {
        struct random random = random_stream(seed, RANDOM_PROBE, 8, 0);
        uint32_t depth = 2 + random_below(&random, 4), width = 1 + random_below(&random, 9);
        struct twin twin[2] = {{.how = "a family written out"}, {.how = "groups with names of their own"}};
        struct text text = {0};
        write_network(&text, 0, seed, depth, width, "z / i");
        write_network(&twin[0].text, 1, seed, depth, width, "");
        write_network(&twin[1].text, 2, seed, depth, width, "");
        for (uint32_t i = 1; i <= depth; i++) {
            struct part *part = &twin[1].part[twin[1].n_parts++];
            snprintf(part->name, NAME, "h%u", i);
            snprintf(part->of, NAME, "h.%u", i);
            for (uint32_t k = 0; k < width; k++) part->order[k] = k;
        }
        check_twins(text.data, twin, LENGTH(twin), seed, &counts);
        text_fini(&text);
    }
    tell(&counts);
    assert_int_equal(counts.wrong, 0);
    assert_true(counts.twins == 4 * n && counts.ensembles > counts.twins / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(drawn_networks), cmocka_unit_test(families)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
