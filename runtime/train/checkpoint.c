/* checkpoint.c: everything a resumed run needs to go on bit for bit, in one file of this machine's numbers. */
#include "runtime/train/train.h"

#include "runtime/base/file.h"
#include "runtime/base/text.h"
#include "runtime/thermo/slabs.h"
#include "runtime/train/trainer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHECKPOINT_VERSION = 3, ORDER_OF_BYTES = 0x01020304 };
static const char magic[8] = "nnt\rstep";

/* The file: this, output_sums of each output, parameters, moments, what others keep beside them, and the checksum of all that (8
 * bytes). */
struct header {
    char magic[8];
    uint32_t version, order_of_bytes, real_bytes, batch;
    uint32_t count, shuffle, n_outputs, reserved;
    uint64_t description; /* hash of the module's */
    uint64_t seed, steps, step;
    uint64_t samples, relaxed; /* since the last measurement, and their losses */
    uint64_t beside;           /* bytes that others keep */
    uint64_t descended;
    double loss, H, F;
    struct convergence since, before; /* the last measurement */
    char core[32];                    /* of OpenBLAS: its bits depend on it */
};

/* ---- hashes ---- */

static const uint64_t fnv_start = 0xcbf29ce484222325u;

static uint64_t fnv(uint64_t hash, const void *bytes, size_t length)
{
    const unsigned char *b = bytes;
    for (size_t i = 0; i < length; i++) hash = (hash ^ b[i]) * 0x100000001b3u;
    return hash;
}

static uint64_t fnv_number(uint64_t hash, uint64_t number)
{
    return fnv(hash, &number, sizeof number);
}

static uint64_t hash_field(uint64_t hash, const struct nnt_field *field)
{
    hash = fnv(hash, field->name, strlen(field->name) + 1);
    hash = fnv_number(hash, field->rank);
    for (uint32_t axis = 0; axis < field->rank; axis++) hash = fnv_number(hash, field->extent[axis]);
    return fnv_number(hash, field->offset);
}

/* Of what the weights and moments mean: names, shapes and places of the parameters, groups, blocks. */
static uint64_t hash_description(const struct nnt_module *module)
{
    uint64_t hash = fnv_start;
    for (uint32_t p = 0; p < module->n_parameters; p++) {
        hash = hash_field(hash, &module->field[module->parameter[p].field]);
        hash = fnv_number(hash, module->parameter[p].gradient == NNT_NONE);
    }
    for (uint32_t k = 0; k < module->n_groups; k++) {
        hash = fnv(hash, module->group[k].name, strlen(module->group[k].name) + 1);
        hash = fnv_number(hash, module->group[k].size);
        hash = fnv_number(hash, module->group[k].flags & (NNT_INPUT | NNT_OUTPUT));
    }
    for (uint32_t k = 0; k < module->n_blocks; k++) {
        const struct nnt_block *block = &module->block[k];
        hash = fnv_number(fnv_number(hash, block->from), block->to);
        hash = fnv_number(fnv_number(hash, block->parameter), block->transposed);
    }
    return fnv_number(fnv_number(hash, module->size[NNT_PARAMETERS]), module->size[NNT_MOMENTS]);
}

/* ---- writing ---- */

static struct header header_of(const struct trainer *t)
{
    struct header header = {.version = CHECKPOINT_VERSION,
                            .order_of_bytes = ORDER_OF_BYTES,
                            .real_bytes = t->module->real_bytes,
                            .batch = t->batch,
                            .count = t->data->train.count,
                            .shuffle = t->options.shuffle,
                            .n_outputs = t->score.n_outputs,
                            .description = hash_description(t->module),
                            .seed = t->options.seed,
                            .steps = t->steps,
                            .step = t->step,
                            .samples = t->score.samples,
                            .relaxed = t->score.relaxed,
                            .loss = t->score.loss,
                            .H = t->score.H,
                            .F = t->score.F,
                            .descended = t->score.descended,
                            .since = t->score.convergence,
                            .before = t->before};
    memcpy(header.magic, magic, sizeof magic);
    snprintf(header.core, sizeof header.core, "%s", products_core());
    return header;
}

bool checkpoint_write(struct diag *diag, const struct trainer *t, const struct text *beside, const char *folder)
{
    struct text bytes = {0};
    struct header header = header_of(t);
    header.beside = beside ? beside->length : 0;
    if (!numbers_are_finite(t->call.slab[NNT_PARAMETERS], trainer_bytes(t, NNT_PARAMETERS),
                            t->module->real_bytes)) {
        /* Moments may overflow in a run that goes on; weights end it. */
        diag_input(diag, (struct span){0}, "diverged", "the weights are no longer finite after step %llu",
                   (unsigned long long)t->step);
        diag_hint(diag, "the checkpoint before is kept in %s; try a smaller rate, or clip: 1 in the optimizer",
                  folder);
        return false;
    }
    text_add_bytes(&bytes, &header, sizeof header);
    for (uint32_t k = 0; k < t->score.n_outputs; k++)
        text_add_bytes(&bytes, &t->score.output[k].sums, sizeof t->score.output[k].sums);
    text_add_bytes(&bytes, t->call.slab[NNT_PARAMETERS], trainer_bytes(t, NNT_PARAMETERS));
    text_add_bytes(&bytes, t->call.slab[NNT_MOMENTS], trainer_bytes(t, NNT_MOMENTS));
    if (header.beside) text_add_bytes(&bytes, beside->data, beside->length);
    uint64_t sum = fnv(fnv_start, bytes.data, bytes.length);
    text_add_bytes(&bytes, &sum, sizeof sum);

    char *inside = file_join(folder, "checkpoint"), *path = file_join(inside, "state");
    bool written = file_make_folder(diag, (struct span){0}, inside) &&
                   file_write(diag, (struct span){0}, path, bytes.data, bytes.length);
    free(inside);
    free(path);
    text_fini(&bytes);
    return written;
}

/* ---- reading ---- */

static size_t file_bytes(const struct trainer *t)
{
    return sizeof(struct header) + t->score.n_outputs * sizeof(struct output_sums) +
           trainer_bytes(t, NNT_PARAMETERS) + trainer_bytes(t, NNT_MOMENTS) + sizeof(uint64_t);
}

static bool refuse(struct diag *diag, const char *path, const char *why)
{
    diag_input(diag, (struct span){0}, "bad-checkpoint", "checkpoint '%s' %s", path, why);
    return false;
}

/* Whether the file is a whole checkpoint of this format. */
static bool is_whole(struct diag *diag, const char *path, const char *bytes, size_t length)
{
    struct header header;
    uint64_t sum;
    if (length < sizeof header + sizeof sum) return refuse(diag, path, "is cut short");
    memcpy(&header, bytes, sizeof header);
    memcpy(&sum, bytes + length - sizeof sum, sizeof sum);
    if (memcmp(header.magic, magic, sizeof magic) != 0) return refuse(diag, path, "is no checkpoint");
    if (header.version != CHECKPOINT_VERSION) return refuse(diag, path, "is of another version of nnt");
    if (header.order_of_bytes != ORDER_OF_BYTES)
        return refuse(diag, path, "is of a machine with another order of bytes");
    if (fnv(fnv_start, bytes, length - sizeof sum) != sum)
        return refuse(diag, path, "is damaged: its checksum is wrong");
    return true;
}

static bool same_number(struct diag *diag, const char *path, const char *what, uint64_t found, uint64_t expected)
{
    if (found == expected) return true;
    diag_input(diag, (struct span){0}, "other-checkpoint", "checkpoint '%s' has %s %llu; expected %llu", path, what,
               (unsigned long long)found, (unsigned long long)expected);
    return false;
}

/* Whether the checkpoint is one of this very run. */
static bool fits(struct diag *diag, const struct trainer *t, const char *path, const struct header *found)
{
    struct header expected = header_of(t);
    if (found->description != expected.description) return refuse(diag, path, "is of another network");
    if (!same_number(diag, path, "precision (bytes)", found->real_bytes, expected.real_bytes)) return false;
    if (!same_number(diag, path, "seed", found->seed, expected.seed)) return false;
    if (!same_number(diag, path, "training samples", found->count, expected.count)) return false;
    if (!same_number(diag, path, "batch", found->batch, expected.batch)) return false;
    if (!same_number(diag, path, "steps", found->steps, expected.steps)) return false;
    if (!same_number(diag, path, "shuffle", found->shuffle, expected.shuffle)) return false;
    if (!same_number(diag, path, "outputs", found->n_outputs, expected.n_outputs)) return false;
    if (found->step > found->steps || !isfinite(found->loss) || !isfinite(found->H) || !isfinite(found->F))
        return refuse(diag, path, "is damaged: it stands behind the end");
    return true;
}

static bool sums_are_finite(const struct trainer *t, const char *sums)
{
    return numbers_are_finite(sums, t->score.n_outputs * sizeof(struct output_sums), sizeof(double));
}

/* Takes everything over; the bytes have been checked. */
static void restore(struct trainer *t, const struct header *header, const char *sums, const char *weights)
{
    t->step = header->step;
    t->score.samples = header->samples;
    t->score.relaxed = header->relaxed;
    t->score.loss = header->loss;
    t->score.H = header->H;
    t->score.F = header->F;
    t->score.descended = header->descended;
    t->score.convergence = header->since;
    t->before = header->before;
    for (uint32_t k = 0; k < t->score.n_outputs; k++)
        memcpy(&t->score.output[k].sums, sums + k * sizeof(struct output_sums), sizeof(struct output_sums));
    memcpy(t->call.slab[NNT_PARAMETERS], weights, trainer_bytes(t, NNT_PARAMETERS));
    memcpy(t->call.slab[NNT_MOMENTS], weights + trainer_bytes(t, NNT_PARAMETERS), trainer_bytes(t, NNT_MOMENTS));
    t->kept_step = UINT64_MAX;
}

static bool take(struct diag *diag, struct trainer *t, const char *path, const char *bytes, size_t length,
                 struct text *out_beside)
{
    struct header header;
    if (!is_whole(diag, path, bytes, length)) return false;
    memcpy(&header, bytes, sizeof header);
    if (!fits(diag, t, path, &header)) return false;
    if (length < file_bytes(t) || header.beside != length - file_bytes(t))
        return refuse(diag, path, "is damaged: its length is wrong");
    const char *sums = bytes + sizeof header, *weights = sums + t->score.n_outputs * sizeof(struct output_sums);
    if (!sums_are_finite(t, sums) ||
        !numbers_are_finite(weights, trainer_bytes(t, NNT_PARAMETERS), t->module->real_bytes))
        return refuse(diag, path, "has numbers that are not finite");
    restore(t, &header, sums, weights);
    if (out_beside && header.beside)
        text_add_bytes(out_beside, bytes + length - sizeof(uint64_t) - header.beside, header.beside);
    if (strncmp(header.core, products_core(), sizeof header.core - 1) != 0)
        diag_warn(diag, (struct span){0}, "other-machine",
                  "the run began on a '%.31s' core and goes on on '%s': its last bits may differ", header.core,
                  products_core());
    return true;
}

bool checkpoint_read(struct diag *diag, struct trainer *t, const char *folder, struct text *out_beside)
{
    size_t length;
    char *inside = file_join(folder, "checkpoint"), *path = file_join(inside, "state");
    char *bytes = file_read(diag, (struct span){0}, path, file_bytes(t) + ((size_t)1 << 34), &length);
    bool taken = bytes && take(diag, t, path, bytes, length, out_beside);
    free(bytes);
    free(inside);
    free(path);
    return taken;
}
