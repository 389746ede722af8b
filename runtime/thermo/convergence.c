/* convergence.c: how the samples of calls settled and relaxed: counted, and told. */
#include "runtime/thermo/convergence.h"

#include "runtime/thermo/slabs.h"

#include <inttypes.h>
#include <math.h>

/* ---- counting ---- */

/* A number of one sample; 0 where the module has no such field. */
static double number_of(const struct nnt_module *module, const struct nnt_call *call, uint32_t field,
                        uint32_t sample)
{
    const void *result = call->slab[NNT_RESULT];
    if (field == NNT_NONE) return 0;
    return real_at(result, module->real_bytes, field_offset(&module->field[field], call->batch) + sample);
}

/* A sample that settles at once shows no contraction, and one that does not settle has no error to estimate. */
static void add_settling(struct convergence *c, const struct nnt_module *module, const struct nnt_call *call,
                         uint32_t sample)
{
    double contraction = number_of(module, call, module->settle_contraction, sample);
    double error = number_of(module, call, module->settle_error, sample);
    bool failed = number_of(module, call, module->settle_failed, sample) != 0;
    c->settling++;
    c->unsettled += failed;
    c->ticks += number_of(module, call, module->settle_ticks, sample);
    if (isfinite(contraction)) c->contraction += contraction;
    c->contracting += isfinite(contraction) != 0;
    if (!failed && isfinite(error) && error > c->error) c->error = error;
}

static void add_relaxing(struct convergence *c, const struct nnt_module *module, const struct nnt_call *call,
                         uint32_t sample)
{
    c->relaxing++;
    c->unrelaxed += number_of(module, call, module->relax_failed, sample) != 0;
    c->steps += number_of(module, call, module->relax_steps, sample);
}

void convergence_add(struct convergence *c, const struct nnt_module *module, const struct nnt_call *call,
                     bool settled, bool relaxed)
{
    for (uint32_t b = 0; b < call->batch; b++) {
        if (settled && module->settle_failed != NNT_NONE) add_settling(c, module, call, b);
        if (relaxed && module->relax_failed != NNT_NONE) add_relaxing(c, module, call, b);
    }
}

void convergence_merge(struct convergence *c, const struct convergence *more)
{
    c->settling += more->settling;
    c->unsettled += more->unsettled;
    c->relaxing += more->relaxing;
    c->unrelaxed += more->unrelaxed;
    c->contracting += more->contracting;
    c->ticks += more->ticks;
    c->contraction += more->contraction;
    c->steps += more->steps;
    if (more->error > c->error) c->error = more->error;
}

/* ---- telling ---- */

static void add_new(struct moment *moment, const char *key, double value)
{
    if (!moment_find(moment, key)) moment_add(moment, key, value);
}

void convergence_report(const struct convergence *c, bool asked, struct moment *moment)
{
    if (c->settling && asked) {
        add_new(moment, "dynamics.ticks", c->ticks / (double)c->settling);
        if (c->contracting) add_new(moment, "dynamics.contraction", c->contraction / (double)c->contracting);
        add_new(moment, "dynamics.error", c->error);
    }
    if (c->settling && (asked || c->unsettled)) add_new(moment, "dynamics.unconverged", (double)c->unsettled);
    if (c->relaxing && asked) add_new(moment, "relaxation.steps", c->steps / (double)c->relaxing);
    if (c->relaxing && (asked || c->unrelaxed)) add_new(moment, "relaxation.unconverged", (double)c->unrelaxed);
}

static void warn_unsettled(const struct convergence *c, struct diag *diag, struct span at, const char *where)
{
    diag_warn(diag, at, "not-settled",
              "%" PRIu64 " of %" PRIu64
              " samples %s did not settle, after %.4g ticks in the mean: their states are "
              "those of the last tick",
              c->unsettled, c->settling, where, c->ticks / (double)c->settling);
    if (c->contracting && c->contraction < (double)c->contracting)
        diag_hint(
            diag,
            "the observed contraction is %.6g: raise `most` or the tolerance of dynamics settle(…); the nearer to "
            "1, the more ticks",
            c->contraction / (double)c->contracting);
    else
        diag_hint(diag,
                  "the map does not contract, so that more ticks will not help: begin with smaller weights, or "
                  "run dynamics ticks(n)");
}

static void warn_unrelaxed(const struct convergence *c, struct diag *diag, struct span at,
                           const struct ensemble_spec *spec, const char *where)
{
    diag_warn(
        diag, at, "not-relaxed",
        "%" PRIu64 " of %" PRIu64 " samples %s did not relax to max |dH/dx| <= %g in %u steps (%.4g in the mean)",
        c->unrelaxed, c->relaxing, where, spec->relax_tolerance, spec->relax_most, c->steps / (double)c->relaxing);
    diag_hint(diag, "try more steps or a wider tolerance: relaxation descent(tolerance: %g, most: %u)",
              10 * spec->relax_tolerance, spec->relax_most < UINT32_MAX / 10 ? 10 * spec->relax_most : UINT32_MAX);
}

void convergence_warn(const struct convergence *c, struct diag *diag, struct span at,
                      const struct ensemble_spec *spec, const char *where)
{
    if (c->unsettled) warn_unsettled(c, diag, at, where);
    if (c->unrelaxed) warn_unrelaxed(c, diag, at, spec, where);
}
