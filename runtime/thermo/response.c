/* response.c: how the forward state answers to the trainables: by its dynamics, a fixed point or ticks (THEORY 1, 3a). */
#include "runtime/thermo/response.h"

#include "runtime/thermo/slabs.h"

#include <lapacke.h>
#include <stdlib.h>
#include <string.h>

/* ---- which groups move, and in which order ---- */

static bool is_moving_block(const struct response *r, const struct nnt_block *block)
{
    return r->moves[block->from] && r->moves[block->to];
}

/* Marks the groups that move and orders them; false where memory is short. */
static bool find_moving(struct response *r)
{
    const struct nnt_module *module = r->module;
    uint32_t moving = 0;
    bool *placed = calloc((size_t)module->n_groups + 1, sizeof *placed);
    if (!placed) return false;
    for (uint32_t g = 0; g < module->n_groups; g++) {
        r->moves[g] = r->column[g] != NNT_NONE && module->group[g].flags & NNT_PREDICTED;
        moving += r->moves[g];
    }
    r->n_moving = module_order(module, r->moves, placed, r->order);
    r->cyclic = r->n_moving < moving;
    free(placed);
    return true;
}

bool response_init(struct response *r, const struct nnt_module *module, const uint32_t *column, uint32_t n,
                   bool tangents)
{
    size_t numbers;
    *r = (struct response){.module = module, .column = column, .n = n};
    r->moves = calloc((size_t)module->n_groups + 1, sizeof *r->moves);
    r->order = calloc((size_t)module->n_groups + 1, sizeof *r->order);
    if (!r->moves || !r->order || !find_moving(r)) return false;
    if (r->cyclic) {
        r->K = size_product(n, n, &numbers) ? numbers_new(numbers) : NULL;
        r->pivot = calloc((size_t)n + 1, sizeof *r->pivot);
        if (!r->K || !r->pivot) return false;
    }
    return dual_init(&r->u, module_largest(module), tangents) && dual_init(&r->x, n, tangents);
}

void response_fini(struct response *r)
{
    free(r->moves);
    free(r->order);
    free(r->K);
    free(r->pivot);
    dual_fini(&r->u);
    dual_fini(&r->x);
    *r = (struct response){0};
}

/* ---- K = 1 - f' w ---- */

static struct dual part(const struct response *r, struct dual vector, uint32_t group)
{
    return dual_at(vector, r->column[group]);
}

/* out of `from` += w_bᵀ f'ᵀ x of `to`. */
static void add_back(struct response *r, const struct dual_sample *sample, uint32_t b, struct dual x,
                     struct dual out)
{
    const struct nnt_block *block = &r->module->block[b];
    uint32_t size = r->module->group[block->to].size;
    dual_clear(r->u, size);
    dual_add_slope_product(r->u, 1, sample, r->module->group[block->to].slope, true,
                           dual_column(part(r, x, block->to), size));
    dual_add_product(part(r, out, block->from), 1, dual_transposed(dual_weights(sample, b)),
                     dual_column(r->u, size));
}

/* out of `to` += f' w_b x of `from`, values alone. */
static void add_forth(struct response *r, const struct dual_sample *sample, uint32_t b, double *x)
{
    const struct nnt_block *block = &r->module->block[b];
    uint32_t size = r->module->group[block->to].size;
    struct dual u = {r->u.v, NULL}, at = {x, NULL};
    dual_clear(u, size);
    dual_add_product(u, 1, dual_weights(sample, b),
                     dual_column(part(r, at, block->from), r->module->group[block->from].size));
    dual_add_slope_product(part(r, at, block->to), 1, sample, r->module->group[block->to].slope, false,
                           dual_column(u, size));
}

static void add_minus_slope_times_weights(struct response *r, const struct dual_sample *sample, uint32_t b)
{
    const struct nnt_block *block = &r->module->block[b];
    const struct nnt_group *to = &r->module->group[block->to], *from = &r->module->group[block->from];
    struct dual u = {r->u.v, NULL}, x = {r->x.v, NULL};
    struct dual_matrix w = dual_weights(sample, b);
    for (uint32_t j = 0; j < from->size; j++) {
        for (uint32_t i = 0; i < to->size; i++)
            x.v[i] = w.at.v[w.transposed ? (size_t)j * to->size + i : (size_t)i * from->size + j];
        dual_clear(u, to->size);
        dual_add_slope_product(u, -1, sample, to->slope, false, dual_column(x, to->size));
        for (uint32_t i = 0; i < to->size; i++)
            r->K[(size_t)(r->column[block->to] + i) * r->n + r->column[block->from] + j] += u.v[i];
    }
}

bool response_begin(struct response *r, const struct dual_sample *sample)
{
    if (!r->cyclic) return true;
    memset(r->K, 0, (size_t)r->n * r->n * sizeof *r->K);
    for (uint32_t i = 0; i < r->n; i++) r->K[(size_t)i * r->n + i] = 1;
    for (uint32_t b = 0; b < r->module->n_blocks; b++)
        if (is_moving_block(r, &r->module->block[b])) add_minus_slope_times_weights(r, sample, b);
    return LAPACKE_dgetrf(LAPACK_COL_MAJOR, (int)r->n, (int)r->n, r->K, (int)r->n, r->pivot) == 0;
}

/* x = K⁻ᵀ x, or K⁻¹ x; what is K by rows is Kᵀ by columns. */
static void solve(const struct response *r, bool transposed, double *x)
{
    LAPACKE_dgetrs_work(LAPACK_COL_MAJOR, transposed ? 'N' : 'T', (int)r->n, 1, r->K, (int)r->n, r->pivot, x,
                        (int)r->n);
}

static void clear_still(const struct response *r, struct dual x)
{
    for (uint32_t g = 0; g < r->module->n_groups; g++)
        if (r->column[g] != NNT_NONE && !r->moves[g]) dual_clear(part(r, x, g), r->module->group[g].size);
}

/* With Kᵀ y = x: Kᵀ dy = dx - dKᵀ y. */
static void back_by_factors(struct response *r, const struct dual_sample *sample, struct dual x)
{
    solve(r, true, x.v);
    if (!x.d) return;
    for (uint32_t b = 0; b < r->module->n_blocks; b++)
        if (is_moving_block(r, &r->module->block[b]))
            add_back(r, sample, b, (struct dual){x.v, NULL}, (struct dual){NULL, x.d});
    solve(r, true, x.d);
}

void response_back(struct response *r, const struct dual_sample *sample, struct dual x)
{
    clear_still(r, x);
    if (r->cyclic) {
        back_by_factors(r, sample, x);
        return;
    }
    for (uint32_t i = r->n_moving; i-- > 0;)
        for (uint32_t b = 0; b < r->module->n_blocks; b++)
            if (r->module->block[b].to == r->order[i] && is_moving_block(r, &r->module->block[b]))
                add_back(r, sample, b, x, x);
}

/* K⁻¹ x, values alone. */
static void forth(struct response *r, const struct dual_sample *sample, double x[])
{
    if (r->cyclic) {
        solve(r, false, x);
        return;
    }
    for (uint32_t i = 0; i < r->n_moving; i++)
        for (uint32_t b = 0; b < r->module->n_blocks; b++)
            if (r->module->block[b].to == r->order[i] && is_moving_block(r, &r->module->block[b]))
                add_forth(r, sample, b, x);
}

void response_move(struct response *r, const struct dual_sample *sample, double out[])
{
    memset(out, 0, r->n * sizeof *out);
    for (uint32_t g = 0; g < r->module->n_groups; g++) {
        const struct nnt_group *group = &r->module->group[g];
        if (!r->moves[g]) continue;
        const double *dr = dual_linear(sample, group->residual).d;
        for (uint32_t i = 0; i < group->size; i++) out[r->column[g] + i] = -dr[i];
    }
    forth(r, sample, out);
}
