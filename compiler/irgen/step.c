/* step.c: the gradient of what is minimised, and one step of the optimizer along it or along a given one: a function a row of
 * optimizers.def. */
#include <math.h>

#include "compiler/irgen/arithmetic.h"

/* q is a parameter, g its gradient, v and m its moments. */

/* ---- the gradient: of the boundary loss at the boundary's forward state, of H where it is least over the free neurons ---- */

static bool is_minimized(const struct gen *gen)
{
    return gen->model->minimizes_boundary && gen->model->loss;
}

/* The coefficient of an objective, IR_NONE where it is 1. */
static ir_id coefficient_of(struct gen *gen, const struct expr *schedule, enum nnt_number which)
{
    return schedule ? ir_argument(gen->g, which) : IR_NONE;
}

/* H relaxed from the ensemble's forward state, and its gradients by the parameters with the states held still, the mean over the samples:
 * the local rule, and by the envelope theorem the gradient of the least H. */
static void bulk_gradients(struct gen *gen, enum nnt_entry_name entry, ir_id coefficient, ir_id out[])
{
    struct sweep sweep = sweep_new(gen, entry, HELD_ENSEMBLE, false);

    for (uint32_t g = 0; g < gen->model->n_groups; g++) sweep_state(gen, &sweep, g);
    struct sweep at = relax_run(gen, entry, sweep.state);
    ir_id H = gen_H(gen, &at);

    if (coefficient != IR_NONE) H = mul(gen, coefficient, H);
    for (uint32_t p = 0; p < gen->model->n_parameters; p++) {
        if (gen->model->parameter[p].frozen) continue;
        ir_id more = gen_mean_gradient(gen, H, p);
        out[p] = out[p] == IR_NONE ? more : add(gen, out[p], more);
    }
}

/* Of all that is minimised, by every parameter that trains, IR_NONE for others; results `loss`, `H` and how it relaxed. `boundary` is the
 * coefficient of the boundary loss where that is minimised; outputs: their states are results too, at the boundary's forward state. */
static ir_id *gradients(struct gen *gen, enum nnt_entry_name entry, ir_id boundary, bool outputs)
{
    const struct model *m = gen->model;
    ir_id *out = arena_alloc(gen->arena, (m->n_parameters + 1) * sizeof *out);
    struct sweep sweep = {0};
    bool forward = m->loss || outputs;

    for (uint32_t p = 0; p < m->n_parameters; p++) out[p] = IR_NONE;
    if (forward) sweep = sweep_new(gen, entry, HELD_INPUTS, is_minimized(gen));
    if (is_minimized(gen)) sweep_gradients(gen, &sweep, boundary, out);
    if (m->minimizes_bulk) bulk_gradients(gen, entry, coefficient_of(gen, m->train.bulk, NNT_BULK), out);
    if (m->loss) define_losses(gen, entry, &sweep);
    if (outputs) define_outputs(gen, entry, &sweep);
    return out;
}

void gen_gradient(struct gen *gen)
{
    const struct model *m = gen->model;
    /* that of the boundary loss alone comes as it is; of two, each with its coefficient */
    ir_id boundary = m->minimizes_bulk ? coefficient_of(gen, m->train.boundary, NNT_BOUNDARY) : IR_NONE;
    ir_id *gradient = gradients(gen, NNT_ENTRY_gradient, boundary, false);

    for (uint32_t p = 0; p < m->n_parameters; p++)
        if (gradient[p] != IR_NONE)
            ir_define(gen->g, NNT_ENTRY_gradient, gradient[p], gen->at.module->parameter[p].gradient);
}

/* ---- what every optimizer takes: clip the gradient of the loss, then add the decay of weights ---- */

static ir_id square_sum(struct gen *gen, ir_id a)
{
    return ir_reduce(gen->g, REDUCE_SUM, mul(gen, a, a), (uint8_t)((1u << gen->g->node[a].shape.rank) - 1));
}

/* min(1, clip / norm), norm that of all gradients as one vector. */
static ir_id clip_factor(struct gen *gen, const ir_id gradient[], double clip)
{
    ir_id one = ir_number(gen->g, 1), most = ir_number(gen->g, clip), sum = ir_number(gen->g, 0);

    for (uint32_t p = 0; p < gen->model->n_parameters; p++) {
        if (gradient[p] != IR_NONE) sum = add(gen, sum, square_sum(gen, gradient[p]));
    }
    return ir_map(gen->g, PRIMITIVE_min, one, divide(gen, most, root(gen, sum)), IR_NONE);
}

static void prepare(struct gen *gen, ir_id gradient[])
{
    const struct optimizer_spec *o = &gen->model->optimizer;
    bool decays = o->decay > 0 && o->which != OPTIMIZER_adamw;
    ir_id factor = o->clip > 0 ? clip_factor(gen, gradient, o->clip) : ir_number(gen->g, 1);

    for (uint32_t p = 0; p < gen->model->n_parameters; p++) {
        ir_id q = ir_source(gen->g, gen->at.module->parameter[p].field);

        if (gradient[p] == IR_NONE) continue;
        gradient[p] = mul(gen, factor, gradient[p]);
        if (decays && gen->model->parameter[p].is_weight)
            gradient[p] = add(gen, gradient[p], times(gen, o->decay, q));
    }
}

/* ---- one function a row: the change of q for its gradient g ---- */

uint32_t optimizer_moments(const struct optimizer_spec *optimizer)
{
    static const uint32_t moments[OPTIMIZERS] = {
#define OPTIMIZER(name, arguments, moments, supported, formula) moments,
#include "lang/optimizers.def"
#undef OPTIMIZER
    };

    return optimizer->which == OPTIMIZER_sgd && optimizer->momentum == 0 ? 0 : moments[optimizer->which];
}

static ir_id moment(struct gen *gen, uint32_t k, uint32_t p)
{
    return ir_source(gen->g, gen->at.moment[k][p]);
}

static ir_id step_sgd(struct gen *gen, enum nnt_entry_name entry, uint32_t p, ir_id g)
{
    const struct optimizer_spec *o = &gen->model->optimizer;
    ir_id rate = ir_argument(gen->g, NNT_RATE), v;

    if (o->momentum == 0) return mul(gen, rate, g);
    v = add(gen, times(gen, o->momentum, moment(gen, 0, p)), g);
    ir_define(gen->g, entry, v, gen->at.moment[0][p]);
    if (o->nesterov) v = add(gen, g, times(gen, o->momentum, v));
    return mul(gen, rate, v);
}

/* 1 - beta^step, by expm1: for beta near 1 the difference would lose float32's digits. */
static ir_id bias_correction(struct gen *gen, double beta)
{
    ir_id power = times(gen, log(beta), ir_argument(gen->g, NNT_STEP));

    power = ir_map(gen->g, PRIMITIVE_expm1, power, IR_NONE, IR_NONE);
    return ir_map(gen->g, PRIMITIVE_neg, power, IR_NONE, IR_NONE);
}

/* moment k of p at this step: beta times what it was, and the rest of `now`. */
static ir_id moving_mean(struct gen *gen, enum nnt_entry_name entry, uint32_t k, uint32_t p, double beta, ir_id now)
{
    ir_id old = times(gen, beta, moment(gen, k, p));
    ir_id mean = add(gen, old, times(gen, 1 - beta, now));

    ir_define(gen->g, entry, mean, gen->at.moment[k][p]);
    return mean;
}

static ir_id step_adam(struct gen *gen, enum nnt_entry_name entry, uint32_t p, ir_id g)
{
    const struct optimizer_spec *o = &gen->model->optimizer;
    ir_id rate = ir_argument(gen->g, NNT_RATE), epsilon = ir_number(gen->g, o->epsilon);
    ir_id m = moving_mean(gen, entry, 0, p, o->beta1, g);
    ir_id v = moving_mean(gen, entry, 1, p, o->beta2, mul(gen, g, g));
    ir_id size = root(gen, divide(gen, v, bias_correction(gen, o->beta2)));

    m = mul(gen, divide(gen, rate, bias_correction(gen, o->beta1)), m);
    return divide(gen, m, add(gen, size, epsilon));
}

static ir_id step_adamw(struct gen *gen, enum nnt_entry_name entry, uint32_t p, ir_id g)
{
    ir_id q = ir_source(gen->g, gen->at.module->parameter[p].field), rate = ir_argument(gen->g, NNT_RATE);
    ir_id change = step_adam(gen, entry, p, g);

    if (!gen->model->parameter[p].is_weight) return change;
    return add(gen, change, mul(gen, rate, times(gen, gen->model->optimizer.decay, q)));
}

static ir_id step_rmsprop(struct gen *gen, enum nnt_entry_name entry, uint32_t p, ir_id g)
{
    const struct optimizer_spec *o = &gen->model->optimizer;
    ir_id rate = ir_argument(gen->g, NNT_RATE), epsilon = ir_number(gen->g, o->epsilon);
    ir_id v = moving_mean(gen, entry, 0, p, o->rho, mul(gen, g, g));
    ir_id size = add(gen, root(gen, v), epsilon);

    return divide(gen, mul(gen, rate, g), size);
}

static ir_id (*const steps[OPTIMIZERS])(struct gen *gen, enum nnt_entry_name entry, uint32_t p, ir_id g) = {
#define OPTIMIZER(name, ...) step_##name,
#include "lang/optimizers.def"
#undef OPTIMIZER
};

/* Parameters and moments after a step along `gradient`, IR_NONE for those that do not train. */
static void step_along(struct gen *gen, enum nnt_entry_name entry, ir_id gradient[])
{
    prepare(gen, gradient);
    for (uint32_t p = 0; p < gen->model->n_parameters; p++) {
        uint32_t field = gen->at.module->parameter[p].field;
        ir_id change;

        if (gradient[p] == IR_NONE) continue;
        change = steps[gen->model->optimizer.which](gen, entry, p, gradient[p]);
        ir_define(gen->g, entry, sub(gen, ir_source(gen->g, field), change), field);
    }
}

static bool has_outputs(const struct gen *gen)
{
    for (uint32_t g = 0; g < gen->model->n_groups; g++)
        if (gen->model->group[g].output) return true;
    return false;
}

void gen_step(struct gen *gen)
{
    ir_id boundary = coefficient_of(gen, gen->model->train.boundary, NNT_BOUNDARY);

    step_along(gen, NNT_ENTRY_step, gradients(gen, NNT_ENTRY_step, boundary, has_outputs(gen)));
}

void gen_descend(struct gen *gen)
{
    const struct nnt_module *m = gen->at.module;
    ir_id *gradient = arena_alloc(gen->arena, (m->n_parameters + 1) * sizeof *gradient);

    for (uint32_t p = 0; p < m->n_parameters; p++) {
        uint32_t field = m->parameter[p].gradient;

        gradient[p] = field == NNT_NONE ? IR_NONE : ir_source(gen->g, field);
    }
    step_along(gen, NNT_ENTRY_descend, gradient);
}
