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
        out->slope = add_field(n, join("slope", g->name, ""), NNT_LINEAR, 1,
                               g->activation == NETWORK_SOFTMAX ? 2 : 1, g->size, g->size);
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

static double linearise_group(const struct network *n, const struct nnt_call *call, uint32_t k, uint32_t sample)
{
    const struct network_group *g = &n->group[k];
    const double *x = at(n, call, n->shown[k].state, sample);
    double *r = at(n, call, n->shown[k].residual, sample), *slope = at(n, call, n->shown[k].slope, sample);
    double z[MOST_SIZE], y[MOST_SIZE], H = 0;
    preactivation(n, call, k, sample, z);
    activate(g->activation, g->size, z, y);
    for (uint32_t i = 0; i < g->size; i++) {
        r[i] = x[i] - y[i];
        if (g->flags & NNT_ERROR) H += r[i] * r[i] / 2;
        if (g->activation != NETWORK_SOFTMAX) slope[i] = g->activation == NETWORK_TANH ? 1 - y[i] * y[i] : 1;
        for (uint32_t j = 0; g->activation == NETWORK_SOFTMAX && j < g->size; j++)
            slope[i * g->size + j] = y[i] * ((i == j) - y[j]);
    }
    return H;
}

static double bend_group(const struct network *n, const struct nnt_call *call, uint32_t k, uint32_t sample)
{
    const struct network_group *g = &n->group[k];
    const double *s = at(n, call, n->shown[k].state, sample);
    double *force = at(n, call, n->shown[k].force, sample), *curvature = at(n, call, n->shown[k].curvature, sample),
           V = 0;
    bool quadratic = g->potential == NETWORK_QUADRATIC;
    for (uint32_t i = 0; i < g->size; i++) {
        V += quadratic ? g->k / 2 * s[i] * s[i] : g->k / 4 * pow(s[i], 4);
        force[i] = quadratic ? g->k * s[i] : g->k * pow(s[i], 3);
        curvature[i] = quadratic ? g->k : 3 * g->k * s[i] * s[i];
    }
    return g->flags & NNT_CLAMPED ? 0 : V;
}

static int32_t linearise(const void *self, const struct nnt_call *call)
{
    const struct network *n = self;
    for (uint32_t s = 0; s < call->batch; s++) {
        double *H = at(n, call, n->module.H, s);
        *H = 0;
        for (uint32_t k = 0; k < n->module.n_groups; k++) {
            if (n->group[k].activation) *H += linearise_group(n, call, k, s);
            if (n->group[k].potential) *H += bend_group(n, call, k, s);
        }
    }
    return 0;
}

/* ---- making and freeing ---- */

struct nnt_module *new_network(const struct network_group *group, uint32_t n_groups,
                               const struct network_block *block, uint32_t n_blocks)
{
    struct network *n = calloc(1, sizeof *n);
    n->group = malloc(n_groups * sizeof *group);
    memcpy(n->group, group, n_groups * sizeof *group);
    n->field = calloc(8 * n_groups + n_blocks + 1, sizeof *n->field);
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
