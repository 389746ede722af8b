/* file.h: whole files, gzipped too; written beside and renamed. */
#ifndef NNT_FILE_H
#define NNT_FILE_H

#include "runtime/base/diag.h"

/* Reads a whole file into memory owned by the caller (free()), zero-terminated behind the end. A file that begins with the
 * gzip magic is inflated. "-" is standard input. `most` bounds the (inflated) size. NULL with a message at `at` (which option
 * or statement named the file) where it cannot be read, is a directory, is cut short, or is larger than `most`. */
MUST_USE char *file_read(struct diag *diag, struct span at, const char *path, size_t most, size_t *out_length);
/* Writes all of it to PATH.new, syncs it, and renames it over `path`: afterwards the file is the old one or the new one, whole, with
 * the old one's permissions. A link is followed; into a device or a pipe is written. false with a message otherwise; the temporary
 * file is removed. */
MUST_USE bool file_write(struct diag *diag, struct span at, const char *path, const void *bytes, size_t length);
/* Makes a folder and its parents; false with a message (a path under a regular file, no permission …). */
MUST_USE bool file_make_folder(struct diag *diag, struct span at, const char *path);
/* `folder`/`name`, or `name` alone where it is absolute or folder is NULL or empty; free(). */
MUST_USE char *file_join(const char *folder, const char *name);
/* The folder part of a path ("." where it has none); free(). */
MUST_USE char *file_folder(const char *path);

#endif
