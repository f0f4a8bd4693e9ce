/* What all files of the native twin share. */
#pragma once

#include "wasmtime.h"

/* wasmtime's functions, filled in once by `radon_native_load` and never changed. The only variable of this module: all
 * else belongs to a domain. */
extern Wasm wasm;
