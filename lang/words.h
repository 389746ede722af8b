/* words.h: every word of every table, for the checker, did-you-mean and help. */
#ifndef NNT_WORDS_H
#define NNT_WORDS_H

#include "runtime/base/base.h"

/* One word: its arguments as text ("" for none), its help with the formula, whether it can be had yet. name NULL: not to be shown. */
struct word {
    const char *name, *arguments, *help;
    bool supported;
};
/* A topic of nnt help: activations, losses, functions, initialisers, optimizers, sources, schedules, measures, statements. */
struct word_table {
    const char *name, *help;
    uint32_t count;
    struct word (*word)(uint32_t index);
};
extern const struct word_table word_tables[];
extern const uint32_t word_table_count;

#endif
