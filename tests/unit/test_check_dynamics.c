/* test_check_dynamics.c: recurrent networks, sequences, bulk learning, relaxation: what the checker makes and refuses. */
#include "tests/unit/checked.h"

#include <math.h>

static struct group *group_named(const struct model *m, const char *name)
{
    uint32_t g = model_group(m, name);
    assert_int_not_equal(g, NNT_NONE);
    return &m->group[g];
}

static void assert_close(double found, double expected)
{
    if (!(fabs(found - expected) <= 1e-12 * (1 + fabs(expected)))) fail_msg("%.17g is not %.17g", found, expected);
}

static bool measures(const struct model *m, int which)
{
    return m->n_measures && m->measure[0].asked >> which & 1;
}

/* ---- dynamics ---- */

static struct checked recurrent(const char *dynamics, const char *more)
{
    char text[1024];
    snprintf(text, sizeof text,
             "network n { neurons x[2], h[4], y\n input x\n output y\n weights x -> h -> h -> y\n weights y -> h\n"
             "activation h, y = tanh(z)\n loss boundary = squared_error(y, target)\n%s }\n"
             "data { train idx(a: \"a\", b: \"b\") }\n%s",
             dynamics, more);
    return check_text(text);
}

static void test_dynamics(void **state)
{
    (void)state;
    struct checked c = recurrent("dynamics ticks(2 * 4)", "");
    assert_non_null(c.model);
    assert_true(c.model->dynamics.which == DYNAMICS_TICKS && c.model->dynamics.ticks == 8);
    assert_true(c.model->dynamics.at.source);
    assert_true(c.model->ensemble_proper && c.model->trains && c.model->minimizes_boundary);
    release(&c);
    c = recurrent("dynamics settle(most: 30)", "");
    assert_non_null(c.model);
    assert_true(c.model->dynamics.which == DYNAMICS_SETTLE && c.model->dynamics.ticks == 30);
    assert_close(c.model->dynamics.tolerance, 1e-6);
    /* every group stands once in the order, whatever feeds it */
    uint32_t seen = 0;
    for (uint32_t i = 0; i < c.model->n_groups; i++) seen |= 1u << c.model->order[i];
    assert_int_equal(seen, 7);
    release(&c);
    c = recurrent("dynamics settle(1e-9)", "ensemble { clamp x }\n");
    assert_non_null(c.model);
    assert_close(c.model->dynamics.tolerance, 1e-9);
    assert_int_equal(c.model->dynamics.ticks, 200);
    release(&c);
    c = recurrent("dynamics settle", "measure { dynamics }");
    assert_non_null(c.model);
    release(&c);
    c = recurrent("dynamics setle", "measure { dynamics }");
    assert_null(strstr(c.printed, "cannot-measure"));
    release(&c);
    c = recurrent("dynamics ticks(3)", "measure { dynamics }");
    assert_non_null(strstr(c.printed, "[cannot-measure]"));
    release(&c);
    c = recurrent("", "");
    assert_null(c.model);
    assert_non_null(strstr(c.printed, "[cycle]"));
    release(&c);
}

/* What nothing holds is improper, cycles or not. */
static void test_improper(void **state)
{
    (void)state;
    struct checked c = recurrent("loss bulk over y\n dynamics settle", "measure at end { C }\n");
    assert_null(c.model);
    assert_non_null(strstr(c.printed, "the free neurons of 'h' have neither a local error in R nor a potential"));
    release(&c);
    c = recurrent("loss bulk over y\n potential h = s^2\n dynamics settle", "measure at end { C }\n");
    assert_non_null(c.model);
    release(&c);
    c = recurrent("loss bulk over y\n potential h = sss^2\n dynamics settle", "measure at end { C }\n");
    assert_null(c.model);
    assert_null(strstr(c.printed, "improper"));
    release(&c);
}

/* ---- sequences ---- */

/* A network of one input and output on parity(length 6) or another source. */
static const char sequence[] =
    "network n { neurons x%s, h[4], y%s\n"
    "input x %s\n"
    "output y %s\n"
    "weights x -> h -> y\n weights h -> h\n"
    "activation h, y = tanh(z)\n dynamics ticks(%d)\n loss boundary = squared_error(y, target) }\n"
    "data { train %s\n"
    "%s }\n"
    "measure at end { loss }\n";
#define PARITY "parity(count: 9, length: 6)"
#define NPY "npy(a: \"a\", b: \"b\")"

static const struct {
    const char *x_size, *y_size, *x_tick, *y_tick;
    int ticks;
    const char *source, *bindings, *expected;
    uint32_t x_rows, y_rows, first;
} sequences[] = {
    {"", "", "each tick", "", 6, PARITY, "x = bits\n y = number(label)", "", 6, 0, 0},
    {"", "", "each tick", "", 6, PARITY, "", "", 6, 0, 0},
    {"", "", "each tick", "", 99, PARITY, "x = noisy(flip(2 * bits - 1, 0.1), 0.1)\n y = number(label)", "", 6, 0,
     0},
    {"", "", "each tick", "", 9, PARITY, "x = standardize(bits)\n y = number(label)", "", 6, 0, 0},
    {"", "", "each tick", "", 9, PARITY, "x = shuffled(mask(bits, 0.5))\n y = number(label)", "10:14 noise-inside",
     0, 0, 0},
    {"", "", "each tick", "each tick", 6, PARITY, "x = bits\n y = bits", "", 6, 6, 1},
    {"", "", "each tick", "each tick from 4", 9, PARITY, "x = bits\n y = -bits", "", 6, 6, 4},
    {"", "", "each tick", "each tick from 2 + 3", 9, PARITY, "x = bits\n y = bits", "3:8 too-few-ticks", 0, 0, 0},
    {"", "", "each tick", "", 5, PARITY, "x = bits\n y = number(label)", "2:7 too-few-ticks", 0, 0, 0},
    {"", "", "each tick", "each tick", 5, PARITY, "x = bits\n y = bits", "2:7 too-few-ticks; 3:8 too-few-ticks", 0,
     0, 0},
    {"", "", "", "", 9, PARITY, "x = bits\n y = number(label)", "10:5 needs-each-tick", 0, 0, 0},
    {"", "", "", "", 9, PARITY, "x = bits + number(label)\n y = number(label)", "10:5 needs-each-tick", 0, 0, 0},
    {"", "", "", "", 9, PARITY, "", "9:14 needs-each-tick", 0, 0, 0},
    {"", "", "", "", 9, PARITY, "x = sum(bits)\n y = number(label)", "", 0, 0, 0},
    {"[6]", "", "", "", 9, PARITY, "x = slice(bits, 1..6)\n y = number(label)", "", 0, 0, 0},
    {"", "", "each tick", "each tick", 9, PARITY, "x = bits\n y = label", "11:6 no-sequence", 0, 0, 0},
    {"", "", "each tick", "", 9, PARITY, "x = sum(bits)\n y = number(label)", "10:5 no-sequence", 0, 0, 0},
    {"", "", "each tick", "", 9, PARITY, "x = one_hot(label)\n y = number(label)", "10:5 no-sequence", 0, 0, 0},
    {"[6]", "", "each tick", "", 9, PARITY, "x = bits\n y = number(label)", "10:5 bad-shape", 0, 0, 0},
    {"[2]", "", "each tick", "", 9, "adding(9, length: 8)", "x = pairs\n y = total", "", 8, 0, 0},
    {"[2]", "", "each tick", "", 9, "adding(9, length: 10)", "", "2:7 too-few-ticks", 0, 0, 0},
    {"", "", "each tick", "", 9, "adding(9, length: 8)", "", "9:14 bad-shape", 0, 0, 0},
    /* a file tells its rows when it is opened: as many as there are updates, at most */
    {"[3]", "", "each tick", "", 9, NPY, "", "", 9, 0, 0},
    {"[3]", "", "each tick", "each tick from 3", 9, NPY, "x = standardize(a) / 2\n y = b", "", 9, 7, 3},
    {"[3]", "", "", "", 9, NPY, "", "", 0, 0, 0},
    {"[3]", "", "each tick", "", 9, NPY, "x = standardize(a, a)\n y = b", "10:5 no-sequence", 0, 0, 0},
    {"[3]", "", "each tick", "", 9, NPY, "x = one_hot(a)\n y = b", "10:5 no-sequence", 0, 0, 0},
    {"[3]", "", "each tick", "", 9, "idx(a: \"a\", b: \"b\")", "x = a\n y = b", "10:5 no-sequence", 0, 0, 0},
    {"[3]", "", "each tick", "", 9, "csv(\"a\")", "x = columns(1..3)\n y = \"b\"", "10:5 no-sequence", 0, 0, 0},
    {"", "", "each tick", "", 6, PARITY "\ntest parity(count: 3, length: 7)", "", "10:6 bad-shape", 0, 0, 0},
};

static void test_sequences(void **state)
{
    (void)state;
    bool ok = true;
    for (size_t i = 0; i < LENGTH(sequences); i++) {
        char text[1024], found[2048];
        snprintf(text, sizeof text, sequence, sequences[i].x_size, sequences[i].y_size, sequences[i].x_tick,
                 sequences[i].y_tick, sequences[i].ticks, sequences[i].source, sequences[i].bindings);
        struct checked c = check_text(text);
        list_messages(c.printed, found);
        bool right = !strcmp(found, sequences[i].expected);
        if (right && c.model) {
            const struct group *x = group_named(c.model, "x"), *y = group_named(c.model, "y");
            const struct data_group *data = c.model->data.group;
            right = x->rows == sequences[i].x_rows && y->rows == sequences[i].y_rows && x->first_tick == 0 &&
                    y->first_tick == sequences[i].first && data[0].rows == x->rows && data[1].rows == y->rows;
            if (!right) print_error("rows %u %u from %u\n", x->rows, y->rows, y->first_tick);
        }
        if (!right)
            print_error("---- expected '%s', found '%s'\n%s\n%s\n", sequences[i].expected, found, text, c.printed);
        ok = ok && right;
        release(&c);
    }
    assert_true(ok);
}

/* Without data a network can be compiled: for as many rows as there are updates. */
static void test_sequences_without_data(void **state)
{
    (void)state;
    struct checked c = check_text(
        "network n { neurons x[3], y[2]\n input x each tick\n output y each tick from 4\n weights x -> y\n"
        "activation y = z\n dynamics ticks(6)\n loss boundary = squared_error(y, target) }\n");
    assert_non_null(c.model);
    assert_true(group_named(c.model, "x")->rows == 6 && group_named(c.model, "y")->rows == 3);
    assert_true(c.model->data.n_groups == 2 && c.model->data.group[1].rows == 3);
    release(&c);
}

/* A term is a mean over the rows of what it reads. */
static void test_mixed_rows(void **state)
{
    (void)state;
    static const char *const losses[][2] = {
        {"squared_error(y, target(y)) + squared_error(v, target(v)) + squared_error(u, target(u))", ""},
        {"squared_error(y, target(u))", "7:18 mixed-rows"},
        {"squared_error(v, target(v)) + squared_error(y, 2 * v)", "7:18 mixed-rows"},
        {"squared_error(v, target(u))", "7:18 mixed-rows"},
        {"squared_error(y, prediction(w))", ""},
    };
    char text[1024];
    bool ok = true;
    for (size_t i = 0; i < LENGTH(losses); i++) {
        snprintf(text, sizeof text,
                 "network n { neurons x, y, w, v, u\n input x each tick\n output y, w each tick\n"
                 "output v each tick from 2\n output u\n weights x -> y -> w -> v -> u\n loss boundary = %s\n"
                 "activation y, w, v, u = tanh(z)\n dynamics ticks(7) }\n"
                 "data { train parity(9, 6)\n x = bits\n y = bits\n w = bits\n v = bits\n u = number(label) "
                 "}\nmeasure { loss }\n",
                 losses[i][0]);
        ok = says(text, losses[i][1], NULL, 0) && ok;
    }
    assert_true(ok);
}

/* ---- what is minimised ---- */

static struct checked bulk(const char *network, const char *more)
{
    char text[1024];
    snprintf(text, sizeof text,
             "network n { neurons x[2], h[3], y\n input x\n output y\n weights x -> h -> y\n activation h, y = z\n"
             "%s }\ndata { train idx(a: \"a\", b: \"b\") }\n%s",
             network, more);
    return check_text(text);
}

static void test_minimize_bulk(void **state)
{
    (void)state;
    struct checked c = bulk("", "train { minimize bulk }");
    assert_non_null(c.model);
    assert_true(c.model->trains && c.model->minimizes_bulk && !c.model->minimizes_boundary && !c.model->loss);
    assert_true(!c.model->train.bulk && !c.model->train.boundary);
    assert_true(measures(c.model, MEASURE_U) && measures(c.model, MEASURE_loss));
    release(&c);
    c = bulk("loss boundary = squared_error(y, target)",
             "train { minimize linear(1, 3) * (boundary + bulk / 4) + bulk }");
    assert_non_null(c.model);
    assert_true(c.model->trains && c.model->minimizes_bulk && c.model->minimizes_boundary);
    assert_close(expr_at_progress(c.model->train.boundary, 0.5), 2);
    assert_close(expr_at_progress(c.model->train.bulk, 0.5), 2.0 / 4 + 1);
    release(&c);
    c = bulk("", "");
    assert_non_null(c.model);
    assert_true(!c.model->trains && !c.model->minimizes_bulk && !c.model->minimizes_boundary);
    release(&c);
    c = bulk("loss boundary = squared_error(y, target)", "train { minimize bulk }");
    assert_non_null(c.model);
    assert_true(c.model->minimizes_bulk && !c.model->minimizes_boundary);
    release(&c);
}

/* A loss that is not there, and what is no message of its own behind another. */
static void test_no_loss(void **state)
{
    (void)state;
    static const struct {
        const char *text, *expected;
    } wrong[] = {
        {"network n { neurons x[2], k[0][2]\n input x\n loss bulk over k }\ntrain { minimize bulk }",
         "4:18 no-loss"},
        {"network n { neurons x[2], k[0][2]\n input x\n loss bulk over k\n biases x\n activation x = z\n"
         "potential x = s^2 }\ntrain { minimize bulk }",
         "7:18 no-loss"},
        {"network n { neurons x[2], k[0][2]\n input x\n loss bulk over k\n biases x\n activation x = z\n"
         "potential x = s^2 }\nensemble { clamp none }\ntrain { minimize bulk }",
         "?1:9 left-out"},
        {"network n { neurons x[2], y\n input x\n loss bulk over yy\n weights x -> y\n activation y = z }\n"
         "train { minimize bulk }",
         "3:17 unknown-name"},
        {"network n { neurons x[2], y\n input x\n weights x -> y\n activation y = z }\n"
         "train { minimize bulk + boundary }",
         "5:25 no-loss"},
        {"network n { neurons x[2], y\n input x\n weights x -> y frozen\n activation y = z }\n"
         "train { minimize bulk }",
         "5:1 nothing-to-train"},
    };
    bool ok = true;
    for (size_t i = 0; i < LENGTH(wrong); i++) ok = says(wrong[i].text, wrong[i].expected, NULL, 0) && ok;
    assert_true(ok);
}

/* The local rule alone: every neuron clamped. No ensemble then, by default with a note and on demand not at all. */
static void test_nothing_free(void **state)
{
    (void)state;
    static const char associative[] =
        "network n { neurons x[2], y[2]\n input x\n output y\n weights x -> y\n weights y -> y hollow\n"
        "activation y = tanh(z)\n dynamics settle\n loss boundary = squared_error(y, target) }\n"
        "data { train idx(a: \"a\", b: \"b\") }\ntrain { minimize bulk }\n";
    char text[1024];
    struct checked c = check_text(associative);
    assert_non_null(c.model);
    assert_non_null(strstr(c.printed, "[left-out]"));
    assert_true(c.model->minimizes_bulk && !c.model->ensemble_proper);
    assert_true(measures(c.model, MEASURE_loss) && !measures(c.model, MEASURE_U));
    release(&c);
    snprintf(text, sizeof text, "%smeasure { loss, dynamics }\n", associative);
    assert_true(says(text, "", NULL, 0));
    snprintf(text, sizeof text, "%smeasure { C }\n", associative);
    assert_true(says(text, "11:11 nothing-free", NULL, 0));
    snprintf(text, sizeof text, "%sensemble { relaxation descent }\nmeasure { loss }\n", associative);
    assert_true(says(text, "?11:23 no-effect", NULL, 0));
}

/* ---- the ensemble ---- */

static void test_relaxation(void **state)
{
    (void)state;
    struct checked c = bulk("", "");
    assert_non_null(c.model);
    const struct ensemble_spec *e = &c.model->ensemble;
    assert_true(!e->relaxed && !e->full && e->relax_most == 200);
    assert_close(e->relax_tolerance, 1e-6);
    release(&c);
    c = bulk("", "ensemble { hessian full\n reference relaxed\n relaxation descent(tolerance: 1e-4, most: 50) }");
    assert_non_null(c.model);
    e = &c.model->ensemble;
    assert_true(e->relaxed && e->full && e->relax_most == 50);
    assert_close(e->relax_tolerance, 1e-4);
    assert_close(expr_at_progress(e->temperature, 0.5), 1);
    release(&c);
    c = bulk("", "ensemble { reference forward\n hessian gauss_newton }");
    assert_non_null(c.model);
    assert_true(!c.model->ensemble.relaxed && !c.model->ensemble.full);
    assert_true(!c.model->ensemble.lanczos && c.model->ensemble.probes == 32 && c.model->ensemble.order == 64);
    release(&c);
    c = bulk("", "ensemble { evaluation gaussian(determinant: lanczos, order: 9) }");
    assert_non_null(c.model);
    assert_true(c.model->ensemble.lanczos && c.model->ensemble.probes == 32 && c.model->ensemble.order == 9);
    release(&c);
}

/* ---- the dump ---- */

static void test_dump(void **state)
{
    (void)state;
    struct text out = {0};
    struct checked c = check_text("network n { neurons x, y\n input x each tick\n output y each tick from 3\n"
                                  "weights x -> y\n activation y = z\n dynamics ticks(8) }\n"
                                  "data { train parity(9, 6)\n x = bits\n y = bits }\n"
                                  "ensemble { reference relaxed\n relaxation descent(0.25, 7) }\n"
                                  "train { minimize 2 * bulk }\n");
    assert_non_null(c.model);
    model_dump(c.model, &out);
    assert_non_null(strstr(out.data, "group x 1 input clamped rows 6\n"));
    assert_non_null(strstr(out.data, " rows 6 from 3 activation z\n"));
    assert_non_null(strstr(out.data, "\ndynamics ticks 8\n"));
    assert_non_null(
        strstr(out.data, " reference relaxed hessian gauss_newton relaxation 0.25 most 7 no ensemble\n"));
    assert_non_null(strstr(out.data, "\nminimize bulk * 2\n"));
    release(&c);
    text_fini(&out);
    c = check_text("network n { neurons x[2], y\n input x\n output y\n weights x -> y\n activation y = z\n"
                   "dynamics settle(0.5, 9)\n loss boundary = squared_error(y, target) }\n"
                   "data { train csv(\"t.csv\")\n x = columns(\"a\", 3..4)\n y = \"b\" }\n");
    assert_non_null(c.model);
    model_dump(c.model, &out);
    assert_non_null(strstr(out.data, "\ndynamics settle tolerance 0.5 most 9\n"));
    assert_non_null(strstr(out.data, "train csv file \"t.csv\" 44 1 0"));
    assert_non_null(strstr(out.data, "derived[0] columns \"a\" 3..4\n"));
    assert_non_null(strstr(out.data, "\nminimize boundary\n"));
    release(&c);
    text_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dynamics),   cmocka_unit_test(test_improper),
        cmocka_unit_test(test_sequences),  cmocka_unit_test(test_sequences_without_data),
        cmocka_unit_test(test_mixed_rows), cmocka_unit_test(test_minimize_bulk),
        cmocka_unit_test(test_no_loss),    cmocka_unit_test(test_nothing_free),
        cmocka_unit_test(test_relaxation), cmocka_unit_test(test_dump),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
