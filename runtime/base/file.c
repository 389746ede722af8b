/* file.c: whole files, gzipped too; written beside and renamed. */
#include "runtime/base/file.h"
#include "runtime/base/arena.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zlib.h>

#define FIRST_BYTES ((size_t)64 << 10)

/* Bytes that grow to at most `most`. */
struct bytes {
    unsigned char *data;
    size_t length, capacity, most;
};
enum outcome { DONE, TOO_LARGE, NO_MEMORY, FAILED, CUT_SHORT, DAMAGED };

/* Room for at least one more byte and the zero behind the end. */
static enum outcome make_room(struct bytes *bytes)
{
    if (bytes->length + 1 < bytes->capacity) return DONE;
    if (bytes->length > bytes->most) return TOO_LARGE;
    size_t capacity = bytes->capacity == 0 ? FIRST_BYTES : 2 * bytes->capacity;
    if (bytes->most < SIZE_MAX - 2 && capacity > bytes->most + 2) capacity = bytes->most + 2;
    if (capacity <= bytes->length + 1) return NO_MEMORY;
    unsigned char *data = realloc(bytes->data, capacity);
    if (data == NULL) return NO_MEMORY;
    bytes->data = data;
    bytes->capacity = capacity;
    return DONE;
}

static enum outcome read_all(int file, struct bytes *bytes)
{
    for (;;) {
        enum outcome room = make_room(bytes);
        if (room != DONE) return room;
        ssize_t n = read(file, bytes->data + bytes->length, bytes->capacity - 1 - bytes->length);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return FAILED;
        if (n == 0) break;
        bytes->length += (size_t)n;
    }
    return bytes->length > bytes->most ? TOO_LARGE : DONE;
}

/* Inflates up to the end of the input; a gzip file may be several, one after another. */
static enum outcome inflate_members(z_stream *z, const struct bytes *from, struct bytes *to)
{
    size_t fed = 0;
    for (;;) {
        enum outcome room = make_room(to);
        if (room != DONE) return room;
        if (z->avail_in == 0 && fed < from->length) {
            size_t part = from->length - fed < (1u << 30) ? from->length - fed : 1u << 30;
            z->next_in = from->data + fed;
            z->avail_in = (uInt)part;
            fed += part;
        }
        size_t free_bytes = to->capacity - 1 - to->length;
        z->next_out = to->data + to->length;
        z->avail_out = free_bytes < (1u << 30) ? (uInt)free_bytes : 1u << 30;
        int result = inflate(z, Z_NO_FLUSH);
        to->length = (size_t)(z->next_out - to->data);
        bool ended = z->avail_in == 0 && fed == from->length;
        if (result == Z_MEM_ERROR) return NO_MEMORY;
        if (result == Z_BUF_ERROR && ended) return CUT_SHORT;
        if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) return DAMAGED;
        if (result != Z_STREAM_END) continue;
        if (ended) return to->length > to->most ? TOO_LARGE : DONE;
        if (inflateReset(z) != Z_OK) return DAMAGED;
    }
}

static enum outcome inflate_all(const struct bytes *from, struct bytes *to)
{
    z_stream z = {0};
    if (inflateInit2(&z, 16 + MAX_WBITS) != Z_OK) return NO_MEMORY;
    enum outcome outcome = inflate_members(&z, from, to);
    inflateEnd(&z);
    return outcome;
}

/* Whether a path that can be mended is at fault, rather than the machine. */
static bool is_users(int error)
{
    return error == ENOENT || error == EACCES || error == EPERM || error == EISDIR || error == ENOTDIR ||
           error == ENAMETOOLONG || error == ELOOP || error == EEXIST || error == EROFS;
}

static void report(struct diag *diag, struct span at, const char *path, const char *verb, const char *name,
                   int error)
{
    if (is_users(error))
        diag_input(diag, at, name, "cannot %s '%s': %s", verb, path, strerror(error));
    else
        diag_machine(diag, at, name, "cannot %s '%s': %s", verb, path, strerror(error));
}

static void report_read(struct diag *diag, struct span at, const char *path, size_t most, enum outcome outcome,
                        int error)
{
    switch (outcome) {
    case DONE:
        BUG("nothing to report");
    case FAILED:
        report(diag, at, path, "read", "cannot-read", error);
        break;
    case TOO_LARGE:
        diag_input(diag, at, "too-large", "'%s' is larger than %zu bytes, the most for it", path, most);
        break;
    case NO_MEMORY:
        diag_machine(diag, at, "out-of-memory", "no memory to read '%s'", path);
        break;
    case CUT_SHORT:
        diag_input(diag, at, "cut-short", "'%s' is cut short: its gzip data end early", path);
        break;
    case DAMAGED:
        diag_input(diag, at, "damaged", "'%s' is damaged: what follows its gzip header is not gzip data", path);
    }
}

static enum outcome read_plain(const char *path, struct bytes *bytes, int *out_error)
{
    bool standard = strcmp(path, "-") == 0;
    int file = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        *out_error = errno;
        return FAILED;
    }
    struct stat status;
    enum outcome outcome = FAILED;
    if (fstat(file, &status) == 0 && S_ISDIR(status.st_mode))
        errno = EISDIR;
    else
        outcome = read_all(file, bytes);
    *out_error = errno;
    if (!standard) close(file);
    return outcome;
}

char *file_read(struct diag *diag, struct span at, const char *path, size_t most, size_t *out_length)
{
    struct bytes bytes = {.most = most}, inflated = {.most = most};
    int error = 0;
    enum outcome outcome = read_plain(path, &bytes, &error);
    if (outcome == DONE && bytes.length >= 2 && bytes.data[0] == 0x1F && bytes.data[1] == 0x8B) {
        outcome = inflate_all(&bytes, &inflated);
        free(bytes.data);
        bytes = inflated;
    }
    if (outcome != DONE) {
        report_read(diag, at, path, most, outcome, error);
        free(bytes.data);
        return NULL;
    }
    bytes.data[bytes.length] = '\0';
    *out_length = bytes.length;
    return (char *)bytes.data;
}

static bool write_all(int file, const char *bytes, size_t length)
{
    for (size_t done = 0; done < length;) {
        ssize_t n = write(file, bytes + done, length - done);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return false;
        done += (size_t)n;
    }
    return true;
}

/* errno tells what failed. */
static bool write_and_close(int file, const void *bytes, size_t length, bool sync)
{
    bool written = write_all(file, bytes, length) && (!sync || fsync(file) == 0);
    int error = errno;
    if (close(file) != 0 && written) {
        written = false;
        error = errno;
    }
    errno = error;
    return written;
}

/* The new file has the old one's permissions; it is gone again where something failed. */
static bool write_beside(const char *beside, const char *path, const struct stat *old, const void *bytes,
                         size_t length)
{
    int file = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (file < 0) return false;
    /* Where the file system knows no permissions, the bytes are what counts. */
    if (old != NULL && fchmod(file, old->st_mode & 07777) != 0) errno = 0;
    if (write_and_close(file, bytes, length, true) && rename(beside, path) == 0) return true;
    int error = errno;
    unlink(beside);
    errno = error;
    return false;
}

/* A device or a pipe is written into: nothing is renamed over it. */
static bool write_into(const char *path, const void *bytes, size_t length)
{
    int file = open(path, O_WRONLY | O_CLOEXEC);
    return file >= 0 && write_and_close(file, bytes, length, false);
}

bool file_write(struct diag *diag, struct span at, const char *path, const void *bytes, size_t length)
{
    struct stat old;
    bool exists = stat(path, &old) == 0, written;
    if (exists && !S_ISREG(old.st_mode) && !S_ISDIR(old.st_mode)) {
        written = write_into(path, bytes, length);
        if (!written) report(diag, at, path, "write", "cannot-write", errno);
        return written;
    }
    /* A link stays: the file it leads to is replaced. */
    char *target = exists ? realpath(path, NULL) : NULL, *beside = NULL;
    if (asprintf(&beside, "%s.new", target ? target : path) < 0) {
        diag_machine(diag, at, "out-of-memory", "no memory to write '%s'", path);
        free(target);
        return false;
    }
    written = write_beside(beside, target ? target : path, exists ? &old : NULL, bytes, length);
    if (!written) report(diag, at, path, "write", "cannot-write", errno);
    free(target);
    free(beside);
    return written;
}

static bool make_one(const char *path)
{
    struct stat status;
    if (mkdir(path, 0777) == 0) return true;
    int error = errno;
    if (stat(path, &status) == 0) {
        if (S_ISDIR(status.st_mode)) return true;
        error = ENOTDIR;
    }
    errno = error;
    return false;
}

bool file_make_folder(struct diag *diag, struct span at, const char *path)
{
    char *part = strdup(path);
    if (part == NULL) {
        diag_machine(diag, at, "out-of-memory", "no memory to make folder '%s'", path);
        return false;
    }
    bool made = true;
    for (char *slash = part; made && *slash != '\0' && (slash = strchr(slash + 1, '/')) != NULL;) {
        *slash = '\0';
        made = make_one(part);
        *slash = '/';
    }
    made = made && make_one(part);
    if (!made) report(diag, at, path, "make folder", "cannot-make-folder", errno);
    free(part);
    return made;
}

static char *copy_or_end(const char *text, size_t length)
{
    char *copy = strndup(text, length);
    if (copy == NULL) arena_exhausted();
    return copy;
}

char *file_join(const char *folder, const char *name)
{
    if (folder == NULL || folder[0] == '\0' || name[0] == '/') return copy_or_end(name, strlen(name));
    size_t length = strlen(folder);
    char *joined;
    if (asprintf(&joined, "%s%s%s", folder, folder[length - 1] == '/' ? "" : "/", name) < 0) arena_exhausted();
    return joined;
}

char *file_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL) return copy_or_end(".", 1);
    return copy_or_end(path, slash == path ? 1 : (size_t)(slash - path));
}
