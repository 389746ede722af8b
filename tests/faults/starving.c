/* starving.c: loaded before the C library, lets the NNT_STARVE_AT-th allocation that the program itself asks for fail. */
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

static atomic_ulong calls, due;

__attribute__((constructor)) static void begin(void)
{
    const char *at = getenv("NNT_STARVE_AT");
    due = at ? strtoul(at, NULL, 10) : 0;
}

/* Libraries (LLVM, OpenBLAS, the C library) have ways of their own: only what nnt's own code asks for counts. */
static bool is_due(void *caller)
{
    Dl_info in;
    if (!due || !dladdr(caller, &in) || !in.dli_fname) return false;
    const char *slash = strrchr(in.dli_fname, '/');
    if (strcmp(slash ? slash + 1 : in.dli_fname, "nnt") != 0 || atomic_fetch_add(&calls, 1) + 1 != due)
        return false;
    errno = ENOMEM;
    return true;
}

__attribute__((visibility("default"))) void *malloc(size_t n)
{
    return is_due(__builtin_return_address(0)) ? NULL : __libc_malloc(n);
}

__attribute__((visibility("default"))) void *calloc(size_t n, size_t m)
{
    return is_due(__builtin_return_address(0)) ? NULL : __libc_calloc(n, m);
}

__attribute__((visibility("default"))) void *realloc(void *p, size_t n)
{
    return is_due(__builtin_return_address(0)) ? NULL : __libc_realloc(p, n);
}

__attribute__((visibility("default"))) void *aligned_alloc(size_t a, size_t n)
{
    return is_due(__builtin_return_address(0)) ? NULL : __libc_memalign(a, n);
}
