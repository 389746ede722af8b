/* ensemble.c: the canonical ensemble: properness, the samples of a probe one after another, what is told where it has no
 * Gaussian, and what is left in doubt. */
#include "runtime/thermo/ensemble.h"

#include "runtime/thermo/assembly.h"
#include "runtime/thermo/probe.h"
#include "runtime/thermo/slabs.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const uint32_t slabs_of_calls =
    1u << NNT_DATA | 1u << NNT_STATE | 1u << NNT_RESULT | 1u << NNT_LINEAR | 1u << NNT_WORK;

/* ---- properness, as far as it shows without numbers ---- */

static void add_name(struct text *names, const char *shown)
{
    text_add(names, names->length ? ", '%s'" : "'%s'", shown);
}

static bool something_is_free(struct diag *diag, struct span at, const struct nnt_module *module)
{
    for (uint32_t k = 0; k < module->n_groups; k++)
        if (!(module->group[k].flags & NNT_CLAMPED)) return true;
    diag_input(diag, at, "nothing-free", "the ensemble clamps every neuron, so that none is free");
    diag_hint(diag, "clamp fewer groups: the ensemble is a distribution over the free neurons");
    return false;
}

/* Every free neuron must be in R or have a potential. */
static bool statically_proper(struct diag *diag, struct span at, const struct nnt_module *module)
{
    struct text names = {0};
    for (uint32_t k = 0; k < module->n_groups; k++)
        if (!(module->group[k].flags & (NNT_CLAMPED | NNT_ERROR | NNT_POTENTIAL)))
            add_name(&names, module->group[k].shown);
    bool proper = names.length == 0;
    if (!proper) {
        diag_input(diag, at, "improper-ensemble",
                   "the ensemble is improper: nothing holds the free neurons of %s, which have neither a local "
                   "error nor a potential",
                   names.data);
        diag_hint(diag, "give %s a potential, clamp it, or let the bulk loss count its error", names.data);
    }
    text_fini(&names);
    return proper;
}

static const struct ensemble_spec forward_state = {0};

static void tell_memory(const struct ensemble *ensemble, struct diag *diag, struct span at)
{
    const struct gaussian_model *model = ensemble ? &ensemble->model : NULL;
    if (!model || !model->by_lanczos)
        diag_machine(diag, at, "memory", "memory is short for the Gaussian of the ensemble");
    else
        diag_machine(
            diag, at, "memory",
            "memory is short: the Gaussian of %u free neurons needs %.1f MB for the blocks of A, or %.1f MB "
            "by Lanczos",
            model->n, model->bytes_of_blocks / 1e6, lanczos_bytes(model->n, model->lanczos.order) / 1e6);
}

/* The program chose Lanczos by itself. false where the module is to be differentiated, which that cannot do. */
static bool tell_outgrown(const struct ensemble *ensemble, struct diag *diag)
{
    const struct gaussian_model *model = &ensemble->model;
    if (!model->outgrown) return true;
    if (ensemble->module->entry[NNT_ENTRY_pull]) {
        diag_input(
            diag, ensemble->at, "needs-cholesky",
            "the derivatives of F need A in blocks, and over %u free neurons those would take %.1f MB, which does "
            "not fit",
            model->n, model->bytes_of_blocks / 1e6);
        diag_hint(diag, "smaller groups have smaller blocks; values alone can be had by Lanczos");
        return false;
    }
    diag_warn(
        diag, ensemble->at, "lanczos",
        "the blocks of A over %u free neurons would take %.1f MB, which does not fit: ln det A is by Lanczos, with "
        "an error",
        model->n, model->bytes_of_blocks / 1e6);
    diag_hint(diag, "evaluation gaussian(determinant: lanczos, probes: %u, order: %u) says so in the file",
              model->lanczos.probes, model->lanczos.order);
    return true;
}

struct ensemble *ensemble_new(struct diag *diag, struct span at, const struct nnt_module *module,
                              const struct ensemble_spec *spec, uint32_t batch)
{
    if (!spec) spec = &forward_state;
    if (module->real_bytes != 8 || !module->entry[NNT_ENTRY_ensemble_forward] ||
        !module->entry[NNT_ENTRY_linearise])
        BUG("an ensemble needs ensemble_forward and linearise in float64");
    if (spec->relaxed && !module->entry[NNT_ENTRY_relax]) BUG("a relaxed reference needs the entry relax");
    if (!something_is_free(diag, at, module) || !statically_proper(diag, at, module)) return NULL;
    struct ensemble *ensemble = calloc(1, sizeof *ensemble);
    if (ensemble)
        *ensemble = (struct ensemble){.module = module, .spec = *spec, .at = at, .batch = batch > 0 ? batch : 1};
    if (ensemble) ensemble->H_forward = calloc(ensemble->batch, sizeof *ensemble->H_forward);
    if (!ensemble || !ensemble->H_forward || !gaussian_init(&ensemble->model, module, spec)) {
        tell_memory(ensemble, diag, at);
        ensemble_free(ensemble);
        return NULL;
    }
    if (!tell_outgrown(ensemble, diag) ||
        !slabs_init(diag, at, module, slabs_of_calls, ensemble->batch, &ensemble->call) ||
        !derivative_new(ensemble, diag)) {
        ensemble_free(ensemble);
        return NULL;
    }
    return ensemble;
}

void ensemble_free(struct ensemble *ensemble)
{
    if (!ensemble) return;
    derivative_free(ensemble);
    gaussian_fini(&ensemble->model);
    slabs_fini(&ensemble->call, slabs_of_calls);
    text_fini(&ensemble->doubts.saddle);
    free(ensemble->H_forward);
    free(ensemble);
}

const struct nnt_module *ensemble_module(const struct ensemble *ensemble)
{
    return ensemble->module;
}

uint32_t ensemble_free_neurons(const struct ensemble *ensemble)
{
    return ensemble->model.n;
}

double ensemble_S_T(const struct ensemble *ensemble, double beta)
{
    return ensemble->model.n / 2.0 * (1 + log(2 * M_PI / beta));
}

/* ---- where a sample has no Gaussian ---- */

/* Whether a group takes part in the failing direction. */
static bool is_failing(const struct ensemble *ensemble, uint32_t group)
{
    const struct gaussian_model *model = &ensemble->model;
    if (model->column[group] == NNT_NONE) return false;
    for (uint32_t i = 0; i < ensemble->module->group[group].size; i++)
        if (fabs(model->g[model->column[group] + i]) > 1e-3) return true;
    return false;
}

/* The least V'' along the failing direction; NaN where no potential stands there. */
static double least_curvature(const struct ensemble *ensemble, const struct linear_sample *at)
{
    const struct gaussian_model *model = &ensemble->model;
    double least = NAN;
    for (uint32_t k = 0; k < ensemble->module->n_groups; k++) {
        const double *curvature = gaussian_curvature(model, at, k);
        for (uint32_t i = 0; curvature && i < ensemble->module->group[k].size; i++)
            if (fabs(model->g[model->column[k] + i]) > 1e-3) least = fmin(least, curvature[i]);
    }
    return least;
}

static void tell_cure(const struct ensemble *ensemble, struct diag *diag, const struct linear_sample *at,
                      const char *names)
{
    double least = least_curvature(ensemble, at);
    if (isnan(least))
        diag_hint(diag, "a potential on %s, or clamping it, would mend that", names);
    else if (least < 0)
        diag_hint(
            diag,
            "V'' is negative there (down to %.4g): a potential that confines, or a clamp on %s, would mend that%s",
            least, names,
            ensemble->spec.relaxed ? "" : "; at the minimum of H, reference relaxed, V'' may be another");
    else
        diag_hint(diag,
                  "only the Gaussian is singular there: V'' vanishes at this state, so that sampling would do");
}

static void add_failing(const struct ensemble *ensemble, struct text *names)
{
    for (uint32_t k = 0; k < ensemble->module->n_groups; k++)
        if (is_failing(ensemble, k)) add_name(names, ensemble->module->group[k].shown);
}

/* Where H is curved downwards there is no minimum, or descent has not got there. */
static void tell_indefinite(const struct ensemble *ensemble, struct diag *diag, const char *names, uint32_t sample)
{
    diag_input(diag, ensemble->at, "improper-ensemble",
               "the ensemble has no Gaussian at sample %u: the full Hessian of H is not positive definite along a "
               "direction of %s",
               sample + 1, names);
    if (ensemble->convergence.unrelaxed)
        diag_hint(diag,
                  "%" PRIu64 " of %" PRIu64
                  " samples did not relax in %u steps, and the full Hessian holds only at a "
                  "minimum: raise `most` of relaxation descent(tolerance, most)",
                  ensemble->convergence.unrelaxed, ensemble->convergence.relaxing, ensemble->spec.relax_most);
    else
        diag_hint(
            diag,
            "the relaxed state is a saddle point or a flat place of H: a potential that confines, or a clamp on "
            "%s, would mend that; hessian gauss_newton leaves f'' out, and may have a Gaussian",
            names);
}

static void tell_failure(const struct ensemble *ensemble, struct diag *diag, const struct linear_sample *at,
                         const struct failure *failure, uint32_t sample)
{
    struct text names = {0};
    add_failing(ensemble, &names);
    if (isfinite(failure->ratio) && names.length && ensemble->model.full) {
        tell_indefinite(ensemble, diag, names.data, sample);
    } else if (isfinite(failure->ratio) && names.length) {
        diag_input(diag, ensemble->at, "improper-ensemble",
                   "the ensemble has no Gaussian at sample %u: H does not rise along a direction of %s (pivot %.2g "
                   "of its diagonal)",
                   sample + 1, names.data, failure->ratio);
        tell_cure(ensemble, diag, at, names.data);
    } else {
        diag_input(diag, ensemble->at, "not-finite", "the ensemble's state at sample %u is not finite", sample + 1);
    }
    text_fini(&names);
}

/* ---- the samples of a probe ---- */

bool probe_load(struct ensemble *ensemble, const double *const data[], uint32_t first, uint32_t count)
{
    if (first >= count) return false;
    ensemble->call.batch = count - first < ensemble->batch ? count - first : ensemble->batch;
    for (uint32_t k = 0; k < ensemble->module->n_groups; k++) {
        const struct nnt_group *group = &ensemble->module->group[k];
        if (group->data == NNT_NONE) continue;
        size_t length = field_length(&ensemble->module->field[group->data]);
        double *to = (double *)ensemble->call.slab[NNT_DATA] +
                     field_offset(&ensemble->module->field[group->data], ensemble->call.batch);
        memcpy(to, data[k] + (size_t)first * length, (size_t)ensemble->call.batch * length * sizeof *to);
    }
    return true;
}

bool probe_run(struct ensemble *ensemble, struct diag *diag, enum nnt_entry_name entry, const char *what)
{
    const struct nnt_module *module = ensemble->module;
    if (module->entry[entry](module->self, &ensemble->call) == 0) return true;
    diag_machine(diag, ensemble->at, "entry-failed", "the ensemble's %s could not be computed", what);
    return false;
}

/* H of the call's samples at the state where they are. */
static void keep_H_forward(struct ensemble *ensemble)
{
    const struct nnt_call *call = &ensemble->call;
    const struct nnt_field *H = &ensemble->module->field[ensemble->module->H];
    memcpy(ensemble->H_forward, (const double *)call->slab[NNT_RESULT] + field_offset(H, call->batch),
           call->batch * sizeof *ensemble->H_forward);
}

static bool linearise(struct ensemble *ensemble, struct diag *diag)
{
    return probe_run(ensemble, diag, NNT_ENTRY_linearise, "linear model");
}

bool probe_reference(struct ensemble *ensemble, struct diag *diag)
{
    if (!probe_run(ensemble, diag, NNT_ENTRY_ensemble_forward, "forward state")) return false;
    convergence_add(&ensemble->convergence, ensemble->module, &ensemble->call, true, false);
    if (!linearise(ensemble, diag)) return false;
    keep_H_forward(ensemble);
    if (ensemble->spec.relaxed) {
        if (!probe_run(ensemble, diag, NNT_ENTRY_relax, "relaxed state")) return false;
        convergence_add(&ensemble->convergence, ensemble->module, &ensemble->call, false, true);
        if (!linearise(ensemble, diag)) return false;
    }
    return true;
}

static bool did_relax(const struct ensemble *ensemble, const struct linear_sample *at)
{
    const struct nnt_module *module = ensemble->module;
    return module->relax_failed == NNT_NONE ||
           at->result[field_offset(&module->field[module->relax_failed], at->batch) + at->sample] == 0;
}

/* A relaxed state without force may be a saddle point all the same, to which Gauss-Newton's A is blind. */
static void doubt_minimum(struct ensemble *ensemble, const struct linear_sample *at)
{
    struct failure failure;
    if (!ensemble->spec.relaxed || ensemble->model.full || !ensemble->model.bent) return;
    if (!did_relax(ensemble, at) || gaussian_is_minimum(&ensemble->model, at, &failure)) return;
    if (ensemble->doubts.saddles++ == 0) add_failing(ensemble, &ensemble->doubts.saddle);
}

/* V of a sample is what H is beside the local errors; V < 0 shows there, or as V'' < 0 where V vanishes. */
static bool has_positive_potential(const struct ensemble *ensemble, const struct linear_sample *at, double H)
{
    const double rounding = 1e-12 * (1 + fabs(H));
    double V = H - gaussian_error(&ensemble->model, at);
    for (uint32_t k = 0; k < ensemble->module->n_groups && V <= rounding; k++) {
        const double *curvature = gaussian_curvature(&ensemble->model, at, k);
        for (uint32_t i = 0; curvature && i < ensemble->module->group[k].size; i++)
            if (curvature[i] < 0) return false;
    }
    return V >= -rounding;
}

/* At the forward state the quadratic model can lie below H. */
static void doubt_H_min(struct ensemble *ensemble, const struct linear_sample *at, const struct gaussian *g)
{
    bool below = !ensemble->spec.relaxed && g->H_min < -1e-9 * (1 + fabs(g->H));
    ensemble->doubts.below += below && has_positive_potential(ensemble, at, g->H);
}

bool probe_has_factor(const struct ensemble *ensemble, struct diag *diag, const char *what)
{
    if (ensemble->model.A) return true;
    diag_input(diag, ensemble->at, "needs-cholesky", "A is needed in blocks for %s, and is not made here", what);
    diag_hint(diag, ensemble->spec.lanczos ? "determinant: cholesky, which is the default, has them"
                                           : "A has outgrown this machine's memory");
    return false;
}

struct linear_sample probe_sample(const struct ensemble *ensemble, uint32_t sample)
{
    const struct nnt_call *call = &ensemble->call;
    return (struct linear_sample){call->slab[NNT_PARAMETERS], call->slab[NNT_LINEAR], call->slab[NNT_RESULT],
                                  call->batch, sample};
}

bool probe_evaluate(struct ensemble *ensemble, struct diag *diag, uint32_t first, uint32_t b, double beta,
                    struct gaussian *out)
{
    struct linear_sample at = probe_sample(ensemble, b);
    struct failure failure = {0};
    out->H_forward = ensemble->H_forward[b];
    ensemble->model.number = first + b;
    bool proper = gaussian_evaluate(&ensemble->model, &at, beta, out, &failure);
    if (proper && isfinite(out->F)) return true;
    if (proper) failure.ratio = NAN;
    tell_failure(ensemble, diag, &at, &failure, first + b);
    return false;
}

void probe_begin(struct ensemble *ensemble, const double *parameters)
{
    ensemble->call.slab[NNT_PARAMETERS] = (void *)parameters; /* the entries of an ensemble only read them */
    ensemble->model.factored = false;
    ensemble->convergence = (struct convergence){0};
}

void probe_end(struct ensemble *ensemble, uint32_t count)
{
    ensemble->doubts.samples += count;
    convergence_merge(&ensemble->doubts.convergence, &ensemble->convergence);
}

static bool evaluate_batch(struct ensemble *ensemble, struct diag *diag, uint32_t first, double beta,
                           struct gaussian out[])
{
    for (uint32_t b = 0; b < ensemble->call.batch; b++) {
        struct linear_sample at = probe_sample(ensemble, b);
        if (!probe_evaluate(ensemble, diag, first, b, beta, &out[b])) return false;
        doubt_H_min(ensemble, &at, &out[b]);
        doubt_minimum(ensemble, &at);
    }
    return true;
}

bool ensemble_evaluate(struct ensemble *ensemble, struct diag *diag, const double *parameters,
                       const double *const data[], uint32_t count, double beta, struct gaussian out[])
{
    bool good = true;
    probe_begin(ensemble, parameters);
    for (uint32_t first = 0; good && probe_load(ensemble, data, first, count); first += ensemble->call.batch)
        good = probe_reference(ensemble, diag) && evaluate_batch(ensemble, diag, first, beta, out + first);
    probe_end(ensemble, count);
    return good;
}

static bool spectrum_of_batch(struct ensemble *ensemble, struct diag *diag, uint32_t first, double *room,
                              double *out)
{
    for (uint32_t b = 0; b < ensemble->call.batch; b++) {
        struct linear_sample at = probe_sample(ensemble, b);
        if (assembly_eigenvalues(&ensemble->model, &at, room, out + (size_t)b * ensemble->model.n)) continue;
        diag_input(diag, ensemble->at, "not-finite", "the eigenvalues of A at sample %u cannot be had",
                   first + b + 1);
        return false;
    }
    return true;
}

bool ensemble_spectrum_room(const struct ensemble *ensemble, size_t *out_numbers)
{
    return assembly_room(&ensemble->model, out_numbers);
}

bool ensemble_spectrum(struct ensemble *ensemble, struct diag *diag, const double *parameters,
                       const double *const data[], uint32_t count, double *room, double *out)
{
    size_t n = ensemble->model.n;
    bool good = true;
    if (!probe_has_factor(ensemble, diag, "the spectrum of A")) return false;
    probe_begin(ensemble, parameters);
    for (uint32_t first = 0; good && probe_load(ensemble, data, first, count); first += ensemble->call.batch)
        good = probe_reference(ensemble, diag) && spectrum_of_batch(ensemble, diag, first, room, out + first * n);
    return good;
}

/* ---- what is left in doubt ---- */

const struct convergence *ensemble_convergence(const struct ensemble *ensemble)
{
    return &ensemble->convergence;
}

void ensemble_warn(struct ensemble *ensemble, struct diag *diag)
{
    struct doubts *doubts = &ensemble->doubts;
    convergence_warn(&doubts->convergence, diag, ensemble->at, &ensemble->spec, "of the ensemble");
    if (doubts->saddles) {
        diag_warn(diag, ensemble->at, "no-minimum",
                  "%" PRIu64 " of %" PRIu64
                  " samples relaxed to a state that is no minimum of H: its full Hessian is "
                  "not positive definite along a direction of %s",
                  doubts->saddles, doubts->samples, doubts->saddle.data);
        diag_hint(diag,
                  "the Gaussian of Gauss-Newton does not see that: where descent begins on a symmetry of H, a "
                  "bias or initial weights off zero break it");
    }
    if (doubts->below) {
        diag_warn(diag, ensemble->at, "below-zero",
                  "H_min is negative at %" PRIu64 " of %" PRIu64
                  " samples although V >= 0 there: the quadratic model "
                  "at the forward state lies below H",
                  doubts->below, doubts->samples);
        diag_hint(diag, "reference relaxed has its model at the minimum itself");
    }
    text_fini(&doubts->saddle);
    *doubts = (struct doubts){0};
}

struct estimate ensemble_mean(const double *values, size_t stride, uint32_t count)
{
    struct estimate estimate = {0};
    double squares = 0;
    for (uint32_t i = 0; i < count; i++) estimate.mean += values[i * stride] / count;
    for (uint32_t i = 0; i < count; i++) {
        double from_mean = values[i * stride] - estimate.mean;
        squares += from_mean * from_mean;
    }
    if (count > 1) estimate.error = sqrt(squares / (count - 1.0) / count);
    return estimate;
}
