/* bytes.c - what bytes.h declares. The secret of bytes_hash is drawn once, when the program or library is loaded. */
#include "bytes.h"

#include <malloc.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/random.h>

#define BUFFER_FIRST 64
#define BUFFER_KEEP ((size_t)1 << 20)

_Noreturn void die(const char *reason) {
    fprintf(stderr, "radon: %s\n", reason);
    abort();
}

/* ---- memory ---- */

static void *need(void *memory) {
    if (memory == NULL) die("out of memory");
    return memory;
}

void *xmalloc(size_t size) { return need(malloc(size != 0 ? size : 1)); }

void *xcalloc(size_t count, size_t size) { return need(count != 0 && size != 0 ? calloc(count, size) : calloc(1, 1)); }

void *xrealloc(void *memory, size_t size) { return need(realloc(memory, size != 0 ? size : 1)); }

/* The kernel gives a huge page only where none of it was touched yet. So it is asked for those behind the block, as far as
 * the heap is mapped: to the end of an aligned 64 MiB that are a thread's heap, or to where the process's heap ends, both
 * of which glibc maps whole from the first time on. */
void memory_grows(const void *block) {
#if defined M_TOP_PAD && defined MADV_HUGEPAGE
    enum { HUGE_PAGE = 2 << 20, HEAP = 64 << 20 };
    static _Thread_local uintptr_t last;
    uintptr_t page = (uintptr_t)block / HUGE_PAGE, heap = (uintptr_t)block / HEAP, next = (page + 1) * HUGE_PAGE;
    if (page == last) return;
    if (last == 0) mallopt(M_TOP_PAD, HEAP);
    last = page;
    madvise((void *)next, (heap + 1) * HEAP - next, MADV_HUGEPAGE); /* it is only a wish */
#else
    (void)block;
#endif
}

/* ---- strings ---- */

Str *str_room(size_t size) {
    if (size > UINT32_MAX) die("a string of 4 GiB or more");
    Str *s = xmalloc(sizeof *s + size + 1);
    s->refs = 1;
    s->size = (uint32_t)size;
    s->data[size] = 0;
    return s;
}

Str *str_new(const void *data, size_t size) {
    Str *s = str_room(size);
    if (size != 0) memcpy(s->data, data, size);
    return s;
}

int bytes_compare(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size) {
    size_t size = a_size < b_size ? a_size : b_size;
    int order = size != 0 ? memcmp(a, b, size) : 0;
    return order != 0 ? order : (a_size > b_size) - (a_size < b_size);
}

/* ---- hashing: 16 bytes at a time are multiplied, after wyhash by Wang Yi, but every constant is random ---- */

static uint64_t secret[4];

__attribute__((constructor)) static void draw_secret(void) {
    if (getrandom(secret, sizeof secret, 0) != sizeof secret) die("the kernel gives no random bytes");
}

static uint64_t load(const uint8_t *from) {
    uint64_t number;
    memcpy(&number, from, sizeof number);
    return number;
}

static uint64_t fold(uint64_t a, uint64_t b) {
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t bytes_hash(const void *data, size_t size) {
    const uint8_t *at = data;
    uint64_t hash = secret[0] ^ size, a = 0, b = 0;
    size_t rest = size;
    for (; rest > 16; rest -= 16, at += 16) hash = fold(load(at) ^ secret[1], load(at + 8) ^ hash);
    if (rest >= 8) { /* the halves may overlap: `size` says by how much */
        a = load(at);
        b = load(at + rest - 8);
    } else {
        for (size_t index = 0; index < rest; index++) a = a << 8 | at[index];
    }
    return fold(fold(a ^ secret[2], b ^ hash) ^ secret[3], hash ^ secret[1]);
}

uint64_t hash_u64(uint64_t number) { return fold(fold(number ^ secret[0], secret[2]) ^ secret[1], secret[3]); }

/* ---- buffers ---- */

void buffer_grow(Buffer *buffer, size_t more) {
    if (more > SIZE_MAX / 4 - buffer->size) die("a buffer larger than memory");
    size_t room = buffer->room != 0 ? buffer->room : BUFFER_FIRST;
    while (room - buffer->size < more) room *= 2;
    buffer->data = xrealloc(buffer->data, room);
    buffer->room = room;
}

void buffer_put(Buffer *buffer, const void *data, size_t size) {
    if (size != 0) memcpy(buffer_extend(buffer, size), data, size);
}

void buffer_u8(Buffer *buffer, uint8_t number) { *buffer_extend(buffer, 1) = number; }

void buffer_u32(Buffer *buffer, uint32_t number) { memcpy(buffer_extend(buffer, 4), &number, 4); }

void buffer_u64(Buffer *buffer, uint64_t number) { memcpy(buffer_extend(buffer, 8), &number, 8); }

void buffer_clear(Buffer *buffer) {
    if (buffer->room > BUFFER_KEEP) buffer_free(buffer);
    buffer->size = 0;
}

void buffer_free(Buffer *buffer) {
    if (buffer->data == NULL) return; /* most that a turn has */
    free(buffer->data);
    *buffer = (Buffer){0};
}
