/* schedule.c: decides how a nest is carried out, by a plain estimate of what each choice of lanes costs. */
#include "compiler/llvm/schedule.h"

#include <math.h>

enum { MOST_COUNT = 8, LIGHT_BODY = 8, USUAL_BATCH = 64 };

static double expected(const struct axis *axis, const struct schedule_machine *machine)
{
    return (double)axis->times * (axis->batch ? machine->batch ? machine->batch : USUAL_BATCH : 1);
}

/* ---- axes: loops of one iteration dropped, neighbours joined ---- */

static bool program_reads_index(const struct program *program, uint32_t loop)
{
    for (uint32_t i = 0; i < program->count; i++)
        if (program->code[i].op == SCALAR_INDEX && program->code[i].index == loop) return true;
    return false;
}

static struct axis axis_of(const struct nest *nest, uint32_t loop)
{
    bool batch = nest->extent[loop] == NEST_BATCH;
    struct axis axis = {.times = batch ? 1 : nest->extent[loop], .batch = batch, .loop = loop};
    axis.summed = nest->summed >> loop & 1;
    for (uint32_t o = 0; o < nest->n_operands; o++) axis.stride[o] = nest->operand[o].stride[loop];
    return axis;
}

/* Whether one turn of `outer` moves every operand as far as all turns of `inner`. */
static bool can_join(const struct nest *nest, const struct axis *outer, const struct axis *inner)
{
    if (outer->summed != inner->summed || inner->batch) return false;
    for (uint32_t o = 0; o < nest->n_operands; o++)
        if (outer->stride[o] != inner->stride[o] * (int64_t)inner->times) return false;
    const struct axis *both[] = {outer, inner};
    for (uint32_t i = 0; i < 2; i++)
        if (both[i]->loop != NEST_NONE &&
            (program_reads_index(&nest->body, both[i]->loop) || program_reads_index(&nest->finish, both[i]->loop)))
            return false;
    return true;
}

static void add_axis(struct schedule *s, const struct nest *nest, struct axis axis)
{
    struct axis *last = s->n_axes ? &s->axis[s->n_axes - 1] : NULL;
    if (last && can_join(nest, last, &axis)) {
        axis.times *= last->times, axis.batch = last->batch, axis.loop = NEST_NONE;
        *last = axis;
    } else {
        s->axis[s->n_axes++] = axis;
    }
}

static void find_axes(struct schedule *s, const struct nest *nest)
{
    for (uint32_t summed = 0; summed < 2; summed++) {
        for (uint32_t loop = nest->outer; loop < nest->depth; loop++)
            if ((nest->summed >> loop & 1) == summed && nest->extent[loop] != 1)
                add_axis(s, nest, axis_of(nest, loop));
        if (!summed) s->n_free = s->n_axes;
    }
}

/* ---- lanes ---- */

/* A short axis needs no wide vectors. */
static uint32_t lanes_along(const struct axis *axis, const struct schedule_machine *machine)
{
    uint32_t lanes = machine->lanes;
    if (!axis->batch)
        while (lanes > 1 && lanes / 2 >= axis->times) lanes /= 2;
    return lanes;
}

/* Operations of one turn of a program, where `axis` lies in lanes: what is not contiguous is moved number by
 * number. */
static double turn_cost(const struct program *program, const struct axis *axis, uint32_t lanes)
{
    double cost = program->count;
    for (uint32_t i = 0; i < program->count; i++) {
        const struct scalar *s = &program->code[i];
        if (s->op != SCALAR_LOAD && s->op != SCALAR_STORE) continue;
        int64_t stride = axis ? axis->stride[s->index] : 0;
        if (stride != 0 && stride != 1) cost += 2 * lanes;
    }
    return cost;
}

static double cost_with(const struct schedule *s, const struct nest *nest, uint32_t chosen,
                        const struct schedule_machine *machine)
{
    const struct axis *axis = chosen == AXIS_NONE ? NULL : &s->axis[chosen];
    uint32_t lanes = axis ? lanes_along(axis, machine) : 1;
    double turns = 1, finishes = 1;
    for (uint32_t i = 0; i < s->n_axes; i++) {
        double n = expected(&s->axis[i], machine);
        if (i == chosen) n = ceil(n / lanes);
        turns *= n;
        if (i < s->n_free) finishes *= n;
    }
    double finish = turn_cost(&nest->finish, axis, lanes);
    if (axis && axis->summed) finish += 2 * nest->n_accumulators * log2(lanes);
    return turns * turn_cost(&nest->body, axis, lanes) + (nest->summed ? finishes * finish : 0);
}

static void choose_lanes(struct schedule *s, const struct nest *nest, const struct schedule_machine *machine)
{
    double best = cost_with(s, nest, AXIS_NONE, machine);
    s->lanes_axis = AXIS_NONE, s->lanes = 1;
    for (uint32_t i = s->n_axes; i-- > 0;) {
        double cost = cost_with(s, nest, i, machine);
        if (cost >= best || lanes_along(&s->axis[i], machine) == 1) continue;
        best = cost, s->lanes_axis = i, s->lanes = lanes_along(&s->axis[i], machine);
    }
}

/* ---- registers ---- */

/* How often the body loads what moves with the lanes and not with this axis: what a tile along it saves. */
static uint32_t reuse(const struct schedule *s, const struct nest *nest, uint32_t axis)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < nest->body.count; i++) {
        const struct scalar *load = &nest->body.code[i];
        if (load->op != SCALAR_LOAD) continue;
        n += s->axis[s->lanes_axis].stride[load->index] != 0 && s->axis[axis].stride[load->index] == 0;
    }
    return n;
}

/* The free axis, other than two, along which a tile saves most. */
static uint32_t best_rows(const struct schedule *s, const struct nest *nest, uint32_t but)
{
    uint32_t best = AXIS_NONE, most = 0;
    for (uint32_t i = 0; i < s->n_free; i++) {
        if (i == s->lanes_axis || i == but) continue;
        uint32_t n = reuse(s, nest, i);
        if (n > most) most = n, best = i;
    }
    return best;
}

/* At most `most` of them at once, so that few are left over. */
static uint32_t fit(const struct axis *axis, uint32_t lanes, uint32_t most, const struct schedule_machine *machine)
{
    if (most > MOST_COUNT) most = MOST_COUNT;
    uint64_t n = (uint64_t)ceil(expected(axis, machine) / lanes);
    if (most < 2 || n < 2) return 1;
    if (!axis->batch) {
        uint64_t passes = (n + most - 1) / most;
        return (uint32_t)((n + passes - 1) / passes);
    }
    uint32_t best = most;
    for (uint32_t c = most; c > most / 2; c--)
        if (n % c < n % best) best = c;
    return best;
}

/* Lanes on a free axis: vectors of columns times rows of accumulators, a vector a column and one spread number
 * besides. */
static void tile_columns(struct schedule *s, const struct nest *nest, const struct schedule_machine *machine)
{
    bool light = nest->body.count <= LIGHT_BODY && nest->n_accumulators == 1;
    const struct axis *columns = &s->axis[s->lanes_axis];
    uint32_t most = machine->registers / 8;
    s->tile[1] = s->lanes_axis;
    s->count[1] = light && !columns->batch ? fit(columns, s->lanes, nest->how == HOW_LOOPS ? 4 : most, machine) : 1;
    if (!light || nest->how == HOW_LOOPS) return;
    s->tile[0] = best_rows(s, nest, AXIS_NONE);
    if (s->tile[0] == AXIS_NONE) return;
    uint32_t rows = (machine->registers - 2 - s->count[1]) / s->count[1];
    s->count[0] = fit(&s->axis[s->tile[0]], 1, rows > 6 && s->count[1] > 1 ? 6 : rows, machine);
}

/* Lanes on a summed axis: rows times columns of accumulators, each summed over its lanes at the end. */
static void tile_dots(struct schedule *s, const struct nest *nest, const struct schedule_machine *machine)
{
    const struct axis *along = &s->axis[s->lanes_axis];
    bool light = nest->body.count <= LIGHT_BODY && nest->n_accumulators == 1;
    if (!light) return;
    if (nest->how != HOW_LOOPS) s->tile[1] = best_rows(s, nest, AXIS_NONE);
    if (s->tile[1] == AXIS_NONE) {
        if (expected(along, machine) < 8 * s->lanes) return;
        s->tile[1] = s->lanes_axis, s->count[1] = 4;
        return;
    }
    s->tile[0] = best_rows(s, nest, s->tile[1]);
    if (s->tile[0] != AXIS_NONE) s->count[0] = fit(&s->axis[s->tile[0]], 1, 4, machine);
    uint32_t columns = (machine->registers - 2 - s->count[0]) / s->count[0];
    s->count[1] = fit(&s->axis[s->tile[1]], 1, columns > 4 ? 4 : columns, machine);
}

static void choose_tile(struct schedule *s, const struct nest *nest, const struct schedule_machine *machine)
{
    s->tile[0] = s->tile[1] = AXIS_NONE;
    s->count[0] = s->count[1] = 1;
    if (s->lanes_axis == AXIS_NONE) return;
    if (!nest->summed)
        s->tile[1] = s->lanes_axis;
    else if (s->axis[s->lanes_axis].summed)
        tile_dots(s, nest, machine);
    else
        tile_columns(s, nest, machine);
}

/* Puts an axis behind the other free ones. */
static void move_last(struct schedule *s, uint32_t from)
{
    struct axis axis = s->axis[from];
    uint32_t *names[] = {&s->lanes_axis, &s->tile[0], &s->tile[1]}, last = s->n_free - 1;
    for (uint32_t i = from; i < last; i++) s->axis[i] = s->axis[i + 1];
    s->axis[last] = axis;
    for (uint32_t i = 0; i < LENGTH(names); i++) {
        if (*names[i] == AXIS_NONE || *names[i] > last || *names[i] < from) continue;
        *names[i] = *names[i] == from ? last : *names[i] - 1;
    }
}

/* Rows run innermost, below a panel of columns that stays in the cache. */
void schedule_nest(struct schedule *s, const struct nest *nest, const struct schedule_machine *machine)
{
    *s = (struct schedule){0};
    find_axes(s, nest);
    choose_lanes(s, nest, machine);
    choose_tile(s, nest, machine);
    if (s->tile[1] != AXIS_NONE && s->tile[1] < s->n_free) move_last(s, s->tile[1]);
    if (s->tile[0] != AXIS_NONE) move_last(s, s->tile[0]);
}
