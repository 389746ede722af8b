/* nnt.c: nnt as a subject of the bench: the trainer's own step on the compiled module. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/driver/compile.h"
#include "runtime/train/train.h"
#include "tests/bench/harness.h"

struct timed {
    struct session session;
    struct data data;
    struct split train;
    struct data_group group[2];
    struct nnt_module *module;
    struct trainer *trainer;
    float *target;
    void *value[2];
    double *none[2];
    uint8_t kind[2];
};

static void fail(struct timed *t)
{
    session_messages(&t->session);
    exit(2);
}

static const char *source_of(struct arena *arena, const struct task *task)
{
    const uint32_t *w = task->width;
    return arena_printf(
        arena,
        "network timed {\n neurons x[%u], h[%u], k[%u], y[%u]\n input x\n output y\n weights x -> h -> k -> y\n"
        " biases h, k, y\n activation h, k = %s(z)\n activation y = softmax(z)\n"
        " loss boundary = cross_entropy(y, target)\n}\n"
        "train { optimizer sgd(rate: %g)\n batch %u\n steps 1000000000\n}\n",
        w[0], w[1], w[2], w[3], task->relu ? "relu" : "tanh", (double)task->rate, task->batch);
}

static void fill_data(struct timed *t, const struct task *task)
{
    uint32_t classes = task->width[task->layers];
    t->target = calloc((size_t)task->samples * classes, sizeof *t->target);
    if (!t->target) exit(2);
    for (uint32_t s = 0; s < task->samples; s++) t->target[(size_t)s * classes + task->label[s]] = 1;
    t->value[0] = (void *)task->x;
    t->value[1] = t->target;
    t->group[0] = (struct data_group){.name = "x", .shown = "x", .size = task->width[0], .input = true};
    t->group[1] = (struct data_group){.name = "y", .shown = "y", .size = classes};
    t->kind[1] = TARGET_LABEL;
    t->data = (struct data){.real_bytes = 4,
                            .n_groups = 2,
                            .group = t->group,
                            .train = {task->samples, t->value},
                            .target = t->kind,
                            .scale = t->none,
                            .offset = t->none};
}

static void *nnt_open(const struct task *task)
{
    struct timed *t = calloc(1, sizeof *t);
    struct times times = {0};
    if (!t) exit(2);
    t->session = (struct session){.diag = diag_new(), .arena = arena_new()};
    const char *text = source_of(t->session.arena, task);
    struct ast_source *source = parse(t->session.diag, t->session.arena, "bench", text, strlen(text));
    struct model *model = source ? check(t->session.diag, t->session.arena, source, NULL, 0) : NULL;
    if (!model) fail(t);
    struct job job = {.entries = 1u << NNT_ENTRY_step, .real_bytes = 4, .batch = task->batch};
    t->module = compile(&t->session, model, &job, &times);
    if (!t->module) fail(t);
    fill_data(t, task);
    t->trainer = trainer_new(t->session.diag, t->module, &t->data, &model->train);
    if (!t->trainer) fail(t);
    return t;
}

static void nnt_step(void *state)
{
    if (!trainer_step(((struct timed *)state)->trainer)) exit(2);
}

static double nnt_loss(void *state)
{
    struct timed *t = state;
    trainer_clear_loss(t->trainer);
    nnt_step(t);
    return trainer_state(t->trainer).loss;
}

static double nnt_share(void *state, int steps)
{
    (void)state, (void)steps;
    return 0;
}

static void nnt_close(void *state)
{
    struct timed *t = state;
    trainer_free(t->trainer);
    release_module(t->module);
    diag_free(t->session.diag);
    arena_free(t->session.arena);
    free(t->target);
    free(t);
}

const struct subject subject_nnt = {"nnt", nnt_open, nnt_step, nnt_loss, nnt_share, nnt_close};
