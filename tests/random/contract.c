/* contract.c: weights of a drawn network made so small that what it iterates contracts. */
#include "tests/random/contract.h"

enum { HALVINGS = 12 };
static const double contraction = 0.6;

static void halve(struct exercise *x)
{
    const struct nnt_module *m = x->module;
    for (uint32_t p = 0; p < m->n_parameters; p++) {
        const struct nnt_field *f = &m->field[m->parameter[p].field];
        if (!m->parameter[p].is_weight) continue;
        for (uint64_t e = 0, n = exercise_size(x, f); e < n; e++) exercise_set(x, f, e, exercise_get(x, f, e) / 2);
    }
}

static double largest(const struct exercise *x, uint32_t field)
{
    double most = 0;
    for (uint32_t s = 0; s < x->call.batch; s++) {
        double value = exercise_get(x, &x->module->field[field], s);
        if (!(value <= most)) most = value;
    }
    return most;
}

static bool unsettled(const struct exercise *x)
{
    return x->module->settle_failed != NNT_NONE && largest(x, x->module->settle_failed) != 0;
}

static bool contracts(struct exercise *x)
{
    static const enum nnt_entry_name forwards[] = {NNT_ENTRY_loss, NNT_ENTRY_gradient, NNT_ENTRY_ensemble_forward};
    for (size_t i = 0; i < LENGTH(forwards); i++) {
        if (!x->module->entry[forwards[i]]) continue;
        exercise_run(x, forwards[i]);
        if (unsettled(x) || !(largest(x, x->module->settle_contraction) <= contraction)) return false;
    }
    return true;
}

static void copy_weights(struct exercise *to, const struct exercise *from)
{
    const struct nnt_module *m = to->module;
    for (uint32_t p = 0; p < m->n_parameters; p++) {
        const struct nnt_field *f = &m->field[m->parameter[p].field];
        for (uint64_t e = 0, n = exercise_size(to, f); e < n; e++) exercise_set(to, f, e, exercise_get(from, f, e));
    }
}

/* Halves them as often as `most` says at most. */
static bool try_weights(struct exercise *tried, int most)
{
    for (int i = 0;; i++, halve(tried)) {
        if (contracts(tried)) return true;
        if (i == most) return false;
    }
}

bool contract(struct exercise *x, bool ticks)
{
    if (ticks) halve(x);
    if (x->module->settle_failed == NNT_NONE) return true;
    struct exercise tried = exercise_open(x->module, x->call.batch);
    exercise_copy(&tried, x);
    bool good = try_weights(&tried, HALVINGS);
    copy_weights(x, &tried);
    exercise_close(&tried);
    return good;
}

bool still_contracts(const struct exercise *x)
{
    if (x->module->settle_failed == NNT_NONE) return true;
    struct exercise tried = exercise_open(x->module, x->call.batch);
    exercise_copy(&tried, x);
    bool good = try_weights(&tried, 0);
    exercise_close(&tried);
    return good;
}
