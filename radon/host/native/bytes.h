/* bytes.h - memory, counted byte strings, growing buffers.
 *
 * Owns how the native domain allocates; knows nothing of atoms. Nothing here is thread-safe: a domain is one thread's.
 * There is no error to check: who runs out of memory, or asks for a string of 4 GiB, ends the process with one line on
 * stderr, because a domain that cannot go on must not go on. The last commit is durable, and a restart begins there.
 */
#ifndef RADON_NATIVE_BYTES_H
#define RADON_NATIVE_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* ---- memory: as malloc, calloc and realloc, but never NULL, not even for 0 bytes; to be freed with free() ---- */

void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *memory, size_t size);

/* So many blocks of a kind may be kept for the next of it instead of freed. A sanitizer is to see each use after that. */
#ifdef __SANITIZE_ADDRESS__
enum { SPARES_KEPT = 0 };
#else
enum { SPARES_KEPT = 256 };
#endif

/* Asks for memory that will be read soon, and does not wait for it. It need not be there. */
static inline void prefetch(const void *memory, size_t size) {
    for (size_t line = 0; line < size; line += 64) __builtin_prefetch((const char *)memory + line);
}

/* There is a lot of memory, and this block is new. Mostly more will follow behind it: may that be in huge pages, which
 * the processor finds faster. */
void memory_grows(const void *block);

/* One line on stderr, then abort(). */
_Noreturn void die(const char *reason);

/* ---- strings ---- */

/* Immutable bytes that share owners count: each holds one reference, and the last one frees it. Behind `data` stands a
 * NUL that `size` does not count, so that text can be given to C as it is. */
typedef struct Str {
    uint32_t refs;
    uint32_t size;
    uint8_t data[];
} Str;

/* A copy; the caller has the one reference. `data` may be NULL if `size` is 0. Dies unless size < 2^32. */
Str *str_new(const void *data, size_t size);

/* The same, but the bytes are still to be filled in by the caller, before anybody else sees them. */
Str *str_room(size_t size);

/* One reference more, for whoever keeps the answer. NULL is nobody's and stays NULL. */
static inline Str *str_ref(Str *s) {
    if (s != NULL) s->refs++;
    return s;
}

/* The caller's reference is gone, and with the last one the string. NULL is fine. */
static inline void str_unref(Str *s) {
    if (s != NULL && --s->refs == 0) free(s);
}

static inline int str_equal(const Str *a, const Str *b) {
    return a == b || (a->size == b->size && memcmp(a->data, b->data, a->size) == 0);
}

/* Below 0, 0, above 0: in the order of memcmp, a prefix before what it begins. The order of a bucket's keys. */
int bytes_compare(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size);

/* For hash tables in memory (table.h), and for nothing else: it begins with a secret of this process, lest a guest
 * choose keys that collide, and so differs in each. Where atoms are placed, hash.h says. `hash_u64` hashes a number. */
uint64_t bytes_hash(const void *data, size_t size);
uint64_t hash_u64(uint64_t number);

/* ---- buffers ---- */

/* Bytes that grow at their end, by doubling; all zero is empty. `data` moves when it grows, and is the buffer's. */
typedef struct Buffer {
    uint8_t *data; /* NULL: nothing was allocated */
    size_t size, room;
} Buffer;

void buffer_grow(Buffer *buffer, size_t more); /* its memory, by room for `more` bytes at least */

/* `more` bytes at the end, still to be filled in; answers where they begin, good until the buffer grows again. */
static inline uint8_t *buffer_extend(Buffer *buffer, size_t more) {
    if (more > buffer->room - buffer->size) buffer_grow(buffer, more);
    buffer->size += more;
    return buffer->data + buffer->size - more;
}

void buffer_put(Buffer *buffer, const void *data, size_t size);
void buffer_u8(Buffer *buffer, uint8_t number);
void buffer_u32(Buffer *buffer, uint32_t number); /* little-endian, as all integers of frames */
void buffer_u64(Buffer *buffer, uint64_t number);

/* Empty again. Keeps the memory for the next time, unless it is large (over 1 MiB). */
void buffer_clear(Buffer *buffer);

/* Empty again, and without memory. */
void buffer_free(Buffer *buffer);

#endif
