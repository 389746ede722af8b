/* rows.c: which fields a group with rows reads: of those, an array of three axes is a sequence. */
#include "runtime/data/column.h"

#include <stdlib.h>
#include <string.h>

static void mark(const struct expr *e, bool *wanted)
{
    const struct expr **node = expr_nodes(e);
    for (uint32_t id = 0; id <= e->id; id++)
        if (node[id] != NULL && node[id]->kind == EXPR_VARIABLE) wanted[node[id]->index] = true;
    free(node);
}

static const struct data_group *group_of(const struct data_spec *spec, const char *name)
{
    for (uint32_t g = 0; g < spec->n_groups; g++)
        if (strcmp(spec->group[g].name, name) == 0) return &spec->group[g];
    return NULL;
}

/* Without bindings the input reads the first field, the output the second. */
static void mark_defaults(const struct columns *c, const struct data_spec *spec, bool *wanted)
{
    for (uint32_t g = 0; g < spec->n_groups; g++) {
        uint32_t field = spec->group[g].input ? 0 : 1;
        if (spec->group[g].rows > 0 && field < c->n_named) wanted[field] = true;
    }
}

const bool *rows_wanted(const struct columns *c, const struct data_spec *spec)
{
    bool *wanted = arena_alloc(c->arena, (c->n_columns + (size_t)1) * sizeof *wanted);
    if (spec->n_bindings == 0) mark_defaults(c, spec, wanted);
    for (uint32_t i = 0; i < spec->n_bindings; i++) {
        const struct data_group *group = group_of(spec, spec->binding[i].group);
        if (group != NULL && group->rows > 0 && spec->binding[i].value != NULL)
            mark(spec->binding[i].value, wanted);
    }
    /* A derived field comes behind what it is made of. */
    for (uint32_t i = spec->n_derived; i-- > 0;)
        for (uint32_t k = 0; wanted[c->n_named + i] && k < spec->derived[i].n_arguments; k++)
            mark(spec->derived[i].argument[k], wanted);
    return wanted;
}
