/* test_passes.c: the plans of hand-built graphs compute what the interpreter does, and have the structure that
 * makes them fast. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>

#include "compiler/interp/interp.h"
#include "tests/unit/fixture.h"

/* ---- plan against interpreter ---- */

static void assert_same_slabs(const struct fixture *f, const struct nnt_call *want, const struct nnt_call *got,
                              const char *entry)
{
    for (uint32_t s = 0; s < NNT_WORK; s++) {
        for (uint64_t i = 0; i < slab_size(f, s, want->batch); i++) {
            double a = ((const double *)want->slab[s])[i], b = ((const double *)got->slab[s])[i];
            if (a != a && b != b) continue;
            if (!(fabs(a - b) <= 1e-12 * (1 + fabs(a))))
                fail_msg("seed %u, %s, batch %u, slab %u, element %u: %.17g, not %.17g", f->seed, entry,
                         want->batch, s, (uint32_t)i, b, a);
        }
    }
}

static void assert_same_entry(struct fixture *f, const struct kernels *kernels, uint32_t e, uint32_t batch)
{
    static const char *const names[] = {
#define ENTRY(name, ...) #name,
#include "runtime/entries.def"
#undef ENTRY
    };
    const struct nnt_module *module = interp_module(f->arena, f->g, &f->description, false);
    struct nnt_call want, got;
    fill_call(f, &want, batch);
    fill_call(f, &got, batch);
    assert_int_equal(module->entry[e](module->self, &want), 0);
    nests_run(kernels->entry[e], 8, &got);
    assert_same_slabs(f, &want, &got, names[e]);
    free_call(&want);
    free_call(&got);
}

/* Every entry of the graph, with BLAS and without, at several batches. */
static void assert_same(struct fixture *f)
{
    static const uint32_t batches[] = {1, 5, 16};
    for (uint32_t blas = 0; blas < 2; blas++) {
        struct kernels kernels = fixture_plan(f, (struct target){.blas = blas, .batch = 64});
        for (uint32_t e = 0; e < NNT_ENTRIES; e++) {
            assert_int_equal(kernels.entry[e] != NULL, f->g->entry[e].n_phases > 0);
            for (uint32_t k = 0; kernels.entry[e] && k < LENGTH(batches); k++)
                assert_same_entry(f, &kernels, e, batches[k]);
        }
    }
}

/* ---- the network: inputs, tanh, softmax with cross-entropy ---- */

enum optimizer { SGD, MOMENTUM, ADAM, CLIPPED };
struct mlp {
    uint32_t x, h, o; /* sizes */
    uint32_t data_x, data_y, state_x, state_h, state_y, loss, q[4], gradient[4], moment[8];
    ir_id z1, y1, z2, y2, losses, mean, source[4];
};

static void mlp_fields(struct fixture *f, struct mlp *m)
{
    const uint32_t rows[] = {m->h, m->o, m->h, m->o}, columns[] = {m->x, m->h, 0, 0};
    static const char *const names[] = {"weight.x.h", "weight.h.y", "bias.h", "bias.y"};
    m->data_x = add_field(f, "data.x", NNT_DATA, true, 1, m->x, 0);
    m->data_y = add_field(f, "data.y", NNT_DATA, true, 1, m->o, 0);
    m->state_x = add_field(f, "state.x", NNT_STATE, true, 1, m->x, 0);
    m->state_h = add_field(f, "state.h", NNT_STATE, true, 1, m->h, 0);
    m->state_y = add_field(f, "state.y", NNT_STATE, true, 1, m->o, 0);
    m->loss = add_field(f, "loss", NNT_RESULT, true, 0, 0, 0);
    for (uint32_t k = 0; k < 4; k++) {
        m->q[k] = add_field(f, names[k], NNT_PARAMETERS, false, columns[k] ? 2 : 1, rows[k], columns[k]);
        m->gradient[k] = add_field(f, names[k], NNT_GRADIENT, false, columns[k] ? 2 : 1, rows[k], columns[k]);
        m->moment[2 * k] = add_field(f, names[k], NNT_MOMENTS, false, columns[k] ? 2 : 1, rows[k], columns[k]);
        m->moment[2 * k + 1] = add_field(f, names[k], NNT_MOMENTS, false, columns[k] ? 2 : 1, rows[k], columns[k]);
    }
    finish_fields(f);
}

static ir_id affine(struct ir *g, ir_id x, ir_id w, ir_id b)
{
    ir_id product = ir_contract(g, x, w, "bj,ij->bi");
    return map2(g, PRIMITIVE_add, product, ir_broadcast(g, b, g->node[product].shape));
}

static ir_id spread_rows(struct ir *g, ir_id a, ir_id like)
{
    return ir_view(g, a, g->node[like].shape, (const int8_t[IR_AXES]){0, -1, -1, -1});
}

static void mlp_forward(struct fixture *f, struct mlp *m)
{
    struct ir *g = f->g;
    ir_id x = ir_source(g, m->data_x), t = ir_source(g, m->data_y);
    for (uint32_t k = 0; k < 4; k++) m->source[k] = ir_source(g, m->q[k]);
    m->z1 = affine(g, x, m->source[0], m->source[2]);
    m->y1 = map1(g, PRIMITIVE_tanh, m->z1);
    m->z2 = affine(g, m->y1, m->source[1], m->source[3]);
    ir_id top = map1(g, PRIMITIVE_hold, ir_reduce(g, REDUCE_MAX, m->z2, 2));
    ir_id e = map1(g, PRIMITIVE_exp, map2(g, PRIMITIVE_sub, m->z2, spread_rows(g, top, m->z2)));
    ir_id sum = ir_reduce(g, REDUCE_SUM, e, 2);
    m->y2 = map2(g, PRIMITIVE_div, e, spread_rows(g, sum, e));
    ir_id lse = map2(g, PRIMITIVE_add, top, map1(g, PRIMITIVE_log, sum));
    ir_id taken = ir_reduce(g, REDUCE_SUM, map2(g, PRIMITIVE_mul, t, m->z2), 2);
    m->losses = map2(g, PRIMITIVE_sub, map2(g, PRIMITIVE_mul, ir_reduce(g, REDUCE_SUM, t, 2), lse), taken);
    m->mean = ir_reduce(g, REDUCE_MEAN, m->losses, 1);
}

static ir_id scaled(struct ir *g, double number, ir_id a)
{
    return map2(g, PRIMITIVE_mul, ir_number(g, number), a);
}

static void mlp_adam(struct fixture *f, const struct mlp *m, uint32_t k, ir_id d)
{
    struct ir *g = f->g;
    ir_id step = ir_argument(g, NNT_STEP), one = ir_number(g, 1);
    ir_id m1 = map2(g, PRIMITIVE_add, scaled(g, 0.9, ir_source(g, m->moment[2 * k])), scaled(g, 1 - 0.9, d));
    ir_id m2 = map2(g, PRIMITIVE_add, scaled(g, 0.999, ir_source(g, m->moment[2 * k + 1])),
                    scaled(g, 1 - 0.999, map2(g, PRIMITIVE_mul, d, d)));
    ir_id c1 = map2(g, PRIMITIVE_sub, one, map2(g, PRIMITIVE_pow, ir_number(g, 0.9), step));
    ir_id c2 = map2(g, PRIMITIVE_sub, one, map2(g, PRIMITIVE_pow, ir_number(g, 0.999), step));
    ir_id root =
        map2(g, PRIMITIVE_add, map1(g, PRIMITIVE_sqrt, map2(g, PRIMITIVE_div, m2, c2)), ir_number(g, 1e-8));
    ir_id move = map2(g, PRIMITIVE_div, map2(g, PRIMITIVE_div, m1, c1), root);
    ir_id q = map2(g, PRIMITIVE_sub, m->source[k], map2(g, PRIMITIVE_mul, ir_argument(g, NNT_RATE), move));
    ir_define(g, NNT_ENTRY_step, q, m->q[k]);
    ir_define(g, NNT_ENTRY_step, m1, m->moment[2 * k]);
    ir_define(g, NNT_ENTRY_step, m2, m->moment[2 * k + 1]);
}

static ir_id clip_factor(struct ir *g, const ir_id d[4])
{
    ir_id norm = ir_number(g, 0);
    for (uint32_t k = 0; k < 4; k++)
        norm = map2(g, PRIMITIVE_add, norm,
                    ir_reduce(g, REDUCE_SUM, map2(g, PRIMITIVE_mul, d[k], d[k]), k < 2 ? 3 : 1));
    norm = map2(g, PRIMITIVE_max, map1(g, PRIMITIVE_sqrt, norm), ir_number(g, 0.01));
    return map2(g, PRIMITIVE_div, ir_number(g, 0.01), norm);
}

static void mlp_step(struct fixture *f, const struct mlp *m, enum optimizer optimizer)
{
    struct ir *g = f->g;
    ir_id d[4], rate = ir_argument(g, NNT_RATE);
    for (uint32_t k = 0; k < 4; k++) d[k] = ir_gradient(g, m->mean, m->source[k]);
    ir_define(g, NNT_ENTRY_step, m->losses, m->loss);
    for (uint32_t k = 0; k < 4; k++) {
        ir_id move = d[k];
        if (optimizer == ADAM) {
            mlp_adam(f, m, k, d[k]);
            continue;
        }
        if (optimizer == MOMENTUM) {
            move = map2(g, PRIMITIVE_add, scaled(g, 0.9, ir_source(g, m->moment[2 * k])), d[k]);
            ir_define(g, NNT_ENTRY_step, move, m->moment[2 * k]);
        }
        if (optimizer == CLIPPED) move = map2(g, PRIMITIVE_mul, clip_factor(g, d), d[k]);
        ir_define(g, NNT_ENTRY_step, map2(g, PRIMITIVE_sub, m->source[k], map2(g, PRIMITIVE_mul, rate, move)),
                  m->q[k]);
    }
}

static void mlp_build(struct fixture *f, struct mlp *m, enum optimizer optimizer)
{
    begin(f);
    mlp_fields(f, m);
    mlp_forward(f, m);
    ir_define(f->g, NNT_ENTRY_forward, ir_source(f->g, m->data_x), m->state_x);
    ir_define(f->g, NNT_ENTRY_forward, m->y1, m->state_h);
    ir_define(f->g, NNT_ENTRY_forward, m->y2, m->state_y);
    ir_define(f->g, NNT_ENTRY_loss, m->losses, m->loss);
    ir_define(f->g, NNT_ENTRY_gradient, m->losses, m->loss);
    for (uint32_t k = 0; k < 4; k++)
        ir_define(f->g, NNT_ENTRY_gradient, ir_gradient(f->g, m->mean, m->source[k]), m->gradient[k]);
    mlp_step(f, m, optimizer);
}

static void computes_what_the_interpreter_does(void **state)
{
    (void)state;
    static const struct mlp sizes[] = {
        {.x = 7, .h = 5, .o = 3}, {.x = 24, .h = 16, .o = 10}, {.x = 2, .h = 1, .o = 1}};
    for (uint32_t s = 0; s < LENGTH(sizes); s++) {
        for (enum optimizer optimizer = SGD; optimizer <= CLIPPED; optimizer++) {
            struct fixture f;
            struct mlp m = sizes[s];
            mlp_build(&f, &m, optimizer);
            assert_same(&f);
            end(&f);
        }
    }
}

/* ---- structure ---- */

/* The nests of the step as `lower` leaves them, with the functions that `expand` takes away. */
static char *step_text(struct fixture *f, struct target target)
{
    char *text = NULL;
    size_t length = 0;
    FILE *to = open_memstream(&text, &length);
    struct pass_watch watch = {.verify = true, .dump_after = "lower", .stop_after = "lower", .to = to};
    struct kernels kernels;
    assert_true(run_passes(f->diag, f->arena, f->g, &f->description, &target, &watch, NULL, &kernels));
    fclose(to);
    char *step = strdup(strstr(text, "step:\n"));
    free(text);
    return step;
}

static uint32_t count_text(const char *text, const char *word)
{
    uint32_t count = 0;
    for (const char *at = strstr(text, word); at; at = strstr(at + 1, word)) count++;
    return count;
}

static bool stores_to(const struct nest *nest, uint32_t slab)
{
    const struct program *last = nest->summed ? &nest->finish : &nest->body;
    for (uint32_t i = 0; i < last->count; i++)
        if (last->code[i].op == SCALAR_STORE && nest->operand[last->code[i].index].at.slab == slab) return true;
    return false;
}

struct counts {
    uint32_t nests, loops, blas, updates_in_gemm, elementwise, moments_with_parameters, to_parameters;
};

static struct counts count_step(const struct kernels *kernels)
{
    const struct nests *nests = kernels->entry[NNT_ENTRY_step];
    struct counts c = {0};
    for (uint32_t i = 0; i < nests->count; i++) {
        const struct nest *nest = nests->item[i].nest;
        c.loops += nests->item[i].kind == ITEM_BEGIN;
        if (!nest) continue;
        struct product product;
        bool negative = false;
        c.nests++;
        c.blas += nest->how == HOW_BLAS;
        c.elementwise += nest->depth == 2 && !nest->outer && !nest->summed && nest->extent[0] == NEST_BATCH;
        c.to_parameters += stores_to(nest, NNT_PARAMETERS);
        c.moments_with_parameters += stores_to(nest, NNT_PARAMETERS) && stores_to(nest, NNT_MOMENTS);
        if (nest->how == HOW_BLAS && nest_product(nest, &product, &negative))
            c.updates_in_gemm += product.accumulate && negative && product.alpha != NEST_NONE &&
                                 nest->operand[product.c].at.slab == NNT_PARAMETERS;
    }
    return c;
}

static void a_step_by_gemm_is_one_pass_over_each_tensor(void **state)
{
    (void)state;
    struct fixture f;
    struct mlp m = {.x = 24, .h = 16, .o = 10};
    mlp_build(&f, &m, SGD);
    struct target target = {.blas = true, .batch = 64};
    char *text = step_text(&f, target);
    assert_int_equal(count_text(text, "= tanh"), 1);
    assert_int_equal(count_text(text, "= exp"), 1);
    assert_int_equal(count_text(text, "= log"), 1);
    free(text);
    struct kernels kernels = fixture_plan(&f, target);
    struct counts c = count_step(&kernels);
    assert_int_equal(c.blas, 5); /* two forward, two by weights, one by the hidden state: none by the inputs */
    assert_int_equal(c.updates_in_gemm, 2);
    assert_int_equal(c.elementwise, 2); /* bias and tanh; the derivative */
    assert_int_equal(c.loops, 1);       /* output bias, softmax, loss and derivative, row by row */
    assert_int_equal(c.to_parameters, 4);
    const struct nests *step = kernels.entry[NNT_ENTRY_step];
    assert_int_equal(step->work_per_sample, 3 * 16); /* z and y share one, dh and dz, and all of the output */
    assert_true(step->work <= 6 * 16);
    assert_int_equal(f.description.size_per_sample[NNT_WORK], 3 * 16);
    end(&f);
}

static void a_generated_step_ends_its_products_with_maps(void **state)
{
    (void)state;
    struct fixture f;
    struct mlp m = {.x = 24, .h = 16, .o = 10};
    mlp_build(&f, &m, ADAM);
    struct kernels kernels = fixture_plan(&f, (struct target){.blas = false, .batch = 64});
    struct counts c = count_step(&kernels);
    assert_int_equal(c.blas, 0);
    assert_int_equal(c.elementwise, 0);
    assert_int_equal(c.to_parameters, 4);
    assert_int_equal(c.moments_with_parameters, 4);
    end(&f);
}

static void moments_and_weights_are_one_pass(void **state)
{
    (void)state;
    for (enum optimizer optimizer = MOMENTUM; optimizer <= ADAM; optimizer++) {
        struct fixture f;
        struct mlp m = {.x = 24, .h = 16, .o = 10};
        mlp_build(&f, &m, optimizer);
        struct target target = {.blas = true, .batch = 64};
        char *text = step_text(&f, target);
        assert_int_equal(count_text(text, "= pow"), optimizer == ADAM ? 2 : 0);
        free(text);
        struct kernels kernels = fixture_plan(&f, target);
        struct counts c = count_step(&kernels);
        assert_int_equal(c.blas, 5);
        assert_int_equal(c.moments_with_parameters, 4);
        assert_int_equal(c.to_parameters, 4);
        end(&f);
    }
}

/* relu's derivative is read off its value: z is not kept. */
static void relu_keeps_one_tensor(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    uint32_t x = add_field(&f, "data.x", NNT_DATA, true, 1, 24, 0),
             w = add_field(&f, "w", NNT_PARAMETERS, false, 2, 16, 24);
    uint32_t v = add_field(&f, "v", NNT_PARAMETERS, false, 2, 10, 16),
             b = add_field(&f, "b", NNT_PARAMETERS, false, 1, 16, 0);
    finish_fields(&f);
    ir_id z = affine(f.g, ir_source(f.g, x), ir_source(f.g, w), ir_source(f.g, b));
    ir_id y = map2(f.g, PRIMITIVE_max, ir_number(f.g, 0), z);
    ir_id out = ir_contract(f.g, y, ir_source(f.g, v), "bj,ij->bi");
    ir_id mean = ir_reduce(f.g, REDUCE_MEAN, ir_reduce(f.g, REDUCE_SUM, map2(f.g, PRIMITIVE_mul, out, out), 2), 1);
    ir_define(f.g, NNT_ENTRY_step,
              map2(f.g, PRIMITIVE_sub, ir_source(f.g, w), ir_gradient(f.g, mean, ir_source(f.g, w))), w);
    assert_same(&f);
    struct kernels kernels = fixture_plan(&f, (struct target){.blas = true, .batch = 64});
    assert_int_equal(count_step(&kernels).elementwise, 3);                    /* the last: 2 out / batch */
    assert_int_equal(kernels.entry[NNT_ENTRY_step]->work_per_sample, 3 * 16); /* y, out, dy */
    end(&f);
}

/* Each result is stored after every read of what it replaces, in a circle too. */
static void results_wait_for_readers(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    uint32_t a = add_field(&f, "a", NNT_PARAMETERS, false, 2, 3, 3),
             b = add_field(&f, "b", NNT_PARAMETERS, false, 2, 3, 3);
    uint32_t c = add_field(&f, "c", NNT_STATE, true, 1, 3, 0);
    finish_fields(&f);
    ir_id p = ir_source(f.g, a), q = ir_source(f.g, b), x = ir_source(f.g, c);
    ir_define(f.g, NNT_ENTRY_forward, p, b);
    ir_define(f.g, NNT_ENTRY_forward, q, a);
    ir_define(f.g, NNT_ENTRY_loss,
              ir_view(f.g, p, (struct shape){2, {3, 3}}, (const int8_t[IR_AXES]){1, 0, -1, -1}), a);
    ir_define(f.g, NNT_ENTRY_step, map2(f.g, PRIMITIVE_sub, p, ir_contract(f.g, p, q, "ik,kj->ij")), a);
    ir_define(f.g, NNT_ENTRY_step, ir_contract(f.g, x, p, "bj,ij->bi"), c);
    ir_define(f.g, NNT_ENTRY_step, map2(f.g, PRIMITIVE_add, q, p), b);
    assert_same(&f);
    end(&f);
}

/* More terms than a nest has operands, more sums than it has accumulators, more results than it stores. */
static void no_nest_outgrows_its_limits(void **state)
{
    (void)state;
    enum { TERMS = 40, SUMS = 12, COPIES = 7 };
    struct fixture f;
    begin(&f);
    ir_id sum = ir_number(f.g, 0), squares = ir_number(f.g, 0);
    uint32_t first = f.g->n_fields;
    for (uint32_t k = 0; k < TERMS; k++) add_field(&f, "x", k % 2 ? NNT_DATA : NNT_STATE, true, 1, 3, 0);
    for (uint32_t k = 0; k < COPIES; k++) add_field(&f, "y", NNT_LINEAR, true, 1, 3, 0);
    uint32_t loss = add_field(&f, "loss", NNT_RESULT, true, 0, 0, 0);
    finish_fields(&f);
    for (uint32_t k = 0; k < 3 * TERMS; k++) {
        ir_id a = ir_source(f.g, first + k % TERMS), b = ir_source(f.g, first + (7 * k + 3) % TERMS);
        sum = map2(f.g, PRIMITIVE_add, sum, map1(f.g, PRIMITIVE_sin, map2(f.g, PRIMITIVE_sub, a, b)));
    }
    for (uint32_t k = 0; k < SUMS; k++) {
        ir_id shifted = map2(f.g, PRIMITIVE_add, sum, ir_source(f.g, first + k));
        squares = map2(f.g, PRIMITIVE_add, squares,
                       ir_reduce(f.g, REDUCE_SUM, map2(f.g, PRIMITIVE_mul, shifted, shifted), 2));
    }
    for (uint32_t k = 0; k < COPIES; k++) ir_define(f.g, NNT_ENTRY_linearise, sum, first + TERMS + k);
    ir_define(f.g, NNT_ENTRY_linearise, squares, loss);
    assert_same(&f);
    end(&f);
}

static void unknown_passes_are_refused(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    struct kernels kernels;
    struct target target = {.real_bytes = 8};
    struct pass_watch watch = {.stop_after = "fuze"};
    assert_false(run_passes(f.diag, f.arena, f.g, &f.description, &target, &watch, NULL, &kernels));
    assert_int_equal(diag_status(f.diag), 1);
    diag_free(f.diag);
    arena_free(f.arena);
}

/* ---- graphs drawn by seed ---- */

enum { SHAPES = 9, RESULTS = 6 };
static const struct shape shapes[SHAPES] = {{0, {0}}, {1, {0}},    {2, {0, 3}}, {2, {0, 4}}, {3, {0, 3, 4}},
                                            {1, {3}}, {2, {4, 3}}, {2, {3, 3}}, {2, {0, 1}}};

static uint32_t shape_index(struct shape shape)
{
    for (uint32_t k = 0; k < SHAPES; k++)
        if (shape_equal(shapes[k], shape)) return k;
    return SHAPES;
}

struct drawing {
    struct fixture f;
    struct random random;
    ir_id node[256];
    uint32_t n_nodes, source[SHAPES][3];
};

static void keep(struct drawing *d, ir_id id)
{
    if (d->n_nodes < LENGTH(d->node) && shape_index(d->f.g->node[id].shape) < SHAPES) d->node[d->n_nodes++] = id;
}

static ir_id draw_node(struct drawing *d)
{
    uint32_t recent = d->n_nodes < 24 || random_below(&d->random, 3) == 0 ? d->n_nodes : 24;
    return d->node[d->n_nodes - 1 - random_below(&d->random, recent)];
}

static ir_id draw_like(struct drawing *d, struct shape shape)
{
    for (uint32_t k = 0; k < 40; k++) {
        ir_id id = draw_node(d);
        if (shape_equal(d->f.g->node[id].shape, shape)) return id;
    }
    return ir_source(d->f.g, d->source[shape_index(shape)][random_below(&d->random, 3)]);
}

static ir_id draw_map(struct drawing *d)
{
    static const enum primitive unary[] = {PRIMITIVE_tanh, PRIMITIVE_neg,      PRIMITIVE_sin,
                                           PRIMITIVE_abs,  PRIMITIVE_logistic, PRIMITIVE_hold};
    static const enum primitive binary[] = {PRIMITIVE_add, PRIMITIVE_sub, PRIMITIVE_mul, PRIMITIVE_max,
                                            PRIMITIVE_min};
    struct ir *g = d->f.g;
    ir_id a = draw_node(d), b = draw_like(d, g->node[a].shape);
    switch (random_below(&d->random, 6)) {
    case 0:
        return map1(g, unary[random_below(&d->random, LENGTH(unary))], a);
    case 1:
        return map2(g, PRIMITIVE_div, a, map2(g, PRIMITIVE_add, ir_number(g, 2), map2(g, PRIMITIVE_mul, b, b)));
    case 2:
        return map2(g, PRIMITIVE_mul, ir_number(g, random_uniform(&d->random) - 0.5), a);
    case 3:
        return ir_map(g, PRIMITIVE_select, map2(g, PRIMITIVE_less, ir_number(g, 0), b), a, b);
    default:
        return map2(g, binary[random_below(&d->random, LENGTH(binary))], a, b);
    }
}

static ir_id draw_view(struct drawing *d)
{
    struct ir *g = d->f.g;
    ir_id a = draw_node(d);
    switch (shape_index(g->node[a].shape)) {
    case 1:
        return ir_view(g, a, shapes[random_below(&d->random, 3) ? 2 + random_below(&d->random, 3) : 8],
                       (const int8_t[IR_AXES]){0, -1, -1, -1});
    case 2:
        return ir_view(g, a, shapes[4], (const int8_t[IR_AXES]){0, 1, -1, -1});
    case 3:
        return ir_view(g, a, shapes[4], (const int8_t[IR_AXES]){0, -1, 1, -1});
    case 5:
        return ir_view(g, a, shapes[random_below(&d->random, 2) ? 2 : 6], (const int8_t[IR_AXES]){-1, 0, -1, -1});
    case 7:
        return ir_view(g, a, shapes[7], (const int8_t[IR_AXES]){1, 0, -1, -1});
    case 8:
        return ir_view(g, a, shapes[1 + random_below(&d->random, 3)], (const int8_t[IR_AXES]){0, -1, -1, -1});
    default:
        return map1(g, PRIMITIVE_tanh, a);
    }
}

static ir_id draw_reduce(struct drawing *d)
{
    static const enum reduction kinds[] = {REDUCE_SUM, REDUCE_SUM, REDUCE_MAX, REDUCE_MIN, REDUCE_MEAN};
    ir_id a = draw_node(d);
    uint32_t rank = d->f.g->node[a].shape.rank;
    uint8_t axes = rank ? (uint8_t)(1 + random_below(&d->random, (1u << rank) - 1)) : 0;
    enum reduction kind = axes & 1 && rank && shape_index(d->f.g->node[a].shape) < 5
                              ? REDUCE_MEAN
                              : kinds[random_below(&d->random, LENGTH(kinds))];
    return ir_reduce(d->f.g, kind, a, axes);
}

static ir_id draw_contract(struct drawing *d)
{
    static const struct {
        uint32_t a, b;
        const char *labels;
    } forms[] = {
        {2, 6, "bj,ij->bi"},  {3, 6, "bi,ij->bj"},  {3, 2, "bi,bj->ij"},  {2, 7, "bj,ij->bi"}, {7, 7, "ij,kj->ki"},
        {4, 2, "bji,bj->bi"}, {4, 3, "bji,bi->bj"}, {2, 3, "bj,bi->bji"}, {2, 2, "bi,bi->b"},  {2, 5, "bi,i->b"},
        {6, 5, "ij,j->i"},    {1, 2, "b,bi->i"},    {2, 3, "bk,bi->i"},   {3, 5, "bk,i->bi"},
    };
    uint32_t k = random_below(&d->random, LENGTH(forms));
    return ir_contract(d->f.g, draw_like(d, shapes[forms[k].a]), draw_like(d, shapes[forms[k].b]), forms[k].labels);
}

static void draw_fields(struct drawing *d)
{
    static const uint32_t slabs[3] = {NNT_DATA, NNT_STATE, NNT_PARAMETERS};
    for (uint32_t k = 0; k < SHAPES; k++) {
        bool rows = shapes[k].rank && shapes[k].extent[0] == IR_BATCH;
        const uint32_t *extent = shapes[k].extent + rows;
        for (uint32_t s = 0; s < 3; s++)
            d->source[k][s] =
                add_field(&d->f, "field", slabs[s], rows, shapes[k].rank - rows, extent[0], extent[1]);
    }
    finish_fields(&d->f);
    for (uint32_t k = 0; k < SHAPES; k++)
        for (uint32_t s = 0; s < 3; s++) keep(d, ir_source(d->f.g, d->source[k][s]));
}

/* Results replace fields that the entry reads, some by other fields. */
static void draw_results(struct drawing *d, uint32_t entry)
{
    bool taken[MOST_FIELDS] = {false};
    for (uint32_t r = 0; r < RESULTS; r++) {
        ir_id value = draw_node(d);
        uint32_t field = d->source[shape_index(d->f.g->node[value].shape)][random_below(&d->random, 3)];
        if (!taken[field]) ir_define(d->f.g, entry, value, field);
        taken[field] = true;
    }
}

/* The derivative of the mean of something smooth enough by one of the parameters. */
static void draw_gradient(struct drawing *d)
{
    struct ir *g = d->f.g;
    ir_id of = map1(g, PRIMITIVE_tanh, draw_like(d, shapes[2]));
    of = ir_reduce(g, REDUCE_MEAN, ir_reduce(g, REDUCE_SUM, of, 2), 1);
    keep(d, ir_gradient(g, of, ir_source(g, d->source[6][2])));
    keep(d, ir_gradient(g, of, ir_source(g, d->source[2][0])));
}

static void plans_of_random_graphs_agree(void **state)
{
    (void)state;
    for (uint32_t seed = 0; seed < 300; seed++) {
        struct drawing d = {.random = random_stream(seed, RANDOM_SOURCE, 0, 0)};
        begin(&d.f);
        d.f.seed = seed;
        draw_fields(&d);
        uint32_t size = 10 + random_below(&d.random, 60);
        for (uint32_t k = 0; k < size; k++) {
            uint32_t what = random_below(&d.random, 10);
            keep(&d, what < 5   ? draw_map(&d)
                     : what < 7 ? draw_view(&d)
                     : what < 8 ? draw_reduce(&d)
                                : draw_contract(&d));
        }
        if (seed % 2) draw_gradient(&d);
        draw_results(&d, NNT_ENTRY_forward);
        draw_results(&d, NNT_ENTRY_step);
        assert_same(&d.f);
        end(&d.f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(computes_what_the_interpreter_does),
        cmocka_unit_test(a_step_by_gemm_is_one_pass_over_each_tensor),
        cmocka_unit_test(a_generated_step_ends_its_products_with_maps),
        cmocka_unit_test(moments_and_weights_are_one_pass),
        cmocka_unit_test(relu_keeps_one_tensor),
        cmocka_unit_test(results_wait_for_readers),
        cmocka_unit_test(no_nest_outgrows_its_limits),
        cmocka_unit_test(unknown_passes_are_refused),
        cmocka_unit_test(plans_of_random_graphs_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
