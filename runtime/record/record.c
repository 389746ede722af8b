/* record.c: the run folder: made, appended to, closed; every write is checked. */
#include "runtime/record/record.h"

#include "runtime/base/file.h"
#include "runtime/base/text.h"
#include "runtime/record/metrics.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static const size_t most_metrics = (size_t)1 << 31;
static const struct span nowhere = {0};

struct record {
    char *folder, *jsonl, *csv; /* paths */
    int lock;                   /* descriptor of the folder, locked while a process writes the run; -1: none */
    int lines;                  /* descriptor of jsonl, opened to append; -1: closed */
    struct text line;           /* the line being written; its room is kept, so that a moment allocates nothing */
};
/* Room for the longest line of most runs. */
enum { LINE_ROOM = 1 << 15 };

/* ---- the folder ---- */

/* The first runs/NAME-N that is not there yet: mkdir decides, so that two runs at once get two folders. */
static char *free_folder(struct diag *diag, const char *name)
{
    struct text path = {0};
    if (!file_make_folder(diag, nowhere, "runs")) return NULL;
    for (uint32_t n = 1; n < 1000000; n++) {
        path.length = 0;
        text_add(&path, "runs/%s-%u", name, n);
        if (mkdir(path.data, 0777) == 0) return path.data;
        if (errno == EEXIST) continue;
        diag_machine(diag, nowhere, "no-folder", "'%s' cannot be made: %s", path.data, strerror(errno));
        text_fini(&path);
        return NULL;
    }
    diag_input(diag, nowhere, "no-folder", "runs/%s-1 to %s are all taken", name, path.data);
    text_fini(&path);
    return NULL;
}

/* One process writes a run. Where the file system knows no locks, nobody is refused. */
static bool lock_folder(struct record *record, struct diag *diag)
{
    record->lock = open(record->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (record->lock < 0 || flock(record->lock, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return true;
    diag_input(diag, nowhere, "folder-busy", "another process is writing the run in '%s'", record->folder);
    return false;
}

/* Results are not written over. */
static bool is_unused(struct diag *diag, const char *folder, const char *jsonl)
{
    struct stat status;
    if (stat(jsonl, &status) != 0) return true;
    diag_input(diag, nowhere, "folder-used", "'%s' holds a run already; expected a new folder", folder);
    diag_hint(diag, "name another with --out, or go on with that run by --resume %s", folder);
    return false;
}

static bool open_to_append(struct diag *diag, const char *path, int *out)
{
    *out = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (*out >= 0) return true;
    diag_machine(diag, nowhere, "cannot-write", "'%s' cannot be opened for writing: %s", path, strerror(errno));
    return false;
}

/* Drops the lines behind `step`; before the first step all of them, for what is due there is measured again. */
static bool cut_metrics(struct record *record, struct diag *diag, uint64_t step)
{
    struct stat status;
    struct text lines = {0};
    size_t length = 0;
    char *old = NULL;
    if (step > 0 && stat(record->jsonl, &status) == 0) {
        old = file_read(diag, nowhere, record->jsonl, most_metrics, &length);
        if (!old) return false;
        metrics_until(old, length, step, &lines);
    }
    bool written = file_write(diag, nowhere, record->jsonl, lines.data ? lines.data : "", lines.length);
    free(old);
    text_fini(&lines);
    return written;
}

struct record *record_open(struct diag *diag, const char *out, const char *name, bool resume, uint64_t step)
{
    struct record *record = calloc(1, sizeof *record);
    if (!record) {
        diag_machine(diag, nowhere, "memory", "memory is short");
        return NULL;
    }
    *record = (struct record){.lines = -1, .lock = -1};
    text_add(&record->line, "%*s", LINE_ROOM, "");
    record->folder = out ? strdup(out) : free_folder(diag, name);
    if (record->folder) {
        record->jsonl = file_join(record->folder, "metrics.jsonl");
        record->csv = file_join(record->folder, "metrics.csv");
    }
    if (record->folder && file_make_folder(diag, nowhere, record->folder) && lock_folder(record, diag) &&
        (resume ? cut_metrics(record, diag, step) : is_unused(diag, record->folder, record->jsonl)) &&
        open_to_append(diag, record->jsonl, &record->lines))
        return record;
    record_abandon(record);
    return NULL;
}

const char *record_folder(const struct record *record)
{
    return record->folder;
}

/* ---- metrics ---- */

/* All of it, or a message; a partial last line is dropped when the run is resumed. */
static bool append(struct diag *diag, int to, const char *path, const struct text *text)
{
    for (size_t done = 0; done < text->length;) {
        ssize_t n = write(to, text->data + done, text->length - done);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) {
            diag_machine(diag, nowhere, "cannot-write", "'%s' cannot be written: %s", path,
                         strerror(n < 0 ? errno : ENOSPC));
            return false;
        }
        done += (size_t)n;
    }
    return true;
}

bool record_moment(struct record *record, struct diag *diag, const struct moment *moment)
{
    const struct reading *bad = metrics_not_finite(moment);
    if (bad) {
        char number[32];
        text_number(bad->value, number);
        diag_input(diag, nowhere, "not-finite", "'%s' is %s at step %" PRIu64 " (%s); expected a finite number",
                   bad->key, number, moment->step, moment->test ? "test" : "train");
        return false;
    }
    record->line.length = 0;
    metrics_line(moment, &record->line);
    text_add(&record->line, "\n");
    return append(diag, record->lines, record->jsonl, &record->line);
}

char *record_line(const struct moment *moment)
{
    struct text line = {0};
    metrics_line(moment, &line);
    return line.data;
}

void record_readings(const struct moment *moment, struct text *out)
{
    metrics_readings(moment, out);
}

/* ---- run.json, the end ---- */

bool record_run(struct record *record, struct diag *diag, const char *json)
{
    char *path = file_join(record->folder, "run.json");
    bool written = file_write(diag, nowhere, path, json, strlen(json));
    free(path);
    return written;
}

bool record_last(const struct record *record, struct diag *diag, struct moment out[2])
{
    size_t length = 0;
    char *lines = file_read(diag, nowhere, record->jsonl, most_metrics, &length);
    if (!lines) return false;
    metrics_last(lines, length, out);
    free(lines);
    return true;
}

/* metrics.csv from the lines of metrics.jsonl: only at the end are all the columns known. */
static bool write_table(struct record *record, struct diag *diag)
{
    struct columns columns = {0};
    struct text table = {0};
    size_t length;
    char *lines = file_read(diag, nowhere, record->jsonl, most_metrics, &length);
    if (!lines) return false;
    metrics_table(lines, length, &columns, &table);
    bool written = file_write(diag, nowhere, record->csv, table.data ? table.data : "", table.length);
    free(lines);
    columns_fini(&columns);
    text_fini(&table);
    return written;
}

/* Some file systems tell only here that there was no room. */
static bool close_checked(struct diag *diag, int *descriptor, const char *path)
{
    int closed = close(*descriptor);
    *descriptor = -1;
    if (closed != 0)
        diag_machine(diag, nowhere, "cannot-write", "'%s' cannot be written: %s", path, strerror(errno));
    return closed == 0;
}

bool record_close(struct record *record, struct diag *diag)
{
    bool lines = close_checked(diag, &record->lines, record->jsonl);
    bool table = lines && write_table(record, diag);
    record_abandon(record);
    return table;
}

void record_abandon(struct record *record)
{
    if (!record) return;
    if (record->lines >= 0) close(record->lines);
    if (record->lock >= 0) close(record->lock);
    text_fini(&record->line);
    free(record->folder);
    free(record->jsonl);
    free(record->csv);
    free(record);
}
