/* step.c: the gradient of the mean loss, and one step of the optimizer: a function a row of optimizers.def. */
#include <math.h>

#include "compiler/irgen/gen.h"

/* q is a parameter, g its gradient, v and m its moments. An operand that makes more than one node is made in a
 * statement of its own: C does not say which argument is made first, and the numbering of the graph should not
 * depend on the compiler. */
static ir_id add(struct gen *gen, ir_id a, ir_id b)
{
    return ir_map(gen->g, PRIMITIVE_add, a, b, IR_NONE);
}
static ir_id sub(struct gen *gen, ir_id a, ir_id b)
{
    return ir_map(gen->g, PRIMITIVE_sub, a, b, IR_NONE);
}
static ir_id mul(struct gen *gen, ir_id a, ir_id b)
{
    return ir_map(gen->g, PRIMITIVE_mul, a, b, IR_NONE);
}
static ir_id divide(struct gen *gen, ir_id a, ir_id b)
{
    return ir_map(gen->g, PRIMITIVE_div, a, b, IR_NONE);
}
static ir_id root(struct gen *gen, ir_id a)
{
    return ir_map(gen->g, PRIMITIVE_sqrt, a, IR_NONE, IR_NONE);
}
static ir_id times(struct gen *gen, double factor, ir_id a)
{
    return mul(gen, ir_number(gen->g, factor), a);
}

static ir_id *new_gradients(struct gen *gen)
{
    return arena_alloc(gen->arena, (gen->model->n_parameters + 1) * sizeof(ir_id));
}

void gen_gradient(struct gen *gen)
{
    struct sweep sweep = sweep_new(gen, NNT_ENTRY_gradient, HELD_INPUTS, true);
    ir_id *gradient = new_gradients(gen);

    sweep_gradients(gen, &sweep, IR_NONE, gradient);
    define_losses(gen, NNT_ENTRY_gradient, &sweep);
    for (uint32_t p = 0; p < gen->model->n_parameters; p++) {
        if (gradient[p] != IR_NONE)
            ir_define(gen->g, NNT_ENTRY_gradient, gradient[p], gen->at.module->parameter[p].gradient);
    }
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

static ir_id step_sgd(struct gen *gen, uint32_t p, ir_id g)
{
    const struct optimizer_spec *o = &gen->model->optimizer;
    ir_id rate = ir_argument(gen->g, NNT_RATE), v;

    if (o->momentum == 0) return mul(gen, rate, g);
    v = add(gen, times(gen, o->momentum, moment(gen, 0, p)), g);
    ir_define(gen->g, NNT_ENTRY_step, v, gen->at.moment[0][p]);
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
static ir_id moving_mean(struct gen *gen, uint32_t k, uint32_t p, double beta, ir_id now)
{
    ir_id old = times(gen, beta, moment(gen, k, p));
    ir_id mean = add(gen, old, times(gen, 1 - beta, now));

    ir_define(gen->g, NNT_ENTRY_step, mean, gen->at.moment[k][p]);
    return mean;
}

static ir_id step_adam(struct gen *gen, uint32_t p, ir_id g)
{
    const struct optimizer_spec *o = &gen->model->optimizer;
    ir_id rate = ir_argument(gen->g, NNT_RATE), epsilon = ir_number(gen->g, o->epsilon);
    ir_id m = moving_mean(gen, 0, p, o->beta1, g);
    ir_id v = moving_mean(gen, 1, p, o->beta2, mul(gen, g, g));
    ir_id size = root(gen, divide(gen, v, bias_correction(gen, o->beta2)));

    m = mul(gen, divide(gen, rate, bias_correction(gen, o->beta1)), m);
    return divide(gen, m, add(gen, size, epsilon));
}

static ir_id step_adamw(struct gen *gen, uint32_t p, ir_id g)
{
    ir_id q = ir_source(gen->g, gen->at.module->parameter[p].field), rate = ir_argument(gen->g, NNT_RATE);
    ir_id change = step_adam(gen, p, g);

    if (!gen->model->parameter[p].is_weight) return change;
    return add(gen, change, mul(gen, rate, times(gen, gen->model->optimizer.decay, q)));
}

static ir_id step_rmsprop(struct gen *gen, uint32_t p, ir_id g)
{
    const struct optimizer_spec *o = &gen->model->optimizer;
    ir_id rate = ir_argument(gen->g, NNT_RATE), epsilon = ir_number(gen->g, o->epsilon);
    ir_id v = moving_mean(gen, 0, p, o->rho, mul(gen, g, g));
    ir_id size = add(gen, root(gen, v), epsilon);

    return divide(gen, mul(gen, rate, g), size);
}

static ir_id (*const steps[OPTIMIZERS])(struct gen *gen, uint32_t p, ir_id g) = {
#define OPTIMIZER(name, ...) step_##name,
#include "lang/optimizers.def"
#undef OPTIMIZER
};

void gen_step(struct gen *gen)
{
    struct sweep sweep = sweep_new(gen, NNT_ENTRY_step, HELD_INPUTS, true);
    ir_id *gradient = new_gradients(gen);
    ir_id coefficient = gen->model->train.boundary ? ir_argument(gen->g, NNT_BOUNDARY) : IR_NONE;

    sweep_gradients(gen, &sweep, coefficient, gradient);
    define_losses(gen, NNT_ENTRY_step, &sweep);
    define_outputs(gen, NNT_ENTRY_step, &sweep);
    prepare(gen, gradient);
    for (uint32_t p = 0; p < gen->model->n_parameters; p++) {
        uint32_t field = gen->at.module->parameter[p].field;
        ir_id change;

        if (gradient[p] == IR_NONE) continue;
        change = steps[gen->model->optimizer.which](gen, p, gradient[p]);
        ir_define(gen->g, NNT_ENTRY_step, sub(gen, ir_source(gen->g, field), change), field);
    }
}
