#include "native.h"

#include "api.h"
#include "slabs.h"

Wasm wasm;

const char *radon_native_release(void) { return WASMTIME_RELEASE; }

const char *radon_native_load(const char *path) { return wasm_load(&wasm, path); }

int radon_native_slabs(void *config, uint32_t count, size_t memory, size_t stack) {
    return slabs_set(config, count, memory, stack);
}

#define WHOLE(type) {#type, NULL, sizeof(type)}
#define FIELD(type, field) {#type, #field, offsetof(type, field)}

static const RadonLayout layouts[] = {
    WHOLE(wasm_byte_vec_t),
    FIELD(wasm_byte_vec_t, data),
    WHOLE(wasmtime_extern_t),
    FIELD(wasmtime_extern_t, of),
    WHOLE(wasmtime_func_t),
    WHOLE(wasmtime_instance_t),
    WHOLE(wasmtime_memory_t),
    WHOLE(wasmtime_global_t),
    WHOLE(wasmtime_val_t),
    FIELD(wasmtime_val_t, of),
    WHOLE(wasmtime_val_raw_t),
    WHOLE(wasmtime_async_continuation_t),
    FIELD(wasmtime_async_continuation_t, env),
    FIELD(wasmtime_async_continuation_t, finalizer),
    WHOLE(wasmtime_linear_memory_t),
    FIELD(wasmtime_linear_memory_t, grow_memory),
    WHOLE(wasmtime_memory_creator_t),
    FIELD(wasmtime_memory_creator_t, new_memory),
    WHOLE(wasmtime_stack_memory_t),
    FIELD(wasmtime_stack_memory_t, get_stack_memory),
    WHOLE(wasmtime_stack_creator_t),
    FIELD(wasmtime_stack_creator_t, new_stack),
};

const RadonLayout *radon_native_layouts(size_t *count) {
    *count = sizeof layouts / sizeof *layouts;
    return layouts;
}
