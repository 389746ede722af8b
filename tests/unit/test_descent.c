/* test_descent.c: training on F: a step goes along its gradient, beside those of the losses, and stops where F has no bottom. */
#include "runtime/train/train.h"

#include "runtime/thermo/ensemble.h"
#include "runtime/thermo/slabs.h"
#include "tests/engine/engine.h"
#include "tests/unit/checked.h"

#include <math.h>

static const struct span nowhere = {0};
enum { TRAINS = 1u << NNT_ENTRY_descend | 1u << NNT_ENTRY_loss | 1u << NNT_ENTRY_gradient };

#define NET                                                                                                        \
    "network net {\n neurons x[2], h[3], y[2]\n input x\n output y\n weights x -> h -> y\n biases h\n"             \
    " weights h -> h init constant(0.1) hollow\n dynamics ticks(4)\n"                                              \
    " activation h = tanh(z)\n activation y = z\n loss boundary = squared_error(y, target)\n}\n"                   \
    "data { train teacher(count: 6, inputs: 2, hidden: 2, outputs: 2) }\nmeasure { F }\n"

struct bench {
    struct checked checked;
    struct data *data;
    struct nnt_module *module, *wide;
    struct trainer *trainer;
};

static void open_bench(struct bench *b, const char *text, uint32_t real_bytes)
{
    const uint32_t ensemble =
        1u << NNT_ENTRY_ensemble_forward | 1u << NNT_ENTRY_linearise | 1u << NNT_ENTRY_relax | 1u << NNT_ENTRY_pull;
    *b = (struct bench){.checked = check_text(text)};
    struct diag *diag = b->checked.diag;
    struct model *model = b->checked.model;
    if (!model) print_error("%s", b->checked.printed);
    assert_non_null(model);
    b->data = data_open(diag, &model->data, real_bytes, 1 << 20);
    assert_non_null(b->data);
    b->module = engine_module(diag, b->checked.arena, model, "interp", real_bytes, TRAINS);
    b->wide = engine_module(diag, b->checked.arena, model, "interp", 8, ensemble);
    assert_true(b->module && b->wide);
    b->trainer = trainer_new(diag, b->module, b->data, &model->train);
    assert_non_null(b->trainer);
    assert_true(trainer_minimise_F(b->trainer, diag, model->free_energy_at, b->wide, &model->ensemble));
}

static void close_bench(struct bench *b)
{
    trainer_free(b->trainer);
    data_free(b->data);
    engine_release(b->module);
    engine_release(b->wide);
    release(&b->checked);
}

static double parameter_at(const struct bench *b, const struct nnt_parameter *p, uint64_t i)
{
    const void *q = trainer_parameters(b->trainer);
    uint64_t at = b->module->field[p->field].offset + i;
    return b->module->real_bytes == 4 ? (double)((const float *)q)[at] : ((const double *)q)[at];
}

/* The trainables one after another. */
static uint32_t list(const struct bench *b, double out[])
{
    uint32_t n = 0;
    for (uint32_t p = 0; p < b->module->n_parameters; p++)
        for (uint64_t i = 0; i < field_length(&b->module->field[b->module->parameter[p].field]); i++)
            out[n++] = parameter_at(b, &b->module->parameter[p], i);
    return n;
}

/* One step of plain descent at rate 1: what the parameters lose. */
static uint32_t step_of(const char *minimise, uint32_t real_bytes, double out[])
{
    char text[2048];
    double after[64];
    struct bench b;
    snprintf(text, sizeof text,
             "%sensemble { temperature exponential(0.4, 0.1) }\n"
             "train { minimize %s\n optimizer sgd(rate: 1)\n batch all\n steps 10 }\n",
             NET, minimise);
    open_bench(&b, text, real_bytes);
    uint32_t n = list(&b, out);
    if (!trainer_step(b.trainer))
        trainer_tell(b.trainer, b.checked.diag), diag_print(b.checked.diag, stderr, DIAG_PLAIN), fail();
    list(&b, after);
    for (uint32_t i = 0; i < n; i++) out[i] -= after[i];
    close_bench(&b);
    return n;
}

/* The same of F by the ensemble alone, at the first weights and the first temperature. */
static void gradient_of_F(double out[])
{
    struct bench b;
    const struct combination of = {1, -0.4};
    const double *value[8] = {0};
    open_bench(&b, NET "ensemble { temperature 0.4 }\ntrain { minimize free_energy\n batch all\n steps 10 }\n", 8);
    struct ensemble *ensemble = ensemble_new(b.checked.diag, nowhere, b.wide, &b.checked.model->ensemble, 6);
    double *gradient = arena_alloc(b.checked.arena, (ensemble_trainables(ensemble) + 1) * sizeof *gradient);
    uint32_t all[] = {0, 1, 2, 3, 4, 5}, n = 0;
    for (uint32_t d = 0; d < b.data->n_groups; d++) {
        uint32_t g = module_group(b.wide, b.data->group[d].name);
        double *to = arena_alloc(b.checked.arena, 6 * b.wide->group[g].size * sizeof *to);
        data_gather(b.data, &b.data->train, d, all, 6, to);
        value[g] = to;
    }
    double *q = arena_alloc(b.checked.arena, (b.wide->size[NNT_PARAMETERS] + 1) * sizeof *q);
    for (uint32_t p = 0; p < b.wide->n_parameters; p++)
        for (uint64_t i = 0; i < field_length(&b.wide->field[b.wide->parameter[p].field]); i++)
            q[b.wide->field[b.wide->parameter[p].field].offset + i] = parameter_at(&b, &b.module->parameter[p], i);
    assert_true(ensemble_gradient(ensemble, b.checked.diag, q, value, 6, 1 / 0.4, 1, &of, &gradient, NULL));
    for (uint32_t p = 0; p < b.wide->n_parameters; p++)
        for (uint64_t i = 0; i < field_length(&b.wide->field[b.wide->parameter[p].field]); i++)
            out[n++] = gradient[b.wide->field[b.wide->parameter[p].gradient].offset + i];
    ensemble_free(ensemble);
    close_bench(&b);
}

static void assert_sum(uint32_t n, const double found[], const double a[], double of_a, const double b[],
                       double of_b, const double c[], double of_c, double tolerance)
{
    for (uint32_t i = 0; i < n; i++) {
        double expected = of_a * a[i] + of_b * b[i] + of_c * c[i];
        if (fabs(found[i] - expected) <= tolerance * (1 + fabs(expected))) continue;
        fail_msg("number %u: %.15g, expected %.15g", i, found[i], expected);
    }
}

/* Coefficients are those at the step's progress: 0 at the first. */
static void steps_add_up(void **state)
{
    double F[64], zero[64] = {0}, alone[64], boundary[64], bulk[64], sum[64];
    (void)state;
    gradient_of_F(F);
    uint32_t n = step_of("free_energy", 8, alone);
    assert_sum(n, alone, F, 1, zero, 0, zero, 0, 1e-12);
    step_of("0.000001 * free_energy + boundary", 8, boundary);
    step_of("0.000001 * free_energy + bulk", 8, bulk);
    for (uint32_t i = 0; i < n; i++) boundary[i] -= 1e-6 * F[i], bulk[i] -= 1e-6 * F[i];
    step_of("linear(3, 100) * free_energy", 8, sum);
    assert_sum(n, sum, F, 3, zero, 0, zero, 0, 1e-12);
    step_of("linear(2, 7) * boundary + 0.5 * free_energy", 8, sum);
    assert_sum(n, sum, F, 0.5, boundary, 2, zero, 0, 1e-11);
    step_of("free_energy / 4 + 3 * bulk", 8, sum);
    assert_sum(n, sum, F, 0.25, bulk, 3, zero, 0, 1e-11);
    step_of("0.5 * boundary + free_energy + 2 * bulk", 8, sum);
    assert_sum(n, sum, F, 1, boundary, 0.5, bulk, 2, 1e-11);
    step_of("free_energy + 0.5 * boundary", 4, sum);
    assert_sum(n, sum, F, 1, boundary, 0.5, zero, 0, 1e-5);
}

/* F falls, and its running mean is told. */
static void F_falls(void **state)
{
    struct bench b;
    struct moment first = {0}, last = {0};
    (void)state;
    open_bench(&b,
               NET
               "ensemble { temperature 0.1 }\ntrain { minimize free_energy\n optimizer sgd(rate: 0.05)\n batch 2\n"
               " epochs 40 }\n",
               4);
    for (int k = 0; k < 120; k++) {
        assert_true(trainer_step(b.trainer));
        if (k != 2) continue;
        trainer_running(b.trainer, 1u << MEASURE_loss, &first);
        trainer_clear_loss(b.trainer);
    }
    trainer_running(b.trainer, 1u << MEASURE_loss, &last);
    assert_null(moment_find(&first, "loss.boundary"));
    assert_true(moment_find(&last, "loss.free_energy")->value <
                moment_find(&first, "loss.free_energy")->value - 0.01);
    assert_true(trainer_state(b.trainer).loss == moment_find(&last, "loss.free_energy")->value);
    close_bench(&b);
}

#define LOOP(extra)                                                                                                \
    "network net {\n neurons s\n weights s -> s init constant(0.5)\n activation s = z\n dynamics ticks(3)\n" extra \
    "}\nensemble { clamp none }\ntrain { minimize free_energy\n optimizer sgd(rate: 0.02)\n steps 200 }\nmeasure " \
    "{ F }\n"

/* F = T ln|1 - a| + …: it ends with a message and the weights before the leap; a potential that confines holds it. */
static void criticality_stops(void **state)
{
    struct bench b;
    char says[2048] = "";
    int steps = 0;
    (void)state;
    open_bench(&b, LOOP(""), 8);
    while (steps < 200 && trainer_step(b.trainer)) steps++;
    assert_in_range(steps, 3, 20);
    assert_int_equal(trainer_state(b.trainer).step, steps);
    double a = parameter_at(&b, &b.module->parameter[0], 0);
    assert_true(a > 0.7 && a < 1);
    trainer_tell(b.trainer, b.checked.diag);
    FILE *to = fmemopen(says, sizeof says, "w");
    diag_print(b.checked.diag, to, DIAG_PLAIN);
    fclose(to);
    assert_non_null(strstr(says, "[unbounded]"));
    assert_non_null(strstr(says, "weight.s.s"));
    assert_non_null(strstr(says, "a potential that confines"));
    close_bench(&b);
    open_bench(&b, LOOP(" potential s = 0.1 * s^2\n"), 8);
    for (int k = 0; k < 200; k++) assert_true(trainer_step(b.trainer));
    assert_true(fabs(parameter_at(&b, &b.module->parameter[0], 0) - 1) < 1e-6);
    close_bench(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(steps_add_up), cmocka_unit_test(F_falls),
                                       cmocka_unit_test(criticality_stops)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
