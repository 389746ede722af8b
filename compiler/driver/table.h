/* table.h: moments as a table for people. */
#ifndef NNT_TABLE_H
#define NNT_TABLE_H

#include <stdio.h>

#include "runtime/thermo/measure.h"

enum { TABLE_COLUMNS = 64, TABLE_ROWS = 40 }; /* at most; rows of one `measure` block */
/* The columns so far; zero-initialise. */
struct table {
    int width; /* characters in a row at most: what does not fit is not shown; 0: any */
    uint32_t n;
    bool skipped; /* some row, and that was said */
    struct table_column {
        char key[READING_KEY], title[READING_KEY + 16];
        uint32_t place; /* of a list's number, from 1 */
        bool test, hidden;
        int width;
    } column[TABLE_COLUMNS];
};
/* Prints the moments of one step as a row, and a header before it where they bring new columns. Values with a standard error are in
 * concise notation: 12.34(5) is 12.34 ± 0.05. Never allocates. */
void table_row(struct table *table, FILE *to, const struct moment *moment, uint32_t n);
/* In place of a row that is one too many: says so the first time. */
void table_skip(struct table *table, FILE *to);

#endif
