/* slabs.c - see slabs.h */
#include "slabs.h"

#include <pthread.h>
#include <sys/mman.h>

#include "bytes.h"
#include "native.h"

/* One mapping, cut into pieces. */
typedef struct Slab {
    pthread_mutex_t lock;
    uint8_t *base;
    size_t stride;
    uint32_t count;
    uint32_t used;  /* pieces that were ever taken: the first ones */
    uint32_t *free; /* those of them that are free; the one that was given back last is taken first */
    uint32_t free_count;
    size_t warm; /* free ones that keep what they hold */
} Slab;

typedef struct Piece {
    Slab *slab;
    uint8_t *base;
    size_t size; /* of a memory: how much of it the guest has */
} Piece;

static Slab *slab_new(uint32_t count, size_t stride, size_t warm) {
    Slab *s;
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    void *base = mmap(NULL, count * stride, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (base == MAP_FAILED) return NULL;
    madvise(base, count * stride, MADV_NOHUGEPAGE); /* else the first byte that a guest touches takes 2 MiB */
    s = xcalloc(1, sizeof *s);
    *s = (Slab){.base = base, .stride = stride, .count = count, .warm = warm};
    s->free = xmalloc(count * sizeof *s->free);
    pthread_mutex_init(&s->lock, NULL);
    return s;
}

static Piece *take(Slab *s) {
    Piece *p = NULL;
    uint32_t number = UINT32_MAX;
    pthread_mutex_lock(&s->lock);
    if (s->free_count) number = s->free[--s->free_count];
    else if (s->used < s->count) number = s->used++;
    pthread_mutex_unlock(&s->lock);
    if (number != UINT32_MAX) {
        p = xmalloc(sizeof *p);
        *p = (Piece){.slab = s, .base = s->base + number * s->stride};
    }
    return p;
}

/* What is in its first `size` bytes becomes zeros, and the kernel's again; if enough free ones keep what they hold. */
static void give_back(Piece *p, size_t size) {
    Slab *s = p->slab;
    bool kept;
    pthread_mutex_lock(&s->lock);
    kept = s->free_count < s->warm;
    pthread_mutex_unlock(&s->lock);
    if (!kept && size && madvise(p->base, size, MADV_DONTNEED)) memset(p->base, 0, size);
    pthread_mutex_lock(&s->lock);
    s->free[s->free_count++] = (uint32_t)((size_t)(p->base - s->base) / s->stride);
    pthread_mutex_unlock(&s->lock);
    free(p);
}

/* ---- memories: what is free holds zeros ---- */

static uint8_t *memory_at(void *env, size_t *size, size_t *capacity) {
    const Piece *p = env;
    *size = p->size;
    *capacity = p->slab->stride;
    return p->base;
}

static wasmtime_error_t *grow(void *env, size_t size) {
    Piece *p = env;
    if (size > p->slab->stride) return wasm.error_new("a memory beyond its piece of the slab");
    p->size = size;
    return NULL;
}

static void memory_gone(void *env) {
    Piece *p = env;
    give_back(p, p->size);
}

static wasmtime_error_t *new_memory(
    void *env, const wasm_memorytype_t *type, size_t minimum, size_t maximum, size_t reserved, size_t guard,
    wasmtime_linear_memory_t *memory) {
    Slab *s = env;
    Piece *p;
    (void)type, (void)maximum;
    if (reserved || guard) return wasm.error_new("the code relies on guards, and slabs have none");
    if (minimum > s->stride) return wasm.error_new("a memory beyond its piece of the slab");
    p = take(s);
    if (p == NULL) return wasm.error_new("maximum concurrent memories reached");
    p->size = minimum;
    *memory = (wasmtime_linear_memory_t){p, memory_at, grow, memory_gone};
    return NULL;
}

/* ---- stacks: nobody reads what an earlier guest left there, but it takes memory ---- */

static uint8_t *stack_end(void *env, size_t *length) {
    const Piece *p = env;
    *length = p->slab->stride;
    return p->base + p->slab->stride;
}

static void stack_gone(void *env) {
    Piece *p = env;
    give_back(p, p->slab->stride);
}

static wasmtime_error_t *new_stack(void *env, size_t size, bool zeroed, wasmtime_stack_memory_t *stack) {
    Slab *s = env;
    Piece *p = size <= s->stride ? take(s) : NULL;
    (void)zeroed; /* the engine is not told to ask for it */
    if (p == NULL) return wasm.error_new("maximum concurrent stacks reached");
    *stack = (wasmtime_stack_memory_t){p, stack_end, stack_gone};
    return NULL;
}

/* ---- both ---- */

bool slabs_set(wasm_config_t *config, uint32_t count, size_t memory, size_t stack) {
    Slab *memories = slab_new(count, memory, 0), *stacks = memories ? slab_new(count, stack, 1024) : NULL;
    wasmtime_memory_creator_t memory_creator = {memories, new_memory, NULL};
    wasmtime_stack_creator_t stack_creator = {stacks, new_stack, NULL};
    if (stacks == NULL) return false; /* with nothing set, and addresses lost at worst */
    wasm.config_host_memory_creator_set(config, &memory_creator);
    wasm.config_host_stack_creator_set(config, &stack_creator);
    wasm.config_async_stack_size_set(config, stack);
    return true;
}
