/* table.h: moments as a table for people. */
#ifndef NNT_TABLE_H
#define NNT_TABLE_H

#include <stdio.h>

#include "runtime/thermo/measure.h"

enum { TABLE_COLUMNS = 64 };
/* Which columns the last row had; zero-initialise. */
struct table {
    uint32_t n;
    struct table_column {
        const char *key;
        bool test;
        int width;
    } column[TABLE_COLUMNS];
};
/* Prints the moments of one step as a row, and a header before it where the columns are not those of the row before. Values with a
 * standard error are in concise notation: 12.34(5) is 12.34 ± 0.05. */
void table_row(struct table *table, FILE *to, const struct moment *moment, uint32_t n);

#endif
