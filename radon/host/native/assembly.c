/* assembly.c - components: core instances that are joined with each other and with host functions. See abi/component.py,
 * host/assembly.py and host/joined.py
 *
 * The loader has read the component, and checked what the host is asked for and how the parts fit each other. The engine
 * checks the latter again when they are made.
 */
#include "guest.h"

/* One import of a part: an export of an earlier part, or a function of the host. */
typedef struct Supply {
    wasm_functype_t *type; /* NULL: it is an export */
    Binding binding;
    uint32_t part;
    Str *name;
} Supply;

typedef struct Part {
    const wasmtime_module_t *module;
    Supply *supplies;
    size_t count;
} Part;

/* Where a part exports what the host needs. */
typedef struct EntryAt {
    int entry; /* ENTRIES: the memory */
    uint32_t part;
    Str *name;
} EntryAt;

struct Assembly {
    Part *parts;
    size_t count;
    EntryAt *entries;
    size_t entry_count;
};

size_t assembly_parts(const Assembly *a) { return a->count; }

/* ---- as it is deployed ---- */

#define GROW(list, count) ((list) = xrealloc((list), ((count) + 1) * sizeof *(list)), &(list)[(count)++])

static bool always_fails(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    Slice words = slice_of(i->called->words);
    (void)t, (void)v;
    return fail(i, "wasi", "%.*s", (int)words.size, (const char *)words.data);
}

static bool drops(Instance *i, Turn *t, wasmtime_val_raw_t *v) {
    Slice name = slice_of(i->called->words);
    uint32_t handle = (uint32_t)v[0].i32;
    (void)t;
    if (i->called->resource != NO_RESOURCE) return handle_drop(i, handle, i->called->resource);
    return violation(i, "%u is no handle of a live %.*s", handle, (int)name.size, (const char *)name.data);
}

/* The letters of a side of a function's type, which end with a NUL. */
static const char *letters(Slice text, char into[33]) {
    size_t size = text.size < 32 ? text.size : 32;
    memcpy(into, text.data, size);
    into[size] = '\0';
    return into;
}

static void add_offered(Domain *d, Part *part, const Record *row) {
    Supply *s = GROW(part->supplies, part->count);
    Slice interface = row->v[0], field = row->v[1], words = row->v[4];
    char params[33], results[33];
    Binding *b = &s->binding;
    *s = (Supply){.binding = {.d = d, .realloc = REALLOC + (int)row->n[0], .words = slice_str(words)}};
    s->type = wasm_functype(&wasm, letters(row->v[2], params), letters(row->v[3], results));
    b->call = host_function(interface, field);
    b->drops = is_drop(field);
    if (b->call == NULL) b->call = b->drops ? drops : always_fails;
    if (b->call == drops && !resource_named(words, &b->resource)) b->resource = NO_RESOURCE;
}

static int entry_of(uint64_t what, uint64_t number) {
    if (what == 3) return ENTRIES;
    return (int)(what == 0 ? number : what == 1 ? DOWN + 1 + number : REALLOC + number);
}

bool assembly_add(Domain *d, Kind *kind, const Record *row) {
    Assembly *a = kind->assembly;
    Part *part = a && a->count ? &a->parts[a->count - 1] : NULL;
    if (row->tag == R_PART) {
        if (a == NULL) a = kind->assembly = xcalloc(1, sizeof *a);
        *GROW(a->parts, a->count) = (Part){.module = (const wasmtime_module_t *)(uintptr_t)row->n[0]};
    } else if (part && row->tag == R_SUPPLIED) {
        *GROW(part->supplies, part->count) = (Supply){.part = (uint32_t)row->n[0], .name = slice_str(row->v[0])};
    } else if (part && row->tag == R_OFFERED) {
        add_offered(d, part, row);
    } else if (part && row->tag == R_ENTRY) {
        *GROW(a->entries, a->entry_count) =
            (EntryAt){entry_of(row->n[0], row->n[1]), (uint32_t)row->n[2], slice_str(row->v[0])};
    } else {
        return false;
    }
    return true;
}

void assembly_free(Assembly *a) {
    if (a == NULL) return;
    for (size_t n = 0; n < a->count; n++) {
        for (size_t s = 0; s < a->parts[n].count; s++) {
            Supply *supply = &a->parts[n].supplies[s];
            if (supply->type) wasm.functype_delete(supply->type);
            str_unref(supply->name);
            str_unref(supply->binding.words);
        }
        free(a->parts[n].supplies);
    }
    for (size_t n = 0; n < a->entry_count; n++) str_unref(a->entries[n].name);
    free(a->parts), free(a->entries);
    free(a);
}

/* ---- as it is instantiated ---- */

static bool export_of(Instance *i, const wasmtime_instance_t *part, const Str *name, wasmtime_extern_t *found) {
    Slice text = slice_of(name);
    return wasm.instance_export_get(i->context, part, (const char *)text.data, text.size, found);
}

static bool supply(Instance *i, const Part *part, const wasmtime_instance_t *made, wasmtime_extern_t *imports) {
    for (size_t n = 0; n < part->count; n++) {
        Supply *s = &part->supplies[n];
        if (s->type) {
            imports[n].kind = WASMTIME_EXTERN_FUNC;
            wasm.func_new_unchecked(i->context, s->type, host_enter, &s->binding, NULL, &imports[n].of.func);
        } else if (!export_of(i, &made[s->part], s->name, &imports[n])) {
            return fail(i, "engine", "a part of the component does not export what another one needs");
        }
    }
    return true;
}

static void find_entries(Instance *i, const Assembly *a, size_t part, const wasmtime_instance_t *made) {
    wasmtime_extern_t found;
    for (size_t n = 0; n < a->entry_count; n++) {
        const EntryAt *e = &a->entries[n];
        if (e->part != part || !export_of(i, made, e->name, &found)) continue;
        if (e->entry == ENTRIES && found.kind == WASMTIME_EXTERN_MEMORY) {
            instance_has_memory(i, &found.of.memory);
        } else if (e->entry < ENTRIES && found.kind == WASMTIME_EXTERN_FUNC) {
            i->entries[e->entry] = found.of.func;
            i->has |= 1u << e->entry;
        }
    }
}

static bool make(Instance *i, const Assembly *a, wasmtime_instance_t *made, wasmtime_extern_t *imports) {
    for (size_t n = 0; n < a->count; n++) {
        const Part *part = &a->parts[n];
        wasm_trap_t *trap = NULL;
        wasmtime_error_t *error;
        if (!supply(i, part, made, imports)) return false;
        error = wasm.instance_new(i->context, part->module, imports, part->count, &made[n], &trap);
        if (error || trap) return instance_ended(i, error, trap);
        find_entries(i, a, n, &made[n]);
    }
    return true;
}

bool assembly_make(Instance *i) {
    const Assembly *a = i->kind->assembly;
    wasmtime_instance_t *made = xcalloc(a->count, sizeof *made);
    wasmtime_extern_t *imports;
    size_t most = 1;
    bool whole;
    for (size_t n = 0; n < a->count; n++) most = a->parts[n].count > most ? a->parts[n].count : most;
    imports = xcalloc(most, sizeof *imports);
    i->found = true; /* as far as there is something to be found */
    whole = make(i, a, made, imports);
    free(made), free(imports);
    return whole;
}
