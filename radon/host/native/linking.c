/* linking.c - the host functions as the engine calls them, and modules joined with them: see guest.h */
#include <stdio.h>

#include "guest.h"
#include "syscalls.h"

#define X(module, field, params, results, function, suspends) bool function(Instance *i, Turn *t, wasmtime_val_raw_t *v);
SYSCALLS(X)
#undef X
#define X(field, params, results, function) bool function(Instance *i, Turn *t, wasmtime_val_raw_t *v);
WASI_FUNCTIONS(X)
#undef X
#define X(interface, field, params, results, function) bool function(Instance *i, Turn *t, wasmtime_val_raw_t *v);
WASI2_FUNCTIONS(X)
#undef X

typedef struct Row {
    const char *module, *field, *params, *results;
    Syscall call;
} Row;

static const Row rows[] = {
#define X(module, field, params, results, function, suspends) {module, field, params, results, function},
    SYSCALLS(X)
#undef X
#define X(field, params, results, function) {"wasi_snapshot_preview1", field, params, results, function},
    WASI_FUNCTIONS(X)
#undef X
};

enum { ROWS = sizeof rows / sizeof *rows };

static const Row wasi2_rows[] = {
#define X(interface, field, params, results, function) {interface, field, params, results, function},
    WASI2_FUNCTIONS(X)
#undef X
};

static Syscall find(const Row *from, size_t count, Slice module, Slice field) {
    for (size_t n = 0; n < count; n++) {
        if (slice_equal(module, slice_text(from[n].module)) && slice_equal(field, slice_text(from[n].field))) return from[n].call;
    }
    return NULL;
}

bool is_drop(Slice field) {
    static const char drop[] = "[resource-drop]";
    return field.size >= sizeof drop - 1 && memcmp(field.data, drop, sizeof drop - 1) == 0;
}

Syscall host_function(Slice interface, Slice field) {
    Syscall found = find(rows, ROWS, interface, field);
    return found ? found : find(wasi2_rows, sizeof wasi2_rows / sizeof *wasi2_rows, interface, field);
}

struct Host {
    Binding bindings[ROWS];
    wasm_functype_t *nothing;   /* () -> () */
    wasmtime_linker_t *private_; /* holds `park`; no guest is ever joined with it */
};

/* ---- from the guest ---- */

/* Around every syscall: no guest calls one where the Canonical ABI forbids it, and each costs something. */
wasm_trap_t *host_enter(void *binding, wasmtime_caller_t *caller, wasmtime_val_raw_t *values, size_t count) {
    const Binding *b = binding;
    Instance *i = b->d->running;
    bool done;
    (void)count;
    if (!i->found) instance_adopt(i, caller);
    if (i->leaving && !(b->drops && i->may_drop)) {
        violation(i, "a syscall inside cabi_realloc or cabi_post");
        return wasm.trap_new("host", 4);
    }
    i->called = b;
    done = turn_spend(i->turn, SYSCALL_FUEL) && b->call(i, i->turn, values);
    i->called = NULL;
    return done ? NULL : wasm.trap_new("host", 4);
}

/* ---- suspending: the one async function, which only `suspend` calls, and only inside of a fiber ---- */

static bool goes_on(void *env) { return ((Instance *)env)->ready; }

static void park(
    void *env, wasmtime_caller_t *caller, const wasmtime_val_t *arguments, size_t argument_count, wasmtime_val_t *results,
    size_t result_count, wasm_trap_t **trap, wasmtime_async_continuation_t *continuation) {
    Instance *i = wasm.context_get_data(wasm.caller_context(caller));
    (void)env, (void)arguments, (void)argument_count, (void)results, (void)result_count, (void)trap;
    i->ready = false;
    *continuation = (wasmtime_async_continuation_t){.callback = goes_on, .env = i};
}

static wasm_trap_t *trampoline(void *env, wasmtime_caller_t *caller, wasmtime_val_raw_t *values, size_t count) {
    (void)caller, (void)values, (void)count;
    gate_body(env); /* whether it failed stands in the instance */
    return NULL;
}

bool host_prepare(Instance *i) {
    struct Host *host = i->d->host;
    wasmtime_extern_t found;
    if (!wasm.linker_get(host->private_, i->context, "", 0, "park", 4, &found)) return fail(i, "engine", "no park");
    i->park = found.of.func;
    wasm.func_new_unchecked(i->context, host->nothing, trampoline, i, NULL, &i->trampoline);
    return true;
}

/* ---- joining ---- */

static bool told(Domain *d, wasmtime_error_t *error) {
    wasm_byte_vec_t text;
    if (error == NULL) return true;
    wasm.error_message(error, &text);
    snprintf(d->error, sizeof d->error, "%.*s", (int)(text.size < 300 ? text.size : 300), text.data);
    wasm.byte_vec_delete(&text);
    wasm.error_delete(error);
    return false;
}

static bool make_host(Domain *d) {
    struct Host *host = xcalloc(1, sizeof *host);
    d->host = host;
    for (size_t n = 0; n < ROWS; n++) {
        bool drops = is_drop(slice_text(rows[n].field));
        host->bindings[n] = (Binding){.d = d, .call = rows[n].call, .drops = drops, .realloc = REALLOC};
    }
    host->nothing = wasm_functype(&wasm, "", "");
    host->private_ = wasm.linker_new(d->engine);
    return told(d, wasm.linker_define_async_func(host->private_, "", 0, "park", 4, host->nothing, park, NULL, NULL));
}

static bool define(Domain *d, wasmtime_linker_t *linker) {
    for (size_t n = 0; n < ROWS; n++) {
        const Row *row = &rows[n];
        wasm_functype_t *type = wasm_functype(&wasm, row->params, row->results);
        wasmtime_error_t *error = wasm.linker_define_func_unchecked(
            linker, row->module, strlen(row->module), row->field, strlen(row->field), type, host_enter, &d->host->bindings[n],
            NULL);
        wasm.functype_delete(type);
        if (!told(d, error)) return false;
    }
    return true;
}

static Linked *linked_with(Domain *d, const wasmtime_module_t *module) {
    Linked *l = d->linked;
    while (l && l->module != module) l = l->next;
    return l;
}

bool gate_link(Domain *d, Kind *kinds, size_t count) {
    wasmtime_linker_t *linker;
    bool joined;
    if (d->host == NULL && !make_host(d)) return false;
    linker = wasm.linker_new(d->engine);
    joined = define(d, linker);
    for (size_t n = 0; joined && n < count; n++) {
        Linked *l = linked_with(d, kinds[n].module);
        if (kinds[n].assembly) continue;
        if (l == NULL) {
            l = xcalloc(1, sizeof *l);
            l->module = kinds[n].module;
            l->next = d->linked;
            d->linked = l;
            joined = told(d, wasm.linker_instantiate_pre(linker, l->module, &l->pre));
        }
        kinds[n].linked = l;
    }
    wasm.linker_delete(linker);
    return joined;
}

void gate_unlink(Domain *d) {
    while (d->linked) {
        Linked *l = d->linked;
        d->linked = l->next;
        if (l->pre) wasm.instance_pre_delete(l->pre);
        free(l);
    }
}

void host_free(Domain *d) {
    if (d->host == NULL) return;
    wasm.functype_delete(d->host->nothing);
    wasm.linker_delete(d->host->private_);
    free(d->host);
    d->host = NULL;
}
