/* file.h: the bytes of one input as a file, for readers that take a path. */
#ifndef NNT_FUZZ_FILE_H
#define NNT_FUZZ_FILE_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Writes them to a file of this process's own and gives its path in `out_path`; unlink it afterwards. */
static inline void write_input(const char *target, const void *data, size_t size, char out_path[64])
{
    snprintf(out_path, 64, "/tmp/nnt-fuzz-%s-%d", target, (int)getpid());
    FILE *file = fopen(out_path, "wb");
    if (!file || fwrite(data, 1, size, file) != size || fclose(file)) abort();
}

#endif
