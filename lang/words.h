/* words.h: every word of every table, for the checker, did-you-mean and help. */
#ifndef NNT_WORDS_H
#define NNT_WORDS_H

#include "runtime/base/text.h"

/* One word: its arguments as text ("" for none), its help with the formula, the range of its values (of a source, its fields; of a
 * statement, what stands where it does not; "" where there is nothing to tell), a statement that uses it (NULL: word_example makes
 * it), whether it can be had yet. name NULL: not to be shown. */
struct word {
    const char *name, *arguments, *help;
    bool supported;
    const char *range, *example;
};
/* A topic of nnt help: activations, losses, functions, initialisers, optimizers, sources, schedules, measures, statements. */
struct word_table {
    const char *name, *help;
    uint32_t count;
    struct word (*word)(uint32_t index);
    const char *ranges; /* what a word's range is */
    /* Of an example: the statement around the word, and what its arguments are, "name=text"; `named`: written with their names. */
    const char *statement, *samples;
    bool named;
};
extern const struct word_table word_tables[];
extern const uint32_t word_table_count;

/* A statement that uses the word, one that a file may hold. Appends to `out`. */
void word_example(const struct word_table *table, const struct word *word, struct text *out);

#endif
