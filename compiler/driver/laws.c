/* laws.c: the ledgers' sums at the end of a run: both laws over all of training, and the shares of its intervals. */
#include "compiler/driver/laws.h"

#include <inttypes.h>
#include <math.h>

static bool asks(const struct model *model, uint32_t block, enum measure measure)
{
    return model->measure[block].asked >> measure & 1;
}

/* Without its error where that is rounding alone: C need not depend on the sample. */
static void print_value(const char *name, double value, double error, FILE *to)
{
    fprintf(to, "%s %.4g", name, value);
    if (!(error <= 1e-12 * fabs(value))) fprintf(to, " ± %.1g", error);
}

static void print_first_law(const struct ledger *ledger, FILE *to)
{
    struct ledger_totals t = ledger_totals(ledger);
    struct reduced reduced = ledger_total_reduced(ledger);
    if (!t.middles) return;
    fprintf(to, "first law: dU %.4g = ∫T dS_T %.4g + ∫T dC %.4g + W %.4g, residual %.2g\n", t.sum.dU, t.sum.heat,
            t.sum.complexity, t.sum.work, t.sum.residual);
    print_value("  reduced: dH_min", t.sum.dH_min, t.sum.dH_min_error, to);
    print_value(", ∫T dC", t.sum.complexity, t.sum.complexity_error, to);
    if (isnan(reduced.ratio))
        fputs("; their ratio is not resolved", to);
    else
        fprintf(to, "; ratio %.4g", reduced.ratio);
    if (!isnan(reduced.T_law)) fprintf(to, ", T_law %.4g", reduced.T_law);
    fputc('\n', to);
}

static void print_second_law(const struct ledger *ledger, FILE *to)
{
    struct ledger_totals t = ledger_totals(ledger);
    fprintf(to, "second law: dS %.4g", t.sum.dS);
    print_value(", dC", t.sum.dC, t.sum.dC_error, to);
    fprintf(to, "; dS <= 0 in %" PRIu64 " of %" PRIu64 " intervals, dC <= 0 in %" PRIu64 "\n", t.S_falls,
            t.intervals, t.C_falls);
}

/* A block's ledger of one interval or more, or NULL. */
static const struct ledger *kept_ledger(const struct observer *observer, uint32_t block)
{
    const struct ledger *ledger = observer_ledger(observer, block);
    return ledger && ledger_totals(ledger).intervals ? ledger : NULL;
}

void laws_print(const struct observer *observer, const struct model *model, FILE *to)
{
    uint32_t kept = 0;
    for (uint32_t b = 0; b < model->n_measures; b++) kept += kept_ledger(observer, b) != NULL;
    for (uint32_t b = 0; b < model->n_measures; b++) {
        const struct ledger *ledger = kept_ledger(observer, b);
        if (!ledger) continue;
        if (kept > 1)
            fprintf(to, "of measure block %u, on %s:\n", b + 1, model->measure[b].of_test ? "test" : "train");
        if (asks(model, b, MEASURE_first_law)) print_first_law(ledger, to);
        if (asks(model, b, MEASURE_second_law)) print_second_law(ledger, to);
    }
}

/* ---- for machines ---- */

static void add(struct text *out, const char *key, double value)
{
    char number[32];
    if (isnan(value)) return;
    text_number(value, number);
    text_add(out, "%s\"%s\": %s", out->data[out->length - 1] == '{' ? "" : ", ", key, number);
}

static void add_first_law(const struct ledger *ledger, struct text *out)
{
    struct ledger_totals t = ledger_totals(ledger);
    struct reduced reduced = ledger_total_reduced(ledger);
    text_add(out, ", \"first_law\": {");
    add(out, "intervals", (double)t.middles);
    add(out, "dU", t.sum.dU);
    add(out, "heat", t.sum.heat);
    add(out, "complexity", t.sum.complexity);
    add(out, "complexity_error", t.sum.complexity_error);
    add(out, "work", t.sum.work);
    add(out, "residual", t.sum.residual);
    add(out, "dH_min", t.sum.dH_min);
    add(out, "dH_min_error", t.sum.dH_min_error);
    add(out, "reduced_ratio", reduced.ratio);
    add(out, "T_law", reduced.T_law);
    text_add(out, "}");
}

static void add_second_law(const struct ledger *ledger, struct text *out)
{
    struct ledger_totals t = ledger_totals(ledger);
    text_add(out, ", \"second_law\": {");
    add(out, "dS", t.sum.dS);
    add(out, "dC", t.sum.dC);
    add(out, "dC_error", t.sum.dC_error);
    add(out, "share_dS_down", (double)t.S_falls / (double)t.intervals);
    add(out, "share_dC_down", (double)t.C_falls / (double)t.intervals);
    text_add(out, "}");
}

static void add_block(const struct observer *observer, const struct model *model, uint32_t block, struct text *out)
{
    const struct ledger *ledger = observer_ledger(observer, block);
    text_add(out, "{\"block\": %u, \"split\": \"%s\", \"intervals\": %" PRIu64, block + 1,
             model->measure[block].of_test ? "test" : "train", ledger_totals(ledger).intervals);
    if (asks(model, block, MEASURE_first_law)) add_first_law(ledger, out);
    if (asks(model, block, MEASURE_second_law)) add_second_law(ledger, out);
    text_add(out, "}");
}

void laws_json(const struct observer *observer, const struct model *model, struct text *out)
{
    bool begun = false;
    for (uint32_t b = 0; b < model->n_measures; b++) {
        if (!kept_ledger(observer, b)) continue;
        text_add(out, begun ? ", " : "\"laws\": [");
        add_block(observer, model, b, out);
        begun = true;
    }
    if (begun) text_add(out, "]");
}
