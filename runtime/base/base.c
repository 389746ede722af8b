/* base.c: what BUG, checked sizes and numbers do. */
#include "runtime/base/base.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void base_bug(const char *file, int line, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "nnt: bug at %s:%d: ", file, line);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    abort();
}

bool size_product(size_t a, size_t b, size_t *out)
{
    if (b != 0 && a > SIZE_MAX / b) return false;
    *out = a * b;
    return true;
}

double *numbers_new(size_t count)
{
    return count < SIZE_MAX / sizeof(double) ? calloc(count + 1, sizeof(double)) : NULL;
}
