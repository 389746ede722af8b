/* network.c: any small network as a module, interpreted: its entries find what they need through self. */
#include "tests/module/network.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_SIZE = 1024 };

struct network {
    struct nnt_module module; /* first: free_network gets it */
    struct network_group *group;
    struct nnt_field *field;
    struct nnt_parameter *parameter;
    struct nnt_group *shown;
    struct nnt_block *block;
    uint32_t *bias; /* a group: its parameter, or NNT_NONE */
    bool cyclic;
    uint32_t relax_most;
};

/* ---- the description ---- */

static char *join(const char *a, const char *b, const char *c)
{
    char *name = malloc(strlen(a) + strlen(b) + strlen(c) + 3);
    sprintf(name, "%s.%s%s%s", a, b, *c ? "." : "", c);
    return name;
}

static uint32_t add_field(struct network *n, char *name, uint32_t slab, uint32_t per_sample, uint32_t rank,
                          uint32_t rows, uint32_t columns)
{
    struct nnt_field *field = &n->field[n->module.n_fields];
    uint64_t length = (rank > 0 ? rows : 1) * (uint64_t)(rank > 1 ? columns : 1);
    *field = (struct nnt_field){
        .name = name, .slab = slab, .per_sample = per_sample, .rank = rank, .extent = {rows, columns}};
    field->offset = per_sample ? 0 : n->module.size[slab];
    field->offset_per_sample = per_sample ? n->module.size_per_sample[slab] : 0;
    *(per_sample ? &n->module.size_per_sample[slab] : &n->module.size[slab]) += length;
    return n->module.n_fields++;
}

static uint32_t add_parameter(struct network *n, char *name, uint32_t is_weight, uint32_t rows, uint32_t columns)
{
    uint32_t field = add_field(n, name, NNT_PARAMETERS, 0, is_weight ? 2 : 1, rows, columns);
    n->parameter[n->module.n_parameters] = (struct nnt_parameter){.field = field,
                                                                  .gradient = NNT_NONE,
                                                                  .is_weight = is_weight,
                                                                  .initialiser = NNT_INIT_glorot_normal,
                                                                  .fan_in = columns,
                                                                  .fan_out = rows};
    return n->module.n_parameters++;
}

static void add_block(struct network *n, const struct network_block *block)
{
    const struct network_group *from = &n->group[block->from], *to = &n->group[block->to];
    uint32_t rows = block->transposed ? from->size : to->size, columns = block->transposed ? to->size : from->size;
    uint32_t parameter = add_parameter(n, join("weight", from->name, to->name), 1, rows, columns);
    n->block[n->module.n_blocks++] = (struct nnt_block){block->from, block->to, parameter, block->transposed};
    if (block->from >= block->to) n->cyclic = true;
}

static void add_group(struct network *n, uint32_t k)
{
    const struct network_group *g = &n->group[k];
    struct nnt_group *out = &n->shown[k];
    *out = (struct nnt_group){.name = g->name, .shown = g->name, .size = g->size, .flags = g->flags};
    out->data = out->seen = out->residual = out->slope = out->bend = out->force = out->curvature = out->gradient_x =
        NNT_NONE;
    out->loss = NNT_NONE;
    out->state = add_field(n, join("state", g->name, ""), NNT_STATE, 1, 1, g->size, 1);
    if (g->flags & NNT_CLAMPED) out->data = add_field(n, join("data", g->name, ""), NNT_DATA, 1, 1, g->size, 1);
    if (g->activation) {
        out->flags |= NNT_PREDICTED;
        out->residual = add_field(n, join("residual", g->name, ""), NNT_LINEAR, 1, 1, g->size, 1);
        uint32_t rank = g->activation == NETWORK_SOFTMAX ? 2 : 1;
        out->slope = add_field(n, join("slope", g->name, ""), NNT_LINEAR, 1, rank, g->size, g->size);
        out->bend = add_field(n, join("bend", g->name, ""), NNT_LINEAR, 1, rank, g->size, g->size);
    }
    if (g->potential) {
        out->flags |= NNT_POTENTIAL;
        out->force = add_field(n, join("force", g->name, ""), NNT_LINEAR, 1, 1, g->size, 1);
        out->curvature = add_field(n, join("curvature", g->name, ""), NNT_LINEAR, 1, 1, g->size, 1);
    }
}

/* ---- the entries ---- */

static double *at(const struct network *n, const struct nnt_call *call, uint32_t field, uint32_t sample)
{
    const struct nnt_field *f = &n->field[field];
    uint64_t length = 1;
    for (uint32_t axis = 0; axis < f->rank; axis++) length *= f->extent[axis];
    return (double *)call->slab[f->slab] + f->offset + f->offset_per_sample * call->batch +
           (f->per_sample ? sample * length : 0);
}

/* z = w x + b of a group. */
static void preactivation(const struct network *n, const struct nnt_call *call, uint32_t k, uint32_t sample,
                          double z[])
{
    const double *b = at(n, call, n->parameter[n->bias[k]].field, 0);
    memcpy(z, b, n->group[k].size * sizeof *z);
    for (uint32_t e = 0; e < n->module.n_blocks; e++) {
        const struct nnt_block *block = &n->block[e];
        const double *w = at(n, call, n->parameter[block->parameter].field, 0);
        const double *x = at(n, call, n->shown[block->from].state, sample);
        uint32_t rows = n->group[k].size, columns = n->group[block->from].size;
        if (block->to != k) continue;
        for (uint32_t i = 0; i < rows; i++)
            for (uint32_t j = 0; j < columns; j++)
                z[i] += x[j] * (block->transposed ? w[j * rows + i] : w[i * columns + j]);
    }
}

static void activate(enum network_activation f, uint32_t size, const double z[], double y[])
{
    double sum = 0;
    for (uint32_t i = 0; i < size; i++) sum += exp(z[i]);
    for (uint32_t i = 0; i < size; i++)
        y[i] = f == NETWORK_TANH ? tanh(z[i]) : f == NETWORK_SOFTMAX ? exp(z[i]) / sum : z[i];
}

static void sweep(const struct network *n, const struct nnt_call *call, uint32_t sample)
{
    double z[MOST_SIZE];
    for (uint32_t k = 0; k < n->module.n_groups; k++) {
        double *x = at(n, call, n->shown[k].state, sample);
        if (n->group[k].flags & NNT_CLAMPED) {
            memcpy(x, at(n, call, n->shown[k].data, sample), n->group[k].size * sizeof *x);
        } else if (n->group[k].activation) {
            preactivation(n, call, k, sample, z);
            activate(n->group[k].activation, n->group[k].size, z, x);
        }
    }
}

static int32_t ensemble_forward(const void *self, const struct nnt_call *call)
{
    const struct network *n = self;
    memset(call->slab[NNT_STATE], 0, n->module.size_per_sample[NNT_STATE] * call->batch * sizeof(double));
    for (uint32_t s = 0; s < call->batch; s++)
        for (uint32_t i = 0; i < (n->cyclic ? 400 : 1); i++) sweep(n, call, s);
    return 0;
}

/* Softmax y with local errors r: f' = diag y - y yᵀ, and the sum over i of r_i times the second derivatives of y_i. */
static void bend_softmax(uint32_t size, const double r[], const double y[], double slope[], double bend[])
{
    for (uint32_t a = 0; a < size; a++)
        for (uint32_t b = 0; b < size; b++) {
            slope[a * size + b] = y[a] * ((a == b) - y[b]);
            bend[a * size + b] = 0;
            for (uint32_t i = 0; i < size; i++)
                bend[a * size + b] +=
                    r[i] * y[i] * (((i == a) - y[a]) * ((i == b) - y[b]) - y[a] * ((a == b) - y[b]));
        }
}

static double linearise_group(const struct network *n, const struct nnt_call *call, uint32_t k, uint32_t sample)
{
    const struct network_group *g = &n->group[k];
    const double *x = at(n, call, n->shown[k].state, sample);
    double *r = at(n, call, n->shown[k].residual, sample), *slope = at(n, call, n->shown[k].slope, sample),
           *bend = at(n, call, n->shown[k].bend, sample);
    double z[MOST_SIZE], y[MOST_SIZE], H = 0;
    bool curved = g->activation == NETWORK_TANH;
    preactivation(n, call, k, sample, z);
    activate(g->activation, g->size, z, y);
    for (uint32_t i = 0; i < g->size; i++) {
        r[i] = x[i] - y[i];
        if (g->flags & NNT_ERROR) H += r[i] * r[i] / 2;
        if (g->activation == NETWORK_SOFTMAX) continue;
        slope[i] = curved ? 1 - y[i] * y[i] : 1;
        bend[i] = curved ? r[i] * -2 * y[i] * slope[i] : 0;
    }
    if (g->activation == NETWORK_SOFTMAX) bend_softmax(g->size, r, y, slope, bend);
    return H;
}

static double add_potential(const struct network *n, const struct nnt_call *call, uint32_t k, uint32_t sample)
{
    const struct network_group *g = &n->group[k];
    const double *state = at(n, call, n->shown[k].state, sample);
    double *force = at(n, call, n->shown[k].force, sample), *curvature = at(n, call, n->shown[k].curvature, sample),
           V = 0;
    for (uint32_t i = 0; i < g->size; i++) {
        double s = state[i], well = s * s - 1;
        if (g->potential == NETWORK_QUADRATIC) {
            V += g->k / 2 * s * s, force[i] = g->k * s, curvature[i] = g->k;
        } else if (g->potential == NETWORK_QUARTIC) {
            V += g->k / 4 * pow(s, 4), force[i] = g->k * pow(s, 3), curvature[i] = 3 * g->k * s * s;
        } else {
            V += g->k / 4 * well * well, force[i] = g->k * s * well, curvature[i] = g->k * (3 * s * s - 1);
        }
    }
    return g->flags & NNT_CLAMPED ? 0 : V;
}

/* H of a sample, with everything else that linearise tells. */
static double linearise_sample(const struct network *n, const struct nnt_call *call, uint32_t sample)
{
    double H = 0;
    for (uint32_t k = 0; k < n->module.n_groups; k++) {
        if (n->group[k].activation) H += linearise_group(n, call, k, sample);
        if (n->group[k].potential) H += add_potential(n, call, k, sample);
    }
    return H;
}

static int32_t linearise(const void *self, const struct nnt_call *call)
{
    const struct network *n = self;
    for (uint32_t s = 0; s < call->batch; s++) *at(n, call, n->module.H, s) = linearise_sample(n, call, s);
    return 0;
}

/* ---- relaxing ---- */

/* out += w^T f'^T r of a block, with minus: what the local errors of `to` push `from` by. */
static void push_back(const struct network *n, const struct nnt_call *call, const struct nnt_block *block,
                      uint32_t sample, double out[])
{
    uint32_t rows = n->group[block->to].size, columns = n->group[block->from].size;
    const double *w = at(n, call, n->parameter[block->parameter].field, 0);
    const double *r = at(n, call, n->shown[block->to].residual, sample);
    const double *slope = at(n, call, n->shown[block->to].slope, sample);
    bool map = n->group[block->to].activation == NETWORK_SOFTMAX;
    for (uint32_t a = 0; a < rows; a++) {
        double pushed = map ? 0 : slope[a] * r[a];
        for (uint32_t i = 0; map && i < rows; i++) pushed += slope[i * rows + a] * r[i];
        for (uint32_t j = 0; j < columns; j++)
            out[j] -= pushed * (block->transposed ? w[j * rows + a] : w[a * columns + j]);
    }
}

/* dH/dx of a free group, after linearise_sample. */
static void gradient_of(const struct network *n, const struct nnt_call *call, uint32_t k, uint32_t sample,
                        double out[])
{
    const struct network_group *g = &n->group[k];
    for (uint32_t i = 0; i < g->size; i++) {
        out[i] = g->flags & NNT_ERROR ? at(n, call, n->shown[k].residual, sample)[i] : 0;
        if (g->potential) out[i] += at(n, call, n->shown[k].force, sample)[i];
    }
    for (uint32_t e = 0; e < n->module.n_blocks; e++)
        if (n->block[e].from == k && n->group[n->block[e].to].flags & NNT_ERROR)
            push_back(n, call, &n->block[e], sample, out);
}

/* All free neurons' gradients one after another; their number. */
static uint32_t gradients(const struct network *n, const struct nnt_call *call, uint32_t sample, double out[])
{
    uint32_t count = 0;
    for (uint32_t k = 0; k < n->module.n_groups; k++) {
        if (n->group[k].flags & NNT_CLAMPED) continue;
        gradient_of(n, call, k, sample, out + count);
        count += n->group[k].size;
    }
    return count;
}

/* x += step times direction, over the free neurons. */
static void move(const struct network *n, const struct nnt_call *call, uint32_t sample, double step,
                 const double direction[])
{
    uint32_t at_x = 0;
    for (uint32_t k = 0; k < n->module.n_groups; k++) {
        double *x = at(n, call, n->shown[k].state, sample);
        if (n->group[k].flags & NNT_CLAMPED) continue;
        for (uint32_t i = 0; i < n->group[k].size; i++) x[i] += step * direction[at_x++];
    }
}

/* The gradients after linearise_sample, their largest and their sum of squares. */
static double slope_of(const struct network *n, const struct nnt_call *call, uint32_t sample, double g[],
                       double *out_most)
{
    double squares = 0;
    uint32_t count = gradients(n, call, sample, g);
    *out_most = 0;
    for (uint32_t i = 0; i < count; i++) {
        *out_most = fmax(*out_most, fabs(g[i]));
        squares += g[i] * g[i];
    }
    return squares;
}

/* Down the gradient with steps that are halved until H falls as Armijo asks, or where it is flat to rounding, until the
 * gradient falls; the steps made. */
static uint32_t descend(const struct network *n, const struct nnt_call *call, uint32_t sample, bool *out_failed)
{
    double g[MOST_SIZE], ahead[MOST_SIZE], H = linearise_sample(n, call, sample), step = 1, most, unused;
    for (uint32_t made = 0;; made++) {
        double squares = slope_of(n, call, sample, g, &most);
        *out_failed = !(most <= 1e-11);
        if (!*out_failed || made == n->relax_most) return made;
        for (step *= 2; step > 1e-9; step /= 2) {
            move(n, call, sample, -step, g);
            double next = linearise_sample(n, call, sample);
            bool flat = fabs(next - H) <= 1e-13 * (1 + fabs(H));
            if (flat ? slope_of(n, call, sample, ahead, &unused) < squares : next <= H - 0.25 * step * squares) {
                H = next;
                break;
            }
            move(n, call, sample, step, g);
        }
        (void)linearise_sample(n, call, sample);
    }
}

static int32_t relax(const void *self, const struct nnt_call *call)
{
    const struct network *n = self;
    struct nnt_call own = *call;
    own.slab[NNT_LINEAR] = calloc(n->module.size_per_sample[NNT_LINEAR] * call->batch + 1, sizeof(double));
    for (uint32_t s = 0; s < call->batch; s++) {
        bool failed;
        *at(n, call, n->module.relax_steps, s) = descend(n, &own, s, &failed);
        *at(n, call, n->module.relax_failed, s) = failed;
        *at(n, call, n->module.H, s) = linearise_sample(n, &own, s);
    }
    free(own.slab[NNT_LINEAR]);
    return 0;
}

/* ---- making and freeing ---- */

struct nnt_module *new_network(const struct network_group *group, uint32_t n_groups,
                               const struct network_block *block, uint32_t n_blocks)
{
    struct network *n = calloc(1, sizeof *n);
    n->group = malloc(n_groups * sizeof *group);
    memcpy(n->group, group, n_groups * sizeof *group);
    n->field = calloc(9 * n_groups + n_blocks + 3, sizeof *n->field);
    n->parameter = calloc(n_groups + n_blocks, sizeof *n->parameter);
    n->shown = calloc(n_groups, sizeof *n->shown);
    n->block = calloc(n_blocks + 1, sizeof *n->block);
    n->bias = calloc(n_groups, sizeof *n->bias);
    for (uint32_t k = 0; k < n_blocks; k++) add_block(n, &block[k]);
    for (uint32_t k = 0; k < n_groups; k++)
        n->bias[k] =
            group[k].activation ? add_parameter(n, join("bias", group[k].name, ""), 0, group[k].size, 1) : NNT_NONE;
    for (uint32_t k = 0; k < n_groups; k++) add_group(n, k);
    n->module.H = add_field(n, join("H", "", ""), NNT_RESULT, 1, 0, 0, 0);
    n->module.relax_steps = add_field(n, join("relax", "steps", ""), NNT_RESULT, 1, 0, 0, 0);
    n->module.relax_failed = add_field(n, join("relax", "failed", ""), NNT_RESULT, 1, 0, 0, 0);
    n->module.settle_ticks = n->module.settle_contraction = n->module.settle_error = n->module.settle_failed =
        NNT_NONE;
    n->relax_most = NETWORK_RELAX_MOST;
    n->module.abi_version = NNT_ABI_VERSION;
    n->module.real_bytes = sizeof(double);
    n->module.name = "network";
    n->module.field = n->field;
    n->module.parameter = n->parameter;
    n->module.group = n->shown;
    n->module.block = n->block;
    n->module.n_groups = n_groups;
    n->module.loss = NNT_NONE;
    n->module.entry[NNT_ENTRY_ensemble_forward] = ensemble_forward;
    n->module.entry[NNT_ENTRY_relax] = relax;
    n->module.entry[NNT_ENTRY_linearise] = linearise;
    n->module.self = n;
    return &n->module;
}

void free_network(struct nnt_module *module)
{
    struct network *n = (struct network *)module;
    for (uint32_t f = 0; f < module->n_fields; f++) free((char *)n->field[f].name);
    free(n->group);
    free(n->field);
    free(n->parameter);
    free(n->shown);
    free(n->block);
    free(n->bias);
    free(n);
}

void network_relax_most(struct nnt_module *module, uint32_t most)
{
    ((struct network *)module)->relax_most = most;
}
