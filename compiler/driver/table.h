/* table.h: moments as a table for people. */
#ifndef NNT_TABLE_H
#define NNT_TABLE_H

#include <stdio.h>

#include "runtime/thermo/measure.h"

enum { TABLE_COLUMNS = 64 };
/* The columns so far; zero-initialise. */
struct table {
    int width; /* characters in a row at most: what does not fit is not shown; 0: any */
    uint32_t n;
    struct table_column {
        char key[READING_KEY];
        bool test, hidden;
        int width;
    } column[TABLE_COLUMNS];
};
/* Prints the moments of one step as a row, and a header before it where they bring new columns. Values with a standard error are in
 * concise notation: 12.34(5) is 12.34 ± 0.05. Never allocates. */
void table_row(struct table *table, FILE *to, const struct moment *moment, uint32_t n);

#endif
