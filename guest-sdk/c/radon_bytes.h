/* radon_bytes.h - bytes, text, integers and growing buffers, without libc.
 *
 * Owns everything about bytes that are already in the guest's memory; knows nothing of syscalls.
 * What a function here allocates comes from the turn's memory (radon_alloc, radon_turn.h): nobody frees it, and it is
 * gone when the turn ends. Text is UTF-8 and carries its length; there is no NUL at its end.
 */
#ifndef RADON_BYTES_H
#define RADON_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __wasi__
#include <string.h>
#else
void *memcpy(void *restrict to, const void *restrict from, size_t length);
void *memmove(void *to, const void *from, size_t length);
void *memset(void *to, int byte, size_t length);
int memcmp(const void *a, const void *b, size_t length);
size_t strlen(const char *text);
#endif

/* Bytes that somebody else owns: the turn's memory, a literal, a global. `data` means nothing when `len` is 0. */
typedef struct {
    const uint8_t *data;
    size_t len;
} radon_bytes;

/* Bytes or none. An empty value is a value: {true, {.., 0}}. */
typedef struct {
    bool some;
    radon_bytes value;
} radon_option;

#define RADON_NONE ((radon_option){0})

static inline radon_option radon_some(radon_bytes value) { return (radon_option){true, value}; }

/* A NUL-terminated C string as bytes. The length of a literal is found at compile time. */
static inline radon_bytes radon_text(const char *text) {
    return (radon_bytes){(const uint8_t *)text, __builtin_strlen(text)};
}

/* ---- comparing and cutting: nothing here allocates or fails ---- */

/* Below 0, 0, above 0: in the order in which bucket.scan gives keys. */
int radon_compare(radon_bytes a, radon_bytes b);
bool radon_equal(radon_bytes a, radon_bytes b);
bool radon_starts_with(radon_bytes bytes, radon_bytes prefix);

/* As radon_equal, with a C string: radon_is(word, "add"). */
static inline bool radon_is(radon_bytes bytes, const char *text) { return radon_equal(bytes, radon_text(text)); }

/* The bytes from `start` up to `end`, both cut to what there is. */
radon_bytes radon_slice(radon_bytes bytes, size_t start, size_t end);

/* The index of the first `byte`, or bytes.len. */
size_t radon_find(radon_bytes bytes, uint8_t byte);

/* Cuts off and answers what stands before the first `separator`; `rest` goes on behind it. Without one: all of it, and
 * `rest` is empty. */
radon_bytes radon_cut(radon_bytes *rest, uint8_t separator);

/* ---- integers ---- */

/* All of `text` as a decimal number: digits, for s64 perhaps after a '-'. False where it is anything else or does not
 * fit; then *out is 0. */
bool radon_parse_u64(radon_bytes text, uint64_t *out);
bool radon_parse_s64(radon_bytes text, int64_t *out);

/* The number in decimal, in the turn's memory. */
radon_bytes radon_format_u64(uint64_t number);
radon_bytes radon_format_s64(int64_t number);

/* Little-endian, at any alignment; a bucket's `add` counts in 8 such bytes. */
static inline uint32_t radon_load_u32(const uint8_t *from) {
    uint32_t number;
    __builtin_memcpy(&number, from, sizeof number); /* WebAssembly itself is little-endian */
    return number;
}

static inline uint64_t radon_load_u64(const uint8_t *from) {
    uint64_t number;
    __builtin_memcpy(&number, from, sizeof number);
    return number;
}

static inline void radon_store_u32(uint8_t *to, uint32_t number) { __builtin_memcpy(to, &number, sizeof number); }
static inline void radon_store_u64(uint8_t *to, uint64_t number) { __builtin_memcpy(to, &number, sizeof number); }

/* Keys in big-endian sort as their numbers do. */
static inline void radon_store_u64_key(uint8_t *to, uint64_t number) { radon_store_u64(to, __builtin_bswap64(number)); }
static inline uint64_t radon_load_u64_key(const uint8_t *from) { return __builtin_bswap64(radon_load_u64(from)); }

/* ---- a buffer that grows in the turn's memory; {0} is an empty one ---- */

typedef struct {
    uint8_t *data;
    size_t len;
    size_t capacity;
} radon_buffer;

/* Room for `length` more bytes at the answered place, counted as written already. */
uint8_t *radon_buffer_extend(radon_buffer *buffer, size_t length);
void radon_buffer_add(radon_buffer *buffer, radon_bytes bytes);
void radon_buffer_add_byte(radon_buffer *buffer, uint8_t byte);
void radon_buffer_add_u64(radon_buffer *buffer, uint64_t number); /* in decimal */
void radon_buffer_add_s64(radon_buffer *buffer, int64_t number);

static inline void radon_buffer_add_text(radon_buffer *buffer, const char *text) {
    radon_buffer_add(buffer, radon_text(text));
}

/* What was added so far; good until the next addition. */
static inline radon_bytes radon_buffer_bytes(const radon_buffer *buffer) {
    return (radon_bytes){buffer->data, buffer->len};
}

/* `a` followed by `b`, in the turn's memory. */
radon_bytes radon_concat(radon_bytes a, radon_bytes b);

#endif
