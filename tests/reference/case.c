/* case.c: a reference case as the text of a .nnt file. */
#include "tests/reference/case.h"

#include <string.h>

const char *case_word(const json_t *it, const char *member)
{
    const char *word = json_string_value(json_object_get(it, member));

    return word ? word : "";
}

bool case_lists(const json_t *list, const char *word)
{
    for (size_t k = 0; k < json_array_size(list); k++) {
        const char *item = json_string_value(json_array_get(list, k));

        if (item && strcmp(item, word) == 0) return true;
    }
    return false;
}

static const char *item(const json_t *list, size_t k)
{
    const char *word = json_string_value(json_array_get(list, k));

    return word ? word : "";
}

static void add_number(struct text *out, double value)
{
    char number[32];

    text_number(value, number);
    text_add(out, "%s", number);
}

static void add_list(struct text *out, const char *statement, const json_t *groups)
{
    for (size_t k = 0; k < json_array_size(groups); k++)
        text_add(out, "%s%s", k ? ", " : statement, item(groups, k));
    if (json_array_size(groups)) text_add(out, "\n");
}

/* ---- lets ---- */

static bool is_potential(const json_t *it, const char *name)
{
    const json_t *potential = json_object_get(json_object_get(it, "ensemble"), "potential");
    const char *group;
    json_t *value;

    json_object_foreach((json_t *)potential, group, value)
    {
        if (strcmp(case_word(value, "kind"), name) == 0) return true;
    }
    return false;
}

/* The potentials that the cases' README defines, for a case that does not say them itself. */
static const char *known_potential(const char *kind)
{
    static const char *const known[][2] = {{"quadratic", "k / 2 * s^2"},
                                           {"quartic", "k / 4 * s^4"},
                                           {"log_cosh", "k * (softplus(2 * s) - s - log(2))"},
                                           {"double_well", "k / 4 * (s^2 - 1)^2"}};

    for (size_t i = 0; i < LENGTH(known); i++) {
        if (strcmp(known[i][0], kind) == 0) return known[i][1];
    }
    return NULL;
}

static void add_lets(const json_t *it, struct text *out)
{
    const json_t *functions = json_object_get(it, "functions");
    const char *name;
    json_t *formula;

    json_object_foreach((json_t *)functions, name, formula)
    {
        text_add(out, "let %s(%s) = %s\n", name, is_potential(it, name) ? "s, k" : "z", json_string_value(formula));
    }
}

/* ---- the network ---- */

static void add_neurons(const json_t *it, struct text *out)
{
    const json_t *groups = json_object_get(it, "groups");

    for (size_t k = 0; k < json_array_size(groups); k++) {
        const json_t *group = json_array_get(groups, k);

        text_add(out, "%s%s[%d]", k ? ", " : "    neurons ", case_word(group, "name"),
                 (int)json_integer_value(json_object_get(group, "size")));
    }
    text_add(out, "\n");
}

/* Inputs and outputs; those of a sequence each tick. */
static void add_boundary(const json_t *it, struct text *out)
{
    const json_t *sequence = json_object_get(it, "sequence"), *from = json_object_get(sequence, "from");
    const json_t *inputs = json_object_get(it, "inputs");

    for (size_t k = 0; k < json_array_size(inputs); k++) {
        bool each = case_lists(json_object_get(sequence, "inputs"), item(inputs, k));

        text_add(out, "    input %s%s\n", item(inputs, k), each ? " each tick" : "");
    }
    for (size_t k = 0; k < json_array_size(json_object_get(it, "outputs")); k++) {
        text_add(out, "    output %s", item(json_object_get(it, "outputs"), k));
        if (from) text_add(out, " each tick from %d", (int)json_integer_value(from));
        text_add(out, "\n");
    }
}

/* "weight.A.B" as "A -> B". */
static void add_arrow(struct text *out, const char *parameter)
{
    const char *from = strchr(parameter, '.'), *to = from ? strchr(from + 1, '.') : NULL;

    if (to) text_add(out, "%.*s -> %s", (int)(to - from - 1), from + 1, to + 1);
}

static void add_blocks(const json_t *it, struct text *out)
{
    const json_t *edges = json_object_get(it, "edges");

    for (size_t k = 0; k < json_array_size(edges); k++) {
        const char *from = item(json_array_get(edges, k), 0), *to = item(json_array_get(edges, k), 1);
        struct text name = {0};
        const json_t *tie;

        text_add(&name, "weight.%s.%s", from, to);
        tie = json_object_get(json_object_get(it, "tied"), name.data);
        text_add(out, "    weights %s -> %s", from, to);
        if (tie) {
            bool transpose = json_is_true(json_object_get(tie, "transpose"));

            text_add(out, transpose ? " = transpose(" : " = ");
            add_arrow(out, case_word(tie, "to"));
            text_add(out, transpose ? ")" : "");
        }
        text_add(out, case_lists(json_object_get(it, "frozen"), name.data) ? " frozen\n" : "\n");
        text_fini(&name);
    }
}

static void add_biases(const json_t *it, struct text *out)
{
    const json_t *groups = json_object_get(it, "bias_groups");

    for (size_t k = 0; k < json_array_size(groups); k++) {
        struct text name = {0};

        text_add(&name, "bias.%s", item(groups, k));
        text_add(out, "    biases %s%s\n", item(groups, k),
                 case_lists(json_object_get(it, "frozen"), name.data) ? " frozen" : "");
        text_fini(&name);
    }
}

static void add_activations(const json_t *it, struct text *out)
{
    const json_t *groups = json_object_get(it, "groups");

    for (size_t k = 0; k < json_array_size(groups); k++) {
        const json_t *group = json_array_get(groups, k);
        const char *activation = case_word(group, "activation");

        if (*activation) text_add(out, "    activation %s = %s(z)\n", case_word(group, "name"), activation);
    }
}

static const char *add_potentials(const json_t *it, struct text *out)
{
    const json_t *potential = json_object_get(json_object_get(it, "ensemble"), "potential");
    const char *group;
    json_t *value;

    json_object_foreach((json_t *)potential, group, value)
    {
        const char *kind = case_word(value, "kind"), *known = known_potential(kind);
        double k = json_number_value(json_object_get(value, "k"));

        if (json_object_get(json_object_get(it, "functions"), kind)) {
            text_add(out, "    potential %s = %s(s, ", group, kind);
            add_number(out, k);
            text_add(out, ")\n");
        } else if (known) {
            text_add(out, "    potential %s = ", group);
            for (; *known; known++) {
                if (*known == 'k')
                    add_number(out, k);
                else
                    text_add(out, "%c", *known);
            }
            text_add(out, "\n");
        } else {
            return "a potential of an unknown kind";
        }
    }
    return NULL;
}

/* ---- the boundary loss ---- */

/* Every boundary group that has a prediction, against its data. */
static void add_projected_error(const json_t *it, struct text *out)
{
    const json_t *groups = json_object_get(it, "groups");
    const char *before = "    loss boundary = ";

    for (size_t k = 0; k < json_array_size(groups); k++) {
        const char *name = case_word(json_array_get(groups, k), "name");
        bool input = case_lists(json_object_get(it, "inputs"), name),
             output = case_lists(json_object_get(it, "outputs"), name);

        if ((!input && !output) || !*case_word(json_array_get(groups, k), "activation")) continue;
        text_add(out, "%ssquared_error(prediction(%s), ", before, name);
        text_add(out, input ? "%s)" : "target(%s))", name);
        before = " + ";
    }
    text_add(out, "\n");
}

static const char *add_loss(const json_t *it, struct text *out)
{
    static const char *const losses[][2] = {{"half_squared_error", "squared_error"},
                                            {"absolute_error", "absolute_error"},
                                            {"huber", "huber"},
                                            {"cross_entropy", "cross_entropy"},
                                            {"binary_cross_entropy", "binary_cross_entropy"},
                                            {"hinge", "hinge"}};
    const char *loss = case_word(it, "boundary_loss"), *name = NULL;
    const json_t *outputs = json_object_get(it, "outputs");

    if (!*loss) return NULL;
    if (strcmp(loss, "projected_error") == 0) {
        add_projected_error(it, out);
        return NULL;
    }
    for (size_t i = 0; i < LENGTH(losses); i++) {
        if (strcmp(losses[i][0], loss) == 0) name = losses[i][1];
    }
    if (!name) return "a boundary loss of an unknown kind";
    for (size_t k = 0; k < json_array_size(outputs); k++) {
        text_add(out, "%s%s(%s, target(%s))", k ? " + " : "    loss boundary = ", name, item(outputs, k),
                 item(outputs, k));
    }
    text_add(out, "\n");
    return NULL;
}

static const char *add_dynamics(const json_t *it, uint32_t real_bytes, struct text *out)
{
    const json_t *dynamics = json_object_get(it, "dynamics");
    const char *kind = case_word(dynamics, "kind");
    double tolerance = real_bytes == 4 ? 1e-6 : json_number_value(json_object_get(dynamics, "tolerance"));

    if (strcmp(kind, "feedforward") == 0) return NULL;
    if (strcmp(kind, "ticks") == 0) {
        text_add(out, "    dynamics ticks(%d)\n", (int)json_integer_value(json_object_get(dynamics, "ticks")));
        return NULL;
    }
    if (strcmp(kind, "settle") != 0) return "dynamics of an unknown kind";
    text_add(out, "    dynamics settle(tolerance: ");
    add_number(out, tolerance);
    text_add(out, ", most: %d)\n", (int)json_integer_value(json_object_get(dynamics, "most")));
    return NULL;
}

static void add_ensemble(const json_t *it, enum case_reference reference, struct text *out)
{
    const json_t *ensemble = json_object_get(it, "ensemble"), *clamp = json_object_get(ensemble, "clamp");
    double beta = json_number_value(json_object_get(ensemble, "beta"));

    if (!ensemble) return;
    text_add(out, "ensemble {\n");
    if (json_array_size(clamp) == 0) text_add(out, "    clamp none\n");
    add_list(out, "    clamp ", clamp);
    text_add(out, "    temperature 1 / ");
    add_number(out, beta);
    if (reference != CASE_FORWARD)
        text_add(out, "\n    reference relaxed\n    relaxation descent(tolerance: 1e-11, most: 100000)");
    if (reference == CASE_FULL) text_add(out, "\n    hessian full");
    text_add(out, "\n}\n");
    if (reference == CASE_RELAXED) text_add(out, "train { minimize bulk }\n");
}

const char *case_text(const json_t *it, enum case_reference reference, uint32_t real_bytes, struct text *out)
{
    const char *wrong;

    add_lets(it, out);
    text_add(out, "network %s {\n", case_word(it, "name"));
    add_neurons(it, out);
    add_boundary(it, out);
    add_blocks(it, out);
    add_biases(it, out);
    add_activations(it, out);
    if ((wrong = add_potentials(it, out)) || (wrong = add_loss(it, out)) ||
        (wrong = add_dynamics(it, real_bytes, out)))
        return wrong;
    add_list(out, "    loss bulk over ", json_object_get(json_object_get(it, "ensemble"), "R"));
    text_add(out, "}\n");
    add_ensemble(it, reference, out);
    return NULL;
}
