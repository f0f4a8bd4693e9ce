/* slabs.h - memories and stacks of guests side by side in two mappings, without guards between them.
 *
 * The kernel counts mappings, and a guard is one: here 100,000 guests need two. The price is that compiled code has to
 * check each access to memory. Owns which piece of a mapping is whose, and that it holds nothing of whose it was before.
 * Of an engine, so these are called by any thread.
 */
#ifndef RADON_SLABS_H
#define RADON_SLABS_H

#include "wasmtime.h"

/* The code must be made for no reservation and no guard: it would not check each access otherwise, and reach other guests. No
 * memory is made for code that is not.
 *
 * Tells `config` to make all memories and stacks of its engine here: `count` of each, of so many bytes of addresses. False:
 * the machine does not give so many. They are never given back: an engine lives as long as its process. */
bool slabs_set(wasm_config_t *config, uint32_t count, size_t memory, size_t stack);

#endif
