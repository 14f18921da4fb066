/* LD_PRELOAD shim of the crash tests: watches what is written below one folder, lets chosen calls fail, records them all.
 *
 * Nothing happens before shim_watch(). Calls are serialised by one lock, so the record is in the order of their effects.
 * Record: one struct entry each, followed by `path_size` bytes of path and `data_size` bytes of data.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define MAX_FDS 4096

struct entry {
    char op;            /* o open, w write, d write through O_DSYNC, s sync, x failed sync, t truncate, r rename,
                           u unlink, m mkdir, a mark */
    char pad[3];
    uint32_t file;      /* number of the open that made the descriptor */
    uint64_t offset;    /* of a write; flags of an open; size of a truncate */
    uint32_t path_size; /* rename: both paths, each with its NUL */
    uint32_t data_size;
} __attribute__((packed));

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char root[4096];
static size_t root_size;
static int log_fd = -1;
static uint32_t files[MAX_FDS]; /* 0: not watched */
static char dsync[MAX_FDS];
static uint32_t next_file;
static long calls, fail_at, fail_count, fired;
static int fail_errno, fail_syncs_only;

#define REAL(type, name, ...)                                  \
    static type (*real)(__VA_ARGS__);                          \
    if (!real) real = (type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

static ssize_t raw_write(int fd, const void *data, size_t size) {
    REAL(ssize_t, "write", int, const void *, size_t);
    return real(fd, data, size);
}

static void record(char op, uint32_t file, uint64_t offset, const char *path, size_t path_size, const struct iovec *parts,
                   int count, size_t data_size) {
    if (log_fd < 0) return;
    int saved = errno;
    struct entry head = {op, {0}, file, offset, (uint32_t)path_size, (uint32_t)data_size};
    if (raw_write(log_fd, &head, sizeof head) != sizeof head) abort();
    if (path_size && raw_write(log_fd, path, path_size) != (ssize_t)path_size) abort();
    for (int i = 0; i < count && data_size; i++) {
        size_t size = parts[i].iov_len < data_size ? parts[i].iov_len : data_size;
        if (size && raw_write(log_fd, parts[i].iov_base, size) != (ssize_t)size) abort();
        data_size -= size;
    }
    errno = saved;
}

/* Starts watching below `path`. */
void shim_watch(const char *path) {
    root_size = strlen(path);
    memcpy(root, path, root_size + 1);
    calls = fired = fail_at = 0;
}

/* `count` watched calls, from the `at`-th on, fail with `error`; 0 = writes are cut in half, other calls get ENOSPC. */
void shim_fail(long at, long count, int error, int syncs_only) {
    calls = 0;
    fail_at = at;
    fail_syncs_only = syncs_only;
    fail_count = count;
    fail_errno = error;
    fired = 0;
}

long shim_fired(void) { return fired; }

void shim_record(const char *path) {
    REAL(int, "open", const char *, int, ...);
    log_fd = real(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
}

void shim_mark(const char *text) {
    struct iovec part = {(void *)text, strlen(text)};
    pthread_mutex_lock(&lock);
    record('a', 0, 0, NULL, 0, &part, 1, part.iov_len);
    pthread_mutex_unlock(&lock);
}

static int watched(const char *path) {
    return root_size && strncmp(path, root, root_size) == 0 && (path[root_size] == '/' || !path[root_size]);
}

static uint32_t file_of(int fd) { return fd >= 0 && fd < MAX_FDS ? files[fd] : 0; }

/* Counts one call; true when it is to fail, with errno set (0 for half a write). */
static int fails(int is_sync) {
    if (fail_syncs_only && !is_sync) return 0;
    calls++;
    if (!fail_at || calls < fail_at || calls >= fail_at + fail_count) return 0;
    fired++;
    errno = fail_errno;
    return 1;
}

static int fail_plainly(void) {
    if (!errno) errno = ENOSPC;
    return -1;
}

static int do_open(const char *path, int flags, mode_t mode, int (*real)(const char *, int, ...)) {
    if (!watched(path)) {
        int fd = real(path, flags, mode);
        if (fd >= 0 && fd < MAX_FDS) files[fd] = 0;
        return fd;
    }
    pthread_mutex_lock(&lock);
    int fd = -1;
    struct stat found;
    if ((flags & O_CREAT) && stat(path, &found) != 0 && fails(0))
        fail_plainly();
    else
        fd = real(path, flags, mode);
    if (fd >= MAX_FDS) abort();
    if (fd >= 0) {
        files[fd] = ++next_file;
        dsync[fd] = (flags & O_DSYNC) != 0;
        record('o', files[fd], (uint64_t)flags, path, strlen(path), NULL, 0, 0);
    }
    pthread_mutex_unlock(&lock);
    return fd;
}

#define OPEN(name)                                          \
    int name(const char *path, int flags, ...) {            \
        REAL(int, #name, const char *, int, ...);           \
        va_list more;                                       \
        va_start(more, flags);                              \
        mode_t mode = flags & O_CREAT ? va_arg(more, mode_t) : 0; \
        va_end(more);                                       \
        return do_open(path, flags, mode, real);            \
    }
OPEN(open)
OPEN(open64)

int close(int fd) {
    REAL(int, "close", int);
    if (file_of(fd)) {
        pthread_mutex_lock(&lock);
        files[fd] = 0;
        pthread_mutex_unlock(&lock);
    }
    return real(fd);
}

static ssize_t pwrite_all(int fd, const struct iovec *parts, int count, size_t size, off_t offset) {
    ssize_t (*real)(int, const void *, size_t, off_t) = dlsym(RTLD_NEXT, "pwrite64");
    size_t done = 0;
    for (int i = 0; i < count && done < size; i++) {
        size_t rest = parts[i].iov_len < size - done ? parts[i].iov_len : size - done;
        ssize_t wrote = real(fd, parts[i].iov_base, rest, offset + (off_t)done);
        if (wrote != (ssize_t)rest) return -1;
        done += rest;
    }
    return (ssize_t)done;
}

/* offset -1: at the position of the descriptor, which is then moved. */
static ssize_t do_write(int fd, const struct iovec *parts, int count, off_t offset) {
    pthread_mutex_lock(&lock);
    size_t size = 0;
    for (int i = 0; i < count; i++) size += parts[i].iov_len;
    ssize_t wrote = -1;
    int failing = fails(0);
    if (!failing || !errno) {
        off_t at = offset < 0 ? lseek(fd, 0, SEEK_CUR) : offset;
        if (failing) size /= 2;
        wrote = pwrite_all(fd, parts, count, size, at);
        if (wrote >= 0) {
            if (offset < 0) lseek(fd, at + wrote, SEEK_SET);
            record(dsync[fd] ? 'd' : 'w', files[fd], (uint64_t)at, NULL, 0, parts, count, (size_t)wrote);
        }
    }
    pthread_mutex_unlock(&lock);
    return wrote;
}

ssize_t write(int fd, const void *data, size_t size) {
    if (!file_of(fd)) return raw_write(fd, data, size);
    struct iovec part = {(void *)data, size};
    return do_write(fd, &part, 1, -1);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    REAL(ssize_t, "writev", int, const struct iovec *, int);
    return file_of(fd) ? do_write(fd, parts, count, -1) : real(fd, parts, count);
}

#define PWRITE(name, offset_type)                                               \
    ssize_t name(int fd, const void *data, size_t size, offset_type offset) {   \
        REAL(ssize_t, #name, int, const void *, size_t, offset_type);           \
        struct iovec part = {(void *)data, size};                               \
        return file_of(fd) ? do_write(fd, &part, 1, (off_t)offset) : real(fd, data, size, offset); \
    }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

#define PWRITEV(name, offset_type)                                              \
    ssize_t name(int fd, const struct iovec *parts, int count, offset_type offset) { \
        REAL(ssize_t, #name, int, const struct iovec *, int, offset_type);      \
        return file_of(fd) ? do_write(fd, parts, count, (off_t)offset) : real(fd, parts, count, offset); \
    }
PWRITEV(pwritev, off_t)
PWRITEV(pwritev64, off64_t)

#define SYNC(name)                                                  \
    int name(int fd) {                                              \
        REAL(int, #name, int);                                      \
        if (!file_of(fd)) return real(fd);                          \
        pthread_mutex_lock(&lock);                                  \
        int result = fails(1) ? fail_plainly() : real(fd);           \
        record(result ? 'x' : 's', files[fd], 0, NULL, 0, NULL, 0, 0); \
        pthread_mutex_unlock(&lock);                                \
        return result;                                              \
    }
SYNC(fsync)
SYNC(fdatasync)

#define TRUNCATE(name, offset_type)                                 \
    int name(int fd, offset_type size) {                            \
        REAL(int, #name, int, offset_type);                         \
        if (!file_of(fd)) return real(fd, size);                    \
        pthread_mutex_lock(&lock);                                  \
        int result = fails(0) ? fail_plainly() : real(fd, size);     \
        if (!result) record('t', files[fd], (uint64_t)size, NULL, 0, NULL, 0, 0); \
        pthread_mutex_unlock(&lock);                                \
        return result;                                              \
    }
TRUNCATE(ftruncate, off_t)
TRUNCATE(ftruncate64, off64_t)

int rename(const char *old, const char *new) {
    REAL(int, "rename", const char *, const char *);
    if (!watched(old)) return real(old, new);
    char both[8192];
    size_t old_size = strlen(old) + 1, new_size = strlen(new) + 1;
    if (old_size + new_size > sizeof both) abort();
    memcpy(both, old, old_size);
    memcpy(both + old_size, new, new_size);
    pthread_mutex_lock(&lock);
    int result = fails(0) ? fail_plainly() : real(old, new);
    if (!result) record('r', 0, 0, both, old_size + new_size, NULL, 0, 0);
    pthread_mutex_unlock(&lock);
    return result;
}

int unlink(const char *path) {
    REAL(int, "unlink", const char *);
    struct stat found;
    if (!watched(path) || lstat(path, &found) != 0) return real(path);
    pthread_mutex_lock(&lock);
    int result = fails(0) ? fail_plainly() : real(path);
    if (!result) record('u', 0, 0, path, strlen(path), NULL, 0, 0);
    pthread_mutex_unlock(&lock);
    return result;
}

int mkdir(const char *path, mode_t mode) {
    REAL(int, "mkdir", const char *, mode_t);
    if (!watched(path)) return real(path, mode);
    pthread_mutex_lock(&lock);
    int result = fails(0) ? fail_plainly() : real(path, mode);
    if (!result) record('m', 0, 0, path, strlen(path), NULL, 0, 0);
    pthread_mutex_unlock(&lock);
    return result;
}
