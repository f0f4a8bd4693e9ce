/* hash.h - the one hash that places atoms (rule 13). Documented, the same in hash.py, and never to change.
 *
 * Not for hash tables: a guest could choose keys that collide. For those see bytes_hash in bytes.h.
 */
#ifndef RADON_NATIVE_HASH_H
#define RADON_NATIVE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* FNV-1a of 64 bits, then MurmurHash3's fmix64. */
uint64_t stable_hash(const void *data, size_t size);

/* The domain of an atom, of so many. */
uint32_t domain_of(const void *kind, size_t kind_size, const void *key, size_t key_size, uint32_t domains);

#endif
