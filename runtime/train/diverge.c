/* diverge.c: where training leaves the finite numbers: back to the last good weights, and what to say. */
#include "runtime/train/trainer.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

bool numbers_are_finite(const void *numbers, size_t bytes, uint32_t real_bytes)
{
    for (size_t at = 0; at < bytes; at += real_bytes) {
        float f = 0;
        double d = 0;
        memcpy(real_bytes == 4 ? (void *)&f : (void *)&d, (const char *)numbers + at, real_bytes);
        if (!isfinite(f) || !isfinite(d)) return false;
    }
    return true;
}

/* From the copy, the steps up to `until`, as far as the weights stay finite; the step reached. */
static uint64_t repeat(struct trainer *t, uint64_t until)
{
    size_t bytes = trainer_bytes(t, NNT_PARAMETERS);
    memcpy(t->call.slab[NNT_PARAMETERS], t->kept_parameters, bytes);
    memcpy(t->call.slab[NNT_MOMENTS], t->kept_moments, trainer_bytes(t, NNT_MOMENTS));
    for (uint64_t step = t->kept_step; step < until; step++)
        if (!trainer_run(t, step) ||
            !numbers_are_finite(t->call.slab[NNT_PARAMETERS], bytes, t->module->real_bytes))
            return step;
    return until;
}

void trainer_go_back(struct trainer *t)
{
    struct train_failure failure = t->failure;
    if (t->kept_step == UINT64_MAX) return; /* not even the first weights are finite */
    uint64_t good = repeat(t, t->step);
    if (good < t->step) (void)repeat(t, good);
    t->step = good;
    t->failure = failure;
}

static const char *towards(const struct trainer *t)
{
    const struct nnt_module *module = t->module;
    return module->field[module->parameter[t->failure.descended.towards].field].name;
}

/* A step that C does not follow: F falls without bound as det A goes to 0, and the step leaps over that place; or it is too long. */
static void tell_lost(const struct trainer *t, struct diag *diag)
{
    const struct train_failure *f = &t->failure;
    if (f->descended.confined) {
        diag_input(diag, t->F_at, "diverged",
                   "F cannot be followed down at step %" PRIu64
                   ", where F = %.5g: %s is to raise C by %.3g at once, and C does not follow",
                   f->step, f->value, towards(t), f->descended.expected);
        diag_hint(diag, "try a rate smaller than %g, clip: 1 in the optimizer, or potentials that confine more",
                  f->rate);
        return;
    }
    diag_input(diag, t->F_at, "unbounded",
               "F has no lower bound: at step %" PRIu64
               ", where F = %.5g, %s is to raise C by %.3g at once, and C does "
               "not follow: the step leaps over a place where det A = 0",
               f->step, f->value, towards(t), f->descended.expected);
}

static void tell_F(const struct trainer *t, struct diag *diag)
{
    const struct train_failure *f = &t->failure;
    const struct descended *d = &f->descended;
    if (d->lost)
        tell_lost(t, diag);
    else
        diag_input(diag, t->F_at, d->bounded ? "diverged" : "unbounded",
                   "F cannot be computed at step %" PRIu64 ": %s", f->step, d->because);
    if (d->bounded)
        diag_hint(diag, "try a rate smaller than %g, or clip: 1 in the optimizer", f->rate);
    else if (!d->lost || !d->confined)
        diag_hint(
            diag,
            "a potential that confines bounds F, as `potential GROUP = 0.05 * s^2`; a smaller rate than %g only "
            "comes closer",
            f->rate);
}

void trainer_tell(const struct trainer *t, struct diag *diag)
{
    static const struct span nowhere = {0};
    const struct train_failure *f = &t->failure;
    char sample[64] = "", value[64] = "no longer finite";
    if (!f->what) {
        diag_machine(diag, nowhere, "entry-failed", "step %" PRIu64 " could not be computed", f->step);
        return;
    }
    if (!strcmp(f->what, "F")) {
        tell_F(t, diag);
        return;
    }
    if (f->sample != NNT_NONE) snprintf(sample, sizeof sample, " at sample %u of the training data", f->sample + 1);
    if (strcmp(f->what, "weights"))
        snprintf(value, sizeof value, isfinite(f->value) ? "%g, beyond float32," : "%g", f->value);
    diag_input(diag, nowhere, "diverged", "the %s %s %s at step %" PRIu64 ", in epoch %" PRIu64 "%s", f->what,
               strcmp(f->what, "weights") ? "is" : "are", value, f->step, f->epoch, sample);
    if (f->sample == NNT_NONE && strcmp(f->what, "weights"))
        diag_hint(diag, "give a schedule that stays finite from progress 0 to 1");
    else
        diag_hint(diag, "the weights grew without bound: try a rate smaller than %g, or clip: 1 in the optimizer",
                  f->rate);
}
