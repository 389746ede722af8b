/* septuple.c: a checked experiment read back in formulas. */
#include "compiler/driver/septuple.h"

#include <math.h>
#include <string.h>

#include "compiler/driver/moral.h"
#include "compiler/irgen/irgen.h"
#include "runtime/thermo/thin.h"

static const char *const initialisers[] = {
#define INITIALISER(name, ...) #name,
#include "runtime/train/initialisers.def"
#undef INITIALISER
};

/* A column of labels, then the formula; Φ is one character of two bytes. */
static void label(struct text *out, const char *name)
{
    text_add(out, "%s%-*s", out->length ? "\n" : "", 9 + ((unsigned char)name[0] > 127), name);
}

static void print_expr(const struct model *m, const struct expr *e, struct text *out)
{
    expr_print(e, model_variable, (void *)(uintptr_t)m, out);
}

static void print_number(double value, struct text *out)
{
    char number[32];
    text_number(value, number);
    text_add(out, "%s", number);
}

/* ---- x, P_in, P_out ---- */

static bool is_phi(const struct group *g)
{
    return !g->clamped;
}
static bool is_R(const struct group *g)
{
    return g->in_R;
}
static bool is_input(const struct group *g)
{
    return g->input;
}
static bool is_output(const struct group *g)
{
    return g->output;
}
static bool is_clamped(const struct group *g)
{
    return g->clamped;
}
static bool is_any(const struct group *g)
{
    return g != NULL;
}

static uint64_t neurons(const struct model *m, bool (*chosen)(const struct group *))
{
    uint64_t n = 0;
    for (uint32_t g = 0; g < m->n_groups; g++)
        if (chosen(&m->group[g])) n += m->group[g].size;
    return n;
}

/* The groups by name, ∅ where there are none. */
static void print_groups(const struct model *m, bool (*chosen)(const struct group *), struct text *out)
{
    bool first = true;
    for (uint32_t g = 0; g < m->n_groups; g++) {
        if (!chosen(&m->group[g])) continue;
        text_add(out, "%s%s", first ? "" : " ∪ ", m->group[g].shown);
        first = false;
    }
    if (first) text_add(out, "∅");
}

static void print_sizes(const struct group *g, struct text *out)
{
    text_add(out, "%s ∈ ℝ^%u", g->shown, g->size);
    for (uint32_t i = 0; g->rank > 1 && i < g->rank; i++) text_add(out, "%s%u", i ? " × " : " (", g->extent[i]);
    if (g->rank > 1) text_add(out, ")");
}

static void print_x(const struct model *m, struct text *out)
{
    label(out, "x");
    text_add(out, "N = %llu in %u groups\n", (unsigned long long)neurons(m, is_any), m->n_groups);
    for (uint32_t g = 0; g < m->n_groups; g++) {
        const struct group *it = &m->group[g];
        text_add(out, "         ");
        print_sizes(it, out);
        text_add(out, "%s%s, %s%s\n", it->input ? ", input" : "", it->output ? ", output" : "",
                 it->clamped ? "clamped" : "free (Φ)", it->in_R ? ", its error counts (R)" : "");
    }
    label(out, "P_in");
    text_add(out, "projects x on ");
    print_groups(m, is_input, out);
    text_add(out, ", %llu of N", (unsigned long long)neurons(m, is_input));
    label(out, "P_out");
    text_add(out, "projects x on ");
    print_groups(m, is_output, out);
    text_add(out, ", %llu of N\n", (unsigned long long)neurons(m, is_output));
}

/* ---- w, b ---- */

static uint32_t arguments_of(enum nnt_initialiser which)
{
    return which == NNT_INIT_uniform || which == NNT_INIT_normal
               ? 2
               : which == NNT_INIT_constant || which == NNT_INIT_identity;
}

static void print_start(const struct parameter *p, struct text *out)
{
    text_add(out, ", begins %s", initialisers[p->initialiser]);
    for (uint32_t i = 0, n = arguments_of(p->initialiser); i < n; i++) {
        text_add(out, "%s", i ? ", " : "(");
        print_number(p->argument[i], out);
        if (i + 1 == n) text_add(out, ")");
    }
    text_add(out, "%s%s", p->hollow ? ", 0 on the diagonal" : "", p->frozen ? ", frozen" : "");
}

static void name_block(const struct model *m, const struct block *b, struct text *out)
{
    text_add(out, "w(%s → %s)", m->group[b->from].shown, m->group[b->to].shown);
}

/* The block that the parameter was declared for: the first that holds it. */
static const struct block *owner(const struct model *m, uint32_t parameter)
{
    uint32_t k = 0;
    while (m->block[k].parameter != parameter) k++;
    return &m->block[k];
}

static void print_w(const struct model *m, struct text *out)
{
    label(out, "w");
    text_add(out, "%u blocks, 0 elsewhere\n", m->n_blocks);
    for (uint32_t k = 0; k < m->n_blocks; k++) {
        const struct block *b = &m->block[k], *first = owner(m, b->parameter);
        text_add(out, "         ");
        name_block(m, b, out);
        if (first == b) {
            text_add(out, " ∈ ℝ^(%u × %u)", m->group[b->to].size, m->group[b->from].size);
            print_start(&m->parameter[b->parameter], out);
        } else {
            text_add(out, " = ");
            name_block(m, first, out);
            if (b->transposed != first->transposed) text_add(out, "ᵀ");
        }
        text_add(out, "\n");
    }
}

static void print_b(const struct model *m, struct text *out)
{
    bool any = false;
    label(out, "b");
    for (uint32_t g = 0; g < m->n_groups; g++) {
        if (m->group[g].bias == NNT_NONE) continue;
        text_add(out, "%sb(%s) ∈ ℝ^%u", any ? "         " : "", m->group[g].shown, m->group[g].size);
        print_start(&m->parameter[m->group[g].bias], out);
        text_add(out, "\n");
        any = true;
    }
    if (!any) text_add(out, "0\n");
}

/* ---- f ---- */

static void print_z(const struct model *m, uint32_t group, struct text *out)
{
    bool first = true;
    text_add(out, "z = ");
    for (uint32_t k = 0; k < m->n_blocks; k++) {
        if (m->block[k].to != group) continue;
        text_add(out, "%s", first ? "" : " + ");
        name_block(m, &m->block[k], out);
        text_add(out, " %s", m->group[m->block[k].from].shown);
        first = false;
    }
    if (m->group[group].bias != NNT_NONE) text_add(out, "%sb(%s)", first ? "" : " + ", m->group[group].shown);
}

static void print_f(const struct model *m, struct text *out)
{
    bool any = false;
    label(out, "f");
    for (uint32_t i = 0; i < m->n_groups; i++) {
        const struct group *g = &m->group[m->order[i]];
        if (!g->predicted) continue;
        text_add(out, "%sf(%s) = ", any ? "         " : "", g->shown);
        print_expr(m, g->activation, out);
        text_add(out, "%s\n             with ", g->group_map ? "  (mixes the neurons of the group)" : "");
        print_z(m, m->order[i], out);
        text_add(out, "\n");
        any = true;
    }
    if (!any) text_add(out, "none\n");
}

/* ---- dynamics ---- */

static void print_sequence(const struct group *g, struct text *out)
{
    text_add(out, "         %s is a sequence of %u rows: ", g->shown, g->rows);
    if (g->input)
        text_add(out, "update t reads row t, and 0 behind the last\n");
    else if (g->first_tick == 1)
        text_add(out, "row t is compared after update t\n");
    else
        text_add(out, "row t is compared after update %u + t\n", g->first_tick - 1);
}

static void print_dynamics(const struct model *m, struct text *out)
{
    const struct dynamics_spec *d = &m->dynamics;
    label(out, "dynamics");
    if (d->which == DYNAMICS_FEEDFORWARD) {
        text_add(out, "x = f(w x + b), one sweep; what is clamped is held\n");
        return;
    }
    text_add(out, "x(t+1) = f(w x(t) + b) from x(0) = 0; what is clamped is held\n         ");
    if (d->which == DYNAMICS_TICKS)
        text_add(out, "for %u update%s\n", d->ticks, d->ticks == 1 ? "" : "s");
    else {
        text_add(out, "until max_i |x_i(t+1) − x_i(t)| ≤ ");
        print_number(d->tolerance, out);
        text_add(out, " max(1, max_i |x_i(t+1)|), each sample by itself; at most %u updates\n", d->ticks);
    }
    for (uint32_t g = 0; g < m->n_groups; g++)
        if (m->group[g].rows) print_sequence(&m->group[g], out);
}

/* ---- H and the losses ---- */

static void print_H(const struct model *m, struct text *out)
{
    bool any = false;
    label(out, "H");
    text_add(out, "H(x; w, b) =");
    for (uint32_t g = 0; g < m->n_groups; g++) {
        if (!m->group[g].in_R) continue;
        text_add(out, "%s ½ ‖%s − f(%s)‖²", any ? " +" : "", m->group[g].shown, m->group[g].shown);
        any = true;
    }
    for (uint32_t g = 0; g < m->n_groups; g++) {
        if (m->group[g].clamped || !m->group[g].potential) continue;
        text_add(out, "%s Σ V(%s)", any ? " +" : "", m->group[g].shown);
        any = true;
    }
    text_add(out, "%s\n", any ? "" : " 0");
    for (uint32_t g = 0; g < m->n_groups; g++) {
        if (m->group[g].clamped || !m->group[g].potential) continue;
        text_add(out, "         V(%s) = ", m->group[g].shown);
        print_expr(m, m->group[g].potential, out);
        text_add(out, "  of each neuron s\n");
    }
}

static bool compares_rows(const struct model *m)
{
    for (uint32_t g = 0; g < m->n_groups; g++)
        if (m->group[g].output && m->group[g].rows) return true;
    return false;
}

static void print_loss(const struct model *m, struct text *out)
{
    label(out, "loss");
    if (!m->loss) text_add(out, "none on the boundary");
    for (uint32_t t = 0; t < m->n_terms; t++) {
        text_add(out, "%s", t ? "\n         + " : "boundary = ");
        print_expr(m, m->term[t].value, out);
    }
    text_add(out, "%s%s\n", m->loss ? ", the mean over the samples" : "",
             m->loss && compares_rows(m) ? " and over the rows" : "");
}

static void print_objective(const struct model *m, const char *name, const struct expr *coefficient,
                            struct text *out)
{
    bool number = coefficient && expr_is_number(coefficient);
    if (coefficient) {
        text_add(out, "%s", number ? "" : "(");
        print_expr(m, coefficient, out);
        text_add(out, "%s ", number ? "" : ")");
    }
    text_add(out, "%s", name);
}

static void print_descent(const struct model *m, struct text *out)
{
    text_add(out, "by descent from the ensemble forward state until max_i |∂H/∂x_i| ≤ ");
    print_number(m->ensemble.relax_tolerance, out);
    text_add(out, ", at most %u steps", m->ensemble.relax_most);
}

/* The gradient of the bulk loss is that at a minimum over Φ: there dH/dq = ∂H/∂q (envelope theorem). */
static void print_bulk(const struct model *m, struct text *out)
{
    if (!neurons(m, is_phi)) {
        text_add(out, "         bulk = H at the data, every neuron clamped: the local rule ∂H/∂w, ∂H/∂b alone\n");
        return;
    }
    text_add(out, "         bulk = min H over Φ, ");
    print_descent(m, out);
    text_add(out, "; then ∂H/∂w, ∂H/∂b there\n");
}

static void print_training(const struct model *m, struct text *out)
{
    label(out, "trains");
    text_add(out, "P = %llu numbers", (unsigned long long)model_trainables(m));
    if (!m->trains) text_add(out, ", none of which is trained");
    if (m->trains) text_add(out, " to minimise ");
    if (m->minimizes_boundary) print_objective(m, "boundary", m->train.boundary, out);
    if (m->minimizes_boundary && m->minimizes_bulk) text_add(out, " + ");
    if (m->minimizes_bulk) print_objective(m, "bulk", m->train.bulk, out);
    if (m->minimizes_free_energy && (m->minimizes_boundary || m->minimizes_bulk)) text_add(out, " + ");
    if (m->minimizes_free_energy) print_objective(m, "free_energy", m->train.free_energy, out);
    text_add(out, "\n");
    if (m->minimizes_free_energy)
        text_add(out, "         free_energy = F at the scheduled T, the mean over the samples of a batch, by its "
                      "total derivative\n");
    if (m->minimizes_bulk) print_bulk(m, out);
}

/* ---- the ensemble ---- */

static void print_A(const struct model *m, struct text *out)
{
    struct moral moral;
    unsigned long long n = (unsigned long long)neurons(m, is_phi);
    label(out, "A");
    text_add(out, "JᵀJ + diag V''%s over Φ, J = 1 − f' w: %llu × %llu, ",
             m->ensemble.full ? " − Σ r_i ∂²f_i, the exact Hessian," : "", n, n);
    if (moral_init(&moral, m))
        moral_print(&moral, m, out);
    else
        text_add(out, "memory is short for its blocks\n");
    moral_fini(&moral);
}

static bool only_inputs_clamped(const struct model *m)
{
    for (uint32_t g = 0; g < m->n_groups; g++)
        if (m->group[g].clamped != m->group[g].input) return false;
    return true;
}

/* Whether no group feeds itself, not even through others, inputs aside. */
static bool is_acyclic(const struct model *m)
{
    uint32_t *place = arena_alloc(m->arena, (m->n_groups + 1) * sizeof *place);
    for (uint32_t i = 0; i < m->n_groups; i++) place[m->order[i]] = i;
    for (uint32_t k = 0; k < m->n_blocks; k++) {
        const struct block *b = &m->block[k];
        if (!m->group[b->to].input && place[b->from] >= place[b->to]) return false;
    }
    return true;
}

/* The block W into one clamped group with f = z, where all that is free is one group that nothing free feeds and V = 0: there
 * A = 1 + WᵀW. NULL otherwise. */
static const struct block *affine_output(const struct model *m, bool potential)
{
    const struct block *out = NULL;
    uint32_t n = 0, free = 0;
    for (uint32_t g = 0; g < m->n_groups; g++)
        if (is_phi(&m->group[g]) && ++n) free = g;
    for (uint32_t k = 0; k < m->n_blocks; k++) {
        const struct block *b = &m->block[k];
        if (b->from != free || !m->group[b->to].in_R) continue;
        const struct expr *f = m->group[b->to].activation;
        if (out || b->to == free || f->kind != EXPR_VARIABLE) return NULL;
        out = b;
    }
    return n == 1 && m->group[free].in_R && !potential ? out : NULL;
}

/* What is known of C without numbers (THEORY 3a). */
static void print_C(const struct model *m, const struct nnt_module *module, struct text *out)
{
    bool potential = false;
    for (uint32_t g = 0; g < m->n_groups; g++) potential |= !m->group[g].clamped && m->group[g].potential;
    label(out, "C");
    text_add(out, "−½ ln det A");
    if (module->linear_C && only_inputs_clamped(m) && !potential && is_acyclic(m))
        text_add(out, ": 0 whatever the weights, J is unit triangular");
    else if (affine_output(m, potential)) {
        text_add(out, " = −½ ln det(1 + W Wᵀ) with W = ");
        name_block(m, affine_output(m, potential), out);
        text_add(out, ": neither data nor activation enter");
    } else if (module->linear_C)
        text_add(out, ": depends on the weights alone, neither data nor activation enter");
    else
        text_add(out, ", at the %s state of each sample", m->ensemble.relaxed ? "relaxed" : "ensemble forward");
    text_add(out, "\n");
}

static void print_ensemble(struct session *session, const struct model *m, struct text *out)
{
    label(out, "ensemble");
    if (!m->ensemble_proper) {
        text_add(out, "none that is proper: some free neuron has neither a local error nor a potential, or nothing "
                      "is free\n");
        return;
    }
    text_add(out, "p(x_Φ) = exp(−H / T) / Z given ");
    print_groups(m, is_clamped, out);
    label(out, "T");
    if (m->ensemble.inferred)
        text_add(out, "inferred: 2 (⟨H⟩ − H_min) / n, ⟨H⟩ that of the ensemble forward state");
    else
        print_expr(m, m->ensemble.temperature, out);
    if (!m->ensemble.inferred && expr_mentions(m->ensemble.temperature, VAR_PROGRESS))
        text_add(out, ", progress from 0 to 1");
    label(out, "Φ");
    print_groups(m, is_phi, out);
    text_add(out, ", n = %llu", (unsigned long long)neurons(m, is_phi));
    label(out, "R");
    print_groups(m, is_R, out);
    text_add(out, ", %llu errors\n", (unsigned long long)neurons(m, is_R));
    if (m->ensemble.relaxed) {
        label(out, "state");
        text_add(out, "the minimum of H over Φ, ");
        print_descent(m, out);
        text_add(out, "\n");
    }
    print_A(m, out);
    print_C(m, describe(session->arena, m, irgen(session->arena, m, 8, 1u << NNT_ENTRY_forward)), out);
}

/* ---- the cost ---- */

struct cost {
    double flops, bytes;
    bool open; /* some of it is done until it needs no more, and counted once */
};

/* How often what stands behind `begin` is done; once where that shows at the call only. */
static double turns_of(const struct nests *nests, uint32_t begin, uint32_t batch, bool *out_open)
{
    const struct item *item = &nests->item[begin];
    if (item->kind == ITEM_BEGIN) return item->extent == NEST_BATCH ? batch : item->extent;
    uint32_t end = begin;
    while (nests->item[end].kind != ITEM_PHASE_END) end++;
    if (!nests->item[end].condition) return item->extent;
    *out_open = true;
    return 1;
}

/* Of a whole entry: what stands in a loop is run as often as the loop. */
static struct cost entry_cost(const struct nests *nests, uint32_t real_bytes, uint32_t batch)
{
    struct cost sum = {0};
    double times[NEST_DEPTH + 1] = {1};
    uint32_t depth = 0;
    for (uint32_t i = 0; i < nests->count; i++) {
        const struct item *item = &nests->item[i];
        if (item->kind == ITEM_END || item->kind == ITEM_PHASE_END)
            depth--;
        else if (item->kind == ITEM_BEGIN || item->kind == ITEM_PHASE) {
            double turns = turns_of(nests, i, batch, &sum.open);
            if (depth == NEST_DEPTH) BUG("loops too deep");
            times[depth + 1] = times[depth] * turns;
            depth++;
        } else {
            double flops, bytes;
            nest_cost(item->nest, real_bytes, batch, &flops, &bytes);
            sum.flops += times[depth] * flops;
            sum.bytes += times[depth] * bytes;
        }
    }
    return sum;
}

static bool plan(struct session *session, const struct model *m, uint32_t real_bytes, uint32_t batch,
                 uint32_t entries, struct kernels *out)
{
    static const struct pass_watch nothing = {0};
    struct target target = {.real_bytes = real_bytes, .vector_bytes = 32, .blas = true, .batch = batch};
    const struct ir *graph = irgen(session->arena, m, real_bytes, entries);
    return run_passes(session->diag, session->arena, graph, describe(session->arena, m, graph), &target, &nothing,
                      NULL, out);
}

static void print_amount(double amount, const char *unit, struct text *out)
{
    static const char *const prefixes[] = {"", "k", "M", "G", "T", "P"};
    uint32_t p = 0;
    for (; amount >= 1000 && p + 1 < LENGTH(prefixes); p++) amount /= 1000;
    text_add(out, "%.3g %s%s", amount, prefixes[p], unit);
}

static void print_cost(struct cost cost, struct text *out)
{
    print_amount(cost.flops, "flops", out);
    text_add(out, ", ");
    print_amount(cost.bytes, "bytes", out);
}

/* What a step holds: what it learns, what it is given and tells, and the scratch in which it keeps ticks to go back through. */
static void print_memory(const struct nnt_module *m, uint32_t batch, struct text *out)
{
    static const enum nnt_slab passing[] = {NNT_DATA, NNT_STATE, NNT_RESULT};
    double scratch = (double)m->size[NNT_WORK] + (double)m->size_per_sample[NNT_WORK] * batch, given = 0;
    for (uint32_t k = 0; k < LENGTH(passing); k++) given += (double)m->size_per_sample[passing[k]] * batch;
    text_add(out, "         in ");
    print_amount((double)(m->size[NNT_PARAMETERS] + m->size[NNT_MOMENTS]) * m->real_bytes, "bytes", out);
    text_add(out, " of weights, biases and their moments, ");
    print_amount(given * m->real_bytes, "bytes", out);
    text_add(out, " of data and results, ");
    print_amount(scratch * m->real_bytes, "bytes", out);
    text_add(out, " of scratch\n");
}

static void print_step_cost(struct session *session, const struct model *m, struct text *out)
{
    uint32_t batch = m->train.batch ? m->train.batch : 64, real_bytes = session->options.real_bytes;
    struct kernels kernels = {0};
    if (!m->trains || !plan(session, m, real_bytes, batch, 1u << NNT_ENTRY_step, &kernels)) return;
    if (!kernels.entry[NNT_ENTRY_step]) return;
    struct cost cost = entry_cost(kernels.entry[NNT_ENTRY_step], real_bytes, batch);
    label(out, "a step");
    print_cost(cost, out);
    text_add(out, " by the kernels, for a batch of %u in f%u%s\n", batch, 8 * real_bytes,
             cost.open ? ", with one iteration of what settles or relaxes" : "");
    print_memory(kernels.description, batch, out);
}

static void print_blocks_cost(const struct model *m, uint32_t probe, struct text *out)
{
    struct moral moral;
    struct cost cost = {0};
    if (moral_init(&moral, m)) {
        moral_cost(&moral, m, &cost.flops, &cost.bytes);
        print_amount(probe * cost.flops, "flops", out);
        text_add(out, " in ");
        print_amount(cost.bytes, "bytes", out);
        if (m->ensemble.lanczos)
            text_add(out, " for ln det A (Lanczos, %u probes of %u steps)", m->ensemble.probes, m->ensemble.order);
        else
            text_add(out, " for A and ln det A (Cholesky by blocks)");
    }
    moral_fini(&moral);
}

/* ln det A of the probe, sample by sample in the same memory. */
static void print_gaussian_cost(const struct model *m, const struct nnt_module *module, uint32_t probe,
                                struct text *out)
{
    struct gaussian_model gaussian;
    if (!m->ensemble.lanczos && gaussian_init(&gaussian, module, &m->ensemble) && gaussian.thin) {
        print_amount(probe * thin_flops(gaussian.thin), "flops", out);
        text_add(out, " for ln det A as a determinant of %u rows (J of the free neurons is unit triangular)",
                 gaussian.thin->m);
    } else {
        print_blocks_cost(m, probe, out);
    }
    if (!m->ensemble.lanczos) gaussian_fini(&gaussian);
}

/* Kernels for the state and its linearisation, blocks or probes for ln det A. */
static void print_measurement_cost(struct session *session, const struct model *m, struct text *out)
{
    uint32_t probe = 1, entries = 1u << NNT_ENTRY_ensemble_forward | 1u << NNT_ENTRY_linearise;
    struct kernels kernels = {0};
    for (uint32_t b = 0; b < m->n_measures; b++)
        if (m->measure[b].probe > probe) probe = m->measure[b].probe;
    if (!m->data.n_groups) probe = 1; /* nothing tells one sample from another */
    if (!m->ensemble_proper || !plan(session, m, 8, 64, entries, &kernels)) return;
    struct cost forward = entry_cost(kernels.entry[NNT_ENTRY_ensemble_forward], 8, probe);
    struct cost linear = entry_cost(kernels.entry[NNT_ENTRY_linearise], 8, probe);
    label(out, "measures");
    print_cost((struct cost){.flops = forward.flops + linear.flops, .bytes = forward.bytes + linear.bytes}, out);
    text_add(out, " by the kernels, and ");
    print_gaussian_cost(m, kernels.description, probe, out);
    text_add(out, ", for %u sample%s in f64%s%s\n", probe, probe == 1 ? "" : "s",
             forward.open ? ", with one tick of what settles" : "",
             m->ensemble.relaxed ? ", beside the relaxation" : "");
}

void septuple_network(const struct model *m, struct text *out)
{
    text_add(out, "network %s: the septuple (x, P_in, P_out, w, b, f, H)\n", m->name);
    print_x(m, out);
    print_w(m, out);
    print_b(m, out);
    print_f(m, out);
    print_dynamics(m, out);
    print_H(m, out);
    print_loss(m, out);
    print_training(m, out);
}

void septuple_print(struct session *session, const struct model *m, struct text *out)
{
    septuple_network(m, out);
    print_ensemble(session, m, out);
    print_step_cost(session, m, out);
    print_measurement_cost(session, m, out);
}
