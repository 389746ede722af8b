/* describe.c: names, shapes, offsets: the module without its kernels. */
#include "compiler/irgen/gen.h"

/* Every field begins at a multiple of this many elements: 64 bytes in float32. A sample's share of the slab is
 * rounded up too, so that it holds for any batch. */
enum { ALIGN = 16 };

struct builder {
    struct arena *arena;
    struct nnt_module *module;
    struct nnt_field *field;
    uint32_t capacity;
};

static uint32_t add_field(struct builder *b, const char *name, enum nnt_slab slab, bool per_sample, uint32_t rank,
                          uint32_t n, uint32_t m)
{
    struct nnt_module *module = b->module;
    uint64_t size = (rank > 0 ? (uint64_t)n : 1) * (rank > 1 ? m : 1);
    uint64_t *grows = per_sample ? &module->size_per_sample[slab] : &module->size[slab];

    b->field = arena_grow(b->arena, b->field, module->n_fields, &b->capacity, sizeof *b->field);
    b->field[module->n_fields] = (struct nnt_field){.name = name,
                                                    .slab = slab,
                                                    .per_sample = per_sample,
                                                    .rank = rank,
                                                    .extent = {n, m, 0},
                                                    .offset = module->size[slab],
                                                    .offset_per_sample = module->size_per_sample[slab]};
    *grows += (size + ALIGN - 1) / ALIGN * ALIGN;
    return module->n_fields++;
}

/* A number a sample. */
static uint32_t add_number(struct builder *b, const char *name)
{
    return add_field(b, name, NNT_RESULT, true, 0, 0, 0);
}

/* A field of a group, [batch][n]. */
static uint32_t add_neurons(struct builder *b, const char *prefix, const struct group *group, enum nnt_slab slab)
{
    return add_field(b, arena_printf(b->arena, "%s.%s", prefix, group->name), slab, true, 1, group->size, 0);
}

/* The same, or [batch][rows][n] where the group's data is a sequence. */
static uint32_t add_rows(struct builder *b, const char *prefix, const struct group *group, enum nnt_slab slab)
{
    if (!group->rows) return add_neurons(b, prefix, group, slab);
    return add_field(b, arena_printf(b->arena, "%s.%s", prefix, group->name), slab, true, 2, group->rows,
                     group->size);
}

static uint32_t add_like(struct builder *b, const char *name, const struct parameter *like, enum nnt_slab slab)
{
    return add_field(b, name, slab, false, like->is_weight ? 2 : 1, like->rows,
                     like->is_weight ? like->columns : 0);
}

/* ---- parameters, their gradients and moments ---- */

static void add_parameters(struct builder *b, const struct model *model)
{
    struct nnt_parameter *parameter = arena_alloc(b->arena, (model->n_parameters + 1) * sizeof *parameter);

    b->module->parameter = parameter;
    b->module->n_parameters = model->n_parameters;
    for (uint32_t p = 0; p < model->n_parameters; p++) {
        const struct parameter *it = &model->parameter[p];

        parameter[p] = (struct nnt_parameter){.field = add_like(b, it->name, it, NNT_PARAMETERS),
                                              .gradient = NNT_NONE,
                                              .is_weight = it->is_weight,
                                              .initialiser = it->initialiser,
                                              .fan_in = it->fan_in,
                                              .fan_out = it->fan_out,
                                              .argument = {it->argument[0], it->argument[1]},
                                              .values = it->values,
                                              .hollow = it->hollow};
    }
    for (uint32_t p = 0; p < model->n_parameters; p++) {
        const struct parameter *it = &model->parameter[p];

        if (!it->frozen) parameter[p].gradient = add_like(b, it->name, it, NNT_GRADIENT);
    }
}

static uint32_t *add_moment(struct builder *b, const struct model *model, uint32_t k)
{
    static const char *const names[OPTIMIZERS][MOMENTS] = {
        [OPTIMIZER_sgd] = {"velocity"},
        [OPTIMIZER_adam] = {"mean", "square"},
        [OPTIMIZER_adamw] = {"mean", "square"},
        [OPTIMIZER_rmsprop] = {"square"},
    };
    uint32_t *moment = arena_alloc(b->arena, (model->n_parameters + 1) * sizeof *moment);
    bool wanted = model->trains && k < optimizer_moments(&model->optimizer);

    for (uint32_t p = 0; p < model->n_parameters; p++) {
        const struct parameter *it = &model->parameter[p];
        const char *prefix = names[model->optimizer.which][k];

        moment[p] = NNT_NONE;
        if (!wanted || it->frozen) continue;
        moment[p] = add_like(b, arena_printf(b->arena, "%s.%s", prefix, it->name), it, NNT_MOMENTS);
    }
    return moment;
}

/* ---- groups and blocks ---- */

static uint32_t flags_of(const struct group *group)
{
    return (group->input ? NNT_INPUT : 0u) | (group->output ? NNT_OUTPUT : 0u) |
           (group->clamped ? NNT_CLAMPED : 0u) | (group_counts(group) ? NNT_ERROR : 0u) |
           (group_has_energy(group) ? NNT_POTENTIAL : 0u) | (group->predicted ? NNT_PREDICTED : 0u);
}

/* A derivative by z: a number a neuron, or of a group map a matrix. */
static uint32_t add_slopes(struct builder *b, const char *prefix, const struct group *group)
{
    return add_field(b, arena_printf(b->arena, "%s.%s", prefix, group->name), NNT_LINEAR, true,
                     group->group_map ? 2 : 1, group->size, group->group_map ? group->size : 0);
}

/* What stands in NNT_LINEAR of a group. */
static void add_linear(struct builder *b, const struct group *group, bool full, struct nnt_group *out)
{
    out->residual = out->slope = out->bend = out->force = out->curvature = out->gradient_x = NNT_NONE;
    if (group_is_linear(group)) {
        out->residual = add_neurons(b, "residual", group, NNT_LINEAR);
        out->slope = add_slopes(b, "slope", group);
    }
    if (group_counts(group) && full) out->bend = add_slopes(b, "bend", group);
    if (group_has_energy(group)) {
        out->force = add_neurons(b, "force", group, NNT_LINEAR);
        out->curvature = add_neurons(b, "curvature", group, NNT_LINEAR);
    }
    if (!group->clamped) out->gradient_x = add_neurons(b, "gradient_x", group, NNT_LINEAR);
}

/* Terms are told apart by output only where there are several outputs. */
static bool has_loss_of_its_own(const struct model *model, uint32_t group)
{
    uint32_t outputs = 0;
    bool read = false;

    for (uint32_t k = 0; k < model->n_groups; k++) outputs += model->group[k].output;
    for (uint32_t k = 0; k < model->n_terms; k++) read = read || model->term[k].group == group;
    return model->loss && outputs > 1 && read;
}

static void add_groups(struct builder *b, const struct model *model)
{
    struct nnt_group *group = arena_alloc(b->arena, (model->n_groups + 1) * sizeof *group);

    b->module->group = group;
    b->module->n_groups = model->n_groups;
    for (uint32_t g = 0; g < model->n_groups; g++) {
        const struct group *it = &model->group[g];

        group[g] = (struct nnt_group){.name = it->name,
                                      .shown = it->shown,
                                      .size = it->size,
                                      .flags = flags_of(it),
                                      .rows = it->rows,
                                      .first_tick = it->first_tick};
        group[g].data = group[g].seen = group[g].loss = NNT_NONE;
        if (it->input || it->output || it->clamped) group[g].data = add_rows(b, "data", it, NNT_DATA);
        group[g].state = add_neurons(b, "state", it, NNT_STATE);
        if (it->output && it->rows) group[g].seen = add_rows(b, "seen", it, NNT_STATE);
        if (has_loss_of_its_own(model, g)) {
            group[g].loss = add_number(b, arena_printf(b->arena, "loss.%s", it->name));
        }
        add_linear(b, it, model->ensemble.relaxed, &group[g]);
    }
}

static void add_blocks(struct builder *b, const struct model *model)
{
    struct nnt_block *block = arena_alloc(b->arena, (model->n_blocks + 1) * sizeof *block);

    b->module->block = block;
    b->module->n_blocks = model->n_blocks;
    for (uint32_t k = 0; k < model->n_blocks; k++) {
        const struct block *it = &model->block[k];

        block[k] = (struct nnt_block){
            .from = it->from, .to = it->to, .parameter = it->parameter, .transposed = it->transposed};
    }
}

/* ---- whether C moves neither with data nor with an activation ---- */

enum { NO_POLYNOMIAL = 1000 };

static uint32_t sum_degree(uint32_t a, uint32_t b)
{
    return a + b < NO_POLYNOMIAL ? a + b : NO_POLYNOMIAL;
}

/* Degree of an expression in its variables, as far as it shows; NO_POLYNOMIAL where it does not. `degree` holds the
 * arguments'. */
static uint32_t degree_of(const struct expr *e, const uint32_t degree[])
{
    uint32_t in[3] = {0, 0, 0}, most = 0;

    for (uint32_t k = 0; k < 3 && e->arg[k]; k++) {
        in[k] = degree[e->arg[k]->id];
        most = in[k] > most ? in[k] : most;
    }
    if (e->kind == EXPR_NUMBER) return 0;
    if (e->kind == EXPR_VARIABLE) return 1;
    if (most == 0) return 0;
    if (e->kind == EXPR_REDUCE) return e->op == REDUCE_SUM || e->op == REDUCE_MEAN ? most : NO_POLYNOMIAL;
    switch ((enum primitive)e->op) {
    case PRIMITIVE_add:
    case PRIMITIVE_sub:
    case PRIMITIVE_neg:
        return most;
    case PRIMITIVE_mul:
        return sum_degree(in[0], in[1]);
    case PRIMITIVE_div:
        return in[1] == 0 ? in[0] : NO_POLYNOMIAL;
    case PRIMITIVE_pow:
        if (!expr_is_number(e->arg[1]) || e->arg[1]->number != (uint8_t)e->arg[1]->number) return NO_POLYNOMIAL;
        return sum_degree(0, in[0] * (uint32_t)e->arg[1]->number);
    default:
        return NO_POLYNOMIAL;
    }
}

/* The degrees of all expressions of the pool: arguments stand before their users. */
static const uint32_t *degrees(struct arena *arena, const struct expr_pool *pool)
{
    uint32_t *degree = arena_alloc(arena, (pool->count + 1) * sizeof *degree);

    for (uint32_t k = 0; k < pool->count; k++) degree[k] = degree_of(pool->node[k], degree);
    return degree;
}

/* J is constant in row group `to`: f' is, or no free group feeds it. */
static bool row_is_constant(const struct model *model, const uint32_t degree[], uint32_t group)
{
    if (degree[model->group[group].activation->id] <= 1) return true;
    for (uint32_t k = 0; k < model->n_blocks; k++) {
        if (model->block[k].to == group && !model->group[model->block[k].from].clamped) return false;
    }
    return true;
}

/* Either J_RPhi and V'' are constant, or J is unit triangular and V = 0: then C = 0 (THEORY 3a). */
static bool complexity_is_linear(struct arena *arena, const struct model *model)
{
    const uint32_t *degree = degrees(arena, model->pool);
    bool constant = true, triangular = true;

    for (uint32_t g = 0; g < model->n_groups; g++) {
        const struct group *it = &model->group[g];

        if (group_counts(it) && !row_is_constant(model, degree, g)) constant = false;
        if (group_has_energy(it) && degree[it->potential->id] > 2) constant = false;
        if (group_has_energy(it) && degree[it->potential->id] > 0) triangular = false;
        if (!it->clamped && !group_counts(it)) triangular = false;
        if (it->clamped && group_counts(it)) {
            for (uint32_t k = 0; k < model->n_blocks; k++) {
                if (model->block[k].to == g && !model->group[model->block[k].from].clamped) triangular = false;
            }
        }
    }
    return constant || triangular;
}

/* ---- all of it ---- */

static uint32_t objective_of(const struct model *model)
{
    if (model->minimizes_bulk) return model->minimizes_boundary ? NNT_ON_BOTH : NNT_ON_BULK;
    return model->minimizes_free_energy && !model->minimizes_boundary ? NNT_ON_NEITHER : NNT_ON_BOUNDARY;
}

static void add_numbers(struct builder *b, const struct model *model)
{
    struct nnt_module *m = b->module;
    bool settles = model->dynamics.which == DYNAMICS_SETTLE;
    bool relaxes = model->ensemble.relaxed || model->minimizes_bulk;

    m->ticks = model->dynamics.which == DYNAMICS_TICKS ? model->dynamics.ticks : 0;
    m->objective = objective_of(model);
    m->loss = model->loss ? add_number(b, "loss") : NNT_NONE;
    m->H = add_number(b, "H");
    m->settle_ticks = settles ? add_number(b, "settle.ticks") : NNT_NONE;
    m->settle_contraction = settles ? add_number(b, "settle.contraction") : NNT_NONE;
    m->settle_error = settles ? add_number(b, "settle.error") : NNT_NONE;
    m->settle_failed = settles ? add_number(b, "settle.failed") : NNT_NONE;
    m->relax_steps = relaxes ? add_number(b, "relax.steps") : NNT_NONE;
    m->relax_failed = relaxes ? add_number(b, "relax.failed") : NNT_NONE;
}

static void size_like(struct nnt_module *m, enum nnt_slab slab, enum nnt_slab like)
{
    m->size[slab] = m->size[like];
    m->size_per_sample[slab] = m->size_per_sample[like];
}

static void size_seeds_and_tangents(struct nnt_module *m)
{
    size_like(m, NNT_SEED, NNT_LINEAR);
    size_like(m, NNT_D_PARAMETERS, NNT_PARAMETERS);
    size_like(m, NNT_D_STATE, NNT_STATE);
    size_like(m, NNT_D_LINEAR, NNT_LINEAR);
    size_like(m, NNT_D_SEED, NNT_SEED);
    size_like(m, NNT_D_GRADIENT, NNT_GRADIENT);
}

struct layout layout_make(struct arena *arena, const struct model *model, uint32_t real_bytes)
{
    struct builder b = {.arena = arena, .module = arena_alloc(arena, sizeof *b.module)};
    struct layout layout = {.module = b.module};

    b.module->abi_version = NNT_ABI_VERSION;
    b.module->real_bytes = real_bytes;
    b.module->name = model->name;
    add_parameters(&b, model);
    for (uint32_t k = 0; k < MOMENTS; k++) layout.moment[k] = add_moment(&b, model, k);
    add_numbers(&b, model);
    add_groups(&b, model);
    add_blocks(&b, model);
    size_seeds_and_tangents(b.module);
    b.module->field = b.field;
    b.module->trainables = (uint32_t)model_trainables(model);
    b.module->linear_C = complexity_is_linear(arena, model);
    return layout;
}

struct nnt_module *describe(struct arena *arena, const struct model *model, const struct ir *g)
{
    struct nnt_module *module = layout_make(arena, model, g->real_bytes).module;

    module->field = g->field;
    return module;
}
