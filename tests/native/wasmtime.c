/* Calls a guest whose host function suspends it, by way of wasmtime.h. test_wasmtime.py compiles and loads it. */
#include "wasmtime.h"

#include <string.h>
#include <sys/mman.h>

#define STACK ((size_t)1 << 20)

static Wasm wasm;
static int made, alive, asked;

const char *load(const char *path) { return wasm_load(&wasm, path); }

int stacks_made(void) { return made; }

int stacks_alive(void) { return alive; }

/* ---- stacks ---- */

static uint8_t *stack_end(void *env, size_t *length) {
    *length = STACK;
    return (uint8_t *)env + STACK;
}

static void stack_free(void *env) {
    munmap(env, STACK);
    alive--;
}

static wasmtime_error_t *stack_new(void *env, size_t size, bool zeroed, wasmtime_stack_memory_t *stack) {
    (void)env, (void)zeroed;
    if (size > STACK) return wasm.error_new("too large");
    stack->env = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (stack->env == MAP_FAILED) return wasm.error_new("no memory");
    stack->get_stack_memory = stack_end;
    stack->finalizer = stack_free;
    made++, alive++;
    return NULL;
}

void use_own_stacks(wasm_config_t *config) {
    wasmtime_stack_creator_t creator = {NULL, stack_new, NULL};
    wasm.config_async_stack_size_set(config, STACK);
    wasm.config_host_stack_creator_set(config, &creator); /* copies it */
}

/* ---- the guest's call ---- */

static bool third_time(void *env) {
    (void)env;
    return ++asked % 3 == 0;
}

static void add(void *env, wasmtime_caller_t *caller, const wasmtime_val_t *arguments, size_t argument_count,
                wasmtime_val_t *results, size_t result_count, wasm_trap_t **trap,
                wasmtime_async_continuation_t *continuation) {
    (void)env, (void)trap;
    uint64_t fuel = 0;
    wasm.context_get_fuel(wasm.caller_context(caller), &fuel);
    if (fuel == 0 || argument_count != 1 || result_count != 1) return; /* ends the process: no callback */
    results[0].kind = WASMTIME_I32;
    results[0].of.i32 = arguments[0].of.i32 + 1;
    continuation->callback = third_time;
}

static wasmtime_instance_pre_t *linked(wasm_engine_t *engine, const wasmtime_module_t *module,
                                       wasmtime_linker_t **linker) {
    wasm_functype_t *type = wasm_functype(&wasm, "i", "i");
    wasmtime_instance_pre_t *pre = NULL;
    *linker = wasm.linker_new(engine);
    if (wasm.linker_define_async_func(*linker, "host", 4, "add", 3, type, add, NULL, NULL) != NULL) return NULL;
    wasm.functype_delete(type);
    return wasm.linker_instantiate_pre(*linker, module, &pre) == NULL ? pre : NULL;
}

static int outcome(const wasmtime_val_t *result, int polls, wasm_trap_t *trap, wasmtime_error_t *error) {
    if (error != NULL) {
        wasm.error_delete(error);
        return -2;
    }
    if (trap == NULL) return result->of.i32 == 0 ? 0 : result->of.i32 * 100 + polls;
    wasmtime_trap_code_t code = 0;
    bool coded = wasm.trap_code(trap, &code);
    wasm.trap_delete(trap);
    return coded ? -1000 - code : -3;
}

/* The result times 100 plus the polls that it took; 0 if it was dropped after `most_polls`; -1000 - code for a trap. */
int run(wasm_engine_t *engine, const wasmtime_module_t *module, const char *export, int most_polls) {
    wasmtime_linker_t *linker = NULL;
    wasmtime_instance_pre_t *pre = linked(engine, module, &linker);
    if (pre == NULL) return -4;
    wasmtime_store_t *store = wasm.store_new(engine, NULL, NULL);
    wasmtime_context_t *context = wasm.store_context(store);
    wasm.context_set_fuel(context, 1000000);
    asked = 0;

    wasmtime_instance_t instance;
    wasm_trap_t *trap = NULL;
    wasmtime_error_t *error = NULL;
    wasmtime_call_future_t *future = wasm.instance_pre_instantiate_async(pre, context, &instance, &trap, &error);
    while (!wasm.call_future_poll(future)) continue;
    wasm.call_future_delete(future);

    wasmtime_extern_t found;
    if (!wasm.instance_export_get(context, &instance, export, strlen(export), &found)) return -5;
    wasmtime_val_t argument = {.kind = WASMTIME_I32, .of.i32 = 5}, result = {0};
    future = wasm.func_call_async(context, &found.of.func, &argument, 1, &result, 1, &trap, &error);
    int polls = 1;
    while (!wasm.call_future_poll(future) && polls < most_polls) polls++;
    wasm.call_future_delete(future);

    int answer = outcome(&result, polls, trap, error);
    wasm.store_delete(store);
    wasm.instance_pre_delete(pre);
    wasm.linker_delete(linker);
    return answer;
}
