/* floor.c - the floors: bare crossings of the engine, and a map in C, that no domain can be faster than.
 *
 * Each timed function does one thing so many times, and answers the seconds of one, of the processor's time. Compiled by _floor.py, with the
 * sources of the native twin that it measures; no domain is in it.
 */
#include <time.h>

#include "entries.h"
#include "state.h"
#include "syscalls.h"
#include "wasmtime.h"

#define CALLED __attribute__((visibility("default")))
#define FUEL ((uint64_t)1 << 60)

static Wasm wasm;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void must(bool good, const char *what) {
    if (!good) die(what);
}

CALLED const char *floor_load(const char *library) { return wasm_load(&wasm, library); }

/* ---- instances ---- */

typedef struct Guest {
    wasmtime_instance_pre_t *pre;
    wasmtime_store_t *store;
    wasmtime_context_t *context;
    wasmtime_func_t ask, nothing, rest;
} Guest;

static wasm_trap_t *constant(void *env, wasmtime_caller_t *caller, wasmtime_val_raw_t *values, size_t count) {
    (void)env, (void)caller, (void)count;
    values[0].i64 = 7;
    return NULL;
}

/* ---- suspending ---- */

static bool parked; /* the guest waits; asked again, it goes on */

static bool goes_on(void *env) {
    (void)env;
    parked = !parked;
    return !parked;
}

static void park(
    void *env, wasmtime_caller_t *caller, const wasmtime_val_t *arguments, size_t argument_count, wasmtime_val_t *results,
    size_t result_count, wasm_trap_t **trap, wasmtime_async_continuation_t *continuation) {
    (void)env, (void)caller, (void)arguments, (void)argument_count, (void)results, (void)result_count, (void)trap;
    *continuation = (wasmtime_async_continuation_t){.callback = goes_on};
}

/* ---- making guests ---- */

static void define(wasmtime_linker_t *linker, const char *module, const char *name, const char *takes, const char *gives) {
    wasm_functype_t *type = wasm_functype(&wasm, takes, gives);
    must(!wasm.linker_define_func_unchecked(linker, module, strlen(module), name, strlen(name), type, constant, NULL, NULL), name);
    wasm.functype_delete(type);
}

/* A store with an instance, as a domain makes them for each atom. */
static void begin(Guest *guest, wasm_engine_t *engine, wasmtime_instance_t *instance) {
    wasm_trap_t *trap = NULL;
    wasmtime_error_t *error = NULL;
    wasmtime_call_future_t *future;
    guest->store = wasm.store_new(engine, NULL, NULL);
    guest->context = wasm.store_context(guest->store);
    wasm.store_limiter(guest->store, 1 << 26, 1 << 20, 1, 8, 1);
    wasm.context_set_fuel(guest->context, FUEL);
    if (instance == NULL) return;
    future = wasm.instance_pre_instantiate_async(guest->pre, guest->context, instance, &trap, &error);
    while (!wasm.call_future_poll(future)) {}
    wasm.call_future_delete(future);
    must(!error && !trap, "the guest does not start");
}

static void find(const Guest *guest, const wasmtime_instance_t *instance, const char *name, wasmtime_func_t *function) {
    wasmtime_extern_t found;
    if (wasm.instance_export_get(guest->context, instance, name, strlen(name), &found)) *function = found.of.func;
}

/* A guest of this module, which may import every syscall, and is to outlive it. */
CALLED Guest *floor_guest(wasm_engine_t *engine, wasmtime_module_t *module) {
    wasmtime_linker_t *linker = wasm.linker_new(engine);
    wasm_functype_t *nothing = wasm_functype(&wasm, "", "");
    wasmtime_instance_t instance;
    Guest *guest = xcalloc(1, sizeof *guest);
    define(linker, "floor", "constant", "", "I");
    must(!wasm.linker_define_async_func(linker, "floor", 5, "park", 4, nothing, park, NULL, NULL), "park");
    wasm.functype_delete(nothing);
#define X(module, field, takes, gives, function, suspends) define(linker, module, field, takes, gives);
    SYSCALLS(X)
#undef X
    must(!wasm.linker_instantiate_pre(linker, module, &guest->pre), "the module cannot be linked");
    wasm.linker_delete(linker);
    begin(guest, engine, &instance);
    find(guest, &instance, "ask", &guest->ask);
    find(guest, &instance, "nothing", &guest->nothing);
    find(guest, &instance, "rest", &guest->rest);
    return guest;
}

/* ---- crossings ---- */

static void call(const Guest *guest, const wasmtime_func_t *function, int32_t argument) {
    wasmtime_val_raw_t value = {.i32 = argument};
    wasm_trap_t *trap = NULL;
    wasmtime_error_t *error = wasm.func_call_unchecked(guest->context, function, &value, 1, &trap);
    must(!error && !trap, "the guest failed");
}

CALLED double floor_into_host(Guest *guest, int32_t times) {
    double begin = now();
    call(guest, &guest->ask, times);
    return (now() - begin) / times;
}

CALLED double floor_into_guest(Guest *guest, int32_t times) {
    double begin = now();
    for (int32_t n = 0; n < times; n++) call(guest, &guest->nothing, 1);
    return (now() - begin) / times;
}

/* The fuel of a turn is set. */
CALLED double floor_refuel(Guest *guest, int32_t times) {
    double begin = now();
    for (int32_t n = 0; n < times; n++) must(!wasm.context_set_fuel(guest->context, FUEL), "fuel is not counted");
    return (now() - begin) / times;
}

/* One guest is entered and waits, the other is entered and leaves, and the first one goes on. */
CALLED double floor_round_trip(Guest *waits, Guest *answers, int32_t times) {
    double begin = now();
    for (int32_t n = 0; n < times; n++) {
        wasm_trap_t *trap = NULL;
        wasmtime_error_t *error = NULL;
        wasmtime_call_future_t *future = wasm.func_call_async(waits->context, &waits->rest, NULL, 0, NULL, 0, &trap, &error);
        must(!wasm.call_future_poll(future), "the guest did not wait");
        call(answers, &answers->nothing, 1);
        must(wasm.call_future_poll(future) && !error && !trap, "the guest did not go on");
        wasm.call_future_delete(future);
    }
    return (now() - begin) / times;
}

CALLED double floor_activation(Guest *guest, wasm_engine_t *engine, int32_t times) {
    double start = now();
    for (int32_t n = 0; n < times; n++) {
        Guest fresh = {.pre = guest->pre};
        wasmtime_instance_t instance;
        wasm_trap_t *trap = NULL;
        begin(&fresh, engine, NULL);
        must(!wasm.instance_pre_instantiate(fresh.pre, fresh.context, &instance, &trap) && !trap, "no instance");
        wasm.store_delete(fresh.store);
    }
    return (now() - start) / times;
}

/* ---- the map ---- */

static Map map;
static Buffer commit;
static uint8_t area[VALUE];

CALLED void floor_fill(uint64_t keys) {
    uint8_t key[KEY];
    for (uint64_t index = 0; index < keys; index++) {
        key_of(index, key);
        str_unref(map_put_bytes(&map, key, KEY, str_new(area, VALUE)));
    }
}

CALLED void floor_clear(void) { map_clear(&map); }

CALLED double floor_get(uint64_t keys, uint64_t row, int32_t times) {
    uint8_t key[KEY];
    double begin = now();
    for (int32_t n = 0; n < times; n++) {
        const Str *value;
        key_of(next_index(&row, keys), key);
        value = map_get(&map, key, KEY);
        memcpy(area, value->data, value->size);
    }
    return (now() - begin) / times;
}

/* With the record of the commit: tag, lengths, the bucket's name, key and value. */
CALLED double floor_put(uint64_t keys, uint64_t row, int32_t times) {
    uint8_t key[KEY];
    double begin = now();
    buffer_clear(&commit);
    for (int32_t n = 0; n < times; n++) {
        key_of(next_index(&row, keys), key);
        str_unref(map_put_bytes(&map, key, KEY, str_new(area, VALUE)));
        buffer_u8(&commit, 7);
        buffer_u32(&commit, 5), buffer_u32(&commit, KEY), buffer_u32(&commit, VALUE);
        buffer_put(&commit, "bench", 5), buffer_put(&commit, key, KEY), buffer_put(&commit, area, VALUE);
    }
    return (now() - begin) / times;
}
