/* gaussian.c: THEORY 3a letter by letter: the model's memory, and what the factor or the probes of A tell. */
#include "runtime/thermo/gaussian.h"

#include "runtime/thermo/assembly.h"
#include "runtime/thermo/jacobian.h"
#include "runtime/thermo/slabs.h"
#include "runtime/thermo/thin.h"

#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- memory ---- */

static bool is_coupling(const struct nnt_module *module, const struct nnt_block *block)
{
    return is_free_group(module, block->from) && is_in_R(module, block->to);
}

static uint32_t number_columns(struct gaussian_model *model)
{
    const struct nnt_module *module = model->module;
    uint32_t blocks = 0;
    model->R_covers_free = true;
    for (uint32_t k = 0; k < module->n_groups; k++) {
        model->column[k] = is_free_group(module, k) ? model->n : NNT_NONE;
        model->block_of[k] = is_free_group(module, k) ? blocks : NNT_NONE;
        if (!is_free_group(module, k)) continue;
        model->group_of[blocks++] = k;
        model->n += module->group[k].size;
        if (!is_in_R(module, k)) model->R_covers_free = false;
    }
    return blocks;
}

/* Lists the blocks of J by the group they lead to; false where their numbers do not fit a size_t. */
static bool list_couplings(struct gaussian_model *model)
{
    const struct nnt_module *module = model->module;
    for (uint32_t to = 0; to < module->n_groups; to++) {
        model->first_coupling[to] = model->n_couplings;
        for (uint32_t k = 0; k < module->n_blocks; k++) {
            const struct nnt_block *block = &module->block[k];
            size_t numbers;
            if (block->to != to || !is_coupling(module, block)) continue;
            model->coupling[model->n_couplings++] = (struct coupling){block->from, to, k, model->n_J};
            if (block->from == to) model->loops[to] = true;
            if (!size_product(module->group[block->from].size, module->group[to].size, &numbers)) return false;
            if (numbers > SIZE_MAX - model->n_J) return false;
            model->n_J += numbers;
        }
    }
    model->first_coupling[module->n_groups] = model->n_couplings;
    return true;
}

/* Lists the couplings a second time, by the group they come from. */
static void list_outgoing(struct gaussian_model *model)
{
    uint32_t n = 0;
    for (uint32_t from = 0; from < model->module->n_groups; from++) {
        model->first_out[from] = n;
        for (uint32_t k = 0; k < model->n_couplings; k++)
            if (model->coupling[k].from == from) model->out_of[n++] = k;
    }
    model->first_out[model->module->n_groups] = n;
}

static void count_shape(struct gaussian_model *model)
{
    const struct nnt_module *module = model->module;
    for (uint32_t k = 0; k < module->n_groups; k++) {
        if (jacobian_leads_to(model, k))
            model->n_shape += (model->full ? 2 : 1) * field_length(&module->field[module->group[k].slope]);
        if (jacobian_has_curvature(module, k)) model->n_shape += module->group[k].size;
    }
}

/* Whether f'' is told wherever a free neuron feeds a group of R. */
static bool is_bent(const struct gaussian_model *model)
{
    for (uint32_t k = 0; k < model->module->n_groups; k++)
        if (jacobian_leads_to(model, k) && model->module->group[k].bend == NNT_NONE) return false;
    return true;
}

/* The moral graph: the groups that one row of J has blocks of are coupled. */
static void list_pairs(const struct gaussian_model *model, uint32_t n_blocks, bool *coupled)
{
    for (uint32_t k = 0; k < model->n_couplings; k++) {
        const struct coupling *e = &model->coupling[k];
        bool *row = coupled + (size_t)model->block_of[e->from] * n_blocks;
        if (model->block_of[e->to] != NNT_NONE) row[model->block_of[e->to]] = true;
        for (uint32_t l = model->first_coupling[e->to]; l < k; l++)
            row[model->block_of[model->coupling[l].from]] = true;
    }
}

static bool make_pattern(struct gaussian_model *model, uint32_t n_blocks)
{
    const struct nnt_module *module = model->module;
    uint32_t *size = calloc((size_t)n_blocks + 1, sizeof *size);
    bool *coupled = calloc((size_t)n_blocks * n_blocks + 1, sizeof *coupled), good = size && coupled;
    for (uint32_t k = 0; good && k < module->n_groups; k++)
        if (is_free_group(module, k)) size[model->block_of[k]] = module->group[k].size;
    if (good) list_pairs(model, n_blocks, coupled);
    good = good && pattern_init(&model->pattern, n_blocks, size, coupled);
    free(size);
    free(coupled);
    return good;
}

static bool allocate_lists(struct gaussian_model *model)
{
    const struct nnt_module *module = model->module;
    model->column = calloc(module->n_groups + 1, sizeof *model->column);
    model->block_of = calloc(module->n_groups + 1, sizeof *model->block_of);
    model->group_of = calloc(module->n_groups + 1, sizeof *model->group_of);
    model->first_coupling = calloc(module->n_groups + 1, sizeof *model->first_coupling);
    model->loops = calloc(module->n_groups + 1, sizeof *model->loops);
    model->made = calloc(module->n_groups + 1, sizeof *model->made);
    model->coupling = calloc(module->n_blocks + 1, sizeof *model->coupling);
    model->out_of = calloc(module->n_blocks + 1, sizeof *model->out_of);
    model->first_out = calloc(module->n_groups + 1, sizeof *model->first_out);
    return model->column && model->block_of && model->group_of && model->first_coupling && model->loops &&
           model->made && model->coupling && model->out_of && model->first_out;
}

static double half_of_memory(void)
{
    return 0.5 * (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
}

/* A in blocks; false where it does not fit. */
static bool make_blocks(struct gaussian_model *model, uint32_t n_blocks)
{
    if (!make_pattern(model, n_blocks)) return false;
    model->bytes_of_blocks = 8.0 * (double)model->pattern.numbers;
    if (model->bytes_of_blocks > half_of_memory()) return false;
    model->A = numbers_new(model->pattern.numbers);
    model->begun = calloc((size_t)n_blocks + 1, sizeof *model->begun);
    return model->A && model->begun;
}

static void drop_blocks(struct gaussian_model *model)
{
    pattern_fini(&model->pattern);
    free(model->A);
    free(model->begun);
    model->A = NULL;
    model->begun = NULL;
}

/* Few rows where they do and cost less than blocks, or these do not fit; probes where they are asked for, or nothing else serves. The
 * minimum of H asks for the exact Hessian, and so for blocks. */
static bool make_evaluation(struct gaussian_model *model, const struct ensemble_spec *spec, uint32_t n_blocks)
{
    enum { PROBES = 32, ORDER = 64 };
    bool fits = !spec->lanczos && make_blocks(model, n_blocks);
    if (fits || (!spec->lanczos && !spec->relaxed))
        model->thin =
            thin_new(model, fits ? gaussian_flops(model) : INFINITY, model->module->entry[NNT_ENTRY_push] != NULL);
    if (fits) return true;
    drop_blocks(model);
    if (model->thin) return true;
    model->outgrown = !spec->lanczos;
    model->by_lanczos = true;
    model->solution = numbers_new(model->n);
    return lanczos_init(&model->lanczos, model->n, spec->probes ? spec->probes : PROBES,
                        spec->order ? spec->order : ORDER) &&
           model->solution;
}

bool gaussian_init(struct gaussian_model *model, const struct nnt_module *module, const struct ensemble_spec *spec)
{
    *model = (struct gaussian_model){.module = module, .full = spec->relaxed && spec->full};
    if (!allocate_lists(model)) return false;
    uint32_t n_blocks = number_columns(model);
    if (!list_couplings(model)) return false;
    list_outgoing(model);
    model->bent = is_bent(model);
    if (model->full && !model->bent) BUG("the full Hessian needs the bend of every group");
    count_shape(model);
    model->diagonal = numbers_new(model->n);
    model->J = numbers_new(model->n_J);
    model->K = numbers_new(model->bent ? model->n_J : 0);
    model->g = numbers_new(model->n);
    model->row = numbers_new(module_largest(module));
    model->shape = numbers_new(model->n_shape);
    model->shape_before = numbers_new(model->n_shape);
    return model->diagonal && model->J && model->K && model->g && model->row && model->shape &&
           model->shape_before && make_evaluation(model, spec, n_blocks);
}

double gaussian_flops(const struct gaussian_model *model)
{
    double flops = model->pattern.flops;
    for (uint32_t k = 0; k < model->n_couplings; k++) {
        const struct coupling *e = &model->coupling[k];
        const struct nnt_group *group = model->module->group;
        for (uint32_t l = model->first_coupling[e->to]; l <= k; l++) {
            double n_e = group[e->from].size, n_f = group[model->coupling[l].from].size;
            flops += (l == k ? 1 : 2) * n_e * n_f * group[e->to].size;
        }
    }
    return flops;
}

void gaussian_fini(struct gaussian_model *model)
{
    free(model->column);
    free(model->block_of);
    free(model->group_of);
    free(model->first_coupling);
    free(model->loops);
    free(model->made);
    free(model->out_of);
    free(model->first_out);
    free(model->coupling);
    thin_free(model->thin);
    drop_blocks(model);
    lanczos_fini(&model->lanczos);
    free(model->solution);
    free(model->row);
    free(model->diagonal);
    free(model->J);
    free(model->K);
    free(model->g);
    free(model->shape);
    free(model->shape_before);
    *model = (struct gaussian_model){0};
}

/* ---- what the sample brings ---- */

const double *gaussian_curvature(const struct gaussian_model *model, const struct linear_sample *at, uint32_t group)
{
    if (!jacobian_has_curvature(model->module, group)) return NULL;
    return jacobian_field(model, at, model->module->group[group].curvature);
}

double gaussian_error(const struct gaussian_model *model, const struct linear_sample *at)
{
    double sum = 0;
    for (uint32_t k = 0; k < model->module->n_groups; k++) {
        const struct nnt_group *group = &model->module->group[k];
        if (!is_in_R(model->module, k)) continue;
        const double *r = jacobian_field(model, at, group->residual);
        sum += 0.5 * cblas_ddot((int)group->size, r, 1, r, 1);
    }
    return sum;
}

static double *copy_field(const struct gaussian_model *model, const struct linear_sample *at, uint32_t field,
                          double *to)
{
    size_t length = field_length(&model->module->field[field]);
    memcpy(to, jacobian_field(model, at, field), length * sizeof *to);
    return to + length;
}

/* Collects what A depends on; returns whether it is what A was made of last. Networks of affine groups factor once. */
static bool same_shape(struct gaussian_model *model, const struct linear_sample *at)
{
    const struct nnt_module *module = model->module;
    double *end = model->shape;
    for (uint32_t k = 0; k < module->n_groups; k++) {
        if (jacobian_leads_to(model, k)) end = copy_field(model, at, module->group[k].slope, end);
        if (jacobian_leads_to(model, k) && model->full) end = copy_field(model, at, module->group[k].bend, end);
        if (jacobian_has_curvature(module, k)) end = copy_field(model, at, module->group[k].curvature, end);
    }
    return model->factored && memcmp(model->shape, model->shape_before, model->n_shape * sizeof *model->shape) == 0;
}

/* ---- by the factor ---- */

/* gᵀ A⁻¹ g = |L⁻¹ g|² of a sample whose A is, or is not yet, factored. */
static bool evaluate_blocks(struct gaussian_model *model, const struct linear_sample *at, bool factored,
                            double *out_product, struct failure *out_failure)
{
    for (uint32_t b = 0; factored && b < model->pattern.n_blocks; b++)
        jacobian_gradient(model, at, model->group_of[b]);
    if (factored)
        blocks_solve_half(&model->pattern, model->A, model->g);
    else if (!assembly_factor(model, at, model->full, out_failure))
        return false;
    *out_product = cblas_ddot((int)model->n, model->g, 1, model->g, 1);
    return true;
}

/* With the factor of the sample before where A is the same. */
static bool evaluate_anew(struct gaussian_model *model, const struct linear_sample *at, double *out_product,
                          struct failure *out_failure)
{
    double *shape = model->shape;
    model->factored = evaluate_blocks(model, at, same_shape(model, at), out_product, out_failure);
    model->shape = model->shape_before;
    model->shape_before = shape;
    return model->factored;
}

/* ---- by Lanczos ---- */

struct products {
    struct gaussian_model *model;
    const struct linear_sample *at;
    bool full;
};

static void times_A(void *self, const double x[], double out[])
{
    const struct products *products = self;
    jacobian_product(products->model, products->at, products->full, x, out);
}

/* ln det A by probes; where it has none, g is the direction that failed. */
static bool probe_A(struct gaussian_model *model, const struct linear_sample *at, bool full,
                    struct failure *out_failure)
{
    struct products products = {model, at, full};
    struct stochastic logdet = {0};
    for (uint32_t k = 0; k < model->module->n_groups; k++) jacobian_make(model, at, k, full);
    jacobian_diagonal(model, at, full, model->diagonal);
    *out_failure = (struct failure){0};
    bool positive = lanczos_logdet(&model->lanczos, &(struct symmetric){times_A, &products}, model->number, &logdet,
                                   model->g, &out_failure->ratio);
    model->logdet_A = logdet.value;
    model->logdet_error = logdet.error;
    return positive;
}

/* With probes every sample has its own, so that what they err by shows in the spread of the samples. */
static bool evaluate_products(struct gaussian_model *model, const struct linear_sample *at, double *out_product,
                              struct failure *out_failure)
{
    struct products products = {model, at, model->full};
    if (!probe_A(model, at, model->full, out_failure)) return false;
    for (uint32_t k = 0; k < model->module->n_groups; k++)
        if (is_free_group(model->module, k)) jacobian_gradient(model, at, k);
    *out_failure = (struct failure){0};
    /* The direction that fails stands where conjugate gradients had it last, and goes to g, which they read until then. */
    bool solved = lanczos_solve(&model->lanczos, &(struct symmetric){times_A, &products}, model->diagonal, model->g,
                                model->solution, model->lanczos.Ap, &out_failure->ratio);
    if (!solved) memcpy(model->g, model->lanczos.Ap, model->n * sizeof *model->g);
    *out_product = cblas_ddot((int)model->n, model->g, 1, model->solution, 1);
    return solved;
}

/* ---- by few rows ---- */

static bool evaluate_thin(struct gaussian_model *model, const struct linear_sample *at, double H,
                          double *out_product, struct failure *out_failure)
{
    struct dual_sample sample = {.module = model->module, .at = *at};
    for (uint32_t k = 0; k < model->module->n_groups; k++) jacobian_make(model, at, k, false);
    model->factored = false; /* A is not made */
    if (!thin_begin(model->thin, (struct dual){model->J, NULL}, &sample)) {
        *out_failure = (struct failure){.ratio = NAN};
        return false;
    }
    model->logdet_A = model->thin->logdet;
    model->logdet_error = 0;
    *out_product = 2 * (H - thin_H_min(model->thin));
    return true;
}

/* ---- the totals ---- */

/* C_0 = -1/2 Σ_Φ ln(1 + V''), where R ⊇ Φ and 1 + V'' > 0. */
static double potential_complexity(const struct gaussian_model *model, const struct linear_sample *at)
{
    double sum = 0;
    if (!model->R_covers_free) return NAN;
    for (uint32_t k = 0; k < model->module->n_groups; k++) {
        const double *curvature = gaussian_curvature(model, at, k);
        for (uint32_t i = 0; curvature && i < model->module->group[k].size; i++) {
            if (!(1 + curvature[i] > 0)) return NAN;
            sum += log1p(curvature[i]);
        }
    }
    return -0.5 * sum;
}

bool gaussian_evaluate(struct gaussian_model *model, const struct linear_sample *at, double beta,
                       struct gaussian *out, struct failure *out_failure)
{
    const struct nnt_field *H = &model->module->field[model->module->H];
    double n = model->n, T = 1 / beta, product;
    out->H = at->result[field_offset(H, at->batch) + at->sample];
    if (!(model->thin         ? evaluate_thin(model, at, out->H, &product, out_failure)
          : model->by_lanczos ? evaluate_products(model, at, &product, out_failure)
                              : evaluate_anew(model, at, &product, out_failure)))
        return false;
    out->logdet_A = model->logdet_A;
    out->logdet_error = model->logdet_error;
    out->H_min = out->H - 0.5 * product;
    out->lnZ = -beta * out->H_min + n / 2 * log(2 * M_PI / beta) - 0.5 * out->logdet_A;
    out->U = out->H_min + n / (2 * beta);
    out->C = -0.5 * out->logdet_A;
    out->C_0 = potential_complexity(model, at);
    out->S = n / 2 * (1 + log(2 * M_PI / beta)) + out->C;
    out->F = out->U - T * out->S;
    return true;
}

bool gaussian_is_minimum(struct gaussian_model *model, const struct linear_sample *at, struct failure *out_failure)
{
    /* A is lent for the exact Hessian. */
    model->factored = false;
    return model->by_lanczos ? probe_A(model, at, true, out_failure)
                             : assembly_factor(model, at, true, out_failure);
}
