/* test_model.c: the models that the checker makes: facts, values of formulas, params set from outside. */
#include "tests/unit/checked.h"

#include <math.h>

/* ---- models ---- */

static const struct group *group_named(const struct model *m, const char *name)
{
    uint32_t g = model_group(m, name);
    assert_int_not_equal(g, NNT_NONE);
    return &m->group[g];
}

static const struct parameter *parameter_named(const struct model *m, const char *name)
{
    for (uint32_t i = 0; i < m->n_parameters; i++)
        if (!strcmp(m->parameter[i].name, name)) return &m->parameter[i];
    fail_msg("no parameter %s", name);
    return NULL;
}

static void assert_close(double found, double expected)
{
    if (!(fabs(found - expected) <= 1e-12 * (1 + fabs(expected)))) fail_msg("%.17g is not %.17g", found, expected);
}

static void test_xor(void **state)
{
    (void)state;
    struct checked c = good_model(
        "network net { neurons x[2], h[4], y\n input x\n output y\n weights x -> h -> y\n biases h, y\n"
        "activation h = tanh(z)\n activation y = logistic(z)\n"
        "loss boundary = binary_cross_entropy(y, target) }\ndata { train xor() }\ntrain { epochs 2000 }\n");
    const struct model *m = c.model;
    assert_string_equal(m->name, "net");
    assert_int_equal(m->n_groups, 3);
    assert_int_equal(m->n_blocks, 2);
    assert_int_equal(m->n_parameters, 4);
    assert_int_equal(model_trainables(m), 2 * 4 + 4 + 4 + 1);
    assert_string_equal(m->parameter[0].name, "weight.x.h");
    assert_string_equal(m->parameter[3].name, "bias.y");
    const struct parameter *w = &m->parameter[0];
    assert_true(w->rows == 4 && w->columns == 2 && w->fan_in == 2 && w->fan_out == 4 && w->is_weight && !w->frozen);
    assert_int_equal(w->initialiser, NNT_INIT_glorot_uniform);
    assert_true(m->parameter[2].fan_in == 2 && m->parameter[2].fan_out == 1 &&
                m->parameter[2].initialiser == NNT_INIT_zeros);
    const struct group *x = group_named(m, "x"), *h = group_named(m, "h"), *y = group_named(m, "y");
    assert_true(x->input && x->clamped && !x->in_R && !x->predicted && !x->activation && x->bias == NNT_NONE);
    assert_true(!h->clamped && h->in_R && h->driven && h->predicted && h->bias == 2 && !h->group_map &&
                h->activation->width == 4);
    assert_true(y->output && y->clamped && y->in_R && y->size == 1 && y->activation->width == 1);
    assert_true(m->order[0] == 0 && m->order[1] == 1 && m->order[2] == 2);
    assert_true(m->trains && m->ensemble_proper && !m->asks_ensemble);
    assert_true(m->n_terms == 1 && m->term[0].group == 2 && m->term[0].value == m->loss && m->loss->width == 0);
    assert_true(m->train.batch == 32 && m->train.epochs == 2000 && m->train.steps == 0 && m->train.shuffle &&
                m->train.seed == 1);
    assert_int_equal(m->optimizer.which, OPTIMIZER_adam);
    assert_close(expr_at_progress(m->train.rate, 0.5), 0.001);
    assert_true(m->data.present && m->data.train.which == SOURCE_xor && m->data.n_fields == 2 &&
                m->data.n_bindings == 0);
    assert_int_equal(m->n_measures, 1);
    const struct measure_spec *spec = &m->measure[0];
    uint32_t asked = 1u << MEASURE_loss | 1u << MEASURE_accuracy | 1u << MEASURE_U | 1u << MEASURE_F |
                     1u << MEASURE_S | 1u << MEASURE_S_T | 1u << MEASURE_C;
    assert_true(spec->when == WHEN_EPOCHS && spec->every == 1 && spec->probe == 512 && !spec->of_test &&
                spec->asked == asked);
    release(&c);
}

#define RESIDUAL                                                                                                   \
    "network r { neurons x[3, 2], h[depth][4], y[2]\n input x\n output y\n weights %s init orthogonal\n"           \
    "weights h[i] -> h[i + 2] init identity(1) frozen for i in 1 .. depth - 2\n biases h, y\n"                     \
    "activation h[i] = tanh(z / sqrt(i)) for i in 1 .. depth\n activation y = softmax(z)\n"                        \
    "loss boundary = cross_entropy(y, target) }\n"                                                                 \
    "data { train idx(image: \"a\", label: \"b\") }\n"

static struct checked residual(const char *chain, const char *depth)
{
    char text[2048];
    struct setting setting = {"depth", depth};
    snprintf(text, sizeof text, "param depth = 1\n" RESIDUAL, chain);
    struct checked c = check_path("t.nnt", text, &setting, 1);
    if (!c.model) print_error("%s", c.printed);
    assert_non_null(c.model);
    return c;
}

static void test_arrays(void **state)
{
    (void)state;
    struct checked c = residual("x -> h -> y", "4");
    const struct model *m = c.model;
    assert_int_equal(m->n_groups, 6);
    assert_int_equal(m->n_blocks, 5 + 2);
    assert_int_equal(model_trainables(m), 6 * 4 + 3 * 16 + 8 + 4 * 4 + 2);
    const struct group *h2 = group_named(m, "h.2");
    assert_string_equal(h2->shown, "h[2]");
    assert_ptr_equal(h2, group_named(m, "h[2]"));
    assert_true(m->group[0].rank == 2 && m->group[0].extent[0] == 3 && m->group[0].extent[1] == 2 &&
                m->group[0].size == 6);
    assert_true(parameter_named(m, "weight.h.1.h.3")->frozen);
    assert_int_equal(parameter_named(m, "weight.h.1.h.3")->initialiser, NNT_INIT_identity);
    assert_close(parameter_named(m, "weight.h.2.h.4")->argument[0], 1);
    assert_int_equal(parameter_named(m, "bias.h.3")->fan_in, 8);
    assert_true(group_named(m, "y")->group_map);
    release(&c);
    c = residual("x -> h -> y", "0"); /* the chain passes over it */
    assert_int_equal(c.model->n_groups, 2);
    assert_int_equal(c.model->n_blocks, 1);
    assert_int_equal(model_trainables(c.model), 6 * 2 + 2);
    release(&c);
}

/* An order in which each group comes after those that feed it, whatever the order of the file. */
static void test_order(void **state)
{
    (void)state;
    struct checked c = good_model(
        "network n { neurons y, k[2], h[3], x[2], b\n input x\n output y\n weights h -> k -> y\n weights x -> h\n"
        "weights x -> y\n weights b -> k\n biases b\n weights k -> x\n biases x\n"
        "activation b, h, k, x, y = tanh(z)\n"
        "loss boundary = squared_error(prediction(x), x) + squared_error(prediction(y), target) }\n"
        "data { train idx(a: \"a\", b: \"b\") }\n");
    const struct model *m = c.model;
    uint32_t place[5];
    for (uint32_t i = 0; i < 5; i++) place[m->order[i]] = i;
    for (uint32_t i = 0; i < m->n_blocks; i++)
        assert_true(m->group[m->block[i].to].input || place[m->block[i].from] < place[m->block[i].to]);
    const struct group *x = group_named(m, "x"), *b = group_named(m, "b");
    assert_true(x->driven && x->predicted && !x->in_R && x->activation);
    assert_true(!b->driven && b->predicted && b->in_R);
    assert_true(m->n_terms == 2 && m->term[0].group == NNT_NONE && m->term[1].group == 0);
    assert_true(expr_mentions(m->loss, VAR_PREDICTION) && !expr_mentions(m->loss, VAR_STATE_Z));
    release(&c);
}

/* ---- losses, activations, schedules: values against formulas written here ---- */

struct point {
    double y[3], t[3], z[3];
};

static const double *point_value(void *with, const struct expr *variable)
{
    const struct point *p = with;
    if (variable->op == VAR_STATE || variable->op == VAR_PREDICTION) return p->y;
    return variable->op == VAR_TARGET ? p->t : p->z;
}

static double loss_value(const char *activation, const char *loss, const struct point *p, bool from_z)
{
    char text[1024];
    double value;
    struct expr_scratch scratch = {0};
    snprintf(text, sizeof text,
             "network n { neurons x[2], y[3]\n input x\n output y\n weights x -> y\n activation y = %s\n"
             "loss boundary = %s }\ndata { train idx(a: \"a\", b: \"b\") }\nmeasure at end { loss }\n",
             activation, loss);
    struct checked c = good_model(text);
    assert_int_equal(expr_mentions(c.model->loss, VAR_STATE_Z), from_z);
    assert_int_equal(expr_mentions(c.model->loss, VAR_STATE), !from_z);
    expr_value(c.model->loss, point_value, (void *)(uintptr_t)p, &scratch, &value);
    free(scratch.data);
    release(&c);
    return value;
}

static void test_losses(void **state)
{
    (void)state;
    const struct point p = {{0.2, 0.5, 0.3}, {0, 1, 0.25}, {-1, 2, 0.5}};
    assert_close(loss_value("tanh(z)", "squared_error(y, target)", &p, false), 0.5 * (0.04 + 0.25 + 0.0025));
    assert_close(loss_value("tanh(z)", "absolute_error(y, target)", &p, false), 0.2 + 0.5 + 0.05);
    assert_close(loss_value("tanh(z)", "huber(y, target, 0.2)", &p, false), 0.02 + 0.2 * (0.5 - 0.1) + 0.00125);
    assert_close(loss_value("tanh(z)", "huber(y, target)", &p, false), 0.5 * (0.04 + 0.25 + 0.0025));
    assert_close(loss_value("tanh(z)", "hinge(y, 2 * target - 1)", &p, false), 1.2 + 0.5 + 1.15);
    assert_close(loss_value("tanh(z)", "cross_entropy(y, target)", &p, false), -log(0.5) - 0.25 * log(0.3));
    assert_close(loss_value("tanh(z)", "binary_cross_entropy(y, target)", &p, false),
                 -log(0.8) - log(0.5) - 0.25 * log(0.3) - 0.75 * log(0.7));
    double lse = log(exp(-1) + exp(2) + exp(0.5));
    assert_close(loss_value("softmax(z)", "cross_entropy(y, target)", &p, true), (lse - 2) + 0.25 * (lse - 0.5));
    assert_close(loss_value("softmax(z + 0)", "cross_entropy(y, target)", &p, false), -log(0.5) - 0.25 * log(0.3));
    assert_close(loss_value("logistic(z)", "binary_cross_entropy(y, target)", &p, true),
                 log1p(exp(-1)) + log1p(exp(-2)) + log1p(exp(0.5)) - 0.125);
    assert_close(loss_value("tanh(z)", "cross_entropy(0.5 * y, target)", &p, false), -log(0.25) - 0.25 * log(0.15));
}

static double activation_value(const char *lets, const char *activation, double z)
{
    char text[1024];
    double value[3];
    struct point p = {.z = {z, 1, -2}};
    struct expr_scratch scratch = {0};
    snprintf(text, sizeof text,
             "%snetwork n { neurons x[2], y[3]\n input x\n output y\n weights x -> y\n activation y = %s }\n"
             "data { train idx(a: \"a\", b: \"b\") }\nmeasure at end { weight_norm }\n",
             lets, activation);
    struct checked c = good_model(text);
    const struct expr *f = group_named(c.model, "y")->activation;
    assert_int_equal(f->width, 3);
    expr_value(f, point_value, &p, &scratch, value);
    free(scratch.data);
    release(&c);
    return value[0];
}

static void test_activations(void **state)
{
    (void)state;
    for (double z = -2.25; z < 3; z += 0.75) {
        assert_close(activation_value("", "identity(z)", z), z);
        assert_close(activation_value("", "softsign(z)", z), z / (1 + fabs(z)));
        assert_close(activation_value("", "silu(z)", z), z / (1 + exp(-z)));
        assert_close(activation_value("", "relu(z)", z), z > 0 ? z : 0);
        assert_close(activation_value("", "leaky_relu(z)", z), z > 0 ? z : 0.01 * z);
        assert_close(activation_value("", "leaky_relu(z, slope: 0.2)", z), z > 0 ? z : 0.2 * z);
        assert_close(activation_value("", "elu(z)", z), z > 0 ? z : exp(z) - 1);
        assert_close(activation_value("", "elu(z, 2)", z), z > 0 ? z : 2 * (exp(z) - 1));
        assert_close(activation_value("", "gelu(z)", z), z * 0.5 * erfc(-z / sqrt(2)));
        assert_close(activation_value("", "gelu_tanh(z)", z),
                     z / 2 * (1 + tanh(sqrt(2 / acos(-1)) * (z + 0.044715 * z * z * z))));
        assert_close(activation_value("", "softmax(z)", z), exp(z) / (exp(z) + exp(1) + exp(-2)));
        assert_close(activation_value("", "mean(z)", z), (z - 1) / 3);
        assert_close(activation_value("", "-z^2 - 2^3^0", z), -z * z - 2);
        assert_close(
            activation_value("let norm(z) = z - mean(z)\nlet twice(a, b) = norm(a) * b\n", "twice(b: 2, a: z)", z),
            2 * (z - (z - 1) / 3));
        assert_close(activation_value("param f = sin\nlet g(a) = f(a) + 1\n", "g(z)", z), sin(z) + 1);
        assert_close(activation_value("param n = 3\n", "if n > 2 and not (n == 4) then n * z else log(-1) * z", z),
                     3 * z);
        assert_close(activation_value("", "if z >= 1 or z != z then 1 else min(z, 0)", z), z >= 1  ? 1
                                                                                           : z < 0 ? z
                                                                                                   : 0);
    }
    assert_true(isnan(activation_value("", "relu(z)", NAN)));
}

static double schedule_value(const char *schedule, double progress)
{
    char text[1024];
    snprintf(text, sizeof text,
             "network n { neurons x[2]\n input x\n weights x -> x\n activation x = z }\n"
             "train { optimizer sgd(rate: %s) }\ndata { train idx(a: \"a\") }\nmeasure at end { weight_norm }\n",
             schedule);
    struct checked c = check_text(text);
    if (!c.model) fail_msg("%s", c.printed);
    double value = expr_at_progress(c.model->train.rate, progress);
    release(&c);
    return value;
}

static void test_schedules(void **state)
{
    (void)state;
    const double pi = acos(-1);
    for (double p = 0; p <= 1; p += 0.125) {
        assert_close(schedule_value("constant(0.3)", p), 0.3);
        assert_close(schedule_value("linear(1, 0.2)", p), 1 - 0.8 * p);
        assert_close(schedule_value("exponential(1, 0.01)", p), pow(0.01, p));
        assert_close(schedule_value("cosine(0.1, 0.02)", p), 0.02 + 0.08 * (1 + cos(pi * p)) / 2);
        assert_close(schedule_value("power(2, 1, 3)", p), 2 - p * p * p);
        assert_close(schedule_value("piecewise(0: 1, 0.25: linear(0.5, 0), 0.75: 0.125)", p), p < 0.25 ? 1
                                                                                              : p < 0.75
                                                                                                  ? 0.5 - 0.5 * p
                                                                                                  : 0.125);
        assert_close(schedule_value("warmup(0.2, cosine(0.1, 0))", p),
                     p < 0.2 ? 0.1 * p / 0.2 : 0.1 * (1 + cos(pi * (p - 0.2) / 0.8)) / 2);
        assert_close(schedule_value("if progress < 0.5 then 1 else 0.04^(2 * progress - 1)", p),
                     p < 0.5 ? 1 : pow(0.04, 2 * p - 1));
    }
}

/* ---- objectives: a constant factor is carried by the optimizer's numbers ---- */

static struct checked objective(const char *train)
{
    char text[1024];
    snprintf(
        text, sizeof text,
        "network n { neurons x[2], y\n input x\n output y\n weights x -> y\n activation y = z\n"
        "loss boundary = squared_error(y, target) }\ndata { train xor() }\ntrain { %s }\nmeasure at end { loss }\n",
        train);
    return good_model(text);
}

static void test_coefficients(void **state)
{
    (void)state;
    struct checked c = objective("minimize 0.5 * (boundary + boundary) * 4\n optimizer adam(clip: 2)");
    assert_close(expr_at_progress(c.model->train.boundary, 0.3), 4);
    release(&c);
    c = objective("minimize linear(1, 2) * boundary / 2\n optimizer sgd(rate: 0.1, momentum: 0.9)");
    assert_close(expr_at_progress(c.model->train.boundary, 0.5), 0.75);
    assert_close(expr_at_progress(c.model->train.rate, 0.5), 0.1);
    release(&c);
    c = objective("minimize boundary");
    assert_null(c.model->train.boundary);
    release(&c);
}

/* ---- --set ---- */

#define PARAMS                                                                                                     \
    "param width = 4\nparam f = tanh\nparam order = true\nparam file = \"a\"\nlet double = 2 * width\n"            \
    "network n { neurons x[2], h[double], y\n input x\n output y\n weights x -> h -> y\n biases h\n activation h " \
    "= f(z)\n"                                                                                                     \
    "activation y = z\n loss boundary = squared_error(y, target) }\ndata { train idx(a: file, b: \"b\") }\n"       \
    "train { shuffle order }\n"

static void test_settings(void **state)
{
    (void)state;
    const struct setting all[] = {{"width", "8"}, {"f", "relu"}, {"order", "false"}, {"file", "some where.gz"}};
    struct checked c = check_path("t.nnt", PARAMS, all, 4);
    assert_non_null(c.model);
    assert_int_equal(group_named(c.model, "h")->size, 16);
    assert_true(expr_kinked(group_named(c.model, "h")->activation));
    assert_false(c.model->train.shuffle);
    assert_string_equal(c.model->data.train.path[0], "some where.gz");
    release(&c);
    c = check_path("t.nnt", PARAMS, NULL, 0);
    assert_int_equal(group_named(c.model, "h")->size, 8);
    assert_false(expr_kinked(group_named(c.model, "h")->activation));
    release(&c);
    static const struct {
        struct setting setting;
        const char *expected;
    } wrong[] = {
        {{"widht", "8"}, "-7 unknown-param"},  {{"width", "wide"}, "-13 wrong-kind"},
        {{"f", "tahn"}, "-9 wrong-kind"},      {{"f", "huber"}, "-9 wrong-kind"},
        {{"order", "1"}, "-13 wrong-kind"},    {{"double", "1"}, "-7 unknown-param"},
        {{"width", "2.25"}, "6:29 not-whole"}, {{"width", ""}, "-13 wrong-kind"},
    };
    for (size_t i = 0; i < LENGTH(wrong); i++) assert_true(says(PARAMS, wrong[i].expected, &wrong[i].setting, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_xor),          cmocka_unit_test(test_arrays),      cmocka_unit_test(test_order),
        cmocka_unit_test(test_losses),       cmocka_unit_test(test_activations), cmocka_unit_test(test_schedules),
        cmocka_unit_test(test_coefficients), cmocka_unit_test(test_settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
