/* radon.c - the memory of a turn, bytes and integers: what radon_turn.h and radon_bytes.h declare.
 *
 * Owns the arena, and `cabi_realloc`, by which the host asks for room in it. Knows nothing of syscalls or handlers.
 */
#include "radon_turn.h"

#define ALIGNMENT 16

/* ---- the arena ---- */

static size_t rounded(size_t size) {
    if (size > SIZE_MAX - ALIGNMENT) __builtin_trap();
    return (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
}

#ifdef __wasi__
#include <stdlib.h>

/* libc owns the heap, so each allocation is a block of malloc's, linked to be freed at the end of the turn. */
typedef struct block {
    struct block *previous;
    size_t before; /* bytes that were in use before it */
    uint8_t pad[ALIGNMENT - sizeof(struct block *) - sizeof(size_t)];
} block;

static block *newest;
static size_t in_use;
static bool over; /* what is there is of a turn that has ended */

void radon_turn_release(size_t used) {
    while (in_use > used) {
        block *last = newest;
        newest = last->previous;
        in_use = last->before;
        free(last);
    }
}

static void begin(void) {
    if (over) radon_turn_release(0);
    over = false;
}

size_t radon_turn_used(void) {
    begin();
    return in_use;
}

void *radon_alloc(size_t size) {
    begin();
    block *fresh = malloc(sizeof(block) + rounded(size));
    if (fresh == NULL) __builtin_trap();
    fresh->previous = newest;
    fresh->before = in_use;
    newest = fresh;
    in_use += sizeof(block) + rounded(size);
    return fresh + 1;
}

static bool extend_in_place(void *old, size_t old_size, size_t size) {
    (void)old;
    return rounded(size) <= rounded(old_size);
}

void radon_turn_over(void) { over = true; }

#else

#define PAGE ((size_t)65536)

extern uint8_t __heap_base; /* the linker's: the first address behind globals and stack, which not every linker aligns */

/* Nothing else grows the memory, so that what lies between the heap's base and the memory's end is the arena. By this
 * name the host finds it, and takes from it what it hands in: a call of `cabi_realloc` is then only needed where too
 * little is left. So each call of the host may change it. */
struct {
    uintptr_t next; /* the first free byte; once there is an end, a multiple of ALIGNMENT */
    uintptr_t end;  /* of the memory; 0 before the first allocation */
} radon_arena = {(uintptr_t)&__heap_base, 0};

static void reserve(uintptr_t end) {
    size_t have = __builtin_wasm_memory_size(0);
    size_t need = end / PAGE + (end % PAGE != 0);
    if (need > have && __builtin_wasm_memory_grow(0, need - have) == SIZE_MAX) __builtin_trap();
    radon_arena.end = (need > have ? need : have) * PAGE;
}

static void set_next(uintptr_t start, size_t size) {
    size = rounded(size);
    if (size > UINTPTR_MAX - start) __builtin_trap();
    if (start + size > radon_arena.end) reserve(start + size);
    radon_arena.next = start + size;
}

void *radon_alloc(size_t size) {
    uintptr_t start = rounded(radon_arena.next);
    set_next(start, size);
    return (void *)start;
}

static bool extend_in_place(void *old, size_t old_size, size_t size) {
    if (rounded(size) <= rounded(old_size)) return true;
    if ((uintptr_t)old + rounded(old_size) != radon_arena.next) return false;
    set_next((uintptr_t)old, size);
    return true;
}

static uintptr_t base(void) { return rounded((uintptr_t)&__heap_base); }

size_t radon_turn_used(void) { return rounded(radon_arena.next) - base(); }

void radon_turn_release(size_t used) { radon_arena.next = base() + used; }

void radon_turn_over(void) { radon_turn_release(0); }

#endif

void *radon_realloc(void *old, size_t old_size, size_t size) {
    if (old_size == 0) return radon_alloc(size);
    if (extend_in_place(old, old_size, size)) return old;
    void *fresh = radon_alloc(size);
    memcpy(fresh, old, old_size);
    return fresh;
}

/* The Canonical ABI's allocator. The host asks for nothing larger than ALIGNMENT. */
__attribute__((export_name("cabi_realloc"))) void *cabi_realloc(void *old, size_t old_size, size_t align, size_t size) {
    if (align > ALIGNMENT) __builtin_trap();
    if (size == 0) return (void *)align; /* no memory, yet an aligned address, as the standard asks */
    return radon_realloc(old, old_size, size);
}

/* ---- the outcome of a turn ---- */

const radon_outcome *radon_settle(radon_outcome outcome) {
    static radon_outcome settled; /* outlives the handler: the host reads it after the return */
    settled = outcome;
    radon_turn_over();
    return &settled;
}

radon_outcome radon_fail_because(const char *what, const char *why) {
    radon_buffer text = {0};
    radon_buffer_add_text(&text, what);
    radon_buffer_add_text(&text, ": ");
    radon_buffer_add_text(&text, why);
    return radon_fail_with(radon_buffer_bytes(&text));
}

/* ---- bytes ---- */

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

int radon_compare(radon_bytes a, radon_bytes b) {
    int order = memcmp(a.data, b.data, smaller(a.len, b.len));
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

bool radon_equal(radon_bytes a, radon_bytes b) { return a.len == b.len && memcmp(a.data, b.data, a.len) == 0; }

bool radon_starts_with(radon_bytes bytes, radon_bytes prefix) {
    return bytes.len >= prefix.len && memcmp(bytes.data, prefix.data, prefix.len) == 0;
}

radon_bytes radon_slice(radon_bytes bytes, size_t start, size_t end) {
    end = smaller(end, bytes.len);
    start = smaller(start, end);
    return (radon_bytes){bytes.data + start, end - start};
}

size_t radon_find(radon_bytes bytes, uint8_t byte) {
    size_t index = 0;
    while (index < bytes.len && bytes.data[index] != byte) index++;
    return index;
}

radon_bytes radon_cut(radon_bytes *rest, uint8_t separator) {
    size_t index = radon_find(*rest, separator);
    radon_bytes part = radon_slice(*rest, 0, index);
    *rest = radon_slice(*rest, index + 1, rest->len);
    return part;
}

/* ---- integers ---- */

bool radon_parse_u64(radon_bytes text, uint64_t *out) {
    uint64_t number = 0;
    *out = 0;
    if (text.len == 0) return false;
    for (size_t index = 0; index < text.len; index++) {
        uint8_t digit = (uint8_t)(text.data[index] - '0');
        if (digit > 9 || number > (UINT64_MAX - digit) / 10) return false;
        number = number * 10 + digit;
    }
    *out = number;
    return true;
}

bool radon_parse_s64(radon_bytes text, int64_t *out) {
    bool negative = text.len > 0 && text.data[0] == '-';
    uint64_t size, limit = (uint64_t)INT64_MAX + negative;
    *out = 0;
    if (!radon_parse_u64(radon_slice(text, negative, text.len), &size) || size > limit) return false;
    *out = (int64_t)(negative ? 0 - size : size);
    return true;
}

#define DIGITS 20 /* of UINT64_MAX */

void radon_buffer_add_u64(radon_buffer *buffer, uint64_t number) {
    uint8_t digits[DIGITS];
    size_t start = DIGITS;
    do {
        digits[--start] = (uint8_t)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    radon_buffer_add(buffer, (radon_bytes){digits + start, DIGITS - start});
}

void radon_buffer_add_s64(radon_buffer *buffer, int64_t number) {
    if (number < 0) radon_buffer_add_byte(buffer, '-');
    radon_buffer_add_u64(buffer, number < 0 ? 0 - (uint64_t)number : (uint64_t)number);
}

radon_bytes radon_format_u64(uint64_t number) {
    radon_buffer text = {0};
    radon_buffer_add_u64(&text, number);
    return radon_buffer_bytes(&text);
}

radon_bytes radon_format_s64(int64_t number) {
    radon_buffer text = {0};
    radon_buffer_add_s64(&text, number);
    return radon_buffer_bytes(&text);
}

/* ---- buffers ---- */

uint8_t *radon_buffer_extend(radon_buffer *buffer, size_t length) {
    size_t needed;
    if (__builtin_add_overflow(buffer->len, length, &needed)) __builtin_trap();
    if (needed > buffer->capacity) {
        size_t doubled = buffer->capacity > SIZE_MAX / 2 ? SIZE_MAX : buffer->capacity * 2;
        size_t capacity = doubled > needed ? doubled : needed < 32 ? 32 : needed;
        buffer->data = radon_realloc(buffer->data, buffer->capacity, capacity);
        buffer->capacity = capacity;
    }
    buffer->len = needed;
    return buffer->data + needed - length;
}

void radon_buffer_add(radon_buffer *buffer, radon_bytes bytes) {
    memcpy(radon_buffer_extend(buffer, bytes.len), bytes.data, bytes.len);
}

void radon_buffer_add_byte(radon_buffer *buffer, uint8_t byte) { *radon_buffer_extend(buffer, 1) = byte; }

radon_bytes radon_concat(radon_bytes a, radon_bytes b) {
    radon_buffer both = {0};
    radon_buffer_add(&both, a);
    radon_buffer_add(&both, b);
    return radon_buffer_bytes(&both);
}

/* ---- what the compiler calls where there is no libc; each would else be compiled into a call of itself ---- */

#ifndef __wasi__

#define NOT_ITSELF __attribute__((no_builtin))

NOT_ITSELF int memcmp(const void *a, const void *b, size_t length) {
    const uint8_t *left = a, *right = b;
    size_t index = 0;
    while (length - index >= 8 && radon_load_u64(left + index) == radon_load_u64(right + index)) index += 8;
    for (; index < length; index++)
        if (left[index] != right[index]) return left[index] - right[index];
    return 0;
}

NOT_ITSELF size_t strlen(const char *text) {
    size_t length = 0;
    while (text[length] != 0) length++;
    return length;
}

/* WebAssembly has an instruction for these. */

void *memcpy(void *restrict to, const void *restrict from, size_t length) {
    return __builtin_memcpy(to, from, length);
}

void *memmove(void *to, const void *from, size_t length) { return __builtin_memmove(to, from, length); }
void *memset(void *to, int byte, size_t length) { return __builtin_memset(to, byte, length); }

/* The product of two 128-bit integers, which compilers ask for when a 64-bit multiplication is checked for overflow. */
__int128 __multi3(__int128 a, __int128 b);
__int128 __multi3(__int128 a, __int128 b) {
    uint64_t x = (uint64_t)a, y = (uint64_t)b;
    uint64_t x0 = (uint32_t)x, x1 = x >> 32, y0 = (uint32_t)y, y1 = y >> 32;
    uint64_t low = x0 * y0, middle = x1 * y0 + (low >> 32), other = x0 * y1 + (uint32_t)middle;
    uint64_t high = x1 * y1 + (middle >> 32) + (other >> 32);
    high += (uint64_t)((unsigned __int128)a >> 64) * y + x * (uint64_t)((unsigned __int128)b >> 64);
    return (__int128)(((unsigned __int128)high << 64) | ((other << 32) | (uint32_t)low));
}

/* Shifts of one, by fewer than 128 bits. */
__int128 __ashlti3(__int128 it, int by);
__int128 __ashlti3(__int128 it, int by) {
    uint64_t low = (uint64_t)it, high = (uint64_t)((unsigned __int128)it >> 64);
    if (by == 0) return it;
    if (by >= 64) return (__int128)((unsigned __int128)(low << (by - 64)) << 64);
    return (__int128)((unsigned __int128)(high << by | low >> (64 - by)) << 64 | low << by);
}

__int128 __lshrti3(__int128 it, int by);
__int128 __lshrti3(__int128 it, int by) {
    uint64_t low = (uint64_t)it, high = (uint64_t)((unsigned __int128)it >> 64);
    if (by == 0) return it;
    if (by >= 64) return (__int128)(high >> (by - 64));
    return (__int128)((unsigned __int128)(high >> by) << 64 | (low >> by | high << (64 - by)));
}

#endif
