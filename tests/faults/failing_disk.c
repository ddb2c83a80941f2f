/* Makes the n-th change of a file below a folder fail, or every one from the n-th on.
 *
 * Loaded with LD_PRELOAD by tests/faults/failing_disk.py. A change is a write, an fsync, a rename, a
 * link, a new file or folder, and a new length. Removals fail only in a series (`is_lasting`), as on
 * a disk that became read-only. A witness, where there is one, is told of each change before it is
 * made.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

static char folder[PATH_MAX];
static long changes, first;
static int code, is_lasting, is_armed;
static void (*witness)(const char *operation, const char *path);

void faults_witness(void (*called)(const char *operation, const char *path))
{
    witness = called;
}

void faults_arm(const char *below, long number, int error, int lasting)
{
    strncpy(folder, below, sizeof folder - 1);
    changes = 0;
    first = number;
    code = error;
    is_lasting = lasting;
    is_armed = 1;
}

long faults_disarm(void)
{
    is_armed = 0;
    return changes;
}

static int is_below(const char *path)
{
    return is_armed && path != NULL && strncmp(path, folder, strlen(folder)) == 0;
}

static int fails(const char *operation, const char *path, int counts)
{
    if (counts && witness != NULL)
        witness(operation, path);
    long now = counts ? __sync_add_and_fetch(&changes, 1) : changes;
    if ((counts && now == first) || (is_lasting && first > 0 && now >= first && (counts || code == EROFS))) {
        errno = code;
        return 1;
    }
    return 0;
}

static int path_fails(const char *operation, const char *path, int counts)
{
    return is_below(path) && fails(operation, path, counts);
}

static int file_fails(const char *operation, int descriptor, int counts)
{
    char link[64], path[PATH_MAX];
    if (!is_armed)
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0)
        return 0;
    path[length] = 0;
    return path_fails(operation, path, counts);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define OF_FILE(kind, name, declared, passed, file) \
    kind name declared { return file_fails(#name, file, 1) ? -1 : REAL(name) passed; }
#define OF_PATH(kind, name, declared, passed, path, counts) \
    kind name declared { return path_fails(#name, path, counts) ? -1 : REAL(name) passed; }

OF_FILE(ssize_t, write, (int f, const void *b, size_t n), (f, b, n), f)
OF_FILE(ssize_t, pwrite, (int f, const void *b, size_t n, off_t o), (f, b, n, o), f)
OF_FILE(ssize_t, pwrite64, (int f, const void *b, size_t n, off64_t o), (f, b, n, o), f)
OF_FILE(int, fsync, (int f), (f), f)
OF_FILE(int, fdatasync, (int f), (f), f)
OF_FILE(int, ftruncate, (int f, off_t n), (f, n), f)
OF_FILE(int, ftruncate64, (int f, off64_t n), (f, n), f)
OF_FILE(int, fallocate, (int f, int m, off_t o, off_t n), (f, m, o, n), f)
OF_FILE(ssize_t, sendfile, (int f, int from, off_t *o, size_t n), (f, from, o, n), f)
OF_FILE(ssize_t, copy_file_range,
        (int from, off64_t *a, int f, off64_t *b, size_t n, unsigned m), (from, a, f, b, n, m), f)
OF_PATH(int, rename, (const char *a, const char *b), (a, b), b, 1)
OF_PATH(int, renameat, (int d, const char *a, int e, const char *b), (d, a, e, b), b, 1)
OF_PATH(int, link, (const char *a, const char *b), (a, b), b, 1)
OF_PATH(int, mkdir, (const char *p, mode_t m), (p, m), p, 1)
OF_PATH(int, unlink, (const char *p), (p), p, 0)
OF_PATH(int, rmdir, (const char *p), (p), p, 0)

int unlinkat(int at, const char *path, int flags)
{
    int failed = path[0] == '/' ? path_fails("unlinkat", path, 0) : file_fails("unlinkat", at, 0);
    return failed ? -1 : REAL(unlinkat)(at, path, flags);
}

int access(const char *path, int mode)
{
    return (code == EROFS && is_lasting && mode & W_OK && path_fails("access", path, 0))
        ? -1 : REAL(access)(path, mode);
}

static int opens_for_change(int flags)
{
    return flags & (O_CREAT | O_TRUNC) || (code == EROFS && (flags & O_ACCMODE) != O_RDONLY);
}

#define OPENING(name, declared, passed_with_mode) \
    int name declared { \
        mode_t mode = 0; \
        if (flags & (O_CREAT | O_TMPFILE)) { \
            va_list more; \
            va_start(more, flags); \
            mode = va_arg(more, mode_t); \
            va_end(more); \
        } \
        if (opens_for_change(flags) && path_fails(#name, path, 1)) \
            return -1; \
        return REAL(name) passed_with_mode; \
    }

OPENING(open, (const char *path, int flags, ...), (path, flags, mode))
OPENING(open64, (const char *path, int flags, ...), (path, flags, mode))
OPENING(openat, (int at, const char *path, int flags, ...),
        (at, path, flags, mode))
OPENING(openat64, (int at, const char *path, int flags, ...),
        (at, path, flags, mode))
