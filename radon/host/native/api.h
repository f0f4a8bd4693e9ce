/* What Python calls of the native twin. cffi reads this file as it is, and the C files include it.
 *
 * cffi's parser knows declarations and `#define NAME NUMBER`; lines with any other directive are left out for it. A
 * function whose name begins with `python_` is one that C calls and Python implements (`@ffi.def_extern()`). */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* The release of wasmtime that this was built for, as in "50.0". */
const char *radon_native_release(void);

/* One structure that crosses between wasmtime and this module: its size, or where in it `field` begins. */
typedef struct {
    const char *type;
    const char *field; /* NULL: the whole */
    size_t bytes;
} RadonLayout;

/* All of them; `*count` says how many. */
const RadonLayout *radon_native_layouts(size_t *count);

/* Find wasmtime's functions in the library at `path`, which is loaded already. Answers NULL, or the name of what is
 * missing. Nothing else here may be called before. */
const char *radon_native_load(const char *path);
