/* verify.c: the checks of the instrument on one network: engines against the interpreter, derivatives against differences. */
#include "compiler/driver/verify.h"

#include <math.h>
#include <string.h>

#include "runtime/base/random.h"

enum { ELEMENTS = 8 }; /* of each field that are compared with differences */
static const double DIFFERENCES = 1e-6;

/* What an entry leaves, in the order of the runs: those that read the drawn states come before those that replace them. */
static const struct quantity {
    enum nnt_entry_name entry;
    enum nnt_slab slab;
    const char *prefix, *name;
} quantities[] = {
    {NNT_ENTRY_linearise, NNT_RESULT, "H", "H"},
    {NNT_ENTRY_linearise, NNT_LINEAR, "residual.", "residual r"},
    {NNT_ENTRY_linearise, NNT_LINEAR, "slope.", "slope f'"},
    {NNT_ENTRY_linearise, NNT_LINEAR, "force.", "force V'"},
    {NNT_ENTRY_linearise, NNT_LINEAR, "curvature.", "curvature V''"},
    {NNT_ENTRY_bulk, NNT_LINEAR, "gradient_x.", "dH/dx"},
    {NNT_ENTRY_bulk, NNT_GRADIENT, "", "dH/dq"},
    {NNT_ENTRY_forward, NNT_STATE, "", "states"},
    {NNT_ENTRY_loss, NNT_RESULT, "loss", "loss"},
    {NNT_ENTRY_gradient, NNT_GRADIENT, "", "gradient"},
    {NNT_ENTRY_ensemble_forward, NNT_STATE, "", "ensemble states"},
    {NNT_ENTRY_step, NNT_PARAMETERS, "", "weights after a step"},
    {NNT_ENTRY_step, NNT_MOMENTS, "", "moments after a step"},
};

/* ---- rows ---- */

bool finding_holds(const struct finding *finding)
{
    return finding->deviation <= finding->tolerance;
}

static struct finding *add(struct findings *to, const char *by, const char *quantity, double tolerance)
{
    to->finding = arena_grow(to->arena, to->finding, to->count, &to->capacity, sizeof *to->finding);
    struct finding *f = &to->finding[to->count++];
    *f = (struct finding){.by = by, .quantity = quantity, .where = "", .tolerance = tolerance};
    return f;
}

/* Weights by row and column, neurons by number and sample, all counted from 1 as in formulas. */
static const char *place(struct arena *arena, const struct distance *d)
{
    const struct nnt_field *f = d->field;
    if (!f) return "";
    uint64_t n = 1, e = d->element;
    for (uint32_t a = 0; a < f->rank; a++) n *= f->extent[a];
    const char *sample =
        f->per_sample ? arena_printf(arena, " of sample %llu", (unsigned long long)(e / n + 1)) : "";
    e %= n;
    if (f->rank == 0) return arena_printf(arena, "%s%s", f->name, sample);
    if (f->rank != 2) return arena_printf(arena, "%s[%llu]%s", f->name, (unsigned long long)(e + 1), sample);
    return arena_printf(arena, "%s[%llu, %llu]%s", f->name, (unsigned long long)(e / f->extent[1] + 1),
                        (unsigned long long)(e % f->extent[1] + 1), sample);
}

static void add_distance(struct findings *to, const char *by, const char *quantity, double tolerance,
                         const struct distance *d, uint64_t skipped)
{
    if (!d->compared && !skipped) return;
    struct finding *f = add(to, by, quantity, tolerance);
    f->deviation = d->most;
    f->compared = d->compared;
    f->skipped = skipped;
    f->where = place(to->arena, d);
    if (!finding_holds(f)) f->where = arena_printf(to->arena, "%s: %.9g, expected %.9g", f->where, d->a, d->b);
}

/* ---- engines ---- */

void verify_engine(struct findings *findings, const char *by, double tolerance, const struct nnt_module *module,
                   const struct nnt_module *reference, const struct exercise *start)
{
    struct exercise a = exercise_open(module, start->call.batch), b = exercise_open(reference, start->call.batch);
    exercise_copy(&a, start);
    exercise_copy(&b, start);
    memcpy(a.call.number, start->call.number, sizeof a.call.number);
    memcpy(b.call.number, start->call.number, sizeof b.call.number);
    for (size_t i = 0; i < LENGTH(quantities); i++) {
        const struct quantity *q = &quantities[i];
        if (!module->entry[q->entry] || !reference->entry[q->entry]) continue;
        bool again = i > 0 && quantities[i - 1].entry == q->entry;
        if (!again) exercise_run(&a, q->entry);
        if (!again) exercise_run(&b, q->entry);
        struct distance d = exercise_compare(&a, &b, q->slab, q->prefix);
        add_distance(findings, by, q->name, tolerance, &d, 0);
    }
    exercise_close(&a);
    exercise_close(&b);
}

/* ---- derivatives ---- */

/* What a field of derivatives says against differences by the field that it belongs to. */
struct probing {
    const struct exercise *told; /* has the derivatives; what is differentiated may overwrite its own */
    struct differentiated of;
    struct random random;
    struct distance distance;
    uint64_t skipped;
};

static void probe_field(struct probing *p, const struct nnt_field *by, const struct nnt_field *derivative)
{
    uint64_t n = exercise_size(p->of.exercise, by);
    for (uint32_t i = 0; i < ELEMENTS && i < n; i++) {
        uint64_t e = n <= ELEMENTS ? i : random_below(&p->random, (uint32_t)n);
        double expected, got = exercise_get(p->told, derivative, e);
        if (exercise_difference(&p->of, by, e, &expected))
            distance_add(&p->distance, derivative, e, got, expected);
        else
            p->skipped++;
    }
}

static void probe_parameters(struct probing *p)
{
    const struct nnt_module *m = p->of.exercise->module;
    for (uint32_t i = 0; i < m->n_parameters; i++)
        if (m->parameter[i].gradient != NNT_NONE)
            probe_field(p, &m->field[m->parameter[i].field], &m->field[m->parameter[i].gradient]);
}

static void probe_states(struct probing *p)
{
    const struct nnt_module *m = p->of.exercise->module;
    for (uint32_t g = 0; g < m->n_groups; g++)
        if (m->group[g].gradient_x != NNT_NONE)
            probe_field(p, &m->field[m->group[g].state], &m->field[m->group[g].gradient_x]);
}

static void add_probing(struct findings *to, const char *quantity, const struct probing *p)
{
    add_distance(to, "differences", quantity, DIFFERENCES, &p->distance, p->skipped);
}

/* What the gradient is that of: the mean of the boundary loss, of H where the free neurons are relaxed, or both with their
 * coefficients. */
static struct differentiated objective_of(struct exercise *x)
{
    const struct nnt_module *m = x->module;
    const double *number = x->call.number, share = 1.0 / x->call.batch;
    struct differentiated of = {.exercise = x, .entry = NNT_ENTRY_gradient};
    switch ((enum nnt_objective)m->objective) {
    case NNT_ON_BOUNDARY:
        of.entry = NNT_ENTRY_loss;
        of.value = &m->field[m->loss];
        of.weight = share;
        break;
    case NNT_ON_BULK:
        of.value = &m->field[m->H];
        of.weight = number[NNT_BULK] * share;
        break;
    case NNT_ON_BOTH:
        of.value = &m->field[m->loss];
        of.weight = number[NNT_BOUNDARY] * share;
        of.also = &m->field[m->H];
        of.also_weight = number[NNT_BULK] * share;
        break;
    case NNT_ON_NEITHER:
        BUG("a gradient of nothing");
    }
    return of;
}

void verify_derivatives(struct findings *findings, const struct nnt_module *module, const struct exercise *start,
                        uint64_t seed)
{
    struct exercise x = exercise_open(module, start->call.batch), told = exercise_open(module, start->call.batch);
    struct probing fresh = {.told = &told, .random = random_stream(seed, RANDOM_PROBE, 0, 1)};
    exercise_copy(&x, start);
    exercise_copy(&told, start);
    if (module->entry[NNT_ENTRY_bulk] && module->entry[NNT_ENTRY_linearise]) {
        struct probing by_x = fresh, by_q = fresh;
        by_x.of = (struct differentiated){&x, NNT_ENTRY_linearise, &module->field[module->H], 1, NULL, 0};
        by_q.of = by_x.of;
        by_q.of.weight = 1.0 / x.call.batch;
        exercise_run(&told, NNT_ENTRY_bulk);
        probe_states(&by_x);
        probe_parameters(&by_q);
        add_probing(findings, "dH/dx", &by_x);
        add_probing(findings, "dH/dq", &by_q);
    }
    if (module->entry[NNT_ENTRY_gradient]) {
        struct probing by_q = fresh;
        by_q.of = objective_of(&x);
        exercise_run(&told, NNT_ENTRY_gradient);
        probe_parameters(&by_q);
        add_probing(findings, "gradient", &by_q);
    }
    exercise_close(&told);
    exercise_close(&x);
}

/* ---- the ensemble ---- */

static const struct letter {
    const char *name;
    size_t at;
} letters[] = {
    {"U", offsetof(struct gaussian, U)},      {"S", offsetof(struct gaussian, S)},
    {"C", offsetof(struct gaussian, C)},      {"F", offsetof(struct gaussian, F)},
    {"ln Z", offsetof(struct gaussian, lnZ)}, {"H_min", offsetof(struct gaussian, H_min)},
};

static double letter(const struct gaussian *g, const struct letter *l)
{
    double value;
    memcpy(&value, (const char *)g + l->at, sizeof value);
    return value;
}

/* A number a sample: the place is the sample. */
static void add_samples(struct findings *to, const char *by, const char *quantity, double tolerance,
                        const double *got, const double *expected, uint32_t count)
{
    struct nnt_field field = {.name = quantity, .per_sample = 1};
    struct distance d = {0};
    for (uint32_t b = 0; b < count; b++) distance_add(&d, &field, b, got[b], expected[b]);
    add_distance(to, by, quantity, tolerance, &d, 0);
}

void verify_gaussians(struct findings *findings, const char *by, double tolerance, const struct gaussian *got,
                      const struct gaussian *expected, uint32_t count)
{
    double *a = arena_alloc(findings->arena, (count + 1) * sizeof *a),
           *b = arena_alloc(findings->arena, (count + 1) * sizeof *b);
    for (size_t l = 0; l < LENGTH(letters); l++) {
        for (uint32_t i = 0; i < count; i++) a[i] = letter(&got[i], &letters[l]);
        for (uint32_t i = 0; i < count; i++) b[i] = letter(&expected[i], &letters[l]);
        add_samples(findings, by, letters[l].name, tolerance, a, b, count);
    }
}

void verify_energy(struct findings *findings, const struct gaussian *at, const struct gaussian *less,
                   const struct gaussian *more, double beta, double step, uint32_t count)
{
    double *U = arena_alloc(findings->arena, (count + 1) * sizeof *U),
           *slope = arena_alloc(findings->arena, (count + 1) * sizeof *slope);
    double *S = arena_alloc(findings->arena, (count + 1) * sizeof *S),
           *sum = arena_alloc(findings->arena, (count + 1) * sizeof *sum);
    for (uint32_t b = 0; b < count; b++) {
        U[b] = at[b].U;
        slope[b] = -(more[b].lnZ - less[b].lnZ) / (2 * step * beta);
        S[b] = at[b].S;
        sum[b] = at[b].lnZ + beta * at[b].U;
    }
    add_samples(findings, "differences", "U as -d ln Z/d beta", 1e-5, U, slope, count);
    add_samples(findings, "definition", "S as ln Z + beta U", 1e-10, S, sum, count);
}

/* The rows of J and the diagonal of V'' at one state, by differences of residual and force. */
struct jacobian {
    struct exercise *x;
    uint32_t n, rows;      /* free neurons; neurons of R */
    double *J, *curvature; /* [batch][rows][n], [batch][n] */
};

static uint32_t neurons(const struct nnt_module *m, bool free)
{
    uint32_t n = 0;
    for (uint32_t g = 0; g < m->n_groups; g++)
        if (free ? !(m->group[g].flags & NNT_CLAMPED) : m->group[g].flags & NNT_ERROR) n += m->group[g].size;
    return n;
}

/* Adds factor times all residuals and, for the neuron that was moved, its force, as they are now. */
static void take(struct jacobian *j, uint32_t column, const struct nnt_group *moved, uint32_t neuron, double factor)
{
    const struct nnt_module *m = j->x->module;
    uint32_t batch = j->x->call.batch;
    exercise_run(j->x, NNT_ENTRY_linearise);
    for (uint32_t g = 0, row = 0; g < m->n_groups; g++) {
        const struct nnt_group *group = &m->group[g];
        if (!(group->flags & NNT_ERROR)) continue;
        for (uint32_t b = 0; b < batch; b++)
            for (uint32_t i = 0; i < group->size; i++)
                j->J[((size_t)b * j->rows + row + i) * j->n + column] +=
                    factor * exercise_get(j->x, &m->field[group->residual], (uint64_t)b * group->size + i);
        row += group->size;
    }
    for (uint32_t b = 0; b < batch && moved->force != NNT_NONE; b++)
        j->curvature[(size_t)b * j->n + column] +=
            factor * exercise_get(j->x, &m->field[moved->force], (uint64_t)b * moved->size + neuron);
}

static void move(struct exercise *x, const struct nnt_group *group, uint32_t neuron, double by)
{
    const struct nnt_field *f = &x->module->field[group->state];
    for (uint32_t b = 0; b < x->call.batch; b++) {
        uint64_t e = (uint64_t)b * group->size + neuron;
        exercise_set(x, f, e, exercise_get(x, f, e) + by);
    }
}

static void differentiate_residual(struct jacobian *j, double h)
{
    static const double at[] = {-2, -1, 1, 2}, factor[] = {1.0 / 12, -8.0 / 12, 8.0 / 12, -1.0 / 12};
    const struct nnt_module *m = j->x->module;
    memset(j->J, 0, (size_t)j->x->call.batch * j->rows * j->n * sizeof *j->J);
    memset(j->curvature, 0, (size_t)j->x->call.batch * j->n * sizeof *j->curvature);
    for (uint32_t g = 0, column = 0; g < m->n_groups; g++) {
        if (m->group[g].flags & NNT_CLAMPED) continue;
        for (uint32_t i = 0; i < m->group[g].size; i++, column++)
            for (size_t k = 0; k < LENGTH(at); k++) {
                move(j->x, &m->group[g], i, at[k] * h);
                take(j, column, &m->group[g], i, factor[k] / h);
                move(j->x, &m->group[g], i, -at[k] * h);
            }
    }
}

/* ln det of JᵀJ + diag V'' by Cholesky in place; NaN where it is not positive. */
static double logdet(const double *J, const double *curvature, uint32_t rows, uint32_t n, double *A)
{
    double sum = 0;
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t k = 0; k <= i; k++) {
            double a = i == k ? curvature[i] : 0;
            for (uint32_t r = 0; r < rows; r++) a += J[(size_t)r * n + i] * J[(size_t)r * n + k];
            for (uint32_t l = 0; l < k; l++) a -= A[(size_t)i * n + l] * A[(size_t)k * n + l];
            A[(size_t)i * n + k] = i == k ? sqrt(a) : a / A[(size_t)k * n + k];
        }
    for (uint32_t i = 0; i < n; i++) sum += 2 * log(A[(size_t)i * n + i]);
    return sum;
}

static void complexities(struct jacobian *j, double h, double *A, double *out)
{
    differentiate_residual(j, h);
    for (uint32_t b = 0; b < j->x->call.batch; b++)
        out[b] =
            -0.5 * logdet(j->J + (size_t)b * j->rows * j->n, j->curvature + (size_t)b * j->n, j->rows, j->n, A);
}

void verify_complexity(struct findings *findings, const struct nnt_module *module, const struct exercise *start,
                       const struct gaussian *gaussian)
{
    uint32_t n = neurons(module, true), rows = neurons(module, false), batch = start->call.batch;
    if (!n || n > VERIFY_MOST_FREE) return;
    struct exercise x = exercise_open(module, batch);
    struct jacobian j = {&x, n, rows, arena_alloc(findings->arena, ((size_t)batch * rows * n + 1) * sizeof(double)),
                         arena_alloc(findings->arena, (size_t)batch * n * sizeof(double))};
    double *A = arena_alloc(findings->arena, (size_t)n * n * sizeof *A);
    double *coarse = arena_alloc(findings->arena, batch * sizeof *coarse),
           *fine = arena_alloc(findings->arena, batch * sizeof *fine);
    struct nnt_field field = {.name = "C", .per_sample = 1};
    struct distance d = {0};
    exercise_copy(&x, start);
    exercise_run(&x, NNT_ENTRY_ensemble_forward);
    complexities(&j, 1e-3, A, coarse);
    complexities(&j, 5e-4, A, fine);
    for (uint32_t b = 0; b < batch; b++) /* a kink within reach: the sample does not count */
        if (fabs(coarse[b] - fine[b]) <= 1e-7 * (1 + fabs(fine[b])))
            distance_add(&d, &field, b, gaussian[b].C, fine[b]);
    add_distance(findings, "differences", "C as -1/2 ln det A", DIFFERENCES, &d, batch - d.compared);
    exercise_close(&x);
}

/* ---- the free energy ---- */

/* F and its gradient as functions of the parameters, along one direction in them. */
struct free_energy {
    struct ensemble *ensemble;
    struct diag *diag;
    double *parameters; /* moved, and put back */
    const double *start, *direction;
    const double *const *data;
    uint32_t count;
    double T;
    struct gaussian *sample;
    bool good; /* no evaluation was refused */
};

static void move_to(struct free_energy *f, double h)
{
    size_t n = ensemble_module(f->ensemble)->size[NNT_PARAMETERS];
    for (size_t i = 0; i < n; i++) f->parameters[i] = f->start[i] + h * f->direction[i];
}

static double mean_F(struct free_energy *f, double h)
{
    double sum = 0;
    move_to(f, h);
    f->good =
        f->good && ensemble_evaluate(f->ensemble, f->diag, f->parameters, f->data, f->count, 1 / f->T, f->sample);
    for (uint32_t b = 0; f->good && b < f->count; b++) sum += f->sample[b].F / f->count;
    return sum;
}

static void gradient_F(struct free_energy *f, double h, double *out)
{
    const struct combination F = {1, -f->T};
    move_to(f, h);
    f->good = f->good && ensemble_gradient(f->ensemble, f->diag, f->parameters, f->data, f->count, 1 / f->T, 1, &F,
                                           &out, f->sample);
}

/* Of the fourth order. */
static double slope_of_F(struct free_energy *f, double h)
{
    return (8 * (mean_F(f, h) - mean_F(f, -h)) - (mean_F(f, 2 * h) - mean_F(f, -2 * h))) / (12 * h);
}

static void add_elements(struct free_energy *f, const double *gradient, struct random *random, double *unit,
                         struct distance *d, uint64_t *skipped)
{
    const struct nnt_module *m = ensemble_module(f->ensemble);
    for (uint32_t p = 0; p < m->n_parameters; p++) {
        const struct nnt_parameter *it = &m->parameter[p];
        const struct nnt_field *by = &m->field[it->field];
        uint64_t n = by->extent[0] * (uint64_t)(by->rank > 1 ? by->extent[1] : 1);
        for (uint32_t i = 0; it->gradient != NNT_NONE && i < ELEMENTS && i < n; i++) {
            uint64_t e = n <= ELEMENTS ? i : random_below(random, (uint32_t)n);
            if (it->hollow && e / by->extent[1] == e % by->extent[1]) continue;
            unit[by->offset + e] = 1;
            double coarse = slope_of_F(f, 1e-3), fine = slope_of_F(f, 5e-4);
            unit[by->offset + e] = 0;
            if (!f->good) return;
            if (fabs(coarse - fine) <= 2e-7 * (1 + fabs(fine)))
                distance_add(d, &m->field[it->gradient], e, gradient[m->field[it->gradient].offset + e], fine);
            else
                ++*skipped;
        }
    }
}

/* A direction of ±1 in the trainables, in both layouts. */
static void draw_direction(const struct nnt_module *m, struct random *random, double *parameters,
                           double *trainables)
{
    for (uint32_t p = 0; p < m->n_parameters; p++) {
        const struct nnt_parameter *it = &m->parameter[p];
        const struct nnt_field *by = &m->field[it->field];
        uint64_t n = by->extent[0] * (uint64_t)(by->rank > 1 ? by->extent[1] : 1);
        for (uint64_t e = 0; it->gradient != NNT_NONE && e < n; e++) {
            bool none = it->hollow && e / by->extent[1] == e % by->extent[1];
            double sign = none ? 0 : random_below(random, 2) ? 1 : -1;
            parameters[by->offset + e] = trainables[m->field[it->gradient].offset + e] = sign;
        }
    }
}

static void add_products(struct free_energy *f, const double *product, double *const room[4], struct distance *d,
                         uint64_t *skipped)
{
    const struct nnt_module *m = ensemble_module(f->ensemble);
    const double h = 1e-4;
    gradient_F(f, h, room[0]);
    gradient_F(f, -h, room[1]);
    gradient_F(f, h / 2, room[2]);
    gradient_F(f, -h / 2, room[3]);
    for (uint32_t p = 0; f->good && p < m->n_parameters; p++) {
        const struct nnt_field *field = &m->field[m->parameter[p].gradient];
        if (m->parameter[p].gradient == NNT_NONE) continue;
        for (uint64_t e = 0; e < field->extent[0] * (uint64_t)(field->rank > 1 ? field->extent[1] : 1); e++) {
            uint64_t i = field->offset + e;
            double coarse = (room[0][i] - room[1][i]) / (2 * h), fine = (room[2][i] - room[3][i]) / h;
            if (fabs(coarse - fine) <= 3e-6 * (1 + fabs(fine)))
                distance_add(d, field, e, product[i], (4 * fine - coarse) / 3);
            else
                ++*skipped;
        }
    }
}

static double *zeros(struct findings *findings, size_t n)
{
    double *out = arena_alloc(findings->arena, (n + 1) * sizeof *out);
    memset(out, 0, (n + 1) * sizeof *out);
    return out;
}

void verify_free_energy(struct findings *findings, struct ensemble *ensemble, struct diag *diag, double *parameters,
                        const double *const data[], uint32_t count, double T, uint64_t seed)
{
    const struct nnt_module *m = ensemble_module(ensemble);
    size_t n = m->size[NNT_PARAMETERS], P = ensemble_trainables(ensemble);
    double *start = zeros(findings, n), *direction = zeros(findings, n), *along = zeros(findings, P);
    double *gradient = zeros(findings, P), *product = zeros(findings, P);
    double *room[4] = {zeros(findings, P), zeros(findings, P), zeros(findings, P), zeros(findings, P)};
    struct random random = random_stream(seed, RANDOM_PROBE, 0, 4);
    struct distance first = {0}, second = {0};
    uint64_t skipped[2] = {0, 0};
    const struct combination F = {1, -T};
    struct free_energy f = {ensemble, diag, parameters, start, direction, data, count, T, NULL, true};
    f.sample = arena_alloc(findings->arena, (count + (size_t)1) * sizeof *f.sample);
    memcpy(start, parameters, n * sizeof *start);
    gradient_F(&f, 0, gradient);
    if (f.good) add_elements(&f, gradient, &random, direction, &first, &skipped[0]);
    draw_direction(m, &random, direction, along);
    move_to(&f, 0);
    f.good = f.good && ensemble_hessian(ensemble, diag, parameters, data, count, 1, &F, along, &product);
    if (f.good) add_products(&f, product, room, &second, &skipped[1]);
    memcpy(parameters, start, n * sizeof *start);
    if (!f.good) return;
    add_distance(findings, "differences", "gradient of F", DIFFERENCES, &first, skipped[0]);
    add_distance(findings, "differences", "Hessian of F times v", 10 * DIFFERENCES, &second, skipped[1]);
}
