/* failing.c: loaded before the C library, lets the NNT_FAULT_AT-th call of NNT_FAULT (write, rename, fsync) fail as on a full disk. */
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static atomic_ulong calls;

static bool is_due(const char *name)
{
    const char *fault = getenv("NNT_FAULT"), *at = getenv("NNT_FAULT_AT");
    if (!fault || !at || strcmp(fault, name) != 0 || atomic_fetch_add(&calls, 1) + 1 != strtoul(at, NULL, 10))
        return false;
    errno = strcmp(name, "write") == 0 ? ENOSPC : EIO;
    return true;
}

/* The function that would have been called; through memory, for C knows no conversion of dlsym's pointer. */
static void find(const char *name, void *out_function)
{
    void *found = dlsym(RTLD_NEXT, name);
    if (!found) abort();
    memcpy(out_function, &found, sizeof found);
}

/* What fails midway has written a part: half of it. */
__attribute__((visibility("default"))) ssize_t write(int file, const void *bytes, size_t length)
{
    ssize_t (*real)(int, const void *, size_t);
    find("write", &real);
    if (file <= 2 || !is_due("write")) return real(file, bytes, length);
    (void)!real(file, bytes, length / 2);
    errno = ENOSPC;
    return -1;
}

__attribute__((visibility("default"))) int fsync(int file)
{
    int (*real)(int);
    find("fsync", &real);
    return is_due("fsync") ? -1 : real(file);
}

__attribute__((visibility("default"))) int rename(const char *from, const char *to)
{
    int (*real)(const char *, const char *);
    find("rename", &real);
    return is_due("rename") ? -1 : real(from, to);
}
