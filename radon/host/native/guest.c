/* guest.c - see guest.h */
#include "guest.h"

#include <stdarg.h>
#include <stdio.h>

#include "syscalls.h"

/* ---- failing ---- */

bool fail(Instance *i, const char *code, const char *format, ...) {
    char text[256];
    va_list words;
    if (i->failure.cause[0]) return false;
    snprintf(i->failure.cause, sizeof i->failure.cause, "trap: %s", code);
    va_start(words, format);
    vsnprintf(text, sizeof text, format, words);
    va_end(words);
    buffer_clear(&i->failure.text); /* what the handler answered before its post failed */
    buffer_put(&i->failure.text, text, strlen(text));
    return false;
}

static const char *const trap_codes[] = {
    "stack-overflow", "out-of-bounds", "heap-misaligned", "table-out-of-bounds", "indirect-call-to-null",
    "bad-signature", "integer-overflow", "integer-division-by-zero", "bad-conversion-to-integer", "unreachable",
    "interrupt", "out-of-fuel",
};

/* The last line of the engine's text, which names the cause; the others are a backtrace. */
static Slice last_line(const wasm_byte_vec_t *text) {
    size_t end = text->size, at;
    while (end && (text->data[end - 1] == '\0' || text->data[end - 1] == '\n' || text->data[end - 1] == ' ')) end--;
    for (at = end; at && text->data[at - 1] != '\n'; at--) {}
    while (at < end && (text->data[at] == ' ' || (text->data[at] >= '0' && text->data[at] <= '9'))) at++; /* its number */
    if (end - at > 2 && memcmp(text->data + at, ": ", 2) == 0) at += 2;
    if (end - at > 11 && memcmp(text->data + at, "wasm trap: ", 11) == 0) at += 11;
    return slice(text->data + at, end - at);
}

/* On one line, and not too long: a module calls its functions what it likes. */
static void put_name(Buffer *text, const wasm_name_t *name) {
    for (size_t c = 0, shown = 0; c < name->size && shown < 120; c++, shown++) {
        uint8_t letter = (uint8_t)name->data[c];
        char escaped[8];
        if (letter >= ' ' && letter < 0x7f) {
            buffer_u8(text, letter);
        } else {
            snprintf(escaped, sizeof escaped, letter == '\n' ? "\\n" : "\\x%02x", letter);
            buffer_put(text, escaped, strlen(escaped));
        }
    }
}

static void put_frames(Buffer *text, wasm_frame_vec_t *frames) {
    for (size_t n = 0; n < frames->size; n++) {
        const wasm_name_t *name = wasm.frame_func_name(frames->data[n]);
        char number[40];
        buffer_put(text, n ? " < " : " in ", n ? 3 : 4);
        if (name && name->size) {
            put_name(text, name);
        } else {
            snprintf(number, sizeof number, "function %u", wasm.frame_func_index(frames->data[n]));
            buffer_put(text, number, strlen(number));
        }
    }
}

static bool says(const wasm_byte_vec_t *text, const char *words) {
    return memmem(text->data, text->size, words, strlen(words)) != NULL;
}

/* What ended a call becomes the failure, unless there is one already: then it only adds where that came from. */
bool instance_ended(Instance *i, wasmtime_error_t *error, wasm_trap_t *trap) {
    bool told = i->failure.cause[0] != '\0';
    wasm_byte_vec_t text = {0};
    wasm_frame_vec_t frames = {0};
    uint8_t code;
    if (error) {
        wasm.error_message(error, &text);
        if (!told) {
            Slice line = last_line(&text);
            bool machine = says(&text, "os error") || says(&text, "maximum concurrent"); /* no map, no slot is left */
            fail(i, machine ? "host-memory" : "engine", "%.*s", (int)line.size, (const char *)line.data);
        }
        wasm.error_wasm_trace(error, &frames);
    } else {
        wasm.trap_message(trap, &text);
        if (!told) {
            Slice line = last_line(&text);
            const char *name = "host";
            if (wasm.trap_code(trap, &code)) name = code < sizeof trap_codes / sizeof *trap_codes ? trap_codes[code] : "other";
            fail(i, name, "%.*s", (int)line.size, (const char *)line.data);
        }
        wasm.trap_trace(trap, &frames);
    }
    if (!i->failure.framed) put_frames(&i->failure.text, &frames); /* the innermost call's are those that tell */
    if (frames.size) i->failure.framed = true;
    wasm.frame_vec_delete(&frames);
    wasm.byte_vec_delete(&text);
    if (error) wasm.error_delete(error);
    else wasm.trap_delete(trap);
    return false;
}

/* ---- life ---- */

Instance *instance_new(Domain *d, Kind *kind) {
    Instance *i = xcalloc(1, sizeof *i);
    i->d = d, i->kind = kind;
    i->store = wasm.store_new(d->engine, i, NULL);
    i->context = wasm.store_context(i->store);
    wasm.store_limiter(
        i->store, (int64_t)kind->memory, TABLE_ELEMENTS, kind->assembly ? (int64_t)assembly_parts(kind->assembly) : 1,
        TABLES, 1);
    return i;
}

void instance_free(Instance *i) {
    if (i->future) wasm.call_future_delete(i->future); /* before the store */
    while (i->seats) seat_free(i->seats);
    handles_clear(&i->common);
    handles_clear(&i->spare);
    buffer_free(&i->failure.text);
    wasm.store_delete(i->store);
    free(i);
}

static const char *const entry_names[ENTRIES] = {
#define X(form, export, post, params) [form] = export, [DOWN + 1 + form] = post,
    HANDLERS(X)
#undef X
    [INITIALIZE] = "_initialize", [REALLOC] = "cabi_realloc", "cabi_realloc 1", "cabi_realloc 2", "cabi_realloc 3",
    "cabi_realloc 4", "cabi_realloc 5", "cabi_realloc 6", "cabi_realloc 7",
};

static bool export_of(Instance *i, const wasmtime_instance_t *of, wasmtime_caller_t *caller, const char *name, wasmtime_extern_t *found) {
    if (of) return wasm.instance_export_get(i->context, of, name, strlen(name), found);
    return wasm.caller_export_get(caller, name, strlen(name), found);
}

void instance_has_memory(Instance *i, const wasmtime_memory_t *memory) {
    i->has_memory = true;
    i->memory = *memory;
    i->base = wasm.memory_data(i->context, &i->memory);
    i->length = wasm.memory_data_size(i->context, &i->memory);
}

static void find_exports(Instance *i, const wasmtime_instance_t *of, wasmtime_caller_t *caller) {
    wasmtime_extern_t found;
    if (i->found) return;
    i->found = true;
    if (export_of(i, of, caller, "memory", &found) && found.kind == WASMTIME_EXTERN_MEMORY) {
        instance_has_memory(i, &found.of.memory);
    }
    if (export_of(i, of, caller, ARENA, &found) && found.kind == WASMTIME_EXTERN_GLOBAL) {
        wasmtime_val_t at;
        wasm.global_get(i->context, &found.of.global, &at); /* a constant i32, as the loader has seen to */
        i->arena = (uint32_t)at.of.i32;
        i->has_arena = true;
    }
    for (int n = 0; n <= REALLOC; n++) {
        if (!export_of(i, of, caller, entry_names[n], &found) || found.kind != WASMTIME_EXTERN_FUNC) continue;
        i->entries[n] = found.of.func;
        i->has |= 1u << n;
    }
}

void instance_adopt(Instance *i, wasmtime_caller_t *caller) { find_exports(i, NULL, caller); }

bool instance_fits(Instance *i) {
    uint64_t least = (uint64_t)i->kind->pages << 16;
    return least <= i->kind->memory ||
           fail(
               i, "memory-limit", "the module needs %llu bytes of memory to begin with; its limit is %llu",
               (unsigned long long)least, (unsigned long long)i->kind->memory);
}

bool instance_start(Instance *i) {
    wasm_trap_t *trap = NULL;
    wasmtime_error_t *error;
    if (!instance_fits(i)) return false;
    if (i->kind->assembly) return assembly_make(i);
    error = wasm.instance_pre_instantiate(i->kind->linked->pre, i->context, &i->instance, &trap);
    if (error || trap) return instance_ended(i, error, trap);
    instance_started(i);
    return true;
}

void instance_started(Instance *i) { find_exports(i, &i->instance, NULL); }

/* ---- running ---- */

bool instance_call(Instance *i, int entry, wasmtime_val_raw_t *values, size_t count) {
    wasm_trap_t *trap = NULL;
    wasmtime_error_t *error = wasm.func_call_unchecked(i->context, &i->entries[entry], values, count ? count : 1, &trap);
    if (error || trap) return instance_ended(i, error, trap);
    return i->failure.cause[0] == '\0';
}

bool instance_has(Instance *i, int entry) {
    return has_entry(i, entry) || violation(i, "the module does not export %s", entry_names[entry]);
}

bool instance_call_closed(Instance *i, int entry, wasmtime_val_raw_t *values, size_t count) {
    bool called;
    if (!instance_has(i, entry)) return false;
    i->leaving = true;
    i->may_drop = entry < INITIALIZE;
    called = instance_call(i, entry, values, count);
    i->leaving = false;
    return called;
}

/* ---- memory ---- */

size_t instance_memory(Instance *i) {
    if (i->has_memory) i->length = wasm.memory_data_size(i->context, &i->memory);
    return i->length;
}

bool guest_check_again(Instance *i, uint64_t pointer, uint64_t length) {
    size_t size = instance_memory(i);
    if (pointer <= size && length <= size - pointer) return true;
    return fail(
        i, "out-of-bounds", "%llu bytes at 0x%llx are outside of the %zu bytes of memory", (unsigned long long)length,
        (unsigned long long)pointer, size);
}

/* Takes room from the arena that the guest shows: the words `next` and `end`. */
static bool take(Instance *i, uint64_t size, uint32_t *pointer) {
    uint32_t next, end;
    uint8_t *arena = i->base + i->arena;
    memcpy(&next, arena, sizeof next);
    memcpy(&end, arena + sizeof next, sizeof end);
    size = (size + ARENA_UNIT - 1) & ~(uint64_t)(ARENA_UNIT - 1);
    if (next > end || size > end - next) return false;
    *pointer = next;
    next += (uint32_t)size;
    memcpy(arena, &next, sizeof next);
    return true;
}

static bool ask(Instance *i, uint32_t align, uint64_t size, uint32_t *pointer) {
    wasmtime_val_raw_t v[4];
    v[0].i32 = 0, v[1].i32 = 0, v[2].i32 = (int32_t)align, v[3].i32 = (int32_t)size;
    if (!instance_call_closed(i, i->called ? i->called->realloc : REALLOC, v, 4)) return false;
    *pointer = (uint32_t)v[0].i32;
    return true;
}

bool guest_allocate(Instance *i, uint32_t align, uint64_t size, uint32_t *pointer) {
    if (size >= (uint64_t)1 << 32) return violation(i, "%llu bytes do not fit a guest's memory", (unsigned long long)size);
    if (!turn_spend(i->turn, SYSCALL_FUEL)) return false;
    if (i->has_arena && !guest_check(i, i->arena, ARENA_SIZE)) return false;
    if (!(i->has_arena && take(i, size, pointer)) && !ask(i, align, size, pointer)) return false;
    if (*pointer % align) return violation(i, "room was made at %u, not aligned to %u", *pointer, align);
    return guest_check(i, *pointer, size);
}
