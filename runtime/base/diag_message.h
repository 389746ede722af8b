/* diag_message.h: what diag.c collects and diag_print.c prints; no other file reads it. */
#ifndef NNT_DIAG_MESSAGE_H
#define NNT_DIAG_MESSAGE_H

#include "runtime/base/arena.h"
#include "runtime/base/diag.h"
#include "runtime/base/text.h"

struct source {
    const char *name, *text;
    uint32_t length;
    struct span from;
};
struct remark {
    bool is_hint;
    struct span at;
    const char *text;
};
struct message {
    enum severity severity;
    uint32_t order; /* as given: keeps the sort stable and finds the message given last */
    bool printed;
    struct span at;
    const char *name, *text;
    struct remark *remark;
    uint32_t n_remarks, remarks_capacity;
};
struct diag {
    struct arena *arena; /* holds this struct too */
    struct source *source;
    struct message *message;
    uint32_t n_sources, sources_capacity, n_messages, messages_capacity;
    bool muted; /* the message given last was dropped, and its notes and hints go with it */
};

#endif
