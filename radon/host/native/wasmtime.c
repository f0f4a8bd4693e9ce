#include "wasmtime.h"

#include <dlfcn.h>

typedef struct {
    const char *symbol;
    size_t offset;
} Entry;

static const Entry entries[] = {
#define WASM_ENTRY(result, prefix, name, parameters) {#prefix #name, offsetof(Wasm, name)},
    WASM_FUNCTIONS(WASM_ENTRY)
#undef WASM_ENTRY
};

const char *wasm_load(Wasm *wasm, const char *library_path) {
    void *library = dlopen(library_path, RTLD_NOW | RTLD_NOLOAD);
    if (library == NULL) return "the library itself";
    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++) {
        void *function = dlsym(library, entries[i].symbol);
        if (function == NULL) return entries[i].symbol;
        *(void **)((char *)wasm + entries[i].offset) = function; /* as POSIX has it: dlsym answers data pointers */
    }
    return NULL;
}

static void fill(const Wasm *wasm, wasm_valtype_vec_t *types, const char *kinds) {
    wasm_valtype_t *made[32];
    size_t count = 0;
    for (; kinds[count] != '\0' && count < sizeof made / sizeof *made; count++) {
        switch (kinds[count]) {
        case 'i': made[count] = wasm->valtype_new(WASM_I32); break;
        case 'I': made[count] = wasm->valtype_new(WASM_I64); break;
        case 'f': made[count] = wasm->valtype_new(WASM_F32); break;
        default: made[count] = wasm->valtype_new(WASM_F64);
        }
    }
    wasm->valtype_vec_new(types, count, made);
}

wasm_functype_t *wasm_functype(const Wasm *wasm, const char *parameters, const char *results) {
    wasm_valtype_vec_t taken, given;
    fill(wasm, &taken, parameters);
    fill(wasm, &given, results);
    return wasm->functype_new(&taken, &given);
}
