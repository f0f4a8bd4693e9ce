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

/* Memories and stacks of the engine that this wasm_config_t is for lie side by side, without guards: `count` of each, of
 * so many bytes of addresses. 0: the machine does not give so many. */
int radon_native_slabs(void *config, uint32_t count, size_t memory, size_t stack);

/* ---- a domain: host/domain.py has the contract; one thread at a time ---- */

typedef struct RadonDomain RadonDomain;

/* What comes out of a domain is its own, and good until the next call; what goes in is read before the call returns. */
typedef struct {
    const uint8_t *data;
    size_t size;
} RadonBytes;

/* `engine` is a wasm_engine_t that outlives the domain. Where a function answers a string, it is NULL or why not. */
RadonDomain *radon_new(void *engine);
void radon_free(RadonDomain *d);
void radon_settings(RadonDomain *d, const uint8_t *chosen, size_t chosen_size); /* a Chosen */
void radon_setup(RadonDomain *d, uint32_t number, uint32_t domains, const uint8_t *seed, const uint8_t *secret); /* 32 bytes each */
const char *radon_load(RadonDomain *d, const uint8_t *records, size_t records_size);
const char *radon_deploy(RadonDomain *d, const uint8_t *digest, size_t digest_size, const uint8_t *rows, size_t rows_size); /* Serve, ... */
void radon_end_kind(RadonDomain *d, const uint8_t *name, size_t name_size);

const char *radon_submit(RadonDomain *d, const uint8_t *records, size_t records_size);
int radon_run(RadonDomain *d, uint64_t max_turns); /* 1: busy */

/* The commit: durable, outgoing, volatile. `radon_taken` says that all was read. */
void radon_take(RadonDomain *d, RadonBytes *parts);
void radon_taken(RadonDomain *d);

RadonBytes radon_snapshot(RadonDomain *d);
int radon_next_due(RadonDomain *d, uint64_t *due); /* 0: nothing is due ever */

RadonBytes radon_deployed(RadonDomain *d);
RadonBytes radon_usage(RadonDomain *d); /* Used, ..., UsedInAll */
RadonBytes radon_dead(RadonDomain *d);  /* Died, ... */
RadonBytes radon_dead_one(RadonDomain *d, const uint8_t *id);
int radon_entries(RadonDomain *d, const uint8_t *kind, size_t kind_size, const uint8_t *key, size_t key_size, RadonBytes *entries); /* 0: no such atom */
