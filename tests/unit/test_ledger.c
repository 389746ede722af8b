/* test_ledger.c: both laws between two measurements: their orders, their sums, what they leave out, and going on after a break. */
#include "runtime/thermo/ledger.h"

#include "tests/unit/drawn.h"

#include <math.h>

enum { SAMPLES = 9 };
/* A drawn ensemble, and where its trainables go next. */
struct bench {
    struct drawn drawn;
    double *q_next, *gradient;
    struct gaussian sample[SAMPLES];
};

static void open_seeded(struct bench *b, const char *text, double step, uint64_t seed, uint64_t direction)
{
    *b = (struct bench){.drawn = drawn_open(text, 1u << NNT_ENTRY_pull, 4, SAMPLES, seed)};
    struct arena *arena = b->drawn.checked.arena;
    size_t n = b->drawn.module->size[NNT_PARAMETERS];
    double *dq = draw(arena, n, step, seed, 100 + direction);
    b->q_next = arena_alloc(arena, (n + 1) * sizeof *b->q_next);
    for (size_t i = 0; i < n; i++) b->q_next[i] = b->drawn.q[i] + dq[i];
    b->gradient = arena_alloc(arena, (ensemble_trainables(b->drawn.ensemble) + 1) * sizeof(double));
}

static void open_bench(struct bench *b, const char *text, double step)
{
    open_seeded(b, text, step, 3, 0);
}

/* A measurement at parameters and a temperature. */
static struct instant look(struct bench *b, const double *q, double T)
{
    const struct combination F = {1, -T};
    assert_true(ensemble_gradient(b->drawn.ensemble, b->drawn.checked.diag, q, b->drawn.data, b->drawn.count, 1 / T,
                                  1, &F, &b->gradient, b->sample));
    return (struct instant){T, q, b->sample, b->gradient};
}

static bool take(struct bench *b, struct ledger *ledger, const double *q, double T, struct interval *out)
{
    struct instant now = look(b, q, T);
    bool has;
    assert_true(ledger_take(ledger, b->drawn.checked.diag, b->drawn.data, &now, out, &has));
    return has;
}

static struct interval interval_between(struct bench *b, double T, double T_next)
{
    struct ledger *ledger = ledger_new(b->drawn.checked.diag, nowhere, b->drawn.ensemble, b->drawn.count, true);
    struct interval out;
    assert_non_null(ledger);
    assert_false(take(b, ledger, b->drawn.q, T, &out));
    assert_true(take(b, ledger, b->q_next, T_next, &out));
    ledger_free(ledger);
    return out;
}

static void assert_close(double found, double expected, double tolerance)
{
    if (fabs(found - expected) <= tolerance * (1 + fabs(expected))) return;
    print_error("found %.17g, expected %.17g\n", found, expected);
    fail();
}

/* ---- one interval ---- */

#define LAYERS                                                                                                     \
    "network net {\n neurons x[2], h[3], k[3], y[2]\n input x\n output y\n weights x -> h -> k -> y\n biases h, "  \
    "k, y\n"                                                                                                       \
    " activation h = tanh(z)\n activation k = softplus(z)\n activation y = z\n}\n"
#define LOOP                                                                                                       \
    "network net {\n neurons x[2], h[3], y\n input x\n output y\n weights x -> h -> y\n weights h -> h init "      \
    "zeros\n"                                                                                                      \
    " biases h\n activation h = 0.3 * tanh(z)\n activation y = z\n potential h = 0.1 * s^4\n"                      \
    " dynamics settle(tolerance: 1e-14, most: 2000)\n}\n"
#define DATA " data { train teacher(count: 5, inputs: 2, hidden: 2, outputs: "

#define RELAXED "ensemble { reference relaxed\n relaxation descent(tolerance: 1e-13, most: 500) }\n"
#define SMALL(activation, more)                                                                                    \
    "network net {\n neurons x[2], h[3], k[3], y\n input x\n output y\n weights x -> h -> k -> y\n biases h, y\n"  \
    " activation h = " activation "\n activation k = tanh(z)\n activation y = z\n" more "}\n" DATA "1) }\n"

static const char *const smooth[] = {
    LAYERS DATA "2) }\nmeasure { F }\n",
    LAYERS DATA "2) }\n" RELAXED "measure { F }\n",
    LOOP DATA "1) }\nmeasure { F }\n",
    SMALL("softmax(z)", "") "measure { F }\n",
    SMALL("z * mean(z)", "") "measure { F }\n",
    SMALL("gelu(z)", " weights x -> k = x -> h\n") "measure { F }\n",
    SMALL("tanh(z)", " weights k -> h\n dynamics ticks(6)\n") "measure { F }\n",
    SMALL(
        "logistic(z)",
        " weights k -> h = transpose(h -> k)\n dynamics settle(tolerance: 1e-14, most: 2000)\n") "measure { F }\n",
    SMALL("silu(z)", " potential h, k = 0.05 * s^4\n") RELAXED "measure { F }\n",
    SMALL("sin(z)", " potential h = 0.3 * log_cosh(s)\n") "ensemble { clamp x }\nmeasure { F }\n",
};
enum { NETWORKS = sizeof smooth / sizeof *smooth, SEEDS = 4, STEPS = 5, DIRECTIONS = 4 };

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The root mean square of the residual over directions: one alone may change its sign on the way down. */
static double residual_of(const char *text, uint64_t seed, double step, bool moves)
{
    double squares = 0;
    for (uint64_t direction = 0; direction < DIRECTIONS; direction++) {
        struct bench b;
        open_seeded(&b, text, step, seed, direction);
        struct interval interval = interval_between(&b, 0.3, 0.3 * (1 + moves * step));
        drawn_close(&b.drawn);
        assert_close(interval.dU, interval.heat + interval.dH_min, 1e-12);
        squares += interval.residual * interval.residual / DIRECTIONS;
    }
    return sqrt(squares);
}

/* The slope of its logarithm against that of the step, from 0.1 down to where rounding begins. */
static double order_of(const char *text, uint64_t seed, bool moves)
{
    double n = 0, x_sum = 0, y_sum = 0, xx = 0, xy = 0;
    for (int k = 0; k < STEPS; k++) {
        double step = 0.1 * pow(0.6, k), residual = residual_of(text, seed, step, moves);
        if (residual < 1e-12) break;
        double x = log(step), y = log(residual);
        n++, x_sum += x, y_sum += y, xx += x * x, xy += x * y;
    }
    assert_true(n > 1);
    return (n * xy - x_sum * y_sum) / (n * xx - x_sum * x_sum);
}

/* dU is told apart without a rest, but for Simpson's: of the fifth order in the step, whether T moves or not. */
static void residual_is_of_fifth_order(void **state)
{
    double order[NETWORKS * SEEDS];
    (void)state;
    for (int moves = 0; moves < 2; moves++) {
        for (size_t i = 0; i < NETWORKS * SEEDS; i++) order[i] = order_of(smooth[i / SEEDS], 40 + i % SEEDS, moves);
        qsort(order, NETWORKS * SEEDS, sizeof *order, compare);
        double middle = order[NETWORKS * SEEDS / 2];
        print_message("T %s: order %.2f ... %.2f ... %.2f in %d networks\n", moves ? "moves" : "rests", order[0],
                      middle, order[NETWORKS * SEEDS - 1], (int)(NETWORKS * SEEDS));
        assert_true(middle >= 4.5 && order[0] >= 3.5);
    }
}

/* 1 -> 2 with weight a, V = m/2 s²: C = -1/2 ln((1 + m)² + m a²), the same for the one sample that there is. */
static void chain_has_closed_forms(void **state)
{
    static const char chain[] = "network net {\n neurons u, v\n weights u -> v\n biases u\n activation u, v = z\n"
                                " potential u, v = 0.25 * s^2\n}\nensemble { clamp none }\nmeasure at end { C }\n";
    struct bench b;
    (void)state;
    open_bench(&b, chain, 0.3);
    double a = b.drawn.q[b.drawn.module->field[b.drawn.module->parameter[0].field].offset];
    double next = b.q_next[b.drawn.module->field[b.drawn.module->parameter[0].field].offset];
    struct interval at_rest = interval_between(&b, 0.4, 0.4), cooled = interval_between(&b, 0.4, 0.1);
    double dC = -0.5 * log((2.25 + 0.5 * next * next) / (2.25 + 0.5 * a * a));
    assert_close(at_rest.dC, dC, 1e-13);
    assert_close(at_rest.dS, dC, 1e-13);
    assert_close(at_rest.complexity, 0.4 * dC, 1e-13);
    assert_close(at_rest.heat, 0, 1e-15);
    assert_true(at_rest.dC_error == 0 && at_rest.dH_min_error == 0);
    assert_close(cooled.heat, -0.3, 1e-14);
    assert_close(cooled.dS, dC + log(0.1 / 0.4), 1e-13);
    drawn_close(&b.drawn);
}

/* ---- what is withheld ---- */

static void ratio_waits_for_its_errors(void **state)
{
    struct interval interval = {
        .dH_min = 1, .dH_min_error = 0.4, .complexity = 0.5, .complexity_error = 0.2, .dC = 5};
    (void)state;
    struct reduced both = ledger_reduced(&interval, 9, 1);
    assert_true(both.ratio == 2 && both.T_law == 0.2);
    interval.dH_min_error = 0.51;
    assert_true(isnan(ledger_reduced(&interval, 9, 1).ratio) && isnan(ledger_reduced(&interval, 9, 1).T_law));
    interval.dH_min_error = 0;
    interval.complexity_error = 0.26;
    assert_true(isnan(ledger_reduced(&interval, 9, 1).ratio));
    /* One sample has no error: 1e-9 counts. */
    interval = (struct interval){.dH_min = 2e-9, .complexity = 1e-9, .dC = 1};
    assert_true(ledger_reduced(&interval, 1, 1).ratio == 2);
    interval.complexity = 0.9e-9;
    assert_true(isnan(ledger_reduced(&interval, 1, 1).ratio));
    /* What is alike in all samples up to rounding is no change. */
    interval = (struct interval){.dH_min = 1, .complexity = 1e-16, .dC = 1e-16};
    assert_true(isnan(ledger_reduced(&interval, 9, 1).ratio));
}

/* In the middle between a self-loop of 0.5 and one of 1.5 there is no Gaussian: the first law is left out and said to be. */
static void middles_may_be_missing(void **state)
{
    static const char loop[] = "network net {\n neurons s\n weights s -> s\n biases s\n activation s = z\n"
                               " dynamics ticks(3)\n}\nensemble { clamp none }\nmeasure at end { C }\n";
    struct bench b;
    struct interval interval;
    (void)state;
    open_bench(&b, loop, 0);
    uint64_t a = b.drawn.module->field[b.drawn.module->parameter[0].field].offset;
    b.drawn.q[a] = 0.5;
    b.q_next[a] = 1.5;
    struct ledger *ledger = ledger_new(b.drawn.checked.diag, nowhere, b.drawn.ensemble, b.drawn.count, true);
    assert_false(take(&b, ledger, b.drawn.q, 1, &interval));
    assert_true(take(&b, ledger, b.q_next, 1, &interval));
    assert_true(isnan(interval.work) && isnan(interval.complexity));
    assert_close(interval.dC, 0, 1e-12);
    assert_false(diag_failed(b.drawn.checked.diag));
    struct ledger_totals totals = ledger_totals(ledger);
    assert_true(totals.intervals == 1 && totals.middles == 0);
    struct diag *diag = diag_new();
    char says[1024] = "";
    ledger_warn(ledger, diag);
    FILE *to = fmemopen(says, sizeof says, "w");
    diag_print(diag, to, DIAG_PLAIN);
    fclose(to);
    assert_non_null(strstr(says, "[no-middle]"));
    diag_free(diag);
    ledger_free(ledger);
    drawn_close(&b.drawn);
}

/* ---- sums ---- */

/* A path of four measurements, T falling. */
static void walk(struct bench *b, struct ledger *ledger, uint32_t from, uint32_t to, struct interval out[])
{
    size_t n = b->drawn.module->size[NNT_PARAMETERS];
    double *q = arena_alloc(b->drawn.checked.arena, (n + 1) * sizeof *q);
    for (uint32_t k = from; k < to; k++) {
        for (size_t i = 0; i < n; i++) q[i] = b->drawn.q[i] + k * (b->q_next[i] - b->drawn.q[i]);
        (void)take(b, ledger, q, 0.5 - 0.1 * k, &out[k]);
    }
}

static void sums_are_of_the_intervals(void **state)
{
    struct bench b;
    struct interval interval[4], sum = {0};
    (void)state;
    open_bench(&b, smooth[0], 0.1);
    struct ledger *ledger = ledger_new(b.drawn.checked.diag, nowhere, b.drawn.ensemble, b.drawn.count, true);
    walk(&b, ledger, 0, 1, interval);
    struct gaussian first[SAMPLES];
    memcpy(first, b.sample, sizeof first);
    walk(&b, ledger, 1, 4, interval);
    uint32_t falls = 0;
    for (uint32_t k = 1; k < 4; k++) {
        sum.dU += interval[k].dU;
        sum.work += interval[k].work;
        sum.complexity += interval[k].complexity;
        sum.dC += interval[k].dC;
        sum.dS += interval[k].dS;
        falls += interval[k].dC <= 0;
    }
    double changes[SAMPLES];
    for (uint32_t i = 0; i < SAMPLES; i++) changes[i] = b.sample[i].C - first[i].C;
    struct estimate dC = ensemble_mean(changes, 1, SAMPLES);
    struct ledger_totals totals = ledger_totals(ledger);
    assert_int_equal(totals.intervals, 3);
    assert_int_equal(totals.middles, 3);
    assert_int_equal(totals.C_falls, falls);
    assert_close(totals.sum.dU, sum.dU, 1e-13);
    assert_close(totals.sum.work, sum.work, 1e-13);
    assert_close(totals.sum.complexity, sum.complexity, 1e-13);
    assert_close(totals.sum.dS, sum.dS, 1e-13);
    assert_close(totals.sum.dC, sum.dC, 1e-13);
    assert_close(totals.sum.dC, dC.mean, 1e-13);
    assert_close(totals.sum.dC_error, dC.error, 1e-12);
    assert_close(totals.sum.heat, -0.3 * ensemble_free_neurons(b.drawn.ensemble) / 2, 1e-13);
    ledger_free(ledger);
    drawn_close(&b.drawn);
}

/* The same bits with a break in the middle as without. */
static void goes_on_bit_for_bit(void **state)
{
    struct bench b;
    struct interval whole[4], broken[4];
    struct text kept = {0};
    size_t used;
    (void)state;
    for (int first_law = 0; first_law < 2; first_law++) {
        open_bench(&b, smooth[0], 0.1);
        struct ledger *one = ledger_new(b.drawn.checked.diag, nowhere, b.drawn.ensemble, b.drawn.count, first_law);
        struct ledger *two = ledger_new(b.drawn.checked.diag, nowhere, b.drawn.ensemble, b.drawn.count, first_law);
        struct ledger *other =
            ledger_new(b.drawn.checked.diag, nowhere, b.drawn.ensemble, b.drawn.count - 1, first_law);
        walk(&b, one, 0, 2, whole);
        kept.length = 0;
        ledger_write(one, &kept);
        walk(&b, one, 2, 4, whole);
        assert_false(ledger_read(two, kept.data, kept.length - 1, &used));
        assert_false(ledger_read(other, kept.data, kept.length, &used));
        assert_true(ledger_read(two, kept.data, kept.length, &used));
        assert_int_equal(used, kept.length);
        walk(&b, two, 2, 4, broken);
        assert_memory_equal(&whole[2], &broken[2], 2 * sizeof *whole);
        struct ledger_totals a = ledger_totals(one), c = ledger_totals(two);
        assert_memory_equal(&a, &c, sizeof a);
        ledger_free(one);
        ledger_free(two);
        ledger_free(other);
        drawn_close(&b.drawn);
    }
    text_fini(&kept);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(residual_is_of_fifth_order), cmocka_unit_test(chain_has_closed_forms),
        cmocka_unit_test(ratio_waits_for_its_errors), cmocka_unit_test(middles_may_be_missing),
        cmocka_unit_test(sums_are_of_the_intervals),  cmocka_unit_test(goes_on_bit_for_bit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
