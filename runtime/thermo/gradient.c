/* gradient.c: total derivatives of H_min and C by the trainables, and products with their second ones (THEORY 3a, 5).
 *
 * A batch goes through the module's entries together, its samples one after another through adjoint.c and response.c: seeds of the
 * linear model, `pull` to trainables and state, what the state owes to the trainables as seeds once more, `pull` again. A product with
 * second derivatives is the tangent of all that, forward over reverse: `push` and `pull_push`. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/thermo/adjoint.h"
#include "runtime/thermo/probe.h"
#include "runtime/thermo/response.h"
#include "runtime/thermo/slabs.h"

enum { COMBINATIONS = 2 };
struct derivative {
    bool tangents;                        /* the module has push and pull_push */
    struct adjoint_model adjoint, values; /* values: of the same memory, without tangents */
    struct response response;
    struct dual seed[COMBINATIONS];     /* slabs */
    struct dual by_state[COMBINATIONS]; /* [batch][n] */
    size_t n_seed, n_state;             /* numbers of a whole batch */
    double *moved;                      /* [n]: how a sample's state moves along the direction */
    struct dual path; /* states before each tick, [ticks] slabs; the clamped ones as that tick sees them */
};
/* What is asked for: gradients, or products with a direction. */
struct asked {
    uint32_t n, count;
    const struct combination *of;
    double *const *out;
    bool tangents;
};

static const uint32_t slabs_of_pull = 1u << NNT_GRADIENT;
static const uint32_t slabs_of_push =
    1u << NNT_D_PARAMETERS | 1u << NNT_D_STATE | 1u << NNT_D_LINEAR | 1u << NNT_D_GRADIENT;

/* ---- memory ---- */

static size_t slab_numbers(const struct ensemble *e, enum nnt_slab slab)
{
    size_t bytes;
    if (!slab_bytes(e->module, slab, e->batch, &bytes)) return SIZE_MAX / sizeof(double);
    return bytes / sizeof(double);
}

static bool make_memory(struct ensemble *e, struct derivative *d)
{
    size_t n, path = 0, by_state;
    d->n_seed = slab_numbers(e, NNT_LINEAR);
    d->n_state = slab_numbers(e, NNT_STATE);
    n = e->model.n;
    if (!size_product(n, e->batch, &by_state)) return false;
    if (!e->spec.relaxed && !size_product(d->n_state, e->module->ticks, &path)) return false;
    for (uint32_t k = 0; k < COMBINATIONS; k++)
        if (!dual_init(&d->seed[k], d->n_seed, d->tangents) || !dual_init(&d->by_state[k], by_state, d->tangents))
            return false;
    if (!dual_init(&d->path, path, d->tangents) || !adjoint_init(&d->adjoint, &e->model, d->tangents)) return false;
    d->values = adjoint_of_values(&d->adjoint);
    d->moved = numbers_new(n);
    if (!d->moved) return false;
    return response_init(&d->response, e->module, e->model.column, e->model.n, d->tangents);
}

/* More slabs for the ensemble's call. */
static bool add_slabs(struct ensemble *e, struct diag *diag, uint32_t which)
{
    struct nnt_call more;
    if (!slabs_init(diag, e->at, e->module, which, e->batch, &more)) return false;
    for (uint32_t s = 0; s < NNT_SLABS; s++)
        if (which >> s & 1) e->call.slab[s] = more.slab[s];
    return true;
}

bool derivative_new(struct ensemble *e, struct diag *diag)
{
    nnt_entry *const *entry = e->module->entry;
    if (!entry[NNT_ENTRY_pull] || e->model.by_lanczos) return true;
    struct derivative *d = e->derivative = calloc(1, sizeof *d);
    if (d) d->tangents = entry[NNT_ENTRY_push] && entry[NNT_ENTRY_pull_push];
    if (!d || !make_memory(e, d)) {
        diag_machine(diag, e->at, "memory",
                     "memory is short for the derivatives of %u free neurons in batches of %u", e->model.n,
                     e->batch);
        return false;
    }
    return add_slabs(e, diag, slabs_of_pull | (d->tangents ? slabs_of_push : 0));
}

void derivative_free(struct ensemble *e)
{
    struct derivative *d = e->derivative;
    slabs_fini(&e->call, slabs_of_pull | slabs_of_push);
    if (!d) return;
    for (uint32_t k = 0; k < COMBINATIONS; k++) {
        dual_fini(&d->seed[k]);
        dual_fini(&d->by_state[k]);
    }
    dual_fini(&d->path);
    free(d->moved);
    adjoint_fini(&d->adjoint);
    response_fini(&d->response);
    free(d);
    e->derivative = NULL;
}

size_t ensemble_trainables(const struct ensemble *e)
{
    return e->module->size[NNT_GRADIENT];
}

/* ---- a sample, a pull ---- */

static struct dual_sample sample_of(const struct ensemble *e, const struct asked *asked, uint32_t b)
{
    return (struct dual_sample){.module = e->module,
                                .at = probe_sample(e, b),
                                .d_parameters = asked->tangents ? e->call.slab[NNT_D_PARAMETERS] : NULL,
                                .d_linear = asked->tangents ? e->call.slab[NNT_D_LINEAR] : NULL};
}

static struct adjoint_model *adjoint_of(const struct ensemble *e, const struct asked *asked)
{
    return asked->tangents ? &e->derivative->adjoint : &e->derivative->values;
}

static struct adjoints adjoints_of(const struct ensemble *e, const struct asked *asked, uint32_t k)
{
    struct dual gradient =
        asked->tangents ? (struct dual){NULL, asked->out[k]} : (struct dual){asked->out[k], NULL};
    struct dual seed = e->derivative->seed[k];
    if (!asked->tangents) seed.d = NULL;
    return (struct adjoints){.seed = seed, .gradient = gradient, .weight = 1.0 / asked->count};
}

/* What `pull` makes of the k-th seeds: by the states in NNT_LINEAR, by the trainables onto what is asked for. */
static bool pull(struct ensemble *e, struct diag *diag, const struct asked *asked, uint32_t k)
{
    double share = (double)e->call.batch / asked->count;
    const double *gradient = e->call.slab[asked->tangents ? NNT_D_GRADIENT : NNT_GRADIENT];
    e->call.slab[NNT_SEED] = e->derivative->seed[k].v;
    e->call.slab[NNT_D_SEED] = e->derivative->seed[k].d;
    bool good = probe_run(e, diag, NNT_ENTRY_pull, "derivatives") &&
                (!asked->tangents || probe_run(e, diag, NNT_ENTRY_pull_push, "second derivatives"));
    e->call.slab[NNT_SEED] = e->call.slab[NNT_D_SEED] = NULL;
    for (size_t i = 0; good && i < ensemble_trainables(e); i++) asked->out[k][i] += share * gradient[i];
    return good;
}

static struct dual pulled(const struct ensemble *e, const struct asked *asked)
{
    return (struct dual){e->call.slab[NNT_LINEAR], asked->tangents ? e->call.slab[NNT_D_LINEAR] : NULL};
}

static struct dual by_state(const struct ensemble *e, const struct asked *asked, uint32_t k, uint32_t b)
{
    struct dual all = e->derivative->by_state[k];
    if (!asked->tangents) all.d = NULL;
    return dual_at(all, (size_t)b * e->model.n);
}

static void clear_seeds(struct ensemble *e, const struct asked *asked, uint32_t k)
{
    struct dual seed = adjoints_of(e, asked, k).seed;
    dual_clear(seed, e->derivative->n_seed);
}

/* ---- vectors over the free neurons and fields of the slabs ---- */

/* Where a sample's numbers of a field begin. */
static size_t place_of(const struct ensemble *e, uint32_t field, uint32_t b)
{
    return sample_offset(&e->module->field[field], e->call.batch, b);
}

static struct dual in_slab(const struct ensemble *e, struct dual slab, uint32_t field, uint32_t b)
{
    return dual_at(slab, place_of(e, field, b));
}

/* The residuals of the groups that move get `factor` times x, [n]. */
static void set_residual_seeds(const struct ensemble *e, struct dual seed, uint32_t b, double factor, struct dual x)
{
    for (uint32_t g = 0; g < e->module->n_groups; g++) {
        if (!e->derivative->response.moves[g]) continue;
        const struct nnt_group *group = &e->module->group[g];
        struct dual out = in_slab(e, seed, group->residual, b);
        dual_clear(out, group->size);
        dual_add(out, factor, dual_at(x, e->model.column[g]), group->size);
    }
}

static void set_state(const struct ensemble *e, double *slab, uint32_t b, const double x[])
{
    for (uint32_t g = 0; g < e->module->n_groups; g++) {
        const struct nnt_group *group = &e->module->group[g];
        if (e->model.column[g] == NNT_NONE) continue;
        memcpy(slab + place_of(e, group->state, b), x + e->model.column[g], group->size * sizeof *x);
    }
}

/* ---- by ticks ---- */

static bool has_path(const struct ensemble *e)
{
    return !e->spec.relaxed && e->module->ticks > 0;
}

static struct dual path_at(const struct ensemble *e, uint32_t tick)
{
    return dual_at(e->derivative->path, tick * e->derivative->n_state);
}

/* What update tick + 1 sees of a clamped group in a sample: its data; of a sequence a row, an input's that of the update, an output's what
 * it is compared with after the update before; NULL: 0. */
static const double *shown_to(const struct ensemble *e, const struct nnt_group *group, uint32_t b, uint32_t tick)
{
    const double *data = (const double *)e->call.slab[NNT_DATA] + place_of(e, group->data, b);
    uint32_t from = group->flags & NNT_INPUT ? 0 : group->first_tick;
    if (!group->rows) return data;
    return tick >= from && tick - from < group->rows ? data + (size_t)(tick - from) * group->size : NULL;
}

static void hold_clamped(const struct ensemble *e, double *slab, uint32_t tick)
{
    for (uint32_t g = 0; g < e->module->n_groups; g++) {
        const struct nnt_group *group = &e->module->group[g];
        if (e->model.column[g] != NNT_NONE) continue;
        for (uint32_t b = 0; b < e->call.batch; b++) {
            double *to = slab + place_of(e, group->state, b);
            const double *from = shown_to(e, group, b, tick);
            if (from)
                memcpy(to, from, group->size * sizeof *to);
            else
                memset(to, 0, group->size * sizeof *to);
        }
    }
}

/* to = x - r of the groups that move: f(w x + b). */
static void step_path(const struct ensemble *e, double *to, const double *x, const double *r)
{
    for (uint32_t g = 0; g < e->module->n_groups; g++) {
        const struct nnt_group *group = &e->module->group[g];
        if (!e->derivative->response.moves[g]) continue;
        for (uint32_t b = 0; b < e->call.batch; b++) {
            size_t at = place_of(e, group->state, b), residual = place_of(e, group->residual, b);
            for (uint32_t i = 0; i < group->size; i++) to[at + i] = x[at + i] - r[residual + i];
        }
    }
}

/* The states before every tick, and their tangents; the last tangents go to NNT_D_STATE. NNT_LINEAR and NNT_D_LINEAR are lent. */
static bool walk_path(struct ensemble *e, struct diag *diag, const struct asked *asked)
{
    void *state = e->call.slab[NNT_STATE], *d_state = e->call.slab[NNT_D_STATE];
    bool good = true;
    dual_clear(e->derivative->path, e->derivative->n_state * e->module->ticks);
    for (uint32_t t = 0; good && t < e->module->ticks; t++) {
        struct dual x = path_at(e, t), next = path_at(e, t + 1);
        bool last = t + 1 == e->module->ticks;
        hold_clamped(e, x.v, t);
        e->call.slab[NNT_STATE] = x.v;
        e->call.slab[NNT_D_STATE] = x.d;
        good = probe_run(e, diag, NNT_ENTRY_linearise, "path") &&
               (!asked->tangents || probe_run(e, diag, NNT_ENTRY_push, "path's tangent"));
        if (good && !last) step_path(e, next.v, x.v, e->call.slab[NNT_LINEAR]);
        if (good && asked->tangents) step_path(e, last ? d_state : next.d, x.d, e->call.slab[NNT_D_LINEAR]);
    }
    e->call.slab[NNT_STATE] = state;
    e->call.slab[NNT_D_STATE] = d_state;
    return good;
}

/* What `pull` made of the seeds, to dE/dx of the groups that move. */
static void add_pulled(const struct ensemble *e, const struct asked *asked, uint32_t k, uint32_t b)
{
    struct dual x = by_state(e, asked, k, b);
    for (uint32_t g = 0; g < e->module->n_groups; g++) {
        const struct nnt_group *group = &e->module->group[g];
        if (!e->derivative->response.moves[g]) continue;
        dual_add(dual_at(x, e->model.column[g]), 1, in_slab(e, pulled(e, asked), group->gradient_x, b),
                 group->size);
    }
}

/* Reverse mode through the ticks: with the seed -l on r = x - f(w x + b), `pull` gives f'ᵀ… l - l by x. */
static bool back_along_path(struct ensemble *e, struct diag *diag, const struct asked *asked, uint32_t k)
{
    void *state = e->call.slab[NNT_STATE], *d_state = e->call.slab[NNT_D_STATE];
    struct adjoints to = adjoints_of(e, asked, k);
    bool good = true;
    clear_seeds(e, asked, k);
    for (uint32_t t = e->module->ticks; good && t-- > 0;) {
        struct dual x = path_at(e, t);
        for (uint32_t b = 0; b < e->call.batch; b++)
            set_residual_seeds(e, to.seed, b, -1, by_state(e, asked, k, b));
        e->call.slab[NNT_STATE] = x.v;
        e->call.slab[NNT_D_STATE] = x.d;
        good = pull(e, diag, asked, k);
        for (uint32_t b = 0; good && b < e->call.batch; b++) add_pulled(e, asked, k, b);
    }
    e->call.slab[NNT_STATE] = state;
    e->call.slab[NNT_D_STATE] = d_state;
    return good;
}

/* ---- by a fixed point, by the minimum ---- */

static bool tell_singular(struct ensemble *e, struct diag *diag, uint32_t sample)
{
    diag_input(diag, e->at, "singular-response",
               "the settled state of sample %u is no smooth function of the trainables: 1 - f' w is singular there",
               sample + 1);
    diag_hint(diag, "smaller recurrent weights contract more");
    return false;
}

static bool tell_no_minimum(struct ensemble *e, struct diag *diag, uint32_t sample)
{
    diag_input(diag, e->at, "no-minimum",
               "the relaxed state of sample %u is no minimum of H, so that it has no derivative by the trainables",
               sample + 1);
    diag_hint(diag, "raise `most` of relaxation descent(tolerance, most), or take reference forward");
    return false;
}

static bool ready_sample(struct ensemble *e, struct diag *diag, const struct asked *asked,
                         const struct dual_sample *sample, uint32_t number)
{
    struct failure failure = {0};
    if (!e->spec.relaxed) return response_begin(&e->derivative->response, sample) || tell_singular(e, diag, number);
    return adjoint_at_minimum(adjoint_of(e, asked), sample, &failure) || tell_no_minimum(e, diag, number);
}

/* NNT_D_STATE along the direction; where ticks make the state, the path tells it. */
static bool move_samples(struct ensemble *e, struct diag *diag, const struct asked *asked, uint32_t first)
{
    double *x = e->derivative->moved, *d_state = e->call.slab[NNT_D_STATE];
    memset(d_state, 0, e->derivative->n_state * sizeof *d_state);
    if (has_path(e)) return true;
    if (!probe_run(e, diag, NNT_ENTRY_push, "linear model's tangent")) return false;
    for (uint32_t b = 0; b < e->call.batch; b++) {
        struct dual_sample sample = sample_of(e, asked, b);
        if (!ready_sample(e, diag, asked, &sample, first + b)) return false;
        if (e->spec.relaxed)
            adjoint_move_minimum(adjoint_of(e, asked), &sample, x);
        else
            response_move(&e->derivative->response, &sample, x);
        set_state(e, d_state, b, x);
    }
    return true;
}

/* What the reference state owes to the trainables. */
static bool through_state(struct ensemble *e, struct diag *diag, const struct asked *asked, uint32_t first)
{
    for (uint32_t k = 0; k < asked->n; k++) clear_seeds(e, asked, k);
    for (uint32_t b = 0; b < e->call.batch; b++) {
        struct dual_sample sample = sample_of(e, asked, b);
        if (!ready_sample(e, diag, asked, &sample, first + b)) return false;
        for (uint32_t k = 0; k < asked->n; k++) {
            struct adjoints to = adjoints_of(e, asked, k);
            struct dual x = by_state(e, asked, k, b);
            if (e->spec.relaxed) {
                adjoint_through_minimum(adjoint_of(e, asked), &sample, x, &to);
            } else {
                response_back(&e->derivative->response, &sample, x);
                set_residual_seeds(e, to.seed, b, -1, x);
            }
        }
    }
    for (uint32_t k = 0; k < asked->n; k++)
        if (!pull(e, diag, asked, k)) return false;
    return true;
}

/* ---- a batch ---- */

static bool at_fixed_state(struct ensemble *e, struct diag *diag, const struct asked *asked, uint32_t first,
                           double beta, struct gaussian out[])
{
    struct adjoint_model *adjoint = adjoint_of(e, asked);
    for (uint32_t b = 0; b < e->call.batch; b++) {
        struct dual_sample sample = sample_of(e, asked, b);
        struct gaussian totals;
        if (!probe_evaluate(e, diag, first, b, beta, &totals)) return false;
        if (out) out[b] = totals;
        adjoint_begin(adjoint, &sample);
        for (uint32_t k = 0; k < asked->n; k++) {
            struct adjoints to = adjoints_of(e, asked, k);
            adjoint_seed(adjoint, &sample, asked->of[k], &to);
        }
    }
    for (uint32_t k = 0; k < asked->n; k++) {
        if (!pull(e, diag, asked, k)) return false;
        for (uint32_t b = 0; b < e->call.batch; b++) {
            struct dual_sample sample = sample_of(e, asked, b);
            adjoint_by_state(adjoint, &sample, asked->of[k], pulled(e, asked), by_state(e, asked, k, b));
        }
    }
    return true;
}

static bool differentiate_batch(struct ensemble *e, struct diag *diag, const struct asked *asked, uint32_t first,
                                double beta, struct gaussian out[])
{
    if (asked->tangents && !move_samples(e, diag, asked, first)) return false;
    if (has_path(e) && (!walk_path(e, diag, asked) || !probe_run(e, diag, NNT_ENTRY_linearise, "linear model")))
        return false;
    if (asked->tangents && !probe_run(e, diag, NNT_ENTRY_push, "linear model's tangent")) return false;
    if (!at_fixed_state(e, diag, asked, first, beta, out)) return false;
    if (!has_path(e)) return through_state(e, diag, asked, first);
    for (uint32_t k = 0; k < asked->n; k++)
        if (!back_along_path(e, diag, asked, k)) return false;
    return true;
}

static bool all_finite(const struct ensemble *e, struct diag *diag, const struct asked *asked)
{
    for (uint32_t k = 0; k < asked->n; k++)
        for (size_t i = 0; i < ensemble_trainables(e); i++)
            if (!isfinite(asked->out[k][i])) {
                diag_input(diag, e->at, "not-finite",
                           "a derivative of the ensemble by the trainables is not finite");
                return false;
            }
    return true;
}

static bool differentiate(struct ensemble *e, struct diag *diag, const double *parameters,
                          const double *const data[], const struct asked *asked, double beta, struct gaussian out[])
{
    bool good = true;
    if (!e->model.thin && !probe_has_factor(e, diag, "the derivatives of F")) return false;
    if (!e->derivative || asked->n > COMBINATIONS || (asked->tangents && !e->derivative->tangents))
        BUG("derivatives of an ensemble whose module has no entries for them");
    probe_begin(e, parameters);
    for (uint32_t k = 0; k < asked->n; k++) memset(asked->out[k], 0, ensemble_trainables(e) * sizeof(double));
    for (uint32_t first = 0; good && probe_load(e, data, first, asked->count); first += e->call.batch)
        good =
            probe_reference(e, diag) && differentiate_batch(e, diag, asked, first, beta, out ? out + first : NULL);
    probe_end(e, asked->count);
    return good && all_finite(e, diag, asked);
}

bool ensemble_gradient(struct ensemble *e, struct diag *diag, const double *parameters, const double *const data[],
                       uint32_t count, double beta, uint32_t n, const struct combination of[],
                       double *const out_gradient[], struct gaussian out[])
{
    struct asked asked = {.n = n, .count = count, .of = of, .out = out_gradient};
    return differentiate(e, diag, parameters, data, &asked, beta, out);
}

static void set_direction(struct ensemble *e, const double direction[])
{
    double *to = e->call.slab[NNT_D_PARAMETERS];
    memset(to, 0, e->module->size[NNT_PARAMETERS] * sizeof *to);
    for (uint32_t p = 0; p < e->module->n_parameters; p++) {
        const struct nnt_parameter *it = &e->module->parameter[p];
        const struct nnt_field *f = &e->module->field[it->field];
        if (it->gradient == NNT_NONE) continue;
        const double *from = direction + e->module->field[it->gradient].offset;
        for (uint64_t i = 0; i < field_length(f); i++) to[f->offset + i] = is_trainable(it, f, i) ? from[i] : 0;
    }
}

bool ensemble_hessian(struct ensemble *e, struct diag *diag, const double *parameters, const double *const data[],
                      uint32_t count, uint32_t n, const struct combination of[], const double *direction,
                      double *const out_product[])
{
    struct asked asked = {.n = n, .count = count, .of = of, .out = out_product, .tangents = true};
    if (e->derivative && e->derivative->tangents) set_direction(e, direction);
    return differentiate(e, diag, parameters, data, &asked, 1, NULL);
}
