/* given.c: --weights: the file is read once, for the network and for the constants of its data. */
#include "compiler/driver/given.h"

#include <string.h>

#include "runtime/record/record.h"

static const struct weights *open_weights(struct session *session, const struct model *model)
{
    struct operand_text file = session->options.value[OPTION_weights];
    uint64_t numbers = 0;
    for (uint32_t p = 0; p < model->n_parameters; p++)
        numbers += (uint64_t)model->parameter[p].rows * model->parameter[p].columns;
    if (!session->weights) session->weights = weights_open(session->diag, file.at, file.text, numbers);
    return session->weights;
}

bool given_weights(struct session *session, const struct model *model, const struct nnt_module *module,
                   void *parameters)
{
    const struct weights *weights = open_weights(session, model);
    return weights && weights_take(weights, module, parameters);
}

static bool is_scaled(const struct data_spec *data, const char *group)
{
    for (uint32_t i = 0; i < data->n_bindings; i++)
        if (strcmp(data->binding[i].group, group) == 0) return data->binding[i].scaled;
    return false;
}

/* A group's constants, if the weights have them. */
static bool read_constants(struct session *session, const struct weights *weights, const struct data_group *group,
                           bool scaled, struct scale_spec *out)
{
    struct operand_text file = session->options.value[OPTION_weights];
    struct extra_tensor scale, offset;
    *out = (struct scale_spec){.group = group->name};
    if (!weights_extra(weights, session->arena, arena_printf(session->arena, "scale.%s", group->name), &scale) ||
        !weights_extra(weights, session->arena, arena_printf(session->arena, "offset.%s", group->name), &offset))
        return false;
    if (!scale.values && !offset.values) {
        if (scaled)
            diag_warn(session->diag, file.at, "no-constants",
                      "the weights have no scale.%s: it is computed from the data", group->name);
        return true;
    }
    if (!scale.values || !offset.values || scale.count != group->size || offset.count != group->size) {
        diag_input(session->diag, file.at, "bad-weights",
                   "the weights have a scale.%s of %u numbers and an offset.%s of %u; %s has %u neuron%s",
                   group->name, scale.count, group->name, offset.count, group->shown, group->size,
                   group->size == 1 ? "" : "s");
        return false;
    }
    if (!scaled)
        diag_warn(session->diag, file.at, "unused-constants",
                  "the weights were found with '%s' scaled; the data block does not scale it", group->shown);
    out->count = scale.count;
    out->scale = scale.values;
    out->offset = offset.values;
    return true;
}

bool given_constants(struct session *session, const struct model *model, struct data_spec *out)
{
    *out = model->data;
    if (!session->options.given[OPTION_weights] || !out->present) return true;
    const struct weights *weights = open_weights(session, model);
    if (!weights) return false;
    struct scale_spec *given = arena_alloc(session->arena, (out->n_groups + (size_t)1) * sizeof *given);
    for (uint32_t g = 0; g < out->n_groups; g++) {
        const struct data_group *group = &out->group[g];
        if (!read_constants(session, weights, group, is_scaled(out, group->name), &given[out->n_given]))
            return false;
        out->n_given += given[out->n_given].scale != NULL;
    }
    out->given = given;
    return true;
}
