/* starving.c: loaded before the C library, lets the NNT_STARVE_AT-th allocation that the program itself asks for fail, and makes the file
 * NNT_STARVE_MARK when it does. */
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

static atomic_ulong calls, due;
static uintptr_t first, last; /* the program's code */

/* The program is the first of what is loaded. */
static int find_program(struct dl_phdr_info *info, size_t size, void *with)
{
    (void)size, (void)with;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        if (segment->p_type != PT_LOAD || !(segment->p_flags & PF_X)) continue;
        first = info->dlpi_addr + segment->p_vaddr;
        last = first + segment->p_memsz;
    }
    return 1;
}

__attribute__((constructor)) static void begin(void)
{
    const char *at = getenv("NNT_STARVE_AT");
    if (!at || strcmp(program_invocation_short_name, "nnt") != 0) return;
    dl_iterate_phdr(find_program, NULL);
    due = strtoul(at, NULL, 10);
}

/* Libraries (LLVM, OpenBLAS, the C library) have ways of their own: only what nnt's own code asks for counts. */
static bool is_due(void *caller)
{
    uintptr_t from = (uintptr_t)caller;
    if (!due || from < first || from >= last || atomic_fetch_add(&calls, 1) + 1 != due) return false;
    const char *mark = getenv("NNT_STARVE_MARK");
    if (mark) close(creat(mark, 0600));
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
