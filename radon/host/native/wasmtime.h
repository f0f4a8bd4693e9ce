/* What Radon calls of wasmtime's C API, and the structures that cross it, declared anew: wasmtime-py brings the library
 * and no headers. True for wasmtime 50.0 only. Names and layouts are wasmtime's; `Wasm` holds the functions without
 * their prefix, so that `wasmtime_store_new` is `wasm.store_new`.
 *
 * Ownership, where the types do not say it: `*_new`, `*_async`, errors and traps are the receiver's to delete;
 * a `finalizer` may be NULL; a vector that is passed in to `functype_new` is taken over with its elements. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WASMTIME_RELEASE "50.0"

typedef struct wasm_config_t wasm_config_t;
typedef struct wasm_engine_t wasm_engine_t;
typedef struct wasm_exporttype_t wasm_exporttype_t;
typedef struct wasm_externtype_t wasm_externtype_t;
typedef struct wasm_frame_t wasm_frame_t;
typedef struct wasm_functype_t wasm_functype_t;
typedef struct wasm_importtype_t wasm_importtype_t;
typedef struct wasm_memorytype_t wasm_memorytype_t;
typedef struct wasm_trap_t wasm_trap_t;
typedef struct wasm_valtype_t wasm_valtype_t;
typedef struct wasmtime_call_future wasmtime_call_future_t;
typedef struct wasmtime_caller wasmtime_caller_t;
typedef struct wasmtime_context wasmtime_context_t;
typedef struct wasmtime_error wasmtime_error_t;
typedef struct wasmtime_instance_pre wasmtime_instance_pre_t;
typedef struct wasmtime_linker wasmtime_linker_t;
typedef struct wasmtime_module wasmtime_module_t;
typedef struct wasmtime_store wasmtime_store_t;

typedef uint8_t wasm_externkind_t;
typedef uint8_t wasm_valkind_t;
typedef uint8_t wasmtime_extern_kind_t;
typedef uint8_t wasmtime_trap_code_t;
typedef uint8_t wasmtime_valkind_t;

enum { WASM_I32 = 0, WASM_I64 = 1, WASM_F32 = 2, WASM_F64 = 3 };                 /* wasm_valkind_t */
enum { WASM_EXTERN_FUNC = 0, WASM_EXTERN_GLOBAL, WASM_EXTERN_TABLE, WASM_EXTERN_MEMORY }; /* wasm_externkind_t */
enum { WASMTIME_EXTERN_FUNC = 0, WASMTIME_EXTERN_GLOBAL, WASMTIME_EXTERN_TABLE, WASMTIME_EXTERN_MEMORY };
enum { WASMTIME_I32 = 0, WASMTIME_I64 = 1, WASMTIME_F32 = 2, WASMTIME_F64 = 3 }; /* wasmtime_valkind_t */

enum { /* wasmtime_trap_code_t; the later ones are of proposals that the engine has off, or of components */
    WASMTIME_TRAP_STACK_OVERFLOW = 0,
    WASMTIME_TRAP_MEMORY_OUT_OF_BOUNDS = 1,
    WASMTIME_TRAP_HEAP_MISALIGNED = 2,
    WASMTIME_TRAP_TABLE_OUT_OF_BOUNDS = 3,
    WASMTIME_TRAP_INDIRECT_CALL_TO_NULL = 4,
    WASMTIME_TRAP_BAD_SIGNATURE = 5,
    WASMTIME_TRAP_INTEGER_OVERFLOW = 6,
    WASMTIME_TRAP_INTEGER_DIVISION_BY_ZERO = 7,
    WASMTIME_TRAP_BAD_CONVERSION_TO_INTEGER = 8,
    WASMTIME_TRAP_UNREACHABLE = 9,
    WASMTIME_TRAP_INTERRUPT = 10,
    WASMTIME_TRAP_OUT_OF_FUEL = 11,
};

/* Vectors: `data` is allocated by wasmtime and freed by the vector's own `_delete`. Names are not NUL-terminated. */
typedef struct wasm_byte_vec_t { size_t size; char *data; } wasm_byte_vec_t;
typedef struct wasm_exporttype_vec_t { size_t size; wasm_exporttype_t **data; } wasm_exporttype_vec_t;
typedef struct wasm_frame_vec_t { size_t size; wasm_frame_t **data; } wasm_frame_vec_t;
typedef struct wasm_importtype_vec_t { size_t size; wasm_importtype_t **data; } wasm_importtype_vec_t;
typedef struct wasm_valtype_vec_t { size_t size; wasm_valtype_t **data; } wasm_valtype_vec_t;
typedef wasm_byte_vec_t wasm_name_t;
typedef wasm_byte_vec_t wasm_message_t; /* unlike a name it ends with a NUL, which `size` counts */

/* Handles into a store: plain values, freed with the store. */
typedef struct wasmtime_func { uint64_t store_id; void *private_; } wasmtime_func_t;
typedef struct wasmtime_instance { uint64_t store_id; size_t private_; } wasmtime_instance_t;
typedef struct wasmtime_memory {
    struct { uint64_t store_id; uint32_t private1; };
    uint32_t private2;
} wasmtime_memory_t;
typedef struct wasmtime_global { uint64_t store_id; uint32_t private1, private2, private3; } wasmtime_global_t;

typedef struct wasmtime_extern {
    wasmtime_extern_kind_t kind;
    union { wasmtime_func_t func; wasmtime_global_t global; wasmtime_memory_t memory; } of;
} wasmtime_extern_t;

typedef uint8_t wasmtime_v128[16];
typedef struct wasmtime_anyref { uint64_t store_id; uint32_t private1, private2; void *private3; } wasmtime_anyref_t;

typedef struct wasmtime_val {
    wasmtime_valkind_t kind;
    union {
        int32_t i32;
        int64_t i64;
        float f32;
        double f64;
        wasmtime_anyref_t anyref; /* never used; it makes the union as large as wasmtime's */
        wasmtime_func_t funcref;
        wasmtime_v128 v128;
    } of;
} wasmtime_val_t;

typedef union wasmtime_val_raw {
    int32_t i32;
    int64_t i64;
    float f32;
    double f64;
    wasmtime_v128 v128;
    void *funcref;
} wasmtime_val_raw_t;

typedef void (*wasmtime_finalizer_t)(void *env);

/* A host function. The values are its arguments; on return its results, from the first one on. The answer is NULL, or
 * a trap that wasmtime takes over. `caller` lives as long as the call. */
typedef wasm_trap_t *(*wasmtime_func_unchecked_callback_t)(void *env, wasmtime_caller_t *caller,
                                                           wasmtime_val_raw_t *values, size_t count);

/* A host function that may suspend its guest. It always sets `continuation->callback` (wasmtime ends the process when it
 * does not, even beside a trap): that one is asked at once, and then at each poll of the guest's future, until it answers
 * true. `arguments`, `results` and `trap` live until then. What `trap_new` made and is set here comes out of the guest's
 * call as an error, and not as a trap. */
typedef struct wasmtime_async_continuation {
    bool (*callback)(void *env);
    void *env;
    wasmtime_finalizer_t finalizer;
} wasmtime_async_continuation_t;
typedef void (*wasmtime_func_async_callback_t)(void *env, wasmtime_caller_t *caller, const wasmtime_val_t *arguments,
                                               size_t argument_count, wasmtime_val_t *results, size_t result_count,
                                               wasm_trap_t **trap, wasmtime_async_continuation_t *continuation);

/* Memories of our own. `get_memory` answers where one begins, its size and the size that it may grow to there; where code
 * is to check no access by itself, the reservation and the guard behind it are to be inaccessible. Called by any thread. */
typedef struct wasmtime_linear_memory {
    void *env;
    uint8_t *(*get_memory)(void *env, size_t *size, size_t *capacity);
    wasmtime_error_t *(*grow_memory)(void *env, size_t size);
    wasmtime_finalizer_t finalizer;
} wasmtime_linear_memory_t;
typedef struct wasmtime_memory_creator {
    void *env;
    wasmtime_error_t *(*new_memory)(void *env, const wasm_memorytype_t *, size_t minimum, size_t maximum, size_t reserved,
                                    size_t guard, wasmtime_linear_memory_t *memory);
    wasmtime_finalizer_t finalizer;
} wasmtime_memory_creator_t;

/* Stacks of our own for guests that may suspend. `get_stack_memory` answers the *end* of the memory (stacks grow down)
 * and its length; guard pages are ours to make. */
typedef struct wasmtime_stack_memory {
    void *env;
    uint8_t *(*get_stack_memory)(void *env, size_t *length);
    wasmtime_finalizer_t finalizer;
} wasmtime_stack_memory_t;
typedef struct wasmtime_stack_creator {
    void *env;
    wasmtime_error_t *(*new_stack)(void *env, size_t size, bool zeroed, wasmtime_stack_memory_t *stack);
    wasmtime_finalizer_t finalizer;
} wasmtime_stack_creator_t;

/* F(result, prefix, name, parameters): each is a member `name` of Wasm and the symbol `prefix##name` of the library. */
#define WASM_FUNCTIONS(F)                                                                                              \
    /* configuration */                                                                                                \
    F(void, wasmtime_, config_async_stack_size_set, (wasm_config_t *, size_t))                                         \
    F(void, wasmtime_, config_host_memory_creator_set, (wasm_config_t *, wasmtime_memory_creator_t *))                 \
    F(void, wasmtime_, config_host_stack_creator_set, (wasm_config_t *, wasmtime_stack_creator_t *))                   \
    /* linking and instances */                                                                                        \
    F(wasmtime_linker_t *, wasmtime_, linker_new, (wasm_engine_t *))                                                   \
    F(void, wasmtime_, linker_delete, (wasmtime_linker_t *))                                                           \
    F(wasmtime_error_t *, wasmtime_, linker_define_func_unchecked,                                                     \
      (wasmtime_linker_t *, const char *module, size_t module_length, const char *name, size_t name_length,            \
       const wasm_functype_t *, wasmtime_func_unchecked_callback_t, void *env, wasmtime_finalizer_t))                  \
    F(wasmtime_error_t *, wasmtime_, linker_define_async_func,                                                         \
      (wasmtime_linker_t *, const char *module, size_t module_length, const char *name, size_t name_length,            \
       const wasm_functype_t *, wasmtime_func_async_callback_t, void *env, wasmtime_finalizer_t))                      \
    F(wasmtime_error_t *, wasmtime_, linker_instantiate_pre,                                                           \
      (const wasmtime_linker_t *, const wasmtime_module_t *, wasmtime_instance_pre_t **))                              \
    F(bool, wasmtime_, linker_get,                                                                                     \
      (const wasmtime_linker_t *, wasmtime_context_t *, const char *module, size_t module_length, const char *name,    \
       size_t name_length, wasmtime_extern_t *))                                                                       \
    F(wasmtime_call_future_t *, wasmtime_, linker_instantiate_async,                                                   \
      (const wasmtime_linker_t *, wasmtime_context_t *, const wasmtime_module_t *, wasmtime_instance_t *,              \
       wasm_trap_t **, wasmtime_error_t **))                                                                           \
    F(void, wasmtime_, instance_pre_delete, (wasmtime_instance_pre_t *))                                               \
    F(wasmtime_error_t *, wasmtime_, instance_pre_instantiate,                                                         \
      (const wasmtime_instance_pre_t *, wasmtime_context_t *, wasmtime_instance_t *, wasm_trap_t **))                  \
    F(wasmtime_call_future_t *, wasmtime_, instance_pre_instantiate_async,                                             \
      (const wasmtime_instance_pre_t *, wasmtime_context_t *, wasmtime_instance_t *, wasm_trap_t **,                   \
       wasmtime_error_t **))                                                                                           \
    F(wasmtime_error_t *, wasmtime_, instance_new,                                                                     \
      (wasmtime_context_t *, const wasmtime_module_t *, const wasmtime_extern_t *imports, size_t import_count,         \
       wasmtime_instance_t *, wasm_trap_t **))                                                                         \
    F(bool, wasmtime_, instance_export_get,                                                                            \
      (wasmtime_context_t *, const wasmtime_instance_t *, const char *name, size_t length, wasmtime_extern_t *))       \
    F(void, wasmtime_, extern_delete, (wasmtime_extern_t *))                                                           \
    /* stores */                                                                                                       \
    F(wasmtime_store_t *, wasmtime_, store_new, (wasm_engine_t *, void *data, wasmtime_finalizer_t))                   \
    F(wasmtime_context_t *, wasmtime_, store_context, (wasmtime_store_t *))                                            \
    F(void, wasmtime_, store_limiter,                                                                                  \
      (wasmtime_store_t *, int64_t memory_bytes, int64_t table_elements, int64_t instances, int64_t tables,            \
       int64_t memories))                                                                                              \
    F(void, wasmtime_, store_delete, (wasmtime_store_t *))                                                             \
    F(void *, wasmtime_, context_get_data, (const wasmtime_context_t *))                                               \
    F(void, wasmtime_, context_set_data, (wasmtime_context_t *, void *))                                               \
    F(wasmtime_error_t *, wasmtime_, context_set_fuel, (wasmtime_context_t *, uint64_t))                               \
    F(wasmtime_error_t *, wasmtime_, context_get_fuel, (const wasmtime_context_t *, uint64_t *))                       \
    F(wasmtime_error_t *, wasmtime_, context_fuel_async_yield_interval, (wasmtime_context_t *, uint64_t))              \
    /* memories */                                                                                                     \
    F(uint8_t *, wasmtime_, memory_data, (const wasmtime_context_t *, const wasmtime_memory_t *))                      \
    F(size_t, wasmtime_, memory_data_size, (const wasmtime_context_t *, const wasmtime_memory_t *))                    \
    F(void, wasmtime_, global_get, (wasmtime_context_t *, const wasmtime_global_t *, wasmtime_val_t *))                \
    F(uint64_t, wasmtime_, memory_size, (const wasmtime_context_t *, const wasmtime_memory_t *))                       \
    F(wasmtime_error_t *, wasmtime_, memory_grow,                                                                      \
      (wasmtime_context_t *, const wasmtime_memory_t *, uint64_t pages, uint64_t *pages_before))                       \
    /* functions and calls */                                                                                          \
    F(void, wasmtime_, func_new_unchecked,                                                                             \
      (wasmtime_context_t *, const wasm_functype_t *, wasmtime_func_unchecked_callback_t, void *env,                   \
       wasmtime_finalizer_t, wasmtime_func_t *))                                                                       \
    F(wasm_functype_t *, wasmtime_, func_type, (const wasmtime_context_t *, const wasmtime_func_t *))                  \
    F(wasmtime_error_t *, wasmtime_, func_call_unchecked,                                                              \
      (wasmtime_context_t *, const wasmtime_func_t *, wasmtime_val_raw_t *, size_t count, wasm_trap_t **))             \
    F(wasmtime_call_future_t *, wasmtime_, func_call_async,                                                            \
      (wasmtime_context_t *, const wasmtime_func_t *, const wasmtime_val_t *arguments, size_t argument_count,          \
       wasmtime_val_t *results, size_t result_count, wasm_trap_t **, wasmtime_error_t **))                             \
    F(bool, wasmtime_, call_future_poll, (wasmtime_call_future_t *))                                                   \
    F(void, wasmtime_, call_future_delete, (wasmtime_call_future_t *))                                                 \
    F(wasmtime_context_t *, wasmtime_, caller_context, (wasmtime_caller_t *))                                          \
    F(bool, wasmtime_, caller_export_get, (wasmtime_caller_t *, const char *name, size_t length, wasmtime_extern_t *)) \
    /* errors and traps */                                                                                             \
    F(wasmtime_error_t *, wasmtime_, error_new, (const char *))                                                        \
    F(void, wasmtime_, error_message, (const wasmtime_error_t *, wasm_name_t *))                                       \
    F(void, wasmtime_, error_wasm_trace, (const wasmtime_error_t *, wasm_frame_vec_t *))                               \
    F(void, wasmtime_, error_delete, (wasmtime_error_t *))                                                             \
    F(wasm_trap_t *, wasmtime_, trap_new, (const char *, size_t))                                                      \
    F(bool, wasmtime_, trap_code, (const wasm_trap_t *, wasmtime_trap_code_t *))                                       \
    F(void, wasm_, trap_message, (const wasm_trap_t *, wasm_message_t *))                                              \
    F(void, wasm_, trap_trace, (const wasm_trap_t *, wasm_frame_vec_t *))                                              \
    F(void, wasm_, trap_delete, (wasm_trap_t *))                                                                       \
    F(uint32_t, wasm_, frame_func_index, (const wasm_frame_t *))                                                       \
    F(const wasm_name_t *, wasmtime_, frame_func_name, (const wasm_frame_t *))                                         \
    F(void, wasm_, frame_vec_delete, (wasm_frame_vec_t *))                                                             \
    F(void, wasm_, byte_vec_delete, (wasm_byte_vec_t *))                                                               \
    /* modules and types */                                                                                            \
    F(void, wasmtime_, module_imports, (const wasmtime_module_t *, wasm_importtype_vec_t *))                           \
    F(void, wasmtime_, module_exports, (const wasmtime_module_t *, wasm_exporttype_vec_t *))                           \
    F(wasmtime_module_t *, wasmtime_, module_clone, (const wasmtime_module_t *))                                       \
    F(void, wasmtime_, module_delete, (wasmtime_module_t *))                                                           \
    F(const wasm_name_t *, wasm_, importtype_module, (const wasm_importtype_t *))                                      \
    F(const wasm_name_t *, wasm_, importtype_name, (const wasm_importtype_t *))                                        \
    F(const wasm_externtype_t *, wasm_, importtype_type, (const wasm_importtype_t *))                                  \
    F(void, wasm_, importtype_vec_delete, (wasm_importtype_vec_t *))                                                   \
    F(const wasm_name_t *, wasm_, exporttype_name, (const wasm_exporttype_t *))                                        \
    F(const wasm_externtype_t *, wasm_, exporttype_type, (const wasm_exporttype_t *))                                  \
    F(void, wasm_, exporttype_vec_delete, (wasm_exporttype_vec_t *))                                                   \
    F(wasm_externkind_t, wasm_, externtype_kind, (const wasm_externtype_t *))                                          \
    F(const wasm_functype_t *, wasm_, externtype_as_functype_const, (const wasm_externtype_t *))                       \
    F(wasm_functype_t *, wasm_, functype_new, (wasm_valtype_vec_t *parameters, wasm_valtype_vec_t *results))           \
    F(const wasm_valtype_vec_t *, wasm_, functype_params, (const wasm_functype_t *))                                   \
    F(const wasm_valtype_vec_t *, wasm_, functype_results, (const wasm_functype_t *))                                  \
    F(void, wasm_, functype_delete, (wasm_functype_t *))                                                               \
    F(wasm_valtype_t *, wasm_, valtype_new, (wasm_valkind_t))                                                          \
    F(wasm_valkind_t, wasm_, valtype_kind, (const wasm_valtype_t *))                                                   \
    F(void, wasm_, valtype_vec_new, (wasm_valtype_vec_t *, size_t, wasm_valtype_t *const[]))                           \
    F(void, wasm_, valtype_vec_delete, (wasm_valtype_vec_t *))

typedef struct Wasm {
#define WASM_MEMBER(result, prefix, name, parameters) result(*name) parameters;
    WASM_FUNCTIONS(WASM_MEMBER)
#undef WASM_MEMBER
} Wasm;

/* Find every function in the library at this path, which the process must have loaded already: a second copy would be
 * another engine. Answers NULL, or why not: a static string, the name of the first symbol that is missing. The library
 * stays loaded for good. */
const char *wasm_load(Wasm *wasm, const char *library_path);

/* A function type of at most 32 kinds a side, spelled 'i' (i32), 'I' (i64), 'f' (f32), 'F' (f64). The caller deletes it
 * with `functype_delete`. */
wasm_functype_t *wasm_functype(const Wasm *wasm, const char *parameters, const char *results);
