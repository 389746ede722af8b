/* test_ir.c: the graph: equal nodes are one, what ir_map simplifies, copies, verification, print. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/ir/op.h"

static struct nnt_field fields[] = {
    {.name = "w", .slab = NNT_PARAMETERS, .rank = 2, .extent = {2, 3}},
    {.name = "x", .slab = NNT_DATA, .per_sample = 1, .rank = 1, .extent = {3}},
    {.name = "y", .slab = NNT_STATE, .per_sample = 1, .rank = 1, .extent = {2}},
    {.name = "loss", .slab = NNT_RESULT, .per_sample = 1},
    {.name = "dw", .slab = NNT_GRADIENT, .rank = 2, .extent = {2, 3}},
};
enum { W, X, OUT, LOSS, DW };

static struct ir *new_graph(void **state)
{
    struct ir *g = ir_new(*state, 8);

    g->field = fields;
    g->n_fields = LENGTH(fields);
    return g;
}

static int setup(void **state)
{
    *state = arena_new();
    return 0;
}

static int teardown(void **state)
{
    arena_free(*state);
    return 0;
}

static ir_id map2(struct ir *g, enum primitive op, ir_id a, ir_id b)
{
    return ir_map(g, op, a, b, IR_NONE);
}

static void equal_nodes_are_one(void **state)
{
    struct ir *g = new_graph(state);
    ir_id x = ir_source(g, X);

    assert_int_equal(ir_source(g, X), x);
    assert_int_equal(map2(g, PRIMITIVE_mul, x, x), map2(g, PRIMITIVE_mul, x, x));
    assert_int_not_equal(map2(g, PRIMITIVE_mul, x, x), map2(g, PRIMITIVE_div, x, x));
    assert_int_not_equal(ir_number(g, 0.0), ir_number(g, -0.0));
    assert_int_not_equal(ir_reduce(g, REDUCE_SUM, x, 1), ir_reduce(g, REDUCE_SUM, x, 2));
    assert_int_not_equal(ir_index(g, 3), ir_index(g, 4));
    for (uint32_t k = 0; k < 2000; k++) ir_number(g, k + 0.5); /* the table grows */
    assert_int_equal(ir_source(g, X), x);
}

static void what_changes_nothing_is_left_out(void **state)
{
    struct ir *g = new_graph(state);
    ir_id x = ir_source(g, X), zero = ir_number(g, 0), one = ir_number(g, 1), minus = ir_number(g, -1);
    ir_id folded = map2(g, PRIMITIVE_pow, ir_number(g, 3), ir_number(g, 2));

    assert_int_equal(map2(g, PRIMITIVE_add, zero, x), x);
    assert_int_equal(map2(g, PRIMITIVE_sub, x, zero), x);
    assert_int_equal(map2(g, PRIMITIVE_mul, one, x), x);
    assert_int_equal(map2(g, PRIMITIVE_div, x, one), x);
    assert_int_equal(map2(g, PRIMITIVE_pow, x, one), x);
    assert_int_equal(map2(g, PRIMITIVE_mul, minus, map2(g, PRIMITIVE_mul, x, minus)), x);
    assert_true(g->node[folded].op == IR_number && g->node[folded].number == 9);
    assert_int_not_equal(map2(g, PRIMITIVE_mul, x, zero), zero); /* x may be NaN */
    assert_true(shape_equal(g->node[map2(g, PRIMITIVE_mul, x, zero)].shape, g->node[x].shape));
    assert_int_equal(ir_map(g, PRIMITIVE_select, one, x, zero), x);
}

static void views_compose(void **state)
{
    struct ir *g = new_graph(state);
    ir_id w = ir_source(g, W);
    struct shape turned = {.rank = 2, .extent = {3, 2}};
    ir_id once = ir_view(g, w, turned, (const int8_t[]){1, 0, -1, -1});

    assert_int_equal(ir_view(g, once, g->node[w].shape, (const int8_t[]){1, 0, -1, -1}), w);
    assert_int_equal(ir_view(g, w, g->node[w].shape, (const int8_t[]){0, 1, -1, -1}), w);
}

/* loss = sum of (w x)^2, and its gradient. */
static struct ir *small_network(void **state)
{
    struct ir *g = new_graph(state);
    ir_id x = ir_source(g, X), w = ir_source(g, W), z = ir_contract(g, x, w, "bj,ij->bi");
    ir_id loss = ir_reduce(g, REDUCE_SUM, map2(g, PRIMITIVE_mul, z, z), 2);

    map2(g, PRIMITIVE_add, z, ir_number(g, 5)); /* nobody needs it */
    ir_define(g, NNT_ENTRY_forward, z, OUT);
    ir_define(g, NNT_ENTRY_gradient, loss, LOSS);
    ir_define(g, NNT_ENTRY_gradient, ir_gradient(g, ir_reduce(g, REDUCE_MEAN, loss, 1), ir_source(g, W)), DW);
    return g;
}

static void a_derivative_needs_no_placeholder(void **state)
{
    struct ir *g = small_network(state), *d = ir_differentiate(*state, g);

    assert_null(ir_verify(g, *state));
    assert_null(ir_verify(d, *state));
    for (ir_id id = 0; id < d->count; id++) assert_int_not_equal(d->node[id].op, IR_gradient);
    assert_int_equal(d->entry[NNT_ENTRY_gradient].phase[0].n_results, 2);
    assert_int_equal(d->entry[NNT_ENTRY_gradient].phase[0].result[1].field, DW);
    assert_int_equal(d->entry[NNT_ENTRY_loss].n_phases, 0);
}

/* The adjoint of x is made on the way and dropped again: only the product for w stays beside w x. */
static void nothing_is_computed_in_vain(void **state)
{
    struct ir *d = ir_differentiate(*state, small_network(state));
    uint32_t contractions = 0;

    for (ir_id id = 0; id < d->count; id++) contractions += d->node[id].op == IR_contract;
    assert_int_equal(contractions, 2);
}

/* The gradients of one loss by many parameters come from one reverse pass: the graph grows linearly. */
static void gradients_share_their_pass(void **state)
{
    uint32_t count[2];

    for (uint32_t k = 0; k < 2; k++) {
        uint32_t depth = k ? 400 : 200;
        struct nnt_field *many = arena_alloc(*state, 2 * depth * sizeof *many);
        struct ir *g = ir_new(*state, 8);
        ir_id z;

        g->field = many;
        g->n_fields = 2 * depth;
        for (uint32_t p = 0; p < 2 * depth; p++) many[p] = (struct nnt_field){.name = "q"};
        z = ir_source(g, 0);
        for (uint32_t p = 1; p < depth; p++) {
            z = map2(g, PRIMITIVE_mul, ir_map(g, PRIMITIVE_tanh, z, IR_NONE, IR_NONE), ir_source(g, p));
        }
        for (uint32_t p = 0; p < depth; p++)
            ir_define(g, NNT_ENTRY_gradient, ir_gradient(g, z, ir_source(g, p)), depth + p);
        count[k] = ir_differentiate(*state, g)->count;
    }
    assert_true(count[1] < 2 * count[0] + 10);
}

static void verify_finds_what_is_wrong(void **state)
{
    struct ir *g = small_network(state);
    struct node *z = &g->node[g->entry[NNT_ENTRY_forward].phase[0].result[0].value];

    z->shape.extent[1] = 7;
    assert_non_null(strstr(ir_verify(g, *state), "shape"));
    z->shape.extent[1] = 2;
    assert_null(ir_verify(g, *state));
    z->in[0] = g->count - 1;
    assert_non_null(strstr(ir_verify(g, *state), "before"));
    z->in[0] = 0;
    ir_define(g, NNT_ENTRY_forward, g->entry[NNT_ENTRY_forward].phase[0].result[0].value, OUT);
    assert_non_null(strstr(ir_verify(g, *state), "twice"));
}

static void the_text_says_what_is_there(void **state)
{
    struct ir *g = small_network(state);
    struct text text = {0};
    uint64_t hash = ir_hash(g);

    ir_print(g, &text);
    assert_non_null(strstr(text.data, "%2 = contract %0 %1 ab,cb->ac : [batch,2]\n"));
    assert_non_null(strstr(text.data, "gradient: %"));
    assert_non_null(strstr(text.data, " -> dw\n"));
    text_fini(&text);
    assert_true(hash == ir_hash(small_network(state)));
    ir_define(g, NNT_ENTRY_bulk, ir_source(g, W), DW);
    assert_true(hash != ir_hash(g));
}

/* f(z) of a kept z, whose value is kept beside: its derivative is taken, and then reads the value. */
static void what_is_kept_is_read(void **state)
{
    struct ir *g = new_graph(state), *d;
    struct shape shape = {.rank = 1, .extent = {3}};
    ir_id value = ir_source(g, ir_scratch(g, "value", true, shape));
    ir_id z = ir_source(g, ir_scratch(g, "z", true, shape)), f = ir_map(g, PRIMITIVE_tanh, z, IR_NONE, IR_NONE);
    ir_id back = ir_source(g, X);
    uint32_t tanhs = 0;

    ir_keeps(g, f, value);
    ir_define(g, NNT_ENTRY_forward, ir_gradient(g, map2(g, PRIMITIVE_mul, f, back), z), X);
    d = ir_differentiate(*state, g);
    for (ir_id id = 0; id < d->count; id++) tanhs += d->node[id].op == IR_map && d->node[id].kind == PRIMITIVE_tanh;
    assert_int_equal(tanhs, 0);
    assert_null(ir_verify(d, *state));
}

/* Written and never read: gone, and what it was made of with it. What two entries keep stands in one place. */
static void scratch_is_packed(void **state)
{
    struct ir *g = new_graph(state);
    struct shape shape = {.rank = 1, .extent = {3}};
    uint32_t unread = ir_scratch(g, "unread", true, shape), a = ir_scratch(g, "a", true, shape),
             b = ir_scratch(g, "b", true, shape), both = ir_scratch(g, "both", false, shape);
    ir_id x = ir_source(g, X), three = ir_broadcast(g, ir_number(g, 3), shape);

    assert_true(g->work == 16 && g->work_per_sample == 48);
    ir_define(g, NNT_ENTRY_forward, map2(g, PRIMITIVE_mul, x, x), unread);
    ir_define(g, NNT_ENTRY_forward, x, a);
    ir_define(g, NNT_ENTRY_forward, three, both);
    ir_begin_phase(g, NNT_ENTRY_forward, 1);
    ir_define(g, NNT_ENTRY_forward, ir_source(g, a), X);
    ir_define(g, NNT_ENTRY_loss, x, b);
    ir_define(g, NNT_ENTRY_loss, three, both);
    ir_begin_phase(g, NNT_ENTRY_loss, 1);
    ir_define(g, NNT_ENTRY_loss,
              map2(g, PRIMITIVE_mul, ir_source(g, b), ir_broadcast(g, ir_source(g, both), g->node[x].shape)), X);
    assert_true(ir_drop_unread(g));
    assert_int_equal(g->entry[NNT_ENTRY_forward].phase[0].n_results, 2);
    assert_false(ir_drop_unread(g));
    ir_pack(g);
    assert_true(g->work == 16 && g->work_per_sample == 16);
    assert_true(g->field[both].offset == 0 && g->field[a].offset == 16 && g->field[b].offset == 16);
    assert_true(g->field[a].offset_per_sample == 0 && g->field[b].offset_per_sample == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(equal_nodes_are_one, setup, teardown),
        cmocka_unit_test_setup_teardown(what_changes_nothing_is_left_out, setup, teardown),
        cmocka_unit_test_setup_teardown(views_compose, setup, teardown),
        cmocka_unit_test_setup_teardown(a_derivative_needs_no_placeholder, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_is_computed_in_vain, setup, teardown),
        cmocka_unit_test_setup_teardown(gradients_share_their_pass, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_kept_is_read, setup, teardown),
        cmocka_unit_test_setup_teardown(scratch_is_packed, setup, teardown),
        cmocka_unit_test_setup_teardown(verify_finds_what_is_wrong, setup, teardown),
        cmocka_unit_test_setup_teardown(the_text_says_what_is_there, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
