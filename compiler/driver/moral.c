/* moral.c: the group graph of A: its blocks, the order in which they are eliminated, the fill, and what a Gaussian evaluation costs. */
#include "compiler/driver/moral.h"

#include "runtime/thermo/lanczos.h"

/* Groups that are drawn; edges, and groups of the order, that are listed. */
enum { MOST_PICTURE = 24, MOST_LISTED = 40 };

/* ---- the graph ---- */

static void couple(struct moral *moral, uint32_t a, uint32_t b)
{
    moral->coupled[(size_t)a * moral->n + b] = moral->coupled[(size_t)b * moral->n + a] = true;
}

/* The couplings of J into a group of R: their numbers, their products with each other, what they couple. */
static void add_rows(struct moral *moral, const struct model *m, const uint32_t *number, uint32_t to)
{
    double rows = m->group[to].size;
    for (uint32_t k = 0; k < m->n_blocks; k++) {
        uint32_t from = m->block[k].from;
        double columns = m->group[from].size;
        if (m->block[k].to != to || number[from] == NNT_NONE) continue;
        moral->numbers_of_J += rows * columns;
        moral->assembly += rows * columns * columns + (m->group[to].group_map ? 2 * rows * rows * columns : 0);
        if (number[to] != NNT_NONE) couple(moral, number[from], number[to]);
        for (uint32_t l = 0; l < k; l++) {
            uint32_t beside = m->block[l].from;
            if (m->block[l].to != to || number[beside] == NNT_NONE) continue;
            moral->assembly += 2 * rows * columns * m->group[beside].size;
            couple(moral, number[from], number[beside]);
        }
    }
}

bool moral_init(struct moral *moral, const struct model *m)
{
    uint32_t *number = arena_alloc(m->arena, (m->n_groups + 1) * sizeof *number);
    uint32_t *size = arena_alloc(m->arena, (m->n_groups + 1) * sizeof *size);
    *moral = (struct moral){.group = arena_alloc(m->arena, (m->n_groups + 1) * sizeof *moral->group)};
    for (uint32_t g = 0; g < m->n_groups; g++) {
        number[g] = m->group[g].clamped ? NNT_NONE : moral->n;
        if (m->group[g].clamped) continue;
        size[moral->n] = m->group[g].size;
        moral->group[moral->n++] = g;
    }
    moral->shown = arena_alloc(m->arena, (m->n_groups + 1) * sizeof *moral->shown);
    for (uint32_t i = 0, n = 0; i < m->n_groups; i++)
        if (number[m->order[i]] != NNT_NONE) moral->shown[n++] = number[m->order[i]];
    moral->coupled = arena_alloc(m->arena, (size_t)moral->n * moral->n + 1);
    for (uint32_t g = 0; g < m->n_groups; g++)
        if (m->group[g].in_R) add_rows(moral, m, number, g);
    return pattern_init(&moral->pattern, moral->n, size, moral->coupled);
}

void moral_fini(struct moral *moral)
{
    pattern_fini(&moral->pattern);
}

/* ---- its text ---- */

static bool are_coupled(const struct moral *moral, uint32_t a, uint32_t b)
{
    return a == b || moral->coupled[(size_t)a * moral->n + b];
}

static bool is_filled(const struct moral *moral, uint32_t a, uint32_t b)
{
    const size_t *at = moral->pattern.at;
    return !are_coupled(moral, a, b) &&
           (at[(size_t)a * moral->n + b] != SIZE_MAX || at[(size_t)b * moral->n + a] != SIZE_MAX);
}

/* The largest distance of coupled blocks as they are drawn. */
static uint32_t bandwidth(const struct moral *moral)
{
    uint32_t most = 0;
    for (uint32_t i = 0; i < moral->n; i++)
        for (uint32_t j = 0; j < i; j++)
            if (are_coupled(moral, moral->shown[i], moral->shown[j]) && i - j > most) most = i - j;
    return most;
}

static void print_structure(const struct moral *moral, struct text *out)
{
    static const char *const structures[] = {"block diagonal", "block tridiagonal"};
    uint32_t band = bandwidth(moral);
    if (moral->n == 1)
        text_add(out, "one block\n");
    else if (band < LENGTH(structures))
        text_add(out, "%s\n", structures[band]);
    else
        text_add(out, "blocks up to %u beside the diagonal\n", band);
}

static void print_picture(const struct moral *moral, const struct model *m, struct text *out)
{
    for (uint32_t i = 0; i < moral->n && moral->n <= MOST_PICTURE; i++) {
        uint32_t row = moral->shown[i];
        text_add(out, "         %-8s %6u ", m->group[moral->group[row]].shown, m->group[moral->group[row]].size);
        for (uint32_t j = 0; j < moral->n; j++) {
            uint32_t column = moral->shown[j];
            text_add(out, " %s", are_coupled(moral, row, column) ? "■" : is_filled(moral, row, column) ? "□" : "·");
        }
        text_add(out, "\n");
    }
}

static void print_edges(const struct moral *moral, const struct model *m, struct text *out)
{
    uint32_t edges = 0;
    for (uint32_t i = 0; i < moral->n; i++)
        for (uint32_t j = i + 1; j < moral->n; j++) {
            if (!are_coupled(moral, i, j)) continue;
            if (edges++ < MOST_LISTED)
                text_add(out, "%s%s – %s", edges == 1 ? "         graph: " : ", ", m->group[moral->group[i]].shown,
                         m->group[moral->group[j]].shown);
        }
    if (edges > MOST_LISTED) text_add(out, " … %u edges", edges);
    if (edges) text_add(out, "\n");
}

static void print_order(const struct moral *moral, const struct model *m, struct text *out)
{
    const struct pattern *p = &moral->pattern;
    text_add(out, "         eliminated in the order ");
    for (uint32_t k = 0; k < moral->n && k < MOST_LISTED; k++)
        text_add(out, "%s%s", k ? ", " : "", m->group[moral->group[p->order[k]]].shown);
    text_add(out, "%s (minimum degree): L has %zu numbers in %u blocks, ", moral->n > MOST_LISTED ? " …" : "",
             p->numbers, moral->n + p->first_row[moral->n]);
    if (p->fill)
        text_add(out, "of which %u are fill\n", p->fill);
    else
        text_add(out, "no fill\n");
}

void moral_print(const struct moral *moral, const struct model *m, struct text *out)
{
    print_structure(moral, out);
    print_picture(moral, m, out);
    if (moral->n < 2) return;
    print_edges(moral, m, out);
    print_order(moral, m, out);
}

/* ---- the cost ---- */

void moral_cost(const struct moral *moral, const struct model *m, double *out_flops, double *out_bytes)
{
    const struct ensemble_spec *spec = &m->ensemble;
    double n = moral->pattern.n, order = spec->order < n ? spec->order : n;
    *out_flops = moral->assembly + moral->pattern.flops;
    *out_bytes = 8 * (moral->numbers_of_J + (double)moral->pattern.numbers);
    if (!spec->lanczos) return;
    /* A product by A is two by J; each vector is made orthogonal to those before it, twice. */
    *out_flops = spec->probes * (order * 4 * moral->numbers_of_J + 4 * n * order * order);
    *out_bytes = 8 * moral->numbers_of_J + lanczos_bytes(moral->pattern.n, spec->order);
}
