/* Counts the calls of malloc and its relatives in a process, and on demand notes where they came from.
 *
 * Linked or preloaded into the process; bench/support/allocations.py builds it, reads and writes the file. Each process
 * (and each fork of one) has a file COUNTS_FOLDER/PID of the layout of `struct counts`, shared with whoever reads it.
 * operator new ends here too, since libstdc++ calls malloc.
 *
 * The counting itself is all that it adds: it allocates nothing, and a process whose file cannot be made runs on
 * without.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

enum { kFrames = 14, kSamples = 4096 };

struct sample {
    uint64_t bytes;
    uint64_t frames[kFrames]; /* return addresses, the innermost first; 0 ends them */
};

struct counts {
    _Atomic uint64_t mallocs;
    _Atomic uint64_t callocs;
    _Atomic uint64_t reallocs;
    _Atomic uint64_t aligned;
    _Atomic uint64_t frees;  /* of something */
    _Atomic uint64_t bytes;  /* asked for */
    _Atomic uint64_t wanted; /* samples to take, at most kSamples; written by the reader */
    _Atomic uint64_t taken;
    struct sample samples[kSamples];
};

extern void* __libc_malloc(size_t);
extern void* __libc_calloc(size_t, size_t);
extern void* __libc_realloc(void*, size_t);
extern void* __libc_memalign(size_t, size_t);
extern void __libc_free(void*);

static struct counts* shared;
static __thread int inside __attribute__((tls_model("initial-exec"))); /* backtrace(3) may allocate */

static void open_file(void) {
    char path[512];
    shared = NULL;
    if ((size_t)snprintf(path, sizeof path, "%s/%ld", COUNTS_FOLDER, (long)getpid()) >= sizeof path) {
        return;
    }
    const int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0) {
        return;
    }
    if (ftruncate(file, sizeof(struct counts)) == 0) {
        void* memory = mmap(NULL, sizeof(struct counts), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        shared = memory == MAP_FAILED ? NULL : memory;
    }
    close(file);
}

__attribute__((constructor)) static void start(void) {
    void* frames[1];
    inside = 1;
    backtrace(frames, 1); /* loads libgcc now and not in the middle of a measurement */
    inside = 0;
    open_file();
    pthread_atfork(NULL, NULL, open_file);
}

static __attribute__((noinline)) void note_sample(struct counts* to, size_t bytes) {
    const uint64_t index = atomic_fetch_add_explicit(&to->taken, 1, memory_order_relaxed);
    if (index >= kSamples || inside) {
        return;
    }
    void* frames[kFrames + 2]; /* this function and its caller, the interposer, are left out */
    inside = 1;
    const int count = backtrace(frames, kFrames + 2);
    inside = 0;
    struct sample* sample = &to->samples[index];
    sample->bytes = bytes;
    for (int frame = 2; frame < kFrames + 2; ++frame) {
        sample->frames[frame - 2] = frame < count ? (uint64_t)(uintptr_t)frames[frame] : 0;
    }
}

static inline __attribute__((always_inline)) void count(size_t kind, size_t bytes) {
    struct counts* to = shared;
    if (to == NULL) {
        return;
    }
    atomic_fetch_add_explicit((_Atomic uint64_t*)((char*)to + kind), 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&to->bytes, bytes, memory_order_relaxed);
    if (atomic_load_explicit(&to->taken, memory_order_relaxed) <
        atomic_load_explicit(&to->wanted, memory_order_relaxed)) {
        note_sample(to, bytes);
    }
}

void* malloc(size_t bytes) {
    count(offsetof(struct counts, mallocs), bytes);
    return __libc_malloc(bytes);
}

void* calloc(size_t items, size_t bytes) {
    count(offsetof(struct counts, callocs), items * bytes);
    return __libc_calloc(items, bytes);
}

void* realloc(void* memory, size_t bytes) {
    count(offsetof(struct counts, reallocs), bytes);
    return __libc_realloc(memory, bytes);
}

void* memalign(size_t alignment, size_t bytes) {
    count(offsetof(struct counts, aligned), bytes);
    return __libc_memalign(alignment, bytes);
}

void* aligned_alloc(size_t alignment, size_t bytes) {
    count(offsetof(struct counts, aligned), bytes);
    return __libc_memalign(alignment, bytes);
}

int posix_memalign(void** memory, size_t alignment, size_t bytes) {
    count(offsetof(struct counts, aligned), bytes);
    *memory = __libc_memalign(alignment, bytes);
    return *memory == NULL ? ENOMEM : 0;
}

void free(void* memory) {
    if (memory != NULL && shared != NULL) {
        atomic_fetch_add_explicit(&shared->frees, 1, memory_order_relaxed);
    }
    __libc_free(memory);
}
